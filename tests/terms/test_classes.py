"""Terms about classes: which loss of what they are."""

from collections.abc import Callable

import pytest
import torch

from gan_ext.losses import class_balance, conditional_entropy
from gan_ext.terms import ClassBalance, ConditionalEntropy, Term


def test_both_look_at_the_unlabeled_datas_logits() -> None:
    logits = torch.randn(20, 3)
    assert ConditionalEntropy()(logits, None) == conditional_entropy(logits)
    expected = class_balance(logits, torch.tensor([0.5, 0.3, 0.2]))
    torch.testing.assert_close(ClassBalance([5, 3, 2])(logits, None), expected)


def test_balanced_guesses_cost_nothing() -> None:
    logits = torch.tensor([0.5, 0.3, 0.2]).log().expand(7, 3)
    torch.testing.assert_close(ClassBalance([0.5, 0.3, 0.2])(logits, None), torch.zeros(()), rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: ConditionalEntropy(-1.0), "ConditionalEntropy needs weight >= 0, got -1.0"),
        (lambda: ClassBalance([0.5, 0.0]), r"a positive share for every class, got prior=\[0\.5, 0\.0\]"),
    ],
)
def test_nonsense_is_refused(make: Callable[[], Term], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        make()


def test_shares_of_other_classes_are_refused() -> None:
    with pytest.raises(ValueError, match="ClassBalance has shares of 2 classes, but there are 3"):
        ClassBalance([0.5, 0.5])(torch.zeros(4, 3), None)

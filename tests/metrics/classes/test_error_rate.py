"""The error rate: by hand, in batches, of networks that return more than logits."""

import pytest
import torch

from gan_ext.metrics import error_rate

X = torch.eye(4)[[0, 1, 2, 3, 0, 1, 2]]
Y = torch.tensor([0, 1, 2, 0, 1, 1, 2])  # two of seven are not where the largest logit is


@pytest.mark.parametrize("batch_size", [1, 3, 100])
def test_it_is_the_share_of_wrong_classes(batch_size: int) -> None:
    assert error_rate(lambda x: x, X, Y, batch_size) == pytest.approx(2 / 7)
    assert error_rate(lambda x: (x, -x), X, Y, batch_size, device="cpu") == pytest.approx(2 / 7)
    assert error_rate(lambda x: -x, X, X.argmax(1), batch_size) == 1


def test_no_gradient_is_kept() -> None:
    layer, seen = torch.nn.Linear(4, 4), []
    layer.register_forward_hook(lambda module, inputs, output: seen.append(output.requires_grad))
    error_rate(layer, X, Y, batch_size=4)
    assert seen == [False, False]


@pytest.mark.parametrize(("x", "y"), [(X, Y[:3]), (X[:0], Y[:0])])
def test_samples_without_classes_are_refused(x: torch.Tensor, y: torch.Tensor) -> None:
    with pytest.raises(ValueError, match="a class for each sample"):
        error_rate(lambda x: x, x, y)

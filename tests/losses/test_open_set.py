"""Weights for unlabeled data of unknown classes, and drawing by them; class weights of the supervised loss."""

import pytest
import torch
from torch.nn.functional import cross_entropy

from gan_ext.losses import familiarity, supervised, systematic_rows


def test_equal_weights_take_every_row_once():
    rows = systematic_rows(torch.full((9,), 0.3), torch.tensor(0.7))
    assert torch.equal(rows, torch.arange(9))


def test_rows_come_as_often_as_their_weights_say():
    weights = torch.tensor([0.1, 0.4, 0.0, 0.2, 0.3])
    starts = torch.arange(0, 1, 0.01) + 0.005
    counts = torch.stack([systematic_rows(weights, start).bincount(minlength=5) for start in starts]).double()
    expected = 5 * weights.double() / weights.double().sum()
    assert torch.allclose(counts.mean(0), expected, atol=0.011)
    assert ((counts - expected).abs() < 1).all()


def test_familiarity_is_one_for_the_sure_and_least_where_passes_contradict():
    sure, torn = torch.tensor([[50.0, 0.0]]), torch.tensor([[0.0, 50.0]])
    assert familiarity(torch.stack([sure, sure]), 4.0).item() == pytest.approx(1)
    assert familiarity(torch.stack([sure, torn]), 4.0).item() == pytest.approx(2**-4)
    assert familiarity(torch.stack([sure, torn]), 0.0).item() == 1


def test_class_weights_of_one_change_nothing_and_balanced_ones_weigh_classes_alike():
    logits, y = torch.randn(8, 2, dtype=torch.float64), torch.tensor([0] * 6 + [1] * 2)
    assert torch.equal(supervised(logits, y), supervised(logits, y, torch.ones(2)))
    balanced = supervised(logits, y, torch.tensor([8 / 12, 8 / 4]))
    each = [cross_entropy(logits[y == k], y[y == k]) for k in (0, 1)]
    assert balanced.item() == pytest.approx(sum(each).item() / 2)

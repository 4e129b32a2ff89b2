"""Losses that compare a classifier with a target: closed values, equivalences, gradients."""

from math import log

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, one_hot

from gan_ext.losses import conditional_entropy, logit_distance, probability_distance, soft_cross_entropy, supervised

SURE = torch.tensor([[1e4, 0.0], [0.0, 1e4]])


def logits(seed: int = 0) -> Tensor:
    return torch.randn(8, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).requires_grad_()


def test_the_distance_of_probabilities_is_its_equation_and_symmetric() -> None:
    a, b = logits(), logits(1)
    expected = (a.softmax(1) - b.softmax(1)).square().sum(1).mean() / 3
    torch.testing.assert_close(probability_distance(a, b), expected)
    torch.testing.assert_close(probability_distance(b, a), expected)
    torch.testing.assert_close(probability_distance(a, a + 7), torch.zeros((), dtype=torch.float64))


def test_opposite_sure_views_are_as_far_as_can_be() -> None:
    assert probability_distance(SURE, SURE.flip(0)) == 1  # 2 / K
    assert probability_distance(SURE, SURE) == 0


def test_both_views_of_a_distance_learn() -> None:
    a, b = logits(), logits(1)
    for loss in (probability_distance, logit_distance):
        first, second = torch.autograd.grad(loss(a, b), (a, b))
        assert first.any()
        assert second.any()
        assert loss(a - 0.1 * first, b - 0.1 * second) < loss(a, b)


def test_the_distance_of_logits_sums_over_classes() -> None:
    a = torch.tensor([[1.0, 2.0], [0.0, 0.0]])
    b = torch.tensor([[4.0, -2.0], [0.0, 0.0]])
    assert logit_distance(a, b) == 25 / 2
    assert logit_distance(a, a + 1) == 2  # unlike probabilities, logits see a common shift


def test_hard_targets_are_the_supervised_loss() -> None:
    a, y = logits(), torch.tensor([0, 1, 2, 0, 1, 2, 2, 2])
    torch.testing.assert_close(soft_cross_entropy(one_hot(y, 3).double(), a), supervised(a, y))
    mixed = 0.3 * one_hot(y, 3) + 0.7 * one_hot(y.flip(0), 3)
    expected = 0.3 * cross_entropy(a, y) + 0.7 * cross_entropy(a, y.flip(0))
    torch.testing.assert_close(soft_cross_entropy(mixed.double(), a), expected)


def test_soft_cross_entropy_is_least_at_the_target_and_is_its_entropy_there() -> None:
    a = logits()
    target = logits(1).softmax(1)
    torch.testing.assert_close(soft_cross_entropy(a.softmax(1), a), conditional_entropy(a))
    (gradient,) = torch.autograd.grad(soft_cross_entropy(a.softmax(1), a), a)
    torch.testing.assert_close(gradient, torch.zeros_like(a), rtol=0, atol=1e-12)
    assert soft_cross_entropy(target, a) > soft_cross_entropy(target, target.log())
    torch.testing.assert_close(soft_cross_entropy(target, torch.zeros(8, 3)), torch.tensor(log(3.0)).double())


def test_the_target_of_a_cross_entropy_does_not_learn() -> None:
    a, b = logits(), logits(1)
    first, _ = torch.autograd.grad(soft_cross_entropy(a.softmax(1), b), (a, b), allow_unused=True)
    assert first is None


def test_extreme_and_coarse_logits_are_finite_in_float32() -> None:
    for loss in (probability_distance, logit_distance, soft_cross_entropy):
        for extreme in (1e4, -1e4):
            a = torch.full((4, 3), extreme, dtype=torch.bfloat16)
            a[:, 0] = 0
            guide = a.float().softmax(1) if loss is soft_cross_entropy else a
            a.requires_grad_()
            value = loss(guide, a)
            (gradient,) = torch.autograd.grad(value, a)
            assert value.dtype == torch.float32
            assert value.isfinite()
            assert gradient.isfinite().all()

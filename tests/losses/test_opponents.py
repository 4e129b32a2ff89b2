"""Pairs of losses: where each discriminator is at rest, and what its generator then follows."""

import math

import pytest
import torch
from torch import Tensor

from gan_ext.losses import (
    AdversarialLoss,
    Hinge,
    LeastSquares,
    LikelihoodRatio,
    Minimax,
    NonSaturating,
    Relativistic,
    Wasserstein,
    best_gradients,
    discriminator_non_saturating,
    generator_likelihood_ratio,
    generator_non_saturating,
)

LOSSES = [NonSaturating(), NonSaturating(0.9), Minimax(), Hinge(), LeastSquares(), Wasserstein(), Relativistic()]


def slope(loss: Tensor, at: Tensor) -> Tensor:
    (gradient,) = torch.autograd.grad(loss, at)
    return gradient


def two_points(loss: AdversarialLoss, logit: Tensor, share: float) -> Tensor:
    """The discriminator's loss at a point where a share of the samples is real, up to a constant."""
    other = torch.zeros((), dtype=logit.dtype)
    return share * loss.discriminator(logit, other) + (1 - share) * loss.discriminator(other, logit)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.7])
@pytest.mark.parametrize(
    ("loss", "optimum"),
    [
        (NonSaturating(), lambda s: math.log(s / (1 - s))),
        (NonSaturating(0.9), lambda s: math.log(0.9 * s / (0.1 * s + 1 - s))),
        (Minimax(0.8), lambda s: math.log(0.8 * s / (0.2 * s + 1 - s))),
        (LeastSquares(), lambda s: s),
        (LeastSquares(real=1, fake=-1, goal=0), lambda s: 2 * s - 1),
    ],
)
def test_the_best_discriminator_is_known(loss: AdversarialLoss, optimum: object, share: float) -> None:
    """Where a share s of the samples is real: log s/(1-s), smoothed log ts/(1-ts), least squares b s + a (1-s)."""
    assert callable(optimum)
    logit = torch.tensor(optimum(share), dtype=torch.float64, requires_grad=True)
    assert slope(two_points(loss, logit, share), logit).item() == pytest.approx(0, abs=1e-12)
    away = (logit.detach() + 0.1).requires_grad_()
    assert slope(two_points(loss, away, share), away).item() > 1e-3


def test_smoothing_puts_real_data_at_the_logit_of_its_target() -> None:
    logit = torch.tensor(math.log(0.9 / 0.1), dtype=torch.float64, requires_grad=True)
    loss = NonSaturating(smoothing=0.9).discriminator(logit[None], torch.zeros(1, dtype=torch.float64))
    assert slope(loss, logit).item() == pytest.approx(0, abs=1e-12)


def test_the_hinge_has_no_gradient_beyond_its_margin() -> None:
    real = torch.tensor([-0.5, 0.99, 1.01, 3.0], requires_grad=True)
    fake = torch.tensor([0.5, -0.99, -1.01, -3.0], requires_grad=True)
    for_real, for_fake = torch.autograd.grad(Hinge().discriminator(real, fake), (real, fake))
    torch.testing.assert_close(for_real, torch.tensor([-0.25, -0.25, 0.0, 0.0]))
    torch.testing.assert_close(for_fake, torch.tensor([0.25, 0.25, 0.0, 0.0]))
    assert Hinge().discriminator(torch.ones(3), -torch.ones(3)) == 0
    torch.testing.assert_close(slope(Hinge().generator(fake), fake), torch.full((4,), -0.25))


@pytest.mark.parametrize("loss", [Minimax(), Wasserstein()])
def test_zero_sum_games_sum_to_zero(loss: AdversarialLoss) -> None:
    """What the generator's loss gains from a logit, the discriminator's loses."""
    real, fake = torch.randn(8), torch.randn(8, requires_grad=True)
    theirs, ours = slope(loss.discriminator(real, fake), fake), slope(loss.generator(fake), fake)
    torch.testing.assert_close(theirs, -ours)


def test_the_minimax_generator_saturates_where_the_other_does_not() -> None:
    sure = torch.tensor([-40.0], requires_grad=True)
    assert slope(Minimax().generator(sure), sure).item() == pytest.approx(0, abs=1e-12)
    assert slope(NonSaturating().generator(sure), sure).item() == pytest.approx(-1)


@pytest.mark.parametrize("loss", [Relativistic(), Wasserstein()])
def test_a_common_shift_of_the_logits_does_not_matter(loss: AdversarialLoss) -> None:
    real, fake = torch.randn(2, 16, dtype=torch.float64)
    torch.testing.assert_close(loss.discriminator(real + 5, fake + 5), loss.discriminator(real, fake))
    if loss.pairs:
        torch.testing.assert_close(loss.generator(fake + 5, real + 5), loss.generator(fake, real))


def test_pairs_are_compared_one_by_one_and_players_mirror_each_other() -> None:
    real, fake = torch.tensor([1.0, -2.0]), torch.tensor([0.5, 3.0])
    expected = (math.log1p(math.exp(-0.5)) + math.log1p(math.exp(5.0))) / 2
    assert Relativistic().discriminator(real, fake).item() == pytest.approx(expected, rel=1e-6)
    torch.testing.assert_close(Relativistic().generator(real, fake), Relativistic().discriminator(real, fake))
    assert Relativistic().discriminator(real, fake) != Relativistic().discriminator(real.flip(0), fake)


def test_only_paired_losses_look_at_real_data_for_the_generator() -> None:
    fake = torch.randn(4)
    assert [loss.pairs for loss in LOSSES] == [False] * 6 + [True]
    for loss in LOSSES[:-1]:
        assert loss.generator(fake, torch.randn(4)) == loss.generator(fake)
    with pytest.raises(ValueError, match=r"give generator\(fake, real\)"):
        Relativistic().generator(fake)


def test_the_first_pair_is_the_two_functions() -> None:
    real, fake = torch.randn(2, 8)
    assert NonSaturating().discriminator(real, fake) == discriminator_non_saturating(real, fake)
    assert NonSaturating().generator(fake) == generator_non_saturating(fake)
    assert NonSaturating() == NonSaturating(1.0)


@pytest.mark.parametrize("loss", LOSSES)
def test_half_precision_is_computed_in_float32_and_extremes_are_finite(loss: AdversarialLoss) -> None:
    logits = torch.full((4,), 1e4, dtype=torch.bfloat16, requires_grad=True)
    for value in (loss.discriminator(logits, logits), loss.generator(logits, -logits)):
        assert value.dtype == torch.float32
        assert value.isfinite()
        assert slope(value, logits).isfinite().all()


@pytest.mark.parametrize("smoothing", [0.0, 1.1, float("nan")])
def test_a_smoothing_is_a_target(smoothing: float) -> None:
    with pytest.raises(ValueError, match="smoothing is the target of real data"):
        Minimax(smoothing)


def test_least_squares_needs_two_targets() -> None:
    with pytest.raises(ValueError, match="needs two targets, got real=fake=1"):
        LeastSquares(real=1, fake=1)


@pytest.mark.parametrize(("share", "count"), [(0.5, 4), (0.51, 5), (0.01, 1), (1.0, 8)])
@pytest.mark.parametrize("loss", [NonSaturating(), LeastSquares(), Hinge()])
def test_the_gradient_of_the_best_is_that_of_the_loss_of_the_best(
    loss: AdversarialLoss, share: float, count: int
) -> None:
    logits = torch.randn(8, dtype=torch.float64, requires_grad=True)
    ours = loss.generator(best_gradients(logits, torch.tensor(share)))
    torch.testing.assert_close(ours, loss.generator(logits))
    best = loss.generator(logits.topk(count).values)
    torch.testing.assert_close(slope(ours, logits), slope(best, logits))


@pytest.mark.parametrize("normalized", [True, False])
@pytest.mark.parametrize("mean", [-0.4, 0.0, 0.7])
def test_at_the_best_discriminator_the_ratio_follows_maximum_likelihood(mean: float, normalized: bool) -> None:
    """p = N(0, 1), p_G = N(m, 1): the best logit is log p / p_G = m^2 / 2 - m x, and KL(p, p_G) = m^2 / 2."""
    quantiles = torch.special.ndtri((torch.arange(200_000, dtype=torch.float64) + 0.5) / 200_000)
    at = torch.tensor(mean, dtype=torch.float64, requires_grad=True)
    logits = mean**2 / 2 - mean * (at + quantiles)  # the discriminator is held
    loss = LikelihoodRatio(normalized=normalized).generator(logits)
    assert slope(loss, at).item() == pytest.approx(mean, abs=2e-4)
    assert loss.item() == pytest.approx(0 if normalized else -1, abs=1e-4)


def test_the_ratios_variance_is_the_chi_square_divergence() -> None:
    """Of the two Gaussians above: exp(m^2) - 1."""
    quantiles = torch.special.ndtri((torch.arange(200_000, dtype=torch.float64) + 0.5) / 200_000)
    ratio = (0.5**2 / 2 - 0.5 * (0.5 + quantiles)).exp()
    assert ratio.var().item() == pytest.approx(math.exp(0.25) - 1, abs=1e-3)


def test_the_normalized_ratio_is_a_softmax_and_does_not_overflow() -> None:
    logits = torch.tensor([200.0, 199.0, -300.0], requires_grad=True)
    loss = generator_likelihood_ratio(logits)
    assert loss.item() == pytest.approx(-float(logits.detach().logsumexp(0)) + math.log(3), abs=1e-4)
    torch.testing.assert_close(slope(loss, logits), -logits.detach().softmax(0))
    assert generator_likelihood_ratio(logits, normalized=False).item() == -math.inf

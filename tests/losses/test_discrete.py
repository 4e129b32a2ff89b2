"""Losses on tokens, and the relativistic pair: closed forms, plain formulas, gradients."""

import math

import pytest
import torch
from torch.autograd import gradcheck
from torch.nn.functional import cross_entropy, linear

from gan_ext.losses import (
    discriminator_non_saturating,
    discriminator_relativistic,
    generator_non_saturating,
    generator_relativistic,
    linear_cross_entropy,
    token_mean,
)
from gan_ext.sequences import IMPOSSIBLE

B, T, H, V = 3, 4, 5, 7


def problem(dtype=torch.float64, never=False):
    states, weight, bias = (torch.randn(*shape, dtype=dtype) for shape in ((B, T, H), (V, H), (V,)))
    mask = torch.tensor([[1, 1, 1, 1], [1, 0, 0, 0], [1, 1, 0, 0]], dtype=torch.bool)
    ruled_out = torch.zeros(V, dtype=dtype)
    ruled_out[[0, 2]] = IMPOSSIBLE
    targets = torch.tensor([[1, 3, 4, 5], [6, 0, 0, 0], [3, 1, 0, 0]])  # where the mask is 0 the impossible pad
    leaves = [each.requires_grad_() for each in (states, weight, bias)]
    return leaves, targets, mask, ruled_out if never else None


def plain(leaves, targets, mask, never):
    """Return the loss by its formula."""
    logits = linear(*leaves)
    logits = logits if never is None else logits + never
    losses = cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none").view(B, T)
    return losses[mask].mean()


def test_token_mean_by_hand() -> None:
    values = torch.tensor([[1.0, 2.0, 100.0], [3.0, 100.0, 100.0]])
    mask = torch.tensor([[1, 1, 0], [1, 0, 0]])
    assert token_mean(values, mask) == token_mean(values, mask.bool()) == 2.0
    assert token_mean(values, torch.zeros_like(mask)) == 0.0  # no token, no loss, and no division by zero


@pytest.mark.parametrize("never", [False, True])
@pytest.mark.parametrize("numbers", [1, V, 2 * V, 5 * V + 3, 400_000])
def test_cross_entropy_in_pieces_is_the_plain_formula(monkeypatch, numbers: int, never: bool) -> None:
    """Also where pieces end within a sequence, and where one row alone is more than a piece."""
    monkeypatch.setattr("gan_ext.losses.discrete._NUMBERS", numbers)
    leaves, targets, mask, ruled_out = problem(never=never)
    loss = linear_cross_entropy(*leaves, targets, mask, ruled_out)
    wanted = plain(leaves, targets, mask, ruled_out)
    torch.testing.assert_close(loss, wanted)
    # 3 times, so that a factor from further on is passed through.
    torch.testing.assert_close(torch.autograd.grad(3 * loss, leaves), torch.autograd.grad(3 * wanted, leaves))


def test_cross_entropy_has_the_right_gradient() -> None:
    leaves, targets, mask, never = problem(never=True)
    assert gradcheck(lambda *each: linear_cross_entropy(*each, targets, mask, never), leaves)


def test_cross_entropy_in_single_and_half_precision() -> None:
    leaves, targets, mask, never = problem(torch.float32, never=True)
    torch.testing.assert_close(linear_cross_entropy(*leaves, targets, mask, never), plain(leaves, targets, mask, never))
    with torch.autocast("cpu", torch.bfloat16):
        rough = linear_cross_entropy(*leaves, targets, mask, never)
    assert rough.dtype == torch.float32
    torch.testing.assert_close(rough, plain(leaves, targets, mask, never), rtol=0.02, atol=0.02)


def test_cross_entropy_without_gradients_or_tokens() -> None:
    leaves, targets, mask, _ = problem()
    with torch.no_grad():
        assert not linear_cross_entropy(*leaves, targets, mask).requires_grad
    nothing = linear_cross_entropy(*leaves, targets, torch.zeros_like(mask))
    assert nothing == 0
    assert all((part == 0).all() for part in torch.autograd.grad(nothing, leaves))


def test_a_uniform_prediction_costs_the_logarithm_of_the_vocabulary() -> None:
    zeros = torch.zeros(B, T, H), torch.zeros(V, H), torch.zeros(V)
    tokens, mask = torch.randint(V, (B, T)), torch.ones(B, T, dtype=torch.bool)
    assert linear_cross_entropy(*zeros, tokens, mask).item() == pytest.approx(math.log(V))
    never = torch.zeros(V)
    never[:2] = IMPOSSIBLE
    assert linear_cross_entropy(*zeros, tokens.clamp_min(2), mask, never).item() == pytest.approx(math.log(V - 2))


def test_large_logits_do_not_overflow() -> None:
    leaves, targets, mask, _ = problem(torch.float32)
    large = [leaves[0] * 1e4, leaves[1], leaves[2]]
    assert linear_cross_entropy(*large, targets, mask).isfinite()
    torch.testing.assert_close(linear_cross_entropy(*large, targets, mask), plain(large, targets, mask, None))


def test_relativistic_losses_are_their_equations() -> None:
    real, fake = torch.randn(2, 5, 3)
    torch.testing.assert_close(discriminator_relativistic(real, fake), -torch.sigmoid(real - fake).log().mean())
    torch.testing.assert_close(generator_relativistic(real, fake), -torch.sigmoid(fake - real).log().mean())
    assert torch.equal(generator_relativistic(real, fake), discriminator_relativistic(fake, real))
    torch.testing.assert_close(discriminator_relativistic(real, real), torch.tensor(math.log(2)))
    # Only the difference counts, and with fakes at 0 each is half of the standard game's.
    torch.testing.assert_close(discriminator_relativistic(real + 7, fake + 7), discriminator_relativistic(real, fake))
    zero = torch.zeros_like(real)
    torch.testing.assert_close(
        discriminator_relativistic(real, zero) + math.log(2), discriminator_non_saturating(real, zero)
    )
    torch.testing.assert_close(generator_relativistic(zero, fake), generator_non_saturating(fake))


def test_relativistic_losses_are_computed_in_single_precision_and_do_not_overflow() -> None:
    far = torch.tensor([3e4], dtype=torch.bfloat16)
    assert discriminator_relativistic(-far, far).item() == pytest.approx(2 * float(far))
    assert discriminator_relativistic(far, -far) == 0
    assert generator_relativistic(far, -far).dtype == torch.float32

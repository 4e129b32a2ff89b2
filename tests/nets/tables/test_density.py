"""The explicit density: it is one, it looks back only, and it learns."""

from itertools import product
from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from gan_ext import Compute, Engine
from gan_ext.data import ArrayStream
from gan_ext.engine import adam
from gan_ext.games import MaximumLikelihood
from gan_ext.nets import MADE, log_density_quantile
from gan_ext.terms import LowDensity
from gan_ext.testing import check_game


class Real(NamedTuple):
    x: Tensor


def wild(shape: tuple[int, ...], widths: tuple[int, ...] = (20, 15), levels: int = 2) -> MADE:
    """Return a model with weights large enough to prefer some samples much."""
    model = MADE(shape, widths, levels).double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn_like(parameter))
    return model


def every(shape: tuple[int, ...], levels: int = 2) -> Tensor:
    rows = list(product(range(levels), repeat=torch.Size(shape).numel()))
    return torch.tensor(rows, dtype=torch.float64).view(-1, *shape) / (levels - 1)


CASES = [((1, 3, 3), (20, 15), 2), ((1, 2, 2), (3,), 2), ((4,), (7, 2, 9), 3), ((1, 2, 2), (8,), 4), ((2,), (1,), 5)]


@pytest.mark.parametrize(("shape", "widths", "levels"), CASES)
def test_probabilities_of_all_samples_sum_to_one(shape: tuple[int, ...], widths: tuple[int, ...], levels: int) -> None:
    p = wild(shape, widths, levels)(every(shape, levels)).double().exp()
    torch.testing.assert_close(p.sum(), torch.tensor(1.0).double(), rtol=1e-5, atol=0)
    assert p.max() > 2 * p.mean()


@pytest.mark.parametrize(("shape", "widths", "levels"), CASES)
def test_an_output_sees_all_numbers_before_it_and_no_other(
    shape: tuple[int, ...], widths: tuple[int, ...], levels: int
) -> None:
    model, size = wild(shape, widths, levels), torch.Size(shape).numel()
    jacobian = torch.zeros(size, size)
    for _ in range(20):
        x = torch.rand(1, *shape, dtype=torch.float64)
        slopes = torch.autograd.functional.jacobian(lambda x: model.logits(x)[0], x)
        jacobian += slopes.view(size, levels, size).abs().sum(1)
    assert torch.equal(jacobian != 0, torch.ones(size, size).tril(-1).bool())


def test_hidden_layers_see_what_they_may_without_the_direct_weights() -> None:
    model = wild((1, 3, 3), (40, 40))
    with torch.no_grad():
        model.direct.weight.zero_()
    jacobian = torch.zeros(9, 9)
    for _ in range(20):
        x = torch.rand(1, 1, 3, 3, dtype=torch.float64)
        jacobian += torch.autograd.functional.jacobian(lambda x: model.logits(x)[0, :, 1], x).view(9, 9).abs()
    assert torch.equal(jacobian != 0, torch.ones(9, 9).tril(-1).bool())


@pytest.mark.parametrize("levels", [2, 4])
def test_between_levels_each_number_is_interpolated(levels: int) -> None:
    """Along the last number, on which no other depends, log p is a straight line from level to level."""
    model, x = wild((3,), levels=levels), torch.rand(6, 3, dtype=torch.float64)

    def at(last: float) -> Tensor:
        return model(torch.cat([x[:, :2], torch.full((6, 1), last, dtype=torch.float64)], dim=1))

    step = 1 / (levels - 1)
    for level in range(levels - 1):
        for way in (0.25, 0.5, 0.9):
            expected = (1 - way) * at(level * step) + way * at((level + 1) * step)
            torch.testing.assert_close(at((level + way) * step), expected, rtol=1e-4, atol=1e-4)


def test_two_levels_are_the_cross_entropy_of_gray_values() -> None:
    model, x = wild((5,)), torch.rand(6, 5, dtype=torch.float64)
    p = model.logits(x)[..., 1].sigmoid()
    expected = (x * p.log() + (1 - x) * (1 - p).log()).sum(1)
    torch.testing.assert_close(model(x).double(), expected, rtol=1e-4, atol=1e-4)


def test_a_new_model_with_no_hidden_signal_is_uniform() -> None:
    model = MADE((2, 2), (5,), 3)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    torch.testing.assert_close(model(every((2, 2), 3).float()), torch.full((81,), 4.0) * -torch.tensor(3.0).log())


def test_samples_come_as_often_as_they_are_probable() -> None:
    model = wild((1, 2, 2), levels=3)
    torch.default_generator.manual_seed(0)
    drawn = model.float().sample(40_000)
    assert drawn.shape == (40_000, 1, 2, 2)
    places = (drawn.flatten(1) * 2).round().long() @ torch.tensor([27, 9, 3, 1])
    shares = torch.bincount(places, minlength=81) / 40_000
    torch.testing.assert_close(shares, model(every((1, 2, 2), 3).float()).exp(), rtol=0, atol=0.012)


def test_the_density_is_differentiable_in_the_sample() -> None:
    model, x = wild((1, 3, 3)), torch.rand(4, 1, 3, 3, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(model(x).sum(), x)
    assert (gradient != 0).all()
    up = x + 1e-3 * gradient / gradient.norm()
    assert model(up).sum() > model(x).sum()


def likelihood() -> MaximumLikelihood:
    model = MADE((1, 2, 3), (16,))
    return MaximumLikelihood(model, lambda batch: model(batch.x))


def test_maximum_likelihood_of_it_is_a_sound_game() -> None:
    check_game(likelihood, Real(torch.rand(8, 1, 2, 3)))


def test_it_learns_a_dependence_exactly() -> None:
    """The second row repeats the first of fair coins: three nats' worth of coins, none for the rest."""
    torch.default_generator.manual_seed(0)
    top = torch.randint(2, (512, 1, 1, 3)).float()
    game = likelihood()
    x = torch.cat([top, top], dim=2)
    Engine(game, {"model": adam(0.03)}, compute=Compute("cpu")).fit(ArrayStream(Real(x), 64), 300)
    cost = -game.model(x).mean()
    torch.testing.assert_close(cost.detach(), 3 * torch.tensor(2.0).log(), rtol=0, atol=0.1)
    broken = torch.cat([top, 1 - top], dim=2)
    assert game.model(broken).mean() < -8


def test_the_quantile_parts_training_data_at_its_share() -> None:
    model, x = wild((6,)).float(), torch.rand(1000, 6)
    for share in (0.1, 0.5):
        threshold = log_density_quantile(model, x, share, batch_size=300)
        assert threshold.dim() == 0
        assert not threshold.requires_grad
        torch.testing.assert_close((model(x) < threshold).float().mean(), torch.tensor(share), rtol=0, atol=2e-3)
    assert LowDensity(model, log_density_quantile(model, x)).threshold == log_density_quantile(model, x, 0.1)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"shape": (1,)}, r"got shape=\(1,\), levels=2"),
        ({"shape": (4,), "levels": 1}, "got .*levels=1 and"),
        ({"shape": (4,), "widths": ()}, r"and widths=\(\)"),
        ({"shape": (4,), "widths": (5, 0)}, r"and widths=\(5, 0\)"),
    ],
)
def test_sizes_too_small_are_refused(options: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        MADE(**options)  # type: ignore[arg-type]


def test_samples_of_another_shape_and_shares_beyond_one_are_refused() -> None:
    with pytest.raises(ValueError, match=r"built for samples of shape \(1, 2, 2\), got \(4,\)"):
        MADE((1, 2, 2))(torch.rand(3, 4))
    with pytest.raises(ValueError, match=r"share in \[0, 1\], got 5 and share=1\.5"):
        log_density_quantile(MADE((2,)), torch.rand(5, 2), 1.5)

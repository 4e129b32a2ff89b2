"""Mixtures in the plane: means, deviations, equal arcs, and streams that repeat."""

import math

import pytest
import torch

from gan_ext.metrics import mode_scores
from gan_ext.toys import GaussianGrid, GaussianRing, PlanarMixture, Spiral

MIXTURES = {"ring": GaussianRing(), "grid": GaussianGrid(), "spiral": Spiral(), "line": GaussianGrid(1, 1.0, 0.3)}


@pytest.mark.parametrize("name", MIXTURES)
def test_the_same_seed_gives_the_same_points(name: str) -> None:
    mixture = MIXTURES[name]
    points = mixture.sample(50, random_state=3)
    assert points.shape == (50, 2)
    assert points.dtype == torch.float32
    torch.randn(7)  # the global state does not matter
    assert torch.equal(points, mixture.sample(50, random_state=3))
    assert not torch.equal(points, mixture.sample(50, random_state=4))
    first, again = mixture.stream(8, n=20, random_state=1), mixture.stream(8, n=20, random_state=1)
    assert torch.equal(first[5].x, again[5].x)
    rows = torch.cat([first[draw].x for draw in range(5)])  # two rounds of 20 points
    assert torch.equal(rows[:20].sort(0).values, rows[20:].sort(0).values)


def test_the_published_means() -> None:
    ring, grid = MIXTURES["ring"].modes, MIXTURES["grid"].modes
    assert ring.shape == (8, 2)
    torch.testing.assert_close(ring.norm(dim=1), torch.ones(8))
    torch.testing.assert_close(ring[0], torch.tensor([1.0, 0.0]))
    torch.testing.assert_close(ring[1], torch.full((2,), math.sqrt(0.5)))
    pairs = {tuple(mean) for mean in grid.tolist()}
    assert pairs == {(float(x), float(y)) for x in range(-4, 5, 2) for y in range(-4, 5, 2)}


@pytest.mark.parametrize("name", ["ring", "grid", "line"])
def test_noise_has_its_deviation_and_modes_are_equally_likely(name: str) -> None:
    mixture, n = MIXTURES[name], 50_000
    points = mixture.sample(n)
    distances = torch.cdist(points, mixture.modes)
    nearest = distances.argmin(1)
    noise = points - mixture.modes[nearest]
    assert noise.std().item() == pytest.approx(mixture.std, rel=0.02)
    scores = mode_scores(mixture.modes, mixture.std, points)
    assert scores.modes == len(mixture.modes)
    assert scores.high_quality == pytest.approx(1 - math.exp(-4.5), abs=0.003)
    assert scores.reverse_kl < 3 * scores.floor + 1e-9


def test_the_spiral_has_its_length_and_is_even_along_it() -> None:
    spiral = Spiral(turns=2.0, radius=1.5, std=0.01)
    places = spiral.at(torch.linspace(0, 1, 20_001))
    steps = (places[1:] - places[:-1]).norm(dim=1)
    assert steps.sum().item() == pytest.approx(spiral.length, rel=1e-5)
    torch.testing.assert_close(steps, torch.full_like(steps, spiral.length / 20_000), rtol=2e-3, atol=0)
    torch.testing.assert_close(places[-1], torch.tensor([1.5, 0.0]).double(), atol=1e-6, rtol=0)
    torch.testing.assert_close(places[0], torch.zeros(2).double())


def test_a_straight_spiral_has_its_closed_form() -> None:
    """With few turns the length is that of a radius."""
    assert Spiral(turns=1e-3, radius=2.0).length == pytest.approx(2.0, rel=1e-4)


def test_real_samples_score_as_the_docstring_says() -> None:
    spiral = Spiral()
    scores = mode_scores(spiral.modes, spiral.std, spiral.sample(50_000))
    assert scores.modes == 100
    assert scores.high_quality == pytest.approx(0.9965, abs=0.001)
    assert scores.reverse_kl < 0.01


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: GaussianRing(0), "modes >= 1 and radius > 0, got modes=0"),
        (lambda: GaussianRing(radius=0.0), "radius=0.0"),
        (lambda: GaussianRing(std=0.0), "std=0.0 must be positive"),
        (lambda: GaussianGrid(0), "side=0"),
        (lambda: GaussianGrid(spacing=-1.0), "spacing=-1.0"),
        (lambda: Spiral(turns=0.0), "turns=0.0"),
        (lambda: Spiral(modes=0), "modes=0"),
        (lambda: GaussianRing().sample(0), "n=0 must be at least 1"),
    ],
)
def test_errors_are_sentences(make: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_mixtures_share_one_interface() -> None:
    assert all(isinstance(mixture, PlanarMixture) for mixture in MIXTURES.values())


@pytest.mark.parametrize("mixture", [GaussianRing(5, 1.0, 0.2), GaussianGrid(3, 1.0, 0.15)])
def test_the_density_is_that_of_the_samples(mixture):
    """It integrates to one, and the mean logarithm over samples is that over the plane."""
    line = torch.linspace(-3, 3, 601)
    log_density = mixture.log_prob(torch.cartesian_prod(line, line))
    mass = log_density.exp() * (6 / 600) ** 2
    assert float(mass.sum()) == pytest.approx(1, abs=1e-6)
    assert float(mixture.log_prob(mixture.sample(50_000)).mean()) == pytest.approx(float(mass @ log_density), abs=0.02)

"""Views through which gradients pass: what they change, by how much, and how often."""

import pytest
import torch
from torch import Tensor, nn

from gan_ext import Compute, Engine
from gan_ext.data import AdaptiveAugment, DiffAugment, InstanceNoise, RandomFlip
from gan_ext.engine import adam
from gan_ext.games import Adversarial, RealBatch
from gan_ext.latents import Gaussian
from gan_ext.testing import ConstantStream

VIEWS = [InstanceNoise(0.5), DiffAugment(), AdaptiveAugment(DiffAugment(), probability=0.5)]


def at(seed: int, view: nn.Module, x: Tensor) -> Tensor:
    torch.default_generator.manual_seed(seed)
    viewed: Tensor = view(x)
    return viewed


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: type(view).__name__)
def test_a_draw_can_be_shared(view: nn.Module) -> None:
    x = torch.rand(6, 3, 8, 8)
    torch.default_generator.manual_seed(1)
    draw = view.draw(x)
    torch.testing.assert_close(view(x, draw), at(1, view, x))
    torch.testing.assert_close(view(x, draw), view(x, draw))
    assert not torch.equal(view(x), view(x))


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: type(view).__name__)
def test_gradients_pass_and_are_exact(view: nn.Module) -> None:
    x = torch.rand(2, 2, 4, 4, dtype=torch.float64, requires_grad=True)
    draw = view.draw(x)
    assert torch.autograd.gradcheck(lambda x: view(x, draw), x)


def test_instance_noise_has_its_deviation() -> None:
    view = InstanceNoise(0.5)
    assert (view(torch.zeros(10_000)) / 0.5).std().item() == pytest.approx(1, abs=0.03)
    view.std.fill_(0.0)
    x = torch.randn(4, 3)
    assert torch.equal(view(x), x)
    assert view(x.bfloat16()).dtype == torch.bfloat16


def test_diff_augment_of_nothing_is_nothing() -> None:
    x = torch.rand(4, 3, 8, 8)
    assert torch.equal(DiffAugment(0, 0, 0)(x), x)


def test_brightness_moves_an_image_and_keeps_what_is_in_it() -> None:
    x, view = torch.rand(200, 1, 4, 4), DiffAugment(1.0, 0, 0)
    brightness, saturation, contrast, *rest = view.draw(x)
    zero = torch.zeros_like(brightness)
    torch.testing.assert_close(view(x, (brightness, saturation, zero, *rest)), x + brightness)
    mean = x.mean((1, 2, 3), keepdim=True)
    torch.testing.assert_close(view(x, (zero, saturation, contrast, *rest)), mean + (1 + contrast) * (x - mean))
    assert -0.5 <= brightness.min() < -0.45
    assert 0.45 < brightness.max() <= 0.5


def test_saturation_moves_colors_away_from_their_gray() -> None:
    x, view = torch.rand(200, 3, 4, 4), DiffAugment(1.0, 0, 0)
    brightness, saturation, contrast, *rest = view.draw(x)
    made = view(x, (0 * brightness, saturation, 0 * contrast, *rest))
    gray = x.mean(1, keepdim=True)
    torch.testing.assert_close(made, gray + (1 + saturation) * (x - gray))
    assert -1 <= saturation.min() < -0.9
    assert 0.9 < saturation.max() <= 1


def test_translation_is_by_whole_pixels_up_to_its_share() -> None:
    x, view = torch.rand(300, 1, 16, 8), DiffAugment(0, 0.125, 0)
    _, _, _, down, right, *_ = draw = view.draw(x)
    assert (down.min(), down.max(), right.min(), right.max()) == (-2, 2, -1, 1)
    made = view(x, draw)
    for number in range(20):
        rolled = x[number].roll((int(down[number]), int(right[number])), (1, 2))
        inside = made[number] != 0
        torch.testing.assert_close(made[number][inside], rolled[inside])
        assert inside.sum() == (16 - abs(int(down[number]))) * (8 - abs(int(right[number])))


def test_cutout_blanks_a_rectangle_of_its_share() -> None:
    x = torch.ones(500, 2, 8, 12)
    blank = (DiffAugment(0, 0, 0.5)(x) == 0).float()
    assert torch.equal(blank[:, 0], blank[:, 1])
    counts = blank[:, 0].sum((1, 2))
    assert counts.max() == 4 * 6  # none is larger; those at the border are cut
    assert counts.min() >= 2 * 3


def shift_by_one(x: Tensor) -> Tensor:
    return x + 1


class Shift(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return shift_by_one(x)


@pytest.mark.parametrize("probability", [0.0, 0.3, 1.0])
def test_every_transformation_is_applied_with_the_probability_on_its_own(probability: float) -> None:
    view = AdaptiveAugment([Shift(), Shift()], probability=probability)
    counts = view(torch.zeros(20_000, 1))
    p = probability
    for times, share in enumerate([(1 - p) ** 2, 2 * p * (1 - p), p**2]):
        assert (counts == times).float().mean().item() == pytest.approx(share, abs=0.02)


@pytest.mark.parametrize(
    ("positive", "moved"),
    [(100, 1), (81, 1), (79, -1), (50, -1), (0, -1)],  # r = 2 positive / 100 - 1 against 0.6
)
def test_the_probability_rises_when_the_discriminator_is_too_sure(positive: int, moved: int) -> None:
    view = AdaptiveAugment(Shift(), target=0.6, images=1000, probability=0.5)
    view.observe(torch.where(torch.arange(100) < positive, 3.0, -0.1))
    assert view.probability.item() == pytest.approx(0.5 + moved * 100 / 1000)


def test_the_probability_takes_its_number_of_images_and_stays_one() -> None:
    view = AdaptiveAugment(Shift(), images=1000)
    for _ in range(9):
        view.observe(torch.ones(100))
    assert view.probability.item() == pytest.approx(0.9)
    for _ in range(5):
        view.observe(torch.ones(100))
    assert view.probability == 1
    for _ in range(20):
        view.observe(-torch.ones(100))
    assert view.probability == 0


def test_an_overconfident_discriminator_raises_the_probability_in_a_game() -> None:
    """Data far from what a generator can make: the discriminator learns to tell them apart, and p follows."""
    discriminator = nn.Sequential(nn.Flatten(), nn.Linear(16, 1), nn.Flatten(0))
    generator = nn.Sequential(nn.Linear(2, 16), nn.Sigmoid(), nn.Unflatten(1, (1, 4, 4)))
    view = AdaptiveAugment(RandomFlip(), images=400)
    game = Adversarial(generator, discriminator, Gaussian(2), view=view)
    players = {"discriminator": adam(3e-2), "generator": adam(1e-6)}
    stream = ConstantStream(RealBatch(torch.rand(8, 1, 4, 4) + 3))
    Engine(game, players, compute=Compute("cpu")).fit(stream, steps=60)
    assert view.probability > 0.5


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValueError, match=r"InstanceNoise needs std >= 0, got -0\.1"):
        InstanceNoise(-0.1)
    with pytest.raises(ValueError, match=r"shares in \[0, 1\), got color=1.0, translation=0.1, cutout=1"):
        DiffAugment(1.0, 0.1, 1.0)
    with pytest.raises(ValueError, match=r"DiffAugment transforms images \[B, channels, height, width\]"):
        DiffAugment()(torch.zeros(4, 3))
    with pytest.raises(ValueError, match="needs at least one transformation"):
        AdaptiveAugment([])
    with pytest.raises(ValueError, match=r"got target=2, images=10, probability=0"):
        AdaptiveAugment(Shift(), target=2, images=10)

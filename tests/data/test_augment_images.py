"""Random shifts, mirrors, cuts, bends and colors: what they leave, how often, and each image's own draw."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from gan_ext.data import (
    AutoContrast,
    Cutout,
    RandomAffine,
    RandomChoice,
    RandomColor,
    RandomElastic,
    RandomFlip,
    RandomPosterize,
    RandomSharpness,
    RandomShift,
    RandomSolarize,
    strong_augmentation,
    weak_and_strong,
)

MOVES: list[nn.Module] = [
    RandomAffine(),
    RandomShift(2),
    RandomShift(2, "zero"),
    RandomFlip(),
    Cutout(3),
    RandomElastic(),
]
COLORS: list[Callable[[tuple[float, float]], nn.Module]] = [
    lambda pixels: RandomColor(0.8, pixels=pixels),
    lambda pixels: RandomColor(contrast=0.8, pixels=pixels),
    lambda pixels: RandomColor(saturation=0.8, pixels=pixels),
    lambda pixels: RandomColor(0.4, 0.5, 0.6, pixels),
    lambda pixels: RandomSharpness(0.9, pixels),
    lambda pixels: RandomPosterize((1, 4), pixels),
    RandomSolarize,
]
ALL = [*MOVES, *(make((0.0, 1.0)) for make in COLORS), AutoContrast(), strong_augmentation((0.0, 1.0), cutout=4)]


def seeded(module: nn.Module, x: Tensor, seed: int = 5) -> Tensor:
    torch.default_generator.manual_seed(seed)
    return module(x)


def photographs(n: int = 40, channels: int = 3) -> Tensor:
    """Return random images of bytes, in [0, 1]."""
    return torch.randint(20, 236, (n, channels, 9, 8)) / 255


# --- all of them ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("module", ALL, ids=repr)
def test_images_keep_shape_and_precision_and_have_draws_of_their_own(module: nn.Module) -> None:
    alike = torch.rand(1, 3, 16, 12).expand(30, -1, -1, -1)
    for dtype in (torch.float32, torch.float64):
        made = seeded(module, alike.to(dtype))
        assert (made.shape, made.dtype) == (alike.shape, dtype)
        assert torch.equal(made, seeded(module, alike.to(dtype)))
    kinds = {image.numpy().tobytes() for image in made}
    assert len(kinds) == 1 if isinstance(module, AutoContrast) else len(kinds) > 1


@pytest.mark.parametrize("module", ALL, ids=repr)
def test_values_stay_in_their_range(module: nn.Module) -> None:
    made = module(torch.rand(50, 3, 16, 12))
    assert made.min() >= 0
    assert made.max() <= 1 + 1e-6


@pytest.mark.parametrize("module", ALL, ids=repr)
def test_nothing_waits_for_the_device_or_leaves_it(module: nn.Module) -> None:
    """The meta device has shapes and no numbers: asking for a number, or mixing devices, is an error there."""
    assert module(torch.empty(4, 3, 16, 12, device="meta")).shape == (4, 3, 16, 12)


def test_settings_are_shown() -> None:
    for module, settings in [
        (RandomAffine(0.1, 0.2, 0.3, 4.0), "rotation=0.1, stretch=0.2, shear=0.3, shift=4.0"),
        (RandomShift(3, "zero"), "pixels=3, padding='zero'"),
        (RandomFlip(0.3), "probability=0.3"),
        (Cutout(5, 0.5), "size=5, fill=0.5"),
        (RandomElastic(1.5, 6), "amount=1.5, grid=6"),
        (RandomColor(0.1, 0.2, 0.3, (-1, 1)), "brightness=0.1, contrast=0.2, saturation=0.3, pixels=(-1, 1)"),
        (RandomSharpness(0.7), "amount=0.7, pixels=(0.0, 1.0)"),
        (RandomPosterize((2, 3)), "bits=(2, 3), pixels=(0.0, 1.0)"),
        (RandomSolarize((-1, 1)), "pixels=(-1, 1)"),
        (AutoContrast((-1, 1)), "pixels=(-1, 1)"),
        (RandomChoice([nn.Identity()], 3), "count=3"),
    ]:
        assert settings in repr(module)
    assert repr(strong_augmentation()) != repr(strong_augmentation(strength=0.5))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: RandomShift(-1), "pixels >= 0, got -1"),
        (lambda: RandomShift(1, "wrap"), "padding must be 'reflect' or 'zero', got 'wrap'"),
        (lambda: RandomShift(4)(torch.rand(1, 1, 4, 9)), r"\(4, 9\) cannot be mirrored for shifts of 4"),
        (lambda: RandomFlip(1.1), "between 0 and 1, got 1.1"),
        (lambda: Cutout(-1), "size >= 0, got -1"),
        (lambda: RandomElastic(-1.0), "got -1.0 and 4"),
        (lambda: RandomElastic(1.0, 1), "grid of at least 2, got 1.0 and 1"),
        (lambda: RandomColor(-0.1), r"amounts >= 0, got brightness=-0.1"),
        (lambda: RandomColor(pixels=(1.0, 1.0)), r"low < high, .* got \(1.0, 1.0\)"),
        (lambda: RandomPosterize((0, 4)), r"fewest, most\) with 1 <= fewest <= most, got \(0, 4\)"),
        (lambda: RandomPosterize((5, 4)), r"got \(5, 4\)"),
        (lambda: RandomChoice([], 2), "needs operations and count >= 0, got 0 and 2"),
        (lambda: RandomChoice([nn.Identity()], -1), "got 1 and -1"),
        (lambda: strong_augmentation(strength=-1.0), "strength >= 0, got -1.0"),
        (lambda: RandomAffine()(torch.rand(3, 64)), r"RandomAffine transforms images .* got shape \(3, 64\)"),
        (lambda: Cutout(2)(torch.rand(3, 64)), "Cutout transforms images"),
    ],
)
def test_nonsense_is_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


# --- where pixels lie -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("padding", ["reflect", "zero"])
def test_shifts_are_windows_of_the_padded_image_all_equally_often(padding: str) -> None:
    n, pixels = 5000, 2
    x = torch.rand(2, 5, 6)
    mode = {"mode": "reflect"} if padding == "reflect" else {}
    padded = nn.functional.pad(x, (pixels,) * 4, **mode)
    windows = padded.unfold(1, 5, 1).unfold(2, 6, 1).permute(1, 2, 0, 3, 4).flatten(0, 1)  # [25, c, h, w]
    made = RandomShift(pixels, padding)(x.expand(n, -1, -1, -1))
    which = (made[:, None] == windows).flatten(2).all(2)
    assert torch.equal(which.sum(1), torch.ones(n, dtype=torch.int64))
    share = which.double().mean(0)
    assert (share - 1 / 25).abs().max() < 5 * math.sqrt(1 / 25 / n)


@pytest.mark.parametrize("padding", ["reflect", "zero"])
def test_no_shift_is_the_identity(padding: str) -> None:
    x = torch.rand(3, 2, 4, 5)
    assert torch.equal(RandomShift(0, padding)(x), x)


def test_flips_mirror_the_columns() -> None:
    x = torch.rand(2000, 1, 3, 4)
    assert torch.equal(RandomFlip(1.0)(x), x.flip(-1))
    assert torch.equal(RandomFlip(0.0)(x), x)
    mirrored = (RandomFlip(0.3)(x) == x.flip(-1)).flatten(1).all(1)
    assert mirrored.double().mean().item() == pytest.approx(0.3, abs=0.05)


@pytest.mark.parametrize("size", [0, 1, 3, 4, 20])
def test_cuts_have_the_probability_of_their_centers(size: int) -> None:
    n, height, width = 4000, 7, 6
    cut = (Cutout(size, fill=-1.0)(torch.rand(n, 2, height, width)) == -1).double()
    assert torch.equal(cut[:, 0], cut[:, 1])

    def covered(side: int) -> Tensor:
        centers, place = torch.arange(side)[:, None], torch.arange(side)
        return ((place - centers + size // 2 >= 0) & (place - centers + size // 2 < size)).double().mean(0)

    expected = covered(height)[:, None] * covered(width)
    torch.testing.assert_close(cut[:, 0].mean(0), expected, rtol=0, atol=0.04)
    rows, columns = cut[:, 0].amax(2).sum(1), cut[:, 0].amax(1).sum(1)
    assert torch.equal(cut[:, 0].sum((1, 2)), rows * columns)  # a rectangle
    assert rows.max() == min(size, height)


def test_no_bend_is_the_identity() -> None:
    x = torch.rand(3, 2, 8, 12)
    torch.testing.assert_close(RandomElastic(0.0)(x), x, rtol=0, atol=1e-5)


def test_bends_move_nodes_uniformly_and_are_smooth() -> None:
    """On a ramp the new value is the old place plus the displacement; the middle of 3 x 3 nodes is a pixel."""
    side, amount, n = 41, 3.0, 2000
    place = torch.arange(side).float()
    ramps = torch.stack([place.expand(side, side), place[:, None].expand(side, side)]).expand(n, -1, -1, -1)
    field = (RandomElastic(amount, grid=3)(ramps) - ramps)[:, :, 8:-8, 8:-8]  # from outside comes 0
    middle = field[:, :, 12, 12]
    assert middle.abs().max() <= amount + 1e-3
    torch.testing.assert_close(middle.mean(0), torch.zeros(2), rtol=0, atol=0.2)
    torch.testing.assert_close(middle.var(0), torch.full((2,), amount**2 / 3), rtol=0.1, atol=0)
    assert abs(torch.corrcoef(middle.T)[0, 1]) < 0.1
    # Between nodes 20 pixels apart, cubic pieces change by at most 2 amount times a slope below 2 / 20 per pixel.
    assert field.diff(dim=-1).abs().max() < 2 * amount * 2 / 20
    assert field.diff(dim=-2).abs().max() < 2 * amount * 2 / 20
    assert field.std(dim=(2, 3)).mean() > 0.3


# --- what color they have --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [*COLORS, AutoContrast])
def test_the_range_of_pixels_is_a_choice_of_units(make: Callable[[tuple[float, float]], nn.Module]) -> None:
    x = photographs()
    usual = seeded(make((0.0, 1.0)), x)
    other = seeded(make((-1.0, 1.0)), 2 * x - 1)
    torch.testing.assert_close(other, 2 * usual - 1, rtol=0, atol=1e-4)
    assert not torch.allclose(usual, x)


def gray(x: Tensor) -> Tensor:
    return (x * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(1)


def test_brightness_is_a_factor() -> None:
    x = photographs(3000) * 0.5
    ratio = (RandomColor(brightness=0.4)(x) / x).flatten(1)
    torch.testing.assert_close(ratio, ratio[:, :1].expand_as(ratio))
    assert 0.6 <= ratio.min() < 0.61
    assert 1.39 < ratio.max() <= 1.4001
    assert ratio[:, 0].var().item() == pytest.approx(0.4**2 / 3, rel=0.1)


def test_contrast_keeps_the_mean_gray_and_scales_the_rest() -> None:
    x = 0.5 + 0.2 * (photographs() - 0.5)
    made = RandomColor(contrast=0.5)(x)
    torch.testing.assert_close(gray(made).mean((1, 2)), gray(x).mean((1, 2)))
    ratio = made.flatten(1).std(1) / x.flatten(1).std(1)
    assert (ratio - 1).abs().max() <= 0.501
    assert ratio.min() < 0.7 < 1.3 < ratio.max()


def test_saturation_keeps_each_pixels_gray_and_scales_its_color() -> None:
    x = 0.5 + 0.2 * (photographs() - 0.5)
    made = RandomColor(saturation=1.0)(x)
    torch.testing.assert_close(gray(made), gray(x))
    ratio = (made - gray(made)[:, None]).flatten(1).norm(dim=1) / (x - gray(x)[:, None]).flatten(1).norm(dim=1)
    assert ratio.min() < 0.3
    assert 1.7 < ratio.max() <= 2.001


def test_one_channel_has_no_saturation() -> None:
    x = photographs(channels=1)
    torch.testing.assert_close(RandomColor(saturation=0.9)(x), x)


def test_sharpness_keeps_flat_images_and_blurs_at_most_to_the_mean() -> None:
    flat = torch.full((5, 3, 6, 6), 0.4)
    torch.testing.assert_close(RandomSharpness(0.9)(flat), flat)
    x = photographs()
    torch.testing.assert_close(RandomSharpness(0.0)(x), x)
    inside, blurred = (slice(None), slice(None), slice(1, -1), slice(1, -1)), nn.functional.avg_pool2d(x, 3, stride=1)
    x = 0.5 + 0.2 * (x - 0.5)
    blurred = 0.5 + 0.2 * (blurred - 0.5)
    amounts = ((RandomSharpness(1.0)(x)[inside] - blurred) / (x[inside] - blurred)).flatten(1).median(1).values
    assert amounts.min() >= -1e-3
    assert amounts.max() <= 2.001
    assert amounts.std().item() == pytest.approx(1 / math.sqrt(3), rel=0.3)


def test_posterised_images_have_few_levels_and_eight_bits_are_all() -> None:
    x = torch.arange(256).float().view(1, 1, 16, 16).expand(60, -1, -1, -1) / 255
    torch.testing.assert_close(RandomPosterize((8, 8))(x), x)
    levels = [len(image.unique()) for image in RandomPosterize((1, 3))(x)]
    assert set(levels) == {2, 4, 8}
    made = RandomPosterize((4, 4))(x)[0] * 255
    torch.testing.assert_close(made, (torch.arange(256) // 16 * 16).float().view(1, 16, 16))


def test_solarising_inverts_what_is_above_a_threshold() -> None:
    x = torch.linspace(0, 1, 400).view(1, 1, 20, 20).expand(200, -1, -1, -1)
    made = RandomSolarize()(x).flatten(1)
    inverted = (made != x.flatten(1)).float()
    torch.testing.assert_close(made, torch.where(inverted.bool(), 1 - x.flatten(1), x.flatten(1)))
    assert (inverted.diff(dim=1) >= 0).all()
    assert inverted.mean().item() == pytest.approx(0.5, abs=0.08)


def test_contrast_is_stretched_over_the_range() -> None:
    x = 0.3 + 0.4 * photographs()
    x[0, 1] = 0.6
    made = AutoContrast((-1.0, 1.0))(x)
    torch.testing.assert_close(made[0, 1], x[0, 1])
    torch.testing.assert_close(made[1:].amin((2, 3)), torch.full((39, 3), -1.0), rtol=0, atol=1e-5)
    torch.testing.assert_close(made[1:].amax((2, 3)), torch.full((39, 3), 1.0), rtol=0, atol=1e-5)
    torch.testing.assert_close(AutoContrast((-1.0, 1.0))(made), made, rtol=0, atol=1e-5)


# --- choices ----------------------------------------------------------------------------------------------------------


class Doubled(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return 2 * x


def test_choices_are_independent_and_uniform() -> None:
    """Of three draws from {nothing, nothing, double}, the number of doublings is binomial with 1/3."""
    x = torch.ones(9000, 1, 2, 2)
    made = RandomChoice([nn.Identity(), Doubled(), nn.Identity()], 3)(x)
    assert torch.equal(made, made[:, :1, :1, :1].expand_as(made))
    counts = torch.bincount(made[:, 0, 0, 0].log2().long(), minlength=4) / len(x)
    torch.testing.assert_close(counts, torch.tensor([8, 12, 6, 1]) / 27, rtol=0, atol=0.025)


def test_no_choice_is_the_identity() -> None:
    x = torch.rand(3, 1, 2, 2)
    assert torch.equal(RandomChoice([Doubled()], 0)(x), x)


def test_strong_augmentation_cuts_to_the_middle_of_the_range() -> None:
    x = torch.rand(400, 3, 12, 12) * 1.8 - 0.9
    cut = (strong_augmentation((-1.0, 1.0), count=0, cutout=6)(x) == 0).all(1)
    assert cut.any((1, 2)).all()
    assert cut.sum((1, 2)).max() == 36
    assert (strong_augmentation((0.0, 1.0), count=0, cutout=6)(x) == 0.5).any()


def test_strong_augmentation_moves_and_colors() -> None:
    x = torch.rand(300, 3, 12, 12) * 1.8 - 0.9
    made = strong_augmentation((-1.0, 1.0), count=2, cutout=0)(x)
    same = torch.isclose(made, x).flatten(1).all(1).float().mean().item()
    assert 1 / 121 / 4 < same < 0.15  # both draws of 11 are nothing, or leave the image
    assert made.min() >= -1
    assert made.max() <= 1


def test_weak_and_strong_are_what_their_level_says() -> None:
    x = torch.rand(40, 3, 12, 12) * 1.8 - 0.9
    assert all(torch.equal(each(x), x) for each in weak_and_strong("none"))
    weak, strong = weak_and_strong("weak", shift=2)
    assert weak is strong
    assert not torch.equal(weak(x), x)
    assert torch.isin(weak(x), x).all()  # moved and mirrored, nothing else
    weak, strong = weak_and_strong("strong")
    assert torch.isin(weak(x), x).all()
    assert not torch.isin(strong(x), x).all()
    with pytest.raises(ValueError, match="level must be 'none', 'weak' or 'strong', got 'both'"):
        weak_and_strong("both")  # type: ignore[arg-type]

"""Random affine maps: identity, shifts, rotations, and one map for each image."""

import math

import pytest
import torch
from torch import Tensor

from gan_ext.data import RandomAffine

N, SIDE = 400, 33


def spot(row: float, column: float, n: int = N) -> Tensor:
    """Return images with a soft spot, in pixels from the middle."""
    place = torch.arange(SIDE) - SIDE // 2
    image = torch.exp(-((place[:, None] - row) ** 2 + (place - column) ** 2) / 8)
    return image.expand(n, 1, SIDE, SIDE)


def centers(images: Tensor) -> Tensor:
    """Return the centers of mass [n, 2] (row, column), in pixels from the middle."""
    place = torch.arange(SIDE, dtype=images.dtype) - SIDE // 2
    mass = images[:, 0] / images[:, 0].sum((1, 2), keepdim=True)
    return torch.stack([(mass.sum(2) * place).sum(1), (mass.sum(1) * place).sum(1)], 1)


@pytest.mark.parametrize("shape", [(3, 1, 8, 8), (2, 3, 8, 12)])
def test_nothing_asked_for_is_the_identity(shape: tuple[int, ...]) -> None:
    x = torch.rand(shape)
    torch.testing.assert_close(RandomAffine(0, 0, 0, 0)(x), x, rtol=0, atol=1e-5)


def test_shifts_are_uniform_up_to_the_largest() -> None:
    moved = centers(RandomAffine(0, 0, 0, shift=3.0)(spot(0, 0)))
    assert moved.abs().max() <= 3.02
    torch.testing.assert_close(moved.mean(0), torch.zeros(2), rtol=0, atol=0.3)
    torch.testing.assert_close(moved.var(0), torch.full((2,), 3.0), rtol=0.2, atol=0.0)


def test_rotations_turn_about_the_middle() -> None:
    moved = centers(RandomAffine(0.5, 0, 0, 0)(spot(0, 8)))
    torch.testing.assert_close(moved.norm(dim=1), torch.full((N,), 8.0), rtol=0.01, atol=0.0)
    angle = torch.atan2(moved[:, 0], moved[:, 1])
    assert 0.45 < angle.abs().max() <= 0.505
    assert angle.min() < -0.4
    assert angle.max() > 0.4


def test_stretches_scale_each_side() -> None:
    moved = centers(RandomAffine(0, stretch=0.2, shear=0, shift=0)(spot(5, 8)))
    ratios = moved / torch.tensor([5.0, 8.0])
    assert ratios.min() >= 1 / 1.2 - 0.01
    assert ratios.max() <= 1 / 0.8 + 0.01
    assert abs(torch.corrcoef(ratios.T)[0, 1]) < 0.2


def test_shears_move_columns_with_rows() -> None:
    moved = centers(RandomAffine(0, 0, shear=0.5, shift=0)(spot(8, 0)))
    torch.testing.assert_close(moved[:, 0], torch.full((N,), 8.0), rtol=0.02, atol=0.0)
    assert moved[:, 1].abs().max() <= 4.1
    assert moved[:, 1].std().item() == pytest.approx(4 / math.sqrt(3), rel=0.15)


def test_every_image_has_a_map_of_its_own_and_a_seed_decides_all() -> None:
    augment = RandomAffine()
    draws = []
    for _ in range(2):
        torch.default_generator.manual_seed(4)
        draws.append(augment(spot(3, 4, 5)))
    assert torch.equal(*draws)
    assert not torch.equal(draws[0][0], draws[0][1])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_shape_and_precision_are_kept(dtype: torch.dtype) -> None:
    x = torch.rand(3, 2, 8, 12, dtype=dtype)
    made = RandomAffine()(x)
    assert (made.shape, made.dtype) == (x.shape, dtype)
    assert made.min() >= 0
    assert made.max() <= 1

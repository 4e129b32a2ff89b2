"""Moments of ink at strokes whose slant and width are known."""

import numpy as np
import pytest
import torch

from gan_ext.metrics import stroke_moments


def test_an_upright_stroke_has_no_slant_and_one_that_leans_has_its_slope() -> None:
    upright, leaning = np.zeros((9, 9)), np.fliplr(np.eye(9))  # from bottom left to top right
    upright[:, 4] = 1
    found = stroke_moments(np.stack([upright, leaning, np.fliplr(leaning)]))
    np.testing.assert_allclose(found.slant, [0, 1, -1], atol=1e-9)
    np.testing.assert_allclose(found.width, [0, *[np.sqrt(np.mean(np.arange(-4, 5) ** 2))] * 2], atol=1e-9)
    np.testing.assert_allclose(found.ink, 1 / 9)


def test_moving_it_or_fading_it_changes_neither_slant_nor_width() -> None:
    rng = np.random.default_rng(0)
    image = np.zeros((12, 12))
    image[2:7, 3:8] = rng.uniform(size=(5, 5))
    same = stroke_moments(np.stack([image, np.roll(image, (3, -2), (0, 1)), image / 2]))
    for values in (same.slant, same.width):
        assert values[0] != 0
        np.testing.assert_allclose(values, values[0])
    amounts = stroke_moments(torch.tensor(np.stack([image, image / 2]))[:, None]).ink
    assert amounts.shape == (2, 1)
    assert amounts[1, 0] == pytest.approx(amounts[0, 0] / 2)


def test_an_empty_image_has_nothing_and_wrong_ones_are_refused() -> None:
    assert [float(each) for each in stroke_moments(np.zeros((4, 5)))] == [0, 0, 0]
    with pytest.raises(ValueError, match=r"must be \[..., h, w\], got shape \(3,\)"):
        stroke_moments(np.ones(3))
    assert [float(each) for each in stroke_moments(np.full((4, 5), -0.1))] == [0, 0, 0]

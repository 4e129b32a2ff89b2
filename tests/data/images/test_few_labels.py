"""Images of which few show their label: scaled, split by a seed, whitened on what is trained on."""

import numpy as np
import pytest

from gan_ext.data import ImageData, ZCAWhitening, few_labels, semi_supervised_split

RNG = np.random.default_rng(0)
GRAY = ImageData(
    RNG.integers(0, 256, (60, 4, 4)).astype(np.uint8),
    np.arange(60) % 3,
    RNG.integers(0, 256, (9, 4, 4)).astype(np.uint8),
    np.arange(9) % 3,
)


def test_they_are_the_rows_of_the_split_from_low_to_one() -> None:
    split = semi_supervised_split(GRAY.y_train, 6, random_state=1)
    for low in (0.0, -1.0):
        parts = few_labels(GRAY, 6, low=low, random_state=1)
        expected = low + (1 - low) * GRAY.x_train[split.labeled][:, None] / 255
        np.testing.assert_allclose(parts.labeled, expected, atol=1e-6)
        assert parts.classes.tolist() == GRAY.y_train[split.labeled].tolist()
        assert parts.pool.shape == (60, 1, 4, 4)
        assert parts.held_out.shape == (9, 1, 4, 4)
    assert few_labels(GRAY, 6, random_state=2).labeled.tolist() != few_labels(GRAY, 6, random_state=1).labeled.tolist()


def test_validation_images_take_the_place_of_test_images() -> None:
    split = semi_supervised_split(GRAY.y_train, 6, n_validation=12, random_state=0)
    parts = few_labels(GRAY, 6, n_validation=12, random_state=0)
    assert parts.truth.tolist() == GRAY.y_train[split.validation].tolist()
    assert len(parts.pool) == 48


def test_whitening_is_fitted_on_what_is_trained_on() -> None:
    plain, white = (few_labels(GRAY, 6, n_validation=12, whiten=whiten, random_state=0) for whiten in (False, True))
    whitening = ZCAWhitening().fit(plain.pool.numpy())
    for name in ("labeled", "pool", "held_out"):
        np.testing.assert_allclose(getattr(white, name), whitening.transform(getattr(plain, name).numpy()), atol=1e-5)


def test_color_keeps_its_shape_and_too_few_images_are_refused() -> None:
    color = GRAY._replace(x_train=np.zeros((60, 3, 4, 4), np.uint8), x_test=np.zeros((9, 3, 4, 4), np.uint8))
    assert few_labels(color, 3, random_state=0).pool.shape == (60, 3, 4, 4)
    with pytest.raises(ValueError, match="need more rows"):
        few_labels(GRAY, 63, random_state=0)

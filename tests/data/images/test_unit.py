"""Images in [0, 1], and validation images in the place of the test images."""

import numpy as np
import pytest

from gan_ext.data import ImageData, unit_images

GRAY = ImageData(
    np.arange(5 * 4, dtype=np.uint8).reshape(5, 2, 2), np.arange(5), np.full((3, 2, 2), 255, np.uint8), np.arange(3)
)


def test_gray_images_get_a_channel_and_values_up_to_one():
    found = unit_images(GRAY)
    assert found.x.shape == (5, 1, 2, 2)
    assert found.x.dtype == np.float32
    np.testing.assert_allclose(found.x[:, 0] * 255, GRAY.x_train, atol=1e-5)
    assert (found.x_test == 1).all()
    assert found.y is GRAY.y_train
    assert found.y_test is GRAY.y_test


def test_colors_keep_their_channels():
    colors = ImageData(np.zeros((4, 3, 2, 2), np.uint8), np.arange(4), np.zeros((1, 3, 2, 2), np.uint8), np.arange(1))
    assert unit_images(colors).x.shape == (4, 3, 2, 2)


def test_the_last_training_images_take_the_place_of_the_test_images():
    found = unit_images(GRAY, n_validation=2)
    assert found.y.tolist() == [0, 1, 2]
    assert found.y_test.tolist() == [3, 4]
    np.testing.assert_array_equal(found.x_test, unit_images(GRAY).x[3:])


@pytest.mark.parametrize("wrong", [-1, 5])
def test_it_says_how_many_may_be_kept_apart(wrong):
    with pytest.raises(ValueError, match=f"n_validation={wrong} must be at least 0 and below the 5 training images"):
        unit_images(GRAY, n_validation=wrong)

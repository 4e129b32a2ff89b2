"""Rows of images with one of each class."""

import numpy as np

from gan_ext.pictures import class_rows


def test_rows_have_one_of_each_class():
    images = np.arange(6).reshape(6, 1, 1, 1) * np.ones((1, 1, 2, 2))  # three of class 0, three of class 1
    assert class_rows(images, 3, shown=2)[:, 0, 0, 0].tolist() == [0, 3, 1, 4]
    assert class_rows(images, 3).shape == (6, 1, 2, 2)

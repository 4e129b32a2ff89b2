"""Images in another order of axes, and data in other units than fit saw."""

import warnings

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline

from gan_ext import InfoGAN, SemiSupervisedGANClassifier
from gan_ext.data import ChannelsFirst
from gan_ext.estimators.base.seen import look_at, warn_of_units


@pytest.mark.parametrize("shape", [(8, 8), (8, 12, 3)])
def test_images_are_taken_in_another_order_of_axes_and_come_back_in_it(shape):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (24, *shape)).astype(np.uint8)
    y = np.tile([0, 1, -1, -1], 6)
    with pytest.raises(ValueError, match=r"ChannelsFirst\(\)"):
        SemiSupervisedGANClassifier(max_iter=1).fit(images, y)
    pipeline = make_pipeline(ChannelsFirst(), SemiSupervisedGANClassifier(max_iter=2, random_state=0, device="cpu"))
    assert pipeline.fit(images, y).predict(images).shape == (24,)
    assert np.array_equal(pipeline[0].inverse_transform(pipeline[0].transform(images)), images)
    made = pipeline[1].sample(5, random_state=0)
    assert pipeline[0].inverse_transform(made).shape == (5, *shape)


def test_layouts_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"shape \(3, 4\); pass gray images"):
        ChannelsFirst().fit(np.zeros((3, 4)))
    fitted = ChannelsFirst().fit(np.zeros((3, 4, 5)))
    with pytest.raises(ValueError, match=r"shape \(5, 4\), but fit was given \(4, 5\)"):
        fitted.transform(np.zeros((3, 5, 4)))
    with pytest.raises(ValueError, match=r"those that were transformed have \(1, 4, 5\)"):
        fitted.inverse_transform(np.zeros((3, 4, 5)))


def test_other_units_than_fit_saw_are_pointed_out(digits):
    X = np.round(digits[0][:120] * 255 / 16).astype(np.uint8)
    model = SemiSupervisedGANClassifier(max_iter=2, random_state=0, device="cpu")
    model.fit(X, np.where(np.arange(120) < 60, digits[1][:120], -1))
    assert model.seen_ == (0.0, 255.0, 255.0, "uint8")
    with pytest.warns(UserWarning, match=r"X has values from 0 to 1; fit saw 0 to 255 \(uint8\)"):
        model.predict(X / 255)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.predict(X[:1])
        model.predict(np.zeros((1, 64)))
        model.predict(X // 3)
    small = InfoGAN(3, max_iter=2, random_state=0, device="cpu").fit(X / 255)
    with pytest.warns(UserWarning, match=r"X has values from 0 to 255; fit saw 0 to 1 \(float64\)"):
        small.transform(X)


def test_one_outlier_says_nothing_about_units():
    X = np.random.default_rng(0).normal(size=(50, 3))
    seen = look_at(np.vstack([X, [[1e6, 0, 0]]]), X.dtype)
    warn_of_units(seen, X)  # a warning would be an error
    warn_of_units(look_at(X, X.dtype), np.vstack([X, [[1e6, 0, 0]]]))

"""The conditional GAN as an estimator: what it makes, what it refuses, how it lives among scikit-learn's tools."""

import copy
import json
import pickle
import subprocess
import sys
import warnings
from typing import Any

import joblib
import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks

from gan_ext import ConditionalGAN
from gan_ext.engine import CheckpointError
from gan_ext.estimators import (
    AuxiliaryClassifier,
    ClassConditioning,
    Concatenation,
    ConditionalNormalization,
    DiscriminativeClassifier,
    Projection,
)
from gan_ext.games import Conditional

ALL = (Concatenation(), ConditionalNormalization(), Projection(), AuxiliaryClassifier(0.5), DiscriminativeClassifier())
MEANS = np.array([[0.0, 30.0], [30.0, -20.0], [-30.0, -20.0]])


def _blobs(n=300, names=(0, 1, 2)):
    rng, codes = np.random.default_rng(0), np.arange(n) % 3
    return MEANS[codes] + 5 * rng.normal(size=(n, 2)) + 100, np.array(names)[codes]


def _quick(condition=None, **settings):
    return ConditionalGAN(condition, **{"max_iter": 8, "hidden_layer_sizes": (16, 16), "random_state": 0, **settings})


@pytest.fixture(scope="module")
def fitted():
    x, y = _blobs(names=("left", "top", "right"))
    return _quick(max_iter=300, learning_rate=3e-3, averaging=0.98).fit(x, y)


# scikit-learn skips its array-API check by a warning where that interface is not switched on.
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@parametrize_with_checks([_quick(max_iter=2), _quick(AuxiliaryClassifier(), max_iter=2)])
def test_sklearn_contract(estimator, check):
    check(estimator)


def test_samples_are_of_the_wanted_class_in_the_units_of_the_data(fitted):
    assert fitted.classes_.tolist() == ["left", "right", "top"]
    for name, mean in zip(("left", "top", "right"), MEANS + 100, strict=True):
        samples = fitted.sample(300, y=name, random_state=1)
        assert samples.shape == (300, 2)
        np.testing.assert_allclose(samples.mean(0), mean, atol=6)
        assert samples.std(0).min() > 1  # the noise is used


def test_a_class_for_each_sample_or_one_for_all(fitted):
    mixed = fitted.sample(y=["top", "left", "top"], random_state=3)
    np.testing.assert_array_equal(mixed, fitted.sample(3, y=np.array(["top", "left", "top"]), random_state=3))
    np.testing.assert_array_equal(mixed, fitted.sample(None, y=["top", "left", "top"], random_state=3))
    assert fitted.sample(y="top").shape == (1, 2)
    assert fitted.sample(4, y="top").shape == (4, 2)
    assert not np.array_equal(mixed, fitted.sample(y=["top", "left", "top"], random_state=4))
    assert not np.array_equal(fitted.sample(3, y="top"), fitted.sample(3, y="top"))  # no seed, no repetition


def test_the_order_of_before_is_named_with_the_call_that_is_meant(fitted):
    with pytest.raises(TypeError, match=r"write sample\(5, y='top'\)"):
        fitted.sample("top", 5)
    with pytest.raises(ValueError, match="n_samples='top' must be an integer, at least 1; pass the class as y='top'"):
        fitted.sample("top")


def test_without_classes_they_are_drawn_by_their_shares():
    x, y = _blobs()
    keep = (y == 0) | (np.arange(300) < 30)  # 100, 10 and 10
    model = _quick().fit(x[keep], y[keep])
    np.testing.assert_allclose(model.class_prior_, np.array([100, 10, 10]) / 120)
    labels = model.draw_labels(3000, random_state=0)
    np.testing.assert_allclose(np.bincount(labels) / 3000, model.class_prior_, atol=0.03)
    np.testing.assert_array_equal(
        model.sample(9, random_state=5), model.sample(y=model.draw_labels(9, 5), random_state=5)
    )
    assert model.sample().shape == (1, 2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1, "bottom"), r"y has the class 'bottom', which fit did not see; classes: \['left', 'right', 'top'\]"),
        ((1, ["top", "bottom"]), "y has the class 'bottom'"),
        ((1, 0), "y has the class 0"),
        ((0, "top"), "n_samples=0 must be an integer, at least 1"),
        ((0, None), "n_samples=0 must be"),
        ((2.5, None), "n_samples=2.5 must be"),
        ((True, None), "n_samples=True must be"),
        ((3, ["top", "left"]), r"y has shape \(2,\) and n_samples=3; pass one class"),
        ((1, [["top"]]), r"y has shape \(1, 1\)"),
        ((1, []), r"y has shape \(0,\)"),
    ],
)
def test_impossible_samples_are_refused(fitted, arguments, message):
    n, y = arguments
    with pytest.raises(ValueError, match=message):
        fitted.sample(n, y=y)


def test_labels_with_a_gap_are_the_classes_they_are():
    x, y = _blobs(names=(0, 1, 3))
    model = _quick().fit(x, y)
    assert model.classes_.tolist() == [0, 1, 3]
    assert model.sample(y=[3, 0]).shape == (2, 2)
    with pytest.raises(ValueError, match=r"class 2, which fit did not see; classes: \[0, 1, 3\]"):
        model.sample(y=2)
    with pytest.raises(ValueError, match=r"Class 2 of classes=\[0, 1, 2, 3\] has no sample; add one or drop it"):
        _quick(classes=[0, 1, 2, 3]).fit(x, y)
    with pytest.raises(ValueError, match=r"class 3, which is not among classes=\[0, 1\]"):
        _quick(classes=[0, 1]).fit(x, y)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x, y: (np.where(x > 130, np.nan, x), y), "NaN"),
        (lambda x, y: (np.where(x > 130, np.inf, x), y), "infinity"),
        (lambda x, y: (x, np.zeros(300, int)), "one class only"),
        (lambda x, y: (x, np.where(y == 1, np.nan, y)), "the label None for 100 of its 300 samples"),
        (lambda x, y: (x, np.where(y == 1, None, y)), "the label None .* every sample needs a class"),
        (lambda x, y: (x, np.where(y == 1, np.nan, y.astype(object))), "means 'no label'"),
        (lambda x, y: (x, np.where(y == 1, -1, y)), "the label -1 for 100 of its 300 samples, which means 'no label'"),
        (lambda x, y: (x, np.where(y == 1, -1, y).astype(np.uint8)), r"the class 255 and the type uint8"),
        (lambda x, y: (x, y + 0.5), "float labels such as 0.5"),
        (lambda x, y: (x, None), "requires y to be passed"),
        (lambda x, y: (x, y[:-1]), "inconsistent numbers of samples"),
        (lambda x, y: (np.ones((300, 2)), y), "All 300 samples of X are the same"),
        (lambda x, y: (x[:, :, None], y), r"pass a table \(n, d\) or images"),
    ],
)
def test_bad_data_is_refused_before_training(change, message):
    with pytest.raises(ValueError, match=message):
        _quick(max_iter=10**9).fit(*change(*_blobs()))


class _Wrong(ClassConditioning):
    def build(self, plan: Any) -> Any:
        return torch.nn.Identity()


class _Small(ClassConditioning):
    def build(self, plan: Any) -> Any:
        parts = Projection().build(plan)
        return Conditional(_Cut(parts.generator), parts.discriminator, plan.prior())


class _Cut(torch.nn.Module):
    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, z, y):
        return self.net(z, y)[:, :1]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"condition": "projection"}, "'condition' .* must be an object that builds a game, such as .*Projection"),
        ({"condition": Projection}, r"Projection\(\) \(with parentheses\) or None"),
        ({"condition": _Wrong()}, r"condition must build a game .*, it built Identity\(\)"),
        ({"condition": _Small()}, r"makes samples of shape \(1,\), not \(2,\)"),
        ({"condition": AuxiliaryClassifier(-1.0)}, "weight=-1.0 must not be negative"),
        ({"max_iter": 0}, "'max_iter' parameter of ConditionalGAN must be an int .* Got 0 instead"),
        ({"batch_size": 1}, "'batch_size' .* Got 1 instead"),
        ({"latent_dim": 0}, "'latent_dim' .* Got 0 instead"),
        ({"channels": 5}, "'channels' .* must be an even integer, at least 2: .* Got 5 instead"),
        ({"learning_rate": 0.0}, "'learning_rate' .* Got 0.0 instead"),
        ({"r1": -1.0}, "'r1' .* Got -1.0 instead"),
        ({"mode_seeking": np.nan}, "'mode_seeking' .* Got nan instead"),
        ({"spectral": "x"}, "'spectral' .* Got 'x' instead"),
        ({"averaging": 1.0}, "'averaging' .* Got 1.0 instead"),
        ({"clip": 0.0}, "'clip' .* Got 0.0 instead"),
        ({"scaling": "robust"}, "'scaling' .* Got 'robust' instead"),
        ({"classes": 3}, "'classes' .* Got 3 instead"),
        ({"device": "tpu"}, "device='tpu' is unknown"),
        ({"precision": "float16"}, "'precision' .* Got 'float16' instead"),
        ({"hidden_layer_sizes": ()}, r"'hidden_layer_sizes' .* Got \(\) instead"),
        ({"callbacks": print}, "'callbacks' .* must be a list or tuple of functions"),
        ({"checkpoint": "x", "random_state": None}, "checkpoint needs an integer random_state"),
    ],
)
def test_bad_settings_are_refused_before_training(settings, message):
    with pytest.raises(ValueError, match=message):
        _quick(**{"max_iter": 10**9, **settings}).fit(*_blobs())


def test_constant_features_are_named_left_out_and_made_again():
    x, y = _blobs()
    with_constants = np.column_stack([np.full(300, 7.3), x[:, 0], np.zeros(300), x[:, 1]])
    with pytest.warns(
        UserWarning, match="X has 2 constant .*, columns 0, 2: samples will have the same constants there"
    ):
        model = _quick().fit(with_constants, y)
    samples = model.sample(y=y, random_state=1)
    assert (samples[:, [0, 2]] == [7.3, 0]).all()
    np.testing.assert_allclose(samples[:, [1, 3]], _quick().fit(x, y).sample(y=y, random_state=1))
    images = np.random.default_rng(0).uniform(0, 255, (12, 1, 4, 4))
    images[:, :, 0] = 9  # borders are nothing to warn of
    model = _quick(channels=4).fit(images, np.arange(12) % 2)
    assert (model.sample(y=[0, 1])[:, :, 0] == 9).all()


@pytest.mark.parametrize("condition", ALL, ids=lambda condition: type(condition).__name__)
def test_images_of_any_channels_and_sides_in_every_way_of_conditioning(condition):
    rng = np.random.default_rng(0)
    for shape in ((1, 8, 8), (3, 4, 8), (2, 5, 7)):
        x, y = rng.uniform(0, 255, (20, *shape)), np.arange(20) % 2
        model = _quick(condition, max_iter=2, channels=4, r1=0.1, mode_seeking=0.1).fit(x, y)
        samples = model.sample(y=y)
        assert samples.shape == x.shape
        assert 0 <= samples.min() <= samples.max() <= 255
        terms = {name.split("/")[1] for name in model.history_[-1] if "/" in name}
        assert {"loss", "adversarial", "r1", "mode_seeking"} <= terms


def test_a_condition_of_ones_own():
    class Mine(ClassConditioning):
        def build(self, plan: Any) -> Any:
            trunk = plan.concatenation_discriminator()
            return Conditional(plan.normalized_generator(), trunk, plan.prior(), r1=0.5)

    x, y = _blobs()
    model = _quick(Mine()).fit(x, y)
    assert "discriminator/r1" in model.history_[-1]
    assert model.sample(y=0).shape == (1, 2)


def test_same_seed_same_bits_and_the_callers_generator_is_left_alone():
    x, y = _blobs()
    before = torch.get_rng_state()
    first, second, other = (_quick(random_state=seed).fit(x, y) for seed in (0, 0, 1))
    samples = [model.sample(y=y, random_state=0) for model in (first, second, other)]
    assert torch.equal(before, torch.get_rng_state())
    np.testing.assert_array_equal(samples[0], samples[1])
    assert not np.array_equal(samples[0], samples[2])


def test_pickle_joblib_and_clone(tmp_path):
    x, y = _blobs()
    model = _quick(DiscriminativeClassifier(0.7)).fit(x, y)
    joblib.dump(model, tmp_path / "model.joblib")
    for copied in (pickle.loads(pickle.dumps(model)), joblib.load(tmp_path / "model.joblib"), copy.deepcopy(model)):
        np.testing.assert_array_equal(copied.sample(y=y, random_state=0), model.sample(y=y, random_state=0))
    fresh = clone(model)
    assert not hasattr(fresh, "game_")
    assert fresh.condition == DiscriminativeClassifier(0.7)


_KILLED = """
import os, sys, numpy as np, torch
torch.set_num_threads(1)
from gan_ext import ConditionalGAN
rng, codes = np.random.default_rng(0), np.arange(300) % 3
means = np.array([[0.0, 30.0], [30.0, -20.0], [-30.0, -20.0]])
x = means[codes] + 5 * rng.normal(size=(300, 2)) + 100
def die(engine):
    if engine.step == 25: os.kill(os.getpid(), 9)
ConditionalGAN(max_iter=40, hidden_layer_sizes=(16, 16), random_state=0, checkpoint=sys.argv[1], checkpoint_every=10,
               callbacks=(die,)).fit(x, codes)
"""


def test_a_killed_fit_resumes_with_the_same_bits(tmp_path):
    x, y = _blobs()
    whole = _quick(max_iter=40).fit(x, y)
    done = subprocess.run([sys.executable, "-c", _KILLED, str(tmp_path)], check=False)
    assert done.returncode == -9
    steps = []
    resumed = _quick(max_iter=40, checkpoint=tmp_path, checkpoint_every=10, callbacks=(lambda e: steps.append(e.step),))
    resumed.fit(x, y)
    assert steps == list(range(21, 41))
    np.testing.assert_array_equal(resumed.sample(y=y, random_state=0), whole.sample(y=y, random_state=0))
    assert json.dumps(resumed.history_) == json.dumps(whole.history_)
    with pytest.raises(CheckpointError, match=r"holds a fit with condition=None \(here Concatenation\(\)\)"):
        _quick(Concatenation(), max_iter=40, checkpoint=tmp_path).fit(x, y)
    with pytest.raises(CheckpointError, match="holds a fit with other data"):
        _quick(max_iter=40, checkpoint=tmp_path).fit(x, (y + 1) % 3)


def test_a_warm_start_goes_on_from_the_last_networks():
    x, y = _blobs()
    on = _quick(averaging=0.0).fit(x, y)
    before = [parameter.clone() for parameter in on.game_.generator.parameters()]
    on.set_params(warm_start=True, learning_rate=1e-9, mode_seeking=0.5).fit(x, y)  # almost no rate: nothing is learned
    torch.testing.assert_close([*on.game_.generator.parameters()], before)
    assert "generator/mode_seeking" in on.history_[-1], "settings of the loss are those of now"
    with pytest.raises(ValueError, match=r"warm_start=True needs samples of shape .* as before"):
        on.fit(x, y % 2)
    with pytest.raises(ValueError, match="warm_start=True needs networks with the sizes of the last fit"):
        on.set_params(hidden_layer_sizes=(8,)).fit(x, y)


def test_a_fit_that_is_told_to_prints_how_it_goes(capsys):
    _quick(verbose=True, clip=1.0, solver=("discriminator", "discriminator", "generator")).fit(*_blobs())
    assert capsys.readouterr().out.splitlines()[-1].startswith("8/8: ")


def test_bfloat16_learns_too():
    x, y = _blobs()
    model = _quick(max_iter=200, learning_rate=3e-3, averaging=0.98, precision="bfloat16").fit(x, y)
    for name, mean in enumerate(MEANS + 100):
        np.testing.assert_allclose(model.sample(300, y=name, random_state=1).mean(0), mean, atol=10)


def test_nothing_is_said_where_nothing_is_wrong():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _quick().fit(*_blobs())

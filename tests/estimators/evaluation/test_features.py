"""Extractors: they learn, they beat random features, any module can be one."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from gan_ext.data.images.idx import read_idx
from gan_ext.engine import CheckpointError, Lookahead
from gan_ext.estimators import ClassifierFeatures, PretrainedFeatures, SelfSupervisedFeatures

DIGITS, CLASSES = load_digits(return_X_y=True)
IMAGES = DIGITS.reshape(-1, 1, 8, 8)
TRAINED = [ClassifierFeatures, SelfSupervisedFeatures]


def probe(extractor, X, y, shown):
    """Return the held-out accuracy of a linear classifier on features."""
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    features = extractor.transform(X)
    return model.fit(features[:shown], y[:shown]).score(features[shown:], y[shown:])


def blobs(n=600, width=12):
    # Classes differ in the signs of products, which no single column shows.
    rng = np.random.default_rng(0)
    y = rng.integers(0, 4, n)
    means = rng.normal(size=(4, width)) * 1.5
    return means[y] + rng.normal(size=(n, width)), y


@pytest.mark.parametrize("X", [IMAGES, DIGITS], ids=["images", "table"])
def test_a_classifier_learns_its_classes_and_gives_features(X):
    names = np.array([f"digit {each}" for each in CLASSES])
    extractor = ClassifierFeatures(max_iter=150, features=16, random_state=0).fit(X[:1200], names[:1200])
    assert np.mean(extractor.predict(X[1200:]) == names[1200:]) > 0.85
    assert extractor.predict_proba(X[:5]).sum(1) == pytest.approx(np.ones(5))
    assert extractor.transform(X[:7]).shape == (7, 16)
    assert extractor.transform(X[:7]) == pytest.approx(extractor.transform(X)[:7], abs=1e-4)


def test_samples_without_a_class_are_left_out():
    X, y = blobs()
    masked = np.where(np.arange(600) < 300, y, -1)
    scrambled = X.copy()
    scrambled[300:] = scrambled[300:][::-1]  # the same values in another order, so that scaling stays
    first = ClassifierFeatures(max_iter=20, unlabeled=-1, random_state=0).fit(X, masked)
    second = ClassifierFeatures(max_iter=20, unlabeled=-1, random_state=0).fit(scrambled, masked)
    assert first.transform(X) == pytest.approx(second.transform(X), abs=1e-5)


def test_self_supervision_beats_the_random_net_it_starts_from_on_images():
    taught, random = (
        SelfSupervisedFeatures(max_iter=steps, features=32, random_state=0).fit(IMAGES) for steps in (150, 0)
    )
    assert probe(taught, IMAGES, CLASSES, 300) > probe(random, IMAGES, CLASSES, 300) + 0.03


def test_the_seed_decides_and_clones_are_new():
    X, y = blobs(100)
    for extractor in (kind(max_iter=5, random_state=3) for kind in TRAINED):
        fitted, again = clone(extractor).fit(X, y), clone(extractor).fit(X, y)
        assert np.array_equal(fitted.transform(X), again.transform(X))
        other = clone(extractor).set_params(random_state=4).fit(X, y)
        assert not np.array_equal(fitted.transform(X), other.transform(X))
        with pytest.raises(NotFittedError):
            extractor.transform(X)


@pytest.mark.parametrize("kind", TRAINED)
def test_a_fit_that_was_stopped_goes_on_with_the_same_bits(kind, tmp_path):
    X, y = blobs(60)
    whole = kind(max_iter=6, features=8, random_state=0).fit(X, y)

    def stop(engine):
        if engine.step == 5:
            raise KeyboardInterrupt

    options = {"max_iter": 6, "features": 8, "random_state": 0, "checkpoint": tmp_path, "checkpoint_every": 2}
    with pytest.raises(KeyboardInterrupt):
        kind(callbacks=(stop,), **options).fit(X, y)
    steps = []
    resumed = kind(callbacks=(lambda engine: steps.append(engine.step),), **options).fit(X, y)
    assert steps == [5, 6]
    assert np.array_equal(resumed.transform(X), whole.transform(X))
    assert resumed.history_ == whole.history_
    assert resumed.n_iter_ == 6
    with pytest.raises(CheckpointError, match="holds a fit with other data"):
        kind(**options).fit(X + 1, y)


@pytest.mark.parametrize("kind", TRAINED)
def test_a_warm_start_goes_on_from_the_last_net(kind):
    X, y = blobs(60)
    model = kind(max_iter=3, features=8, warm_start=True, random_state=0).fit(X, y)
    before = model.transform(X)
    model.set_params(learning_rate=1e-12).fit(X, y)
    assert model.transform(X) == pytest.approx(before, abs=1e-5)
    other = clone(model).set_params(random_state=1).fit(X, y)
    assert np.abs(other.transform(X) - before).max() > 0.01
    with pytest.raises(ValueError, match="warm_start=True needs samples of shape"):
        model.fit(X[:, :5], y)
    assert model.transform(X).shape == (60, 8)  # what was fitted is still there


def test_a_warm_start_needs_the_same_classes():
    X, y = blobs(60)
    model = ClassifierFeatures(max_iter=1, warm_start=True).fit(X, y)
    with pytest.raises(ValueError, match=r"needs the classes \[0, 1, 2, 3\] as before, got \[1, 2, 3, 4\]"):
        model.fit(X, y + 1)


def test_running_parameters_reach_the_net(capsys):
    X, y = blobs(60)
    small = {"max_iter": 4, "features": 8, "random_state": 0}
    plain = ClassifierFeatures(**small).fit(X, y).transform(X)
    for change in ({"clip": 1e-6}, {"averaging": 0.9}, {"precision": "bfloat16"}, {"solver": Lookahead(every=2)}):
        assert not np.array_equal(ClassifierFeatures(**small, **change).fit(X, y).transform(X), plain), change
    assert capsys.readouterr().out == ""
    ClassifierFeatures(**small, verbose=True).fit(X, y)
    assert "4/4: model/loss" in capsys.readouterr().out


@pytest.mark.data
def test_mnist_features_without_labels_beat_random_ones():
    folder = Path(os.environ["GAN_EXT_DATA"]) / "mnist"
    X = read_idx(folder / "train-images-idx3-ubyte.gz")[:6000, None].astype(np.float32)
    y = read_idx(folder / "train-labels-idx1-ubyte.gz")[:6000]
    taught, random = (SelfSupervisedFeatures(max_iter=steps, random_state=0).fit(X) for steps in (200, 0))
    assert probe(taught, X, y, 1000) > probe(random, X, y, 1000) + 0.1


class Local(nn.Module):
    """A net of one's own, with dropout that must be off."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Dropout(0.5), nn.Conv2d(3, 4, 3))

    def forward(self, x):
        return self.layers(x)


def test_any_module_or_function_gives_features():
    net = Local()
    extractor = PretrainedFeatures(net, lambda x: x.expand(-1, 3, -1, -1) / 16, batch_size=7).fit()
    features = extractor.transform(IMAGES[:20])
    expected = net.eval()(torch.tensor(IMAGES[:20]).float().expand(-1, 3, -1, -1) / 16).flatten(1)
    assert features == pytest.approx(expected.detach().numpy(), abs=1e-6)
    assert features.shape == (20, 4 * 36)
    assert PretrainedFeatures(lambda x: x.flatten(1)).transform(IMAGES[:3]) == pytest.approx(DIGITS[:3])
    assert clone(extractor).batch_size == 7


def test_a_module_that_gives_something_else_is_refused():
    with pytest.raises(ValueError, match=r"module must return features \[B, F\].* it returned \(3,\)"):
        PretrainedFeatures(lambda x: x.sum((1, 2, 3))).transform(IMAGES[:3])
    with pytest.raises(ValueError, match="it returned tuple"):
        PretrainedFeatures(lambda x: (x, x)).transform(IMAGES[:3])


def test_timm_is_asked_for_in_a_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(ImportError, match=r"needs timm, the extra `pretrained`.* pass any net you have"):
        PretrainedFeatures.from_timm()


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda X, y: ClassifierFeatures().fit(X, y[:9]), "X has 50 samples and y 9 labels"),
        (lambda X, y: ClassifierFeatures().fit(X, y * 0), "labels of one class only"),
        (lambda X, y: ClassifierFeatures(batch_size=1).fit(X, y), r"'batch_size' .* in the range \[2, inf\). Got 1"),
        (lambda X, y: ClassifierFeatures(features=0).fit(X, y), r"'features' .* in the range \[1, inf\). Got 0"),
        (lambda X, y: ClassifierFeatures(learning_rate=-1).fit(X, y), r"'learning_rate' .* \(0.0, inf\). Got -1"),
        (lambda X, y: ClassifierFeatures(device="tpu").fit(X, y), "device='tpu' is unknown"),
        (lambda X, y: SelfSupervisedFeatures(max_iter=-1).fit(X), r"'max_iter' .* in the range \[0, inf\). Got -1"),
        (lambda X, y: SelfSupervisedFeatures(temperature=0).fit(X), r"'temperature' .* \(0.0, inf\). Got 0"),
        (lambda X, y: SelfSupervisedFeatures(corruption=1).fit(X), r"'corruption' .* \(0.0, 1.0\). Got 1"),
        (lambda X, y: SelfSupervisedFeatures(max_iter=1).fit(X[:, None]), r"pass a table \(n, d\) or images"),
        (lambda X, y: SelfSupervisedFeatures(max_iter=1).fit(X[:1]), "X has 1 sample"),
        (
            lambda X, y: SelfSupervisedFeatures(max_iter=0).fit(X).transform(X[:, :3]),
            r"samples of shape \(3,\), but fit was",
        ),
        (lambda X, y: PretrainedFeatures(nn.Linear).fit(X), "'module' .* a module or a function. Got <class"),
        (lambda X, y: PretrainedFeatures(nn.ReLU(), batch_size=0).transform(X), "'batch_size' .* Got 0"),
    ],
)
def test_errors_are_sentences(call, sentence):
    X, y = blobs(50)
    with pytest.raises(ValueError, match=sentence):
        call(X, y)

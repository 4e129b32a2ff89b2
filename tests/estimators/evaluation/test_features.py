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
from gan_ext.estimators import ClassifierFeatures, PretrainedFeatures, SelfSupervisedFeatures

DIGITS, CLASSES = load_digits(return_X_y=True)
IMAGES = DIGITS.reshape(-1, 1, 8, 8)


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
    extractor = ClassifierFeatures(300, features=16, random_state=0).fit(X[:1200], names[:1200])
    assert np.mean(extractor.predict(X[1200:]) == names[1200:]) > 0.85
    assert extractor.predict_proba(X[:5]).sum(1) == pytest.approx(np.ones(5))
    assert extractor.transform(X[:7]).shape == (7, 16)
    assert extractor.transform(X[:7]) == pytest.approx(extractor.transform(X)[:7], abs=1e-4)


def test_samples_without_a_class_are_left_out():
    X, y = blobs()
    masked = np.where(np.arange(600) < 300, y, -1)
    scrambled = X.copy()
    scrambled[300:] = scrambled[300:][::-1]  # the same values in another order, so that scaling stays
    first = ClassifierFeatures(20, unlabeled=-1, random_state=0).fit(X, masked)
    second = ClassifierFeatures(20, unlabeled=-1, random_state=0).fit(scrambled, masked)
    assert first.transform(X) == pytest.approx(second.transform(X), abs=1e-5)


def test_self_supervision_beats_the_random_net_it_starts_from_on_images():
    taught, random = (SelfSupervisedFeatures(steps, features=32, random_state=0).fit(IMAGES) for steps in (150, 0))
    assert probe(taught, IMAGES, CLASSES, 300) > probe(random, IMAGES, CLASSES, 300) + 0.03


def test_the_seed_decides_and_clones_are_new():
    X, y = blobs(100)
    for extractor in (ClassifierFeatures(5, random_state=3), SelfSupervisedFeatures(5, random_state=3)):
        fitted, again = clone(extractor).fit(X, y), clone(extractor).fit(X, y)
        assert np.array_equal(fitted.transform(X), again.transform(X))
        other = clone(extractor).set_params(random_state=4).fit(X, y)
        assert not np.array_equal(fitted.transform(X), other.transform(X))
        with pytest.raises(NotFittedError):
            extractor.transform(X)


@pytest.mark.data
def test_mnist_features_without_labels_beat_random_ones():
    folder = Path(os.environ["GAN_EXT_DATA"]) / "mnist"
    X = read_idx(folder / "train-images-idx3-ubyte.gz")[:6000, None].astype(np.float32)
    y = read_idx(folder / "train-labels-idx1-ubyte.gz")[:6000]
    taught, random = (SelfSupervisedFeatures(steps, random_state=0).fit(X) for steps in (200, 0))
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
        (lambda X, y: ClassifierFeatures(batch_size=1).fit(X, y), "batch_size=1 must be an integer, at least 2"),
        (lambda X, y: ClassifierFeatures(features=0).fit(X, y), "features=0 must be an integer, at least 1"),
        (lambda X, y: ClassifierFeatures(learning_rate=-1).fit(X, y), "learning_rate=-1 must not be negative"),
        (lambda X, y: ClassifierFeatures(device="tpu").fit(X, y), "device='tpu' is unknown"),
        (lambda X, y: SelfSupervisedFeatures(-1).fit(X), "max_iter=-1 must be an integer, at least 0"),
        (lambda X, y: SelfSupervisedFeatures(temperature=0).fit(X), "temperature=0 must be positive"),
        (lambda X, y: SelfSupervisedFeatures(corruption=1).fit(X), r"corruption=1 in \(0, 1\)"),
        (lambda X, y: SelfSupervisedFeatures(1).fit(X[:, None]), r"pass a table \(n, d\) or images"),
        (lambda X, y: SelfSupervisedFeatures(1).fit(X[:1]), "X has 1 sample"),
        (lambda X, y: SelfSupervisedFeatures(0).fit(X).transform(X[:, :3]), r"samples of shape \(3,\), but fit was"),
    ],
)
def test_errors_are_sentences(call, sentence):
    X, y = blobs(50)
    with pytest.raises(ValueError, match=sentence):
        call(X, y)

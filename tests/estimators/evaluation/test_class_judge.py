"""A judge of wanted classes whose features are the samples themselves: generated, taught and real ones."""

from typing import Any

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.neighbors import KNeighborsClassifier

from gan_ext.estimators import ClassJudge

CENTERS = np.array([[-2.0, 0.0], [2.0, 0.0]])
NAMES = np.array(["left", "right"])


class BySign:
    """Sees a sample's own numbers, and its class by the sign of the first."""

    def transform(self, X: Any) -> np.ndarray:
        return np.asarray(X, np.float64)

    def predict(self, X: Any) -> np.ndarray:
        return NAMES[(np.asarray(X)[:, 0] > 0).astype(int)]


def samples(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    numbers = np.arange(n) % 2
    return CENTERS[numbers] + np.random.default_rng(seed).standard_normal((n, 2)), numbers


@pytest.fixture(scope="module")
def judge() -> ClassJudge:
    X, y = samples(300, 0)
    return ClassJudge(BySign(), X, NAMES[y])


def test_real_samples_reach_what_is_within_reach(judge: ClassJudge) -> None:
    X, y = samples(900, 1)
    real = judge.reachable(X, NAMES[y], random_state=0)
    assert real.hit_rate == judge.accuracy() == np.mean(judge.classifier.predict(judge.X) == judge.y)
    assert 0.9 < real.hit_rate < 1
    assert real.coverage > 0.9
    assert real == judge.reachable(X, NAMES[y], random_state=0)
    collapsed = judge.scores(CENTERS[y[:300]] + 1e-3 * X[:300], NAMES[y[:300]])
    assert collapsed.hit_rate == 1
    assert collapsed.coverage < 0.2
    assert collapsed.diversity < 0.01


def test_a_classifier_taught_by_generated_samples_is_asked_about_real_ones(judge: ClassJudge) -> None:
    X, y = samples(300, 2)
    assert judge.accuracy(KNeighborsClassifier(9).fit(X, NAMES[y])) > 0.9
    assert judge.accuracy(KNeighborsClassifier(9).fit(X, NAMES[1 - y])) < 0.1
    assert judge.accuracy(DummyClassifier().fit(X, NAMES[y])) == 0.5

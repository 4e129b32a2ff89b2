"""The table of any estimator: known generators get what they deserve, every estimator has one, bad input is refused."""

import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression

from gan_ext import (
    ConditionalGAN,
    InfoGAN,
    SeedEnsembleClassifier,
    SemiSupervisedGANClassifier,
    SequenceGAN,
    evaluate,
)
from gan_ext.estimators import ClassifierFeatures, EvaluatesItself
from gan_ext.estimators.evaluation import evaluator, measuring
from gan_ext.estimators.evaluation.result import Evaluation, EvaluationRow
from gan_ext.games import SeqGAN
from gan_ext.metrics import frechet_distance

CENTERS = np.array([[-4.0, 0.0], [4.0, 0.0]])


def data(n=400, seed=0):
    rng = np.random.default_rng(100 + seed)  # other numbers than those of `Known`
    y = rng.integers(0, 2, n)
    return CENTERS[y] + rng.normal(size=(n, 2)), y


class Known:
    """A generator whose distribution is known."""

    def __init__(self, shift=0.0, keep=(0, 1), source=None):
        self.shift, self.keep, self.source = shift, keep, source

    def sample(self, n_samples=1, random_state=None):
        rng = np.random.default_rng(random_state)
        if self.source is not None:
            return self.source[rng.integers(0, len(self.source), n_samples)]
        return CENTERS[rng.choice(self.keep, n_samples)] + rng.normal(size=(n_samples, 2)) + self.shift


def outside(row):
    return not row.low <= row.floor <= row.high


def test_a_perfect_generator_is_at_the_floor_and_others_are_not():
    X, _ = data(2000)
    perfect, shifted, collapsed = (evaluate(Known(*each), X, resamples=4) for each in ((), (1.0,), (0.0, (0,))))
    assert perfect.n == 1000
    for metric in ("frechet distance", "kernel distance", "sliced wasserstein"):
        assert perfect[metric].value < 0.5 * min(shifted[metric].value, collapsed[metric].value)
        assert outside(shifted[metric])
    for metric in ("recall", "coverage"):
        assert perfect[metric].value == pytest.approx(perfect[metric].floor, abs=0.05)
        assert collapsed[metric].value < 0.6
    assert collapsed["precision"].value > 0.9
    assert perfect["coverage"].floor == pytest.approx(1 - 2.0**-5, abs=0.02)
    assert perfect["two-sample accuracy"].low <= 0.5 <= perfect["two-sample accuracy"].high
    assert shifted["two-sample accuracy"].value > 0.6
    assert perfect["nearest neighbor accuracy"].value == pytest.approx(0.5, abs=0.05)


def test_copies_of_training_data_are_told():
    training, X = data(1000, 1)[0], data(1000)[0]
    fair, copied = (
        evaluate(model, X, training=training, resamples=0) for model in (Known(), Known(source=training + 1e-3))
    )
    assert copied["near-copies"].value > 0.95 > fair["near-copies"].value
    assert copied["c_t"].value < -10
    assert abs(fair["c_t"].value) < 4
    assert fair["near-copies"].floor == copied["near-copies"].floor == pytest.approx(fair["near-copies"].value, abs=0.1)
    assert fair["c_t"].low is None


def test_the_figures_are_those_of_the_metrics_on_the_features_given():
    X, _ = data(200)
    seen = []

    def widened(x):
        seen.append(x.shape)
        return torch.tensor(np.c_[x, x[:, :1] * x[:, 1:]])

    found = evaluate(Known(), X, features=widened, n=80, random_state=5, resamples=0)
    assert seen[:3] == [(80, 2)] * 3
    order = np.random.default_rng(5).permutation(200)
    made = Known().sample(80, 5)
    expected = frechet_distance(widened(X[order[:80]]), widened(made))
    assert found["frechet distance"].value == pytest.approx(expected, rel=1e-6)
    floor = frechet_distance(widened(X[order[:80]]), widened(X[order[80:160]]))
    assert found["frechet distance"].floor == pytest.approx(floor, rel=1e-6)
    assert found.features == "widened"


def test_it_is_plain_data_and_a_printed_table():
    X, _ = data(100)
    found = evaluate(Known(), X, resamples=4)
    assert found == evaluate(Known(), X, resamples=4)
    back = json.loads(json.dumps(found.to_dict()))
    assert back["n"] == 50
    assert back["rows"][0]["metric"] == "frechet distance"
    lines = str(found).splitlines()
    assert lines[0] == "Known: 50 generated against 50 real samples, on standardized columns"
    assert lines[2].split() == ["metric", "generated", "95", "%", "interval", "floor", "better"]
    assert max(map(len, lines)) <= 100
    assert "50 samples of each kind are few" in str(found)
    with pytest.raises(KeyError, match="no metric 'fid'; there are frechet distance"):
        found["fid"]


def small(**more):
    return {"max_iter": 3, "random_state": 0, **more}


@pytest.mark.parametrize(
    "estimator",
    [
        SemiSupervisedGANClassifier(**small(hidden_layer_sizes=(8,))),
        InfoGAN(2, **small(hidden_layer_sizes=(8,))),
        ConditionalGAN(**small(hidden_layer_sizes=(8,))),
        SeedEnsembleClassifier(SemiSupervisedGANClassifier(**small(hidden_layer_sizes=(8,))), 2, random_state=0),
    ],
    ids=lambda each: type(each).__name__,
)
def test_every_estimator_has_a_table(estimator):
    X, y = data(120)
    y[:20] = -1 if "unlabeled" in str(estimator.get_params()) and not isinstance(estimator, InfoGAN) else y[:20]
    found = evaluate(estimator.fit(X, y), X, y, resamples=2)
    assert found.estimator == type(estimator).__name__
    names = [row.metric for row in found.rows]
    assert ("accuracy" in names) == hasattr(estimator, "decision_function") or "accuracy" in names
    if "accuracy" in names:
        known = y != -1
        assert found["accuracy"].value == pytest.approx(np.mean(estimator.predict(X[known]) == y[known]))
        assert found["accuracy"].floor is None


class Asked(Known):
    """Somebody else's estimator, which makes the class that it is asked for."""

    classes_ = np.array([0, 1])

    def sample(self, n_samples=1, *, y=None, random_state=None):
        rng = np.random.default_rng(random_state)
        y = rng.integers(0, 2, n_samples) if y is None else np.asarray(y)
        return CENTERS[y] + rng.normal(size=(len(y), 2))


def test_whoever_makes_samples_of_a_class_is_tried_on_classes():
    X, y = data(200)
    found = evaluate(Asked(), X, y, resamples=0)
    assert found["gan-test"].value > 0.95
    assert found["gan-train"].value > 0.95
    assert "gan-test" not in str(evaluate(Asked(), X, resamples=0))
    assert "gan-test" not in str(evaluate(Known(), X, y, resamples=0))


def test_whoever_has_a_table_of_its_own_is_asked_for_it():
    class Own:
        def evaluate_samples(self, X, y, n, training, resamples, random_state):
            rows = tuple(EvaluationRow(str(each), 1.0, None, None, None, "higher") for each in (X, y, training))
            return Evaluation("Own", n, f"{resamples} {random_state}", rows)

    assert isinstance(Own(), EvaluatesItself)
    found = evaluate(Own(), "words", n=30, resamples=3, random_state=7)
    assert (found.n, found.features) == (30, "3 7")
    assert [row.metric for row in found.rows] == ["words", "None", "None"]


def test_the_seed_is_a_random_state():
    X, _ = data(100)
    first, second = (evaluate(Known(), X, resamples=0, random_state=np.random.RandomState(3)) for _ in range(2))
    assert first == second != evaluate(Known(), X, resamples=0)
    with pytest.raises(ValueError, match="random_state='x' must be an integer"):
        evaluate(Known(), X, random_state="x")


def test_evaluation_knows_no_estimator():
    """Its files import the base, features and metrics: who can do what is asked by name of a method."""
    folder = Path(evaluator.__file__).parent
    taken = {line for path in folder.glob("*.py") for line in path.read_text().splitlines() if "import" in line}
    rooms = {line.split()[1].split(".")[2] for line in taken if line.startswith("from gan_ext.estimators.")}
    assert rooms <= {"base", "evaluation"}


def test_a_classifier_that_makes_nothing_has_its_accuracy_alone():
    X, y = data(120)
    ensemble = SeedEnsembleClassifier(LogisticRegression(), 2, random_state=0).fit(X, y)
    found = evaluate(ensemble, X, y)
    assert [row.metric for row in found.rows] == ["accuracy"]
    with pytest.raises(TypeError, match="SeedEnsembleClassifier, which cannot make samples"):
        evaluate(ensemble, X)


def test_images_get_features_trained_on_the_spot_and_class_scores():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 60)
    X = np.zeros((60, 1, 8, 8)) + y[:, None, None, None] * np.tri(8) + 0.1 * rng.normal(size=(60, 1, 8, 8))
    good, bad = Known(source=X), Known(source=X[y == 0])
    extractor = ClassifierFeatures(max_iter=60, random_state=0).fit(X, y)
    found = [evaluate(each, X, y, features=extractor, resamples=0) for each in (good, bad)]
    assert found[0]["inception score"].value == pytest.approx(2, abs=0.2)
    assert found[1]["mode score"].value == pytest.approx(0.5, abs=0.2)  # exp(0 - log 2)
    assert found[0]["inception score"].floor == pytest.approx(2, abs=0.2)
    assert found[0].features == "ClassifierFeatures"


@pytest.mark.parametrize("labeled", [True, False])
def test_default_features_of_images(labeled, monkeypatch):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 1, 8, 8)), np.arange(40) % 2
    name = "ClassifierFeatures" if labeled else "SelfSupervisedFeatures"
    monkeypatch.setattr(evaluator, name, partial(getattr(evaluator, name), max_iter=2))
    found = evaluate(Known(source=X), X, y if labeled else None, resamples=0)
    assert found.features == name
    assert "The features were trained on X" in str(found)
    assert ("mode score" in str(found)) == labeled


TEXTS = [
    f"{a} {b} {c}" for a in ("a", "the") for b in ("dog", "cat", "man", "car") for c in ("sat", "ran", "is", "ate")
]


def test_texts_have_scores_of_texts():
    model = SequenceGAN(
        partial(SeqGAN, rollouts=0), likelihood_iter=20, warm_up_iter=1, max_iter=1, guard=False, random_state=0
    )
    texts = TEXTS * 2
    model.fit(texts)
    found = evaluate(model, texts, training=texts, resamples=2)
    assert found.n == 32
    assert found["bleu-3"].floor > 0.3
    assert found["copies"].floor == 1
    assert 0 <= found["copies"].value <= 1
    assert found["perplexity"].value == pytest.approx(model.perplexity(texts))
    assert found["frechet distance"].low <= found["frechet distance"].value
    assert json.loads(json.dumps(found.to_dict()))["features"] == "n-grams"
    with pytest.raises(ValueError, match="X has 12 sequences; at least 40"):
        evaluate(model, TEXTS[:12])
    with pytest.raises(ValueError, match="64 sequences and y 3 labels"):
        evaluate(model, texts, [0, 1, 2])


def test_whole_numbers_are_measured_as_numbers():
    class Seconds(Known):
        def sample(self, n_samples=1, random_state=None):
            return 1_700_000_000 + np.round(100 * super().sample(n_samples, random_state)).astype(np.int64)

    X = 1_700_000_000 + np.round(100 * data(400)[0]).astype(np.int64)
    found, expected = (evaluate(Seconds(), each, resamples=0) for each in (X, X.astype(np.float64)))
    assert found == expected
    assert found["frechet distance"].value == pytest.approx(evaluate(Known(), data(400)[0]).rows[0].value, rel=0.1)


def test_order_in_memory_reaches_no_figure():
    X = data(100)[0].astype(np.float32)
    frozen = X.copy()
    frozen.setflags(write=False)
    for given in (np.asfortranarray(X), X[::-1].copy()[::-1], frozen, torch.tensor(X)):
        assert evaluate(Known(), given, resamples=2) == evaluate(Known(), X, resamples=2)


def test_features_computed_before_are_taken_as_they_are_where_it_is_said():
    X = np.c_[data(200)[0], np.random.default_rng(0).normal(size=200) * 1e-4]

    class Wide(Known):
        def sample(self, n_samples=1, random_state=None):
            return np.c_[super().sample(n_samples, random_state), np.full(n_samples, 0.05)]

    given, by_function, standardized = (
        evaluate(Wide(), X, features=features, resamples=0) for features in ("as given", lambda x: x, None)
    )
    assert given.rows == by_function.rows
    assert given.features == "columns as given"
    assert standardized["frechet distance"].value > 1e5 * given["frechet distance"].value
    assert "Columns 2 of the generated samples lie more than 100 deviations off" in " ".join(str(standardized).split())
    assert "deviations off" not in str(given)
    with pytest.raises(TypeError, match="features='raw' must be"):
        evaluate(Wide(), X, features="raw")


def test_a_column_that_is_constant_but_for_rounding_is_not_blown_up():
    X = np.c_[data(200)[0], np.full(200, 1 / 3) + np.arange(200) % 2 * 4e-8].astype(np.float32)
    assert len(np.unique(X[:, 2])) == 2

    class Wide(Known):
        def sample(self, n_samples=1, random_state=None):
            return np.c_[super().sample(n_samples, random_state), np.full(n_samples, 1 / 3 + 1e-4)]

    assert evaluate(Wide(), X, resamples=0)["frechet distance"].value < 1


def test_a_metric_that_fails_says_why_and_leaves_the_others(monkeypatch):
    def fails(*_, **settings):
        raise ValueError("It has no value on Sundays.")

    X, _ = data(100)
    whole = evaluate(Known(), X, resamples=2)
    monkeypatch.setattr(measuring, "nearest_neighbor_test", fails)
    monkeypatch.setattr(measuring, "two_sample_test", fails)
    found = evaluate(Known(), X, resamples=2)
    assert [row.metric for row in found.rows] == [row.metric for row in whole.rows]
    for row in found.rows:
        wrong = row.metric in ("nearest neighbor accuracy", "two-sample accuracy")
        assert row.failed == ("It has no value on Sundays." if wrong else "")
        assert np.isnan(row.value) == wrong
        assert wrong or row == whole[row.metric]
    assert "! two-sample accuracy: It has no value on Sundays." in str(found)
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["rows"][-1]["value"] is None


def test_classes_that_never_occur_have_a_mode_score():
    class Sure:
        def transform(self, X):
            return X

        def predict_proba(self, X):
            return np.eye(3)[(X[:, 0] > 0).astype(int)]

    found = evaluate(Known(), data(200)[0], features=Sure(), resamples=4)
    assert found["mode score"].value == pytest.approx(2, abs=0.1)
    assert not any(row.failed for row in found.rows)


def test_intervals_stay_within_what_a_metric_can_be():
    class Far(Known):
        def sample(self, n_samples=1, random_state=None):
            made = super().sample(n_samples, random_state) + 6
            made[0] = 0.0
            return made

    for row in evaluate(Far(), data(80)[0], resamples=10).rows:
        if row.metric in ("precision", "recall", "coverage", "nearest neighbor accuracy", "two-sample accuracy"):
            assert 0 <= row.low <= row.value <= row.high <= 1
        elif row.metric != "kernel distance":
            assert row.low >= 0


X, Y = data(60)


@pytest.mark.parametrize(
    ("arguments", "settings", "kind", "sentence"),
    [
        ((Known(), X), {"n": 5}, ValueError, "n=5 must be an integer, at least 20"),
        ((Known(), X), {"resamples": -1}, ValueError, "resamples=-1 must be an integer, at least 0"),
        ((Known(), X), {"resamples": 1}, ValueError, "resamples=1 makes no interval"),
        ((Known(), X), {"features": 3}, TypeError, "features=3 must be a function of samples"),
        ((Known(), X), {"device": "tpu"}, ValueError, "device='tpu' is unknown"),
        ((Known(), X[:30]), {}, ValueError, "X has 30 samples; at least 40"),
        ((Known(), X * np.nan), {}, ValueError, "X must be finite numbers"),
        ((Known(), X.astype(str)), {}, ValueError, "X must be numbers"),
        ((Known(), X, Y[:9]), {}, ValueError, "X has 60 samples and y 9 labels"),
        ((Known(), X[:, :1]), {}, ValueError, r"makes samples of shape \(2,\), X has samples of \(1,\)"),
        ((Known(), X), {"features": lambda x: x[:, 0]}, ValueError, r"a matrix \(30, F\), it returned shape \(30,\)"),
        ((InfoGAN(), X), {}, NotFittedError, "not fitted"),
        ((LogisticRegression().fit(X, Y), X), {}, TypeError, "LogisticRegression, which cannot make samples"),
    ],
)
def test_bad_input_is_refused(arguments, settings, kind, sentence):
    with pytest.raises(kind, match=sentence):
        evaluate(*arguments, **settings)

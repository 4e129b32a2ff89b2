"""Labels as users have them: each kind is read as it is meant, or refused by a sentence that says what to do."""

import warnings
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import cross_val_score

from gan_ext import ConditionalGAN, InfoGAN, SemiSupervisedGANClassifier, evaluate
from gan_ext.data import LabeledFold, semi_supervised_split
from gan_ext.data.missing import plain_labels
from gan_ext.estimators.base.checks import warn_of_chance
from gan_ext.estimators.base.labels import every_label, read_labels
from gan_ext.estimators.semi_supervised.class_mix import estimated_mix

HIDDEN = [0, 1, -1, 1, -1, 0]
MISSING = [0, 1, None, 1, None, 0]
NAMES = ["a", "b", None, "b", None, "a"]


def _series(values: list[Any], dtype: str | None = None) -> Any:
    return pytest.importorskip("pandas").Series(values, dtype=dtype)


@pytest.mark.parametrize(
    "y",
    [
        HIDDEN,
        MISSING,
        [float("nan") if label is None else label for label in MISSING],
        np.array(MISSING, object),
        np.array(MISSING, float),
        torch.tensor(HIDDEN),
        np.array([-1 if label is None else label for label in MISSING], np.int8),
    ],
)
def test_missing_numbers_are_no_label_and_classes_stay_integers(y: Any) -> None:
    labels = read_labels(y, -1)
    assert labels.codes.tolist() == HIDDEN
    assert labels.classes.dtype.kind == "i"


@pytest.mark.parametrize("dtype", [None, "Int64", "float64", "category", "object"])
def test_missing_numbers_of_pandas_are_no_label(dtype: str | None) -> None:
    labels = read_labels(_series(MISSING, dtype), -1)
    assert labels.codes.tolist() == HIDDEN
    assert labels.classes.tolist() == [0, 1]
    assert labels.classes.dtype.kind == "i"
    assert read_labels(_series(HIDDEN, "Int64"), -1).classes.dtype == np.int64


@pytest.mark.parametrize("dtype", [None, "string", "category", "object"])
def test_missing_names_are_no_label(dtype: str | None) -> None:
    for y in (NAMES, np.array(NAMES, object), [-1 if name is None else name for name in NAMES], _series(NAMES, dtype)):
        labels = read_labels(y, -1)
        assert labels.codes.tolist() == HIDDEN
        assert labels.classes.tolist() == ["a", "b"]


def test_a_mark_of_ones_own_stays_beside_what_is_missing() -> None:
    labels = read_labels(["a", "b", "?", "b", None, "a"], "?")
    assert labels.codes.tolist() == HIDDEN


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([1, "a", -1, 1], r"mixes labels of several types, such as 'a' \(str\) and 1 \(int\)"),
        (np.array([1, "a", -1, 1], object), "mixes labels of several types"),
        (np.array([0, 1, -1, 0]).astype(np.uint8), "class 255 and the type uint8, in which -1, .* becomes 255"),
        (np.array([0, 1, -1, 0]).astype(np.uint16), "class 65535 and the type uint16"),
        ([1, -1, 1, -1], "one class only .*if the classes are 1 and -1, pass another mark as `unlabeled`"),
        (np.array(["a", "b", ""]), "class '', an empty text. If it means 'no label', pass unlabeled=''"),
        (["a", "b", ""], "class '', an empty text"),
        (np.array(["a", "b", np.nan]), r"class 'nan', .* turns NaN into. .*fillna\(-1\)"),
        (np.array(["a", "b", "None"]), "class 'None', "),
        ([None, float("nan")], "no labeled sample"),
    ],
)
def test_what_cannot_be_meant_is_refused(y: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_labels(y, -1)


def test_a_byte_with_all_values_and_a_declared_nan_are_classes() -> None:
    assert len(read_labels(np.tile(np.arange(256, dtype=np.uint8), 3), -1).classes) == 256
    assert read_labels(np.array(["a", "nan"]), -1, ["a", "nan"]).codes.tolist() == [0, 1]
    assert read_labels([1, -1, 1], None).codes.tolist() == [1, 0, 1]


def test_where_each_sample_needs_a_class_none_is_refused() -> None:
    assert every_label([0, 1, 1]).tolist() == [0, 1, 1]
    assert every_label([-1, 1], [-1, 1]).tolist() == [-1, 1]
    for y in ([0, 1, -1], ["a", "b", "-1"], [0, 1, None], [0.0, 1.0, float("nan")], ["a", "b", -1]):
        with pytest.raises(ValueError, match="for 1 of its 3 samples, which means 'no label'"):
            every_label(y)
    with pytest.raises(ValueError, match="y lacks 1 of its 3 labels"):
        read_labels([0, 1, None], None)


def test_labels_of_two_axes_are_left_to_who_checks_shapes() -> None:
    assert plain_labels([[1], [2]], -1).shape == (2, 1)


def _table() -> tuple[Any, Any, Any]:
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(-2, 1, (60, 3)), rng.normal(2, 1, (60, 3))])
    truth = np.repeat(["low", "high"], 60)
    return X, truth, np.where(np.arange(120) % 60 < 4, truth, None)


def test_a_frame_is_fitted_evaluated_and_reported_on_without_a_warning() -> None:
    X, truth, shown = _table()
    frame = pytest.importorskip("pandas").DataFrame(X, columns=["a", "b", "c"])
    model = SemiSupervisedGANClassifier(max_iter=60, random_state=0, device="cpu").fit(frame, shown)
    assert list(model.feature_names_in_) == ["a", "b", "c"]
    assert model.score(frame, truth) > 0.95
    assert model.novelty(frame, "feature_distance").shape == (120,)
    assert "accuracy" in str(evaluate(model, frame, truth, resamples=0))
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        model.predict(X)  # scikit-learn's rule for users: a frame once, a frame always
    infogan = InfoGAN(2, n_continuous=1, max_iter=60, random_state=0, device="cpu").fit(frame, shown)
    assert infogan.labels_.shape == (120,)
    source = infogan.code_source()
    assert source.real is not None
    assert source.real.predict is not None
    assert np.array_equal(source.real.predict(source.real.check(frame)), infogan.labels_)
    conditional = ConditionalGAN(max_iter=10, random_state=0, device="cpu").fit(frame, truth)
    assert "frechet distance" in str(evaluate(conditional, frame, truth, resamples=0))


def test_a_score_leaves_out_who_has_no_label_and_is_an_error_if_nobody_has_one() -> None:
    X, truth, shown = _table()
    model = SemiSupervisedGANClassifier(max_iter=60, random_state=0, device="cpu").fit(X, shown)
    assert model.score(X, shown) == model.score(X[shown == truth], truth[shown == truth]) > 0.9
    half = np.where(np.arange(120) < 60, "high", None)  # all of them wrong
    assert model.score(X, half) < 0.1
    weights = np.arange(120) % 60 == 0
    assert model.score(X, shown, weights) in (0.0, 0.5, 1.0)
    for nobody in (np.full(120, -1), [None] * 120):
        with pytest.raises(ValueError, match=r"all 120 are -1 or missing, and nothing can be scored.*LabeledFold"):
            model.score(X, nobody)
    scores = cross_val_score(model.set_params(max_iter=40), X, shown, cv=LabeledFold(2), error_score="raise")
    assert scores.mean() > 0.7


def test_a_temperature_is_not_found_by_few_samples_or_easy_ones() -> None:
    X, truth, shown = _table()
    model = SemiSupervisedGANClassifier(max_iter=60, random_state=0, device="cpu").fit(X, shown)
    with pytest.raises(ValueError, match="cannot find a temperature by 3 samples; it takes 10"):
        model.calibrate(X[:3], truth[:3])
    sure = model.predict(X)
    with pytest.warns(UserWarning, match="the labels are all as predicted.* temperature_ stays 1;"):
        model.calibrate(X, sure)
    with pytest.warns(UserWarning, match="predictions say nothing about the labels"):
        model.calibrate(X, np.where(sure == "low", "high", "low"))
    assert model.temperature_ == 1


def _rare(share: float, n: int) -> tuple[Any, Any, Any]:
    rng = np.random.default_rng(0)
    truth = (rng.random(1500) < share).astype(int)
    X = rng.normal(size=(1500, 6)) + 2.2 * truth[:, None]
    split = semi_supervised_split(truth, n, random_state=0)
    return *split.training_data(X, truth), truth


def test_equal_labels_of_a_rare_class_bring_the_remedy_and_a_stated_mix_holds() -> None:
    X, y, _ = _rare(0.04, 20)
    model = SemiSupervisedGANClassifier(max_iter=2, random_state=0, device="cpu")
    with pytest.warns(UserWarning, match="Class 1 is 50% of what `balance` expects.*pass balance=0, or the mix"):
        model.fit(X, y)
    for remedy in ({"balance": 0}, {"class_prior": [0.96, 0.04]}):
        clone(model).set_params(**remedy).fit(X, y)  # a warning would be an error
    X, y, _ = _rare(0.5, 20)
    clone(model).fit(X, y)


def test_the_mix_is_estimated_from_labels_that_are_enough() -> None:
    X, y, truth = _rare(0.04, 40)
    mix = estimated_mix(X, read_labels(y, -1), 0)
    assert mix is not None
    assert mix[1] == pytest.approx(truth.mean(), abs=0.02)
    few = np.where((y >= 0) & (np.cumsum(y >= 0) > 12), -1, y)
    few[np.flatnonzero(few == 1)[2:]] = -1
    assert estimated_mix(X, read_labels(np.where(np.arange(len(y)) == 30, 1, few), -1), 0) is None
    assert estimated_mix(np.random.default_rng(0).normal(size=X.shape), read_labels(y, -1), 0) is None


def test_a_fit_that_ends_at_chance_says_so() -> None:
    X, _, shown = _table()
    wild = SemiSupervisedGANClassifier(max_iter=30, learning_rate=10.0, random_state=0, device="cpu")
    with pytest.warns(ConvergenceWarning, match="no better than chance: of its own 8 labeled samples"):
        wild.fit(X, shown)
    with pytest.warns(ConvergenceWarning, match="no better than chance"):
        warn_of_chance(np.array([0, 0, 0, 1]), np.zeros(4, int))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        SemiSupervisedGANClassifier(max_iter=60, random_state=0, device="cpu").fit(X, shown)
        warn_of_chance(np.array([0, 0, 0, 1]), np.array([0, 0, 0, 1]))

"""All estimators have one face: the same parameters in the same place, checked before any work, and `sample` alike."""

import inspect
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator, clone
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from gan_ext import estimators
from gan_ext.engine import Extragradient
from gan_ext.estimators import (
    ClassifierFeatures,
    ConditionalGAN,
    InfoGAN,
    LabeledOnly,
    PlugAndPlayGAN,
    PretrainedFeatures,
    SeedEnsembleClassifier,
    SelfSupervisedFeatures,
    SemiSupervisedGANClassifier,
    SemiSupervisedProtocol,
    SequenceGAN,
    SteeredSequenceGAN,
)
from gan_ext.estimators.base.parameters import SHARED, check_parameters
from gan_ext.testing import NO_NUMBERS, WRONG_VALUES

TRAINING = [
    SemiSupervisedGANClassifier(), InfoGAN(), ConditionalGAN(), PlugAndPlayGAN(), SequenceGAN(),
    SteeredSequenceGAN(SequenceGAN()), ClassifierFeatures(), SelfSupervisedFeatures(),
]  # fmt: skip
OTHERS = [
    LabeledOnly(KNeighborsClassifier()),
    SeedEnsembleClassifier(LogisticRegression()),
    PretrainedFeatures(lambda x: x.flatten(1)),
]
SAMPLING = [each for each in TRAINING if hasattr(each, "sample")]

# What the docstring of every estimator begins with, for each parameter that all have.
HEADS = {
    "max_iter": "(Training s|S)teps",
    "batch_size": r"[\w ]+ in a step",
    "learning_rate": "Step size",
    "solver": r"How a step (of the game )?is played, such as :class:`gan_ext.engine.\w+`",
    "clip": "Largest norm of (a player's|the) gradient, for training that blows up; None for",
    "averaging": r"Decay of the averaged weights [\w ]+, per step",
    "device": '``"auto"`` \\(CUDA when there is one\\), ``"cpu"``, ``"cuda"`` or ``"cuda:N"``.',
    "data_device": r"Where data lie while a GPU trains: there, on the host \(batches are copied ahead\), or as memory",
    "precision": 'Of training.*; ``"bfloat16"`` is faster on processors that have it.',
    "checkpoint": "Folder to which `fit` saves every `checkpoint_every` steps and from which it resumes, bit for bit.",
    "checkpoint_every": "Steps between checkpoints.",
    "verbose": "Whether to print",
    "callbacks": "Called with the engine after every step of",
    "warm_start": "Whether `fit` goes on from",
    "random_state": "Decides initial weights",
}


def name_of(value: Any) -> str:
    return type(value).__name__


def parameters(estimator: BaseEstimator) -> list[str]:
    return list(inspect.signature(type(estimator).__init__).parameters)[1:]


def sentence(call: Callable[[], Any]) -> str:
    """Return what a call says in a ValueError, or nothing; any other error is one of the test."""
    try:
        call()
    except ValueError as error:
        return str(error)
    return ""


def refused(estimator: BaseEstimator, name: str, value: Any) -> bool:
    """Return whether a value is refused, by a sentence that names its parameter."""
    kept = getattr(estimator, name)
    setattr(estimator, name, value)
    said = sentence(lambda: check_parameters(estimator))
    setattr(estimator, name, kept)
    assert not said or name in said, (name, value, said)
    return bool(said)


def test_all_estimators_are_looked_at() -> None:
    public = [getattr(estimators, name) for name in estimators.__all__]
    found = {each for each in public if inspect.isclass(each) and issubclass(each, BaseEstimator)}
    assert found == {type(each) for each in TRAINING + OTHERS}


@pytest.mark.parametrize("estimator", TRAINING, ids=name_of)
def test_the_shared_parameters_are_the_last_ones_in_order(estimator: BaseEstimator) -> None:
    assert tuple(parameters(estimator)[-len(SHARED) :]) == SHARED
    signature = inspect.signature(type(estimator).__init__).parameters
    assert all(signature[name].kind is inspect.Parameter.KEYWORD_ONLY for name in SHARED)
    assert signature["warm_start"].default is False
    assert signature["verbose"].default is False


@pytest.mark.parametrize("estimator", TRAINING, ids=name_of)
def test_docstrings_have_the_parameters_in_order_and_the_same_sentences(estimator: BaseEstimator) -> None:
    text = inspect.getdoc(type(estimator)) or ""
    section = text[text.index("Parameters\n-") : text.index("Attributes\n-")]
    entries = re.findall(r"^([\w, ]+) : .*\n    (.*)$", section, re.MULTILINE)
    names = [name for given, _ in entries for name in given.split(", ")]
    assert names == parameters(estimator)
    sentences = dict(entries)
    assert [name for name in SHARED if not re.match(HEADS[name], sentences[name])] == []


@pytest.mark.parametrize("estimator", TRAINING + OTHERS, ids=name_of)
def test_every_parameter_has_a_constraint_that_its_default_keeps(estimator: BaseEstimator) -> None:
    assert set(estimator._parameter_constraints) == set(parameters(estimator))
    check_parameters(estimator)


@pytest.mark.parametrize("estimator", TRAINING + OTHERS, ids=name_of)
def test_wrong_values_are_refused_by_name_before_any_work(estimator: BaseEstimator) -> None:
    defaults = estimator.get_params(deep=False)
    for name in parameters(estimator):
        for value in WRONG_VALUES:
            refused(estimator, name, value)
        assert refused(estimator, name, object()), name
        if isinstance(defaults[name], int | float) and not isinstance(defaults[name], bool) and name != "unlabeled":
            assert [value for value in NO_NUMBERS if not refused(estimator, name, value)] == [], name
        if isinstance(defaults[name], bool) and name != "verbose":
            assert [value for value in [0, 1, 2, "yes", None] if not refused(estimator, name, value)] == [], name


@pytest.mark.parametrize("estimator", TRAINING, ids=name_of)
@pytest.mark.parametrize(("name", "value"), [("max_iter", "many"), ("clip", float("nan")), ("device", object())])
def test_fit_checks_before_it_looks_at_data(estimator: BaseEstimator, name: str, value: Any) -> None:
    kept = getattr(estimator, name)
    setattr(estimator, name, value)
    try:
        with pytest.raises(ValueError, match=f"'{name}' parameter of {name_of(estimator)}"):
            estimator.fit(None, None)
    finally:
        setattr(estimator, name, kept)


def test_the_others_check_before_they_look_at_data() -> None:
    for estimator in (
        LabeledOnly(KNeighborsClassifier), LabeledOnly(3), SeedEnsembleClassifier(KNeighborsClassifier),
        SeedEnsembleClassifier(LogisticRegression(), n_jobs=0), PretrainedFeatures("net"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=f"parameter of {name_of(estimator)} must be"):
            estimator.fit(None, None)


def test_the_protocol_refuses_wrong_values_by_name() -> None:
    names = list(inspect.signature(SemiSupervisedProtocol.__init__).parameters)[1:]
    assert set(names) == set(SemiSupervisedProtocol._parameter_constraints)
    for name in names:
        for value in WRONG_VALUES:
            said = sentence(lambda name=name, value=value: SemiSupervisedProtocol(**{"n_labeled": 6, name: value}))
            assert not said or f"'{name}' parameter of SemiSupervisedProtocol" in said
        assert sentence(lambda name=name: SemiSupervisedProtocol(**{"n_labeled": 6, name: object()}))


@pytest.mark.parametrize("estimator", SAMPLING, ids=name_of)
def test_sample_has_one_signature(estimator: BaseEstimator) -> None:
    """``sample(n_samples=1, *, ..., random_state=None)``, with the class as `y`, first by name, where there is one."""
    signature = list(inspect.signature(estimator.sample).parameters.values())
    assert (signature[0].name, signature[0].default) == ("n_samples", 1)
    assert all(each.kind is inspect.Parameter.KEYWORD_ONLY for each in signature[1:])
    assert (signature[-1].name, signature[-1].default) == ("random_state", None)
    names = [each.name for each in signature]
    assert not {*names} & {"label", "labels", "seed", "n"}
    assert "y" not in names or names[1] == "y"


@pytest.mark.parametrize("estimator", SAMPLING, ids=name_of)
def test_sample_says_how_it_is_called(estimator: BaseEstimator) -> None:
    with pytest.raises(ValueError, match="n_samples='three' must be an integer, at least 1"):
        estimator.sample("three")
    with pytest.raises(TypeError, match="sample takes n_samples by position and all else by name: write sample"):
        estimator.sample("three", 5)
    with pytest.raises(TypeError, match=f"{name_of(estimator)}.sample has no parameter 'n'; it has n_samples, "):
        estimator.sample(n=3)
    for wrong in ("x", -1, 2**40, 0.5, True):
        with pytest.raises(ValueError, match=f"random_state={wrong!r} must be an integer from 0 to"):
            estimator.sample(random_state=wrong)


def test_who_has_no_classes_to_ask_for_names_who_has() -> None:
    said = "SemiSupervisedGANClassifier makes samples of no class in particular; ConditionalGAN makes those of a class"
    for given, named in (((5,), {"y": "a"}), (("a", 5), {}), ((5, "a"), {})):
        with pytest.raises(TypeError, match=said):
            SemiSupervisedGANClassifier().sample(*given, **named)


@pytest.mark.parametrize("estimator", TRAINING, ids=name_of)
def test_the_class_of_a_solver_is_no_solver(estimator: BaseEstimator) -> None:
    with pytest.raises(ValueError, match=r"'solver' parameter .* such as gan_ext.engine.Extragradient\(\) \(an object"):
        clone(estimator).set_params(solver=Extragradient).fit(None, None)


@pytest.mark.parametrize("estimator", [ConditionalGAN(), InfoGAN(), PlugAndPlayGAN(), SequenceGAN()], ids=name_of)
def test_moves_of_who_does_not_play_are_refused_by_name(estimator: BaseEstimator) -> None:
    X, y = np.random.default_rng(0).normal(size=(8, 2)), [0, 1] * 4
    data = (["a b", "b a"],) if isinstance(estimator, SequenceGAN) else (X, y)
    short = {name: 1 for name in estimator.get_params(deep=False) if name.endswith("_iter")}
    with pytest.raises(ValueError, match=r"solver=\('critic',\) does not fit the game: its moves .* which are \w+"):
        clone(estimator).set_params(**short, solver=("critic",)).fit(*data)

"""A fitted model of texts is steered by labeled texts, in three lines."""

import math
import re
from functools import partial

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score

from gan_ext import SequenceGAN, SteeredSequenceGAN, evaluate
from gan_ext.nets import LSTMGenerator, PrefixClassifier
from gan_ext.plug_and_play import BestOf, HiddenGradient, Rejection, SequentialMonteCarlo

SMALL = partial(LSTMGenerator, embedding=16, hidden=32)
QUICK = {"max_iter": 150, "learning_rate": 1e-2, "classifier": partial(PrefixClassifier, embedding=8, hidden=16)}


def _texts(n: int = 400) -> list[str]:
    draw = np.random.default_rng(0)
    words = (("the", "a"), ("cat", "dog", "bus"), ("sits", "waits"), ("here", "there", "near the cat"))
    return [" ".join(choice[draw.integers(len(choice))] for choice in words) for _ in range(n)]


@pytest.fixture(scope="module")
def model() -> SequenceGAN:
    return SequenceGAN(
        None, likelihood_iter=150, likelihood_learning_rate=2e-2, generator=SMALL, device="cpu", random_state=0
    ).fit(_texts())


@pytest.fixture(scope="module")
def labels() -> list[str]:
    return ["pet" if "cat" in text.split() or "dog" in text.split() else "none" for text in _texts()]


@pytest.fixture(scope="module")
def steered(model: SequenceGAN, labels: list[str]) -> SteeredSequenceGAN:
    return model.steer(_texts(), labels, **QUICK)


def _share(texts: list[str], label: str) -> float:
    return float(np.mean([("cat" in text or "dog" in text) == (label == "pet") for text in texts]))


def test_three_lines_are_enough(model: SequenceGAN, steered: SteeredSequenceGAN, labels: list[str]) -> None:
    before = {name: value.clone() for name, value in model.generator_.state_dict().items()}
    plain = model.sample(300, random_state=1)
    rate = _share(plain, "none")
    assert 0.1 < rate < 0.45
    assert steered.classes_.tolist() == ["none", "pet"]
    for label in ("none", "pet"):
        assert _share(steered.sample(300, y=label, random_state=1), label) > 0.95
    assert _share(steered.sample(300, y="none", strength=0.3, random_state=1), "none") < 0.9
    told = steered.log_evidence("none", 300)
    assert abs(np.exp(told.value) - rate) < 0.08
    assert all(torch.equal(value, before[name]) for name, value in model.generator_.state_dict().items())
    assert steered.score(_texts(), labels) > 0.97
    assert steered.predict(["the cat sits here", "a bus waits there"]).tolist() == ["pet", "none"]
    np.testing.assert_allclose(steered.predict_proba(_texts(5)).sum(1), 1)


@pytest.mark.parametrize("method", [SequentialMonteCarlo(3), BestOf(8), Rejection(), HiddenGradient(step_size=10.0)])
def test_every_method_serves(steered: SteeredSequenceGAN, method: object) -> None:
    texts = steered.sample(100, y="none", method=method, random_state=0)
    gained = _share(texts, "none") - _share(steered.model.sample(400, random_state=0), "none")
    assert gained > (0.1 if isinstance(method, HiddenGradient) else 0.5)
    assert texts == steered.sample(100, y="none", method=method, random_state=0)


def test_prefixes_and_no_strength(model: SequenceGAN, steered: SteeredSequenceGAN) -> None:
    texts = steered.sample(50, y="none", prefix="a bus", random_state=0)
    assert all(text.startswith("a bus") for text in texts)
    assert _share(texts, "none") > 0.95
    plain = steered.sample(400, y="none", strength=0, random_state=0)
    assert abs(_share(plain, "none") - _share(model.sample(400, random_state=0), "none")) < 0.1


def test_lists_of_tokens_and_classes_of_the_model() -> None:
    notes = [["C", "E", "G"], ["A", "C", "E"], ["G", "B", "D"], ["A", "B"]] * 20
    keys = [0, 1, 0, 1] * 20
    model = SequenceGAN(None, generator=SMALL, likelihood_iter=100, likelihood_learning_rate=2e-2, random_state=0).fit(
        notes, keys
    )
    steered = model.steer(notes, np.array(["B" in each for each in notes]), **QUICK)
    written = steered.sample(60, y=True, generator_y=[0, 1] * 30, random_state=0)
    assert np.mean(["B" in each for each in written]) > 0.9
    assert [each[0] for each in written[:2]] == ["G", "A"]


def test_it_stops_and_goes_on_bit_for_bit(model: SequenceGAN, labels: list[str], tmp_path) -> None:
    settings = {**QUICK, "max_iter": 40, "checkpoint_every": 5, "random_state": 3, "device": "cpu"}

    def stop(engine) -> None:
        if engine.step == 23:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model.steer(_texts(), labels, checkpoint=tmp_path, callbacks=(stop,), **settings)
    resumed = model.steer(_texts(), labels, checkpoint=tmp_path, **settings)
    whole = model.steer(_texts(), labels, **settings)
    assert (resumed.predict_proba(_texts()) == whole.predict_proba(_texts())).all()
    assert resumed.history_ == whole.history_
    costs = [entry["held_out"] for entry in whole.history_ if "held_out" in entry]
    assert costs[0] > min(costs)


def test_copies_share_the_fitted_model(model: SequenceGAN, labels: list[str]) -> None:
    own = SteeredSequenceGAN(model, **QUICK, random_state=0)
    assert clone(own).model is model
    scores = cross_val_score(own, _texts(), labels, cv=2, error_score="raise")
    assert scores.min() > 0.9
    frozen = clone(own).set_params(model=FrozenEstimator(model)).fit(_texts(), labels)
    assert frozen.sample(5, y="pet", random_state=0) == own.fit(_texts(), labels).sample(5, y="pet", random_state=0)


def test_its_texts_are_evaluated(steered: SteeredSequenceGAN, labels: list[str]) -> None:
    found = evaluate(steered, _texts(), labels, n=50, resamples=0)
    assert found.estimator == "SteeredSequenceGAN"
    assert found["accuracy"].value > 0.97
    assert found["bleu-3"].floor - found["bleu-3"].value < 0.3
    assert "accuracy" not in [row.metric for row in evaluate(steered, _texts(), n=50, resamples=0).rows]
    np.testing.assert_allclose(steered.class_prior_, [labels.count("none") / 400, labels.count("pet") / 400])


def test_it_is_a_scikit_learn_estimator(model: SequenceGAN) -> None:
    settings = {"max_iter": 3, "validation_fraction": 0.0, "random_state": 1}
    copied = clone(SteeredSequenceGAN(model, **settings), safe=False)
    assert copied.get_params(deep=False)["max_iter"] == 3
    fitted = SteeredSequenceGAN(model, **settings).fit(_texts(20), [0, 1] * 10)
    assert fitted.n_iter_ == 3
    with pytest.raises(NotFittedError):
        SteeredSequenceGAN(model).sample(y=1)
    with pytest.raises(
        ValueError, match=r"'model' parameter of SteeredSequenceGAN must be .* a FrozenEstimator of one"
    ):
        SteeredSequenceGAN(FrozenEstimator(LogisticRegression())).fit(_texts(20), [0, 1] * 10)
    with pytest.raises(NotFittedError):
        SteeredSequenceGAN(SequenceGAN()).fit(_texts(20), [0, 1] * 10)


@pytest.mark.parametrize(
    ("settings", "y", "sentence"),
    [
        ({}, [0] * 20, "y has one label only, 0; a classifier needs texts without it, too"),
        ({}, [0, 1], "y must have shape (20,), a label for each text of X, got (2,)"),
        ({}, [float(each) / 7 for each in range(20)], "Unknown label type: continuous"),
        (
            {"classifier": lambda *_, **__: torch.nn.Linear(2, 2)},
            [0, 1] * 10,
            "classifier made Linear, which has no initial",
        ),
        ({"checkpoint": "somewhere", "warm_start": True, "random_state": 0}, [0, 1] * 10, "exclude each other"),
    ],
)
def test_what_is_wrong_is_a_sentence(model: SequenceGAN, settings: dict, y: list[int], sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        model.steer(_texts(20), y, **settings)


def test_what_is_wrong_with_a_sample_is_a_sentence(steered: SteeredSequenceGAN) -> None:
    for wrong, sentence in (
        ({"y": "happy"}, "y has the class 'happy', which fit did not see; classes: ['none', 'pet']"),
        ({"y": ["pet", "none"], "n_samples": 3}, "y has shape (2,) and n_samples=3"),
        ({"y": "pet", "n_samples": 0}, "n_samples=0 must be an integer, at least 1"),
        ({"y": "pet", "strength": -1}, "strength=-1 must be a number, at least 0"),
        ({"y": "pet", "prefix": "zebra"}, "prefix has 'zebra', which is not in the vocabulary"),
        ({"y": "pet", "generator_y": 1}, "y=1 asks for classes, but this model has none"),
    ):
        with pytest.raises(ValueError, match=re.escape(sentence)):
            steered.sample(**wrong)
    with pytest.raises(TypeError, match=re.escape("write sample(5, y='pet') for 5 samples of the class 'pet'")):
        steered.sample("pet", 5)


NOISE: dict[str, list] = {
    "model": [None, 3, SequenceGAN],
    "method": ["best", Rejection],
    "classifier": [-1],
    "validation_fraction": [1.0, math.nan],
    "max_iter": [0, 1.5],
    "batch_size": [1],
    "learning_rate": [0.0, "auto"],
    "solver": ["x"],
    "clip": [0.0],
    "averaging": [1.0],
    "device": ["tpu", None],
    "data_device": ["gpu"],
    "precision": ["float16"],
    "checkpoint": [3],
    "checkpoint_every": [0],
    "verbose": ["x"],
    "callbacks": [print],
    "warm_start": ["x"],
    "random_state": ["seed", 1.5],
}


def test_every_parameter_is_checked_before_any_work(model: SequenceGAN) -> None:
    known = SteeredSequenceGAN(model).get_params(deep=False).keys()
    assert NOISE.keys() == known == SteeredSequenceGAN._parameter_constraints.keys()
    for name, values in NOISE.items():
        for value in values:
            with pytest.raises(ValueError, match=name) as caught:
                SteeredSequenceGAN(**{"model": model, name: value}).fit(_texts(20), [0, 1] * 10)
            assert str(value) in str(caught.value) or repr(value) in str(caught.value)


def test_each_text_may_have_a_label_of_its_own(steered: SteeredSequenceGAN) -> None:
    wanted = ["none", "pet", "pet", "none"] * 20
    texts = steered.sample(y=wanted, random_state=0)
    assert len(texts) == 80
    right = [("cat" in text or "dog" in text) == (label == "pet") for text, label in zip(texts, wanted, strict=True)]
    assert np.mean(right) > 0.9
    assert len(steered.sample(random_state=0)) == 1
    assert 0.3 < _share(steered.sample(200, random_state=0), "pet") < 0.7  # labels are drawn


def test_a_warm_start_goes_on_from_the_classifier(model: SequenceGAN) -> None:
    texts, labels, settings = _texts(40), [0, 1] * 20, {**QUICK, "max_iter": 2, "validation_fraction": 0.0}
    steered = SteeredSequenceGAN(model, **settings, random_state=0).fit(texts, labels)
    before = steered.predict_proba(texts)
    steered.set_params(warm_start=True, max_iter=1, learning_rate=1e-9).fit(texts, labels)
    np.testing.assert_allclose(steered.predict_proba(texts), before, atol=1e-6)
    cold = SteeredSequenceGAN(model, **{**settings, "max_iter": 1, "learning_rate": 1e-9}, random_state=0)
    assert np.abs(cold.fit(texts, labels).predict_proba(texts) - before).max() > 1e-4
    with pytest.raises(ValueError, match=re.escape("warm_start=True needs the labels [0, 1] as before, got [0, 2]")):
        steered.fit(texts, [0, 2] * 20)


def test_averaged_weights_judge(model: SequenceGAN) -> None:
    texts, labels = _texts(40), [0, 1] * 20
    settings = {**QUICK, "max_iter": 5, "validation_fraction": 0.0, "random_state": 0}
    plain, averaged = (model.steer(texts, labels, **settings, averaging=decay) for decay in (0.0, 0.9))
    assert plain.history_[0]["model/loss"] == averaged.history_[0]["model/loss"]
    assert np.abs(plain.predict_proba(texts) - averaged.predict_proba(texts)).max() > 1e-4

"""What fitted estimators and `fit` say of values that cannot be right: by name, and before any work."""

import re
import time
import warnings
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.exceptions import ConvergenceWarning

from gan_ext import (
    ConditionalGAN,
    InfoGAN,
    PlugAndPlayGAN,
    SemiSupervisedGANClassifier,
    SequenceGAN,
    SteeredSequenceGAN,
)
from gan_ext.estimators import ClassifierFeatures, SelfSupervisedFeatures
from gan_ext.nets import CNNDiscriminator, LSTMGenerator, PrefixClassifier
from gan_ext.testing import WRONG_VALUES

Y = np.arange(24) % 2
X = (np.random.default_rng(0).normal(size=(24, 4)) + 2 * Y[:, None]).astype(np.float32)
TEXTS, TOPICS = ["a b c", "b a", "c c a b", "a a", "b c", "c b a"] * 3, [0, 1] * 9
TINY: dict[str, Any] = {"max_iter": 2, "batch_size": 8, "device": "cpu", "random_state": 0}


def texts(**more: Any) -> SequenceGAN:
    """Return a small model of texts."""
    return SequenceGAN(
        generator=partial(LSTMGenerator, embedding=4, hidden=6),
        discriminator=partial(CNNDiscriminator, embedding=4, widths=(1, 2), filters=(4, 4)),
        likelihood_iter=2,
        warm_up_iter=1,
        **TINY | more,
    )


@cache
def fitted(name: str) -> Any:
    """Return a fitted estimator; what needs another fit makes one of its own."""
    if name == "sequences":
        return texts().fit(TEXTS)
    if name == "steered":
        classifier = partial(PrefixClassifier, embedding=4, hidden=6)
        return SteeredSequenceGAN(fitted("sequences"), classifier=classifier, **TINY).fit(TEXTS, TOPICS)
    return SAMPLES[name]().fit(X, Y)


SAMPLES: dict[str, Callable[..., Any]] = {
    "semi-supervised": partial(
        SemiSupervisedGANClassifier, **TINY, labeled_batch_size=4, hidden_layer_sizes=(8,), unlabeled=None
    ),
    "InfoGAN": partial(InfoGAN, **TINY),
    "conditional": partial(ConditionalGAN, **TINY),
    "plug and play": partial(PlugAndPlayGAN, **TINY, classifier_iter=2),
}  # fmt: skip


@pytest.mark.parametrize("name", [*SAMPLES, "sequences", "steered"])
@pytest.mark.parametrize("count", [2**70, 2**63, 10**13, np.int64(10**13)])
def test_more_samples_than_memory_holds_are_refused_at_once(name: str, count: int) -> None:
    start = time.monotonic()
    with pytest.raises(ValueError, match=rf"^n_samples={count}.* GiB; make them in parts of at most \d+\.$"):
        fitted(name).sample(count)
    assert time.monotonic() - start < 5


def test_rows_that_fit_are_counted_with_what_a_row_holds() -> None:
    with pytest.raises(ValueError, match=r"n_samples=1000000000000 samples of \d+ numbers? each"):
        fitted("InfoGAN").traverse("category", n_samples=10**12)
    with pytest.raises(ValueError, match="n_samples=1000000000000 samples"):
        fitted("conditional").draw_labels(10**12)
    with pytest.raises(ValueError, match="n_samples=1180591620717411303424 samples"):
        fitted("steered").log_evidence(0, 2**70)


@pytest.mark.parametrize("name", ["callbacks", "sampler", "steps"])
def test_chains_refuse_what_is_no_callback_sampler_or_count_of_steps(name: str) -> None:
    right: dict[str, list[Any]] = {"callbacks": [[], ()], "sampler": [None], "steps": []}
    for value in [*WRONG_VALUES, 10**9]:
        if any(value is each or (isinstance(value, list | tuple) and value == each) for each in right[name]):
            continue
        with pytest.raises(ValueError, match=f"'{name}' parameter of PlugAndPlayGAN.sample must be"):
            fitted("plug and play").sample(2, **{name: value})


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: fitted("sequences").sample(2, temperature=torch.zeros(2)), "temperature=tensor.* one for all"),
        (lambda: fitted("steered").sample(2, generator_y="x"), "^generator_y='x' asks for classes"),
        (lambda: fitted("sequences").discriminate(TEXTS, 3), "needs no y: it has no classes"),
        (lambda: fitted("steered").log_evidence(0, True), "^n_samples=True must be an integer"),
        (lambda: fitted("plug and play").complete(X, "x"), "^known='x' must be an array of True and False"),
        (lambda: fitted("plug and play").complete(X, [1, 0, 1, 0], sigma=0), "'sigma' parameter"),
        (lambda: fitted("plug and play").inverse_transform("x"), "^codes must be an array of numbers: "),
        (lambda: fitted("InfoGAN").inverse_transform("x"), "^X must be an array of numbers: "),
        (lambda: fitted("InfoGAN").traverse(["x"]), r"^code=\['x'\] must be a name; the codes are 'category', "),
        (lambda: fitted("InfoGAN").traverse("category", ["x"]), r"^values=\['x'\] must be a list of one finite"),
        (lambda: fitted("semi-supervised").predict("x"), "^X must be an array of numbers: could not convert"),
        (lambda: fitted("semi-supervised").score(X, 3), "^y=3 must be an array of labels"),
        (lambda: fitted("semi-supervised").score(X, Y, 3), r"^sample_weight has shape \(\); it needs \(24,\)"),
        (lambda: fitted("semi-supervised").score(X, Y, Y[:3]), r"^sample_weight has shape \(3,\); it needs \(24,\)"),
        (lambda: fitted("semi-supervised").predict_or_reject(X, max_novelty="x"), "'max_novelty' parameter"),
        (lambda: fitted("semi-supervised").predict_or_reject(X, max_novelty=np.nan), "'max_novelty' parameter"),
        (lambda: fitted("semi-supervised").predict_or_reject(X, min_probability=2), "'min_probability' parameter"),
        (lambda: fitted("semi-supervised").predict_or_reject(X, max_novelty=1, rejected=[]), "'rejected' parameter"),
    ],
)  # fmt: skip
def test_the_argument_is_named(call: Callable[[], Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        call()


def test_hot_and_strong_whole_numbers_are_numbers() -> None:
    assert len(fitted("sequences").sample(2, temperature=2**70, random_state=0)) == 2
    assert len(fitted("steered").sample(2, y=0, strength=2**70, random_state=0)) == 2


# --- labels -----------------------------------------------------------------------------------------------------------


def test_features_leave_out_what_has_no_label() -> None:
    hidden = np.where(np.arange(24) < 6, -1, Y)
    wanted = ClassifierFeatures(**TINY).fit(X, hidden)
    assert wanted.classes_.tolist() == [0, 1]
    missing = ClassifierFeatures(**TINY).fit(X, np.where(hidden < 0, np.nan, hidden))
    np.testing.assert_array_equal(missing.transform(X), wanted.transform(X))
    with pytest.raises(ValueError, match="y lacks 6 of its 24 labels"):
        ClassifierFeatures(**TINY, unlabeled=None).fit(X, np.where(hidden < 0, np.nan, hidden))


@pytest.mark.parametrize("mark", [-1, None, np.nan, "-1", ""])
def test_a_sequence_without_label_is_refused(mark: Any) -> None:
    others = ["a", "b"] if isinstance(mark, str) else [0, 1]
    y = [mark, *others] * 6
    sentence = "y has the class ''" if mark == "" else re.escape(f"y has the label {mark if mark == mark else None!r}")
    for call in (lambda: texts().fit(TEXTS, y), lambda: fitted("sequences").steer(TEXTS, y)):
        with pytest.raises(ValueError, match=sentence):
            call()
    if mark in (-1, "-1"):
        with pytest.raises(ValueError, match="6 of 18 pairs have the label -1, which means 'no label'"):
            texts().fit(list(zip(y, TEXTS, strict=True)))


# --- warm starts ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "change"),
    [
        (SAMPLES["semi-supervised"], {"hidden_layer_sizes": (9,)}),
        (SAMPLES["semi-supervised"], {"latent_dim": 9}),
        (SAMPLES["semi-supervised"], {"balance": 0.5}),
        (SAMPLES["InfoGAN"], {"latent_dim": 9}),
        (SAMPLES["InfoGAN"], {"n_clusters": 3}),
        (SAMPLES["conditional"], {"latent_dim": 9}),
        (SAMPLES["conditional"], {"hidden_layer_sizes": (9,)}),
        (SAMPLES["plug and play"], {"latent_dim": 9}),
        (SAMPLES["plug and play"], {"hidden_layer_sizes": (9,)}),
        (partial(ClassifierFeatures, **TINY), {"features": 9}),
        (partial(SelfSupervisedFeatures, **TINY), {"features": 9}),
    ],
)
def test_a_warm_start_with_other_networks_names_the_parameter(make: Callable[..., Any], change: dict[str, Any]) -> None:
    ((name, value),) = change.items()
    model = make().fit(X, Y)
    before = getattr(model, name)
    model.set_params(warm_start=True, **change)
    sentence = rf"^warm_start=True needs .* Since then {name} became {re.escape(repr(value))} \(it was "
    with pytest.raises(ValueError, match=sentence) as raised:
        model.fit(X, Y)
    assert "size mismatch" not in str(raised.value)
    model.set_params(**{name: before}).fit(X, Y)  # goes on as before


def test_a_warm_start_of_texts_names_the_generator() -> None:
    model = texts().fit(TEXTS)
    model.set_params(warm_start=True, generator=partial(LSTMGenerator, embedding=4, hidden=7))
    with pytest.raises(ValueError, match=r"of the generator was of shape \(24, 4\) and is of shape \(28, 4\)\. Since"):
        model.fit(TEXTS)


# --- fits that diverge ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("images", [False, True])
def test_a_fit_that_diverges_says_so(name: str, images: bool) -> None:
    rng = np.random.default_rng(0)
    data = (
        np.where(rng.random((60, 1, 8, 8)) < 0.3, rng.random((60, 1, 8, 8)), 0) if images else rng.normal(size=(60, 6))
    )
    model = SAMPLES[name](learning_rate=10.0).set_params(max_iter=40, batch_size=16)
    with pytest.warns(ConvergenceWarning, match=r"This fit has diverged, or has hardly begun: .* than 10, or a larger"):
        model.fit(data, np.arange(60) % 2)


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("images", [False, True])
def test_a_fit_of_a_few_steps_is_not_said_to_diverge(name: str, images: bool) -> None:
    rng = np.random.default_rng(0)
    data = rng.random((60, 1, 8, 8)) if images else rng.normal(size=(60, 6)) * [1, 1e-6, 1e6, 1, 1, 1] + 1e4
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "This fit has diverged", ConvergenceWarning)
        SAMPLES[name]().set_params(max_iter=3).fit(data, np.arange(60) % 2)


def test_models_of_integers_never_draw_the_unknown() -> None:
    model = texts(min_freq=3).fit([[1, 2, 3], [3, -2, 1]] * 10 + [[7, 8]])
    assert "7" not in model.corpus_.vocabulary
    drawn = model.sample(300, random_state=0)
    assert {number for row in drawn for number in row} == {1, 2, 3, -2}
    assert any("<unk>" in row for row in texts().fit([["1", "2"]] * 10).sample(300, random_state=0))

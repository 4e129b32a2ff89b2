"""SequenceGAN: strings in, strings out; exact probabilities; any objective; the same bits after a kill."""

import itertools
import json
import math
import os
import pickle
import runpy
import signal
import subprocess
import sys
import time
import warnings
from contextlib import nullcontext
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError, SkipTestWarning
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks
from torch import nn

from gan_ext import SequenceGAN
from gan_ext.data import WordTokenizer
from gan_ext.doctor.guard import CollapseWarning
from gan_ext.engine import CheckpointError, Extragradient, alternating, read_tensors, write_tensors
from gan_ext.games import CoT, LeakGAN, MaliGAN, RankGAN, RelGAN, ScratchGAN, SeqGAN, Standard
from gan_ext.gradients import REINFORCE, ActorCritic, AdvantageWarning, GumbelSoftmax
from gan_ext.nets import (
    CNNDiscriminator,
    LeakyGenerator,
    LSTMGenerator,
    MultiRepresentationDiscriminator,
    RecurrentDiscriminator,
    TransformerGenerator,
)
from gan_ext.sequences import real_positions

LINES = ["a cat sat", "a dog sat", "the cat ran", "the dog ran", "a bird", "the bird sat", ""] * 4
WORDS = {word for line in LINES for word in line.split()} | {"<unk>"}

LSTM = partial(LSTMGenerator, embedding=4, hidden=8)
CNN = partial(CNNDiscriminator, widths=(1, 2), filters=(4, 4), embedding=4)
OBJECTIVES: dict[str, dict[str, Any]] = {
    "none": {"objective": None, "discriminator": None},
    "SeqGAN": {"objective": partial(SeqGAN, rollouts=2)},
    "SeqGAN of rows": {"objective": partial(SeqGAN, rollouts=0, estimator=GumbelSoftmax(0.5))},
    "MaliGAN": {"objective": MaliGAN},
    "RankGAN": {"objective": partial(RankGAN, rollouts=1)},
    "LeakGAN": {
        "objective": partial(LeakGAN, rollouts=1),
        "generator": partial(LeakyGenerator, embedding=4, hidden=8, goal=3, horizon=2),
    },
    "RelGAN": {
        "objective": partial(RelGAN, beta=2.0),
        "discriminator": partial(
            MultiRepresentationDiscriminator, representations=2, widths=(2,), filters=(4,), embedding=4, hidden=4
        ),
    },
    "ScratchGAN": {
        "objective": ScratchGAN,
        "discriminator": partial(RecurrentDiscriminator, embedding=4, hidden=8, positions=2, per_step=True),
    },
    "CoT": {"objective": CoT, "discriminator": LSTM},
}
JUDGES = {"SeqGAN", "SeqGAN of rows", "MaliGAN", "LeakGAN", "RelGAN", "ScratchGAN"}


def small(game: str = "SeqGAN", /, **more: Any) -> SequenceGAN:
    """Return a model of one of the objectives above, with small networks and a few steps."""
    settings: dict[str, Any] = {
        "generator": LSTM,
        "discriminator": CNN,
        "likelihood_iter": 4,
        "warm_up_iter": 2,
        "max_iter": 3,
        "batch_size": 8,
        "validation_fraction": 0.3,
        "guard_every": 2,
        "device": "cpu",
        "random_state": 0,
    }
    return SequenceGAN(**{**settings, **OBJECTIVES[game], **more})


def quick(**more: Any) -> SequenceGAN:
    """Return a model trained by a few steps of maximum likelihood."""
    return small("none", **more)


@pytest.fixture(scope="module")
def fitted() -> SequenceGAN:
    return small().fit(LINES)


def state(model: SequenceGAN) -> list[Any]:
    """Return all that a fit leaves behind."""
    tensors = {} if model.game_ is None else model.game_.state_dict()
    tensors = {**tensors, **model.generator_.state_dict()}
    return [
        {name: value.tolist() for name, value in tensors.items()}, model.history_, model.n_iter_, model.best_step_,
        model.sample(5, random_state=1),
    ]  # fmt: skip


# --- what goes in and comes out ---------------------------------------------------------------------------------------


def test_strings_give_strings(fitted: SequenceGAN) -> None:
    lines = fitted.sample(20, random_state=0)
    assert len(lines) == 20
    assert all(isinstance(line, str) for line in lines)
    assert {word for line in lines for word in line.split()} <= WORDS
    assert len(fitted.sample()) == 1


def test_token_lists_give_token_lists() -> None:
    model = quick().fit([line.split() for line in LINES])
    rows = model.sample(20, random_state=0)
    assert all(isinstance(row, list) for row in rows)
    assert {word for row in rows for word in row} <= WORDS
    assert model.sample(2, prefix=["the", "cat"], random_state=0)[0][:2] == ["the", "cat"]
    assert model.score_samples([["a", "cat"], []]).shape == (2,)


class Shouting:
    """A tokenizer of one's own."""

    def tokenize(self, text: str) -> list[str]:
        return text.upper().split()

    def detokenize(self, tokens: list[str]) -> str:
        return "!".join(tokens)


@pytest.mark.parametrize(
    "tokenizer", ["char", "smiles", "bpe", str.split, Shouting()], ids=["char", "smiles", "bpe", "function", "object"]
)
def test_any_tokenizer_will_do(tokenizer: Any) -> None:
    if tokenizer == "bpe":
        pytest.importorskip("tokenizers", reason="needs the extra `bpe`")
    model = quick(tokenizer=tokenizer, max_tokens=40 if tokenizer == "bpe" else None).fit(LINES)
    sampled = model.sample(10, random_state=0)
    assert all(isinstance(line, str) for line in sampled)
    if isinstance(tokenizer, Shouting):
        assert {word for line in sampled for word in line.split("!")} <= {word.upper() for word in WORDS} | {
            "",
            "<unk>",
        }


def test_iterators_are_read_once_and_labels_may_come_with_the_text() -> None:
    model = quick().fit(iter(LINES))
    assert model.n_iter_ == 4
    paired = quick().fit((len(line) % 2, line) for line in LINES)
    apart = quick().fit(LINES, [len(line) % 2 for line in LINES])
    assert paired.classes_.tolist() == apart.classes_.tolist() == [0, 1]
    assert state(paired) == state(apart)


def test_a_dataset_of_torchtext_is_a_corpus() -> None:
    pytest.importorskip("torchtext", reason="needs the extra `torchtext`")
    from torchtext.data import Dataset, Example, Field, LabelField

    columns = [("text", Field()), ("label", LabelField())]
    examples = [Example.fromlist([line, "dog" if "dog" in line else "none"], columns) for line in LINES]
    model = quick().fit(Dataset(examples, columns))
    assert model.classes_.tolist() == ["dog", "none"]
    assert isinstance(model.sample(1, y="dog")[0], list)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_any_objective_is_one_object(objective: str) -> None:
    model = small(objective)
    assert model.fit(LINES) is model
    assert model.n_iter_ == (4 if objective == "none" else 9)
    parts = list(dict.fromkeys(entry["part"] for entry in model.history_))
    order = ["warm_up", "likelihood"] if objective == "LeakGAN" else ["likelihood", "warm_up"]
    assert parts == (["likelihood"] if objective == "none" else [*order, "game"])
    assert all(isinstance(line, str) for line in model.sample(3, random_state=0))
    assert np.isfinite(model.score_samples(LINES[:7])).all()
    assert not any(module.training for module in model.generator_.modules())
    if objective in JUDGES:
        odds = model.discriminate(LINES[:7])
        assert odds.shape == (7,)
        assert np.isfinite(odds).all()
        assert odds.std() > 0
    else:
        with pytest.raises(AttributeError, match="This model has no discriminator of single sequences"):
            model.discriminate(LINES[:7])


LABELS = ["dog" if "dog" in line else "other" for line in LINES]


@pytest.mark.parametrize("objective", [name for name in OBJECTIVES if name != "LeakGAN"])
def test_any_objective_with_classes(objective: str) -> None:
    model = small(objective).fit(LINES, LABELS)
    assert model.classes_.tolist() == ["dog", "other"]
    assert len(model.sample(4, y="dog")) == len(model.sample(4, y=["dog", "other"] * 2)) == 4
    assert len(model.sample(4)) == 4
    assert np.isfinite(model.score_samples(LINES[:7], LABELS[:7])).all()
    assert all(math.isfinite(value) for entry in model.history_ for value in list(entry.values())[1:])
    if objective in JUDGES:
        assert model.discriminate(LINES[:7], LABELS[:7]).shape == (7,)


def test_classes_are_learned() -> None:
    """A class of dogs and one of cats: what is generated, and what is likely, depends on the class."""
    lines, labels = ["dog dog", "cat cat"] * 20, np.array([7, 3] * 20)
    model = quick(likelihood_iter=60, likelihood_learning_rate=0.03).fit(lines, labels)
    assert set(model.sample(20, y=7, temperature=0.2, random_state=0)) == {"dog dog"}
    assert set(model.sample(20, y=3, temperature=0.2, random_state=0)) == {"cat cat"}
    mixed = model.sample(40, temperature=0.2, random_state=0)
    assert 5 < mixed.count("dog dog") < 35
    assert (model.score_samples(lines[:2], [7, 3]) > model.score_samples(lines[:2], [3, 7]) + 1).all()


def test_leakgan_has_no_classes() -> None:
    with pytest.raises(ValueError, match="objective has no class-conditional form, for its generator reads"):
        small("LeakGAN").fit(LINES, LABELS)


def test_the_default_objective_plays_seqgan_with_default_networks() -> None:
    model = SequenceGAN(likelihood_iter=1, warm_up_iter=1, max_iter=1, guard=False, batch_size=4, device="cpu")
    model.fit(LINES)
    assert isinstance(model.game_, SeqGAN)
    assert isinstance(model.generator_, LSTMGenerator)
    assert (model.generator_.hidden, model.game_.rollouts, model.game_.likelihood) == (256, 0, 1.0)
    assert model.best_step_ == 1


@pytest.mark.parametrize("objective", ["RankGAN", "LeakGAN", "RelGAN", "ScratchGAN", "CoT"])
def test_every_objective_has_default_networks(objective: str) -> None:
    game = {"objective": OBJECTIVES[objective]["objective"], "generator": None, "discriminator": None}
    small(**game, likelihood_iter=0, warm_up_iter=0, max_iter=1, batch_size=2, guard=False).fit(LINES)


def test_the_parts_train_who_they_should() -> None:
    """The warm-up moves the discriminator only, the game both; likelihood moves the generator only."""
    start = small(likelihood_iter=0, warm_up_iter=0, max_iter=0).fit(LINES)
    warm = small(likelihood_iter=0, warm_up_iter=3, max_iter=0).fit(LINES)
    likely = small(likelihood_iter=3, warm_up_iter=0, max_iter=0).fit(LINES)
    assert same(start.generator_, warm.generator_)
    assert not same(start.discriminator_, warm.discriminator_)
    assert not same(start.generator_, likely.generator_)
    assert same(start.discriminator_, likely.discriminator_)
    game = small(likelihood_iter=0, warm_up_iter=0, max_iter=3, guard=False).fit(LINES)
    assert not same(start.generator_, game.generator_)
    assert not same(start.discriminator_, game.discriminator_)
    assert all(parameter.requires_grad for parameter in warm.generator_.parameters())


def same(one: nn.Module, other: nn.Module) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


def test_a_lagged_policy_begins_at_the_likeliest_generator() -> None:
    model = small(max_iter=0).fit(LINES)
    assert same(model.game_.policy, model.generator_)


def test_likelihood_training_makes_the_data_likely() -> None:
    before, after = (
        quick(likelihood_iter=0).fit(LINES),
        quick(likelihood_iter=150, likelihood_learning_rate=0.02).fit(LINES),
    )
    assert after.score(LINES) > before.score(LINES) + 4
    assert after.perplexity(LINES) < 3 < before.perplexity(LINES)


# --- sampling ---------------------------------------------------------------------------------------------------------


def test_samples_begin_with_the_prefix(fitted: SequenceGAN) -> None:
    for prefix in ("the", "the cat", "a bird"):
        assert all(line.startswith(prefix) for line in fitted.sample(10, prefix=prefix))
    assert fitted.sample(5, prefix="", random_state=3) == fitted.sample(5, random_state=3)
    assert fitted.sample(5, prefix="   ", random_state=3) == fitted.sample(5, random_state=3)
    with pytest.raises(ValueError, match="prefix has 'zebra', which is not in the vocabulary"):
        fitted.sample(3, prefix="zebra cat")
    full = "a cat sat a"  # as long as a sequence may be
    assert fitted.sample(3, prefix=full) == [full] * 3


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"prefix": "a a a a a"}, "prefix has 5 tokens, but sequences of this model have at most 4"),
        ({"prefix": ["a", "cat"]}, r"prefix=\['a', 'cat'\] must be a string, as the data were"),
        ({"prefix": 3}, "prefix=3 must be a string, as the data were"),
        ({"random_state": "x"}, "random_state='x' must be an integer from 0 to"),
        ({"random_state": -1}, "random_state=-1 must be an integer from 0 to"),
        ({"temperature": 0.0}, r"temperature=0.0 must be a positive number"),
        ({"temperature": -1.0}, r"temperature=-1.0 must be a positive number"),
        ({"top_k": 0}, "top_k=0 must be at least 1"),
        ({"top_p": 0.0}, r"top_p=0.0 must be in \(0, 1\]"),
        ({"y": 1}, "y=1 asks for classes, but this model has none: fit was given no y"),
        ({"n_samples": 0}, "n_samples=0 must be an integer, at least 1"),
        ({"n_samples": 2.5}, r"n_samples=2.5 must be an integer, at least 1"),
    ],
)
def test_sample_refuses_in_a_sentence(fitted: SequenceGAN, settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        fitted.sample(**settings)


def test_prefixes_of_token_lists_refuse_in_a_sentence() -> None:
    model = quick().fit([line.split() for line in LINES])
    with pytest.raises(ValueError, match="prefix='the cat' must be a list of tokens, as the data were"):
        model.sample(prefix="the cat")
    with pytest.raises(ValueError, match="prefix=3 must be a list of tokens"):
        model.sample(prefix=3)
    with pytest.raises(ValueError, match="'<eos>', which is added where it belongs"):
        model.sample(prefix=["a", "<eos>"])
    with pytest.raises(TypeError, match="tokens must be strings"):
        model.sample(prefix=["a", 3])


def test_sharpening_sharpens(fitted: SequenceGAN) -> None:
    cold = fitted.sample(10, temperature=1e-6, random_state=0)
    assert len(set(cold)) == 1
    assert fitted.sample(10, top_k=1) == fitted.sample(10, top_p=1e-6) == cold
    likely = fitted.score_samples(fitted.sample(100, temperature=0.3, random_state=0)).mean()
    assert likely > fitted.score_samples(fitted.sample(100, random_state=0)).mean()
    assert fitted.sample(9, top_k=100, top_p=1.0, random_state=0) == fitted.sample(9, random_state=0)


def test_classes_must_be_known() -> None:
    model = quick().fit(LINES, LABELS)
    for settings, sentence in (
        ({"y": "cow"}, r"y has the class 'cow', which fit did not see; classes: \['dog', 'other'\]"),
        ({"y": ["dog", "cow"]}, r"y has the class 'cow', which fit did not see"),
        ({"y": ["dog"]}, r"y has shape \(1,\) and n_samples=2; pass one class and a number of samples, or"),
        ({"y": [["dog", "dog"]]}, r"y has shape \(1, 2\) and n_samples=2"),
    ):
        with pytest.raises(ValueError, match=sentence):
            model.sample(2, **settings)
    with pytest.raises(ValueError, match=r"This model needs y, classes among \['dog', 'other'\]"):
        model.score_samples(LINES)
    with pytest.raises(TypeError, match=r"write sample\(5, y='dog'\) for 5 samples of the class 'dog'"):
        model.sample("dog", 5)
    assert len(model.sample(y=["dog"] * 3)) == len(model.sample(None, y=["dog"] * 3)) == 3
    with pytest.raises(ValueError, match=r"y must have shape \(28,\)"):
        model.perplexity(LINES, LABELS[:-1])


# --- scores -----------------------------------------------------------------------------------------------------------


def everything(words: list[str], longest: int) -> list[list[str]]:
    return [list(row) for n in range(longest + 1) for row in itertools.product(words, repeat=n)]


@pytest.mark.parametrize("objective", ["none", "SeqGAN", "LeakGAN", "CoT"])
def test_scores_are_exact_probabilities(objective: str) -> None:
    """Of all sequences of a tiny language, those without an end and the unknown token among them, the sum is one."""
    model = small(objective).fit([["a", "b"], ["b"], [], ["a", "a", "b"]] * 3)
    language = everything(["a", "b", "<unk>"], model.corpus_.length)
    scores = model.score_samples(language)
    assert scores.dtype == np.float64
    assert np.exp(scores).sum() == pytest.approx(1, abs=1e-5)
    drawn = model.sample(4000, random_state=0)
    for row in (["a"], [], ["b", "b"]):
        p = math.exp(scores[language.index(row)])
        assert abs(drawn.count(row) / 4000 - p) < 5 * math.sqrt(p * (1 - p) / 4000) + 1e-3


def test_scores_given_a_class_are_exact_probabilities() -> None:
    model = quick().fit([["a", "b"], ["b"], ["a"]] * 4, [0, 1, 1] * 4)
    language = everything(["a", "b", "<unk>"], model.corpus_.length)
    for label in (0, 1):
        assert np.exp(model.score_samples(language, [label] * len(language))).sum() == pytest.approx(1, abs=1e-5)


def test_perplexity_and_score_are_means(fitted: SequenceGAN) -> None:
    scores = fitted.score_samples(LINES)
    tokens = sum(min(len(line.split()) + 1, fitted.corpus_.length) for line in LINES)
    assert fitted.perplexity(LINES) == pytest.approx(math.exp(-scores.sum() / tokens))
    assert fitted.score(LINES) == pytest.approx(scores.mean())
    one = [fitted.score_samples([line])[0] for line in LINES[:5]]
    np.testing.assert_allclose(one, scores[:5], rtol=1e-5)


def test_scores_refuse_in_a_sentence(fitted: SequenceGAN) -> None:
    for method in (fitted.score_samples, fitted.perplexity, fitted.discriminate):
        with pytest.raises(ValueError, match="Sequence 1 has 9 tokens, more than the 4 allowed"):
            method(["a", "a " * 9])
        np.testing.assert_equal(method(["a " * 9], on_long="truncate"), method(["a " * 4]))
    assert fitted.score(["a " * 9]) == fitted.score(["a " * 4])
    for method in (fitted.score_samples, fitted.perplexity, fitted.discriminate, fitted.score):
        with pytest.raises(ValueError, match="The corpus is empty"):
            method([])
        with pytest.raises(TypeError, match=r"Item 1 is 3, int"):
            method(["a", 3])


def test_the_discriminators_verdict(fitted: SequenceGAN) -> None:
    tokens = fitted.corpus_.encode(LINES)
    with torch.no_grad():
        wanted = fitted.discriminator_(tokens)
    np.testing.assert_allclose(fitted.discriminate(LINES), wanted.numpy(), rtol=1e-6)
    many = LINES * 12  # more than are judged at a time
    np.testing.assert_allclose(fitted.discriminate(many), np.tile(fitted.discriminate(LINES), 12), rtol=1e-4, atol=1e-6)


def test_verdicts_go_with_their_classes() -> None:
    model = small(discriminator_learning_rate=0.05, guard=False).fit(LINES, LABELS)
    known = model.discriminate(LINES, LABELS)
    assert np.abs(model.discriminate(LINES, LABELS[::-1]) - known).max() > 1e-3
    many = [*LINES * 10, *LINES[::-1]], [*LABELS * 10, *LABELS[::-1]]
    wanted = np.concatenate([np.tile(known, 10), known[::-1]])
    np.testing.assert_allclose(model.discriminate(*many), wanted, rtol=1e-4, atol=1e-6)


def test_a_verdict_per_token_is_averaged_over_real_tokens() -> None:
    model = small("ScratchGAN").fit(LINES)
    tokens = model.corpus_.encode(LINES[:7])
    with torch.no_grad():
        logits = model.discriminator_(tokens)
    real = real_positions(tokens, model.corpus_.end)
    assert not real.all()
    wanted = [float(row[mask].mean()) for row, mask in zip(logits, real, strict=True)]
    np.testing.assert_allclose(model.discriminate(LINES[:7]), wanted, rtol=1e-5)


# --- rewards ----------------------------------------------------------------------------------------------------------


def dogs(lines: list[str]) -> list[float]:
    assert all(isinstance(line, str) for line in lines)
    return [line.split().count("dog") for line in lines]


@pytest.mark.parametrize("rollouts", [0, 1])
def test_a_reward_of_ones_own_is_sought(rollouts: int) -> None:
    settings = {
        "objective": partial(SeqGAN, rollouts=rollouts), "likelihood_iter": 40, "likelihood_learning_rate": 0.02,
        "max_iter": 30, "guard": False, "learning_rate": 0.01, "batch_size": 32,
    }  # fmt: skip
    without = small(**settings).fit(LINES)
    sought = small(**settings, reward=dogs, reward_weight=5.0).fit(LINES)
    level, raised = (np.mean(dogs(model.sample(300, random_state=0))) for model in (without, sought))
    assert raised > level + 0.3


def test_a_reward_of_token_lists_gets_token_lists() -> None:
    seen: list[Any] = []

    def count(rows: list[list[str]]) -> np.ndarray:
        seen.extend(rows)
        return np.array([len(row) for row in rows])

    small(reward=count).fit([line.split() for line in LINES])
    assert seen
    assert all(isinstance(row, list) for row in seen)


@pytest.mark.parametrize(
    ("reward", "sentence"),
    [
        (lambda lines: [1.0], r"reward must return \d+ numbers, one for each sequence; it returned shape \(1,\)"),
        (lambda lines: 3.0, r"it returned shape \(\)"),
        (lambda lines: [[1.0, 2.0]] * len(lines), r"it returned shape \(\d+, 2\)"),
        (lambda lines: [[1.0], [1.0, 2.0]], r"reward must return \d+ numbers, one for each sequence: "),
        (lambda lines: ["good"] * len(lines), r"reward must return \d+ numbers, one for each sequence: .*good"),
        (lambda lines: [math.nan] * len(lines), r"reward returned nan for '.*'; it must be a finite number"),
        (lambda lines: [math.inf] * len(lines), r"reward returned inf for '.*'; it must be a finite number"),
        (lambda lines: None, "reward must return|reward returned nan|it returned shape"),
        (lambda lines: {}["key"], r"reward raised KeyError on \d+ sequences, such as '.*': 'key'"),
    ],
)
def test_a_wrong_reward_is_refused_in_a_sentence(reward: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        small(reward=reward, likelihood_iter=0, warm_up_iter=0).fit(LINES)


@pytest.mark.parametrize("objective", ["none", "MaliGAN", "RankGAN", "RelGAN", "CoT"])
def test_a_reward_needs_a_game_with_rewards(objective: str) -> None:
    with pytest.raises(ValueError, match="reward needs an objective that takes task_reward, such as SeqGAN"):
        small(objective, reward=dogs).fit(LINES)
    with pytest.raises(
        ValueError, match="'reward' parameter of SequenceGAN must be a function from a list of sequences to numbers"
    ):
        small(reward=3).fit(LINES)


# --- the same again ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("objective", ["none", "SeqGAN", "RelGAN"])
def test_the_same_seed_gives_the_same_model(objective: str) -> None:
    model = small(objective)
    torch.manual_seed(3)
    before = torch.get_rng_state()
    one = state(model.fit(LINES))
    assert torch.equal(torch.get_rng_state(), before)  # nobody else's random numbers are touched
    torch.manual_seed(4)
    assert state(model.fit(LINES)) == one
    assert state(clone(model).fit(LINES)) == one
    assert state(small(objective, random_state=np.random.RandomState(0)).fit(LINES)) == one
    assert state(small(objective, random_state=1).fit(LINES))[0] != one[0]


@pytest.mark.parametrize(
    "objective",
    [
        partial(SeqGAN, estimator=ActorCritic(12, 3, 4), rollouts=0),
        partial(SeqGAN, estimator=REINFORCE(), rollouts=0),
        lambda generator, judge: SeqGAN(generator, judge, ActorCritic(12, 3, 4), rollouts=0),
    ],
    ids=["critic", "average", "made in the game"],
)
def test_an_estimator_that_learns_starts_anew(objective: Any) -> None:
    model = small(objective=objective, guard=False)
    one = state(model.fit(LINES))
    torch.manual_seed(1)
    assert state(model.fit(LINES)) == one


def test_sampling_is_decided_by_its_seed(fitted: SequenceGAN) -> None:
    before = torch.get_rng_state()
    one = fitted.sample(8, random_state=5)
    assert torch.equal(torch.get_rng_state(), before)
    assert fitted.sample(8, random_state=5) == one
    assert fitted.sample(8, random_state=np.random.RandomState(5)) == one
    assert fitted.sample(8, random_state=6) != one


def test_it_is_an_estimator() -> None:
    model = small()
    assert clone(model).get_params()["max_iter"] == 3
    assert model.set_params(max_iter=7) is model
    assert model.max_iter == 7
    assert "max_iter=7" in repr(model)
    assert repr(SequenceGAN()) == "SequenceGAN()"
    tags = get_tags(model)
    assert tags.input_tags.string
    assert not tags.input_tags.two_d_array
    assert not tags.target_tags.required


def test_it_pickles(fitted: SequenceGAN) -> None:
    again = pickle.loads(pickle.dumps(fitted))
    assert state(again) == state(fitted)
    leaky = small("LeakGAN").fit(LINES)
    assert state(pickle.loads(pickle.dumps(leaky))) == state(leaky)


@pytest.mark.parametrize("method", ["sample", "score_samples", "score", "perplexity", "discriminate", "save"])
def test_what_is_not_fitted_says_so(method: str) -> None:
    with pytest.raises(NotFittedError, match="This SequenceGAN instance is not fitted yet"):
        getattr(small(), method)(*([] if method == "sample" else [["a"]]))


with warnings.catch_warnings():
    # Most of scikit-learn's checks need tables of numbers; it says so, and leaves them out.
    warnings.simplefilter("ignore", SkipTestWarning)
    with_checks = parametrize_with_checks([SequenceGAN(likelihood_iter=2, warm_up_iter=1, max_iter=1)])


@with_checks
def test_sklearn_contract(estimator: Any, check: Any) -> None:
    check(estimator)


# --- save and load ----------------------------------------------------------------------------------------------------


SAVED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "default": ({"objective": None, "generator": None}, {}),
    "own generator": ({"objective": None}, {"generator": LSTM}),
    "transformer": (
        {"objective": None, "generator": partial(TransformerGenerator, width=8, layers=1, heads=2)},
        {"generator": partial(TransformerGenerator, width=8, layers=1, heads=2)},
    ),
    "own tokenizer": ({"objective": None, "tokenizer": Shouting()}, {"generator": LSTM, "tokenizer": Shouting()}),
    "characters": ({"objective": None, "tokenizer": "char"}, {"generator": LSTM}),
    "SeqGAN": ({}, {"generator": LSTM}),
    "default LeakGAN": ({"objective": partial(LeakGAN, rollouts=1), "generator": None, "discriminator": None}, {}),
    "LeakGAN": (OBJECTIVES["LeakGAN"], {"generator": OBJECTIVES["LeakGAN"]["generator"], "discriminator": CNN}),
}


@pytest.mark.parametrize("case", SAVED)
def test_what_is_saved_samples_and_scores_the_same(case: str, tmp_path: Path) -> None:
    settings, needed = SAVED[case]
    model = small(**{"likelihood_iter": 1, "max_iter": 1, "batch_size": 4, "guard": False, **settings}).fit(LINES)
    path = model.save(tmp_path / "model.safetensors")
    assert path == tmp_path / "model.safetensors"
    torch.manual_seed(9)
    before = torch.get_rng_state()
    loaded = SequenceGAN.load(str(path), **needed)
    assert torch.equal(torch.get_rng_state(), before)
    for options in ({}, {"prefix": "a cat" if case != "own tokenizer" else "A CAT", "top_p": 0.9}):
        assert loaded.sample(9, random_state=2, **options) == model.sample(9, random_state=2, **options)
    np.testing.assert_array_equal(loaded.score_samples(LINES), model.score_samples(LINES))
    assert loaded.perplexity(LINES) == model.perplexity(LINES)
    assert (loaded.n_iter_, loaded.best_step_) == (model.n_iter_, model.best_step_)
    assert loaded.history_ == model.history_
    if "LeakGAN" not in case:
        with pytest.raises(AttributeError, match=r"no discriminator of single sequences: .* or it was loaded"):
            loaded.discriminate(LINES)
    again = loaded.save(tmp_path / "again.safetensors")
    one, two = read_tensors(path), read_tensors(again)
    assert one.index == two.index
    assert one.tensors.keys() == two.tensors.keys()


def test_a_loaded_model_is_fitted_again_as_it_was(tmp_path: Path) -> None:
    settings = {
        "tokenizer": WordTokenizer(lower=True), "min_freq": np.int64(2), "max_length": 5, "likelihood_iter": 2,
        "likelihood_learning_rate": 0.02, "max_iter": 1, "guard": False, "clip": None, "random_state": 3,
        "solver": (("generator", "discriminator"),), "objective": partial(SeqGAN, rollouts=1),
    }  # fmt: skip
    model = small(**settings).fit([line.upper() for line in LINES])
    loaded = SequenceGAN.load(model.save(tmp_path / "model"), generator=LSTM)
    had, has = model.get_params(deep=False), loaded.get_params(deep=False)
    assert [name for name in had if had[name] != has[name]] == ["device", "discriminator", "objective", "tokenizer"]
    assert loaded.tokenizer.config() == settings["tokenizer"].config()
    assert (loaded.objective.func, loaded.objective.keywords) == (SeqGAN, {"rollouts": 1})
    loaded.set_params(discriminator=model.discriminator)
    assert state(clone(loaded).fit(LINES)) == state(model.fit(LINES))
    assert state(clone(loaded).set_params(vocabulary=model.corpus_.vocabulary).fit(LINES)) == state(model)
    assert loaded.vocabulary is None


def test_what_a_file_cannot_hold_is_named_by_fit(tmp_path: Path) -> None:
    own = {
        "objective": lambda *networks: SeqGAN(*networks, rollouts=0), "reward": len, "callbacks": (print,),
        "solver": Extragradient(), "random_state": np.random.RandomState(0), "vocabulary": sorted(WORDS),
    }  # fmt: skip
    model = quick(reward=None, vocabulary=own["vocabulary"]).fit(LINES).set_params(**own)
    loaded = SequenceGAN.load(model.save(tmp_path / "model"), generator=LSTM)
    assert len(loaded.sample(2)) == 2
    assert loaded.vocabulary is loaded.corpus_.vocabulary
    for name in own.keys() - {"vocabulary"}:
        missing = clone(loaded).set_params(**{each: own[each] for each in own if each != name})
        with pytest.raises(ValueError, match=f"'{name}' parameter of .*the file of this model does not hold: set this"):
            missing.fit(LINES)


@pytest.mark.parametrize("labels", [LABELS, [len(line) % 2 for line in LINES]])
def test_classes_are_saved(labels: list[Any], tmp_path: Path) -> None:
    model = quick().fit(LINES, labels)
    loaded = SequenceGAN.load(model.save(tmp_path / "model"), generator=LSTM)
    assert loaded.classes_.tolist() == model.classes_.tolist()
    kind = labels[0]
    assert loaded.sample(4, y=kind, random_state=0) == model.sample(4, y=kind, random_state=0)


def test_token_lists_are_saved(tmp_path: Path) -> None:
    model = quick().fit([line.split() for line in LINES])
    loaded = SequenceGAN.load(model.save(tmp_path / "model"), generator=LSTM)
    assert loaded.sample(4, random_state=0) == model.sample(4, random_state=0)


def test_loading_refuses_in_a_sentence(fitted: SequenceGAN, tmp_path: Path) -> None:
    path = fitted.save(tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match="has a generator of your own; pass `generator` as to SequenceGAN"):
        SequenceGAN.load(path)
    with pytest.raises(
        ValueError, match="has a LSTMGenerator of other sizes than what was made here; pass what made it"
    ):
        SequenceGAN.load(path, generator=partial(LSTMGenerator, embedding=5, hidden=8))
    own = small("none", tokenizer=Shouting()).fit(LINES).save(tmp_path / "own")
    with pytest.raises(ValueError, match="tokenizer was an object of yours, 'Shouting', which is not stored"):
        SequenceGAN.load(own, generator=LSTM)
    leaky = small("LeakGAN").fit(LINES).save(tmp_path / "leaky")
    with pytest.raises(ValueError, match="has a discriminator of your own; pass `discriminator` as to SequenceGAN"):
        SequenceGAN.load(leaky, generator=OBJECTIVES["LeakGAN"]["generator"])
    write_tensors(tmp_path / "other", {}, {"step": 3})
    with pytest.raises(CheckpointError, match="other holds no saved SequenceGAN"):
        SequenceGAN.load(tmp_path / "other")
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(CheckpointError, match="cut short or damaged"):
        SequenceGAN.load(path)
    with pytest.raises(CheckpointError, match="missing is not there"):
        SequenceGAN.load(tmp_path / "missing")
    with pytest.raises(CheckpointError, match="is a folder, not a file"):
        SequenceGAN.load(tmp_path)
    with pytest.raises(CheckpointError, match="Could not write"):
        fitted.save(tmp_path / "no" / "folder")


def test_a_saved_model_whose_content_is_not_ours_is_refused_in_a_sentence(fitted: SequenceGAN, tmp_path: Path) -> None:
    """The checksum of these files is right: somebody wrote them so."""
    path = fitted.save(tmp_path / "model.safetensors")
    whole = read_tensors(path)
    for key in whole.index.keys() - {"class"}:  # which only a sentence needs
        write_tensors(path, whole.tensors, {name: value for name, value in whole.index.items() if name != key})
        with pytest.raises((CheckpointError, ValueError), match="model"):
            SequenceGAN.load(path, generator=LSTM)
        for wrong in (None, -3, "x", [], [[[]]]) if key in ("estimator", "vocabulary", "length", "steps") else ():
            write_tensors(path, whole.tensors, whole.index | {key: wrong})
            with pytest.raises((CheckpointError, ValueError), match="model"):
                SequenceGAN.load(path, generator=LSTM)
    name, value = next(iter(whole.tensors.items()))
    write_tensors(path, whole.tensors | {name: torch.full_like(value, torch.nan)}, whole.index)
    with pytest.raises(CheckpointError, match="has weights that are NaN"):
        SequenceGAN.load(path, generator=LSTM)


# --- checkpoints ------------------------------------------------------------------------------------------------------


class KilledError(Exception):
    pass


def kill_at(step: int) -> Any:
    """Return a callback that dies at the n-th step of the whole fit."""
    seen = []

    def kill(engine: Any) -> None:
        seen.append(engine.step)
        if len(seen) == step:
            raise KilledError

    return kill


@pytest.mark.parametrize(
    ("objective", "killed"),
    [*(("SeqGAN", step) for step in (1, 3, 5, 8)), *((name, step) for name in ("CoT", "LeakGAN") for step in (4, 8))],
)
def test_a_fit_that_died_goes_on_bit_for_bit(objective: str, killed: int, tmp_path: Path) -> None:
    """In each of its parts, and also between two checkpoints."""
    whole = uninterrupted(objective)
    with pytest.raises(KilledError):
        small(objective, checkpoint=tmp_path, checkpoint_every=2, callbacks=[kill_at(killed)]).fit(LINES)
    model = small(objective, checkpoint=tmp_path, checkpoint_every=2)
    assert state(model.fit(LINES)) == whole
    assert state(model.fit(LINES)) == whole  # what is done is taken as it is


@lru_cache
def uninterrupted(objective: str) -> list[Any]:
    return state(small(objective).fit(LINES))


KILLABLE = Path(__file__).with_name("killable_text.py")


def test_a_killed_fit_goes_on_in_another_process(tmp_path: Path) -> None:
    """By kill -9, with functions among the settings, whose addresses differ from process to process."""
    own = runpy.run_path(str(KILLABLE))
    process = subprocess.Popen(
        [sys.executable, str(KILLABLE), str(tmp_path)], env=os.environ | {"OMP_NUM_THREADS": "1"}
    )
    try:
        deadline = time.monotonic() + 120
        while not (tmp_path / "game" / "step-000000003.safetensors").exists():
            assert process.poll() is None, "the fit must not end by itself"
            assert time.monotonic() < deadline
            time.sleep(0.01)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert not (tmp_path / "game" / "step-000000008.safetensors").exists()
    assert state(own["model"](tmp_path).fit(LINES)) == state(own["model"]().fit(LINES))


def test_a_folder_of_another_fit_is_refused(tmp_path: Path) -> None:
    quick(checkpoint=tmp_path).fit(LINES)
    with pytest.raises(CheckpointError, match=r"holds a fit with batch_size=8 \(here 9\); use an empty folder"):
        quick(checkpoint=tmp_path, batch_size=9).fit(LINES)
    with pytest.raises(CheckpointError, match="holds a fit with other data"):
        quick(checkpoint=tmp_path).fit(LINES[:-1])
    with pytest.raises(ValueError, match="checkpoint needs an integer random_state, to go on bit for bit; got None"):
        quick(checkpoint=tmp_path, random_state=None).fit(LINES)


# --- the guard --------------------------------------------------------------------------------------------------------


def test_the_generator_that_is_kept_is_the_best() -> None:
    seen: list[Any] = []

    def look(engine: Any) -> None:
        if hasattr(engine.game, "policy"):
            seen.append([parameter.detach().clone() for parameter in engine.game.generator.parameters()])

    model = small(max_iter=12, guard_every=2, learning_rate=0.01, callbacks=[look]).fit(LINES)
    scores = {entry["step"]: entry["guard/score"] for entry in model.history_ if "guard/score" in entry}
    assert list(scores) == [0, 2, 4, 6, 8, 10, 12]
    assert model.best_step_ == min(scores, key=scores.__getitem__)
    assert model.best_step_ > 0
    kept = zip(model.generator_.parameters(), seen[model.best_step_ - 1], strict=True)
    assert all(torch.equal(*pair) for pair in kept)
    last = small(max_iter=12, learning_rate=0.01, guard=False).fit(LINES)
    assert last.best_step_ == 12
    assert all(torch.equal(*pair) for pair in zip(last.generator_.parameters(), seen[-1], strict=True))


def test_a_collapse_ends_the_game_and_stays_ended(tmp_path: Path) -> None:
    def collapse(engine: Any) -> None:
        if hasattr(engine.game, "policy") and engine.step == 3:
            with torch.no_grad():
                engine.game.generator.output.weight.zero_()
                engine.game.generator.output.bias.fill_(-50.0)[5] = 50.0

    def spoilt(**more: Any) -> SequenceGAN:
        return small(max_iter=20, guard_every=2, callbacks=[collapse], **more)

    with pytest.warns(CollapseWarning, match=r"Step 4: only 12% of the generated sequences are unique, of real ones"):
        model = spoilt(checkpoint=tmp_path).fit(LINES)
    assert model.n_iter_ == 4 + 2 + 4
    assert model.best_step_ <= 2
    assert len(set(model.sample(20))) > 5
    again = spoilt(checkpoint=tmp_path).fit(LINES)
    assert state(again) == state(model)
    with pytest.warns(CollapseWarning):
        assert state(spoilt().fit(LINES)) == state(model)


def test_an_uncentered_reward_is_warned_of() -> None:
    objective = partial(SeqGAN, estimator=REINFORCE(None), rollouts=0)
    with pytest.warns(AdvantageWarning, match="the mean advantage of player 'generator'"):
        small(objective=objective).fit(LINES)


# --- bad input, and little of it --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            {"objective": lambda generator, judge: 3},
            r"objective made int; it must make a gan_ext.Game whose `generator`",
        ),
        (
            {"objective": lambda generator, judge: SeqGAN(LSTM(9, 9), judge)},
            r"objective made SeqGAN; it must make a gan_ext.Game whose `generator` is the one that it was given",
        ),
        ({"generator": lambda *_, **__: nn.Linear(2, 2)}, "generator made Linear; it must make a SequenceModel of"),
        ({"discriminator": lambda n: "D"}, r"discriminator made str; it must make a torch.nn.Module"),
        (
            {"solver": ("critic",)},
            r"solver=\('critic',\) does not fit the game: .* players of the game, which are discriminator, generator",
        ),
        ({"max_length": 2, "on_long": "error"}, "Sequence 0 has 3 tokens, more than the 2 allowed"),
        ({"max_tokens": 5, "vocabulary": ["a", "cat", "dog"]}, "more than max_tokens=5"),
        ({"checkpoint": "somewhere", "random_state": None}, "checkpoint needs an integer random_state"),
        ({"checkpoint": "somewhere", "warm_start": True}, "checkpoint and warm_start=True exclude each other"),
    ],
)
def test_settings_are_refused_in_a_sentence_before_any_work(settings: dict[str, Any], sentence: str) -> None:
    def never(engine: Any) -> None:
        raise AssertionError("training began")

    with pytest.raises(ValueError, match=sentence):
        small(**{"callbacks": [never], **settings}).fit(LINES)


NOISE: dict[str, list[Any]] = {
    "objective": ["SeqGAN", 3],
    "tokenizer": ["syllable", None, 3],
    "vocabulary": ["a", 3],
    "max_tokens": [0, 5.0],
    "min_freq": [0, math.nan, "2"],
    "max_length": [0, 1e9, 10**9],
    "on_long": ["wrap", None],
    "likelihood_iter": [-1, 1.5, None],
    "likelihood_learning_rate": [0.0, math.inf, "auto"],
    "warm_up_iter": [-1, True],
    "discriminator_learning_rate": [math.nan, "auto"],
    "reward": [3, "length"],
    "reward_weight": [-1.0, math.nan, None],
    "generator": [-1, "LSTM"],
    "discriminator": [-1, object()],
    "validation_fraction": [1.0, -0.1, math.nan, "half"],
    "guard": ["x", None, 2],
    "guard_every": [0, 2.5],
    "max_iter": [-1, 1.5],
    "batch_size": [1, True],
    "learning_rate": [-1.0, "auto"],
    "solver": ["alternating", 3],
    "clip": [0.0, "x"],
    "averaging": [1.0, -0.1, None],
    "device": [None, "tpu"],
    "data_device": ["gpu", None],
    "precision": ["float16", None],
    "checkpoint": [3],
    "checkpoint_every": [0],
    "verbose": ["x", -1],
    "callbacks": [print, [3]],
    "warm_start": ["x", None],
    "random_state": ["seed", 1.5],
}


def test_every_parameter_is_checked_before_any_work() -> None:
    assert NOISE.keys() == SequenceGAN().get_params(deep=False).keys() == SequenceGAN._parameter_constraints.keys()
    for name, values in NOISE.items():
        for value in values:
            with pytest.raises(ValueError, match=f"{name}.*") as caught:
                small(**{name: value}).fit(LINES)
            assert str(value) in str(caught.value) or repr(value) in str(caught.value), caught.value


@pytest.mark.parametrize(
    ("X", "y", "error", "sentence"),
    [
        ([], None, ValueError, "The corpus is empty"),
        ([], [], ValueError, "The corpus is empty"),
        ("a cat sat", None, TypeError, r"for one text write \[text\]"),
        ("abc", [1, 2, 3], TypeError, r"for one text write \[text\]"),
        (5, None, TypeError, "A corpus is a list"),
        (5, [1], TypeError, "A corpus is a list"),
        (["a", None], None, TypeError, r"Item 1 is None, NoneType"),
        ([b"a"], None, TypeError, r"Item 0 is b'a', bytes"),
        ([["a", 1]], None, TypeError, "Token 1 of sequence 0 is 1, int"),
        (["a", ["a"]], None, TypeError, "Item 1 is"),
        (["a", "b"], [1], ValueError, "y has 1 labels for 2 sequences; give one for each"),
        (["a", "b"], [1, 2, 3], ValueError, "y has 3 labels for 2 sequences"),
        (["a", "b"], 1, ValueError, "y has 1 labels for 2 sequences"),
        (["a", "b"], [0.5, 1.5], TypeError, "Labels must be all integers or all strings"),
    ],
)
def test_a_corpus_is_refused_in_a_sentence(X: Any, y: Any, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        small().fit(X, y)


def test_networks_that_take_no_classes_are_refused_in_a_sentence() -> None:
    with pytest.raises(ValueError, match="discriminator takes no `classes`, but there are labels"):
        small(discriminator=lambda vocabulary: CNN(vocabulary)).fit(LINES, LABELS)


def test_a_game_that_is_not_of_sequences_is_refused() -> None:
    with pytest.raises((TypeError, ValueError)):
        small(objective=Standard).fit(LINES)


CORPORA: dict[str, list[Any]] = {
    "one word": ["yes"] * 9,
    "one line": ["a cat sat"],
    "two lines": ["a cat", "a dog"],
    "empty lines": ["", "", "a", ""] * 5,
    "only empty lines": [""] * 9,
    "empty lists": [[], []],
    "one very long line": ["a", "b a", "a " * 300],
}


@pytest.mark.parametrize("name", CORPORA)
@pytest.mark.parametrize("objective", ["none", "SeqGAN", "RelGAN"])
@pytest.mark.filterwarnings("ignore::gan_ext.doctor.guard.CollapseWarning")
def test_little_data_will_do(name: str, objective: str) -> None:
    empty = not any(CORPORA[name])
    with pytest.warns(UserWarning, match="are empty: there is nothing to learn") if empty else nullcontext():
        model = small(objective, max_length=6).fit(CORPORA[name])
    assert len(model.sample(3)) == 3
    assert np.isfinite(model.score_samples(CORPORA[name][:2])).all()


def test_one_token_is_learned() -> None:
    model = quick(likelihood_iter=60, likelihood_learning_rate=0.05).fit(["yes"] * 9)
    assert set(model.sample(20, temperature=0.3)) == {"yes"}
    assert model.perplexity(["yes"]) < 1.2


def test_one_sequence_at_least_is_trained_on() -> None:
    model = quick(validation_fraction=0.9, likelihood_iter=60, likelihood_learning_rate=0.05).fit(["yes"] * 2)
    assert model.perplexity(["yes"]) < 1.5


def test_nothing_is_held_out_when_nothing_should_be() -> None:
    model = small(validation_fraction=0.0).fit(LINES)
    assert model.best_step_ == 3
    assert not any("guard/score" in entry for entry in model.history_)


def test_rare_and_unknown_words_are_unknown() -> None:
    model = quick(min_freq=5).fit(["common", "common rare"] * 4 + ["common"])
    assert "rare" not in model.corpus_.vocabulary.get_itos()
    assert model.score_samples(["common zebra"]) == model.score_samples(["common rare"])


def test_long_lines_are_cut() -> None:
    model = quick(max_length=2).fit(LINES)
    assert all(len(line.split()) <= 2 for line in model.sample(50))


def test_turns_are_played() -> None:
    players: list[Any] = []
    model = small(
        solver=alternating({"discriminator": 2, "generator": 1}),
        callbacks=[lambda engine: players.append(engine.moves)],
    ).fit(LINES)
    assert players[-1] == (("discriminator",), ("discriminator",), ("generator",))
    assert players[0] == (("generator",),)
    assert model.n_iter_ == 9


def test_bfloat16_will_do() -> None:
    model = small(precision="bfloat16").fit(LINES)
    assert np.isfinite(model.score_samples(LINES[:3])).all()


def test_the_history_is_json(fitted: SequenceGAN) -> None:
    assert json.loads(json.dumps(fitted.history_, allow_nan=False)) == fitted.history_

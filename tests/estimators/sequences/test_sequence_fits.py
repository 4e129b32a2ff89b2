"""How a SequenceGAN is fitted: one game, which brings its own opponent; a fit that goes on from the last one."""

import copy
import math
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from gan_ext import SequenceGAN, TwoPlayerGame
from gan_ext.games import LeakGAN, MediatorOpponent, Opponent, SeqGAN, SequenceOpponent
from gan_ext.gradients import ClippedSurrogate, LeaveOneOut
from gan_ext.nets import CNNDiscriminator, LeakyGenerator, LSTMGenerator, RecurrentDiscriminator
from gan_ext.sequences import SequenceSpec, evaluating, sample

LINES = ["a cat sat", "a dog sat", "the cat ran", "the dog ran", "a bird", "the bird sat", ""] * 4
LABELS = ["dog" if "dog" in line else "other" for line in LINES]
LSTM = partial(LSTMGenerator, embedding=4, hidden=8)
CNN = partial(CNNDiscriminator, widths=(1, 2), filters=(4, 4), embedding=4)


def small(objective: Any = partial(SeqGAN, rollouts=1), **more: Any) -> SequenceGAN:  # noqa: B008
    settings: dict[str, Any] = {
        "generator": LSTM,
        "discriminator": CNN,
        "likelihood_iter": 3,
        "warm_up_iter": 2,
        "max_iter": 2,
        "batch_size": 8,
        "guard": False,
        "device": "cpu",
        "random_state": 0,
    }
    return SequenceGAN(objective, **{**settings, **more})


def same(one: nn.Module, other: nn.Module) -> bool:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


# --- one game ---------------------------------------------------------------------------------------------------------


def test_the_objective_is_called_once_in_a_fit() -> None:
    made: list[SeqGAN] = []

    def objective(generator: Any, discriminator: Any) -> SeqGAN:
        made.append(SeqGAN(generator, discriminator, rollouts=1))
        return made[-1]

    model = small(objective).fit(LINES)
    assert len(made) == 1
    assert model.game_ is made[0]
    assert {entry["part"] for entry in model.history_} == {"likelihood", "warm_up", "game"}


def test_copies_of_the_generator_are_those_of_the_likeliest_one() -> None:
    """Lagged policies and references are made with the game, before maximum likelihood, and begin after it."""

    class Kept(SeqGAN):
        def __init__(self, generator: Any, discriminator: Any) -> None:
            super().__init__(generator, discriminator, ClippedSurrogate(generator, reference=generator), rollouts=1)

    model = small(Kept, max_iter=0).fit(LINES)
    game = model.game_
    assert not same(model.generator_, small(Kept, max_iter=0, likelihood_iter=0).fit(LINES).generator_)
    assert same(game.policy, model.generator_)
    assert same(game.estimator.old, model.generator_)
    assert same(game.estimator.reference, model.generator_)
    assert game.estimator.reference is not model.generator_


def test_a_leaky_generators_lagged_copy_begins_after_its_likelihood() -> None:
    generator = partial(LeakyGenerator, embedding=4, hidden=8, goal=3, horizon=2)
    model = small(partial(LeakGAN, rollouts=1), generator=generator, max_iter=0).fit(LINES)
    assert same(model.game_.policy, model.generator_)


# --- a game in one file -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Critic(Opponent):
    """A network that reads a bag of words, trained before the generator; its verdict is a distance."""

    learns_first: ClassVar[bool] = True

    def build(self, make: Any, spec: SequenceSpec) -> nn.Module:
        return BagOfWords(spec.vocabulary) if make is None else make(spec.vocabulary)

    def build_generator(self, make: Any, spec: SequenceSpec, opponent: nn.Module) -> Any:
        assert isinstance(opponent, BagOfWords)
        return super().build_generator(LSTM if make is None else make, spec, opponent)

    def log_odds(self, opponent: nn.Module, tokens: Tensor, labels: Tensor | None, end: int | None) -> Tensor:
        odds: Tensor = 2 * opponent(tokens).double()
        return odds


class BagOfWords(nn.Module):
    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        self.weight = nn.Embedding(vocabulary, 1)

    def forward(self, tokens: Tensor) -> Tensor:
        mean: Tensor = self.weight(tokens)[..., 0].mean(1)
        return mean


class BagGAN(TwoPlayerGame):
    """A game that no other file knows, whose players have names of their own."""

    opponent: ClassVar[Opponent] = Critic()

    def players(self) -> dict[str, Any]:
        known = super().players()
        return {"critic": known["discriminator"], "writer": known["generator"]}

    def discriminator_loss(self, batch: Any) -> Any:
        fake = sample(self.generator, len(batch.tokens))
        loss = softplus(-self.discriminator(batch.tokens)).mean() + softplus(self.discriminator(fake)).mean()
        return loss, {}

    def generator_loss(self, batch: Any) -> Any:
        with evaluating(self.generator, self.discriminator):
            return LeaveOneOut()(self.generator, self.discriminator, len(batch.tokens))


def test_a_new_game_brings_its_own_opponent() -> None:
    model = small(BagGAN, generator=None, discriminator=None).fit(LINES)
    assert isinstance(model.discriminator_, BagOfWords)
    assert model.generator_.hidden == 8
    assert list(dict.fromkeys(entry["part"] for entry in model.history_)) == ["warm_up", "likelihood", "game"]
    tokens = model.corpus_.encode(LINES[:3])
    with torch.no_grad():
        wanted = 2 * model.discriminator_(tokens).double().numpy()
    np.testing.assert_allclose(model.discriminate(LINES[:3]), wanted)
    assert {name.split("/")[0] for name in model.history_[-1]} >= {"critic", "writer"}


def test_learning_rates_go_to_who_owns_what() -> None:
    """The generator's to the player who moves it, whatever that one is called; the other one's to all others."""
    rates: dict[str, float] = {}

    def look(engine: Any) -> None:
        rates.update({name: optimizer.param_groups[0]["lr"] for name, optimizer in engine.optimizers.items()})

    settings = {"generator": None, "discriminator": None, "learning_rate": 1e-5, "discriminator_learning_rate": 1e-2}
    small(BagGAN, **settings, callbacks=[look], likelihood_iter=0).fit(LINES)
    assert float(rates["writer"]) == pytest.approx(1e-5)
    assert float(rates["critic"]) == pytest.approx(1e-2)


def test_an_opponent_is_an_object() -> None:
    class Odd(SeqGAN):
        opponent = "sequence"  # type: ignore[assignment]

    with pytest.raises(ValueError, match=r"opponent='sequence', which must be a gan_ext.games.Opponent"):
        small(Odd).fit(LINES)

    class Recurrent(SeqGAN):
        opponent = SequenceOpponent(partial(RecurrentDiscriminator, embedding=4, hidden=8))

    model = small(partial(Recurrent, rollouts=0), discriminator=None).fit(LINES, LABELS)
    assert isinstance(model.discriminator_, RecurrentDiscriminator)
    assert not MediatorOpponent.judges


# --- going on ---------------------------------------------------------------------------------------------------------


NOTHING = {"likelihood_iter": 0, "warm_up_iter": 0, "max_iter": 0}


@pytest.fixture(scope="module")
def fitted() -> SequenceGAN:
    return small().fit(LINES)


@pytest.fixture
def going_on(fitted: SequenceGAN) -> SequenceGAN:
    return copy.deepcopy(fitted).set_params(warm_start=True)


def test_a_warm_start_begins_where_the_last_fit_stopped(fitted: SequenceGAN, going_on: SequenceGAN) -> None:
    going_on.set_params(**NOTHING).fit(LINES[:-3])
    assert same(going_on.generator_, fitted.generator_)
    assert same(going_on.discriminator_, fitted.discriminator_)
    assert same(going_on.game_.policy, fitted.generator_)
    assert going_on.n_iter_ == 0
    assert going_on.sample(5, random_state=0) == fitted.sample(5, random_state=0)


def test_a_warm_start_differs_from_a_cold_one(fitted: SequenceGAN, going_on: SequenceGAN) -> None:
    cold = small(likelihood_iter=0).fit(LINES)
    going_on.set_params(likelihood_iter=0).fit(LINES)
    assert not same(going_on.generator_, cold.generator_)
    assert not same(going_on.generator_, fitted.generator_)
    assert going_on.n_iter_ == 4


def test_likelihood_first_and_a_game_later_is_one_fit() -> None:
    """Maximum likelihood, then a warm start into warm-up and game, ends with the bits of one fit of all three."""
    first = small(warm_up_iter=0, max_iter=0).fit(LINES)
    later = first.set_params(warm_start=True, likelihood_iter=0, warm_up_iter=2, max_iter=2).fit(LINES)
    whole = small().fit(LINES)
    assert same(later.game_, whole.game_)
    assert later.sample(5, random_state=0) == whole.sample(5, random_state=0)


def test_a_game_goes_on_from_maximum_likelihood_alone() -> None:
    model = small(None).fit(LINES)
    before = copy.deepcopy(model.generator_)
    assert model.opponent_ is None
    model.set_params(objective=partial(SeqGAN, rollouts=1), warm_start=True, **NOTHING).fit(LINES)
    assert same(model.generator_, before)
    assert isinstance(model.discriminator_, CNNDiscriminator)


def test_an_opponent_of_another_kind_begins_anew(going_on: SequenceGAN) -> None:
    before = copy.deepcopy(going_on.discriminator_)
    bag = {"objective": BagGAN, "discriminator": None}
    going_on.set_params(**bag, **NOTHING).fit(LINES)
    assert isinstance(going_on.discriminator_, BagOfWords)
    going_on.set_params(objective=partial(SeqGAN, rollouts=0), discriminator=CNN).fit(LINES)
    assert not same(going_on.discriminator_, before)


def test_new_words_are_unknown_and_the_length_stays(going_on: SequenceGAN) -> None:
    vocabulary, length = going_on.corpus_.vocabulary.get_itos(), going_on.corpus_.length
    going_on.fit([*LINES, "a zebra sat on the dog and ran"])
    assert going_on.corpus_.vocabulary.get_itos() == vocabulary
    assert going_on.corpus_.length == length
    assert (going_on.corpus_.tokens[-1] == going_on.corpus_.vocabulary["<unk>"]).any()
    assert math.isfinite(going_on.score(LINES))


def test_a_saved_model_goes_on(fitted: SequenceGAN, tmp_path: Any) -> None:
    loaded = SequenceGAN.load(fitted.save(tmp_path / "model"), generator=LSTM)
    loaded.set_params(warm_start=True, discriminator=CNN, device="cpu", **NOTHING).fit(LINES)
    assert same(loaded.generator_, fitted.generator_)
    assert isinstance(loaded.discriminator_, CNNDiscriminator)


@pytest.mark.parametrize(
    ("settings", "X", "y", "sentence"),
    [
        ({}, LINES, LABELS, "needs data as in the last fit: This corpus has no classes, and was given labels"),
        ({}, [line.split() for line in LINES], None, "was made of strings, and was given lists of tokens"),
        ({"max_length": 9}, LINES, None, "max_length=9, but warm_start=True goes on from a generator"),
        (
            {"generator": partial(LSTMGenerator, embedding=5, hidden=8)}, LINES, None,
            "warm_start=True needs networks with the sizes of the last fit; ",
        ),
        (
            {"discriminator": partial(RecurrentDiscriminator, hidden=4), "objective": partial(SeqGAN, rollouts=0)},
            LINES, None, "it was a CNNDiscriminator and is a RecurrentDiscriminator now",
        ),
        ({"on_long": "error"}, ["a cat sat on a dog"], None, "Sequence 0 has 6 tokens, more than the 4 allowed"),
    ],
)  # fmt: skip
def test_what_cannot_go_on_says_so(
    going_on: SequenceGAN, settings: dict[str, Any], X: Any, y: Any, sentence: str
) -> None:
    before = copy.deepcopy(going_on.generator_)
    with pytest.raises(ValueError, match=sentence):
        going_on.set_params(**settings).fit(X, y)
    assert same(going_on.generator_, before)


def test_classes_go_on_too() -> None:
    model = small(None).fit(LINES, LABELS).set_params(warm_start=True)
    before = copy.deepcopy(model.generator_)
    rows = [row for row, label in enumerate(LABELS) if label == "other"]
    model.set_params(likelihood_iter=0).fit([LINES[row] for row in rows], ["other"] * len(rows))
    assert model.classes_.tolist() == ["dog", "other"]
    assert set(model.corpus_.labels.tolist()) == {1}
    assert same(model.generator_, before)
    with pytest.raises(ValueError, match="The label 'cow' is none of this corpus's classes"):
        model.fit(LINES, ["cow"] * len(LINES))
    with pytest.raises(ValueError, match=r"This corpus has the classes \['dog', 'other'\], and was given no labels"):
        model.fit(LINES)


# --- averaged weights, printed progress -------------------------------------------------------------------------------


def test_averaged_weights_make_the_samples() -> None:
    seen: list[tuple[int, dict[str, Tensor], dict[str, Tensor]]] = []

    def look(engine: Any) -> None:
        states = (engine.averaged.generator.state_dict(), engine.game.generator.state_dict())
        seen.append((engine.step, *({name: value.clone() for name, value in each.items()} for each in states)))

    settings = {"likelihood_iter": 0, "warm_up_iter": 0, "max_iter": 4, "learning_rate": 0.01}
    model = small(averaging=0.9, callbacks=[look], **settings).fit(LINES)
    _, averaged, last = seen[-1]
    own = model.generator_.state_dict()
    assert all(torch.equal(own[name], value) for name, value in averaged.items())
    assert not all(torch.equal(own[name], value) for name, value in last.items())
    weights = [0.9 ** (4 - step) for step, _, _ in seen]
    for name, value in averaged.items():
        mean = sum(w * raw[name] for w, (_, _, raw) in zip(weights, seen, strict=True)) / sum(weights)
        torch.testing.assert_close(value, mean)
    plain = small(**settings).fit(LINES)
    assert all(torch.equal(plain.generator_.state_dict()[name], value) for name, value in last.items())


def test_averaged_likelihood_is_what_the_game_begins_with() -> None:
    settings = {"warm_up_iter": 0, "max_iter": 0, "likelihood_iter": 4, "likelihood_learning_rate": 0.05}
    averaged, plain = (small(averaging=decay, **settings).fit(LINES) for decay in (0.9, 0.0))
    assert not same(averaged.generator_, plain.generator_)
    assert same(averaged.game_.policy, averaged.generator_)


def test_the_guard_watches_the_averaged_generator() -> None:
    settings = {"guard": True, "guard_every": 1, "validation_fraction": 0.3, "learning_rate": 0.05, "max_iter": 3}
    model = small(averaging=0.9, **settings).fit(LINES)
    plain = small(**settings).fit(LINES)
    scores = [[entry["guard/nll"] for entry in each.history_ if "guard/nll" in entry] for each in (model, plain)]
    assert len(scores[0]) == len(scores[1]) == 4
    assert scores[0][-1] != scores[1][-1]


def test_progress_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    small(verbose=True).fit(LINES)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == [
        *(f"likelihood {n}/3" for n in (1, 2, 3)), *(f"warm_up {n}/2" for n in (1, 2)), "game 1/2", "game 2/2",
    ]  # fmt: skip
    assert all("loss" in line for line in lines)
    small().fit(LINES)
    assert capsys.readouterr().out == ""

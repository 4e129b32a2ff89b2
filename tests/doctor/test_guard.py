"""The guard against collapse: silent while all is well, and naming the right cause when it is not."""

import math
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from gan_ext import Compute, Engine, Game
from gan_ext.data import ArrayStream
from gan_ext.doctor.guard import CollapseGuard, CollapseWarning
from gan_ext.engine import CheckpointError, SaveEvery, adam, read_tensors, write_tensors
from gan_ext.games import LeakGAN, SequenceLikelihood
from gan_ext.metrics import bleu, negative_log_likelihood, ngram_entropy, unique_ratio
from gan_ext.nets import CNNDiscriminator, LeakyGenerator, LSTMGenerator
from gan_ext.sequences import LabeledTokens, TokenBatch, sample

V, T = 6, 5
SPECIALS = {"start": 2, "end": 3, "pad": 0, "start_is_a_token": False}


def truth(**more) -> LSTMGenerator:
    torch.default_generator.manual_seed(5)
    return LSTMGenerator(V, T, 4, 6, init=1.0, **more)


def engine(model: LSTMGenerator, game: Game | None = None) -> Engine:
    game = game or SequenceLikelihood(model)
    return Engine(game, dict.fromkeys(game.players(), adam(1e-2)), compute=Compute("cpu"), seed=3)


def stream(n: int = 200, **more) -> ArrayStream:
    return ArrayStream(TokenBatch(sample(truth(**more), n)), 16, 0)


def validation(n: int = 60, **more) -> Tensor:
    torch.default_generator.manual_seed(6)
    return sample(truth(**more), n)


def always(model: LSTMGenerator, strength: float) -> None:
    """Let a generator say token 4 more and more, whatever came before."""
    with torch.no_grad():
        model.output.weight.zero_()
        model.output.bias.zero_()
        model.output.bias[4] = strength


def collapse(at: int, strength: float) -> Any:
    def spoil(engine: Engine) -> None:
        if engine.step == at:
            always(engine.game.generator, strength)

    return spoil


def weights(model: torch.nn.Module) -> Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


def numbers(tokens: Tensor, end: int | None) -> list[list[int]]:
    rows = tokens.tolist()
    return [row[: row.index(end)] if end in row else row for row in rows]


@pytest.mark.parametrize("specials", [{}, SPECIALS], ids=["plain", "end"])
def test_what_is_measured_are_the_metrics(specials: dict) -> None:
    model, real = truth(**specials), validation(**specials)
    guard = CollapseGuard(real, n=80, temperatures=(0.5, 1.0), order=2)
    state = torch.get_rng_state()
    seen, score = guard.measure(model)
    assert torch.equal(torch.get_rng_state(), state)
    sums = []
    for temperature in (0.5, 1.0):
        made = numbers(guard_sample(model, 80, temperature), model.end)
        known = numbers(real, model.end)
        quality, coverage = 1 - bleu(known, made, (2,))[2], 1 - bleu(made, known, (2,))[2]
        sums.append(quality + coverage)
    assert seen.quality == pytest.approx(quality)
    assert seen.coverage == pytest.approx(coverage)
    assert score == pytest.approx(min(sums))
    assert seen.unique == unique_ratio(made[:60])  # of as many as there are real ones
    assert seen.entropy == pytest.approx(ngram_entropy(made, 2))
    assert seen.nll == pytest.approx(negative_log_likelihood(model, real))
    assert guard.measure(model) == (seen, score)


def guard_sample(model: LSTMGenerator, n: int, temperature: float) -> Tensor:
    """Draw as the guard does: the same noise at every look."""
    from gan_ext.seeds import kept_generators, mix, reseed

    with kept_generators(torch.device("cpu")):
        reseed(torch.device("cpu"), mix(7))
        return sample(model, n, temperature=temperature)


def test_a_healthy_run_raises_no_alarm_and_ends_with_its_best() -> None:
    model = LSTMGenerator(V, T, 8, 16)
    play, guard = engine(model), CollapseGuard(validation(), every=10, n=100)
    looked: list[Tensor] = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert guard.start(play)
        play.fit(stream(), 45, [guard, lambda engine: looked.append(weights(model))])
    assert play.step == 45
    seen = [entry for entry in play.history if "guard/score" in entry]
    assert [entry["step"] for entry in seen] == [0, 10, 20, 30, 40, 45]
    best = min(seen, key=lambda entry: entry["guard/score"])
    assert (guard.best_step, guard.best_score) == (best["step"], best["guard/score"])
    assert guard.best_step > 0
    guard.restore(play)
    assert torch.equal(weights(model), looked[guard.best_step - 1])
    assert guard.measure(model)[1] == guard.best_score


CAUSES = {
    # Where all sequences are the same, that is what is said, whatever else is true.
    "unique": ({}, 50.0, r"Step 20: only 2% of the generated sequences are unique, of real ones \d+%"),
    "entropy": ({"unique": 0.0}, 50.0, r"Step 20: the entropy of generated pairs fell from \d\.\d\d to [0-9.-]+ nats"),
    "nll": (
        {"unique": 0.0, "entropy_drop": 100.0},
        50.0,
        r"Step 20: validation data went from \d\.\d\d to \d+\.\d\d nats per token",
    ),
}


@pytest.mark.parametrize("cause", CAUSES)
def test_a_collapse_stops_training_with_its_cause_and_is_rolled_back(cause: str) -> None:
    settings, strength, sentence = CAUSES[cause]
    model = LSTMGenerator(V, T, 8, 16)
    play, guard = engine(model), CollapseGuard(validation(), every=10, n=100, **settings)
    guard.start(play)
    after: list[int] = []
    with pytest.warns(CollapseWarning, match=sentence) as caught:
        play.fit(stream(), 100, [collapse(13, strength), guard, lambda engine: after.append(engine.last_step)])
    assert len(caught) == 1
    assert "training stops" in str(caught[0].message)
    assert f"that of step {guard.best_step}" in str(caught[0].message)
    assert play.step == 20
    assert after[-1] == 20  # callbacks behind the guard see that this was the last step
    assert play.history[-1]["guard/stopped"] == 1
    assert guard.best_step <= 10
    before = guard.measure(model)[1]
    guard.restore(play)
    assert guard.measure(model)[1] == guard.best_score < before
    assert not guard.start(play)  # and a resumed run stays stopped


def test_without_roll_back_there_are_warnings_only() -> None:
    model = LSTMGenerator(V, T, 8, 16)
    play, guard = engine(model), CollapseGuard(validation(), every=10, n=100, roll_back=False)
    assert guard.start(play)
    with pytest.warns(CollapseWarning, match=r"is that of step \d+\.$"):
        play.fit(stream(), 22, [collapse(13, 50.0), collapse(20, 50.0), guard])
    assert play.step == 22
    assert "guard/stopped" not in play.history[-1]


def test_what_begins_collapsed_does_not_begin() -> None:
    model = LSTMGenerator(V, T, 8, 16)
    always(model, 50.0)
    guard = CollapseGuard(validation(), n=50)
    with pytest.warns(CollapseWarning, match=r"Step 0: only 2% of the generated sequences are unique"):
        assert not guard.start(engine(model))


def test_few_validation_sequences_are_no_alarm() -> None:
    """A language of nine sequences: among 500 samples few are unique, and among two real ones all may be."""
    torch.default_generator.manual_seed(1)
    model = LSTMGenerator(3, 2, 4, 4)
    guard = CollapseGuard(torch.tensor([[0, 1], [2, 2]]), n=500)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert guard.start(engine(model))


def test_classes_are_taken_in_turn_and_their_likelihood_is_measured() -> None:
    model, labels = truth(classes=2), torch.tensor([0, 1, 1] * 10)
    real = sample(model, 30, labels=labels)
    guard = CollapseGuard(real, n=80, labels=labels)
    seen, _ = guard.measure(model)
    assert seen.nll == pytest.approx(negative_log_likelihood(model, real, labels=labels))
    game = SequenceLikelihood(model)
    play = Engine(game, {"generator": adam(1e-3)}, compute=Compute("cpu"))
    assert guard.start(play)
    play.fit(ArrayStream(LabeledTokens(real, labels), 8), 3, [guard])
    assert all(math.isfinite(value) for entry in play.history for value in entry.values())
    assert len(CollapseGuard(real, n=7, labels=labels).labels) == 7


def leakgan() -> LeakGAN:
    judge = CNNDiscriminator(V, (1, 2), (3, 3), embedding=3)
    return LeakGAN(LeakyGenerator(V, T, judge.features, 6, 3, 4, 3, 2), judge, rollouts=1)


def test_the_whole_game_is_rolled_back() -> None:
    """LeakGAN's generator reads its discriminator: what was measured comes back only with both."""
    game = leakgan()
    play, guard = engine(game.generator, game), CollapseGuard(validation(), n=50)
    guard.start(play)
    first = guard.best_score
    with torch.no_grad():
        game.discriminator.embedding.weight.normal_(0.0, 3.0)
        game.generator.worker.project.weight.normal_(0.0, 3.0)
    assert guard.measure(game.generator)[1] != first
    guard.restore(play)
    assert guard.measure(game.generator)[1] == first


class KilledError(Exception):
    pass


def play_until(folder: Path, start: int, ends: str, killed: int = -1) -> Any:
    """Play 30 steps, saving every fourth, from what is in a folder; perhaps die on the way."""

    def kill(engine: Engine) -> None:
        if engine.step == killed:
            raise KilledError

    torch.default_generator.manual_seed(start)
    play = engine(LSTMGenerator(V, T, 4, 8))
    guard = CollapseGuard(validation(), every=5, n=50, keep=folder / "best.safetensors")
    play.resume(folder)
    if guard.start(play):
        spoil = [collapse(12, 50.0)] if ends == "badly" else []
        play.fit(stream(), 30, [*spoil, guard, SaveEvery(4, folder), kill])
    guard.restore(play)
    return play.history, guard.best_step, guard.best_score, weights(play.game).tolist()


class Noisy(CNNDiscriminator):
    """Features behind the dropout."""

    def features(self, x: Tensor) -> Tensor:
        return self.dropout(super().features(x))


def test_it_measures_without_dropout_and_leaves_every_mode() -> None:
    judge = Noisy(V, (1, 2), (3, 3), embedding=3)
    game = LeakGAN(LeakyGenerator(V, T, judge.features, 6, 3, 4, 3, 2), judge, rollouts=1)
    for parameter in game.generator.parameters():
        torch.nn.init.normal_(parameter, 0.0, 1.0)
    play, guard = engine(game.generator, game), CollapseGuard(validation(), n=50, unique=0.0)
    game.train()
    guard.start(play)
    assert game.training
    assert judge.dropout.training
    assert guard.measure(game.generator)[1] != guard.best_score
    game.eval()
    assert guard.measure(game.generator)[1] == guard.best_score


@pytest.mark.parametrize("killed", [3, 11, 14, 25])
@pytest.mark.parametrize("ends", ["well", "badly"])
@pytest.mark.filterwarnings("ignore::gan_ext.doctor.guard.CollapseWarning")
def test_a_killed_run_keeps_the_same_best(killed: int, ends: str, tmp_path: Path) -> None:
    """Killed after any step, also between a better generator and the next checkpoint: as if it had not been."""
    for name in ("whole", "killed"):
        (tmp_path / name).mkdir()
    whole = play_until(tmp_path / "whole", 0, ends)
    assert whole[0][-1]["step"] == (15 if ends == "badly" else 30)
    try:
        play_until(tmp_path / "killed", 0, ends, killed)
    except KilledError:
        assert killed < 15 or ends == "well"
    resumed = play_until(tmp_path / "killed", 0 if killed < 4 else 1, ends)  # other first weights: all is in the files
    assert resumed == whole
    assert play_until(tmp_path / "killed", 2, ends) == whole  # what is complete stays as it is


def test_a_resumed_run_without_its_file_chooses_among_what_it_sees(tmp_path: Path) -> None:
    play = engine(LSTMGenerator(V, T, 8, 16))
    CollapseGuard(validation(), n=50).start(play)
    play.fit(stream(), 4, [SaveEvery(1, tmp_path)])
    again = engine(LSTMGenerator(V, T, 8, 16))
    again.resume(tmp_path)
    guard = CollapseGuard(validation(), n=50, keep=tmp_path / "best.safetensors")
    assert guard.start(again)
    assert guard.best_step == 4
    assert (tmp_path / "best.safetensors").exists()


@pytest.mark.parametrize(
    "wrong",
    [{"every": 0}, {"n": 1}, {"temperatures": (0.5, 2.0)}, {"validation": torch.zeros(1, 3, dtype=torch.int64)}],
)
def test_it_refuses_in_a_sentence(wrong: dict) -> None:
    with pytest.raises(
        ValueError, match=r"CollapseGuard needs two validation sequences, every >= 1, n >= 2 and 1.0 among"
    ):
        CollapseGuard(**({"validation": validation()} | wrong))


def test_it_refuses_labels_of_another_number() -> None:
    with pytest.raises(ValueError, match="labels must be one for each of 60 validation sequences: 3"):
        CollapseGuard(validation(), labels=torch.zeros(3, dtype=torch.int64))


# --- what it stands on ------------------------------------------------------------------------------------------------


def test_a_stopped_engine_goes_on_when_asked_again() -> None:
    play, steps = engine(truth()), []

    def halt(engine: Engine) -> None:
        steps.append(engine.step)
        if engine.step in (3, 4):
            engine.stop()

    assert play.fit(stream(), 10, [halt]).step == 3
    assert play.last_step == 3
    assert play.fit(stream(), 10, [halt]).step == 4
    assert play.fit(stream(), 10, [halt]).step == 10
    assert steps == list(range(1, 11))


def test_stopping_leaves_the_same_weights_as_ending(tmp_path: Path) -> None:
    one, two = engine(truth()), engine(truth())
    one.fit(stream(), 9, [lambda engine: engine.stop() if engine.step == 4 else None, SaveEvery(100, tmp_path / "one")])
    two.fit(stream(), 4, [SaveEvery(100, tmp_path / "two")])
    first, second = (read_tensors(next((tmp_path / name).glob("*.safetensors"))) for name in ("one", "two"))
    assert first.tensors.keys() == second.tensors.keys()
    assert all(torch.equal(value, second.tensors[name]) for name, value in first.tensors.items())
    assert first.index == second.index


def test_tensors_are_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path, shared = tmp_path / "a.safetensors", torch.randn(3, 4)
    tensors = {"a": shared, "b": shared.T, "c": torch.tensor(True), "d": torch.zeros(0, 2), "e": torch.tensor(3)}
    write_tensors(path, tensors, {"step": 7, "names": ["ä", None]})
    found = read_tensors(path)
    assert found.index == {"step": 7, "names": ["ä", None]}
    assert found.tensors.keys() == tensors.keys()
    assert all(torch.equal(value, tensors[name]) for name, value in found.tensors.items())
    before = path.read_bytes()
    with pytest.raises(TypeError):
        write_tensors(path, tensors, {"step": object()})
    assert path.read_bytes() == before
    with pytest.raises(CheckpointError, match=r"Could not write .*No such file or directory"):
        write_tensors(tmp_path / "missing" / "a.safetensors", tensors, {})
    path.write_bytes(before[:-8] + bytes(8))
    with pytest.raises(CheckpointError, match="does not match its checksum"):
        read_tensors(path)
    assert [each.name for each in tmp_path.iterdir()] == ["a.safetensors"]

"""Write image captions, and ask on two frontiers of quality and coverage whether a game improved on its own start.

    python recipes/sequence_captions.py --data FOLDER                       # small, about two minutes
    python recipes/sequence_captions.py --data FOLDER --full --seeds 3      # the protocol

FOLDER holds train.txt and test.txt, one caption a line: Texygen's split of 10 000 and 10 000 captions of COCO, which is
data/image_coco.txt and data/testdata/test_coco.txt of https://github.com/geek-ai/Texygen under these names.

On each seed every arm starts from the same generator, trained by maximum likelihood until held-out captions say stop:
the game, the same updates with rewards that say nothing, and what moves no generator: better decoding of the same one,
and its captions drawn again by the odds that the discriminator gives them before the game.  Every arm is drawn over
inverse temperatures, in two pictures: BLEU against self-BLEU, and language-model score against reverse language-model
score.  All was chosen on captions split off train.txt; test.txt is looked at only in the figures (not even there with
--chosen-on-validation).  Leaves the pictures and result.json in --out; --resume goes on after a kill.
"""

import copy
import json
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import tyro
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from gan_ext.data import ArrayStream, Corpus, DataError, WordTokenizer, decode, read_lines
from gan_ext.engine import (
    Callback,
    Compute,
    Engine,
    Every,
    SaveEvery,
    adam,
    alternating,
    cosine,
    ensure_writable,
    read_tensors,
    resolve_device,
    write_tensors,
)  # fmt: skip
from gan_ext.game import Game, Player
from gan_ext.games import SeqGAN, SequenceLikelihood
from gan_ext.metrics import (
    BLEU,
    FrontierPoint,
    LanguageModelScorer,
    backward_bleu,
    bleu,
    dominated_by,
    nll_test,
    self_bleu,
    unique_ratio,
)  # fmt: skip
from gan_ext.nets import CNNDiscriminator, LSTMGenerator
from gan_ext.pictures import draw_frontiers
from gan_ext.runs import Progress, plain_errors, write_json, write_result
from gan_ext.seeds import kept_generators, reseed
from gan_ext.sequences import Reshaped, SequenceModel, TokenBatch, evaluating, sample, trade_off

MLE, RESHAPED, RESAMPLED, LONG = "tuned MLE", "tuned MLE, reshaped", "tuned MLE, resampled", "over-trained MLE"
REWARDS: dict[str, Callable[[Tensor], Tensor]] = {
    "GAN": nn.Identity(),
    "constant reward": torch.ones_like,
    "random reward": lambda logits: 2 * torch.randn_like(logits),
}
ARMS = (MLE, RESHAPED, RESAMPLED, *REWARDS, LONG)
PUBLISHED = {
    "MLE": (0.305, 0.583), "SeqGAN": (0.294, 0.670), "MaliGAN": (0.257, 0.606),
    "RankGAN": (0.264, 0.762), "LeakGAN": (0.355, 0.848), "TextGAN": (0.277, 0.804),
}  # fmt: skip
"""BLEU-4 and self-BLEU-4 that Texygen (Zhu et al., 2018, https://arxiv.org/abs/1802.01886) reports, no temperatures."""


@dataclass(frozen=True)
class Sizes:
    """What --full makes larger."""

    captions: int
    width: int
    steps: int
    warm_up: int
    game_steps: int
    generated: int
    judge_steps: int
    inverse_temperatures: tuple[float, ...]


SMALL = Sizes(3000, 48, 300, 40, 15, 400, 60, (1.0, 1.25, 1.6))
FULL = Sizes(10_000, 128, 1700, 600, 100, 10_000, 500, (1.0, 1.1, 1.25, 1.5))


@dataclass
class Config:
    """Settings of the recipe."""

    data: Path | None = None
    """A folder with train.txt and test.txt."""
    full: bool = False
    """The protocol: all captions, an LSTM of 256, as many generated captions as real ones, more temperatures."""
    arms: tuple[str, ...] = ARMS[:-1]
    """Which arms to run, by name; "over-trained MLE" is one more."""
    seeds: int = 1
    """Runs of every arm, with seeds seed, seed + 1, ...; they share the captions and the judges."""
    seed: int = 0
    """The first seed."""
    steps: int | None = None
    """Most steps of maximum likelihood; 300, or 1700 with --full.  The best on held-out captions is kept."""
    game_steps: int | None = None
    """Steps of the game and of its placebos; 15, or 100 with --full."""
    warm_up: int | None = None
    """Steps of the discriminator alone before the game; 40, or 600 with --full."""
    generated: int | None = None
    """Captions generated for each point; 400, or 10 000 with --full."""
    judge_steps: int | None = None
    """Steps of every language model that scores; 60, or 500 with --full."""
    likelihood: float = 0.0
    """Weight of maximum likelihood in the game."""
    odds: float = 2.0
    """Power of the discriminator's odds in drawing again; 1 would be right for a perfect one, 2 did better held out."""
    held_out: int = 1000
    """Captions split off train.txt, by which everything is chosen."""
    chosen_on_validation: bool = False
    """Measure against the held-out captions in place of test.txt, for choosing settings."""
    device: str = "cpu"
    """auto, cpu, cuda or cuda:N."""
    threads: int = 1
    """Threads of torch."""
    out: Path = Path("runs/sequence_captions")
    """Where pictures and result.json go."""
    resume: bool = False
    """Go on where a killed run stopped."""

    def sizes(self) -> Sizes:
        """Return the sizes, those given by hand in place of the usual ones."""
        usual = asdict(FULL if self.full else SMALL)
        names = ("steps", "warm_up", "game_steps", "generated", "judge_steps")
        given = {name: getattr(self, name) for name in names}
        return Sizes(**{**usual, **{name: value for name, value in given.items() if value is not None}})


class Captions:
    """What is learned from, what is chosen by, and what is measured against."""

    def __init__(self, config: Config, sizes: Sizes) -> None:
        train, test = (_read(config.data, name)[: sizes.captions] for name in ("train.txt", "test.txt"))
        if len(train) < config.held_out + 2 or config.held_out < 2:
            raise ValueError(
                f"--held-out {config.held_out} must be from 2 to {len(train) - 2} of {len(train)} captions."
            )
        self.corpus = Corpus.build(train, max_length=25)
        order = torch.randperm(len(train), generator=torch.Generator().manual_seed(0)).tolist()
        held_out = [train[i] for i in order[: config.held_out]]
        self.train, self.held_out = self.corpus.tokens[order[config.held_out :]], self.corpus.encode(held_out)
        target = held_out if config.chosen_on_validation else test
        known = self.corpus.encode(target)
        self.scored = known[(known != self.corpus.vocabulary["<unk>"]).all(1)]
        self.references = [WordTokenizer().tokenize(line) for line in target]
        real = [train[i] for i in order[config.held_out :]] if config.chosen_on_validation else train
        self.real = [WordTokenizer().tokenize(line) for line in real]

    def words(self, tokens: Tensor) -> list[list[str]]:
        """Return captions as lists of words."""
        return decode(tokens, self.corpus.vocabulary)

    def generator(self, width: int, seed: int) -> LSTMGenerator:
        """Return a fresh generator."""
        reseed(torch.device("cpu"), seed, 1)
        corpus = self.corpus
        return LSTMGenerator(
            len(corpus.vocabulary), corpus.length, embedding=width, hidden=2 * width, dropout=0.5,
            start=corpus.start, end=corpus.end, pad=corpus.pad, start_is_a_token=False,
        )  # fmt: skip


class Judging(Game):
    """The discriminator alone, before the game."""

    def __init__(self, game: SeqGAN) -> None:
        super().__init__()
        self.discriminator, self.loss = game.discriminator, game.discriminator_loss

    def players(self) -> dict[str, Player]:
        return {"discriminator": Player((self.discriminator,), self.loss)}


class Fits:
    """How generators are trained; what is finished lies in a folder and is not trained again."""

    def __init__(self, config: Config, captions: Captions) -> None:
        self.config, self.captions, self.sizes = config, captions, config.sizes()
        self.folder = config.out / "fits"

    def play(
        self, name: str, seed: int, game: Game, steps: int, rates: dict[str, float], *more: Callback, **settings: Any
    ) -> Engine:
        """Play a game for some steps, from its newest checkpoint if there is one."""
        factories = {player: adam(rate, betas=(0.9, 0.999)) for player, rate in rates.items()}
        engine = Engine(game, factories, seed=seed, clip=5.0, compute=Compute(self.config.device), **settings)
        folder = self.folder / f"{name} {seed}".replace(" ", "_").replace(",", "")
        if engine.resume(folder):
            if engine.step >= steps:
                return engine
            print(f"Resuming {name}, seed {seed}, at step {engine.step}.")
        with Progress(steps, f"seed {seed}: {name}", every=5) as bar:
            stream = ArrayStream(TokenBatch(self.captions.train), 64, seed)
            engine.fit(stream, steps, [*more, bar, SaveEvery(max(1, min(200, steps // 4)), folder)])
        return engine

    def likelihood(self, seed: int, name: str = MLE) -> SequenceModel:
        """Return what maximum likelihood makes: the best on held-out captions, or the last if over-trained."""
        model, steps = self.captions.generator(self.sizes.width, seed), self.sizes.steps
        best = self.folder / f"best_{seed}.safetensors"

        def keep(engine: Engine) -> None:
            nll = nll_test(model, self.captions.held_out)
            if nll < min((entry["held_out"] for entry in engine.history), default=float("inf")):
                write_tensors(best, model.state_dict(), {"step": engine.step})
            engine.record(held_out=nll)

        if name == LONG:
            self.play(name, seed, SequenceLikelihood(model), 2 * steps, {"generator": 4e-3})
            return model.cpu()
        self.folder.mkdir(parents=True, exist_ok=True)
        rates = {"generator.lr": cosine(4e-3, 0.0, steps)}
        look = Every(max(1, steps // 20), keep)
        self.play(name, seed, SequenceLikelihood(model), steps, {"generator": 4e-3}, look, schedules=rates)
        model.load_state_dict(read_tensors(best).tensors)
        return model.cpu()

    def opponents(self, name: str, seed: int, start: SequenceModel) -> SeqGAN:
        """Return a game of a copy of the tuned generator, whose discriminator has had its warm-up if it has a say."""
        own = copy.deepcopy(start)
        reseed(torch.device("cpu"), seed, 2)
        judge = CNNDiscriminator(own.vocabulary, widths=(1, 2, 3, 4, 5), filters=(64, 128, 128, 64, 64), dropout=0.5)
        reward = REWARDS.get(name, nn.Identity())
        game = SeqGAN(own, judge, rollouts=0, reward=reward, likelihood=self.config.likelihood)
        game.to(resolve_device(self.config.device))
        if name in ("GAN", RESAMPLED):
            self.play("warm-up", seed, Judging(game), self.sizes.warm_up, {"discriminator": 1e-3})
        return game

    def game(self, name: str, seed: int, start: SequenceModel) -> SequenceModel:
        """Return a generator moved by a reward, the discriminator's log-odds or one that says nothing."""
        game = self.opponents(name, seed, start)
        rates, moves = {"discriminator": 2e-4, "generator": 3e-4}, alternating({"discriminator": 1, "generator": 1})
        self.play(name, seed, game, self.sizes.game_steps, rates, solver=moves)
        return game.generator.cpu()


class Judges:
    """The scores of generated captions."""

    def __init__(self, captions: Captions, fits: Fits) -> None:
        self.captions, self.sizes, self.fits = captions, fits.sizes, fits
        self.table = BLEU(captions.references)
        self.scorer = LanguageModelScorer(self.language_model, captions.train, captions.scored)
        real = captions.real[: self.sizes.generated]
        self.real: dict[str, Any] = {"bleu": bleu(captions.references, real), "self_bleu": self_bleu(real)}

    def language_model(self, tokens: Tensor) -> SequenceModel:
        """Train a small language model on captions."""
        model = self.captions.generator(max(16, self.sizes.width // 2), 0)
        steps = self.sizes.judge_steps
        engine = Engine(
            SequenceLikelihood(model), {"generator": adam(4e-3, betas=(0.9, 0.999))}, clip=5.0,
            schedules={"generator.lr": cosine(4e-3, 0.0, steps)}, compute=Compute(self.fits.config.device),
        )  # fmt: skip
        engine.fit(ArrayStream(TokenBatch(tokens), 64), steps)
        return model.cpu()

    def draw(self, model: SequenceModel, temperature: float, seed: int, n: int) -> Tensor:
        """Return generated captions; of the same random numbers for all arms."""
        cpu, device = torch.device("cpu"), resolve_device(self.fits.config.device)
        with kept_generators(cpu):
            reseed(cpu, seed, 3)
            noise = torch.rand(n, model.length).to(device)
        return sample(model.to(device), n, temperature=temperature, uniforms=noise).cpu()

    def scores(self, tokens: Tensor) -> dict[str, Any]:
        """Return all scores of generated captions."""
        words = [caption for caption in self.captions.words(tokens) if caption]
        scores = self.scorer(tokens)
        return {
            "bleu": {str(n): float(values.mean()) for n, values in self.table.scores(words).items()},
            "self_bleu": {str(n): value for n, value in self_bleu(words).items()},
            "backward_bleu": {str(n): value for n, value in backward_bleu(self.captions.references, words).items()},
            "unique": unique_ratio(words),
            "length": float(np.mean([len(caption) for caption in words])),
            "lm": scores.lm,
            "reverse_lm": scores.reverse_lm,
            "sample": [" ".join(caption) for caption in words[:5]],
        }

    def curve(self, arm: str, model: SequenceModel, seed: int) -> list[dict[str, Any]]:
        """Return an arm's scores over temperatures, or over weights that reshape about as much."""
        rows, n = [], self.sizes.generated
        judge = self.fits.opponents(arm, seed, model).discriminator.cpu() if arm == RESAMPLED else None
        for alpha in self.sizes.inverse_temperatures:
            if arm == RESHAPED:
                tokens = self.draw(Reshaped(model, partial(trade_off, weight=24 / alpha**7)), 1.0, seed, n)
            elif judge is not None:
                tokens = resampled(self.draw(model, 1 / alpha, seed, 4 * n), judge, n, self.fits.config.odds)
            else:
                tokens = self.draw(model, 1 / alpha, seed, n)
            rows.append({"inverse_temperature": alpha, **self.scores(tokens)})
        return rows


@torch.no_grad()
def resampled(tokens: Tensor, judge: nn.Module, n: int, power: float = 1.0) -> Tensor:
    """Draw n captions without replacement, by the power of the odds that the discriminator gives for being real."""
    with evaluating(judge), kept_generators(torch.device("cpu")):
        reseed(torch.device("cpu"), 4)
        logits = torch.cat([judge(part) for part in tokens.split(256)])
        race = torch.empty_like(logits).exponential_().log() - power * logits  # the first n of exponential clocks
    return tokens[race.argsort()[:n]]


def _read(folder: Path | None, name: str) -> list[str]:
    """Return the captions of a file, or say where to get it."""
    if folder is None or not (folder / name).is_file():
        raise DataError(
            f"--data {folder or 'FOLDER'} must be a folder with train.txt and test.txt, one caption a line"
            f"{'' if folder is None else f'; {name} is not there'}. Fetch data/image_coco.txt and "
            "data/testdata/test_coco.txt of https://github.com/geek-ai/Texygen and give them these names."
        )
    return [line for line in read_lines(folder / name) if line.strip()]


def points(rows: list[dict[str, Any]], plane: str) -> list[FrontierPoint]:
    """Return an arm's frontier in one of the two planes."""
    if plane == "LM":
        return [FrontierPoint(1 / row["inverse_temperature"], row["lm"], row["reverse_lm"]) for row in rows]
    return [
        FrontierPoint(1 / row["inverse_temperature"], -row["bleu"]["4"], row["self_bleu"]["4"]) for row in rows
    ]  # fmt: skip


def frontiers(done: dict[str, Any], arms: tuple[str, ...], seeds: range, plane: str) -> dict[str, Any]:
    """Return every arm's frontiers, one for each seed."""
    return {arm: [points(done[f"{arm}/{seed}"], plane) for seed in seeds] for arm in arms}


def draw(config: Config, done: dict[str, Any], seeds: range, real: dict[str, Any]) -> None:
    """Draw both planes, with real captions as the ceiling; published points only beside the published protocol."""
    published = {name: (-quality, alike) for name, (quality, alike) in PUBLISHED.items()}
    shown = config.full and not config.chosen_on_validation
    draw_frontiers(
        config.out / "bleu.png", frontiers(done, config.arms, seeds, "BLEU"), "quality: negative BLEU-4",
        "coverage: self-BLEU-4" + shown * "; crosses: published", (-real["bleu"][4], real["self_bleu"][4]),
        marks=published if shown else None, sums=False,
    )  # fmt: skip
    draw_frontiers(
        config.out / "language_model.png", frontiers(done, config.arms, seeds, "LM"),
        "quality: language-model score, nats per token", "coverage: reverse score, nats per token", (real["lm"],) * 2,
    )  # fmt: skip


def table(done: dict[str, Any], config: Config, seeds: range, real: dict[str, Any]) -> Table:
    """Lay out every point: means over seeds."""
    shown = Table(title="means over seeds, and the standard deviation of BLEU-4; real captions last")
    columns = ("arm", "inverse T", "BLEU-2", "BLEU-3", "BLEU-4", "BLEU-5", "self-BLEU-4", "unique", "LM", "reverse LM")
    for heading in columns:
        shown.add_column(heading, justify="left" if heading == "arm" else "right")
    for arm in config.arms:
        for place, first in enumerate(done[f"{arm}/{seeds[0]}"]):
            rows = [done[f"{arm}/{seed}"][place] for seed in seeds]
            cells = [f"{np.mean([row['bleu'][n] for row in rows]):.3f}" for n in "2345"]
            cells[2] += f" ± {spread([row['bleu']['4'] for row in rows]):.3f}"
            cells.append(f"{np.mean([row['self_bleu']['4'] for row in rows]):.3f}")
            cells += [f"{np.mean([row[name] for row in rows]):.3f}" for name in ("unique", "lm", "reverse_lm")]
            shown.add_row(arm, f"{first['inverse_temperature']:g}", *cells)
    level = f"{real['lm']:.3f}"
    shown.add_row(
        "real", "", *(f"{real['bleu'][n]:.3f}" for n in (2, 3, 4, 5)), f"{real['self_bleu'][4]:.3f}", "", level, level
    )
    return shown


def spread(values: list[float]) -> float:
    """Return the standard deviation of a sample, 0 for one value."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else 0.0


def verdicts(done: dict[str, Any], config: Config, seeds: range) -> dict[str, float]:
    """Return where each arm lies furthest below the tuned MLE by more than the seeds differ: 0 if nowhere."""
    found = {}
    for plane in ("BLEU", "LM") if len(seeds) > 1 else ():
        curves = frontiers(done, config.arms, seeds, plane)
        for arm in config.arms[1:]:
            best = max(dominated_by(curves[MLE], curves[arm]), key=lambda each: each.gap, default=None)
            found[f"{arm} below {MLE}, {plane}, gap"] = round(best.gap, 4) if best else 0.0
            found[f"{arm} below {MLE}, {plane}, spread"] = round(best.spread, 4) if best else 0.0
            where = f"by {best.gap:.4f} ± {best.spread:.4f} at {best.quality:.3f}" if best else "nowhere"
            print(f"{plane}: {arm} lies below {MLE} {where}")
    return found


def finished(config: Config) -> dict[str, Any]:
    """Return the arms that a killed run with the same settings has finished."""
    path, free = config.out / "finished.json", ("arms", "seeds", "seed", "device", "threads", "out", "resume")
    settings = {name: str(value) for name, value in asdict(config).items() if name not in free}
    if config.resume and path.exists():
        kept: dict[str, Any] = json.loads(path.read_text())
        if kept["settings"] == settings:
            return kept
        raise DataError(f"{path} is of a run with {kept['settings']}; use another --out or leave out --resume.")
    shutil.rmtree(config.out / "fits", ignore_errors=True)
    fresh: dict[str, Any] = {"settings": settings, "rows": {}}
    write_json(path, fresh)  # at once, so that a run killed in its first fit can be resumed too
    return fresh


def main(config: Config) -> None:
    """Run all arms on all seeds, and say what came out."""
    unknown = [arm for arm in config.arms if arm not in ARMS]
    if unknown or config.arms[:1] != (MLE,):
        raise ValueError(f"--arms must begin with {MLE!r}, to which others are compared, and name some of {ARMS}.")
    if config.seeds < 1:
        raise ValueError(f"--seeds {config.seeds} must be at least 1.")
    torch.set_num_threads(config.threads)
    ensure_writable(config.out)
    start, captions, kept = time.monotonic(), Captions(config, config.sizes()), finished(config)
    fits = Fits(config, captions)
    judges = Judges(captions, fits)
    done, seeds = kept["rows"], range(config.seed, config.seed + config.seeds)
    for seed in seeds:
        missing = [arm for arm in config.arms if f"{arm}/{seed}" not in done]
        tuned = fits.likelihood(seed) if missing else None
        for arm in missing:
            assert tuned is not None
            model = fits.likelihood(seed, LONG) if arm == LONG else tuned
            model = fits.game(arm, seed, tuned) if arm in REWARDS else model
            done[f"{arm}/{seed}"] = judges.curve(arm, model, seed)
            write_json(config.out / "finished.json", kept)
    real: dict[str, Any] = {**judges.real, "lm": judges.scorer.real.lm}
    Console(width=130).print(table(done, config, seeds, real))
    for caption in done[f"{config.arms[-1]}/{seeds[0]}"][0]["sample"]:
        print("  ", caption)
    draw(config, done, seeds, real)
    metrics = {f"real, BLEU-{n}": round(value, 4) for n, value in real["bleu"].items()} | verdicts(done, config, seeds)
    seconds, sizes = time.monotonic() - start, config.sizes()
    steps = config.seeds * (sizes.steps + sizes.game_steps * sum(arm in REWARDS for arm in config.arms))
    write_result(
        config.out, "sequence_captions", asdict(config), metrics,
        f"{sizes.generated} captions a point against {len(captions.references)} "
        f"{'held-out' if config.chosen_on_validation else 'test'} captions; {config.seeds} seeds",
        seconds, steps / seconds, config.device, real=real, rows=done,
    )  # fmt: skip
    print(f"{seconds:.0f} s; pictures and result.json are in {config.out}")


if __name__ == "__main__":
    with plain_errors():
        main(tyro.cli(Config))

"""Quality, coverage and what they hide: text GANs on the synthetic oracle, where every likelihood is known.

    python recipes/sequence_oracle.py                                   # a small oracle of its own, about a minute
    python recipes/sequence_oracle.py --data FOLDER --full --seeds 3    # the published oracle and protocol

All arms see the same oracle, and on each seed the same data.  Some start from a generator trained far too long, as
SeqGAN's is: rewards that say nothing, and the published SeqGAN.  The others start from a tuned one.  Each is drawn
over temperatures, in two pictures: NLL_oracle against NLL_test, as published, and the exact divergences, which cannot
be lowered by saying less.
Leaves result.json with all points; --resume goes on after a kill.

--data: a folder with seqgan_oracle.npz, the parameters that published figures were measured with.
"""

import copy
import json
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

from gan_ext.data import ArrayStream
from gan_ext.engine import Compute, Engine, SaveEvery, adam, alternating, cosine, ensure_writable
from gan_ext.game import Game, Loss, Player
from gan_ext.games import SeqGAN, SequenceLikelihood
from gan_ext.gradients import REINFORCE, GradientEstimator, LeaveOneOut
from gan_ext.metrics import OracleScores, nll_test, oracle_scores
from gan_ext.nets import TEXYGEN_SIZES, CNNDiscriminator, LSTMGenerator, oracle_generator, published_oracle
from gan_ext.pictures import draw_frontiers
from gan_ext.runs import Progress, plain_errors, write_json, write_result
from gan_ext.seeds import reseed
from gan_ext.sequences import Reshaped, SequenceModel, TokenBatch, evaluating, sample, trade_off

TUNED, LONG = "tuned MLE", "over-trained MLE"
ARMS = (
    TUNED,
    "tuned MLE, more likelihood",
    "tuned MLE, best decoding",
    "GAN, log-odds and likelihood",
    "GAN and frozen MLE as reward",
    "frozen MLE as reward",
    LONG,
    "constant reward",
    "random reward",
    "constant reward, centered",
    "SeqGAN as published",
)


@dataclass
class Config:
    """Settings of the recipe."""

    full: bool = False
    """The published protocol: vocabulary 5000, length 20, 10 000 sequences; needs --data."""
    arms: tuple[str, ...] = ()
    """Which arms to run, by name; all if none is given."""
    seeds: int = 1
    """Runs of every arm, with seeds seed, seed + 1, ...; they share the oracle and the test data."""
    seed: int = 0
    """The first seed."""
    steps: int = 60
    """Steps of every adversarial or placebo arm."""
    epochs: int = 24
    """Most epochs of the tuned MLE; the best on validation data is kept."""
    long_epochs: int = 40
    """Epochs of the over-trained MLE."""
    rollouts: int = 4
    """Continuations of each prefix in the published SeqGAN (16 in the paper)."""
    n: int = 1000
    """Sequences sampled for each point."""
    device: str = "auto"
    """auto, cpu, cuda or cuda:N."""
    threads: int = 1
    """Threads of torch."""
    data: Path | None = None
    """A folder with seqgan_oracle.npz; an oracle is drawn if not given."""
    out: Path = Path("runs/sequence_oracle")
    """Where pictures and result.json go."""
    resume: bool = False
    """Go on where a killed run stopped."""


class Rewarded(Game):
    """A generator moved by rewards alone, with nobody to judge: the placebo."""

    def __init__(
        self, generator: SequenceModel, estimator: GradientEstimator, reward: Callable[[Tensor], Tensor]
    ) -> None:
        super().__init__()
        self.generator, self.estimator, self.reward = generator, estimator, reward

    def players(self) -> dict[str, Player]:
        return {"generator": Player((self.generator, self.estimator), self.loss)}

    def loss(self, batch: Any) -> Loss:
        with evaluating(self.generator):
            loss: Loss = self.estimator(self.generator, self.reward, len(batch.tokens))
        return loss


class Likelihood:
    """What a frozen model thinks of the rest of a sequence: the log-likelihood from each token on, [B, T]."""

    def __init__(self, model: SequenceModel) -> None:
        self.model = copy.deepcopy(model).eval().requires_grad_(False)

    @torch.no_grad()
    def __call__(self, tokens: Tensor) -> Tensor:
        return self.model.log_prob(tokens).flip(1).cumsum(1).flip(1)


class Bench:
    """The oracle, its data, and how a game is run; the same for all arms of a seed."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.vocabulary = 5000 if config.full else 200
        if config.data is None:
            self.oracle = oracle_generator(self.vocabulary, 20 if config.full else 10)
        else:
            with np.load(config.data / "seqgan_oracle.npz") as file:
                self.oracle = published_oracle({name: torch.from_numpy(file[name]) for name in file.files})
            self.vocabulary = self.oracle.vocabulary
        self.batch = 128 if config.full else 64
        reseed(torch.device("cpu"), 0)
        self.test = sample(self.oracle, 4000 if config.full else 2000)
        self.draw(config.seed)

    def draw(self, seed: int) -> None:
        """Draw the training and validation data of a seed."""
        reseed(torch.device("cpu"), seed, 7)
        self.train, self.valid = (sample(self.oracle, n) for n in ((10_000, 2000) if self.config.full else (1000, 500)))

    def run(self, name: str, seed: int, game: Game, steps: int, rates: dict[str, float], **settings: Any) -> None:
        """Play a game for some steps, from its newest checkpoint if there is one."""
        callbacks = settings.pop("callbacks", [])
        batch = settings.pop("batch", self.batch)
        engine = Engine(
            game,
            {player: adam(rate, betas=(0.9, 0.999)) for player, rate in rates.items()},
            seed=seed,
            clip=5.0,
            compute=Compute(self.config.device),
            **settings,
        )
        folder = self.config.out / "checkpoints" / f"{name} {seed}".replace(" ", "_").replace(",", "")
        if self.config.resume:
            engine.resume(folder)
        stream = ArrayStream(TokenBatch(self.train), batch, seed)
        with Progress(steps, f"seed {seed}: {name}", every=5) as bar:
            engine.fit(stream, steps, [*callbacks, bar, SaveEvery(100, folder)])
        game.cpu()

    def tuned(self, seed: int) -> SequenceModel:
        """Return the MLE that is best on validation data."""
        reseed(torch.device("cpu"), seed, 1)
        size = {"embedding": 128, "hidden": 160, "dropout": 0.6} if self.config.full else {"hidden": 64, "dropout": 0.3}
        model = LSTMGenerator(self.vocabulary, self.oracle.length, init=0.05, **size)  # type: ignore[arg-type]
        each = len(self.train) // self.batch
        best: dict[str, Any] = {"nll": float("inf")}

        def keep(engine: Engine) -> None:
            if engine.step % each == 0:
                nll = nll_test(model, self.valid.to(engine.device))
                if nll < best["nll"]:
                    best.update(nll=nll, weights=copy.deepcopy(model.state_dict()))

        steps = self.config.epochs * each
        rates = {"generator.lr": cosine(3e-3, 3e-5, steps)}
        self.run(TUNED, seed, SequenceLikelihood(model), steps, {"generator": 3e-3}, schedules=rates, callbacks=[keep])
        model.load_state_dict({name: value.cpu() for name, value in best["weights"].items()})
        return model

    def long(self, seed: int) -> SequenceModel:
        """Return SeqGAN's generator after SeqGAN's pre-training."""
        reseed(torch.device("cpu"), seed, 2)
        model = LSTMGenerator(self.vocabulary, self.oracle.length, init=0.1)
        steps = self.config.long_epochs * (len(self.train) // 64)
        self.run(LONG, seed, SequenceLikelihood(model), steps, {"generator": 1e-2}, batch=64)
        return model

    def placebo(
        self,
        name: str,
        seed: int,
        model: SequenceModel,
        estimator: GradientEstimator,
        reward: Callable[[Tensor], Tensor],
    ) -> SequenceModel:
        """Return a model moved by a reward that says nothing."""
        own = copy.deepcopy(model)
        self.run(name, seed, Rewarded(own, estimator, reward), self.config.steps, {"generator": 1e-2}, batch=64)
        return own

    def gan(self, name: str, seed: int, model: SequenceModel, rate: float, **settings: Any) -> SequenceModel:
        """Return a model moved by a discriminator."""
        own = copy.deepcopy(model)
        reseed(torch.device("cpu"), seed, 3)
        sizes = {"widths": (1, 2, 3, 4, 5), "filters": (100,) * 5, "dropout": 0.5}
        judge = CNNDiscriminator(self.vocabulary, **settings.pop("sizes", sizes))
        game = SeqGAN(own, judge, settings.pop("estimator", LeaveOneOut()), **settings)
        moves = alternating({"discriminator": 2, "generator": 1})
        self.run(name, seed, game, self.config.steps, {"discriminator": 1e-3, "generator": rate}, solver=moves)
        return own


def played(bench: Bench, seed: int, arms: tuple[str, ...]) -> dict[str, SequenceModel]:
    """Return every arm's generator."""
    length, steps = bench.oracle.length, bench.config.steps
    models: dict[str, SequenceModel] = {}
    if set(arms) & set(ARMS[:6]):
        tuned = models[TUNED] = bench.tuned(seed)
        frozen = Likelihood(tuned)
    if set(arms) & set(ARMS[6:]):
        long = models[LONG] = bench.long(seed)

    def more(name: str) -> SequenceModel:
        own = copy.deepcopy(tuned)
        bench.run(name, seed, SequenceLikelihood(own), steps, {"generator": 3e-4})
        return own

    # The game whose equilibrium is the sum of both divergences: E_G[-d] is KL(G, oracle) for the best discriminator.
    odds = {"rollouts": 0, "reward": nn.Identity(), "likelihood": float(length)}
    makers: dict[str, Callable[[str], SequenceModel]] = {
        ARMS[1]: more,
        ARMS[2]: lambda name: tuned,
        ARMS[3]: lambda name: bench.gan(name, seed, tuned, 3e-4, **odds),
        ARMS[4]: lambda name: bench.gan(name, seed, tuned, 3e-4, **odds, task_reward=frozen),
        ARMS[5]: lambda name: bench.gan(
            name, seed, tuned, 3e-4, **{**odds, "reward": lambda d: 0 * d}, task_reward=frozen
        ),
        ARMS[7]: lambda name: bench.placebo(name, seed, long, REINFORCE(None), lambda x: torch.ones(x.shape)),
        ARMS[8]: lambda name: bench.placebo(name, seed, long, REINFORCE(None), lambda x: torch.rand(x.shape)),
        ARMS[9]: lambda name: bench.placebo(name, seed, long, LeaveOneOut(), lambda x: torch.ones(x.shape)),
        ARMS[10]: lambda name: bench.gan(
            name, seed, long, 1e-2, rollouts=bench.config.rollouts, estimator=REINFORCE(None), sizes=TEXYGEN_SIZES
        ),
    }
    for name in arms:
        if name not in models:
            models[name] = makers[name](name)
    return {name: models[name] for name in arms}


def points(bench: Bench, name: str, model: SequenceModel, seed: int) -> list[dict[str, float]]:
    """Return an arm's scores over temperatures, or over the weights of the best decoding."""
    decoding = name == ARMS[2]
    grid = (8.0, 4.0, 3.0, 2.0, 1.5, 1.0, 0.5, 0.25) if decoding else (1.25, 1.0, 0.85, 0.7, 0.6, 0.52, 0.45, 0.38)
    rows = []
    for value in grid:
        shown = Reshaped(model, partial(trade_off, weight=value)) if decoding else model
        found: OracleScores = oracle_scores(
            bench.oracle, bench.test, shown, 1.0 if decoding else value, bench.config.n, seed
        )
        rows.append({"temperature": value, **found._asdict(), "sum": found.sum, "jeffreys": found.jeffreys})
    return rows


def mean_and_spread(values: list[float]) -> str:
    """Lay out a mean and a standard deviation."""
    spread = f" ± {np.std(values, ddof=1):.2f}" if len(values) > 1 else ""
    return f"{np.mean(values):.2f}{spread}"


def table(done: dict[str, dict[str, Any]], arms: tuple[str, ...], seeds: range) -> Table:
    """Lay out the results: at temperature 1, and at the best temperature for either scalar."""
    shown = Table(title="nats per token; mean and standard deviation over seeds")
    for heading in ("arm", "NLL_oracle", "NLL_test", "unique", "lowest sum", "its unique", "lowest Jeffreys"):
        shown.add_column(heading)
    for arm in arms:
        rows = [done[f"{arm} {seed}"]["points"] for seed in seeds]
        plain = [next((p for p in points if p["temperature"] == 1.0), points[0]) for points in rows]
        lowest = [min(points, key=lambda p: p["sum"]) for points in rows]
        shown.add_row(
            arm,
            *(mean_and_spread([p[key] for p in plain]) for key in ("quality", "coverage", "unique")),
            mean_and_spread([p["sum"] for p in lowest]),
            mean_and_spread([p["unique"] for p in lowest]),
            mean_and_spread([min(p["jeffreys"] for p in points) for points in rows]),
        )
    return shown


def draw(out: Path, done: dict[str, dict[str, Any]], arms: tuple[str, ...], seeds: range, entropy: float) -> None:
    """Draw both planes."""
    for file, x, y, real in (
        ("frontier.png", "quality", "coverage", (entropy, entropy)),
        ("divergences.png", "reverse", "forward", (0.0, 0.0)),
    ):
        curves = {
            arm: [[(p["temperature"], p[x], p[y]) for p in done[f"{arm} {seed}"]["points"]] for seed in seeds]
            for arm in arms
        }
        names = {
            "quality": "quality: NLL_oracle of samples, nats per token",
            "coverage": "coverage: NLL_test, nats per token",
            "reverse": "KL(generator, oracle), nats per token", "forward": "KL(oracle, generator), nats per token",
        }  # fmt: skip
        draw_frontiers(out / file, curves, names[x], names[y], real)


def main(config: Config) -> None:
    """Run all arms on all seeds, and say what came out."""
    if config.full and config.data is None:
        raise ValueError("--full is the published benchmark and needs --data, a folder with seqgan_oracle.npz.")
    unknown = [arm for arm in config.arms if arm not in ARMS]
    if unknown:
        raise ValueError(f"--arms {unknown[0]!r} is none of: {'; '.join(ARMS)}.")
    if config.data is not None and not (config.data / "seqgan_oracle.npz").is_file():
        raise ValueError(f"--data {config.data} has no file seqgan_oracle.npz.")
    torch.set_num_threads(config.threads)
    ensure_writable(config.out)
    start, bench = time.monotonic(), Bench(config)
    arms, seeds = config.arms or ARMS, range(config.seed, config.seed + config.seeds)
    record = config.out / "finished.json"
    done: dict[str, dict[str, Any]] = json.loads(record.read_text()) if config.resume and record.exists() else {}
    entropy = nll_test(bench.oracle, bench.test)
    print(f"oracle: vocabulary {bench.vocabulary}, length {bench.oracle.length}, entropy {entropy:.3f} nats per token")
    for seed in seeds:
        missing = tuple(arm for arm in arms if f"{arm} {seed}" not in done)
        bench.draw(seed)
        for arm, model in (played(bench, seed, missing) if missing else {}).items():
            done[f"{arm} {seed}"] = {"points": points(bench, arm, model, seed)}
            write_json(record, done)
    Console(width=130).print(table(done, arms, seeds))
    print(
        f"real sequences: {entropy:.2f}, {entropy:.2f}; sum {2 * entropy:.2f}; Jeffreys 0. A sum below is no miracle."
    )
    draw(config.out, done, arms, seeds, entropy)
    metrics = {"oracle entropy": round(entropy, 4)}
    for arm in arms:
        rows = [done[f"{arm} {seed}"]["points"] for seed in seeds]
        for key in ("sum", "jeffreys"):
            lowest = [min(p[key] for p in points) for points in rows]
            metrics[f"{arm}, lowest {key}, mean"] = round(float(np.mean(lowest)), 4)
            metrics[f"{arm}, lowest {key}, std"] = round(float(np.std(lowest, ddof=1)) if len(lowest) > 1 else 0.0, 4)
    seconds = time.monotonic() - start
    total = len(arms) * config.seeds * config.steps
    write_result(
        config.out, "sequence_oracle", asdict(config), metrics,
        f"nats per token over temperatures; {config.n} samples a point, {len(bench.test)} test sequences; "
        f"{config.seeds} seeds", seconds, total / seconds, config.device, rows=done,
    )  # fmt: skip
    print(f"{seconds:.0f} s; pictures and result.json are in {config.out}")


if __name__ == "__main__":
    with plain_errors():
        main(tyro.cli(Config))

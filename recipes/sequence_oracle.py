"""Quality, coverage and what they hide: text GANs on the synthetic oracle, where every likelihood is known.

    python recipes/sequence_oracle.py                                   # a small oracle of its own, about a minute
    python recipes/sequence_oracle.py --data FOLDER --full --seeds 3    # the published oracle and protocol

All arms see the same oracle, and on each seed the same data.  Some start from a generator trained far too long, as
SeqGAN's is: rewards that say nothing, and the published SeqGAN.  The others start from a tuned one.  Each is drawn
over temperatures, in two pictures: NLL_oracle against NLL_test, as published, and the exact divergences, which cannot
be lowered by saying less.  FOLDER holds seqgan_oracle.npz, the parameters that published figures were measured with.
"""

import copy
from dataclasses import dataclass
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gan_ext.data import read_oracle
from gan_ext.games import SequenceReward
from gan_ext.gradients import REINFORCE, LeaveOneOut
from gan_ext.metrics import nll_test, oracle_scores
from gan_ext.nets import TEXYGEN_SIZES, CNNDiscriminator, LSTMGenerator, oracle_generator, published_oracle
from gan_ext.pictures import draw_frontiers
from gan_ext.runs import Experiment, Seeds, SequenceFits, frontiers_of, launch, named, over_seeds, print_table, spreads
from gan_ext.seeds import seeded
from gan_ext.sequences import LikelihoodToGo, Reshaped, SequenceModel, sample, trade_off

Row = dict[str, Any]
TUNED, MORE, DECODED = "tuned MLE", "tuned MLE, more likelihood", "tuned MLE, best decoding"
LONG, SEQGAN = "over-trained MLE", "SeqGAN as published"
# The game whose equilibrium is the sum of both divergences: E_G[-d] is KL(G, oracle) for the best discriminator d.
ODDS = {"GAN, log-odds and likelihood": nn.Identity(), "GAN and frozen MLE as reward": nn.Identity(),
        "frozen MLE as reward": lambda d: 0 * d}  # fmt: skip
PLACEBOS = {"constant reward": (REINFORCE(None), torch.ones), "random reward": (REINFORCE(None), torch.rand),
            "constant reward, centered": (LeaveOneOut(), torch.ones)}  # fmt: skip
ARMS = (TUNED, MORE, DECODED, *ODDS, LONG, *PLACEBOS, SEQGAN)
JUDGE: Row = {"widths": (1, 2, 3, 4, 5), "filters": (100,) * 5, "dropout": 0.5}
TUNING: tuple[Row, Row] = {"hidden": 64, "dropout": 0.3}, {"embedding": 128, "hidden": 160, "dropout": 0.6}  # --full
WEIGHTS, TEMPERATURES = (8.0, 4.0, 3.0, 2.0, 1.5, 1.0, 0.5, 0.25), (1.25, 1.0, 0.85, 0.7, 0.6, 0.52, 0.45, 0.38)


@dataclass
class Config(Seeds):
    """Settings of the recipe."""

    out: Path = Path("runs/sequence_oracle")
    device: str = "auto"
    full: bool = False
    """The published protocol: vocabulary 5000, length 20, 10 000 sequences; needs --data."""
    arms: tuple[str, ...] = ()
    """Which arms to run, by name; all if none is given."""
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
    data: Path | None = None
    """A folder with seqgan_oracle.npz; an oracle is drawn if not given."""


class Bench:
    """One seed: its data, what is trained on these, and how it is measured."""

    def __init__(self, config: Config, oracle: SequenceModel, test: Tensor, seed: int) -> None:
        self.config, self.seed, self.oracle, self.test = config, seed, oracle, test
        with seeded(seed, 7):
            train, self.valid = (sample(oracle, n) for n in ((10_000, 2000) if config.full else (1000, 500)))
        self.fits = SequenceFits(config, train, 128 if config.full else 64)

    @cached_property
    def tuned(self) -> SequenceModel:
        """The MLE that is best on validation data."""
        with seeded(self.seed, 1):
            sizes = TUNING[self.config.full]
            model = LSTMGenerator(self.oracle.vocabulary, self.oracle.length, init=0.05, **sizes)
        each = len(self.fits.tokens) // self.fits.batch_size
        settings: Row = {"last_rate": 3e-5, "held_out": self.valid, "every": each}
        return self.fits.likelihood(TUNED, self.seed, model, self.config.epochs * each, 3e-3, **settings)

    @cached_property
    def long(self) -> SequenceModel:
        """SeqGAN's generator after SeqGAN's pre-training."""
        with seeded(self.seed, 2):
            model = LSTMGenerator(self.oracle.vocabulary, self.oracle.length, init=0.1)
        steps = self.config.long_epochs * (len(self.fits.tokens) // 64)
        return self.fits.likelihood(LONG, self.seed, model, steps, 1e-2, batch_size=64)

    def gan(self, arm: str) -> SequenceModel:
        """Return a model moved by a discriminator."""
        if arm == SEQGAN:
            start, rate = self.long, 1e-2
            settings: Row = {"rollouts": self.config.rollouts, "estimator": REINFORCE(None)}
        else:
            start, rate = self.tuned, 3e-4
            frozen = LikelihoodToGo(start) if "frozen" in arm else None
            settings = {"rollouts": 0, "reward": ODDS[arm], "likelihood": float(start.length), "task_reward": frozen}
        with seeded(self.seed, 3):
            judge = CNNDiscriminator(start.vocabulary, **(JUDGE if arm in ODDS else TEXYGEN_SIZES))
        game = self.fits.gan(arm, self.seed, start, judge, self.config.steps, (1e-3, rate), moves=2, **settings)
        return game.generator

    def model(self, arm: str) -> SequenceModel:
        """Return the generator of an arm without a discriminator."""
        own, steps = copy.deepcopy(self.long if arm in (LONG, *PLACEBOS) else self.tuned), self.config.steps
        if arm in PLACEBOS:
            estimator, make = PLACEBOS[arm]
            game = SequenceReward(own, lambda tokens: make(tokens.shape, device=tokens.device), estimator)
            self.fits.play(arm, self.seed, game, steps, {"generator": 1e-2}, batch_size=64)
        return self.fits.likelihood(arm, self.seed, own, steps, 3e-4) if arm == MORE else own

    def points(self, arm: str) -> Row:
        """Return an arm's scores over temperatures (or weights of the best decoding), at 1, and at the best one."""
        model, rows = self.gan(arm) if arm in (*ODDS, SEQGAN) else self.model(arm), []
        for value in WEIGHTS if arm == DECODED else TEMPERATURES:
            shown = Reshaped(model, partial(trade_off, weight=value)) if arm == DECODED else model
            temperature = 1.0 if arm == DECODED else value
            found = oracle_scores(self.oracle, self.test, shown, temperature, self.config.n, self.seed)
            rows.append({"temperature": value, **found._asdict(), "sum": found.sum, "jeffreys": found.jeffreys})
        (plain,) = (row for row in rows if row["temperature"] == 1)
        at_one = {"NLL_oracle": plain["quality"], "NLL_test": plain["coverage"], "unique": plain["unique"]}
        lowest, least = min(rows, key=lambda row: row["sum"]), min(row["jeffreys"] for row in rows)
        best = {"lowest sum": lowest["sum"], "its unique": lowest["unique"], "lowest jeffreys": least}
        return {"points": rows, **at_one, **best}


def show(rows: dict[tuple[str, int], Row]) -> dict[str, float]:
    """Print the results, and return those at the best temperature for either scalar."""
    found = {arm: spreads(own) for arm, own in over_seeds(rows).items()}
    table = [(arm, *(f"{value:.2f}" for value in each.values())) for arm, each in found.items()]
    title = "nats per token; mean and standard deviation over seeds"
    print_table(title, ("arm", *next(iter(found.values()))), table, width=130)
    best = {f"{arm}, {key}": each[key] for arm, each in found.items() for key in ("lowest sum", "lowest jeffreys")}
    return named(best, ", mean", 4, alone=True)


def main(config: Config) -> None:
    """Run all arms on all seeds, and say what came out."""
    if config.full and config.data is None:
        raise ValueError("--full is the published benchmark and needs --data, a folder with seqgan_oracle.npz.")
    if unknown := set(config.arms) - set(ARMS):
        raise ValueError(f"--arms {min(unknown)!r} is none of: {'; '.join(ARMS)}.")
    oracle = published_oracle(read_oracle(config.data)) if config.data else oracle_generator(200, 10)
    with seeded(0):
        test = sample(oracle, 4000 if config.full else 2000)
    entropy, run = nll_test(oracle, test), Experiment("sequence_oracle", config, free=("arms",))
    print(f"oracle: vocabulary {oracle.vocabulary}, length {oracle.length}, entropy {entropy:.3f} nats per token")
    cells = [(arm, seed) for seed in config.each_seed() for arm in config.arms or ARMS]
    bench = cache(partial(Bench, config, oracle, test))
    rows = run.fill(cells, lambda arm, seed: bench(seed).points(arm))

    figures = show(rows)
    print(f"real sequences: {entropy:.2f} twice, sum {2 * entropy:.2f}, Jeffreys 0. A sum below is no miracle.")
    published = frontiers_of(rows, lambda p: (p["temperature"], p["quality"], p["coverage"]), "points")
    draw_frontiers(config.out / "frontier.png", published, real=(entropy, entropy))
    exact = frontiers_of(rows, lambda p: (p["temperature"], p["reverse"], p["forward"]), "points")
    labels = "KL(generator, oracle), nats per token", "KL(oracle, generator), nats per token"
    draw_frontiers(config.out / "divergences.png", exact, *labels, (0.0, 0.0))
    run.finish(
        {"oracle entropy": round(entropy, 4), **figures},
        f"nats per token over temperatures; {config.n} samples a point, {len(test)} test sequences; "
        f"{config.seeds} seeds",
        len(cells) * config.steps, rows={f"{arm} {i}": {"points": row["points"]} for (arm, i), row in rows.items()},
    )  # fmt: skip


if __name__ == "__main__":
    launch(main, Config)

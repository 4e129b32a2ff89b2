"""Make molecules: maximum likelihood on SMILES, then a game whose reward is a discriminator's verdict and your own.

    python recipes/sequence_smiles.py --data FOLDER

FOLDER (or a file) has lines of SMILES, plain or gzipped, such as ZINC-250k; of a folder, files with `valid` or `test`
in their names are held out (about ten minutes).  Without --data, some 240 common molecules that come with this file
(about a minute).  Needs rdkit: python -m pip install "gan_ext[recipes,smiles]".

The reward is any function from a list of strings to as many numbers: to add your own, name it in REWARDS and choose it
by --reward; in a script of yours it is an argument, ``SequenceGAN(tokenizer="smiles", reward=...)``.  Any model makes
more rewarded molecules when it is sharpened, so there is maximum likelihood at several temperatures, too, and a picture
of the whole frontier: the reward against the cost of held-out molecules.
"""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from gan_ext import SequenceGAN
from gan_ext.data import DataError, read_smiles
from gan_ext.games import SeqGAN
from gan_ext.metrics import KnownMolecules, bootstrap_interval, canonical_smiles, nll_test, qed, smiles_intervals
from gan_ext.nets import LSTMGenerator
from gan_ext.pictures import draw_frontiers, draw_molecules
from gan_ext.runs import (
    Experiment,
    MoleculeOptions,
    Progress,
    launch,
    print_table,
    table_cells,
    told_beside_sharpening,
    uncertain_points,
    with_intervals,
    write_pages,
)

Arm = Literal["both", "reward", "discriminator", "constant"]
Row = dict[str, Any]
MLE = "maximum likelihood"
REWARDS: dict[str, Callable[[list[str]], Sequence[float]]] = {
    "qed": lambda smiles: [float(value) for value in np.nan_to_num(qed(smiles))],  # 0 for what is no molecule
    "validity": lambda smiles: [float(known is not None) for known in canonical_smiles(smiles)],
}
VERDICTS = {"reward": torch.zeros_like, "constant": torch.ones_like}  # of a discriminator that has no say
SHOWN = {"temperature": "g", "nats": ".4f", "validity": ".1%", "uniqueness": ".1%", "novelty": ".1%", "reward": ".3f"}


@dataclass
class Config(MoleculeOptions):
    """Settings of the recipe."""

    out: Path = Path("runs/sequence_smiles")
    threads: int = 0
    steps: int | None = None
    """Steps of maximum likelihood; 3000, or 250 without --data, if not given."""
    game_steps: int | None = None
    """Steps of the game; 200, or 60 without --data, if not given."""
    warm_up: int = 20
    """Steps of the discriminator alone before the game."""
    reward: str = "qed"
    """One of REWARDS in this file; none leaves the discriminator alone."""
    reward_weight: float = 1.0
    """Weight of your reward beside the discriminator's probability that a molecule is real."""
    likelihood: float = 0.1
    """Weight of maximum likelihood in the game; without it the generator forgets the data."""
    arms: tuple[Arm, ...] = ("both",)
    """Games to play: with both rewards, with `reward` or `discriminator` alone, or the placebo, a `constant` reward."""
    temperatures: tuple[float, ...] = (1.2, 1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4)
    """Where every model is measured; 1 must be among them."""
    samples: int | None = None
    """Molecules sampled at each temperature; 2000, or 500 without --data, if not given."""
    validation: bool = False
    """Measure on validation molecules rather than test molecules, for choosing settings."""
    molecules: int = 0
    """Most molecules to train on; 0 for all."""
    game_learning_rate: float = 3e-4
    """Of the generator in the game."""


def read(config: Config) -> tuple[list[str], list[str]]:
    """Return the molecules to train on and those held out, a tenth if there is no file of these."""
    path = config.data or Path(__file__).parent / "data" / "molecules.txt"
    found = read_smiles(path, config.max_length).with_held_out(config.seed)
    train, held_out = found.train[: config.molecules or None], found.valid if config.validation else found.test
    if len(train) < 2 or not held_out:
        raise DataError(f"{len(train)} molecules to train on and {len(held_out)} held out are too few.")
    print(f"{len(train)} molecules to train on; {len(held_out)} to {'validate' if config.validation else 'test'} on.")
    return train, held_out


def fit(config: Config, train: list[str], start: SequenceGAN | None = None, arm: Arm = "both") -> SequenceGAN:
    """Fit by maximum likelihood, or play the game of an arm from a start."""
    if start is None:
        part, steps = "likelihood", config.usual("steps", 3000, 250)
        network = partial(LSTMGenerator, embedding=64, hidden=config.hidden, dropout=0.0 if config.data else 0.2)
        own: Row = {"objective": None, "generator": network, "likelihood_iter": steps}
    else:
        part, steps, begun = arm, config.usual("game_steps", 200, 60), start.generator_
        own = {
            "objective": partial(SeqGAN, rollouts=0, likelihood=config.likelihood, reward=VERDICTS.get(arm)),
            "generator": lambda *_, **__: copy.deepcopy(begun), "likelihood_iter": 0, "warm_up_iter": config.warm_up,
            "max_iter": steps, "reward": REWARDS.get(config.reward) if arm in ("both", "reward") else None,
        }  # fmt: skip
    with Progress(steps, part, every=5) as progress:
        # The guard keeps what is most like the data, which is not what a reward asks for.
        own |= {"guard": False, "learning_rate": config.game_learning_rate, "reward_weight": config.reward_weight}
        return SequenceGAN(**config.fitting(part), callbacks=(progress,), checkpoint_every=25, **own).fit(train)


def measure(config: Config, known: KnownMolecules, held_out: list[str], model: SequenceGAN) -> Row:
    """Return what can be said of a model at each temperature, and some molecules."""
    tokens, reward, points = model.corpus_.encode(held_out[:2000]), REWARDS.get(config.reward), []
    for temperature in config.temperatures:
        made = model.sample(config.usual("samples", 2000, 500), temperature=temperature, random_state=config.seed)
        nats, scores = nll_test(model.generator_, tokens, temperature), smiles_intervals(made, known)
        earned = {"reward": bootstrap_interval(reward(made))} if reward else {}
        points.append({"temperature": temperature, "nats": nats, **scores, **earned})
    valid = dict.fromkeys(filter(None, canonical_smiles(model.sample(100, random_state=config.seed))))
    shown = [(smiles, f"{reward([smiles])[0]:.2f}" if reward else "") for smiles in [*valid][:8]]
    written = model.sample(50, random_state=config.seed)
    return {"points": points, "shown": shown, "written": written, "steps": model.n_iter_}


def main(config: Config) -> None:
    """Train, play, compare."""
    if config.reward not in (*REWARDS, "none"):
        raise ValueError(f"--reward {config.reward} must be one of {', '.join(REWARDS)}, none; add yours to REWARDS.")
    if 1.0 not in config.temperatures:
        raise ValueError(f"--temperatures {config.temperatures} must have 1 among them.")
    if config.reward == "none" and "reward" in config.arms:
        raise ValueError("--arms reward needs a reward; choose one by --reward or leave out that arm.")
    (train, held_out), n = read(config), config.usual("samples", 2000, 500)
    known, tuned = KnownMolecules(train), cache(partial(fit, config, train))
    run = Experiment("sequence_smiles", config, free=("arms",), fixed=("seed",))
    games = {f"game, {arm}": partial(lambda arm: fit(config, train, tuned(), arm), arm) for arm in config.arms}
    models: dict[str, Callable[[], SequenceGAN]] = {MLE: tuned, **games}
    rows = run.fill(models, lambda name: measure(config, known, held_out, models[name]()))

    earned = "reward" if config.reward in REWARDS else "validity"
    what = f"mean {config.reward}" if earned == "reward" else "share of valid strings"
    headings = ["", "temperature", "held-out nats/token", "valid", "unique", "novel", what][: 6 + (earned == "reward")]
    table, curves, cost = [], {}, "its held-out molecules cost {} nats per token"
    for name, row in rows.items():
        table += [(name, *table_cells(with_intervals(at), SHOWN)[: len(headings) - 1]) for at in row["points"]]
        curves[name] = uncertain_points(row["points"], earned, "nats")
    title = f"{n} samples each; brackets: 95 % by bootstrap. Invalid strings count in the mean reward."
    print_table(title, headings, table, width=140)
    print(*(told_beside_sharpening(name, curves[name], curves[MLE], MLE, what, cost) for name in games), sep="\n")
    drawn = {name: [[(at.temperature, at.quality, at.coverage) for at in curve]] for name, curve in curves.items()}
    draw_frontiers(config.out / "frontier.png", drawn, f"- {what}", "held-out molecules, nats per token", sums=False)
    draw_molecules(config.out / "molecules.png", {name: row["shown"] for name, row in rows.items()})
    write_pages(config.out / "molecules.txt", {name: row["written"] for name, row in rows.items()})
    metrics = {
        f"{name}, temperature {at['temperature']:g}, {key}": round(value[0] if isinstance(value, list) else value, 5)
        for name, row in rows.items() for at in row["points"] for key, value in at.items() if key != "temperature"
    }  # fmt: skip
    run.finish(
        metrics,
        f"nats per token on {min(2000, len(held_out))} {'validation' if config.validation else 'test'} molecules; "
        f"the rest from {n} samples at each temperature, invalid strings with reward 0; rows have 95 % bootstrap "
        "intervals, uniqueness none, since drawing with replacement makes doubles; one run",
        sum(row["steps"] for row in rows.values()), rows={name: row["points"] for name, row in rows.items()},
        said="molecules.txt, pictures and result.json are in {out}",
    )  # fmt: skip


if __name__ == "__main__":
    launch(main, Config)

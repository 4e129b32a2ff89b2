"""Eight Gaussians on a ring, twenty-five on a grid: which GAN finds them all, with the same nets and steps?

    python recipes/toy_games.py --out runs/toys

About a minute on two cores.  The arms differ in losses and in how the game is played:

* standard: the non-saturating loss, nothing else, by alternating steps of Adam: the baseline that loses modes;
* r3gan: each generated point against a real one, with penalties on the discriminator's gradients at both;
* r3gan, look-ahead: the same losses, played with look-ahead: every five steps back a fifth of the way;
* standard, consensus: the baseline's loss, played by consensus optimization.

Figures are those of PacGAN: modes with a good sample, share of good samples (within three deviations of a mode), and
the divergence of their histogram over modes from the even one, of 2500 samples of the averaged generator after the last
step.  Leaves in --out a picture of samples, a film of training, a picture of the figures over time, and result.json.
`--steps 12000 --seeds 10` makes the table of the documentation; --resume skips what a killed run has finished.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, Literal

import numpy as np

from gan_ext import Compute, Engine
from gan_ext.data import ArrayStream
from gan_ext.engine import Consensus, Every, Lookahead, Solver
from gan_ext.games import R3GAN, Adversarial, RealBatch
from gan_ext.latents import Uniform
from gan_ext.metrics import mode_scores
from gan_ext.nets import fourier_nets
from gan_ext.pictures import animate_clouds, draw_clouds, draw_courses
from gan_ext.runs import (
    Experiment,
    Seeds,
    adam_engine,
    at_least,
    averaged_samples,
    courses,
    launch,
    named,
    print_table,
    spreads,
)  # fmt: skip
from gan_ext.seeds import mix, seeded
from gan_ext.toys import GaussianGrid, GaussianRing, PlanarMixture

Arm = Literal["standard", "r3gan", "r3gan, look-ahead", "standard, consensus"]
Toy = Literal["ring", "grid"]
TOYS: dict[Toy, Callable[[], PlanarMixture]] = {"ring": GaussianRing, "grid": GaussianGrid}
SOLVERS: dict[Arm, Solver] = {
    "r3gan, look-ahead": Lookahead(every=5, alpha=0.8),
    "standard, consensus": Consensus(0.5),
}
LOOKS = 24  # at how many steps of a fit its samples are looked at
SCORES = ("modes", "high quality", "reverse kl")


@dataclass
class Config(Seeds):
    """Settings of the recipe."""

    out: Path = Path("runs/toy_games")
    toys: tuple[Toy, ...] = ("ring", "grid")
    """What is learned."""
    arms: tuple[Arm, ...] = ("standard", "r3gan")
    """Which games are played, and how."""
    steps: int = 4000
    """Training steps of one fit."""
    batch_size: int = 256
    """Points of a step."""
    generator_widths: tuple[int, ...] = (128, 128, 128, 128, 128)
    """Units of the generator's hidden layers."""
    discriminator_widths: tuple[int, ...] = (64, 64, 64, 64)
    """Units of the discriminator's hidden layers."""
    gamma: float = 0.03
    """Weight of r3gan's penalties, in squared deviations of the data."""
    learning_rate: float = 4e-3
    """Of both players of r3gan; falls to 0 in a straight line."""
    baseline_rate: float = 1e-3
    """The same for the other arms."""
    ema: float = 0.99
    """Decay of the averaged weights, which are measured."""
    samples: int = 2500
    """Generated points that are measured."""
    jobs: int = 2
    """Fits side by side, each in a process of its own with one thread."""


def play(config: Config, toy: Toy, arm: Arm, seed: int) -> Engine:
    """Return the engine of one arm before its first step; for the same seed all arms have the same first weights."""
    with seeded(mix(seed, 3)):
        generator, discriminator = fourier_nets(config.generator_widths, config.discriminator_widths)
    networks, paired = (generator, discriminator, Uniform(2, -1.0, 1.0)), arm.startswith("r3gan")
    game = R3GAN(*networks, config.gamma) if paired else Adversarial(*networks)
    rate = config.learning_rate if paired else config.baseline_rate
    return adam_engine(
        game, lambda step: rate * max(0.01, 1 - step / config.steps), (0.0, 0.9) if paired else (0.5, 0.999),
        SOLVERS.get(arm), seed=seed, ema=config.ema, compute=Compute(config.device),
    )  # fmt: skip


def fit(config: Config, toy: Toy, arm: Arm, seed: int) -> dict[str, Any]:
    """Play one arm on one toy, and return its scores, its course and its samples."""
    mixture = TOYS[toy]()
    scale = float(mixture.modes.std())
    stream = ArrayStream(RealBatch(mixture.sample(100_000, mix(seed, 1)) / scale), config.batch_size, seed)
    engine, clouds, start = play(config, toy, arm, seed), [], time.monotonic()

    def look(engine: Engine) -> None:
        points = (averaged_samples(engine, config.samples) * scale).cpu().numpy()
        found = mode_scores(mixture.modes, mixture.std, points)
        engine.record(modes=found.modes, high_quality=found.high_quality, reverse_kl=found.reverse_kl)
        clouds.append(points[:800])

    engine.fit(stream, config.steps, [Every(max(1, config.steps // LOOKS), look)])
    last, whole = engine.history[-1], [entry for entry in engine.history if entry["modes"] == len(mixture.modes)]
    return {
        "modes": last["modes"],
        "high quality": last["high_quality"],
        "reverse kl": last["reverse_kl"],
        "steps to all modes": whole[0]["step"] if whole else None,
        "seconds": time.monotonic() - start,
        "course": engine.history,
        "clouds": np.stack(clouds),
    }


def draw(config: Config, run: Experiment, rows: dict[tuple[Toy, Arm, int], dict[str, Any]]) -> None:
    """Draw the samples of the first seed, a film of them, and the share of good samples over time."""
    shown = {}
    for toy in config.toys:
        films = {arm: run.arrays((toy, arm, config.seed))["clouds"] for arm in config.arms}
        modes = TOYS[toy]().modes.numpy()
        draw_clouds(config.out / f"{toy}.png", {arm: film[-1] for arm, film in films.items()}, modes)
        animate_clouds(config.out / f"{toy}.gif", [dict(zip(films, each)) for each in zip(*films.values())], modes)
        kept = {cell[1:]: row for cell, row in rows.items() if cell[0] == toy}
        shown[f"{toy}: share of good samples"] = courses(kept, "high_quality")
    draw_courses(config.out / "good_samples.png", shown, "steps", top=1.0, size=(4.5, 3.4))


def main(config: Config) -> None:
    """Play every arm on every toy, then print, draw and write."""
    at_least(config, 1, "steps", "seeds", "batch_size", "samples", "jobs")
    run = Experiment("toy_games", config, free=("toys", "arms"))
    cells = [(toy, arm, seed) for seed, arm, toy in product(config.each_seed(), config.arms, config.toys)]
    rows = run.fill(cells, partial(fit, config), jobs=config.jobs, label=f"fits of {config.steps} steps")

    table, figures = [], dict[str, float]()
    for toy, arm in product(config.toys, config.arms):
        found = spreads((rows[toy, arm, seed] for seed in config.each_seed()), SCORES)
        modes, good, kl = (found[score] for score in SCORES)
        shown = f"{modes.mean:.1f} ({modes.low:.0f})", f"{100 * good.mean:.1f} % ({100 * good.low:.1f})"
        table.append((f"{toy}, {arm}", *shown, f"{kl.mean:.4f} ({kl.high:.4f})"))
        figures |= named({f"{toy}, {arm}, {score}": value for score, value in found.items()})
        for score, worst in zip(SCORES, (modes.low, good.low, kl.high)):
            figures[f"{toy}, {arm}, {score}, worst"] = round(worst, 5)
    title = f"{config.steps} steps, mean (worst) of {config.seeds} seeds"
    print_table(title, ("", "modes", "good samples", "reverse KL"), table, width=110)
    draw(config, run, rows)
    run.finish(
        figures,
        f"{config.samples} samples of the averaged generator after the last step, PacGAN's scores; settings were "
        "chosen in a program of its own and on seeds from 100 on",
        len(cells) * config.steps, seconds=sum(row["seconds"] for row in rows.values()), rows=rows,
    )  # fmt: skip


if __name__ == "__main__":
    launch(main, Config)

"""How a game is played: every solver on four games, in one table.

    python recipes/solvers.py --out runs/solvers

* bilinear: min max x*y, where plain gradient descent turns in circles; the figure is the factor by which a step changes
  the distance to the solution (the spectral radius), in closed form and measured on what the engine does;
* Dirac: the smallest GAN, without a penalty; the same figures;
* ring: eight Gaussians on a circle with the non-saturating loss and nothing else; modes found, share of good samples;
* digits: the semi-supervised classifier on scikit-learn's digits, five labels of each class; its accuracy.

All have the same networks, rates and steps; what a step costs is given beside it, as a multiple of the plain one.  The
settings of the solvers are below, and were not tuned for these games.  Leaves the table as a picture, the trajectories
on the two small games and result.json in --out; --resume skips what a killed run has finished.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits

from gan_ext import Compute, Engine, SemiSupervisedGANClassifier
from gan_ext.data import ArrayStream, semi_supervised_split
from gan_ext.engine import (
    CompetitiveGradientDescent,
    Consensus,
    Extragradient,
    ExtragradientFromPast,
    InTurns,
    Lookahead,
    Momentum,
    Optimistic,
    Solver,
    SymplecticAdjustment,
    Unrolled,
    adam,
    simultaneous,
)
from gan_ext.games import Adversarial, RealBatch
from gan_ext.latents import Uniform
from gan_ext.metrics import mode_scores
from gan_ext.nets import fourier_nets
from gan_ext.pictures import FieldPanel, animate_fields, draw_fields
from gan_ext.runs import (
    Experiment,
    Progress,
    Seeds,
    at_least,
    averaged_samples,
    launch,
    named,
    print_table,
    spreads,
    step_costs,
)
from gan_ext.seeds import mix, seeded
from gan_ext.toys import SMALL_GAMES, GaussianRing, solver_radii

SOLVERS: dict[str, Solver] = {
    "alternating": InTurns(),
    "simultaneous": InTurns(simultaneous("discriminator", "generator")),
    "extragradient": Extragradient(),
    "extragradient from the past": ExtragradientFromPast(),
    "optimistic": Optimistic(),
    "negative momentum": Momentum(-0.5),
    "consensus": Consensus(0.5),
    "symplectic": SymplecticAdjustment(0.5),
    "competitive": CompetitiveGradientDescent(3, rate=0.5),
    "look-ahead": Lookahead(every=5, alpha=0.5),
    "unrolled": Unrolled(5, 0.1),
    "two time scales": InTurns(),
}
RATE = 0.3  # of plain descent on the two small games


@dataclass
class Config(Seeds):
    """Settings of the recipe."""

    out: Path = Path("runs/solvers")
    solvers: tuple[str, ...] = tuple(SOLVERS)
    """Rows of the table."""
    steps: int = 2000
    """Steps on the ring."""
    digits_steps: int = 300
    """Steps on the digits."""
    batch_size: int = 256
    """Points of a step on the ring."""
    learning_rate: float = 1e-3
    """Of both players on the ring, with Adam; falling to a tenth."""


def rates(name: str, rate: float) -> dict[str, float]:
    """Return the learning rates of both players: the same, but with two time scales four to one."""
    two = name == "two time scales"
    return {"discriminator": 2 * rate if two else rate, "generator": rate / 2 if two else rate}


def own_rates(name: str) -> Solver:
    """Return the solver as published: competitive descent with the players' own rates."""
    solver = SOLVERS[name]
    return CompetitiveGradientDescent(solver.rounds) if isinstance(solver, CompetitiveGradientDescent) else solver


def falling(steps: int, rate: float, step: int) -> float:
    """Return a rate that is flat for half of the steps and then falls to a tenth."""
    return float(rate * 0.1 ** max(0.0, 2 * step / steps - 1))


def ring_engine(config: Config, name: str, seed: int) -> Engine:
    """Return an engine for the ring before its first step; nets depend on the seed alone."""
    with seeded(mix(seed, 3)):
        generator, discriminator = fourier_nets()
    each, betas = rates(name, config.learning_rate), (0.5, 0.999)
    return Engine(
        Adversarial(generator, discriminator, Uniform(2, -1.0, 1.0)),
        {player: adam(rate, betas) for player, rate in each.items()}, SOLVERS[name], seed=seed, ema=0.99,
        schedules={f"{player}.lr": partial(falling, config.steps, rate) for player, rate in each.items()},
        compute=Compute(config.device),
    )  # fmt: skip


def ring(config: Config, name: str, seed: int) -> dict[str, float]:
    """Return the scores of the averaged generator after training on the ring."""
    data = GaussianRing()
    scale = float(data.modes.std())
    stream = ArrayStream(RealBatch(data.sample(100_000, mix(seed, 1)) / scale), config.batch_size, seed)
    played = ring_engine(config, name, seed)
    with Progress(config.steps, f"{name}, ring, seed {seed}") as progress:
        played.fit(stream, config.steps, [progress])
    scores = mode_scores(data.modes, data.std, (averaged_samples(played, 2500) * scale).cpu())
    return {"modes": scores.modes, "high quality": scores.high_quality, "reverse kl": scores.reverse_kl}


def digits(config: Config, name: str, seed: int) -> float:
    """Return the accuracy on held-out digits with 50 labels."""
    x, y = load_digits(return_X_y=True)
    split = semi_supervised_split(y, 50, n_test=500, random_state=seed)
    model = SemiSupervisedGANClassifier(
        max_iter=config.digits_steps, solver=SOLVERS[name], device=config.device, random_state=seed
    )
    return float(model.fit(*split.training_data(x, y)).score(x[split.test], y[split.test]))


def fit(config: Config, name: str, seed: int) -> dict[str, float]:
    """Return what one solver reaches on the ring and on the digits."""
    figures = {f"ring, {score}": value for score, value in ring(config, name, seed).items()}
    if name != "two time scales":  # the estimator has one rate for both players
        figures["digits, accuracy"] = digits(config, name, seed)
    return figures


def costs(config: Config, *_: str) -> dict[str, dict[str, float]]:
    """Return what a step on the ring costs with each solver, in milliseconds and over the first."""
    stream = ArrayStream(RealBatch(GaussianRing().sample(10_000, 0)), config.batch_size, 0)
    return step_costs({name: ring_engine(config, name, config.seed) for name in config.solvers}, stream)


def cells_of(figures: Mapping[str, float]) -> list[str]:
    """Lay the figures of one solver out."""
    found = []
    for game in ("bilinear", "dirac"):
        radius = figures[f"{game}, measured"]
        verdict = "converges" if radius < 1 - 1e-6 else "cycles" if radius < 1 + 1e-6 else "diverges"
        found.append(f"{figures[f'{game}, closed form']:.4f} / {radius:.4f} {verdict}")
    accuracy = f"{100 * figures['digits, accuracy']:.1f} %" if "digits, accuracy" in figures else ""
    modes, good, kl = (figures[f"ring, {score}"] for score in ("modes", "high quality", "reverse kl"))
    return [*found, f"{modes:.1f}", f"{100 * good:.0f} %", f"{kl:.3f}", accuracy, f"{figures['cost']:.1f}"]


def draw_paths(config: Config) -> None:
    """Draw the fields of both small games with the path of every solver, and a film of them."""
    places = np.linspace(-2, 2, 17)
    panels = {}
    for title, game in SMALL_GAMES.items():
        paths = {name: game.path(own_rates(name), rates(name, RATE)).numpy() for name in config.solvers}
        panels[title] = FieldPanel(game.field(torch.from_numpy(places)).numpy(), paths)
    draw_fields(config.out / "paths.png", panels, places, places)
    animate_fields(config.out / "paths.gif", panels, places, places)


def main(config: Config) -> None:
    """Fill the table solver by solver, then print, draw and write it."""
    at_least(config, 1, "steps", "digits_steps", "seeds")
    if unknown := [name for name in config.solvers if name not in SOLVERS]:
        raise ValueError(f"--solvers {' '.join(unknown)} is none of {', '.join(SOLVERS)}.")
    run = Experiment("solvers", config, free=("solvers",))
    cells = list(product(config.solvers, config.each_seed()))
    fits, timed = run.fill(cells, partial(fit, config)), ("costs", *config.solvers)
    cost = run.fill([timed], partial(costs, config))[timed]
    rows = {}
    for name in config.solvers:
        found = spreads(fits[name, seed] for seed in config.each_seed())
        rows[name] = solver_radii(own_rates(name), rates(name, RATE)) | named(found) | cost[name]

    print_table(
        f"Solvers: radius at rate {RATE} (closed form / measured), ring of 8, digits with 50 labels",
        ("", "bilinear", "Dirac", "modes", "good", "KL", "digits", "cost"),
        [(name, *cells_of(row)) for name, row in rows.items()], width=150,
    )  # fmt: skip
    draw_paths(config)
    run.finish(
        {f"{name}, {figure}": round(value, 5) for name, row in rows.items() for figure, value in row.items()},
        f"radii at rate {RATE}; ring: averaged generator of the last step, 2500 samples; digits: 500 test images; "
        "means over seeds; cost of a step over that of the first row",
        config.steps * config.seeds * len(rows), rows=rows, solvers={name: repr(SOLVERS[name]) for name in rows},
    )  # fmt: skip


if __name__ == "__main__":
    launch(main, Config)

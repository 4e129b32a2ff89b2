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

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import tyro
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from sklearn.datasets import load_digits

from gan_ext import Compute, Engine, SemiSupervisedGANClassifier
from gan_ext.data import ArrayStream, DataError, semi_supervised_split
from gan_ext.engine import (
    CompetitiveGradientDescent,
    Consensus,
    Extragradient,
    ExtragradientFromPast,
    InTurns,
    LinearGame,
    Lookahead,
    Momentum,
    Optimistic,
    Solver,
    SymplecticAdjustment,
    Unrolled,
    adam,
    ensure_writable,
    sgd,
    simultaneous,
    two_time_scales,
)
from gan_ext.game import TwoPlayerGame
from gan_ext.games import Adversarial, RealBatch
from gan_ext.latents import Uniform
from gan_ext.metrics import ModeScores, mode_scores
from gan_ext.nets import FourierFeatures, plain_discriminator, plain_generator
from gan_ext.pictures import FieldPanel, animate_fields, draw_fields
from gan_ext.runs import Progress, plain_errors, write_json, write_result
from gan_ext.seeds import kept_generators, mix, reseed
from gan_ext.testing import ConstantStream
from gan_ext.toys import BilinearGame, DiracGame, GaussianRing, Trajectory, measured_radius, plane_field

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
NOTHING = ConstantStream(RealBatch(torch.zeros(1)))  # they need no data


@dataclass
class Config:
    """Settings of the recipe."""

    out: Path = Path("runs/solvers")
    """Where pictures and result.json go."""
    data: Path | None = None
    """Not used: the games make their own data, and digits come with scikit-learn."""
    solvers: tuple[str, ...] = tuple(SOLVERS)
    """Rows of the table."""
    seeds: int = 1
    """Runs on ring and digits, with seeds seed, seed + 1, ..."""
    seed: int = 0
    """The first seed."""
    steps: int = 2000
    """Steps on the ring."""
    digits_steps: int = 300
    """Steps on the digits."""
    batch_size: int = 256
    """Points of a step on the ring."""
    learning_rate: float = 1e-3
    """Of both players on the ring, with Adam; falling to a tenth."""
    device: str = "cpu"
    """cpu, cuda, cuda:N or auto; these games are too small for a GPU to pay."""
    threads: int = 1
    """Threads of torch; 0 leaves its default, the number of cores."""
    resume: bool = False
    """Skip what a killed run has finished."""


def rates(name: str, rate: float) -> dict[str, float]:
    """Return the learning rates of both players: the same, but with two time scales four to one."""
    slow = rate / 2 if name == "two time scales" else rate
    return {"discriminator": 2 * rate if name == "two time scales" else rate, "generator": slow}


def own_rates(solver: Solver) -> Solver:
    """Return the solver as published: competitive descent with the players' own rates."""
    return CompetitiveGradientDescent(solver.rounds) if isinstance(solver, CompetitiveGradientDescent) else solver


def small(name: str) -> dict[str, float]:
    """Return the radii on the two small games: what the equations say, and what the engine does."""
    solver, each, radii = own_rates(SOLVERS[name]), rates(name, RATE), {}
    players = {player: sgd(rate) for player, rate in each.items()}
    games: dict[str, tuple[Callable[[], TwoPlayerGame], torch.Tensor]] = {
        "bilinear": (lambda: BilinearGame(0.0, 0.0), torch.tensor([[0.0, -1.0], [1.0, 0.0]])),
        "dirac": (lambda: DiracGame(0.0, 0.0), torch.tensor([[0.0, 0.5], [-0.5, 0.0]])),
    }
    for title, (make, jacobian) in games.items():

        def engine(make: Callable[[], TwoPlayerGame] = make) -> Engine:
            return Engine(make().double(), players, solver, compute=Compute("cpu"))

        local = LinearGame(jacobian, torch.tensor(list(each.values())))
        radii[f"{title}, closed form"] = solver.radius(local)
        radii[f"{title}, measured"] = measured_radius(
            engine, NOTHING, solver.every if isinstance(solver, Lookahead) else 1
        )
    return radii


def ring_engine(name: str, seed: int, config: Config) -> Engine:
    """Return an engine for the ring before its first step; nets depend on the seed alone."""
    with kept_generators(torch.device("cpu")):
        reseed(torch.device("cpu"), mix(seed, 3))
        made, seen = FourierFeatures(2, 32, 6.0), FourierFeatures(2, 32, 3.0)
        generator = torch.nn.Sequential(made, plain_generator((2,), made.outputs))
        discriminator = torch.nn.Sequential(seen, plain_discriminator((seen.outputs,)))
    each = rates(name, config.learning_rate)
    betas = (0.5, 0.999)
    fall = {f"{player}.lr": _falling(rate, config.steps) for player, rate in each.items()}
    return Engine(
        Adversarial(generator, discriminator, Uniform(2, -1.0, 1.0)),
        two_time_scales(each, betas) if name == "two time scales" else {p: adam(r, betas) for p, r in each.items()},
        SOLVERS[name], seed=seed, ema=0.99, schedules=fall, compute=Compute(config.device),
    )  # fmt: skip


def _falling(rate: float, steps: int) -> Callable[[int], float]:
    return lambda step: rate * 0.1 ** max(0.0, 2 * step / steps - 1)


def ring(name: str, seed: int, config: Config) -> dict[str, float]:
    """Return the scores of the averaged generator after training on the ring."""
    data = GaussianRing()
    scale = float(data.modes.std())
    points = data.sample(100_000, mix(seed, 1)) / scale
    stream = ArrayStream(RealBatch(points), config.batch_size, seed)
    engine = ring_engine(name, seed, config)
    with Progress(config.steps, f"{name}, ring, seed {seed}") as progress:
        engine.fit(stream, config.steps, [progress])
    scores = ring_scores(engine, data, scale)
    return {"modes": scores.modes, "high quality": scores.high_quality, "reverse kl": scores.reverse_kl}


@torch.no_grad()
def ring_scores(engine: Engine, data: GaussianRing, scale: float) -> ModeScores:
    """Return the scores of 2500 samples of the averaged generator."""
    game = engine.averaged
    assert isinstance(game, Adversarial)
    with kept_generators(engine.device):
        reseed(engine.device, 1)
        samples = game.generator(game.prior.sample(2500)) * scale
    return mode_scores(data.modes, data.std, samples.cpu())


def digits(name: str, seed: int, config: Config) -> dict[str, float]:
    """Return the accuracy on held-out digits with 50 labels."""
    x, y = load_digits(return_X_y=True)
    split = semi_supervised_split(y, 50, n_test=500, random_state=seed)
    model = SemiSupervisedGANClassifier(
        max_iter=config.digits_steps, solver=SOLVERS[name], device=config.device, random_state=seed
    )
    model.fit(*split.training_data(x, y))
    return {"accuracy": float(model.score(x[split.test], y[split.test]))}


def costs(config: Config, rounds: int = 5, steps: int = 20) -> dict[str, dict[str, float]]:
    """Return what a step on the ring costs with each solver, in milliseconds and over the first: medians of rounds.

    All solvers are timed in turns; on a processor by the time it works for this process, whatever else it does.
    """
    points = GaussianRing().sample(10_000, 0)
    stream = ArrayStream(RealBatch(points), config.batch_size, 0)
    engines = {name: ring_engine(name, config.seed, config).fit(stream, 5) for name in config.solvers}
    spent: dict[str, list[float]] = {name: [] for name in engines}
    for _ in range(rounds):
        for name, engine in engines.items():
            start = clock(engine.device)
            engine.fit(stream, engine.step + steps)
            spent[name].append(1000 * (clock(engine.device) - start) / steps)
    first = spent[config.solvers[0]]
    return {
        name: {"ms": float(np.median(each)), "cost": float(np.median(np.array(each) / np.array(first)))}
        for name, each in spent.items()
    }


def clock(device: torch.device) -> float:
    """Return seconds: of this process on a processor, of the wall on a GPU once it has done its work."""
    if device.type == "cpu":
        return time.process_time()
    torch.cuda.synchronize(device)
    return time.perf_counter()


def row(name: str, config: Config) -> dict[str, float]:
    """Return all figures of one solver, means over seeds with deviations."""
    figures = small(name)
    seeds = range(config.seed, config.seed + config.seeds)
    for title, play in (("ring", ring), ("digits", digits)):
        if name == "two time scales" and title == "digits":
            continue  # the estimator has one rate for both players
        found = [play(name, seed, config) for seed in seeds]
        for score in found[0]:
            values = [each[score] for each in found]
            figures[f"{title}, {score}"] = float(np.mean(values))
            if len(values) > 1:
                figures[f"{title}, {score}, std"] = float(np.std(values, ddof=1))
    return figures


def verdict(radius: float) -> str:
    """Say what a spectral radius means."""
    return "converges" if radius < 1 - 1e-6 else "cycles" if radius < 1 + 1e-6 else "diverges"


def table(rows: Mapping[str, Mapping[str, float]]) -> Table:
    """Lay the figures out."""
    shown = Table(title=f"Solvers: radius at rate {RATE} (closed form / measured), ring of 8, digits with 50 labels")
    heads = ("bilinear", "Dirac", "modes", "good", "KL", "digits", "cost")
    for heading in ("", *heads):
        shown.add_column(heading, justify="right" if heading else "left")
    for name, figures in rows.items():
        cells = []
        for game in ("bilinear", "dirac"):
            closed, found = figures[f"{game}, closed form"], figures[f"{game}, measured"]
            cells.append(f"{closed:.4f} / {found:.4f} {verdict(found)}")
        cells += [
            f"{figures['ring, modes']:.1f}",
            f"{100 * figures['ring, high quality']:.0f} %",
            f"{figures['ring, reverse kl']:.3f}",
            f"{100 * figures['digits, accuracy']:.1f} %" if "digits, accuracy" in figures else "",
            f"{figures['cost']:.1f}",
        ]
        shown.add_row(name, *cells)
    return shown


def path_of(name: str, make: Callable[[], TwoPlayerGame], steps: int = 60) -> NDArray[Any]:
    """Return where plain descent at RATE with this solver takes a game of two numbers, [steps + 1, 2]."""
    game = make()
    track = Trajectory(game)
    each = {player: sgd(rate) for player, rate in rates(name, RATE).items()}
    Engine(game, each, own_rates(SOLVERS[name]), compute=Compute("cpu")).fit(NOTHING, steps, [track])
    path: NDArray[Any] = track.points.numpy()
    return path


def draw_paths(config: Config) -> None:
    """Draw the fields of both small games with the path of every solver, and a film of them."""
    places = np.linspace(-2, 2, 17)
    grid = torch.tensor(np.stack(np.meshgrid(places, places), -1).reshape(-1, 2), dtype=torch.float32)
    panels = {}
    games: dict[str, Callable[[], TwoPlayerGame]] = {
        "bilinear": lambda: BilinearGame(1.0, 1.0),
        "Dirac": lambda: DiracGame(1.0, 1.0),
    }
    for title, make in games.items():
        field = plane_field(make(), grid, NOTHING.batch).numpy().reshape(17, 17, 2)
        panels[title] = FieldPanel(field, {name: path_of(name, make) for name in config.solvers})
    draw_fields(config.out / "paths.png", panels, places, places)
    animate_fields(config.out / "paths.gif", panels, places, places)


def finished(config: Config) -> dict[str, Any]:
    """Return the rows that a killed run with the same settings has finished."""
    free = {"out", "data", "solvers", "device", "threads", "resume"}
    settings = {name: str(value) for name, value in asdict(config).items() if name not in free}
    path = config.out / "finished.json"
    if config.resume and path.exists():
        kept: dict[str, Any] = json.loads(path.read_text())
        if kept["settings"] == settings:
            return kept
        raise DataError(f"{path} is of a run with {kept['settings']}; use another --out or leave out --resume.")
    return {"settings": settings, "rows": {}}


def main(config: Config) -> None:
    """Fill the table solver by solver, then print, draw and write it."""
    unknown = [name for name in config.solvers if name not in SOLVERS]
    if unknown or config.steps < 1 or config.digits_steps < 1 or config.seeds < 1:
        raise DataError(
            f"--solvers {' '.join(unknown)} is none of {', '.join(SOLVERS)}." if unknown
            else "--steps, --digits-steps and --seeds must be at least 1."
        )  # fmt: skip
    ensure_writable(config.out)
    if config.threads:
        torch.set_num_threads(config.threads)
    kept, start = finished(config), time.monotonic()
    for name in config.solvers:
        if name not in kept["rows"]:
            kept["rows"][name] = row(name, config)
            write_json(config.out / "finished.json", kept)
    timed = costs(config)
    rows = {name: kept["rows"][name] | timed[name] for name in config.solvers}
    Console(width=150).print(table(rows))
    draw_paths(config)
    seconds = time.monotonic() - start
    metrics = {
        f"{name}, {figure}": round(value, 5) for name, figures in rows.items() for figure, value in figures.items()
    }
    write_result(
        config.out, "solvers", asdict(config), metrics,
        f"radii at rate {RATE}; ring: averaged generator of the last step, 2500 samples; digits: 500 test images; "
        "means over seeds; cost of a step over that of the first row",
        seconds, config.steps * config.seeds * len(rows) / max(seconds, 1e-9), config.device, rows=rows,
        solvers={name: repr(SOLVERS[name]) for name in rows},
    )  # fmt: skip
    print(f"{seconds:.0f} s; pictures and result.json are in {config.out}")


if __name__ == "__main__":
    with plain_errors():
        main(tyro.cli(Config))

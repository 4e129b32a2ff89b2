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

import json
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import tyro
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table
from sklearn.utils.parallel import Parallel, delayed
from torch import nn

from gan_ext import Compute, Engine
from gan_ext.data import ArrayStream, DataError
from gan_ext.engine import Consensus, Every, InTurns, Lookahead, Solver, adam, ensure_writable
from gan_ext.games import R3GAN, Adversarial, RealBatch
from gan_ext.latents import Uniform
from gan_ext.metrics import mode_scores
from gan_ext.nets import FourierFeatures, plain_discriminator, plain_generator
from gan_ext.pictures import animate_clouds, draw_clouds
from gan_ext.runs import plain_errors, write_json, write_result
from gan_ext.seeds import kept_generators, mix, reseed
from gan_ext.toys import GaussianGrid, GaussianRing, PlanarMixture

Arm = Literal["standard", "r3gan", "r3gan, look-ahead", "standard, consensus"]
Toy = Literal["ring", "grid"]
TOYS: dict[Toy, Callable[[], PlanarMixture]] = {"ring": GaussianRing, "grid": GaussianGrid}
SOLVERS: dict[Arm, Solver] = {
    "standard": InTurns(),
    "r3gan": InTurns(),
    "r3gan, look-ahead": Lookahead(every=5, alpha=0.8),
    "standard, consensus": Consensus(0.5),
}
LOOKS = 24  # at how many steps of a fit its samples are looked at


@dataclass
class Config:
    """Settings of the recipe."""

    out: Path = Path("runs/toy_games")
    """Where pictures and result.json go."""
    data: Path | None = None
    """Not used: the points are drawn here."""
    toys: tuple[Toy, ...] = ("ring", "grid")
    """What is learned."""
    arms: tuple[Arm, ...] = ("standard", "r3gan")
    """Which games are played, and how."""
    seeds: int = 1
    """Fits of each arm on each toy, with seeds seed, seed + 1, ..."""
    seed: int = 0
    """The first seed."""
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
    device: str = "cpu"
    """cpu, cuda, cuda:N or auto; these games are too small for a GPU to pay."""
    resume: bool = False
    """Skip the fits that a killed run has finished."""


def play(config: Config, toy: Toy, arm: Arm, seed: int) -> Engine:
    """Return the engine of one arm before its first step; for the same seed all arms have the same first weights."""
    with kept_generators(torch.device("cpu")):
        reseed(torch.device("cpu"), mix(seed, 3))
        made, seen = FourierFeatures(2, 32, 6.0), FourierFeatures(2, 32, 3.0)
        generator = nn.Sequential(made, plain_generator((2,), made.outputs, config.generator_widths))
        discriminator = nn.Sequential(seen, plain_discriminator((seen.outputs,), config.discriminator_widths))
    prior, paired = Uniform(2, -1.0, 1.0), arm.startswith("r3gan")
    game = (
        R3GAN(generator, discriminator, prior, config.gamma) if paired else Adversarial(generator, discriminator, prior)
    )
    rate = config.learning_rate if paired else config.baseline_rate
    players = dict.fromkeys(("discriminator", "generator"), adam(rate, (0.0, 0.9) if paired else (0.5, 0.999)))
    return Engine(
        game, players, SOLVERS[arm], seed=seed, ema=config.ema,
        schedules={f"{name}.lr": lambda step: rate * max(0.01, 1 - step / config.steps) for name in players},
        compute=Compute(config.device),
    )  # fmt: skip


@torch.no_grad()
def drawn(engine: Engine, n: int, scale: float) -> NDArray[np.float32]:
    """Return points of the averaged generator, without touching the run's random numbers."""
    game = engine.averaged
    assert isinstance(game, Adversarial)
    with kept_generators(engine.device):
        reseed(engine.device, 1)
        points: NDArray[np.float32] = (game.generator(game.prior.sample(n)) * scale).cpu().numpy()
    return points


def fit(config: Config, toy: Toy, arm: Arm, seed: int) -> dict[str, Any]:
    """Play one arm on one toy, keep its course and its samples, and return its scores."""
    torch.set_num_threads(1)
    mixture = TOYS[toy]()
    scale = float(mixture.modes.std())
    stream = ArrayStream(RealBatch(mixture.sample(100_000, mix(seed, 1)) / scale), config.batch_size, seed)
    engine, clouds, start = play(config, toy, arm, seed), [], time.monotonic()

    def look(engine: Engine) -> None:
        points = drawn(engine, config.samples, scale)
        found = mode_scores(mixture.modes, mixture.std, points)
        engine.record(modes=found.modes, high_quality=found.high_quality, reverse_kl=found.reverse_kl)
        clouds.append(points[:800])

    engine.fit(stream, config.steps, [Every(max(1, config.steps // LOOKS), look)])
    name = title(toy, arm, seed)
    np.save(config.out / "samples" / f"{name}.npy", np.stack(clouds))
    last, whole = engine.history[-1], [entry for entry in engine.history if entry["modes"] == len(mixture.modes)]
    row = {
        "modes": last["modes"],
        "high quality": last["high_quality"],
        "reverse kl": last["reverse_kl"],
        "steps to all modes": whole[0]["step"] if whole else None,
        "seconds": time.monotonic() - start,
        "course": engine.history,
    }
    write_json(config.out / "rows" / f"{name}.json", row)
    return row


def title(toy: Toy, arm: Arm, seed: int) -> str:
    """Return the name of a fit."""
    return f"{toy}_{arm}_{seed}"


def finished(config: Config) -> set[str]:
    """Return the names of the fits that a killed run with the same settings has finished."""
    free = {"out", "data", "toys", "arms", "seeds", "seed", "jobs", "device", "resume"}
    settings = {name: str(value) for name, value in asdict(config).items() if name not in free}
    path, rows = config.out / "settings.json", config.out / "rows"
    if config.resume and path.exists():
        if json.loads(path.read_text()) != settings:
            raise DataError(f"{path} is of a run with other settings; use another --out or leave out --resume.")
    else:
        shutil.rmtree(rows, ignore_errors=True)
        write_json(path, settings)
    for folder in (rows, config.out / "samples"):
        ensure_writable(folder)
    return {file.stem for file in rows.glob("*.json")}


def summary(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Return means, deviations and worst values over seeds."""
    figures = {}
    for score in ("modes", "high quality", "reverse kl"):
        values = np.array([np.nan if row[score] is None else row[score] for row in rows], dtype=np.float64)
        figures[score] = float(values.mean())
        if len(values) > 1:
            figures[f"{score}, std"] = float(values.std(ddof=1))
        figures[f"{score}, worst"] = float(values.max() if score == "reverse kl" else values.min())
    return figures


def table(figures: Mapping[str, Mapping[str, float]], config: Config) -> Table:
    """Lay the figures out."""
    shown = Table(title=f"{config.steps} steps, mean (worst) of {config.seeds} seeds")
    for heading in ("", "modes", "good samples", "reverse KL"):
        shown.add_column(heading, justify="right" if heading else "left")
    for name, row in figures.items():
        good, worst = 100 * row["high quality"], 100 * row["high quality, worst"]
        shown.add_row(
            name, f"{row['modes']:.1f} ({row['modes, worst']:.0f})", f"{good:.1f} % ({worst:.1f})",
            f"{row['reverse kl']:.4f} ({row['reverse kl, worst']:.4f})",
        )  # fmt: skip
    return shown


def draw(config: Config) -> None:
    """Draw the samples of the first seed, a film of them, and the share of good samples over time."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.5 * len(config.toys), 3.4), layout="constrained")
    for axis, toy in zip(figure.subplots(1, len(config.toys), squeeze=False)[0], config.toys):
        films = {arm: np.load(config.out / "samples" / f"{title(toy, arm, config.seed)}.npy") for arm in config.arms}
        modes = TOYS[toy]().modes.numpy()
        draw_clouds(config.out / f"{toy}.png", {arm: film[-1] for arm, film in films.items()}, modes)
        frames: list[Mapping[str, NDArray[Any]]] = [
            {arm: film[place] for arm, film in films.items()} for place in range(len(films[config.arms[0]]))
        ]
        animate_clouds(config.out / f"{toy}.gif", frames, modes)
        for number, arm in enumerate(config.arms):
            for seed in range(config.seed, config.seed + config.seeds):
                course = json.loads((config.out / "rows" / f"{title(toy, arm, seed)}.json").read_text())["course"]
                axis.plot(
                    [entry["step"] for entry in course], [entry["high_quality"] for entry in course],
                    color=f"C{number}", alpha=0.6, label=arm if seed == config.seed else None,
                )  # fmt: skip
        axis.set(title=f"{toy}: share of good samples", xlabel="steps", ylim=(0, 1))
        axis.legend(fontsize=8)
    figure.savefig(config.out / "good_samples.png", dpi=120)


def main(config: Config) -> None:
    """Play every arm on every toy, then print, draw and write."""
    if min(config.steps, config.seeds, config.batch_size, config.samples, config.jobs) < 1:
        raise DataError("--steps, --seeds, --batch-size, --samples and --jobs must be at least 1.")
    ensure_writable(config.out)
    done, start = finished(config), time.monotonic()
    seeds = range(config.seed, config.seed + config.seeds)
    cells = [(toy, arm, seed) for seed in seeds for arm in config.arms for toy in config.toys]
    left = [cell for cell in cells if title(*cell) not in done]
    played = Parallel(n_jobs=config.jobs, return_as="generator_unordered")(delayed(fit)(config, *cell) for cell in left)
    for _ in track(played, f"{len(left)} fits of {config.steps} steps", len(left)):
        pass
    rows = {cell: json.loads((config.out / "rows" / f"{title(*cell)}.json").read_text()) for cell in cells}
    figures = {
        f"{toy}, {arm}": summary([rows[toy, arm, seed] for seed in seeds]) for toy in config.toys for arm in config.arms
    }
    Console(width=110).print(table(figures, config))
    draw(config)
    seconds = sum(row["seconds"] for row in rows.values())
    write_result(
        config.out, "toy_games", asdict(config),
        {f"{name}, {score}": round(value, 5) for name, row in figures.items() for score, value in row.items()},
        f"{config.samples} samples of the averaged generator after the last step, PacGAN's scores; settings were "
        "chosen in a program of its own and on seeds from 100 on",
        seconds, len(cells) * config.steps / max(seconds, 1e-9), config.device,
        rows={title(*cell): row for cell, row in rows.items()},
    )  # fmt: skip
    print(f"{time.monotonic() - start:.0f} s; pictures and result.json are in {config.out}")


if __name__ == "__main__":
    with plain_errors():
        main(tyro.cli(Config))

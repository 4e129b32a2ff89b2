"""Find the factors of sprites without labels: InfoGANGame, and InfoGAN-CR from the same start.

    python recipes/infogan_sprites.py --seeds 3 --out runs/sprites
    python recipes/infogan_sprites.py --full --device cuda --out runs/sprites-full --steps-per-call 40000

For each seed InfoGAN is trained once, then goes on twice with the same further steps: as it is, and with the contrast
term (Lin et al., 2020, https://arxiv.org/abs/1906.06034).  So both have seen as much, and differ in that term only.
The codes that Q reads from images are then held against the true factors, which training never saw.

Leaves in --out, for each seed and arm, pictures of what each code does, of which code knows which factor, and a page
where the generator runs; over all seeds the table, a curve, ModelCentrality's choice and result.json.

The default is a reduced one for a processor: small images and nets, few steps.  `--full` is the published budget: nets,
64 x 64 images, 322 560 steps, the last 34 560 with the contrast term.  **Figures on our sprites are not figures on
dSprites**, which `--data` reads.
"""

import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
import tyro
from rich.console import Console
from rich.table import Table
from torch import Tensor

from gan_ext import Compute, Engine
from gan_ext.data import FactorialImages, Sprites, SpriteStream, read_dsprites
from gan_ext.engine import Every, SaveEvery, adam, alternating, ensure_writable, resolve_device
from gan_ext.explorer import write_explorer
from gan_ext.games import InfoGANCR, InfoGANGame, RealBatch
from gan_ext.latents import Product, Uniform
from gan_ext.metrics import (
    CodeInterventions,
    FactorInterventions,
    beta_vae_score,
    dci,
    explicitness,
    factor_vae_score,
    irs,
    mig,
    model_centrality,
    modularity,
    mutual_information,
    sap,
)
from gan_ext.nets import strided_generator, strided_info_discriminator, strided_net
from gan_ext.pictures import draw_curves, draw_heatmap, draw_images, draw_traversals
from gan_ext.runs import Progress, plain_errors, write_json, write_result

CODES = 5
PLAIN, CONTRAST = "InfoGAN", "InfoGAN-CR"
STAGES = {16: 2, 32: 3, 64: 4}  # convolutions that lead from a side to 4 pixels
MEASURES = ("FactorVAE", "BetaVAE", "MIG", "SAP", "DCI", "modularity", "explicitness", "IRS")
PUBLISHED = {
    "InfoGAN, earlier": (0.59, None, 0.05, None, 0.41, None, None, None),
    "InfoGAN, mean of 50": (0.82, 0.87, 0.22, 0.41, 0.60, 0.94, 0.82, None),
    "InfoGAN-CR, mean of 50": (0.88, 0.95, 0.37, 0.58, 0.71, 0.96, 0.85, None),
    "InfoGAN-CR, chosen": (0.92, 0.99, 0.45, 0.65, 0.77, 0.99, 0.87, None),
}


@dataclass
class Config:
    """Settings of the recipe."""

    data: Path | None = None
    """The file of dSprites, for figures on dSprites itself; the package's own sprites if not given."""
    out: Path = Path("runs/infogan_sprites")
    """Where pictures, checkpoints and result.json go."""
    device: str = "auto"
    """auto, cpu, cuda or cuda:N."""
    seed: int = 0
    """Decides the initial weights, the order of images and the noise of the first run."""
    seeds: int = 1
    """How many runs, with seeds seed, seed + 1, ...; ModelCentrality chooses among 3 or more."""
    steps: int = 4000
    """Steps that both arms share; each is one turn of the discriminator."""
    further: int = 1500
    """Steps that follow, once as InfoGAN and once as InfoGAN-CR."""
    full: bool = False
    """The published budget: 64 x 64 binary images, the published nets (--width 64), 288 000 steps and 34 560 further
    ones, and metrics with the published numbers of samples; for a GPU.  Takes the place of --size, --antialias,
    --width, --gain, --steps, --further, --measure-every, --votes and --dci-rows."""
    size: Literal[16, 32, 64] = 32
    """Pixels along a side of our own sprites."""
    antialias: int = 2
    """Points along a pixel's side whose mean is its value; 1 gives binary images."""
    width: int = 32
    """Most channels of the convolutions; 64 as published."""
    gain: float = 1.0
    """What discriminator and contrast network multiply images by; 1 as published.  With spectral norms a greater one
    lets the discriminator judge more sharply."""
    batch_size: int = 64
    """Images of a batch."""
    information: float = 0.05
    """Weight of the codes' information; half the squared error of each code counts so much, as published."""
    contrast: float = 2.0
    """Weight of the contrast term in InfoGAN-CR."""
    gap: float = 0.0
    """Least distance of two samples in the codes that they do not share, of 2 at most."""
    generator_turns: int = 2
    """Turns of the generator in a step; 2 as published."""
    generator_rate: float = 1e-3
    """Learning rate of the generator."""
    discriminator_rate: float = 2e-3
    """Learning rate of the discriminator and of the contrast network."""
    precision: Literal["float32", "bfloat16"] = "bfloat16"
    """Of the networks while training; metrics are in float32."""
    threads: int = 1
    """Threads of torch; 0 leaves its default, the number of cores."""
    measure_every: int = 500
    """Steps between quick measurements for the curve (nothing is chosen by them), each followed by a checkpoint."""
    votes: int = 3000
    """Batches of the FactorVAE and BetaVAE scores, two thirds of them for training; 15 000 are usual."""
    rows: int = 10_000
    """Images of MIG, SAP, modularity, explicitness and IRS; 10 000 are usual."""
    dci_rows: int = 3000
    """Images of the DCI score, two thirds of them for training.  15 000 are usual and take minutes on a processor; with
    fewer the score is lower."""
    steps_per_call: int = 0
    """Stop after so many steps in all, to go on with --resume; 0 runs to the end."""
    resume: bool = False
    """Go on from the checkpoints in --out."""


class Arm(NamedTuple):
    """One trained game of one seed, and what it scores."""

    game: InfoGANGame
    folder: Path
    history: list[dict[str, float]]
    scores: dict[str, float]


class StoppedEarlyError(Exception):
    """The steps of this call are used up."""


class Allowance:
    """How many steps this call may still take."""

    def __init__(self, steps: int) -> None:
        self.left = steps or sys.maxsize

    def end(self, engine: Engine, steps: int) -> int:
        return min(steps, engine.step + self.left)

    def take(self, steps: int) -> None:
        self.left -= steps


class Session(NamedTuple):
    """What all parts of a run share."""

    config: Config
    images: FactorialImages
    allowance: Allowance


def as_published(config: Config) -> Config:
    """Return the settings of the published run."""
    nets = replace(config, size=64, antialias=1, width=64, gain=1.0)
    return replace(nets, steps=288_000, further=34_560, measure_every=5760, votes=15_000, dci_rows=15_000)


def load(config: Config) -> FactorialImages:
    """Return the images."""
    if config.data is None:
        return Sprites(config.size, antialias=config.antialias)
    images = read_dsprites(config.data)
    if images.size not in STAGES:
        raise ValueError(f"--data {config.data} has images of {images.size} pixels a side; {list(STAGES)} are known.")
    return images


def channels(config: Config, size: int) -> tuple[int, ...]:
    """Return the generator's channels, the smallest images first; the discriminator's are the same backwards."""
    return (config.width, config.width, config.width // 2, config.width // 2)[: STAGES[size]]


def first_game(config: Config, size: int) -> InfoGANGame:
    """Make the game that both arms share."""
    shape, widths = (1, size, size), channels(config, size)
    codes, noise = Product(code=Uniform(CODES, -1, 1)), Uniform(CODES, -1, 1)
    return InfoGANGame(
        strided_generator(shape, noise.dim + codes.dim, widths),
        strided_info_discriminator(shape, codes.width, widths[::-1], gain=config.gain),
        codes,
        noise,
        weights={"code": config.information},
    )


def with_contrast(config: Config, game: InfoGANGame, size: int) -> InfoGANCR:
    """Return a game over the same networks with a fresh contrast network."""
    return InfoGANCR(
        game.generator,
        game.discriminator,
        game.codes,
        game.noise,
        strided_net((2, size, size), CODES, channels(config, size)[::-1], gain=config.gain),
        weights={"code": config.information},
        contrast_weight=config.contrast,
        gap=config.gap,
    )


def play(session: Session, game: InfoGANGame, seed: int, steps: int, folder: Path, label: str) -> Engine:
    """Train a game, going on from its checkpoints if asked to."""
    config, images, allowance = session
    moves = {"contrast": 1} if isinstance(game, InfoGANCR) else {}
    rates = {
        "contrast": config.discriminator_rate,
        "discriminator": config.discriminator_rate,
        "generator": config.generator_rate,
    }
    engine = Engine(
        game,
        {player: adam(rates[player], betas=(0.5, 0.999)) for player in game.players()},
        alternating(moves | {"discriminator": 1, "generator": config.generator_turns}),
        seed=seed,
        compute=Compute(config.device, config.precision),
    )
    if config.resume and engine.resume(folder):
        print(f"Resuming {label} at step {engine.step}.")
    if not config.resume:
        forget(folder)
    quick = Quick(images, engine, steps)
    begun, end = engine.step, allowance.end(engine, steps)
    with Progress(steps, label) as progress:

        def measure(engine: Engine) -> None:
            # A call that stops in between leaves no mark on the curve.
            if engine.step % config.measure_every == 0 or engine.step == steps:
                progress.note = quick.record(engine)

        every = config.measure_every
        stream = SpriteStream(RealBatch, images, config.batch_size, seed)
        engine.fit(stream, end, [Every(every, measure), progress, SaveEvery(every, folder)])
    allowance.take(engine.step - begun)
    if engine.step < steps:
        raise StoppedEarlyError(f"{label} is at step {engine.step} of {steps}; go on with --resume.")
    return engine


def forget(folder: Path) -> None:
    """Remove what an earlier run left, so that no later --resume takes it up."""
    for name in ("step-*.safetensors", "scores.json"):
        for path in folder.glob(name):
            path.unlink()


class Quick:
    """Small versions of two metrics, and the time spent, for the curve."""

    def __init__(self, images: FactorialImages, engine: Engine, steps: int) -> None:
        self.images, self.steps = FactorInterventions(images, engine.device), steps
        self.factors = images.sample_factors(4000, torch.Generator().manual_seed(0))
        self.spent = engine.history[-1]["seconds"] if engine.history else 0.0
        self.start = time.monotonic()

    def record(self, engine: Engine) -> str:
        game = engine.game
        assert isinstance(game, InfoGANGame)
        game.eval()
        encode = reader(game)
        codes = encode(self.images.data.render(self.factors.to(engine.device)))
        gap = mig(codes, self.factors)
        vote = factor_vae_score(encode, self.images, train=200, evaluation=200, variance=2000).score
        game.train()
        seconds = self.spent + time.monotonic() - self.start
        engine.record(factor_vae=vote, mig=gap, seconds=seconds, **engine.meters.read())
        return f"FactorVAE {vote:.2f}  MIG {gap:.2f}"


def reader(game: InfoGANGame) -> Callable[[Tensor], Tensor]:
    """Return what maps images to Q's means of the codes."""

    @torch.no_grad()
    def encode(images: Tensor) -> Tensor:
        return game.codes.posterior_mean(
            torch.cat([game.discriminator(part).statistics for part in images.split(2000)])
        )

    return encode


def arms_of(session: Session, seed: int) -> dict[str, Arm]:
    """Train and measure both arms of one seed."""
    config, size, folder = session.config, session.images.size, session.config.out / f"seed-{seed}"
    torch.manual_seed(seed)
    first = play(session, first_game(config, size), seed, config.steps, folder / "shared", f"seed {seed}, shared")
    arms = {}
    for name in (PLAIN, CONTRAST):
        torch.manual_seed(seed + 1)
        game = deepcopy(first.game)
        assert isinstance(game, InfoGANGame)
        if name == CONTRAST:
            game = with_contrast(config, game, size)
        label, path = f"seed {seed}, {name}", folder / name.lower()
        # One seed for both arms, so the same images in the same order; another than that of the shared steps.
        last = play(session, game, seed + 100_000, config.further, path, label)
        arms[name] = Arm(game.eval(), path, joined(first, last), measured(session, game, path, label))
        arms[name].scores["shared seconds"] = first.history[-1]["seconds"]
        arms[name].scores["seconds"] = last.history[-1]["seconds"]
    return arms


def joined(first: Engine, last: Engine) -> list[dict[str, float]]:
    """Return the history of the shared steps and of an arm, with steps counted from the start."""
    return first.history + [record | {"step": record["step"] + first.step} for record in last.history]


def measured(session: Session, game: InfoGANGame, folder: Path, label: str) -> dict[str, float]:
    """Return the scores of an arm, from its file if they were measured so before; draw what its codes do."""
    config, path = session.config, folder / "scores.json"
    how = {"votes": config.votes, "rows": config.rows, "dci_rows": config.dci_rows}
    kept = json.loads(path.read_text()) if config.resume and path.exists() else {}
    if kept.get("how") != how:
        with Console().status(f"{label}: measuring"):
            kept = {"how": how} | measure(config, game, session.images)
        write_json(path, kept)
    show(game, session.images, kept, folder, label)
    scores: dict[str, float] = kept["scores"]
    return scores


def measure(config: Config, game: InfoGANGame, images: FactorialImages) -> dict[str, Any]:
    """Return the scores, and DCI's importances and the mutual information of each code (row) and factor (column)."""
    device, encode = next(game.parameters()).device, reader(game)
    source = FactorInterventions(images, device)
    factors = images.sample_factors(max(config.rows, config.dci_rows), torch.Generator().manual_seed(1))
    codes = torch.cat([encode(images.render(part.to(device))) for part in factors.split(2000)]).cpu()
    some, known = codes[: config.rows], factors[: config.rows]
    train = 2 * config.votes // 3
    evaluation = config.votes - train
    trees = dci(codes[: config.dci_rows], factors[: config.dci_rows])
    scores = {
        "FactorVAE": factor_vae_score(encode, source, train=train, evaluation=evaluation).score,
        "BetaVAE": beta_vae_score(encode, source, train=train, evaluation=evaluation).score,
        "MIG": mig(some, known),
        "SAP": sap(some, known),
        "DCI": trees.disentanglement,
        "modularity": modularity(some, known),
        "explicitness": explicitness(some, known),
        "IRS": irs(some, known),
        "DCI, completeness": trees.completeness,
        "DCI, informativeness": trees.informativeness,
    }
    information = mutual_information(some, known).tolist()
    return {"scores": scores, "importances": trees.importances, "information": information}


def show(game: InfoGANGame, images: FactorialImages, kept: Mapping[str, Any], folder: Path, label: str) -> None:
    """Draw samples, what each code does, which code knows which factor, and write the page."""
    factors, importances = images.factor_names, np.array(kept["importances"])
    names = [f"code {number + 1}" for number in range(CODES)]
    titles = [f"{name}: mostly {factors[row.argmax()]}" for name, row in zip(names, importances, strict=True)]
    draw_traversals(folder / "traversals.png", dict(zip(titles, traversals(game), strict=True)), columns=2)
    tables = {"importance of a code for a factor (DCI)": importances,
              "mutual information of a code and a factor, nats": np.array(kept["information"])}  # fmt: skip
    for file, (title, numbers) in zip(("importances.png", "information.png"), tables.items(), strict=True):
        draw_heatmap(folder / file, numbers, names, factors, f"{label}: {title}", fmt="{:.2f}")
    draw_images(folder / "samples.png", {"sprites": sprites(images), "generated": generated(game, 100)})
    write_explorer(
        folder / "explorer.html", deepcopy(game.generator).cpu(), game.codes, game.noise,
        (1, images.size, images.size), title=f"What the codes do: {label}",
        text="The codes were found without labels; what they are called was found afterwards, by the true factors.",
        labels={"code": titles}, tables={title: (numbers, names, factors) for title, numbers in tables.items()},
    )  # fmt: skip


@torch.no_grad()
def traversals(game: InfoGANGame, rows: int = 4, values: int = 10) -> list[Any]:
    """Return for each code images [rows, values, h, w]: one code moves, all else stays."""
    torch.manual_seed(0)
    latents, _ = game.draw(rows)
    moved = []
    for column in range(game.noise.dim, latents.shape[1]):
        each = latents[:, None].repeat(1, values, 1)
        each[:, :, column] = torch.linspace(-1, 1, values, device=latents.device)
        pictures = game.generator(each.flatten(0, 1))[:, 0]
        moved.append(pictures.unflatten(0, (rows, values)).cpu().numpy())
    return moved


def sprites(images: FactorialImages) -> Any:
    """Return 100 images of the data."""
    return images.render(images.sample_factors(100, torch.Generator().manual_seed(0))).numpy()


@torch.no_grad()
def generated(game: InfoGANGame, n: int) -> Any:
    """Return n images that the game generates."""
    torch.manual_seed(0)
    return game.generator(game.draw(n)[0]).cpu().numpy()


def chosen(config: Config, arms: Sequence[Arm]) -> tuple[int, list[float]] | None:
    """Return which seed ModelCentrality chooses, and the centrality of all; no label is used."""
    if len(arms) < 3:
        return None
    models = []
    for game in (arm.game for arm in arms):
        columns = [[game.noise.dim + code] for code in range(CODES)]
        device = next(game.parameters()).device
        models.append((CodeInterventions(drawer(game), game.generator, columns, device), reader(game)))
    found = model_centrality(models, train=config.votes // 12, evaluation=config.votes // 12, variance=5000)
    return found.best, list(found.centrality)


def drawer(game: InfoGANGame) -> Callable[[int], Tensor]:
    """Return what draws inputs of the generator."""
    return lambda n: game.draw(n)[0]


def summary(seeds: Sequence[Mapping[str, Arm]], choices: Mapping[str, tuple[int, list[float]]]) -> dict[str, float]:
    """Return mean and spread of each score over the seeds, of the paired differences, and of the choice."""
    found = {}
    for name in MEASURES:
        values = {arm: np.array([runs[arm].scores[name] for runs in seeds]) for arm in (PLAIN, CONTRAST)}
        for what, numbers in (values | {"difference": values[CONTRAST] - values[PLAIN]}).items():
            found[f"{what}, {name}, mean"] = round(float(numbers.mean()), 4)
            found[f"{what}, {name}, std"] = round(spread(numbers), 4)
        for arm, (best, _) in choices.items():
            found[f"{arm}, {name}, chosen"] = round(float(values[arm][best]), 4)
    return found


def spread(numbers: Any) -> float:
    """Return the standard deviation of a sample, 0 for one value."""
    return float(np.std(numbers, ddof=1)) if len(numbers) > 1 else 0.0


def table(found: Mapping[str, float], choices: Mapping[str, Any], seeds: int) -> Table:
    """Lay the scores out, with published ones below."""
    shown = Table(title=f"Codes against true factors; mean +- standard deviation over {seeds} seeds")
    for heading in ("", *MEASURES):
        shown.add_column(heading, justify="right" if heading else "left", overflow="fold")
    for what in (PLAIN, CONTRAST, "difference"):
        title = "difference, seed by seed" if what == "difference" else what
        cells = [f"{found[f'{what}, {name}, mean']:.2f}" for name in MEASURES]
        if seeds > 1:
            cells = [f"{c} +- {found[f'{what}, {name}, std']:.2f}" for c, name in zip(cells, MEASURES, strict=True)]
        shown.add_row(title, *cells)
    for what in choices:
        cells = [f"{found[f'{what}, {name}, chosen']:.2f}" for name in MEASURES]
        shown.add_row(f"{what}, chosen", *cells)
    shown.add_section()
    for title, figures in PUBLISHED.items():
        shown.add_row(f"published: {title}", *("" if figure is None else f"{figure:.2f}" for figure in figures))
    return shown


def draw_curve(config: Config, seeds: Sequence[Mapping[str, Arm]]) -> None:
    """Draw both quick metrics over the steps, as means over seeds."""
    curves = {}
    for arm in (PLAIN, CONTRAST):
        steps = [record["step"] for record in seeds[0][arm].history]
        for key, title in (("factor_vae", "FactorVAE"), ("mig", "MIG")):
            values = np.mean([[record[key] for record in runs[arm].history] for runs in seeds], axis=0)
            curves[f"{arm}, {title}"] = (steps, values.tolist())
    draw_curves(config.out / "curve.png", curves, "steps", "quick measurement, mean over seeds")


def run(config: Config) -> None:
    """Train all seeds, then print, draw and write what came out."""
    session, start = Session(config, load(config), Allowance(config.steps_per_call)), time.monotonic()
    numbers = range(config.seed, config.seed + config.seeds)
    seeds = [arms_of(session, seed) for seed in numbers]
    choices = {}
    for arm in (PLAIN, CONTRAST):
        choice = chosen(config, [runs[arm] for runs in seeds])
        if choice is not None:
            choices[arm] = choice
    found = summary(seeds, choices)
    draw_curve(config, seeds)
    Console(width=140).print(table(found, choices, config.seeds))
    own = config.data is None
    print(
        "Published figures are on dSprites with the published budget."
        + (" Figures on our sprites are not figures on dSprites." if own else "")
        + ("" if config.full else " This is a reduced run: for the published budget, use --full.")
    )
    for arm, (best, centrality) in choices.items():
        print(f"{arm}: ModelCentrality, which sees no labels, chooses seed {numbers[best]} "
              f"({', '.join(f'{value:.3f}' for value in centrality)})")  # fmt: skip
    trained = sum(arm.scores["seconds"] for runs in seeds for arm in runs.values())
    trained += sum(runs[PLAIN].scores["shared seconds"] for runs in seeds)
    write_result(
        config.out, "infogan_sprites", asdict(config), found,
        f"Q's means of {CODES} codes against the true factors of {'our sprites' if own else 'dSprites'}, weights of "
        f"the last step; mean and standard deviation over {config.seeds} seeds; both arms share the first "
        f"{config.steps} steps",
        trained, config.seeds * (config.steps + 2 * config.further) / trained, config.device,
        rows=[{"seed": seed, "arm": name, **arm.scores, "history": arm.history}
              for seed, runs in zip(numbers, seeds, strict=True) for name, arm in runs.items()],
        choices={arm: {"seed": numbers[best], "centrality": values} for arm, (best, values) in choices.items()},
        published=PUBLISHED, measures=MEASURES,
    )  # fmt: skip
    print(f"{(time.monotonic() - start) / 60:.1f} minutes; pictures, pages and result.json are in {config.out}")


def main(config: Config) -> None:
    """Check the settings and run."""
    config = as_published(config) if config.full else config
    resolve_device(config.device)
    ensure_writable(config.out)
    if config.threads:
        torch.set_num_threads(config.threads)
    try:
        run(config)
    except StoppedEarlyError as stopped:
        print(stopped)


if __name__ == "__main__":
    with plain_errors():
        main(tyro.cli(Config))

"""Find the factors of sprites without labels: InfoGAN, and InfoGAN-CR from the same start.

    python recipes/infogan_sprites.py --seeds 3 --out runs/sprites
    python recipes/infogan_sprites.py --full --device cuda --out runs/sprites-full --steps-per-call 40000

For each seed InfoGAN is trained once, then goes on twice with the same further steps: as it is, and with the contrast
term (Lin et al., 2020, https://arxiv.org/abs/1906.06034).  So both have seen as much, and differ in that term only.
The codes that Q reads from images are then held against the true factors, which training never saw.  Leaves in --out,
for each seed and arm, pictures of what each code does, of which code knows which factor, and a page where the generator
runs; over all seeds the table, a curve, ModelCentrality's choice and result.json.

The default is a reduced one for a processor: small images and nets, few steps.  `--full` is the published budget: nets,
64 x 64 images, 322 560 steps, the last 34 560 with the contrast term.  **Figures on our sprites are not figures on
dSprites**, which `--data` reads.
"""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import product
from pathlib import Path
from typing import Any, Literal

import torch

from gan_ext import Compute, runs
from gan_ext.data import FactorialImages, read_dsprites
from gan_ext.engine import StopAfter
from gan_ext.estimators import FactorReport, central_game, quick_factor_scores, report_factors
from gan_ext.explorer import write_explorer
from gan_ext.games import InfoGANGame
from gan_ext.nets import strided_channels
from gan_ext.pictures import draw_courses
from gan_ext.toys import SpriteProtocol

ARMS = PLAIN, CONTRAST = "InfoGAN", "InfoGAN-CR"
KINDS = {PLAIN: PLAIN, CONTRAST: CONTRAST, "difference": "difference, seed by seed"}
MEASURES = ("FactorVAE", "BetaVAE", "MIG", "SAP", "DCI", "modularity", "explicitness", "IRS")
PUBLISHED = {
    "InfoGAN, earlier": (0.59, None, 0.05, None, 0.41, None, None, None),
    "InfoGAN, mean of 50": (0.82, 0.87, 0.22, 0.41, 0.60, 0.94, 0.82, None),
    "InfoGAN-CR, mean of 50": (0.88, 0.95, 0.37, 0.58, 0.71, 0.96, 0.85, None),
    "InfoGAN-CR, chosen": (0.92, 0.99, 0.45, 0.65, 0.77, 0.99, 0.87, None),
}
FULL: dict[str, Any] = {
    "size": 64, "antialias": 1, "width": 64, "gain": 1.0, "steps": 288_000, "further": 34_560, "measure_every": 5760,
    "votes": 15_000, "dci_rows": 15_000,
}  # fmt: skip


@dataclass
class Config(runs.Seeds, SpriteProtocol):
    """Settings of the recipe."""

    data: Path | None = None
    """The file of dSprites, for figures on dSprites itself; the package's own sprites if not given."""
    out: Path = Path("runs/infogan_sprites")
    device: str = "auto"
    seeds: int = 1
    """How many runs, with seeds seed, seed + 1, ...; ModelCentrality chooses among 3 or more."""
    steps: int = 4000
    """Steps that both arms share; each is one turn of the discriminator."""
    further: int = 1500
    """Steps that follow, once as InfoGAN and once as InfoGAN-CR."""
    full: bool = False
    """The published budget, for a GPU: 64 x 64 binary images, nets, steps, numbers of samples.  Takes the place of
    --size, --antialias, --width, --gain, --steps, --further, --measure-every, --votes and --dci-rows."""
    precision: Literal["float32", "bfloat16"] = "bfloat16"
    """Of the networks while training; metrics are in float32."""
    measure_every: int = 500
    """Steps between quick measurements for the curve (nothing is chosen by them), each followed by a checkpoint."""
    votes: int = 3000
    """Batches of the FactorVAE and BetaVAE scores, two thirds of them for training; 15 000 are usual."""
    rows: int = 10_000
    """Images of MIG, SAP, modularity, explicitness and IRS; 10 000 are usual."""
    dci_rows: int = 3000
    """Images of the DCI score; 15 000 are usual and take minutes on a processor, with fewer the score is lower."""
    steps_per_call: int = 0
    """Stop after so many steps in all, to go on with --resume; 0 runs to the end."""


Course = list[dict[str, Any]]
Trained = Callable[[int], dict[str, tuple[InfoGANGame, Course]]]


def train(config: Config, images: FactorialImages, stop: StopAfter, seed: int) -> dict[str, tuple[InfoGANGame, Course]]:
    """Train both arms of one seed, and return their games and courses; the first steps are the same for both."""

    def play(game: InfoGANGame, draws: int, steps: int, name: str) -> Course:
        return runs.fit_recorded(
            config.engine(game, draws, Compute(config.device, config.precision)), config.stream(images, draws), steps,
            lambda _: quick_factor_scores(game, images), folder=config.fits / f"seed-{seed}" / name, stop=stop,
            every=config.measure_every, label=f"seed {seed}, {name}", note="FactorVAE {factor_vae:.2f}  MIG {mig:.2f}",
        )  # fmt: skip

    torch.manual_seed(seed)
    shared, arms = config.game(images.size), {}
    before = play(shared, seed, config.steps, "shared")
    for arm in ARMS:
        torch.manual_seed(seed + 1)
        game = deepcopy(shared) if arm == PLAIN else config.with_contrast(deepcopy(shared), images.size)
        # One seed for both arms, so the same images in the same order; another than that of the shared steps.
        after = play(game, seed + 100_000, config.further, arm)
        arms[arm] = game.eval(), before + [record | {"step": record["step"] + config.steps} for record in after]
    return arms


def measure(config: Config, images: FactorialImages, trained: Trained, arm: str, seed: int, *_: int) -> dict[str, Any]:
    """Return an arm's scores and seconds, which code knows which factor, and its course."""
    game, course = trained(seed)[arm]
    report = report_factors(game, images, votes=config.votes, rows=config.rows, dci_rows=config.dci_rows)
    seconds = {record["step"]: record["seconds"] for record in course}
    scores = report.scores | {"shared seconds": seconds[config.steps], "seconds": course[-1]["seconds"]}
    return {"scores": scores, "report": report.as_dict(), "course": course}


def draw(game: InfoGANGame, images: FactorialImages, row: dict[str, Any], folder: Path, label: str) -> None:
    """Draw samples, what each code does, which code knows which factor, and write the page."""
    report = FactorReport(**row["report"])
    report.draw(folder, game, images, label)
    write_explorer(
        folder / "explorer.html", deepcopy(game.generator).cpu(), game.codes, game.noise, (1, images.size, images.size),
        title=f"What the codes do: {label}", labels={"code": report.titles}, tables=report.tables,
        text="The codes were found without labels; what they are called was found afterwards, by the true factors.",
    )  # fmt: skip


def main(config: Config) -> None:
    """Train all seeds, then print, draw and write what came out."""
    config = replace(config, **FULL) if config.full else config
    runs.at_least(config, 1, "seeds", "steps", "further", "measure_every", "batch_size", "generator_turns")
    images = config.images() if config.data is None else read_dsprites(config.data)
    strided_channels(images.size, config.width)  # whether there are nets of this size
    run = runs.Experiment("infogan_sprites", config, free=("steps_per_call", "votes", "rows", "dci_rows"))
    trained = cache(partial(train, config, images, StopAfter(steps=config.steps_per_call or None)))
    how = config.votes, config.rows, config.dci_rows  # a part of each cell, so that other numbers are measured anew
    cells = [(arm, seed, *how) for seed, arm in product(config.each_seed(), ARMS)]
    rows = {cell[:2]: row for cell, row in run.fill(cells, partial(measure, config, images, trained)).items()}

    seeds = [runs.flat({arm: rows[arm, seed]["scores"] for arm in ARMS}) for seed in config.each_seed()]
    for row in seeds:
        row |= {f"difference, {name}": row[f"{CONTRAST}, {name}"] - row[f"{PLAIN}, {name}"] for name in MEASURES}
    found = runs.spreads(seeds, [f"{what}, {name}" for what in KINDS for name in MEASURES])
    metrics, choices = runs.named(found, ", mean", digits=4, alone=True), dict[str, dict[str, Any]]()
    for arm in ARMS if config.seeds > 2 else ():
        choice = central_game([trained(seed)[arm][0] for seed in config.each_seed()], config.votes // 6)
        choices[arm] = {"seed": config.each_seed()[choice.best], "centrality": choice.centrality}
        metrics |= {f"{arm}, {name}, chosen": round(seeds[choice.best][f"{arm}, {name}"], 4) for name in MEASURES}
    told = {name: f"{each:.2f}" if config.seeds > 1 else f"{each.mean:.2f}" for name, each in found.items()}
    table = [(shown, *(told[f"{what}, {name}"] for name in MEASURES)) for what, shown in KINDS.items()]
    table += [(f"{arm}, chosen", *(f"{metrics[f'{arm}, {name}, chosen']:.2f}" for name in MEASURES)) for arm in choices]
    table += [
        (f"published: {what}", *("" if v is None else f"{v:.2f}" for v in each)) for what, each in PUBLISHED.items()
    ]
    title = f"Codes against true factors; mean +- standard deviation over {config.seeds} seeds"
    runs.print_table(title, ("", *MEASURES), table, width=140)
    own = "" if config.data else " Figures on our sprites are not figures on dSprites."
    reduced = "" if config.full else " This is a reduced run: for the published budget, use --full."
    print(f"Published figures are on dSprites with the published budget.{own}{reduced}")
    for arm, made in choices.items():
        centrality = ", ".join(f"{value:.3f}" for value in made["centrality"])
        print(f"{arm}: ModelCentrality, which sees no labels, chooses seed {made['seed']} ({centrality})")
    curves = {"FactorVAE": runs.courses(rows, "factor_vae"), "MIG": runs.courses(rows, "mig")}
    draw_courses(config.out / "curve.png", curves, x_label="steps", y_label="quick measurement")
    for (arm, seed), row in rows.items():
        draw(trained(seed)[arm][0], images, row, config.out / f"seed-{seed}" / arm.lower(), f"seed {seed}, {arm}")
    shared = sum(rows[PLAIN, seed]["scores"]["shared seconds"] for seed in config.each_seed())
    run.finish(
        metrics,
        f"Q's means of 5 codes against the true factors of {'our sprites' if own else 'dSprites'}, weights of the last "
        f"step; mean and standard deviation over {config.seeds} seeds; both arms share the first {config.steps} steps",
        config.seeds * (config.steps + 2 * config.further),
        shared + sum(row["scores"]["seconds"] for row in rows.values()),
        rows=[{"seed": n, "arm": arm, **row["scores"], "history": row["course"]} for (arm, n), row in rows.items()],
        choices=choices, published=PUBLISHED, measures=MEASURES,
    )  # fmt: skip


if __name__ == "__main__":
    runs.launch(main, Config)

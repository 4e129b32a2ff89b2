"""Find the factors of sprites without labels: InfoGAN, and InfoGAN-CR from the same start.

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

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import product
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from gan_ext import Compute, Engine
from gan_ext.data import FactorialImages, read_dsprites
from gan_ext.engine import StopAfter, ensure_writable, resolve_device
from gan_ext.explorer import write_explorer
from gan_ext.games import InfoGANGame
from gan_ext.metrics import (
    CodeInterventions,
    FactorInterventions,
    ModelCentrality,
    factor_scores,
    factor_vae_score,
    mig,
    model_centrality,
)
from gan_ext.nets import strided_channels
from gan_ext.pictures import draw_heatmap, draw_images, draw_traversals, panels, plot_courses
from gan_ext.runs import (
    Experiment,
    Seeds,
    Spread,
    at_least,
    course,
    fit_recorded,
    flat,
    launch,
    named,
    print_table,
    spreads,
    table_cells,
)
from gan_ext.toys import SpriteProtocol

ARMS = PLAIN, CONTRAST = "InfoGAN", "InfoGAN-CR"
MEASURES = ("FactorVAE", "BetaVAE", "MIG", "SAP", "DCI", "modularity", "explicitness", "IRS")
PUBLISHED = {
    "InfoGAN, earlier": (0.59, None, 0.05, None, 0.41, None, None, None),
    "InfoGAN, mean of 50": (0.82, 0.87, 0.22, 0.41, 0.60, 0.94, 0.82, None),
    "InfoGAN-CR, mean of 50": (0.88, 0.95, 0.37, 0.58, 0.71, 0.96, 0.85, None),
    "InfoGAN-CR, chosen": (0.92, 0.99, 0.45, 0.65, 0.77, 0.99, 0.87, None),
}
TABLES = {
    "importances": "importance of a code for a factor (DCI)",
    "information": "mutual information of a code and a factor, nats",
}
FULL: dict[str, Any] = {
    "size": 64, "antialias": 1, "width": 64, "gain": 1.0, "steps": 288_000, "further": 34_560, "measure_every": 5760,
    "votes": 15_000, "dci_rows": 15_000,
}  # fmt: skip


@dataclass
class Config(Seeds, SpriteProtocol):
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
    """The published budget: 64 x 64 binary images, the published nets (--width 64), 288 000 steps and 34 560 further
    ones, and metrics with the published numbers of samples; for a GPU.  Takes the place of --size, --antialias,
    --width, --gain, --steps, --further, --measure-every, --votes and --dci-rows."""
    precision: Literal["float32", "bfloat16"] = "bfloat16"
    """Of the networks while training; metrics are in float32."""
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


Course = list[dict[str, Any]]
Trained = Callable[[int], dict[str, tuple[InfoGANGame, Course]]]


def train(config: Config, images: FactorialImages, stop: StopAfter, seed: int) -> dict[str, tuple[InfoGANGame, Course]]:
    """Train both arms of one seed, and return their games and courses; the first steps are the same for both."""

    def play(game: InfoGANGame, draws: int, steps: int, name: str) -> Course:
        engine = config.engine(game, draws, Compute(config.device, config.precision))
        source, factors = (
            FactorInterventions(images, engine.device),
            images.sample_factors(4000, torch.Generator().manual_seed(0)),
        )

        def look(_: Engine) -> dict[str, float]:
            vote = factor_vae_score(game.encode, source, train=200, evaluation=200, variance=2000)
            codes = game.encode(images.render(factors.to(engine.device)))
            return {"factor_vae": vote.score, "mig": mig(codes, factors)}

        return fit_recorded(
            engine, config.stream(images, draws), steps, look, folder=config.fits / f"seed-{seed}" / name, stop=stop,
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
        joined = before + [record | {"step": record["step"] + config.steps} for record in after]
        arms[arm] = game.eval(), joined
    return arms


def measure(config: Config, images: FactorialImages, trained: Trained, seed: int, arm: str, *_: int) -> dict[str, Any]:
    """Return an arm's scores, which code knows which factor, and its course."""
    game, course = trained(seed)[arm]
    found = factor_scores(
        game.encode,
        images,
        votes=config.votes,
        rows=config.rows,
        dci_rows=config.dci_rows,
        device=resolve_device(config.device),
    )
    shared = next(record["seconds"] for record in course if record["step"] == config.steps)
    scores = {**found.named(), "shared seconds": shared, "seconds": course[-1]["seconds"]}
    return {"scores": scores, "importances": found.importances, "information": found.information, "course": course}


def draw(game: InfoGANGame, images: FactorialImages, row: dict[str, Any], folder: Path, label: str) -> None:
    """Draw samples, what each code does, which code knows which factor, and write the page."""
    ensure_writable(folder)
    torch.manual_seed(0)
    latents, factors = game.draw(100)[0], images.factor_names
    names = [f"code {number + 1}" for number in range(game.codes.dim)]
    titles = [f"{name}: mostly {factors[np.argmax(each)]}" for name, each in zip(names, row["importances"])]
    columns, values = range(game.noise.dim, latents.shape[1]), torch.linspace(-1, 1, 10)
    moved = [game.traverse(latents[:4], column, values)[:, :, 0].cpu().numpy() for column in columns]
    draw_traversals(folder / "traversals.png", dict(zip(titles, moved)), columns=2)
    tables = {}
    for name, title in TABLES.items():
        tables[title] = np.array(row[name]), names, factors
        draw_heatmap(folder / f"{name}.png", *tables[title], f"{label}: {title}", fmt="{:.2f}")
    real = images.render(images.sample_factors(100, torch.Generator().manual_seed(0))).numpy()
    with torch.no_grad():
        draw_images(folder / "samples.png", {"sprites": real, "generated": game.generator(latents).cpu().numpy()})
    write_explorer(
        folder / "explorer.html", deepcopy(game.generator).cpu(), game.codes, game.noise, real.shape[1:],
        title=f"What the codes do: {label}", labels={"code": titles}, tables=tables,
        text="The codes were found without labels; what they are called was found afterwards, by the true factors.",
    )  # fmt: skip


def choose(config: Config, games: Sequence[InfoGANGame]) -> ModelCentrality:
    """Return which game ModelCentrality chooses; no label is used."""
    columns = [[games[0].noise.dim + code] for code in range(games[0].codes.dim)]
    models = [
        (
            CodeInterventions(
                lambda n, game=game: game.draw(n)[0], game.generator, columns, resolve_device(config.device)
            ),
            game.encode,
        )
        for game in games
    ]
    return model_centrality(models, train=config.votes // 12, evaluation=config.votes // 12, variance=5000)


def main(config: Config) -> None:
    """Train all seeds, then print, draw and write what came out."""
    config = replace(config, **FULL) if config.full else config
    at_least(config, 1, "seeds", "steps", "further", "measure_every", "batch_size", "generator_turns")
    images = config.images() if config.data is None else read_dsprites(config.data)
    strided_channels(images.size, config.width)  # whether there are nets of this size
    run = Experiment("infogan_sprites", config, free=("steps_per_call", "votes", "rows", "dci_rows"))
    trained = cache(partial(train, config, images, StopAfter(steps=config.steps_per_call or None)))
    how = config.votes, config.rows, config.dci_rows  # a row for each, so that other numbers are measured anew
    cells = [(seed, arm, *how) for seed, arm in product(config.each_seed(), ARMS)]
    rows = {cell[:2]: row for cell, row in run.fill(cells, partial(measure, config, images, trained)).items()}

    seeds = [flat({arm: rows[seed, arm]["scores"] for arm in ARMS}) for seed in config.each_seed()]
    for each in seeds:
        each |= {f"difference, {name}": each[f"{CONTRAST}, {name}"] - each[f"{PLAIN}, {name}"] for name in MEASURES}
    found = spreads(seeds, [f"{what}, {name}" for what in (*ARMS, "difference") for name in MEASURES])
    metrics, choices = named(found, ", mean", digits=4, alone=True), dict[str, dict[str, Any]]()
    for arm in ARMS if config.seeds > 2 else ():
        choice = choose(config, [trained(seed)[arm][0] for seed in config.each_seed()])
        choices[arm] = {"seed": config.each_seed()[choice.best], "centrality": choice.centrality}
        metrics |= {f"{arm}, {name}, chosen": round(seeds[choice.best][f"{arm}, {name}"], 4) for name in MEASURES}

    def cell(each: Spread) -> str:
        return f"{each:.2f}" if config.seeds > 1 else f"{each.mean:.2f}"

    titles = {arm: arm for arm in ARMS} | {"difference": "difference, seed by seed"}
    table = [(title, *(cell(found[f"{what}, {name}"]) for name in MEASURES)) for what, title in titles.items()]
    table += [(f"{arm}, chosen", *(f"{metrics[f'{arm}, {name}, chosen']:.2f}" for name in MEASURES)) for arm in choices]
    for title, values in PUBLISHED.items():
        table.append((f"published: {title}", *table_cells(dict(zip(MEASURES, values)), dict.fromkeys(MEASURES, ".2f"))))
    title = f"Codes against true factors; mean +- standard deviation over {config.seeds} seeds"
    print_table(title, ("", *MEASURES), table, width=140)
    own = config.data is None
    print(
        "Published figures are on dSprites with the published budget."
        + " Figures on our sprites are not figures on dSprites." * own
        + " This is a reduced run: for the published budget, use --full." * (not config.full)
    )
    for arm, each in choices.items():
        centrality = ", ".join(f"{value:.3f}" for value in each["centrality"])
        print(f"{arm}: ModelCentrality, which sees no labels, chooses seed {each['seed']} ({centrality})")
    with panels(config.out / "curve.png", columns=2) as axes:
        for axis, (name, title) in zip(axes, {"factor_vae": "FactorVAE", "mig": "MIG"}.items()):
            lines = {arm: [course(rows[seed, arm], name) for seed in config.each_seed()] for arm in ARMS}
            plot_courses(axis, lines)
            axis.set(title=f"{title}, quick measurement", xlabel="steps")
        axes[-1].legend(fontsize=8)
    for (seed, arm), row in rows.items():
        draw(trained(seed)[arm][0], images, row, config.out / f"seed-{seed}" / arm.lower(), f"seed {seed}, {arm}")
    listed = [
        {"seed": seed, "arm": arm, **row["scores"], "history": row["course"]} for (seed, arm), row in rows.items()
    ]
    run.finish(
        metrics,
        f"Q's means of 5 codes against the true factors of {'our sprites' if own else 'dSprites'}, weights of "
        f"the last step; mean and standard deviation over {config.seeds} seeds; both arms share the first "
        f"{config.steps} steps",
        config.seeds * (config.steps + 2 * config.further),
        sum(each["seconds"] + each["shared seconds"] * (each["arm"] == PLAIN) for each in listed),
        said="pictures, pages and result.json are in {out}", rows=listed, choices=choices,
        published=PUBLISHED, measures=MEASURES,
    )  # fmt: skip


if __name__ == "__main__":
    launch(main, Config)

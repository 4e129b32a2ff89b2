"""Steer a fitted generator of molecules towards a property, without training it again: four ways, and what each costs.

    python recipes/steer_sequences.py --data FOLDER

FOLDER (or a file) has lines of SMILES, plain or gzipped, such as ZINC-250k; of a folder, files with `valid` or `test`
in their names are left out (some ten minutes).  Without --data, strings of a small grammar of molecules (about two).
Needs rdkit: python -m pip install "gan_ext[recipes,smiles]".

Samples of a generator fitted by maximum likelihood get the label 1 if they are molecules whose property is among the
highest of real ones, and a classifier of prefixes learns it.  Then it is steered to the label: by reweighting every
token (FUDGE), by particles (sequential Monte Carlo), by gradient steps on its memory (PPLM), plain or all of one
length; and by rejection and the best of several, without prefixes.  rdkit judges what a hit is.
"""

import time
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from gan_ext import SequenceGAN, SteeredSequenceGAN
from gan_ext.data import DataError, molecule_chains, read_smiles
from gan_ext.estimators import draw_with_cost, steer_and_judge
from gan_ext.metrics import KnownMolecules, fluency_scores, logp, molecule_hits, qed, ring_count
from gan_ext.nets import LSTMGenerator, PrefixClassifier
from gan_ext.pictures import draw_trade_offs, settings_of
from gan_ext.plug_and_play import SteeringWay, steering_ways
from gan_ext.runs import Experiment, MoleculeOptions, Progress, at_least, launch, print_table, table_cells, write_pages

Row = dict[str, Any]
PROPERTIES = {"logp": logp, "qed": qed, "rings": ring_count}
UNSTEERED, REAL = "unsteered", "real, with the property"
SHOWN = {"hit": ".1%", "validity": ".1%", "nats": ".3f", "unique": ".1%", "diversity": ".3f", "passes": ".1f",
         "passes per hit": ".1f"}  # fmt: skip
AGAINST = {"nats": "fluency: nats per token, unsteered model", "diversity": "internal diversity of hits",
           "passes": "cost: network passes for a molecule"}  # fmt: skip
WRITTEN = ("hit", "validity", "nats", "unique", "novel", "diversity", "self_bleu", "passes", "passes per hit")


@dataclass
class Config(MoleculeOptions):
    """Settings of the recipe."""

    out: Path = Path("runs/steer_sequences")
    steps: int | None = None
    """Steps of maximum likelihood; 2500, or 300 without --data, if not given."""
    classifier_steps: int | None = None
    """Steps of the classifier of prefixes; 1000, or 200 without --data, if not given."""
    property: str = "logp"
    """One of PROPERTIES in this file."""
    quantile: float = 0.9
    """Molecules above this quantile of the property, among those labeled, have the label 1."""
    labeled: int = 20_000
    """Real molecules whose property is known: for the threshold, and for the classifier if nothing is drawn."""
    drawn: int | None = None
    """Samples of the generator that are labeled for the classifier; 20 000, or 3000 without --data, if not given; with
    0 it learns from the real molecules.  Those are all valid, so that it would not know what breaks a molecule."""
    strengths: tuple[float, ...] = (1.0, 2.0, 4.0)
    """How much every way insists on the property; 1 is Bayes' rule."""
    particles: int = 8
    """Size of a population of particles."""
    candidates: tuple[int, ...] = (2, 8, 32)
    """Of how many the best is taken."""
    gradient_steps: int = 3
    """Gradient steps for each token."""
    step_size: float = 3.0
    """How far a gradient step goes at strength 1; of a tenth of it are the steps of one length."""
    samples: int | None = None
    """Molecules drawn for every point; 500, or 300 without --data, if not given."""


def read(config: Config) -> list[str]:
    """Return the molecules to train on, in an order of the seed's."""
    longest, drawn = config.max_length, molecule_chains(3000, config.seed, config.max_length)
    found = drawn if config.data is None else read_smiles(config.data, longest).train
    if len(found) < 20:
        raise DataError(f"{len(found)} molecules of fewer than {longest} tokens are too few; need 20.")
    print(f"{len(found)} molecules to train on.")
    return [found[row] for row in np.random.default_rng(config.seed).permutation(len(found))]


class Bench:
    """The generator, the classifier that steers it, and how what is drawn is measured."""

    def __init__(self, config: Config, train: list[str]) -> None:
        self.config, self.train, self.n = config, train, config.usual("samples", 500, 300)
        self.value, self.known = PROPERTIES[config.property], KnownMolecules(train[: config.labeled]).canonical
        values = self.value(train[: config.labeled])
        self.threshold = float(np.nanquantile(values, config.quantile))
        self.real = [smiles for smiles, value in zip(train, values) if value > self.threshold][: self.n]

    @cached_property
    def model(self) -> SequenceGAN:
        """The generator, fitted by maximum likelihood."""
        steps, settings = self.config.usual("steps", 2500, 300), self.config.fitting("generator")
        settings["generator"] = partial(LSTMGenerator, embedding=64, hidden=self.config.hidden)
        with Progress(steps, "generator", every=5) as progress:
            settings |= {"likelihood_iter": steps, "callbacks": (progress,), "checkpoint_every": 100}
            return SequenceGAN(None, **settings).fit(self.train)

    @cached_property
    def steered(self) -> tuple[SteeredSequenceGAN, Row]:
        """The generator with a classifier of prefixes, how good that is, and scores of real hits."""
        start, config, drawn = time.process_time(), self.config, self.config.usual("drawn", 20_000, 3000)
        texts = self.model.sample(drawn, random_state=config.seed + 1) if drawn else self.train[: config.labeled]
        steps = config.usual("classifier_steps", 1000, 200)
        with Progress(steps, "classifier", every=5) as progress:
            steered, area = steer_and_judge(
                self.model, texts, self.value(texts) > self.threshold, max_iter=steps, callbacks=(progress,),
                classifier=partial(PrefixClassifier, embedding=64, hidden=128), batch_size=config.batch_size,
                learning_rate=config.learning_rate, checkpoint=config.fits / "classifier", checkpoint_every=100,
            )  # fmt: skip
        seconds, real = time.process_time() - start, self.scores(self.model.corpus_.encode(self.real))
        return steered, {"threshold": self.threshold, "area": area, "seconds": seconds, "real": real}

    def point(self, way: SteeringWay) -> Row:
        """Draw molecules one way and return what rdkit, the unsteered model and the clock say of them."""
        drawn = draw_with_cost(self.steered[0], 1, way.method, self.n, way.strength, self.config.seed)
        row = {"arm": way.arm, "dial": way.dial, "strength": way.strength, **self.scores(drawn.tokens, self.known)}
        cost = {"passes": drawn.passes, "passes per hit": drawn.passes * self.n / max(1, row["different hits"])}
        return {**row, **cost, "seconds": drawn.seconds, "evidence": drawn.evidence}

    def scores(self, tokens: Tensor, known: Collection[str] = ()) -> Row:
        """Return what rdkit and the unsteered model say of token numbers."""
        texts = [str(text) for text in self.model.corpus_.text(tokens)]
        hits = molecule_hits(texts, self.value, self.threshold, known)
        return {**hits, **fluency_scores(self.model.generator_, tokens), "samples": texts[:20]}


def main(config: Config) -> None:
    """Fit, label, steer every way, then print, draw and write."""
    if config.property not in PROPERTIES:
        raise ValueError(f"--property {config.property} must be one of {', '.join(PROPERTIES)}; add yours to them.")
    if not 0 < config.quantile < 1:
        raise ValueError(f"--quantile {config.quantile} must be between 0 and 1.")
    at_least(config, 20, "labeled", *(("drawn",) if config.drawn else ()))
    at_least(config, 2, "samples")
    dials = config.candidates, config.gradient_steps, config.step_size
    ways, bench = steering_ways(config.strengths, config.particles, *dials), Bench(config, read(config))
    run, n = Experiment("steer_sequences", config, fixed=("seed",)), bench.n
    if run.left(ways):
        _ = bench.steered  # is fitted now, for the bar of the ways leaves no room for another
    labels = run.fill(["labels"], lambda _: bench.steered[1])["labels"]
    rows = run.fill(ways, lambda title: bench.point(ways[title]), label=f"{len(ways)} ways, {n} molecules each")

    title = f"{n} molecules each; a hit is valid with {config.property} > {labels['threshold']:.3g}, by rdkit"
    table = [(name, *table_cells(row, SHOWN)) for name, row in {**rows, REAL: labels["real"]}.items()]
    print_table(title, ("", *SHOWN), table, width=130)
    print(f"Classifier's area under the curve on strings that it has not seen: {labels['area']:.3f}.")
    told = [f"{name}: {row['evidence']:.4f}" for name, row in rows.items() if row["evidence"] is not None]
    by_rdkit = f"{rows[UNSTEERED]['hit']:.4f} of unsteered samples, by rdkit"
    print(f"Share with the property: {by_rdkit}; by the evidence of {', '.join(told)}.")
    settings, label = settings_of(rows.values(), "hit", 100), f"hits by rdkit: high {config.property}, %"
    ends = (UNSTEERED, settings.pop(UNSTEERED)[0]), (REAL, labels["real"])
    draw_trade_offs(config.out / "steering.png", settings, AGAINST, label, *ends, costs=("passes",))
    write_pages(config.out / "molecules.txt", {name: row["samples"] for name, row in rows.items()})
    metrics = {"threshold": labels["threshold"], "classifier auc": labels["area"]}
    for name, row in rows.items():
        metrics |= {f"{name}, {key}": round(row[key], 5) for key in WRITTEN if row[key] is not None}
    run.finish(
        metrics,
        f"{n} molecules for each way; a hit is valid with {config.property} above the labeled molecules' quantile, by "
        "rdkit; nats per token under the unsteered model; passes of generator and classifier for a molecule, and for a "
        "different hit; seconds are of one process's CPU; one run",
        config.usual("steps", 2500, 300) + config.usual("classifier_steps", 1000, 200), labels["seconds"], rows=rows,
        real=labels["real"], said="steering.png, molecules.txt and result.json are in {out}",
    )  # fmt: skip


if __name__ == "__main__":
    launch(main, Config)

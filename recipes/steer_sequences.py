"""Steer a fitted generator of molecules towards a property, without training it again: four ways, and what each costs.

    python recipes/steer_sequences.py --data FOLDER

FOLDER (or a file) has lines of SMILES, plain or gzipped, such as ZINC-250k; of a folder, files with `valid` or `test`
in their names are left out (some ten minutes).  Without --data, strings of a small grammar of molecules (about two).
Needs rdkit: python -m pip install "gan_ext[recipes,smiles]".

One generator is fitted by maximum likelihood.  Its own samples get the label 1 if they are molecules whose property is
among the highest of real ones, and a classifier of prefixes learns it.  Then it is steered to the label: by reweighting
every token (FUDGE), by particles (sequential Monte Carlo), by gradient steps on its memory (PPLM), plain or, as
published, all of one length; and by rejection and the best of several, what one can do without prefixes.  The judge is
rdkit, which knows no classifier.  A hit is a valid molecule with the property.
"""

import math
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from torch import Tensor

from gan_ext import SequenceGAN, SteeredSequenceGAN
from gan_ext.data import DataError, molecule_chains, read_smiles
from gan_ext.estimators import draw_with_cost
from gan_ext.metrics import (
    KnownMolecules,
    distinct,
    logp,
    molecule_hits,
    nll_test,
    qed,
    ring_count,
    self_bleu,
    token_lists,
)
from gan_ext.nets import LSTMGenerator, PrefixClassifier
from gan_ext.pictures import Setting, draw_trade_offs
from gan_ext.plug_and_play import BestOf, HiddenGradient, Rejection, Reweighting, SequentialMonteCarlo
from gan_ext.runs import Experiment, MoleculeOptions, Progress, at_least, launch, print_table, table_cells, write_pages

Row = dict[str, Any]
PROPERTIES: dict[str, Callable[[Sequence[str]], NDArray[np.float64]]] = {"logp": logp, "qed": qed, "rings": ring_count}
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
    longest = config.max_length
    drawn = molecule_chains(3000, config.seed, longest)
    found = drawn if config.data is None else read_smiles(config.data, longest).train
    if len(found) < 20:
        raise DataError(f"{len(found)} molecules of fewer than {longest} tokens are too few; need 20.")
    print(f"{len(found)} molecules to train on.")
    return [found[row] for row in np.random.default_rng(config.seed).permutation(len(found))]


def ways(config: Config) -> dict[str, tuple[str, str, Any, float]]:
    """Return every way of drawing at every strength: its name, its dial, how it draws, and its strength."""
    found = {
        "reweighting": Reweighting(),
        f"{config.particles} particles": SequentialMonteCarlo(config.particles),
        "gradient": HiddenGradient(config.gradient_steps, config.step_size),
        "gradient, one length": HiddenGradient(config.gradient_steps, config.step_size / 10, gamma=1.0),
    }
    points: list[tuple[str, str, Any, float]] = [(UNSTEERED, "", Reweighting(), 0.0)]
    points += [(name, f"strength {s:g}", way, s) for name, way in found.items() for s in config.strengths]
    points.append(("rejection", "strength 1", Rejection(), 1.0))
    points += [("best of several", f"of {n}", BestOf(n), 1.0) for n in config.candidates]
    return {" ".join(filter(None, point[:2])): point for point in points}


class Bench:
    """The generator, the classifier that steers it, and how what is drawn is measured."""

    def __init__(self, config: Config, train: list[str]) -> None:
        self.config, self.train, self.n = config, train, config.usual("samples", 500, 300)
        self.value, self.known = PROPERTIES[config.property], KnownMolecules(train[: config.labeled]).canonical
        values = self.value(train[: config.labeled])
        self.threshold = float(np.nanquantile(values, config.quantile))
        self.real = [smiles for smiles, value in zip(train, values) if value > self.threshold]

    @cached_property
    def model(self) -> SequenceGAN:
        """The generator, fitted by maximum likelihood."""
        network, steps = (
            partial(LSTMGenerator, embedding=64, hidden=self.config.hidden),
            self.config.usual("steps", 2500, 300),
        )
        with Progress(steps, "generator", every=5) as progress:
            settings = {**self.config.fitting("generator"), "callbacks": (progress,), "checkpoint_every": 100}
            return SequenceGAN(None, generator=network, likelihood_iter=steps, **settings).fit(self.train)

    @cached_property
    def steered(self) -> tuple[SteeredSequenceGAN, float]:
        """The generator with a classifier of prefixes, and the area under its curve on a tenth that is held out."""
        config, drawn = self.config, self.config.usual("drawn", 20_000, 3000)
        texts = self.model.sample(drawn, random_state=config.seed + 1) if drawn else self.train[: config.labeled]
        right, held = self.value(texts) > self.threshold, max(2, len(texts) // 10)
        if right[held:].all() or not right[held:].any():
            found = f"Of {len(texts)} strings {right.sum()} have the property"
            raise DataError(f"{found}: too few; train longer or draw more.")
        steps, network = (
            config.usual("classifier_steps", 1000, 200),
            partial(PrefixClassifier, embedding=64, hidden=128),
        )
        with Progress(steps, "classifier", every=5) as progress:
            steered = self.model.steer(
                texts[held:], right[held:].astype(int), classifier=network, max_iter=steps, callbacks=(progress,),
                batch_size=config.batch_size, learning_rate=config.learning_rate,
                checkpoint=config.fits / "classifier", checkpoint_every=100,
            )  # fmt: skip
        guess, both = steered.predict_proba(texts[:held])[:, 1], 0 < right[:held].sum() < held
        return steered, float(roc_auc_score(right[:held], guess)) if both else math.nan

    def labels(self) -> Row:
        """Return what is known of the classifier, and of real molecules with the property."""
        start = time.process_time()
        row = {"threshold": self.threshold, "area": self.steered[1], "seconds": time.process_time() - start}
        return {**row, "real": self.scores(self.model.corpus_.encode(self.real[: self.n]), ())}

    def point(self, arm: str, dial: str, method: Any, strength: float) -> Row:
        """Draw molecules one way and return what rdkit, the unsteered model and the clock say of them."""
        drawn = draw_with_cost(self.steered[0], 1, method, self.n, strength, self.config.seed)
        row = {"arm": arm, "dial": dial, "strength": strength, **self.scores(drawn.tokens, self.known)}
        cost = {"passes": drawn.passes, "passes per hit": drawn.passes * self.n / max(1, row["different hits"])}
        return {**row, **cost, "seconds": drawn.seconds, "evidence": drawn.evidence}

    def scores(self, tokens: Tensor, known: Collection[str]) -> Row:
        """Return what rdkit and the unsteered model say of token numbers."""
        texts = [str(text) for text in self.model.corpus_.text(tokens)]
        written = [sequence for sequence in token_lists(tokens, self.model.corpus_.end) if sequence]
        nats, alike = nll_test(self.model.generator_, tokens), self_bleu(written, (4,))[4]
        own = {"nats": nats, "distinct_3": distinct(written, 3), "self_bleu": alike, "samples": texts[:20]}
        return {**molecule_hits(texts, self.value, self.threshold, known), **own}


def main(config: Config) -> None:
    """Fit, label, steer every way, then print, draw and write."""
    if config.property not in PROPERTIES:
        raise ValueError(f"--property {config.property} must be one of {', '.join(PROPERTIES)}; add yours to them.")
    if not 0 < config.quantile < 1:
        raise ValueError(f"--quantile {config.quantile} must be between 0 and 1.")
    at_least(config, 20, "labeled", *(("drawn",) if config.drawn else ()))
    at_least(config, 2, "samples")
    points, bench = ways(config), Bench(config, read(config))
    run, n = Experiment("steer_sequences", config, fixed=("seed",)), bench.n
    labels = run.fill(["labels"], lambda _: bench.labels())["labels"]
    rows = run.fill(points, lambda title: bench.point(*points[title]), label=f"{len(points)} ways, {n} molecules each")

    title = f"{n} molecules each; a hit is valid with {config.property} > {labels['threshold']:.3g}, by rdkit"
    headings = ("", "hits", "valid", "nats/token", "unique", "diversity", "passes", "passes per different hit")
    table = [(name, *table_cells(row, SHOWN)) for name, row in {**rows, REAL: labels["real"]}.items()]
    print_table(title, headings, table, width=130)
    print(f"Classifier's area under the curve on strings that it has not seen: {labels['area']:.3f}.")
    told = [f"{name}: {row['evidence']:.4f}" for name, row in rows.items() if row["evidence"] is not None]
    share = f"{rows[UNSTEERED]['hit']:.4f} of unsteered samples, by rdkit"
    print(f"Share with the property: {share}; by the evidence of {', '.join(told)}.")
    settings: dict[str, list[Setting]] = {}
    for row in rows.values():
        settings.setdefault(row["arm"], []).append(Setting(row["dial"], 100 * row["hit"], row))
    (start,), label = settings.pop(UNSTEERED), f"hits by rdkit: high {config.property}, %"
    ends = (UNSTEERED, start), (REAL, labels["real"])
    draw_trade_offs(config.out / "steering.png", settings, AGAINST, label, *ends, costs=("passes",))
    write_pages(config.out / "molecules.txt", {name: row["samples"] for name, row in rows.items()})
    metrics = {f"{name}, {key}": row[key] for name, row in rows.items() for key in WRITTEN if row[key] is not None}
    run.finish(
        {"threshold": labels["threshold"], "classifier auc": labels["area"]}
        | {name: round(value, 5) for name, value in metrics.items()},
        f"{n} molecules for each way; a hit is valid with {config.property} above the labeled molecules' quantile, by "
        "rdkit; nats per token under the unsteered model; passes of generator and classifier for a molecule, and for a "
        "different hit; seconds are of one process's CPU; one run",
        config.usual("steps", 2500, 300) + config.usual("classifier_steps", 1000, 200), labels["seconds"], rows=rows,
        real=labels["real"], said="steering.png, molecules.txt and result.json are in {out}",
    )  # fmt: skip


if __name__ == "__main__":
    launch(main, Config)

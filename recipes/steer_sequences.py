"""Steer a fitted generator of molecules towards a property, without training it again: four ways, and what each costs.

    python recipes/steer_sequences.py --data FOLDER

FOLDER (or a file) has lines of SMILES, plain or gzipped, such as ZINC-250k; of a folder, files with `valid` or `test`
in their names are left out (some ten minutes).  Without --data, strings of a small grammar of molecules (about two).
Needs rdkit: python -m pip install "gan_ext[recipes,smiles]".

One generator is fitted by maximum likelihood.  Its own samples get the label 1 if they are molecules whose property is
among the highest of real ones (--quantile), and a classifier of prefixes learns it.  Then it is steered to the label:

* reweighting: every token by the classifier's probability after it (FUDGE);
* particles: sequential Monte Carlo with the same classifier;
* gradient: gradient steps on the generator's memory (PPLM), plain or, as published, all of one length;
* rejection, and the best of several: what one can do without prefixes.

The judge is rdkit, which knows no classifier.  A hit is a valid molecule with the property.
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
from gan_ext.engine import resolve_device
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
from gan_ext.runs import Experiment, Options, Progress, at_least, launch, over_seeds, print_table, table_cells

Row = dict[str, Any]
PROPERTIES: dict[str, Callable[[Sequence[str]], NDArray[np.float64]]] = {"logp": logp, "qed": qed, "rings": ring_count}
UNSTEERED, REAL = "unsteered", "real, with the property"
SHOWN = {"hit": ".1%", "validity": ".1%", "nats": ".3f", "unique": ".1%", "diversity": ".3f", "passes": ".1f",
         "passes per hit": ".1f"}  # fmt: skip
AGAINST = {"nats": "fluency: nats per token, unsteered model", "diversity": "internal diversity of hits",
           "passes": "cost: network passes for a molecule"}  # fmt: skip
WRITTEN = ("hit", "validity", "nats", "unique", "novel", "diversity", "self_bleu", "passes", "passes per hit")


@dataclass
class Config(Options):
    """Settings of the recipe."""

    out: Path = Path("runs/steer_sequences")
    data: Path | None = None
    """A file of SMILES, or a folder of such files; strings of a small grammar if not given."""
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
    max_length: int = 64
    """Longer molecules, in tokens, are left out."""
    batch_size: int = 64
    """Molecules of a step."""
    hidden: int = 256
    """Size of the generator's memory."""
    learning_rate: float = 5e-3
    """Of both networks, falling to 0."""

    def usual(self, name: str, own: int, grammar: int) -> int:
        """Return a number that was given by hand, or the one for data of one's own or for the grammar."""
        given: int | None = getattr(self, name)
        return (own if self.data else grammar) if given is None else given


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
    points = [(UNSTEERED, "", Reweighting(), 0.0)]
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
        config, steps = self.config, self.config.usual("steps", 2500, 300)
        with Progress(steps, "generator", every=5) as progress:
            return SequenceGAN(
                None, tokenizer="smiles", max_length=config.max_length, batch_size=config.batch_size,
                generator=partial(LSTMGenerator, embedding=64, hidden=config.hidden), likelihood_iter=steps,
                likelihood_learning_rate=config.learning_rate, validation_fraction=0.0, device=config.device,
                callbacks=(progress,), checkpoint=config.fits / "generator", checkpoint_every=100,
                random_state=config.seed,
            ).fit(self.train)  # fmt: skip

    @cached_property
    def labeled(self) -> tuple[list[str], NDArray[np.bool_]]:
        """Strings, and whether they are molecules with the property; the first tenth is held out."""
        config, drawn = self.config, self.config.usual("drawn", 20_000, 3000)
        own = self.model.sample(drawn, random_state=config.seed + 1) if drawn else self.train[: config.labeled]
        right = self.value(own) > self.threshold
        held = max(2, len(own) // 10)
        if right[held:].all() or not right[held:].any():
            raise DataError(
                f"Of {len(own)} strings {right.sum()} have the property: too few; train longer or draw more."
            )
        return own, right

    @cached_property
    def steered(self) -> SteeredSequenceGAN:
        """The generator with a classifier of prefixes that has learned the labels."""
        config, (texts, right) = self.config, self.labeled
        steps, held = config.usual("classifier_steps", 1000, 200), max(2, len(texts) // 10)
        with Progress(steps, "classifier", every=5) as progress:
            return self.model.steer(
                texts[held:], right[held:].astype(int), max_iter=steps, batch_size=config.batch_size,
                classifier=partial(PrefixClassifier, embedding=64, hidden=128), learning_rate=config.learning_rate,
                callbacks=(progress,), checkpoint=config.fits / "classifier", checkpoint_every=100,
            )  # fmt: skip

    def labels(self) -> Row:
        """Return what is known of the classifier, and of real molecules with the property."""
        start = time.process_time()
        steered, (texts, right) = self.steered, self.labeled
        high, seconds = right[: max(2, len(texts) // 10)], time.process_time() - start
        guess = steered.predict_proba(texts[: len(high)])[:, 1]
        area = float(roc_auc_score(high, guess)) if 0 < high.sum() < len(high) else math.nan
        real = self.scores(self.model.corpus_.encode(self.real[: self.n]), ())
        return {"threshold": self.threshold, "area": area, "real": real, "seconds": seconds}

    def point(self, arm: str, dial: str, method: Any, strength: float) -> Row:
        """Draw molecules one way and return what rdkit, the unsteered model and the clock say of them."""
        start, device = time.process_time(), resolve_device(self.config.device)
        networks = self.model.generator_, self.steered.classifier_
        for network in networks:
            network.to(device)
        drawn = self.steered.steering(1, method).draw(self.n, strength, random_state=self.config.seed)
        seconds = time.process_time() - start
        for network in networks:
            network.cpu()
        row = {"arm": arm, "dial": dial, "strength": strength, **self.scores(drawn.tokens.cpu(), self.known)}
        cost = {"passes": drawn.passes, "passes per hit": drawn.passes * self.n / max(1, row["different hits"])}
        evidence = float(drawn.log_evidence.double().exp().mean()) if strength == 1 else None
        return {**row, **cost, "seconds": seconds, "evidence": evidence}

    def scores(self, tokens: Tensor, known: Collection[str]) -> Row:
        """Return what rdkit and the unsteered model say of token numbers."""
        texts = self.model.corpus_.text(tokens)
        written = [sequence for sequence in token_lists(tokens, self.model.corpus_.end) if sequence]
        own = {"nats": nll_test(self.model.generator_, tokens), "distinct_3": distinct(written, 3)}
        own |= {"self_bleu": self_bleu(written, (4,))[4], "samples": texts[:20]}
        return {**molecule_hits(texts, self.value, self.threshold, known), **own}


def main(config: Config) -> None:
    """Fit, label, steer every way, then print, draw and write."""
    if config.property not in PROPERTIES:
        raise ValueError(f"--property {config.property} must be one of {', '.join(PROPERTIES)}; add yours to them.")
    if not 0 < config.quantile < 1:
        raise ValueError(f"--quantile {config.quantile} must be between 0 and 1.")
    at_least(config, 20, "labeled", *(("drawn",) if config.drawn else ()))
    at_least(config, 2, "samples")
    points, train = ways(config), read(config)
    bench, run = Bench(config, train), Experiment("steer_sequences", config, fixed=("seed",))
    labels = run.fill(["labels"], lambda _: bench.labels())["labels"]
    rows = run.fill(
        points, lambda title: bench.point(*points[title]), label=f"{len(points)} ways, {bench.n} molecules each"
    )
    real = labels["real"]

    title = f"{bench.n} molecules each; a hit is valid with {config.property} > {labels['threshold']:.3g}, by rdkit"
    headings = ("", "hits", "valid", "nats/token", "unique", "diversity", "passes", "passes per different hit")
    print_table(
        title, headings, [(name, *table_cells(row, SHOWN)) for name, row in {**rows, REAL: real}.items()], width=130
    )
    print(f"Classifier's area under the curve on strings that it has not seen: {labels['area']:.3f}.")
    told = [f"{name}: {row['evidence']:.4f}" for name, row in rows.items() if row["evidence"] is not None]
    print(
        f"Share with the property: {rows[UNSTEERED]['hit']:.4f} of unsteered samples, by rdkit; by the evidence of "
        f"{', '.join(told)}."
    )
    settings = {
        name: [Setting(each["dial"].split()[-1], 100 * each["hit"], each) for each in own]
        for name, own in over_seeds(
            {(row["arm"], title): row for title, row in rows.items() if title != UNSTEERED}
        ).items()
    }
    start = Setting("", 100 * rows[UNSTEERED]["hit"], rows[UNSTEERED])
    draw_trade_offs(
        config.out / "steering.png",
        settings,
        AGAINST,
        f"hits by rdkit: high {config.property}, %",
        (UNSTEERED, start),
        (REAL, real),
        ("passes",),
    )
    pages = ["\n".join([f"# {name}", *row["samples"]]) for name, row in rows.items()]
    (config.out / "molecules.txt").write_text("\n\n".join(pages) + "\n", encoding="utf-8")
    metrics = {
        f"{name}, {key}": round(row[key], 5) for name, row in rows.items() for key in WRITTEN if row[key] is not None
    }
    run.finish(
        {"threshold": labels["threshold"], "classifier auc": labels["area"], **metrics},
        f"{bench.n} molecules for each way; a hit is valid with {config.property} above the labeled molecules' quantile, "
        "by rdkit; nats per token under the unsteered model; passes of generator and classifier for a molecule, and for "
        "a different hit; seconds are of one process's CPU; one run",
        config.usual("steps", 2500, 300) + config.usual("classifier_steps", 1000, 200), labels["seconds"], rows=rows,
        real=real, said="steering.png, molecules.txt and result.json are in {out}",
    )  # fmt: skip


if __name__ == "__main__":
    launch(main, Config)

"""Steer a fitted generator of molecules towards a property, without training it again: four ways, and what each costs.

    python recipes/steer_sequences.py --data FOLDER

FOLDER (or a file) has lines of SMILES, plain or gzipped, such as ZINC-250k; of a folder, files with `valid` or `test`
in their names are left out (some ten minutes).  Without --data, strings of a small grammar of molecules that comes with
this file (about two).  Needs rdkit: python -m pip install "gan_ext[recipes,smiles]".

One generator is fitted by maximum likelihood.  Its own samples get the label 1 if they are molecules whose property is
among the highest of real ones (--quantile), and a classifier of prefixes learns it.  Then it is steered to the label:

* reweighting: every token by the classifier's probability after it (FUDGE);
* particles: sequential Monte Carlo with the same classifier;
* gradient: gradient steps on the generator's memory (PPLM), plain or, as published, all of one length;
* rejection, and the best of several: what one can do without prefixes.

The judge is rdkit, which knows no classifier.  A hit is a valid molecule with the property.  Leaves in --out a picture
of hits against fluency and against cost, molecules.txt, and result.json; --resume goes on where a killed run stopped.
"""

import json
import math
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import tyro
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table
from torch import Tensor

from gan_ext import SequenceGAN, SteeredSequenceGAN
from gan_ext.data import DataError, SmilesTokenizer, read_lines
from gan_ext.engine import ensure_writable, resolve_device
from gan_ext.metrics import canonical_smiles, distinct, negative_log_likelihood, self_bleu, token_lists
from gan_ext.nets import LSTMGenerator, PrefixClassifier
from gan_ext.plug_and_play import BestOf, HiddenGradient, Rejection, Reweighting, SequentialMonteCarlo
from gan_ext.runs import Progress, plain_errors, write_json, write_result

Property = Callable[[Any], float]
ENDINGS = (".txt", ".smi", ".smiles", ".txt.gz", ".smi.gz", ".smiles.gz")
UNSTEERED, REAL = "unsteered", "real, with the property"


@dataclass
class Config:
    """Settings of the recipe."""

    data: Path | None = None
    """A file of SMILES, or a folder of such files; strings of a small grammar if not given."""
    out: Path = Path("runs/steer_sequences")
    """Where pictures, molecules and result.json go."""
    device: str = "cpu"
    """auto, cpu, cuda or cuda:N."""
    seed: int = 0
    """Decides the initial weights, the order of molecules, and all that is drawn."""
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
    threads: int = 1
    """Threads of torch."""
    resume: bool = False
    """Go on where a killed run stopped."""


def logp(molecule: Any) -> float:
    """Return the octanol-water partition coefficient by Wildman and Crippen (1999), a logarithm to base 10."""
    from rdkit.Chem.rdMolDescriptors import CalcCrippenDescriptors

    return float(CalcCrippenDescriptors(molecule)[0])


def qed(molecule: Any) -> float:
    """Return how much a molecule looks like a drug, 0 to 1 (Bickerton et al., 2012)."""
    from rdkit.Chem.QED import qed as of

    return float(of(molecule))


def rings(molecule: Any) -> float:
    """Return the number of rings."""
    return float(molecule.GetRingInfo().NumRings())


PROPERTIES: dict[str, Property] = {"logp": logp, "qed": qed, "rings": rings}


def measured(smiles: list[str], name: str) -> NDArray[np.float64]:
    """Return a property of each string; not a number for what is no molecule."""
    from rdkit.Chem import MolFromSmiles

    known = [None if each is None else MolFromSmiles(each) for each in canonical_smiles(smiles)]
    return np.array([math.nan if molecule is None else PROPERTIES[name](molecule) for molecule in known])


def internal_diversity(molecules: list[str]) -> float | None:
    """Return 1 minus the mean similarity (Tanimoto, Morgan fingerprints) of two different molecules, 0 to 1.

    Reference: MOSES (Polykovskiy et al., 2020), https://arxiv.org/abs/1811.12823; there pairs of one are counted too.
    """
    from rdkit.Chem import MolFromSmiles
    from rdkit.Chem.rdFingerprintGenerator import GetMorganGenerator
    from rdkit.DataStructs import BulkTanimotoSimilarity

    make = GetMorganGenerator(radius=2, fpSize=1024)
    prints = [make.GetFingerprint(MolFromSmiles(molecule)) for molecule in molecules]
    pairs = [value for row in range(1, len(prints)) for value in BulkTanimotoSimilarity(prints[row], prints[:row])]
    return 1 - float(np.mean(pairs)) if pairs else None


def read(config: Config) -> list[str]:
    """Return the molecules to train on, in an order of the seed's."""
    if config.data is None:
        found = grammar(3000, config.seed)
    else:
        inside = sorted(config.data.iterdir()) if config.data.is_dir() else [config.data]
        paths = [path for path in inside if path.name.endswith(ENDINGS)]
        kept = [path for path in paths if len(paths) == 1 or not ("valid" in path.name or "test" in path.name)]
        away = {line.strip() for path in paths if path not in kept for line in read_lines(path)}
        found = [line.strip() for path in kept for line in read_lines(path)]
        found = [smiles for smiles in found if smiles and smiles not in away]
    split = SmilesTokenizer().tokenize
    short = [smiles for smiles in found if len(split(smiles)) < config.max_length]
    if len(short) < 20:
        raise DataError(f"{len(short)} molecules of fewer than {config.max_length} tokens are too few; need 20.")
    order = np.random.default_rng(config.seed).permutation(len(short))
    return [short[row] for row in order]


def grammar(n: int, seed: int) -> list[str]:
    """Return chains of fragments: small molecules, all valid."""
    first = ("C", "CC", "CC(C)", "N", "O", "CO", "OC(=O)", "Fc1ccc(cc1)", "Clc1ccc(cc1)", "c1ccc(cc1)", "C#C")
    middle = ("C", "CC", "C(C)", "C(=O)N", "OC", "NC", "SC", "c1ccc(cc1)", "C1CCC(CC1)", "C(F)", "C(Cl)", "C(O)")
    last = ("C", "N", "O", "C(=O)O", "c1ccccc1", "C#N", "C(F)(F)F", "CCl", "S(N)(=O)=O")
    random = np.random.default_rng(seed)

    def chain() -> str:
        inner = (middle[random.integers(len(middle))] for _ in range(random.integers(1, 5)))
        return "".join([first[random.integers(len(first))], *inner, last[random.integers(len(last))]])

    return [chain() for _ in range(n)]


@dataclass(frozen=True)
class Arm:
    """One point of the comparison."""

    name: str
    method: Any
    strength: float
    dial: str


def arms(config: Config) -> list[Arm]:
    """Return every way of drawing at every strength."""
    points = [Arm(UNSTEERED, Reweighting(), 0.0, "")]
    ways = {
        "reweighting": Reweighting(),
        f"{config.particles} particles": SequentialMonteCarlo(config.particles),
        "gradient": HiddenGradient(config.gradient_steps, config.step_size),
        "gradient, one length": HiddenGradient(config.gradient_steps, config.step_size / 10, gamma=1.0),
    }
    points += [Arm(name, way, s, f"strength {s:g}") for name, way in ways.items() for s in config.strengths]
    points.append(Arm("rejection", Rejection(), 1.0, "strength 1"))
    return points + [Arm("best of several", BestOf(n), 1.0, f"of {n}") for n in config.candidates]


def fit(config: Config, train: list[str], steps: int) -> SequenceGAN:
    """Fit the generator by maximum likelihood, with a live bar and checkpoints."""
    with Progress(steps, "generator", every=5) as progress:
        model = SequenceGAN(
            None, tokenizer="smiles", max_length=config.max_length, batch_size=config.batch_size,
            generator=partial(LSTMGenerator, embedding=64, hidden=config.hidden), likelihood_iter=steps,
            likelihood_learning_rate=config.learning_rate, validation_fraction=0.0, device=config.device,
            callbacks=(progress,), checkpoint=config.out / "fits" / "generator", checkpoint_every=100,
            random_state=config.seed,
        )  # fmt: skip
        return model.fit(train)


class Labeled(NamedTuple):
    """What labels made: the steered model, the property's threshold, how good the classifier is, real molecules."""

    steered: SteeredSequenceGAN
    threshold: float
    area: float
    real: list[str]


def label(config: Config, model: SequenceGAN, train: list[str], steps: int, drawn: int) -> Labeled:
    """Train the classifier of prefixes on strings with the label 1 if they are molecules with the property."""
    from sklearn.metrics import roc_auc_score

    known = measured(train[: config.labeled], config.property)
    threshold = float(np.nanquantile(known, config.quantile))
    real = [smiles for smiles, value in zip(train, known) if value > threshold]
    texts = [str(text) for text in model.sample(drawn, random_state=config.seed + 1)] if drawn else train[: len(known)]
    right = (measured(texts, config.property) if drawn else known) > threshold
    held = max(2, len(texts) // 10)
    if right[held:].all() or not right[held:].any():
        raise DataError(f"Of {len(texts)} strings {right.sum()} have the property: too few; train longer or draw more.")
    with Progress(steps, "classifier", every=5) as progress:
        steered = model.steer(
            texts[held:], right[held:].astype(int), max_iter=steps, batch_size=config.batch_size,
            classifier=partial(PrefixClassifier, embedding=64, hidden=128), learning_rate=config.learning_rate,
            callbacks=(progress,), checkpoint=config.out / "fits" / "classifier", checkpoint_every=100,
        )  # fmt: skip
    high = right[:held]
    area = roc_auc_score(high, steered.predict_proba(texts[:held])[:, 1]) if 0 < high.sum() < held else math.nan
    return Labeled(steered, threshold, float(area), real)


def point(
    config: Config, arm: Arm, steered: SteeredSequenceGAN, threshold: float, known: set[str], n: int
) -> dict[str, Any]:
    """Draw molecules one way and return what rdkit, the unsteered model and the clock say of them."""
    model, start, device = steered.model, time.process_time(), resolve_device(config.device)
    model.generator_.to(device)
    steered.classifier_.to(device)
    drawn = steered.steering(1, arm.method).draw(n, arm.strength, random_state=config.seed)
    seconds, tokens = time.process_time() - start, drawn.tokens.cpu()
    model.generator_.cpu()
    steered.classifier_.cpu()
    row = scores(config, model, tokens, threshold, known)
    return {
        "arm": arm.name,
        "dial": arm.dial,
        "strength": arm.strength,
        **row,
        "passes": drawn.passes,
        "passes per hit": drawn.passes * n / max(1, row["different hits"]),
        "seconds": seconds,
        "evidence": float(drawn.log_evidence.double().exp().mean()) if arm.strength == 1 else None,
    }


def scores(config: Config, model: SequenceGAN, tokens: Tensor, threshold: float, known: set[str]) -> dict[str, Any]:
    """Return what rdkit and the unsteered model say of token numbers."""
    smiles = [str(text) for text in model.corpus_.text(tokens)]
    n, values, molecules = len(smiles), measured(smiles, config.property), canonical_smiles(smiles)
    hits = values > threshold
    different = {molecule for molecule, hit in zip(molecules, hits) if hit}
    written = [sequence for sequence in token_lists(tokens, model.corpus_.end) if sequence]
    valid = [molecule for molecule in molecules if molecule is not None]
    return {
        "hit": float(hits.mean()),
        "different hits": len(different),
        "validity": len(valid) / n,
        "nats": negative_log_likelihood(model.generator_, tokens),
        "unique": len(set(valid)) / max(1, len(valid)),
        "novel": len(set(valid) - known) / max(1, len(set(valid))),
        "diversity": internal_diversity([molecule for molecule, hit in zip(molecules, hits) if molecule and hit]),
        "distinct_3": distinct(written, 3),
        "self_bleu": self_bleu(written, (4,))[4],
        "property": float(np.nanmean(values)) if len(valid) else None,
        "samples": smiles[:20],
    }


def finished(config: Config) -> dict[str, dict[str, Any]]:
    """Return the points that a killed run with the same settings has measured."""
    free = {"out", "device", "resume", "threads"}
    settings = {name: str(value) for name, value in asdict(config).items() if name not in free}
    path, rows = config.out / "settings.json", config.out / "rows"
    if config.resume and path.exists():
        if json.loads(path.read_text()) != settings:
            raise DataError(f"{path} is of a run with other settings; use another --out or leave out --resume.")
    else:
        for folder in (rows, config.out / "fits"):
            shutil.rmtree(folder, ignore_errors=True)
        write_json(path, settings)
    ensure_writable(rows)
    return {file.stem: json.loads(file.read_text()) for file in rows.glob("*.json")}


def title(arm: Arm) -> str:
    """Return the name of a point."""
    return " ".join(part for part in (arm.name, arm.dial) if part)


def table(rows: dict[str, dict[str, Any]], threshold: float, config: Config, n: int) -> Table:
    """Lay the points out."""
    shown = Table(title=f"{n} molecules each; a hit is valid with {config.property} > {threshold:.3g}, by rdkit")
    headings = ("", "hits %", "valid %", "nats/token", "unique %", "diversity", "passes", "passes per different hit")
    for heading in headings:
        shown.add_column(heading, justify="right" if heading else "left")
    for name, row in rows.items():
        shown.add_row(
            name, f"{100 * row['hit']:.1f}", f"{100 * row['validity']:.1f}", f"{row['nats']:.3f}",
            f"{100 * row['unique']:.1f}", "" if row["diversity"] is None else f"{row['diversity']:.3f}",
            *(f"{row[key]:.1f}" if key in row else "" for key in ("passes", "passes per hit")),
        )  # fmt: skip
    return shown


def draw(config: Config, rows: dict[str, dict[str, Any]], real: dict[str, Any]) -> None:
    """Draw hits against fluency, against diversity and against cost: a line for each way of drawing."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 4.8), layout="constrained")
    texts = {"nats": "fluency: nats per token, unsteered model", "diversity": "internal diversity of hits",
             "passes": "cost: network passes for a molecule"}  # fmt: skip
    names = list(dict.fromkeys(row["arm"] for row in rows.values()))[1:]
    start, top = rows[UNSTEERED], max(0.01, *(row["hit"] for row in rows.values()))
    for axis, (score, text) in zip(figure.subplots(1, 3, sharey=True), texts.items()):
        for number, name in enumerate(names):
            curve = [row for row in rows.values() if row["arm"] == name and row[score] is not None]
            line = curve if score == "passes" or len(curve) < 2 else [start, *curve]
            axis.plot([row[score] for row in line], [100 * row["hit"] for row in line], "o-", color=f"C{number}",
                      markersize=5, label=name)  # fmt: skip
            for row in curve:
                axis.annotate(row["dial"].split()[-1], (row[score], 100 * row["hit"]), xytext=(4, 4), fontsize=7,
                              textcoords="offset points", color=f"C{number}")  # fmt: skip
        if start[score] is not None:
            axis.plot(start[score], 100 * start["hit"], "*", color="black", markersize=13, label=UNSTEERED)
        if score in real and real[score] is not None:
            axis.axvline(real[score], color="0.4", linestyle=":", label=REAL)
        axis.set(xlabel=text, xscale="log" if score == "passes" else "linear", ylim=(-4 * top, 112 * top))
        axis.grid(alpha=0.3)
    figure.axes[0].set_ylabel(f"hits by rdkit: high {config.property}, %")
    figure.axes[0].legend(fontsize=8)
    figure.savefig(config.out / "steering.png", dpi=120)


def check(config: Config) -> None:
    """Say what is wrong before any work."""
    if config.property not in PROPERTIES:
        raise ValueError(f"--property {config.property} must be one of {', '.join(PROPERTIES)}; add yours to them.")
    if not 0 < config.quantile < 1:
        raise ValueError(f"--quantile {config.quantile} must be between 0 and 1.")
    few = [n for n in (config.labeled, config.drawn or 20) if n < 20]
    if few or (config.samples is not None and config.samples < 2):
        raise ValueError(
            f"--labeled {config.labeled} and --drawn {config.drawn} must be at least 20 (--drawn may be 0), and "
            f"--samples {config.samples} at least 2."
        )
    if config.data is not None and not config.data.exists():
        raise DataError(f"--data {config.data} is no file and no folder.")
    try:
        canonical_smiles(["C"])
    except ImportError as error:
        raise ValueError(str(error)) from error


def main(config: Config) -> None:
    """Fit, label, steer every way, then print, draw and write."""
    check(config)
    ensure_writable(config.out)
    torch.set_num_threads(config.threads)
    points, done, began, own = arms(config), finished(config), time.monotonic(), config.data is not None
    train = read(config)
    n = (500 if own else 300) if config.samples is None else config.samples
    steps = (2500 if own else 300) if config.steps is None else config.steps
    classifier_steps = (1000 if own else 200) if config.classifier_steps is None else config.classifier_steps
    print(f"{len(train)} molecules to train on.")
    start = time.process_time()
    model = fit(config, train, steps)
    drawn = (20_000 if own else 3000) if config.drawn is None else config.drawn
    found = label(config, model, train, classifier_steps, drawn)
    seconds = time.process_time() - start
    known = {molecule for molecule in canonical_smiles(train[: config.labeled]) if molecule is not None}
    rows = {}
    for arm in track(points, f"{len(points)} ways, {n} molecules each"):
        if title(arm) not in done:
            done[title(arm)] = point(config, arm, found.steered, found.threshold, known, n)
            write_json(config.out / "rows" / f"{title(arm)}.json", done[title(arm)])
        rows[title(arm)] = done[title(arm)]
    real = scores(config, model, model.corpus_.encode(found.real[:n]), found.threshold, set())
    report(config, rows, real, found, n, seconds, (steps + classifier_steps) / max(seconds, 1e-9))
    print(f"{time.monotonic() - began:.0f} s; steering.png, molecules.txt and result.json are in {config.out}")


def report(
    config: Config, rows: dict[str, dict[str, Any]], real: dict[str, Any], found: Labeled, n: int, seconds: float,
    speed: float,
) -> None:  # fmt: skip
    """Print, draw and write what was measured."""
    Console(width=130).print(table({**rows, REAL: real}, found.threshold, config, n))
    told = {title: row["evidence"] for title, row in rows.items() if row["evidence"] is not None}
    print(f"Classifier's area under the curve on strings that it has not seen: {found.area:.3f}.")
    print(f"Share with the property: {rows[UNSTEERED]['hit']:.4f} of unsteered samples, by rdkit; by the evidence of "
          + ", ".join(f"{title}: {value:.4f}" for title, value in told.items()) + ".")  # fmt: skip
    draw(config, rows, real)
    pages = ["\n".join([f"# {title}", *row["samples"]]) for title, row in rows.items()]
    (config.out / "molecules.txt").write_text("\n\n".join(pages) + "\n", encoding="utf-8")
    names = ("hit", "validity", "nats", "unique", "novel", "diversity", "self_bleu", "passes", "passes per hit")
    metrics = {
        f"{title}, {score}": round(row[score], 5) for title, row in rows.items() for score in names
        if row[score] is not None
    }  # fmt: skip
    write_result(
        config.out, "steer_sequences", asdict(config),
        {"threshold": found.threshold, "classifier auc": found.area, **metrics},
        f"{n} molecules for each way; a hit is valid with {config.property} above the labeled molecules' quantile, by "
        "rdkit; nats per token under the unsteered model; passes of generator and classifier for a molecule, and for a "
        "different hit; seconds are of one process's CPU; one run",
        seconds, speed, config.device, rows=rows, real=real,
    )  # fmt: skip


if __name__ == "__main__":
    with plain_errors():
        main(tyro.cli(Config))

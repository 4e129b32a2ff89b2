"""Make molecules: maximum likelihood on SMILES, then a game whose reward is a discriminator's verdict and your own.

    python recipes/sequence_smiles.py --data FOLDER

FOLDER (or a file) has lines of SMILES, plain or gzipped, such as ZINC-250k; of a folder, files with `valid` or `test`
in their names are held out (about ten minutes).  Without --data, some 240 common molecules that come with this file
(about a minute).  Leaves in --out molecules.txt, pictures of molecules and of the frontier, and result.json; --resume
goes on where a killed run stopped.  Needs rdkit: python -m pip install "gan_ext[recipes,smiles]".

The reward is any function from a list of strings to as many numbers.  To add your own, write it here and name it in
REWARDS, then choose it by --reward::

    def nitrogen(smiles: list[str]) -> list[float]:
        return [string.upper().count("N") / max(1, len(string)) for string in smiles]

In a script of yours it is an argument: ``SequenceGAN(tokenizer="smiles", reward=nitrogen).fit(smiles)``.

Any model makes more valid and more rewarded molecules when it is sharpened.  So the table has maximum likelihood at
several temperatures, and the picture the whole frontier: the reward against the cost of held-out molecules.
"""

import copy
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import tyro
from rich.console import Console
from rich.table import Table

from gan_ext import SequenceGAN
from gan_ext.data import DataError, SmilesTokenizer, read_lines
from gan_ext.engine import ensure_writable
from gan_ext.games import SeqGAN
from gan_ext.metrics import (
    FrontierPoint,
    Interval,
    KnownMolecules,
    bootstrap_interval,
    canonical_smiles,
    gap,
    negative_log_likelihood,
    smiles_scores,
)
from gan_ext.nets import LSTMGenerator
from gan_ext.pictures import draw_frontiers
from gan_ext.runs import Progress, plain_errors, write_result
from gan_ext.sequences import SequenceModel

Arm = Literal["both", "reward", "discriminator", "constant"]
Reward = Callable[[list[str]], Sequence[float]]
MLE = "maximum likelihood"


@dataclass
class Config:
    """Settings of the recipe."""

    data: Path | None = None
    """A file of SMILES, or a folder of such files; molecules that come with the recipe if not given."""
    out: Path = Path("runs/sequence_smiles")
    """Where molecules, pictures and result.json go."""
    device: str = "cpu"
    """auto, cpu, cuda or cuda:N."""
    seed: int = 0
    """Decides the initial weights, the order of molecules, what is held out of a single file, and all that is drawn."""
    steps: int | None = None
    """Steps of maximum likelihood; 3000, or 250 without --data, if not given."""
    game_steps: int | None = None
    """Steps of the game; 200, or 60 without --data, if not given."""
    warm_up: int = 20
    """Steps of the discriminator alone before the game."""
    reward: str = "qed"
    """One of REWARDS in this file; none leaves the discriminator alone."""
    reward_weight: float = 1.0
    """Weight of your reward beside the discriminator's probability that a molecule is real."""
    likelihood: float = 0.1
    """Weight of maximum likelihood in the game; without it the generator forgets the data."""
    arms: tuple[Arm, ...] = ("both",)
    """Games to play: with both rewards, with `reward` or `discriminator` alone, or the placebo, a `constant` reward."""
    temperatures: tuple[float, ...] = (1.2, 1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4)
    """Where every model is measured; 1 must be among them."""
    samples: int | None = None
    """Molecules sampled at each temperature; 2000, or 500 without --data, if not given."""
    validation: bool = False
    """Measure on validation molecules rather than test molecules, for choosing settings."""
    molecules: int = 0
    """Most molecules to train on; 0 for all."""
    max_length: int = 64
    """Longer molecules, in tokens, are left out."""
    batch_size: int = 64
    """Molecules of a step."""
    hidden: int = 256
    """Size of the LSTM's memory."""
    learning_rate: float = 5e-3
    """Of maximum likelihood, falling to 0."""
    game_learning_rate: float = 3e-4
    """Of the generator in the game."""
    threads: int = 0
    """Threads of torch; 0 leaves its default, the number of cores."""
    resume: bool = False
    """Go on where a killed run stopped."""


def qed(smiles: list[str]) -> list[float]:
    """Return how much each molecule looks like a drug, 0 to 1; 0 for what is no molecule.

    Reference: Quantifying the chemical beauty of drugs (Bickerton et al., 2012), https://doi.org/10.1038/nchem.1243
    """
    from rdkit.Chem import MolFromSmiles
    from rdkit.Chem.QED import qed as of

    return [0.0 if known is None else float(of(MolFromSmiles(known))) for known in canonical_smiles(smiles)]


def validity(smiles: list[str]) -> list[float]:
    """Return 1 for molecules and 0 for other strings."""
    return [float(known is not None) for known in canonical_smiles(smiles)]


REWARDS: dict[str, Reward] = {"qed": qed, "validity": validity}


def read(config: Config) -> tuple[list[str], list[str]]:
    """Return the molecules to train on and those held out."""
    if config.data is None:
        return held_apart(MOLECULES.split(), config)
    if not config.data.is_dir():
        return held_apart([line.strip() for line in read_lines(config.data) if line.strip()], config)
    files = {part: found(config.data, part) for part in ("valid", "test")}
    parts = {part: [line.strip() for path in paths for line in read_lines(path)] for part, paths in files.items()}
    away = {smiles for part in parts.values() for smiles in part}
    rest = [path for path in found(config.data, "") if not any(path in paths for paths in files.values())]
    train = [line.strip() for path in rest for line in read_lines(path)]
    train = [smiles for smiles in train if smiles and smiles not in away]
    held_out = parts["valid" if config.validation else "test"]
    return (train, [smiles for smiles in held_out if smiles]) if held_out else held_apart(train, config)


def found(folder: Path, word: str) -> list[Path]:
    """Return a folder's files of lines with a word in their names."""
    return sorted(path for path in folder.iterdir() if path.name.endswith(ENDINGS) and word in path.name)


def held_apart(smiles: list[str], config: Config) -> tuple[list[str], list[str]]:
    """Hold out a tenth for testing, and a tenth for validation, of one list."""
    order = np.random.default_rng(config.seed).permutation(len(smiles))
    tenth = max(1, len(smiles) // 10)
    held = order[:tenth] if config.validation else order[tenth : 2 * tenth]
    return [smiles[row] for row in order[2 * tenth :]], [smiles[row] for row in held]


def again(model: SequenceModel, *_: Any, **__: Any) -> SequenceModel:
    """Return a copy of a trained generator, for a game to start from."""
    return copy.deepcopy(model)


def game(arm: Arm, likelihood: float) -> Callable[..., SeqGAN]:
    """Return what makes the game of an arm; of the discriminator's logits an arm may make something else."""
    says = {"reward": torch.zeros_like, "constant": torch.ones_like}.get(arm)
    return partial(SeqGAN, rollouts=0, likelihood=likelihood, reward=says)


def fit(config: Config, name: str, steps: int, train: list[str], **settings: Any) -> SequenceGAN:
    """Fit one model with a live bar and checkpoints."""
    with Progress(steps, name, every=5) as progress:
        model = SequenceGAN(
            tokenizer="smiles", max_length=config.max_length, batch_size=config.batch_size, device=config.device,
            # The guard keeps what is most like the data, which is not what a reward asks for; so it has no say here.
            guard=False, validation_fraction=0.0, callbacks=(progress,), checkpoint=config.out / "fits" / name,
            checkpoint_every=25, random_state=config.seed, **settings,
        )  # fmt: skip
        return model.fit(train)


def train_all(config: Config, train: list[str], steps: int, game_steps: int) -> dict[str, SequenceGAN]:
    """Return maximum likelihood, and what each arm made of it."""
    network = partial(LSTMGenerator, embedding=64, hidden=config.hidden, dropout=0.0 if config.data else 0.2)
    mle = fit(
        config, "likelihood", steps, train, objective=None, generator=network, likelihood_iter=steps,
        likelihood_learning_rate=config.learning_rate,
    )  # fmt: skip
    models = {MLE: mle}
    for arm in config.arms:
        task = REWARDS.get(config.reward) if arm in ("both", "reward") else None
        models[f"game, {arm}"] = fit(
            config, arm, game_steps, train, objective=game(arm, config.likelihood), reward=task,
            reward_weight=config.reward_weight, generator=partial(again, mle.generator_), likelihood_iter=0,
            warm_up_iter=config.warm_up, max_iter=game_steps, learning_rate=config.game_learning_rate,
        )  # fmt: skip
    return models


def scores(
    model: SequenceGAN, temperature: float, held_out: list[str], known: KnownMolecules, config: Config, n: int
) -> dict[str, Any]:
    """Return what can be said of a model at one temperature; intervals are (mean, low, high)."""
    made: list[str] = model.sample(n, temperature=temperature, random_state=config.seed)
    molecules = canonical_smiles(made)
    different = sorted({each for each in molecules if each is not None})
    row: dict[str, Any] = {
        "temperature": temperature,
        "nats": negative_log_likelihood(model.generator_, model.corpus_.encode(held_out), temperature),
        "validity": bootstrap_interval([float(each is not None) for each in molecules]),
        "uniqueness": smiles_scores(made).uniqueness,
        "novelty": bootstrap_interval([float(each not in known.canonical) for each in different] or [0.0]),
    }
    if config.reward in REWARDS:
        row["reward"] = bootstrap_interval(np.asarray(REWARDS[config.reward](made), dtype=np.float64))
    return row


def table(rows: dict[str, list[dict[str, Any]]], config: Config, n: int) -> Table:
    """Lay out what the models do at each temperature, with 95 % intervals."""
    shown = Table(title=f"{n} samples each; brackets: 95 % by bootstrap. Invalid strings count in the mean reward.")
    headings = ("", "temperature", "held-out nats/token", "valid %", "unique %", "novel %", f"mean {config.reward}")
    for heading in headings[: None if config.reward in REWARDS else -1]:
        shown.add_column(heading, justify="right")
    for name, group in rows.items():
        for row in group:
            cells = [f"{row['nats']:.4f}", percent(row["validity"]), f"{100 * row['uniqueness']:.1f}"]
            cells += [percent(row["novelty"])] + ([interval(row["reward"], 3)] if "reward" in row else [])
            shown.add_row(name, f"{row['temperature']:g}", *cells)
        shown.add_section()
    return shown


def percent(value: Interval) -> str:
    """Return a share with its interval, in percent."""
    return interval(Interval(*(100 * each for each in value)), 1)


def interval(value: Interval, digits: int) -> str:
    """Return a mean with its interval."""
    return f"{value.mean:.{digits}f} ({value.low:.{digits}f}-{value.high:.{digits}f})"


def quality(row: dict[str, Any], side: int = 0) -> float:
    """Return what lower is better of: the mean reward with its sign turned, or without one that of validity.

    With side 1 it is the upper end of the interval, with -1 the lower end.
    """
    value: Interval = row["reward"] if "reward" in row else row["validity"]
    return -float((value.mean, value.high, value.low)[side])


def frontier(rows: list[dict[str, Any]], side: int = 0) -> list[FrontierPoint]:
    """Return quality and the cost of held-out molecules at each temperature."""
    return [FrontierPoint(row["temperature"], quality(row, side), row["nats"]) for row in rows]


def verdict(name: str, arm: list[dict[str, Any]], mle: list[dict[str, Any]], what: str) -> str:
    """Say whether an arm did more than sharpening does, beyond the luck of sampling."""
    best, reached = (-min(point.quality for point in frontier(rows)) for rows in (arm, mle))
    begin = f"{name}: {what} up to {best:.3f}; maximum likelihood reaches {reached:.3f} at its best temperature."
    lucky, unlucky = (gap(frontier(mle, -side), frontier(arm, side)) for side in (1, -1))
    plain = [-each.gap for each in gap(frontier(mle), frontier(arm))]
    if not lucky or not unlucky or not plain:
        return f"{begin}\n  Too little {what} is reached by both for a comparison of their costs."
    wins, losses = ([-each.quality for each in unlucky if each.gap > 0], [-e.quality for e in lucky if e.gap < 0])
    told = [f"{word} {place(values)}" for word, values in (("better", wins), ("worse", losses)) if values]
    return (
        f"{begin}\n  At equal {what} its held-out molecules cost {min(plain):+.3f} to {max(plain):+.3f} nats per token "
        "more than those of sharpened maximum likelihood. Beyond the luck of sampling it is "
        f"{' and '.join(told) or 'neither better nor worse'}."
    )


def place(values: Sequence[float]) -> str:
    """Return where values lie."""
    return f"from {min(values):.3f} to {max(values):.3f}"


def draw_molecules(config: Config, models: dict[str, SequenceGAN]) -> None:
    """Draw some molecules of each model, if rdkit can draw here."""
    try:
        from rdkit.Chem import Draw, MolFromSmiles
    except ImportError as error:
        print(f"Molecules are not drawn, for rdkit cannot draw here ({error}).")
        return
    chosen, legends = [], []
    for name, model in models.items():
        valid = [each for each in canonical_smiles(model.sample(100, random_state=config.seed)) if each]
        different = list(dict.fromkeys(valid))[:8]
        values = REWARDS[config.reward](different) if config.reward in REWARDS else [float("nan")] * len(different)
        chosen += [MolFromSmiles(smiles) for smiles in different] + [None] * (-len(different) % 8)
        legends += [f"{name}: {value:.2f}" if value == value else name for value in values] + [""] * (
            -len(different) % 8
        )
    picture = Draw.MolsToGridImage(
        chosen, molsPerRow=4, subImgSize=(260, 200), legends=legends, returnPNG=False, useSVG=False
    )
    picture.save(config.out / "molecules.png")


def write_molecules(config: Config, models: dict[str, SequenceGAN]) -> None:
    """Write samples of each model at temperature 1, as they came."""
    pages = ["\n".join([f"# {name}", *model.sample(50, random_state=config.seed)]) for name, model in models.items()]
    (config.out / "molecules.txt").write_text("\n\n".join(pages) + "\n", encoding="utf-8")


def check(config: Config) -> None:
    """Say what is wrong before any work."""
    if config.reward not in (*REWARDS, "none"):
        raise ValueError(f"--reward {config.reward} must be one of {', '.join(REWARDS)}, none; add yours to REWARDS.")
    if 1.0 not in config.temperatures:
        raise ValueError(f"--temperatures {config.temperatures} must have 1 among them.")
    if config.reward == "none" and "reward" in config.arms:
        raise ValueError("--arms reward needs a reward; choose one by --reward or leave out that arm.")
    try:
        canonical_smiles(["C"])
    except ImportError as error:
        raise ValueError(str(error)) from error


def main(config: Config) -> None:
    """Train, play, compare."""
    check(config)
    ensure_writable(config.out)
    if config.threads:
        torch.set_num_threads(config.threads)
    if not config.resume:
        shutil.rmtree(config.out / "fits", ignore_errors=True)
    train, held_out = ([s for s in part if fits(s, config.max_length)] for part in read(config))
    if len(train) < 2 or not held_out:
        raise DataError(f"{len(train)} molecules to train on and {len(held_out)} held out are too few.")
    if config.molecules:
        train = train[: config.molecules]
    own = config.data is not None
    steps = (3000 if own else 250) if config.steps is None else config.steps
    game_steps = (200 if own else 60) if config.game_steps is None else config.game_steps
    print(f"{len(train)} molecules to train on; {len(held_out)} to {'validate' if config.validation else 'test'} on.")
    start = time.monotonic()
    models = train_all(config, train, steps, game_steps)
    report(config, models, train, held_out, time.monotonic() - start)


def fits(smiles: str, length: int) -> bool:
    """Return whether a molecule has room for its closing token."""
    return len(SmilesTokenizer().tokenize(smiles)) < length


def report(
    config: Config, models: dict[str, SequenceGAN], train: list[str], held_out: list[str], seconds: float
) -> None:
    """Measure, draw, write and print."""
    n = (2000 if config.data else 500) if config.samples is None else config.samples
    known = KnownMolecules(train)
    rows = {
        name: [scores(model, t, held_out[:2000], known, config, n) for t in config.temperatures]
        for name, model in models.items()
    }
    Console(width=140).print(table(rows, config, n))
    what = f"mean {config.reward}" if config.reward in REWARDS else "share of valid strings"
    for name in models:
        if name != MLE:
            print(verdict(name, rows[name], rows[MLE], what))
    draw_frontiers(
        config.out / "frontier.png", {name: [frontier(group)] for name, group in rows.items()}, f"- {what}",
        "held-out molecules, nats per token", sums=False,
    )  # fmt: skip
    draw_molecules(config, models)
    write_molecules(config, models)
    metrics = {
        f"{name}, temperature {row['temperature']:g}, {measure}": round(
            value.mean if isinstance(value, Interval) else value, 5
        )
        for name, group in rows.items()
        for row in group
        for measure, value in row.items()
        if measure != "temperature"
    }
    part = "validation" if config.validation else "test"
    write_result(
        config.out, "sequence_smiles", asdict(config), metrics,
        f"nats per token on {min(2000, len(held_out))} {part} molecules; the rest from {n} samples at each "
        "temperature, invalid strings with reward 0; rows have 95 % bootstrap intervals, uniqueness none, since "
        "drawing with replacement makes doubles; one run",
        seconds, sum(model.n_iter_ for model in models.values()) / seconds, config.device, rows=rows,
    )  # fmt: skip
    print(f"{seconds:.0f} s; molecules.txt, pictures and result.json are in {config.out}")


ENDINGS = (".txt", ".smi", ".smiles", ".txt.gz", ".smi.gz", ".smiles.gz")
MOLECULES = """
CCO CC(C)O CCCO CCCCO CC(C)CO CC(=O)C CCC(=O)C CC(=O)O CCC(=O)O CCOC(=O)C COC(=O)C CCOCC C1CCOC1 C1COCCO1 CN(C)C=O
CS(=O)C CC#N ClCCl ClC(Cl)Cl c1ccccc1 Cc1ccccc1 Cc1ccccc1C CCc1ccccc1 C=Cc1ccccc1 Clc1ccccc1 Brc1ccccc1 Fc1ccccc1
Oc1ccccc1 Cc1ccc(O)cc1 COc1ccccc1 Nc1ccccc1 CN(C)c1ccccc1 O=[N+]([O-])c1ccccc1 N#Cc1ccccc1 O=Cc1ccccc1 CC(=O)c1ccccc1
O=C(O)c1ccccc1 COC(=O)c1ccccc1 NC(=O)c1ccccc1 OCc1ccccc1 O=C(c1ccccc1)c1ccccc1 c1ccc(-c2ccccc2)cc1 c1ccc2ccccc2c1
c1ccc2cc3ccccc3cc2c1 C1CCCCC1 OC1CCCCC1 O=C1CCCCC1 C1=CCCCC1 NC1CCCCC1 C1CCNCC1 C1CCNC1 C1CNCCN1 C1COCCN1 c1ccncc1
Cc1ccccn1 c1cc[nH]c1 c1ccoc1 c1ccsc1 c1c[nH]cn1 c1cscn1 c1cocn1 c1cncnc1 c1cnccn1 c1ccc2[nH]ccc2c1 c1ccc2ncccc2c1
c1ccc2cnccc2c1 c1ccc2[nH]cnc2c1 c1ccc2scnc2c1 c1ccc2occc2c1 O=Cc1ccco1 OCc1ccco1 NCc1ccccc1 NCCc1ccccc1 CC(N)Cc1ccccc1
CNC(C)Cc1ccccc1 NCC(=O)O CC(N)C(=O)O CC(C)C(N)C(=O)O CC(C)CC(N)C(=O)O CCC(C)C(N)C(=O)O OCC(N)C(=O)O CC(O)C(N)C(=O)O
SCC(N)C(=O)O CSCCC(N)C(=O)O NC(CC(=O)O)C(=O)O NC(CCC(=O)O)C(=O)O NC(=O)CC(N)C(=O)O NC(=O)CCC(N)C(=O)O NCCCCC(N)C(=O)O
NC(Cc1ccccc1)C(=O)O NC(Cc1ccc(O)cc1)C(=O)O NC(Cc1c[nH]c2ccccc12)C(=O)O NC(Cc1c[nH]cn1)C(=O)O OC(=O)C1CCCN1
NC(=N)NCCCC(N)C(=O)O NCCC(=O)O NCCCC(=O)O NCCS(=O)(=O)O OC(=O)CCC(=O)O OC(=O)C=CC(=O)O CC(O)C(=O)O CC(=O)C(=O)O
OC(=O)CC(O)(CC(=O)O)C(=O)O OCC(O)CO NC(N)=O Cn1cnc2c1c(=O)n(C)c(=O)n2C Cn1cnc2c1c(=O)[nH]c(=O)n2C
Cn1c(=O)c2[nH]cnc2n(C)c1=O Nc1ncnc2[nH]cnc12 Nc1nc2[nH]cnc2c(=O)[nH]1 Nc1cc[nH]c(=O)n1 Cc1c[nH]c(=O)[nH]c1=O
O=c1cc[nH]c(=O)[nH]1 CC(=O)Oc1ccccc1C(=O)O OC(=O)c1ccccc1O CC(=O)Nc1ccc(O)cc1 CC(C)Cc1ccc(C(C)C(=O)O)cc1
COc1ccc2cc(C(C)C(=O)O)ccc2c1 OC(=O)Cc1ccccc1Nc1c(Cl)cccc1Cl CCOC(=O)c1ccc(N)cc1 CCN(CC)CCOC(=O)c1ccc(N)cc1
CCN(CC)CC(=O)Nc1c(C)cccc1C CCN(CC)CCNC(=O)c1ccc(N)cc1 Nc1ccc(S(N)(=O)=O)cc1 Cc1cc(NS(=O)(=O)c2ccc(N)cc2)no1
NNC(=O)c1ccncc1 NC(=O)c1cccnc1 OC(=O)c1cccnc1 NC(=O)c1cnccn1 CN1CCCC1c1cccnc1 COc1cc(C=O)ccc1O COc1cc(CC=C)ccc1O
Cc1ccc(C(C)C)c(O)c1 CC(C)C1CCC(C)CC1O CC1=CCC(C(C)=C)CC1 CC(C)=CCCC(C)=CCO CC(C)=CCCC(C)=CC=O CC1(C)C2CCC1(C)C(=O)C2
CC1=CCC2CC1C2(C)C O=C1C=CC(=O)C=C1 O=c1ccc2ccccc2o1 Oc1ccc(O)cc1 Oc1cccc(O)c1 Oc1ccccc1O OC(=O)C=Cc1ccccc1
O=CC=Cc1ccccc1 OC(=O)C=Cc1ccc(O)c(O)c1 OC(=O)c1cc(O)c(O)c(O)c1 NCCc1ccc(O)c(O)c1 CNCC(O)c1ccc(O)c(O)c1
NCC(O)c1ccc(O)c(O)c1 NCCc1c[nH]c2ccc(O)cc12 COc1ccc2[nH]cc(CCNC(C)=O)c2c1 NCCc1c[nH]c2ccccc12 NCCc1c[nH]cn1
CC(C)NCC(O)COc1cccc2ccccc12 CC(C)NCC(O)COc1ccc(CC(N)=O)cc1 CC(C)NCC(O)COc1ccc(CCOC)cc1 CC(C)(C)NCC(O)c1ccc(O)c(CO)c1
CNC(C)C(O)c1ccccc1 CC(NC(C)(C)C)C(=O)c1cccc(Cl)c1 CNCCC(Oc1ccc(C(F)(F)F)cc1)c1ccccc1 CN(C)CCCN1c2ccccc2CCc2ccccc21
CN(C)CCC=C1c2ccccc2CCc2ccccc21 CN(C)CCOC(c1ccccc1)c1ccccc1 CN(C)CCC(c1ccc(Cl)cc1)c1ccccn1
CN1C(=O)CN=C(c2ccccc2)c2cc(Cl)ccc21 CCC1(CC)C(=O)NC(=O)NC1=O CCC1(c2ccccc2)C(=O)NC(=O)NC1=O
O=C1NC(=O)C(c2ccccc2)(c2ccccc2)N1 NC(=O)N1c2ccccc2C=Cc2ccccc21 CCCC(CCC)C(=O)O NCC1(CC(=O)O)CCCCC1 CC(C)CC(CN)CC(=O)O
CCC1C(=O)NCC1 CN(C)C(=N)NC(N)=N NC(=O)Cc1ccc(O)cc1 CCCC(=O)Nc1ccc(OCC)cc1 CCOc1ccc(NC(C)=O)cc1 CC(=O)Nc1ccccc1
Cc1ncc([N+](=O)[O-])n1CCO CCOC(=O)C1=C(C)NC(C)=C(C(=O)OC)C1c1cccc(Cl)c1Cl
COC(=O)C1=C(C)NC(C)=C(C(=O)OC)C1c1ccccc1[N+](=O)[O-] CCOC(=O)c1ccccc1C(=O)OCC Clc1ccc(Cl)cc1 CN1C2CCC1CC(O)C2
CN1CCC(=C2c3ccccc3CCc3ccccc32)CC1 OC(CCN1CCCCC1)(c1ccccc1)c1ccccc1 CCN(CC)C(=O)c1cccc(C)c1 CC(C)(C)c1ccc(O)cc1
CC(C)(c1ccc(O)cc1)c1ccc(O)cc1 O=S(=O)(O)c1ccccc1 NS(=O)(=O)c1ccccc1 CNC(=O)Oc1cccc2ccccc12 COP(=O)(OC)OC
CCOP(=O)(OCC)OCC O=C1NS(=O)(=O)c2ccccc21 OCC1OC(O)C(O)C(O)C1O OCC(O)C(O)C(O)C(O)CO NC1CC1c1ccccc1 O=C1CCCN1 CN1CCCC1=O
O=C1CCCCCN1 O=C1NC(=O)c2ccccc21 O=C1OC(=O)c2ccccc21 O=C1CCC(=O)N1 O=C1CCCO1 CC1CCC(=O)O1 COc1ccc(CCN)cc1
COc1cc(CCN)cc(OC)c1OC COc1ccc(C=O)cc1 Cc1ccc(S(N)(=O)=O)cc1 Cc1ccc(C(=O)O)cc1 CC(C)c1ccccc1 Fc1ccc(F)cc1
FC(F)(F)c1ccccc1 Nc1ccc(Cl)cc1 Nc1ccncc1 Cc1ccc(N)cc1 OC(=O)c1ccc(Cl)cc1 OC(=O)Cc1ccccc1 NC(=O)Cc1ccccc1
O=C(Nc1ccccc1)c1ccccc1 c1ccc(Oc2ccccc2)cc1 c1ccc(Cc2ccccc2)cc1 c1ccc(CNCc2ccccc2)cc1 c1ccc(N2CCNCC2)cc1
c1ccc(N2CCOCC2)cc1 O=C(c1ccccc1)N1CCCCC1 O=C(c1ccccc1)N1CCOCC1 CC(=O)N1CCN(c2ccccc2)CC1 Cc1nc2ccccc2[nH]1
Cc1ccc2ncccc2c1 Nc1nccs1 Nc1ncccn1 Nc1ccccn1 Cc1cc(C)n[nH]1 Cn1ccnc1 Cn1cccc1 Cc1cccs1 CC(=O)c1cccs1
"""


if __name__ == "__main__":
    with plain_errors():
        main(tyro.cli(Config))

"""What is silently wrong, lost or said badly: kills, damaged files, wrong parameters and threads, in one table.

    python benchmarks/robustness.py --out runs/robustness          # goes on where it was stopped
    python benchmarks/robustness.py --kills 200 --files 1200 --only kills files

* kills: every estimator and three recipes are killed by SIGKILL at a random moment, another process goes on from the
  checkpoints, and every bit is compared with a run that was never stopped; all three are fresh processes;
* files: checkpoints, a saved model, fit.json, settings.json, a gzipped idx file and an npz of sprites are damaged by
  flipped bytes, cuts, blocks of zeros and foreign content, and read;
* parameters: every parameter of every estimator is set to each of ``gan_ext.testing.WRONG_VALUES``, and `fit` called;
* constructors: the same for the constructors of all other public classes, but for parameters that may be anything;
* sample, methods: the same for every parameter of every `sample`, counts that no memory holds among them, and of all
  other public methods of fitted estimators;
* threads: three fits at once against the same one after the other.

What is tried ends as one of: **fine** (the right result, or a value that is allowed), **clear** (an error of the
documented kind that names file or parameter), **unclear** (any other error), **silent** (no error and another result,
or a value that can never be right is taken), **lost** (work that was saved does not come back bit for bit).
"""

import gzip
import hashlib
import inspect
import json
import math
import multiprocessing
import os
import random
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from torch import nn

from gan_ext import estimators as kinds
from gan_ext.data import DataError, Sprites, read_dsprites
from gan_ext.data.images.idx import read_idx
from gan_ext.engine import CheckpointError
from gan_ext.nets import CNNDiscriminator, LSTMGenerator, PrefixClassifier
from gan_ext.runs import Experiment, Options, at_least, launch, print_table
from gan_ext.testing import WRONG_VALUES

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from tests.constructors import FREE, outcomes, public_classes  # noqa: E402

OUTCOMES = ("fine", "clear", "unclear", "silent", "lost")
PARTS = ("kills", "files", "parameters", "constructors", "sample", "methods", "threads")
FRESH = multiprocessing.get_context("spawn")

HUGE = (10**12, 2**63, 2**70)
"""Counts of samples that no memory holds, and of steps that would never end."""
DATA = ("X", "y", "sample_weight", "known", "codes")
UNUSED = {  # there for the sake of pipelines
    ("SelfSupervisedFeatures", "fit", "y"), ("PretrainedFeatures", "fit", "X"), ("PretrainedFeatures", "fit", "y"),
}  # fmt: skip
LEFT = (  # of scikit-learn, of files, of code of one's own; `fit` and `sample` have parts of their own
    "fit", "fit_transform", "fit_predict", "get_params", "set_params", "get_metadata_routing", "set_output", "sample",
    "get_feature_names_out", "save", "load", "export", "steer", "predict_with", "evaluate_samples", "code_source",
    "from_timm", "plug",
)  # fmt: skip

TINY: dict[str, Any] = {"max_iter": 8, "batch_size": 8, "device": "cpu", "random_state": 0, "checkpoint_every": 1}
Y = np.arange(24) % 2
X = (np.random.default_rng(0).normal(size=(24, 4)) + 2 * Y[:, None]).astype(np.float32)
TEXTS, TOPICS = ["a b c", "b a", "c c a b", "a a", "b c", "c b a"] * 3, [0, 1] * 9

RECIPES: dict[str, tuple[Any, ...]] = {
    "toy_games": (
        "--steps", 60, "--batch-size", 16, "--samples", 200, "--generator-widths", 8, "--discriminator-widths", 8,
        "--toys", "ring", "--jobs", 1, "--arms", "r3gan", "--seeds", 4,
    ),
    "infogan_digits": ("--steps", 12, "--seeds", 2),
    "sequence_shakespeare": (
        "--steps", 8, "--warm-up", 2, "--game-steps", 24, "--every", 2, "--hidden", 16, "--window", 16, "--samples", 20,
        "--threads", 1, "--batch-size", 8,
    ),
}  # fmt: skip


@dataclass
class Config(Options):
    """Settings of the benchmark."""

    out: Path = Path("runs/robustness")
    """Where rows and result.json go."""
    resume: bool = True
    """Keep the rows of a former run with the same settings."""
    kills: int = 50
    """Kills in all, spread over estimators and recipes in turn."""
    files: int = 300
    """Damaged files in all."""
    minutes: float = 60.0
    """No row is begun after so many; what is left is done by the next run."""
    only: tuple[str, ...] = PARTS
    """Which parts to try."""
    recipes: bool = True
    """Whether recipes are killed, too; each takes a fresh Python."""


class Row:
    """Counts outcomes, and keeps what was said where one is not as it should be."""

    def __init__(self) -> None:
        self.counts, self.said = Counter[str](), list[str]()

    def add(self, outcome: str, said: str) -> None:
        """Count one outcome."""
        self.counts[outcome] += 1
        if outcome not in ("fine", "clear") and len(self.said) < 8:
            self.said.append(f"{outcome}: {said}"[:300])

    def figures(self) -> dict[str, Any]:
        """Return all as JSON."""
        return {"tried": self.counts.total(), **{name: self.counts[name] for name in OUTCOMES}, "said": self.said}


# Estimators, small


def texts() -> Any:
    """Return a small SequenceGAN."""
    return kinds.SequenceGAN(
        generator=partial(LSTMGenerator, embedding=4, hidden=6),
        discriminator=partial(CNNDiscriminator, embedding=4, widths=(1, 2), filters=(4, 4)),
        likelihood_iter=4,
        warm_up_iter=2,
        **TINY,
    )


@cache
def writer() -> Any:
    """Return what SteeredSequenceGAN steers."""
    return texts().fit(TEXTS)


MAKE: dict[str, Callable[[], Any]] = {
    "SemiSupervisedGANClassifier": lambda: kinds.SemiSupervisedGANClassifier(
        **TINY, labeled_batch_size=4, hidden_layer_sizes=(8,)
    ),
    "InfoGAN": lambda: kinds.InfoGAN(**TINY),
    "ConditionalGAN": lambda: kinds.ConditionalGAN(**TINY),
    "PlugAndPlayGAN": lambda: kinds.PlugAndPlayGAN(**TINY, classifier_iter=3, denoiser_iter=3),
    "SequenceGAN": texts,
    "SteeredSequenceGAN": lambda: kinds.SteeredSequenceGAN(
        writer(), **TINY, classifier=partial(PrefixClassifier, embedding=4, hidden=6)
    ),
    "ClassifierFeatures": lambda: kinds.ClassifierFeatures(**TINY),
    "SelfSupervisedFeatures": lambda: kinds.SelfSupervisedFeatures(**TINY),
}
OTHERS: dict[str, Callable[[], Any]] = {
    "LabeledOnly": lambda: kinds.LabeledOnly(LogisticRegression()),
    "SeedEnsembleClassifier": lambda: kinds.SeedEnsembleClassifier(LogisticRegression()),
    "PretrainedFeatures": lambda: kinds.PretrainedFeatures(nn.Flatten()),
}


def fit(estimator: Any) -> Any:
    """Fit any of them."""
    data = {kinds.SequenceGAN: (TEXTS,), kinds.SteeredSequenceGAN: (TEXTS, TOPICS)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return estimator.fit(*data.get(type(estimator), (X, Y)))


def digest(fitted: Any) -> str:
    """Return a number that stands for every bit of a fitted estimator: weights, history, and what it makes."""
    total = hashlib.sha256()
    for name, value in sorted(vars(fitted).items()):
        for key, weight in value.state_dict().items() if isinstance(value, nn.Module) else ():
            total.update(f"{name} {key}".encode() + weight.contiguous().numpy().tobytes())
    total.update(repr([getattr(fitted, "history_", None), getattr(fitted, "n_iter_", None)]).encode())
    if hasattr(fitted, "sample"):
        total.update(repr(np.asarray(fitted.sample(5, random_state=3)).tolist()).encode())
    if hasattr(fitted, "transform"):
        total.update(fitted.transform(X).tobytes())
    return total.hexdigest()


# Kills


def _pause(engine: Any) -> None:
    time.sleep(0.02)  # so that a random moment lies within a fit of a few steps


def _fit_in(name: str, folder: Path) -> None:
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    if name == "SteeredSequenceGAN":
        writer()
    (folder / "begun").touch()
    model = MAKE[name]().set_params(checkpoint=folder / "fits", callbacks=(_pause,))
    (folder / "digest").write_text(digest(fit(model)), encoding="utf-8")


def fitted(name: str, folder: Path, kill_after: float | None = None) -> str:
    """Fit in a fresh process, killed so many seconds after it begins or not; return the digest, empty without one."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "begun").unlink(missing_ok=True)
    process = FRESH.Process(target=_fit_in, args=(name, folder))
    process.start()
    while kill_after is not None and process.is_alive() and not (folder / "begun").exists():
        time.sleep(0.002)
    process.join(300 if kill_after is None else kill_after)
    process.kill()
    process.join()
    path = folder / "digest"
    return path.read_text(encoding="utf-8") if path.exists() else ""


def started(name: str, folder: Path, kill_after: float | None = None) -> str:
    """Run a recipe in a fresh Python, killed so many seconds after its first file or not; return its figures."""
    command = [sys.executable, str(ROOT / "recipes" / f"{name}.py"), *map(str, RECIPES[name]), "--out", str(folder)]
    command += ["--resume"] if (folder / "settings.json").exists() else []
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while kill_after is not None and process.poll() is None and not (folder / "settings.json").exists():
            time.sleep(0.01)
        process.wait(kill_after if kill_after is not None else 300)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
    path = folder / "result.json"
    return json.dumps(timeless(json.loads(path.read_text(encoding="utf-8")))) if path.exists() else ""


def timeless(result: Any) -> Any:
    """Return what two runs of the same settings must agree on."""
    if isinstance(result, dict):
        left_out = ("seconds", "steps_per_second", "config", "environment", "commit", " ms")
        return {key: timeless(value) for key, value in result.items() if not any(each in key for each in left_out)}
    return [timeless(each) for each in result] if isinstance(result, list) else result


@cache
def whole(name: str) -> tuple[str, float]:
    """Return what a run that is never stopped ends with, and the seconds in which it can be killed."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "run"
        ended = started(name, folder) if name in RECIPES else fitted(name, folder)
        if not ended:
            raise ValueError(f"{name} does not end even where nobody kills it.")
        begun, ended_at = folder / ("settings.json" if name in RECIPES else "begun"), time.time()
        return ended, ended_at - begun.stat().st_mtime


def killed(name: str, number: int) -> Row:
    """Kill a run at a random moment, go on in another process, and compare."""
    row, draws = Row(), random.Random(f"{name} {number}")
    wanted, seconds = whole(name)
    run = started if name in RECIPES else fitted
    for _ in range(20):  # a moment after its end is no kill
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place) / "run"
            after = seconds * draws.random()
            if run(name, folder, after):
                continue
            again = run(name, folder)
        said = f"{name} killed after {after:.2f} of {seconds:.2f} s"
        row.add("fine" if again == wanted else "lost", said + (": other bits" if again else ": it does not go on"))
        return row
    raise ValueError(f"{name} ended before each of twenty kills.")


# Files


class Material:
    """A whole file of each kind, in a folder, and how it is read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.model = kinds.ConditionalGAN(**{**TINY, "max_iter": 3}, checkpoint=folder / "fits")
        self.saved, self.idx, self.npz = folder / "saved.safetensors", folder / "idx.gz", folder / "sprites.npz"
        fit(self.model)
        writer().save(self.saved)
        values = np.arange(60, dtype=np.uint8).reshape(5, 4, 3)
        self.idx.write_bytes(gzip.compress(struct.pack(">HBB3I", 0, 8, 3, *values.shape) + values.tobytes()))
        small = Sprites(20, shapes=2, scales=3, orientations=4, positions=3)
        factors = small.factors(torch.arange(len(small)))
        images = small.render(factors)[:, 0].numpy().astype(np.uint8)
        np.savez_compressed(self.npz, imgs=images, latents_classes=np.pad(factors.numpy(), ((0, 0), (1, 0))))
        self.experiment()

    def experiment(self, resume: bool = True) -> str:
        """Take up a run with rows, and return one of them."""
        run = Experiment("damage", Options(self.folder / "run", resume=resume))
        if 0 not in run:
            run.keep(0, {"figure": 1})
        return str(run.rows([0]))

    def loaded(self) -> str:
        """Read the saved model."""
        makers = {name: getattr(writer(), name) for name in ("generator", "discriminator")}
        return digest(kinds.SequenceGAN.load(self.saved, **makers))

    def sprites(self) -> bytes:
        """Read the file of sprites."""
        stored = read_dsprites(self.npz)
        return stored.render(stored.factors(torch.arange(len(stored)))).numpy().tobytes()

    def kinds(self) -> dict[str, tuple[Path, Callable[[], Any], type[Exception]]]:
        """Return for each kind the file, how it is read, and the error that is documented."""
        newest = self.folder / "fits" / "step-000000003.safetensors"
        go_on = partial(lambda: digest(fit(clone(self.model))))
        return {
            "checkpoint": (newest, go_on, CheckpointError),
            "only checkpoint": (newest, go_on, CheckpointError),
            "saved model": (self.saved, self.loaded, CheckpointError),
            "fit.json": (self.folder / "fits" / "fit.json", go_on, CheckpointError),
            "settings.json": (self.folder / "run" / "settings.json", self.experiment, ValueError),
            "idx": (self.idx, lambda: read_idx(self.idx).tobytes(), DataError),
            "sprites": (self.npz, self.sprites, DataError),
        }


FILES = ("checkpoint", "only checkpoint", "saved model", "fit.json", "settings.json", "idx", "sprites")
DAMAGES = ("flip", "cut", "zeros", "foreign")


def damaged(content: bytes, damage: str, draws: random.Random) -> bytes:
    """Return the content of a file after an accident."""
    changed, place = bytearray(content), draws.randrange(len(content))
    if damage == "flip":
        for _ in range(draws.choice((1, 1, 4, 32))):
            changed[draws.randrange(len(changed))] ^= 1 << draws.randrange(8)
        return bytes(changed)
    if damage == "cut":
        return content[:place]
    if damage == "zeros":
        end = min(len(content), place + draws.choice((1, 64, 4096)))
        return content[:place] + bytes(end - place) + content[end:]
    return draws.choice((
        b"", b"{}", b"[]", b"null", b"\xff\xfe\x00", b"[" * 100_000, b'{"settings": 3}', draws.randbytes(500),
        gzip.compress(b"text"), bytes(1000), b"PK\x03\x04" + draws.randbytes(50), b"\x00\x00\x08\x41" + bytes(300),
        struct.pack("<Q", 2**40) + b"{}", struct.pack("<Q", 2) + b"{}", b"name,value\n1,2\n" * 20,
    ))  # fmt: skip


def read_damaged(kind: str, damage: str, count: int) -> Row:
    """Damage a file in so many ways and read it; it is mended before the next."""
    row, draws = Row(), random.Random(f"{kind} {damage}")
    with tempfile.TemporaryDirectory() as place:
        material = Material(Path(place) / "material")
        path, read, expected = material.kinds()[kind]
        wanted, kept = read(), Path(place) / "kept"
        shutil.copytree(material.folder, kept)
        for _ in range(count):
            path.write_bytes(damaged(path.read_bytes(), damage, draws))
            if kind == "only checkpoint":
                for other in set(path.parent.glob("step-*")) - {path}:
                    other.unlink()
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    outcome, said = "fine" if read() == wanted else "silent", "read without an error"
            except Exception as error:
                named = isinstance(error, expected) and any(
                    each in str(error) for each in (path.name, path.parent.name)
                )
                outcome, said = "clear" if named else "unclear", f"{type(error).__name__}: {error}"
                outcome = "lost" if kind == "checkpoint" else outcome  # the older one is whole
            row.add(outcome, f"{kind}, {damage}: {said}")
            shutil.rmtree(material.folder)
            shutil.copytree(kept, material.folder)
    return row


# Wrong values


def never_right(default: Any, value: Any) -> bool:
    """Return whether a value can be right for no parameter, or for none with a number as its default."""
    if type(value) in (object, bytes):
        return True
    if isinstance(default, bool) or not isinstance(default, int | float):
        return False
    endless = isinstance(value, float) and not math.isfinite(value)
    return endless or isinstance(value, bool | str | list | type)


def refused(row: Row, call: Callable[[], Any], owner: str, name: str, value: Any, never: bool, told: str = "") -> None:
    """Count what a call with a wrong value says; `told` is in every error about parameters, if one is about others."""
    said = f"{owner}({name}={value!r})"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            call()
        row.add("silent" if never else "fine", f"{said} is taken")
    except Exception as error:
        if told and told not in str(error):  # about data: the value was taken
            return row.add("silent" if never else "fine", f"{said} is taken")
        clear = isinstance(error, ValueError | TypeError) and name in str(error)
        row.add("clear" if clear else "unclear", f"{said}: {type(error).__name__}: {error}")


def wrong_parameters(name: str) -> Row:
    """Set every parameter of an estimator to each wrong value, and call `fit`."""
    row, make = Row(), (MAKE | OTHERS)[name]
    for parameter, default in make().get_params(deep=False).items():
        for value in WRONG_VALUES:
            never = never_right(None if parameter == "unlabeled" else default, value)
            model = make().set_params(**{parameter: value})
            refused(row, partial(model.fit, None, None), name, parameter, value, never, "parameter of")
    return row


def wrong_constructors(room: str) -> Row:
    """Pass each wrong value for every parameter of the public classes of a room; how is in tests/constructors.py."""
    row = Row()
    for name, kind in public_classes():
        if name.split(".")[0] == room:
            for parameter, value, outcome, said in outcomes(kind):
                if parameter not in FREE.get(name, ()):
                    row.add(outcome, f"{name}({parameter}={value!r}): {said}")
    return row


def wrong_samples(name: str) -> Row:
    """Pass each wrong value for every parameter of a fitted model's `sample`."""
    row, model = Row(), fit(MAKE[name]())
    for parameter in inspect.signature(model.sample).parameters.values():
        for value in (*WRONG_VALUES, *HUGE):
            call = partial(model.sample, **{parameter.name: value})
            never = never_right(parameter.default, value)
            refused(row, call, f"{name}.sample", parameter.name, value, never)
    return row


_THEIRS = re.compile(r"array|samples|features|corpus|Item|sequence|string")
"""What scikit-learn and the corpus say of data that is none, without its name."""


def said_of_data(row: Row, call: Callable[[], Any], owner: str, name: str, value: Any, never: bool) -> None:
    """Count what a call with wrong data says."""
    apart = Row()
    refused(apart, call, owner, name, value, never)
    outcome = next(iter(apart.counts))
    if outcome == "unclear" and name in DATA and _THEIRS.search(apart.said[0]):
        outcome = "clear"
    row.add(outcome, apart.said[0] if apart.said else "")


def rightly(model: Any, method: str, name: str) -> dict[str, Any]:
    """Return a right value for a parameter of a method, if it needs one."""
    texts = isinstance(model, kinds.SequenceGAN | kinds.SteeredSequenceGAN)
    if method == "traverse" and name == "code":
        return {name: model.codes_.names[0]}
    if method in ("steering", "log_evidence") and name == "y":
        return {name: 0}
    if method == "inverse_transform" and name in ("X", "codes"):
        return {name: model.transform(X)}
    if isinstance(model, kinds.SequenceGAN) and name == "y":
        return {}
    right = {"X": TEXTS if texts else X, "y": TOPICS if texts else Y, "known": np.arange(4) < 2, "max_novelty": 1.0}
    return {name: right[name]} if name in right else {}


def methods(model: Any) -> list[str]:
    """Return the public methods that are called with data or numbers."""
    found = [name for name in dir(model) if not name.startswith("_") and not name.endswith(("_", "_request"))]
    own = model.get_params(deep=False)
    return [name for name in found if name not in (*own, *LEFT) and callable(getattr(model, name, None))]


def wrong_methods(name: str) -> Row:
    """Pass each wrong value for every parameter of a fitted model's other methods, and wrong data to `fit`."""
    row, make = Row(), (MAKE | OTHERS)[name]
    model = fit(make())
    for method in [*methods(model), "fit"]:
        call = getattr(model, method)
        parameters = [
            each
            for each in inspect.signature(call).parameters.values()
            if each.kind not in (each.VAR_KEYWORD, each.VAR_POSITIONAL) and (name, method, each.name) not in UNUSED
        ]
        base = {key: value for each in parameters for key, value in rightly(model, method, each.name).items()}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            call(**base)  # what is right is taken
        for parameter in parameters:
            for value in WRONG_VALUES:
                never = never_right(parameter.default, value) and parameter.name != "rejected"
                changed = partial(call, **{**base, parameter.name: value})
                said_of_data(row, changed, f"{name}.{method}", parameter.name, value, never)
    return row


# Threads


def in_threads(name: str) -> Row:
    """Fit three models at once, and one after the other."""
    row, models = Row(), [MAKE[name]().set_params(random_state=seed) for seed in (0, 0, 1)]
    wanted = [digest(fit(clone(model, safe=False))) for model in models]
    found: list[str] = [""] * len(models)

    def work(place: int) -> None:
        found[place] = digest(fit(clone(models[place], safe=False)))

    state, threads = torch.get_rng_state(), [threading.Thread(target=work, args=(place,)) for place in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    moved = not torch.equal(state, torch.get_rng_state())
    for one, other in zip(found, wanted):
        same = one == other and not moved
        row.add("fine" if same else "silent" if one else "unclear", f"{name} in threads differs")
    return row


def cells(config: Config) -> Iterator[tuple[tuple[str, ...], Callable[[], Row]]]:
    """Yield everything that is tried, by name."""
    names = [*MAKE, *(RECIPES if config.recipes else ())]
    sampling = [name for name in MAKE if hasattr(kinds, name) and hasattr(getattr(kinds, name), "sample")]
    rooms = sorted({name.split(".")[0] for name, _ in public_classes()})
    damages = [(kind, damage) for kind in FILES for damage in DAMAGES]
    share = [config.files // len(damages) + (place < config.files % len(damages)) for place in range(len(damages))]
    every: dict[str, list[tuple[tuple[str, ...], Callable[[], Row]]]] = {
        "files": [((*pair,), partial(read_damaged, *pair, count)) for pair, count in zip(damages, share) if count],
        "parameters": [((name,), partial(wrong_parameters, name)) for name in (*MAKE, *OTHERS)],
        "constructors": [((room,), partial(wrong_constructors, room)) for room in rooms],
        "sample": [((name,), partial(wrong_samples, name)) for name in sampling],
        "methods": [((name,), partial(wrong_methods, name)) for name in (*MAKE, *OTHERS)],
        "threads": [((name,), partial(in_threads, name)) for name in MAKE],
        "kills": [
            ((names[place % len(names)], str(place // len(names))), partial(
                killed, names[place % len(names)], place // len(names)
            ))
            for place in range(config.kills)
        ],
    }  # fmt: skip
    for part, listed in every.items():
        for cell, call in listed if part in config.only else ():
            yield (part, *cell), call


def main(config: Config) -> None:
    """Try what is left, then print the table and write the result."""
    at_least(config, 0, "kills", "files", "minutes")
    unknown = set(config.only) - set(PARTS)
    if unknown:
        raise ValueError(f"--only knows {', '.join(PARTS)}; it was given {', '.join(sorted(unknown))}.")
    os.environ["OMP_NUM_THREADS"] = "1"
    run, start = Experiment("robustness", config, free=("minutes", "only", "kills", "recipes")), time.monotonic()
    planned = list(cells(config))
    for cell, call in planned:
        if cell not in run and time.monotonic() - start < 60 * config.minutes:
            began = time.monotonic()
            run.keep(cell, call().figures(), time.monotonic() - began)
            print(f"{' '.join(cell)}: {time.monotonic() - began:.1f} s", flush=True)
    rows = run.rows([cell for cell, _ in planned if cell in run])
    table, figures = [], dict[str, float]()
    for part in PARTS:
        found = [row for cell, row in rows.items() if cell[0] == part]
        if found:
            counts = {name: sum(row[name] for row in found) for name in ("tried", *OUTCOMES)}
            table.append((part, *map(str, counts.values())))
            figures |= {f"{part}, {name}": count for name, count in counts.items()}
    print_table("What is tried, and how it ends", ("", "tried", *OUTCOMES), table)
    for said in [said for row in rows.values() for said in row["said"]][:40]:
        print(said)
    run.finish(
        figures, f"{len(rows)} of {len(planned)} groups; outcomes as the script says", 0, rows=rows,
        said="result.json is in {out}",
    )  # fmt: skip


if __name__ == "__main__":
    launch(main, Config)

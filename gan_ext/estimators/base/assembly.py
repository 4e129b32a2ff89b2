"""Putting a semi-supervised game together for data of any kind: networks, terms, schedules, and a claim on a folder."""

import copy
import json
import math
import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors
from sklearn.utils import check_random_state
from torch import Tensor, nn

from gan_ext.engine import CheckpointError, Schedule, ensure_writable, flat_then_linear, sigmoid_rise, write_atomically
from gan_ext.estimators.base.labels import Labels
from gan_ext.games import KPlusOne
from gan_ext.nets import conv_discriminator, conv_generator, mlp_discriminator, mlp_generator
from gan_ext.terms import ClassBalance, ConditionalEntropy, GeneratorTerm, Term, VirtualAdversarial

__all__ = [
    "are_images",
    "build_discriminator",
    "build_generator",
    "build_network",
    "build_schedules",
    "build_terms",
    "check_augment",
    "check_networks",
    "claim_folder",
    "class_shares",
    "class_weights",
    "label_counts",
    "spacing",
]

Array = NDArray[Any]
_PLACE = re.compile(r" at 0x[0-9a-fA-F]+")


def spacing(x: Array, seed: int) -> float:
    """Return the median distance of samples to their tenth nearest neighbor, from at most 2000 of them."""
    rows = check_random_state(seed).permutation(len(x))[:2000]
    flat = x[rows].reshape(len(rows), -1)
    neighbors = min(10, len(flat) - 1)
    distances = NearestNeighbors(n_neighbors=neighbors).fit(flat).kneighbors()[0][:, -1]
    positive = distances[distances > 0]
    return float(np.median(positive)) if len(positive) else 1.0


def are_images(shape: Sequence[int]) -> bool:
    """Return whether samples are images for the convolutional nets, which halve each side twice."""
    return len(shape) == 3 and not any(side % 4 for side in shape[1:])


def build_discriminator(
    shape: tuple[int, ...], classes: int, widths: Sequence[int], input_noise: float, noise: float
) -> nn.Module:
    """Build the default discriminator for samples of a shape; `input_noise` is the length of a sample's noise."""
    each = input_noise / math.sqrt(math.prod(shape))
    if are_images(shape):
        return conv_discriminator(shape, classes, input_noise=each, noise=noise)
    return mlp_discriminator(shape, classes, widths, each, noise)


def build_generator(shape: tuple[int, ...]) -> Callable[..., nn.Module]:
    """Return the builder of the default generator for samples of a shape."""
    return conv_generator if are_images(shape) else partial(mlp_generator, widths=(128, 128))


def build_network(name: str, builder: Callable[..., nn.Module], *inputs: Any, **options: Any) -> nn.Module:
    """Return the network that the parameter of this name builds.

    Raises:
        ValueError: it cannot be called with these, or returns no module; the sentence names the parameter.
    """
    given = ", ".join([*map(repr, inputs), *(f"{key}={value!r}" for key, value in options.items())])
    try:
        built = builder(*inputs, **options)
    except TypeError as error:
        raise ValueError(f"{name}={builder!r} fails when it is called with ({given}): {error}") from error
    if not isinstance(built, nn.Module):
        raise ValueError(f"{name}={builder!r} must return a torch module, it returned {built!r} for ({given}).")
    return built


def check_augment(augment: Callable[[Tensor], Tensor] | None, data: Tensor) -> None:
    """Raise ValueError unless the transformation keeps the shape of samples, tried on a few."""
    if augment is None:
        return
    try:
        shape = tuple(augment(data).shape)
    except Exception as error:
        raise ValueError(f"augment fails on samples of shape {tuple(data.shape[1:])}: {error}") from error
    if shape != data.shape:
        raise ValueError(f"augment must keep the shape {tuple(data.shape)} of samples, it returns {shape}.")


def build_terms(
    labels: Labels,
    entropy: float,
    balance: float,
    smoothing: float,
    radius: float,
    further: Sequence[Term | GeneratorTerm],
    class_prior: str | Sequence[float] | None = None,
) -> list[Term | GeneratorTerm]:
    """Return the terms with a weight and copies of further ones; those take the place of terms of the same name.

    Classes are in balance with `class_prior` (see :func:`class_shares`).
    """
    terms: list[Term] = []
    if entropy > 0:
        terms.append(ConditionalEntropy(entropy))
    if balance > 0:
        terms.append(ClassBalance(class_shares(labels, class_prior), balance))
    if smoothing > 0 and radius > 0:
        terms.append(VirtualAdversarial(radius, smoothing))
    # Copied together: terms may share an encoder.
    given = copy.deepcopy(list(further))
    names = {term.name for term in given}
    return [*(term for term in terms if term.name not in names), *given]


def label_counts(labels: Labels) -> Array:
    """Return how many labeled samples each class has."""
    return np.bincount(labels.codes[labels.known], minlength=len(labels.classes))


def class_shares(labels: Labels, prior: str | Sequence[float] | None) -> list[float]:
    """Return what classes are expected to be in balance with, unscaled.

    None counts labeled samples and one more of each, ``"labeled"`` labeled samples, ``"uniform"`` all alike.

    Raises:
        ValueError: no such prior, or not one positive share for every class.
    """
    counts = label_counts(labels)
    if isinstance(prior, str) and prior not in ("uniform", "labeled"):
        raise ValueError(f"class_prior={prior!r} must be 'uniform', 'labeled', a sequence of shares or None.")
    if prior is None or isinstance(prior, str):
        shares = counts + 1.0 if prior is None else np.ones(len(counts)) if prior == "uniform" else counts * 1.0
    else:
        shares = np.asarray(prior, dtype=np.float64)
    if shares.shape != counts.shape or not (np.isfinite(shares) & (shares > 0)).all():
        raise ValueError(
            f"class_prior={prior!r} must give each of the {len(counts)} classes a positive share; 'labeled' needs a "
            "labeled sample of each."
        )
    return [float(share) for share in shares]


def class_weights(labels: Labels, weighting: str | Mapping[Any, float] | None) -> list[float] | None:
    """Return what a labeled sample of each class counts, or None for all the same.

    ``"balanced"`` is scikit-learn's n / (classes * n_k), where a class without samples counts as if it had one; a
    mapping names classes, and those it does not name count 1.
    """
    if isinstance(weighting, Mapping):
        return [float(weighting.get(name, 1.0)) for name in labels.classes.tolist()]
    counts = np.maximum(label_counts(labels), 1)
    return None if weighting is None else (counts.sum() / (len(counts) * counts)).tolist()


def build_schedules(
    game: KPlusOne,
    steps: int,
    learning_rate: float,
    entropy: float,
    radius: float,
    further: Sequence[Term | GeneratorTerm],
) -> dict[str, Schedule]:
    """Return what changes during training, for the terms that the game has; `further` ones stay as given."""
    given = {term.name for term in further}
    rate = flat_then_linear(learning_rate, steps)
    schedules: dict[str, Schedule] = {"discriminator.lr": rate, "generator.lr": rate}
    if "entropy" in game.terms and "entropy" not in given:
        schedules["terms.entropy.weight"] = sigmoid_rise(entropy, max(1, round(0.6 * steps)))
    if "smoothing" in game.terms and "smoothing" not in given:
        fall = flat_then_linear(0.8 * radius, steps)
        schedules["terms.smoothing.radius"] = lambda step: fall(step) + 0.2 * radius
    return schedules


@torch.no_grad()
def check_networks(game: KPlusOne, data: Tensor, classes: int) -> None:
    """Raise ValueError unless the networks take and make what the game needs, tried on a few samples."""
    made = game.generator(game.prior.sample(len(data)))
    if made.shape != data.shape:
        raise ValueError(f"The generator makes samples of shape {tuple(made.shape[1:])}, not {tuple(data.shape[1:])}.")
    judged = game.discriminator(data)
    if not isinstance(judged, tuple) or len(judged) != 2:
        raise ValueError(f"The discriminator must return (logits, features), it returns {type(judged).__name__}.")
    logits, features = judged
    if logits.shape != (len(data), classes) or features.dim() != 2 or len(features) != len(data):
        raise ValueError(
            f"For {len(data)} samples the discriminator must return logits {(len(data), classes)} and features "
            f"({len(data)}, any), it returns {tuple(logits.shape)} and {tuple(features.shape)}."
        )


def claim_folder(
    folder: Path, data: Array, labels: Array | None, settings: Mapping[str, Any], name: str = "checkpoint"
) -> None:
    """Note in a folder whose fit it holds, or say that it holds another's; `name` is the parameter that named it.

    Raises:
        CheckpointError: the folder cannot be written, or holds checkpoints of other data or settings.
    """
    claim: dict[str, Any] = {
        "data": zlib.crc32(np.ascontiguousarray(data).tobytes()),
        "labels": 0 if labels is None else zlib.crc32(np.ascontiguousarray(labels).tobytes()),
        # Functions and objects show where in memory they lie, which is elsewhere after a kill.
        "settings": {name: _PLACE.sub("", repr(value)) for name, value in sorted(settings.items())},
    }
    path = ensure_writable(folder) / "fit.json"
    if path.exists():
        held = json.loads(path.read_text(encoding="utf-8"))
        if held != claim:
            there, here = held["settings"], claim["settings"]
            changed = [setting for setting in here if there.get(setting) != here[setting]]
            what = ", ".join(f"{each}={there.get(each)} (here {here[each]})" for each in changed) or "other data"
            raise CheckpointError(f"{name}={str(folder)!r} holds a fit with {what}; use an empty folder.")
        return
    write_atomically(path, json.dumps(claim, indent=1).encode())

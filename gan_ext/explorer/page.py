"""write_explorer: one HTML file in which a generator runs and its latent codes are moved by sliders and switches."""

import base64
import html
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import nn

from gan_ext.explorer.layers import Layer, class_count, evaluated, export_layers
from gan_ext.latents import Prior, Product
from gan_ext.seeds import kept_generators

__all__ = ["write_explorer"]

Table = tuple[ArrayLike, Sequence[str], Sequence[str]]


class Control(NamedTuple):
    """One code of the page: which numbers of the input it is, and how they are drawn and moved.

    A ``"category"`` is drawn from `shares` as a one-hot vector, each number of a ``"choice"`` is one of `values`, drawn
    from `shares`, and each number of a ``"slider"`` moves from `low` to `high` and is drawn by `quantiles`, which
    belong to probabilities 1 / (1 + exp(-t)) with t evenly spaced over [-10, 10].
    """

    name: str
    kind: str
    start: int
    size: int
    low: float = 0.0
    high: float = 1.0
    shares: list[float] | None = None
    values: list[float] | None = None
    quantiles: list[float] | None = None
    labels: list[str] | None = None


def write_explorer(
    path: str | Path,
    generator: nn.Module,
    codes: Prior,
    noise: Prior | None,
    sample_shape: Sequence[int],
    *,
    title: str = "What the codes do",
    text: str = "",
    image_shape: Sequence[int] | None = None,
    scale: ArrayLike = 1.0,
    shift: ArrayLike = 0.0,
    limits: tuple[float, float] = (0.0, 1.0),
    feature_names: Sequence[str] | None = None,
    labels: Mapping[str, Sequence[str]] | None = None,
    tables: Mapping[str, Table] | None = None,
    precision: str = "float16",
) -> None:
    """Write one HTML file in which the generator itself runs: sliders, categories and switches move its codes.

    The file opens from disk, loads nothing, and holds the weights (2.7 bytes each in float16, 5.4 in float32).  The
    page runs the generator in evaluation mode and compares itself with torch on one fixed input when it opens.

    Args:
        path: the page's file.
        generator: maps [B, noise and codes, in this order] to samples [B, *sample_shape]; or takes a class as second
            argument, which is then the last code.  See :func:`export_layers` for the layers it may have.
        codes: what the page moves; a :class:`~gan_ext.latents.Product` shows every code under its name.
        noise: what "New noise" draws; None if the generator has codes only.
        sample_shape: shape of one sample: (h, w), (1, h, w) or (3, h, w) for images, (d,) for a table or flat images.
        title: what stands above.
        text: explanation below the title; an empty line starts a paragraph.
        image_shape: shape of the image in a flat sample, such as (8, 8); None shows a flat sample as features.
        scale: what a sample is multiplied by to get the data's own units; one number, or one for each feature.
        shift: what is added then.
        limits: values, in the data's own units, of black and white.
        feature_names: d names of a table's features.
        labels: code to names of its categories, or of its coordinates.
        tables: title to (numbers [r, c], r row names, c column names), shown as heat maps below.
        precision: of the weights in the file, ``"float16"`` or ``"float32"``.

    Raises:
        ValueError: a generator the page cannot run, a code it has no control for (a vector that is one unit but no
            category, or one whose quantiles are not known), or arguments that do not fit it or each other.
    """
    if precision not in ("float16", "float32"):
        raise ValueError(f"precision must be 'float16' or 'float32', got {precision!r}.")
    inputs = codes.dim + (noise.dim if noise is not None else 0)
    layers, made = export_layers(generator, inputs)
    size = prod(sample_shape)
    if prod(made) != size:
        raise ValueError(f"The generator makes {list(made)}, which is not sample_shape={list(sample_shape)}.")
    recipe, weights = _packed(layers, precision)
    controls = [*_controls(codes, inputs - codes.dim, "code")]
    if (classes := class_count(generator)) and (controls[-1].kind, controls[-1].size) != ("category", classes):
        raise ValueError(
            f"The generator is told one of {classes} classes: the last code must be Categorical({classes})."
        )
    page = {
        "title": title,
        "text": [part.strip() for part in re.split(r"\n\s*\n", text) if part.strip()],
        "layers": recipe,
        "weights": weights,
        "precision": precision,
        "inputs": inputs,
        "noise": [control._asdict() for control in _controls(noise, 0, "noise")] if noise is not None else [],
        "controls": _labeled(controls, labels or {}),
        "image": _image(sample_shape, image_shape),
        "features": _features(size, feature_names),
        "scale": _units("scale", scale, size),
        "shift": _units("shift", shift, size),
        "limits": _limits(limits),
        "tables": [_table(name, *table) for name, table in (tables or {}).items()],
        "check": _check(generator, codes, noise),
    }
    Path(path).write_text(_html(page), encoding="utf-8")


def _controls(prior: Prior, start: int, name: str) -> Iterator[Control]:
    """Yield the codes of a product, nested at will, or the one code there is."""
    if isinstance(prior, Product):
        for part, code in prior.codes().items():
            yield from _controls(code, start + prior.columns()[part].start, part)
        return
    shares = prior.shares()
    if prior.whole:
        one_hot = shares is not None and torch.equal(prior.vectors(torch.tensor(prior.values())), torch.eye(prior.dim))
        if not one_hot:
            raise ValueError(
                f"The page has no control for the {type(prior).__name__} {name!r}: it moves categories (one-hot "
                "vectors) and codes each of whose numbers moves by itself."
            )
        yield Control(name, "category", start, prior.dim, shares=_rounded(shares))
    elif shares is not None:
        values = prior.values()
        yield Control(name, "choice", start, prior.dim, min(values), max(values), _rounded(shares), values)
    else:
        quantiles = prior.quantiles(torch.linspace(-10, 10, 161, dtype=torch.float64).sigmoid())
        yield Control(name, "slider", start, prior.dim, *prior.span(), quantiles=_rounded(quantiles))


def _rounded(values: torch.Tensor | None) -> list[float]:
    return [] if values is None else [float(f"{value:.6g}") for value in values.tolist()]


def _labeled(controls: list[Control], labels: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
    known = {control.name: control.size for control in controls}
    for name, given in labels.items():
        if known.get(name) != len(given):
            raise ValueError(f"labels has {len(given)} names for {name!r}; the codes and their sizes are {known}.")
    return [
        control._replace(labels=[*map(str, labels[control.name])] if control.name in labels else None)._asdict()
        for control in controls
    ]


def _image(sample_shape: Sequence[int], image_shape: Sequence[int] | None) -> list[int] | None:
    """Return [channels, height, width], or None for a table."""
    if image_shape is None and len(sample_shape) == 1:
        return None
    shape = [*(sample_shape if image_shape is None else image_shape)]
    shape = [1, *shape] if len(shape) == 2 else shape
    if len(shape) != 3 or shape[0] not in (1, 3) or prod(shape) != prod(sample_shape):
        raise ValueError(
            f"Samples {list(sample_shape)} with image_shape={image_shape} are no images: they must be (h, w), "
            f"(1, h, w) or (3, h, w)."
        )
    return shape


def _features(size: int, names: Sequence[str] | None) -> list[str]:
    if names is not None and len(names) != size:
        raise ValueError(f"feature_names has {len(names)} names, but a sample has {size} features.")
    return [*map(str, names)] if names is not None else [f"x{number}" for number in range(size)]


def _units(name: str, values: ArrayLike, size: int) -> list[float]:
    array = np.asarray(values, dtype=np.float64).ravel()
    if array.size not in (1, size) or not np.isfinite(array).all():
        raise ValueError(f"{name} must be one finite number, or {size} of them (one for each feature).")
    return array.tolist()


def _limits(limits: tuple[float, float]) -> list[float]:
    low, high = map(float, limits)
    if not low < high:
        raise ValueError(f"limits must be (value of black, higher value of white), got {limits}.")
    return [low, high]


def _table(name: str, numbers: ArrayLike, row_names: Sequence[str], column_names: Sequence[str]) -> dict[str, Any]:
    array: NDArray[np.float64] = np.asarray(numbers, dtype=np.float64)
    if array.shape != (len(row_names), len(column_names)):
        raise ValueError(
            f"Table {name!r} is {list(array.shape)}, but has {len(row_names)} row names and "
            f"{len(column_names)} column names."
        )
    cells = [[float(f"{number:.6g}") if np.isfinite(number) else None for number in row] for row in array]
    return {"title": name, "cells": cells, "rows": [*map(str, row_names)], "columns": [*map(str, column_names)]}


def _packed(layers: Sequence[Layer], precision: str) -> tuple[list[Layer], str]:
    """Return the layers with [start, length] in place of tensors, and all tensors as one text."""
    recipe, parts, place = [], [], 0
    for layer in layers:
        packed = dict(layer)
        for name in ("weight", "bias"):
            if name in packed:
                parts.append(packed[name].flatten().numpy())
                packed[name] = [place, parts[-1].size]
                place += parts[-1].size
        recipe.append(packed)
    flat = np.concatenate([np.zeros(0), *parts])
    largest = float(np.finfo(precision).max)
    if np.abs(flat).max(initial=0) > largest:
        raise ValueError(f"A weight is larger than {largest:g}, the largest {precision}: use precision='float32'.")
    return recipe, base64.b64encode(flat.astype("<f2" if precision == "float16" else "<f4").tobytes()).decode()


def _check(generator: nn.Module, codes: Prior, noise: Prior | None) -> dict[str, list[float]]:
    """Return an input and what torch makes of it."""
    weight = next(generator.parameters(), torch.zeros(()))
    with kept_generators(torch.device("cpu")):
        torch.default_generator.manual_seed(0)
        latent = torch.cat(
            [prior.sample(2).to(weight) for prior in (noise, codes) if prior is not None], dim=1
        ).detach()
    return {"latent": _short(latent[0]), "output": _short(evaluated(generator, latent)[0].flatten())}


def _short(values: torch.Tensor) -> list[float]:
    return [float(f"{value:.7g}") for value in values.double().tolist()]


def _html(page: dict[str, Any]) -> str:
    """Fill in the page; in a script block, no text of ours may end it."""
    files = resources.files("gan_ext.explorer")
    read = {
        name: files.joinpath(name).read_text(encoding="utf-8")
        for name in ("page.html", "page.css", "net.js", "page.js")
    }
    data = json.dumps(page, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
    parts = read | {"title": html.escape(page["title"]), "data": data}
    return re.sub(r"\{\{([a-z.]+)\}\}", lambda match: parts[match[1]], read["page.html"])

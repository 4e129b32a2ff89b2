"""Metrics that compare take what is real (or the reference) first, then what is judged."""

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from gan_ext import metrics

REAL = (
    "real", "real_y", "real_probabilities", "reference", "references", "training", "held_out", "test", "oracle",
    "labels_true", "y", "means",
)  # fmt: skip
JUDGED = (
    "generated", "generated_y", "generated_probabilities", "samples", "hypotheses", "frontier", "arm", "probabilities",
    "log_probabilities", "labels_pred",
)  # fmt: skip
EXEMPT = {
    "parzen_bandwidth": "the samples are the model, the held-out data what it is asked about",
}


def positional(function: Callable[..., Any]) -> list[str]:
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [name for name, each in inspect.signature(function).parameters.items() if each.kind in kinds]


def misplaced(function: Callable[..., Any]) -> list[str]:
    """Return what is real and comes after the first argument that is judged."""
    names = positional(function)
    judged = [place for place, name in enumerate(names) if name in JUDGED]
    return [name for name in names[min(judged, default=len(names)) :] if name in REAL]


def public() -> Iterator[tuple[str, Callable[..., Any]]]:
    for name in metrics.__all__:
        found = getattr(metrics, name)
        if inspect.isfunction(found):
            yield name, found
        elif inspect.isclass(found) and not hasattr(found, "_fields"):
            methods = inspect.getmembers(found, inspect.isfunction)
            yield from ((f"{name}.{method}", each) for method, each in methods if method[0] != "_" or method[1] == "_")


def test_what_is_real_comes_first() -> None:
    wrong = {name: misplaced(each) for name, each in public() if name not in EXEMPT and misplaced(each)}
    assert not wrong, f"these stand after what is judged: {wrong}"
    assert all(misplaced(getattr(metrics, name)) for name in EXEMPT), "an exemption that is not needed"


def test_the_walk_sees_functions_and_methods() -> None:
    def swapped(generated: int, real: int) -> None: ...

    def straight(real: int, generated: int, *, test: int) -> None: ...

    assert misplaced(swapped) == ["real"]
    assert misplaced(straight) == []
    names = dict(public())
    assert {"bleu", "memorization_test", "BLEU.scores", "LanguageModelScorer.__init__", "oracle_scores"} <= names.keys()
    taken = [set(positional(each)) for each in names.values()]
    assert sum(bool(each & {*REAL} and each & {*JUDGED}) for each in taken) > 20


@pytest.mark.parametrize("name", ["bleu", "backward_bleu", "ngram_jaccard"])
def test_references_come_before_hypotheses(name: str) -> None:
    assert positional(getattr(metrics, name))[:2] == ["references", "hypotheses"]

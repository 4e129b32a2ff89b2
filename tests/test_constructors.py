"""Every public class refuses wrong arguments by a ValueError that names parameter and value, before any work."""

import inspect
from typing import Any

import pytest
import torch
from torch import nn

from gan_ext.checks import allowed_arguments, checked, no_less
from tests.constructors import FREE, outcomes, public_classes

CLASSES = dict(public_classes())


@pytest.mark.parametrize("name", CLASSES)
def test_wrong_arguments_are_sentences(name: str) -> None:
    free = FREE.get(name, set())
    wrong = [
        f"{parameter}={value!r}: {outcome}, {said}"
        for parameter, value, outcome, said in outcomes(CLASSES[name])
        if outcome in ("unclear", "silent") and parameter not in free
    ]
    assert not wrong, "\n".join(wrong[:5])


def test_every_parameter_is_checked() -> None:
    missing = {}
    for name, kind in CLASSES.items():
        of_class = {
            each
            for each, parameter in inspect.signature(kind).parameters.items()
            if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        }
        if others := of_class - set(allowed_arguments(kind)) - FREE.get(name, set()):
            missing[name] = others
    assert not missing


@checked(weight=no_less(0))
class Weighing(nn.Module):
    """A class as users write them."""

    def __init__(self, weight: float = 1.0, sizes: tuple[int, ...] = (), *, name: "str | None" = None) -> None:
        super().__init__()
        self.weight, self.sizes, self.name = weight, sizes, name


class Heavier(Weighing):
    """A subclass with a constructor of its own."""

    def __init__(self, more: str) -> None:
        super().__init__(float(more))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"weight": "x"}, "weight='x' must be a finite number, 0 or more, in Weighing"),
        ({"weight": -1}, "weight=-1 must be"),
        ({"weight": True}, "weight=True must be"),
        ({"sizes": 3}, "sizes=3 must be a list or tuple of integers"),
        ({"sizes": (3, 0.5)}, "sizes="),
        ({"name": 3}, "name=3 must be a string or None"),
    ],
)
def test_what_is_said(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words.replace("(", r"\(")):
        Weighing(**arguments)


def test_right_values_and_subclasses_pass() -> None:
    assert Weighing(torch.tensor(2.0)).weight == 2  # type: ignore[arg-type]
    assert Weighing(2, [3, 4]).sizes == [3, 4]  # type: ignore[arg-type,comparison-overlap]
    assert Heavier("3").weight == 3
    with pytest.raises(ValueError, match="in Heavier"):
        Heavier("-3")
    with pytest.raises(TypeError, match="unexpected"):
        Weighing(heavy=3)  # type: ignore[call-arg]


def test_functions_are_checked_too() -> None:
    @checked
    def double(n: int) -> int:
        return 2 * n

    assert double(2) == 4
    with pytest.raises(ValueError, match=r"n=0\.5 must be an integer, in double"):
        double(0.5)  # type: ignore[arg-type]

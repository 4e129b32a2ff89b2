"""The Python state that a step may read, watched for changes."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

from torch import Tensor

from gan_ext.engine.graphs.found import Found, is_plain, said
from gan_ext.engine.graphs.kept import Kept, items, of_process

__all__ = ["PythonState"]


class PythonState:
    """The Python state that a step may read, found from some attributes of an object, and compared by identity.

    Followed are modules, optimizers, objects, containers, functions with what they close over, classes, and the
    globals that functions outside of libraries name.  Not seen are what C code keeps, entries of containers of more
    than 1000, longer arrays than that, files, and clocks.

    Args:
        owner: whose attributes; it is not looked into itself.
        names: of the attributes.
        free: tensors, in groups, whose `requires_grad` the step sets before it reads it.
    """

    def __init__(self, owner: object, names: Sequence[str], free: Iterable[Iterable[Tensor]] = ()) -> None:
        self._owner = owner
        self._roots = [(vars(owner), name, name) for name in names]
        self._free = {id(tensor) for tensors in free for tensor in tensors}
        self._look()

    @property
    def unseen(self) -> str | None:
        """What cannot be watched, in words, or None."""
        return next(iter(self._found.unseen), None)

    def changed(self) -> str | None:
        """Return what has changed since the last look, in words, or None; what is there now is what counts next."""
        if self._is_as_it_was():
            return None
        told = self._difference()
        if told != "":
            return told
        former, values, lengths = self._found, self._values, self._lengths
        self._look()
        return self._other_structure(former, values, lengths)

    def keep(self) -> Kept:
        """Return what puts the present state back: containers, tensors on the CPU, gradients, random numbers."""
        found = self._found
        return Kept(
            [
                (each, each.copy())
                for each in (*(e for e, _ in found.containers), *found.empty)
                if hasattr(each, "clear")
            ],
            [(tensor, tensor.detach().clone(), tensor._version) for tensor in found.host],
            [(tensor, tensor.grad, tensor.requires_grad) for tensor in found.tensors if tensor.is_leaf],
            [(cell, cell.cell_contents) for cell, _ in found.cells],
            [(place, key, place[key]) for place, key, _ in found.slots if isinstance(place, dict) and key in place],
            [(draws, draws.state()) for draws in (*of_process(), *found.generators)],
        )

    def _look(self) -> None:
        self._found = Found(self._roots, self._owner, self._free)
        self._views = [items(each) for each, _ in self._found.containers]
        self._lengths = [len(each) for each, _ in self._found.containers]
        self._values = list(self._now())
        self._ids = list(map(id, self._values))
        self._marks = self._found.marks()

    def _now(self) -> Iterator[Any]:
        slots = [place.get(key) for place, key, _ in self._found.slots]
        cells = [cell.cell_contents for cell, _ in self._found.cells]
        return chain(chain.from_iterable(self._views), slots, cells)

    def _is_as_it_was(self) -> bool:
        try:
            found = self._found
            return not any(found.empty) and list(map(id, self._now())) == self._ids and found.marks() == self._marks
        except (RuntimeError, ValueError):  # a container that changes meanwhile, a cell that is empty now
            return False

    def _difference(self) -> str | None:
        """Take up plain values that changed; return None if all are equal, and "" where the walk must be done anew."""
        try:
            now, marks = list(self._now()), self._found.marks()
        except (RuntimeError, ValueError):
            return ""
        if len(now) != len(self._values) or any(self._found.empty):
            return ""
        told = None
        for index, (new, old) in enumerate(zip(now, self._values, strict=True)):
            if new is old:
                continue
            if not (is_plain(new) and is_plain(old)):
                return ""
            if not _same(new, old):
                told = told or f"{self._found.name(index)} ({said(old)}, then {said(new)})"
        if marks != self._marks:
            told = told or self._found.marked(marks, self._marks)
        self._values, self._ids, self._marks = now, list(map(id, now)), marks
        return told

    def _other_structure(self, former: Found, values: list[Any], lengths: list[int]) -> str | None:
        """Return the first thing that is another one than before, in words; None if nothing but views was renewed."""
        at = 0
        for (owner, name), length, (other, other_name) in zip(
            former.containers, lengths, self._found.containers, strict=False
        ):
            olds, news = values[at : at + length], list(items(other))
            if owner is not other:
                return other_name
            for index in range(max(length, len(news))):
                if index >= min(length, len(news)):
                    return f"the length of {name}"
                if news[index] is not olds[index] and not (is_plain(news[index]) and _same(news[index], olds[index])):
                    return self._found.name(index, other)
            at += length
        return "a function, a global or what a function closes over"


def _same(new: Any, old: Any) -> bool:
    return type(new) is type(old) and (bool(new == old) or repr(new) == repr(old))

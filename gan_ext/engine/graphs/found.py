"""A walk over the Python state that a step may read: containers, tensors, globals, closures, generators."""

import collections
import dis
import io
import os
import random
import re
import sys
import types
from collections.abc import Collection, Iterator
from functools import cache, lru_cache, partial
from operator import attrgetter
from typing import Any

import torch
from torch import Tensor, nn

from gan_ext.engine.graphs.kept import Draws, of_numpy, of_torch

__all__ = ["Found", "is_plain", "said"]

_MOST = 100_000  # things that are looked at
_LONGEST = 1000  # entries; of a longer container only its identity and length are watched
_SMALL = 64  # numbers; of a longer tensor on the CPU only the count of its changes is watched
_PLAIN = (bool, int, float, complex, str, bytes, type(None), torch.dtype, torch.device, torch.Size)
_CLOSED = ("torch._", "torch.distributed.", "torch.cuda.", "torch.fx.", "torch.utils.data.", "torch.backends.")
_OPENED = ("types", "argparse", "collections")  # of the standard library, objects of these are looked into
_HOOKS = ("_backward_hooks", "_post_accumulate_grad_hooks")  # of a parameter
_hooks = attrgetter(*_HOOKS)
_SURROUNDINGS = (
    "whether autocast is on", "the type of autocast", "whether gradients are recorded", "inference mode",
    "torch's default type", "deterministic algorithms", "cudnn.enabled", "cudnn.benchmark", "cudnn.deterministic",
    "the precision of products of matrices", "the precision of convolutions",
)  # fmt: skip


class Found:
    """What one walk found.

    Args:
        roots: where it starts: dictionaries, a key of each, and a name.
        owner: is not looked into.
        free: identities of tensors whose `requires_grad` may be anything.

    Attributes:
        containers: those with entries, and their names; attributes of objects and classes are such.
        empty: those without.
        slots: dictionary, key and name of single entries that are watched.
        cells: of closures, with the names of the variables.
        tensors: with a layout of strides.
        host: those of them on the CPU.
        generators: of random numbers, on the CPU.
        unseen: what cannot be watched, in words.
    """

    def __init__(self, roots: list[tuple[dict[str, Any], str, str]], owner: object, free: Collection[int]) -> None:
        self.containers: list[tuple[Any, str]] = [(vars(os.environ)["_data"], "os.environ")]
        self.empty: list[Any] = []
        self.slots: list[tuple[Any, str, str]] = list(roots)
        self.cells: list[tuple[Any, str]] = []
        self.tensors: list[Tensor] = []
        self.generators: list[Draws] = []
        self.unseen: list[str] = []
        self._names: dict[int, str] = {}
        self._long: list[tuple[Any, str]] = []
        self._arrays: list[tuple[Any, str]] = []
        self._slotted: list[tuple[Any, str, str]] = []
        self._seen: dict[int, object] = {id(owner): owner}
        left = [(name, place[key]) for place, key, name in reversed(roots) if key in place]
        while left:
            name, value = left.pop()
            if isinstance(value, _PLAIN) or id(value) in self._seen:
                continue
            self._seen[id(value)] = value
            left += reversed(list(self._inside(name, value)))
            if len(self._seen) > _MOST:
                self.unseen.append(f"more than {_MOST} objects belong to the game, too many to watch")
                break
        self.host = [tensor for tensor in self.tensors if tensor.device.type == "cpu"]
        self._parameters = [tensor for tensor in self.tensors if isinstance(tensor, nn.Parameter)]
        self._flagged = [tensor for tensor in self._parameters if id(tensor) not in free]

    def _inside(self, name: str, value: Any) -> Iterator[tuple[str, Any]]:
        if isinstance(value, Tensor):
            if value.layout == torch.strided and type(value) in (Tensor, nn.Parameter):
                self.tensors.append(value)
                self._names[id(value)] = name
                if isinstance(value, nn.Parameter):
                    yield from ((f"hooks of {name}", getattr(value, each)) for each in _HOOKS)
        elif isinstance(value, (dict, list, set, collections.deque)):
            if len(value) > _LONGEST:
                self._long.append((value, name))
                return
            self._contains(name, value)
            entries = value.items() if isinstance(value, dict) else enumerate(value)
            yield from ((f"{name}[{said(key)}]", each) for key, each in entries)
        elif isinstance(value, (tuple, frozenset)):
            names = getattr(value, "_fields", range(len(value)))
            yield from ((f"{name}[{key}]", each) for key, each in zip(names, value, strict=False))
        elif isinstance(value, types.MethodType):
            yield from ((name, value.__self__), (name, value.__func__))
        elif isinstance(value, types.FunctionType):
            yield from self._in_function(name, value)
        elif isinstance(value, partial):
            yield from ((name, value.func), (name, value.args), (name, value.keywords))
        elif isinstance(value, type):
            yield from self._in_class(value)
        else:
            yield from self._in_object(name, value)

    def _contains(self, name: str, value: Any) -> None:
        if len(value):
            self.containers.append((value, name))
        else:
            self.empty.append(value)

    def _in_object(self, name: str, value: Any) -> Iterator[tuple[str, Any]]:
        kind = type(value)
        if isinstance(value, torch.Generator):
            self.generators += [of_torch(name, value)] if value.device.type == "cpu" else []
        elif isinstance(value, random.Random):
            self.generators.append(Draws(name, value.getstate, value.setstate))
        elif kind.__module__.split(".")[0] == "numpy":
            if hasattr(value, "get_state") or hasattr(value, "bit_generator"):
                self.generators.append(of_numpy(name, value))
            elif hasattr(value, "tobytes") and value.size <= _LONGEST:
                self._arrays.append((value, name))
        elif hasattr(kind, "__next__") and _of_library(kind.__module__):
            if not isinstance(value, io.IOBase):
                self.unseen.append(f"{_short(name)} is an iterator, and what it gives next cannot be seen")
        elif _opened(kind):  # type: ignore[arg-type]
            attributes = getattr(value, "__dict__", None)
            if isinstance(attributes, dict):
                self._seen[id(attributes)] = attributes
                self._contains(name, attributes)
                unread = getattr(value, "_unread", ())
                yield from ((f"{name}.{key}", each) for key, each in attributes.items() if key not in unread)
            for key in (each for base in kind.__mro__ for each in _slots_of(base) if hasattr(value, each)):
                self._slotted.append((value, key, f"{name}.{key}"))
                yield (f"{name}.{key}", getattr(value, key))
            yield (kind.__qualname__, kind)
        elif hasattr(value, "__wrapped__"):
            yield (name, value.__wrapped__)

    def _in_class(self, value: type) -> Iterator[tuple[str, Any]]:
        for base in value.__mro__:
            own = base.__module__.split(".")[0] == "gan_ext"
            if (_of_library(base.__module__) and not own) or (base is not value and id(base) in self._seen):
                continue
            self._seen[id(base)] = base
            self.containers.append((vars(base), base.__qualname__))
            for key, each in vars(base).items():
                if not key.startswith("__"):
                    inner = getattr(each, "__func__", None) or getattr(each, "fget", None) or each
                    yield (f"{base.__qualname__}.{key}", inner)

    def _in_function(self, name: str, value: types.FunctionType) -> Iterator[tuple[str, Any]]:
        yield from ((f"{name}.{key}", each) for key, each in value.__dict__.items())
        where = str(value.__globals__.get("__name__", ""))
        if _of_library(where) and where.split(".")[0] != "gan_ext":
            return
        for variable, cell in zip(value.__code__.co_freevars, value.__closure__ or (), strict=True):
            try:
                content = cell.cell_contents
            except ValueError:  # not set yet
                continue
            self.cells.append((cell, variable))
            yield (variable, content)
        yield from ((name, value.__defaults__), (name, value.__kwdefaults__))
        if not _of_library(where):
            yield from self._in_globals(value)

    def _in_globals(self, function: types.FunctionType) -> Iterator[tuple[str, Any]]:
        names, attributes = _names_in(function.__code__)
        for key in names:
            value = function.__globals__.get(key)
            if isinstance(value, types.ModuleType):
                if not _of_library(value.__name__):
                    for inner in attributes & vars(value).keys():
                        self.slots.append((vars(value), inner, f"{key}.{inner}"))
                        yield (f"{key}.{inner}", vars(value)[inner])
            elif key in function.__globals__:
                self.slots.append((function.__globals__, key, key))
                yield (key, value)

    def changeable(self) -> list[Any]:
        """Return the containers that can be emptied and filled; those of classes cannot."""
        return [each for each in (*(owner for owner, _ in self.containers), *self.empty) if hasattr(each, "clear")]

    def name(self, index: int, inside: object = None) -> str:
        """Return the name of an entry by its number, in one container or among those of all, of slots and of cells."""
        for owner, name in self.containers:
            if inside is owner or (inside is None and index < len(owner)):
                if not hasattr(owner, "keys"):
                    return _short(f"{name}[{index}]")
                key = list(owner)[index]
                return _short(f"{name}[{said(key)}]" if isinstance(key, Tensor) else f"{name}.{key}")
            index -= len(owner) if inside is None else 0
        return self.slots[index][2] if index < len(self.slots) else self.cells[index - len(self.slots)][1]

    def marks(self) -> list[list[Any]]:
        """Return what identities do not show: where tensors lie, flags, hooks, and what is small and on the CPU."""
        return [
            list(map(Tensor.data_ptr, self.tensors)),
            [each.requires_grad for each in self._flagged],
            list(map(Tensor.stride, self._parameters)),
            list(map(_hooks, self._parameters)),
            [(each._version, repr(each.tolist()) if each.numel() <= _SMALL else "") for each in self.host],
            [array.tobytes() for array, _ in self._arrays],
            [len(each) for each, _ in self._long],
            [_identity(getattr(each, key, None)) for each, key, _ in self._slotted],
            _surroundings(),
        ]

    def marked(self, new: list[list[Any]], old: list[list[Any]]) -> str:
        """Return in words what differs between two results of :meth:`marks`."""
        of = [
            [f"the memory of {self._name(each)}" for each in self.tensors],
            [f"requires_grad of {self._name(each)}" for each in self._flagged],
            [f"the layout of {self._name(each)}" for each in self._parameters],
            [f"hooks of {self._name(each)}" for each in self._parameters],
            [f"{self._name(each)} (on the CPU)" for each in self.host],
            [_short(name) for _, name in self._arrays],
            [f"the length of {_short(name)}" for _, name in self._long],
            [_short(name) for _, _, name in self._slotted],
            list(_SURROUNDINGS),
        ]
        for names, news, olds in zip(of, new, old, strict=True):
            for each, after, before in zip(names, news, olds, strict=True):
                if after is not before and after != before:
                    return each
        return "the state of Python"

    def _name(self, tensor: Tensor) -> str:
        return _short(self._names[id(tensor)])


def is_plain(value: object) -> bool:
    """Return whether a value is a number, a string or the like: compared by value, and with nothing inside."""
    return isinstance(value, _PLAIN) or (type(value).__module__ == "numpy" and not hasattr(value, "__len__"))


def said(value: object) -> str:
    """Return a value in few words."""
    if isinstance(value, Tensor):
        return f"tensor {list(value.shape)}"
    text = repr(value) if is_plain(value) else type(value).__name__
    return text if len(text) <= 40 else f"{text[:37]}..."


def _short(name: str) -> str:
    """Return a name as one would write it: a module's parts are its attributes."""
    name = re.sub(r"\._(?:modules|parameters|buffers)(?:\['(\w+)'\]|\.(\w+))", r".\1\2", name)
    return re.sub(r"^board\.(?=game|optimizers)", "", name)


@cache
def _of_library(module: str) -> bool:
    root = module.split(".")[0]
    if root in sys.stdlib_module_names or root in ("gan_ext", "torch", "numpy"):
        return True
    path = str(getattr(sys.modules.get(root), "__file__", None) or "")
    return "site-packages" in path or "dist-packages" in path


@cache
def _opened(kind: type) -> bool:
    """Return whether objects of a class are looked into."""
    root = kind.__module__.split(".")[0]
    if root in sys.stdlib_module_names:
        return root in _OPENED and kind is not types.ModuleType
    return issubclass(kind, nn.Module) or not kind.__module__.startswith(_CLOSED)


def _slots_of(kind: type) -> tuple[str, ...]:
    slots = vars(kind).get("__slots__", ()) if not _of_library(kind.__module__) else ()
    return (slots,) if isinstance(slots, str) else tuple(each for each in slots if not each.startswith("__"))


@lru_cache(4096)
def _names_in(code: types.CodeType) -> tuple[tuple[str, ...], frozenset[str]]:
    """Return the globals that a function reads, and all attributes, those of functions inside it included."""
    read = dict.fromkeys(
        each.argval for each in dis.get_instructions(code) if each.opname in ("LOAD_GLOBAL", "LOAD_NAME")
    )
    attributes = set(code.co_names)
    for inner in code.co_consts:
        if isinstance(inner, types.CodeType):
            names, more = _names_in(inner)
            read |= dict.fromkeys(names)
            attributes |= more
    return tuple(read), frozenset(attributes)


def _identity(value: Any) -> Any:
    return (type(value), value) if is_plain(value) else id(value)


def _surroundings() -> list[Any]:
    cudnn, products = torch.backends.cudnn, torch.backends.cuda.matmul
    return [
        torch.is_autocast_enabled("cuda"),
        torch.get_autocast_dtype("cuda"),
        torch.is_grad_enabled(),
        torch.is_inference_mode_enabled(),
        torch.get_default_dtype(),
        torch.are_deterministic_algorithms_enabled(),
        cudnn.enabled,
        cudnn.benchmark,
        cudnn.deterministic,
        _precision(products),
        _precision(getattr(cudnn, "conv", None) or cudnn),
    ]


def _precision(library: Any) -> Any:
    """Return the precision of float32 in a library of the GPU: newer versions of torch have one name for it."""
    newer = getattr(library, "fp32_precision", None)
    return library.allow_tf32 if newer is None else newer

"""Compare the package's vocabulary with that of the real torchtext 0.18, which needs a torch too old for the package.

    python3 -m venv /tmp/old && /tmp/old/bin/pip install torch==2.3.1 torchtext==0.18.0 "numpy<2"    # 5 GB
    /tmp/old/bin/python benchmarks/check_torchtext_018.py

``gan_ext/data/sequences/vocabulary.py`` imports nothing but Python's own library, so that it is loaded alone.
"""

import copy
import importlib.util
import pickle
import random
import sys
import warnings
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

FILE = Path(__file__).resolve().parent.parent / "gan_ext" / "data" / "sequences" / "vocabulary.py"
CORPUS = [["a", "b", "b", "c"], ["c", "d", "<unk>"]]
OPTIONS: list[dict[str, Any]] = [
    {},
    {"min_freq": 2},
    {"specials": ["<unk>", "<pad>"]},
    {"specials": ["<unk>", "<pad>"], "special_first": False},
    *({"specials": ["<unk>", "<pad>"], "max_tokens": most} for most in (3, 4, 5, 6, 9)),
    {"specials": ["<pad>"], "min_freq": 2, "max_tokens": 9},
]


def load(path: Path) -> ModuleType:
    """Import one file of the package without the package."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def answer(ask: Callable[..., Any], *arguments: Any) -> Any:
    """Return what is answered, or the type of the error."""
    try:
        return ask(*arguments)
    except (RuntimeError, TypeError) as error:
        return type(error)


def questions(vocabulary: Any) -> list[Any]:
    """Ask a vocabulary everything that does not change it."""
    itos = vocabulary.get_itos()
    return [
        len(vocabulary),
        itos,
        vocabulary.get_stoi(),
        vocabulary.get_default_index(),
        vocabulary(itos),
        vocabulary.forward(itos),
        vocabulary.lookup_indices(itos),
        vocabulary.lookup_tokens(list(range(len(vocabulary)))),
        [vocabulary.lookup_token(number) for number in range(len(vocabulary))],
        [(vocabulary[token], token in vocabulary) for token in itos],
        "zebra" in vocabulary,
        *(
            answer(ask)
            for ask in (
                lambda: vocabulary["zebra"],
                lambda: vocabulary(["a", "zebra"]),
                lambda: vocabulary.lookup_indices(["zebra"]),
                lambda: vocabulary.lookup_token(len(vocabulary)),
                lambda: vocabulary.lookup_token(-1),
                lambda: vocabulary.lookup_tokens([0, 10**6]),
                lambda: vocabulary[0],
            )
        ),
    ]


def changes(seed: int) -> list[Callable[[Any], Any]]:
    """Return calls that change a vocabulary, some of which are wrong."""
    draw = random.Random(seed)
    calls: list[Callable[[Any], Any]] = []
    for number in range(40):
        token, place = draw.choice(["a", "b", f"t{number}", f"t{number}"]), draw.randint(-1, 12)
        kind = draw.randrange(3)
        if kind == 0:
            calls.append(lambda v, token=token: v.append_token(token))
        elif kind == 1:
            calls.append(lambda v, token=token, place=place: v.insert_token(token, place))
        else:
            calls.append(lambda v, place=place: v.set_default_index(None if place < 3 else place))
    return calls


def compare(ours: Any, theirs: Any) -> int:
    """Ask both, change both alike, ask again; return the number of equal answers."""
    equal = 0
    for call in [lambda v: None, *changes(seed=len(ours))]:
        assert answer(call, ours) == answer(call, theirs)
        pairs = list(zip(questions(ours), questions(theirs)))
        for position, (mine, other) in enumerate(pairs):
            assert mine == other, f"question {position}: {mine!r} here, {other!r} in torchtext"
        equal += len(pairs)
    return equal


def main() -> None:
    """Compare and say how much was compared."""
    warnings.filterwarnings("ignore", category=UserWarning)  # torchtext says that it is no longer developed
    import torch
    import torchtext
    from torchtext import vocab as real

    assert torchtext.__version__.startswith("0.18."), f"This is for torchtext 0.18, here is {torchtext.__version__}."
    ours = load(FILE)
    equal = 0
    for options in OPTIONS:
        theirs = real.build_vocab_from_iterator(CORPUS, **options)
        equal += compare(ours.build_vocab_from_iterator(CORPUS, **options), copy.deepcopy(theirs))
        theirs.set_default_index(1)
        for one in (theirs, pickle.loads(pickle.dumps(theirs))):
            equal += compare(ours.as_vocab(one), copy.deepcopy(one))
    for options in ({}, {"min_freq": 2}, {"specials": ["x", "y"], "special_first": False}):
        frequencies = {"b": 2, "x": 3, "a": 1}
        theirs = real.vocab(OrderedDict(frequencies), **options)
        equal += compare(ours.vocab(frequencies, **options), theirs)
    twice = {"x": 1, "y": 1}, 1, ["z", "z"]
    assert answer(ours.vocab, *twice) is answer(real.vocab, *twice) is RuntimeError
    print(
        f"{equal} answers equal, torchtext {torchtext.__version__}, torch {torch.__version__}, Python {sys.version[:7]}"
    )


if __name__ == "__main__":
    main()

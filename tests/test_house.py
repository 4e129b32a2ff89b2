"""The rules of the house, read from the source: which way imports point, what things are called, what no file does.

One test a rule; it lists all who break it.
"""

import ast
import importlib
import inspect
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

import gan_ext

PACKAGE = Path(gan_ext.__file__).parent
ROOT = PACKAGE.parent
FILES = sorted(PACKAGE.rglob("*.py"))
RECIPES = sorted((ROOT / "recipes").glob("*.py"))
LONGEST = 320  # lines of a file
RECIPE = 175  # lines: what is trained and what is measured; the rest is in gan_ext.runs
# Longer today.  A number may only fall; a recipe that has fallen to RECIPE is struck off.
LONGER = {
    "infogan_sprites": 181,
    "plug_and_play": 205,
    "solvers": 215,
}
FULLEST = 15  # modules in a folder, but for games/: one paper, one file

STEPS = ("losses", "games", "gradients", "nets", "precision", "sequences", "terms")  # what runs within a step

EVERYBODY = {"checks"}  # what every room may import: it knows nothing but Python's kinds

# What each room may import: rooms of the package, and libraries besides the standard one.
TENSORS = {"torch"}
ARRAYS = {"torch", "numpy", "sklearn", "scipy"}
CORE = {
    "data", "engine", "game", "games", "gradients", "latents", "losses", "metrics", "moments", "nets", "plug_and_play",
    "seeds", "sequences", "terms",
}  # fmt: skip
ARROWS: dict[str, tuple[set[str], set[str]]] = {
    "checks": (set(), TENSORS | {"numpy"}),
    "seeds": (set(), TENSORS),
    "precision": (set(), TENSORS),
    "moments": (set(), {"numpy", "sklearn", "torch"}),
    "latents": ({"precision"}, TENSORS),
    "losses": ({"precision"}, TENSORS),
    "sequences": (set(), TENSORS),
    "nets": ({"precision", "sequences"}, TENSORS),
    "gradients": ({"losses", "sequences"}, TENSORS),
    "game": (set(), TENSORS),
    "terms": ({"losses"}, TENSORS),
    "games": ({"game", "gradients", "losses", "latents", "moments", "nets", "sequences", "terms"}, TENSORS),
    "reinforcement": ({"games", "losses", "nets", "seeds", "sequences"}, TENSORS | {"numpy"}),
    "engine": ({"game", "precision", "seeds"}, TENSORS | {"safetensors"}),
    "plug_and_play": ({"engine", "games", "latents", "seeds", "sequences"}, TENSORS),
    "data": ({"moments", "seeds", "sequences"}, ARRAYS | {"tokenizers", "PIL"}),
    "metrics": ({"seeds", "sequences"}, ARRAYS | {"rdkit"}),
    "toys": ({"data", "engine", "game", "games", "latents", "losses", "nets", "seeds"}, TENSORS),
    "taxonomy": (
        {"data", "engine", "game", "games", "latents", "losses", "metrics", "nets", "seeds", "toys"},
        ARRAYS | {"zuko"},
    ),
    "testing": ({"engine", "game", "seeds", "toys"}, TENSORS),
    "runs": (
        {"data", "engine", "game", "games", "metrics", "seeds", "sequences"},
        TENSORS | {"numpy", "rich", "sklearn", "tyro"},
    ),
    "pictures": (set(), {"numpy", "einops", "matplotlib", "PIL", "rdkit"}),
    "explorer": ({"latents", "nets", "seeds"}, TENSORS | {"numpy"}),
    "doctor": (
        {"engine", "game", "games", "latents", "losses", "metrics", "seeds", "sequences", "toys"},
        TENSORS | {"numpy"},
    ),
    "estimators": (CORE | {"doctor", "pictures", "runs"}, ARRAYS | {"einops"}),
    "__init__": ({"doctor", "engine", "estimators", "game"}, set()),
}

# Within a room: which of its other folders each of its folders may import; "" stands for the files in no folder, which
# all folders may import.
WITHIN: dict[str, dict[str, set[str]]] = {
    "nets": {
        "layers": set(),
        "": {"layers"},
        "images": {"layers"},
        "tables": {"layers"},
        "sequences": {"layers"},
        "codes": {"layers", "images"},
    },
    "estimators": {
        "base": set(),
        "evaluation": {"base"},
        "semi_supervised": {"base"},
        "codes": {"base"},
        "plug_and_play": {"base", "evaluation"},
        "sequences": {"base", "evaluation"},
    },
    "metrics": {
        "": set(),
        "statistics": set(),
        "samples": {"statistics"},
        "classes": set(),
        "codes": set(),
        "sequences": {"statistics"},
    },
    "data": {"": set(), "streams": set(), "images": {"streams"}, "sequences": set()},
    "plug_and_play": {"": set(), "sequences": set()},
    "engine": {"solvers": set(), "graphs": set(), "": {"solvers", "graphs"}},
}
HIDDEN = {"gan_ext.estimators.base", "gan_ext.engine.graphs"}  # folders that are not for users

# American is what torch and scikit-learn speak.
BRITISH = re.compile(
    r"colour|favour|behaviour|neighbour|honour|labour|centre|fibre|grey|artefact|programme|whilst|learnt|analys(e|ing)"
    r"|optimis(?!t)|realis(?!t|m)|(normal|regular|general|initial|minim|maxim|random|standard|token|summar|visual|organ"
    r"|recogn|penal|categor|parametr|factor|discret|quant|binar|vector|serial|character|equal|memor|local)is(e|a|i)"
    r"|(label|model|travel|cancel|signal|channel|level)l(ed|ing|er)",
    re.IGNORECASE,
)


def name(path: Path) -> str:
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else path.name


def room(path: Path) -> str:
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def folder(path: Path) -> str:
    """Return the folder of its room that a file is in, "" for none."""
    parts = path.relative_to(PACKAGE).parts
    return parts[1] if len(parts) > 2 else ""


def module_of(path: Path) -> str:
    parts = list(path.relative_to(ROOT).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(text(path))


@cache
def nodes(path: Path) -> list[ast.AST]:
    return list(ast.walk(tree(path)))


@cache
def imports(path: Path) -> list[tuple[str, list[str]]]:
    """Return every imported module with the names taken from it; a relative import is one of ``"."``."""
    found: list[tuple[str, list[str]]] = []
    for node in nodes(path):
        if isinstance(node, ast.Import):
            found += [(alias.name, []) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append(("." * node.level + (node.module or ""), [alias.name for alias in node.names]))
    return found


def rooms(path: Path) -> Iterator[str]:
    """Yield the rooms of the package that a file imports from."""
    for module, names in imports(path):
        top, *rest = module.split(".")
        if top == "gan_ext":
            yield from rest[:1] or names


def parts_of(path: Path, kind: str) -> Iterator[str]:
    """Yield what a file imports of a room: the second part of the address, or the names taken from the room itself."""
    for module, names in imports(path):
        top, *rest = module.split(".")
        if top == "gan_ext" and rest[:1] == [kind]:
            yield from rest[1:2] or names


def libraries(path: Path) -> set[str]:
    tops = {module.split(".")[0] for module, _ in imports(path)}
    return tops - set(sys.stdlib_module_names) - {"gan_ext", "typing_extensions", ""}


def calls(path: Path) -> Iterator[str]:
    """Yield what a file calls, as dotted names; methods of anything but a name start with a dot."""
    for node in nodes(path):
        if isinstance(node, ast.Call):
            function = node.func
            if isinstance(function, ast.Name):
                yield function.id
            elif isinstance(function, ast.Attribute):
                owner = function.value.id if isinstance(function.value, ast.Name) else ""
                yield f"{owner}.{function.attr}"


def only_lists(path: Path) -> bool:
    """Return whether a file is an `__init__` of nothing but imports, a docstring and `__all__`."""
    kinds = (ast.Import, ast.ImportFrom, ast.Assign, ast.Expr)
    return path.name == "__init__.py" and all(isinstance(node, kinds) for node in tree(path).body)


def foreign_code(path: Path) -> set[str]:
    """Return what a file uses that could run code out of a file of somebody else."""
    modules = {module.split(".")[0] for module, _ in imports(path)}
    keywords = [keyword for node in nodes(path) if isinstance(node, ast.Call) for keyword in node.keywords]
    pickles = {each.arg for each in keywords if each.arg == "allow_pickle" and ast.unparse(each.value) != "False"}
    return (
        modules & {"pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib"}
        | set(calls(path)) & {"eval", "exec", "torch.load", "torch.save", "__import__", "pickle.loads"}
        | pickles
    )


def waits(call: str) -> bool:
    """Return whether a call is of a method that copies from the device to the host."""
    return "." in call and call.split(".")[-1] in {"item", "tolist", "cpu", "numpy"}


def circle(arrows: Mapping[str, set[str]]) -> set[str]:
    """Return those who know each other, if any do."""
    left = {each: set(known) - {each} for each, known in arrows.items()}
    while free := {each for each, known in left.items() if not known & left.keys()}:
        left = {each: known for each, known in left.items() if each not in free}
    return set(left)


def two_things(public: Mapping[str, Mapping[str, object]]) -> list[str]:
    """Return the names that are different objects in two rooms."""
    seen: dict[str, tuple[str, object]] = {}
    wrong = []
    for where, names in public.items():
        for each, value in names.items():
            first, known = seen.setdefault(each, (where, value))
            # A tuple or a string may be written down twice.
            if known is not value and not (isinstance(value, (str, tuple)) and known == value):
                wrong.append(f"{each} is one thing in {first} and another in {where}")
    return wrong


def said(wrong: Iterable[object]) -> None:
    """Fail with a line for each offender."""
    lines = [str(each) for each in wrong]
    assert not lines, "\n" + "\n".join(lines)


@cache
def public_names() -> dict[str, dict[str, object]]:
    """Return what each room and folder of a room promises: names and what they stand for."""
    found = {}
    for path in FILES:
        parts = path.relative_to(PACKAGE).parts
        if path.name == "__init__.py" or len(parts) == 1:
            module = importlib.import_module(module_of(path))
            names = [each for each in getattr(module, "__all__", ()) if not each.startswith("_")]
            found[module.__name__] = {each: getattr(module, each) for each in names}
    return found


def test_imports_point_one_way() -> None:
    wrong = []
    for path in FILES:
        if room(path) not in ARROWS:
            wrong.append(f"{room(path)} is a new room: say in ARROWS what it may import")
            continue
        inside, outside = ARROWS[room(path)]
        inside = inside | EVERYBODY - {room(path)}
        if others := {other for other in rooms(path) if other != room(path)} - inside:
            wrong.append(f"{name(path)} imports {sorted(others)}; {room(path)} may only know {sorted(inside)}")
        if foreign := libraries(path) - outside:
            wrong.append(f"{name(path)} imports {sorted(foreign)}; {room(path)} may only use {sorted(outside)}")
        wrong += [f"{name(path)} has a relative import" for module, _ in imports(path) if module.startswith(".")]
    said(wrong)


def test_within_a_room_imports_point_one_way() -> None:
    wrong = []
    for path in FILES:
        kind, own = room(path), folder(path)
        folders = {each.parent.name for each in (PACKAGE / kind).glob("*/__init__.py")}
        if not folders or path == PACKAGE / kind / "__init__.py":
            continue
        if own not in WITHIN.get(kind, {}):
            wrong.append(f"{kind}/{own} is a new folder: say in WITHIN what it may import")
            continue
        if others := set(parts_of(path, kind)) & folders - WITHIN[kind][own] - {own}:
            wrong.append(f"{name(path)} imports {sorted(others)}; {kind}/{own} may know {sorted(WITHIN[kind][own])}")
    said(wrong)


def test_arrows_have_no_circle() -> None:
    assert not circle({each: inside for each, (inside, _) in ARROWS.items()})
    for kind, arrows in WITHIN.items():
        assert not circle({each: known for each, known in arrows.items() if each}), f"within {kind}"


def test_arrows_are_of_rooms_that_there_are() -> None:
    assert ARROWS.keys() == {room(path) for path in FILES}
    for kind, arrows in WITHIN.items():
        assert arrows.keys() - {""} == {path.parent.name for path in (PACKAGE / kind).glob("*/__init__.py")}


def test_public_names_exist() -> None:
    wrong = []
    for path in FILES:
        module = importlib.import_module(module_of(path))
        public = getattr(module, "__all__", None)
        if public is None:
            if any(isinstance(node, ast.FunctionDef | ast.ClassDef) for node in tree(path).body):
                wrong.append(f"{name(path)} lacks __all__")
            continue
        wrong += [f"{name(path)} promises {each}" for each in public if not hasattr(module, each)]
        wrong += [f"{name(path)} promises {each} twice" for each in {*public} if public.count(each) > 1]
        wrong += [f"{name(path)}: {each} is private" for each in public if each[0] == "_" and each != "__version__"]
    said(wrong)


def test_what_a_folder_promises_its_room_promises_too() -> None:
    public = public_names()
    wrong = []
    for module, names in public.items():
        kind = ".".join(module.split(".")[:2])
        if kind != module and module not in HIDDEN:
            wrong += [f"{kind} lacks {each} of {module}" for each in names if each not in public[kind]]
    said(wrong)


def test_one_name_is_one_thing() -> None:
    said(two_things(public_names()))


def test_files_are_short() -> None:
    # A room's list of what is in it is as long as the room is wide.
    lengths = {path: len(text(path).splitlines()) for path in FILES if not only_lists(path)}
    said(f"{name(path)} has {n} lines" for path, n in lengths.items() if n > LONGEST)


def test_recipes_say_what_is_trained_and_what_is_measured_and_nothing_else() -> None:
    lengths = {path.stem: len(text(path).splitlines()) for path in RECIPES}
    wrong = [f"{each} has {n} lines" for each, n in lengths.items() if n > LONGER.get(each, RECIPE)]
    wrong += [f"strike {each} off LONGER" for each in LONGER if lengths.get(each, 0) <= RECIPE]
    said(wrong)


def test_no_folder_is_full() -> None:
    folders = {path.parent for path in FILES} - {PACKAGE, PACKAGE / "games"}
    modules = {each: [path for path in each.glob("*.py") if path.name != "__init__.py"] for each in folders}
    said(f"{name(each)} has {len(files)} modules" for each, files in modules.items() if len(files) > FULLEST)


def test_names_are_american() -> None:
    wrong = []
    for module, names in public_names().items():
        for each, value in names.items():
            wrong += [f"{module}.{each}"] if BRITISH.search(each) else []
            wrong += [f"{module}.{each}({word})" for word in words_of(value) if BRITISH.search(word)]
    said(wrong)


def words_of(value: object) -> set[str]:
    """Return the names that somebody who uses a public object writes: parameters, methods, attributes of the class."""
    if not (inspect.isclass(value) or inspect.isfunction(value)):
        return set()
    own = [value, *(vars(value).values() if inspect.isclass(value) else ())]
    found = {each for each in vars(value) if each[0] != "_"} if inspect.isclass(value) else set()
    for each in own:
        if inspect.isfunction(each) or inspect.isclass(each):
            try:
                found |= set(inspect.signature(each).parameters)
            except (ValueError, TypeError):  # a class that C made, or an alias of a type
                continue
    return found


def test_no_file_can_run_foreign_code() -> None:
    found = {path: foreign_code(path) for path in [*FILES, *RECIPES]}
    said(f"{name(path)} uses {sorted(how)}" for path, how in found.items() if how)


def test_nothing_inside_a_step_waits_for_the_device() -> None:
    steps = [path for path in FILES if room(path) in STEPS]
    said(f"{name(path)} calls {call}" for path in steps for call in calls(path) if waits(call))


def test_recipes_use_public_names_only() -> None:
    wrong = []
    for path in RECIPES:
        for module, names in imports(path):
            top, *rest = module.split(".")
            if top == "gan_ext":
                public = (
                    set()
                    if len(rest) > 1
                    else set(importlib.import_module(module).__all__) | ({*ARROWS} if not rest else set())
                )
                wrong += [f"{name(path)} imports {each} from {module}" for each in names if each not in public]
            if top == "recipes":
                wrong.append(f"{name(path)} imports {module}: a recipe stands alone")
    said(wrong)


def test_the_reader_sees_what_it_should(tmp_path: Path) -> None:
    """The checks of this file can fail."""
    path = tmp_path / "bad.py"
    path.write_text(
        "import numpy as np\n"
        "from gan_ext import estimators\n"
        "from gan_ext.engine.loop import Engine\n"
        "from gan_ext.engine import adam\n"
        "from . import sibling\n"
        "def f(x):\n"
        "    import pickle\n"
        "    np.load(x, allow_pickle=True)\n"
        "    return torch.load(x), eval(x), x.mean().item(), (x + 1).item(), x.eval()\n"
    )
    assert list(rooms(path)) == ["estimators", "engine", "engine"]
    assert list(parts_of(path, "engine")) == ["loop", "adam"]
    assert libraries(path) == {"numpy"}
    assert (".", ["sibling"]) in imports(path)
    assert foreign_code(path) == {"pickle", "torch.load", "eval", "allow_pickle"}
    assert {"torch.load", "eval", ".item", "x.eval"} <= set(calls(path))
    assert not only_lists(path)
    assert [call for call in calls(path) if waits(call)] == [".item", ".item"]
    assert not waits("item")


def test_circles_and_names_that_mean_two_things_are_seen() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == {"a", "b", "c"}
    assert circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == set()
    assert two_things({"x": {"a": 1}, "y": {"a": 1, "b": ("s",)}, "z": {"b": ("s",)}}) == []
    assert len(two_things({"x": {"a": print}, "y": {"a": len}})) == 1


def test_british_spelling_is_seen() -> None:
    british = "colour unlabelled normalise Tokeniser behaviours neighbour_count centre modelling optimised analyse grey"
    american = (
        "color unlabeled normalize Tokenizer Optimistic realistic realness noise precise supervised penalties analysis "
        "wise labels channels cancellation central minimum standard_normal promise random_state generalist"
    )
    assert [word for word in british.split() if not BRITISH.search(word)] == []
    assert [word for word in american.split() if BRITISH.search(word)] == []

    class Example:
        def __init__(self, labelled: int) -> None:
            self.labelled = labelled

        def centre(self, grey: int) -> None:
            """Have a name that is not American."""

    assert {word for word in words_of(Example) if BRITISH.search(word)} == {"labelled", "centre", "grey"}


def test_said_lists_everybody() -> None:
    with pytest.raises(AssertionError, match=r"(?s)first.*second"):
        said(["first", "second"])
    said([])

"""The rules of the house, read from the source: which way imports point, and what no file does."""

import ast
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import gan_ext

PACKAGE = Path(gan_ext.__file__).parent
ROOT = PACKAGE.parent
FILES = sorted(PACKAGE.rglob("*.py"))
RECIPES = sorted((ROOT / "recipes").glob("*.py"))
LONGEST = 320

STEPS = ("losses", "games", "gradients", "nets", "sequences", "terms")  # what runs within a step

# What each room may import: rooms of the package, and libraries besides the standard one.
TENSORS = {"torch"}
ARRAYS = {"torch", "numpy", "sklearn", "scipy"}
CORE = {
    "data", "engine", "game", "games", "gradients", "latents", "losses", "metrics", "nets", "plug_and_play", "seeds",
    "sequences", "terms",
}  # fmt: skip
ARROWS: dict[str, tuple[set[str], set[str]]] = {
    "seeds": (set(), TENSORS),
    "precision": (set(), TENSORS),
    "latents": ({"precision"}, TENSORS),
    "losses": ({"precision"}, TENSORS),
    "sequences": (set(), TENSORS),
    "nets": ({"sequences"}, TENSORS),
    "gradients": ({"losses", "sequences"}, TENSORS),
    "game": (set(), TENSORS),
    "terms": ({"losses"}, TENSORS),
    "games": ({"game", "gradients", "losses", "latents", "nets", "sequences", "terms"}, TENSORS),
    "reinforcement": ({"games", "nets", "seeds", "sequences"}, TENSORS | {"numpy"}),
    "engine": ({"game", "seeds"}, TENSORS | {"safetensors"}),
    "plug_and_play": ({"engine", "games", "latents", "seeds", "sequences"}, TENSORS),
    "data": ({"seeds", "sequences"}, ARRAYS | {"tokenizers", "PIL"}),
    "metrics": ({"seeds", "sequences"}, ARRAYS | {"rdkit"}),
    "toys": ({"data", "engine", "game", "games", "latents", "losses", "nets", "seeds"}, TENSORS),
    "taxonomy": (
        {"data", "engine", "game", "games", "latents", "losses", "metrics", "nets", "seeds"},
        ARRAYS | {"zuko"},
    ),
    "testing": ({"engine", "game", "seeds", "toys"}, TENSORS),
    "runs": ({"engine"}, TENSORS | {"numpy", "rich", "sklearn", "tyro"}),
    "pictures": (set(), {"numpy", "einops", "matplotlib", "PIL"}),
    "explorer": ({"latents", "nets"}, TENSORS | {"numpy"}),
    "doctor": (
        {"engine", "game", "games", "latents", "losses", "metrics", "seeds", "sequences", "toys"},
        TENSORS | {"numpy"},
    ),
    "estimators": (CORE | {"doctor", "pictures", "runs"}, ARRAYS | {"einops"}),
    "__init__": (CORE | {"doctor", "estimators"}, set()),
}


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def room(path: Path) -> str:
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(path: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield every imported module with the names taken from it."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, []) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name(path)} has a relative import"
            assert node.module
            yield node.module, [alias.name for alias in node.names]


def rooms(path: Path) -> Iterator[str]:
    """Yield the rooms of the package that a file imports from."""
    for module, names in imports(path):
        top, *rest = module.split(".")
        if top == "gan_ext":
            yield from rest[:1] or names


def libraries(path: Path) -> set[str]:
    tops = {module.split(".")[0] for module, _ in imports(path)}
    return tops - set(sys.stdlib_module_names) - {"gan_ext", "typing_extensions"}


def calls(path: Path) -> Iterator[str]:
    """Yield what a file calls, as dotted names; methods of anything but a name start with a dot."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call):
            function = node.func
            if isinstance(function, ast.Name):
                yield function.id
            elif isinstance(function, ast.Attribute):
                owner = function.value.id if isinstance(function.value, ast.Name) else ""
                yield f"{owner}.{function.attr}"


@pytest.mark.parametrize("path", FILES, ids=name)
def test_imports_point_one_way(path: Path) -> None:
    assert room(path) in ARROWS, f"{room(path)} is a new room: say in ARROWS what it may import"
    inside, outside = ARROWS[room(path)]
    wrong = {other for other in rooms(path) if other != room(path)} - inside
    assert not wrong, f"{name(path)} imports {sorted(wrong)}; {room(path)} may only know {sorted(inside)}"
    foreign = libraries(path) - outside
    assert not foreign, f"{name(path)} imports {sorted(foreign)}; {room(path)} may only use {sorted(outside)}"


def test_arrows_have_no_circle() -> None:
    left = {room: set(inside) - {room} for room, (inside, _) in ARROWS.items()}
    while left:
        free = {room for room, inside in left.items() if not inside & left.keys()}
        assert free, f"these rooms import each other: {sorted(left)}"
        left = {room: inside for room, inside in left.items() if room not in free}


def test_the_reader_sees_what_it_should(tmp_path: Path) -> None:
    """The checks of this file can fail."""
    path = tmp_path / "bad.py"
    path.write_text(
        "import numpy as np\n"
        "from gan_ext import estimators\n"
        "from gan_ext.engine.loop import Engine\n"
        "def f(x):\n"
        "    import pickle\n"
        "    return torch.load(x), eval(x), x.mean().item(), (x + 1).item(), x.eval()\n"
    )
    assert list(rooms(path)) == ["estimators", "engine"]
    assert libraries(path) == {"numpy"}
    assert "pickle" in {module for module, _ in imports(path)}
    assert {"torch.load", "eval", ".item", "x.eval"} <= set(calls(path))


@pytest.mark.parametrize("path", FILES, ids=name)
def test_public_names_exist(path: Path) -> None:
    parts = list(path.relative_to(ROOT).with_suffix("").parts)
    module = importlib.import_module(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    public = getattr(module, "__all__", None)
    if public is None:
        defined = [node for node in tree(path).body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
        assert not defined, f"{name(path)} lacks __all__"
        return
    assert len(public) == len(set(public))
    missing = [each for each in public if not hasattr(module, each)]
    assert not missing, f"{name(path)} promises {missing}"
    assert not [each for each in public if each.startswith("_") and each != "__version__"]


@pytest.mark.parametrize("path", FILES, ids=name)
def test_files_are_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST


@pytest.mark.parametrize("path", [*FILES, *RECIPES], ids=name)
def test_no_file_can_run_foreign_code(path: Path) -> None:
    modules = {module.split(".")[0] for module, _ in imports(path)}
    assert not modules & {"pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib"}
    assert not set(calls(path)) & {"eval", "exec", "torch.load", "torch.save", "__import__", "pickle.loads"}
    keywords = {keyword.arg for node in ast.walk(tree(path)) if isinstance(node, ast.Call) for keyword in node.keywords}
    assert "allow_pickle" not in keywords


@pytest.mark.parametrize("path", [path for path in FILES if room(path) in STEPS], ids=name)
def test_nothing_inside_a_step_waits_for_the_device(path: Path) -> None:
    waiting = {"item", "tolist", "cpu", "numpy"}
    assert not {call for call in calls(path) if "." in call and call.split(".")[-1] in waiting}


@pytest.mark.parametrize("path", RECIPES, ids=name)
def test_recipes_use_public_names_only(path: Path) -> None:
    for module, names in imports(path):
        top, *rest = module.split(".")
        if top == "gan_ext":
            assert len(rest) <= 1, f"{name(path)} reaches into {module}"
            public = importlib.import_module(module).__all__
            assert set(names) <= set(public), f"{name(path)} imports {sorted(set(names) - set(public))} from {module}"
        assert top != "recipes", "a recipe stands alone"

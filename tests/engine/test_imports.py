"""No module imports one that imports it, not even for types: within each room imports have an order."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import gan_ext

PACKAGE = Path(gan_ext.__file__).parent
ROOMS = sorted(path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists())


def dotted(path: Path, root: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def targets(source: str, known: set[str]) -> Iterator[str]:
    """Yield the known modules that a source imports, wherever in it: inside functions and for type checkers too."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                if inner in known or node.module in known:
                    yield inner if inner in known else node.module


def graph(folder: Path, root: Path) -> dict[str, set[str]]:
    files = {dotted(path, root): path for path in folder.rglob("*.py")}
    return {name: set(targets(path.read_text(encoding="utf-8"), set(files))) - {name} for name, path in files.items()}


def circle(edges: Mapping[str, set[str]]) -> set[str]:
    """Return modules that cannot be put in an order because each waits for another of them; empty if all can."""
    left = {name: set(others) for name, others in edges.items()}
    while left:
        free = {name for name, others in left.items() if not others & left.keys()}
        if not free:
            return set(left)
        left = {name: others for name, others in left.items() if name not in free}
    return set()


@pytest.mark.parametrize("room", ROOMS)
def test_no_module_waits_for_itself(room: str) -> None:
    found = circle(graph(PACKAGE / room, PACKAGE.parent))
    assert not found, f"these modules import each other, or one that does: {sorted(found)}"


def test_circles_are_seen_in_functions_and_for_types_too(tmp_path: Path) -> None:
    room = tmp_path / "package" / "room"
    room.mkdir(parents=True)
    (room / "__init__.py").write_text("from package.room.a import A\n")
    (room / "a.py").write_text("from package.room import b\n")
    (room / "b.py").write_text("import numpy\n")
    assert graph(room, tmp_path) == {
        "package.room": {"package.room.a"}, "package.room.a": {"package.room.b"}, "package.room.b": set()
    }  # fmt: skip
    assert circle(graph(room, tmp_path)) == set()
    for back in ("if TYPE_CHECKING:\n    from package.room.a import A\n", "def f():\n    import package.room.a\n"):
        (room / "b.py").write_text(back)
        assert circle(graph(room, tmp_path)) >= {"package.room.a", "package.room.b"}

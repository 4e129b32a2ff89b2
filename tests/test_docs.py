"""The code of the documentation runs: every block of a page, in order, in one namespace.

By default the first pages that are read run, and end each training after a few steps; `-m slow` runs all to the letter.
"""

import importlib
import importlib.util
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from gan_ext import Engine
from gan_ext.estimators import DeadCodeWarning

ROOT = Path(__file__).parent.parent
TUTORIALS = (
    "quickstart",
    "semi_supervised",
    "semi_supervised_terms",
    "sequences",
    "codes",
    "convergence",
    "evaluation",
    "doctor",
    "reinforcement",
    "plug_and_play",
)
PAGES = [ROOT / "README.md", *(ROOT / f"docs/{name}.md" for name in TUTORIALS)]
QUICK = {"convergence.md", "reinforcement.md"}  # to the letter in some seconds
FIRST = {"README.md", "quickstart.md", "semi_supervised.md", "plug_and_play.md"}  # a few steps of each training
# For the package itself.
INSIDE = {f"gan_ext.{name}" for name in ("checks", "estimators", "moments", "precision", "seeds")}
STEPS = 6
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(text: str) -> Iterator[str]:
    """Yield the Python blocks of a page, each preceded by as many empty lines as there are above it."""
    for match in BLOCK.finditer(text):
        yield "\n" * text.count("\n", 0, match.start(1)) + match[1]


def test_blocks_keep_their_line_numbers() -> None:
    text = "a\n```python\nb = 1\n```\n```bash\nrm\n```\n```python\nc = b\nraise KeyError\n```\n"
    first, second = blocks(text)
    assert first == "\n\nb = 1\n"
    assert second.splitlines().index("raise KeyError") + 1 == text.splitlines().index("raise KeyError") + 1


def shorten(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Let every training end after a few steps; return a list that will have the steps that were asked for."""
    whole, asked = Engine.fit, []

    def fit(self: Engine, stream: Any, steps: int, callbacks: Any = ()) -> Engine:
        asked.append(steps)
        return whole(self, stream, min(steps, STEPS), callbacks)

    monkeypatch.setattr(Engine, "fit", fit)
    return asked


def run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Execute the blocks of a page in an empty folder."""
    # A module and not a dictionary, so that what a page defines can be pickled.
    module = ModuleType(f"page_{page.stem}")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.chdir(tmp_path)
    found = list(blocks(page.read_text(encoding="utf-8")))
    assert found or page.name == "README.md", f"{page} has no code"
    for block in found:
        exec(compile(block, str(page), "exec"), module.__dict__)


@pytest.mark.parametrize("page", [page for page in PAGES if page.name in QUICK | FIRST], ids=lambda page: page.name)
@pytest.mark.filterwarnings(f"ignore::{DeadCodeWarning.__module__}.DeadCodeWarning")  # nothing is learned so soon
def test_code_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = [] if page.name in QUICK else shorten(monkeypatch)
    run(page, tmp_path, monkeypatch)
    assert page.name in QUICK or max(asked) > STEPS


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in PAGES if page.name not in QUICK], ids=lambda page: page.name)
def test_code_runs_to_the_letter(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(page, tmp_path, monkeypatch)


def test_the_picture_of_where_is_what_is_that_of_the_folders() -> None:
    spec = importlib.util.spec_from_file_location("where_is_what", ROOT / "docs" / "where_is_what.py")
    assert spec is not None
    assert spec.loader is not None
    page = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(page)
    kinds = {path.parent.name for path in (ROOT / "gan_ext").glob("*/__init__.py")}
    assert kinds == set(page.KINDS), "docs/where_is_what.py names the kinds"
    assert page.PICTURE.read_text(encoding="utf-8") == page.picture(), "run python docs/where_is_what.py"


def test_reference_names_every_module() -> None:
    paths = [*(ROOT / "gan_ext").glob("[!_]*.py"), *(path.parent for path in (ROOT / "gan_ext").glob("*/__init__.py"))]
    rooms = {f"gan_ext.{path.stem}" for path in paths}
    named = set(re.findall(r"^::: ([\w.]+)", (ROOT / "docs/reference.md").read_text(encoding="utf-8"), re.MULTILINE))
    assert rooms - named == INSIDE
    for name in named & rooms:
        public = importlib.import_module(name).__all__
        assert public


@pytest.mark.slow
def test_site_builds(tmp_path: Path) -> None:
    pytest.importorskip("mkdocstrings", reason="needs the extra `docs`")
    pytest.importorskip("material", reason="needs the extra `docs`")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    pages = {path.name: path.read_text(encoding="utf-8") for path in (tmp_path / "site").rglob("*.html")}
    loaded = re.compile(r"<(?:script|link|img|iframe)[^>]*(?:src|href)=[\"']?(?:https?:)?//", re.IGNORECASE)
    assert not [name for name, text in pages.items() if loaded.search(text)], "the site loads from the network"
    equation = r"s(x) = \log \sum_{k=1}^{K} \exp l_k(x)"
    assert f"{equation}\n" in re.sub(r"<[^>]+>", "", pages["reference.html"]), "equations are blocks of their own"

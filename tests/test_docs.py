"""The code of the documentation runs: every block of a page, in order, in one namespace."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / name for name in ("README.md", "docs/quickstart.md", "docs/semi_supervised.md")]
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


@pytest.mark.parametrize("page", [page for page in PAGES if page.exists()], ids=lambda page: page.name)
def test_code_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A module and not a dictionary, so that what a page defines can be pickled.
    module = ModuleType(f"page_{page.stem}")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.chdir(tmp_path)
    found = list(blocks(page.read_text(encoding="utf-8")))
    assert found or page.name == "README.md", f"{page} has no code"
    for block in found:
        exec(compile(block, str(page), "exec"), module.__dict__)

"""The tables of the documentation are those of the JSON files beside the benchmarks."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "results.md"
RESULTS = sorted((ROOT / "benchmarks" / "results").glob("*.json"))


def test_tables_are_those_of_the_files(run_script: Callable[..., tuple[int, str]]) -> None:
    status, output = run_script("benchmarks/tables.py", "--check")
    assert status == 0, output


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.stem)
def test_results_say_where_they_come_from(path: Path) -> None:
    result = json.loads(path.read_text(encoding="utf-8"))
    assert result["environment"]["torch"]
    assert result["config"]
    assert len(result["commit"].rstrip("+")) == 12, "made outside a checkout"
    assert not result["commit"].endswith("+"), "made with files that differ from the commit"


def test_a_table_that_is_out_of_date_is_seen(
    run_script: Callable[..., tuple[int, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    read = Path.read_text

    def aged(path: Path, *arguments: Any, **named: Any) -> str:
        text = read(path, *arguments, **named)
        return text.replace("| SVC, labeled rows only |", "| SVC, labelled rows only |") if path == PAGE else text

    monkeypatch.setattr(Path, "read_text", aged)
    status, output = run_script("benchmarks/tables.py", "--check")
    assert status == 1
    assert "docs/results.md is out of date" in output

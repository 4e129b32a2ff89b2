"""The tables of the documentation are those of the JSON files beside the benchmarks."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
RESULTS = sorted((ROOT / "benchmarks" / "results").glob("*.json"))


def test_tables_are_those_of_the_files() -> None:
    command = [sys.executable, str(ROOT / "benchmarks" / "tables.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.stem)
def test_results_say_where_they_come_from(path: Path) -> None:
    result = json.loads(path.read_text(encoding="utf-8"))
    assert result["environment"]["torch"]
    assert result["config"]
    assert len(result["commit"].rstrip("+")) == 12, "made outside a checkout"
    assert not result["commit"].endswith("+"), "made with files that differ from the commit"

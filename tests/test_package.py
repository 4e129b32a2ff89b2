"""What the first line of a user's script costs, and that every name at the top is there."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import gan_ext


def _run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def _processor_time(line: str, best_of: int = 3) -> float:
    return min(float(_run(f"{line}\nimport time\nprint(time.process_time())")) for _ in range(best_of))


def test_importing_the_package_costs_little_more_than_torch() -> None:
    assert _processor_time("import gan_ext") <= 1.3 * _processor_time("import torch")


def test_a_name_is_loaded_when_it_is_asked_for_and_nothing_that_draws_or_reads_files_of_others() -> None:
    code = """
import json, sys
import gan_ext
def loaded(): return sorted({name.split(".")[0] for name in sys.modules})
first = loaded()
from gan_ext import SequenceGAN
second = loaded()
room = gan_ext.pictures.__name__
from gan_ext import *
print(json.dumps([first, second, room, dir()]))
"""
    first, second, room, names = json.loads(_run(code))
    assert "torch" not in first
    assert {"torch", "sklearn"} <= set(second)
    assert not set(second) & {"matplotlib", "PIL", "tokenizers", "rdkit", "torchtext", "gymnasium", "zuko", "tyro"}
    assert room == "gan_ext.pictures"
    assert set(gan_ext.__all__) <= set(names)


def test_every_name_at_the_top_is_found_by_python_and_by_type_checkers() -> None:
    source = ast.parse(Path(gan_ext.__file__).read_text(encoding="utf-8"))
    seen = [alias.name for node in ast.walk(source) if isinstance(node, ast.ImportFrom) for alias in node.names]
    seen = [name for name in seen if name not in ("import_module", "TYPE_CHECKING")]
    assert sorted([*seen, "__version__"]) == sorted(gan_ext.__all__)
    for name in gan_ext.__all__:
        assert getattr(gan_ext, name) is not None
    assert set(gan_ext.__all__) <= set(dir(gan_ext))


def test_what_is_not_there_is_an_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'SequenceGan'"):
        _ = gan_ext.SequenceGan
    with pytest.raises(ImportError, match="SequenceGan"):
        exec("from gan_ext import SequenceGan")

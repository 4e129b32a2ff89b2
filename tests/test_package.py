"""What the first line of a user's script costs, and that every name at the top is there."""

import ast
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


def test_a_sequence_gan_needs_no_library_that_draws_or_reads_files_of_others() -> None:
    code = "import sys; from gan_ext import SequenceGAN; print(*{name.split('.')[0] for name in sys.modules})"
    loaded = set(_run(code).split())
    assert "sklearn" in loaded
    assert not loaded & {"matplotlib", "PIL", "tokenizers", "rdkit", "torchtext", "gymnasium", "zuko", "tyro", "timm"}


def test_every_name_at_the_top_is_found_by_python_and_by_type_checkers() -> None:
    source = ast.parse(Path(gan_ext.__file__).read_text(encoding="utf-8"))
    seen = [alias.name for node in ast.walk(source) if isinstance(node, ast.ImportFrom) for alias in node.names]
    seen = [name for name in seen if name not in ("import_module", "TYPE_CHECKING")]
    assert sorted([*seen, "__version__"]) == sorted(gan_ext.__all__)
    for name in gan_ext.__all__:
        assert getattr(gan_ext, name) is not None
    assert set(gan_ext.__all__) <= set(dir(gan_ext))
    assert len(_run("from gan_ext import *; print(*dir())").split()) >= len(gan_ext.__all__) - 1


def test_rooms_can_be_reached_from_the_top_and_nothing_else() -> None:
    assert _run("import gan_ext; print(gan_ext.metrics.bleu.__name__)").strip() == "bleu"
    with pytest.raises(AttributeError, match="no attribute 'SequenceGan'"):
        _ = gan_ext.SequenceGan
    with pytest.raises(ImportError, match="SequenceGan"):
        exec("from gan_ext import SequenceGan")

"""What every test shares: one thread, a known seed, one library for matrices, and scripts that run in this process."""

import contextlib
import io
import os
import runpy
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

# Tests are spread over processes (pytest-xdist), so each has one thread; processes that they start inherit this.
os.environ.update({"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"})
# Tests compare values to the last bit with what this library gives.
os.environ.setdefault("GAN_EXT_LINEAR", "default")

import pytest
import torch
from sklearn.datasets import load_digits

torch.set_num_threads(1)

ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def seeded() -> Iterator[None]:
    """Start every test from the same random state."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        yield


@pytest.fixture(scope="session")
def digits() -> tuple[Any, Any]:
    """Return scikit-learn's 1797 digits, (1797, 64) of 0 to 16, and their classes; change a copy, never these."""
    return load_digits(return_X_y=True)


@pytest.fixture(scope="session")
def run_script() -> Callable[..., tuple[int, str]]:
    """Run a script of the repository in this process, as `python SCRIPT ARGUMENTS`; return its status and output.

    An exception of the script is the caller's, as a traceback is more than a status.
    """

    def run(script: str, *arguments: Any) -> tuple[int, str]:
        path, output, status = ROOT / script, io.StringIO(), 0
        before, threads, generator = sys.argv, torch.get_num_threads(), torch.get_rng_state()
        environment = dict(os.environ)
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output), warnings.catch_warnings():
            warnings.simplefilter("default")
            sys.argv = [str(path), *map(str, arguments)]
            sys.path.insert(0, str(path.parent))
            try:
                runpy.run_path(str(path), run_name="__main__")
            except SystemExit as done:
                if isinstance(done.code, str):
                    print(done.code)
                status = done.code if isinstance(done.code, int) else int(done.code is not None)
            finally:
                sys.argv = before
                os.environ.clear()
                os.environ.update(environment)
                sys.path.remove(str(path.parent))
                torch.set_num_threads(threads)
                torch.set_rng_state(generator)
        return status, output.getvalue()

    return run


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say which test has an address in its name: processes that share the tests must give them the same names."""
    named = [item.nodeid for item in items if " at 0x" in item.nodeid]
    if named:
        raise pytest.UsageError(f"Give these parameters ids: {', '.join(named)}")

"""Builds the pretend CUDA device once for each torch, Python and source, into the user's cache."""

import ctypes
import fcntl
import hashlib
import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

__all__ = ["TORCH", "CannotBuildError", "built", "preloaded"]

SOURCE = Path(__file__).with_name("device.cpp")
TORCH = ((2, 11), (2, 13))
"""The oldest and the newest torch that the source is written for; it was run with 2.13."""


class CannotBuildError(RuntimeError):
    """There is no compiler, or a torch that the source is not written for."""


def built() -> Path:
    """Return the extension, which is compiled if the cache has none; one process builds, others wait.

    Raises:
        CannotBuildError: with the reason, for the sentence of a skipped test.
    """
    installed = importlib.metadata.version("torch")
    version = tuple(map(int, installed.split("+")[0].split(".")[:2]))
    if not TORCH[0] <= version <= TORCH[1]:
        raise CannotBuildError(f"torch {installed}: the pretend device is written for 2.11 to 2.13.")
    if (_torch() / "lib" / "libtorch_cuda.so").exists():
        raise CannotBuildError("this torch has CUDA of its own: the pretend device needs a CPU build.")
    compiler = os.environ.get("CXX") or shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        raise CannotBuildError("there is no C++ compiler (g++ or clang++), which builds the pretend device.")
    include = Path(sysconfig.get_paths()["include"])
    if not (include / "Python.h").exists():
        raise CannotBuildError(f"Python's headers are missing ({include}), which the pretend device is built with.")
    key = f"{installed} {_torch()} {sys.version} {compiler}".encode() + SOURCE.read_bytes()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gan_ext"
    folder = cache / f"pretend_cuda-{hashlib.sha256(key).hexdigest()[:16]}"
    folder.mkdir(parents=True, exist_ok=True)
    library = folder / "pretend_cuda_c.so"
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not library.exists():
            _compile(compiler, include, library)
    return library


def preloaded() -> Path:
    """Build if need be and load the extension, which must come before torch is imported; return its path."""
    if "torch" in sys.modules:
        raise CannotBuildError("torch is imported already: the pretend device must be loaded before it.")
    library = built()
    ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)
    return library


def _torch() -> Path:
    found = importlib.util.find_spec("torch")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent


def _compile(compiler: str, include: Path, library: Path) -> None:
    home = _torch()
    partial = library.with_suffix(".partial")
    command = [
        compiler, "-O0", "-g0", "-std=c++20", "-fPIC", "-shared", "-w", "-DTORCH_EXTENSION_NAME=pretend_cuda_c",
        "-D_GLIBCXX_USE_CXX11_ABI=1", f"-I{home}/include", f"-I{home}/include/torch/csrc/api/include", f"-I{include}",
        str(SOURCE), "-o", str(partial), f"-L{home}/lib", "-ltorch", "-ltorch_cpu", "-lc10", "-ltorch_python",
        f"-Wl,-rpath,{home}/lib",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CannotBuildError(f"{compiler} could not build the pretend device: {done.stderr[-800:]}")
    partial.replace(library)

"""Where a result came from: libraries, processor, threads and commit."""

import platform
import subprocess
from pathlib import Path
from typing import Any

import torch

from gan_ext.engine import resolve_device

__all__ = ["environment", "source_commit"]


def environment(device: torch.device | str = "auto") -> dict[str, Any]:
    """Return what a figure depends on besides code and seed: libraries, processor, threads."""
    device = resolve_device(device)
    return {
        "torch": torch.__version__,
        "python": platform.python_version(),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else _processor(),
        "threads": torch.get_num_threads(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def source_commit() -> str:
    """Return the commit of the checkout this package runs from, with ``+`` if files differ, or ``"unknown"``."""
    folder = Path(__file__).resolve().parent
    try:
        commit = _git(folder, "rev-parse", "--short=12", "HEAD")
        return commit + ("+" if _git(folder, "status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()

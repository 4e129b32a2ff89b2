"""What every test shares: one thread, a known seed, and one library for matrices."""

import os
from collections.abc import Iterator

import pytest
import torch

# Which library is faster is timed once a process; tests that compare processes must not depend on that.
os.environ.setdefault("GAN_EXT_LINEAR", "default")
torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def seeded() -> Iterator[None]:
    """Start every test from the same random state."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        yield

"""``pytest -p tests.pretend_cuda.plugin -m gpu -n 0``: the tests of a GPU on the pretend device.

A step of the engine that waits for the device fails the test that made it.
"""

import os
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.pretend_cuda.build import CannotBuildError, preloaded

try:
    LIBRARY, REASON = preloaded(), ""
except CannotBuildError as error:
    LIBRARY, REASON = None, str(error)

# ruff: noqa: E402, I001 - torch must find the device when it is imported
from tests.pretend_cuda.device import PretendCuda

DEVICE = None if LIBRARY is None else PretendCuda(LIBRARY)

import torch
from gan_ext.engine import Engine

_play = Engine._play


def _watched(self: Any, batches: Any) -> Any:
    if DEVICE is None:
        return _play(self, batches)
    with DEVICE.watch():
        return _play(self, batches)


Engine._play = _watched  # type: ignore[method-assign]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs the device where it cannot be built, with the reason."""
    for item in items if DEVICE is None else []:
        if item.get_closest_marker("gpu"):
            item.add_marker(pytest.mark.skip(reason=REASON))


@pytest.fixture(autouse=True)
def no_waits(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test in which a step of the engine waited for the device, unless it is marked `waits`; say where."""
    if DEVICE is not None:
        DEVICE.events.clear()
    yield
    meant = request.node.get_closest_marker("waits")
    if DEVICE is not None and not meant and (waits := DEVICE.waits()):
        pytest.fail("a step waits for the device: " + "; ".join(waits[:5]))


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave at once: the end of Python would free recorded operations after the device they belong to."""
    status = getattr(config, "_pretend_status", None)
    if DEVICE is not None and status is not None:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(int(status))


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Remember how the session ended."""
    session.config._pretend_status = exitstatus  # type: ignore[attr-defined]


assert DEVICE is None or torch.cuda.is_available()

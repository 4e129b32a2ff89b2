"""Where data lie while a GPU trains: on it, or on the host, from which the next batch is copied ahead."""

from collections.abc import Callable
from typing import Any, Generic, Literal, TypeVar

import torch
from torch import Tensor

__all__ = ["Ahead", "DataDevice", "check_data_device", "copied", "lies_on"]

DataDevice = Literal["auto", "cpu", "cuda"]
"""Where data lie while a GPU trains; without effect on a CPU."""

SHARE = 0.5  # of a device's free memory that data may take by "auto"; the rest is for networks and activations

BatchT = TypeVar("BatchT", bound=tuple[Any, ...])


def check_data_device(data_device: str) -> None:
    """Raise ValueError unless it is one of the three."""
    if data_device not in ("auto", "cpu", "cuda"):
        raise ValueError(f"data_device={data_device!r} must be 'auto', 'cpu' or 'cuda'.")


def lies_on(device: torch.device, n_bytes: int, data_device: DataDevice, fixed: bool = True) -> torch.device:
    """Return where data of so many bytes lie while a device trains.

    Args:
        device: trains.
        n_bytes: what the data need there.
        data_device: ``"auto"`` takes the device if the data need no more than half of its free memory.
        fixed: whether a row is the same each time that it is read; what is not can only be read anew.

    Raises:
        ValueError: ``"cuda"``, and the data are not fixed or need more than the free memory.
    """
    host = torch.device("cpu")
    if device.type == "cpu" or data_device == "cpu":
        return host
    free = torch.cuda.mem_get_info(device)[0]
    if data_device == "auto":
        return device if fixed and n_bytes <= SHARE * free else host
    if not fixed:
        raise ValueError(
            "data_device='cuda' needs data that can be held; what is read row by row from a Dataset or an iterable "
            "stays on the host: pass data_device='auto'."
        )
    if n_bytes > free:
        raise ValueError(
            f"data_device='cuda' needs {n_bytes / 2**30:.1f} GiB for the data, and {device} has {free / 2**30:.1f} GiB "
            "free; pass data_device='auto' or 'cpu'."
        )
    return device


def copied(values: Tensor, device: torch.device) -> Tensor:
    """Return values of the host on a device, by way of pinned memory: the host does not wait for the copy."""
    if device.type == "cpu" or values.device == device:
        return values.to(device)
    return values.pin_memory().to(device, non_blocking=True)


class Ahead(Generic[BatchT]):
    """Batches that are made on a side stream of a GPU, one ahead of the one that is asked for.

    What is asked for in order is ready when it is asked for; a draw out of order is made at once.  The batches are
    those that `make` would have made.

    Args:
        make: makes batch number `draw`, reading on the host and copying to the device.
        device: the GPU.
    """

    def __init__(self, make: Callable[[int], BatchT], device: torch.device) -> None:
        self._make, self.device = make, device
        self._side = torch.cuda.Stream(device)
        self._ready: dict[int, BatchT] = {}

    def __getitem__(self, draw: int) -> BatchT:
        batch = self._ready.pop(draw) if draw in self._ready else self._started(draw)
        current = torch.cuda.current_stream(self.device)
        current.wait_stream(self._side)
        for values in batch:
            values.record_stream(current)  # its memory is not given to the side stream while it is read
        self._ready = {draw + 1: self._ready.get(draw + 1) or self._started(draw + 1)}
        return batch

    def _started(self, draw: int) -> BatchT:
        with torch.cuda.stream(self._side):
            return self._make(draw)

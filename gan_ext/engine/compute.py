"""Compute: device, mixed precision (bfloat16) and compilation."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import torch

from gan_ext.checks import checked

__all__ = ["Compute", "compiled", "current", "resolve_device"]


# torch 2.6 keeps weights that were cast under `no_grad` and takes them again where a gradient is wanted, which severs
# it; 2.13 does not. Versions between were not tried.
_CACHE_KEEPS_GRADIENTS = tuple(int(part) for part in torch.__version__.split(".")[:2]) >= (2, 13)


@checked
@dataclass(frozen=True)
class Compute:
    """Device, precision and compilation of a run.

    Args:
        device: ``"auto"`` (CUDA when there is one, else the CPU), ``"cpu"``, ``"cuda"`` or ``"cuda:N"``.
        precision: ``"float32"``, or ``"bfloat16"`` for automatic mixed precision around the networks (weights,
            optimizer state and losses stay in float32).
        compile: whether to compile every player's loss with :func:`torch.compile`; takes half a minute and does not
            pay on a CPU.
        cuda_graph: whether to record a whole step as one CUDA graph and replay it; without effect on a CPU.  With
            several ranks only ``"ranks"`` does so: NCCL allows it, but it has not been tried on GPUs here.
    """

    device: str | torch.device = "auto"
    precision: Literal["float32", "bfloat16"] = "float32"
    compile: bool = False
    cuda_graph: bool | Literal["ranks"] = True

    def __post_init__(self) -> None:
        if self.precision not in ("float32", "bfloat16"):
            raise ValueError(f"precision must be 'float32' or 'bfloat16', got {self.precision!r}.")
        resolve_device(self.device)

    def records(self, device: torch.device, ranks: int) -> bool:
        """Return whether a run on this device with so many ranks records its steps."""
        return device.type == "cuda" and (self.cuda_graph == "ranks" or (self.cuda_graph is True and ranks == 1))

    def autocast(self, device: torch.device) -> torch.autocast:
        """Return the context in which the players' losses are computed."""
        on = self.precision == "bfloat16"
        return torch.autocast(device.type, torch.bfloat16, enabled=on, cache_enabled=_CACHE_KEEPS_GRADIENTS)


def compiled(loss: Callable[[Any], Any], fullgraph: bool = False) -> Callable[[Any], Any]:
    """Compile a loss so that it draws the same random numbers as an eager one."""
    import torch._inductor

    # The compiler's own random numbers are others, and slow on a CPU; a draw left out because nothing needs it (noise
    # before a head that is not asked) would shift all that follow.
    options: dict[str, Any] = {"fallback_random": True, "use_dce": False}
    known = torch._inductor.list_options()
    options = {name: value for name, value in options.items() if name in known}
    result: Callable[[Any], Any] = torch.compile(loss, fullgraph=fullgraph, dynamic=False, options=options)
    return result


def resolve_device(device: str | torch.device) -> torch.device:
    """Turn a device's name into a device of this machine.

    Args:
        device: ``"auto"``, ``"cpu"``, ``"cuda"``, ``"cuda:N"`` or a :class:`torch.device`.

    Raises:
        ValueError: the name is unknown, or CUDA (or that GPU) is not there.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        resolved = torch.device(device)
    except (RuntimeError, TypeError):
        resolved = None
    if resolved is None or resolved.type not in ("cpu", "cuda"):
        raise ValueError(f"device={device!r} is unknown; use 'auto', 'cpu', 'cuda' or 'cuda:N'.")
    if resolved.type == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"device={str(device)!r} was asked for, but torch sees no CUDA GPU here; use 'auto' or 'cpu'.")
    if resolved.type == "cuda" and (resolved.index or 0) >= torch.cuda.device_count():
        raise ValueError(f"device={str(device)!r} was asked for, but there are only {torch.cuda.device_count()} GPUs.")
    return resolved


@contextmanager
def current(device: torch.device) -> Iterator[None]:
    """Make a GPU torch's current one within the block: its streams are those that graphs are recorded on."""
    if device.type != "cuda":
        yield
        return
    before = torch.cuda.current_device()
    torch.cuda.set_device(before if device.index is None else device)
    try:
        yield
    finally:
        torch.cuda.set_device(before)

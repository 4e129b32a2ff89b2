"""Distributed data-parallel training under ``torchrun``: one flat all-reduce a move, no wrapped modules."""

import atexit
import os
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor, nn

from gan_ext.checks import checked

__all__ = ["Ranks", "own_gpu"]


@checked
@dataclass(frozen=True)
class Ranks:
    """This process among those that train together.

    Args:
        rank: number of this process.
        count: how many there are.
    """

    rank: int = 0
    count: int = 1

    @classmethod
    def join(cls, device: torch.device) -> "Ranks":
        """Join the processes that ``torchrun`` started (NCCL on GPUs, Gloo on CPUs), or stay alone."""
        if not dist.is_available():
            return cls()
        if not dist.is_initialized():
            if int(os.environ.get("WORLD_SIZE", "1")) == 1:
                return cls()
            # Imported after the group is made, this module would hold it for good, as a default argument.
            import torch.distributed.nn.functional  # noqa: F401

            # A group that knows its GPU from the start neither guesses it at a barrier nor starts up late.
            on_gpu = device.type == "cuda"
            dist.init_process_group("nccl" if on_gpu else "gloo", device_id=device if on_gpu else None)
            atexit.register(_leave)
        return cls(dist.get_rank(), dist.get_world_size())

    @staticmethod
    def local_device(device: torch.device) -> torch.device:
        """Give each process that ``torchrun`` started on this machine its own GPU, and make it torch's current one.

        Raises:
            ValueError: there are fewer GPUs than processes, or one was named that is another process's.
        """
        if device.type == "cuda":
            local, here = os.environ.get("LOCAL_RANK"), int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
            rank = None if local is None else int(local)
            index = own_gpu(device.index, rank, here, torch.cuda.device_count(), torch.cuda.current_device())
            if device.index is None:
                torch.cuda.set_device(index)
            device = torch.device("cuda", index)
        return device

    @property
    def is_main(self) -> bool:
        """Whether this process prints and writes."""
        return self.rank == 0

    @torch.no_grad()
    def broadcast(self, module: nn.Module) -> None:
        """Give every process the parameters and buffers of the first."""
        if self.count > 1:
            for value in module.state_dict().values():
                dist.broadcast(value, src=0)

    @torch.no_grad()
    def average(self, tensors: Sequence[Tensor]) -> None:
        """Replace floating-point tensors by their mean over the processes, in one all-reduce."""
        if self.count == 1 or not tensors:
            return
        flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
        dist.all_reduce(flat)
        flat /= self.count
        for tensor, mean in zip(tensors, flat.split([tensor.numel() for tensor in tensors]), strict=True):
            tensor.copy_(mean.view_as(tensor))

    def average_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """Average gradients over the processes; a parameter without one counts as zero, so that all lengths agree."""
        if self.count == 1:
            return
        for parameter in parameters:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        self.average([parameter.grad for parameter in parameters if parameter.grad is not None])

    @torch.no_grad()
    def failed(self, here: bool, device: torch.device) -> int | None:
        """Return the number of a process in which something failed, None if all is well; all must ask.

        Args:
            here: whether something failed in this one.
            device: of tensors that processes exchange.
        """
        if self.count == 1:
            return self.rank if here else None
        flag = torch.tensor(self.rank + 1 if here else 0, device=device)
        dist.all_reduce(flag, dist.ReduceOp.MAX)
        return int(flag) - 1 if flag else None

    def wait(self) -> None:
        """Return when every process is here."""
        if self.count > 1:
            dist.barrier()


def own_gpu(named: int | None, local_rank: int | None, processes: int, gpus: int, current: int) -> int:
    """Return the number of the GPU of one process.

    Args:
        named: what the user asked for; None leaves it open.
        local_rank: number of this process on its machine, None without ``torchrun``.
        processes: how many there are on this machine.
        gpus: how many this process sees.
        current: torch's current one.

    Raises:
        ValueError: there are fewer GPUs than processes, or one was named that is another process's.
    """
    if local_rank is None or (processes == 1 and named is not None):
        return current if named is None else named
    if gpus == 1:  # each process may have been shown a GPU of its own; if all see the same one, NCCL says so
        return 0
    if local_rank >= gpus:
        raise ValueError(
            f"This is process {local_rank} of {processes} on its machine, which has {gpus} GPUs; start as many "
            "processes as GPUs."
        )
    if named not in (None, local_rank):
        raise ValueError(
            f"device='cuda:{named}' was asked for by process {local_rank} of {processes} on this machine, whose GPU is "
            f"cuda:{local_rank}; with several processes pass device='cuda', and choose GPUs by CUDA_VISIBLE_DEVICES."
        )
    return local_rank


def _leave() -> None:
    # A group that outlives the interpreter aborts the process now and then, when all its work is done.
    if dist.is_initialized():
        dist.destroy_process_group()

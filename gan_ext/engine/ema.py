"""Exponential moving average of weights."""

import copy

import torch
from torch import Tensor, nn

__all__ = ["ExponentialMovingAverage"]


class ExponentialMovingAverage:
    r"""A copy of a module that holds the bias-corrected moving average of its parameters and buffers.

    .. math:: a_t = \frac{(1 - \beta) \sum_{i \le t} \beta^{t - i} p_i}{1 - \beta^t}

    so that after one update the average is that one value, and early averages owe nothing to where they started.
    Buffers of whole numbers are copied.

    References: Adam (Kingma and Ba, 2015), section 3, for the correction, https://arxiv.org/abs/1412.6980

    Args:
        module: what to average.
        decay: :math:`\beta` in [0, 1), per step; 0.999 averages over about the last thousand steps.
    """

    _unread = ("module",)  # by steps, which know its tensors: a recorded step need not watch the rest of it

    def __init__(self, module: nn.Module, decay: float) -> None:
        if not 0 <= decay < 1:
            raise ValueError(f"ema must be in [0, 1), got {decay}.")
        self.decay = decay
        self.module = copy.deepcopy(module).requires_grad_(False).eval()
        averages, values = self.module.state_dict(), module.state_dict(keep_vars=True)
        once = {id(value): name for name, value in values.items()}.values()  # shared weights have several names
        smooth = [name for name in once if values[name].is_floating_point()]
        self._averages = [averages[name] for name in smooth]
        self._values = [values[name] for name in smooth]
        self._copies = [(averages[name], values[name]) for name in once if not values[name].is_floating_point()]
        device = next(iter(averages.values())).device if averages else torch.device("cpu")
        self.updates = torch.zeros((), dtype=torch.float64, device=device)

    @torch.no_grad()
    def update(self) -> None:
        """Take the module's present values into the average."""
        self.updates += 1
        weight: Tensor = (1 - self.decay) / (1 - self.decay**self.updates)
        if weight.device.type == "cpu":
            torch._foreach_lerp_(self._averages, self._values, weight.item())
        else:  # the weight stays on the device, so that the update can be captured
            change = torch._foreach_sub(self._values, self._averages)
            torch._foreach_mul_(change, weight.float())
            torch._foreach_add_(self._averages, change)
        for average, value in self._copies:
            average.copy_(value)

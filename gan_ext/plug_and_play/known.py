"""Conditions on data of which a part is known: in-painting."""

from typing import Any

import torch
from torch import Tensor

from gan_ext.checks import checked
from gan_ext.plug_and_play.checks import is_number
from gan_ext.plug_and_play.conditions import Condition

__all__ = ["KnownPixels", "Pasted"]


@checked
class KnownPixels(Condition):
    r"""Data should agree with what is known of it: in-painting.

    .. math:: \log p(y \mid x) = -\frac{1}{2 \sigma^2} \sum_{i \in \text{known}} (x_i - y_i)^2

    up to a constant.

    Args:
        data: the image y [c, h, w], or one for each chain [n, c, h, w] (a table's row [d] or [n, d] likewise).
        known: which entries are known, bool, of a shape that broadcasts to that of a sample.
        sigma: :math:`\sigma`, the deviation that is tolerated, in units of the data.

    Raises:
        ValueError: a sigma that is not positive, or a mask that knows nothing or does not fit.
    """

    def __init__(self, data: Any, known: Any, sigma: float = 0.1) -> None:
        if not is_number(sigma, 0, open_low=True):
            raise ValueError(f"sigma={sigma!r} must be positive: the deviation that is tolerated.")
        try:
            data, known = torch.as_tensor(data), torch.as_tensor(known)
        except (TypeError, ValueError, RuntimeError) as error:
            raise ValueError(f"data={data!r} and known={known!r} must be tensors or arrays: {error}.") from None
        self.data, self.known, self.sigma = data, _mask(data, known), sigma
        self.chains = len(data) if data.ndim in (2, 4) else None

    def log_prob(self, x: Tensor) -> Tensor:
        _check_fit(self.data, x)
        errors = torch.where(self.known, x.float() - self.data.float(), 0.0)
        return -errors.square().flatten(1).sum(1) / (2 * self.sigma**2)


@checked
class Pasted(Condition):
    """Another condition, on data in which what is known has been pasted: its slope acts in the hole alone.

    References: Plug & Play Generative Networks (Nguyen et al., 2017), section on in-painting,
    https://arxiv.org/abs/1612.00005

    Args:
        condition: what the completed data should be.
        data: as in :class:`KnownPixels`.
        known: likewise.
    """

    def __init__(self, condition: Condition, data: Tensor, known: Tensor) -> None:
        if not isinstance(condition, Condition):
            raise ValueError(f"condition={condition!r} must be a condition, such as ClassCondition(net, 3).")
        data = torch.as_tensor(data)
        self.condition, self.data, self.known = condition, data, _mask(data, torch.as_tensor(known))
        self.chains = len(data) if data.ndim in (2, 4) else condition.chains

    def paste(self, x: Tensor) -> Tensor:
        """Return data [n, ...] with the known entries put in."""
        _check_fit(self.data, x)
        return torch.where(self.known, self.data.to(x.dtype), x)

    def log_prob(self, x: Tensor) -> Tensor:
        return self.condition.log_prob(self.paste(x))

    def target_only(self, x: Tensor) -> Tensor:
        return self.condition.target_only(self.paste(x))


def _check_fit(data: Tensor, x: Tensor) -> None:
    """Raise ValueError unless known data has the shape of the chains' samples."""
    sample = data.shape[1:] if data.ndim in (2, 4) else data.shape
    if sample != x.shape[1:]:
        raise ValueError(f"data is of samples {tuple(sample)}, but chains hold samples {tuple(x.shape[1:])}.")


def _mask(data: Tensor, known: Tensor) -> Tensor:
    sample = data.shape[1:] if data.ndim in (2, 4) else data.shape
    try:
        truths = known.dtype == torch.bool or bool(((known == 0) | (known == 1)).all())
        mask = known.bool().expand(sample) if truths else None
    except RuntimeError:
        mask = None
    if mask is None or not bool(mask.any()):
        raise ValueError(
            f"known has shape {tuple(known.shape)}; it must say by True and False which entries of a sample "
            f"{tuple(sample)} are known, and know one at least."
        )
    return mask

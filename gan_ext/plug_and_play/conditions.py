"""Conditions: what samples should be like, as log-probabilities that can be differentiated."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from gan_ext.checks import checked
from gan_ext.latents import Product
from gan_ext.plug_and_play.checks import is_number
from gan_ext.plug_and_play.frozen import frozen

__all__ = ["CaptionCondition", "ClassCondition", "CodeCondition", "Condition", "UnitCondition"]


class Condition(ABC):
    r"""A differentiable log-probability of what is wanted, given data; conditions add up by ``+``.

    Networks that a condition of this package is given are copied, frozen, and put into evaluation mode.

    Attributes:
        chains: the number of chains that the condition speaks about, one by one; None if the same holds for all.
    """

    chains: int | None = None

    @abstractmethod
    def log_prob(self, x: Tensor) -> Tensor:
        r"""Return :math:`\log p(y \mid x)` [n] in nats for data [n, ...]; a constant may be missing."""

    def target_only(self, x: Tensor) -> Tensor:
        """Return numbers [n] whose slope the official sampler follows; that of `log_prob`, unless there are classes."""
        return self.log_prob(x)

    def both(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return `log_prob` and `target_only` of the same data, from one pass where that can be done."""
        return self.log_prob(x), self.target_only(x)

    def __add__(self, other: "Condition") -> "Condition":
        if not isinstance(other, Condition):
            return NotImplemented
        return _Sum((self, other))

    def __mul__(self, strength: float) -> "Condition":
        if isinstance(strength, bool) or not isinstance(strength, int | float):
            return NotImplemented
        return _Scaled(self, strength)

    __rmul__ = __mul__

    def __radd__(self, other: object) -> "Condition":
        return self if other == 0 else NotImplemented  # so that sum() works

    def to(self, device: torch.device) -> "Condition":
        """Move what the condition is made of to a device, in place."""
        for name, value in vars(self).items():
            if isinstance(value, nn.Module | Tensor | Condition):
                setattr(self, name, value.to(device))
        return self


@checked
class ClassCondition(Condition):
    r"""Data should be of a class, by a classifier's opinion.

    .. math:: \log p(y \mid x) = \ell_y(x) - \log\sum_k e^{\ell_k(x)}

    Its slope is :math:`\sum_k ([k = y] - p_k) \nabla \ell_k`.  The official sampler of PPGN keeps the summand of the
    wanted class alone, :math:`(1 - p_y) \nabla \ell_y`: that is the slope of :meth:`target_only`.

    References: Plug & Play Generative Networks (Nguyen et al., 2017), https://arxiv.org/abs/1612.00005

    Args:
        classifier: maps data [n, ...] to class logits [n, K], or to a tuple whose first entry they are, as the
            discriminators of :class:`~gan_ext.games.KPlusOne` do.
        classes: the number of the wanted class, or one for each chain [n]: a column of the logits, and not a label.

    Raises:
        ValueError: classes that are no whole numbers from 0 on; a classifier that is no network.
    """

    def __init__(self, classifier: nn.Module, classes: int | Sequence[int] | Tensor) -> None:
        wanted = _numbers(classes, "classes", "class")
        self.classifier, self.classes = _network(classifier, "classifier"), wanted
        self.chains = len(wanted) if wanted.ndim else None

    def log_prob(self, x: Tensor) -> Tensor:
        logits = self._logits(x)
        return logits.log_softmax(1).gather(1, self._wanted(logits)).squeeze(1)

    def target_only(self, x: Tensor) -> Tensor:
        return self.both(x)[1]

    def both(self, x: Tensor) -> tuple[Tensor, Tensor]:
        logits = self._logits(x)
        wanted = self._wanted(logits)
        log_prob = logits.log_softmax(1).gather(1, wanted)
        missing = 1 - log_prob.detach().exp()
        return log_prob.squeeze(1), (missing * logits.gather(1, wanted)).squeeze(1)

    def _logits(self, x: Tensor) -> Tensor:
        logits = _first(self.classifier(x)).float()
        if logits.ndim != 2 or logits.shape[1] < 2:
            raise ValueError(
                f"classifier returns {tuple(logits.shape)} for {len(x)} samples; it must return logits [n, K]."
            )
        if int(self.classes.max()) >= logits.shape[1]:
            raise ValueError(f"classes has {int(self.classes.max())}, the classifier has {logits.shape[1]} classes.")
        return logits

    def _wanted(self, logits: Tensor) -> Tensor:
        return self.classes.expand(len(logits)).unsqueeze(1)


@checked
class UnitCondition(Condition):
    r"""A unit of a network should be active: the preferred stimulus of a neuron.

    .. math:: \log p(y \mid x) = \beta \, a(x)

    up to a constant, with the unit's activation a, averaged over positions if it is a channel of a feature map.

    References: Multifaceted Feature Visualization (Nguyen et al., 2016), https://arxiv.org/abs/1602.03616

    Args:
        network: maps data to activations [n, U] or [n, U, h, w], or to a tuple whose first entry they are.
        unit: the number of the unit, or one for each chain [n].
        strength: :math:`\beta`, in nats for each unit of activation.
    """

    def __init__(self, network: nn.Module, unit: int | Sequence[int] | Tensor, strength: float = 1.0) -> None:
        wanted = _numbers(unit, "unit", "unit")
        if not is_number(strength):
            raise ValueError(f"strength={strength!r} must be a number, in nats for each unit of activation.")
        self.network, self.unit, self.strength = _network(network, "network"), wanted, strength
        self.chains = len(wanted) if wanted.ndim else None

    def log_prob(self, x: Tensor) -> Tensor:
        active = _first(self.network(x)).float()
        active = active.flatten(2).mean(2) if active.ndim > 2 else active
        if int(self.unit.max()) >= active.shape[1]:
            raise ValueError(f"unit has {int(self.unit.max())}, but the network has {active.shape[1]} units.")
        return self.strength * active.gather(1, self.unit.expand(len(active)).unsqueeze(1)).squeeze(1)


@checked
class CodeCondition(Condition):
    r"""A reader should find given codes in the data, such as the codes of an InfoGAN.

    .. math:: \log q(c \mid x)

    Args:
        reader: maps data to the codes' statistics [n, S].
        codes: the codes that it reads.
        values: the wanted codes [d], or one row for each chain [n, d], as `codes.sample` draws them: a category is
            a row with a 1.
    """

    def __init__(self, reader: nn.Module, codes: Product, values: Tensor) -> None:
        values = torch.as_tensor(values, dtype=torch.float32)
        if values.ndim not in (1, 2) or values.shape[-1] != codes.dim:
            raise ValueError(f"values has shape {tuple(values.shape)}; the codes are vectors of {codes.dim} numbers.")
        self.reader, self.codes, self.values = _network(reader, "reader"), codes, values
        self.chains = len(values) if values.ndim == 2 else None

    def log_prob(self, x: Tensor) -> Tensor:
        statistics = _first(self.reader(x)).float()
        return self.codes.log_posterior(statistics, self.values.expand(len(x), -1))


@checked
class CaptionCondition(Condition):
    r"""A captioner should find a text in the data.

    .. math:: \log p(w_1 \ldots w_T \mid x) = \sum_{t \le T} \log p(w_t \mid x, w_{<t})

    References: Plug & Play Generative Networks (Nguyen et al., 2017), section on captions,
    https://arxiv.org/abs/1612.00005

    Args:
        captioner: called with data [n, ...] and token numbers [n, T], returns the logits of each token [n, T, V] given
            the data and the tokens before it.
        tokens: the text as token numbers [T], or one row for each chain [n, T].
        padding: the token number that fills rows up, which does not count; None if there is none.
    """

    def __init__(
        self,
        captioner: Callable[[Tensor, Tensor], Tensor],
        tokens: Tensor | Sequence[int],
        padding: int | None = None,
    ) -> None:
        tokens = torch.as_tensor(tokens)
        if tokens.is_floating_point() or tokens.ndim not in (1, 2):
            raise ValueError(f"tokens must be whole numbers [T] or [n, T], got {tokens.dtype} {tuple(tokens.shape)}.")
        self.captioner = frozen(captioner)
        self.tokens, self.padding = tokens.long(), padding
        self.chains = len(tokens) if tokens.ndim == 2 else None

    def log_prob(self, x: Tensor) -> Tensor:
        tokens = self.tokens.expand(len(x), -1)
        logits = self.captioner(x, tokens).float()
        if logits.shape[:2] != tokens.shape or logits.shape[-1] <= int(tokens.max()):
            raise ValueError(
                f"captioner returns {tuple(logits.shape)} for {len(x)} samples and tokens up to {int(tokens.max())}; "
                "it must return logits [n, T, V] of more than that many tokens."
            )
        found = logits.log_softmax(-1).gather(2, tokens.unsqueeze(2)).squeeze(2)
        return (found if self.padding is None else torch.where(tokens == self.padding, 0.0, found)).sum(1)


class _Sum(Condition):
    def __init__(self, parts: tuple[Condition, ...]) -> None:
        chains = {part.chains for part in parts} - {None}
        if len(chains) > 1:
            raise ValueError(f"The conditions speak about {sorted(map(str, chains))} chains; give each as many.")
        self.parts, self.chains = parts, next(iter(chains), None)

    def log_prob(self, x: Tensor) -> Tensor:
        return torch.stack([part.log_prob(x) for part in self.parts]).sum(0)

    def target_only(self, x: Tensor) -> Tensor:
        return torch.stack([part.target_only(x) for part in self.parts]).sum(0)

    def to(self, device: torch.device) -> Condition:
        for part in self.parts:
            part.to(device)
        return self


class _Scaled(Condition):
    def __init__(self, condition: Condition, strength: float) -> None:
        if not is_number(strength, 0):
            raise ValueError(f"A condition's strength must be at least 0, got {strength!r}.")
        self.condition, self.strength, self.chains = condition, strength, condition.chains

    def log_prob(self, x: Tensor) -> Tensor:
        return self.strength * self.condition.log_prob(x)

    def target_only(self, x: Tensor) -> Tensor:
        return self.strength * self.condition.target_only(x)


def _numbers(given: Any, name: str, noun: str) -> Tensor:
    """Return one whole number, or one for each chain."""
    try:
        wanted = torch.as_tensor(given)
        sound = not wanted.is_floating_point() and wanted.ndim < 2 and wanted.numel() > 0 and bool((wanted >= 0).all())
    except (TypeError, ValueError, RuntimeError):
        sound = False
    if not sound:
        raise ValueError(f"{name}={given!r} must be one {noun}, or one for each chain: whole numbers from 0 on.")
    return wanted.long()


def _first(output: Any) -> Tensor:
    found: Tensor = output[0] if isinstance(output, tuple) else output
    return found


def _network(module: Any, name: str) -> Any:
    """Return a frozen copy of a network, or say where an estimator keeps its own."""
    if isinstance(module, nn.Module):
        return frozen(module)
    raise ValueError(
        f"{name}={type(module).__name__} must be a torch module; of an estimator take the network inside, such as "
        "model.classifier_ of a PlugAndPlayGAN or model.game_.discriminator of a SemiSupervisedGANClassifier."
    )

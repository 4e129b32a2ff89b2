"""What a semi-supervised discriminator may minimise besides the game: each a term with a weight.

A term judges the class logits of unlabelled data, and may ask for a second view of that data to be judged in the same
pass.  Weights (and radii) are 0-dim buffers, so that a schedule of the engine can change them by name, such as
``"terms.entropy.weight"``.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from gan_ext.losses import class_balance, conditional_entropy, input_gradient, pseudo_label, smoothness

__all__ = ["ClassBalance", "ConditionalEntropy", "Consistency", "PseudoLabel", "Term", "View", "VirtualAdversarial"]


class View(NamedTuple):
    """A second view of unlabelled data [U, ...], and the class logits [U, K] to compare it with, if not the data's."""

    data: Tensor
    guide: Tensor | None = None


class Term(nn.Module, ABC):
    """One more term of the discriminator's loss.

    Args:
        weight: what it is multiplied by, dimensionless.
    """

    name: ClassVar[str]

    def __init__(self, weight: float = 1.0) -> None:
        super().__init__()
        if not weight >= 0:
            raise ValueError(f"{type(self).__name__} needs weight >= 0, got {weight}.")
        self.register_buffer("weight", torch.tensor(float(weight)))
        self.weight: Tensor

    def view(self, discriminator: nn.Module, u: Tensor) -> View | None:
        """Return a second view of unlabelled data [U, ...], or None if the term needs none."""
        return None

    @abstractmethod
    def forward(self, real: Tensor, second: Tensor | None) -> Tensor:
        """Return the term before weighting.

        Args:
            real: class logits of the data [U, K], or the guide that the view brought.
            second: class logits of the second view [U, K], None without one.
        """


class ConditionalEntropy(Term):
    """Push class boundaries away from unlabelled data (:func:`~gan_ext.losses.conditional_entropy`)."""

    name = "entropy"

    def forward(self, real: Tensor, second: Tensor | None) -> Tensor:
        return conditional_entropy(real)


class ClassBalance(Term):
    """Keep the mix of predicted classes near a known one (:func:`~gan_ext.losses.class_balance`).

    Args:
        prior: shares of the classes, positive; scaled to sum to one.
        weight: weight of the term.
    """

    name = "balance"

    def __init__(self, prior: Sequence[float], weight: float = 1.0) -> None:
        super().__init__(weight)
        shares = torch.tensor(prior, dtype=torch.float32)
        if shares.dim() != 1 or not bool((shares > 0).all()):
            raise ValueError(f"ClassBalance needs a positive share for every class, got {list(prior)}.")
        self.register_buffer("prior", shares / shares.sum())
        self.prior: Tensor

    def forward(self, real: Tensor, second: Tensor | None) -> Tensor:
        return class_balance(real, self.prior)


class PseudoLabel(Term):
    """Make a transformed view agree with a plain one that is sure (:func:`~gan_ext.losses.pseudo_label`).

    Args:
        augment: a random transformation that keeps the class; None leaves the second view to the network's noise.
        weight: weight of the term.
        threshold: the probability from which a class counts as known.
    """

    name = "pseudo_label"

    def __init__(
        self, augment: Callable[[Tensor], Tensor] | None = None, weight: float = 1.0, threshold: float = 0.95
    ) -> None:
        super().__init__(weight)
        self.augment = augment or nn.Identity()
        self.threshold = threshold

    def view(self, discriminator: nn.Module, u: Tensor) -> View:
        return View(self.augment(u))

    def forward(self, real: Tensor, second: Tensor | None) -> Tensor:
        assert second is not None
        return pseudo_label(real, second, self.threshold)


class Consistency(Term):
    """Make a transformed view agree with a plain one, however sure (:func:`~gan_ext.losses.smoothness`).

    Args:
        augment: a random transformation that keeps the class.
        weight: weight of the term.
    """

    name = "consistency"

    def __init__(self, augment: Callable[[Tensor], Tensor], weight: float = 1.0) -> None:
        super().__init__(weight)
        self.augment = augment

    def view(self, discriminator: nn.Module, u: Tensor) -> View:
        return View(self.augment(u))

    def forward(self, real: Tensor, second: Tensor | None) -> Tensor:
        assert second is not None
        return smoothness(real, second)


class VirtualAdversarial(Term):
    r"""Keep the class within a small ball around unlabelled data, in the direction in which it changes most.

    .. math:: u' = u + r\, \frac{g}{\lVert g \rVert}, \qquad
              g = \nabla_d KL(p(\cdot \mid u) \Vert p(\cdot \mid u + d)),
              \quad d = \xi r \frac{\epsilon}{\lVert\epsilon\rVert}

    with the network's noise off for :math:`p(\cdot \mid u)` and g, and :func:`~gan_ext.losses.smoothness` of u and u'
    as the loss.

    References: Virtual Adversarial Training (Miyato et al., 2018), https://arxiv.org/abs/1704.03976

    Args:
        radius: r, in units of the data; a 0-dim buffer, so that it can be scheduled.
        weight: weight of the term.
        probe: :math:`\xi`, length of the first random step as a share of r.
    """

    name = "smoothing"

    def __init__(self, radius: float, weight: float = 1.0, probe: float = 0.1) -> None:
        super().__init__(weight)
        if not radius > 0:
            raise ValueError(f"VirtualAdversarial needs radius > 0, got {radius}.")
        self.register_buffer("radius", torch.tensor(float(radius)))
        self.radius: Tensor
        self.probe = probe

    def view(self, discriminator: nn.Module, u: Tensor) -> View:
        training = discriminator.training
        discriminator.eval()
        with torch.no_grad():
            clean = discriminator(u)[0]
        start = self._unit(torch.randn_like(u)) * (self.probe * self.radius)
        gradient = input_gradient(lambda d: smoothness(clean, discriminator(u + d)[0]) * len(u), start)
        discriminator.train(training)
        return View((u + self.radius * self._unit(gradient)).detach(), clean)

    def forward(self, real: Tensor, second: Tensor | None) -> Tensor:
        assert second is not None
        return smoothness(real, second)

    @staticmethod
    def _unit(d: Tensor) -> Tensor:
        lengths = torch.linalg.vector_norm(d.flatten(1), dim=1).clamp_min(1e-12)
        unit: Tensor = d / lengths.view(-1, *[1] * (d.dim() - 1))
        return unit

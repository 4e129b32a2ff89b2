"""Toy games with known solutions (bilinear, Dirac-GAN), on which solvers and penalties show if they converge."""

from typing import Any

import torch
from torch import Tensor, nn

from gan_ext.checks import checked
from gan_ext.game import Loss, TwoPlayerGame, opponents_held
from gan_ext.losses import AdversarialLoss, Minimax

__all__ = ["BilinearGame", "DiracGame", "Point"]


@checked
class Point(nn.Module):
    """A player who is nothing but numbers: calling it returns them.

    Args:
        value: where it starts, a number or a tensor of any shape.
    """

    def __init__(self, value: float | Tensor) -> None:
        super().__init__()
        start = value.detach().clone() if isinstance(value, Tensor) else torch.tensor(float(value))
        self.value = nn.Parameter(start)

    def forward(self) -> Tensor:
        return self.value


@checked
class BilinearGame(TwoPlayerGame):
    r"""The zero-sum game in which plain gradient descent turns in circles or out of them.

    .. math:: \min_x \max_y x^\top A y, \qquad L_G = x^\top A y, \qquad L_D = -x^\top A y

    The generator plays x, the discriminator y; the solution is :math:`x = y = 0` where A can be inverted.  It is the
    Wasserstein GAN of :class:`DiracGame`.  The distance to the solution grows in each step of rate :math:`\eta` by the
    spectral radius, with singular values s of A in :math:`n = \eta s`:

    ================== ================================================
    simultaneous       :math:`\sqrt{1 + n^2}`, diverges
    alternating        1 for n < 2, cycles
    extragradient      :math:`\sqrt{1 - n^2 + n^4}`
    proximal point     :math:`1 / \sqrt{1 + n^2}`
    ================== ================================================

    The whole game is in float64 after ``.double()``.

    References: Negative Momentum for Improved Game Dynamics (Gidel et al., 2019), https://arxiv.org/abs/1807.04740

    Args:
        x: where the generator starts, a number or [p].
        y: where the discriminator starts, a number or [q].
        matrix: A [p, q]; the identity if None.

    Raises:
        ValueError: shapes that do not fit.
    """

    def __init__(self, x: float | Tensor = 1.0, y: float | Tensor = 1.0, matrix: Tensor | None = None) -> None:
        super().__init__(Point(x), Point(y))
        p, q = self.generator().numel(), self.discriminator().numel()
        matrix = torch.eye(p, q) if matrix is None and p == q else matrix
        if matrix is None or tuple(matrix.shape) != (p, q):
            found = "none" if matrix is None else list(matrix.shape)
            raise ValueError(f"x has {p} numbers and y has {q}, so that matrix must be [{p}, {q}], got {found}.")
        self.register_buffer("matrix", matrix.to(self.generator().dtype).clone())
        self.matrix: Tensor

    def discriminator_loss(self, batch: Any) -> Loss:
        with opponents_held():
            x = self.generator()
        return -self._value(x, self.discriminator()), {}

    def generator_loss(self, batch: Any) -> Loss:
        return self._value(self.generator(), self.discriminator()), {}

    def _value(self, x: Tensor, y: Tensor) -> Tensor:
        return x.reshape(-1) @ self.matrix @ y.reshape(-1)


@checked
class DiracGame(TwoPlayerGame):
    r"""The Dirac-GAN, the smallest GAN: a point :math:`\theta` against a line :math:`d(x) = \psi x`, data at 0.

    .. math::
        L_D &= \ell_D(d(\epsilon), d(\theta + \epsilon')) + \tfrac{\gamma}{2} \psi^2
               + \tfrac{\lambda}{2} (|\psi| - 1)^2 \\
        L_G &= \ell_G(d(\theta + \epsilon'))

    By default the zero-sum game: :math:`L_D = \operatorname{softplus}(\psi\theta) + \log 2 + \tfrac{\gamma}{2}\psi^2`
    and :math:`L_G = -\operatorname{softplus}(\psi\theta)`, with the gradients
    :math:`\sigma(\psi\theta)\theta + \gamma\psi` and :math:`-\sigma(\psi\theta)\psi`.

    Near the solution :math:`\theta = \psi = 0` the velocities :math:`(-\nabla_\psi L_D, -\nabla_\theta L_G)` have a
    Jacobian with the eigenvalues

    ============================= =====================================================================
    no penalty                    :math:`\pm i/2`: cycles
    R1                            :math:`-\gamma/2 \pm \sqrt{\gamma^2/4 - 1/4}`: fastest at 1
    instance noise                :math:`-\sigma^2/4 \pm \sqrt{\sigma^4/16 - 1/4}`
    Wasserstein                   :math:`\pm i`: cycles; with the WGAN-GP penalty too, for any weight
    ============================= =====================================================================

    that is, the first three for :class:`~gan_ext.losses.Minimax` and :class:`~gan_ext.losses.NonSaturating` alike.  The
    noise is :math:`+\sigma` or :math:`-\sigma` with equal chance, independently for real and generated data, so that
    its mean is in closed form; near the solution it does what Gaussian noise of this deviation does.  The WGAN-GP
    penalty has no gradient at 0 and pushes :math:`|\psi|` to 1: the solution is not stable under it.

    References: Which Training Methods for GANs do actually Converge? (Mescheder et al., 2018), sections 2 and 3,
    https://arxiv.org/abs/1801.04406

    Args:
        theta: where the generator starts.
        psi: slope at which the discriminator starts.
        gamma: :math:`\gamma`, weight of the R1 penalty (here the same as R2); a buffer that can be scheduled.
        loss: the pair of losses; :class:`~gan_ext.losses.Minimax` if None.
        wgan_gp: :math:`\lambda`, weight of the WGAN-GP penalty; a buffer that can be scheduled.
        noise: :math:`\sigma`, deviation of the instance noise, in units of x; a buffer that can be scheduled.
    """

    def __init__(
        self,
        theta: float = 1.0,
        psi: float = 1.0,
        gamma: float = 0.0,
        *,
        loss: AdversarialLoss | None = None,
        wgan_gp: float = 0.0,
        noise: float = 0.0,
    ) -> None:
        super().__init__(Point(theta), Point(psi))
        self.loss = Minimax() if loss is None else loss
        for name, number in {"gamma": gamma, "wgan_gp": wgan_gp, "noise": noise}.items():
            self.register_buffer(name, torch.tensor(float(number)))
        # All pairs of signs of the two noises.
        self.register_buffer("_signs", torch.tensor([[1.0, 1, -1, -1], [1, -1, 1, -1]]), persistent=False)
        self.gamma: Tensor
        self.wgan_gp: Tensor
        self.noise: Tensor
        self._signs: Tensor

    def discriminator_loss(self, batch: Any) -> Loss:
        psi = self.discriminator()
        with opponents_held():
            theta = self.generator()
        loss = self.loss.discriminator(*self._logits(psi, theta))
        return loss + self.gamma / 2 * psi**2 + self.wgan_gp / 2 * (psi.abs() - 1) ** 2, {}

    def generator_loss(self, batch: Any) -> Loss:
        real, fake = self._logits(self.discriminator(), self.generator())
        return self.loss.generator(fake, real), {}

    def _logits(self, psi: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
        at_real, at_fake = self.noise * self._signs
        return psi * at_real, psi * (theta + at_fake)

"""Smoothness terms: virtual adversarial training, and the class kept along the manifold that the generator draws."""

import torch
from torch import Tensor, nn

from gan_ext.checks import checked
from gan_ext.losses import input_gradient, logit_distance, smoothness
from gan_ext.terms.term import Scene, Term, View, logits_without_noise

__all__ = ["ManifoldSmoothing", "TangentSmoothing", "VirtualAdversarial"]


@checked
class VirtualAdversarial(Term):
    r"""Virtual adversarial training: keep the class around unlabeled data, in the direction where it changes most.

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
        self._store("radius", radius, radius > 0, "radius > 0")
        self.radius: Tensor
        if not probe > 0:
            raise ValueError(f"VirtualAdversarial needs probe > 0, got probe={probe}.")
        self.probe = probe

    def view(self, scene: Scene) -> View:
        judge, u = scene.judge, scene.u
        with torch.no_grad():
            clean = logits_without_noise(judge, u)
        start = _unit(torch.randn_like(u)) * (self.probe * self.radius)
        gradient = input_gradient(lambda d: smoothness(clean, logits_without_noise(judge, u + d)) * len(u), start)
        return View((u + self.radius * _unit(gradient)).detach(), clean)

    def forward(self, real: Tensor, second: Tensor | None) -> Tensor:
        assert second is not None
        return smoothness(real, second)


@checked
class ManifoldSmoothing(Term):
    r"""Keep the logits from changing along the surface that the generator draws.

    .. math:: L = E_z \frac{\lVert l(G(z)) - l(G(z + \eta)) \rVert_2^2}{\epsilon^2}, \qquad
              \eta = \epsilon \frac{\delta}{\lVert \delta \rVert}, \quad \delta \sim N(0, I)

    a finite difference of the logits' Jacobian along the manifold, with the network's noise off and in float32.  The
    authors' code uses a step of 1e-5 and does not divide by its square; that is near rounding, so here the step is
    larger and the term free of its scale.

    References: Semi-supervised Learning with GANs: Revisiting Manifold Regularization (Lecouat et al., 2018),
    https://arxiv.org/abs/1805.08957

    Args:
        weight: weight of the term.
        step: :math:`\epsilon`, in units of the prior.
        samples: pairs a step; None for as many as there are unlabeled samples.
    """

    name = "manifold"

    def __init__(self, weight: float = 1e-3, step: float = 1e-2, samples: int | None = None) -> None:
        super().__init__(weight)
        self._store("step", step, step > 0, "step > 0")
        self.step: Tensor
        if samples is not None and samples < 1:
            raise ValueError(f"ManifoldSmoothing needs samples >= 1, or None, got samples={samples}.")
        self.samples = samples

    def view(self, scene: Scene) -> View:
        # A small difference of large numbers: bfloat16 would leave its rounding.
        with torch.autocast(scene.u.device.type, enabled=False):
            with torch.no_grad():
                z = scene.draw(self.samples or len(scene.u))
                near = z + self.step * _unit(torch.randn_like(z))
                pairs = scene.make(torch.cat([z, near])).to(scene.u.dtype)
            return View(None, logits_without_noise(scene.judge, pairs))

    def forward(self, real: Tensor, second: Tensor | None) -> Tensor:
        return logit_distance(*real.chunk(2)) / self.step.square()


@checked
class TangentSmoothing(Term):
    r"""Keep the class of a real sample while it moves along the generator's surface.

    .. math:: u' = u + r \frac{G(\mu(u) + \eta) - G(\mu(u))}{\lVert G(\mu(u) + \eta) - G(\mu(u)) \rVert}, \qquad
              \eta = \epsilon \frac{\delta}{\lVert \delta \rVert}

    where the encoder's mean :math:`\mu(u)` tells where on the surface the sample lies.  The encoder learns elsewhere,
    as that of :class:`~gan_ext.terms.VariationalEntropy`; here it is only read.

    References: Semi-supervised Learning with GANs: Manifold Invariance with Improved Inference (Kumar et al., 2017),
    https://arxiv.org/abs/1705.08850

    Args:
        encoder: maps data [B, ...] to (mean, log of the deviation) of z, each [B, d].
        radius: r, in units of the data.
        weight: weight of the term.
        step: :math:`\epsilon`, in units of the prior.
    """

    name = "tangent"

    def __init__(self, encoder: nn.Module, radius: float, weight: float = 1.0, step: float = 0.1) -> None:
        super().__init__(weight)
        self._store("radius", radius, radius > 0, "radius > 0")
        self._store("step", step, step > 0, "step > 0")
        self.radius: Tensor
        self.step: Tensor
        # In a list, so that it counts as part of the term that teaches it, and not of this one.
        self._encoder = [encoder]

    def borrowed(self) -> tuple[nn.Module, ...]:
        return tuple(self._encoder)

    @torch.no_grad()
    def view(self, scene: Scene) -> View:
        z = self._encoder[0](scene.u)[0].to(scene.u.dtype)
        with torch.autocast(scene.u.device.type, enabled=False):  # as in ManifoldSmoothing
            here, there = scene.make(torch.cat([z, z + self.step * _unit(torch.randn_like(z))])).chunk(2)
        return View(scene.u + self.radius * _unit((there - here).to(scene.u.dtype)))

    def forward(self, real: Tensor, second: Tensor | None) -> Tensor:
        assert second is not None
        return smoothness(real, second)


def _unit(d: Tensor) -> Tensor:
    lengths = torch.linalg.vector_norm(d.flatten(1), dim=1).clamp_min(1e-12)
    unit: Tensor = d / lengths.view(-1, *[1] * (d.dim() - 1))
    return unit

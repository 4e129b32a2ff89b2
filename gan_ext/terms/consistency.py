"""Consistency regularization: Pi model, mean teacher, pseudo-labels, MixUp on two views of unlabeled data."""

import copy
from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from gan_ext.checks import checked
from gan_ext.losses import probability_distance, pseudo_label, smoothness, soft_cross_entropy
from gan_ext.terms.term import Scene, Term, View, logits_without_noise

__all__ = ["Consistency", "MeanTeacher", "MixUp", "PiModel", "PseudoLabel"]

Augment = Callable[[Tensor], Tensor]


@checked
class PseudoLabel(Term):
    """Make a strongly transformed view agree with a weaker one that is sure (:func:`~gan_ext.losses.pseudo_label`).

    References: FixMatch (Sohn et al., 2020), https://arxiv.org/abs/2001.07685

    Args:
        augment: a random transformation that keeps the class; None leaves the second view to the network's noise.
        weight: weight of the term.
        threshold: the probability from which a class counts as known.
        weak: a milder transformation, of the view that gives the class (judged in a pass of its own); None for the
            data as they are.
    """

    name = "pseudo_label"

    def __init__(
        self,
        augment: Augment | None = None,
        weight: float = 1.0,
        threshold: float = 0.95,
        weak: Augment | None = None,
    ) -> None:
        super().__init__(weight)
        self.augment = augment or nn.Identity()
        self.weak = weak
        self._store("threshold", threshold, 0 <= threshold <= 1, "0 <= threshold <= 1")
        self.threshold: Tensor

    def view(self, scene: Scene) -> View:
        guide = None
        if self.weak is not None:
            with torch.no_grad():
                guide = scene.judge(self.weak(scene.u))[0]
        return View(self.augment(scene.u), guide)

    def forward(self, real: Tensor, second: Tensor | None) -> Tensor:
        assert second is not None
        return pseudo_label(real, second, self.threshold)


@checked
class Consistency(Term):
    """Make a transformed view agree with a plain one, however sure (:func:`~gan_ext.losses.smoothness`).

    Args:
        augment: a random transformation that keeps the class.
        weight: weight of the term.
    """

    name = "consistency"

    def __init__(self, augment: Augment, weight: float = 1.0) -> None:
        super().__init__(weight)
        self.augment = augment

    def view(self, scene: Scene) -> View:
        return View(self.augment(scene.u))

    def forward(self, real: Tensor, second: Tensor | None) -> Tensor:
        assert second is not None
        return smoothness(real, second)


@checked
class PiModel(Term):
    """Make two noisy passes over the same data agree (:func:`~gan_ext.losses.probability_distance`).

    References: Temporal Ensembling for Semi-Supervised Learning (Laine and Aila, 2017),
    https://arxiv.org/abs/1610.02242

    Args:
        augment: a random transformation that keeps the class, drawn anew for each sample; None leaves the difference
            to the network's noise.
        weight: weight of the term; the published one rises to 100 K over the first eighty epochs, with the
            probabilities' squares averaged over classes.
    """

    name = "pi_model"

    def __init__(self, augment: Augment | None = None, weight: float = 1.0) -> None:
        super().__init__(weight)
        self.augment = augment or nn.Identity()

    def view(self, scene: Scene) -> View:
        return View(self.augment(torch.cat([scene.u, scene.u])))

    def forward(self, real: Tensor, second: Tensor | None) -> Tensor:
        assert second is not None
        return probability_distance(*second.chunk(2))


@checked
class MeanTeacher(Term):
    r"""Mean teacher: agree with a teacher whose weights are the running mean of the discriminator's.

    .. math:: \theta' \leftarrow \alpha_t \theta' + (1 - \alpha_t) \theta, \qquad
              \alpha_t = \min\left(\alpha, \tfrac{t}{t + 10}\right)

    The teacher judges a weaker view with the network's noise off.  Without a threshold the loss is
    :func:`~gan_ext.losses.probability_distance`, as published; with one, the teacher's sure classes are labels
    (:func:`~gan_ext.losses.pseudo_label`).  The teacher is part of the game's state; batch statistics and other
    buffers are taken over as they are.

    References: Mean Teachers are Better Role Models (Tarvainen and Valpola, 2017), https://arxiv.org/abs/1703.01780;
    FixMatch (Sohn et al., 2020), https://arxiv.org/abs/2001.07685

    Args:
        augment: a random transformation that keeps the class, of the view that learns; None leaves it to the
            network's noise.
        weight: weight of the term.
        decay: :math:`\alpha`, per step.
        threshold: the probability from which the teacher's class counts as known; None for the published loss.
        weak: a milder transformation, of the view that the teacher judges; None for the data as they are.
    """

    name = "mean_teacher"
    teacher: nn.Module

    def __init__(
        self,
        augment: Augment | None = None,
        weight: float = 1.0,
        decay: float = 0.99,
        threshold: float | None = None,
        weak: Augment | None = None,
    ) -> None:
        super().__init__(weight)
        self.augment, self.weak = augment or nn.Identity(), weak or nn.Identity()
        self._store("decay", decay, 0 <= decay < 1, "0 <= decay < 1")
        self.decay: Tensor
        self.sure = threshold is not None
        if threshold is not None:
            self._store("threshold", threshold, 0 <= threshold <= 1, "0 <= threshold <= 1")
        self.threshold: Tensor
        self.register_buffer("age", torch.zeros(()))
        self.age: Tensor

    def attach(self, discriminator: nn.Module) -> None:
        self.teacher = copy.deepcopy(discriminator).requires_grad_(False).eval()
        self.age.zero_()

    def train(self, mode: bool = True) -> "MeanTeacher":
        super().train(mode)
        if hasattr(self, "teacher"):
            self.teacher.eval()
        return self

    @torch.no_grad()
    def view(self, scene: Scene) -> View:
        self._follow(cast("nn.Module", scene.judge))
        return View(self.augment(scene.u), self.teacher(self.weak(scene.u))[0])

    def _follow(self, student: nn.Module) -> None:
        share = 1 - torch.minimum(self.decay, self.age / (self.age + 10))
        old: list[Tensor] = list(self.teacher.parameters())
        new: list[Tensor] = list(student.parameters())
        steps: Any = torch._foreach_sub(new, old)
        torch._foreach_mul_(steps, share)
        torch._foreach_add_(old, steps)
        for kept, present in zip(self.teacher.buffers(), student.buffers(), strict=True):
            kept.copy_(present)
        self.age += 1

    def forward(self, real: Tensor, second: Tensor | None) -> Tensor:
        assert second is not None
        if self.sure:
            return pseudo_label(real, second, self.threshold)
        return probability_distance(real, second)


@checked
class MixUp(Term):
    r"""MixUp: make the class change evenly on the way from one sample to another.

    .. math:: L = E\left[ -\sum_k (\lambda t_i + (1 - \lambda) t_j)_k \log p(k \mid \lambda x_i + (1 - \lambda) x_j)
              \right], \qquad \lambda \sim \max(\beta, 1 - \beta),\ \beta \sim \text{Beta}(a, a)

    over labeled and unlabeled samples together; t is the class of a labeled sample, and for an unlabeled one the
    discriminator's probabilities with its noise off, raised to the power 1/T and scaled to sum to one.

    References: mixup (Zhang et al., 2018), https://arxiv.org/abs/1710.09412; Interpolation Consistency Training
    (Verma et al., 2019), https://arxiv.org/abs/1903.03825; MixMatch (Berthelot et al., 2019),
    https://arxiv.org/abs/1905.02249

    Args:
        weight: weight of the term.
        concentration: a; both samples count about equally often where it is large.
        temperature: T; below 1 the targets of unlabeled samples are sharper than the discriminator's own.
    """

    name = "mix_up"

    def __init__(self, weight: float = 1.0, concentration: float = 0.75, temperature: float = 0.5) -> None:
        super().__init__(weight)
        self._store("concentration", concentration, concentration > 0, "concentration > 0")
        self._store("temperature", temperature, temperature > 0, "temperature > 0")
        self.concentration: Tensor
        self.temperature: Tensor

    @torch.no_grad()
    def view(self, scene: Scene) -> View:
        data, target = scene.u, self._guess(scene)
        if scene.x is not None and scene.y is not None:
            data = torch.cat([scene.x, data])
            target = torch.cat([one_hot(scene.y, target.shape[1]).to(target), target])
        share = self._shares(len(data))
        # A permutation; the compiler of torch 2.13 fails on data that are indexed by torch.randperm.
        order = torch.rand(len(data), device=data.device).argsort()
        across = share.view(-1, *[1] * (data.dim() - 1)).to(data)
        return View(data.lerp(data[order], 1 - across), target.lerp(target[order], 1 - share[:, None]))

    def _guess(self, scene: Scene) -> Tensor:
        return (logits_without_noise(scene.judge, scene.u).float() / self.temperature).softmax(-1)

    def _shares(self, n: int) -> Tensor:
        # Two gamma draws make a beta draw; unlike torch.distributions, this neither checks nor synchronizes.
        first, second = torch._standard_gamma(self.concentration.expand(2, n).contiguous())
        beta: Tensor = first / (first + second).clamp_min(1e-12)
        larger: Tensor = torch.maximum(beta, 1 - beta)
        return larger

    def forward(self, real: Tensor, second: Tensor | None) -> Tensor:
        assert second is not None
        return soft_cross_entropy(real, second)

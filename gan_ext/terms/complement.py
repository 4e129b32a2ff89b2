"""Terms of the generator: feature matching, and those of a complement (bad) generator: entropy, low density."""

from collections.abc import Callable
from math import isfinite
from typing import Literal

from torch import Tensor, nn

from gan_ext.checks import checked
from gan_ext.losses import (
    absolute_feature_matching,
    covariance_matching,
    feature_matching,
    low_density,
    maximum_mean_discrepancy,
    pull_away,
    variational_entropy,
)
from gan_ext.terms.term import Generated, GeneratorTerm

__all__ = ["FeatureMatching", "LowDensity", "PullAway", "VariationalEntropy"]

_DISTANCES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "mean": feature_matching,
    "absolute": absolute_feature_matching,
    "covariance": covariance_matching,
    "mmd": maximum_mean_discrepancy,
}


@checked
class FeatureMatching(GeneratorTerm):
    """Match the discriminator's features of generated data to those of real data.

    References: Improved Techniques for Training GANs (Salimans et al., 2016), https://arxiv.org/abs/1606.03498

    Args:
        distance: ``"mean"`` (:func:`~gan_ext.losses.feature_matching`, published for MNIST), ``"absolute"``
            (:func:`~gan_ext.losses.absolute_feature_matching`, published for color images), ``"covariance"``
            (:func:`~gan_ext.losses.covariance_matching`) or ``"mmd"``
            (:func:`~gan_ext.losses.maximum_mean_discrepancy`).  Terms of different distances can be added.
        weight: weight of the term.
    """

    def __init__(
        self, distance: Literal["mean", "absolute", "covariance", "mmd"] = "mean", weight: float = 1.0
    ) -> None:
        super().__init__(weight)
        if distance not in _DISTANCES:
            raise ValueError(f"distance={distance!r} must be one of {', '.join(map(repr, _DISTANCES))}.")
        self.distance = distance
        self.name = "feature_matching" if distance == "mean" else f"feature_matching_{distance}"

    def forward(self, generated: Generated) -> Tensor:
        return _DISTANCES[self.distance](generated.real, generated.fake)


class PullAway(GeneratorTerm):
    """Keep generated samples' features from pointing the same way (:func:`~gan_ext.losses.pull_away`).

    References: Good Semi-supervised Learning That Requires a Bad GAN (Dai et al., 2017), whose weight for SVHN is 0.8,
    https://arxiv.org/abs/1705.09783

    Args:
        weight: weight of the term.
    """

    name = "pull_away"

    def forward(self, generated: Generated) -> Tensor:
        return pull_away(generated.fake)


@checked
class VariationalEntropy(GeneratorTerm):
    """Raise a bound on the entropy of generated samples (:func:`~gan_ext.losses.variational_entropy`).

    References: Good Semi-supervised Learning That Requires a Bad GAN (Dai et al., 2017), whose weight for CIFAR-10 is
    0.01, https://arxiv.org/abs/1705.09783

    Args:
        encoder: maps samples [B, ...] to (mean, log of the deviation) of z, each [B, d]; the generator's to learn.
        weight: weight of the term.
    """

    name = "variational_entropy"

    def __init__(self, encoder: nn.Module, weight: float = 0.01) -> None:
        super().__init__(weight)
        self.encoder = encoder

    def forward(self, generated: Generated) -> Tensor:
        mean, log_std = self.encoder(generated.samples)
        return variational_entropy(generated.z, mean, log_std)


@checked
class LowDensity(GeneratorTerm):
    """Drive generated samples to where an explicit model finds data rare (:func:`~gan_ext.losses.low_density`).

    References: Good Semi-supervised Learning That Requires a Bad GAN (Dai et al., 2017), whose weight for MNIST is
    1e-4, https://arxiv.org/abs/1705.09783

    Args:
        density: maps samples [B, ...] to their log-density in nats [B]; it is frozen here, so train it before.
        threshold: log-density above which a sample is too likely, in nats; take a low percentile of *training* data
            (the authors took the tenth of the test data).
        weight: weight of the term.
    """

    name = "low_density"

    def __init__(self, density: nn.Module, threshold: float, weight: float = 1e-4) -> None:
        super().__init__(weight)
        self.density = density.requires_grad_(False).eval()
        self._store("threshold", threshold, isfinite(threshold), "a finite threshold")
        self.threshold: Tensor

    def train(self, mode: bool = True) -> "LowDensity":
        super().train(mode)
        self.density.eval()
        return self

    def forward(self, generated: Generated) -> Tensor:
        log_density = self.density(generated.samples)
        if log_density.shape != generated.samples.shape[:1]:
            raise ValueError(
                f"density must map {len(generated.samples)} samples to as many numbers, it returns shape "
                f"{tuple(log_density.shape)}."
            )
        return low_density(log_density, self.threshold)

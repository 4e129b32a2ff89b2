"""Class conditioning for ConditionalGAN: concatenation, conditional normalization, projection, AC-GAN, ADC-GAN."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from gan_ext.estimators.base.assembly import are_images
from gan_ext.games import ACGAN, ADCGAN, ClassGame, Conditional
from gan_ext.latents import Gaussian, Prior
from gan_ext.nets import (
    ClassifyingDiscriminator,
    ConcatenatedGenerator,
    ConcatenationDiscriminator,
    Linear,
    ProjectionDiscriminator,
    conv_conditional_generator,
    conv_generator,
    conv_trunk,
    mlp_conditional_generator,
    mlp_generator,
    mlp_trunk,
)
from gan_ext.nets.layers.normalization import normalizer
from gan_ext.seeds import seeded

__all__ = [
    "AuxiliaryClassifier",
    "ClassConditioning",
    "Concatenation",
    "ConditionalNormalization",
    "DiscriminativeClassifier",
    "Plan",
    "Projection",
    "build_class_game",
]


@dataclass(frozen=True)
class Plan:
    """What networks are for, and the parts that ways of conditioning share; all parts of one size.

    Args:
        shape: of one sample, (d,) or (channels, height, width).
        classes: K.
        latent_dim: d of the prior.
        channels: of the convolutions, for images.
        widths: units of the hidden layers, for tables.
        output: the generator's last activation.
        spectral: whether the discriminator is spectrally normalized.
        mode_seeking: weight of that term of the generator.
        r1: weight of the discriminator's gradient penalty.
    """

    shape: tuple[int, ...]
    classes: int
    latent_dim: int
    channels: int
    widths: Sequence[int]
    output: nn.Module
    spectral: bool = True
    mode_seeking: float = 0.0
    r1: float = 0.0

    @property
    def options(self) -> dict[str, Any]:
        """The weights that every game with classes takes."""
        return {"mode_seeking": self.mode_seeking, "r1": self.r1}

    def prior(self) -> Prior:
        """Return the distribution of z."""
        return Gaussian(self.latent_dim)

    def concatenated_generator(self) -> nn.Module:
        """Return a generator that reads the class as further inputs."""
        inputs = self.latent_dim + self.classes
        if are_images(self.shape):
            return ConcatenatedGenerator(conv_generator(self.shape, inputs, self.channels, self.output), self.classes)
        return ConcatenatedGenerator(mlp_generator(self.shape, inputs, self.widths, self.output), self.classes)

    def normalized_generator(self) -> nn.Module:
        """Return a generator with conditional batch normalization."""
        if are_images(self.shape):
            size = self.channels
            return conv_conditional_generator(self.shape, self.latent_dim, self.classes, size, self.output)
        return mlp_conditional_generator(self.shape, self.latent_dim, self.classes, self.widths, self.output)

    def trunk(self, more: int = 0) -> tuple[nn.Module, int]:
        """Return a discriminator's trunk for data with `more` columns or channels, and its number of features."""
        shape = (self.shape[0] + more, *self.shape[1:])
        if are_images(self.shape):
            features = 4 * self.channels
            return conv_trunk(shape, self.channels // 2, features, spectral=self.spectral), features
        return mlp_trunk(shape, self.widths, spectral=self.spectral), self.widths[-1]

    def concatenation_discriminator(self) -> nn.Module:
        """Return a discriminator that reads the class as further columns or channels."""
        trunk, features = self.trunk(self.classes)
        judge = normalizer(self.spectral)(Linear(features, 1))
        return ConcatenationDiscriminator(nn.Sequential(trunk, judge), self.classes)

    def classifying_discriminator(self, outputs: int) -> nn.Module:
        """Return a discriminator with a second head of class logits."""
        trunk, features = self.trunk()
        return ClassifyingDiscriminator(trunk, features, outputs, self.spectral)


class ClassConditioning(ABC):
    """A way of telling a game classes.

    A subclass of your own builds any game whose generator maps (z [B, d], y [B]) to samples, from parts of the plan or
    from none::

        class Deeper(ClassConditioning):
            def build(self, plan):
                return Conditional(my_generator(plan.shape), my_discriminator(plan.shape), plan.prior())
    """

    @abstractmethod
    def build(self, plan: Plan) -> ClassGame:
        """Return the game, with networks of fresh weights."""


@dataclass(frozen=True)
class Concatenation(ClassConditioning):
    """Both networks read the class as further inputs.

    References: Conditional Generative Adversarial Nets (Mirza and Osindero, 2014), https://arxiv.org/abs/1411.1784
    """

    def build(self, plan: Plan) -> ClassGame:
        generator, discriminator = plan.concatenated_generator(), plan.concatenation_discriminator()
        return Conditional(generator, discriminator, plan.prior(), **plan.options)


@dataclass(frozen=True)
class ConditionalNormalization(ClassConditioning):
    """The generator has conditional batch normalization; the discriminator reads the class as further inputs.

    References: Modulating early visual processing by language (de Vries et al., 2017), https://arxiv.org/abs/1707.00683
    """

    def build(self, plan: Plan) -> ClassGame:
        generator, discriminator = plan.normalized_generator(), plan.concatenation_discriminator()
        return Conditional(generator, discriminator, plan.prior(), **plan.options)


@dataclass(frozen=True)
class Projection(ClassConditioning):
    """The generator has conditional batch normalization; the discriminator's logit is an inner product.

    References: cGANs with Projection Discriminator (Miyato and Koyama, 2018), https://arxiv.org/abs/1802.05637
    """

    def build(self, plan: Plan) -> ClassGame:
        generator, (trunk, features) = plan.normalized_generator(), plan.trunk()
        discriminator = ProjectionDiscriminator(trunk, features, plan.classes, plan.spectral)
        return Conditional(generator, discriminator, plan.prior(), **plan.options)


@dataclass(frozen=True)
class AuxiliaryClassifier(ClassConditioning):
    r"""The generator has conditional batch normalization; the discriminator also names the class (AC-GAN).

    References: Odena et al. (2017), https://arxiv.org/abs/1610.09585

    Args:
        weight: :math:`\lambda` of the class terms.
    """

    weight: float = 1.0

    def build(self, plan: Plan) -> ClassGame:
        generator, discriminator = plan.normalized_generator(), plan.classifying_discriminator(plan.classes)
        return ACGAN(generator, discriminator, plan.prior(), weight=self.weight, **plan.options)


@dataclass(frozen=True)
class DiscriminativeClassifier(ClassConditioning):
    r"""The generator has conditional batch normalization; a second head tells classes real from generated (ADC-GAN).

    References: Hou et al. (2022), https://arxiv.org/abs/2107.10060

    Args:
        weight: :math:`\lambda` of the class terms.
    """

    weight: float = 1.0

    def build(self, plan: Plan) -> ClassGame:
        generator, discriminator = plan.normalized_generator(), plan.classifying_discriminator(2 * plan.classes)
        return ADCGAN(generator, discriminator, plan.prior(), weight=self.weight, **plan.options)


@torch.no_grad()
def build_class_game(condition: ClassConditioning, plan: Plan, data: Tensor, seed: int) -> ClassGame:
    """Return the game that a way of conditioning builds, with initial weights that a seed decides.

    Raises:
        ValueError: what was built is no game of classes, or its generator makes other samples than the data.
    """
    with seeded(seed):
        game = condition.build(plan)
        if not isinstance(game, ClassGame):
            raise ValueError(f"condition must build a game such as gan_ext.games.Conditional, it built {game!r}.")
        made = game.generator(game.prior.sample(2), torch.zeros(2, dtype=torch.int64))
    if made.shape[1:] != data.shape[1:]:
        raise ValueError(f"The generator makes samples of shape {tuple(made.shape[1:])}, not {tuple(data.shape[1:])}.")
    return game

"""The game of a semi-supervised classifier, from its settings and data."""

from typing import Any

import torch
from torch import Tensor, nn

from gan_ext.estimators.base.assembly import (
    build_discriminator,
    build_generator,
    build_terms,
    check_networks,
    class_weights,
)
from gan_ext.estimators.base.labels import Labels
from gan_ext.games import KPlusOne
from gan_ext.latents import Uniform
from gan_ext.nets import data_dependent_init
from gan_ext.seeds import kept_generators, reseed

__all__ = ["build_game"]

_SHARPNESS = 4.0  # of the familiarity of unlabeled samples, with open_set=True


def build_game(estimator: Any, data: Tensor, labels: Labels, seed: int) -> KPlusOne:
    """Build the networks of an estimator whose scale is fitted, and initialize them on the data."""
    cpu, shape, classes = torch.device("cpu"), estimator.sample_shape_, len(estimator.classes_)
    last = nn.Sigmoid() if estimator.scaler_.kind == "minmax" else nn.Identity()
    with kept_generators(cpu):
        reseed(cpu, seed)
        discriminator = _discriminator(estimator, shape, classes)
        generator = (estimator.generator or build_generator(shape))(shape, estimator.latent_dim, output=last)
        game = KPlusOne(
            generator,
            discriminator,
            Uniform(estimator.latent_dim),
            unsupervised_weight=estimator.unsupervised,
            augment=estimator.augment,
            terms=build_terms(
                labels,
                estimator.entropy,
                estimator.balance,
                estimator.smoothing,
                estimator.smoothing_radius * estimator._spacing,
                estimator.terms,
                estimator.class_prior,
            ),
            class_weight=class_weights(labels, estimator.class_weight),
            open_set=_SHARPNESS if estimator.open_set else 0.0,
        )
        check_networks(game, data[:2], classes)
        data_dependent_init(game.generator, game.prior.sample(500))
        data_dependent_init(game.discriminator, data[torch.randperm(len(data))[:500]])
    return game


def _discriminator(estimator: Any, shape: tuple[int, ...], classes: int) -> nn.Module:
    if estimator.discriminator is not None:
        built: nn.Module = estimator.discriminator(shape, classes)
        return built
    input_noise = estimator.input_noise * estimator._spacing
    return build_discriminator(shape, classes, estimator.hidden_layer_sizes, input_noise, estimator.noise)

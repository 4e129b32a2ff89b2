"""Putting InfoGAN together for data of any kind: codes, networks, terms."""

import copy
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from gan_ext.estimators.base.assembly import are_images, spacing
from gan_ext.estimators.base.labels import Labels
from gan_ext.games import InfoGANGame, SemiSupervisedInfoGAN
from gan_ext.latents import Categorical, Product, Uniform
from gan_ext.nets import conv_generator, conv_info_discriminator, mlp_generator, mlp_info_discriminator
from gan_ext.seeds import kept_generators, reseed
from gan_ext.terms import ClassBalance, ConditionalEntropy, Consistency, Term, VirtualAdversarial

__all__ = ["build_game"]


def build_game(estimator: Any, data: Tensor, labels: Labels | None, seed: int) -> InfoGANGame:
    """Build the game that an InfoGAN estimator plays on scaled data [n, ...]."""
    cpu, shape = torch.device("cpu"), tuple(data.shape[1:])
    with kept_generators(cpu):
        reseed(cpu, seed)
        codes = _codes(estimator, labels)
        noise = Uniform(estimator.noise_dim, -1, 1)
        generator = _generator(estimator, shape, noise.dim + codes.dim)
        discriminator = _discriminator(estimator, shape, codes.width)
        options: dict[str, Any] = {
            "weights": _weights(estimator, codes),
            "terms": _terms(estimator, codes, data, seed),
            "adversarial": estimator.adversarial,
            "mode_seeking": estimator.mode_seeking,
        }
        if labels is None:
            game = InfoGANGame(generator, discriminator, codes, noise, **options)
        else:
            weight = estimator.supervision
            game = SemiSupervisedInfoGAN(generator, discriminator, codes, noise, supervised_weight=weight, **options)
        _check_networks(game, data[:2])
        _check_augment(estimator.augment, data[:2])
    return game


def _codes(estimator: Any, labels: Labels | None) -> Product:
    classes = 0 if labels is None else len(labels.classes)
    if estimator.codes is not None:
        codes: Product = copy.deepcopy(estimator.codes)  # a fit does not change its own settings
        name = codes.first_categorical()
        if classes and (name is None or codes[name].dim < classes):
            raise ValueError(f"y has {classes} classes, but codes={codes} has no category for each of them.")
        return codes
    k = max(estimator.n_clusters, classes)
    learn = isinstance(estimator.shares, str)
    category = Categorical(k, None if learn else estimator.shares, learn=learn)
    style = {"style": Uniform(estimator.n_continuous, -1, 1)} if estimator.n_continuous else {}
    return Product(category=category, **style)


def _weights(estimator: Any, codes: Product) -> dict[str, float]:
    if isinstance(estimator.information, (int, float)):
        return dict.fromkeys(codes.names, float(estimator.information))
    return dict(estimator.information)


def _terms(estimator: Any, codes: Product, data: Tensor, seed: int) -> list[Term]:
    """Return the terms with a weight; none where there is no category."""
    name = codes.first_categorical()
    if name is None:
        return []
    category = codes[name]
    assert isinstance(category, Categorical)
    terms: list[Term] = []
    if estimator.entropy > 0:
        terms.append(ConditionalEntropy(estimator.entropy))
    if estimator.balance > 0:
        terms.append(ClassBalance(category.logits.detach().softmax(0).tolist(), estimator.balance))
    if estimator.augment is not None and estimator.consistency > 0:
        terms.append(Consistency(estimator.augment, estimator.consistency))
    if estimator.augment is None and estimator.smoothing > 0 and estimator.smoothing_radius > 0:
        radius = estimator.smoothing_radius * spacing(data.numpy(), seed)
        terms.append(VirtualAdversarial(radius, estimator.smoothing))
    return terms


def _generator(estimator: Any, shape: tuple[int, ...], latent: int) -> nn.Module:
    last = nn.Sigmoid() if estimator.scaler_.kind == "minmax" else nn.Identity()
    default = conv_generator if are_images(shape) else partial(mlp_generator, widths=estimator.hidden_layer_sizes)
    built: nn.Module = (estimator.generator or default)(shape, latent, output=last)
    return built


def _discriminator(estimator: Any, shape: tuple[int, ...], statistics: int) -> nn.Module:
    widths = estimator.hidden_layer_sizes
    default = conv_info_discriminator if are_images(shape) else partial(mlp_info_discriminator, widths=widths)
    built: nn.Module = (estimator.discriminator or default)(shape, statistics)
    return built


@torch.no_grad()
def _check_networks(game: InfoGANGame, data: Tensor) -> None:
    """Raise ValueError unless the networks take and make what the game needs, tried on two samples."""
    made = game.generator(game.draw(len(data))[0])
    if made.shape != data.shape:
        raise ValueError(f"The generator makes samples of shape {tuple(made.shape[1:])}, not {tuple(data.shape[1:])}.")
    read = game.discriminator(data)
    if not hasattr(read, "logits") or not hasattr(read, "statistics"):
        raise ValueError(
            f"The discriminator must return an object with logits and statistics, it returns {type(read).__name__}."
        )
    wanted = (len(data),), (len(data), game.codes.width)
    if (read.logits.shape, read.statistics.shape) != wanted:
        raise ValueError(
            f"For {len(data)} samples the discriminator must return logits {wanted[0]} and statistics {wanted[1]}, it "
            f"returns {tuple(read.logits.shape)} and {tuple(read.statistics.shape)}."
        )


def _check_augment(augment: Callable[[Tensor], Tensor] | None, data: Tensor) -> None:
    """Raise ValueError unless the transformation keeps the shape of samples, tried on two of them."""
    if augment is None:
        return
    try:
        shape = tuple(augment(data).shape)
    except Exception as error:
        raise ValueError(f"augment fails on samples of shape {tuple(data.shape[1:])}: {error}") from error
    if shape != data.shape:
        raise ValueError(f"augment must keep the shape {tuple(data.shape)} of samples, it returns {shape}.")

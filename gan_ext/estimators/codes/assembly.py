"""Building InfoGAN's game for data of any kind: what its parameters may be, codes, networks, terms."""

import copy
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Literal, Protocol

import torch
from sklearn.utils._param_validation import StrOptions
from torch import Tensor, nn

from gan_ext.estimators.base.assembly import are_images, build_network, check_augment, spacing
from gan_ext.estimators.base.labels import Labels
from gan_ext.estimators.base.parameters import (
    SCALING,
    SHARES,
    UNLABELED,
    WIDTHS,
    Constraint,
    callable_or_none,
    integer,
    not_negative,
)
from gan_ext.games import InfoGANGame, SemiSupervisedInfoGAN
from gan_ext.latents import Categorical, Product, Uniform
from gan_ext.nets import conv_generator, conv_info_discriminator, mlp_generator, mlp_info_discriminator
from gan_ext.seeds import seeded
from gan_ext.terms import ClassBalance, ConditionalEntropy, Consistency, Term, VirtualAdversarial

__all__ = ["INFOGAN_CONSTRAINTS", "InfoGANSettings", "build_game", "check_codes"]


_WEIGHTS = Constraint(
    "a mapping from names of codes to numbers that are not negative",
    lambda value: isinstance(value, Mapping) and all(map(not_negative().is_satisfied_by, value.values())),
)

INFOGAN_CONSTRAINTS: dict[str, Any] = {
    "n_clusters": [integer(1)],
    "n_continuous": [integer(0)],
    "codes": [Product, None],
    "latent_dim": [integer(1)],
    "information": [not_negative(), _WEIGHTS],
    "adversarial": [not_negative()],
    "entropy": [not_negative()],
    "balance": [not_negative()],
    "smoothing": [not_negative()],
    "smoothing_radius": [not_negative()],
    "consistency": [not_negative()],
    "augment": callable_or_none(),
    "shares": [SHARES, StrOptions({"learn"}), None],
    "supervision": [not_negative()],
    "mode_seeking": [not_negative()],
    "hidden_layer_sizes": WIDTHS,
    "generator": callable_or_none(),
    "discriminator": callable_or_none(),
    "scaling": SCALING,
    "unlabeled": UNLABELED,
}
"""What InfoGAN's own parameters may be."""


class InfoGANSettings(Protocol):
    """What the game is built by: parameters of :class:`gan_ext.InfoGAN`, under their names."""

    n_clusters: int
    n_continuous: int
    codes: Product | None
    latent_dim: int
    information: float | Mapping[str, float]
    adversarial: float
    entropy: float
    balance: float
    smoothing: float
    smoothing_radius: float
    consistency: float
    augment: Callable[[Tensor], Tensor] | None
    shares: Sequence[float] | Literal["learn"] | None
    supervision: float
    mode_seeking: float
    hidden_layer_sizes: Sequence[int]
    generator: Callable[..., nn.Module] | None
    discriminator: Callable[..., nn.Module] | None


def check_codes(settings: InfoGANSettings) -> None:
    """Raise ValueError where parameters that describe codes exclude each other."""
    shares = settings.shares
    if settings.codes is not None and shares is not None:
        raise ValueError("shares is for the default code; give the shares to your own Categorical in codes.")
    if shares is not None and not isinstance(shares, str) and len(shares) != settings.n_clusters:
        raise ValueError(f"shares has {len(shares)} numbers for n_clusters={settings.n_clusters}.")
    if shares is not None and not isinstance(shares, str) and abs(sum(shares) - 1) > 0.02:
        raise ValueError(f"shares={shares!r} adds up to {sum(shares):g}; shares of the categories add up to 1.")


def build_game(
    settings: InfoGANSettings, data: Tensor, output: nn.Module, labels: Labels | None, seed: int
) -> InfoGANGame:
    """Build InfoGAN's game on scaled data [n, ...].

    Args:
        settings: the estimator's parameters.
        data: scaled samples.
        output: the generator's last activation.
        labels: labels, if there are any.
        seed: decides initial weights.

    Raises:
        ValueError: networks that do not fit the data or the codes, or codes that do not fit the labels.
    """
    shape = tuple(data.shape[1:])
    with seeded(seed):
        codes = _codes(settings, labels)
        noise = Uniform(settings.latent_dim, -1, 1)
        generator = _generator(settings, shape, noise.dim + codes.dim, output)
        discriminator = _discriminator(settings, shape, codes.width)
        options: dict[str, Any] = {
            "weights": _weights(settings, codes),
            "terms": _terms(settings, codes, data, seed),
            "adversarial": settings.adversarial,
            "mode_seeking": settings.mode_seeking,
        }
        if labels is None:
            game = InfoGANGame(generator, discriminator, codes, noise, **options)
        else:
            weight = settings.supervision
            game = SemiSupervisedInfoGAN(generator, discriminator, codes, noise, supervised_weight=weight, **options)
        _check_networks(game, data[:2])
        check_augment(settings.augment, data[:2])
    return game


def _codes(settings: InfoGANSettings, labels: Labels | None) -> Product:
    classes = 0 if labels is None else len(labels.classes)
    if settings.codes is not None:
        codes: Product = copy.deepcopy(settings.codes)  # a fit does not change its own settings
        name = codes.first_categorical()
        if classes and (name is None or codes[name].dim < classes):
            raise ValueError(f"y has {classes} classes, but codes={codes} has no category for each of them.")
        return codes
    k, shares = max(settings.n_clusters, classes), settings.shares
    category = Categorical(k, None if isinstance(shares, str) else shares, learn=isinstance(shares, str))
    style = {"style": Uniform(settings.n_continuous, -1, 1)} if settings.n_continuous else {}
    return Product(category=category, **style)


def _weights(settings: InfoGANSettings, codes: Product) -> dict[str, float]:
    if isinstance(settings.information, Mapping):
        return dict(settings.information)
    return dict.fromkeys(codes.names, float(settings.information))


def _terms(settings: InfoGANSettings, codes: Product, data: Tensor, seed: int) -> list[Term]:
    """Return the terms with a weight; none where there is no category."""
    name = codes.first_categorical()
    if name is None:
        return []
    category = codes[name]
    assert isinstance(category, Categorical)
    terms: list[Term] = []
    if settings.entropy > 0:
        terms.append(ConditionalEntropy(settings.entropy))
    if settings.balance > 0:
        terms.append(ClassBalance(category.logits.detach().softmax(0).tolist(), settings.balance))
    if settings.augment is not None and settings.consistency > 0:
        terms.append(Consistency(settings.augment, settings.consistency))
    if settings.augment is None and settings.smoothing > 0 and settings.smoothing_radius > 0:
        radius = settings.smoothing_radius * spacing(data.numpy(), seed)
        terms.append(VirtualAdversarial(radius, settings.smoothing))
    return terms


def _generator(settings: InfoGANSettings, shape: tuple[int, ...], latent: int, output: nn.Module) -> nn.Module:
    default = conv_generator if are_images(shape) else partial(mlp_generator, widths=settings.hidden_layer_sizes)
    return build_network("generator", settings.generator or default, shape, latent, output=output)


def _discriminator(settings: InfoGANSettings, shape: tuple[int, ...], statistics: int) -> nn.Module:
    widths = settings.hidden_layer_sizes
    default = conv_info_discriminator if are_images(shape) else partial(mlp_info_discriminator, widths=widths)
    return build_network("discriminator", settings.discriminator or default, shape, statistics)


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

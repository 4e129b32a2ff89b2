"""The game of a semi-supervised classifier, from its settings and data: networks, terms, schedules."""

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Literal, Protocol

import numpy as np
import torch
from sklearn.utils._param_validation import StrOptions
from torch import Tensor, nn

from gan_ext.engine import Schedule, flat_then_linear, sigmoid_rise
from gan_ext.estimators.base.assembly import are_images, build_network, check_augment, label_counts
from gan_ext.estimators.base.labels import Labels
from gan_ext.estimators.base.parameters import (
    CLASS_WEIGHTS,
    CLASSES,
    SCALING,
    SHARES,
    TERMS,
    UNLABELED,
    WIDTHS,
    callable_or_none,
    integer,
    not_negative,
)
from gan_ext.estimators.semi_supervised.class_mix import warn_of_mix
from gan_ext.games import KPlusOne
from gan_ext.latents import Uniform
from gan_ext.nets import (
    conv_discriminator,
    conv_generator,
    data_dependent_init,
    mlp_discriminator,
    mlp_generator,
)
from gan_ext.seeds import seeded
from gan_ext.terms import ClassBalance, ConditionalEntropy, GeneratorTerm, Term, VirtualAdversarial

__all__ = [
    "CLASSIFIER_CONSTRAINTS",
    "KPlusOneSettings",
    "build_game",
    "build_schedules",
    "class_shares",
    "class_weights",
]

_ROUNDED = 0.02  # how far shares that were rounded may be from adding up to 1
_SHARPNESS = 4.0  # of the familiarity of unlabeled samples, with open_set=True

CLASSIFIER_CONSTRAINTS: dict[str, Any] = {
    "labeled_batch_size": [integer(1)],
    "hidden_layer_sizes": WIDTHS,
    **{name: [not_negative()] for name in ("noise", "input_noise", "unsupervised", "entropy", "balance")},
    **{name: [not_negative()] for name in ("smoothing", "smoothing_radius")},
    "class_prior": [StrOptions({"uniform", "labeled"}), SHARES, None],
    "class_weight": [StrOptions({"balanced"}), CLASS_WEIGHTS, None],
    "open_set": ["boolean"],
    "terms": [TERMS],
    **{name: callable_or_none() for name in ("augment", "generator", "discriminator")},
    "latent_dim": [integer(1)],
    "scaling": SCALING,
    "unlabeled": UNLABELED,
    "classes": CLASSES,
    "allow_empty_classes": ["boolean"],
}
"""What the classifier's own parameters may be."""


class KPlusOneSettings(Protocol):
    """What a game is built from: parameters of :class:`~gan_ext.SemiSupervisedGANClassifier`, by their names there."""

    @property
    def latent_dim(self) -> int: ...
    @property
    def hidden_layer_sizes(self) -> Sequence[int]: ...
    @property
    def noise(self) -> float: ...
    @property
    def input_noise(self) -> float: ...
    @property
    def unsupervised(self) -> float: ...
    @property
    def entropy(self) -> float: ...
    @property
    def balance(self) -> float: ...
    @property
    def smoothing(self) -> float: ...
    @property
    def smoothing_radius(self) -> float: ...
    @property
    def class_prior(self) -> str | Sequence[float] | None: ...
    @property
    def class_weight(self) -> Literal["balanced"] | Mapping[Any, float] | None: ...
    @property
    def open_set(self) -> bool: ...
    @property
    def terms(self) -> Sequence[Term | GeneratorTerm]: ...
    @property
    def augment(self) -> Callable[[Tensor], Tensor] | None: ...
    @property
    def generator(self) -> Callable[..., nn.Module] | None: ...
    @property
    def discriminator(self) -> Callable[..., nn.Module] | None: ...
    @property
    def max_iter(self) -> int: ...
    @property
    def learning_rate(self) -> float: ...


def build_game(
    settings: KPlusOneSettings, data: Tensor, labels: Labels, spacing: float, bounded: bool, seed: int
) -> KPlusOne:
    """Build the networks, and initialize them on the data.

    Args:
        settings: an estimator.
        data: scaled samples [n, ...].
        labels: their classes, n.
        spacing: the distance between neighbors, which radii and noise of inputs are shares of.
        bounded: whether scaled data are in [0, 1], as are generated samples then.
        seed: of the initial weights.

    Warns:
        UserWarning: a class seems to be far rarer than `balance` would make it.
    """
    if settings.balance > 0 and (settings.class_prior is None or isinstance(settings.class_prior, str)):
        warn_of_mix(data.numpy(), labels, class_shares(labels, settings.class_prior), seed)
    shape, classes = tuple(data.shape[1:]), len(labels.classes)
    last = nn.Sigmoid() if bounded else nn.Identity()
    with seeded(seed):
        discriminator = _discriminator(settings, shape, classes, spacing)
        generator = build_network(
            "generator", settings.generator or _default_generator(shape), shape, settings.latent_dim, output=last
        )
        game = KPlusOne(
            generator,
            discriminator,
            Uniform(settings.latent_dim),
            unsupervised_weight=settings.unsupervised,
            augment=settings.augment,
            terms=_terms(settings, labels, spacing),
            class_weight=class_weights(labels, settings.class_weight),
            open_set=_SHARPNESS if settings.open_set else 0.0,
        )
        _check_networks(game, data[:2], classes)
        data_dependent_init(game.generator, game.prior.sample(500))
        data_dependent_init(game.discriminator, data[torch.randperm(len(data))[:500]])
        check_augment(settings.augment, data[:2])
    return game


def _discriminator(settings: KPlusOneSettings, shape: tuple[int, ...], classes: int, spacing: float) -> nn.Module:
    if settings.discriminator is not None:
        return build_network("discriminator", settings.discriminator, shape, classes)
    each = settings.input_noise * spacing / math.sqrt(math.prod(shape))  # the length of a sample's noise is over all
    if are_images(shape):
        return conv_discriminator(shape, classes, input_noise=each, noise=settings.noise)
    return mlp_discriminator(shape, classes, settings.hidden_layer_sizes, each, settings.noise)


def _default_generator(shape: tuple[int, ...]) -> Callable[..., nn.Module]:
    return conv_generator if are_images(shape) else partial(mlp_generator, widths=(128, 128))


def _terms(settings: KPlusOneSettings, labels: Labels, spacing: float) -> list[Term | GeneratorTerm]:
    """Return the terms with a weight and copies of further ones; those take the place of terms of the same name."""
    terms: list[Term] = []
    shares, radius = class_shares(labels, settings.class_prior), settings.smoothing_radius * spacing
    if settings.entropy > 0:
        terms.append(ConditionalEntropy(settings.entropy))
    if settings.balance > 0:
        terms.append(ClassBalance(shares, settings.balance))
    if settings.smoothing > 0 and radius > 0:
        terms.append(VirtualAdversarial(radius, settings.smoothing))
    # Copied together: terms may share an encoder.
    given = copy.deepcopy(list(settings.terms))
    names = {term.name for term in given}
    return [*(term for term in terms if term.name not in names), *given]


def class_shares(labels: Labels, prior: str | Sequence[float] | None) -> list[float]:
    """Return what classes are expected to be in balance with, unscaled.

    None counts labeled samples and one more of each, ``"labeled"`` labeled samples, ``"uniform"`` all alike.

    Raises:
        ValueError: not one positive share for every class, or they do not add up to 1.
    """
    counts = label_counts(labels)
    if prior is None or isinstance(prior, str):
        shares = counts + 1.0 if prior is None else np.ones(len(counts)) if prior == "uniform" else counts * 1.0
    else:
        shares = np.asarray(prior, dtype=np.float64)
    if shares.shape != counts.shape or not (np.isfinite(shares) & (shares > 0)).all():
        raise ValueError(
            f"class_prior={prior!r} must give each of the {len(counts)} classes a positive share; 'labeled' needs a "
            "labeled sample of each."
        )
    if not (prior is None or isinstance(prior, str)) and abs(shares.sum() - 1) > _ROUNDED:
        raise ValueError(
            f"class_prior={prior!r} adds up to {shares.sum():g}; shares of the classes add up to 1. Counts become "
            "shares by dividing them by their sum."
        )
    return [float(share) for share in shares]


def class_weights(labels: Labels, weighting: str | Mapping[Any, float] | None) -> list[float] | None:
    """Return what a labeled sample of each class counts, or None for all the same.

    ``"balanced"`` is scikit-learn's n / (classes * n_k), where a class without samples counts as if it had one; a
    mapping names classes, and those it does not name count 1.

    Raises:
        ValueError: a mapping names a class that there is not.
    """
    if isinstance(weighting, Mapping):
        strange = [name for name in weighting if name not in labels.classes.tolist()]
        if strange:
            raise ValueError(
                f"class_weight={weighting!r} names {strange[0]!r}, which is none of {labels.classes.tolist()}."
            )
        return [float(weighting.get(name, 1.0)) for name in labels.classes.tolist()]
    counts = np.maximum(label_counts(labels), 1)
    return None if weighting is None else (counts.sum() / (len(counts) * counts)).tolist()


def build_schedules(game: KPlusOne, settings: KPlusOneSettings, spacing: float) -> dict[str, Schedule]:
    """Return what changes during training, for the terms that the game has; the user's own stay as given."""
    given, steps = {term.name for term in settings.terms}, settings.max_iter
    rate = flat_then_linear(settings.learning_rate, steps)
    schedules: dict[str, Schedule] = {"discriminator.lr": rate, "generator.lr": rate}
    if "entropy" in game.terms and "entropy" not in given:
        schedules["terms.entropy.weight"] = sigmoid_rise(settings.entropy, max(1, round(0.6 * steps)))
    if "smoothing" in game.terms and "smoothing" not in given:
        radius = settings.smoothing_radius * spacing
        fall = flat_then_linear(0.8 * radius, steps)
        schedules["terms.smoothing.radius"] = lambda step: fall(step) + 0.2 * radius
    return schedules


@torch.no_grad()
def _check_networks(game: KPlusOne, data: Tensor, classes: int) -> None:
    """Raise ValueError unless the networks take and make what the game needs, tried on a few samples."""
    made = game.generator(game.prior.sample(len(data)))
    if made.shape != data.shape:
        raise ValueError(f"The generator makes samples of shape {tuple(made.shape[1:])}, not {tuple(data.shape[1:])}.")
    judged = game.discriminator(data)
    if not isinstance(judged, tuple) or len(judged) != 2:
        raise ValueError(f"The discriminator must return (logits, features), it returns {type(judged).__name__}.")
    logits, features = judged
    if logits.shape != (len(data), classes) or features.dim() != 2 or len(features) != len(data):
        raise ValueError(
            f"For {len(data)} samples the discriminator must return logits {(len(data), classes)} and features "
            f"({len(data)}, any), it returns {tuple(logits.shape)} and {tuple(features.shape)}."
        )

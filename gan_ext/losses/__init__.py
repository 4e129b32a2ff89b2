"""Losses: pure functions of tensors, each with its equation and its source."""

from gan_ext.losses.adversarial import (
    discriminator_non_saturating,
    generator_non_saturating,
)
from gan_ext.losses.penalties import input_gradient, r1_penalty
from gan_ext.losses.semisupervised import (
    append_fake_logit,
    class_balance,
    conditional_entropy,
    explicit_supervised,
    explicit_unsupervised,
    feature_matching,
    k_plus_one_probabilities,
    pseudo_label,
    realness,
    smoothness,
    supervised,
    unsupervised,
)

__all__ = [
    "append_fake_logit",
    "class_balance",
    "conditional_entropy",
    "discriminator_non_saturating",
    "explicit_supervised",
    "explicit_unsupervised",
    "feature_matching",
    "generator_non_saturating",
    "input_gradient",
    "k_plus_one_probabilities",
    "pseudo_label",
    "r1_penalty",
    "realness",
    "smoothness",
    "supervised",
    "unsupervised",
]

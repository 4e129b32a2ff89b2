"""Losses: pure functions of tensors, each with its equation and its source."""

from gan_ext.losses.adversarial import (
    discriminator_non_saturating,
    discriminator_relativistic,
    discriminator_wasserstein,
    generator_non_saturating,
    generator_relativistic,
    generator_wasserstein,
)
from gan_ext.losses.codes import mode_seeking, reinforce
from gan_ext.losses.discrete import linear_cross_entropy, token_mean
from gan_ext.losses.penalties import gradient_penalty, input_gradient, r1_penalty
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
    "discriminator_relativistic",
    "discriminator_wasserstein",
    "explicit_supervised",
    "explicit_unsupervised",
    "feature_matching",
    "generator_non_saturating",
    "generator_relativistic",
    "generator_wasserstein",
    "gradient_penalty",
    "input_gradient",
    "k_plus_one_probabilities",
    "linear_cross_entropy",
    "mode_seeking",
    "pseudo_label",
    "r1_penalty",
    "realness",
    "reinforce",
    "smoothness",
    "supervised",
    "token_mean",
    "unsupervised",
]

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
from gan_ext.losses.complement import (
    absolute_feature_matching,
    covariance_matching,
    low_density,
    maximum_mean_discrepancy,
    pull_away,
    variational_entropy,
)
from gan_ext.losses.consistency import logit_distance, probability_distance, soft_cross_entropy
from gan_ext.losses.discrete import linear_cross_entropy, token_mean
from gan_ext.losses.open_set import familiarity, systematic_rows
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
    "absolute_feature_matching",
    "append_fake_logit",
    "class_balance",
    "conditional_entropy",
    "covariance_matching",
    "discriminator_non_saturating",
    "discriminator_relativistic",
    "discriminator_wasserstein",
    "explicit_supervised",
    "explicit_unsupervised",
    "familiarity",
    "feature_matching",
    "generator_non_saturating",
    "generator_relativistic",
    "generator_wasserstein",
    "gradient_penalty",
    "input_gradient",
    "k_plus_one_probabilities",
    "linear_cross_entropy",
    "logit_distance",
    "low_density",
    "maximum_mean_discrepancy",
    "mode_seeking",
    "probability_distance",
    "pseudo_label",
    "pull_away",
    "r1_penalty",
    "realness",
    "reinforce",
    "smoothness",
    "soft_cross_entropy",
    "supervised",
    "systematic_rows",
    "token_mean",
    "unsupervised",
    "variational_entropy",
]

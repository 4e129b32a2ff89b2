"""Gradients of expected rewards through discrete tokens: one interface, interchangeable estimators."""

from gan_ext.gradients.actor_critic import ActorCritic
from gan_ext.gradients.clipped_surrogate import ClippedSurrogate
from gan_ext.gradients.control_variates import REBAR, RELAX, conditional_gumbel
from gan_ext.gradients.enumeration import Enumeration, all_sequences
from gan_ext.gradients.estimator import GradientEstimator, Reward, leave_one_out
from gan_ext.gradients.natural import natural_gradient
from gan_ext.gradients.pathwise import GumbelSoftmax, StraightThrough, StraightThroughGumbel, relaxed_sample
from gan_ext.gradients.score_function import REINFORCE, LeaveOneOut, MaliGANWeights, SelfCritical, greedy
from gan_ext.gradients.taylor import Taylor
from gan_ext.gradients.watch import AdvantageWarning, AdvantageWatch
from gan_ext.losses import generalized_advantage, policy_gradient

__all__ = [
    "REBAR",
    "REINFORCE",
    "RELAX",
    "ActorCritic",
    "AdvantageWarning",
    "AdvantageWatch",
    "ClippedSurrogate",
    "Enumeration",
    "GradientEstimator",
    "GumbelSoftmax",
    "LeaveOneOut",
    "MaliGANWeights",
    "Reward",
    "SelfCritical",
    "StraightThrough",
    "StraightThroughGumbel",
    "Taylor",
    "all_sequences",
    "conditional_gumbel",
    "generalized_advantage",
    "greedy",
    "leave_one_out",
    "natural_gradient",
    "policy_gradient",
    "relaxed_sample",
]

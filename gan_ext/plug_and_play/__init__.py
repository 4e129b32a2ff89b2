"""Plug and play: samples from a fixed generator that a condition, plugged in afterwards, finds likely."""

from gan_ext.plug_and_play.conditions import (
    CaptionCondition,
    ClassCondition,
    CodeCondition,
    Condition,
    UnitCondition,
)
from gan_ext.plug_and_play.known import KnownPixels, Pasted
from gan_ext.plug_and_play.play import Chains, ChainState, PlugAndPlay
from gan_ext.plug_and_play.priors import (
    ChainPrior,
    DenoisingPrior,
    DiscriminatorDriven,
    FlatPrior,
    JointPrior,
    LatentPrior,
)
from gan_ext.plug_and_play.samplers import Langevin, MetropolisLangevin, OfficialSampler, Sampler, Step
from gan_ext.plug_and_play.target import Position, Target
from gan_ext.plug_and_play.text import Evidence, SteeredSequences
from gan_ext.plug_and_play.text_attributes import AllOf, ClassAttribute, PrefixAttribute, PrefixFunction
from gan_ext.plug_and_play.text_methods import (
    BestOf,
    Rejection,
    SequentialMonteCarlo,
    SteeredDraw,
    SteeringMethod,
    TextTarget,
)
from gan_ext.plug_and_play.text_proposals import HiddenGradient, NextToken, Proposal, Reweighting, Steered, Unguided

__all__ = [
    "AllOf",
    "BestOf",
    "CaptionCondition",
    "ChainPrior",
    "ChainState",
    "Chains",
    "ClassAttribute",
    "ClassCondition",
    "CodeCondition",
    "Condition",
    "DenoisingPrior",
    "DiscriminatorDriven",
    "Evidence",
    "FlatPrior",
    "HiddenGradient",
    "JointPrior",
    "KnownPixels",
    "Langevin",
    "LatentPrior",
    "MetropolisLangevin",
    "NextToken",
    "OfficialSampler",
    "Pasted",
    "PlugAndPlay",
    "Position",
    "PrefixAttribute",
    "PrefixFunction",
    "Proposal",
    "Rejection",
    "Reweighting",
    "Sampler",
    "SequentialMonteCarlo",
    "Steered",
    "SteeredDraw",
    "SteeredSequences",
    "SteeringMethod",
    "Step",
    "Target",
    "TextTarget",
    "Unguided",
    "UnitCondition",
]

"""Plug and play for sequences: controlled generation, a fitted generator steered by an attribute."""

from gan_ext.plug_and_play.sequences.attributes import AllOf, ClassAttribute, PrefixAttribute, PrefixFunction
from gan_ext.plug_and_play.sequences.methods import (
    BestOf,
    Rejection,
    SequentialMonteCarlo,
    SteeredDraw,
    SteeringMethod,
    TextTarget,
)
from gan_ext.plug_and_play.sequences.proposals import (
    HiddenGradient,
    NextToken,
    Proposal,
    Reweighting,
    Steered,
    Unguided,
)
from gan_ext.plug_and_play.sequences.steered import Evidence, SteeredSequences
from gan_ext.plug_and_play.sequences.ways import SteeringWay, steering_ways

__all__ = [
    "AllOf",
    "BestOf",
    "ClassAttribute",
    "Evidence",
    "HiddenGradient",
    "NextToken",
    "PrefixAttribute",
    "PrefixFunction",
    "Proposal",
    "Rejection",
    "Reweighting",
    "SequentialMonteCarlo",
    "Steered",
    "SteeredDraw",
    "SteeredSequences",
    "SteeringMethod",
    "SteeringWay",
    "TextTarget",
    "Unguided",
    "steering_ways",
]

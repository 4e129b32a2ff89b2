"""Sequences of tokens: what a model of them is, and how tokens are drawn."""

from gan_ext.sequences.decoding import Reshaped, trade_off
from gan_ext.sequences.model import (
    IMPOSSIBLE,
    LabeledTokens,
    SequenceModel,
    State,
    TokenBatch,
    ema_update,
    evaluating,
    join,
    judged,
    labels_of,
    length_groups,
    real_positions,
    repeat,
    select,
    trimmed,
)
from gan_ext.sequences.readout import LinearReadout, chosen_log_prob
from gan_ext.sequences.rollouts import Score, rollout, rollout_values
from gan_ext.sequences.sampling import check_sharpening, draw, rows_at_a_time, sample, sharpen
from gan_ext.sequences.spec import SequenceSpec
from gan_ext.sequences.verdicts import LikelihoodToGo, draw_by_odds
from gan_ext.sequences.write_on import write_on

__all__ = [
    "IMPOSSIBLE",
    "LabeledTokens",
    "LikelihoodToGo",
    "LinearReadout",
    "Reshaped",
    "Score",
    "SequenceModel",
    "SequenceSpec",
    "State",
    "TokenBatch",
    "check_sharpening",
    "chosen_log_prob",
    "draw",
    "draw_by_odds",
    "ema_update",
    "evaluating",
    "join",
    "judged",
    "labels_of",
    "length_groups",
    "real_positions",
    "repeat",
    "rollout",
    "rollout_values",
    "rows_at_a_time",
    "sample",
    "select",
    "sharpen",
    "trade_off",
    "trimmed",
    "write_on",
]

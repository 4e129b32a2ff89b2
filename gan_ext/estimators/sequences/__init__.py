"""Sequences of tokens: training, sampling, scoring, steering."""

from gan_ext.estimators.sequences.costs import CostedDraw, draw_with_cost, steer_and_judge
from gan_ext.estimators.sequences.sequence_gan import SequenceGAN
from gan_ext.estimators.sequences.steered import SteeredSequenceGAN
from gan_ext.estimators.sequences.written_now import WrittenNow

__all__ = ["CostedDraw", "SequenceGAN", "SteeredSequenceGAN", "WrittenNow", "draw_with_cost", "steer_and_judge"]

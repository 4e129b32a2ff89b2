"""A generator that is trained once and asked afterwards, and what judges its chains."""

from gan_ext.estimators.plug_and_play.chain_judge import ChainJudge, ChainMixing
from gan_ext.estimators.plug_and_play.plug_and_play_gan import PlugAndPlayGAN

__all__ = ["ChainJudge", "ChainMixing", "PlugAndPlayGAN"]

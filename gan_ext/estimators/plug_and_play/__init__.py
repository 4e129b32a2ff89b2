"""Plug and play generative networks: trained once, conditioned afterwards; and a judge of class-conditional chains."""

from gan_ext.estimators.plug_and_play.chain_judge import ChainJudge, ChainMixing
from gan_ext.estimators.plug_and_play.plug_and_play_gan import PlugAndPlayGAN

__all__ = ["ChainJudge", "ChainMixing", "PlugAndPlayGAN"]

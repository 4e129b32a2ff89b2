"""A generator that is trained once and asked afterwards."""

from gan_ext.estimators.plug_and_play.plug_and_play_gan import PlugAndPlayGAN

__all__ = ["PlugAndPlayGAN"]

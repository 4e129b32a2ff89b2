"""A generator that is trained once and asked afterwards."""

from gan_ext.estimators.plug_and_play.benchmark import PlugAndPlayArm, PlugAndPlayBenchmark
from gan_ext.estimators.plug_and_play.benchmark_run import MeanAndDeviation, PlugAndPlayRun
from gan_ext.estimators.plug_and_play.chain_scores import ChainScores
from gan_ext.estimators.plug_and_play.plug_and_play_gan import PlugAndPlayGAN

__all__ = [
    "ChainScores",
    "MeanAndDeviation",
    "PlugAndPlayArm",
    "PlugAndPlayBenchmark",
    "PlugAndPlayGAN",
    "PlugAndPlayRun",
]

"""Games: one paper, one file, one class."""

from gan_ext.games.acgan import ACGAN
from gan_ext.games.adcgan import ADCGAN
from gan_ext.games.adversarial import Adversarial
from gan_ext.games.clustergan import ClusterGAN
from gan_ext.games.conditional import ClassGame, Conditional, LabeledBatch
from gan_ext.games.cot import CoT
from gan_ext.games.denoising import DenoisingAutoencoder
from gan_ext.games.feature_inversion import FeatureInversion
from gan_ext.games.gail import GAIL, Actions, Imitation, Replay, StateAction, StateTransition
from gan_ext.games.generative_stochastic import GenerativeStochasticNetwork
from gan_ext.games.imitation import BehavioralCloning, Demonstrations
from gan_ext.games.infogan import InfoGANGame, Reading
from gan_ext.games.infogan_cr import InfoGANCR
from gan_ext.games.kplus1 import KPlusOne, SemiBatch
from gan_ext.games.leakgan import LeakGAN, directions, intrinsic_rewards, rank_rewards
from gan_ext.games.likelihood import MaximumLikelihood
from gan_ext.games.maligan import MaliGAN
from gan_ext.games.ppo import PPO, Episodes
from gan_ext.games.r3gan import R3GAN
from gan_ext.games.rankgan import RankGAN, log_rank
from gan_ext.games.relgan import RelGAN
from gan_ext.games.scratchgan import ScratchGAN, discounted_returns
from gan_ext.games.seqgan import SeqGAN
from gan_ext.games.sequence_likelihood import SequenceLikelihood, sequence_nll_loss
from gan_ext.games.sequence_opponents import (
    LeakyOpponent,
    MediatorOpponent,
    Opponent,
    RankingOpponent,
    SequenceOpponent,
    TokenOpponent,
)
from gan_ext.games.sequence_reward import SequenceReward
from gan_ext.games.ss_infogan import SemiSupervisedInfoGAN
from gan_ext.games.standard import RealBatch, Standard
from gan_ext.games.triple_gan import TripleGAN
from gan_ext.games.variational import VariationalAutoencoder
from gan_ext.games.wgan_gp import WassersteinGAN

__all__ = [
    "ACGAN",
    "ADCGAN",
    "GAIL",
    "PPO",
    "R3GAN",
    "Actions",
    "Adversarial",
    "BehavioralCloning",
    "ClassGame",
    "ClusterGAN",
    "CoT",
    "Conditional",
    "Demonstrations",
    "DenoisingAutoencoder",
    "Episodes",
    "FeatureInversion",
    "GenerativeStochasticNetwork",
    "Imitation",
    "InfoGANCR",
    "InfoGANGame",
    "KPlusOne",
    "LabeledBatch",
    "LeakGAN",
    "LeakyOpponent",
    "MaliGAN",
    "MaximumLikelihood",
    "MediatorOpponent",
    "Opponent",
    "RankGAN",
    "RankingOpponent",
    "Reading",
    "RealBatch",
    "RelGAN",
    "Replay",
    "ScratchGAN",
    "SemiBatch",
    "SemiSupervisedInfoGAN",
    "SeqGAN",
    "SequenceLikelihood",
    "SequenceOpponent",
    "SequenceReward",
    "Standard",
    "StateAction",
    "StateTransition",
    "TokenOpponent",
    "TripleGAN",
    "VariationalAutoencoder",
    "WassersteinGAN",
    "directions",
    "discounted_returns",
    "intrinsic_rewards",
    "log_rank",
    "rank_rewards",
    "sequence_nll_loss",
]

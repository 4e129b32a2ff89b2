"""GANs for few labels, discrete sequences and codes that can be steered.

The three nouns are :class:`Game` (what is played), turns (who moves when) and :class:`Engine` (the one training loop);
most users start with an estimator: :class:`SemiSupervisedGANClassifier`,
:class:`SequenceGAN`, :class:`InfoGAN` or :class:`ConditionalGAN`.
"""

from gan_ext.doctor import Diagnosis, Watch, diagnose
from gan_ext.engine import Compute, Engine
from gan_ext.estimators import (
    CodeReport,
    ConditionalGAN,
    DeadCodeWarning,
    Evaluation,
    InfoGAN,
    PlugAndPlayGAN,
    SeedEnsembleClassifier,
    SemiSupervisedGANClassifier,
    SemiSupervisedProtocol,
    SequenceGAN,
    SteeredSequenceGAN,
    evaluate,
    report_codes,
)
from gan_ext.game import Game, Loss, Player, TwoPlayerGame

__all__ = [
    "CodeReport",
    "Compute",
    "ConditionalGAN",
    "DeadCodeWarning",
    "Diagnosis",
    "Engine",
    "Evaluation",
    "Game",
    "InfoGAN",
    "Loss",
    "Player",
    "PlugAndPlayGAN",
    "SeedEnsembleClassifier",
    "SemiSupervisedGANClassifier",
    "SemiSupervisedProtocol",
    "SequenceGAN",
    "SteeredSequenceGAN",
    "TwoPlayerGame",
    "Watch",
    "__version__",
    "diagnose",
    "evaluate",
    "report_codes",
]

__version__ = "0.1.0"

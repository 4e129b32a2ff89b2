"""Games: one paper, one file, one class."""

from gan_ext.games.kplus1 import KPlusOne, SemiBatch
from gan_ext.games.likelihood import MaximumLikelihood
from gan_ext.games.standard import Standard

__all__ = ["KPlusOne", "MaximumLikelihood", "SemiBatch", "Standard"]

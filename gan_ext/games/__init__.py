"""Games: one paper, one file, one class."""

from gan_ext.games.kplus1 import KPlusOne, SemiBatch
from gan_ext.games.likelihood import MaximumLikelihood
from gan_ext.games.standard import RealBatch, Standard
from gan_ext.games.terms import ClassBalance, ConditionalEntropy, PseudoLabel, Term, View, VirtualAdversarial

__all__ = [
    "ClassBalance",
    "ConditionalEntropy",
    "KPlusOne",
    "MaximumLikelihood",
    "PseudoLabel",
    "RealBatch",
    "SemiBatch",
    "Standard",
    "Term",
    "View",
    "VirtualAdversarial",
]

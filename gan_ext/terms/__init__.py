"""Terms: weighted parts of a semi-supervised objective (entropy, virtual adversarial, mean teacher, MixUp, ...)."""

from gan_ext.terms.classes import ClassBalance, ConditionalEntropy
from gan_ext.terms.complement import FeatureMatching, LowDensity, PullAway, VariationalEntropy
from gan_ext.terms.consistency import Consistency, MeanTeacher, MixUp, PiModel, PseudoLabel
from gan_ext.terms.smoothness import ManifoldSmoothing, TangentSmoothing, VirtualAdversarial
from gan_ext.terms.term import Generated, GeneratorTerm, Judge, Scene, Term, View, logits_without_noise
from gan_ext.terms.weighing import named_terms, sorted_terms, term_views, view_data, weigh_terms

__all__ = [
    "ClassBalance",
    "ConditionalEntropy",
    "Consistency",
    "FeatureMatching",
    "Generated",
    "GeneratorTerm",
    "Judge",
    "LowDensity",
    "ManifoldSmoothing",
    "MeanTeacher",
    "MixUp",
    "PiModel",
    "PseudoLabel",
    "PullAway",
    "Scene",
    "TangentSmoothing",
    "Term",
    "VariationalEntropy",
    "View",
    "VirtualAdversarial",
    "logits_without_noise",
    "named_terms",
    "sorted_terms",
    "term_views",
    "view_data",
    "weigh_terms",
]

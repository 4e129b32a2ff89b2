"""Few labels: the K+1-class classifier, ensembles, novelty, queries, and the protocol that compares."""

from gan_ext.estimators.semi_supervised.classifier import SemiSupervisedGANClassifier
from gan_ext.estimators.semi_supervised.ensemble import SeedEnsembleClassifier
from gan_ext.estimators.semi_supervised.labeled_only import LabeledOnly
from gan_ext.estimators.semi_supervised.novelty import NoveltyScore
from gan_ext.estimators.semi_supervised.protocol import SemiSupervisedProtocol
from gan_ext.estimators.semi_supervised.protocol_cell import Cell
from gan_ext.estimators.semi_supervised.protocol_result import ProtocolResult, Summary
from gan_ext.estimators.semi_supervised.select_queries import Strategy, select_queries

__all__ = [
    "Cell",
    "LabeledOnly",
    "NoveltyScore",
    "ProtocolResult",
    "SeedEnsembleClassifier",
    "SemiSupervisedGANClassifier",
    "SemiSupervisedProtocol",
    "Strategy",
    "Summary",
    "select_queries",
]

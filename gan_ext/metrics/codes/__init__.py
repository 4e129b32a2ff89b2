"""Metrics of latent codes and factors: mutual information, disentanglement, interventions."""

from gan_ext.metrics.codes.disentanglement import (
    BetaVAEScore,
    FactorVAEScore,
    beta_vae_score,
    factor_vae_score,
    factor_vae_scores,
    irs,
)
from gan_ext.metrics.codes.factor_information import mig, modularity, modularity_of_information, mutual_information
from gan_ext.metrics.codes.factor_prediction import DCI, dci, disentanglement_completeness, explicitness, sap
from gan_ext.metrics.codes.factor_scores import DrawnFactors, FactorScores, factor_scores
from gan_ext.metrics.codes.interventions import (
    CodeInterventions,
    EncodingFunction,
    FactorData,
    FactorInterventions,
    Interventions,
)
from gan_ext.metrics.codes.measures import (
    InformationBound,
    Monotonicity,
    change_share,
    cross_talk,
    information_bound,
    level_probabilities,
    mean_distance,
    monotonicity,
    rank_correlation,
    reading_change,
)
from gan_ext.metrics.codes.model_centrality import ModelCentrality, model_centrality
from gan_ext.metrics.codes.strokes import StrokeMoments, stroke_moments

__all__ = [
    "DCI",
    "BetaVAEScore",
    "CodeInterventions",
    "DrawnFactors",
    "EncodingFunction",
    "FactorData",
    "FactorInterventions",
    "FactorScores",
    "FactorVAEScore",
    "InformationBound",
    "Interventions",
    "ModelCentrality",
    "Monotonicity",
    "StrokeMoments",
    "beta_vae_score",
    "change_share",
    "cross_talk",
    "dci",
    "disentanglement_completeness",
    "explicitness",
    "factor_scores",
    "factor_vae_score",
    "factor_vae_scores",
    "information_bound",
    "irs",
    "level_probabilities",
    "mean_distance",
    "mig",
    "model_centrality",
    "modularity",
    "modularity_of_information",
    "monotonicity",
    "mutual_information",
    "rank_correlation",
    "reading_change",
    "sap",
    "stroke_moments",
]

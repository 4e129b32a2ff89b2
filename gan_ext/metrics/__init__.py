"""Metrics of sequences (texts, likelihoods, molecules, frontiers), features, clusters, codes and disentanglement."""

from gan_ext.metrics.bleu import BLEU, backward_bleu, bleu, self_bleu
from gan_ext.metrics.bootstrap import Interval, bootstrap_interval
from gan_ext.metrics.calibration import Reliability, expected_calibration_error, reliability
from gan_ext.metrics.clustering import contingency, hungarian_accuracy, matching, purity
from gan_ext.metrics.codes import (
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
from gan_ext.metrics.coverage import DensityCoverage, class_density_coverage, density_coverage
from gan_ext.metrics.disentanglement import (
    BetaVAEScore,
    FactorVAEScore,
    beta_vae_score,
    factor_vae_score,
    factor_vae_scores,
    irs,
)
from gan_ext.metrics.distances import divergence_area, divergence_frontier, frechet_distance
from gan_ext.metrics.divergences import OracleScores, oracle_scores
from gan_ext.metrics.encoders import BagOfNgrams
from gan_ext.metrics.factor_information import mig, modularity, modularity_of_information, mutual_information
from gan_ext.metrics.factor_prediction import DCI, dci, disentanglement_completeness, explicitness, sap
from gan_ext.metrics.frontier import (
    Band,
    Coverage,
    Frontier,
    FrontierPoint,
    Gap,
    Quality,
    best_sum,
    coverage_at,
    dominates,
    frontier_band,
    gap,
    of_samples,
    seed_gap,
    temperature_frontier,
)
from gan_ext.metrics.generated import Rate, generated_training_accuracy, hit_rate
from gan_ext.metrics.interventions import CodeInterventions, Encoder, FactorData, FactorInterventions, Interventions
from gan_ext.metrics.language_model import LanguageModelScorer, LanguageModelScores
from gan_ext.metrics.likelihood import (
    negative_log_likelihood,
    nll_gen,
    nll_oracle,
    nll_test,
    perplexity,
    sequence_log_prob,
)
from gan_ext.metrics.model_centrality import ModelCentrality, model_centrality
from gan_ext.metrics.ngrams import distinct, ngram_entropy, ngram_jaccard, unique_ratio
from gan_ext.metrics.rejection import RiskCoverage, auroc, false_positive_rate, risk_coverage, threshold_at_risk
from gan_ext.metrics.smiles import KnownMolecules, SmilesScores, canonical_smiles, smiles_scores
from gan_ext.metrics.student import paired_difference, student_interval
from gan_ext.metrics.token_lists import token_lists

__all__ = [
    "BLEU",
    "DCI",
    "BagOfNgrams",
    "Band",
    "BetaVAEScore",
    "CodeInterventions",
    "Coverage",
    "DensityCoverage",
    "Encoder",
    "FactorData",
    "FactorInterventions",
    "FactorVAEScore",
    "Frontier",
    "FrontierPoint",
    "Gap",
    "InformationBound",
    "Interval",
    "Interventions",
    "KnownMolecules",
    "LanguageModelScorer",
    "LanguageModelScores",
    "ModelCentrality",
    "Monotonicity",
    "OracleScores",
    "Quality",
    "Rate",
    "Reliability",
    "RiskCoverage",
    "SmilesScores",
    "auroc",
    "backward_bleu",
    "best_sum",
    "beta_vae_score",
    "bleu",
    "bootstrap_interval",
    "canonical_smiles",
    "change_share",
    "class_density_coverage",
    "contingency",
    "coverage_at",
    "cross_talk",
    "dci",
    "density_coverage",
    "disentanglement_completeness",
    "distinct",
    "divergence_area",
    "divergence_frontier",
    "dominates",
    "expected_calibration_error",
    "explicitness",
    "factor_vae_score",
    "factor_vae_scores",
    "false_positive_rate",
    "frechet_distance",
    "frontier_band",
    "gap",
    "generated_training_accuracy",
    "hit_rate",
    "hungarian_accuracy",
    "information_bound",
    "irs",
    "level_probabilities",
    "matching",
    "mean_distance",
    "mig",
    "model_centrality",
    "modularity",
    "modularity_of_information",
    "monotonicity",
    "mutual_information",
    "negative_log_likelihood",
    "ngram_entropy",
    "ngram_jaccard",
    "nll_gen",
    "nll_oracle",
    "nll_test",
    "of_samples",
    "oracle_scores",
    "paired_difference",
    "perplexity",
    "purity",
    "rank_correlation",
    "reading_change",
    "reliability",
    "risk_coverage",
    "sap",
    "seed_gap",
    "self_bleu",
    "sequence_log_prob",
    "smiles_scores",
    "student_interval",
    "temperature_frontier",
    "threshold_at_risk",
    "token_lists",
    "unique_ratio",
]

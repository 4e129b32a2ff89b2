"""Metrics of sequences (texts, likelihoods, molecules, frontiers), sets of features, clusters and codes."""

from gan_ext.metrics.annealed import (
    BoltzmannMachine,
    Partition,
    annealed_partition,
    decoder_log_likelihood,
    exact_partition,
)
from gan_ext.metrics.bins import DifferentBins, ndb
from gan_ext.metrics.bleu import BLEU, backward_bleu, bleu, self_bleu
from gan_ext.metrics.bootstrap import Interval, bootstrap_interval
from gan_ext.metrics.calibration import Reliability, expected_calibration_error, reliability
from gan_ext.metrics.chains import autocorrelation_time, effective_samples, switches
from gan_ext.metrics.class_scores import SplitScore, inception_score, mode_score
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
from gan_ext.metrics.coverage import (
    DensityCoverage,
    ManifoldScores,
    PrecisionRecall,
    class_density_coverage,
    density_coverage,
    manifold_scores,
    precision_recall,
)
from gan_ext.metrics.disentanglement import (
    BetaVAEScore,
    FactorVAEScore,
    beta_vae_score,
    factor_vae_score,
    factor_vae_scores,
    irs,
)
from gan_ext.metrics.distances import divergence_area, divergence_frontier
from gan_ext.metrics.divergences import OracleScores, oracle_scores
from gan_ext.metrics.encoders import BagOfNgrams
from gan_ext.metrics.factor_information import mig, modularity, modularity_of_information, mutual_information
from gan_ext.metrics.factor_prediction import DCI, dci, disentanglement_completeness, explicitness, sap
from gan_ext.metrics.frechet import Extrapolation, frechet_distance, frechet_infinity, frechet_of_moments
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
from gan_ext.metrics.kernels import Kernel, KernelDistance, gaussian_kernel, kernel_distance, mmd, polynomial_kernel
from gan_ext.metrics.language_model import LanguageModelScorer, LanguageModelScores
from gan_ext.metrics.likelihood import (
    negative_log_likelihood,
    nll_gen,
    nll_oracle,
    nll_test,
    perplexity,
    sequence_log_prob,
)
from gan_ext.metrics.memorisation import Memorisation, birthday_support, memorisation_test
from gan_ext.metrics.model_centrality import ModelCentrality, model_centrality
from gan_ext.metrics.modes import LabelScores, ModeScores, kl_floor, label_scores, mode_scores, nearest_modes
from gan_ext.metrics.ngrams import distinct, ngram_entropy, ngram_jaccard, unique_ratio
from gan_ext.metrics.parzen import parzen_bandwidth, parzen_log_density
from gan_ext.metrics.rejection import RiskCoverage, auroc, false_positive_rate, risk_coverage, threshold_at_risk
from gan_ext.metrics.resampling import bootstrap_metric, bootstrap_metrics
from gan_ext.metrics.sliced import sliced_wasserstein
from gan_ext.metrics.smiles import KnownMolecules, SmilesScores, canonical_smiles, smiles_scores
from gan_ext.metrics.student import paired_difference, student_interval
from gan_ext.metrics.token_lists import token_lists
from gan_ext.metrics.two_samples import NeighbourTest, TwoSampleTest, nearest_neighbour_test, two_sample_test

__all__ = [
    "BLEU",
    "DCI",
    "BagOfNgrams",
    "Band",
    "BetaVAEScore",
    "BoltzmannMachine",
    "CodeInterventions",
    "Coverage",
    "DensityCoverage",
    "DifferentBins",
    "Encoder",
    "Extrapolation",
    "FactorData",
    "FactorInterventions",
    "FactorVAEScore",
    "Frontier",
    "FrontierPoint",
    "Gap",
    "InformationBound",
    "Interval",
    "Interventions",
    "Kernel",
    "KernelDistance",
    "KnownMolecules",
    "LabelScores",
    "LanguageModelScorer",
    "LanguageModelScores",
    "ManifoldScores",
    "Memorisation",
    "ModeScores",
    "ModelCentrality",
    "Monotonicity",
    "NeighbourTest",
    "OracleScores",
    "Partition",
    "PrecisionRecall",
    "Quality",
    "Rate",
    "Reliability",
    "RiskCoverage",
    "SmilesScores",
    "SplitScore",
    "TwoSampleTest",
    "annealed_partition",
    "auroc",
    "autocorrelation_time",
    "backward_bleu",
    "best_sum",
    "beta_vae_score",
    "birthday_support",
    "bleu",
    "bootstrap_interval",
    "bootstrap_metric",
    "bootstrap_metrics",
    "canonical_smiles",
    "change_share",
    "class_density_coverage",
    "contingency",
    "coverage_at",
    "cross_talk",
    "dci",
    "decoder_log_likelihood",
    "density_coverage",
    "disentanglement_completeness",
    "distinct",
    "divergence_area",
    "divergence_frontier",
    "dominates",
    "effective_samples",
    "exact_partition",
    "expected_calibration_error",
    "explicitness",
    "factor_vae_score",
    "factor_vae_scores",
    "false_positive_rate",
    "frechet_distance",
    "frechet_infinity",
    "frechet_of_moments",
    "frontier_band",
    "gap",
    "gaussian_kernel",
    "generated_training_accuracy",
    "hit_rate",
    "hungarian_accuracy",
    "inception_score",
    "information_bound",
    "irs",
    "kernel_distance",
    "kl_floor",
    "label_scores",
    "level_probabilities",
    "manifold_scores",
    "matching",
    "mean_distance",
    "memorisation_test",
    "mig",
    "mmd",
    "mode_score",
    "mode_scores",
    "model_centrality",
    "modularity",
    "modularity_of_information",
    "monotonicity",
    "mutual_information",
    "ndb",
    "nearest_modes",
    "nearest_neighbour_test",
    "negative_log_likelihood",
    "ngram_entropy",
    "ngram_jaccard",
    "nll_gen",
    "nll_oracle",
    "nll_test",
    "of_samples",
    "oracle_scores",
    "paired_difference",
    "parzen_bandwidth",
    "parzen_log_density",
    "perplexity",
    "polynomial_kernel",
    "precision_recall",
    "purity",
    "rank_correlation",
    "reading_change",
    "reliability",
    "risk_coverage",
    "sap",
    "seed_gap",
    "self_bleu",
    "sequence_log_prob",
    "sliced_wasserstein",
    "smiles_scores",
    "student_interval",
    "switches",
    "temperature_frontier",
    "threshold_at_risk",
    "token_lists",
    "two_sample_test",
    "unique_ratio",
]

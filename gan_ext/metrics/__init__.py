"""Metrics of sequences: texts, likelihoods, features, molecules, and the frontier of quality and coverage."""

from gan_ext.metrics.bleu import BLEU, backward_bleu, bleu, self_bleu
from gan_ext.metrics.bootstrap import Interval, bootstrap_interval
from gan_ext.metrics.distances import divergence_area, divergence_frontier, frechet_distance
from gan_ext.metrics.divergences import OracleScores, oracle_scores
from gan_ext.metrics.encoders import BagOfNgrams
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
from gan_ext.metrics.language_model import LanguageModelScorer, LanguageModelScores
from gan_ext.metrics.likelihood import (
    negative_log_likelihood,
    nll_gen,
    nll_oracle,
    nll_test,
    perplexity,
    sequence_log_prob,
)
from gan_ext.metrics.ngrams import distinct, ngram_entropy, ngram_jaccard, unique_ratio
from gan_ext.metrics.smiles import KnownMolecules, SmilesScores, canonical_smiles, smiles_scores
from gan_ext.metrics.token_lists import token_lists

__all__ = [
    "BLEU",
    "BagOfNgrams",
    "Band",
    "Coverage",
    "Frontier",
    "FrontierPoint",
    "Gap",
    "Interval",
    "KnownMolecules",
    "LanguageModelScorer",
    "LanguageModelScores",
    "OracleScores",
    "Quality",
    "SmilesScores",
    "backward_bleu",
    "best_sum",
    "bleu",
    "bootstrap_interval",
    "canonical_smiles",
    "coverage_at",
    "distinct",
    "divergence_area",
    "divergence_frontier",
    "dominates",
    "frechet_distance",
    "frontier_band",
    "gap",
    "negative_log_likelihood",
    "ngram_entropy",
    "ngram_jaccard",
    "nll_gen",
    "nll_oracle",
    "nll_test",
    "of_samples",
    "oracle_scores",
    "perplexity",
    "seed_gap",
    "self_bleu",
    "sequence_log_prob",
    "smiles_scores",
    "temperature_frontier",
    "token_lists",
    "unique_ratio",
]

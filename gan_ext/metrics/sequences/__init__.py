"""Metrics of sequences: overlap of n-grams, likelihoods, molecules, frontiers of quality and coverage."""

from gan_ext.metrics.sequences.bag_of_ngrams import BagOfNgrams
from gan_ext.metrics.sequences.bleu import BLEU, backward_bleu, bleu, self_bleu
from gan_ext.metrics.sequences.frontier import (
    Band,
    Coverage,
    Frontier,
    FrontierPoint,
    Gap,
    Quality,
    best_sum,
    coverage_at,
    dominated_by,
    frontier_band,
    gap,
    largest_gain,
    sample_score,
    seed_gap,
    temperature_frontier,
)
from gan_ext.metrics.sequences.frontier_luck import LuckyGap, UncertainPoint, gap_with_luck
from gan_ext.metrics.sequences.known_words import known_word_share, words_of
from gan_ext.metrics.sequences.language_model import LanguageModelScorer, LanguageModelScores
from gan_ext.metrics.sequences.likelihood import (
    negative_log_likelihood,
    nll_gen,
    nll_oracle,
    nll_test,
    perplexity,
    sequence_log_prob,
)
from gan_ext.metrics.sequences.ngrams import distinct, ngram_entropy, ngram_jaccard, unique_ratio
from gan_ext.metrics.sequences.oracle import OracleScores, oracle_scores
from gan_ext.metrics.sequences.properties import (
    internal_diversity,
    logp,
    molecule_hits,
    molecule_values,
    qed,
    ring_count,
)
from gan_ext.metrics.sequences.smiles import (
    KnownMolecules,
    SmilesScores,
    canonical_smiles,
    smiles_intervals,
    smiles_scores,
)
from gan_ext.metrics.sequences.text_scores import TEXYGEN_CAPTIONS, TextScorer, TextScores, fluency_scores
from gan_ext.metrics.sequences.token_lists import token_lists

__all__ = [
    "BLEU",
    "TEXYGEN_CAPTIONS",
    "BagOfNgrams",
    "Band",
    "Coverage",
    "Frontier",
    "FrontierPoint",
    "Gap",
    "KnownMolecules",
    "LanguageModelScorer",
    "LanguageModelScores",
    "LuckyGap",
    "OracleScores",
    "Quality",
    "SmilesScores",
    "TextScorer",
    "TextScores",
    "UncertainPoint",
    "backward_bleu",
    "best_sum",
    "bleu",
    "canonical_smiles",
    "coverage_at",
    "distinct",
    "dominated_by",
    "fluency_scores",
    "frontier_band",
    "gap",
    "gap_with_luck",
    "internal_diversity",
    "known_word_share",
    "largest_gain",
    "logp",
    "molecule_hits",
    "molecule_values",
    "negative_log_likelihood",
    "ngram_entropy",
    "ngram_jaccard",
    "nll_gen",
    "nll_oracle",
    "nll_test",
    "oracle_scores",
    "perplexity",
    "qed",
    "ring_count",
    "sample_score",
    "seed_gap",
    "self_bleu",
    "sequence_log_prob",
    "smiles_intervals",
    "smiles_scores",
    "temperature_frontier",
    "token_lists",
    "unique_ratio",
    "words_of",
]

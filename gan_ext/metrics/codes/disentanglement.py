"""Disentanglement from interventions: the scores of FactorVAE and BetaVAE, and interventional robustness (IRS)."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from gan_ext.metrics.classifiers import Classifier
from gan_ext.metrics.codes.arrays import Floats, Integers, code_arrays
from gan_ext.metrics.codes.interventions import (
    EncodingFunction,
    FactorData,
    Interventions,
    as_interventions,
    encoded_batches,
)
from gan_ext.seeds import RandomStateLike, as_seed

__all__ = ["BetaVAEScore", "FactorVAEScore", "beta_vae_score", "factor_vae_score", "factor_vae_scores", "irs"]


class FactorVAEScore(NamedTuple):
    """The FactorVAE score of an encoder, and what it came from."""

    score: float
    """Share of the evaluation votes that the classifier gets right, in [0, 1]."""
    train_score: float
    """The same of the votes that made the classifier."""
    active: tuple[int, ...]
    """Codes that took part."""
    votes: tuple[tuple[int, ...], ...]
    """How often code i (row) varied least while factor j (column) was fixed; the votes that made the classifier."""


class BetaVAEScore(NamedTuple):
    """The BetaVAE score of an encoder."""

    score: float
    """Accuracy on the evaluation points, in [0, 1]."""
    train_score: float
    """Accuracy on the points that the classifier was trained on."""


def factor_vae_score(
    encode: EncodingFunction,
    data: Interventions | FactorData,
    *,
    batch: int = 64,
    train: int = 10_000,
    evaluation: int = 5_000,
    variance: int = 10_000,
    prune: float = 0.05,
    block: int = 8192,
    random_state: RandomStateLike = 0,
) -> FactorVAEScore:
    r"""Return the FactorVAE score: is the code that varies least the one of the fixed factor?

    .. math::
        i_b = \arg\min_i \frac{\mathrm{Var}_{x \in b}\, e_i(x)}{\mathrm{Var}_x\, e_i(x)}, \qquad
        \mathrm{score} = \frac1B \sum_b 1[f(i_b) = j_b], \qquad
        f(i) = \arg\max_j |\{b \in \text{train} : i_b = i, j_b = j\}|

    In each batch b a factor :math:`j_b`, drawn uniformly, has one value.  True factors as codes, in any order, give 1
    (a batch in which another factor happens to be constant apart); noise gives about 1 / factors.  A mild rotation of
    true factors still gives 1, since each code keeps one factor that moves it most.  If no code is active the score is
    0.  Defaults are those of disentanglement_lib.

    References: Disentangling by Factorizing (Kim and Mnih, 2018), section 4, https://arxiv.org/abs/1802.05983;
    disentanglement_lib (Locatello et al., 2019), https://arxiv.org/abs/1811.12359

    Args:
        encode: maps data to codes [n, d].
        data: known factors, or interventions, such as those on the codes of a generator.
        batch: samples in a batch, at least 2.
        train: batches whose votes make the classifier.
        evaluation: batches whose votes score it.
        variance: samples that give the variance of each code.
        prune: codes whose standard deviation is below this are left out, in the unit of the codes; .05 is meant for
            codes with a standard deviation near 1, as a VAE has them.  With 0 only constant codes are left out.
        block: samples that are made and encoded at once.
        random_state: seed of the draws.

    Raises:
        ValueError: numbers out of their range, or codes that are not [n, d], or not finite.
        TypeError: data that offer no interventions.
    """
    numbers = {"train": train, "evaluation": evaluation, "variance": variance}
    return factor_vae_scores(
        [encode], data, batch=batch, prune=prune, block=block, random_state=random_state, **numbers
    )[0]


def factor_vae_scores(
    encoders: Sequence[EncodingFunction],
    data: Interventions | FactorData,
    *,
    batch: int = 64,
    train: int = 10_000,
    evaluation: int = 5_000,
    variance: int = 10_000,
    prune: float = 0.05,
    block: int = 8192,
    random_state: RandomStateLike = 0,
) -> list[FactorVAEScore]:
    """Return the FactorVAE scores of several encoders on the same data, which are made once.

    Args:
        encoders: each maps data to codes [n, d]; d may differ.
        data: as in :func:`factor_vae_score`, and so are all other arguments.
        batch: samples in a batch.
        train: batches whose votes make the classifier.
        evaluation: batches whose votes score it.
        variance: samples that give the variance of each code.
        prune: least standard deviation of a code.
        block: samples that are made and encoded at once.
        random_state: seed of the draws.

    Raises:
        ValueError: as in :func:`factor_vae_score`, or no encoder.
        TypeError: data that offer no interventions.
    """
    if not encoders:
        raise ValueError("encoders is empty: give at least one.")
    _at_least(batch=(batch, 2), train=(train, 1), evaluation=(evaluation, 1), variance=(variance, 2), block=(block, 1))
    if not prune >= 0:
        raise ValueError(f"prune={prune!r} must not be negative; 0 leaves out constant codes only.")
    source, rng = as_interventions(data), np.random.default_rng(as_seed(random_state))
    free = zip(*encoded_batches(source, encoders, 0, variance, 1, rng, block), strict=True)
    scales = [_scale(np.concatenate(blocks)[:, 0], prune) for blocks in free]
    made, scored = (_votes(source, encoders, scales, n, batch, rng, block) for n in (train, evaluation))
    return [_factor_vae(*each) for each in zip(made, scored, scales, strict=True)]


def beta_vae_score(
    encode: EncodingFunction,
    data: Interventions | FactorData,
    *,
    batch: int = 64,
    train: int = 10_000,
    evaluation: int = 5_000,
    classifier: Classifier | None = None,
    block: int = 8192,
    random_state: RandomStateLike = 0,
) -> BetaVAEScore:
    r"""Return the BetaVAE score (Z-diff): can a linear classifier tell the fixed factor from differences of codes?

    .. math:: d_b = \frac1L \sum_{l=1}^L |e(x_l) - e(x'_l)|, \qquad \mathrm{score} = P(\hat\jmath(d_b) = j_b)

    Both members of a pair have the same value of factor :math:`j_b`, which is drawn uniformly; pairs of a batch have
    different ones.  True factors as codes give 1 and noise gives 1 / factors.  A rotation of true factors may give 1
    too: the score asks for linear separation, not for alignment with axes.  The published classifier is penalized,
    so that codes of a very small scale score less.  Defaults are those of disentanglement_lib.

    References: beta-VAE (Higgins et al., 2017), section 3, https://openreview.net/forum?id=Sy2fzU9gl;
    disentanglement_lib (Locatello et al., 2019), https://arxiv.org/abs/1811.12359

    Args:
        encode: maps data to codes [n, d].
        data: known factors, or interventions, such as those on the codes of a generator; at least two factors.
        batch: L, pairs for each point.
        train: points that the classifier is trained on.
        evaluation: points that score it.
        classifier: a scikit-learn classifier, which is cloned; None for logistic regression with C = 1.
        block: samples that are made and encoded at once.
        random_state: seed of the draws.

    Raises:
        ValueError: numbers out of their range, one factor only, so few training points that all have the same factor,
            or codes that are not [n, d], or not finite.
        TypeError: data that offer no interventions.
    """
    _at_least(batch=(batch, 1), train=(train, 2), evaluation=(evaluation, 1), block=(block, 1))
    source, rng = as_interventions(data), np.random.default_rng(as_seed(random_state))
    if source.n_factors < 2:
        raise ValueError(f"data has {source.n_factors} factor; this score tells factors apart and needs at least 2.")
    points, fixed = _differences(source, encode, train, batch, rng, block)
    if np.ptp(fixed) == 0:
        raise ValueError(f"train={train} points all have the same fixed factor: give more.")
    unseen, truth = _differences(source, encode, evaluation, batch, rng, block)
    model = clone(LogisticRegression(max_iter=10_000) if classifier is None else classifier).fit(points, fixed)
    right = [float(np.mean(model.predict(x) == y)) for x, y in ((unseen, truth), (points, fixed))]
    return BetaVAEScore(*right)


def irs(codes: ArrayLike | Tensor, factors: ArrayLike | Tensor, quantile: float = 0.99) -> float:
    r"""Return the interventional robustness score: does a code stay where it is while other factors change?  In [0, 1].

    .. math::
        \mathrm{IRS}_{ij} = 1 - \frac{E_v\, q\bigl( |z_i - E[z_i \mid v_j = v]| : v_j = v \bigr)}{
                                      \max |z_i - E z_i|}, \qquad
        \mathrm{IRS} = \frac{\sum_i w_i \max_j \mathrm{IRS}_{ij}}{\sum_i w_i}, \qquad w_i = \max |z_i - E z_i|

    with q a quantile; 1, the maximum, is the paper's, and .99 that of the authors' code and of disentanglement_lib.
    Factors must be independent and the data noise-free.  True factors as codes give 1, uniform noise nearly 0.  Values
    with few rows look robust by chance: each needs dozens.  Constant codes are left out; if all are, the score is 0.

    References: Robustly Disentangled Causal Mechanisms (Suter et al., 2019), https://arxiv.org/abs/1811.00007

    Args:
        codes: [n, d].
        factors: whole numbers [n, k].
        quantile: in (0, 1].

    Raises:
        ValueError: codes or factors that cannot be scored, or a quantile out of its range.
    """
    if not 0 < quantile <= 1:
        raise ValueError(f"quantile={quantile!r} must be in (0, 1]; 0.99 is usual, 1 is the paper's.")
    found, truth = code_arrays(codes, factors)
    moving = found[:, np.ptp(found, axis=0) > 0]
    if not moving.shape[1]:
        return 0.0
    largest = np.abs(moving - moving.mean(0)).max(0)
    spread = np.stack([_spread(moving, factor, quantile) for factor in truth.T], axis=1)
    # Within a value the mean differs from that of all rows, so that a deviation may exceed the largest one.
    robust = np.maximum(1 - spread / largest[:, None], 0)
    return float(np.average(robust.max(1), weights=largest))


def _at_least(**numbers: tuple[int, int]) -> None:
    for name, (value, least) in numbers.items():
        if value < least:
            raise ValueError(f"{name}={value!r} must be at least {least}.")


def _scale(codes: Floats, prune: float) -> Floats:
    """Return the variance of each code, infinite for one that does not take part."""
    variance = codes.var(0, ddof=1)
    return np.where((np.ptp(codes, axis=0) > 0) & (np.sqrt(variance) >= prune), variance, np.inf)


def _votes(
    source: Interventions,
    encoders: Sequence[EncodingFunction],
    scales: list[Floats],
    n: int,
    batch: int,
    rng: np.random.Generator,
    block: int,
) -> list[Integers]:
    votes = [np.zeros((len(scale), source.n_factors), dtype=np.int64) for scale in scales]
    for factor, count in enumerate(_counts(source, n, rng)):
        for blocks in encoded_batches(source, encoders, factor, count, batch, rng, block):
            for table, scale, codes in zip(votes, scales, blocks, strict=True):
                table[:, factor] += _least_varying(codes, scale)
    return votes


def _least_varying(codes: Floats, scale: Floats) -> Integers:
    if not np.isfinite(scale).any():
        return np.zeros(len(scale), dtype=np.int64)
    ratio = np.where(np.isfinite(scale), codes.var(1, ddof=1) / scale, np.inf)
    return np.bincount(ratio.argmin(1), minlength=len(scale))


def _factor_vae(made: Integers, scored: Integers, scale: Floats) -> FactorVAEScore:
    guess = made.argmax(1)
    right = [votes[np.arange(len(votes)), guess].sum() / max(1, votes.sum()) for votes in (scored, made)]
    active = tuple(np.flatnonzero(np.isfinite(scale)).tolist())
    return FactorVAEScore(float(right[0]), float(right[1]), active, tuple(tuple(row) for row in made.tolist()))


def _differences(
    source: Interventions, encode: EncodingFunction, n: int, batch: int, rng: np.random.Generator, block: int
) -> tuple[Floats, Integers]:
    counts = _counts(source, n, rng)
    points = []
    for factor, count in enumerate(counts):
        pairs = encoded_batches(source, [encode], factor, count * batch, 2, rng, block)
        apart = [np.abs(codes[:, 0] - codes[:, 1]) for (codes,) in pairs]
        if apart:
            points.append(np.concatenate(apart).reshape(count, batch, -1).mean(1))
    return np.concatenate(points), np.repeat(np.arange(len(counts)), counts)


def _counts(source: Interventions, n: int, rng: np.random.Generator) -> list[int]:
    """Return how often each factor is drawn in n uniform draws."""
    counts: list[int] = rng.multinomial(n, np.full(source.n_factors, 1 / source.n_factors)).tolist()
    return counts


def _spread(codes: Floats, factor: Integers, quantile: float) -> Floats:
    groups = [codes[factor == value] for value in np.unique(factor)]
    spreads: Floats = np.mean([np.quantile(np.abs(g - g.mean(0)), quantile, axis=0) for g in groups], axis=0)
    return spreads

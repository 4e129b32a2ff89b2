"""Memorization of training data (data-copying test), and the support size by the birthday paradox."""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import rankdata
from sklearn.cluster import KMeans
from torch import Tensor

from gan_ext.metrics.features import Features, as_features, check_count, feature_pair, moderated
from gan_ext.metrics.samples.distances import near_pairs, nearest_squares, ties
from gan_ext.seeds import RandomStateLike, as_seed

__all__ = ["Memorization", "birthday_support", "memorization_test"]


class Memorization(NamedTuple):
    """Statistic of data copying, and shares of near-copies among generated and among held-out real samples."""

    c_t: float
    copies: float
    held_out_copies: float


def memorization_test(
    training: Features,
    held_out: Features,
    generated: Features,
    cells: int = 10,
    least: int = 20,
    random_state: RandomStateLike = 0,
) -> Memorization:
    r"""Return a test of memorization (data copying): are samples nearer to the training data than held-out ones?

    .. math::
        C_T = \frac{\sum_\pi h_\pi Z_\pi}{\sum_\pi h_\pi}, \qquad
        Z_\pi = \frac{U_\pi - \frac12 h_\pi g_\pi}{\sqrt{h_\pi g_\pi (h_\pi + g_\pi + 1) / 12}}

    In each cell :math:`\pi` (of k-means on the training data), U counts the pairs of a generated and a held-out sample
    of which the generated one is farther from its nearest training sample; h and g are the numbers of both kinds.
    C_T has no unit: below about -3 samples are copies, above 3 they lie too far off (underfitting).  Samples as far off
    as each other count one half in U, and the variance below Z is that of ranks with such ties; where all are, Z is 0.

    A sample is a near-copy where it lies closer to its nearest training sample than that one to any other training
    sample; the share of the rest is known as AuthPct.

    **Bias.** For generated samples of the data's distribution C_T is 0 on average, with a deviation of
    :math:`\sqrt{\sum h_\pi^2} / \sum h_\pi` over the cells, at any size (1 for one cell).  The share of near-copies
    of real data is far from 0 (about 1/2 in one dimension, less in more): read it beside that of held-out samples.

    References: A Non-Parametric Test to Detect Data-Copying in Generative Models (Meehan et al., 2020),
    https://arxiv.org/abs/2004.05675; How Faithful is your Synthetic Data? (Alaa et al., 2022),
    https://arxiv.org/abs/2102.08921

    Args:
        training: features of what the generator learned from [T, F].
        held_out: features of other real samples [H, F].
        generated: features [M, F].
        cells: how many, at least 1.
        least: samples of each kind that a cell needs to be counted; where no cell has them, all are one cell.
        random_state: of k-means.

    Raises:
        ValueError: features of different widths, fewer than two rows, or not finite; a value out of its range.
    """
    t, h = feature_pair(training, held_out, 2, ("training", "held_out"))
    t, g = feature_pair(t, generated, 2, ("training", "generated"))
    check_count("cells", cells)
    check_count("least", least)
    if cells > len(t):
        raise ValueError(f"cells={cells} must be at most the {len(t)} training rows.")
    t, h, g = moderated(t, h, g)[0]
    near_h, near_g = nearest_squares(h, t), nearest_squares(g, t)
    own = nearest_squares(t, t, same=True)[0][:, 0]
    largest = float(torch.cat([each.double().square().sum(1) for each in (t, h, g)]).max()) ** 0.5
    copies = [_nearer(squares[:, 0], own[rows[:, 0]], largest) for squares, rows in (near_g, near_h)]
    where = _cells(t, (h, g), cells, as_seed(random_state))
    ranks = _ranks(torch.cat([near_h[0][:, 0], near_g[0][:, 0]]), largest)
    return Memorization(_copying((ranks[: len(h)], ranks[len(h) :]), where, least), *copies)


def birthday_support(samples: Features, threshold: float) -> float:
    r"""Return the support size of a generator by the birthday paradox, from the number of pairs that are alike.

    .. math:: S = \frac{n (n - 1)}{2 c}

    where c of the pairs are closer than a threshold.  For S samples that are equally likely, a pair is the same with
    probability 1/S; for other shares S is the number of equally likely ones with as many coincidences (the inverse
    Simpson index).  A number of samples, from 1 to infinity (no pair is the same).

    **Bias.** Upwards for small c, whose relative error is about one over its root: take n well above the root of the
    support.  Real data by the same threshold is the floor; choose one below which no two real samples lie.

    References: Do GANs learn the distribution? Some theory and empirics (Arora et al., 2018),
    https://openreview.net/forum?id=BJehNfW0-

    Args:
        samples: features [n, F].
        threshold: distance below which two are the same, in units of the features, positive.

    Raises:
        ValueError: fewer than two rows, or not finite; a threshold that is not positive.
    """
    x = as_features("samples", samples, 2)
    if not 0 < threshold < float("inf"):
        raise ValueError(f"threshold={threshold!r} must be a positive distance in units of the features.")
    n, ((x,), unit) = len(x), moderated(x)
    # Copies are the same at any threshold, and need not be compared.
    different, counts = x.unique(dim=0, return_counts=True)
    counts = counts.double()
    pairs = float((counts * (counts - 1) / 2).sum())
    for first, second in near_pairs(different, threshold / unit):
        pairs += float((counts[first] * counts[second]).sum())
    return float("inf") if pairs <= 0 else n * (n - 1) / 2 / pairs


def _cells(training: Tensor, others: tuple[Tensor, Tensor], cells: int, seed: int) -> list[NDArray[np.int32]]:
    mean = training.double().mean(0)
    t, *rest = ((each.double() - mean).cpu().numpy() for each in (training, *others))
    different = min(cells, len(np.unique(t, axis=0)))
    found = KMeans(different, n_init=1, random_state=seed).fit(t)
    return [found.predict(each) for each in rest]


def _copying(
    distances: tuple[NDArray[np.float64], NDArray[np.float64]], where: list[NDArray[np.int32]], least: int
) -> float:
    """Return the mean of the cells' statistics, weighted by held-out samples."""
    (far_h, far_g), (in_h, in_g) = distances, where
    parts = [(far_h[in_h == cell], far_g[in_g == cell]) for cell in range(int(max(in_h.max(), in_g.max())) + 1)]
    parts = [part for part in parts if min(map(len, part)) >= least] or [distances]
    scores = [_mann_whitney(*part) for part in parts]
    return float(np.average(scores, weights=[len(h) for h, _ in parts]))


def _mann_whitney(held_out: NDArray[np.float64], generated: NDArray[np.float64]) -> float:
    h, g = len(held_out), len(generated)
    ranks = rankdata(np.concatenate([held_out, generated]))
    u, n = ranks[h:].sum() - g * (g + 1) / 2, h + g
    equal = np.unique(ranks, return_counts=True)[1].astype(np.float64)
    variance = h * g / 12 * (n + 1 - (equal**3 - equal).sum() / (n * (n - 1)))
    return float((u - h * g / 2) / np.sqrt(variance)) if len(equal) > 1 else 0.0


def _nearer(squares: Tensor, others: Tensor, largest: float) -> float:
    """Return how often a squared distance is below another one, by more than rounding."""
    return float((squares < others - ties(others, largest)).double().mean())


def _ranks(squares: Tensor, largest: float) -> NDArray[np.float64]:
    """Return ranks of squared distances, equal where only rounding parts them."""
    ordered, order = squares.sort()
    ranks = torch.empty_like(ordered)
    ranks[order] = torch.cat([ordered.new_zeros(1), (ordered.diff() > ties(ordered[1:], largest)).cumsum(0).double()])
    return ranks.cpu().numpy()

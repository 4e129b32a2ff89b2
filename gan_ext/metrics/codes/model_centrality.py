"""ModelCentrality: unsupervised selection of a disentangled model, the one that agrees best with the others."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from gan_ext.metrics.codes.disentanglement import factor_vae_scores
from gan_ext.metrics.codes.interventions import EncodingFunction, FactorData, Interventions
from gan_ext.seeds import RandomStateLike, as_seed, mix

__all__ = ["ModelCentrality", "model_centrality"]


class ModelCentrality(NamedTuple):
    """The medoid of several models, and what it came from."""

    best: int
    """Number of the model with the highest centrality."""
    centrality: tuple[float, ...]
    """Mean similarity of each model with the others, in [0, 1]."""
    scores: tuple[tuple[float, ...], ...]
    """FactorVAE score of encoder j (column) on what model i (row) generated."""


def model_centrality(
    models: Sequence[tuple[Interventions | FactorData, EncodingFunction]],
    *,
    batch: int = 100,
    train: int = 500,
    evaluation: int = 500,
    variance: int = 10_000,
    prune: float = 0.0,
    block: int = 8192,
    random_state: RandomStateLike = 0,
) -> ModelCentrality:
    r"""Return the medoid of models: trained without labels, disentangled ones find the same factors, others do not.

    .. math:: B_{ij} = \tfrac12 (s_{ij} + s_{ji}), \qquad
              c_i = \frac{1}{n - 1} \sum_{j \ne i} B_{ij}, \qquad \mathrm{best} = \arg\max_i c_i

    where :math:`s_{ij}` is the FactorVAE score of model j's encoder on data of model i, whose codes take the place of
    factors.  It helps where models agree because they are right; a bias that most of them share wins too.  What a
    model generates is made once and encoded by all: n^2 passes through encoders, each over
    (train + evaluation) * batch + variance samples.  Batches and training votes are as many as in the authors' code,
    which scores the training votes; here others are scored.

    References: InfoGAN-CR and ModelCentrality (Lin et al., 2020), section 4, https://arxiv.org/abs/1906.06034

    Args:
        models: for each model what it generates (:class:`gan_ext.metrics.CodeInterventions`) and its encoder; two at
            least, three for a choice that is not a tie.
        batch: samples in a batch.
        train: batches whose votes make the classifier of the FactorVAE score.
        evaluation: batches whose votes score it.
        variance: samples that give the variance of each code.
        prune: least standard deviation of a code; with 0 only constant codes are left out.
        block: samples that are made and encoded at once.
        random_state: seed of the draws.

    Raises:
        ValueError: fewer than two models, or what :func:`gan_ext.metrics.factor_vae_score` raises.
        TypeError: a model that offers no interventions.
    """
    if len(models) < 2:
        raise ValueError(f"models holds {len(models)}; centrality compares at least 2, and chooses among 3 or more.")
    seed, encoders = as_seed(random_state), [encode for _, encode in models]
    numbers = {"batch": batch, "train": train, "evaluation": evaluation, "variance": variance, "block": block}
    rows = [
        factor_vae_scores(encoders, data, prune=prune, random_state=mix(seed, i), **numbers)
        for i, (data, _) in enumerate(models)
    ]
    scores = np.array([[each.score for each in row] for row in rows])
    similarity = (scores + scores.T) / 2
    centrality = (similarity.sum(1) - np.diag(similarity)) / (len(models) - 1)
    table = tuple(tuple(row) for row in scores.tolist())
    return ModelCentrality(int(centrality.argmax()), tuple(centrality.tolist()), table)

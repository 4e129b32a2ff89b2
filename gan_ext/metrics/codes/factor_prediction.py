"""Disentanglement from predictors of factors: DCI, SAP and explicitness."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import entr
from sklearn.base import clone
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from torch import Tensor

from gan_ext.metrics.classifiers import Classifier, Predictor, ProbabilisticClassifier
from gan_ext.metrics.codes.arrays import Floats, Integers, code_arrays, parts
from gan_ext.metrics.features import as_numbers
from gan_ext.seeds import RandomStateLike, as_seed

__all__ = ["DCI", "dci", "disentanglement_completeness", "explicitness", "sap"]


class DCI(NamedTuple):
    """Disentanglement, completeness and informativeness of codes; of all higher is better."""

    disentanglement: float
    """Whether each code serves one factor only, in [0, 1]."""
    completeness: float
    """Whether each factor is served by one code only, in [0, 1]."""
    informativeness: float
    """Accuracy of the predictors on rows they did not see, mean over factors."""
    train_informativeness: float
    """Their accuracy on the rows they were trained on."""
    importances: tuple[tuple[float, ...], ...]
    """The matrix [d, k] of how much each code matters for each factor."""


def dci(
    codes: ArrayLike | Tensor,
    factors: ArrayLike | Tensor,
    classifier: Classifier | None = None,
    test_share: float = 1 / 3,
    random_state: RandomStateLike = 0,
) -> DCI:
    r"""Return disentanglement, completeness and informativeness (DCI).

    A classifier is trained for each factor; its importances of the codes are a column of the matrix R that
    :func:`disentanglement_completeness` scores.  Importances are the fitted classifier's ``feature_importances_``,
    which for the default are those by impurity, as in disentanglement_lib; a classifier without them, such as
    ``HistGradientBoostingClassifier``, gets those by permutation on the test part (mean of five, at least 0).  The two
    kinds do not compare.  True factors as codes come near 1; of noise, disentanglement and completeness are near 0 and
    informativeness is chance.

    Published figures have 10 000 training and 5 000 test rows, which is what 15 000 rows give.  The default trains 100
    trees for each value of a factor: six minutes on one core for 15 000 rows, ten codes and the factors of dSprites.

    References: A Framework for the Quantitative Evaluation of Disentangled Representations (Eastwood and Williams,
    2018), https://openreview.net/forum?id=By-7dz-AZ; disentanglement_lib (Locatello et al., 2019),
    https://arxiv.org/abs/1811.12359

    Args:
        codes: [n, d], at least two columns.
        factors: whole numbers [n, k], at least two columns.
        classifier: a scikit-learn classifier, cloned for each factor; None for gradient-boosted trees with
            scikit-learn's defaults, as published.
        test_share: share of the rows that is kept for testing, in (0, 1).
        random_state: seed of the division, of the default classifier and of permutations.

    Raises:
        ValueError: codes or factors that cannot be scored, or too few rows to divide.
    """
    found, truth = code_arrays(codes, factors, least_codes=2, least_factors=2)
    seed = as_seed(random_state)
    train, test = parts(truth, test_share, seed)
    default = GradientBoostingClassifier(random_state=seed) if classifier is None else classifier
    columns, accuracies = [], []
    for factor in truth.T:
        model = clone(default).fit(found[train], factor[train])
        columns.append(_importances(model, found[test], factor[test], seed))
        accuracies.append([float(np.mean(model.predict(found[rows]) == factor[rows])) for rows in (test, train)])
    importances = np.stack(columns, axis=1)
    held_out, seen = np.mean(accuracies, axis=0).tolist()
    matrix = tuple(tuple(row) for row in importances.tolist())
    return DCI(*disentanglement_completeness(importances), held_out, seen, matrix)


def disentanglement_completeness(importances: ArrayLike) -> tuple[float, float]:
    r"""Return disentanglement and completeness of a matrix of importances, each in [0, 1].

    .. math::
        D &= \sum_i \rho_i \left( 1 - H_k(R_{i \cdot} / \textstyle\sum_j R_{ij}) \right), \qquad
             \rho_i = \textstyle\sum_j R_{ij} / \sum_{ij} R_{ij} \\
        C &= \sum_j \gamma_j \left( 1 - H_d(R_{\cdot j} / \textstyle\sum_i R_{ij}) \right), \qquad
             \gamma_j = \textstyle\sum_i R_{ij} / \sum_{ij} R_{ij}

    with entropies to the base k (factors) and d (codes).  A code without importance has weight 0; without any
    importance both scores are 0.

    References: Eastwood and Williams (2018), section 2, https://openreview.net/forum?id=By-7dz-AZ.  Their completeness
    is a plain mean over factors; the weights are those of disentanglement_lib, and equal where each column sums to 1.

    Args:
        importances: R [d, k], not negative, at least 2 x 2.

    Raises:
        ValueError: a smaller matrix, or numbers that are negative or not finite.
    """
    matrix = as_numbers("importances", importances).astype(np.float64)
    if matrix.ndim != 2 or min(matrix.shape) < 2:
        raise ValueError(f"importances must be [codes, factors], at least 2 x 2; got shape {matrix.shape}.")
    if not (matrix >= 0).all():
        raise ValueError("importances must be finite and not negative; some numbers are not.")
    return _concentration(matrix), _concentration(matrix.T)


def sap(
    codes: ArrayLike | Tensor,
    factors: ArrayLike | Tensor,
    continuous: bool = False,
    test_share: float = 1 / 3,
    random_state: RandomStateLike = 0,
) -> float:
    r"""Return the separated attribute predictability (SAP) score: the gap of the two codes that best predict a factor.

    .. math:: \mathrm{SAP} = \frac1k \sum_j (S_{(1)j} - S_{(2)j})

    where :math:`S_{ij}` says how well code i alone predicts factor j.  With `continuous` it is the squared correlation
    over all rows, and true factors as codes give 1 on a full grid.  Otherwise, as in published figures, it is the
    accuracy of a linear support vector machine (one against the rest, C = .01, balanced classes) on the test part.
    Its end is below 1, since even a useless code has the accuracy of chance: true factors of v equally frequent values
    give 1 - 1/v up to v = 4, with thousands of rows.  For more, lines cannot cut all middle values out of one code:
    true factors give far less, .34 for 6 values and .06 for 32.  The penalty makes it depend on the scale of the codes.

    References: Variational Inference of Disentangled Latent Concepts from Unlabeled Observations (Kumar et al., 2018),
    section 3, https://arxiv.org/abs/1711.00848; disentanglement_lib (Locatello et al., 2019),
    https://arxiv.org/abs/1811.12359

    Args:
        codes: [n, d], at least two columns.
        factors: whole numbers [n, k].
        continuous: whether the factors are quantities rather than classes.
        test_share: share of the rows that is kept for testing, in (0, 1); unused with `continuous`.
        random_state: seed of the division; unused with `continuous`.

    Raises:
        ValueError: codes or factors that cannot be scored, or too few rows to divide.
    """
    found, truth = code_arrays(codes, factors, least_codes=2)
    seed = as_seed(random_state)
    scores = _squared_correlations(found, truth) if continuous else _svm_scores(found, truth, test_share, seed)
    second, first = np.sort(scores, axis=0)[-2:]
    return float((first - second).mean())


def explicitness(
    codes: ArrayLike | Tensor,
    factors: ArrayLike | Tensor,
    classifier: ProbabilisticClassifier | None = None,
    test_share: float = 1 / 3,
    random_state: RandomStateLike = 0,
) -> float:
    r"""Return the explicitness of codes: how well a linear classifier reads the factors, in [0, 1]; 1/2 is chance.

    .. math:: \frac1k \sum_j \frac{1}{|V_j|} \sum_{v \in V_j} \mathrm{AUC}(p(v_j = v \mid z),\ 1[v_j = v])

    with the areas under the ROC curve on the test part.  Codes are standardized by the training part.  As published,
    the classifier is one logistic regression for each value against the rest; those cannot cut a middle value out of
    one ordered code, and true factors give 1 up to 3 values, about .97 for 10 and .92 for 32 (3000 rows).
    ``LogisticRegression()``, one model of all values, gives 1, 1 and .98.

    References: Ridgeway and Mozer (2018), section 3, https://arxiv.org/abs/1802.05312; disentanglement_lib (Locatello
    et al., 2019), https://arxiv.org/abs/1811.12359

    Args:
        codes: [n, d].
        factors: whole numbers [n, k].
        classifier: a scikit-learn classifier with ``predict_proba``, cloned for each factor; None for the published
            one.
        test_share: share of the rows that is kept for testing, in (0, 1).
        random_state: seed of the division.

    Raises:
        ValueError: codes or factors that cannot be scored, or too few rows to divide.
    """
    found, truth = code_arrays(codes, factors)
    train, test = parts(truth, test_share, as_seed(random_state))
    default = OneVsRestClassifier(LogisticRegression(max_iter=1000)) if classifier is None else classifier
    scaler = StandardScaler().fit(found[train])
    seen, unseen = scaler.transform(found[train]), scaler.transform(found[test])
    scores = []
    for factor in truth.T:
        model = clone(default).fit(seen, factor[train])
        columns = zip(model.classes_, model.predict_proba(unseen).T, strict=True)
        # The area needs both kinds of rows: a value that the test part lacks is left out.
        areas = [roc_auc_score(factor[test] == v, p) for v, p in columns if (factor[test] == v).any()]
        scores.append(np.mean(areas) if areas else 0.5)
    return float(np.mean(scores))


def _importances(model: Predictor, codes: Floats, factor: Integers, random_state: int) -> Floats:
    if hasattr(model, "feature_importances_"):
        return np.abs(np.asarray(model.feature_importances_, dtype=np.float64))
    found = permutation_importance(model, codes, factor, n_repeats=5, random_state=random_state)
    importances: Floats = np.maximum(found.importances_mean, 0.0)
    return importances


def _concentration(matrix: Floats) -> float:
    weights = matrix.sum(1)
    if not weights.any():
        return 0.0
    rows = matrix[weights > 0] / weights[weights > 0, None]
    return float(np.average(1 - entr(rows).sum(1) / np.log(matrix.shape[1]), weights=weights[weights > 0]))


def _squared_correlations(codes: Floats, factors: Integers) -> Floats:
    first, second = (_standardized(array.astype(np.float64)) for array in (codes, factors))
    return np.square(first.T @ second / len(codes))


def _standardized(array: Floats) -> Floats:
    # The range tells a constant column exactly; rounding may leave it a tiny deviation.
    spread = np.where(np.ptp(array, axis=0) > 0, array.std(0), np.inf)
    standardized: Floats = (array - array.mean(0)) / spread
    return standardized


def _svm_scores(codes: Floats, factors: Integers, test_share: float, random_state: int) -> Floats:
    train, test = parts(factors, test_share, random_state)
    scores = np.empty((codes.shape[1], factors.shape[1]))
    for i, code in enumerate(codes.T[:, :, None]):
        for j, factor in enumerate(factors.T):
            model = LinearSVC(C=0.01, class_weight="balanced", dual=False, max_iter=10_000)
            scores[i, j] = model.fit(code[train], factor[train]).score(code[test], factor[test])
    return scores

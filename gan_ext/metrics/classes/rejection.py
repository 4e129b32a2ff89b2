"""Out-of-distribution detection and selective classification: AUROC, false positive rate, risk-coverage curve."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import roc_auc_score

from gan_ext.metrics.features import as_scores, known_labels

__all__ = ["RiskCoverage", "auroc", "false_positive_rate", "risk_coverage", "threshold_at_risk"]

Array = NDArray[Any]


class RiskCoverage(NamedTuple):
    """For each number of answered samples, most confident first: their share, the share of errors, and the mean risk.

    `coverage`, `risk` and `threshold` (the least confidence answered) are [m]; equal confidences are answered together.
    `area` is the mean risk over coverages.
    """

    coverage: Array
    risk: Array
    threshold: Array
    area: float


def auroc(in_scores: ArrayLike, out_scores: ArrayLike) -> float:
    r"""Return the area under the ROC curve: P(a foreign sample scores higher than a familiar one), ties half.

    .. math:: P(s_\text{out} > s_\text{in}) + \tfrac12 P(s_\text{out} = s_\text{in})

    References: A Baseline for Detecting Misclassified and Out-of-Distribution Examples (Hendrycks and Gimpel, 2017),
    https://arxiv.org/abs/1610.02136

    Args:
        in_scores: novelty of samples like the training data [n], higher for stranger ones.
        out_scores: novelty of foreign samples [m].

    Raises:
        ValueError: scores that are empty or not finite.
    """
    inside, outside = as_scores("in_scores", in_scores), as_scores("out_scores", out_scores)
    truth = np.repeat([0, 1], [len(inside), len(outside)])
    return float(roc_auc_score(truth, np.concatenate([inside, outside])))


def false_positive_rate(in_scores: ArrayLike, out_scores: ArrayLike, true_positive_rate: float = 0.95) -> float:
    """Return the false positive rate (FPR95): foreign samples let in where a share of familiar ones is let in.

    References: Enhancing the Reliability of Out-of-distribution Image Detection in Neural Networks (Liang et al.,
    2018), https://arxiv.org/abs/1706.02690

    Args:
        in_scores: novelty of samples like the training data [n], higher for stranger ones.
        out_scores: novelty of foreign samples [m].
        true_positive_rate: share of familiar samples to let in, in (0, 1].

    Raises:
        ValueError: scores that are empty or not finite, or a share out of its range.
    """
    inside, outside = as_scores("in_scores", in_scores), as_scores("out_scores", out_scores)
    if not 0 < true_positive_rate <= 1:
        raise ValueError(f"true_positive_rate={true_positive_rate!r} must lie in (0, 1], for example 0.95.")
    threshold = np.quantile(inside, true_positive_rate, method="higher")
    return float((outside <= threshold).mean())


def risk_coverage(confidence: ArrayLike, correct: ArrayLike) -> RiskCoverage:
    r"""Return the risk-coverage curve: the share of errors among the most confident samples, for every number.

    .. math:: \text{risk}(c) = \frac{\sum_{i: \kappa_i \ge \theta_c} 1\{\hat y_i \ne y_i\}}{c\,n}

    References: On the Foundations of Noise-free Selective Classification (El-Yaniv and Wiener, 2010); Selective
    Classification for Deep Neural Networks (Geifman and El-Yaniv, 2017), https://arxiv.org/abs/1705.08500

    Args:
        confidence: how sure the classifier is [n]; higher for surer.
        correct: whether it is right [n].

    Raises:
        ValueError: confidences that are empty or not finite, or not as many as `correct`.
    """
    sure, right = as_scores("confidence", confidence), known_labels("correct", correct).astype(bool)
    if right.shape != sure.shape:
        raise ValueError(f"correct has shape {right.shape}, confidence {sure.shape}; they must be alike.")
    order = np.argsort(-sure, kind="stable")
    sure, errors = sure[order], np.cumsum(~right[order])
    last = np.flatnonzero(np.append(sure[1:] != sure[:-1], True))  # nothing parts equal confidences
    risk = errors[last] / (last + 1)
    widths = np.diff(last, prepend=-1) / len(sure)
    return RiskCoverage((last + 1) / len(sure), risk, sure[last], float((risk * widths).sum()))


def threshold_at_risk(confidence: ArrayLike, correct: ArrayLike, risk: float) -> float:
    """Return the least confidence from which to answer so that the share of errors stays within a given risk.

    It is the one with the largest coverage on these samples, which should be validation samples; infinity if even the
    most confident ones err too often.

    References: Selective Classification for Deep Neural Networks (Geifman and El-Yaniv, 2017),
    https://arxiv.org/abs/1705.08500 (which adds a bound for other samples)

    Args:
        confidence: how sure the classifier is [n]; higher for surer.
        correct: whether it is right [n].
        risk: allowed share of errors among the answered, in [0, 1].

    Raises:
        ValueError: a risk out of its range, or what :func:`risk_coverage` refuses.
    """
    if not 0 <= risk <= 1:
        raise ValueError(f"risk={risk!r} must lie in [0, 1], for example 0.01.")
    curve = risk_coverage(confidence, correct)
    good = np.flatnonzero(curve.risk <= risk)
    return float(curve.threshold[good[-1]]) if len(good) else float("inf")

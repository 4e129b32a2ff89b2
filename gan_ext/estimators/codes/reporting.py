"""report_codes: mutual information, disentanglement and class scores of a fitted estimator's latent codes."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gan_ext.estimators.base.classifier import Classifier
from gan_ext.estimators.base.estimator import RandomState, new_seed
from gan_ext.estimators.codes.class_scores import check_classifier, labels_of, score_classes
from gan_ext.estimators.codes.measures import CodeMeasures, UnitMeasures, measure_codes
from gan_ext.estimators.codes.report import DEAD, ClassScores, CodeReport, CodeRow
from gan_ext.estimators.codes.source import CodeSource, HasCodes, source_of

_MOST = 10_000_000  # samples or steps: more would not end
__all__ = ["DeadCodeWarning", "report_codes", "report_of"]

Array = NDArray[Any]
_WEAK, _HIDDEN = 0.25, 0.3  # I/H: below it a code is weak; what one reader must read that the other does not
_ALMOST = 0.95  # share of change above which noise is ignored, below 1 less which codes are


class DeadCodeWarning(UserWarning):
    """A code is dead: samples carry less than a twentieth of what it could tell."""


def report_codes(
    estimator: HasCodes,
    X: Any,
    y: Any = None,
    *,
    classifier: Classifier | None = None,
    n_samples: int = 10_000,
    levels: int = 16,
    max_iter: int = 1500,
    random_state: RandomState = None,
) -> CodeReport:
    r"""Report what the codes of a fitted :class:`InfoGAN` (or the class of a :class:`ConditionalGAN`) do.

    Samples are generated with known codes, and a small net, trained afterwards on some of them, reads the codes of
    others.  This bounds what samples carry, from below and with none of the optimism of a Q that the generator was
    trained with:

    .. math:: I(c; x) \ge H(c) + E[\log q'(c \mid x)]

    A coordinate is cut into equally likely levels, so that I/H is in [0, 1] for every code.  A code below .05 is dead:
    the report says so, and a :class:`DeadCodeWarning` is given.

    Then noise, and each code, are drawn anew in turn: what changes in samples, and in what is read of the other codes?

    With `y` it also compares categories with classes, on half of the labeled samples.  An outside classifier, trained
    on the other half, says how often a generated sample is of the class that its category stands for; and the same
    classifier, trained on generated samples alone, is judged on real ones.  A category stands for a class by `fit`'s
    own labels if it had them, else by the best one-to-one matching on the half that is not reported.

    References: InfoGAN (Chen et al., 2016), https://arxiv.org/abs/1606.03657; How good is my GAN? (Shmelkov et al.,
    2018), https://arxiv.org/abs/1807.09499

    Parameters
    ----------
    estimator : InfoGAN, ConditionalGAN, or one with a method `code_source`
        A fitted estimator; one of your own returns a :class:`~gan_ext.estimators.CodeSource`, which says where samples
        with known codes come from and what is known of real ones.
    X : array-like of shape (n, d) or (n, c, h, w)
        Real samples, best ones that `fit` has not seen.
    y : array-like of shape (n,) or None
        Their classes; the estimator's mark `unlabeled` where there is none.
    classifier : scikit-learn classifier or None
        The outside classifier; copies of it are fitted on at most 4000 flattened samples.  None takes a support vector
        machine with a Gaussian kernel (C = 10), on 50 principal components for images, on standardized features for
        tables.
    n_samples : int
        Generated samples for the reader, at least 100; 7 tenths to train, 1 to stop by, 2 held out.
    levels : int
        Levels of a coordinate, at least 2.
    max_iter : int
        Most training steps of the reader; it stops when samples set apart get no likelier.
    random_state : int, RandomState instance or None
        Decides everything.

    Returns
    -------
    CodeReport

    Raises
    ------
    NotFittedError
        The estimator is not fitted.
    TypeError
        It has no codes.
    ValueError
        A source that says nothing of real samples;
        `X` of another shape than `fit` was given, `y` of another length, with unknown classes or fewer than 4 samples
        of one, fewer than 100 samples, fewer than 2 levels, a classifier that is none.
    """
    for name, value, least in (("n_samples", n_samples, 100), ("levels", levels, 2), ("max_iter", max_iter, 1)):
        if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or not least <= value <= _MOST:
            raise ValueError(f"{name}={value!r} must be an integer, at least {least} and at most {_MOST}.")
    check_classifier(classifier)
    source = source_of(estimator, levels)
    real = source.real
    if real is None:
        raise ValueError(f"The code source of {type(estimator).__name__} says nothing of real samples (`real`).")
    X = real.check(X)
    if len(X) < 2:
        raise ValueError(f"X has {len(X)} sample; the report needs at least 2, and hundreds are usual.")
    labels = None if y is None else labels_of(real, X, y)
    seed = new_seed(random_state)
    measures = measure_codes(
        source, real.seen(X), n_samples=n_samples, max_iter=max_iter, seed=seed, device=real.device
    )
    scores = None if labels is None else score_classes(source, real, measures.pool, X, labels, classifier, seed)
    found = report_of(type(estimator).__name__, source, measures, scores, _usage(source, X))
    for row in found.rows:
        if row.normalized < DEAD:
            warnings.warn(_dead(row, source), DeadCodeWarning, stacklevel=2)
    return found


def report_of(
    name: str,
    source: CodeSource,
    measures: CodeMeasures,
    scores: ClassScores | None = None,
    more: Sequence[str] = (),
) -> CodeReport:
    """Return the report on what was measured of a source.

    Args:
        name: of what made the samples.
        source: where they came from.
        measures: what was measured.
        scores: what labels told.
        more: further warnings.
    """
    rows = tuple(
        _row(source.units[number].label, found, measures.cross_talk[number], number)
        for number, found in enumerate(measures.units)
    )
    return CodeReport(
        name,
        len(measures.pool.samples),
        rows,
        measures.change.share,
        measures.change.feature_share,
        tuple(tuple(row) for row in measures.cross_talk.tolist()),
        measures.spread,
        measures.real_spread,
        scores,
        (*_sentences(rows, source, measures), *more),
    )


def _row(label: str, found: UnitMeasures, talk: Array, number: int) -> CodeRow:
    own, traversals = found.own, found.traversals
    return CodeRow(
        label,
        found.bound.nats,
        found.bound.error,
        found.bound.entropy,
        found.bound.normalized,
        None if own is None else own.nats,
        None if own is None else own.normalized,
        found.change.share,
        found.change.feature_share,
        found.correlation,
        None if traversals is None else traversals.correlation,
        None if traversals is None else traversals.share,
        _verdict(found, talk, number),
    )


def _verdict(found: UnitMeasures, talk: Array, number: int) -> str:
    read = found.bound.normalized
    if found.own is not None and found.own.normalized >= max(_HIDDEN, 2 * read):
        return "hidden"
    if read < DEAD:
        return "dead"
    if read < _WEAK:
        return "weak"
    if found.own is not None and read >= max(_HIDDEN, 2 * found.own.normalized):
        return "misread"
    others = np.delete(talk, number)
    return "entangled" if others.max(initial=0) > talk[number] / 2 else "good"


def _sentences(rows: Sequence[CodeRow], source: CodeSource, measures: CodeMeasures) -> list[str]:
    found = [_dead(row, source) for row in rows if row.normalized < DEAD]
    found += [
        f"Code {row.code!r} is hidden: the estimator's own Q reads {row.own_normalized:.0%} of it, a net trained "
        f"afterwards {row.normalized:.0%}. Q and generator may agree on a trace that nobody else sees: raise "
        "`adversarial` or train longer; or give the report more samples (`n_samples`)."
        for row in rows
        if row.verdict == "hidden"
    ]
    found += [
        f"Code {row.code!r} is misread: a net trained afterwards reads {row.normalized:.0%} of it, the estimator's own "
        f"Q {row.own_normalized:.0%}. What `predict` and `transform` say of data is not yet what the generator makes "
        "of it: train longer (`max_iter`)."
        for row in rows
        if row.verdict == "misread"
    ]
    if measures.change.share > _ALMOST:
        found.append(
            f"Noise hardly matters: codes cause {measures.change.share:.0%} of the change in samples, so that samples "
            "with the same codes are almost the same. Set `mode_seeking`, such as 0.1 to 1."
        )
    elif measures.change.share < 1 - _ALMOST:
        found.append(f"Codes hardly change samples, {measures.change.share:.0%} against noise: {source.remedy}.")
    if measures.spread < measures.real_spread / 2:
        found.append("Generated samples differ by less than half as much as real ones: modes are missing.")
    return found


def _dead(row: CodeRow, source: CodeSource) -> str:
    return f"Code {row.code!r} is dead: samples carry {row.normalized:.0%} of what it could tell; {source.remedy}."


def _usage(source: CodeSource, X: Array) -> list[str]:
    """Return a sentence if real samples hardly ever fall into some category."""
    predict = None if source.real is None else source.real.predict
    if predict is None or source.category is None:
        return []
    prior = np.array(source.units[source.category].shares)
    counts = np.bincount(predict(X), minlength=len(prior))
    rare = np.flatnonzero((counts < prior * len(X) / 10) & (prior * len(X) >= 20))
    names = ", ".join(map(str, rare))
    return [f"Fewer than a tenth as many real samples as expected fall into categories {names}."] if len(rare) else []

"""Mixing of Markov chains: autocorrelation time, effective sample size, rate of mode switches."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gan_ext.metrics.features import as_numbers, known_labels

__all__ = ["autocorrelation_time", "effective_samples", "mode_switch_rate"]

Array = NDArray[Any]


def autocorrelation_time(trace: Array, window: float = 5.0) -> Array:
    r"""Return the integrated autocorrelation time of each coordinate of chains: steps for one independent draw.

    .. math:: \tau = 1 + 2 \sum_{t=1}^{M} \rho_t, \qquad M = \min\{m : m \ge c \, \tau_m\}

    with the autocorrelation :math:`\rho_t` pooled over chains around their common mean, so that chains which each stay
    in a place of their own are seen not to mix: their time is of the order of their length.  Independent draws have 1.
    The estimate needs chains of some tens of :math:`\tau`; of shorter ones it is a lower bound.

    References: Monte Carlo Methods in Statistical Mechanics (Sokal, 1997), for the window

    Args:
        trace: [T, n, ...], T steps of n chains.
        window: c.

    Returns:
        :math:`\tau` in steps of the trace, of shape [...]; 1 for a coordinate that never changes.

    Raises:
        ValueError: fewer than 4 steps, no chain, or numbers that are not finite.
    """
    trace = as_numbers("trace", trace).astype(np.float64)
    if trace.ndim < 2 or trace.shape[0] < 4 or trace.shape[1] < 1:
        raise ValueError(f"trace has shape {trace.shape}; it must be [steps, chains, ...] with at least 4 steps.")
    steps, chains = trace.shape[:2]
    centered = (trace - trace.mean((0, 1))).reshape(steps, chains, -1)
    correlations = _autocovariances(centered).mean(1)  # [T, d]
    times = [_time(column, window) for column in correlations.T]
    return np.array(times).reshape(trace.shape[2:])


def effective_samples(trace: Array, window: float = 5.0) -> Array:
    r"""Return how many independent draws chains are worth, :math:`n T / \tau`, for each coordinate.

    Args:
        trace: [T, n, ...], as in :func:`autocorrelation_time`.
        window: likewise.
    """
    trace = as_numbers("trace", trace)
    worth: Array = trace.shape[0] * trace.shape[1] / autocorrelation_time(trace, window)
    return worth


def mode_switch_rate(labels: Array, per: int = 100) -> float:
    """Return how often a chain changes from one group (prototype, mode, class) to another, in `per` steps.

    Args:
        labels: [T, n], the group of each of n chains at each of T steps.
        per: steps that are counted.

    Raises:
        ValueError: fewer than 2 steps.
    """
    labels = known_labels("labels", labels)
    if labels.ndim != 2 or len(labels) < 2:
        raise ValueError(f"labels has shape {labels.shape}; it must be [steps, chains] with at least 2 steps.")
    return float(per * (labels[1:] != labels[:-1]).mean())


def _autocovariances(centered: Array) -> Array:
    """Return the autocovariances [T, n, d] of centered chains at lags 0 to T - 1, by Fourier transforms."""
    steps = len(centered)
    spectrum = np.fft.rfft(centered, 2 * steps, axis=0)
    sums = np.fft.irfft(np.abs(spectrum) ** 2, axis=0)[:steps]
    shifted: Array = sums / np.arange(steps, 0, -1)[:, None, None]
    return shifted


def _time(covariances: Array, window: float) -> float:
    if covariances[0] <= 0:
        return 1.0
    times = 2 * np.cumsum(covariances / covariances[0]) - 1
    late = np.arange(len(times)) >= window * times
    return max(float(times[late.argmax() if late.any() else -1]), 1e-12)

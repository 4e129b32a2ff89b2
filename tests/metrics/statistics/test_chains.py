"""How fast chains forget: processes whose time is known."""

import numpy as np
import pytest

from gan_ext.metrics import autocorrelation_time, effective_samples, mode_switch_rate

RNG = np.random.default_rng(0)


def autoregression(rho: float, steps: int = 2000, chains: int = 50) -> np.ndarray:
    noise = RNG.standard_normal((steps, chains, 1))
    trace = np.empty_like(noise)
    trace[0] = noise[0]
    for t in range(1, steps):
        trace[t] = rho * trace[t - 1] + np.sqrt(1 - rho**2) * noise[t]
    return trace


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9])
def test_an_autoregression_has_the_time_of_its_coefficient(rho: float) -> None:
    trace = autoregression(rho)
    expected = (1 + rho) / (1 - rho)
    assert autocorrelation_time(trace) == pytest.approx(expected, rel=0.05)
    assert effective_samples(trace) == pytest.approx(2000 * 50 / expected, rel=0.05)


def test_the_time_of_a_coordinate_does_not_depend_on_the_others_or_their_scale() -> None:
    fast, slow = autoregression(0.0), autoregression(0.9)
    together = np.concatenate([1000 * fast, slow - 7], axis=2)
    assert autocorrelation_time(together) == pytest.approx(
        np.concatenate([autocorrelation_time(fast), autocorrelation_time(slow)])
    )


def test_chains_that_each_stay_where_they_are_do_not_mix() -> None:
    places = RNG.standard_normal((1, 40, 1)) * 10
    stuck = places + RNG.standard_normal((200, 40, 1))
    assert autocorrelation_time(stuck)[0] > 50


def test_what_never_changes_has_time_one() -> None:
    assert autocorrelation_time(np.ones((10, 3, 2))) == pytest.approx(np.ones(2))


def test_switches_are_counted_in_a_hundred_steps() -> None:
    labels = np.array([[0, 1], [0, 0], [1, 0], [1, 1], [1, 0]])  # 1 and 3 changes in 4 steps
    assert mode_switch_rate(labels) == pytest.approx(100 * 4 / 8)
    assert mode_switch_rate(labels, per=4) == pytest.approx(2)


def test_bad_traces_are_named() -> None:
    with pytest.raises(ValueError, match="at least 4 steps"):
        autocorrelation_time(np.zeros((3, 2)))
    with pytest.raises(ValueError, match="at least 2 steps"):
        mode_switch_rate(np.zeros((1, 2)))

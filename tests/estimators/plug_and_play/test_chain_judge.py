"""What class-conditional chains are worth, by a judge whose features are the samples themselves."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from gan_ext import Compute
from gan_ext.estimators import ChainJudge
from gan_ext.latents import Gaussian
from gan_ext.plug_and_play import Condition, Langevin, LatentPrior, PlugAndPlay

CENTERS = np.array([[-6.0, 0.0], [6.0, 0.0]])
NAMES = np.array(["left", "right"])


class BySign:
    """Sees a sample's own numbers, and its class by the sign of the first."""

    def transform(self, X: Any) -> np.ndarray:
        return np.asarray(X, np.float64)

    def predict(self, X: Any) -> np.ndarray:
        return NAMES[(np.asarray(X)[:, 0] > 0).astype(int)]


@pytest.fixture(scope="module")
def judge() -> ChainJudge:
    rng = np.random.default_rng(0)
    numbers = np.arange(200) % 2
    return ChainJudge(BySign(), CENTERS[numbers] + rng.standard_normal((200, 2)), NAMES[numbers], prototypes=2)


def test_samples_are_scored_by_their_classes_and_not_by_numbers(judge: ChainJudge) -> None:
    wanted = np.arange(80) % 2
    samples = CENTERS[wanted] + np.random.default_rng(1).standard_normal((80, 2))
    good, swapped = judge.scores(samples, NAMES[wanted]), judge.scores(samples, NAMES[1 - wanted])
    assert (good.hit_rate, swapped.hit_rate) == (1, 0)
    assert good.coverage > 0.7
    assert swapped.coverage == 0
    assert good.frechet == swapped.frechet


def chains(size: float, cooling: float = 0.0) -> PlugAndPlay:
    sampler = Langevin(size, cooling=cooling)
    return PlugAndPlay(nn.Linear(2, 2), None, LatentPrior(Gaussian(2)), sampler, compute=Compute("cpu"))


def test_larger_steps_mix_faster(judge: ChainJudge) -> None:
    torch.manual_seed(0)
    slow, fast = (judge.mixing(chains(size), 40, steps=200) for size in (0.05, 1.0))
    # Langevin steps under a standard normal law are autoregressive, by 1 - e / 2: tau = (2 - e / 2) / (e / 2).
    assert fast.autocorrelation == pytest.approx(3, rel=0.25)
    assert slow.autocorrelation > 10 * fast.autocorrelation
    assert slow.switches < fast.switches


def test_chains_are_judged_without_cooling_and_stay_as_they_are(judge: ChainJudge) -> None:
    torch.manual_seed(0)
    warm = judge.mixing(chains(0.5), 8, steps=40, random_state=1)
    torch.manual_seed(0)
    cooled = chains(0.5, cooling=1.0)
    assert judge.mixing(cooled, 8, steps=40, random_state=1) == warm
    assert cooled.sampler == Langevin(0.5, cooling=1.0)


def test_all_figures_of_chains_are_those_of_their_samples(judge: ChainJudge) -> None:
    seen, asked = [], []

    def made(condition: Condition) -> PlugAndPlay:
        asked.append(condition.chains)
        torch.manual_seed(0)
        return PlugAndPlay(nn.Linear(2, 2), condition, LatentPrior(Gaussian(2)), Langevin(0.5), compute=Compute("cpu"))

    figures, samples = judge.measure(
        made, nn.Linear(2, 2), 6, steps=20, callbacks=[lambda state: seen.append(state.step)]
    )
    assert asked == [12, 20]
    assert seen == list(range(1, 21))
    assert samples.shape == (12, 2)
    scores = judge.scores(samples, NAMES.repeat(6))
    assert {name: figures[name] for name in scores._fields} == scores._asdict()
    assert figures["steps"] == pytest.approx(20 * 12 / max(1, 12 * scores.hit_rate))
    assert {"accepted", "autocorrelation", "switches", "milliseconds"} <= figures.keys()

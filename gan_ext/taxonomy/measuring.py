"""How models of the tree are measured: likelihood, samples, the time to draw them."""

import math
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gan_ext.checks import checked
from gan_ext.metrics import frechet_distance, manifold_scores, mode_scores, parzen_bandwidth, parzen_log_density
from gan_ext.seeds import RandomStateLike, as_seed, seeded
from gan_ext.taxonomy.model import Data, Form, Model, small_model
from gan_ext.toys import GaussianRing

__all__ = ["ImageScores", "PointScores", "SampleScores", "fit_and_measure", "sample_times"]

Features = Callable[[Tensor], NDArray[Any]]


class SampleScores(Protocol):
    """What samples of one set of data are worth."""

    def __call__(self, samples: Tensor, quick: bool = False) -> dict[str, float]:
        """Return scores of samples [n, D] by name; only those that take no time if `quick`."""

    def divergences(self, model: Model, samples: Tensor, likelihood: Tensor) -> dict[str, float]:
        """Return divergences of a model with this log-likelihood of the test data, where the true density is known."""

    def real(self, n: int) -> dict[str, float]:
        """Return the scores of real data as if a model had drawn them: the best that there is."""


@checked
class PointScores:
    """Scores of points where the density is known: modes, and divergences by Parzen windows.

    Args:
        mixture: where the data come from.
        data: its `test` is compared with, its `valid` gives the width of the windows.
    """

    def __init__(self, mixture: GaussianRing, data: Data) -> None:
        self.mixture, self.data = mixture, data

    def __call__(self, samples: Tensor, quick: bool = False) -> dict[str, float]:
        """Return modes and share of good samples; unless `quick`, what Parzen windows say of the divergences."""
        found = mode_scores(self.mixture.modes, self.mixture.std, samples)
        figures = {"modes": found.modes, "good": found.high_quality, "mode kl": found.reverse_kl}
        if quick:
            return figures
        half, width = len(samples) // 2, parzen_bandwidth(samples, self.data.valid[:500])
        own = parzen_log_density(samples[:half], samples[half:], width)
        nll = -float(parzen_log_density(samples, self.data.test, width).mean())
        return figures | {
            "parzen nll": nll,
            "parzen forward kl": nll + float(self.mixture.log_prob(self.data.test).mean()),
            "parzen reverse kl": float((own - self.mixture.log_prob(samples[half:])).mean()),
        }

    def divergences(self, model: Model, samples: Tensor, likelihood: Tensor) -> dict[str, float]:
        """Return KL(p, model) on the test data, and KL(model, p) on 2000 samples."""
        own = model.log_likelihood(samples[:2000])
        assert own is not None
        return {
            "forward kl": float((self.mixture.log_prob(self.data.test) - likelihood).mean()),
            "reverse kl": float((own - self.mixture.log_prob(samples[:2000])).mean()),
        }

    def real(self, n: int) -> dict[str, float]:
        """Return the scores of n fresh points, and the negative log-likelihood of the test data by the true density."""
        return {**self(self.mixture.sample(n, 4)), "nll": -float(self.mixture.log_prob(self.data.test).mean())}


@checked
class ImageScores:
    """Scores of images in a space of features: precision, recall, density, coverage, Frechet distance.

    Args:
        features: maps images [n, D] to features [n, F].
        data: its `test` is compared with.
    """

    def __init__(self, features: Features, data: Data) -> None:
        self.features, self.data, self.test = features, data, features(data.test)

    def __call__(self, samples: Tensor, quick: bool = False) -> dict[str, float]:
        """Return the scores of as many samples as there are real images."""
        found = self.features(samples[: len(self.test)])
        return {**manifold_scores(self.test, found)._asdict(), "frechet": frechet_distance(self.test, found)}

    def divergences(self, model: Model, samples: Tensor, likelihood: Tensor) -> dict[str, float]:
        """Return nothing: the true density of images is not known."""
        return {}

    def real(self, n: int) -> dict[str, float]:
        """Return the scores of held-out images, as many as there are test images."""
        return self(self.data.valid)


def fit_and_measure(
    model: Model,
    data: Data,
    scores: SampleScores,
    steps: int,
    n: int,
    random_state: RandomStateLike = 0,
    walks: tuple[int, ...] = (1, 3, 10, 30, 100),
) -> dict[str, Any]:
    """Fit a model, and measure its likelihood, its samples and the time of both.

    Args:
        model: before its fit.
        data: what it learns; its `test` gives the likelihood.
        scores: of samples.
        steps: of training.
        n: samples that are drawn.
        random_state: decides the fit and the draws.
        walks: numbers of passes of a Markov chain after which its samples are scored, too.

    Returns:
        Numbers by name, in nats and in seconds of the processor; ``"kind"`` says how the likelihood is come by,
        ``"course"`` has the losses at the looks of the fit, ``"walks"`` the scores after each number of passes, and
        ``"samples"`` is a tensor [min(n, 1000), D].
    """
    seed, start = as_seed(random_state), time.process_time()
    model.fit(data, steps, seed)
    figures = {
        "steps": steps, "seconds": time.process_time() - start, "parameters": model.sizes()[0],
        "parameters that draw": model.sizes()[1], "passes": model.passes(), "kind": model.kinds[data.form.bits],
        "course": model.course,
    }  # fmt: skip
    with seeded(seed, 7), torch.no_grad():
        start = time.process_time()
        samples = model.sample(n)
        figures["seconds for 10 000"] = (time.process_time() - start) * 10_000 / len(samples)
        likelihood, bound = model.log_likelihood(data.test), model.bound(data.test)
        if likelihood is not None:
            figures["nll"] = -float(likelihood.mean())
            figures["nll, standard error"] = float(likelihood.std() / math.sqrt(len(likelihood)))
        if bound is not None:
            figures["bound"] = -bound
        figures |= model.chosen()
        if likelihood is not None:
            figures |= scores.divergences(model, samples, likelihood)
        figures |= scores(samples)
        if found := model.walks(min(1000, n), walks):
            figures["walks"] = {passes: scores(x, True) for passes, x in found.items()}
    return {**figures, "samples": samples[:1000]}


@torch.no_grad()
def sample_times(kind: type[Model], budget: int, sizes: Sequence[int], n: int, least: float = 0.2) -> dict[str, Any]:
    """Time samples of bits of different sizes, on the processor, from nets as wide as those of the first size.

    Args:
        kind: which model.
        budget: most parameters that are trained, at the first size.
        sizes: numbers of bits.
        n: samples drawn at once.
        least: seconds for which samples of each size are drawn; those of 10 000 are taken to be proportional.

    Returns:
        ``"seconds"`` for 10 000 samples and ``"passes"`` for one, by size, and the ``"exponent"`` of the size in the
        seconds, None for a single size.
    """
    seconds, passes = dict[int, float](), dict[int, int]()
    for size in sizes:
        model = small_model(kind, Form(size, True), budget, like=Form(sizes[0], True))
        with seeded(0):
            passes[size] = model.passes()
            model.sample(10)
            start, drawn = time.process_time(), 0
            while drawn == 0 or time.process_time() - start < least:
                drawn += len(model.sample(n))
            seconds[size] = (time.process_time() - start) * 10_000 / drawn
    slope = float(np.polyfit(np.log(sizes), np.log(list(seconds.values())), 1)[0]) if len(sizes) > 1 else None
    return {"seconds": seconds, "exponent": slope, "passes": passes}

"""What class-conditional chains are worth: whether they hit their class, cover it, and move about in it."""

import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.cluster import KMeans
from torch import nn

from gan_ext.estimators.evaluation import ClassJudge
from gan_ext.estimators.evaluation.class_judge import SeesClasses
from gan_ext.metrics import autocorrelation_time, mode_switch_rate
from gan_ext.plug_and_play import ChainState, ClassCondition, Condition, PlugAndPlay

__all__ = ["ChainJudge", "ChainMixing"]

Array = NDArray[Any]


class ChainMixing(NamedTuple):
    """How fast chains forget where they were.

    Attributes:
        autocorrelation: integrated autocorrelation time of codes in steps, median over coordinates.
        switches: how often a chain changes to another prototype in 100 steps, looked at every tenth step (one that goes
            and comes back in between is not seen).
    """

    autocorrelation: float
    switches: float


class ChainJudge(ClassJudge):
    """Judges class-conditional chains by a classifier that led none of them, beside real samples that it has not seen.

    Args:
        classifier: fitted, with features inside, such as :class:`~gan_ext.estimators.ClassifierFeatures`.
        X: real samples [m, ...] that neither generator nor classifier have seen.
        y: their classes [m].
        prototypes: groups of the real samples for each class, by k-means of features.
        random_state: of k-means.
    """

    def __init__(
        self, classifier: SeesClasses, X: Array, y: ArrayLike, *, prototypes: int = 10, random_state: int = 0
    ) -> None:
        super().__init__(classifier, X, y)
        groups = KMeans(prototypes * len(np.unique(self.y)), n_init=1, random_state=random_state)
        self.groups = groups.fit(self.features)

    def mixing(self, chains: PlugAndPlay, n_samples: int, *, steps: int = 200, random_state: int = 0) -> ChainMixing:
        """Run chains, without cooling, and return how fast they mix.

        Args:
            chains: on images as the classifier reads them.
            n_samples: how many chains.
            steps: of each that are looked at, at least 4, after as many that are not.
            random_state: of the chains.
        """
        trace = chains.uncooled().sample(n_samples, steps=2 * steps, trace_every=1, random_state=random_state).trace
        assert trace is not None
        late, stride = trace[steps:], max(1, min(10, steps // 4))
        groups = [
            self.groups.predict(self.classifier.transform(chains.generate(codes).numpy())) for codes in late[::stride]
        ]
        rate = mode_switch_rate(np.stack(groups)) / stride
        return ChainMixing(float(np.median(autocorrelation_time(late.numpy()))), rate)

    def measure(
        self,
        chains: Callable[[Condition], PlugAndPlay],
        classifier: nn.Module,
        each: int,
        *,
        steps: int = 200,
        callbacks: Sequence[Callable[[ChainState], None]] = (),
        random_state: int = 0,
    ) -> tuple[dict[str, float], Array]:
        """Run chains of every class, and return what they are worth and cost.

        Args:
            chains: makes chains that look for what a condition likes.
            classifier: leads them, by its logits of the classes in sorted order.
            each: chains for each class.
            steps: of each chain.
            callbacks: called with where chains are after every step.
            random_state: of the chains.

        Returns:
            By name the scores of :meth:`scores`, the share ``"accepted"``, what :meth:`mixing` finds with ten chains
            for each class, ``"steps"`` of all chains and ``"milliseconds"`` of the processor for one sample that hits
            (at least one is taken to); and the samples [classes * each, ...], class by class.
        """
        classes = np.unique(self.y)

        def wanted(each: int) -> Condition:
            return ClassCondition(classifier, torch.arange(len(classes)).repeat_interleave(each))

        n, start = each * len(classes), time.process_time()
        found = chains(wanted(each)).sample(n, steps=steps, callbacks=callbacks, random_state=random_state)
        seconds, samples = time.process_time() - start, found.data.numpy()
        scores = self.scores(samples, classes.repeat(each))
        hits = max(scores.hit_rate * n, 1.0)
        mixing = self.mixing(chains(wanted(10)), 10 * len(classes), steps=steps, random_state=random_state)
        costs = {"steps": steps * n / hits, "milliseconds": 1000 * seconds / hits}
        return {**scores._asdict(), "accepted": found.accepted, **mixing._asdict(), **costs}, samples

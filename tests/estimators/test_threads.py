"""Fits in threads of one process end with the bits of fits one after the other, and no caller's generator moves."""

import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.base import clone
from torch import Tensor, nn

from gan_ext import ConditionalGAN, InfoGAN, PlugAndPlayGAN, SemiSupervisedGANClassifier, SequenceGAN
from gan_ext.engine import Engine
from gan_ext.estimators import ClassifierFeatures, SelfSupervisedFeatures, SteeredSequenceGAN
from gan_ext.nets import CNNDiscriminator, LSTMGenerator, PrefixClassifier

pytestmark = pytest.mark.filterwarnings("ignore:y has no unlabeled sample")

TINY: dict[str, Any] = {"max_iter": 4, "batch_size": 8, "device": "cpu"}
WRITER = partial(LSTMGenerator, embedding=4, hidden=6)
TEXTS = ["a b c", "b a", "c c a b", "a a", "b c", "c b a"] * 3
Y = np.arange(24) % 2
X = (np.random.default_rng(0).normal(size=(24, 4)) + 2 * Y[:, None]).astype(np.float32)
IMAGES = np.random.default_rng(0).random((24, 1, 8, 8)).astype(np.float32)


def written() -> Any:
    return SequenceGAN(generator=WRITER, likelihood_iter=4, warm_up_iter=2, **TINY).set_params(
        discriminator=partial(CNNDiscriminator, embedding=4, widths=(1, 2), filters=(4, 4))
    )


MAKE: dict[str, Callable[[], Any]] = {
    "semi-supervised": lambda: SemiSupervisedGANClassifier(**TINY, labeled_batch_size=4, hidden_layer_sizes=(8,)),
    "InfoGAN": lambda: InfoGAN(**TINY),
    "conditional": lambda: ConditionalGAN(**TINY),
    "plug and play": lambda: PlugAndPlayGAN(**TINY, classifier_iter=3, denoiser_iter=3),
    "sequences": written,
    "classifier's features": lambda: ClassifierFeatures(**TINY),
    "self-supervised features": lambda: SelfSupervisedFeatures(**TINY),
}


def states(fitted: Any) -> list[Tensor]:
    """Return all weights of a fitted estimator."""
    modules = [value for _, value in sorted(vars(fitted).items()) if isinstance(value, nn.Module)]
    return [value.clone() for module in modules for value in module.state_dict().values()]


def fit(estimator: Any) -> tuple[list[Tensor], Any]:
    if isinstance(estimator, SequenceGAN):
        estimator.fit(TEXTS)
    elif isinstance(estimator, SteeredSequenceGAN):
        estimator.fit(TEXTS, [0, 1] * 9)
    elif isinstance(estimator, ClassifierFeatures | SelfSupervisedFeatures):
        estimator.fit(IMAGES, Y) if isinstance(estimator, ClassifierFeatures) else estimator.fit(IMAGES)
    else:
        estimator.fit(X, Y)
    return states(estimator), estimator.sample(5, random_state=3) if hasattr(estimator, "sample") else None


def in_threads(calls: list[Callable[[], Any]]) -> list[Any]:
    """Return what the calls return, all made at once; threads change as often as Python can."""
    made: list[Any] = [None] * len(calls)
    start = threading.Barrier(len(calls))

    def run(place: int) -> None:
        start.wait()
        try:
            made[place] = calls[place]()
        except Exception as error:  # raised below, in the thread of the test
            made[place] = error

    threads = [threading.Thread(target=run, args=(place,), daemon=True) for place in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive(), "the threads wait for each other"
    for each in made:
        if isinstance(each, Exception):
            raise each
    return made


@pytest.fixture(autouse=True)
def restless() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def same(a: tuple[list[Tensor], Any], b: tuple[list[Tensor], Any]) -> bool:
    return len(a[0]) == len(b[0]) > 0 and all(map(torch.equal, a[0], b[0])) and np.array_equal(a[1], b[1])


@pytest.mark.parametrize("name", MAKE)
def test_fits_in_threads_are_those_one_after_the_other(name: str) -> None:
    models = [MAKE[name]().set_params(random_state=seed) for seed in (0, 0, 1)]
    alone = [fit(clone(model)) for model in models]
    assert same(alone[0], alone[1])
    assert not same(alone[0], alone[2])
    before = torch.get_rng_state()
    together = in_threads([partial(fit, clone(model)) for model in models])
    assert all(same(one, other) for one, other in zip(alone, together, strict=True))
    assert torch.equal(torch.get_rng_state(), before)


def test_steering_in_threads_is_that_one_after_the_other() -> None:
    model = written().set_params(random_state=0).fit(TEXTS)
    makers = [
        partial(
            SteeredSequenceGAN,
            model,
            **TINY,
            random_state=seed,
            classifier=partial(PrefixClassifier, embedding=4, hidden=6),
        )
        for seed in (0, 1)
    ]
    alone = [fit(make()) for make in makers]
    together = in_threads([lambda make=make: fit(make()) for make in makers])  # type: ignore[misc]
    assert all(same(one, other) for one, other in zip(alone, together, strict=True))


def test_a_callback_may_wait_for_a_thread_that_draws_and_fit_another_model() -> None:
    """As when a callback evaluates by joblib's threads: a lock held over callbacks would never be free."""
    seen: list[Any] = []
    judge = MAKE["conditional"]().set_params(random_state=5)
    alone = fit(clone(judge))

    def look(engine: Engine) -> None:
        if engine.step == 2:
            seen.extend(in_threads([partial(fit, clone(judge)), partial(fit, clone(judge))]))
            seen.append(fit(clone(judge)))

    model = MAKE["InfoGAN"]().set_params(random_state=0)
    wanted, before = fit(clone(model)), torch.get_rng_state()
    assert same(fit(clone(model).set_params(callbacks=(look,))), wanted)
    assert len(seen) == 3
    assert all(same(each, alone) for each in seen)
    assert torch.equal(torch.get_rng_state(), before)


def test_two_models_that_draw_in_threads_draw_what_they_draw_alone() -> None:
    model = MAKE["conditional"]().set_params(random_state=0).fit(X, Y)
    alone = [model.sample(50, random_state=seed) for seed in range(4)]
    together = in_threads([partial(model.sample, 50, random_state=seed) for seed in range(4)])
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, other)

"""Ctrl-C and SIGTERM in the middle of a fit: the last checkpoint is whole, and no estimator is half fitted."""

import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.exceptions import NotFittedError
from torch import Tensor, nn

from gan_ext import ConditionalGAN, InfoGAN, PlugAndPlayGAN, SemiSupervisedGANClassifier, SequenceGAN
from gan_ext.engine import Engine, read_tensors
from gan_ext.estimators import ClassifierFeatures, SelfSupervisedFeatures, SteeredSequenceGAN
from gan_ext.nets import CNNDiscriminator, LSTMGenerator, PrefixClassifier

Y = np.arange(24) % 2
X = (np.random.default_rng(0).normal(size=(24, 4)) + 2 * Y[:, None]).astype(np.float32)
SHOWN = np.where(np.arange(24) < 12, Y, -1)
TEXTS, KINDS = ["a b c", "b a", "c c a b", "a a", "b c", "c b a"] * 3, [0, 1] * 9
TINY: dict[str, Any] = {"max_iter": 4, "batch_size": 8, "device": "cpu", "random_state": 0, "checkpoint_every": 1}
KILLABLE = Path(__file__).parent / "sequences" / "killable_text.py"


def texts(**more: Any) -> SequenceGAN:
    return SequenceGAN(
        generator=partial(LSTMGenerator, embedding=4, hidden=6),
        discriminator=partial(CNNDiscriminator, embedding=4, widths=(1, 2), filters=(4, 4)),
        likelihood_iter=3,
        warm_up_iter=2,
        **TINY,
    ).set_params(**more)


@pytest.fixture(scope="module")
def writer() -> SequenceGAN:
    return texts().fit(TEXTS)


KINDS_OF = {
    "semi-supervised": partial(SemiSupervisedGANClassifier, **TINY, labeled_batch_size=4, hidden_layer_sizes=(8,)),
    "InfoGAN": partial(InfoGAN, **TINY),
    "conditional": partial(ConditionalGAN, **TINY),
    "plug and play": partial(PlugAndPlayGAN, **TINY, classifier_iter=3, denoiser_iter=3),
    "sequences": texts,
    "steered": partial(SteeredSequenceGAN, **TINY, classifier=partial(PrefixClassifier, embedding=4, hidden=6)),
    "classifier's features": partial(ClassifierFeatures, **TINY),
    "self-supervised features": partial(SelfSupervisedFeatures, **TINY),
}  # fmt: skip


@pytest.fixture(params=KINDS_OF)
def make(request: pytest.FixtureRequest, writer: SequenceGAN) -> Callable[..., Any]:
    """Return what makes an estimator of each kind, with more parameters."""
    kind = KINDS_OF[request.param]
    return partial(kind, writer) if request.param == "steered" else kind


def fit(estimator: Any, other: bool = False) -> Any:
    """Fit an estimator to small data, or to others of another scale."""
    if isinstance(estimator, SequenceGAN):
        return estimator.fit([each + " d" for each in TEXTS] if other else TEXTS)
    if isinstance(estimator, SteeredSequenceGAN):
        return estimator.fit(TEXTS, ["x", "y"] * 9 if other else KINDS)
    if isinstance(estimator, SemiSupervisedGANClassifier):
        return estimator.fit(100 * X if other else X, np.where(SHOWN >= 0, SHOWN + other, -1))
    return estimator.fit(100 * X if other else X, Y + other)


def answer(fitted: Any) -> list[Any]:
    """Return what a fitted estimator makes and says, and its classes."""
    said = [getattr(fitted, "classes_", np.zeros(0)).tolist()]
    if hasattr(fitted, "sample"):
        said.append(np.asarray(fitted.sample(5, random_state=3)).tolist())
    if hasattr(fitted, "transform"):
        said.append(fitted.transform(X).tolist())
    return said


def weights(fitted: Any) -> list[Tensor]:
    modules = [value for _, value in sorted(vars(fitted).items()) if isinstance(value, nn.Module)]
    return [value for module in modules for value in module.state_dict().values()]


class Stop:
    """Raise KeyboardInterrupt, as Ctrl-C does, after so many steps of all games."""

    def __init__(self, after: int) -> None:
        self.left = after

    def __call__(self, engine: Engine) -> None:
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


@pytest.mark.parametrize("after", [1, 3])
def test_a_stopped_fit_is_not_fitted_and_goes_on_with_the_same_bits(
    make: Callable[..., Any], after: int, tmp_path: Path
) -> None:
    whole = fit(make())
    estimator = make(checkpoint=tmp_path, callbacks=(Stop(after),))
    before = dict(vars(estimator))
    with pytest.raises(KeyboardInterrupt):
        fit(estimator)
    assert vars(estimator) == before
    with pytest.raises(NotFittedError):
        answer(estimator) if hasattr(estimator, "sample") else estimator.transform(X)
    left = [path for path in tmp_path.rglob("*") if path.is_file() and path.name != "fit.json"]
    for path in left:
        assert path.suffix == ".safetensors", "no lock, nothing half written"
        read_tensors(path)
    assert len(left) > 0 or after == 1
    fit(estimator.set_params(callbacks=()))
    assert answer(estimator) == answer(whole)
    assert len(weights(whole)) == len(weights(estimator)) > 0
    assert all(map(torch.equal, weights(whole), weights(estimator)))


@pytest.mark.parametrize("warm", [False, True])
def test_a_second_fit_that_is_stopped_leaves_the_first(make: Callable[..., Any], warm: bool) -> None:
    estimator = fit(make())
    said, before = answer(estimator), [value.clone() for value in weights(estimator)]
    estimator.set_params(callbacks=(Stop(2),), warm_start=warm)
    with pytest.raises(KeyboardInterrupt):
        fit(estimator, other=not warm)
    assert answer(estimator) == said
    assert all(map(torch.equal, before, weights(estimator)))


def test_what_a_callback_sets_stays_where_a_fit_is_stopped() -> None:
    model = ConditionalGAN(**TINY)

    def slower(engine: Engine) -> None:
        model.set_params(learning_rate=1e-5)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(model.set_params(callbacks=(slower,)))
    assert model.learning_rate == 1e-5


def test_a_refused_fit_leaves_the_last_one() -> None:
    model = fit(ConditionalGAN(**TINY))
    said = answer(model)
    with pytest.raises(ValueError, match="All 24 samples of X are the same"):
        model.fit(np.ones((24, 9), np.float32), Y)
    assert answer(model) == said


def fit_slowly(estimator: Any) -> None:
    """Fit in a process of its own, slowly enough to be met by a signal."""
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115, the process ends here
    fit(estimator)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_whole_checkpoints_from_which_the_same_bits_follow(
    make: Callable[..., Any], number: signal.Signals, tmp_path: Path
) -> None:
    whole = fit(make(max_iter=8))
    folder = tmp_path / "fits"
    slow = make(max_iter=8, checkpoint=folder, callbacks=(lambda engine: time.sleep(0.05),))
    process = multiprocessing.get_context("fork").Process(target=fit_slowly, args=(slow,))
    process.start()
    try:
        deadline = time.monotonic() + 60
        while not list(folder.rglob("step-*.safetensors")):
            assert time.monotonic() < deadline
            time.sleep(0.005)
        assert process.pid is not None
        os.kill(process.pid, number)
        process.join(60)
        assert process.exitcode == (1 if number == signal.SIGINT else -number), "it must not end by itself"
    finally:
        process.kill()
        process.join()
    left = [path for path in folder.rglob("step-*") if path.suffix == ".safetensors"]
    assert left
    for path in left:
        read_tensors(path)
    resumed = fit(make(max_iter=8, checkpoint=folder))
    assert answer(resumed) == answer(whole)
    assert len(weights(whole)) == len(weights(resumed)) > 0
    assert all(map(torch.equal, weights(whole), weights(resumed)))


TALKING = """
import time
from gan_ext import ConditionalGAN
X = [[float(i % 7), float(i % 5)] for i in range(40)]
pause = lambda engine: time.sleep(0.01)
ConditionalGAN(max_iter=400, batch_size=8, verbose=True, device="cpu", callbacks=[pause]).fit(X, [0, 1] * 20)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs a terminal of POSIX")
def test_ctrl_c_leaves_the_terminal_as_it_was(tmp_path: Path) -> None:
    """A fit that talks, in a terminal of its own, to which the key is sent."""
    import fcntl
    import pty
    import termios

    leader, follower = pty.openpty()
    before = termios.tcgetattr(follower)
    process = subprocess.Popen(
        [sys.executable, "-c", TALKING],
        stdin=follower, stdout=follower, stderr=subprocess.PIPE, start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0), env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    try:
        said = b""
        while b"40/400" not in said:
            said += os.read(leader, 1000)
        os.write(leader, b"\x03")
        _, errors = process.communicate(timeout=60)
        assert process.returncode == -signal.SIGINT
        assert errors.decode().rstrip().endswith("KeyboardInterrupt")
        assert termios.tcgetattr(follower) == before
        assert b"\x1b" not in said, "nothing that a terminal would have to be told to undo"
    finally:
        process.kill()
        process.wait()
        os.close(leader)
        os.close(follower)


def test_sigterm_ends_a_fit_with_whole_checkpoints_and_a_free_folder(tmp_path: Path) -> None:
    """In a process of its own; the next fit takes the folder and ends with the same bits."""
    own = runpy.run_path(str(KILLABLE))
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    process = subprocess.Popen([sys.executable, str(KILLABLE), str(tmp_path)], env=environment, stderr=subprocess.PIPE)
    try:
        deadline = time.monotonic() + 120
        while not (tmp_path / "game" / "step-000000002.safetensors").exists():
            assert process.poll() is None, "the fit must not end by itself"
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        assert process.communicate(timeout=60) == (None, b"")
        assert process.returncode == -signal.SIGTERM
    finally:
        process.kill()
        process.wait()
    assert not (tmp_path / "game" / "step-000000008.safetensors").exists()
    for path in tmp_path.rglob("*.safetensors"):
        read_tensors(path)
    resumed, whole = own["model"](tmp_path).fit(own["LINES"]), own["model"]().fit(own["LINES"])
    assert len(weights(whole)) > 0
    assert all(map(torch.equal, weights(whole), weights(resumed)))
    assert resumed.history_ == whole.history_

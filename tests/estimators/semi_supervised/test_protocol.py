"""The protocol: fair splits, figures by hand, going on after a kill, and what it refuses."""

import json
import signal
import subprocess
import sys

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from gan_ext import SemiSupervisedGANClassifier, SemiSupervisedProtocol
from gan_ext.engine import CheckpointError
from gan_ext.estimators import Cell, LabeledOnly, ProtocolResult
from gan_ext.metrics import student_interval


class Spy(ClassifierMixin, BaseEstimator):
    """Predict the first class it knows, and remember what it was shown."""

    def __init__(self, random_state=None):
        self.random_state = random_state

    def fit(self, X, y):
        self.seen_ = np.asarray(X), np.asarray(y)
        self.classes_ = np.unique(y[y != -1])
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[0])


def _data(n=120, seed=0):
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 3
    return rng.normal(size=(n, 2)) + 3 * np.eye(3)[y][:, :2], y


def _run(protocol, estimators, **options):
    return protocol.run(estimators, *_data(), *_data(60, 1), **options)


def _nearest():
    return LabeledOnly(KNeighborsClassifier(1))


def _gan(**settings):
    return SemiSupervisedGANClassifier(max_iter=20, batch_size=20, hidden_layer_sizes=(16,), smoothing=0, **settings)


def test_all_classifiers_get_the_same_split_and_the_seed():
    result = _run(
        SemiSupervisedProtocol([6, 12], seeds=[3, 8], n_validation=20), {"a": Spy(), "b": Spy()}, keep_models=True
    )
    for n, seed in ((6, 3), (12, 8)):
        first, second = result.models["a", n, seed], result.models["b", n, seed]
        np.testing.assert_array_equal(first.seen_[0], second.seen_[0])
        np.testing.assert_array_equal(first.seen_[1], second.seen_[1])
        assert len(first.seen_[1]) == 100  # the validation part is kept apart
        assert np.bincount(first.seen_[1] + 1).tolist() == [100 - n, n // 3, n // 3, n // 3]
        assert first.random_state == seed
    assert not np.array_equal(result.models["a", 6, 3].seen_[0], result.models["a", 6, 8].seen_[0])
    assert {cell.error for cell in result.cells} == {2 / 3}


def test_figures_are_those_of_the_cells():
    cells = [Cell("a", 10, 0, 0.2, 1.0, ((5, 0.1), (10, 0.2))), Cell("a", 10, 1, 0.4, 3.0, ((5, 0.3), (10, 0.4)))]
    cells += [Cell("b", 10, 0, 0.3, 1.0), Cell("b", 10, 1, 0.5, 1.0)]
    result = ProtocolResult(cells)
    row = result.summary("a")
    assert row.mean == pytest.approx(0.3)
    assert row.accuracy == pytest.approx(0.7)
    assert row.std == pytest.approx(np.sqrt(0.02))
    assert row.interval == student_interval([0.2, 0.4])
    assert (row.best_step, row.best_on_test, row.seconds) == (pytest.approx(0.2), 0.1, 2.0)
    assert result.summary("b").best_step == result.summary("b").mean  # nothing was looked at on the way
    assert result.difference("a", "b") == pytest.approx((-0.1, -0.1, -0.1))
    again = ProtocolResult.from_dict(json.loads(json.dumps(result.to_dict())))
    assert again.cells == result.cells
    assert "30.00 ± 14.14" in str(result)
    assert "best step and seed" in str(result)
    assert result.table().splitlines()[2].startswith("| 10 | a | 30.00 ± 14.14 |")


def test_looking_at_test_samples_changes_nothing_and_finds_the_lowest_error():
    blind = _run(SemiSupervisedProtocol(6, seeds=[0], measure_every=0), {"gan": _gan()})
    seeing = _run(SemiSupervisedProtocol(6, seeds=[0], measure_every=5), {"gan": _gan()}, keep_models=True)
    cell, model = seeing.cells[0], seeing.models["gan", 6, 0]
    assert cell.error == blind.cells[0].error
    assert blind.cells[0].curve == ()
    assert [step for step, _ in cell.curve] == [5, 10, 15, 20]
    assert cell.curve[-1][1] == cell.error  # the last look is the honest figure
    assert cell.best_on_test == min(error for _, error in cell.curve)
    assert model.callbacks == ()
    X, y = _data(60, 1)
    assert cell.error == pytest.approx(1 - model.score(X, y))


def test_processes_side_by_side_give_the_same_figures():
    estimators = {"gan": _gan(), "1-NN": _nearest()}
    alone, together = (_run(SemiSupervisedProtocol(6, seeds=[0, 1], n_jobs=jobs), estimators) for jobs in (1, 2))
    assert [cell[:4] for cell in alone.cells] == [cell[:4] for cell in together.cells]
    assert [cell.curve for cell in alone.cells] == [cell.curve for cell in together.cells]


def test_a_validation_part_calibrates():
    result = _run(SemiSupervisedProtocol(6, seeds=[0], n_validation=30), {"gan": _gan()}, keep_models=True)
    assert result.models["gan", 6, 0].temperature_ != 1
    assert 0 <= result.cells[0].calibration_error <= 1
    assert result.cells[0].validation_error is not None


def test_a_folder_is_taken_up_and_can_be_added_to(tmp_path):
    short = _run(SemiSupervisedProtocol(6, seeds=[0]), {"1-NN": _nearest()}, folder=tmp_path)
    file = tmp_path / "1-NN" / "labels_6_seed_0.json"
    kept = json.loads(file.read_text())
    file.write_text(json.dumps(kept | {"seconds": 99.0}))
    longer = _run(SemiSupervisedProtocol([6, 9], seeds=[0, 1]), {"1-NN": _nearest(), "spy": Spy()}, folder=tmp_path)
    assert longer.cells[0].error == short.cells[0].error
    assert longer.cells[0].seconds == 99  # not fitted again
    assert len(longer.cells) == 8


def test_a_folder_of_other_settings_or_data_is_refused(tmp_path):
    protocol = SemiSupervisedProtocol(6, seeds=[0])
    _run(protocol, {"1-NN": _nearest()}, folder=tmp_path)
    with pytest.raises(CheckpointError, match=r"folder=.*n_neighbors=1 \(here 2\)"):
        _run(protocol, {"1-NN": LabeledOnly(KNeighborsClassifier(2))}, folder=tmp_path)
    with pytest.raises(CheckpointError, match=r"n_validation=0 \(here 9\)"):
        _run(SemiSupervisedProtocol(6, seeds=[0], n_validation=9), {"1-NN": _nearest()}, folder=tmp_path)
    with pytest.raises(CheckpointError, match="other data"):
        protocol.run({"1-NN": _nearest()}, *_data(120, 5), *_data(60, 1), folder=tmp_path)
    (tmp_path / "1-NN" / "labels_6_seed_0.json").write_text("{")
    with pytest.raises(CheckpointError, match="is damaged"):
        _run(protocol, {"1-NN": _nearest()}, folder=tmp_path)


KILLED = """
import os, sys
import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from gan_ext import SemiSupervisedProtocol
class Slow(ClassifierMixin, BaseEstimator):
    fits = 0
    def fit(self, X, y):
        if Slow.fits == 2: os.kill(os.getpid(), 9)
        Slow.fits += 1
        return self
    def predict(self, X):
        return np.zeros(len(X), int)
y = np.arange(60) % 3
X = np.random.default_rng(0).normal(size=(60, 2))
SemiSupervisedProtocol(6, seeds=range(4)).run({"slow": Slow()}, X, y, X, y, folder=sys.argv[1])
"""


class Slow(ClassifierMixin, BaseEstimator):
    """The one that was killed, when it is run again."""

    def fit(self, X, y):
        return self

    def predict(self, X):
        return np.zeros(len(X), int)


def test_nothing_is_lost_on_a_kill(tmp_path):
    killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
    assert killed.returncode == -signal.SIGKILL
    done = {path: path.stat().st_mtime_ns for path in (tmp_path / "slow").glob("labels*")}
    assert len(done) == 2
    y = np.arange(60) % 3
    X = np.random.default_rng(0).normal(size=(60, 2))
    result = SemiSupervisedProtocol(6, seeds=range(4)).run({"slow": Slow()}, X, y, X, y, folder=tmp_path)
    assert len(result.cells) == 4
    assert all(path.stat().st_mtime_ns == time_ for path, time_ in done.items())


def test_a_checkpoint_gets_a_folder_for_each_fit(tmp_path):
    _run(SemiSupervisedProtocol(6, seeds=[0, 1]), {"gan": _gan(checkpoint=tmp_path, random_state=7)})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["gan-6-0", "gan-6-1"]


def test_a_checkpoint_inside_a_pipeline_gets_a_folder_for_each_fit_too(tmp_path):
    model = make_pipeline(StandardScaler(), _gan(checkpoint=tmp_path, random_state=7))
    _run(SemiSupervisedProtocol(6, seeds=[0, 1]), {"pipe": model})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pipe-6-0", "pipe-6-1"]


def test_a_number_of_seeds_counts_from_zero():
    assert SemiSupervisedProtocol(6, seeds=3).seeds == [0, 1, 2]


def test_no_share_is_said_to_be_negative_or_more_than_all():
    cells = [Cell("a", 6, seed, error, 1.0) for seed, error in enumerate((0.0, 0.3))]
    assert "0.00 to 100.00" in str(ProtocolResult(cells))


def test_seeds_reach_nested_parts():
    model = make_pipeline(StandardScaler(), _gan())
    result = _run(SemiSupervisedProtocol(6, seeds=[5]), {"pipe": model}, keep_models=True)
    assert result.models["pipe", 6, 5][-1].random_state == 5
    assert model[-1].random_state is None


def test_labeled_only_is_the_classifier_on_the_labeled_rows():
    X, y = _data()
    hidden = np.where(np.arange(len(y)) < 12, y, -1)
    wanted = KNeighborsClassifier(1).fit(X[:12], y[:12]).predict_proba(X)
    np.testing.assert_array_equal(_nearest().fit(X, hidden).predict_proba(X), wanted)
    names = np.where(hidden < 0, -1, np.array(["a", "b", "c"], object)[hidden])
    assert LabeledOnly(KNeighborsClassifier(1)).fit(X, names).classes_.tolist() == ["a", "b", "c"]
    with pytest.raises(ValueError, match="no labeled sample: all 120 are -1"):
        _nearest().fit(X, np.full(120, -1))


def test_the_learning_curve_is_drawn(tmp_path):
    pytest.importorskip("matplotlib")
    _run(SemiSupervisedProtocol([6, 12], seeds=[0]), {"1-NN": _nearest()}).draw(tmp_path / "curve.png")
    assert (tmp_path / "curve.png").stat().st_size > 1000


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (
            lambda: SemiSupervisedProtocol([]),
            r"'n_labeled' .* different integers, at least one, each at least 1. Got \[\]",
        ),
        (lambda: SemiSupervisedProtocol(6, seeds=[1, 1]), r"'seeds' .* different integers, .* Got \[1, 1\]"),
        (lambda: SemiSupervisedProtocol(6, measure_every=-1), r"'measure_every' .* \[0, inf\). Got -1"),
        (lambda: SemiSupervisedProtocol(6, n_jobs=0), "'n_jobs' .* an integer other than 0"),
        (lambda: _run(SemiSupervisedProtocol(6), {}), "estimators={} must have classifiers by name"),
        (lambda: _run(SemiSupervisedProtocol(6), {"bare": KNeighborsClassifier(1)}), "'bare'.* took -1, the mark of"),
        (lambda: _run(SemiSupervisedProtocol(6), {"a/b": Spy()}), "The name 'a/b'"),
        (lambda: _run(SemiSupervisedProtocol(6), {"a": Spy}), "must be an object with fit, predict, get_params"),
        (lambda: _run(SemiSupervisedProtocol(7), {"a": Spy()}), "n_labeled=7 must be a multiple of 3"),
        (lambda: _run(SemiSupervisedProtocol(6), {"a": Spy()}, folder="x", keep_models=True), "keep_models=True"),
        (
            lambda: SemiSupervisedProtocol(6).run({"a": Spy()}, np.zeros((3, 1)), [0, 1, -1], np.zeros((1, 1)), [0]),
            "y_train has negative labels",
        ),
        (
            lambda: SemiSupervisedProtocol(6).run({"a": Spy()}, np.zeros((3, 1)), [0, 1], np.zeros((1, 1)), [0]),
            "X_train of shape",
        ),
        (lambda: ProtocolResult([Cell("a", 1, 0, 0.1, 1.0)]).summary("b"), "There is no fit of 'b'"),
        (
            lambda: ProtocolResult([Cell("a", 1, 0, 0.1, 1.0), Cell("a", 2, 0, 0.1, 1.0)]).summary("a"),
            "n_labeled must be one of",
        ),
    ],
)
def test_errors_are_sentences(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()

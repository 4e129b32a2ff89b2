"""The semi-supervised classifier: what it learns, what it refuses, how it lives among scikit-learn's tools."""

import copy
import json
import pickle
import subprocess
import sys
import warnings

import joblib
import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits, make_moons
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from gan_ext import SemiSupervisedGANClassifier
from gan_ext.data import RandomAffine, semi_supervised_split
from gan_ext.engine import CheckpointError, Every, NonFiniteLossError
from gan_ext.estimators.base.labels import read_labels
from gan_ext.estimators.base.scaling import Scaler
from gan_ext.nets import mlp_discriminator


def _blobs(n=200, labeled=5, seed=0, d=3):
    rng = np.random.default_rng(seed)
    x = np.concatenate([rng.normal(-2, 1, (n // 2, d)), rng.normal(2, 1, (n // 2, d))])
    truth = np.repeat([0, 1], n // 2)
    y = np.full(n, -1)
    y[:labeled] = 0
    y[-labeled:] = 1
    return x, y, truth


def _quick(**settings):
    small = {"max_iter": 40, "batch_size": 50, "hidden_layer_sizes": (32, 16), "random_state": 0}
    return SemiSupervisedGANClassifier(**small | settings)


@pytest.fixture(scope="module")
def blobs():
    x, y, truth = _blobs()
    return _quick().fit(x, y), x, y, truth


def _learned(x, y, **settings):
    """Return a classifier of 20 labeled digits, its accuracy on test samples, and that of the labels alone."""
    split = semi_supervised_split(y, 20, n_test=500, random_state=0)
    model = SemiSupervisedGANClassifier(**settings, random_state=0).fit(*split.training_data(x, y))
    alone = SVC(C=10).fit(x[split.labeled], y[split.labeled]).score(x[split.test], y[split.test])
    return model, split, model.score(x[split.test], y[split.test]), alone


@pytest.fixture(scope="module")
def digits():
    x, y = load_digits(return_X_y=True)
    model, split, ours, alone = _learned(x, y, max_iter=300, hidden_layer_sizes=(128, 64, 64))
    assert ours > alone + 0.08
    return model, x, y, split


@pytest.mark.slow
def test_unlabeled_digits_teach_what_two_labels_per_class_cannot():
    *_, ours, alone = _learned(*load_digits(return_X_y=True))
    assert ours > 0.88
    assert ours > alone + 0.08


def test_samples_are_in_the_space_of_the_data(digits):
    model, x, *_ = digits
    samples = model.sample(200, random_state=1)
    assert samples.shape == (200, 64)
    assert samples.min() >= 0
    assert samples.max() <= 16
    np.testing.assert_allclose(samples.mean(0), x.mean(0), atol=3)
    np.testing.assert_array_equal(samples, model.sample(200, random_state=1))
    assert not np.array_equal(samples, model.sample(200, random_state=2))


def test_realness_tells_digits_from_noise_and_from_shuffled_digits(digits):
    model, x, _, split = digits
    rng = np.random.default_rng(0)
    real = x[split.test]
    shuffled = rng.permuted(real, axis=1)
    scores = np.concatenate([model.realness(real), model.realness(shuffled)])
    assert roc_auc_score(np.repeat([1, 0], len(real)), scores) > 0.9


def test_probabilities_logits_and_realness_belong_together(digits):
    model, x, *_ = digits
    logits, probabilities = model.decision_function(x[:50]), model.predict_proba(x[:50])
    np.testing.assert_allclose(probabilities.sum(1), 1)
    np.testing.assert_allclose(np.log(probabilities), logits - model.realness(x[:50])[:, None], atol=1e-9)
    np.testing.assert_array_equal(model.predict(x[:50]), model.classes_[logits.argmax(1)])


def test_history_holds_the_losses_of_both_players(digits):
    model, *_ = digits
    assert model.n_iter_ == 300
    assert {"step", "discriminator/loss", "generator/loss", "discriminator/unsupervised"} <= model.history_[-1].keys()


@pytest.mark.parametrize(
    ("settings", "enough"),
    [
        ({"max_iter": 200, "hidden_layer_sizes": (64, 64)}, 0.88),
        pytest.param({}, 0.93, marks=pytest.mark.slow),
    ],
)
def test_unlabeled_data_help_on_moons(settings, enough):
    x, truth = make_moons(600, noise=0.08, random_state=0)
    y = np.full(600, -1)
    for name in (0, 1):
        y[np.flatnonzero(truth == name)[:4]] = name
    model = SemiSupervisedGANClassifier(**settings, random_state=0).fit(x, y)
    alone = SVC(C=10).fit(x[y >= 0], y[y >= 0])
    assert model.score(x, truth) > max(enough, alone.score(x, truth))


def test_string_labels_with_marked_unlabeled_rows():
    x, y, truth = _blobs()
    names = np.array(["cat", "dog"], dtype=object)
    words = np.where(y == -1, -1, names[y])
    model = _quick().fit(x, words)
    assert model.classes_.tolist() == ["cat", "dog"]
    assert model.score(x, names[truth].astype(str)) > 0.95


def test_another_mark_for_unlabeled_leaves_minus_one_to_be_a_class():
    x, y, truth = _blobs()
    signs = np.where(y == -1, 99, 2 * y - 1)
    model = _quick(unlabeled=99).fit(x, signs)
    assert model.classes_.tolist() == [-1, 1]
    assert model.score(x, 2 * truth - 1) > 0.95


def test_images_of_any_channels_and_sides():
    rng = np.random.default_rng(0)
    for shape in ((1, 8, 8), (3, 8, 12), (2, 5, 7)):
        x = rng.uniform(0, 255, (60, *shape))
        x[:30, :, :2] = 0
        y = np.full(60, -1)
        y[:3], y[-3:] = 0, 1
        model = _quick(max_iter=20).fit(x, y)
        assert model.predict(x).shape == (60,)
        assert model.sample(4).shape == (4, *shape)
        assert model.sample(4).max() <= 255


def test_one_label_per_class_and_very_imbalanced_labels():
    x, y, truth = _blobs(labeled=1)
    assert _quick().fit(x, y).score(x, truth) > 0.95
    x, y, truth = _blobs(labeled=40)
    y[1:40] = -1  # one label against forty
    model = SemiSupervisedGANClassifier(balance=0, max_iter=60, random_state=0)
    assert model.fit(x, y).score(x, truth) > 0.95


def test_a_declared_class_without_label_is_refused_unless_allowed():
    x, y, _ = _blobs()
    with pytest.raises(ValueError, match="Class 7 has no labeled sample"):
        _quick(classes=[0, 1, 7]).fit(x, y)
    model = _quick(classes=[0, 1, 7], allow_empty_classes=True, balance=0).fit(x, y)
    assert model.predict_proba(x).shape == (200, 3)
    with pytest.raises(ValueError, match=r"class 1, which is not among classes=\[0, 7\]"):
        _quick(classes=[0, 7]).fit(x, y)


def test_all_labeled_says_that_it_becomes_supervised():
    x, _, truth = _blobs()
    with pytest.warns(UserWarning, match="training is supervised"):
        model = _quick().fit(x, truth)
    assert model.score(x, truth) > 0.95


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x, y: (np.where(x > 3, np.nan, x), y), "NaN"),
        (lambda x, y: (np.where(x > 3, np.inf, x), y), "infinity"),
        (lambda x, y: (x, np.full(len(y), -1)), "no labeled sample: all 200 are -1"),
        (lambda x, y: (x, np.where(y == 1, -1, y)), "one class only"),
        (lambda x, y: (x, np.where(y == 1, -5, y)), "negative label -5"),
        (lambda x, y: (x, np.where(y == 1, 0.5, y)), "float labels such as 0.5"),
        (lambda x, y: (x, np.where(y == 1, "b", np.where(y == 0, "a", "-1"))), "looks like the mark -1 for no label"),
        (lambda x, y: (x, np.where(y == 1, None, y)), "one class only"),
        (lambda x, y: (x[:, :, None], y), r"pass a table \(n, d\) or images"),
        (lambda x, y: (x, y[:-1]), "inconsistent numbers of samples"),
    ],
)
def test_bad_data_is_refused_before_training(change, message):
    x, y, _ = _blobs()
    with pytest.raises(ValueError, match=message):
        _quick(max_iter=10**9).fit(*change(x, y))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"max_iter": 0}, r"'max_iter' parameter .* in the range \[1, inf\). Got 0"),
        ({"batch_size": 1}, r"'batch_size' .* \[2, inf\). Got 1"),
        ({"learning_rate": 0.0}, r"'learning_rate' .* \(0.0, inf\). Got 0.0"),
        ({"noise": -1.0}, r"'noise' .* \[0.0, inf\). Got -1.0"),
        ({"averaging": 1.0}, r"'averaging' .* \[0.0, 1.0\). Got 1.0"),
        ({"scaling": "robust"}, "'scaling' .* a str among .* Got 'robust'"),
        ({"allow_empty_classes": True}, "needs `classes`"),
        ({"device": "tpu"}, "device='tpu' is unknown"),
        ({"precision": "float16"}, "'precision' .* Got 'float16'"),
        ({"hidden_layer_sizes": ()}, r"'hidden_layer_sizes' .* integers above 0, not empty. Got \(\)"),
        ({"hidden_layer_sizes": 5}, "'hidden_layer_sizes' .* a list or tuple of integers above 0, not empty. Got 5"),
        (
            {"callbacks": print},
            "'callbacks' .* a list or tuple of functions of the engine. Got <built-in function print>",
        ),
        ({"checkpoint": "x", "warm_start": True}, "exclude each other"),
        ({"discriminator": lambda shape, classes: torch.nn.Linear(3, 2)}, "must return .logits, features., it returns"),
        ({"discriminator": lambda shape, classes: mlp_discriminator(shape, 5)}, r"logits \(2, 2\).*returns \(2, 5\)"),
        ({"generator": lambda shape, d, output: torch.nn.Linear(d, 4)}, r"makes samples of shape \(4,\), not \(3,\)"),
        ({"discriminator": torch.nn.Linear}, r"discriminator=<class .* must return|discriminator=.* fails when"),
        ({"generator": lambda shape, d, output: "net"}, "generator=.* must return a torch module, it returned 'net'"),
        ({"augment": RandomAffine}, "augment fails on samples of shape"),
        ({"class_weight": {7: 2.0}}, r"names 7, which is none of \[0, 1\]"),
        ({"class_prior": [1, 2, 3], "balance": 0}, "must give each of the 2 classes a positive share"),
        ({"class_prior": [0.5, 0.6]}, r"class_prior=\[0.5, 0.6\] adds up to 1.1; shares"),
        ({"class_weight": {"a": 2.0}}, r"names 'a', which is none of \[0, 1\]"),
        ({"unlabeled": float("nan")}, "'unlabeled' .* a number that is not NaN"),
    ],
)
def test_bad_settings_are_refused_before_training(settings, message):
    x, y, _ = _blobs()
    with pytest.raises(ValueError, match=message):
        _quick(**settings).fit(x, y)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_cuda_asked_for_and_absent():
    x, y, _ = _blobs()
    with pytest.raises(ValueError, match="torch sees no CUDA GPU here; use 'auto' or 'cpu'"):
        _quick(device="cuda").fit(x, y)


def test_wrong_shapes_at_predict():
    x, y, _ = _blobs()
    model = _quick(max_iter=5).fit(x, y)
    with pytest.raises(ValueError, match="expecting 3 features"):
        model.predict(x[:, :2])
    images = np.random.default_rng(0).random((20, 1, 8, 8))
    model = _quick(max_iter=5).fit(images, np.tile([0, 1, -1, -1], 5))
    with pytest.raises(ValueError, match=r"samples of shape \(1, 8, 4\), but fit was given \(1, 8, 8\)"):
        model.predict(images[..., :4])
    with pytest.raises(ValueError, match=r"samples of shape \(64,\), but fit was given \(1, 8, 8\)"):
        model.predict(images.reshape(20, 64))


def test_a_loss_that_is_not_finite_stops_fit():
    x, y, _ = _blobs()
    with pytest.raises(NonFiniteLossError, match="is not finite"):
        _quick(scaling="none", learning_rate=1e30).fit(x * 1e15, y)


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_lives_in_pipelines_searches_clones_and_workers(workers):
    x, y, truth = _blobs()
    # Splits of a search see labels only: every fold keeps labeled rows of both classes.
    folds = [(np.arange(200), np.flatnonzero(y >= 0)) for _ in range(2)]
    search = GridSearchCV(
        make_pipeline(StandardScaler(), _quick(max_iter=30)),
        {"semisupervisedganclassifier__entropy": [0.0, 0.3]},
        cv=folds,
        n_jobs=workers,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of joblib about its workers' start
        search.fit(x, y)
    assert search.best_estimator_.score(x, truth) > 0.9
    fresh = clone(search.best_estimator_[-1])
    assert not hasattr(fresh, "game_")


def test_same_seed_same_bits_and_the_callers_generator_is_left_alone(blobs):
    _, x, y, _ = blobs
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first, second = blobs[0], _quick().fit(x, y)
    assert torch.equal(before, torch.get_rng_state())
    np.testing.assert_array_equal(first.decision_function(x), second.decision_function(x))
    other = _quick(random_state=1).fit(x, y)
    assert not np.array_equal(first.decision_function(x), other.decision_function(x))


def test_pickle_and_joblib_keep_predictions(blobs, tmp_path):
    model, x, *_ = blobs
    joblib.dump(model, tmp_path / "model.joblib")
    for copied in (pickle.loads(pickle.dumps(model)), joblib.load(tmp_path / "model.joblib"), copy.deepcopy(model)):
        np.testing.assert_array_equal(copied.predict_proba(x), model.predict_proba(x))


def test_warm_start_goes_on_from_the_last_fit():
    x, y, truth = _blobs()
    cold = _quick(max_iter=3).fit(x, y)
    warm = _quick(max_iter=40, warm_start=True).fit(x, y)
    warm.set_params(max_iter=3).fit(x, y)
    assert warm.score(x, truth) > cold.score(x, truth) or cold.score(x, truth) > 0.95
    gap = np.abs(warm.predict_proba(x) - cold.predict_proba(x)).max()
    assert gap > 0.05
    with pytest.raises(ValueError, match=r"warm_start=True needs .* the classes \[0, 1\] as before, got .* \[0, 2\]"):
        warm.fit(x, np.where(y == 1, 2, y))
    with pytest.raises(ValueError, match="expecting 3 features"):
        warm.fit(x[:, :2], y)
    assert warm.predict(x).shape == (200,)  # what was fitted is still there


_KILLED = """
import os, sys, numpy as np, torch
torch.set_num_threads(1)
from gan_ext import SemiSupervisedGANClassifier
rng = np.random.default_rng(0)
x = np.concatenate([rng.normal(-2, 1, (100, 3)), rng.normal(2, 1, (100, 3))])
y = np.full(200, -1); y[:5] = 0; y[-5:] = 1
def die(engine):
    if engine.step == 25: os.kill(os.getpid(), 9)
SemiSupervisedGANClassifier(max_iter=40, batch_size=50, hidden_layer_sizes=(32, 16), random_state=0,
                            checkpoint=sys.argv[1], checkpoint_every=10, callbacks=(die,)).fit(x, y)
"""


def test_a_killed_fit_resumes_with_the_same_bits(blobs, tmp_path):
    whole, x, y, _ = blobs
    done = subprocess.run([sys.executable, "-c", _KILLED, str(tmp_path)], check=False)
    assert done.returncode == -9
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".lock",  # the kill left it; nobody holds it
        "fit.json",
        "step-000000010.safetensors",
        "step-000000020.safetensors",
    ]
    steps = []
    resumed = _quick(max_iter=40, checkpoint=tmp_path, checkpoint_every=10, callbacks=(lambda e: steps.append(e.step),))
    resumed.fit(x, y)
    assert steps == list(range(21, 41))
    np.testing.assert_array_equal(resumed.decision_function(x), whole.decision_function(x))
    assert json.dumps(resumed.history_) == json.dumps(whole.history_)


def test_a_checkpoint_of_another_problem_is_refused(tmp_path):
    x, y, _ = _blobs()
    done = _quick(max_iter=5, checkpoint=tmp_path).fit(x, y)
    again = _quick(max_iter=5, checkpoint=tmp_path).fit(x, y)
    np.testing.assert_array_equal(again.decision_function(x), done.decision_function(x))
    with pytest.raises(CheckpointError, match="holds a fit with other data; use an empty folder"):
        _quick(max_iter=5, checkpoint=tmp_path).fit(x + 1, y)
    with pytest.raises(CheckpointError, match=r"holds a fit with entropy=0.3 .here 0.5., max_iter=5 .here 6.; use"):
        _quick(max_iter=6, entropy=0.5, checkpoint=tmp_path).fit(x, y)
    with pytest.raises(CheckpointError, match="Cannot write"):
        _quick(max_iter=5, checkpoint=tmp_path / "fit.json" / "below").fit(x, y)
    with pytest.raises(ValueError, match="checkpoint needs an integer random_state"):
        _quick(checkpoint=tmp_path, random_state=None).fit(x, y)


def test_own_networks():
    x, y, truth = _blobs()
    model = _quick(discriminator=lambda shape, classes: mlp_discriminator(shape, classes, (16,), 0.1, 0.1)).fit(x, y)
    assert model.game_.discriminator.head[-1].direction.shape == (2, 16)
    assert model.score(x, truth) > 0.95


def test_bfloat16_learns_too():
    x, y, truth = _blobs()
    assert _quick(precision="bfloat16").fit(x, y).score(x, truth) > 0.95


def test_verbose_prints_ten_lines_of_mean_losses(capsys):
    x, y, _ = _blobs()
    _quick(verbose=True).fit(x, y)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == [f"{step}/40" for step in range(4, 41, 4)]
    assert "discriminator/loss" in lines[0]


def test_a_callback_may_ask_for_predictions_and_changes_nothing(blobs):
    whole, x, y, _ = blobs
    seen = []
    for averaging in (0.99, 0):
        model = _quick(averaging=averaging)
        look = Every(40, lambda engine, model=model: seen.append(model.predict_with(engine.averaged, x)))
        model.set_params(callbacks=(look,)).fit(x, y)
        np.testing.assert_array_equal(seen[-1], model.predict(x))
        if averaging:
            np.testing.assert_array_equal(model.decision_function(x), whole.decision_function(x))


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (lambda model: model.sample("three"), ValueError, "n_samples='three' must be an integer, at least 1"),
        (lambda model: model.sample(0), ValueError, "n_samples=0 must be an integer"),
        (lambda model: model.sample(True), ValueError, "n_samples=True must be an integer"),
        (lambda model: model.sample(3, 0), TypeError, r"write sample\(3, random_state=0\)"),
        (lambda model: model.sample(random_state="x"), ValueError, "random_state='x' must be an integer from 0"),
    ],
)
def test_sample_says_how_it_is_called(blobs, call, error, sentence):
    with pytest.raises(error, match=sentence):
        call(blobs[0])


def test_scalers_are_undone_exactly_enough():
    rng = np.random.default_rng(0)
    x = rng.normal(5, 3, (50, 4))
    x[:, 2] = 7.0
    for kind in ("standard", "minmax", "none"):
        scaler = Scaler(kind, x)
        scaled = scaler.forward(x)
        assert np.isfinite(scaled).all()
        np.testing.assert_allclose(scaler.inverse(scaled), x, atol=1e-12)
    standard = Scaler("standard", x).forward(x)
    np.testing.assert_allclose(standard[:, [0, 1, 3]].std(0), 1)
    np.testing.assert_allclose(standard[:, 2], 0)
    assert Scaler("auto", load_digits().data).kind == "minmax"
    assert Scaler("auto", x).kind == "standard"
    assert Scaler("auto", rng.random((5, 1, 8, 8))).kind == "minmax"


def test_labels_are_numbered_in_order_and_marked():
    labels = read_labels(np.array(["b", -1, "a", "b"], dtype=object), -1)
    assert labels.classes.tolist() == ["a", "b"]
    assert labels.codes.tolist() == [1, -1, 0, 1]
    assert labels.known.tolist() == [True, False, True, True]
    assert read_labels(np.array([0.0, -1.0, 1.0]), -1).codes.tolist() == [0, -1, 1]

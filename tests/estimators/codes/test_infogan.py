"""InfoGAN as an estimator: what its codes find, how they are set and read, what it refuses."""

import pickle
import warnings
from functools import partial

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris
from sklearn.metrics import adjusted_rand_score, silhouette_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from gan_ext import InfoGAN
from gan_ext.data import RandomAffine
from gan_ext.engine import CheckpointError
from gan_ext.latents import Bernoulli, Categorical, Gaussian, Product, Uniform
from gan_ext.metrics import hungarian_accuracy
from gan_ext.nets import mlp_discriminator, mlp_info_discriminator

CENTERS = np.array([[-4.0, 0, 0], [4, 0, 0], [0, 5, 0]])


def _blobs(sizes=(100, 100, 100), seed=0):
    rng = np.random.default_rng(seed)
    truth = np.repeat(np.arange(len(sizes)), sizes)
    return rng.normal(CENTERS[truth], 1.0), truth


def _quick(**settings):
    return InfoGAN(**{"n_clusters": 3, "max_iter": 40, "hidden_layer_sizes": (16,), "random_state": 0, **settings})


@pytest.fixture(scope="module")
def fitted():
    x, truth = _blobs()
    return InfoGAN(3, n_continuous=2, max_iter=300, hidden_layer_sizes=(32, 32), random_state=0).fit(x), x, truth


@parametrize_with_checks([InfoGAN(max_iter=2, hidden_layer_sizes=(8,), unlabeled=None, device="cpu")])
def test_scikit_learn_finds_no_fault(estimator, check):
    if check.func.__name__ == "check_clustering":  # the one that asks for good clusters
        estimator.set_params(max_iter=60, hidden_layer_sizes=(32,))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of constant features
        check(estimator)


def test_categories_are_clusters_and_scikit_learn_can_judge_them(fitted):
    model, x, truth = fitted
    assert hungarian_accuracy(truth, model.labels_) > 0.95
    assert adjusted_rand_score(truth, model.predict(x)) > 0.85
    assert silhouette_score(x, model.labels_) > 0.5
    np.testing.assert_array_equal(model.labels_, model.predict(x))


def test_transform_holds_shares_and_coordinates(fitted):
    model, x, _ = fitted
    codes = model.transform(x)
    assert codes.shape == (300, 5)
    assert list(model.get_feature_names_out()) == ["category=0", "category=1", "category=2", "style[0]", "style[1]"]
    np.testing.assert_allclose(codes[:, :3].sum(1), 1, atol=1e-6)
    np.testing.assert_allclose(codes[:, :3], model.predict_proba(x))
    np.testing.assert_array_equal(codes[:, :3].argmax(1), model.predict(x))
    assert abs(codes[:, 3:]).max() <= 1


def test_data_and_codes_go_both_ways(fitted):
    model, x, _ = fitted
    again = model.inverse_transform(model.transform(x), random_state=0)
    assert again.shape == x.shape
    assert (model.predict(again) == model.predict(x)).mean() > 0.9


def test_samples_of_a_category_lie_where_it_lies(fitted):
    model, x, _ = fitted
    for k in range(3):
        made = model.sample(200, codes={"category": k}, random_state=0)
        center = x[model.labels_ == k].mean(0)
        assert np.abs(made.mean(0) - center).max() < 1.5
        assert (model.predict(made) == k).mean() > 0.9


def test_set_codes_are_kept_and_others_drawn(fitted):
    model, _, _ = fitted
    fixed = model.sample(50, codes={"category": 1, "style": [0.5, -0.5]}, random_state=3)
    each = model.sample(50, codes={"category": [1] * 50, "style[0]": [0.5] * 50, "style[1]": -0.5}, random_state=3)
    np.testing.assert_array_equal(fixed, each)
    assert np.unique(fixed.round(4), axis=0).shape[0] == 50, "noise still varies"
    mixed = model.sample(90, codes={"category": np.arange(90) % 3}, random_state=3)
    assert (model.predict(mixed) == np.arange(90) % 3).mean() > 0.9


def test_traverse_moves_one_code_and_holds_the_rest(fitted):
    model, _, _ = fitted
    rows = model.traverse("style[1]", [-1.0, 0.0, 1.0], n_samples=4, codes={"category": 2}, random_state=5)
    assert rows.shape == (4, 3, 3)
    same = model.traverse("style[1]", [0.0, 0.0], n_samples=4, codes={"category": 2}, random_state=5)
    np.testing.assert_allclose(same[:, 0], same[:, 1], atol=1e-5)
    np.testing.assert_allclose(same[:, 0], rows[:, 1], atol=1e-5)
    assert model.traverse("category").shape == (1, 3, 3)
    assert model.traverse("style[0]").shape == (1, 9, 3)


def test_few_labels_name_the_categories():
    x, truth = _blobs()
    names = np.array(["ant", "bee", "cat"])[truth]
    y = np.full(300, "none", dtype=object)
    for k in range(3):
        y[100 * k : 100 * k + 2] = names[100 * k]
    model = InfoGAN(3, max_iter=300, hidden_layer_sizes=(32,), unlabeled="none", random_state=0).fit(x, y)
    assert list(model.classes_) == ["ant", "bee", "cat"]
    assert (model.classes_[model.predict(x)] == names).mean() > 0.95
    made = model.sample(100, y="bee", random_state=0)
    assert np.abs(made.mean(0) - CENTERS[1]).max() < 1.5
    np.testing.assert_array_equal(made, model.sample(100, codes={"category": 1}, random_state=0))
    each = model.sample(y=["ant", "cat"], codes={"style": [0.0, 0.5]}, random_state=0)
    numbered = model.sample(2, codes={"category": [0, 2], "style": [0.0, 0.5]}, random_state=0)
    np.testing.assert_array_equal(each, numbered)
    with pytest.raises(ValueError, match=r"class 'dog', which fit did not see; classes: .'ant', 'bee', 'cat'."):
        model.sample(y="dog")
    with pytest.raises(ValueError, match="y and codes both set 'category'"):
        model.sample(y="ant", codes={"category": 0})
    with pytest.raises(TypeError, match=r"write sample\(5, y='ant'\)"):
        model.sample("ant", 5)
    assert not hasattr(model.set_params(max_iter=2).fit(x), "classes_"), "a fit without labels knows no classes"


def test_more_classes_than_clusters_make_more_categories():
    x, truth = _blobs()
    assert _quick(n_clusters=2).fit(x, truth).predict_proba(x).shape == (300, 3)


def test_labels_with_a_gap_are_numbered_in_order():
    x, truth = _blobs()
    model = _quick().fit(x, np.array([0, 1, 7])[truth])
    assert model.classes_.tolist() == [0, 1, 7]


@pytest.mark.slow
def test_learned_shares_follow_clusters_of_unequal_size():
    x, _ = _blobs((240, 60))
    settings = {
        "max_iter": 400, "batch_size": 64, "hidden_layer_sizes": (32,), "learning_rate": 5e-3, "random_state": 0,
    }  # fmt: skip
    learned = InfoGAN(2, shares="learn", entropy=0.1, balance=0.2, **settings).fit(x)
    assert np.bincount(learned.labels_).max() == pytest.approx(240, abs=15)
    assert learned.codes_["category"].logits.softmax(0).max().item() == pytest.approx(0.8, abs=0.1)
    known = InfoGAN(2, shares=[0.8, 0.2], **settings).fit(x)
    assert np.bincount(known.labels_).max() == pytest.approx(240, abs=15)


def test_codes_of_your_own():
    x, _ = _blobs()
    codes = Product(kind=Categorical(3), on=Bernoulli(2), size=Gaussian(1), place=Uniform(1, 0, 5))
    model = _quick(codes=codes).fit(x)
    names = ["kind=0", "kind=1", "kind=2", "on[0]", "on[1]", "size", "place"]
    assert list(model.get_feature_names_out()) == names
    assert model.traverse("on[1]").shape == (1, 2, 3)
    assert model.traverse("size").shape == (1, 9, 3)
    made = model.sample(4, codes={"kind": 2, "on": [1, 0], "size": -1.5, "place": 4.0})
    assert made.shape == (4, 3)
    assert model.codes_ is not codes, "a fit leaves its settings alone"


def test_codes_without_a_category_have_no_clusters():
    x, _ = _blobs()
    model = _quick(codes=Product(place=Uniform(2, -1, 1))).fit(x)
    assert not hasattr(model, "labels_")
    assert model.transform(x).shape == (300, 2)
    with pytest.raises(ValueError, match="no categorical code to predict, only place"):
        model.predict(x)


def test_images_take_convolutions_and_augmentation():
    x = load_digits().images[:200, None] / 16
    model = _quick(n_clusters=10, augment=RandomAffine(shift=0.5)).fit(x)
    assert model.sample(3, random_state=0).shape == (3, 1, 8, 8)
    assert model.traverse("style[0]", [0, 1]).shape == (1, 2, 1, 8, 8)
    assert any("consistency" in name for name in model.history_[-1])


def test_the_published_game_has_no_terms():
    x, _ = _blobs()
    model = _quick(entropy=0.0, balance=0.0, smoothing=0.0).fit(x)
    assert not model.game_.terms
    assert {"discriminator/information/category", "generator/information/style"} <= set(model.history_[-1])


def test_lives_in_pipelines_clones_and_pickles(fitted):
    model, x, _ = fitted
    kept = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(kept.transform(x), model.transform(x))
    assert clone(model).get_params()["max_iter"] == 300
    pipe = make_pipeline(StandardScaler(), _quick())
    assert pipe.fit_predict(load_iris().data).shape == (150,)
    assert pipe.set_output(transform="default").transform(load_iris().data).shape == (150, 5)


def test_spectrally_normalized_networks_can_be_pickled():
    x, _ = _blobs()
    model = _quick(discriminator=partial(mlp_info_discriminator, widths=(8,), spectral=True)).fit(x)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).transform(x), model.transform(x))


def test_same_seed_same_bits_and_stopping_changes_nothing(tmp_path):
    x, truth = _blobs()

    class StopError(Exception):
        pass

    def stop(engine):
        if engine.step == 25:
            raise StopError

    whole = _quick().fit(x)
    np.testing.assert_array_equal(whole.transform(x), _quick().fit(x).transform(x))
    folder = {"checkpoint": tmp_path, "checkpoint_every": 10}
    with pytest.raises(StopError):
        _quick(callbacks=(stop,), **folder).fit(x)
    np.testing.assert_array_equal(_quick(**folder).fit(x).transform(x), whole.transform(x))
    with pytest.raises(CheckpointError, match="n_continuous=2"):
        _quick(n_continuous=1, **folder).fit(x)
    with pytest.raises(CheckpointError, match="other data"):
        _quick(**folder).fit(x, truth)


def test_a_warm_start_goes_on_from_the_last_networks():
    x, truth = _blobs()
    model = _quick(averaging=0.0, learning_rate=1e-9).fit(x)
    before = model.transform(x)
    model.set_params(warm_start=True, entropy=0.0).fit(x)  # a rate of almost 0: nothing is learned anew
    np.testing.assert_allclose(model.transform(x), before, atol=1e-3)
    assert "entropy" not in model.game_.terms, "settings of the loss are those of now"
    assert pickle.loads(pickle.dumps(model)).fit(x).n_iter_ == 40
    with pytest.raises(ValueError, match=r"warm_start=True needs samples .* as before, got .* the classes \[0, 1, 2\]"):
        model.fit(x, truth)
    with pytest.raises(ValueError, match="warm_start=True needs networks with the sizes of the last fit"):
        model.set_params(n_clusters=4).fit(x)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: np.where(x > 6, np.nan, x), "NaN"),
        (lambda x: np.zeros_like(x) + 3, "All 300 samples of X are the same"),
        (lambda x: x[:, :, None], "table .n, d. or images"),
        (lambda x: x[:1], "1 sample"),
    ],
)
def test_bad_data_is_refused_before_training(change, message):
    x, _ = _blobs()
    with pytest.raises(ValueError, match=message):
        _quick(max_iter=10**9).fit(change(x))


def test_colors_in_the_last_axis_are_pointed_out():
    with pytest.raises(ValueError, match=r"images of 8 channels; .*ChannelsFirst.*transpose\(0, 3, 1, 2\)"):
        _quick(max_iter=2).fit(np.random.default_rng(0).uniform(size=(20, 8, 8, 3)))


def test_constant_features_are_named():
    x, _ = _blobs()
    x[:, 1] = 7.0
    with pytest.warns(UserWarning, match="1 constant feature.*, columns 1: they tell codes nothing; drop them"):
        model = _quick().fit(x)
    assert np.isfinite(model.sample(10, random_state=0)).all()


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.zeros(300, int), "one class only"),
        (np.full(300, -1), "no labeled sample"),
        (np.r_[np.full(299, 0.5), 1.0], "float labels such as 0.5"),
        (np.r_[np.full(299, np.nan), 1.0], "one class only"),
        (np.zeros(299, int), "inconsistent numbers of samples"),
    ],
)
def test_bad_labels_are_refused_before_training(y, message):
    with pytest.raises(ValueError, match=message):
        _quick(max_iter=10**9).fit(_blobs()[0], y)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_clusters": 0}, "'n_clusters' parameter of InfoGAN must be an int .* Got 0 instead"),
        ({"n_continuous": -1}, "'n_continuous' .* Got -1 instead"),
        ({"latent_dim": 0}, "'latent_dim' .* Got 0 instead"),
        ({"batch_size": 1}, "'batch_size' .* Got 1 instead"),
        ({"entropy": -1.0}, "'entropy' .* Got -1.0 instead"),
        ({"entropy": np.nan}, "'entropy' .* Got nan instead"),
        ({"information": -1.0}, "'information' .* Got -1.0 instead"),
        ({"information": {"category": "much"}}, "'information' .* a mapping from names of codes to numbers"),
        ({"information": {"digit": 1.0}}, "weights must be >= 0 for codes among .'category', 'style'."),
        ({"codes": Categorical(3)}, "'codes' .* an instance of 'gan_ext.latents.product.Product'"),
        ({"shares": "equal"}, "'shares' .* Got 'equal' instead"),
        ({"shares": [0.5, 0.5]}, "shares has 2 numbers for n_clusters=3"),
        ({"shares": [0.5, 0.6, -0.1]}, "'shares' .* positive numbers"),
        ({"shares": "learn", "codes": Product(a=Categorical(3))}, "shares is for the default code"),
        ({"learning_rate": "auto"}, "'learning_rate' .* Got 'auto' instead"),
        ({"averaging": 1.0}, "'averaging' .* Got 1.0 instead"),
        ({"scaling": "log"}, "'scaling' .* Got 'log' instead"),
        ({"hidden_layer_sizes": ()}, "hidden_layer_sizes"),
        ({"unlabeled": object()}, "'unlabeled' "),
        ({"warm_start": True, "checkpoint": "x"}, "exclude each other"),
        ({"checkpoint": "x", "random_state": None}, "integer random_state"),
        ({"augment": RandomAffine()}, r"augment fails on samples of shape \(3,\)"),
        ({"augment": lambda x: x[:, :2]}, r"must keep the shape \(2, 3\)"),
        ({"discriminator": lambda shape, s: mlp_discriminator(shape, s)}, "statistics"),
        ({"discriminator": lambda shape, s: mlp_info_discriminator(shape, s + 1)}, "must return logits .2,. and"),
    ],
)
def test_bad_settings_are_refused_before_training(settings, message):
    with pytest.raises(ValueError, match=message):
        _quick(**{"max_iter": 10**9, **settings}).fit(_blobs()[0])


@pytest.mark.parametrize(
    ("codes", "message"),
    [
        ({"digit": 1}, "no code 'digit'; the codes are 'category', 'style.0.', 'style.1.'"),
        ({"style[2]": 0.0}, "no code 'style.2.'"),
        ({"category": 3}, "is one of the categories 0 to 2, got 3"),
        ({"category": -1}, "got -1"),
        ({"category": 0.5}, "got 0.5"),
        ({"category": [0, 1]}, "one number or 5 of them"),
        ({"category": "ant"}, "one number or 5 of them .a class is asked for by y.*'ant'"),
        ({"style[0]": 1.5}, "goes from -1 to 1, got 1.5"),
        ({"style[0]": np.nan}, "goes from -1 to 1, got nan"),
        ({"style": [0.0, 0.0, 0.0]}, "takes 2 numbers or 5 rows"),
    ],
)
def test_codes_that_cannot_be_are_refused(fitted, codes, message):
    model, _, _ = fitted
    with pytest.raises(ValueError, match=message):
        model.sample(5, codes=codes)


def test_drawing_leaves_the_callers_generator_alone(fitted):
    model, x, _ = fitted
    torch.manual_seed(3)
    expected = torch.rand(3)
    torch.manual_seed(3)
    model.sample(4, codes={"category": 1}, random_state=0)
    model.traverse("style[0]", random_state=0)
    model.inverse_transform(model.transform(x[:3]), random_state=0)
    assert torch.equal(torch.rand(3), expected)


def test_traverse_and_sample_say_what_is_wrong(fitted):
    model, _, _ = fitted
    with pytest.raises(ValueError, match="no code 'tilt'"):
        model.traverse("tilt")
    with pytest.raises(ValueError, match=r"has 2 coordinates; name one, such as 'style\[0\]'"):
        model.traverse("style")
    with pytest.raises(ValueError, match="got 2"):
        model.traverse("style[0]", [0.0, 2.0])
    with pytest.raises(ValueError, match="categories 0 to 2, got 5"):
        model.traverse("category", [5])
    with pytest.raises(ValueError, match=r"values=\[\] must be a list of one finite number or more"):
        model.traverse("category", [])
    with pytest.raises(ValueError, match="values=3 must be a list of one finite number or more"):
        model.traverse("style[0]", 3)
    for call in (lambda codes: model.sample(2, codes=codes), lambda codes: model.traverse("category", codes=codes)):
        with pytest.raises(ValueError, match=r"codes=\[1\] must map names to values"):
            call([1])
    with pytest.raises(ValueError, match="n_samples=0"):
        model.traverse("category", n_samples=0)
    with pytest.raises(ValueError, match="y='ant' asks for classes, but fit was given none"):
        model.sample(y="ant")
    with pytest.raises(ValueError, match="n_samples=0"):
        model.sample(0)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (np.zeros((2, 4)), r"shape \(n, 5\), with columns category=0"),
        (np.array([[1, 0, 0, 0, 2.0]]), "'style.1.' goes from -1 to 1, got 2"),
        (np.array([[0.5, 0, 0, 0, 0]]), "shares that are not negative and sum to 1"),
        (np.array([[2.0, -1, 0, 0, 0]]), "shares that are not negative"),
        (np.array([[np.nan, 0, 0, 0, 0]]), "NaN"),
    ],
)
def test_rows_that_are_no_codes_are_refused(fitted, rows, message):
    with pytest.raises(ValueError, match=message):
        fitted[0].inverse_transform(rows)


def test_wrong_shapes_at_predict(fitted):
    with pytest.raises(ValueError, match="3 features"):
        fitted[0].predict(np.zeros((2, 4)))

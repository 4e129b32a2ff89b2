"""What a practitioner needs after fit: calibration, novelty, rejection, ensembles, queries, classes out of balance."""

import numpy as np
import pytest
import torch
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.metrics import log_loss
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from gan_ext import SeedEnsembleClassifier, SemiSupervisedGANClassifier
from gan_ext.estimators import select_queries
from gan_ext.estimators.base.labels import read_labels
from gan_ext.estimators.semi_supervised.assembly import class_shares, class_weights
from gan_ext.estimators.semi_supervised.novelty import class_gaussians
from gan_ext.metrics import auroc


def _blobs(n=240, seed=0):
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 3
    return rng.normal(size=(n, 4)) + 4 * np.eye(4)[y], y


def _model(**settings):
    return SemiSupervisedGANClassifier(
        **{"max_iter": 60, "hidden_layer_sizes": (32, 16), "smoothing": 0, "random_state": 0} | settings
    )


def _hidden(y, shown=15):
    return np.where(np.arange(len(y)) < shown, y, -1)


@pytest.fixture(scope="module")
def fitted():
    X, y = _blobs()
    return _model().fit(X, _hidden(y))


def test_calibration_minimizes_the_likelihood_and_leaves_predictions(fitted):
    model = fitted
    X, y = _blobs(300, 1)
    before = model.predict(X), model.decision_function(X), model.realness(X)
    try:
        assert model.calibrate(X, y) is model
        best = log_loss(y, model.predict_proba(X))
        for factor in (0.8, 1.25):
            model.temperature_ *= factor
            assert log_loss(y, model.predict_proba(X)) > best
            model.temperature_ /= factor
        for was, now in zip(before, (model.predict(X), model.decision_function(X), model.realness(X)), strict=True):
            np.testing.assert_array_equal(was, now)
    finally:
        model.temperature_ = 1.0


def test_fitting_again_forgets_the_temperature():
    X, y = _blobs()
    model = _model(max_iter=3).fit(X, _hidden(y)).calibrate(X, y)
    assert model.temperature_ != 1
    assert model.fit(X, _hidden(y)).temperature_ == 1


def test_novelty_scores_are_their_formulas(fitted):
    X = _blobs(50, 2)[0]
    logits, p = fitted.decision_function(X), fitted.predict_proba(X)
    np.testing.assert_allclose(fitted.novelty(X), -fitted.realness(X))
    np.testing.assert_allclose(fitted.novelty(X, "max_logit"), -logits.max(1))
    np.testing.assert_allclose(fitted.novelty(X, "max_probability"), 1 - p.max(1))
    wanted = torch.distributions.Categorical(torch.from_numpy(p)).entropy().numpy()
    np.testing.assert_allclose(fitted.novelty(X, "entropy"), wanted, atol=1e-12)


def test_distances_find_what_is_far_away(fitted):
    X = _blobs(100, 3)[0]
    for score in ("feature_distance", "sample_distance"):
        assert auroc(fitted.novelty(X, score), fitted.novelty(X - 12, score)) > 0.99


@pytest.mark.parametrize("d", [5, 300])
def test_the_distance_is_that_of_mahalanobis(d):
    rng = np.random.default_rng(0)
    n, spread = 400, np.linspace(0.5, 2, d)
    classes = np.arange(n) % 2
    x = rng.normal(size=(n, d)) * spread + 5 * classes[:, None]
    found = class_gaussians(x, classes, shrinkage=0)
    means = np.stack([x[classes == k].mean(0) for k in (0, 1)])
    if d == 5:
        inverse = np.linalg.inv(np.cov((x - means[classes]).T, ddof=0))
        wanted = np.min([np.einsum("ni,ij,nj->n", x - m, inverse, x - m) for m in means], axis=0)
        np.testing.assert_allclose(found.distance(x), wanted)
        assert wanted.mean() == pytest.approx(d, rel=0.01)
    else:  # 200 directions and an even rest still account for all of the variance
        assert found.variances.sum() + found.rest * (d - 200) == pytest.approx(
            ((x - means[classes]) ** 2).sum() / n, rel=1e-3
        )
    np.testing.assert_allclose([found.standard_distance(x).mean(), found.standard_distance(x).std()], [0, 1], atol=1e-6)


def test_rejection_marks_the_strange_and_the_unsure(fitted):
    X = _blobs(100, 4)[0]
    limit = np.quantile(fitted.novelty(X), 0.9)
    answers = fitted.predict_or_reject(X, max_novelty=limit)
    np.testing.assert_array_equal(answers == -1, fitted.novelty(X) > limit)
    np.testing.assert_array_equal(answers[answers != -1], fitted.predict(X)[answers != -1])
    unsure = fitted.predict_or_reject(X, min_probability=0.99, rejected="?")
    np.testing.assert_array_equal(unsure == "?", fitted.predict_proba(X).max(1) < 0.99)


def test_features_decide_the_logits(fitted):
    X = _blobs(30, 5)[0]
    head = fitted.game_.discriminator.head
    with torch.no_grad():
        logits = head(torch.tensor(fitted.features(X), dtype=torch.float32)).numpy()
    np.testing.assert_allclose(logits, fitted.decision_function(X), atol=1e-4)


def test_an_ensemble_is_the_mean_of_its_members():
    X, y = _blobs(90)
    ensemble = SeedEnsembleClassifier(_model(max_iter=5), 3, random_state=1).fit(X, _hidden(y))
    members = np.stack([member.predict_proba(X) for member in ensemble.estimators_])
    np.testing.assert_allclose(ensemble.predict_proba(X), members.mean(0))
    assert len({member.random_state for member in ensemble.estimators_}) == 3
    assert ensemble.features(X).shape == (90, 48)
    again = clone(ensemble).fit(X, _hidden(y))
    np.testing.assert_array_equal(again.predict_proba(X), ensemble.predict_proba(X))
    assert ensemble.calibrate(X, y).estimators_[0].temperature_ != 1


class Fixed(ClassifierMixin, BaseEstimator):
    """Say the class that its seed's parity names."""

    def __init__(self, random_state=None, agree=False):
        self.random_state, self.agree = random_state, agree

    def fit(self, X, y):
        self.classes_ = np.array([0, 1])
        return self

    def predict_proba(self, X):
        return np.eye(2)[np.full(len(X), 0 if self.agree else self.random_state % 2)]


def test_disagreement_is_the_entropy_where_sure_members_differ_and_nothing_where_they_agree():
    X = np.zeros((4, 1))
    split = SeedEnsembleClassifier(Fixed(), 8, random_state=0).fit(X, [0, 1, 0, 1])
    share = split.predict_proba(X)[0]
    assert 0 < share[0] < 1
    np.testing.assert_allclose(split.disagreement(X), -(share * np.log(share)).sum())
    assert SeedEnsembleClassifier(Fixed(agree=True), 4).fit(X, [0, 1, 0, 1]).disagreement(X).max() == 0


class Known(BaseEstimator):
    """Probabilities and features are what X says."""

    def predict_proba(self, X):
        return np.stack([X[:, 0], 1 - X[:, 0]], axis=1)

    def features(self, X):
        return X[:, 1:]


def test_queries_by_hand():
    X = np.array([[0.5, 0.0], [0.51, 0.01], [0.6, 5.0], [0.99, 9.0]])
    assert select_queries(Known(), X, 2, "margin").tolist() == [0, 1]
    assert select_queries(Known(), X, 2, "entropy").tolist() == [0, 1]
    assert select_queries(Known(), X, 2, "coverage").tolist() == [0, 2]  # the second row is the first over again
    assert select_queries(Known(), X, 4).tolist() == [0, 2, 3, 1]
    labeled = np.array([[0.5, 0.0]])
    assert select_queries(Known(), X, 1, X_labeled=labeled).tolist() == [2]


def test_queries_by_disagreement():
    X, y = _blobs(60)
    ensemble = SeedEnsembleClassifier(DecisionTreeClassifier(max_features=1), 5, random_state=0).fit(X[:9], y[:9])
    rows = select_queries(ensemble, X, 5, "disagreement")
    values = ensemble.disagreement(X)
    assert values[rows].min() >= np.delete(values, rows).max()


def test_class_shares_and_weights_by_hand():
    labels = read_labels(np.array([0, 0, 0, 1, -1]), -1)
    assert class_shares(labels, None) == [4, 2]
    assert class_shares(labels, "labeled") == [3, 1]
    assert class_shares(labels, "uniform") == [1, 1]
    assert class_shares(labels, [0.25, 0.75]) == [0.25, 0.75]
    with pytest.raises(ValueError, match=r"class_prior=\[2, 5\] adds up to 7; .*dividing them by their sum"):
        class_shares(labels, [2, 5])
    assert class_weights(labels, None) is None
    assert class_weights(labels, "balanced") == pytest.approx([4 / 6, 2])
    assert class_weights(labels, {1: 3.0}) == [1.0, 3.0]


def test_a_stated_mix_of_classes_and_weights_reach_the_game():
    X, y = _blobs(60)
    settings = {"max_iter": 2, "class_prior": [0.25, 0.25, 0.5], "class_weight": "balanced", "open_set": True}
    model = _model(**settings).fit(X, _hidden(y, 6))
    np.testing.assert_allclose(model.game_.terms["balance"].prior, [0.25, 0.25, 0.5])
    np.testing.assert_allclose(model.game_.class_weight, [1, 1, 1])
    assert model.game_.open_set > 0
    assert np.isfinite(model.predict_proba(X)).all()


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda m, X: m.novelty(X, "charm"), "score='charm' must be"),
        (lambda m, X: m.calibrate(X, np.full(len(X), 7)), "y has the label 7"),
        (lambda m, X: m.calibrate(X, [0, 1]), "samples and y 2 labels"),
        (lambda m, X: m.predict_or_reject(X), "Give max_novelty or min_probability"),
        (lambda m, X: m.predict_or_reject(X, min_probability=0.5, rejected=0), "rejected=0 is a class"),
        (lambda m, X: select_queries(m, X, 0), "n=0 must be an integer"),
        (lambda m, X: select_queries(m, X, 10**6), "cannot be chosen from"),
        (lambda m, X: select_queries(m, X, 1, "luck"), "strategy='luck' must be one of"),
        (lambda m, X: select_queries(m, X, 1, "disagreement"), "needs a classifier with disagreement"),
        (
            lambda m, X: SeedEnsembleClassifier(LinearSVC()).fit(X, X[:, 0]),
            "an object with fit, predict_proba, get_params. Got LinearSVC",
        ),
        (lambda m, X: SeedEnsembleClassifier(m, 0).fit(X, X[:, 0]), r"'n_estimators' .* \[1, inf\). Got 0"),
        (lambda m, X: _model(class_prior="most").fit(X, _hidden(_blobs()[1])), "'class_prior' .* Got 'most'"),
        (lambda m, X: _model(class_prior=[1, 2]).fit(X, _hidden(_blobs()[1])), "each of the 3 classes a positive"),
        (lambda m, X: _model(class_weight="some").fit(X, _hidden(_blobs()[1])), "'class_weight' .* Got 'some'"),
        (
            lambda m, X: _model(class_weight={0: 0}).fit(X, _hidden(_blobs()[1])),
            "'class_weight' .* a mapping from classes to positive weights",
        ),
        (lambda m, X: _model(open_set=3).fit(X, _hidden(_blobs()[1])), "'open_set' .* 'bool' .* Got 3"),
    ],
)
def test_errors_are_sentences(fitted, call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call(fitted, _blobs()[0])

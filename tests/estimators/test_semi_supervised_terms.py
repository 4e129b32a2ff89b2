"""Further terms and augmentation in the semi-supervised classifier."""

import copy

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from gan_ext import SemiSupervisedGANClassifier
from gan_ext.engine import CheckpointError
from gan_ext.terms import (
    ClassBalance,
    ConditionalEntropy,
    FeatureMatching,
    ManifoldSmoothing,
    MeanTeacher,
    MixUp,
    PullAway,
    TangentSmoothing,
    VariationalEntropy,
    VirtualAdversarial,
)


def _blobs(n=200, labeled=5, d=3):
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(-2, 1, (n // 2, d)), rng.normal(2, 1, (n // 2, d))])
    y = np.full(n, -1)
    y[:labeled] = 0
    y[-labeled:] = 1
    return x, y, np.repeat([0, 1], n // 2)


def _quick(**settings):
    return SemiSupervisedGANClassifier(**{"max_iter": 30, "random_state": 0, **settings})


class _Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Linear(3, 100)

    def forward(self, x):
        return self.net(x).chunk(2, dim=1)


def _terms():
    encoder = _Encoder()
    return (MeanTeacher(), MixUp(0.5), PullAway(0.1), VariationalEntropy(encoder), TangentSmoothing(encoder, 0.2))


def test_a_classifier_with_more_terms_learns():
    x, y, truth = _blobs()
    model = _quick(terms=_terms(), augment=lambda x: x + 0.1 * torch.randn_like(x)).fit(x, y)
    assert model.score(x, truth) > 0.95
    assert list(model.game_.terms) == ["entropy", "balance", "smoothing", "mean_teacher", "mix_up", "tangent"]
    assert list(model.game_.generator_terms) == ["pull_away", "variational_entropy", "feature_matching"]
    assert {"discriminator/mean_teacher", "generator/pull_away"} <= model.history_[-1].keys()
    shared = model.game_.generator_terms["variational_entropy"].encoder
    assert model.game_.terms["tangent"]._encoder[0] is shared


def test_terms_that_share_an_encoder_share_it_in_a_clone():
    model = _quick(terms=_terms())
    copied = clone(make_pipeline(StandardScaler(), model))[-1].terms
    assert copied[-1]._encoder[0] is copied[-2].encoder
    assert copied[-2].encoder is not model.terms[-2].encoder


def test_terms_take_the_place_of_those_of_the_same_name_and_no_schedule_touches_them():
    x, y, _ = _blobs()
    own = (ConditionalEntropy(0.77), VirtualAdversarial(0.123, 0.5), ClassBalance([0.9, 0.1], 0.2))
    seen = []

    def watch(engine):
        terms = engine.game.terms
        seen.append((float(terms["entropy"].weight), float(terms["smoothing"].radius)))

    model = _quick(terms=own, callbacks=(watch,)).fit(x, y)
    np.testing.assert_allclose(seen, [(0.77, 0.123)] * 30, rtol=1e-6)
    assert sorted(model.game_.terms) == ["balance", "entropy", "smoothing"]
    torch.testing.assert_close(model.game_.terms["balance"].prior, torch.tensor([0.9, 0.1]))
    seen.clear()
    _quick(callbacks=(watch,)).fit(x, y)
    assert len(set(seen)) > 20  # the classifier's own terms are scheduled


def test_terms_of_a_name_whose_parameter_is_zero_are_played():
    x, y, _ = _blobs()
    model = _quick(entropy=0, balance=0, smoothing=0, terms=(ConditionalEntropy(0.5),), max_iter=3).fit(x, y)
    assert list(model.game_.terms) == ["entropy"]
    assert model.game_.terms["entropy"].weight == 0.5


def test_another_feature_matching_replaces_the_published_one():
    x, y, _ = _blobs()
    model = _quick(terms=(FeatureMatching("absolute"),), max_iter=3).fit(x, y)
    assert list(model.game_.generator_terms) == ["feature_matching_absolute"]


def test_fit_leaves_the_callers_terms_alone():
    x, y, _ = _blobs()
    terms = _terms()
    before = copy.deepcopy([term.state_dict() for term in terms])
    _quick(terms=terms, max_iter=5).fit(x, y)
    for term, state in zip(terms, before, strict=True):
        assert term.state_dict().keys() == state.keys()
        assert all(torch.equal(term.state_dict()[name], state[name]) for name in state)
    assert not hasattr(terms[0], "teacher")


def test_clones_keep_their_terms_and_fit_alike():
    x, y, _ = _blobs()
    model = _quick(terms=(MeanTeacher(weight=3.0), ManifoldSmoothing()), max_iter=5)
    copied = clone(model)
    assert [term.name for term in copied.terms] == ["mean_teacher", "manifold"]
    assert copied.terms[0] is not model.terms[0]
    assert copied.terms[0].weight == 3.0
    a, b = (each.fit(x, y).decision_function(x) for each in (model, copied))
    np.testing.assert_array_equal(a, b)


def test_a_fit_with_terms_resumes_with_the_same_bits(tmp_path):
    x, y, _ = _blobs()
    torch.manual_seed(0)
    terms = _terms()
    whole = _quick(max_iter=12, terms=terms).fit(x, y)

    def stop(engine):
        if engine.step == 7:
            raise KeyboardInterrupt

    options = {"max_iter": 12, "terms": terms, "checkpoint": tmp_path, "checkpoint_every": 5}
    with pytest.raises(KeyboardInterrupt):
        _quick(callbacks=(stop,), **options).fit(x, y)
    steps = []
    resumed = _quick(callbacks=(lambda engine: steps.append(engine.step),), **options).fit(x, y)
    assert steps[0] == 6
    np.testing.assert_array_equal(resumed.decision_function(x), whole.decision_function(x))
    for name, value in whole.game_.state_dict().items():
        assert torch.equal(value, resumed.game_.state_dict()[name]), name


def test_a_folder_with_other_terms_is_refused(tmp_path):
    x, y, _ = _blobs()
    _quick(max_iter=3, terms=(MixUp(0.5),), checkpoint=tmp_path).fit(x, y)
    with pytest.raises(
        CheckpointError, match=r"holds a fit with terms=\(MixUp\(weight=0\.5.*here \(MixUp\(weight=1\.0"
    ):
        _quick(max_iter=3, terms=(MixUp(1.0),), checkpoint=tmp_path).fit(x, y)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            {"terms": MeanTeacher()},
            r"'terms' .* objects of gan_ext.terms, such as \(MeanTeacher\(\),\). Got MeanTeacher",
        ),
        ({"terms": ("mean_teacher",)}, r"'terms' .* objects of gan_ext.terms.* Got \('mean_teacher',\)"),
        ({"terms": (MeanTeacher,)}, r"'terms' .* objects of gan_ext.terms.* Got \(<class"),
        ({"terms": (MixUp(), MixUp())}, "terms must differ"),
        ({"terms": (ClassBalance([0.2, 0.3, 0.5]),)}, "ClassBalance has shares of 3 classes, but there are 2"),
        ({"augment": 3}, "'augment' .* a callable or None. Got 3"),
    ],
)
def test_bad_terms_are_refused_before_training(settings, sentence):
    x, y, _ = _blobs()
    with pytest.raises(ValueError, match=sentence):
        _quick(max_iter=10**9, **settings).fit(x, y)

"""The report on codes: generators with known answers, a fitted InfoGAN and a fitted ConditionalGAN, errors."""

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.exceptions import NotFittedError
from sklearn.tree import DecisionTreeClassifier
from torch import Tensor

from gan_ext import ConditionalGAN, DeadCodeWarning, InfoGAN, report_codes
from gan_ext.estimators.codes.measures import CodeMeasures, Pool, measure_codes
from gan_ext.estimators.codes.report import CodeReport
from gan_ext.estimators.codes.reporting import report_of
from gan_ext.estimators.codes.source import product_source
from gan_ext.latents import Bernoulli, Categorical, Gaussian, Product, Uniform
from gan_ext.pictures import draw_code_report

CODES = Product(kind=Categorical(4), tilt=Uniform(1, -1, 1), on=Bernoulli(1))
NOISE = Uniform(2, -1, 1)
Generator = Callable[[Tensor], Tensor]


def measured(generator: Generator, codes: Product = CODES, steps: int = 400, n: int = 4000) -> CodeMeasures:
    width = generator(torch.zeros(2, NOISE.dim + codes.dim)).shape[1]
    source = product_source(generator, codes, NOISE)
    return measure_codes(source, torch.randn(500, width), n_samples=n, max_iter=steps)


def reported(generator: Generator, own: Generator | None = None) -> CodeReport:
    source = product_source(generator, CODES, NOISE, own=own)
    return report_of("Toy", source, measured_from(source))


def measured_from(source) -> CodeMeasures:  # type: ignore[no-untyped-def]
    return measure_codes(source, torch.randn(500, 8), n_samples=4000, max_iter=400)


def test_codes_written_straight_into_samples_are_read_whole() -> None:
    """And do not touch each other."""
    found = measured(lambda latents: latents)
    for unit, entropy in zip(found.units, (math.log(4), math.log(16), math.log(2)), strict=True):
        assert unit.bound.entropy == pytest.approx(entropy)
        assert unit.bound.nats <= entropy
        assert unit.bound.normalized > 0.8
    tilt = found.units[1]
    assert tilt.correlation is not None
    assert tilt.correlation > 0.99
    assert tilt.traversals == pytest.approx((1, 1), abs=0.02)
    np.testing.assert_allclose(found.cross_talk, np.eye(3), atol=0.06)
    assert 0.3 < found.change.share < 0.8


def test_a_generator_that_ignores_a_code() -> None:
    """Its bound is about 0 and never above by more than chance, and it changes nothing."""

    def generator(latents: Tensor) -> Tensor:
        return torch.cat([latents[:, :6], latents[:, 7:]], dim=1)

    source = product_source(generator, CODES, NOISE)
    found = measure_codes(source, torch.randn(500, 7), n_samples=4000, max_iter=400)
    dead = found.units[1]
    assert -0.02 < dead.bound.nats < 3 * dead.bound.error + 0.01
    assert dead.change.by_code == dead.change.share == 0
    assert np.abs(found.cross_talk[1]).max() == 0
    said = report_of("Toy", source, found)
    assert [row.verdict for row in said.rows] == ["good", "dead", "good"]
    assert "Code 'tilt' is dead" in str(said)


def test_a_generator_that_ignores_its_noise() -> None:
    source = product_source(lambda latents: latents[:, 2:], CODES, NOISE)
    found = measure_codes(source, torch.randn(500, 6), n_samples=1000, max_iter=50)
    assert found.change.by_noise == 0
    assert found.change.share == found.change.feature_share == 1
    assert any("Set `mode_seeking`" in sentence for sentence in report_of("Toy", source, found).warnings)


def test_a_generator_that_ignores_its_codes() -> None:
    source = product_source(lambda latents: latents[:, :2], CODES, NOISE)
    found = measure_codes(source, torch.randn(500, 2), n_samples=1000, max_iter=50)
    assert found.change.share == 0
    assert any("Codes hardly change samples" in sentence for sentence in report_of("Toy", source, found).warnings)


def test_the_bound_of_a_gaussian_channel_is_below_its_information_and_close() -> None:
    r"""x = c + s n carries ln(1 + 1/s^2) / 2 about c; levels and the net may lose some of it, never add."""
    codes, sigma = Product(c=Gaussian(1)), 0.5
    noise = Gaussian(1)
    source = product_source(lambda latents: latents[:, 1:] + sigma * latents[:, :1], codes, noise)
    found = measure_codes(source, torch.randn(500, 1), n_samples=10_000, max_iter=600)
    true, bound = math.log(1 + sigma**-2) / 2, found.units[0].bound
    assert bound.nats < true + 3 * bound.error
    assert bound.nats > true - 0.1 - 3 * bound.error
    assert bound.error < 0.03


def test_two_codes_that_reach_samples_as_a_sum_talk_across() -> None:
    codes = Product(a=Uniform(1, -1, 1), b=Uniform(1, -1, 1))

    def generator(latents: Tensor) -> Tensor:
        a, b = latents[:, 2:3], latents[:, 3:]
        return torch.cat([a + b, latents[:, :1]], dim=1)

    source = product_source(generator, codes, NOISE)
    talk = measure_codes(source, torch.randn(500, 2), n_samples=4000, max_iter=400).cross_talk
    # Of a + b either is read as half the sum: each moves both readings equally, by half a perfect reading's change.
    np.testing.assert_allclose(talk, np.full((2, 2), talk.mean()), atol=0.06)
    assert 0.3 < talk.mean() < 0.6


def test_a_code_only_its_own_q_reads_is_hidden() -> None:
    """A trace far below the real data's deviation: a Q that knows where to look reads it, another net does not."""

    def generator(latents: Tensor) -> Tensor:
        return torch.cat([latents[:, :6], 1e-6 * latents[:, 6:7], latents[:, 7:]], dim=1)

    def own(x: Tensor) -> Tensor:
        kind, on = x[:, 2:6], x[:, 7:]
        return torch.cat([20 * kind, 1e6 * x[:, 6:7], 20 * (2 * on - 1)], dim=1)

    said = reported(generator, own)
    assert [row.verdict for row in said.rows] == ["good", "hidden", "good"]
    tilt = said.rows[1]
    assert tilt.normalized < 0.05
    assert tilt.own_normalized is not None
    assert tilt.own_normalized > 0.9
    assert any("is hidden" in sentence for sentence in said.warnings)


def test_a_code_its_own_q_cannot_read_is_misread() -> None:
    said = reported(lambda latents: latents, lambda x: torch.zeros(len(x), CODES.width))
    assert {row.verdict for row in said.rows} == {"misread"}
    assert said.rows[0].own == pytest.approx(0, abs=1e-6)
    assert any("What `predict` and `transform` say" in sentence for sentence in said.warnings)


def blobs(n: int = 600) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    y = np.arange(n) % 3
    centers = np.array([[0, 5], [5, 0], [-5, -3.0]])
    X = centers[y] + 0.5 * rng.normal(size=(n, 2))
    return np.column_stack([X, rng.uniform(-0.5, 0.5, n)]), np.array(["a", "b", "c"])[y]


@pytest.fixture(scope="module")
def model() -> InfoGAN:
    codes = Product(kind=Categorical(3), idle=Uniform(1, -1, 1))
    information = {"kind": 1.0, "idle": 0.0}
    settings = {"latent_dim": 4, "max_iter": 400, "hidden_layer_sizes": (64, 64), "device": "cpu"}
    fitted = InfoGAN(codes=codes, information=information, **settings, random_state=1).fit(blobs()[0])
    # A weight of 0 leaves a code to chance: cut what the first layer makes of it, so that it is surely idle.
    first = next(module for module in fitted.game_.generator.modules() if hasattr(module, "in_features"))
    with torch.no_grad():
        first.weight[:, -1] = 0
    return fitted


def test_report_on_an_infogan(model: InfoGAN, tmp_path: Path) -> None:
    X, y = blobs()
    with pytest.warns(DeadCodeWarning, match="'idle' is dead"):
        found = report_codes(model, X, y, n_samples=3000, max_iter=300, random_state=0)
    kind, idle = found.rows
    assert (kind.code, kind.verdict, idle.verdict) == ("kind", "good", "dead")
    assert kind.normalized > 0.9
    assert idle.change == 0
    labels = found.labels
    assert labels is not None
    assert labels.accuracy is not None
    assert labels.accuracy > 0.95
    assert labels.n_samples == 300
    assert np.array(labels.table).sum() == 300
    assert sorted(labels.categories) == ["a", "b", "c"]
    assert labels.hit_rate is not None
    assert labels.hit_rate > 0.9
    assert labels.generated_training is not None
    assert labels.generated_training > 0.9
    text = str(found)
    assert max(map(len, text.splitlines())) <= 100
    for word in ("kind", "idle", "stands for", "dead", "purity", "NMI", "Hit rate"):
        assert word in text
    kept = json.loads(json.dumps(found.as_dict()))
    assert kept["rows"][1]["verdict"] == "dead"
    found.write(tmp_path / "new")
    assert CodeReport.from_dict(json.loads((tmp_path / "new" / "report.json").read_text())) == found
    assert (tmp_path / "new" / "report.png").stat().st_size > 10_000


@pytest.mark.filterwarnings("ignore::gan_ext.DeadCodeWarning")
def test_report_is_a_function_of_its_seed_and_leaves_torch_alone(model: InfoGAN) -> None:
    X, y = blobs()
    y[:500] = "?"
    model.unlabeled = "?"
    before = torch.get_rng_state()
    first, second = (
        report_codes(
            model, X, y, classifier=DecisionTreeClassifier(random_state=0), n_samples=300, max_iter=20, random_state=3
        )
        for _ in range(2)
    )
    model.unlabeled = -1
    assert first == second
    assert torch.equal(before, torch.get_rng_state())
    assert first.labels is not None
    assert first.labels.n_samples == 50
    assert "DecisionTreeClassifier" in str(first)
    alone = report_codes(model, X, n_samples=300, max_iter=20, random_state=3)
    assert alone.labels is None
    assert CodeReport.from_dict(json.loads(json.dumps(alone.as_dict()))) == alone


def test_report_on_a_conditional_gan(tmp_path: Path) -> None:
    X, y = blobs()
    model = ConditionalGAN(max_iter=250, hidden_layer_sizes=(32, 32), device="cpu", random_state=0).fit(X, y)
    found = report_codes(model, X, y, n_samples=2000, max_iter=200, random_state=0)
    assert [row.code for row in found.rows] == ["class"]
    assert found.rows[0].own is None
    assert found.rows[0].normalized > 0.8
    assert found.labels is not None
    assert found.labels.table is None
    assert found.labels.categories == ("a", "b", "c")
    assert found.labels.hit_rate is not None
    assert found.labels.hit_rate > 0.9
    assert found.labels.generated_training is not None
    assert found.labels.generated_training > 0.9
    assert 0.05 < found.change < 0.95
    found.draw(tmp_path / "report.png")
    assert "class" in str(found)
    with pytest.raises(ValueError, match="class 'z', which fit did not see"):
        report_codes(model, X, np.where(y == "a", "z", y))


@pytest.mark.filterwarnings("ignore::gan_ext.DeadCodeWarning")
def test_more_categories_than_classes_and_none_at_all() -> None:
    """Categories without a class are left out; without categories only the classifier itself is judged."""
    X, y = blobs()
    settings = {"n_continuous": 1, "max_iter": 40, "hidden_layer_sizes": (32,), "device": "cpu", "random_state": 0}
    many = report_codes(InfoGAN(5, **settings).fit(X), X, y, n_samples=500, max_iter=20, random_state=0).labels
    assert many is not None
    assert len(many.categories) == 5
    assert many.categories.count(None) >= 2
    codes = Product(tilt=Uniform(2, -1, 1), on=Bernoulli(1))
    none = report_codes(InfoGAN(codes=codes, **settings).fit(X), X, y, n_samples=500, max_iter=20, random_state=0)
    assert [row.code for row in none.rows] == ["tilt[0]", "tilt[1]", "on"]
    assert none.labels is not None
    assert (none.labels.table, none.labels.hit_rate, none.labels.categories) == (None, None, ())
    assert none.labels.real_accuracy > 0.95
    assert "Hit rate" in str(none)


def test_a_fit_with_labels_says_what_categories_stand_for() -> None:
    X, y = blobs()
    settings = {"max_iter": 150, "hidden_layer_sizes": (32,), "unlabeled": None, "device": "cpu", "random_state": 0}
    model = InfoGAN(3, n_continuous=0, **settings).fit(X, y)
    labels = report_codes(model, X, y, n_samples=500, max_iter=50, random_state=0).labels
    assert labels is not None
    assert labels.categories == tuple(model.classes_)


@pytest.mark.filterwarnings("ignore::gan_ext.DeadCodeWarning")
def test_report_on_images(tmp_path: Path) -> None:
    """Small images go through the convolutional reader."""
    images = np.random.default_rng(0).random((60, 1, 8, 8))
    model = InfoGAN(2, n_continuous=1, max_iter=3, batch_size=8, device="cpu", random_state=0).fit(images)
    found = report_codes(model, images, n_samples=200, max_iter=5, random_state=0)
    assert np.isfinite([row.information for row in found.rows]).all()
    found.draw(tmp_path / "report.png")
    with pytest.raises(ValueError, match="samples of shape"):
        report_codes(model, images[:, :, :4])


def test_the_reader_learns_from_no_part_it_is_judged_on() -> None:
    pool = Pool(torch.arange(107.0)[:, None], torch.arange(107.0)[:, None])
    parts = [part.samples[:, 0] for part in pool.parts()]
    assert [len(part) for part in parts] == [74, 10, 23]
    torch.testing.assert_close(torch.cat(parts), torch.arange(107.0))


def test_redrawn_codes_differ_in_one_column_alone() -> None:
    source = product_source(lambda latents: latents, CODES, NOISE)
    codes = source.draw(200)[1]
    moved = source.redraw(codes, 0)
    assert (moved[:, 0] != codes[:, 0]).all()
    assert torch.equal(moved[:, 1:], codes[:, 1:])
    assert (source.redraw(codes, 2)[:, 2] == 1 - codes[:, 2]).all()


def test_levels_are_equally_likely() -> None:
    source = product_source(
        lambda latents: latents, Product(u=Uniform(1, 2, 5), g=Gaussian(1, scale=3)), NOISE, levels=5
    )
    shares = source.classes(source.draw(20_000)[1]).T
    for column in shares:
        np.testing.assert_allclose(np.bincount(column) / 20_000, 0.2, atol=0.015)


def test_errors_of_parts_are_sentences(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="quantiles of a Product are not known"):
        product_source(lambda latents: latents, Product(inner=Product(a=Uniform(1), b=Uniform(1))), NOISE)
    with pytest.raises(ValueError, match="2 names need as many shares"):
        draw_code_report(tmp_path / "x.png", ["a", "b"], [0.5, 1.0], [None, None], np.eye(3))


def test_errors_are_sentences(model: InfoGAN) -> None:
    X, y = blobs()
    with pytest.raises(NotFittedError):
        report_codes(InfoGAN(), X)
    with pytest.raises(TypeError, match="estimator is DecisionTreeClassifier; pass a fitted InfoGAN"):
        report_codes(DecisionTreeClassifier(), X)
    with pytest.raises(ValueError, match="features"):
        report_codes(model, X[:, :2])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        report_codes(model, X, y[:-1])
    with pytest.raises(ValueError, match="n_samples=99 must be an integer, at least 100"):
        report_codes(model, X, n_samples=99)
    with pytest.raises(ValueError, match="levels=1 must be an integer, at least 2"):
        report_codes(model, X, levels=1)
    with pytest.raises(ValueError, match="3 samples of class 'c'; the report needs 4"):
        report_codes(model, X[:100], np.where(np.arange(100) < 97, "a", "c"))
    with pytest.raises(ValueError, match="must be a scikit-learn classifier"):
        report_codes(model, X, y, classifier="SVC")

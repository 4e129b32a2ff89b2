"""The estimator: train once, plug any condition in."""

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.base import clone
from torch import Tensor, nn

from gan_ext import PlugAndPlayGAN, SemiSupervisedGANClassifier, evaluate
from gan_ext.plug_and_play import ClassCondition, FlatPrior, KnownPixels, Langevin, OfficialSampler

VARIANTS: tuple[Any, ...] = ("noiseless_joint", "joint", "denoising", "flat")
SMALL: dict[str, Any] = {"max_iter": 6, "classifier_iter": 40, "denoiser_iter": 10, "batch_size": 16, "random_state": 0}


@pytest.fixture(scope="module")
def images(digits: Any) -> tuple[np.ndarray, np.ndarray]:
    X, y = digits
    return X.reshape(-1, 1, 8, 8)[:400], y[:400]


@pytest.fixture(scope="module")
def of_images(images: Any) -> dict[str, PlugAndPlayGAN]:
    """Every variant, fitted on images for a few steps."""
    return {variant: PlugAndPlayGAN(variant, channels=4, **SMALL).fit(*images) for variant in VARIANTS}


@pytest.fixture(scope="module")
def blobs() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    y = rng.integers(3, size=300)
    centers = np.array([[-4.0, 0.0, 100.0], [4.0, 0.0, 120.0], [0.0, 5.0, 110.0]])
    return centers[y] + rng.standard_normal((300, 3)), np.array(["a", "b", "c"])[y]


@pytest.fixture(scope="module")
def fitted(blobs: tuple[np.ndarray, np.ndarray]) -> PlugAndPlayGAN:
    settings = {"max_iter": 250, "classifier_iter": 150, "latent_dim": 4, "averaging": 0.99}
    return PlugAndPlayGAN(hidden_layer_sizes=(32, 32), random_state=0, **settings).fit(*blobs)


def test_a_table_is_classified_and_its_classes_are_drawn(fitted: PlugAndPlayGAN, blobs: Any) -> None:
    X, y = blobs
    assert fitted.score(X, y) > 0.97
    wanted = np.repeat(["a", "b", "c"], 30)
    made = fitted.sample(y=wanted, random_state=0)
    assert (fitted.predict(made) == wanted).mean() > 0.9
    centers = np.array([X[y == name].mean(0) for name in "abc"])
    ours = np.array([made[wanted == name].mean(0) for name in "abc"])
    apart = np.linalg.norm((ours[:, None] - centers) / X.std(0), axis=2)  # in the units of the data
    assert (apart.argmin(1) == np.arange(3)).all()
    assert apart.diagonal().max() < 1


def test_without_a_wish_classes_come_by_their_shares(fitted: PlugAndPlayGAN, blobs: Any) -> None:
    _, y = blobs
    assert fitted.class_prior_ == pytest.approx(np.unique(y, return_counts=True)[1] / len(y))
    found = fitted.predict(fitted.sample(150, random_state=0))
    shares = np.array([(found == name).mean() for name in "abc"])
    assert np.abs(shares - fitted.class_prior_).max() < 0.15
    assert fitted.sample().shape == (1, 3)


def test_it_can_be_evaluated(fitted: PlugAndPlayGAN, blobs: Any) -> None:
    table = evaluate(fitted, *blobs, n=60, resamples=2)
    assert {"gan-train", "gan-test"} <= {row.metric for row in table.rows}


def test_codes_go_through_data_and_back(fitted: PlugAndPlayGAN, blobs: Any) -> None:
    X, _ = blobs
    codes = fitted.transform(X)
    assert codes.shape == (300, 4)
    back = fitted.inverse_transform(codes)
    assert np.abs(back - X).mean() < 0.4 * np.abs(X - X.mean(0)).mean()
    with pytest.raises(ValueError, match="codes has shape"):
        fitted.inverse_transform(codes[:, :3])


def test_what_is_known_stays_and_the_rest_is_found(fitted: PlugAndPlayGAN, blobs: Any) -> None:
    X, y = blobs
    hidden = X[:40].copy()
    known = np.array([True, False, True])
    hidden[:, 1] = 0.0
    found = fitted.complete(hidden, known, y=y[:40], random_state=0)
    assert np.array_equal(found[:, known], X[:40][:, known])
    assert np.abs(found[:, 1] - X[:40, 1]).mean() < 1.6  # noise alone is 0.8


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_fits_images_and_draws_them(variant: str, of_images: Any) -> None:
    model = of_images[variant]
    made = model.sample(y=[3, 3, 7], steps=3, random_state=0)
    assert made.shape == (3, 1, 8, 8)
    assert made.min() >= 0
    assert made.max() <= 16
    assert (model.denoiser_ is not None) == (variant == "denoising")
    assert isinstance(model.prior(), FlatPrior) == (variant == "flat")
    assert isinstance(model.default_sampler(), OfficialSampler) == (variant == "flat")
    assert model.n_iter_ == 6
    assert np.array_equal(made, model.sample(3, y=[3, 3, 7], steps=3, random_state=0))
    assert not np.array_equal(made, model.sample(3, y=[3, 3, 7], steps=3, random_state=1))


def test_joint_training_alone_has_noise_and_a_loss_of_codes(of_images: Any) -> None:
    plain, joint = of_images["noiseless_joint"], of_images["joint"]
    assert plain.game_.noise == (0.0, 0.0, 0.0)
    assert float(plain.game_.code_weight) == 0
    assert joint.game_.noise == (0.05, 0.1, 0.3)
    assert float(joint.game_.code_weight) == pytest.approx(0.1)


@pytest.mark.parametrize("killed", ["classifier", "generator", "denoiser"])
def test_a_killed_fit_goes_on_bit_for_bit(killed: str, of_images: Any, images: Any, tmp_path: Path) -> None:
    settings = SMALL | {"channels": 4, "checkpoint_every": 3}
    whole = of_images["denoising"]
    first = PlugAndPlayGAN("denoising", checkpoint=tmp_path, **settings).fit(*images)
    later = {"classifier": ["classifier", "generator", "denoiser"], "generator": ["generator", "denoiser"]}
    for stage in later.get(killed, ["denoiser"]):  # as if the process had died within this stage
        newest = max((tmp_path / stage).glob("*.safetensors"))
        newest.unlink()
        if stage != killed:
            for file in (tmp_path / stage).glob("*.safetensors"):
                file.unlink()
    again = PlugAndPlayGAN("denoising", checkpoint=tmp_path, **settings).fit(*images)
    for model in (first, again):
        assert weights(whole).keys() == weights(model).keys()
        assert all(torch.equal(value, weights(model)[name]) for name, value in weights(whole).items())


def weights(model: PlugAndPlayGAN) -> dict[str, Tensor]:
    nets = nn.ModuleDict(
        {"classifier": model.classifier_, "game": model.game_, "denoiser": model.denoiser_ or nn.Identity()}
    )
    return nets.state_dict()


def test_a_warm_start_goes_on_from_all_networks_of_the_last_fit(images: Any) -> None:
    once = {"classifier_iter": 1, "max_iter": 1, "denoiser_iter": 1}
    rates = dict.fromkeys(("classifier_learning_rate", "learning_rate", "denoiser_learning_rate"), 1e-12)
    model = PlugAndPlayGAN("denoising", channels=4, averaging=0.0, warm_start=True, **SMALL).fit(*images)
    before = weights(model)
    model.set_params(**once, **rates).fit(*images)
    learned = {name for name, value in before.items() if value.is_floating_point() and "running" not in name}
    denoiser = {name for name in learned if name.startswith("denoiser")}  # averaged before, and not to go on from
    after = weights(model)
    assert denoiser
    assert all(torch.allclose(after[name], before[name], atol=1e-6) for name in learned - denoiser)
    cold = weights(model.set_params(warm_start=False).fit(*images))
    assert not all(torch.allclose(cold[name], before[name], atol=1e-3) for name in learned - denoiser)
    goes_on = model._trained.raw_denoiser.state_dict()  # type: ignore[union-attr]
    model.set_params(warm_start=True).fit(*images)
    assert all(torch.allclose(value, goes_on[name], atol=1e-6) for name, value in model.denoiser_.state_dict().items())  # type: ignore[union-attr]


def test_a_warm_start_needs_the_same_classes_samples_and_codes(of_images: Any, images: Any) -> None:
    X, y = images
    model = copy.copy(of_images["flat"]).set_params(warm_start=True)
    for settings, data in (({}, (X, y % 5)), ({}, (X[:, :, :4], y)), ({"latent_dim": 5}, (X, y))):
        with pytest.raises(ValueError, match=r"warm_start=True needs the classes|X has"):
            copy.copy(model).set_params(**settings).fit(*data)


def test_the_game_is_played_by_the_shared_parameters(images: Any, capsys: Any) -> None:
    seen: list[Any] = []
    shared = {"solver": ("discriminator", "discriminator", "generator"), "clip": 1e-9, "verbose": True}
    model = PlugAndPlayGAN("denoising", channels=4, callbacks=[seen.append], **shared, **SMALL).fit(*images)
    assert len(seen) == SMALL["max_iter"]
    assert seen[0].solver.turns == shared["solver"]
    assert len(model.history_) == SMALL["max_iter"]
    printed = capsys.readouterr().out
    for line in ("classifier 40/40", "generator 6/6", "denoiser of codes 10/10"):
        assert line in printed


def test_our_semi_supervised_classifier_is_a_condition(fitted: PlugAndPlayGAN, blobs: Any) -> None:
    X, y = blobs
    few = np.full(len(y), -1)
    for number, name in enumerate("abc"):
        few[np.flatnonzero(y == name)[:5]] = number
    judge = SemiSupervisedGANClassifier(max_iter=60, random_state=0).fit(X, few)
    condition = ClassCondition(judge.game_.discriminator, 2)
    made = fitted.sample(40, condition=condition, random_state=0)
    assert (judge.predict(made) == 2).mean() > 0.9
    assert (fitted.predict(made) == "c").mean() > 0.9


def test_samples_without_labels_train_the_generator(images: Any) -> None:
    X, y = images
    few = np.where(np.arange(len(y)) < 100, y, -1)
    model = PlugAndPlayGAN(channels=4, **SMALL).fit(X, few)
    assert model.classes_.tolist() == list(range(10))


def test_a_trained_classifier_is_taken_as_it_is(fitted: PlugAndPlayGAN, blobs: Any) -> None:
    model = PlugAndPlayGAN(latent_dim=4, classifier=fitted.classifier_, **SMALL).fit(*blobs)
    assert model.classifier_ is fitted.classifier_
    with pytest.raises(ValueError, match="codes of 4 numbers and 3 classes, but latent_dim is 5"):
        PlugAndPlayGAN(latent_dim=5, classifier=fitted.classifier_, **SMALL).fit(*blobs)


def test_parameters_are_scikit_learns() -> None:
    model = PlugAndPlayGAN("joint", latent_dim=5)
    assert clone(model).get_params() == model.get_params()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"variant": "ppgn"}, "'variant' parameter .* Got 'ppgn'"),
        ({"latent_dim": 0}, "'latent_dim' parameter .* Got 0"),
        ({"image": -1.0}, "'image' parameter .* Got -1.0"),
        ({"noise": (0.1,), "variant": "joint"}, "three standard deviations"),
        ({"noise": "abc"}, "three standard deviations"),
        ({"classifier": nn.Linear(3, 2)}, "'classifier' parameter"),
        ({"learning_rate": 0.0}, "'learning_rate' parameter .* Got 0.0"),
        ({"denoiser_noise": float("nan"), "variant": "denoising"}, "'denoiser_noise' parameter .* Got nan"),
        ({"solver": ("critic",)}, "critic"),
    ],
)
def test_bad_settings_are_named(settings: dict[str, Any], message: str, blobs: Any) -> None:
    with pytest.raises(ValueError, match=message):
        PlugAndPlayGAN(**settings).fit(*blobs)


def test_bad_requests_are_named(fitted: PlugAndPlayGAN, blobs: Any) -> None:
    with pytest.raises(ValueError, match="y has the class 'z'"):
        fitted.sample(y="z")
    with pytest.raises(ValueError, match="condition=3 must be a condition"):
        fitted.sample(y="a", condition=3)
    with pytest.raises(ValueError, match="n_samples=2"):
        fitted.sample(2, y=["a", "b", "c"])
    with pytest.raises(TypeError, match=r"sample\(5, y='a'\)"):
        fitted.sample("a", 5)
    with pytest.raises(ValueError, match="y='a'"):
        fitted.sample("a")
    with pytest.raises(ValueError, match="y has 2 classes for 1 samples"):
        fitted.complete(blobs[0][:1], np.array([True, False, True]), y=["a", "b"])
    with pytest.raises(ValueError, match="labels of one class only"):
        PlugAndPlayGAN(**SMALL).fit(blobs[0], np.zeros(300, int))
    with pytest.raises(ValueError, match="known has shape"):
        fitted.complete(blobs[0][:3], np.array([True, False]))


def test_plugged_chains_take_any_condition_and_sampler(fitted: PlugAndPlayGAN) -> None:
    wanted = torch.tensor([0.5, -0.5, 0.0])
    condition = KnownPixels(wanted, torch.tensor([True, True, False]), 0.2)
    chains = fitted.plug(condition, Langevin(0.02, temperature=0.0)).sample(20, steps=300, random_state=0)
    assert (chains.data[:, :2] - wanted[:2]).abs().mean() < 0.3

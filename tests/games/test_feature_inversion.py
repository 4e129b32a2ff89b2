"""The game of a plug and play generator: its equations, its frozen encoder, and what it can learn."""

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gan_ext import Compute, Engine
from gan_ext.data import ArrayStream
from gan_ext.engine import adam
from gan_ext.games import DenoisingAutoencoder, FeatureInversion, RealBatch
from gan_ext.losses import Hinge, Relativistic
from gan_ext.nets import (
    conv_code_classifier,
    mlp_code_classifier,
    plain_conv_discriminator,
    plain_conv_generator,
    plain_discriminator,
    plain_generator,
    residual_denoiser,
)
from gan_ext.testing import check_game

BATCH = RealBatch(torch.rand(16, 6, generator=torch.Generator().manual_seed(0)))


def game(**options: Any) -> FeatureInversion:
    net = mlp_code_classifier((6,), 3, latent_dim=4, hidden=8)
    discriminator = options.pop("discriminator", None) or plain_discriminator((6,), (8,))
    return FeatureInversion(plain_generator((6,), 4, (8,)), discriminator, net.lower, net.upper, **options)


class OfBoth(nn.Module):
    """A discriminator of data and codes."""

    def __init__(self) -> None:
        super().__init__()
        self.body = plain_discriminator((10,), (8,))

    def forward(self, x: Tensor, codes: Tensor) -> Tensor:
        judged: Tensor = self.body(torch.cat([x, codes], 1))
        return judged


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"noise": (0.1, 0.2, 0.3), "code": 0.1},
        {"r1": 0.0, "loss": Hinge()},
        {"conditional": True, "discriminator": OfBoth},
    ],
)
def test_the_game_is_sound(options: dict[str, Any]) -> None:
    def make() -> FeatureInversion:
        given = {name: value() if name == "discriminator" else value for name, value in options.items()}
        return game(**given)

    check_game(make, BATCH)


def test_the_game_is_sound_with_images() -> None:
    def make() -> FeatureInversion:
        net = conv_code_classifier((1, 8, 8), 3, latent_dim=4, channels=4, hidden=8)
        nets = plain_conv_generator((1, 8, 8), 4, 8, 8), plain_conv_discriminator((1, 8, 8), 4, 8)
        return FeatureInversion(*nets, net.lower, net.upper)

    check_game(make, RealBatch(torch.rand(6, 1, 8, 8)))


def test_the_losses_are_their_equations() -> None:
    torch.manual_seed(0)
    played = game(image=2.0, feature=0.3, code=0.5, adversarial=0.7, r1=4.0)
    x = BATCH.x
    features = played.lower(x)
    codes = played.upper(features)
    made = played.generator(codes)
    ahead = played.lower(made)
    expected = (
        2.0 * (made - x).square().mean()
        + 0.3 * (ahead - features).square().mean() / features.square().mean()
        + 0.5 * (played.upper(ahead) - codes).square().mean() / codes.square().mean()
        + 0.7 * nn.functional.softplus(-played.discriminator(made)).mean()
    )
    assert torch.allclose(played.generator_loss(BATCH)[0], expected, rtol=1e-5)
    followed = x.clone().requires_grad_()
    (slope,) = torch.autograd.grad(played.discriminator(followed).sum(), followed)
    plus = nn.functional.softplus
    expected = (
        plus(-played.discriminator(x)).mean()
        + plus(played.discriminator(made)).mean()
        + 2.0 * slope.square().sum(1).mean()
    )
    assert torch.allclose(played.discriminator_loss(BATCH)[0], expected, rtol=1e-5)
    assert torch.allclose(played.reconstruct(codes), played.upper(ahead))


def test_the_encoder_is_a_copy_that_does_not_learn_and_has_no_noise() -> None:
    net = mlp_code_classifier((6,), 3, latent_dim=4, hidden=8)
    played = FeatureInversion(plain_generator((6,), 4, (8,)), plain_discriminator((6,), (8,)), net.lower, net.upper)
    before = [value.clone() for value in played.upper.state_dict().values()]
    engine = Engine(played, {name: adam(1e-2) for name in ("discriminator", "generator")}, compute=Compute("cpu"))
    engine.fit(ArrayStream(BATCH, 8, 0), 5)
    assert all(torch.equal(a, b) for a, b in zip(before, played.upper.state_dict().values(), strict=True))
    assert not played.upper.training
    assert not played.lower.training
    assert net.upper.training
    assert all(parameter.requires_grad for parameter in net.parameters())


@pytest.mark.parametrize("which", [0, 1, 2])
def test_noise_changes_what_the_generator_is_given_and_not_what_it_should_make(which: int) -> None:
    noise = [0.0, 0.0, 0.0]
    noise[which] = 0.5
    torch.manual_seed(0)
    played = game(noise=noise)
    features, codes, noisy = played._codes(BATCH.x)
    assert torch.equal(features, played.lower(BATCH.x))
    assert torch.equal(codes, played.upper(features))
    assert not torch.equal(codes, noisy)
    torch.manual_seed(0)
    assert torch.equal(game()._codes(BATCH.x)[2], codes)


def test_codes_of_a_trained_classifier_are_standardized() -> None:
    net = mlp_code_classifier((6,), 3, latent_dim=4, hidden=8)
    net.train()
    codes = net.encode(torch.randn(500, 6) * 7 + 3)
    assert torch.allclose(codes.mean(0), torch.zeros(4), atol=1e-5)
    assert torch.allclose(codes.var(0, unbiased=False), torch.ones(4), atol=1e-2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"image": -1.0}, "image=-1.0"),
        ({"r1": float("nan")}, "r1=nan"),
        ({"noise": (0.1, 0.1)}, "three standard deviations"),
        ({"noise": (0.1, -0.1, 0.0)}, "three standard deviations"),
        ({"loss": Relativistic()}, "judge samples one by one"),
    ],
)
def test_bad_settings_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        game(**options)


def test_a_denoiser_is_sound() -> None:
    check_game(lambda: DenoisingAutoencoder(residual_denoiser((6,), 8, 2), 0.3), BATCH)


def deviations(x: Sequence[float]) -> Tensor:
    return torch.tensor(x)


def test_a_linear_denoiser_learns_the_slope_of_the_noisy_density() -> None:
    # Of N(0, diag(s^2)) the best denoiser shrinks coordinate i by s_i^2 / (s_i^2 + sigma^2), and its slope is that of
    # the density of noisy data.
    torch.manual_seed(0)
    spread, sigma = deviations([2.0, 1.0, 0.5]), 0.8
    data = torch.randn(20_000, 3) * spread
    played = DenoisingAutoencoder(nn.Linear(3, 3), sigma)
    engine = Engine(played, {"model": adam(1e-2, (0.9, 0.999))}, ema=0.99, compute=Compute("cpu"))
    engine.fit(ArrayStream(RealBatch(data), 500, 0), 800)
    learned = engine.averaged
    assert isinstance(learned, DenoisingAutoencoder)
    assert isinstance(learned.model, nn.Linear)
    wanted = torch.diag(spread**2 / (spread**2 + sigma**2))
    assert torch.allclose(learned.model.weight, wanted, atol=0.03)
    x = torch.tensor([[1.0, -1.0, 0.5]])
    assert torch.allclose(learned.score(x), -x / (spread**2 + sigma**2), atol=0.1)


def test_a_denoiser_needs_noise() -> None:
    with pytest.raises(ValueError, match="sigma=0"):
        DenoisingAutoencoder(nn.Linear(3, 3), 0)

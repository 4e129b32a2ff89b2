"""ClusterGAN: its equations, and an encoder that inverts the generator."""

import math
import shutil

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, mse_loss

from gan_ext import Compute, Engine
from gan_ext.data import ArrayStream
from gan_ext.engine import adam, alternating
from gan_ext.games import ClusterGAN, RealBatch
from gan_ext.latents import Categorical, Gaussian, Product, Uniform
from gan_ext.losses import gradient_penalty
from gan_ext.nets import conv_generator, conv_info_discriminator, mlp_generator, mlp_info_discriminator
from gan_ext.testing import check_game

BATCH = RealBatch(torch.rand(16, 6))


def critic(read: nn.Module) -> nn.Sequential:
    return nn.Sequential(read.trunk, read.judge, nn.Flatten(0))


def encoder(read: nn.Module) -> nn.Sequential:
    return nn.Sequential(read.trunk, read.reader)


def game(learn: bool = False, **options: float) -> ClusterGAN:
    c = Product(kind=Categorical(3, learn=learn))
    nets = (
        mlp_generator((6,), 7, widths=(8,)),
        critic(mlp_info_discriminator((6,), 1, (8,))),
        encoder(mlp_info_discriminator((6,), 7, (8,))),
    )
    return ClusterGAN(*nets, c, Gaussian(4, scale=0.1), **options)


@pytest.mark.parametrize("options", [{}, {"learn": True}, {"penalty": 0.0, "noise_weight": 0.0}])
def test_the_game_is_sound(options: dict[str, float]) -> None:
    check_game(lambda: game(**options), BATCH)  # type: ignore[arg-type]


def test_the_game_is_sound_with_images_and_other_codes() -> None:
    def make() -> ClusterGAN:
        c = Product(kind=Categorical(3), tilt=Uniform(2, std=None))
        nets = (
            conv_generator((1, 8, 8), 4 + c.dim, 4),
            critic(conv_info_discriminator((1, 8, 8), 1, 4, 8)),
            encoder(conv_info_discriminator((1, 8, 8), 4 + c.width, 4, 8)),
        )
        return ClusterGAN(*nets, c, Gaussian(4))

    check_game(make, RealBatch(torch.rand(6, 1, 8, 8)))


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("c++") is None, reason="needs a C++ compiler")
@pytest.mark.filterwarnings("default")  # the compiler's own
def test_the_game_compiles() -> None:
    check_game(game, BATCH, compile=True)


def test_the_losses_are_their_equations() -> None:
    played = game(noise_weight=3.0, code_weight=0.5)
    played.eval()
    torch.default_generator.manual_seed(1)
    latents, noise, codes = played.draw(16)
    places = torch.rand(16)
    assert torch.equal(latents, torch.cat([noise, codes], 1))
    fake = played.generator(latents)
    real, generated = played.discriminator(BATCH.x).mean(), played.discriminator(fake).mean()
    torch.default_generator.manual_seed(1)
    loss, terms = played.discriminator_loss(BATCH)
    torch.testing.assert_close(terms["adversarial"], (generated - real).detach())
    penalty = gradient_penalty(played.discriminator, BATCH.x, fake, places)
    torch.testing.assert_close(loss, generated - real + 10 * penalty)
    estimate, logits = played.encode(fake)
    torch.default_generator.manual_seed(1)
    loss, terms = played.generator_loss(BATCH)
    surprise = cross_entropy(logits, codes.argmax(1))
    torch.testing.assert_close(loss, -generated + 3 * mse_loss(estimate, noise) + 0.5 * surprise)
    torch.testing.assert_close(terms["information/kind"], math.log(3) - surprise.detach())


def test_a_linear_critic_is_fined_for_its_slope() -> None:
    """d(x) = w x has slope |w| everywhere: the penalty is (|w| - 1)^2, and draws |w| to 1."""
    played = game()
    played.discriminator = nn.Sequential(nn.Linear(6, 1), nn.Flatten(0))
    norm = played.discriminator[0].weight.norm()
    _, terms = played.discriminator_loss(BATCH)
    torch.testing.assert_close(terms["gradient_penalty"], (norm - 1).square().detach())


def test_generator_and_encoder_are_one_player() -> None:
    assert list(game().players()) == ["discriminator", "generator"]
    loss, _ = game().generator_loss(BATCH)
    assert loss.requires_grad


def test_the_encoder_inverts_the_generator() -> None:
    """And what it calls a cluster is one."""
    truth = torch.arange(3).repeat(100)
    x = torch.tensor([[0.0, 1.0], [0.87, -0.5], [-0.87, -0.5]])[truth] + 0.1 * torch.randn(300, 2)

    def net(inputs: int, outputs: int) -> nn.Sequential:
        return nn.Sequential(nn.Linear(inputs, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, outputs))

    noise = Gaussian(2, scale=0.1)
    judge = nn.Sequential(net(2, 1), nn.Flatten(0))
    played = ClusterGAN(net(5, 2), judge, net(2, 5), Product(kind=Categorical(3)), noise, noise_weight=100.0)
    players = {name: adam(2e-3, (0.5, 0.9)) for name in played.players()}
    turns = alternating({"discriminator": 2, "generator": 1})
    Engine(played, players, turns, compute=Compute("cpu")).fit(ArrayStream(RealBatch(x), 64), 400)
    with torch.no_grad():
        latents, drawn, codes = played.draw(500)
        estimate, logits = played.encode(played.generator(latents))
    assert (logits.argmax(1) == codes.argmax(1)).float().mean() > 0.98
    assert mse_loss(estimate, drawn) < 0.3 * noise.scale**2
    assert purity(played, x, truth) > 0.9


@torch.no_grad()
def purity(played: ClusterGAN, x: Tensor, truth: Tensor) -> float:
    found = played.encode(x)[1].argmax(1)
    return sum(truth[found == k].bincount(minlength=3).max().item() for k in found.unique()) / len(x)


@pytest.mark.parametrize("option", ["noise_weight", "code_weight", "penalty"])
def test_negative_weights_are_refused(option: str) -> None:
    with pytest.raises(ValueError, match=f"{option}=-1.0"):
        game(**{option: -1.0})

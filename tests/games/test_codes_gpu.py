"""Codes on a GPU: the same laws, whole steps as one CUDA graph, sprites drawn there.  Run with ``-m gpu``."""

import numpy as np
import pytest
import torch

from gan_ext import ConditionalGAN, InfoGAN
from gan_ext.data import Sprites
from gan_ext.engine import Compute, Engine, adam
from gan_ext.game import Game
from gan_ext.games import InfoGANCR, InfoGANGame, RealBatch
from gan_ext.latents import Bernoulli, Categorical, Gaussian, Product, Uniform
from gan_ext.nets import mlp_generator, mlp_info_discriminator, strided_net
from gan_ext.testing import ConstantStream, check_game

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA"),
]

BATCH = RealBatch(torch.rand(16, 6))


def codes(learn: bool = False) -> Product:
    return Product(kind=Categorical(3, learn=learn), on=Bernoulli(1), size=Gaussian(1), tilt=Uniform(2, -1, 1))


def infogan(learn: bool = False) -> Game:
    c = codes(learn)
    generator = mlp_generator((6,), 4 + c.dim, widths=(8,))
    return InfoGANGame(generator, mlp_info_discriminator((6,), c.width, widths=(8,)), c, Gaussian(4))


def contrastive() -> Game:
    c = codes()
    generator, reader = mlp_generator((6,), 4 + c.dim, widths=(8,)), mlp_info_discriminator((6,), c.width, widths=(8,))
    return InfoGANCR(generator, reader, c, Gaussian(4), torch.nn.Linear(12, 2))


GAMES = {"InfoGAN": infogan, "learned shares": lambda: infogan(True), "InfoGAN-CR": contrastive}


@pytest.mark.parametrize("name", GAMES)
def test_the_games_of_codes_are_sound_on_a_gpu(name: str) -> None:
    check_game(GAMES[name], BATCH, device="cuda")


@pytest.mark.parametrize("name", GAMES)
def test_a_step_as_one_graph_gives_the_numbers_of_an_eager_one(name: str) -> None:
    finals = []
    for graph in (False, True):
        torch.manual_seed(0)
        game = GAMES[name]()
        engine = Engine(game, dict.fromkeys(game.players(), adam(1e-3)), compute=Compute("cuda", cuda_graph=graph))
        engine.fit(ConstantStream(BATCH), steps=6)
        finals.append(torch.cat([p.detach().flatten().cpu() for p in engine.game.parameters()]))
    torch.testing.assert_close(*finals, rtol=1e-3, atol=1e-4)


def test_sprites_are_drawn_the_same_on_a_gpu() -> None:
    sprites = Sprites()
    factors = sprites.factors(torch.randint(len(sprites), (256,)))
    assert torch.equal(sprites.render(factors.cuda()).cpu(), sprites.render(factors))


def test_estimators_of_codes_train_on_a_gpu() -> None:
    x = np.random.default_rng(0).uniform(size=(64, 1, 8, 8))
    model = InfoGAN(3, max_iter=20, device="cuda", random_state=0).fit(x)
    assert model.predict(x).shape == (64,)
    assert model.traverse("style[0]").shape == (1, 9, 1, 8, 8)
    made = ConditionalGAN(max_iter=20, device="cuda", random_state=0).fit(x, np.arange(64) % 2).sample(y=[0, 1])
    assert made.shape == (2, 1, 8, 8)


def test_spectral_norms_run_on_a_gpu() -> None:
    net = strided_net((1, 16, 16), 3, channels=(8, 8)).cuda()
    assert net(torch.rand(4, 1, 16, 16, device="cuda")).shape == (4, 3)

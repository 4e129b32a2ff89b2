"""The variational autoencoder: with linear nets its optimum is probabilistic PCA, where the bound has no gap."""

import math

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from torch import Tensor, nn

from gan_ext import Engine
from gan_ext.engine import adam
from gan_ext.games import RealBatch, VariationalAutoencoder
from gan_ext.nets import BernoulliObservation, GaussianObservation
from gan_ext.testing import ConstantStream, check_game

LATENT, WIDTH = 2, 5


def data(n: int = 400) -> Tensor:
    draws = torch.Generator().manual_seed(3)
    scales = torch.tensor([2.0, 1.2, 0.4, 0.4, 0.4])
    turn, _ = torch.linalg.qr(torch.randn(WIDTH, WIDTH, generator=draws))
    return torch.randn(n, WIDTH, generator=draws) * scales @ turn.T + torch.randn(WIDTH, generator=draws)


def linear() -> VariationalAutoencoder:
    return VariationalAutoencoder(nn.Linear(WIDTH, 2 * LATENT), nn.Linear(LATENT, WIDTH), GaussianObservation(), LATENT)


def at_the_optimum(x: Tensor) -> tuple[VariationalAutoencoder, PCA]:
    """The closed form of Tipping and Bishop (1999), with the exact posterior as the encoder."""
    pca, game = PCA(LATENT).fit(x.numpy()), linear()
    noise = pca.noise_variance_
    spread = pca.explained_variance_ - noise
    loadings = pca.components_.T * np.sqrt(spread)
    reading = np.diag(1 / pca.explained_variance_) @ loadings.T  # M = W'W + noise is diagonal in these directions
    log_variance = np.log(noise / pca.explained_variance_)
    with torch.no_grad():
        game.decoder.weight.copy_(torch.tensor(loadings))
        game.decoder.bias.copy_(torch.tensor(pca.mean_))
        game.encoder.weight.copy_(torch.tensor(np.concatenate([reading, np.zeros_like(reading)])))
        game.encoder.bias.copy_(torch.tensor(np.concatenate([-reading @ pca.mean_, log_variance])))
        game.observation.log_std.fill_(0.5 * math.log(noise))
    return game, pca


def test_every_draw_gives_the_likelihood_where_the_posterior_is_exact() -> None:
    x = data()
    game, pca = at_the_optimum(x)
    exact = torch.tensor(pca.score_samples(x.numpy()), dtype=torch.float32)
    torch.testing.assert_close(game.log_weights(x, 3), exact.expand(3, -1), atol=2e-4, rtol=0)
    torch.testing.assert_close(game.log_likelihood(x, 7), exact, atol=2e-4, rtol=0)


def test_training_a_linear_one_reaches_probabilistic_pca_and_not_more() -> None:
    x = data()
    game, best = linear(), -PCA(LATENT).fit(x.numpy()).score(x.numpy())
    Engine(game, {"model": adam(0.03, (0.9, 0.99))}).fit(ConstantStream(RealBatch(x)), 500)
    bound = -float(game.log_weights(x, 50).mean().detach())
    assert best - 0.01 < bound < best + 0.03


def test_more_draws_tighten_the_bound() -> None:
    x, game = data(), linear()
    torch.manual_seed(1)
    bounds = [float(game.log_likelihood(x, draws).mean()) for draws in (1, 10, 100)]
    assert bounds[0] < bounds[1] < bounds[2]


def test_the_loss_is_minus_the_mean_of_the_log_weights() -> None:
    """The closed form of the divergence agrees with its estimate from draws."""
    x, game = data(50), linear()
    torch.manual_seed(0)
    losses = torch.stack([game.loss(RealBatch(x))[0] for _ in range(400)]).mean()
    torch.testing.assert_close(losses, -game.log_weights(x, 400).mean(), rtol=0.01, atol=0.05)


@pytest.mark.parametrize("bits", [False, True])
def test_the_game_is_sound(bits: bool) -> None:
    def make() -> VariationalAutoencoder:
        if not bits:
            return linear()
        decoder = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, WIDTH))
        return VariationalAutoencoder(nn.Linear(WIDTH, 6), decoder, BernoulliObservation(), 3)

    check_game(make, RealBatch((data(16) > 0).float() if bits else data(16)))


def test_samples_are_of_the_models_law() -> None:
    x = data(4000)
    game, _ = at_the_optimum(x)
    drawn = game.sample(40_000)
    torch.testing.assert_close(drawn.mean(0), x.mean(0), atol=0.05, rtol=0)
    torch.testing.assert_close(drawn.T.cov(), x.T.cov(), atol=0.1, rtol=0)


def test_a_latent_of_no_length_is_refused() -> None:
    with pytest.raises(ValueError, match="latent_dim=0 must be at least 1"):
        VariationalAutoencoder(nn.Identity(), nn.Identity(), BernoulliObservation(), 0)

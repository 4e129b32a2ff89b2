"""Games: any number of players, each with its own parameters and its own loss."""

from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

from gan_ext import Engine, Game, Loss, Player, TwoPlayerGame
from gan_ext.data import ArrayStream
from gan_ext.engine import OptimizerFactory, adam, simultaneous
from gan_ext.game import alone, opponents_held, owned_parameters
from gan_ext.games import MaximumLikelihood
from gan_ext.latents import Gaussian
from gan_ext.losses import discriminator_non_saturating, generator_non_saturating
from gan_ext.testing import ConstantStream, DiracGame, check_game


class Real(NamedTuple):
    x: Tensor


NOTHING = ConstantStream(Real(torch.zeros(1)))


def descent(rate: float) -> OptimizerFactory:
    return lambda parameters: torch.optim.SGD(parameters, lr=rate)


# --- who owns what ----------------------------------------------------------------------------------------------------


def test_owned_parameters_are_the_trainable_ones_each_once() -> None:
    first, second = nn.Linear(2, 2), nn.Linear(2, 2)
    second.weight = first.weight
    second.bias.requires_grad_(False)
    owned = list(owned_parameters(Player((first, second), lambda batch: (torch.zeros(()), {}))))
    assert [id(parameter) for _, parameter in owned] == [id(first.weight), id(first.bias)]
    assert [name for name, _ in owned] == ["0.weight", "0.bias"]


def test_two_player_game_names_its_players() -> None:
    game = DiracGame()
    players = game.players()
    assert list(players) == ["discriminator", "generator"]
    assert players["discriminator"].modules == (game.discriminator,)
    assert players["generator"].loss(None)[0] == game.generator_loss(None)[0]


def test_games_without_losses_cannot_be_made() -> None:
    with pytest.raises(TypeError):
        Game()  # type: ignore[abstract]
    with pytest.raises(TypeError):
        TwoPlayerGame(nn.Linear(1, 1), nn.Linear(1, 1))  # type: ignore[abstract]


# --- one player -------------------------------------------------------------------------------------------------------


class Normal(nn.Module):
    """log N(x; mean, exp(log_std))."""

    def __init__(self) -> None:
        super().__init__()
        self.mean = nn.Parameter(torch.zeros(()))
        self.log_std = nn.Parameter(torch.zeros(()))

    def log_prob(self, batch: Real) -> Tensor:
        return torch.distributions.Normal(self.mean, self.log_std.exp()).log_prob(batch.x)


def test_maximum_likelihood_finds_the_mean_and_variance_of_the_sample() -> None:
    x = torch.randn(64) * 2 + 3
    model = Normal()
    engine = Engine(MaximumLikelihood(model, model.log_prob), {"model": adam(0.05, betas=(0.9, 0.99))})
    engine.fit(ConstantStream(Real(x)), steps=400)
    variance = x.var(unbiased=False)
    torch.testing.assert_close(model.mean, x.mean(), rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(model.log_std.exp() ** 2, variance, rtol=1e-3, atol=1e-3)
    entropy = 0.5 * (1 + torch.log(2 * torch.pi * variance))
    loss, terms = engine.game.players()["model"].loss(Real(x))
    torch.testing.assert_close(loss, entropy, rtol=1e-4, atol=1e-4)
    assert terms["negative_log_likelihood"] == loss


# --- three players ----------------------------------------------------------------------------------------------------


class Chase(Game):
    """Three scalars, each drawn to the next: L_i = (x_i - x_{i+1})^2 / 2."""

    def __init__(self) -> None:
        super().__init__()
        self.points = nn.ModuleList(nn.Module() for _ in range(3))
        for point, start in zip(self.points, (1.0, -2.0, 4.0), strict=True):
            point.x = nn.Parameter(torch.tensor(start, dtype=torch.float64))

    def players(self) -> dict[str, Player]:
        return {f"p{i}": Player((self.points[i],), lambda batch, i=i: self.distance(i)) for i in range(3)}

    def distance(self, i: int) -> Loss:
        gap = self.points[i].x - self.points[(i + 1) % 3].x
        return gap**2 / 2, {"gap": gap.detach()}

    def positions(self) -> Tensor:
        return torch.stack([point.x.detach() for point in self.points])


PULL = torch.eye(3, dtype=torch.float64) - torch.eye(3, dtype=torch.float64).roll(1, 1)  # gradient = PULL @ x


def test_three_simultaneous_players_follow_the_linear_map() -> None:
    game, rate = Chase(), 0.1
    start = game.positions()
    Engine(game, dict.fromkeys(game.players(), descent(rate)), simultaneous("p0", "p1", "p2")).fit(NOTHING, steps=7)
    expected = torch.linalg.matrix_power(torch.eye(3, dtype=torch.float64) - rate * PULL, 7) @ start
    torch.testing.assert_close(game.positions(), expected)


def test_three_alternating_players_follow_the_product_of_their_maps() -> None:
    game, rate = Chase(), 0.1
    step = torch.eye(3, dtype=torch.float64)
    for i in range(3):
        own = torch.eye(3, dtype=torch.float64)
        own[i] -= rate * PULL[i]
        step = own @ step
    start = game.positions()
    Engine(game, dict.fromkeys(game.players(), descent(rate))).fit(NOTHING, steps=7)
    torch.testing.assert_close(game.positions(), torch.linalg.matrix_power(step, 7) @ start)


def test_two_of_three_may_move_together() -> None:
    game, rate = Chase(), 0.1
    x = game.positions()
    Engine(game, dict.fromkeys(game.players(), descent(rate)), ("p2", ("p0", "p1"))).fit(NOTHING, steps=1)
    x[2] -= rate * (x[2] - x[0])
    x[:2] -= rate * (PULL @ x)[:2]
    torch.testing.assert_close(game.positions(), x)


class Inverted(TwoPlayerGame):
    """A generator and a discriminator, and an encoder that learns to read z back from G(z)."""

    def __init__(self) -> None:
        generator = nn.Linear(2, 2)
        super().__init__(generator, nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 1), nn.Flatten(0)))
        self.encoder = nn.Linear(2, 2)
        self.prior = Gaussian(2)

    def players(self) -> dict[str, Player]:
        return super().players() | {"encoder": Player((self.encoder,), self.encoder_loss)}

    def discriminator_loss(self, batch: Real) -> Loss:
        with opponents_held():
            fake = self.generator(self.prior.sample(len(batch.x)))
        return discriminator_non_saturating(self.discriminator(batch.x), self.discriminator(fake)), {}

    def generator_loss(self, batch: Real) -> Loss:
        return generator_non_saturating(self.discriminator(self.generator(self.prior.sample(len(batch.x))))), {}

    def encoder_loss(self, batch: Real) -> Loss:
        z = self.prior.sample(len(batch.x))
        with opponents_held():
            fake = self.generator(z)
        loss = (self.encoder(fake) - z).square().mean()
        return loss, {"error": loss.detach()}


def test_a_third_player_learns_beside_the_two() -> None:
    x = torch.randn(200, 2) @ torch.tensor([[1.0, 0.5], [0.0, 1.0]]) + 2
    game = Inverted()
    engine = Engine(game, dict.fromkeys(game.players(), adam(0.01)))
    distance = (game.generator.bias - x.mean(0)).norm()
    engine.fit(ArrayStream(Real(x), 64), steps=600)
    assert game.encoder_loss(Real(x))[0] < 0.1  # the variance of z is 1
    assert (game.generator.bias - x.mean(0)).norm() < distance / 2


def test_the_third_player_is_sound() -> None:
    check_game(Inverted, Real(torch.randn(8, 2)))
    check_game(Chase, Real(torch.zeros(1)))


def test_some_players_train_alone() -> None:
    game = Inverted()
    before = {name: value.clone() for name, value in game.state_dict().items()}
    with alone(game, ["encoder"]) as lone:
        Engine(lone, {"encoder": adam(0.01)}).fit(ArrayStream(Real(torch.randn(64, 2)), 16), steps=2)
        assert not any(parameter.requires_grad for parameter in game.generator.parameters())
    assert all(parameter.requires_grad for parameter in game.parameters())
    changed = {name.split(".")[0] for name, value in game.state_dict().items() if not value.equal(before[name])}
    assert changed == {"encoder"}
    for wrong in ([], ["judge"]):
        sentence = "must name some of the game's players, discriminator, generator, encoder"
        with pytest.raises(ValueError, match=sentence), alone(game, wrong):
            pass

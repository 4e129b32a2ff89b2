"""The conformance suite for games: it passes what is sound, and names what is not."""

import math
import shutil
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from gan_ext import Game, Loss, Player
from gan_ext.data import RandomAffine
from gan_ext.games import KPlusOne, MaximumLikelihood, SemiBatch, Standard
from gan_ext.latents import Gaussian, Uniform
from gan_ext.losses import r1_penalty
from gan_ext.nets import Linear, WeightNormLinear, conv_discriminator, conv_generator, mlp_discriminator, mlp_generator
from gan_ext.terms import ClassBalance, ConditionalEntropy, PseudoLabel, Term, VirtualAdversarial
from gan_ext.testing import ConstantStream, DiracGame, GameError, check_game


class Real(NamedTuple):
    x: Tensor


def semi(*shape: int) -> SemiBatch:
    return SemiBatch(torch.rand(6, *shape), torch.arange(6) % 3, torch.rand(8, *shape))


def mlp_game(**settings: Any) -> KPlusOne:
    generator, discriminator = mlp_generator((5,), 4, (6, 6)), mlp_discriminator((5,), 3, (8, 6))
    return KPlusOne(generator, discriminator, Uniform(4), **settings)


def terms() -> list[Term]:
    return [ConditionalEntropy(0.1), ClassBalance([0.5, 0.3, 0.2], 0.2), VirtualAdversarial(0.5), PseudoLabel()]


def conv_game() -> KPlusOne:
    networks = conv_generator((1, 8, 8), 4, 8), conv_discriminator((1, 8, 8), 3, channels=2, features=8)
    return KPlusOne(*networks, Gaussian(4), augment=RandomAffine(), terms=[PseudoLabel(RandomAffine())])


def standard(r1: float) -> Standard:
    discriminator = nn.Sequential(WeightNormLinear(5, 8), nn.Softplus(), Linear(8, 1), nn.Flatten(0))
    return Standard(mlp_generator((5,), 4, (6,)), discriminator, Gaussian(4), r1)


class Bernoulli(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(5))

    def log_prob(self, batch: Real) -> Tensor:
        return -softplus(torch.where(batch.x > 0.5, -self.logits, self.logits)).sum(1)


def bernoulli() -> MaximumLikelihood:
    model = Bernoulli()
    return MaximumLikelihood(model, model.log_prob)


SOUND: dict[str, tuple[Callable[[], Game], Any]] = {
    "mlp": (mlp_game, semi(5)),
    "mlp with terms": (lambda: mlp_game(terms=terms()), semi(5)),
    "conv with augmentation": (conv_game, semi(1, 8, 8)),
    "standard": (lambda: standard(0.0), Real(torch.rand(8, 5))),
    "standard with r1": (lambda: standard(1.0), Real(torch.rand(8, 5))),
    "likelihood": (bernoulli, Real(torch.rand(8, 5).round())),
    "dirac": (lambda: DiracGame(1.0, 0.5, 0.1), Real(torch.zeros(1))),
}


@pytest.mark.parametrize("name", SOUND)
def test_shipped_games_are_sound(name: str) -> None:
    check_game(*SOUND[name])


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("c++") is None, reason="needs a C++ compiler")
@pytest.mark.filterwarnings("default")  # the compiler's own
@pytest.mark.parametrize("name", SOUND)
def test_shipped_games_compile(name: str) -> None:
    check_game(*SOUND[name], compile=True)


def test_checking_keeps_the_callers_random_state() -> None:
    before = torch.get_rng_state()
    check_game(lambda: DiracGame(), Real(torch.zeros(1)))
    assert torch.equal(torch.get_rng_state(), before)


# --- planted faults ---------------------------------------------------------------------------------------------------

BATCH = Real(torch.ones(4, 2))


class Planted(Game):
    """Two players, sound unless a fault replaces the loss or the owners."""

    def __init__(
        self, fault: Callable[["Planted", Real], Loss] | None = None, owned: tuple[str, str] = ("a", "b")
    ) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(2, 1), nn.Linear(2, 1)
        self.fault, self.owned, self.calls = fault, owned, 0

    def players(self) -> dict[str, Player]:
        first, second = (tuple(getattr(self, name) for name in names) for names in self.owned)
        return {"first": Player(first, self.loss), "second": Player(second, self.faulty)}

    def loss(self, batch: Real) -> Loss:
        return (self.a(batch.x) + self.b(batch.x)).square().mean(), {}

    def faulty(self, batch: Real) -> Loss:
        self.calls += 1
        return self.fault(self, batch) if self.fault else self.loss(batch)


def output(game: Planted, batch: Real) -> Tensor:
    return game.b(batch.x).square().mean()


def not_scalar(game: Planted, batch: Real) -> Loss:
    return game.b(batch.x).square(), {}


def severed(game: Planted, batch: Real) -> Loss:
    return output(game, batch).detach(), {}


def unreached(game: Planted, batch: Real) -> Loss:
    return (batch.x @ game.b.weight.T).square().mean(), {}


def severed_term(game: Planted, batch: Real) -> Loss:
    """The weight's part of the loss is detached, the bias still moves."""
    return ((batch.x @ game.b.weight.T).detach() + game.b.bias).square().mean(), {}


def attached_term(game: Planted, batch: Real) -> Loss:
    loss = output(game, batch)
    return loss, {"fine": loss.detach(), "gap": loss}


def shapeless_term(game: Planted, batch: Real) -> Loss:
    return output(game, batch), {"gap": batch.x[0]}


def unseeded(game: Planted, batch: Real) -> Loss:
    generator = torch.Generator()
    generator.seed()
    return output(game, batch) * (1 + torch.rand((), generator=generator)), {}


def counting(game: Planted, batch: Real) -> Loss:
    return output(game, batch) * game.calls, {}


def hidden_state(game: Planted, batch: Real) -> Loss:
    """The same at first, but after two steps a number that no checkpoint holds changes the loss."""
    return output(game, batch) * (1.0 if game.calls <= 2 else 2.0), {}


def not_a_number(game: Planted, batch: Real) -> Loss:
    return output(game, batch) * math.nan, {}


def infinite_gradient(game: Planted, batch: Real) -> Loss:
    return (game.b.weight * 0).abs().sqrt().sum() + output(game, batch), {}


def test_without_a_fault_it_passes() -> None:
    check_game(Planted, BATCH)


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (not_scalar, r"second: the loss has shape \(4, 1\), it must be a scalar"),
        (severed, "second: the loss has no gradient"),
        (unreached, "second: the loss does not reach its parameter '0.bias'"),
        (severed_term, "second: the loss does not reach its parameter '0.weight'"),
        (attached_term, "second: term 'gap' must be a detached scalar"),
        (shapeless_term, "second: term 'gap' must be a detached scalar"),
        (unseeded, "second: the loss differs for the same weights, batch and seed"),
        (counting, "second: the loss differs for the same weights, batch and seed"),
        (hidden_state, r"'[ab]\.weight' differs between a run that was resumed and one that was not"),
        (not_a_number, "second: the loss is nan"),
        (infinite_gradient, "second: the gradient of '0.weight' is not finite"),
    ],
)
def test_faulty_losses_are_named(fault: Callable[[Planted, Real], Loss], sentence: str) -> None:
    with pytest.raises(GameError, match=sentence):
        check_game(lambda: Planted(fault), BATCH)


@pytest.mark.parametrize(
    ("owned", "sentence"),
    [
        (("ab", "b"), "Parameter 'b.weight' has 2 owners, it needs one"),
        (("a", "a"), "Parameter 'a.weight' has 2 owners, it needs one"),
        (("a", ""), "Parameter 'b.weight' has 0 owners, it needs one"),
    ],
)
def test_every_parameter_has_one_owner(owned: tuple[str, str], sentence: str) -> None:
    with pytest.raises(GameError, match=sentence):
        check_game(lambda: Planted(owned=owned), BATCH)


def test_a_game_has_players() -> None:
    class Solitude(Game):
        def players(self) -> dict[str, Player]:
            return {}

    with pytest.raises(GameError, match="names no player"):
        check_game(Solitude, BATCH)


def test_a_game_is_built_anew() -> None:
    game = Planted()
    with pytest.raises(GameError, match="anew at every call"):
        check_game(lambda: game, BATCH)


# --- toys -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("theta", "psi", "gamma"), [(1.0, 1.0, 0.0), (0.3, -2.0, 0.5)])
def test_the_dirac_game_has_its_gradients(theta: float, psi: float, gamma: float) -> None:
    game = DiracGame(theta, psi, gamma)
    sigma = 1 / (1 + math.exp(-psi * theta))
    for_psi = torch.autograd.grad(game.discriminator_loss(None)[0], list(game.discriminator.parameters()))
    for_theta = torch.autograd.grad(game.generator_loss(None)[0], list(game.generator.parameters()))
    assert for_psi[0].item() == pytest.approx(sigma * theta + gamma * psi)
    assert for_theta[0].item() == pytest.approx(-sigma * psi)
    value = math.log(1 + math.exp(psi * theta)) + math.log(2)
    assert game.discriminator_loss(None)[0].item() == pytest.approx(value + gamma / 2 * psi**2)


def test_the_dirac_penalty_is_r1() -> None:
    game = DiracGame(1.0, 0.7, gamma=1.0)
    penalty = r1_penalty(lambda x: game.discriminator() * x, torch.zeros(1))
    without = DiracGame(1.0, 0.7).discriminator_loss(None)[0]
    torch.testing.assert_close(game.discriminator_loss(None)[0], without + penalty / 2)


def test_a_constant_stream_is_the_same_on_every_rank() -> None:
    placed = ConstantStream(BATCH).place(torch.device("cpu"), 1, 2)
    assert isinstance(placed[5], Real)
    assert torch.equal(placed[0].x, BATCH.x)


class _Cut(Standard):
    """The game as it is often written: the discriminator's loss cuts the generator off for good."""

    def discriminator_loss(self, batch: Any) -> Loss:
        with torch.no_grad():
            fake = self.generator(self.prior.sample(len(batch.x)))
        return softplus(-self.discriminator(batch.x)).mean() + softplus(self.discriminator(fake)).mean(), {}


def test_a_gradient_that_no_solver_can_have_is_found() -> None:
    def make() -> Game:
        discriminator = nn.Sequential(Linear(5, 8), nn.Softplus(), Linear(8, 1), nn.Flatten(0))
        return _Cut(mlp_generator((5,), 4, (6,)), discriminator, Gaussian(4))

    with pytest.raises(GameError, match=r"discriminator: the loss depends on 'generator'.*opponents_held\(\)"):
        check_game(make, Real(torch.rand(8, 5)))

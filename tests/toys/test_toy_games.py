"""Toy games: gradients, Jacobians and rates against their closed forms; which penalty converges."""

import cmath
import math

import pytest
import torch
from torch import Tensor

from gan_ext.engine import Compute, Engine, simultaneous
from gan_ext.games import RealBatch
from gan_ext.losses import Hinge, LeastSquares, Minimax, NonSaturating, Relativistic, Wasserstein
from gan_ext.testing import ConstantStream, check_game
from gan_ext.toys import BilinearGame, DiracGame, Trajectory, field_jacobian, plane_field, position

NOTHING = ConstantStream(RealBatch(torch.zeros(1)))
MATRIX = torch.tensor([[2.0, 1.0, 0.0], [0.0, 1.0, -1.0]])


def descent(rate: float) -> dict:
    return dict.fromkeys(("discriminator", "generator"), lambda parameters: torch.optim.SGD(parameters, lr=rate))


def played(game: BilinearGame | DiracGame, rate: float, steps: int, together: bool = True) -> Tensor:
    path = Trajectory(game)
    turns = simultaneous("discriminator", "generator") if together else None
    Engine(game, descent(rate), turns, compute=Compute("cpu")).fit(NOTHING, steps, [path])
    return path.points


def eigenvalues(game: BilinearGame | DiracGame) -> list[complex]:
    found = torch.linalg.eigvals(field_jacobian(game.double())).tolist()
    return sorted(found, key=lambda value: (round(value.real, 9), value.imag))


def pair(mean: float, square: float) -> list[complex]:
    root = cmath.sqrt(square)
    return sorted([mean - root, mean + root], key=lambda value: (round(value.real, 9), value.imag))


def solution(**settings: object) -> DiracGame:
    return DiracGame(0.0, 0.0, **settings)


# --- the bilinear game ------------------------------------------------------------------------------------------------


def test_both_games_are_sound() -> None:
    batch = RealBatch(torch.zeros(1))
    check_game(lambda: BilinearGame(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 0.5, -1.0]), MATRIX), batch)
    check_game(BilinearGame, batch)
    for loss in (Minimax(), NonSaturating(), Wasserstein(), Hinge(), LeastSquares(), Relativistic()):
        check_game(lambda loss=loss: DiracGame(0.7, -0.5, 0.1, loss=loss, wgan_gp=0.3, noise=0.2), batch)


def test_the_bilinear_game_is_zero_sum_with_its_gradients() -> None:
    x, y = torch.tensor([1.0, 2.0]), torch.tensor([1.0, 0.5, -1.0])
    game = BilinearGame(x, y, MATRIX)
    assert game.generator_loss(None)[0].item() == pytest.approx((x @ MATRIX @ y).item())
    assert game.discriminator_loss(None)[0].item() == pytest.approx(-(x @ MATRIX @ y).item())
    jacobian = torch.zeros(5, 5)
    jacobian[:2, 2:], jacobian[2:, :2] = -MATRIX, MATRIX.T
    assert torch.equal(field_jacobian(game), jacobian)
    assert torch.equal(position(game), torch.cat([x, y]))


@pytest.mark.parametrize("rate", [0.1, 0.5, 1.0])
def test_simultaneous_steps_leave_by_the_known_factor(rate: float) -> None:
    distances = played(BilinearGame().double(), rate, 20).norm(dim=1)
    assert distances.dtype == torch.float64
    torch.testing.assert_close(distances[1:] / distances[:-1], torch.full((20,), math.sqrt(1 + rate**2)).double())


def test_alternating_steps_cycle() -> None:
    distances = played(BilinearGame().double(), 0.1, 1000, together=False).norm(dim=1)
    assert 1.3 < distances[-100:].min() < distances[-100:].max() < 1.55


def test_the_singular_values_are_the_turns() -> None:
    matrix = torch.diag(torch.tensor([0.5, 3.0]))
    game = BilinearGame(torch.ones(2), torch.ones(2), matrix)
    turns = sorted(round(abs(value.imag), 6) for value in eigenvalues(game))
    assert turns == [0.5, 0.5, 3.0, 3.0]
    assert all(abs(value.real) < 1e-9 for value in eigenvalues(game))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((torch.ones(2), torch.ones(3)), r"must be \[2, 3\], got none"),
        ((torch.ones(2), torch.ones(3), torch.ones(3, 2)), r"must be \[2, 3\], got \[3, 2\]"),
    ],
)
def test_matrices_must_fit(arguments: tuple, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        BilinearGame(*arguments)


# --- the Dirac game ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", [Minimax(), NonSaturating(), Relativistic()])
@pytest.mark.parametrize("gamma", [0.0, 0.3, 1.0, 5.0])
def test_eigenvalues_under_r1(loss: object, gamma: float) -> None:
    expected = pair(-gamma / 2, gamma**2 / 4 - 1 / 4)
    assert eigenvalues(solution(gamma=gamma, loss=loss)) == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize("loss", [Minimax(), NonSaturating()])
@pytest.mark.parametrize("noise", [0.0, 0.5, 1.0, 2.0])
def test_eigenvalues_under_instance_noise(loss: object, noise: float) -> None:
    expected = pair(-(noise**2) / 4, noise**4 / 16 - 1 / 4)
    assert eigenvalues(solution(noise=noise, loss=loss)) == pytest.approx(expected, abs=1e-7)


def test_two_values_of_noise_stand_for_gaussian_noise() -> None:
    """Near the solution only the variance counts: the gradient of many Gaussian draws has the same slope in psi."""
    draws = torch.randn(2, 400_000, dtype=torch.float64)
    psi = torch.tensor(1e-3, dtype=torch.float64, requires_grad=True)
    loss = Minimax().discriminator(psi * 0.8 * draws[0], psi * 0.8 * draws[1])
    (gaussian,) = torch.autograd.grad(loss, psi)
    game = DiracGame(0.0, 1e-3, noise=0.8).double()
    (ours,) = torch.autograd.grad(game.discriminator_loss(None)[0], game.discriminator.value)
    assert gaussian.item() == pytest.approx(ours.item(), abs=2e-3)
    assert ours.item() / 1e-3 == pytest.approx(0.8**2 / 2, rel=1e-3)


def test_wasserstein_and_hinge_turn_once() -> None:
    for loss in (Wasserstein(), Hinge()):
        assert eigenvalues(solution(loss=loss)) == pytest.approx([-1j, 1j], abs=1e-7)
    assert eigenvalues(solution(loss=Wasserstein(), noise=2.0)) == pytest.approx([-1j, 1j], abs=1e-7)


def test_the_wasserstein_dirac_game_is_the_bilinear_one() -> None:
    dirac = played(DiracGame(1.0, 0.5, loss=Wasserstein()).double(), 0.2, 30)
    bilinear = played(BilinearGame(-1.0, 0.5).double(), 0.2, 30)
    torch.testing.assert_close(dirac, bilinear * torch.tensor([-1.0, 1.0]))


CONVERGES = {
    "nothing": ({}, False),
    "R1": ({"gamma": 1.0}, True),
    "instance noise": ({"noise": 1.0}, True),
    "Wasserstein": ({"loss": Wasserstein()}, False),
    "WGAN-GP": ({"loss": Wasserstein(), "wgan_gp": 1.0}, False),
    "Wasserstein with R1": ({"loss": Wasserstein(), "gamma": 1.0}, True),
    "non-saturating": ({"loss": NonSaturating()}, False),
    "hinge": ({"loss": Hinge()}, False),
    "hinge with R1": ({"loss": Hinge(), "gamma": 0.5}, True),
}


@pytest.mark.parametrize("name", CONVERGES)
def test_which_penalty_converges(name: str) -> None:
    settings, converges = CONVERGES[name]
    distances = played(DiracGame(0.8, 0.3, **settings), 0.1, 500, together=False).norm(dim=1)
    assert (distances[-100:].max().item() < 0.01) == converges
    if not converges:
        assert distances[-100:].max() > 0.3


def test_zeros_of_options_change_nothing() -> None:
    for loss in (Minimax(), Wasserstein()):
        plain = DiracGame(0.8, -0.3, 0.2, loss=loss)
        value = loss.discriminator(torch.zeros(()), torch.tensor(-0.24)) + 0.1 * 0.09
        torch.testing.assert_close(plain.discriminator_loss(None)[0], value)
        assert plain.generator_loss(None)[0] == loss.generator(plain.discriminator() * plain.generator())


# --- fields -----------------------------------------------------------------------------------------------------------


def test_the_field_is_what_a_step_does() -> None:
    game = DiracGame(0.8, -0.3, 0.2)
    velocity = plane_field(game, position(game)[None])[0]
    path = played(DiracGame(0.8, -0.3, 0.2), 0.1, 1)
    torch.testing.assert_close(path[1] - path[0], 0.1 * velocity)


def test_the_field_leaves_the_game_alone() -> None:
    game = BilinearGame(3.0, 4.0)
    game.generator.value.requires_grad_(False)
    points = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    assert torch.equal(plane_field(game, points), torch.tensor([[0.0, 1.0], [-1.0, 0.0]]))
    assert torch.equal(position(game), torch.tensor([3.0, 4.0]))
    assert not game.generator.value.requires_grad


def test_the_jacobian_is_the_slope_of_the_field() -> None:
    game = DiracGame(0.8, -0.3, 0.2, noise=0.4).double()
    small = 1e-5
    steps = small * torch.eye(2).double()
    ahead, behind = (plane_field(game, position(game) + sign * steps) for sign in (1, -1))
    torch.testing.assert_close(field_jacobian(game), ((ahead - behind) / (2 * small)).T, rtol=1e-6, atol=1e-8)


def test_field_errors_are_sentences() -> None:
    with pytest.raises(ValueError, match="a game of two numbers, this one has 4"):
        plane_field(BilinearGame(torch.ones(2), torch.ones(2)), torch.zeros(1, 2))
    with pytest.raises(ValueError, match=r"points must be \[n, 2\], got \(3,\)"):
        plane_field(BilinearGame(), torch.zeros(3))

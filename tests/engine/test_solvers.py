"""Solvers do to weights what their equations say: spectral radii on games that can be solved by hand."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor

from gan_ext.engine import (
    CompetitiveGradientDescent,
    Compute,
    Consensus,
    Engine,
    Extragradient,
    ExtragradientFromPast,
    InTurns,
    LinearGame,
    Lookahead,
    Momentum,
    Optimistic,
    Solver,
    SymplecticAdjustment,
    Unrolled,
    adam,
    alternating,
    sgd,
    simultaneous,
    two_time_scales,
)
from gan_ext.game import Game
from gan_ext.testing import ConstantStream
from gan_ext.toys import BilinearGame, DiracGame, linear_game, measured_matrix, measured_radius

CPU = Compute(device="cpu")
BOTH = simultaneous("discriminator", "generator")


class Nothing(NamedTuple):
    x: Tensor


NOTHING = ConstantStream(Nothing(torch.zeros(1)))


def play(make: Callable[[], Game], solver: Any, rate: float) -> Callable[[], Engine]:
    players = dict.fromkeys(("discriminator", "generator"), sgd(rate))
    return lambda: Engine(make().double(), players, solver, compute=CPU)


SOLVERS = {
    "alternating": InTurns(),
    "simultaneous": InTurns(BOTH),
    "five to one": InTurns(alternating({"discriminator": 5, "generator": 1})),
    "extragradient": Extragradient(),
    "from the past": ExtragradientFromPast(),
    "optimistic": Optimistic(),
    "optimistic in turns": Optimistic(("discriminator", "generator")),
    "negative momentum": Momentum(-0.5),
    "momentum at once": Momentum(0.3, BOTH),
    "consensus": Consensus(0.7),
    "symplectic": SymplecticAdjustment(0.7),
    "symplectic, not aligned": SymplecticAdjustment(0.7, align=False),
    "competitive": CompetitiveGradientDescent(),
    "lookahead": Lookahead(every=5, alpha=0.4),
    "lookahead over optimistic": Lookahead(Optimistic(), every=3),
    "unrolled": Unrolled(3, 0.2),
    "unrolled at once": Unrolled(2, {"discriminator": 0.1}, turns=BOTH),
}


def bilinear() -> Game:
    return BilinearGame(0.0, 0.0)


BILINEAR = torch.tensor([[0.0, -1.0], [1.0, 0.0]])  # discriminator first: its loss is -xy


def period(solver: Solver) -> int:
    return solver.every if isinstance(solver, Lookahead) else 1


@pytest.mark.parametrize("rate", [0.1, 0.5])
@pytest.mark.parametrize("solver", SOLVERS.values(), ids=SOLVERS.keys())
def test_bilinear_steps_are_the_closed_form(solver: Solver, rate: float) -> None:
    found = measured_matrix(play(bilinear, solver, rate), NOTHING, period(solver), scale=1.0)
    torch.testing.assert_close(found, solver.matrix(LinearGame(BILINEAR, rate)), atol=1e-9, rtol=1e-9)


@pytest.mark.parametrize("gamma", [0.0, 0.6])
@pytest.mark.parametrize("solver", [s for name, s in SOLVERS.items() if "unrolled" not in name], ids=repr)
def test_dirac_steps_are_the_closed_form(solver: Solver, gamma: float) -> None:
    jacobian = torch.tensor([[gamma, 0.5], [-0.5, 0.0]])
    engine = play(lambda: DiracGame(0.0, 0.0, gamma), solver, 0.4)
    found = measured_radius(engine, NOTHING, period(solver))
    assert found == pytest.approx(solver.radius(LinearGame(jacobian, 0.4)), abs=1e-4)


def optimistic_root(n: float) -> float:
    b = complex(1, -2 * n)
    root = (b * b + 4 * complex(0, n)) ** 0.5
    return max(abs((b + root) / 2), abs((b - root) / 2))


@pytest.mark.parametrize("steps", [1, 4])
def test_unrolling_on_dirac_is_the_closed_form(steps: int) -> None:
    """Of the zero-sum game: a penalty would be the discriminator's own."""
    solver, jacobian = Unrolled(steps, 0.3), torch.tensor([[0.0, 0.5], [-0.5, 0.0]])
    found = measured_radius(play(lambda: DiracGame(0.0, 0.0), solver, 0.4), NOTHING)
    assert found == pytest.approx(solver.radius(LinearGame(jacobian, 0.4)), abs=1e-4)
    assert found < 1


# Section 4.4 of the project's reference, by formula.
PUBLISHED: dict[str, tuple[Solver, Callable[[float], float]]] = {
    "simultaneous": (InTurns(BOTH), lambda n: math.sqrt(1 + n * n)),
    "alternating": (InTurns(), lambda n: 1.0),
    "extragradient": (Extragradient(), lambda n: math.sqrt(1 - n**2 + n**4)),
    "proximal point": (CompetitiveGradientDescent(), lambda n: 1 / math.sqrt(1 + n * n)),
    "consensus": (Consensus(1.0), lambda n: math.sqrt((1 - n) ** 2 + n * n)),
    "symplectic": (SymplecticAdjustment(1.0), lambda n: math.sqrt((1 - n) ** 2 + n * n)),
    "optimistic": (Optimistic(), optimistic_root),
    "from the past": (ExtragradientFromPast(), optimistic_root),
}


@pytest.mark.parametrize("rate", [0.1, 0.5, 1.0])
@pytest.mark.parametrize(("solver", "formula"), PUBLISHED.values(), ids=PUBLISHED.keys())
def test_bilinear_radii_are_the_published_ones(solver: Solver, formula: Callable[[float], float], rate: float) -> None:
    assert measured_radius(play(bilinear, solver, rate), NOTHING) == pytest.approx(formula(rate), abs=1e-3)


def test_the_published_numbers() -> None:
    assert optimistic_root(0.5) == pytest.approx(0.7071, abs=1e-4)
    assert optimistic_root(1.0) == pytest.approx(1.932, abs=1e-3)
    assert optimistic_root(0.1) == pytest.approx(0.99494, abs=1e-5)
    assert PUBLISHED["extragradient"][1](0.1) == pytest.approx(0.99504, abs=1e-5)


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0])
def test_r1_on_dirac_has_the_published_eigenvalues(gamma: float) -> None:
    n = 0.01
    found = measured_matrix(play(lambda: DiracGame(0.0, 0.0, gamma), InTurns(BOTH), n), NOTHING)
    velocities = (torch.linalg.eigvals(found) - 1) / n
    root = complex(gamma * gamma / 4 - 0.25) ** 0.5
    wanted = torch.tensor([-gamma / 2 + root, -gamma / 2 - root], dtype=torch.complex128)
    order = lambda values: sorted(values.tolist(), key=lambda v: (round(v.real, 4), v.imag))  # noqa: E731
    for a, b in zip(order(velocities), order(wanted), strict=True):
        assert abs(a - b) < 1e-3


@pytest.mark.parametrize("solver", [InTurns(), Extragradient(), Consensus(0.5), Unrolled(2, 0.1)], ids=repr)
def test_a_small_game_as_it_stands_has_the_measured_radius(solver: Solver) -> None:
    gamma = 0.0 if isinstance(solver, Unrolled) else 0.7
    game = linear_game(DiracGame(0.0, 0.0, gamma).double(), (0.2, 0.4))
    players = {"discriminator": sgd(0.4), "generator": sgd(0.2)}
    turns = InTurns(("generator", "discriminator")) if isinstance(solver, InTurns) else solver
    if isinstance(solver, Unrolled):
        turns = Unrolled(2, 0.1, turns=("generator", "discriminator"))
    found = measured_radius(lambda: Engine(DiracGame(0.0, 0.0, gamma).double(), players, turns, compute=CPU), NOTHING)
    assert turns.radius(game) == pytest.approx(found, abs=1e-4)
    with pytest.raises(ValueError, match="one for the generator and one for the discriminator"):
        linear_game(DiracGame(), (0.1, 0.1, 0.1))


def test_two_time_scales_change_the_radius_as_the_product_of_rates() -> None:
    rates = torch.tensor([0.4, 0.1])
    assert InTurns(BOTH).radius(LinearGame(BILINEAR, rates)) == pytest.approx(math.sqrt(1 + 0.04))
    players = {"discriminator": sgd(0.4), "generator": sgd(0.1)}
    found = measured_radius(lambda: Engine(bilinear().double(), players, BOTH, compute=CPU), NOTHING)
    assert found == pytest.approx(math.sqrt(1 + 0.04), abs=1e-6)
    assert InTurns().radius(LinearGame(BILINEAR, rates)) == pytest.approx(1.0)


def test_two_time_scales_gives_each_player_its_rate() -> None:
    engine = Engine(DiracGame(), two_time_scales({"discriminator": 1e-3, "generator": 1e-4}), compute=CPU)
    assert [engine.board.rate(name) for name in engine.board.players] == [1e-3, 1e-4]


def test_optimistic_adam_is_the_published_update() -> None:
    """theta - 2 lr m_t/(sqrt(v_t) + eps) + lr m_{t-1}/(sqrt(v_{t-1}) + eps), with corrected moments."""
    lr, eps, (b1, b2), weights, m, v, past = 0.01, 1e-8, (0.5, 0.9), [0.5, -0.25], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0]
    players = dict.fromkeys(("discriminator", "generator"), adam(lr, (b1, b2), eps))
    engine = Engine(BilinearGame(-0.25, 0.5).double(), players, Optimistic(), compute=CPU).fit(NOTHING, 4)
    for t in range(1, 5):
        gradient = [-weights[1], weights[0]]
        for i in range(2):
            m[i], v[i] = b1 * m[i] + (1 - b1) * gradient[i], b2 * v[i] + (1 - b2) * gradient[i] ** 2
            update = -lr * m[i] / (1 - b1**t) / (math.sqrt(v[i] / (1 - b2**t)) + eps)
            weights[i] += 2 * update - past[i]
            past[i] = update
    found = [engine.parameters[name][0].item() for name in ("discriminator", "generator")]
    assert found == pytest.approx(weights, abs=1e-9)


@pytest.mark.parametrize("matrix", [torch.tensor([[1.0, 0.3], [0.2, 2.0]])])
def test_many_dimensions(matrix: Tensor) -> None:
    """Players of two numbers each, with different singular values."""
    rate, zero = 0.3, torch.zeros(2)
    jacobian = torch.cat([torch.cat([torch.zeros(2, 2), -matrix.T], 1), torch.cat([matrix, torch.zeros(2, 2)], 1)])
    game = LinearGame(jacobian, rate, sizes=(2, 2))
    for solver in (Consensus(0.4), CompetitiveGradientDescent(8), SymplecticAdjustment(0.4), Unrolled(2, 0.2)):
        make = play(lambda: BilinearGame(zero, zero, matrix), solver, rate)
        torch.testing.assert_close(measured_matrix(make, NOTHING, scale=1.0), solver.matrix(game), atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("solver", [Lookahead(every=3), Momentum(), Optimistic(), Extragradient()], ids=repr)
def test_rest_is_a_fixed_point(solver: Solver) -> None:
    engine = play(lambda: DiracGame(0.0, 0.0, 0.3), solver, 0.5)().fit(NOTHING, 6)
    assert all(parameter.item() == 0 for parameters in engine.parameters.values() for parameter in parameters)


def test_lookahead_goes_back_between_steps() -> None:
    make = play(lambda: BilinearGame(1.0, 0.0), Lookahead(InTurns(), every=2, alpha=0.25), 0.5)
    plain = play(lambda: BilinearGame(1.0, 0.0), InTurns(), 0.5)().fit(NOTHING, 2)
    engine = make().fit(NOTHING, 2)
    for name, start in (("generator", 1.0), ("discriminator", 0.0)):
        fast = plain.parameters[name][0].item()
        assert engine.parameters[name][0].item() == pytest.approx(start + 0.25 * (fast - start))


BAD: list[tuple[Callable[[], object], str]] = [
    (lambda: Momentum(1.0), r"beta in \(-1, 1\), got 1.0"),
    (lambda: Consensus(0.0), "gamma > 0, got 0.0"),
    (lambda: SymplecticAdjustment(-1.0), "strength > 0, got -1.0"),
    (lambda: Lookahead(every=1), "every >= 2"),
    (lambda: Lookahead(alpha=1.0), r"alpha in \(0, 1\)"),
    (lambda: Unrolled(0), "steps >= 1"),
    (lambda: Unrolled(rate=0.0), "rate > 0"),
    (lambda: CompetitiveGradientDescent(0), "rounds >= 1"),
    (lambda: CompetitiveGradientDescent(rate=0.0), "rate > 0"),
    (lambda: sgd(0.1, -0.5), "momentum in .*Momentum"),
    (lambda: LinearGame(torch.eye(3), 0.1), "a size for each player"),
    (lambda: LinearGame(torch.eye(2), -0.1), "rates > 0"),
    (lambda: LinearGame(torch.eye(2), torch.ones(3)), "one or 2 of them"),
    (lambda: LinearGame(torch.full((2, 2), math.nan), 0.1), "finite numbers in jacobian"),
    (lambda: Lookahead(Optimistic), r"the class Optimistic; pass Optimistic\(\)"),
    (lambda: Lookahead(("a", "b")), r"goes around a solver, such as InTurns\(\('a', 'b'\)\)"),
    (lambda: play(bilinear, Extragradient, 0.1)(), r"the class Extragradient; pass Extragradient\(\)"),
    (lambda: play(bilinear, "extragradient", 0.1)(), r"solver is 'extragradient'; pass a solver, such as"),
    (lambda: play(bilinear, two_time_scales(), 0.1)(), "Learning rates of the players belong to the optimizers"),
    (lambda: play(bilinear, None, 0.1)().fit(NOTHING, 1.5), "steps=1.5 must be an integer"),
    (lambda: play(bilinear, None, 0.1)().fit(NOTHING, -1), "steps=-1 must be an integer, at least 0"),
    (lambda: play(bilinear, None, 0.1)().fit(NOTHING, 1, [None]), "callbacks has None; give a sequence of functions"),
    (lambda: play(bilinear, None, 0.1)().fit(NOTHING, 1, print), "give a sequence of functions"),
    (lambda: play(bilinear, Lookahead(Lookahead(every=4), every=4), 0.1)(), "nested in one of the same every=4"),
    (lambda: play(bilinear, Unrolled(player="critic"), 0.1)(), "player='critic'"),
    (lambda: play(bilinear, Unrolled(rate={"critic": 0.1}), 0.1)(), "the players of the game"),
    (lambda: Unrolled().radius(LinearGame(torch.eye(3), 0.1, (1, 1, 1), ("a", "generator", "c"))), "two players"),
]


@pytest.mark.parametrize(("build", "message"), BAD)
def test_bad_settings_are_refused(build: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build()

"""check_game: a conformance suite for games.

:func:`check_game` is to games what scikit-learn's ``check_estimator`` is to estimators.
"""

import copy
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from gan_ext.engine import Compute, Engine, Extragradient, OptimizerFactory, adam
from gan_ext.engine.compute import compiled
from gan_ext.game import Game, Loss, Player, opponents_free, owned_parameters
from gan_ext.seeds import reseed, seeded
from gan_ext.toys import DiracGame

__all__ = ["NO_NUMBERS", "WRONG_VALUES", "ConstantStream", "DiracGame", "GameError", "check_game"]

WRONG_VALUES: list[Any] = [
    object(), "x", b"x", "", -1, -0.5, 0, 1e9, 2**70, float("nan"), float("inf"), float("-inf"), True, None, [], {},
    (), ["x"], {"x": "x"}, int, Extragradient, print, torch.zeros(2), Path("x"),
]  # fmt: skip
"""Values that are wrong for nearly every parameter: each is refused by name, or is right for the one it is given to."""

NO_NUMBERS: list[Any] = [object(), "x", b"x", float("nan"), float("inf"), float("-inf"), True, [], int]
"""Values that are wrong for every parameter that is a finite number."""


class GameError(AssertionError):
    """A game breaks a rule that the engine relies on."""


class ConstantStream:
    """A stream that always gives the same batch.

    Args:
        batch: a ``NamedTuple`` of tensors.
    """

    def __init__(self, batch: Any) -> None:
        self.batch = batch

    def __getitem__(self, draw: int) -> Any:
        return self.batch

    def place(self, device: torch.device, rank: int, ranks: int) -> "ConstantStream":
        """Return the stream with its batch on a device; every rank gets the whole batch."""
        return ConstantStream(type(self.batch)(*(value.to(device) for value in self.batch)))


def check_game(
    make: Callable[[], Game],
    batch: Any,
    *,
    optimizers: Mapping[str, OptimizerFactory] | None = None,
    compile: bool = False,
    device: str = "cpu",
) -> None:
    """Check that a game is sound: what the engine promises holds only for games that pass.

    Every player's loss is a finite scalar with a gradient, is the same for the same (weights, batch, seed), reaches
    every parameter of its own with a finite gradient and none of an opponent that is frozen, and logs detached scalars;
    every trainable parameter has exactly one owner; where two players' losses depend on each other's networks, both
    keep the gradient for solvers that ask for it (:func:`~gan_ext.game.opponents_held`, not ``torch.no_grad()``); a run
    that stops and resumes ends with the same bits as one that does not; and, when asked, losses compile without a break
    and agree with eager ones.

    Args:
        make: builds the game, anew at every call.
        batch: one batch of the kind the game takes, on the CPU.
        optimizers: a recipe for each player; Adam if None.
        compile: whether to check compilation too (takes a minute).
        device: where to check.

    Raises:
        GameError: names the player and the rule that is broken.
    """
    with seeded(0):
        game = make().to(device)
        stream = ConstantStream(batch).place(torch.device(device), 0, 1)
        _check_owners(game)
        for name, player in game.players().items():
            _check_loss(name, player, game, stream.batch, torch.device(device))
            if compile:
                _check_compiled(name, player, game, stream.batch, torch.device(device))
        _check_answers(game, stream.batch, torch.device(device))
        _check_resume(make, game, stream, optimizers or dict.fromkeys(game.players(), adam(1e-3)), device)


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise GameError(message)


def _check_owners(game: Game) -> None:
    players = game.players()
    _require(bool(players), "players() names no player.")
    counts: dict[int, int] = {}
    for player in players.values():
        for _, parameter in owned_parameters(player):
            counts[id(parameter)] = counts.get(id(parameter), 0) + 1
    for name, parameter in game.named_parameters():
        owners = counts.get(id(parameter), 0)
        _require(owners == 1 or not parameter.requires_grad, f"Parameter {name!r} has {owners} owners, it needs one.")


def _check_loss(name: str, player: Player, game: Game, batch: Any, device: torch.device) -> None:
    own = dict(owned_parameters(player))
    mine = {id(parameter) for parameter in own.values()}
    flags = [(parameter, parameter.requires_grad) for parameter in game.parameters()]
    try:
        for parameter, _ in flags:
            parameter.requires_grad_(id(parameter) in mine)
            parameter.grad = None
        before = copy.deepcopy(game.state_dict())
        again, _ = _seeded(player, batch, device)
        game.load_state_dict(before)  # running statistics move with every call
        loss, terms = _seeded(player, batch, device)
        _require(loss.dim() == 0, f"{name}: the loss has shape {tuple(loss.shape)}, it must be a scalar.")
        _require(bool(loss.isfinite()), f"{name}: the loss is {loss.item()}.")
        _require(loss.requires_grad, f"{name}: the loss has no gradient.")
        _require(bool(loss == again), f"{name}: the loss differs for the same weights, batch and seed.")
        for term, value in terms.items():
            _require(value.dim() == 0 and not value.requires_grad, f"{name}: term {term!r} must be a detached scalar.")
        loss.backward()
        for other_name, parameter in game.named_parameters():
            reached = parameter.grad is not None and id(parameter) not in mine
            _require(not reached, f"{name}: the loss reaches {other_name!r} of a frozen opponent.")
        for parameter_name, parameter in own.items():
            gradient = parameter.grad
            _require(gradient is not None, f"{name}: the loss does not reach its parameter {parameter_name!r}.")
            assert gradient is not None
            _require(bool(gradient.isfinite().all()), f"{name}: the gradient of {parameter_name!r} is not finite.")
    finally:
        for parameter, flag in flags:
            parameter.requires_grad_(flag)
            parameter.grad = None


def _check_answers(game: Game, batch: Any, device: torch.device) -> None:
    """Check that losses keep gradients to opponents for solvers that differentiate them in all players."""
    players = game.players()
    owned = {name: [parameter for _, parameter in owned_parameters(player)] for name, player in players.items()}
    before = copy.deepcopy(game.state_dict())
    reached = set()
    for name, player in players.items():
        with opponents_free():
            loss, _ = _seeded(player, batch, device)
        for other in players:
            if other != name and owned[other]:
                found = torch.autograd.grad(loss, owned[other], retain_graph=True, allow_unused=True)
                reached |= {(name, other)} if any(each is not None for each in found) else set()
        game.load_state_dict(before)
    for name, other in [(other, name) for name, other in reached if (other, name) not in reached]:
        _require(
            not _depends(game, players[name], owned[other], batch, device),
            f"{name}: the loss depends on {other!r} and keeps no gradient to it when a solver asks for one (Consensus, "
            "Competitive, Symplectic); write `with opponents_held():` in place of `with torch.no_grad():`.",
        )


def _depends(
    game: Game, player: Player, parameters: list[torch.nn.Parameter], batch: Any, device: torch.device
) -> bool:
    """Return whether a loss changes smoothly with an opponent's parameters, as samples that are drawn do not."""
    before = copy.deepcopy(game.state_dict())
    directions = [torch.sign(torch.randn_like(each)) * (each.detach().abs().mean() + 0.01) for each in parameters]

    def difference(step: float) -> float:
        values = []
        for sign in (1.0, -1.0):
            with torch.no_grad():
                for parameter, direction in zip(parameters, directions, strict=True):
                    parameter.add_(direction, alpha=sign * step)
            values.append(float(_seeded(player, batch, device)[0].detach()))
            game.load_state_dict(before)
        return values[0] - values[1]

    steps = [difference(step) for step in (0.04, 0.02, 0.01)]
    large = abs(steps[0]) > 1e-5
    return large and all(1.5 < first / second < 2.7 for first, second in zip(steps, steps[1:], strict=False) if second)


def _seeded(player: Player, batch: Any, device: torch.device) -> Loss:
    reseed(device, 1)
    return player.loss(batch)


def _check_compiled(name: str, player: Player, game: Game, batch: Any, device: torch.device) -> None:
    before = copy.deepcopy(game.state_dict())
    expected, _ = _seeded(player, batch, device)
    game.load_state_dict(before)  # averages and probabilities move with every call
    reseed(device, 1)
    loss, _ = compiled(player.loss, fullgraph=True)(batch)
    close = torch.allclose(loss, expected, rtol=1e-4, atol=1e-5)
    _require(close, f"{name}: the compiled loss is {loss.item()}, the eager one {expected.item()}.")


def _check_resume(
    make: Callable[[], Game],
    game: Game,
    stream: ConstantStream,
    optimizers: Mapping[str, OptimizerFactory],
    device: str,
) -> None:
    def engine() -> Engine:
        # Not a deep copy: a loss that is a closure would still play with the first game's networks.
        fresh = make().to(device)
        _require(fresh is not game, "make() must build the game anew at every call.")
        fresh.load_state_dict(game.state_dict())
        return Engine(fresh, optimizers, ema=0.9, compute=Compute(device, cuda_graph=False))

    whole = engine().fit(stream, steps=4)
    with tempfile.TemporaryDirectory() as directory:
        engine().fit(stream, steps=2).save(directory)
        resumed = engine()
        resumed.resume(directory)
        resumed.fit(stream, steps=4)
    for name, value in whole.game.state_dict().items():
        same = torch.equal(value, resumed.game.state_dict()[name])
        _require(same, f"{name!r} differs between a run that was resumed and one that was not.")

"""Board: what a solver may do with the players of a game: take their gradients, and step their optimizers."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from gan_ext.engine.compute import Compute, compiled
from gan_ext.engine.meters import Meters
from gan_ext.engine.ranks import Ranks
from gan_ext.game import Game, Loss, opponents_free

__all__ = ["Board", "Tensors", "per_player"]

Tensors = dict[str, list[Tensor]]
"""Tensors shaped like the parameters of each player, by the player's name."""


class _Referee(nn.Module):
    """The game as a function of its parameters, for `functional_call`."""

    def __init__(self, game: Game) -> None:
        super().__init__()
        self.game = game

    def forward(self, player: str, batch: Any) -> Loss:
        return self.game.players()[player].loss(batch)


class Board:
    """The players of a game with their optimizers, as a :class:`~gan_ext.engine.Solver` sees them.

    Args:
        game: what is played.
        parameters: what each player owns.
        optimizers: one for each player.
        clip: largest norm of a player's gradient, for those who have one.
        compute: precision and compilation.
        compile: whether to compile the losses now.
        ranks: who averages gradients with whom.
        device: where the game is.

    Attributes:
        memory: tensors that the solver keeps from step to step, by slot, player and parameter; part of checkpoints.
        meters: running means of losses and terms.
        clock: number of the present step, on the device.
    """

    def __init__(
        self,
        game: Game,
        parameters: dict[str, list[nn.Parameter]],
        optimizers: dict[str, torch.optim.Optimizer],
        clip: Mapping[str, float],
        compute: Compute,
        compile: bool,
        ranks: Ranks,
        device: torch.device,
    ) -> None:
        self.game, self.optimizers, self.clip = game, optimizers, dict(clip)
        self.parameters = parameters
        self.compute, self.ranks, self.device = compute, ranks, device
        self.memory: dict[str, Tensors] = {}
        self.meters = Meters(device)
        self.clock = torch.zeros((), dtype=torch.int64, device=device)
        losses: dict[str, Callable[[Any], Loss]] = {name: player.loss for name, player in game.players().items()}
        self._losses = {name: compiled(loss) for name, loss in losses.items()} if compile else losses

    @property
    def players(self) -> tuple[str, ...]:
        """Names of the players."""
        return tuple(self.parameters)

    def own(self, player: str) -> list[Tensor]:
        """Return a player's parameters as plain tensors."""
        return list(self.parameters[player])

    def rate(self, player: str) -> float | Tensor:
        """Return the learning rate of a player's optimizer."""
        rate: float | Tensor = self.optimizers[player].param_groups[0]["lr"]
        return rate

    def move(self, players: Sequence[str], batch: Any) -> None:
        """Let players step together: all gradients are taken before anyone steps."""
        self.differentiate(players, batch)
        self.step(players)

    def differentiate(self, players: Sequence[str], batch: Any) -> None:
        """Put the gradient of each player's loss into its parameters' `grad`; opponents are frozen."""
        for name in players:
            for other, parameters in self.parameters.items():
                for parameter in parameters:
                    parameter.requires_grad_(other == name)
            for parameter in self.parameters[name]:
                parameter.grad = None
            self.loss(name, batch).backward()

    def step(self, players: Sequence[str]) -> None:
        """Average the players' gradients over ranks, clip them, and let their optimizers step."""
        for name in players:
            self.ranks.average_gradients(self.parameters[name])
            if name in self.clip:
                nn.utils.clip_grad_norm_(self.parameters[name], self.clip[name])
            self.optimizers[name].step()

    def loss(self, player: str, batch: Any) -> Tensor:
        """Return a player's loss, and log it with its terms."""
        with self.compute.autocast(self.device):
            loss, terms = self._losses[player](batch)
        self.meters.add(player, loss, terms, self.clock)
        return loss

    def loss_at(self, player: str, batch: Any, parameters: Mapping[str, Sequence[Tensor]]) -> Tensor:
        """Return a player's loss where some players have other parameters than now, as a function of those."""
        places = {
            id(own): new
            for name, news in parameters.items()
            for own, new in zip(self.parameters[name], news, strict=True)
        }
        named = self.game.named_parameters(prefix="game", remove_duplicate=False)
        swapped = {name: places[id(own)] for name, own in named if id(own) in places}
        with self.compute.autocast(self.device):
            judged: Loss = torch.func.functional_call(_Referee(self.game), swapped, (player, batch), tie_weights=False)
        return judged[0]

    def field(self, batch: Any) -> Tensors:
        r"""Return every player's gradient as a function of everyone's parameters, to be differentiated again.

        .. math:: v = (\nabla_{\theta_1} L_1, \dots, \nabla_{\theta_n} L_n)
        """
        self.free()
        with opponents_free():
            losses = {name: self.loss(name, batch) for name in self.players}
        return {
            name: list(torch.autograd.grad(loss, self.parameters[name], create_graph=True, materialize_grads=True))
            for name, loss in losses.items()
        }

    def free(self) -> None:
        """Let every parameter keep a gradient."""
        for parameters in self.parameters.values():
            for parameter in parameters:
                parameter.requires_grad_(True)

    def set_gradients(self, gradients: Tensors) -> None:
        """Put gradients in the place of those that :meth:`differentiate` takes."""
        for name, values in gradients.items():
            for parameter, value in zip(self.parameters[name], values, strict=True):
                parameter.grad = value.detach().to(parameter.dtype)

    @torch.no_grad()
    def copies(self, players: Sequence[str]) -> Tensors:
        """Return copies of the players' parameters."""
        return {name: [parameter.clone() for parameter in self.parameters[name]] for name in players}

    @torch.no_grad()
    def put(self, values: Tensors) -> None:
        """Set players' parameters."""
        for name, news in values.items():
            torch._foreach_copy_(self.own(name), news)


def per_player(clip: float | Mapping[str, float] | None, players: Mapping[str, Any]) -> dict[str, float]:
    """Return the largest norm of each player's gradient that is given one."""
    norms = dict(clip) if isinstance(clip, Mapping) else {} if clip is None else dict.fromkeys(players, clip)
    for player, norm in norms.items():
        if player not in players or not norm > 0:
            raise ValueError(f"clip={clip!r} must give positive norms to players among {', '.join(players)}.")
    return norms

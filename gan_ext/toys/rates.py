"""Convergence rates of solvers: spectral radius of the engine's own steps near an equilibrium."""

from collections.abc import Callable

import torch
from torch import Tensor

from gan_ext.engine import Engine, Stream

__all__ = ["measured_matrix", "measured_radius"]


@torch.no_grad()
def measured_matrix(make: Callable[[], Engine], stream: Stream, steps: int = 1, scale: float = 1e-6) -> Tensor:
    r"""Return the linear map of some steps near the equilibrium 0, column by column, from the engine itself.

    .. math:: M e_i = f(s e_i) / s

    where f is what `steps` steps do to the players' parameters and to what the solver remembers, and s is small, so
    that a smooth game is linear there.

    Args:
        make: builds an engine, with a game in float64 whose solution is at 0 and plain descent for optimizers.
        stream: batches for it.
        steps: steps of one map; the period of a solver that has one (as :class:`~gan_ext.engine.Lookahead`, whose slow
            weights begin where the fast ones do).
        scale: s.
    """
    size = len(_state(make()))
    columns = []
    for index in range(size):
        engine = make()
        _place(engine, scale * torch.eye(size, dtype=torch.float64)[index])
        with torch.enable_grad():
            engine.fit(stream, steps)
        columns.append(_state(engine) / scale)
    return torch.stack(columns, dim=1)


def measured_radius(make: Callable[[], Engine], stream: Stream, steps: int = 1, scale: float = 1e-6) -> float:
    r"""Return the spectral radius of one step, from :func:`measured_matrix`.

    .. math:: \rho = \max_i |\lambda_i(M)|^{1 / \text{steps}}

    Args:
        make: see :func:`measured_matrix`.
        stream: see :func:`measured_matrix`.
        steps: see :func:`measured_matrix`.
        scale: see :func:`measured_matrix`.
    """
    values = torch.linalg.eigvals(measured_matrix(make, stream, steps, scale))
    return float(float(values.abs().max()) ** (1 / steps))


def _parts(engine: Engine) -> list[Tensor]:
    """Return the parameters, then what is remembered of them; slow weights are no state of their own."""
    weights = [parameter for parameters in engine.parameters.values() for parameter in parameters]
    slots = {slot: players for slot, players in engine.board.memory.items() if not slot.startswith("slow")}
    return weights + [value for players in slots.values() for values in players.values() for value in values]


def _state(engine: Engine) -> Tensor:
    return torch.cat([part.detach().reshape(-1) for part in _parts(engine)])


def _place(engine: Engine, state: Tensor) -> None:
    parts = _parts(engine)
    for part, values in zip(parts, state.split([part.numel() for part in parts]), strict=True):
        part.copy_(values.view_as(part))
    for slot, players in engine.board.memory.items():
        if slot.startswith("slow"):
            for name, values in players.items():
                torch._foreach_copy_(values, list(engine.parameters[name]))

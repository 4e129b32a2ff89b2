"""The state of a run as tensors and JSON, for checkpoints: game, averages, optimizers, meters, step."""

from collections.abc import Mapping
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from gan_ext.engine.board import Board
from gan_ext.engine.checkpoint import Checkpoint, CheckpointError
from gan_ext.engine.ema import ExponentialMovingAverage
from gan_ext.engine.meters import Meters
from gan_ext.engine.solvers import Solver
from gan_ext.engine.turns import Moves
from gan_ext.game import Game
from gan_ext.precision import linear_backend

__all__ = ["Run", "capture", "restore"]


_ELEMENTWISE = (  # optimizers that keep numbers of each parameter in its shape, and counts
    torch.optim.Adadelta, torch.optim.Adagrad, torch.optim.Adam, torch.optim.AdamW, torch.optim.Adamax,
    torch.optim.NAdam, torch.optim.RAdam, torch.optim.RMSprop, torch.optim.SGD,
)  # fmt: skip


class Run(Protocol):
    """What of an engine goes into a checkpoint, or is compared with one."""

    step: int
    seed: int
    history: list[dict[str, Any]]
    game: Game
    ema: ExponentialMovingAverage | None
    optimizers: dict[str, torch.optim.Optimizer]
    solver: Solver
    moves: Moves
    board: Board


def capture(run: Run) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the tensors and the index that a checkpoint of this run holds."""
    tensors = _prefixed("game", run.game.state_dict())
    if run.ema:
        tensors |= _prefixed("ema", run.ema.module.state_dict())
        tensors["ema_updates"] = run.ema.updates
    groups = {}
    for player, optimizer in run.optimizers.items():
        values, groups[player] = _flattened(optimizer)
        tensors |= _prefixed(f"optimizers/{player}", values)
    tensors |= _prefixed("meters", run.board.meters.state())
    tensors |= _prefixed("solver", _remembered(run))
    index = {
        "game": _description(run.game),
        "seed": run.seed,
        "step": run.step,
        "moves": [list(move) for move in run.moves],
        "solver": repr(run.solver),
        "linear": _linear(run),
        "ema": run.ema.decay if run.ema else None,
        "optimizers": groups,
        "meters": run.board.meters.names,
        "history": run.history,
    }
    return tensors, index


def restore(run: Run, checkpoint: Checkpoint) -> None:
    """Put a run into the state of a checkpoint, or say why that checkpoint is not for it and change nothing."""
    tensors, index = checkpoint.tensors, checkpoint.index
    try:
        _check_kind(checkpoint)
        _check_fit(run, checkpoint)
        _check_content(run, checkpoint)
        optimizers = {
            player: _unflattened(optimizer, _selected(f"optimizers/{player}", tensors), index["optimizers"][player])
            for player, optimizer in run.optimizers.items()
        }
        Meters(run.board.device).load(index["meters"], _selected("meters", tensors))
    except (LookupError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        if isinstance(error, CheckpointError):
            raise
        what = f"{type(error).__name__}: {error}"
        raise CheckpointError(
            f"{checkpoint.path} matches its checksum, but its content is not what this package writes ({what})."
        ) from error
    run.game.load_state_dict(_selected("game", tensors))
    if run.ema:
        run.ema.module.load_state_dict(_selected("ema", tensors))
        run.ema.updates.copy_(tensors["ema_updates"])
    for player, optimizer in run.optimizers.items():
        optimizer.load_state_dict(optimizers[player])
    run.board.meters.load(index["meters"], _selected("meters", tensors))
    remembered = _selected("solver", tensors)
    for name, value in _remembered(run).items():
        value.copy_(remembered[name])
    run.step = index["step"]
    run.history[:] = index["history"]
    run.board.clock.fill_(run.step)


def _check_kind(checkpoint: Checkpoint) -> None:
    """Raise CheckpointError for files of this package that hold something else than a run."""
    index, path = checkpoint.index, checkpoint.path
    if "estimator" in index:
        kind = index["estimator"]
        raise CheckpointError(f"{path} is a saved {kind}, not a checkpoint of a run; read it with {kind}.load.")
    if "game" not in index or "optimizers" not in index:
        raise CheckpointError(
            f"{path} holds {len(checkpoint.tensors)} tensors, but no run: no step, no optimizers. It is not a file "
            "that Engine.save wrote (a guard's best weights, perhaps), and nothing can be resumed from it."
        )


def _check_content(run: Run, checkpoint: Checkpoint) -> None:
    """Raise CheckpointError or ValueError unless the tensors are those of such a run, and its numbers numbers."""
    tensors, index, path = checkpoint.tensors, checkpoint.index, checkpoint.path
    wanted = _prefixed("game", run.game.state_dict()) | _prefixed("solver", _remembered(run))
    trained = [f"game/{name}" for name, _ in run.game.named_parameters()]
    if run.ema:
        wanted |= _prefixed("ema", run.ema.module.state_dict()) | {"ema_updates": run.ema.updates}
        trained += [f"ema/{name}" for name, _ in run.ema.module.named_parameters()]
    for name, value in wanted.items():
        if tensors[name].shape != value.shape or tensors[name].dtype != value.dtype:
            found = tensors[name]
            raise ValueError(f"{name} is {found.dtype}{list(found.shape)}, not {value.dtype}{list(value.shape)}")
    spoilt = next((name for name in trained if not bool(tensors[name].isfinite().all())), None)
    if spoilt is not None:
        raise CheckpointError(f"{path} has weights that are not finite ({spoilt}); resume from an older checkpoint.")
    step, history = index["step"], index["history"]
    if not isinstance(step, int) or isinstance(step, bool) or step < 0:
        raise ValueError(f"step is {step!r}")
    if not isinstance(history, list) or not all(isinstance(record, dict) for record in history):
        raise ValueError("history is no list of records")


def _check_fit(run: Run, checkpoint: Checkpoint) -> None:
    index, path = checkpoint.index, checkpoint.path
    mine, theirs = _description(run.game), index["game"]
    if mine["class"] != theirs["class"]:
        raise CheckpointError(f"{path} is of the game {theirs['class']}, not {mine['class']}.")
    differing = sorted(
        name
        for name in mine["shapes"].keys() | theirs["shapes"].keys()
        if mine["shapes"].get(name) != theirs["shapes"].get(name)
    )
    if differing:
        name = differing[0]
        raise CheckpointError(
            f"{path} does not fit: {name!r} is {theirs['shapes'].get(name, 'absent')} there and "
            f"{mine['shapes'].get(name, 'absent')} here ({len(differing)} differ). Build the networks as they were."
        )
    settings: dict[str, Any] = {
        "seed": run.seed,
        "ema": run.ema.decay if run.ema else None,
        "solver": repr(run.solver),
        "moves": [list(move) for move in run.moves],
    }
    for name, value in settings.items():
        if name in index and index[name] != value:  # the first checkpoints of this format knew moves only
            raise CheckpointError(
                f"{path} was made with {name}={index[name]}, this engine has {name}={value}. "
                f"Build it with the same {name}, or start anew in another folder."
            )
    there, here = index.get("linear"), _linear(run)
    if there and here and there != here:
        raise CheckpointError(
            f"{path} was made with the library {there!r} for products of matrices, this process has {here!r}: the bits "
            f"would differ. Start it with GAN_EXT_LINEAR={there}, or start anew in another folder."
        )
    for player, optimizer in run.optimizers.items():
        kind = type(optimizer).__name__
        there = index["optimizers"].get(player, {}).get("class")
        if there != kind:
            raise CheckpointError(f"{path} has the optimizer {there} for player {player!r}, this engine has {kind}.")
        trained = [len(group["params"]) for group in optimizer.param_groups]
        trained_there = [len(group["params"]) for group in index["optimizers"][player]["groups"]]
        if trained != trained_there:
            raise CheckpointError(
                f"{path} trains {sum(trained_there)} tensors of player {player!r}, this engine {sum(trained)}. Freeze "
                "the same parameters."
            )


def _linear(run: Run) -> str | None:
    """Return which library multiplies matrices in this run, None on a GPU."""
    return linear_backend() if run.board.device.type == "cpu" else None


def _remembered(run: Run) -> dict[str, Tensor]:
    return {
        f"{slot}/{player}/{number}": value
        for slot, players in run.board.memory.items()
        for player, values in players.items()
        for number, value in enumerate(values)
    }


def _description(game: nn.Module) -> dict[str, Any]:
    shapes = {name: f"{value.dtype}{list(value.shape)}" for name, value in game.state_dict().items()}
    return {"class": f"{type(game).__module__}.{type(game).__qualname__}", "shapes": shapes}


def _prefixed(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {f"{prefix}/{name}": value for name, value in tensors.items()}


def _selected(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name[len(prefix) + 1 :]: value for name, value in tensors.items() if name.startswith(f"{prefix}/")}


def _flattened(optimizer: torch.optim.Optimizer) -> tuple[dict[str, Tensor], dict[str, Any]]:
    whole = optimizer.state_dict()
    tensors, numbers = {}, {}
    for key, entries in whole["state"].items():
        for name, value in entries.items():
            if isinstance(value, Tensor):
                tensors[f"{key}/{name}"] = value
            else:
                numbers[f"{key}/{name}"] = value
    groups = [
        {name: value.item() if isinstance(value, Tensor) else value for name, value in group.items()}
        for group in whole["param_groups"]
    ]
    return tensors, {"class": type(optimizer).__name__, "numbers": numbers, "groups": groups}


def _unflattened(
    optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor], index: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the state of an optimizer as its `load_state_dict` takes it."""
    entries: dict[int, dict[str, Any]] = {}
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    for key, value in {**tensors, **index["numbers"]}.items():
        number, name = key.split("/", 1)
        _check_entry(optimizer, f"{key} of its optimizer", parameters[int(number)], value)
        entries.setdefault(int(number), {})[name] = _laid_out_like(parameters[int(number)], value)
    names = set[str]().union(*entries.values())
    if type(optimizer) in (torch.optim.Adam, torch.optim.AdamW) and entries:
        names |= {"step", "exp_avg", "exp_avg_sq"}
    for number, entry in entries.items():
        if entry.keys() != names:
            raise ValueError(f"the optimizer has no {sorted(names - entry.keys())[0]} of tensor {number}")
    groups = []
    for saved, present in zip(index["groups"], optimizer.param_groups, strict=True):
        # Options that are tensors or tuples here come back as such; JSON knows numbers and lists only.
        groups.append({name: _like(present.get(name), value) for name, value in saved.items()})
    return {"state": entries, "param_groups": groups}


def _check_entry(optimizer: torch.optim.Optimizer, name: str, parameter: Tensor, value: Any) -> None:
    """Raise ValueError if what an optimizer keeps of a parameter cannot be that: it would fail at the next step."""
    if not isinstance(value, Tensor):
        return
    if value.is_floating_point() and not bool(value.isfinite().all()):
        raise ValueError(f"{name} is not finite")
    if type(optimizer) in _ELEMENTWISE and value.shape != parameter.shape and value.numel() != 1:
        raise ValueError(f"{name} is {list(value.shape)}, not {list(parameter.shape)}")


def _laid_out_like(parameter: Tensor, value: Any) -> Any:
    """Return the value in the memory format of the parameter: fused optimizers walk both side by side."""
    if not isinstance(value, Tensor) or value.shape != parameter.shape:
        return value
    return torch.empty_like(parameter, dtype=value.dtype).copy_(value)


def _like(present: Any, value: Any) -> Any:
    if isinstance(present, Tensor):
        return torch.as_tensor(value, dtype=present.dtype, device=present.device)
    return tuple(value) if isinstance(present, tuple) else value

"""The engine: the only training loop in the repository, and all that belongs to running it."""

from gan_ext.engine.callbacks import Every, SaveEvery, StopAfter
from gan_ext.engine.checkpoint import CheckpointError, check_weights, ensure_writable, write_atomically, write_tensors
from gan_ext.engine.checkpoint import read as read_tensors
from gan_ext.engine.compute import Compute, resolve_device
from gan_ext.engine.loop import Callback, Engine, NonFiniteLossError, Stream
from gan_ext.engine.optimizers import OptimizerFactory, adam, sgd, two_time_scales
from gan_ext.engine.ranks import Ranks
from gan_ext.engine.schedules import Schedule, cosine, flat_then_linear, linear, sigmoid_rise
from gan_ext.engine.solvers import (
    CompetitiveGradientDescent,
    Consensus,
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
    as_solver,
)
from gan_ext.engine.turns import Turns, alternating, simultaneous

__all__ = [
    "Callback",
    "CheckpointError",
    "CompetitiveGradientDescent",
    "Compute",
    "Consensus",
    "Engine",
    "Every",
    "Extragradient",
    "ExtragradientFromPast",
    "InTurns",
    "LinearGame",
    "Lookahead",
    "Momentum",
    "NonFiniteLossError",
    "Optimistic",
    "OptimizerFactory",
    "Ranks",
    "SaveEvery",
    "Schedule",
    "Solver",
    "StopAfter",
    "Stream",
    "SymplecticAdjustment",
    "Turns",
    "Unrolled",
    "adam",
    "alternating",
    "as_solver",
    "check_weights",
    "cosine",
    "ensure_writable",
    "flat_then_linear",
    "linear",
    "read_tensors",
    "resolve_device",
    "sgd",
    "sigmoid_rise",
    "simultaneous",
    "two_time_scales",
    "write_atomically",
    "write_tensors",
]

"""The engine: the only training loop in the repository, and all that belongs to running it."""

from gan_ext.engine.callbacks import Callback, Every, SaveEvery
from gan_ext.engine.checkpoint import CheckpointError, ensure_writable, write_atomically, write_tensors
from gan_ext.engine.checkpoint import read as read_tensors
from gan_ext.engine.compute import Compute, resolve_device
from gan_ext.engine.loop import Engine, NonFiniteLossError, Stream
from gan_ext.engine.optimizers import OptimizerFactory, adam
from gan_ext.engine.ranks import Ranks
from gan_ext.engine.schedules import Schedule, cosine, flat_then_linear, linear, sigmoid_rise
from gan_ext.engine.turns import Turns, alternating, simultaneous

__all__ = [
    "Callback",
    "CheckpointError",
    "Compute",
    "Engine",
    "Every",
    "NonFiniteLossError",
    "OptimizerFactory",
    "Ranks",
    "SaveEvery",
    "Schedule",
    "Stream",
    "Turns",
    "adam",
    "alternating",
    "cosine",
    "ensure_writable",
    "flat_then_linear",
    "linear",
    "read_tensors",
    "resolve_device",
    "sigmoid_rise",
    "simultaneous",
    "write_atomically",
    "write_tensors",
]

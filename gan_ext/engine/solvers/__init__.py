"""Solvers: how a game is played (in turns, extragradient, optimistic, consensus, ...), as an object for the engine."""

from gan_ext.engine.solvers.adjusted import Consensus, SymplecticAdjustment
from gan_ext.engine.solvers.competitive import CompetitiveGradientDescent
from gan_ext.engine.solvers.displacement import Momentum, Optimistic
from gan_ext.engine.solvers.extrapolation import Extragradient, ExtragradientFromPast
from gan_ext.engine.solvers.lookahead import Lookahead
from gan_ext.engine.solvers.solver import InTurns, LinearGame, Solver, as_solver
from gan_ext.engine.solvers.unrolled import Unrolled

__all__ = [
    "CompetitiveGradientDescent",
    "Consensus",
    "Extragradient",
    "ExtragradientFromPast",
    "InTurns",
    "LinearGame",
    "Lookahead",
    "Momentum",
    "Optimistic",
    "Solver",
    "SymplecticAdjustment",
    "Unrolled",
    "as_solver",
]

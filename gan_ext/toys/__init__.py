"""Toy problems: Dirac-GAN and bilinear games, rings and grids of Gaussians, Stacked MNIST, published protocols."""

from gan_ext.toys.classifier import DigitReader, digit_reader
from gan_ext.toys.distributions import GaussianGrid, GaussianRing, PlanarMixture, Spiral
from gan_ext.toys.fields import Trajectory, field_jacobian, linear_game, plane_field, position
from gan_ext.toys.games import BilinearGame, DiracGame, Point
from gan_ext.toys.protocols import AdamNumbers, Published, StackedDigits, ToyProtocol
from gan_ext.toys.published import PROTOCOLS
from gan_ext.toys.rates import measured_matrix, measured_radius
from gan_ext.toys.small_games import SMALL_GAMES, SmallGame, solver_radii
from gan_ext.toys.sprites import SpriteProtocol

__all__ = [
    "PROTOCOLS",
    "SMALL_GAMES",
    "AdamNumbers",
    "BilinearGame",
    "DigitReader",
    "DiracGame",
    "GaussianGrid",
    "GaussianRing",
    "PlanarMixture",
    "Point",
    "Published",
    "SmallGame",
    "Spiral",
    "SpriteProtocol",
    "StackedDigits",
    "ToyProtocol",
    "Trajectory",
    "digit_reader",
    "field_jacobian",
    "linear_game",
    "measured_matrix",
    "measured_radius",
    "plane_field",
    "position",
    "solver_radii",
]

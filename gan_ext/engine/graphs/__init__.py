"""CUDA graphs of whole steps, and the watch over what such a graph has baked in."""

from gan_ext.engine.graphs.state import PythonState
from gan_ext.engine.graphs.step import GraphedStep

__all__ = ["GraphedStep", "PythonState"]

"""One HTML file in which a fitted generator runs and its codes can be played with: no server, no network."""

from gan_ext.explorer.layers import export_layers
from gan_ext.explorer.page import write_explorer

__all__ = ["export_layers", "write_explorer"]

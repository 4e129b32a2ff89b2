"""Interactive latent explorer: one HTML file in which a generator runs and its codes are moved; no server needed."""

from gan_ext.explorer.layers import export_layers
from gan_ext.explorer.page import write_explorer

__all__ = ["export_layers", "write_explorer"]

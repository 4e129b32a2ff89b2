"""Pictures of samples, codes and learning curves (needs matplotlib, in the extra ``recipes``)."""

from gan_ext.pictures.bars import draw_bars
from gan_ext.pictures.chains import ChainFilm, LivePicture
from gan_ext.pictures.codes import draw_feature_traversals, draw_heatmap
from gan_ext.pictures.curves import draw_curves, draw_frontiers
from gan_ext.pictures.fields import FieldPanel, animate, animate_clouds, animate_fields, draw_clouds, draw_fields
from gan_ext.pictures.images import class_rows, draw_images, draw_traversals, image_grid
from gan_ext.pictures.molecules import draw_molecules
from gan_ext.pictures.panels import draw_courses, draw_growth, panels, plot_courses
from gan_ext.pictures.report import draw_code_report
from gan_ext.pictures.trade_offs import Setting, draw_trade_offs, settings_of
from gan_ext.pictures.tree import draw_tree
from gan_ext.pictures.vitals import diagnosis_figure

__all__ = [
    "ChainFilm",
    "FieldPanel",
    "LivePicture",
    "Setting",
    "animate",
    "animate_clouds",
    "animate_fields",
    "class_rows",
    "diagnosis_figure",
    "draw_bars",
    "draw_clouds",
    "draw_code_report",
    "draw_courses",
    "draw_curves",
    "draw_feature_traversals",
    "draw_fields",
    "draw_frontiers",
    "draw_growth",
    "draw_heatmap",
    "draw_images",
    "draw_molecules",
    "draw_trade_offs",
    "draw_traversals",
    "draw_tree",
    "image_grid",
    "panels",
    "plot_courses",
    "settings_of",
]

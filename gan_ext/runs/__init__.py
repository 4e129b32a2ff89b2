"""What every recipe shares, so that a recipe says what is trained and what is measured.

Its options (:class:`Options`, :class:`Seeds`), its rows that are kept and resumed (:class:`Experiment`), their mean and
spread, the printed table, a live bar, the result file and where the result came from.
"""

from gan_ext.runs.experiment import Experiment
from gan_ext.runs.files import read_npz, write_json, write_pages, write_result
from gan_ext.runs.frontiers import (
    frontiers_of,
    print_points,
    told_beside_sharpening,
    told_gains,
    uncertain_points,
    with_intervals,
)
from gan_ext.runs.kept import KeepBest, fit_kept
from gan_ext.runs.live import LiveText, Progress, Written
from gan_ext.runs.molecule_options import MoleculeOptions
from gan_ext.runs.options import Options, Seeds, StoppedEarlyError, at_least, launch, plain_errors
from gan_ext.runs.playing import adam_engine
from gan_ext.runs.provenance import environment, source_commit
from gan_ext.runs.recorded import RecordEvery, fit_recorded
from gan_ext.runs.samples import averaged_samples
from gan_ext.runs.sequence_fits import SequenceFits
from gan_ext.runs.store import cell_name
from gan_ext.runs.summary import (
    Spread,
    compared,
    course,
    courses,
    flat,
    named,
    over_seeds,
    print_table,
    spread,
    spreads,
    table_cells,
)
from gan_ext.runs.timing import clock, step_costs

__all__ = [
    "Experiment",
    "KeepBest",
    "LiveText",
    "MoleculeOptions",
    "Options",
    "Progress",
    "RecordEvery",
    "Seeds",
    "SequenceFits",
    "Spread",
    "StoppedEarlyError",
    "Written",
    "adam_engine",
    "at_least",
    "averaged_samples",
    "cell_name",
    "clock",
    "compared",
    "course",
    "courses",
    "environment",
    "fit_kept",
    "fit_recorded",
    "flat",
    "frontiers_of",
    "launch",
    "named",
    "over_seeds",
    "plain_errors",
    "print_points",
    "print_table",
    "read_npz",
    "source_commit",
    "spread",
    "spreads",
    "step_costs",
    "table_cells",
    "told_beside_sharpening",
    "told_gains",
    "uncertain_points",
    "with_intervals",
    "write_json",
    "write_pages",
    "write_result",
]

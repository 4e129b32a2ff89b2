"""Streams: batches by number, from tensors, from what is larger than memory, and from what comes row by row."""

from gan_ext.data.streams.array_stream import ArrayStream, SemiStream
from gan_ext.data.streams.passes import Passes, PassStream
from gan_ext.data.streams.placing import DataDevice
from gan_ext.data.streams.rows import ScaledRows
from gan_ext.data.streams.sources import ArraySource, DatasetSource, Source

__all__ = [
    "ArraySource",
    "ArrayStream",
    "DataDevice",
    "DatasetSource",
    "PassStream",
    "Passes",
    "ScaledRows",
    "SemiStream",
    "Source",
]

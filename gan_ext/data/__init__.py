"""Data: streams of batches, labelled and unlabelled splits, readers of standard files."""

from gan_ext.data.augment import RandomAffine
from gan_ext.data.idx import DataError, ImageData, fetch_mnist, read_mnist
from gan_ext.data.splits import SemiSupervisedSplit, semi_supervised_split
from gan_ext.data.streams import ArrayStream, SemiStream

__all__ = [
    "ArrayStream",
    "DataError",
    "ImageData",
    "RandomAffine",
    "SemiStream",
    "SemiSupervisedSplit",
    "fetch_mnist",
    "read_mnist",
    "semi_supervised_split",
]

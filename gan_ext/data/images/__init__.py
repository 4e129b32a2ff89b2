"""Images: readers, augmentations, rendered sprites, whitening."""

from gan_ext.data.images.augment import Cutout, RandomAffine, RandomElastic, RandomFlip, RandomShift
from gan_ext.data.images.cifar import read_cifar10
from gan_ext.data.images.color import (
    AutoContrast,
    RandomChoice,
    RandomColor,
    RandomPosterize,
    RandomSharpness,
    RandomSolarize,
    strong_augmentation,
    weak_and_strong,
)
from gan_ext.data.images.differentiable import AdaptiveAugment, DiffAugment, InstanceNoise
from gan_ext.data.images.dsprites import StoredSprites, read_dsprites
from gan_ext.data.images.few_labels import few_labels
from gan_ext.data.images.idx import ImageData, fetch_mnist, read_mnist
from gan_ext.data.images.layout import ChannelsFirst
from gan_ext.data.images.sprites import FactorialImages, Sprites, SpriteStream
from gan_ext.data.images.stacked import StackedStream, stacked_labels
from gan_ext.data.images.unit import UnitImages, unit_images
from gan_ext.data.images.whitening import ZCAWhitening

__all__ = [
    "AdaptiveAugment",
    "AutoContrast",
    "ChannelsFirst",
    "Cutout",
    "DiffAugment",
    "FactorialImages",
    "ImageData",
    "InstanceNoise",
    "RandomAffine",
    "RandomChoice",
    "RandomColor",
    "RandomElastic",
    "RandomFlip",
    "RandomPosterize",
    "RandomSharpness",
    "RandomShift",
    "RandomSolarize",
    "SpriteStream",
    "Sprites",
    "StackedStream",
    "StoredSprites",
    "UnitImages",
    "ZCAWhitening",
    "fetch_mnist",
    "few_labels",
    "read_cifar10",
    "read_dsprites",
    "read_mnist",
    "stacked_labels",
    "strong_augmentation",
    "unit_images",
    "weak_and_strong",
]

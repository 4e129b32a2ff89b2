"""Taxonomy of generative models: a small model for each branch (the flow needs zuko, in the extra ``taxonomy``)."""

from gan_ext.taxonomy.explicit import Autoregressive, Boltzmann, Flow, Variational
from gan_ext.taxonomy.implicit import GAN, LikelihoodGAN, Stochastic
from gan_ext.taxonomy.measuring import ImageScores, PointScores, SampleScores, fit_and_measure, sample_times
from gan_ext.taxonomy.model import (
    Chain,
    Data,
    Form,
    Model,
    cells,
    count_parameters,
    largest_width,
    small_model,
    within,
)
from gan_ext.taxonomy.tree import MODELS, TREE, Leaf

__all__ = [
    "GAN",
    "MODELS",
    "TREE",
    "Autoregressive",
    "Boltzmann",
    "Chain",
    "Data",
    "Flow",
    "Form",
    "ImageScores",
    "Leaf",
    "LikelihoodGAN",
    "Model",
    "PointScores",
    "SampleScores",
    "Stochastic",
    "Variational",
    "cells",
    "count_parameters",
    "fit_and_measure",
    "largest_width",
    "sample_times",
    "small_model",
    "within",
]

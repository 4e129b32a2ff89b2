"""Taxonomy of generative models: a small model for each branch (the flow needs zuko, in the extra ``taxonomy``)."""

from gan_ext.taxonomy.explicit import Autoregressive, Boltzmann, Flow, Variational
from gan_ext.taxonomy.implicit import GAN, LikelihoodGAN, Stochastic
from gan_ext.taxonomy.model import Chain, Data, Form, Model, cells, count_parameters, largest_width, within

__all__ = [
    "GAN",
    "Autoregressive",
    "Boltzmann",
    "Chain",
    "Data",
    "Flow",
    "Form",
    "LikelihoodGAN",
    "Model",
    "Stochastic",
    "Variational",
    "cells",
    "count_parameters",
    "largest_width",
    "within",
]

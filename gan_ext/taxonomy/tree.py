"""The tree of generative models: what each branch hangs from, and the model at each leaf."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from gan_ext.taxonomy.explicit import Autoregressive, Boltzmann, Flow, Variational
from gan_ext.taxonomy.implicit import GAN, LikelihoodGAN, Stochastic
from gan_ext.taxonomy.model import Model

__all__ = ["MODELS", "TREE", "Leaf"]

Leaf = Literal["autoregressive", "flow", "variational", "Boltzmann", "generative stochastic", "GAN", "GAN, likelihood"]
"""Name of a leaf."""

MODELS: Mapping[Leaf, type[Model]] = MappingProxyType({
    "autoregressive": Autoregressive, "flow": Flow, "variational": Variational, "Boltzmann": Boltzmann,
    "generative stochastic": Stochastic, "GAN": GAN, "GAN, likelihood": LikelihoodGAN,
})  # fmt: skip
"""Leaf to its model."""

TREE: Mapping[str, str | None] = MappingProxyType({
    "likelihood": None, "explicit": "likelihood", "implicit": "likelihood",
    "tractable": "explicit", "approximate": "explicit", "Markov chain": "implicit", "direct": "implicit",
    "autoregressive": "tractable", "flow": "tractable", "variational": "approximate", "Boltzmann": "approximate",
    "generative stochastic": "Markov chain", "GAN": "direct", "GAN, likelihood": "direct",
})  # fmt: skip
"""Branch to what it hangs from, after figure 9 of Goodfellow (2016), https://arxiv.org/abs/1701.00160"""

r"""Priors and codes: what a generator starts from, and how well that can be read back from what it makes.

A prior draws vectors [n, dim], knows their log-probability and entropy, and says how a reader Q states its belief about
a vector it has not seen: by `width` numbers, the *statistics*.  From these come the log-likelihood of the true vector
and the bound on the mutual information

.. math:: I(c; x) \ge H(c) + E[\log q(c \mid x)]

in nats.  A perfect reader of a category reaches its entropy (:math:`\ln K` if all are equally likely); one that reads
nothing stays at or below 0.

References: The IM algorithm (Barber and Agakov, 2003); InfoGAN (Chen et al., 2016), https://arxiv.org/abs/1606.03657

Shapes: n vectors, d numbers in each, S statistics for each.
"""

from gan_ext.latents.continuous import Gaussian, Uniform
from gan_ext.latents.discrete import Bernoulli, Categorical
from gan_ext.latents.prior import Prior
from gan_ext.latents.product import Product

__all__ = ["Bernoulli", "Categorical", "Gaussian", "Prior", "Product", "Uniform"]

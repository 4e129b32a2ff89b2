"""Multilayer perceptrons: the published permutation-invariant MNIST nets, for inputs and widths of any size."""

from collections.abc import Sequence
from itertools import pairwise
from math import prod

from torch import nn

from gan_ext.nets.layers.linear import Classifier, GaussianNoise, Linear, WeightNormLinear

__all__ = ["mlp_discriminator", "mlp_generator"]


def mlp_discriminator(
    shape: Sequence[int],
    classes: int,
    widths: Sequence[int] = (1000, 500, 250, 250, 250),
    input_noise: float = 0.3,
    noise: float = 0.5,
) -> Classifier:
    """Build the published K-logit discriminator: weight-normalized layers with noise before each.

    References: Improved Techniques for Training GANs (Salimans et al., 2016), section 5.1,
    https://arxiv.org/abs/1606.03498 (widths, noise and fixed gains as in the authors' code)

    Args:
        shape: shape of one sample.
        classes: K.
        widths: units of the hidden layers; the last one is the number of features F.
        input_noise: standard deviation of the noise on the input, in units of the input.
        noise: standard deviation of the noise before every later layer, in units of the activations.

    Returns:
        A module from data [B, *shape] to (logits [B, K], features [B, F]).
    """
    layers: list[nn.Module] = [nn.Flatten(), GaussianNoise(input_noise)]
    for inputs, outputs in pairwise([prod(shape), *widths]):
        layers += [WeightNormLinear(inputs, outputs), nn.ReLU(), GaussianNoise(noise)]
    trunk = nn.Sequential(*layers[:-1])
    return Classifier(trunk, nn.Sequential(layers[-1], WeightNormLinear(widths[-1], classes, train_gain=True)))


def mlp_generator(
    shape: Sequence[int],
    latent_dim: int = 100,
    widths: Sequence[int] = (500, 500),
    output: nn.Module | None = None,
) -> nn.Sequential:
    """Build the published generator: batch-normalized softplus layers and a weight-normalized output.

    References: Improved Techniques for Training GANs (Salimans et al., 2016), section 5.1,
    https://arxiv.org/abs/1606.03498 (batch normalization without gain, as in the authors' code)

    Args:
        shape: shape of one sample.
        latent_dim: number of coordinates d of the prior.
        widths: units of the hidden layers.
        output: last activation; a sigmoid by default, for data in [0, 1].

    Returns:
        A module from z [B, d] to data [B, *shape].
    """
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise([latent_dim, *widths]):
        norm = nn.BatchNorm1d(outputs)
        norm.weight.requires_grad_(False)
        layers += [Linear(inputs, outputs, bias=False), norm, nn.Softplus()]
    layers += [WeightNormLinear(widths[-1], prod(shape), train_gain=True), output or nn.Sigmoid()]
    return nn.Sequential(*layers, nn.Unflatten(1, tuple(shape)))

"""Policies: from what was observed to a distribution of actions.  A model of sequences is one, too."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from gan_ext.checks import checked
from gan_ext.nets.layers.linear import Linear
from gan_ext.sequences import IMPOSSIBLE, SequenceModel, State, draw

__all__ = ["CategoricalPolicy", "GaussianPolicy", "Policy", "SequencePolicy", "plain_value"]


class Policy(nn.Module, ABC):
    r"""A distribution of actions given observations, :math:`\pi(a \mid s)`.

    Attributes:
        uniforms: how many numbers in [0, 1) one action is drawn from.
    """

    uniforms: int = 1

    def initial(self, n: int) -> State:
        """Return the memory of `n` episodes before their first observation; most policies have none."""
        return ()

    @abstractmethod
    def act(self, observation: Tensor, uniform: Tensor, memory: State) -> tuple[Tensor, State]:
        """Draw actions.

        Args:
            observation: [n, ...].
            uniform: the noise, numbers in [0, 1) [n, uniforms].
            memory: of what came before.

        Returns:
            Actions [n] or [n, k], and the new memory.
        """

    @abstractmethod
    def forward(self, observations: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
        """Return log-probabilities of actions and the entropy of each choice, both [N, T], in nats.

        Args:
            observations: what was seen before each action [N, T, ...].
            actions: [N, T] or [N, T, k].
        """


@checked
class CategoricalPolicy(Policy):
    r"""One of K actions, :math:`\pi(a \mid s) = \mathrm{softmax}(f(s))_a`.

    Args:
        inputs: numbers in an observation; observations are flattened.
        actions: K >= 2.
        widths: units of the hidden layers.
    """

    def __init__(self, inputs: int, actions: int, widths: Sequence[int] = (64, 64)) -> None:
        super().__init__()
        if actions < 2:
            raise ValueError(f"actions={actions} leaves nothing to choose; CategoricalPolicy needs at least 2.")
        self.net = _perceptron(inputs, widths, actions, 0.01)

    def act(self, observation: Tensor, uniform: Tensor, memory: State) -> tuple[Tensor, State]:
        chances = self.net(observation).float().softmax(-1).cumsum(-1)
        return (uniform[:, :1] * chances[:, -1:] >= chances[:, :-1]).sum(-1), memory

    def forward(self, observations: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
        log_probs = self.net(observations).float().log_softmax(-1)
        entropy = -(log_probs.exp() * log_probs).sum(-1)
        return log_probs.gather(-1, actions[..., None])[..., 0], entropy


@checked
class GaussianPolicy(Policy):
    r"""k numbers, :math:`\pi(a \mid s) = N(c f(s), \mathrm{diag}(c \sigma)^2)`, with a deviation of its own for each.

    Args:
        inputs: numbers in an observation.
        actions: k >= 1.
        widths: units of the hidden layers.
        scale: c > 0, unit of the actions.
        deviation: :math:`\sigma > 0` at first, in that unit.
    """

    def __init__(
        self, inputs: int, actions: int, widths: Sequence[int] = (64, 64), scale: float = 1.0, deviation: float = 1.0
    ) -> None:
        super().__init__()
        if not (actions >= 1 and scale > 0 and deviation > 0):
            raise ValueError(
                f"GaussianPolicy needs actions >= 1, scale > 0 and deviation > 0, got {actions}, {scale}, {deviation}."
            )
        self.net, self.scale, self.uniforms = _perceptron(inputs, widths, actions, 0.01), scale, actions
        self.log_deviation = nn.Parameter(torch.full((actions,), math.log(deviation)))

    def act(self, observation: Tensor, uniform: Tensor, memory: State) -> tuple[Tensor, State]:
        noise = torch.special.ndtri(uniform.clamp(1e-6, 1 - 1e-6))
        return self.scale * (self.net(observation).float() + self.log_deviation.exp() * noise), memory

    def forward(self, observations: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
        unit = (actions / self.scale - self.net(observations).float()) / self.log_deviation.exp()
        constant = self.log_deviation + math.log(self.scale) + math.log(2 * math.pi) / 2
        log_prob = -(unit.square() / 2 + constant).sum(-1)
        return log_prob, (constant + 0.5).sum().expand_as(log_prob)


@checked
class SequencePolicy(Policy):
    r"""A model of sequences, where an action is the next token and the observation is the last one.

    .. math:: \pi(a_t \mid s_t) = p(x_t \mid x_{<t})

    What came before is the memory; so the model's start and step are all that is needed.

    Args:
        model: gives the distribution; without classes.
    """

    def __init__(self, model: SequenceModel) -> None:
        super().__init__()
        if model.classes:
            raise ValueError(f"The model has {model.classes} classes; a policy of tokens has none. Build it with 0.")
        self.model = model

    def initial(self, n: int) -> State:
        return self.model.initial(n)

    def act(self, observation: Tensor, uniform: Tensor, memory: State) -> tuple[Tensor, State]:
        logits, memory = self.model.step(observation, memory)
        return draw(logits, uniform[:, 0], check=False), memory

    def forward(self, observations: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
        log_probs = self.model(actions).float().log_softmax(-1).clamp_min(IMPOSSIBLE)  # a model may mask by -inf
        entropy = -(log_probs.exp() * log_probs).sum(-1)
        return log_probs.gather(-1, actions[..., None])[..., 0], entropy


def plain_value(inputs: int, widths: Sequence[int] = (64, 64)) -> nn.Sequential:
    """Build a perceptron from observations [..., inputs] to values [...]; at first all of them are 0.

    Args:
        inputs: numbers in an observation.
        widths: units of the hidden layers.
    """
    return nn.Sequential(_perceptron(inputs, widths, 1, 0.0), nn.Flatten(-2))


def _perceptron(inputs: int, widths: Sequence[int], outputs: int, gain: float) -> nn.Sequential:
    layers: list[nn.Module] = []
    for before, after in pairwise([inputs, *widths]):
        layers += [_linear(before, after, math.sqrt(2)), nn.Tanh()]
    return nn.Sequential(*layers, _linear([inputs, *widths][-1], outputs, gain))


def _linear(inputs: int, outputs: int, gain: float) -> Linear:
    layer = Linear(inputs, outputs)
    nn.init.orthogonal_(layer.weight, gain)
    nn.init.zeros_(layer.bias)
    return layer

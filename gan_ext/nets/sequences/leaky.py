"""LeakGAN's generator: a manager who reads the discriminator's features and sets goals, a worker who follows them."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from gan_ext.checks import checked
from gan_ext.nets.layers.linear import Linear
from gan_ext.sequences import SequenceModel, State

__all__ = ["LeakyGenerator", "Manager", "Trace", "Worker"]


class Trace(NamedTuple):
    """What a leaky generator did on a sequence: logits [B, T, V], features [B, T, F] seen and goals [B, T, F] set."""

    logits: Tensor
    features: Tensor
    goals: Tensor


class Manager(nn.Module):
    """Reads features [B, F] and sets goals of length one [B, F]."""

    def __init__(self, features: int, hidden: int) -> None:
        super().__init__()
        self.cell = nn.LSTMCell(features, hidden)
        self.goal = Linear(hidden, features)
        nn.init.normal_(self.goal.weight, 0.0, 0.1)

    def forward(self, features: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        new: tuple[Tensor, Tensor] = self.cell(features, state)
        return normalize(self.goal(new[0]), dim=-1), new


class Worker(nn.Module):
    """Reads tokens and a sum of goals [B, F], and returns logits [B, V]."""

    def __init__(self, vocabulary: int, features: int, embedding: int, hidden: int, goal: int) -> None:
        super().__init__()
        self.vocabulary = vocabulary
        self.embedding = nn.Embedding(vocabulary, embedding)
        self.cell = nn.LSTMCell(embedding, hidden)
        self.actions = Linear(hidden, vocabulary * goal)
        self.project = Linear(features, goal, bias=False)
        for parameter in (self.embedding.weight, self.actions.weight, self.project.weight):
            nn.init.normal_(parameter, 0.0, 0.1)

    def forward(
        self, token: Tensor, goals: Tensor, state: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        new: tuple[Tensor, Tensor] = self.cell(self.embedding(token), state)
        actions = self.actions(new[0]).unflatten(-1, (self.vocabulary, -1))
        return (actions @ self.project(goals)[..., None])[..., 0], new


@checked
class LeakyGenerator(SequenceModel):
    r"""A hierarchical generator that sees what the discriminator sees of its prefix.

    .. math::
        f_t &= F(x_{<t}), \qquad g_t = \hat g_t / \lVert \hat g_t \rVert, \quad
        \hat g_t = W_m \mathrm{LSTM}_M(f_t), \\
        p(x_t \mid x_{<t}) &= \mathrm{softmax}\Big(O_t \, W_\psi \sum_{i=0}^{c-1} g_{t-i}\Big), \qquad
        O_t = \mathrm{LSTM}_W(x_{t-1}) \in R^{V \times k}

    The features come from the discriminator, whose parameters are not this module's.

    References: Long Text Generation via Adversarial Training with Leaked Information (Guo et al., 2018),
    https://arxiv.org/abs/1709.08624

    Args:
        vocabulary: number of tokens V.
        length: longest sequence T.
        leak: maps tokens [B, T] to features [B, F]; a discriminator's ``features``.
        features: F.
        embedding: size of a token's embedding.
        hidden: size of both memories.
        goal: k, numbers of a goal that the worker sees.
        horizon: c, steps over which goals are summed and the manager is judged.
        start, end, pad, start_is_a_token: see :class:`~gan_ext.sequences.SequenceModel`.
    """

    def __init__(
        self,
        vocabulary: int,
        length: int,
        leak: Callable[[Tensor], Tensor],
        features: int,
        embedding: int = 32,
        hidden: int = 32,
        goal: int = 16,
        horizon: int = 4,
        *,
        start: int = 0,
        end: int | None = None,
        pad: int = 0,
        start_is_a_token: bool = True,
    ) -> None:
        super().__init__(vocabulary, length, start=start, end=end, pad=pad, start_is_a_token=start_is_a_token)
        self._leak = (leak,)  # in a tuple, so that the discriminator does not become a part of this module
        self.hidden, self.horizon = hidden, horizon
        self.manager = Manager(features, hidden)
        self.worker = Worker(vocabulary, features, embedding, hidden, goal)

    def leak_from(self, leak: Callable[[Tensor], Tensor]) -> None:
        """Take features from another function (a copy of this module would take them from a copied discriminator)."""
        self._leak = (leak,)

    def initial(self, n: int, labels: Tensor | None = None) -> State:
        self.check_labels(n, labels)
        zeros = self.worker.embedding.weight.new_zeros(n, self.hidden)
        goals = zeros.new_zeros(n, 0, self.manager.goal.out_features)
        return (zeros,) * 4 + (goals, torch.zeros(n, 0, dtype=torch.int64, device=zeros.device))

    def step(self, token: Tensor, state: State) -> tuple[Tensor, State]:
        if token.is_floating_point():
            raise ValueError("LeakyGenerator reads drawn tokens only; its discriminator's features need whole numbers.")
        logits, state, _ = self._step(token, state)
        return logits, state

    def trace(self, tokens: Tensor) -> Trace:
        """Return logits, features and goals of sequences [B, T] (teacher forcing)."""
        state, previous, features, logits = self.initial(len(tokens)), self.first(len(tokens)), [], []
        for position in range(tokens.shape[1]):
            now, state, seen = self._step(previous, state)
            previous = tokens[:, position]
            logits.append(now)
            features.append(seen)
        return Trace(torch.stack(logits, 1), torch.stack(features, 1), state[4])

    def _step(self, token: Tensor, state: State) -> tuple[Tensor, State, Tensor]:
        worker, manager, goals, read = (state[0], state[1]), (state[2], state[3]), state[4], state[5]
        if goals.shape[1]:  # the first token is the start token, and no part of the sequence
            read = torch.cat([read, token[:, None]], 1)
        with torch.no_grad():
            missing = self.length - read.shape[1]
            seen = self._leak[0](torch.nn.functional.pad(read, (0, missing), value=self.pad))
        goal, manager = self.manager(seen, manager)
        goals = torch.cat([goals, goal[:, None]], 1)
        logits, worker = self.worker(token, goals[:, -self.horizon :].sum(1), worker)
        return self.allow(logits), (*worker, *manager, goals, read), seen

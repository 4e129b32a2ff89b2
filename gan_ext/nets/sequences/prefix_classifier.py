"""A classifier of prefixes: which class a sequence will have, after what was read and each token that may follow."""

import math
from typing import Any

import torch
from torch import Tensor, nn

from gan_ext.checks import checked
from gan_ext.nets.layers.linear import Linear
from gan_ext.sequences import State, real_positions

__all__ = ["PrefixClassifier"]


@checked
class PrefixClassifier(nn.Module):
    r"""An LSTM that says the class of a whole sequence from its prefix, for all next tokens at once.

    .. math::
        h_t = \mathrm{LSTM}(x_{\le t}), \qquad
        p(c \mid x_{\le t}, v) = \mathrm{softmax}_c\big(b_c(h_t) + A_c(h_t)^\top e_v\big)

    A future discriminator judges a prefix and the token after it.  Here the token after it meets the memory in a
    product, so that one pass over the memory judges all V tokens; otherwise each of them would take a pass of its own.

    References: FUDGE (Yang and Klein, 2021), https://arxiv.org/abs/2104.05218; one output for each next token as in
    Director (Arora et al., 2022), https://arxiv.org/abs/2206.07694

    Args:
        vocabulary: number of tokens V.
        classes: number of classes C, at least 2.
        embedding: size of a token's embeddings.
        hidden: size H of the memory.
        dropout: share of the embeddings, and of the memory that is read, that is dropped in training.
        start: the token before the first one.
        end: the token that closes a sequence; None if all positions are real.

    Raises:
        ValueError: a size is out of range, or `start` or `end` is no token.
    """

    def __init__(
        self,
        vocabulary: int,
        classes: int,
        embedding: int = 32,
        hidden: int = 128,
        dropout: float = 0.2,
        *,
        start: int = 0,
        end: int | None = None,
    ) -> None:
        super().__init__()
        if min(vocabulary, embedding, hidden) < 1 or classes < 2 or not 0 <= dropout < 1:
            raise ValueError(
                "PrefixClassifier needs vocabulary, embedding, hidden >= 1, classes >= 2 and dropout in [0, 1), got "
                f"{vocabulary}, {embedding}, {hidden}, {classes} and {dropout}."
            )
        for name, token in {"start": start, "end": end}.items():
            if token is not None and not 0 <= token < vocabulary:
                raise ValueError(f"{name}={token} is no token: the vocabulary has numbers 0 to {vocabulary - 1}.")
        self.vocabulary, self.classes, self.hidden, self.start, self.end = vocabulary, classes, hidden, start, end
        self.embedding = nn.Embedding(vocabulary, embedding)
        self.inputs = Linear(embedding, 4 * hidden)
        self.recurrent = Linear(hidden, 4 * hidden, bias=False)
        self.base = Linear(hidden, classes)
        self.meeting = Linear(hidden, classes * embedding)
        self.following = nn.Embedding(vocabulary, embedding)
        self.dropout = nn.Dropout(dropout)
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -1 / math.sqrt(hidden), 1 / math.sqrt(hidden))

    def initial(self, n: int) -> State:
        """Return the memory of `n` empty prefixes."""
        zeros = self.base.weight.new_zeros(n, self.hidden)
        return zeros, zeros

    def read(self, token: Tensor, state: State) -> State:
        """Take in one token [B]; the first one is `start`."""
        return self._cell(self.inputs(self.dropout(self.embedding(token))), *state)

    def of_next(self, state: State, candidates: Tensor | None = None) -> Tensor:
        """Return the classes' log-probabilities [B, V, C] after each possible next token, or after some of them.

        Args:
            state: the memory of what was read.
            candidates: tokens [B, K]; the answer then is [B, K, C].
        """
        seen = self.dropout(state[0])
        meeting = self.meeting(seen).unflatten(-1, (self.classes, -1))  # [B, C, E]
        if candidates is None:
            logits = torch.matmul(meeting, self.following.weight.t()).mT
        else:
            logits = torch.matmul(self.following(candidates), meeting.mT)
        log_prob: Tensor = (logits + self.base(seen)[:, None]).log_softmax(-1)
        return log_prob

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the classes' log-probabilities [B, T, C] after every token of sequences [B, T]."""
        first = torch.full_like(tokens[:, :1], self.start)
        gates = self.inputs(self.dropout(self.embedding(torch.cat([first, tokens[:, :-1]], 1))))
        state, memories = self.initial(len(tokens)), []
        for gate in gates.unbind(1):
            state = self._cell(gate, *state)
            memories.append(state[0])
        flat = torch.stack(memories, 1).flatten(0, 1)
        log_prob = self.of_next((flat,), tokens.reshape(-1, 1))[:, 0]
        return log_prob.view(*tokens.shape, self.classes)

    def of_whole(self, tokens: Tensor) -> Tensor:
        """Return the classes' log-probabilities [B, C] after the last real token of sequences [B, T]."""
        last = real_positions(tokens, self.end).sum(1) - 1
        log_prob: Tensor = self(tokens)
        return log_prob.gather(1, last[:, None, None].expand(-1, 1, self.classes))[:, 0]

    def log_likelihood(self, batch: Any) -> Tensor:
        r"""Return :math:`\frac1T \sum_{t \le T} \log p(y \mid x_{\le t})` in nats [B], of labeled tokens.

        Every prefix has the label of the whole.  So the classifier of the best likelihood knows the share of
        sequences of each class among those that go on from a prefix.

        Args:
            batch: has `tokens` [B, T] and `labels` [B], such as :class:`~gan_ext.sequences.LabeledTokens`.
        """
        real = real_positions(batch.tokens, self.end)
        labels = batch.labels[:, None, None].expand(-1, batch.tokens.shape[1], 1)
        right: Tensor = self(batch.tokens).gather(-1, labels)[..., 0] * real
        return right.sum(1) / real.sum(1)

    def _cell(self, gate: Tensor, hidden: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
        write, keep, candidate, show = (gate + self.recurrent(hidden)).chunk(4, -1)
        cell = torch.sigmoid(keep + 1) * cell + torch.sigmoid(write) * torch.tanh(candidate)
        return torch.sigmoid(show) * torch.tanh(cell), cell

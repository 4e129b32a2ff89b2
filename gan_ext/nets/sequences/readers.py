"""Discriminators that read a sequence token by token: a recurrent one, and a Transformer."""

import math

import torch
from torch import Tensor, nn

from gan_ext.checks import checked
from gan_ext.nets.layers.linear import Linear
from gan_ext.nets.sequences.discriminators import SequenceDiscriminator
from gan_ext.nets.sequences.recurrent import embed
from gan_ext.nets.sequences.transformer import TransformerBlock
from gan_ext.sequences import real_positions

__all__ = ["RecurrentDiscriminator", "TransformerDiscriminator"]


def _real(x: Tensor, end: int | None) -> Tensor:
    return real_positions(x.argmax(-1) if x.is_floating_point() else x, end)


@checked
class RecurrentDiscriminator(SequenceDiscriminator):
    r"""ScratchGAN's discriminator: an LSTM with layer norm that gives a logit after every token.

    .. math::
        [i, f, g, o] &= \mathrm{norm}(W [e(x_t); s_t] + U h_{t-1}), \qquad
        c_t = \sigma(f + 1) c_{t-1} + \sigma(i) \tanh(g) \\
        h_t &= \sigma(o) \tanh(c_t), \qquad d_t = v^\top \mathrm{dropout}(h_t) + b

    :math:`s_t` is a signal of the position: sines and cosines of wave lengths from :math:`2 \pi` to about
    :math:`10^4 \cdot 2 \pi` tokens.  A logit depends on its token and those before it only.  Written as cells, so that
    it compiles and is captured as a CUDA graph.

    References: Training language GANs from Scratch (de Masson d'Autume et al., 2019),
    https://arxiv.org/abs/1905.09922; Layer Normalization (Ba et al., 2016), https://arxiv.org/abs/1607.06450

    Args:
        vocabulary: number of tokens V.
        embedding: size of a token's embedding.
        hidden: size H of the memory.
        positions: size of the signal of the position, even; 0 without.
        dropout: share of the embeddings, and of the outputs, that is dropped in training.
        per_step: whether to return a logit for every token, or one for each sequence, from its last real token.
        end: the token that closes a sequence; None if all positions are real.  Of relaxed rows the heaviest token
            counts.
        classes: number of classes for a class-conditional discriminator; 0 without.

    Raises:
        ValueError: a size is out of range, or `end` is no token.
    """

    def __init__(
        self,
        vocabulary: int,
        embedding: int = 64,
        hidden: int = 512,
        positions: int = 8,
        dropout: float = 0.1,
        *,
        per_step: bool = False,
        end: int | None = None,
        classes: int = 0,
    ) -> None:
        if min(embedding, hidden) < 1 or positions < 0 or positions % 2 or not 0 <= dropout < 1:
            raise ValueError(
                f"RecurrentDiscriminator needs embedding, hidden >= 1, an even positions >= 0 and dropout in [0, 1), "
                f"got {embedding}, {hidden}, {positions} and {dropout}."
            )
        _check_end(end, vocabulary)
        super().__init__(vocabulary, hidden, classes)
        self.hidden, self.positions, self.per_step, self.end = hidden, positions, per_step, end
        self.embedding = nn.Embedding(vocabulary, embedding)
        self.inputs = Linear(embedding + positions, 4 * hidden, bias=False)
        self.recurrent = Linear(hidden, 4 * hidden, bias=False)
        self.norm = nn.LayerNorm(4 * hidden)
        self.dropout = nn.Dropout(dropout)

    def features(self, x: Tensor) -> Tensor:
        """Return the outputs [B, T, H] after every token, or [B, H] after the last real one."""
        self.check(x)
        flow = self.dropout(embed(x, self.embedding))
        signal = _waves(x.shape[1], self.positions, flow).expand(len(x), -1, -1)
        hidden = cell = flow.new_zeros(len(x), self.hidden)
        outputs = []
        for gate in self.inputs(torch.cat([flow, signal], -1)).unbind(1):
            write, keep, candidate, show = self.norm(gate + self.recurrent(hidden)).chunk(4, -1)
            cell = torch.sigmoid(keep + 1) * cell + torch.sigmoid(write) * torch.tanh(candidate)
            hidden = torch.sigmoid(show) * torch.tanh(cell)
            outputs.append(hidden)
        states = torch.stack(outputs, 1)
        if self.per_step:
            return states
        last = _real(x, self.end).sum(1) - 1
        return states.gather(1, last[:, None, None].expand(-1, 1, self.hidden))[:, 0]

    def forward(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return logits [B, T] or [B]; see :meth:`SequenceDiscriminator.forward`."""
        self.check_labels(len(x), labels)
        return self.head(self.dropout(self.features(x)), labels)


@checked
class TransformerDiscriminator(SequenceDiscriminator):
    r"""A Transformer that reads a whole sequence both ways, or gives a logit after every token.

    .. math:: d = v^\top \frac{1}{|R|} \sum_{t \in R} \mathrm{norm}(h_t) + b \quad\text{or}\quad
        d_t = v^\top \mathrm{norm}(h_t) + b

    R are the real positions; the others are neither read nor averaged.  With `per_step` attention is causal: a logit
    depends on its token and those before it only.  Torch's fast attention cannot be differentiated twice: take
    penalties on gradients within ``torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH)``.

    References: Attention Is All You Need (Vaswani et al., 2017), https://arxiv.org/abs/1706.03762

    Args:
        vocabulary: number of tokens V.
        length: longest sequence T.
        width: size of a token's vector.
        layers: number of blocks.
        heads: attention heads, a divisor of `width`.
        dropout: share dropped in training.
        per_step: whether to return a logit for every token, or one for each sequence.
        end: the token that closes a sequence; None if all positions are real.  Of relaxed rows the heaviest token
            counts.
        classes: number of classes for a class-conditional discriminator; 0 without.

    Raises:
        ValueError: a size is out of range, or `end` is no token.
    """

    def __init__(
        self,
        vocabulary: int,
        length: int,
        width: int = 128,
        layers: int = 2,
        heads: int = 4,
        dropout: float = 0.1,
        *,
        per_step: bool = False,
        end: int | None = None,
        classes: int = 0,
    ) -> None:
        if min(length, width, layers, heads) < 1 or not 0 <= dropout < 1:
            raise ValueError(
                f"TransformerDiscriminator needs length, width, layers, heads >= 1 and dropout in [0, 1), got "
                f"{length}, {width}, {layers}, {heads} and {dropout}."
            )
        _check_end(end, vocabulary)
        super().__init__(vocabulary, width, classes)
        self.length, self.per_step, self.end = length, per_step, end
        self.embedding = nn.Embedding(vocabulary, width)
        self.position = nn.Parameter(torch.empty(length, width))
        self.blocks = nn.ModuleList(TransformerBlock(width, heads, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)
        for weight in (self.embedding.weight, self.position, *self.blocks.parameters()):
            if weight.dim() == 2:
                nn.init.normal_(weight, 0.0, 0.02)

    def features(self, x: Tensor) -> Tensor:
        """Return the normed vectors [B, T, W] of every token, or their mean over the real ones [B, W]."""
        self.check(x)
        if x.shape[1] > self.length:
            raise ValueError(f"The sequences have {x.shape[1]} tokens; this discriminator was made for {self.length}.")
        real = None if self.end is None or self.per_step else _real(x, self.end)
        visible = None if real is None else real[:, None, None]
        flow = self.dropout(embed(x, self.embedding) + self.position[: x.shape[1]])
        for block in self.blocks:
            flow, _ = block(flow, visible=visible, causal=self.per_step)
        normed: Tensor = self.norm(flow)
        if self.per_step:
            return normed
        if real is None:
            return normed.mean(1)
        return (normed * real[..., None]).sum(1) / real.sum(1, keepdim=True)

    def forward(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return logits [B, T] or [B]; see :meth:`SequenceDiscriminator.forward`."""
        self.check_labels(len(x), labels)
        return self.head(self.dropout(self.features(x)), labels)


def _waves(length: int, size: int, like: Tensor) -> Tensor:
    """Return a signal [T, size] of the position: sines and cosines, slower from pair to pair."""
    pairs = torch.arange(size // 2, device=like.device, dtype=like.dtype)
    slowness = torch.exp(-math.log(1e4) * pairs / max(1, size // 2 - 1))
    angle = torch.arange(length, device=like.device, dtype=like.dtype)[:, None] * slowness
    return torch.cat([angle.sin(), angle.cos()], -1)


def _check_end(end: int | None, vocabulary: int) -> None:
    if end is not None and not 0 <= end < vocabulary:
        raise ValueError(f"end={end} is no token: the vocabulary has numbers 0 to {vocabulary - 1}.")

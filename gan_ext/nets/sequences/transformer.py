"""A causal Transformer that keeps the keys and values of what it has read."""

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from gan_ext.checks import checked
from gan_ext.nets.layers.linear import Linear
from gan_ext.nets.sequences.recurrent import embed
from gan_ext.sequences import LinearReadout, State

__all__ = ["TransformerBlock", "TransformerGenerator"]


@checked
class TransformerBlock(nn.Module):
    r"""Attention and a two-layer perceptron, each after a layer norm and around a short cut.

    .. math:: x' = x + \mathrm{attention}(\mathrm{norm}(x)), \qquad y = x' + \mathrm{mlp}(\mathrm{norm}(x'))

    References: Attention Is All You Need (Vaswani et al., 2017), https://arxiv.org/abs/1706.03762; norms first, On
    Layer Normalization in the Transformer Architecture (Xiong et al., 2020), https://arxiv.org/abs/2002.04745

    Args:
        width: size of a token's vector.
        heads: attention heads, a divisor of `width`.
        dropout: share dropped in training.
    """

    def __init__(self, width: int, heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"width={width} must be a multiple of heads={heads}.")
        self.heads, self.dropout = heads, dropout
        self.norms = nn.ModuleList([nn.LayerNorm(width), nn.LayerNorm(width)])
        self.qkv = Linear(width, 3 * width)
        self.project = Linear(width, width)
        self.mlp = nn.Sequential(Linear(width, 4 * width), nn.GELU(), Linear(4 * width, width), nn.Dropout(dropout))

    def forward(
        self, x: Tensor, past: tuple[Tensor, Tensor] | None = None, visible: Tensor | None = None, causal: bool = False
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Read tokens' vectors.

        Args:
            x: vectors [B, T, W].
            past: keys and values [B, P, W] of tokens read before.
            visible: which keys [B or 1, 1, T or 1, P + T] (bool) may be seen; None for all.
            causal: whether a token sees only itself and those before it.

        Returns:
            New vectors [B, T, W], and keys and values [B, P + T, W].
        """
        query, key, value = self.qkv(self.norms[0](x)).chunk(3, -1)
        if past is not None:
            key, value = torch.cat([past[0], key], 1), torch.cat([past[1], value], 1)
        mixed = scaled_dot_product_attention(
            self._split(query),
            self._split(key),
            self._split(value),
            attn_mask=visible,
            dropout_p=self.dropout if self.training else 0.0,
            is_causal=causal,
        )
        x = x + self.project(mixed.transpose(1, 2).flatten(2))
        return x + self.mlp(self.norms[1](x)), (key, value)

    def _split(self, x: Tensor) -> Tensor:
        return x.reshape(*x.shape[:2], self.heads, -1).transpose(1, 2)


@checked
class TransformerGenerator(LinearReadout):
    r"""A causal Transformer with learned positions.

    .. math:: p(x_t \mid x_{<t}) = \mathrm{softmax}(W \mathrm{norm}(h_t) + b)

    Training reads whole sequences at once; :meth:`step` reads one token and keeps keys and values of those before it.

    References: Attention Is All You Need (Vaswani et al., 2017), https://arxiv.org/abs/1706.03762

    Args:
        vocabulary: number of tokens V.
        length: longest sequence T.
        width: size of a token's vector.
        layers: number of blocks.
        heads: attention heads.
        dropout: share dropped in training.
        start, end, pad, classes, start_is_a_token: see :class:`~gan_ext.sequences.SequenceModel`.
    """

    def __init__(
        self,
        vocabulary: int,
        length: int,
        width: int = 128,
        layers: int = 2,
        heads: int = 4,
        dropout: float = 0.0,
        *,
        start: int = 0,
        end: int | None = None,
        pad: int = 0,
        classes: int = 0,
        start_is_a_token: bool = True,
    ) -> None:
        super().__init__(
            vocabulary, length, start=start, end=end, pad=pad, classes=classes, start_is_a_token=start_is_a_token
        )
        self.width = width
        self.embedding = nn.Embedding(vocabulary, width)
        self.position = nn.Parameter(torch.empty(length, width))
        self.label = nn.Embedding(classes, width) if classes else None
        self.blocks = nn.ModuleList(TransformerBlock(width, heads, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)
        self.output = Linear(width, vocabulary)
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, 0.0, 0.02)

    def initial(self, n: int, labels: Tensor | None = None) -> State:
        self.check_labels(n, labels)
        empty = self.position.new_zeros(n, 0, self.width)
        state = (empty,) * (2 * len(self.blocks))
        return state if self.label is None else (*state, self.label(labels))

    def step(self, token: Tensor, state: State) -> tuple[Tensor, State]:
        position = state[0].shape[1]
        flow = embed(token, self.embedding) + self.position[position]
        if self.label is not None:
            flow = flow + state[-1]
        flow, new = self.dropout(flow)[:, None], []
        for layer, block in enumerate(self.blocks):
            flow, past = block(flow, (state[2 * layer], state[2 * layer + 1]))
            new += past
        return self.logits(self.norm(flow[:, 0])), (*new, *state[2 * len(self.blocks) :])

    def states(self, tokens: Tensor, labels: Tensor | None = None) -> Tensor:
        self.check_labels(len(tokens), labels)
        previous = torch.cat([self.first(len(tokens))[:, None], tokens[:, :-1]], 1)
        flow = self.embedding(previous) + self.position[: tokens.shape[1]]
        if self.label is not None:
            flow = flow + self.label(labels)[:, None]
        flow = self.dropout(flow)
        for block in self.blocks:
            flow, _ = block(flow, causal=True)
        normed: Tensor = self.norm(flow)
        return normed

"""Generators of sequences with a recurrent memory: LSTM, and RelGAN's relational memory."""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from gan_ext.checks import checked
from gan_ext.nets.layers.linear import Linear
from gan_ext.sequences import LinearReadout, SequenceModel, State

__all__ = ["LSTMGenerator", "RelationalMemoryGenerator", "embed"]


def embed(token: Tensor, embedding: nn.Embedding) -> Tensor:
    """Look up token numbers [...], or average the embeddings by rows of weights [..., V]."""
    return token.to(embedding.weight.dtype) @ embedding.weight if token.is_floating_point() else embedding(token)


@checked
class LSTMGenerator(LinearReadout):
    r"""An LSTM that reads its own tokens.

    .. math::
        i, f, o &= \sigma(W_{ifo} e(x_{t-1}) + U_{ifo} h_{t-1} + b_{ifo}), \qquad
        g = \tanh(W_g e(x_{t-1}) + U_g h_{t-1} + b_g) \\
        c_t &= f c_{t-1} + i g, \qquad h_t = o \tanh(c_t), \qquad p(x_t \mid x_{<t}) = \mathrm{softmax}(V h_t + b)

    Written as cells, so that it compiles and is captured as a CUDA graph.  With one layer of 32 and an embedding of 32
    it is the generator, and the oracle, of SeqGAN (Yu et al., 2017), https://arxiv.org/abs/1609.05473.

    Args:
        vocabulary: number of tokens V.
        length: longest sequence T.
        embedding: size of a token's embedding.
        hidden: size of the memory of each layer.
        layers: number of layers.
        dropout: share of the embedding's, every layer's outputs that is dropped in training.
        init: standard deviation of all initial parameters; None for 1 / sqrt(hidden), uniform.
        start, end, pad, classes, start_is_a_token: see :class:`~gan_ext.sequences.SequenceModel`.
    """

    def __init__(
        self,
        vocabulary: int,
        length: int,
        embedding: int = 32,
        hidden: int = 32,
        layers: int = 1,
        dropout: float = 0.0,
        init: float | None = None,
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
        if min(embedding, hidden, layers) < 1 or not 0 <= dropout < 1:
            raise ValueError(
                f"LSTMGenerator needs embedding, hidden, layers >= 1 and dropout in [0, 1), got {embedding}, {hidden}, "
                f"{layers} and {dropout}."
            )
        self.hidden, self.layers = hidden, layers
        self.embedding = nn.Embedding(vocabulary, embedding)
        self.label = nn.Embedding(classes, embedding) if classes else None
        widths = [embedding] + [hidden] * (layers - 1)
        self.inputs = nn.ModuleList(Linear(width, 4 * hidden) for width in widths)
        self.recurrent = nn.ModuleList(Linear(hidden, 4 * hidden, bias=False) for _ in widths)
        self.dropout = nn.Dropout(dropout)
        self.output = Linear(hidden, vocabulary)
        for parameter in self.parameters():
            if init is None:
                nn.init.uniform_(parameter, -1 / math.sqrt(hidden), 1 / math.sqrt(hidden))
            else:
                nn.init.normal_(parameter, 0.0, init)

    def initial(self, n: int, labels: Tensor | None = None) -> State:
        self.check_labels(n, labels)
        zeros = self.output.weight.new_zeros(n, self.hidden)
        state = (zeros,) * (2 * self.layers)
        return state if self.label is None else (*state, self.label(labels))

    def step(self, token: Tensor, state: State) -> tuple[Tensor, State]:
        hidden, state = self.advance(self._embed(token, state), state)
        return self.logits(hidden), state

    def advance(self, embedded: Tensor, state: State) -> tuple[Tensor, State]:
        """Take in an embedded token [B, E]; return the last layer's output [B, H] and the new memory."""
        new: list[Tensor] = []
        flow = self.dropout(embedded)
        for layer, (inputs, recurrent) in enumerate(zip(self.inputs, self.recurrent, strict=True)):
            flow, cell = _cell(inputs(flow), recurrent, state[2 * layer], state[2 * layer + 1])
            new += [flow, cell]
            flow = self.dropout(flow)
        return flow, (*new, *state[2 * self.layers :])

    def states(self, tokens: Tensor, labels: Tensor | None = None) -> Tensor:
        state = self.initial(len(tokens), labels)
        previous = torch.cat([self.first(len(tokens))[:, None], tokens[:, :-1]], 1)
        flow: Tensor = self.embedding(previous)
        if self.label is not None:
            flow = flow + state[-1][:, None]
        flow = self.dropout(flow)
        for layer, (inputs, recurrent) in enumerate(zip(self.inputs, self.recurrent, strict=True)):
            gates = inputs(flow).unbind(1)
            hidden, cell, outputs = state[2 * layer], state[2 * layer + 1], []
            for gate in gates:
                hidden, cell = _cell(gate, recurrent, hidden, cell)
                outputs.append(hidden)
            flow = self.dropout(torch.stack(outputs, 1))
        return flow

    def _embed(self, token: Tensor, state: State) -> Tensor:
        embedded = embed(token, self.embedding)
        return embedded if self.label is None else embedded + state[-1]


def _cell(gates: Tensor, recurrent: nn.Module, hidden: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
    write, keep, candidate, show = (gates + recurrent(hidden)).chunk(4, -1)
    cell = torch.sigmoid(keep) * cell + torch.sigmoid(write) * torch.tanh(candidate)
    return torch.sigmoid(show) * torch.tanh(cell), cell


@checked
class RelationalMemoryGenerator(SequenceModel):
    r"""RelGAN's generator: memory rows that attend to each other and to the token just read, then a gated update.

    .. math::
        m' &= \mathrm{norm}(m + \mathrm{attention}(m, [m; W e(x)])), \qquad
        \tilde m = \mathrm{norm}(m' + \mathrm{mlp}(m')) \\
        m_t &= \sigma(i)\tanh(\tilde m) + \sigma(f) m_{t-1}, \qquad [i; f] = W_x e(x) + W_m \tanh(m_{t-1}) + [0; 1]

    References: RelGAN (Nie et al., 2019), https://openreview.net/forum?id=rJedV3R5tm; Relational recurrent neural
    networks (Santoro et al., 2018), https://arxiv.org/abs/1806.01822

    Args:
        vocabulary: number of tokens V.
        length: longest sequence T.
        embedding: size of a token's embedding.
        slots: memory rows.
        heads: attention heads.
        head_size: size of a head; a memory row has heads x head_size numbers.
        start, end, pad, classes, start_is_a_token: see :class:`~gan_ext.sequences.SequenceModel`.
    """

    def __init__(
        self,
        vocabulary: int,
        length: int,
        embedding: int = 32,
        slots: int = 1,
        heads: int = 2,
        head_size: int = 256,
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
        if min(embedding, slots, heads, head_size) < 1:
            raise ValueError("RelationalMemoryGenerator needs embedding, slots, heads and head_size >= 1.")
        self.slots, self.heads, self.width = slots, heads, heads * head_size
        width = self.width
        self.embedding = nn.Embedding(vocabulary, embedding)
        self.label = nn.Embedding(classes, embedding) if classes else None
        self.read = Linear(embedding, width)
        self.attention = Linear(width, 3 * width, bias=False)
        self.attention_norm = nn.LayerNorm(3 * width)
        self.mlp = nn.Sequential(Linear(width, width), nn.ReLU(), Linear(width, width))
        self.norms = nn.ModuleList([nn.LayerNorm(width), nn.LayerNorm(width)])
        self.gate_inputs = Linear(width, 2 * width)
        self.gate_memory = Linear(width, 2 * width, bias=False)
        self.output = Linear(slots * width, vocabulary)
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.trunc_normal_(parameter, std=1 / math.sqrt(parameter.shape[1]))
        with torch.no_grad():  # unit gates: forget bias 1, input bias 0
            self.gate_inputs.bias.zero_()
            self.gate_inputs.bias[width:] = 1.0

    def initial(self, n: int, labels: Tensor | None = None) -> State:
        self.check_labels(n, labels)
        memory = torch.eye(self.slots, self.width, device=self.output.weight.device, dtype=self.output.weight.dtype)
        state = (memory.expand(n, -1, -1),)
        return state if self.label is None else (*state, self.label(labels))

    def step(self, token: Tensor, state: State) -> tuple[Tensor, State]:
        memory, rest = state[0], state[1:]
        embedded = embed(token, self.embedding)
        if self.label is not None:
            embedded = embedded + rest[0]
        read = self.read(embedded)[:, None]
        candidate = self._attend(memory, read)
        write, keep = (self.gate_inputs(read) + self.gate_memory(torch.tanh(memory))).chunk(2, -1)
        memory = torch.sigmoid(write) * torch.tanh(candidate) + torch.sigmoid(keep) * memory
        return self.allow(self.output(memory.flatten(1))), (memory, *rest)

    def _attend(self, memory: Tensor, read: Tensor) -> Tensor:
        rows = torch.cat([memory, read], 1)
        query, key, value = self.attention_norm(self.attention(rows)).unflatten(-1, (self.heads, -1)).chunk(3, -1)
        query = query[:, : self.slots]
        scale = (3 * query.shape[-1]) ** -0.5  # the published code divides by the root of 2 key + value
        mixed = scaled_dot_product_attention(
            query.transpose(1, 2), key.transpose(1, 2), value.transpose(1, 2), scale=scale
        )
        memory = self.norms[0](memory + mixed.transpose(1, 2).flatten(2))
        refined: Tensor = self.norms[1](memory + self.mlp(memory))
        return refined

"""What learned parts of estimators read: the tokens before each position."""

import torch
from torch import Tensor, nn

__all__ = ["PrefixEncoder"]


class PrefixEncoder(nn.Module):
    r"""An LSTM whose output at t has read the tokens before t, and nothing else.

    .. math:: h_t = \mathrm{LSTM}(e(x_{t-1}) + u(y), h_{t-1}), \qquad x_0 = \text{a token of its own}

    Args:
        vocabulary: number of tokens V.
        embedding: size of a token's embedding.
        hidden: size H of the memory.
        classes: number of classes; 0 without.
    """

    def __init__(self, vocabulary: int, embedding: int = 32, hidden: int = 32, classes: int = 0) -> None:
        super().__init__()
        if min(vocabulary, embedding, hidden) < 1:
            raise ValueError(
                "PrefixEncoder needs vocabulary, embedding and hidden >= 1, got "
                f"{vocabulary}, {embedding} and {hidden}."
            )
        self.start, self.hidden = vocabulary, hidden
        self.embedding = nn.Embedding(vocabulary + 1, embedding)
        self.label = nn.Embedding(classes, embedding) if classes else None
        self.cell = nn.LSTMCell(embedding, hidden)

    def forward(self, tokens: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return [B, T, H] for tokens [B, T] and classes [B]."""
        start = torch.full_like(tokens[:, :1], self.start)
        embedded = self.embedding(torch.cat([start, tokens[:, :-1]], 1))
        if self.label is not None:
            embedded = embedded + self.label(labels)[:, None]
        hidden = cell = embedded.new_zeros(len(tokens), self.hidden)
        outputs = []
        for step in embedded.unbind(1):
            hidden, cell = self.cell(step, (hidden, cell))
            outputs.append(hidden)
        return torch.stack(outputs, 1)

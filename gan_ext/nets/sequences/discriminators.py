"""Convolutional discriminators of whole sequences: SeqGAN's TextCNN, and RelGAN's many representations."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from gan_ext.checks import checked
from gan_ext.nets.layers.linear import Linear
from gan_ext.nets.sequences.filters import check_filters, made_filters, truncated
from gan_ext.nets.sequences.recurrent import embed
from gan_ext.nets.sequences.windows import Dropout, Highway, apart_by_tail, max_over_windows, without_tail

__all__ = [
    "LEAKGAN_SIZES",
    "SEQGAN_SIZES",
    "TEXYGEN_SIZES",
    "CNNDiscriminator",
    "MultiRepresentationDiscriminator",
    "SequenceDiscriminator",
]

_ROWS = 256  # sequences of a piece, so that it stays in the cache of a core
_WIDTHS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15, 20)
_FILTERS = (100, 200, 200, 200, 200, 100, 100, 100, 100, 100, 160, 160)

SEQGAN_SIZES: dict[str, tuple[int, ...]] = {"widths": _WIDTHS, "filters": _FILTERS}
"""Widths and filters published for sequences of 20 tokens: 1720 features."""

LEAKGAN_SIZES: dict[str, tuple[int, ...]] = {"widths": (*_WIDTHS, 30, 40), "filters": (*_FILTERS, 160, 160)}
"""Widths and filters published for sequences of 40 tokens: 2040 features."""

TEXYGEN_SIZES: dict[str, tuple[int, ...]] = {"widths": (2, 3), "filters": (100, 200)}
"""Widths and filters of the Texygen benchmark, 300 features: ``CNNDiscriminator(5000, **TEXYGEN_SIZES)``."""


@checked
class SequenceDiscriminator(nn.Module, ABC):
    r"""What tells real sequences from generated ones: logits, positive for real.

    A class-conditional one adds how well sequence and class go together, :math:`e(y)^\top \phi(x)`.

    References: cGANs with Projection Discriminator (Miyato and Koyama, 2018), https://arxiv.org/abs/1802.05637

    Args:
        vocabulary: number of tokens V.
        features: size F of the features that the last layer reads.
        classes: number of classes K for a class-conditional discriminator; 0 without.
    """

    def __init__(self, vocabulary: int, features: int, classes: int = 0) -> None:
        super().__init__()
        if vocabulary < 1 or classes < 0:
            raise ValueError(f"vocabulary={vocabulary} must be at least 1, and classes={classes} at least 0.")
        self.vocabulary, self.classes = vocabulary, classes
        self.output = Linear(features, 1)
        self.label = nn.Embedding(classes, features) if classes else None
        if self.label is not None:
            nn.init.zeros_(self.label.weight)  # all classes alike at first

    @abstractmethod
    def forward(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return logits.

        Args:
            x: token numbers [B, T], or rows of weights [B, T, V] (one-hot or relaxed), which carry gradients.
            labels: classes [B] of a class-conditional discriminator.

        Raises:
            ValueError: x has another shape, or labels are missing or too many.
        """

    def grouped(self, x: Tensor, shared: int, labels: Tensor | None = None) -> Tensor:
        """Return the logits [G, N, ...] of groups of sequences that begin alike, such as rollouts of one prefix.

        Args:
            x: token numbers [G, N, T], or rows [G, N, T, V].
            shared: how many first tokens are the same within each group, 0 to T; a subclass may do them only once.
            labels: classes [G, N] of a class-conditional discriminator.

        Raises:
            ValueError: x has another shape, or `shared` is out of range.
        """
        self.check_groups(x, shared)
        logits: Tensor = self(x.flatten(0, 1), None if labels is None else labels.flatten())
        return logits.view(*x.shape[:2], *logits.shape[1:])

    def head(self, features: Tensor, labels: Tensor | None) -> Tensor:
        """Return logits [B, ...] for features [B, ..., F], given classes [B] if class-conditional."""
        logits: Tensor = self.output(features)[..., 0]
        if self.label is None:
            return logits
        meaning: Tensor = self.label(labels).view(-1, *[1] * (features.dim() - 2), features.shape[-1])
        return logits + (features * meaning).sum(-1)

    def check(self, x: Tensor) -> None:
        """Raise ValueError unless x holds sequences."""
        rows = x.is_floating_point()
        if x.dim() != 2 + rows or min(x.shape) < 1 or (rows and x.shape[-1] != self.vocabulary):
            raise ValueError(
                f"A discriminator of sequences reads token numbers [B, T] or rows [B, T, {self.vocabulary}] with B and "
                f"T at least 1, got {x.dtype} of shape {tuple(x.shape)}."
            )

    def check_labels(self, n: int, labels: Tensor | None) -> None:
        """Raise ValueError unless labels [n] are given exactly if there are classes."""
        if (labels is None) != (self.classes == 0):
            wanted = f"labels, numbers 0 to {self.classes - 1}" if self.classes else "no labels: it has no classes"
            raise ValueError(f"This discriminator needs {wanted}.")
        if labels is not None and labels.shape != (n,):
            raise ValueError(f"labels must have shape ({n},), got {tuple(labels.shape)}.")

    def check_groups(self, x: Tensor, shared: int) -> None:
        """Raise ValueError unless x holds groups of sequences, of which `shared` first tokens can be the same."""
        if x.dim() != 3 + x.is_floating_point():
            raise ValueError(
                f"grouped() reads tokens [G, N, T] or rows [G, N, T, V], got {x.dtype} of shape {tuple(x.shape)}."
            )
        if not 0 <= shared <= x.shape[2]:
            raise ValueError(f"shared={shared!r} must be between 0 and the length {x.shape[2]}.")


@checked
class CNNDiscriminator(SequenceDiscriminator):
    r"""SeqGAN's discriminator: filters of many widths over time, their maxima, a highway layer, one logit.

    .. math::
        p_f = \mathrm{relu}\Big(\max_t \sum_{k < w_f} \langle W_{fk}, e(x_{t+k}) \rangle + b_f\Big), \qquad
        d = v^\top \mathrm{dropout}(\mathrm{highway}(p)) + c

    The logit is the difference of the published two outputs.  The published penalty on the last layer belongs to the
    optimizer.  A width longer than T sees one window, as if zeros followed.

    References: SeqGAN (Yu et al., 2017), https://arxiv.org/abs/1609.05473

    Args:
        vocabulary: number of tokens V.
        widths: lengths w of windows, in tokens.
        filters: number of filters of each width; their sum F is the number of features.
        embedding: size of a token's embedding, from U(-1, 1) at first.
        dropout: share of features dropped in training.
        gate_bias: initial bias of the highway's gate; below 0 features pass as they are at first.
        classes: number of classes for a class-conditional discriminator; 0 without.

    Raises:
        ValueError: widths and filters do not match, or a size is out of range.
    """

    def __init__(
        self,
        vocabulary: int,
        widths: Sequence[int] = SEQGAN_SIZES["widths"],
        filters: Sequence[int] = SEQGAN_SIZES["filters"],
        embedding: int = 64,
        dropout: float = 0.25,
        gate_bias: float = 0.0,
        *,
        classes: int = 0,
    ) -> None:
        check_filters(widths, filters, embedding, dropout)
        super().__init__(vocabulary, sum(filters), classes)
        self.widths = tuple(widths)
        self.embedding = nn.Embedding(vocabulary, embedding)
        nn.init.uniform_(self.embedding.weight, -1, 1)
        self.filters, self.bias = made_filters(widths, filters, embedding)
        self.highway = Highway(sum(filters), gate_bias)
        self.dropout = Dropout(dropout)
        truncated(self.output.weight)
        nn.init.constant_(self.output.bias, 0.1)

    def features(self, x: Tensor) -> Tensor:
        """Return the features [B, F] behind the highway layer, before dropout."""
        self.check(x)
        groups = apart_by_tail(x, max(self.widths))
        if len(groups) == 1:
            return self._refine(self._pool(x))
        pooled = torch.cat([self._pool(x[rows]) for rows in groups])
        return self._refine(pooled[torch.cat(groups).argsort()])

    def _pool(self, x: Tensor) -> Tensor:
        embedded = embed(without_tail(x, max(self.widths)), self.embedding)
        return max_over_windows(embedded, list(self.filters))

    def forward(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return one logit for every sequence, [B]; see :meth:`SequenceDiscriminator.forward`."""
        self.check_labels(len(x), labels)
        return self.head(self.dropout(self.features(x)), labels)

    def grouped(self, x: Tensor, shared: int, labels: Tensor | None = None) -> Tensor:
        """Return the logits [G, N]; windows inside the common prefix are read once for each group.

        Without gradients a CPU reads the sequences in pieces of about 256, which stay in its cache.
        """
        self.check_groups(x, shared)
        self.check(x.flatten(0, 1))
        self.check_labels(x.shape[0] * x.shape[1], None if labels is None else labels.flatten())
        x = without_tail(x, max(self.widths))
        shared = min(shared, x.shape[2])
        prefix = embed(x[:, 0, :shared], self.embedding)
        once = [max_over_windows(prefix, [one]) if one.shape[1] <= shared else None for one in self.filters]
        pieces = x.device.type == "cpu" and not torch.is_grad_enabled()
        step = max(1, _ROWS // x.shape[1]) if pieces else len(x)
        logits = []
        for begin in range(0, len(x), step):
            part = slice(begin, begin + step)
            pooled = self._pool_rest(x[part], shared, [None if each is None else each[part] for each in once])
            features = self.dropout(self._refine(pooled))
            logits.append(self.head(features, None if labels is None else labels[part].flatten()))
        return torch.cat(logits).view(x.shape[:2])

    def _pool_rest(self, x: Tensor, shared: int, once: list[Tensor | None]) -> Tensor:
        """Return the largest answers [G * N, F] over the windows not inside the common prefix, and over `once`."""
        (groups, each, length), pooled = x.shape[:3], []
        embedded = embed(x.flatten(0, 1), self.embedding)
        for weight, known in zip(self.filters, once, strict=True):
            if shared == length and known is not None:
                pooled.append(known.repeat_interleave(each, 0))
                continue
            first = max(0, shared - min(weight.shape[1], length) + 1)
            first = 0 if known is None else first
            answers = max_over_windows(embedded[:, first:], [weight])
            if known is not None:
                answers = torch.maximum(answers.view(groups, each, -1), known[:, None]).flatten(0, 1)
            pooled.append(answers)
        return torch.cat(pooled, 1)

    def _refine(self, pooled: Tensor) -> Tensor:
        return self.highway(torch.relu(pooled + self.bias))  # type: ignore[no-any-return]


@checked
class MultiRepresentationDiscriminator(SequenceDiscriminator):
    r"""RelGAN's discriminator: every token has R small representations, each of which gets a logit of its own.

    .. math::
        p_{rf} = \mathrm{relu}\Big(\max_t \sum_{k < w_f} \langle W_{fk}, e_r(x_{t+k}) \rangle + b_f\Big), \qquad
        d_r = v^\top (U \mathrm{dropout}(\mathrm{highway}(p_r)) + a) + c

    All representations share filters, highway and last layers.  U and v are two parameters, and are multiplied with
    each other first.  A width longer than T sees one window, as if zeros followed.

    References: RelGAN (Nie et al., 2019), https://openreview.net/forum?id=rJedV3R5tm

    Args:
        vocabulary: number of tokens V.
        representations: R, a divisor of `embedding`.
        widths: lengths w of windows, in tokens.
        filters: number of filters of each width; their sum F is the number of features of a representation.
        embedding: size of all representations of a token together.
        dropout: share of features dropped in training.
        hidden: size of the linear layer before the last.
        gate_bias: initial bias of the highway's gate.
        classes: number of classes for a class-conditional discriminator; 0 without.

    Raises:
        ValueError: widths and filters do not match, or a size is out of range.
    """

    def __init__(
        self,
        vocabulary: int,
        representations: int = 64,
        widths: Sequence[int] = (2, 3, 4, 5),
        filters: Sequence[int] = (300, 300, 300, 300),
        embedding: int = 64,
        dropout: float = 0.25,
        hidden: int = 100,
        gate_bias: float = 0.0,
        *,
        classes: int = 0,
    ) -> None:
        check_filters(widths, filters, embedding, dropout)
        if representations < 1 or embedding % representations or hidden < 1:
            raise ValueError(
                f"representations={representations} must divide embedding={embedding}, and hidden={hidden} be >= 1."
            )
        super().__init__(vocabulary, hidden, classes)
        self.representations = representations
        self.embedding = nn.Embedding(vocabulary, embedding)
        nn.init.uniform_(self.embedding.weight, -1, 1)
        self.filters, self.bias = made_filters(widths, filters, embedding // representations)
        self.highway = Highway(sum(filters), gate_bias)
        self.dropout = Dropout(dropout)
        self.compress = Linear(sum(filters), hidden)

    def features(self, x: Tensor) -> Tensor:
        """Return the features [B, R, F] behind the highway layer, before dropout."""
        self.check(x)
        return self._features(x).view(len(x), self.representations, -1)

    def forward(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return one logit for every representation, [B, R]; see :meth:`SequenceDiscriminator.forward`."""
        self.check(x)
        self.check_labels(len(x), labels)
        weight, bias = self.output.weight @ self.compress.weight, self.output.weight @ self.compress.bias
        features = self.dropout(self._features(x))
        logits: Tensor = (features @ weight[0] + (bias + self.output.bias)).view(len(x), self.representations)
        if self.label is None:
            return logits
        agreement: Tensor = self.compress(features).unflatten(0, logits.shape) @ self.label(labels)[..., None]
        return logits + agreement[..., 0]

    def _features(self, x: Tensor) -> Tensor:
        x = without_tail(x, max(each.shape[1] for each in self.filters))
        parts = embed(x, self.embedding).unflatten(-1, (self.representations, -1))  # [B, T, R, E / R]
        pooled = max_over_windows(parts.transpose(1, 2).flatten(0, 1), list(self.filters))
        refined: Tensor = self.highway(torch.relu(pooled + self.bias))
        return refined

"""A classifier of digits, trained on the spot: it names the mode of every stacked image."""

from math import ceil
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import nll_loss

from gan_ext.checks import checked
from gan_ext.data import ArrayStream, stacked_labels
from gan_ext.engine import (
    CheckpointError,
    Compute,
    Engine,
    adam,
    check_weights,
    ensure_writable,
    linear,
    read_tensors,
    write_tensors,
)
from gan_ext.games import MaximumLikelihood
from gan_ext.nets import compact_discriminator
from gan_ext.seeds import RandomStateLike, as_seed, seeded

__all__ = ["DigitReader", "digit_reader"]

_KIND = "gan_ext.toys.DigitReader"
_BLOCK = 2048  # images read at a time


class _Digits(NamedTuple):
    x: Tensor
    y: Tensor


@checked
class DigitReader(nn.Module):
    """A small convolutional net that names the class of every channel of an image.

    Args:
        shape: (height, width) of one channel; sides are multiples of 4, at least 12.
        classes: how many there are.
        channels: width of the net: channels after its first convolution.
    """

    def __init__(self, shape: tuple[int, int], classes: int = 10, channels: int = 16) -> None:
        super().__init__()
        self.shape, self.classes, self.channels = (int(shape[0]), int(shape[1])), classes, channels
        self.net = compact_discriminator((1, *self.shape), classes, channels)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits [B, classes] of images [B, 1, h, w] with values in [0, 1]."""
        logits: Tensor = self.net(images).logits
        return logits

    def log_likelihood(self, batch: Any) -> Tensor:
        """Return the log-probability [B] of the classes `batch.y` given the images `batch.x` [B, h, w]."""
        return -nll_loss(self(_as_floats(batch.x)[:, None]).float().log_softmax(1), batch.y, reduction="none")

    @torch.no_grad()
    def read(self, images: Tensor) -> Tensor:
        """Return the likeliest classes, int64 [n] of images [n, h, w], or [n, c] of images [n, c, h, w].

        Args:
            images: uint8 in 0..255, or floats in [0, 1]; what lies outside is clipped.

        Raises:
            ValueError: images of another shape.
        """
        if images.ndim not in (3, 4) or tuple(images.shape[-2:]) != self.shape:
            raise ValueError(
                f"images must be [n, h, w] or [n, c, h, w] with sides {self.shape}, got {tuple(images.shape)}."
            )
        was_training, device = self.training, next(self.parameters()).device
        self.eval()
        blocks = images.reshape(-1, 1, *self.shape).split(_BLOCK)
        named = [self(_as_floats(block.to(device)).clamp(0, 1)).argmax(1) for block in blocks]
        self.train(was_training)
        return torch.cat(named).to(images.device).reshape(images.shape[:-2])

    def accuracy(self, images: Tensor, labels: Tensor) -> float:
        """Return the share of images [n, h, w] whose classes are read as their labels [n] say."""
        return float((self.read(images) == labels).float().mean())

    def modes(self, images: Tensor) -> Tensor:
        """Return the mode of every stacked image, int64 [n] on the CPU, for :func:`gan_ext.metrics.label_scores`.

        Args:
            images: [n, c, h, w], values as in :meth:`read`; modes go from 0 to classes ** c - 1.
        """
        return stacked_labels(self.read(images), self.classes).cpu()

    def save(self, path: str | Path) -> None:
        """Write the net to one safetensors file.

        Raises:
            CheckpointError: it cannot be written.
        """
        index = {"kind": _KIND, "shape": list(self.shape), "classes": self.classes, "channels": self.channels}
        write_tensors(Path(path), self.state_dict(), index)

    @classmethod
    def load(cls, path: str | Path) -> "DigitReader":
        """Read a net that :meth:`save` wrote.

        Raises:
            CheckpointError: the file is damaged, or of another kind.
        """
        found = read_tensors(Path(path))
        if found.index.get("kind") != _KIND:
            raise CheckpointError(f"{path} holds no DigitReader; write one with DigitReader.save.")
        try:
            height, width = found.index["shape"]
            reader = cls((height, width), found.index["classes"], found.index["channels"])
        except (LookupError, TypeError, ValueError, RuntimeError) as error:
            raise CheckpointError(f"{path} has an index that DigitReader.save does not write ({error!r}).") from error
        reader.load_state_dict(check_weights(found, reader.state_dict()))
        return reader.eval()


def digit_reader(
    images: Tensor,
    labels: Tensor,
    *,
    epochs: float = 5.0,
    batch_size: int = 100,
    channels: int = 16,
    lr: float = 3e-3,
    random_state: RandomStateLike = 0,
    device: str = "auto",
    path: str | Path | None = None,
) -> DigitReader:
    """Train a :class:`DigitReader` by maximum likelihood with the package's engine.

    The learning rate falls linearly to a hundredth.  The published figures on Stacked MNIST come from a net of 99 %
    test accuracy.

    References: PacGAN: The power of two samples in generative adversarial networks (Lin et al., 2018), appendix,
    https://arxiv.org/abs/1712.04086

    Args:
        images: [n, h, w], uint8 in 0..255 or floats in [0, 1]; sides are multiples of 4, at least 12.
        labels: classes [n], int64, from 0.
        epochs: how often each image is seen.
        batch_size: images of a step.
        channels: width of the net.
        lr: first learning rate.
        random_state: decides weights, order and dropped noise; the same integer gives the same net.
        device: where to train; the net is returned on the CPU.
        path: a file of :meth:`DigitReader.save`: read if it exists, and nothing is trained; else written.

    Returns:
        The net, in evaluation mode.

    Raises:
        CheckpointError: the file is damaged, of another kind, or cannot be written.
        ValueError: images and labels that do not belong together, or a budget that is not positive.
    """
    if images.ndim != 3 or labels.shape != images.shape[:1] or not len(images):
        raise ValueError(
            f"digit_reader needs images [n, h, w] and labels [n], got {tuple(images.shape)} and {tuple(labels.shape)}."
        )
    if not (epochs > 0 and batch_size >= 1 and lr > 0):
        raise ValueError(
            f"digit_reader needs epochs > 0, batch_size >= 1 and lr > 0, got epochs={epochs!r}, "
            f"batch_size={batch_size!r}, lr={lr!r}."
        )
    if path is not None and Path(path).exists():
        return DigitReader.load(path)
    seed = as_seed(random_state)
    with seeded(seed):
        height, width = images.shape[1:]
        reader = DigitReader((height, width), int(labels.max()) + 1, channels)
    steps = ceil(epochs * len(images) / batch_size)
    game = MaximumLikelihood(reader, reader.log_likelihood)
    schedules = {"model.lr": linear(lr, lr / 100, steps)}
    engine = Engine(game, {"model": adam(lr, (0.9, 0.999))}, seed=seed, schedules=schedules, compute=Compute(device))
    engine.fit(ArrayStream(_Digits(images, labels.long()), batch_size, seed), steps)
    reader.cpu().eval()
    if path is not None:
        reader.save(ensure_writable(Path(path).parent) / Path(path).name)
    return reader


def _as_floats(images: Tensor) -> Tensor:
    return images.float() / 255 if images.dtype == torch.uint8 else images.float()

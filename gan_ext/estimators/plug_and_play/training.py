"""The three trainings behind a plug and play generator, each with checkpoints of its own."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from gan_ext.data import ArrayStream
from gan_ext.engine import Compute, Engine, adam, cosine, flat_then_linear
from gan_ext.estimators.base.assembly import are_images
from gan_ext.estimators.base.estimator import on_cpu
from gan_ext.estimators.base.running import Running
from gan_ext.games import DenoisingAutoencoder, FeatureInversion, LabeledBatch, MaximumLikelihood, RealBatch
from gan_ext.nets import (
    CodeClassifier,
    conv_code_classifier,
    mlp_code_classifier,
    plain_discriminator,
    plain_generator,
    residual_denoiser,
    unit_image_nets,
)
from gan_ext.seeds import mix, seeded

__all__ = ["InversionWeights", "Networks", "Phase", "Stages", "Trained", "train"]

_ROWS = 1024  # samples encoded at a time


@dataclass(frozen=True)
class Networks:
    """Builds the networks of all trainings, for images if the shape is that of images.

    Args:
        shape: of one sample.
        classes: how many.
        latent_dim: numbers in a code.
        channels: of the first convolutions, for images.
        widths: of the hidden layers of generator and discriminator, for tables.
        bounded: whether data is in [0, 1].
    """

    shape: tuple[int, ...]
    classes: int
    latent_dim: int
    channels: int
    widths: tuple[int, ...]
    bounded: bool

    def classifier(self) -> CodeClassifier:
        """Build a classifier with a code inside."""
        if are_images(self.shape):
            return conv_code_classifier(self.shape, self.classes, self.latent_dim, self.channels)
        return mlp_code_classifier(self.shape, self.classes, self.latent_dim)

    def pair(self) -> tuple[nn.Module, nn.Module]:
        """Build a generator, from codes to data, and a discriminator."""
        if are_images(self.shape):
            return unit_image_nets(self.shape, self.latent_dim, self.channels)
        last = nn.Sigmoid() if self.bounded else nn.Identity()
        body = plain_generator(self.shape, self.latent_dim, self.widths)
        return nn.Sequential(body, last), plain_discriminator(self.shape, self.widths)


@dataclass(frozen=True)
class Phase:
    """Steps of one training, and the learning rate at its start."""

    steps: int
    learning_rate: float


@dataclass(frozen=True)
class InversionWeights:
    """What :class:`~gan_ext.games.FeatureInversion` weighs its errors by, and the noise it is trained with."""

    image: float
    feature: float
    code: float
    adversarial: float
    r1: float
    noise: tuple[float, float, float]


class Trained(NamedTuple):
    """What is there after all trainings; `raw_game` and `raw_denoiser` are without averaging, to go on from."""

    classifier: CodeClassifier
    game: FeatureInversion
    denoiser: nn.Module | None
    raw_game: FeatureInversion
    raw_denoiser: nn.Module | None
    history: list[dict[str, Any]]
    steps: int


@dataclass(frozen=True)
class Stages:
    """What the trainings need.

    Args:
        networks: builds them.
        weights: of the generator's game.
        classifier: how the classifier is trained; a trained one takes its place.
        inversion: how the generator is trained.
        denoiser: how the denoiser of codes is trained, None for none.
        denoiser_noise: that it takes away.
        batch_size: samples in a step of the generator's game.
        running: of the generator's game; the others take over what fits them.
        seed: of all three.
        last: where the last fit ended, to go on from.
    """

    networks: Networks
    weights: InversionWeights
    classifier: Phase | CodeClassifier
    inversion: Phase
    denoiser: Phase | None
    denoiser_noise: float
    batch_size: int
    running: Running
    seed: int
    last: Trained | None = None

    def model(self, name: str, averaging: float = 0.0, compute: Compute | None = None) -> Running:
        """Return how a network is trained by itself, without a game: the user's solver and callbacks are the game's."""
        alone = replace(self.running.part(name), solver=None, averaging=averaging, callbacks=())
        return alone if compute is None else replace(alone, compute=compute)


def train(stages: Stages, data: Tensor, known: Tensor, labels: Tensor) -> Trained:
    """Train classifier, generator and denoiser on scaled data [n, ...] and the labels [n] of those that are known.

    Raises:
        ValueError: a given classifier that has other codes or classes.
    """
    if isinstance(stages.classifier, CodeClassifier):
        classifier = stages.classifier
        _check_fits(classifier.cpu().eval(), stages.networks, data[:2])
    else:
        classifier = _classifier(stages, stages.classifier, LabeledBatch(data[known], labels[known]))
    classifier = classifier.cpu().eval()
    engine = _inverted(stages, classifier, data)
    game, raw = on_cpu(engine.averaged), on_cpu(engine.game)
    assert isinstance(game, FeatureInversion)
    assert isinstance(raw, FeatureInversion)
    denoisers = (None, None) if stages.denoiser is None else _denoiser(stages, stages.denoiser, classifier, data)
    return Trained(classifier, game, denoisers[0], raw, denoisers[1], list(engine.history), engine.step)


@torch.no_grad()
def _check_fits(classifier: CodeClassifier, networks: Networks, data: Tensor) -> None:
    codes = classifier.encode(data)
    found, wanted = (codes.shape[1], classifier.head(codes).shape[1]), (networks.latent_dim, networks.classes)
    if found != wanted:
        raise ValueError(
            f"classifier has codes of {found[0]} numbers and {found[1]} classes, but latent_dim is {wanted[0]} and y "
            f"has {wanted[1]} classes."
        )


def _classifier(stages: Stages, phase: Phase, batch: LabeledBatch) -> CodeClassifier:
    with _seeded(stages.seed, 1):
        net = stages.networks.classifier() if stages.last is None else copy.deepcopy(stages.last.classifier)
    game = MaximumLikelihood(net, lambda part: -F.cross_entropy(net(part.x).float(), part.y, reduction="none"))
    running = stages.model("classifier")
    engine = running.engine(
        game,
        {"model": adam(phase.learning_rate, betas=(0.9, 0.999), weight_decay=1e-4)},
        mix(stages.seed, 1),
        {"model.lr": cosine(phase.learning_rate, 0.0, phase.steps)},
    )
    running.fit(engine, ArrayStream(batch, min(100, len(batch.x)), stages.seed), phase.steps, "classifier")
    return net


def _inverted(stages: Stages, classifier: CodeClassifier, data: Tensor) -> Engine:
    phase, weights = stages.inversion, stages.weights
    with _seeded(stages.seed, 2):
        pair = stages.networks.pair() if stages.last is None else _pair(copy.deepcopy(stages.last.raw_game))
    game = FeatureInversion(
        *pair,
        classifier.lower,
        classifier.upper,
        image=weights.image,
        feature=weights.feature,
        code=weights.code,
        adversarial=weights.adversarial,
        r1=weights.r1,
        noise=weights.noise,
    )
    rate, running = flat_then_linear(phase.learning_rate, phase.steps), stages.running.part("generator")
    engine = running.engine(
        game,
        {player: adam(phase.learning_rate, (0.0, 0.99)) for player in ("discriminator", "generator")},
        stages.seed,
        {"discriminator.lr": rate, "generator.lr": rate},
    )
    stream = ArrayStream(RealBatch(data), min(stages.batch_size, len(data)), stages.seed)
    return running.fit(engine, stream, phase.steps, "generator")


def _pair(game: FeatureInversion) -> tuple[nn.Module, nn.Module]:
    return game.generator, game.discriminator


def _denoiser(stages: Stages, phase: Phase, classifier: CodeClassifier, data: Tensor) -> tuple[nn.Module, nn.Module]:
    """Return a denoiser of the codes of data, with averaged weights and without."""
    with torch.no_grad():
        codes = torch.cat([classifier.encode(part) for part in data.split(_ROWS)])
    with _seeded(stages.seed, 3):
        last = None if stages.last is None else stages.last.raw_denoiser
        net = residual_denoiser((stages.networks.latent_dim,)) if last is None else copy.deepcopy(last)
    # Codes are small and their pull is a difference: in float32.
    running = stages.model("denoiser", averaging=0.999, compute=Compute(stages.running.compute.device))
    engine = running.engine(
        DenoisingAutoencoder(net, stages.denoiser_noise),
        {"model": adam(phase.learning_rate, betas=(0.9, 0.999))},
        mix(stages.seed, 3),
        {"model.lr": cosine(phase.learning_rate, 0.0, phase.steps)},
    )
    running.fit(
        engine, ArrayStream(RealBatch(codes), min(256, len(codes)), stages.seed), phase.steps, "denoiser of codes"
    )
    averaged, raw = on_cpu(engine.averaged), on_cpu(engine.game)
    assert isinstance(averaged, DenoisingAutoencoder)
    assert isinstance(raw, DenoisingAutoencoder)
    return averaged.model, raw.model


@contextmanager
def _seeded(*seed: int) -> Iterator[None]:
    """Within this context initial weights are drawn from a seed, and the caller's generator is left alone."""
    with seeded(*seed):
        yield

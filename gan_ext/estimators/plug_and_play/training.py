"""The three trainings behind a plug and play generator, each with checkpoints of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from gan_ext.data import ArrayStream
from gan_ext.engine import Compute, Engine, SaveEvery, adam, cosine, flat_then_linear
from gan_ext.estimators.base.assembly import are_images
from gan_ext.estimators.base.estimator import on_cpu, remembering
from gan_ext.game import Game
from gan_ext.games import DenoisingAutoencoder, FeatureInversion, LabeledBatch, MaximumLikelihood, RealBatch
from gan_ext.nets import (
    Affine,
    CodeClassifier,
    conv_code_classifier,
    mlp_code_classifier,
    plain_conv_discriminator,
    plain_conv_generator,
    plain_discriminator,
    plain_generator,
    residual_denoiser,
    unit_tanh,
)
from gan_ext.seeds import kept_generators, mix, reseed

__all__ = ["Stages", "Trained", "image_nets", "train"]

_ROWS = 1024  # samples encoded at a time


class Trained(NamedTuple):
    """What is there after all trainings."""

    classifier: CodeClassifier
    game: FeatureInversion
    denoiser: nn.Module | None
    history: list[dict[str, Any]]
    steps: int


class Stages:
    """The settings of the trainings.

    Args:
        estimator: with the parameters of a :class:`~gan_ext.estimators.PlugAndPlayGAN`, and `scaler_` and `classes_`.
        seed: of all three.
    """

    def __init__(self, estimator: Any, seed: int) -> None:
        self.estimator, self.seed = estimator, seed
        self.compute = Compute(estimator.device, estimator.precision)

    def folder(self, stage: str) -> Path | None:
        """Return where a stage keeps its checkpoints."""
        checkpoint = self.estimator.checkpoint
        return None if checkpoint is None else Path(checkpoint) / stage

    def run(self, engine: Engine, stage: str, stream: Any, steps: int, callbacks: list[Any]) -> Engine:
        """Play a stage from where its checkpoints end."""
        folder = self.folder(stage)
        if folder is not None:
            engine.resume(folder)
            callbacks = [*callbacks, SaveEvery(self.estimator.checkpoint_every, folder)]
        return engine.fit(stream, steps, callbacks)


def train(stages: Stages, data: Tensor, known: Tensor, labels: Tensor) -> Trained:
    """Train classifier, generator and denoiser on scaled data [n, ...] and the labels [n] of those that are known."""
    classifier = stages.estimator.classifier
    if classifier is None:
        classifier = _classifier(stages, LabeledBatch(data[known], labels[known]))
    classifier = classifier.cpu().eval()
    engine = _inverted(stages, classifier, data)
    game = on_cpu(engine.averaged)
    assert isinstance(game, FeatureInversion)
    denoiser = _denoiser(stages, classifier, data) if stages.estimator.variant == "denoising" else None
    return Trained(classifier, game.eval(), denoiser, list(engine.history), engine.step)


def _classifier(stages: Stages, batch: LabeledBatch) -> CodeClassifier:
    settings, steps = stages.estimator, stages.estimator.classifier_iter
    shape, classes = tuple(batch.x.shape[1:]), len(settings.classes_)
    with _seeded(stages.seed, 1):
        if are_images(shape):
            net = conv_code_classifier(shape, classes, settings.code_dim, settings.channels)
        else:
            net = mlp_code_classifier(shape, classes, settings.code_dim)
    game = MaximumLikelihood(net, lambda part: -F.cross_entropy(net(part.x).float(), part.y, reduction="none"))
    engine = Engine(
        game,
        {"model": adam(2e-3, betas=(0.9, 0.999), weight_decay=1e-4)},
        seed=mix(stages.seed, 1),
        schedules={"model.lr": cosine(2e-3, 0.0, steps)},
        compute=stages.compute,
    )
    stages.run(engine, "classifier", ArrayStream(batch, min(100, len(batch.x)), stages.seed), steps, [])
    return net


def _inverted(stages: Stages, classifier: CodeClassifier, data: Tensor) -> Engine:
    settings, steps = stages.estimator, stages.estimator.max_iter
    noisy = settings.variant == "joint"
    generator, discriminator = _nets(stages, tuple(data.shape[1:]))
    game = FeatureInversion(
        generator,
        discriminator,
        classifier.lower,
        classifier.upper,
        image=settings.image,
        feature=settings.feature,
        code=(0.1 if noisy else 0.0) if settings.code is None else settings.code,
        adversarial=settings.adversarial,
        r1=settings.r1,
        noise=settings.noise if noisy else (0.0, 0.0, 0.0),
    )
    rate = flat_then_linear(settings.learning_rate, steps)
    engine = Engine(
        game,
        {player: adam(settings.learning_rate, (0.0, 0.99)) for player in ("discriminator", "generator")},
        seed=stages.seed,
        ema=settings.averaging,
        schedules={"discriminator.lr": rate, "generator.lr": rate},
        compute=stages.compute,
    )
    stream = ArrayStream(RealBatch(data), min(settings.batch_size, len(data)), stages.seed)
    return stages.run(engine, "generator", stream, steps, [remembering(steps), *settings.callbacks])


def _nets(stages: Stages, shape: tuple[int, ...]) -> tuple[nn.Module, nn.Module]:
    settings = stages.estimator
    with _seeded(stages.seed, 2):
        if are_images(shape):
            return image_nets(shape, settings.code_dim, settings.channels)
        widths = tuple(settings.hidden_layer_sizes)
        last = nn.Sigmoid() if settings.scaler_.kind == "minmax" else nn.Identity()
        body = plain_generator(shape, settings.code_dim, widths)
        return nn.Sequential(body, last), plain_discriminator(shape, widths)


def image_nets(shape: tuple[int, ...], code_dim: int, channels: int) -> tuple[nn.Module, nn.Module]:
    """Build a generator and a discriminator of images in [0, 1], which the discriminator centers."""
    generator = plain_conv_generator(shape, code_dim, 2 * channels, output=unit_tanh())
    discriminator = nn.Sequential(Affine(2.0, -1.0), plain_conv_discriminator(shape, channels))
    for net in (generator, discriminator):
        net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return generator, discriminator


def _denoiser(stages: Stages, classifier: CodeClassifier, data: Tensor) -> nn.Module:
    settings, steps = stages.estimator, stages.estimator.denoiser_iter
    with torch.no_grad():
        codes = torch.cat([classifier.encode(part) for part in data.split(_ROWS)])
    with _seeded(stages.seed, 3):
        game: Game = DenoisingAutoencoder(residual_denoiser((settings.code_dim,)), settings.denoiser_noise)
    engine = Engine(
        game,
        {"model": adam(1e-3, betas=(0.9, 0.999))},
        seed=mix(stages.seed, 3),
        ema=0.999,
        schedules={"model.lr": cosine(1e-3, 0.0, steps)},
        compute=Compute(settings.device),
    )
    stream = ArrayStream(RealBatch(codes), min(256, len(codes)), stages.seed)
    stages.run(engine, "denoiser", stream, steps, [])
    trained = on_cpu(engine.averaged)
    assert isinstance(trained, DenoisingAutoencoder)
    return trained.model.eval()


@contextmanager
def _seeded(*seed: int) -> Iterator[None]:
    """Within this context initial weights are drawn from a seed, and the caller's generator is left alone."""
    with kept_generators(torch.device("cpu")):
        reseed(torch.device("cpu"), *seed)
        yield

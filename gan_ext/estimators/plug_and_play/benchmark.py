"""All variants of plug and play generative networks side by side, with two modern baselines."""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from torch import Tensor, nn

from gan_ext.data import ArrayStream
from gan_ext.engine import Callback, Compute, Engine, SaveEvery, adam, cosine, flat_then_linear
from gan_ext.estimators.base.estimator import on_cpu
from gan_ext.estimators.evaluation.features import ClassifierFeatures
from gan_ext.estimators.plug_and_play.chain_scores import ChainScores, Reference, class_scores
from gan_ext.estimators.plug_and_play.fitted import variant_sampler
from gan_ext.estimators.plug_and_play.plug_and_play_gan import PlugAndPlayGAN
from gan_ext.estimators.plug_and_play.training import image_nets
from gan_ext.games import R3GAN, DenoisingAutoencoder, RealBatch
from gan_ext.latents import Gaussian
from gan_ext.metrics import autocorrelation_time, mode_switch_rate
from gan_ext.nets import residual_denoiser
from gan_ext.plug_and_play import (
    ChainPrior,
    Chains,
    ClassCondition,
    DenoisingPrior,
    DiscriminatorDriven,
    FlatPrior,
    JointPrior,
    Langevin,
    LatentPrior,
    MetropolisLangevin,
    OfficialSampler,
    PlugAndPlay,
    Sampler,
)
from gan_ext.seeds import kept_generators, mix, reseed

__all__ = ["PlugAndPlayArm", "PlugAndPlayBenchmark"]

Array = NDArray[Any]


class PlugAndPlayArm(NamedTuple):
    """One way to draw images of a class: a generator, a prior of its codes, and how chains move."""

    generator: nn.Module
    prior: ChainPrior
    sampler: Sampler
    passes: int  # of a chain through a network in one step, forwards or backwards


class PlugAndPlayBenchmark:
    r"""The five variants of PPGN and two modern baselines, trained on the same images and judged by one classifier.

    PPGN-x climbs in images with a denoiser of images; DGN-AM, PPGN-h and noiseless joint PPGN-h share one generator and
    differ in prior and sampler; joint PPGN-h has one that was trained with noise.  The baselines have a GAN of the same
    nets: latent Langevin with a Metropolis test on :math:`p(z) p(y \mid G(z))`, and the same with discriminator-driven
    latents (DDLS).

    References: Plug & Play Generative Networks (Nguyen et al., 2017), https://arxiv.org/abs/1612.00005; DDLS (Che et
    al., 2020), https://arxiv.org/abs/2003.06060

    Args:
        max_iter: steps of each generator's game.
        classifier_iter: steps of the classifier in the chain, and of the independent one.
        denoiser_iter: steps of each denoiser.
        code_dim: numbers in a code, and in the GAN's latent vector.
        image_noise: deviation of the noise that PPGN-x's denoiser takes away, in units of images in [0, 1].
        channels: of the first convolutions.
        device: "auto", "cpu", "cuda" or "cuda:N".
        precision: of training and of chains without a Metropolis test.
        checkpoint: folder for checkpoints of all trainings, from which `fit` goes on; None for none.
        random_state: decides everything that is drawn.
        callbacks: called with each engine after each step.

    Attributes:
        names: of all arms.
    """

    names = (
        "PPGN-x", "DGN-AM", "PPGN-h", "joint PPGN-h", "noiseless joint PPGN-h", "noiseless joint, official step",
        "flat prior, same chains", "latent Langevin", "DDLS",
    )  # fmt: skip

    def __init__(
        self,
        *,
        max_iter: int = 2500,
        classifier_iter: int = 1500,
        denoiser_iter: int = 4000,
        code_dim: int = 32,
        image_noise: float = 0.25,
        channels: int = 32,
        device: str = "auto",
        precision: Literal["float32", "bfloat16"] = "float32",
        checkpoint: str | Path | None = None,
        random_state: int = 0,
        callbacks: Sequence[Callback] = (),
    ) -> None:
        self.max_iter, self.classifier_iter, self.denoiser_iter = max_iter, classifier_iter, denoiser_iter
        self.code_dim, self.image_noise, self.channels = code_dim, image_noise, channels
        self.device, self.compute = device, Compute(device, precision)
        self.checkpoint = None if checkpoint is None else Path(checkpoint)
        self.random_state, self.callbacks = random_state, tuple(callbacks)

    def fit(self, X: Array, y: Array) -> "PlugAndPlayBenchmark":
        """Train everything on images (n, c, h, w) in [0, 1] and their classes (n,), all of them known."""
        if X.ndim != 4 or X.min() < 0 or X.max() > 1:
            raise ValueError(f"X has shape {X.shape} and values {X.min()} to {X.max()}; pass images in [0, 1].")
        self.classes = np.unique(y)
        self.judge = ClassifierFeatures(
            self.classifier_iter, device=self.device, random_state=mix(self.random_state, 9) % 2**31
        ).fit(X, y)
        self.inverter = self._inverter("denoising", None).fit(X, y)
        self.joint = self._inverter("joint", self.inverter.classifier_).fit(X, y)
        data = torch.tensor(X, dtype=torch.float32)
        self.image_denoiser = self._image_denoiser(data)
        self.gan = self._gan(data)
        return self

    def _inverter(self, variant: Any, classifier: Any) -> PlugAndPlayGAN:
        return PlugAndPlayGAN(
            variant, code_dim=self.code_dim, max_iter=self.max_iter, classifier_iter=self.classifier_iter,
            denoiser_iter=self.denoiser_iter, channels=self.channels, classifier=classifier, scaling="none",
            unlabeled=None, device=self.device, precision=self.compute.precision,
            checkpoint=self._folder(variant), random_state=self.random_state, callbacks=self.callbacks,
        )  # fmt: skip

    def _folder(self, name: str) -> Path | None:
        return None if self.checkpoint is None else self.checkpoint / name

    def _image_denoiser(self, data: Tensor) -> nn.Module:
        with kept_generators(torch.device("cpu")):
            reseed(torch.device("cpu"), self.random_state, 4)
            game = DenoisingAutoencoder(residual_denoiser(tuple(data.shape[1:]), 512), self.image_noise)
        engine = Engine(
            game,
            {"model": adam(1e-3, betas=(0.9, 0.999))},
            seed=self.random_state,
            ema=0.999,
            schedules={"model.lr": cosine(1e-3, 0.0, self.denoiser_iter)},
            compute=self.compute,
        )
        trained = self._trained(engine, "image_denoiser", data, self.denoiser_iter)
        assert isinstance(trained, DenoisingAutoencoder)
        return trained.model

    def _gan(self, data: Tensor) -> R3GAN:
        shape = tuple(data.shape[1:])
        with kept_generators(torch.device("cpu")):
            reseed(torch.device("cpu"), self.random_state, 5)
            generator, discriminator = image_nets(shape, self.code_dim, self.channels)
        rate = flat_then_linear(4e-4, self.max_iter)
        engine = Engine(
            R3GAN(generator, discriminator, Gaussian(self.code_dim), 0.25),
            {player: adam(4e-4, (0.0, 0.99)) for player in ("discriminator", "generator")},
            seed=self.random_state,
            ema=0.998,
            schedules={"discriminator.lr": rate, "generator.lr": rate},
            compute=self.compute,
        )
        trained = self._trained(engine, "gan", data, self.max_iter)
        assert isinstance(trained, R3GAN)
        return trained

    def _trained(self, engine: Engine, name: str, data: Tensor, steps: int) -> Any:
        folder, callbacks = self._folder(name), list(self.callbacks)
        if folder is not None:
            engine.resume(folder)
            callbacks.append(SaveEvery(500, folder))
        engine.fit(ArrayStream(RealBatch(data), min(64, len(data)), self.random_state), steps, callbacks)
        return on_cpu(engine.averaged).eval()

    def arms(self) -> dict[str, PlugAndPlayArm]:
        """Return all arms with the samplers of the documentation's results, chosen on held-out training images."""
        game, dim = self.inverter.game_, self.code_dim
        joint = JointPrior.of(game, dim, 1.0)
        gan, latent = self.gan, Gaussian(dim)
        images = DenoisingPrior(self.image_denoiser, self.inverter.sample_shape_, 1.0)  # the pull R(x) - x as it is
        pixels = Langevin(0.2, 0.3, 7.5, 0.025, cooling=0.3, low=0.0, high=1.0)
        warm = variant_sampler("noiseless_joint")
        official = OfficialSampler(0.1, noise=0.0, size=0.02, low=None, high=None)  # these codes have no ends
        corrected = MetropolisLangevin(0.1)
        return {
            "PPGN-x": PlugAndPlayArm(nn.Identity(), images, pixels, 3),
            "DGN-AM": PlugAndPlayArm(game, FlatPrior(dim), variant_sampler("flat"), 4),
            "PPGN-h": PlugAndPlayArm(game, self.inverter.prior(), self.inverter.default_sampler(), 5),
            "joint PPGN-h": PlugAndPlayArm(self.joint.game_, self.joint.prior(), self.joint.default_sampler(), 5),
            "noiseless joint PPGN-h": PlugAndPlayArm(game, joint, warm, 5),
            "noiseless joint, official step": PlugAndPlayArm(game, joint, official, 5),
            "flat prior, same chains": PlugAndPlayArm(game, FlatPrior(dim), warm, 4),
            "latent Langevin": PlugAndPlayArm(gan.generator, LatentPrior(latent), corrected, 4),
            "DDLS": PlugAndPlayArm(
                gan.generator, DiscriminatorDriven(latent, gan.generator, gan.discriminator), corrected, 9
            ),
        }

    def chains(self, arm: PlugAndPlayArm, classes: Array) -> PlugAndPlay:
        """Return the chains of an arm under the condition of a class for each of them."""
        condition = ClassCondition(self.inverter.classifier_, torch.from_numpy(classes))
        exact = isinstance(arm.sampler, MetropolisLangevin)
        compute = Compute(self.device, "float32") if exact else self.compute
        return PlugAndPlay(arm.generator, condition, arm.prior, arm.sampler, compute=compute)

    def measure(
        self,
        arm: PlugAndPlayArm,
        reference: Reference,
        *,
        chains: int = 100,
        steps: int = 200,
        seed: int = 0,
        callbacks: Sequence[Any] = (),
    ) -> tuple[ChainScores, Chains]:
        """Run chains for each class and score where they end.

        Args:
            arm: one of :meth:`arms`.
            reference: what :meth:`reference` makes of real images, not those of training.
            chains: chains for each class; all run at once.
            steps: steps of each.
            seed: of the chains.
            callbacks: called with the state of the chains after each step.
        """
        wanted = np.repeat(np.arange(len(self.classes)), chains)
        start = time.process_time()
        found = self.chains(arm, wanted).sample(len(wanted), steps, seed=seed, callbacks=callbacks)
        seconds = time.process_time() - start
        quality = self.scores(found.data.numpy(), wanted, reference)
        mixing = self._mixing(arm, reference, steps, seed)
        hits = max(quality["hit_rate"] * len(wanted), 1.0)
        cost = {"passes": steps * arm.passes * len(wanted) / hits, "milliseconds": 1000 * seconds / hits}
        return ChainScores(**quality, accepted=found.accepted, **mixing, **cost), found

    def reference(self, X: Array, y: Array) -> Reference:
        """Return what real images (m, c, h, w) and their classes (m,) look like to the independent classifier."""
        features = self.judge.transform(X)
        groups = KMeans(10 * len(self.classes), n_init=1, random_state=0).fit(features)
        return Reference(features, np.searchsorted(self.classes, y), groups)

    def scores(self, images: Array, wanted: Array, reference: Reference) -> dict[str, float]:
        """Return the scores of images that should be of the wanted classes (numbers), against real ones."""
        named = self.judge.predict_proba(images).argmax(1)
        return class_scores(self.judge.transform(images), named, wanted, reference)

    def _mixing(self, arm: PlugAndPlayArm, reference: Reference, steps: int, seed: int) -> dict[str, float]:
        """Run a few chains without cooling; the first half of the steps is left out."""
        if isinstance(arm.sampler, Langevin):
            arm = arm._replace(sampler=replace(arm.sampler, cooling=0.0))
        wanted = np.repeat(np.arange(len(self.classes)), 10)
        plugged = self.chains(arm, wanted)
        trace = plugged.sample(len(wanted), 2 * steps, seed=seed, trace_every=1).trace
        assert trace is not None
        stride, late = max(1, min(10, steps // 4)), trace[steps:].flatten(2)
        times = autocorrelation_time(late.numpy())
        with torch.no_grad():
            shown = [plugged.target.generator(part.to(plugged.device)).float().cpu() for part in trace[steps::stride]]
        labels = [reference.prototypes.predict(self.judge.transform(images.numpy())) for images in shown]
        return {"autocorrelation": float(np.median(times)), "switches": mode_switch_rate(np.stack(labels)) / stride}

"""Published protocols on mixtures and stacked digits, as frozen settings that build the game and its engine.

Numbers are those of the papers and, where these are silent, of their programs; each says where ours differs.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypedDict

import torch
from torch import Tensor, nn
from typing_extensions import Unpack

from gan_ext.checks import checked
from gan_ext.data import ArrayStream, StackedStream
from gan_ext.engine import Compute, Engine, Schedule, Solver, Turns, adam
from gan_ext.games import Adversarial, RealBatch
from gan_ext.latents import Prior
from gan_ext.losses import R1, R2, AdversarialLoss, NonSaturating, Penalty
from gan_ext.seeds import RandomStateLike, as_seed, seeded
from gan_ext.toys.distributions import PlanarMixture

__all__ = ["AdamNumbers", "EngineOptions", "Published", "StackedDigits", "ToyProtocol"]

_BLOCK = 1000  # samples made at a time


class AdamNumbers(NamedTuple):
    """Learning rate and decays of the moments, per step."""

    lr: float
    beta1: float
    beta2: float = 0.999


class Published(NamedTuple):
    """What a paper reports: modes found, share of high quality, divergence in nats; None where it is silent."""

    modes: float
    high_quality: float | None = None
    kl: float | None = None


@checked
@dataclass(frozen=True)
class StackedDigits:
    """Which stacked digits a protocol trains on; the digits themselves are given to :meth:`ToyProtocol.stream`.

    Args:
        n: different images; None draws every batch anew.
        test_too: whether the digits of MNIST's test set are pooled with those of its training set.
        side: pixels along a side; 32 has MNIST's digits in a margin of 2.
        channels: digits of an image.
        values: what black and white become.
    """

    n: int | None = 128_000
    test_too: bool = True
    side: int = 28
    channels: int = 3
    values: tuple[float, float] = (0.0, 1.0)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of one image."""
        return self.channels, self.side, self.side


class EngineOptions(TypedDict, total=False):
    """What an engine takes besides game and optimizers; it replaces what a protocol says."""

    solver: Solver | Turns | None
    seed: int
    ema: float | None
    clip: float | Mapping[str, float] | None
    schedules: Mapping[str, Schedule] | None
    compute: Compute | None


@checked
@dataclass(frozen=True)
class ToyProtocol:
    """A whole experiment: ``protocol.engine(random_state).fit(protocol.stream(random_state), protocol.steps)``.

    ``dataclasses.replace(protocol, steps=1000)`` changes a number.

    Args:
        name: short name.
        source: paper and program.
        data: a mixture in the plane, or stacked digits.
        prior: builds the distribution of z.
        nets: builds (generator, discriminator) for a packing; weights are drawn from the present random state.
        batch_size: rows that the discriminator sees in a step; with packing m, m samples each.
        steps: steps of the engine; one is all the moves in `turns`.
        generator: the generator's Adam.
        discriminator: the discriminator's Adam.
        evaluation: number of samples that scores are computed from.
        turns: who moves when in a step.
        loss: the pair of losses.
        gamma: weight of the R1 and R2 penalties; 0 leaves them out.
        packing: m, samples that the discriminator sees at once.
        ema: decay of the averaged weights; None for none.
        schedules: as in :class:`~gan_ext.engine.Engine`.
        differs: how this differs from the source.
        published: results by method.
    """

    name: str
    source: str
    data: PlanarMixture | StackedDigits
    prior: Callable[[], Prior]
    nets: Callable[[int], tuple[nn.Module, nn.Module]]
    batch_size: int
    steps: int
    generator: AdamNumbers
    discriminator: AdamNumbers
    evaluation: int
    turns: Turns = ("discriminator", "generator")
    loss: AdversarialLoss = field(default_factory=NonSaturating)
    gamma: float = 0.0
    packing: int = 1
    ema: float | None = None
    schedules: Mapping[str, Schedule] = field(default_factory=dict)
    differs: tuple[str, ...] = ()
    published: Mapping[str, Published] = field(default_factory=dict)

    def game(self, random_state: RandomStateLike = 0) -> Adversarial:
        """Build the game with weights drawn from a random state."""
        with seeded(as_seed(random_state)):
            generator, discriminator = self.nets(self.packing)
        penalties: Sequence[Penalty] = (R1(self.gamma), R2(self.gamma)) if self.gamma else ()
        return Adversarial(generator, discriminator, self.prior(), self.loss, penalties, packing=self.packing)

    def engine(
        self, random_state: RandomStateLike = 0, game: Adversarial | None = None, **options: Unpack[EngineOptions]
    ) -> Engine:
        """Build the engine, by default for :meth:`game`.

        Args:
            random_state: decides weights and every draw.
            game: played instead, by the same players.
            options: what else :class:`~gan_ext.engine.Engine` takes, such as `solver` or `compute`; they replace the
                protocol's.
        """
        optimizers = {
            name: adam(each.lr, (each.beta1, each.beta2))
            for name, each in {"generator": self.generator, "discriminator": self.discriminator}.items()
        }
        seed = as_seed(random_state)
        settings: EngineOptions = {
            "solver": self.turns,
            "ema": self.ema,
            "schedules": self.schedules,
            "seed": seed,
        }
        settings.update(options)
        return Engine(self.game(seed) if game is None else game, optimizers, **settings)

    def stream(
        self, random_state: RandomStateLike = 0, images: Tensor | None = None
    ) -> ArrayStream[RealBatch] | StackedStream[RealBatch]:
        """Return the batches to train on.

        Args:
            random_state: decides them.
            images: stored digits [N, h, w], uint8 or floats in [0, 1], for protocols on stacked digits; smaller ones
                get a black margin.

        Raises:
            ValueError: images that are missing, needless, or larger than the protocol's.
        """
        samples = self.batch_size * self.packing
        if isinstance(self.data, PlanarMixture):
            if images is not None:
                raise ValueError(f"{self.name} draws points in the plane and needs no images.")
            return self.data.stream(samples, random_state=random_state)
        if images is None:
            raise ValueError(f"{self.name} stacks digits: give stream(images=...), such as MNIST's [N, 28, 28].")
        data = self.data
        shown = _framed(images, data.side)
        return StackedStream(RealBatch, shown, samples, data.n, as_seed(random_state), data.channels, data.values)

    @torch.no_grad()
    def sample(self, engine: Engine, n: int | None = None, random_state: RandomStateLike = 0) -> Tensor:
        """Return samples of an engine's averaged generator, in evaluation mode, on the CPU.

        Args:
            engine: of :meth:`engine`.
            n: how many; `evaluation` if None.
            random_state: decides them.
        """
        wanted = self.evaluation if n is None else n
        game = engine.averaged
        assert isinstance(game, Adversarial)
        was_training = game.training
        game.eval()
        with seeded(as_seed(random_state), device=engine.device):
            sizes = [min(_BLOCK, wanted - start) for start in range(0, wanted, _BLOCK)]
            made = [game.generator(game.prior.sample(size)).float().cpu() for size in sizes]
        game.train(was_training)
        return torch.cat(made)


def _framed(images: Tensor, side: int) -> Tensor:
    missing = [side - length for length in images.shape[-2:]]
    if min(missing) < 0:
        raise ValueError(f"images are {tuple(images.shape[-2:])}, larger than the protocol's {side} x {side}.")
    top, left = (number // 2 for number in missing)
    margins = (left, missing[1] - left, top, missing[0] - top)
    return images if not any(missing) else nn.functional.pad(images, margins)

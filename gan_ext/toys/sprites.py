"""InfoGAN and InfoGAN-CR on sprites: images, nets, codes, weights and rates, in one place.

References: InfoGAN-CR and ModelCentrality (Lin et al., 2020), https://arxiv.org/abs/1906.06034
"""

from dataclasses import dataclass
from typing import Literal

from gan_ext.checks import checked
from gan_ext.data import FactorialImages, Sprites, SpriteStream
from gan_ext.engine import Compute, Engine, adam, alternating
from gan_ext.games import InfoGANCR, InfoGANGame, RealBatch
from gan_ext.latents import Product, Uniform
from gan_ext.nets import strided_channels, strided_generator, strided_info_discriminator, strided_net

__all__ = ["SpriteProtocol"]

CODES = 5  # as many as there are factors


@checked
@dataclass
class SpriteProtocol:
    """How sprites are played for their factors, without labels.

    The defaults are for a processor; ``SpriteProtocol(size=64, antialias=1, width=64)`` is as published.
    """

    size: Literal[16, 32, 64] = 32
    """Pixels along a side of our own sprites."""
    antialias: int = 2
    """Points along a pixel's side whose mean is its value; 1 gives binary images."""
    width: int = 32
    """Most channels of the convolutions; 64 as published."""
    gain: float = 1.0
    """What discriminator and contrast network multiply images by; 1 as published.  With spectral norms a greater one
    lets the discriminator judge more sharply."""
    batch_size: int = 64
    """Images of a batch."""
    information: float = 0.05
    """Weight of the codes' information; half the squared error of each code counts so much, as published."""
    contrast: float = 2.0
    """Weight of the contrast term in InfoGAN-CR."""
    gap: float = 0.0
    """Least distance of two samples in the codes that they do not share, of 2 at most."""
    generator_turns: int = 2
    """Turns of the generator in a step; 2 as published."""
    generator_rate: float = 1e-3
    """Learning rate of the generator."""
    discriminator_rate: float = 2e-3
    """Learning rate of the discriminator and of the contrast network."""

    def images(self) -> Sprites:
        """Return our own sprites."""
        return Sprites(self.size, antialias=self.antialias)

    def game(self, side: int | None = None) -> InfoGANGame:
        """Return InfoGAN with five uniform codes and as many numbers of noise, its networks drawn anew.

        Args:
            side: pixels along a side of the images; `size` if not given.

        Raises:
            ValueError: a side for which there are no such nets.
        """
        side = self.size if side is None else side
        channels, shape = strided_channels(side, self.width), (1, side, side)
        codes, noise = Product(code=Uniform(CODES, -1, 1)), Uniform(CODES, -1, 1)
        generator = strided_generator(shape, noise.dim + codes.dim, channels)
        discriminator = strided_info_discriminator(shape, codes.width, channels[::-1], gain=self.gain)
        return InfoGANGame(generator, discriminator, codes, noise, weights={"code": self.information})

    def with_contrast(self, game: InfoGANGame, side: int | None = None) -> InfoGANCR:
        """Return InfoGAN-CR over the same networks, with a contrast network drawn anew."""
        side = self.size if side is None else side
        contrast = strided_net((2, side, side), CODES, strided_channels(side, self.width)[::-1], gain=self.gain)
        return InfoGANCR.joining(game, contrast, contrast_weight=self.contrast, gap=self.gap)

    def engine(self, game: InfoGANGame, seed: int = 0, compute: Compute | None = None) -> Engine:
        """Return the engine of either game: the contrast network moves first, the generator last."""
        players = sorted(game.players())
        rates = dict.fromkeys(players, self.discriminator_rate) | {"generator": self.generator_rate}
        moves = dict.fromkeys(players, 1) | {"generator": self.generator_turns}
        optimizers = {player: adam(rate, betas=(0.5, 0.999)) for player, rate in rates.items()}
        return Engine(game, optimizers, alternating(moves), seed=seed, compute=compute)

    def stream(self, images: FactorialImages, seed: int = 0) -> SpriteStream[RealBatch]:
        """Return batches of images."""
        return SpriteStream(RealBatch, images, self.batch_size, seed)

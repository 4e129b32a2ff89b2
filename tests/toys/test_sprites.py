"""InfoGAN and InfoGAN-CR on sprites: the published nets, the same networks in both games, who moves when."""

from dataclasses import replace

import pytest
import torch

from gan_ext import Compute
from gan_ext.games import InfoGANCR
from gan_ext.toys import SpriteProtocol

SMALL = SpriteProtocol(size=16, width=4, batch_size=4)


def test_as_published_images_and_nets_are_those_of_dsprites() -> None:
    published = SpriteProtocol(size=64, antialias=1, width=64)
    assert len(published.images()) == 737_280
    assert published.images().size == 64
    torch.manual_seed(0)
    game = published.game()
    kernels = [layer.in_channels for layer in game.generator if isinstance(layer, torch.nn.ConvTranspose2d)]
    assert kernels == [64, 64, 32, 32]
    assert float(game.information["code"]) == pytest.approx(0.05)


def test_the_contrast_joins_the_same_networks() -> None:
    game = SMALL.game()
    joined = replace(SMALL, contrast=3.0, gap=0.5).with_contrast(game)
    assert isinstance(joined, InfoGANCR)
    assert joined.generator is game.generator
    assert joined.discriminator is game.discriminator
    assert (float(joined.contrast_weight), joined.gap) == (3.0, 0.5)


@pytest.mark.parametrize("contrast", [False, True])
def test_both_games_are_played(contrast: bool) -> None:
    torch.manual_seed(0)
    game = SMALL.with_contrast(SMALL.game()) if contrast else SMALL.game()
    engine = SMALL.engine(game, seed=1, compute=Compute("cpu"))
    engine.fit(SMALL.stream(SMALL.images(), seed=1), 2)
    assert engine.step == 2
    assert ("contrast/loss" in engine.meters.read()) == contrast


def test_other_sides_are_said() -> None:
    with pytest.raises(ValueError, match="Images of 20 pixels a side have no such net"):
        SMALL.game(20)

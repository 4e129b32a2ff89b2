"""Protocols: published numbers, games that play, packing, samples that repeat."""

import dataclasses

import pytest
import torch
from torch import nn

from gan_ext.engine import Compute
from gan_ext.metrics import mode_scores
from gan_ext.toys import PROTOCOLS, PlanarMixture, StackedDigits, ToyProtocol

CPU = Compute("cpu")
DIGITS = torch.randint(256, (30, 28, 28), dtype=torch.uint8)
POINTS = [name for name, protocol in PROTOCOLS.items() if isinstance(protocol.data, PlanarMixture)]
STACKED = [name for name, protocol in PROTOCOLS.items() if isinstance(protocol.data, StackedDigits)]


def images(name: str) -> torch.Tensor | None:
    return DIGITS if name in STACKED else None


def small(name: str) -> ToyProtocol:
    return dataclasses.replace(PROTOCOLS[name], batch_size=4)


@pytest.mark.parametrize("name", PROTOCOLS)
def test_every_protocol_plays_a_step(name: str) -> None:
    protocol = small(name)
    engine = protocol.engine(1, compute=CPU).fit(protocol.stream(1, images(name)), 1)
    samples = protocol.sample(engine, 5)
    shape = protocol.data.shape if name in STACKED else (2,)
    assert samples.shape == (5, *shape)
    assert samples.isfinite().all()
    assert torch.equal(samples, protocol.sample(engine, 5))
    assert not torch.equal(samples, protocol.sample(engine, 5, random_state=1))


@pytest.mark.parametrize("name", ["pacgan ring", "veegan stacked", "unrolled stacked, half"])
def test_packing_widens_the_first_layer_only(name: str) -> None:
    plain, packed = small(name), dataclasses.replace(small(name), packing=3)
    shapes = [
        [tuple(value.shape) for value in protocol.game().discriminator.parameters()] for protocol in (plain, packed)
    ]
    assert [one == three for one, three in zip(*shapes, strict=True)] == [False] + [True] * (len(shapes[0]) - 1)
    assert shapes[1][0][1] == 3 * shapes[0][0][1]
    assert len(packed.stream(0, images(name))[0].x) == 12  # four rows of three samples
    packed.engine(compute=CPU).fit(packed.stream(0, images(name)), 1)


@pytest.mark.parametrize("name", PROTOCOLS)
def test_weights_are_a_function_of_the_seed(name: str) -> None:
    first, again, other = (PROTOCOLS[name].game(seed).state_dict() for seed in (2, 2, 3))
    assert all(torch.equal(value, again[key]) for key, value in first.items())
    assert any(not torch.equal(value, other[key]) for key, value in first.items())


def test_the_published_numbers() -> None:
    ring, stacked, weak = (PROTOCOLS[name] for name in ("pacgan ring", "veegan stacked", "unrolled stacked, quarter"))
    assert (ring.batch_size, ring.steps, ring.evaluation) == (100, 400 * 100_000 // 100, 2500)
    assert ring.generator[:2] == ring.discriminator[:2] == (1e-4, 0.8)
    assert ring.turns == (("discriminator", "generator"),)
    assert (stacked.batch_size, stacked.steps, stacked.evaluation) == (64, 50 * 128_000 // 64, 26_000)
    assert stacked.turns.count("generator") == 2
    assert (weak.batch_size, weak.steps, weak.evaluation) == (128, 500_000, 25_600)
    assert weak.data.n is None


def test_the_published_nets() -> None:
    generator, discriminator = PROTOCOLS["pacgan grid"].nets(1)
    counts = [layer.out_features for layer in generator.modules() if isinstance(layer, nn.Linear)]
    assert counts == [400, 400, 400, 400, 2]
    weights = torch.cat([value.flatten() for value in discriminator.parameters() if value.ndim > 1])
    assert weights.std().item() == pytest.approx(0.02, rel=0.02)
    channels = [
        [layer.out_channels for layer in PROTOCOLS[name].nets(1)[1].modules() if isinstance(layer, nn.Conv2d)]
        for name in ("veegan stacked", "unrolled stacked, quarter", "unrolled stacked, half")
    ]
    assert channels == [[64, 128, 256, 512], [2, 4, 8], [4, 8, 16]]


def test_the_options_of_an_engine_replace_the_protocols() -> None:
    engine = small("pacgan ring").engine(solver=("generator", "discriminator"), ema=0.5, compute=CPU)
    assert engine.averaged is not engine.game


def test_smaller_digits_get_a_margin() -> None:
    batch = small("r3gan stacked").stream(0, DIGITS)[0].x
    assert batch.shape == (4, 3, 32, 32)
    assert (batch[:, :, :2] == -1).all()
    assert (batch[:, :, :, -2:] == -1).all()
    assert batch[:, :, 2:-2, 2:-2].std() > 0.3


def test_data_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match=r"pacgan ring draws points in the plane and needs no images"):
        PROTOCOLS["pacgan ring"].stream(0, DIGITS)
    with pytest.raises(ValueError, match=r"veegan stacked stacks digits: give stream\(images=\.\.\.\)"):
        PROTOCOLS["veegan stacked"].stream(0)
    with pytest.raises(ValueError, match=r"images are \(40, 40\), larger than the protocol's 28 x 28"):
        PROTOCOLS["veegan stacked"].stream(0, torch.zeros(3, 40, 40))


@pytest.mark.slow
@pytest.mark.parametrize(("name", "modes"), [("short ring", 8), ("short grid", 25)])
def test_the_short_protocols_reach_every_mode(name: str, modes: int) -> None:
    protocol = PROTOCOLS[name]
    engine = protocol.engine(compute=CPU).fit(protocol.stream(), protocol.steps)
    assert mode_scores(protocol.data.modes, protocol.data.std, protocol.sample(engine)).modes == modes

"""Published protocols: those of PacGAN, VEEGAN, Unrolled GAN and R3GAN, and short ones of ours."""

from functools import partial
from itertools import pairwise

from torch import nn
from torch.nn.init import normal_, orthogonal_, zeros_

from gan_ext.engine import cosine, linear, simultaneous
from gan_ext.latents import Gaussian, Uniform
from gan_ext.losses import Minimax, Relativistic
from gan_ext.nets import (
    FourierFeatures,
    dcgan_discriminator,
    dcgan_generator,
    pacgan_discriminator,
    pacgan_generator,
    plain_conv_discriminator,
    plain_conv_generator,
    plain_discriminator,
    plain_generator,
    unrolled_discriminator,
    unrolled_generator,
)
from gan_ext.toys.distributions import GaussianGrid, GaussianRing
from gan_ext.toys.protocols import AdamNumbers, Published, StackedDigits, ToyProtocol

__all__ = ["PROTOCOLS"]

_Nets = tuple[nn.Module, nn.Module]
_PACGAN = "PacGAN (Lin et al., 2018), https://arxiv.org/abs/1712.04086, https://github.com/fjxmlzn/PacGAN"
_UNROLLED = "Unrolled GAN (Metz et al., 2017), https://arxiv.org/abs/1611.02163"
_R3GAN = "R3GAN (Huang et al., 2024), https://arxiv.org/abs/2501.05441"


def _pacgan_nets(packing: int) -> _Nets:
    nets = pacgan_generator(), pacgan_discriminator(packing=packing)
    for module in (layer for net in nets for layer in net.modules()):
        if isinstance(module, nn.BatchNorm1d):
            module.momentum = 0.05
        elif isinstance(module, nn.Linear):
            normal_(module.weight, std=0.02)
            zeros_(module.bias)
    return nets


def _tanh_nets(packing: int) -> _Nets:
    return _tanh_net(256, 2), nn.Sequential(nn.Flatten(), _tanh_net(2 * packing, 1), nn.Flatten(0))


def _tanh_net(inputs: int, outputs: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for before, after in pairwise([inputs, 128, 128, outputs]):
        linear = nn.Linear(before, after)
        orthogonal_(linear.weight, gain=1.4)
        zeros_(linear.bias)
        layers += [linear, nn.Tanh()]
    return nn.Sequential(*layers[:-1])


def _dcgan_nets(packing: int) -> _Nets:
    return dcgan_generator((3, 28, 28)), dcgan_discriminator((3, 28, 28), packing=packing)


def _unrolled_nets(share: float, packing: int) -> _Nets:
    return unrolled_generator(), unrolled_discriminator(share=share, packing=packing)


def _steep_point_nets(spread: float, packing: int) -> _Nets:
    """Nets with Fourier features: steps between modes are steep, and modes narrow, in units of `spread`."""
    made, seen = FourierFeatures(2, 32, 6.0), FourierFeatures(2 * packing, 32, 3.0 / spread)
    generator = nn.Sequential(made, plain_generator((2,), made.outputs, (128,) * 5))
    return generator, nn.Sequential(nn.Flatten(), seen, plain_discriminator((seen.outputs,), (64,) * 4))


def _plain_image_nets(side: int, latent_dim: int, packing: int) -> _Nets:
    shape = 3, side, side
    return plain_conv_generator(shape, latent_dim), plain_conv_discriminator(shape, packing=packing)


def _planar(name: str, data: GaussianRing | GaussianGrid, published: dict[str, Published]) -> ToyProtocol:
    return ToyProtocol(
        name=name,
        source=_PACGAN,
        data=data,
        prior=partial(Gaussian, 2),
        nets=_pacgan_nets,
        batch_size=100,
        steps=400_000,  # 400 epochs of 100 000 points
        generator=AdamNumbers(1e-4, 0.8),
        discriminator=AdamNumbers(1e-4, 0.8),
        evaluation=2500,
        turns=simultaneous("discriminator", "generator"),
        differs=("with packing, neighbors of 100 000 points meet; the source draws packed rows of their own",),
        published=published,
    )


def _short(name: str, data: GaussianRing | GaussianGrid, steps: int) -> ToyProtocol:
    spread = float(data.modes.std())
    return ToyProtocol(
        name=name,
        source="ours: R3GAN's losses in a short budget, https://arxiv.org/abs/2501.05441",
        data=data,
        prior=partial(Uniform, 2, -1.0, 1.0),
        nets=partial(_steep_point_nets, spread),
        batch_size=256,
        steps=steps,
        generator=AdamNumbers(4e-3, 0.0, 0.9),
        discriminator=AdamNumbers(4e-3, 0.0, 0.9),
        evaluation=2500,
        loss=Relativistic(),
        gamma=0.03 * spread**2,
        ema=0.99,
        schedules={f"{player}.lr": linear(4e-3, 4e-5, steps) for player in ("generator", "discriminator")},
    )


def _unrolled_stacked(name: str, share: float, published: dict[str, Published]) -> ToyProtocol:
    return ToyProtocol(
        name=name,
        source=f"{_UNROLLED}, as in {_PACGAN}",
        data=StackedDigits(n=None, test_too=False, values=(-1.0, 1.0)),
        prior=partial(Gaussian, 256),
        nets=partial(_unrolled_nets, share),
        batch_size=128,
        steps=500_000,
        generator=AdamNumbers(1e-4, 0.5, 0.99),
        discriminator=AdamNumbers(2e-4, 0.5, 0.99),
        evaluation=25_600,
        differs=("unrolling is a solver of the engine, not part of the game",),
        published=published,
    )


_ALL = (
    _planar(
        "pacgan ring",
        GaussianRing(),
        {
            "GAN": Published(6.3, 0.982, 0.45),
            "ALI": Published(6.6, 0.976, 0.36),
            "PacGAN2": Published(7.9, 0.956, 0.07),
        },
    ),
    _planar(
        "pacgan grid",
        GaussianGrid(),
        {
            "GAN": Published(17.3, 0.948, 0.70),
            "ALI": Published(24.1, 0.957, 0.14),
            "PacGAN4": Published(24.8, 0.936, 0.04),
        },
    ),
    ToyProtocol(
        name="unrolled ring",
        source=f"{_UNROLLED}, the authors' demonstration https://github.com/poolio/unrolled_gan",
        data=GaussianRing(),
        prior=partial(Gaussian, 256),
        nets=_tanh_nets,
        batch_size=512,
        steps=25_000,
        generator=AdamNumbers(1e-3, 0.5),
        discriminator=AdamNumbers(1e-4, 0.5),
        evaluation=2500,
        turns=simultaneous("discriminator", "generator"),
        loss=Minimax(),
        differs=(
            "eight places; the demonstration has both ends of the circle and so seven, one twice as likely",
            "100 000 points; the demonstration draws every batch anew",
            "unrolling (5 steps) is a solver of the engine, not part of the game",
        ),
    ),
    ToyProtocol(
        name="veegan stacked",
        source=f"VEEGAN (Srivastava et al., 2017), https://arxiv.org/abs/1705.07761, as in {_PACGAN}",
        data=StackedDigits(),
        prior=partial(Uniform, 100),
        nets=_dcgan_nets,
        batch_size=64,
        steps=100_000,  # 50 epochs of 128 000 images
        generator=AdamNumbers(2e-4, 0.5),
        discriminator=AdamNumbers(2e-4, 0.5),
        evaluation=26_000,
        turns=("discriminator", "generator", "generator"),
        differs=("each of the three moves draws z and data anew; the source shares them",),
        published={
            "DCGAN": Published(99, kl=3.40),
            "ALI": Published(16, kl=5.40),
            "Unrolled": Published(48.7, kl=4.32),
            "VEEGAN": Published(150, kl=2.95),
            "DCGAN (PacGAN authors)": Published(78.9, kl=4.50),
            "PacDCGAN2": Published(1000, kl=0.06),
            "PacDCGAN3": Published(1000, kl=0.06),
            "PacDCGAN4": Published(1000, kl=0.07),
        },
    ),
    _unrolled_stacked(
        "unrolled stacked, quarter",
        0.25,
        {
            "DCGAN": Published(30.6),
            "Unrolled 1": Published(65),
            "Unrolled 5": Published(236),
            "Unrolled 10": Published(327),
            "PacDCGAN4": Published(667),
        },
    ),
    _unrolled_stacked(
        "unrolled stacked, half",
        0.5,
        {
            "DCGAN": Published(628),
            "Unrolled 1": Published(524),
            "Unrolled 5": Published(732),
            "Unrolled 10": Published(817),
            "PacDCGAN3": Published(867),
        },
    ),
    ToyProtocol(
        name="r3gan stacked",
        source=_R3GAN,
        data=StackedDigits(n=None, test_too=False, side=32, values=(-1.0, 1.0)),
        prior=partial(Gaussian, 64),
        nets=partial(_plain_image_nets, 32, 64),
        batch_size=512,
        steps=19_532,  # 10 million images
        generator=AdamNumbers(2e-4, 0.0, 0.99),
        discriminator=AdamNumbers(2e-4, 0.0, 0.99),
        evaluation=26_000,
        loss=Relativistic(),
        gamma=1.0,
        ema=0.9993,  # a half-life of half a million images
        schedules={f"penalties.{name}.weight": cosine(1.0, 0.1, 3906) for name in ("r1", "r2")},
        differs=(
            "small nets without normalization; the paper's have 20.7 million parameters each",
            "beta2 and the half-life of the averages are those of the end; the paper raises them in the first images",
            "length of z (64), samples scored (26 000) and values of pixels (-1 to 1) are ours; our source names none",
            "digits of the training set in a black margin",
        ),
        published={
            "R3GAN": Published(1000, kl=0.029),
            "WGAN-GP": Published(959, kl=0.73),
            "StyleGAN2": Published(940, kl=0.42),
            "PresGAN": Published(1000, kl=0.12),
            "small ResNet, RpGAN + R1 + R2": Published(1000, kl=0.078),
            "small ResNet, GAN + R1 + R2": Published(693, kl=0.927),
        },
    ),
    _short("short ring", GaussianRing(), steps=5000),
    _short("short grid", GaussianGrid(), steps=8000),
    ToyProtocol(
        name="short stacked",
        source="ours: R3GAN's losses with small nets, https://arxiv.org/abs/2501.05441",
        data=StackedDigits(values=(-1.0, 1.0)),
        prior=partial(Gaussian, 64),
        nets=partial(_plain_image_nets, 28, 64),
        batch_size=64,
        steps=20_000,
        generator=AdamNumbers(2e-4, 0.0, 0.99),
        discriminator=AdamNumbers(2e-4, 0.0, 0.99),
        evaluation=26_000,
        loss=Relativistic(),
        gamma=1.0,
        ema=0.999,
        schedules={f"penalties.{name}.weight": cosine(1.0, 0.1, 4000) for name in ("r1", "r2")},
    ),
)

PROTOCOLS: dict[str, ToyProtocol] = {each.name: each for each in _ALL}
"""Protocols by name."""

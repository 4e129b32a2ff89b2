"""Speed of the K+1 MNIST game on the published nets: engine against plain loops, and against the processor's peak.

    python benchmarks/engine_speed.py --out benchmarks/results/engine_speed.json

Steps of all variants are interleaved in one process, round after round, so that a machine that speeds up or slows down
does so for all of them.  The figures to believe are the ratios: each is the median over rounds of the ratio within a
round, with the quartiles beside it.  Data is random: no figure here depends on what is learned.
"""

import json
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import tyro
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from gan_ext import Compute, Engine
from gan_ext.data import SemiStream
from gan_ext.engine import adam
from gan_ext.games import KPlusOne, SemiBatch
from gan_ext.latents import Uniform
from gan_ext.nets import data_dependent_init, mlp_discriminator, mlp_generator
from gan_ext.precision import linear_backend
from gan_ext.runs import environment, source_commit, write_json

SHAPE = (1, 28, 28)


@dataclass
class Config:
    """Settings of the benchmark."""

    out: Path = Path("benchmarks/results/engine_speed.json")
    """Where the figures go."""
    rounds: int = 30
    """Rounds; in each, every variant does `steps` steps."""
    steps: int = 10
    """Steps of a variant in a round."""
    threads: int = 0
    """Threads of torch; 0 leaves its default."""
    device: str = "cpu"
    """cpu or cuda."""
    side: int = 2048
    """Rows and columns of the matrices whose product is the processor's peak."""


class PlainDiscriminator(nn.Module):
    """The published net as a port would write it, with torch's own weight normalization."""

    def __init__(self) -> None:
        super().__init__()
        widths = (784, 1000, 500, 250, 250, 250)
        norm = torch.nn.utils.parametrizations.weight_norm
        self.hidden = nn.ModuleList(norm(nn.Linear(i, o)) for i, o in zip(widths, widths[1:]))
        self.last = norm(nn.Linear(250, 10))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = x.flatten(1)
        x = x + torch.randn_like(x) * 0.3
        for layer in self.hidden:
            features = F.relu(layer(x))
            x = features + torch.randn_like(features) * 0.5
        return self.last(x), features


class PlainGenerator(nn.Module):
    """The published generator."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(100, 500), nn.BatchNorm1d(500), nn.Softplus(),
            nn.Linear(500, 500), nn.BatchNorm1d(500), nn.Softplus(),
            torch.nn.utils.parametrizations.weight_norm(nn.Linear(500, 784)), nn.Sigmoid(),
        )  # fmt: skip

    def forward(self, z: Tensor) -> Tensor:
        return self.layers(z)


def plain_loop(data: Tensor, x: Tensor, y: Tensor, device: torch.device) -> Callable[[], None]:
    """Return one step of the loop that ports run: three passes, default Adam, gradients for all in every backward."""
    generator, discriminator = PlainGenerator().to(device), PlainDiscriminator().to(device)
    g_adam = torch.optim.Adam(generator.parameters(), lr=3e-3, betas=(0.5, 0.999))
    d_adam = torch.optim.Adam(discriminator.parameters(), lr=3e-3, betas=(0.5, 0.999))
    averages = [parameter.detach().clone() for parameter in discriminator.parameters()]

    def step() -> None:
        u = data[torch.randint(0, len(data), (100,), device=device)]
        fake = generator(torch.rand(100, 100, device=device)).detach()
        labeled, real, generated = discriminator(x)[0], discriminator(u)[0], discriminator(fake)[0]
        s_real, s_fake = torch.logsumexp(real, 1), torch.logsumexp(generated, 1)
        loss = F.cross_entropy(labeled, y)
        loss = loss + 0.5 * (F.softplus(s_real) - s_real).mean() + 0.5 * F.softplus(s_fake).mean()
        d_adam.zero_grad()
        loss.backward()
        d_adam.step()
        fake = generator(torch.rand(100, 100, device=device))
        v = data[torch.randint(0, len(data), (100,), device=device)]
        loss = (discriminator(fake)[1].mean(0) - discriminator(v)[1].mean(0)).square().mean()
        g_adam.zero_grad()
        loss.backward()
        g_adam.step()
        with torch.no_grad():
            for average, parameter in zip(averages, discriminator.parameters()):
                average.mul_(0.999).add_(parameter, alpha=0.001)

    return step


def game() -> KPlusOne:
    """Make the published game from this package's nets."""
    return KPlusOne(mlp_generator(SHAPE), mlp_discriminator(SHAPE, 10), Uniform(100))


def hand_written(data: Tensor, x: Tensor, y: Tensor, device: torch.device) -> Callable[[], None]:
    """Return one step of the *same* computation as the engine's, written out by hand: the engine's overhead."""
    played = game().to(device)
    data_dependent_init(played.discriminator, data[:500])
    sides = {"d": played.discriminator, "g": played.generator}
    parameters = {name: [p for p in side.parameters() if p.requires_grad] for name, side in sides.items()}
    adams = {
        name: torch.optim.Adam(values, lr=3e-3, betas=(0.5, 0.999), eps=1e-4, fused=True)
        for name, values in parameters.items()
    }
    averages = [value.detach().clone() for value in played.state_dict().values() if value.is_floating_point()]
    values = [value for value in played.state_dict().values() if value.is_floating_point()]
    sums: dict[str, Tensor] = {}  # of the loss and of whatever terms the game logs, as the engine keeps them
    order = iter(())

    def batch() -> Tensor:
        nonlocal order
        rows = next(order, None)
        if rows is None:
            order = iter(torch.randperm(len(data), device=device).split(100))
            rows = next(order)
        return data[rows]

    def move(name: str, other: str, loss: Callable[[SemiBatch], Any]) -> None:
        for parameter in parameters[other]:
            parameter.requires_grad_(False)
        value, terms = loss(SemiBatch(x, y, batch()))
        adams[name].zero_grad()
        value.backward()
        adams[name].step()
        for parameter in parameters[other]:
            parameter.requires_grad_(True)
        logged = torch.stack([value.detach(), *terms.values()])
        sums.setdefault(name, torch.zeros_like(logged)).add_(logged)

    def step() -> None:
        move("d", "g", played.discriminator_loss)
        move("g", "d", played.generator_loss)
        torch._foreach_lerp_(averages, values, 0.001)

    return step


def engine_step(data: Tensor, x: Tensor, y: Tensor, device: torch.device, precision: Any) -> Callable[[int], None]:
    """Return a function that lets the engine do n more steps."""
    played = game()
    data_dependent_init(played.discriminator, data[:500].cpu())
    optimizers = dict.fromkeys(("discriminator", "generator"), adam(3e-3, eps=1e-4))
    engine = Engine(played, optimizers, ema=0.999, compute=Compute(device, precision))
    stream = SemiStream(SemiBatch, x, y, data, batch_size=100)
    return lambda n: engine.fit(stream, engine.step + n) and None


def peak(device: torch.device, dtype: torch.dtype, side: int = 2048) -> float:
    """Return the measured rate of a product of two square matrices, in GFLOP/s."""
    a, b = (torch.randn(side, side, device=device, dtype=dtype) for _ in range(2))
    best = float("inf")
    for _ in range(5):
        start = time.perf_counter()
        a @ b
        _wait(device)
        best = min(best, time.perf_counter() - start)
    return 2 * side**3 / best / 1e9


def arithmetic() -> float:
    """Return the GFLOP of one step's matrix products: those that the game cannot do without."""
    d = 784 * 1000 + 1000 * 500 + 500 * 250 + 2 * 250 * 250 + 250 * 10
    g = 100 * 500 + 500 * 500 + 500 * 784
    d_move = 2 * 100 * g + 2 * 300 * (3 * d - 784 * 1000)  # generate; forward, for weights, for inputs but the first
    g_move = 2 * 100 * (3 * g - 100 * 500) + 2 * 100 * (d - 2500) * 3  # the generator; real and fake forward, fake back
    return (d_move + g_move) / 1e9


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def main(config: Config) -> None:
    """Time all variants and write medians and ratios."""
    if config.threads:
        torch.set_num_threads(config.threads)
    device = torch.device(config.device)
    torch.manual_seed(0)
    data = torch.rand(10_000, *SHAPE, device=device)
    x, y = data[:100], torch.arange(100, device=device) % 10
    by_hand, plain = hand_written(data, x, y, device), plain_loop(data, x, y, device)
    variants: dict[str, Callable[[int], Any]] = {
        "plain loop of the published nets, float32": lambda n: [plain() for _ in range(n)],
        "engine's step written by hand, float32": lambda n: [by_hand() for _ in range(n)],
        "engine, float32": engine_step(data, x, y, device, "float32"),
        "engine, bfloat16": engine_step(data, x, y, device, "bfloat16"),
    }
    seconds: dict[str, list[float]] = {name: [] for name in variants}
    for number in range(config.rounds + 2):
        for name, run in variants.items():
            _wait(device)
            start = time.perf_counter()
            run(config.steps)
            _wait(device)
            if number >= 2:
                seconds[name].append((time.perf_counter() - start) / config.steps)
        print(f"round {number + 1} of {config.rounds + 2}", end="\r", flush=True)
    plain_name, hand_name, fp32, bf16 = variants

    def ratio(a: str, b: str) -> dict[str, float]:
        quartiles = statistics.quantiles([p / q for p, q in zip(seconds[a], seconds[b])], n=4)
        return dict(zip(("quartile", "median", "upper_quartile"), (round(value, 4) for value in quartiles)))

    rates = {name: peak(device, getattr(torch, name), config.side) for name in ("float32", "bfloat16")}
    gflop = arithmetic()
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    report = {
        "benchmark": "engine_speed",
        "config": {name: value.name if isinstance(value, Path) else value for name, value in asdict(config).items()},
        "milliseconds_per_step": {name: round(1e3 * value, 2) for name, value in medians.items()},
        "ratios": {
            "plain / engine, float32": ratio(plain_name, fp32),
            "plain float32 / engine bfloat16": ratio(plain_name, bf16),
            "engine / by hand, float32": ratio(fp32, hand_name),
        },
        "gflop_per_step": round(gflop, 3),
        "peak_gflop_per_second": {name: round(value) for name, value in rates.items()},
        "share_of_peak": {
            "engine, float32": round(gflop / medians[fp32] / rates["float32"], 3),
            "engine, bfloat16": round(gflop / medians[bf16] / rates["bfloat16"], 3),
        },
        "linear_backend": linear_backend(),
        "environment": environment(device),
        "commit": source_commit(),
    }
    config.out.parent.mkdir(parents=True, exist_ok=True)
    write_json(config.out, report)
    print(json.dumps(report, indent=2, default=str))


if __name__ == "__main__":
    main(tyro.cli(Config))

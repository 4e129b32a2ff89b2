"""Speed of discriminators of sequences against the same nets written plainly, and of scoring rollouts in groups.

    python benchmarks/sequence_nets.py --threads 1 --out benchmarks/results/sequence_nets.json

Published sizes: vocabulary 5000, length 20, SeqGAN's 1720 features, RelGAN's 64 representations of 1200 features.  The
plain nets are written as public ports write them (two-dimensional convolutions, ReLU, pooling), with both maps of the
highway layer, and carry the same weights; the largest difference of the logits is recorded.  A step is one forward and
one backward pass, without the optimizer.  Variants are interleaved in one process, round after round; believe the
ratios: medians over rounds of the ratio within a round, with quartiles.
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

from gan_ext.nets import CNNDiscriminator, MultiRepresentationDiscriminator
from gan_ext.precision import linear_backend
from gan_ext.runs import environment, source_commit, write_json

VOCABULARY, LENGTH = 5000, 20


@dataclass
class Config:
    """Settings of the benchmark."""

    out: Path = Path("benchmarks/results/sequence_nets.json")
    """Where the figures go."""
    rounds: int = 15
    """Rounds of the training steps; rollouts, which take long, have a third of them."""
    threads: int = 0
    """Threads of torch; 0 leaves its default."""
    device: str = "cpu"
    """cpu or cuda."""
    batch: int = 64
    """Sequences in a step; the first net is timed with twice as many, too."""
    continuations: int = 16
    """Continuations of each prefix that are judged."""


class Plain(nn.Module):
    """What both plain nets share: highway with two maps, dropout."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.gate, self.transform = nn.Linear(features, features), nn.Linear(features, features)
        self.dropout = nn.Dropout(0.25)

    def refine(self, pooled: Tensor) -> Tensor:
        gate = torch.sigmoid(self.gate(pooled))
        return self.dropout(gate * F.relu(self.transform(pooled)) + (1 - gate) * pooled)

    @torch.no_grad()
    def take(self, ours: CNNDiscriminator | MultiRepresentationDiscriminator) -> None:
        gate, transform = ours.highway.maps.weight.chunk(2)
        biases = ours.highway.maps.bias.chunk(2)
        for layer, weight, bias in zip((self.gate, self.transform), (gate, transform), biases):
            layer.weight.copy_(weight)
            layer.bias.copy_(bias)
        for convolution, weight, bias in zip(
            self.convolutions, ours.filters, ours.bias.split([len(weight) for weight in ours.filters])
        ):
            convolution.weight.copy_(weight[:, None])
            convolution.bias.copy_(bias)
        self.output.load_state_dict(ours.output.state_dict())


class PlainCNN(Plain):
    """SeqGAN's discriminator by convolutions over [B, 1, T, E]."""

    def __init__(self, ours: CNNDiscriminator) -> None:
        super().__init__(ours.output.in_features)
        self.embedding = nn.Embedding.from_pretrained(ours.embedding.weight.detach().clone(), freeze=False)
        self.convolutions = nn.ModuleList(nn.Conv2d(1, len(w), w.shape[1:]) for w in ours.filters)
        self.output = nn.Linear(ours.output.in_features, 1)
        self.take(ours)

    def forward(self, tokens: Tensor) -> Tensor:
        embedded = self.embedding(tokens).unsqueeze(1)
        answers = [F.relu(convolution(embedded)).squeeze(3) for convolution in self.convolutions]
        pooled = torch.cat([F.max_pool1d(answer, answer.shape[2]).squeeze(2) for answer in answers], 1)
        return self.output(self.refine(pooled)).squeeze(1)


class PlainMany(Plain):
    """RelGAN's discriminator by convolutions over [B, 1, T, 64] that stride over the representations."""

    def __init__(self, ours: MultiRepresentationDiscriminator) -> None:
        super().__init__(ours.compress.in_features)
        self.representations, size = ours.representations, ours.filters[0].shape[2]
        self.embedding = nn.Linear(VOCABULARY, ours.embedding.embedding_dim, bias=False)
        self.convolutions = nn.ModuleList(
            nn.Conv2d(1, len(w), (w.shape[1], size), stride=(1, size)) for w in ours.filters
        )
        self.compress, self.output = nn.Linear(ours.compress.in_features, ours.compress.out_features), nn.Linear(100, 1)
        self.take(ours)
        self.compress.load_state_dict(ours.compress.state_dict())
        self.embedding.weight.data.copy_(ours.embedding.weight.detach().t())

    def forward(self, rows: Tensor) -> Tensor:
        embedded = self.embedding(rows).unsqueeze(1)
        answers = [F.relu(convolution(embedded)) for convolution in self.convolutions]
        pooled = torch.cat([F.max_pool2d(answer, (answer.shape[2], 1)).squeeze(2) for answer in answers], 1)
        features = self.refine(pooled.permute(0, 2, 1).flatten(0, 1))
        return self.output(self.compress(features)).view(-1, self.representations)


Variants = dict[str, Callable[[], Any]]


def difference(ours: nn.Module, plain: nn.Module, x: Tensor, plain_x: Tensor) -> float:
    """Return the largest difference of the logits in evaluation mode."""
    with torch.no_grad():
        return float((ours.eval()(x) - plain.eval()(plain_x)).abs().max())


def cnn_steps(batch: int, device: torch.device) -> tuple[Variants, float]:
    """Return training steps on half real, half generated sequences."""
    ours = CNNDiscriminator(VOCABULARY).to(device)
    plain = PlainCNN(ours).to(device)
    tokens = torch.randint(VOCABULARY, (batch, LENGTH), device=device)
    real = (torch.arange(batch, device=device) % 2).float()

    def step(net: nn.Module) -> Callable[[], None]:
        def run() -> None:
            net.zero_grad()
            F.binary_cross_entropy_with_logits(net(tokens), real).backward()

        return run

    gap = difference(ours, plain, tokens, tokens)
    return {"plain": step(plain.train()), "ours": step(ours.train())}, gap


def relgan_steps(batch: int, device: torch.device) -> tuple[Variants, float]:
    """Return the discriminator's steps on real sequences and relaxed rows, relativistic loss."""
    ours = MultiRepresentationDiscriminator(VOCABULARY).to(device)
    plain = PlainMany(ours).to(device)
    tokens = torch.randint(VOCABULARY, (batch, LENGTH), device=device)
    rows = torch.randn(batch, LENGTH, VOCABULARY, device=device).softmax(-1)

    def one_hot() -> Tensor:
        return F.one_hot(tokens, VOCABULARY).float()

    def step(net: nn.Module, real: Callable[[], Tensor]) -> Callable[[], None]:
        def run() -> None:
            net.zero_grad()
            F.softplus(net(rows) - net(real())).mean().backward()

        return run

    gap = difference(ours, plain, tokens, one_hot())
    return {"plain": step(plain.train(), one_hot), "ours": step(ours.train(), lambda: tokens)}, gap


def rollout_scores(groups: int, each: int, device: torch.device) -> tuple[Variants, float]:
    """Return scorings of all rollouts of a SeqGAN step: `each` continuations of every prefix of `groups` sequences."""
    ours = CNNDiscriminator(VOCABULARY).to(device).eval()
    plain = PlainCNN(ours).to(device).eval()
    rollouts = []
    for shared in range(1, LENGTH):
        tokens = torch.randint(VOCABULARY, (groups, each, LENGTH), device=device)
        tokens[..., :shared] = tokens[:, :1, :shared]
        rollouts.append((shared, tokens))
    score: dict[str, Callable[[int, Tensor], Tensor]] = {
        "plain": lambda shared, tokens: plain(tokens.flatten(0, 1)),
        "ours, each sequence by itself": lambda shared, tokens: ours(tokens.flatten(0, 1)),
        "ours": lambda shared, tokens: ours.grouped(tokens, shared),
    }

    def all_of(one: Callable[[int, Tensor], Tensor]) -> Callable[[], Tensor]:
        @torch.no_grad()
        def run() -> Tensor:
            return torch.cat([one(shared, tokens).flatten() for shared, tokens in rollouts])

        return run

    variants = {name: all_of(one) for name, one in score.items()}
    return variants, float((variants["ours"]() - variants["plain"]()).abs().max())


def measure(variants: Variants, gap: float, rounds: int, device: torch.device) -> dict[str, Any]:
    """Time variants in turns; return milliseconds and how many times as long the others take as ours."""
    seconds: dict[str, list[float]] = {name: [] for name in variants}
    for number in range(rounds + 1):
        for name, run in variants.items():
            _wait(device)
            start = time.perf_counter()
            run()
            _wait(device)
            if number:
                seconds[name].append(time.perf_counter() - start)

    def ratio(name: str) -> dict[str, float]:
        ratios = [a / b for a, b in zip(seconds[name], seconds["ours"])]
        quartiles = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else ratios * 3
        named = dict(zip(("quartile", "median", "upper_quartile"), quartiles))
        named["of_fastest"] = min(seconds[name]) / min(seconds["ours"])
        return {key: round(value, 3) for key, value in named.items()}

    return {
        "milliseconds": {name: round(1e3 * statistics.median(values), 2) for name, values in seconds.items()},
        "fastest_milliseconds": {name: round(1e3 * min(values), 2) for name, values in seconds.items()},
        "times_as_long_as_ours": {name: ratio(name) for name in variants if name != "ours"},
        "largest_difference_of_logits": gap,
        "rounds": rounds,
    }


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def main(config: Config) -> None:
    """Time everything and write one file."""
    if config.threads:
        torch.set_num_threads(config.threads)
    device, few = torch.device(config.device), max(1, config.rounds // 3)
    one, two, each = config.batch, 2 * config.batch, config.continuations
    torch.manual_seed(0)
    figures = {}
    for name, make, rounds in (
        (f"CNN discriminator, training step, batch {one}", lambda: cnn_steps(one, device), config.rounds),
        (f"CNN discriminator, training step, batch {two}", lambda: cnn_steps(two, device), config.rounds),
        (f"RelGAN discriminator, step, batch {one} + {one}", lambda: relgan_steps(one, device), config.rounds),
        (f"rollouts of a SeqGAN step, {one} x {each} x 19 sequences", lambda: rollout_scores(one, each, device), few),
    ):
        figures[name] = measure(*make(), rounds, device)
        print(name, json.dumps(figures[name]["times_as_long_as_ours"]), flush=True)
    report = {
        "benchmark": "sequence_nets",
        "config": {name: value.name if isinstance(value, Path) else value for name, value in asdict(config).items()},
        "figures": figures,
        "linear_backend": linear_backend(),
        "environment": environment(device),
        "commit": source_commit(),
    }
    config.out.parent.mkdir(parents=True, exist_ok=True)
    write_json(config.out, report)
    print(json.dumps(report, indent=2, default=str))


if __name__ == "__main__":
    main(tyro.cli(Config))

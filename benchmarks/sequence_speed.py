"""Speed of sampling, rollouts and training of sequence models against plain loops that do the same work.

    python benchmarks/sequence_speed.py --threads 1 --out benchmarks/results/sequence_speed.json

The setting is SeqGAN's: vocabulary 5000, length 20, an LSTM of 32, the published discriminator, batches of 64.  The
plain loops are what public PyTorch code does: ``nn.LSTM`` with ``torch.multinomial`` token by token; rewards by a loop
over continuations and prefixes, each prefix encoded anew and each finished sentence judged by two-dimensional
convolutions; ``log_softmax`` and ``NLLLoss``; Adam as it comes.  Variants are interleaved in one process; believe the
ratios.  A plain reward is timed for `passes` of the 16 continuations and scaled, as all continuations cost the same.
The whole protocol is composed of the pieces (120 epochs of likelihood, 3150 of the discriminator, 200 generator steps,
1050 times 10 000 samples): nobody ran it for this table.
"""

import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import tyro
from sequence_nets import LENGTH, VOCABULARY, PlainCNN
from torch import Tensor, nn

from gan_ext.data import ArrayStream
from gan_ext.engine import Compute, Engine, adam
from gan_ext.games import SequenceLikelihood
from gan_ext.losses import discriminator_non_saturating
from gan_ext.nets import CNNDiscriminator, LSTMGenerator
from gan_ext.runs import environment, source_commit, write_json
from gan_ext.sequences import TokenBatch, rollout, rollout_values, sample

PROTOCOL = {"likelihood epoch": 120, "discriminator epoch": 3150, "generator step": 200, "10 000 samples": 1050}


@dataclass
class Config:
    """Settings of the benchmark."""

    out: Path = Path("benchmarks/results/sequence_speed.json")
    """Where the figures go."""
    rounds: int = 3
    """Rounds; the median is reported."""
    passes: int = 2
    """Continuations of the 16 that the plain reward is timed for."""
    threads: int = 0
    """Threads of torch; 0 leaves its default."""
    device: str = "cpu"
    """cpu or cuda."""
    batch: int = 64
    """Sequences in a batch."""
    rollouts: int = 16
    """Continuations of each prefix."""
    draws: int = 10_000
    """Samples that ours draws at once; times are scaled to 10 000."""
    plain_draws: int = 1024
    """Samples that the plain loop draws."""
    batches: int = 20
    """Training steps that are timed; times are scaled to an epoch."""
    lengths: tuple[int, ...] = (20, 40, 80)
    """Lengths at which rollouts are timed."""


class PlainGenerator(nn.Module):
    """Embedding, nn.LSTM, linear layer, log-softmax."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, 32)
        self.lstm = nn.LSTM(32, 32, batch_first=True)
        self.output = nn.Linear(32, VOCABULARY)

    def forward(self, tokens: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        hidden, state = self.lstm(self.embedding(tokens), state)
        return torch.log_softmax(self.output(hidden), -1), state

    @torch.no_grad()
    def extend(self, prefix: Tensor, length: int) -> Tensor:
        """Encode a prefix (with its start token) anew, and draw what is missing token by token."""
        log_p, state = self(prefix)
        tokens = [prefix]
        for position in range(length - prefix.shape[1] + 1):
            token = torch.multinomial(log_p[:, -1].exp(), 1)
            tokens.append(token)
            if position < length - prefix.shape[1]:
                log_p, state = self(token, state)
        return torch.cat(tokens, 1)[:, 1:]


def plain_samples(generator: PlainGenerator, n: int, batch: int, device: torch.device) -> None:
    """Draw sequences in batches."""
    for _ in range(0, n, batch):
        generator.extend(torch.zeros(batch, 1, dtype=torch.int64, device=device), LENGTH)


@torch.no_grad()
def plain_reward(generator: PlainGenerator, judge: nn.Module, tokens: Tensor, passes: int) -> None:
    """Finish every prefix `passes` times, and judge what comes out."""
    start = torch.zeros(len(tokens), 1, dtype=torch.int64, device=tokens.device)
    for _ in range(passes):
        for length in range(1, LENGTH + 1):
            finished = (
                generator.extend(torch.cat([start, tokens[:, :length]], 1), LENGTH) if length < LENGTH else tokens
            )
            torch.sigmoid(judge(finished))


def plain_likelihood(generator: PlainGenerator, data: Tensor, size: int) -> Callable[[], None]:
    """Return a step of maximum likelihood."""
    optimizer, loss = torch.optim.Adam(generator.parameters(), lr=0.01), nn.NLLLoss()

    def batch() -> None:
        tokens = data[torch.randint(len(data), (size,), device=data.device)]
        shifted = torch.cat([torch.zeros_like(tokens[:, :1]), tokens[:, :-1]], 1)
        log_p, _ = generator(shifted)
        optimizer.zero_grad()
        loss(log_p.flatten(0, 1), tokens.flatten()).backward()
        nn.utils.clip_grad_norm_(generator.parameters(), 5.0)
        optimizer.step()

    return batch


def discriminator_step(judge: nn.Module, data: Tensor, size: int, fused: bool) -> Callable[[], None]:
    """Return a step of the discriminator."""
    optimizer = torch.optim.Adam(judge.parameters(), lr=1e-4, fused=fused or None)

    def batch() -> None:
        tokens = data[torch.randint(len(data), (size,), device=data.device)]
        optimizer.zero_grad()
        logits = judge(tokens)
        discriminator_non_saturating(logits[: size // 2], logits[size // 2 :]).backward()
        optimizer.step()

    return batch


def timed(function: Callable[[], Any], device: torch.device) -> float:
    """Return the seconds of a call."""
    if device.type == "cuda":
        torch.cuda.synchronize()
    start = time.perf_counter()
    function()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def by_length(lengths: tuple[int, ...], device: torch.device) -> dict[str, float]:
    """Return microseconds per token of rollouts (4 continuations, batch 16) over lengths."""
    found = {}
    for length in lengths:
        model = LSTMGenerator(VOCABULARY, length, init=0.1).to(device)
        tokens = sample(model, 16)
        drawn = 16 * 4 * length * (length - 1) / 2
        found[str(length)] = statistics.median(timed(lambda: rollout(model, tokens, 4), device) for _ in range(3))  # noqa: B023
        found[str(length)] *= 1e6 / drawn
    return found


def main(config: Config) -> None:
    """Measure, say, write."""
    if config.threads:
        torch.set_num_threads(config.threads)
    device = torch.device(config.device)
    torch.manual_seed(0)
    model, plain = LSTMGenerator(VOCABULARY, LENGTH, init=0.1).to(device), PlainGenerator().to(device)
    judge = CNNDiscriminator(VOCABULARY).to(device)
    plain_judge = PlainCNN(judge).to(device)
    data = torch.randint(VOCABULARY, (10_000, LENGTH), device=device)
    engine = Engine(SequenceLikelihood(model), {"generator": adam(0.01)}, clip=5.0, compute=Compute(device))
    stream, batches, rollouts = ArrayStream(TokenBatch(data), config.batch), config.batches, config.rollouts
    ours_judged, plain_judged = (
        discriminator_step(net, data, config.batch, fused) for net, fused in ((judge, True), (plain_judge, False))
    )
    plain_batch, tokens = plain_likelihood(plain, data, config.batch), data[: config.batch]

    def reward() -> None:
        judge.eval()
        rollout_values(model, tokens, lambda x, shared: torch.sigmoid(judge.grouped(x, shared)), rollouts)
        judge.train()

    def old_reward() -> None:
        plain_judge.eval()
        plain_reward(plain, plain_judge, tokens, config.passes)
        plain_judge.train()

    def many(step: Callable[[], None]) -> Callable[[], None]:
        return lambda: [step() for _ in range(batches)] and None

    # piece: (plain, what to multiply its time by, ours, what to multiply its time by)
    pieces: dict[str, tuple[Callable[[], Any], float, Callable[[], Any], float]] = {
        "10 000 samples": (lambda: plain_samples(plain, config.plain_draws, config.batch, device),
                           10_000 / config.plain_draws, lambda: sample(model, config.draws), 10_000 / config.draws),
        "rollout reward": (old_reward, rollouts / config.passes, reward, 1.0),
        "rollouts without judging": (lambda: plain_reward(plain, nn.Flatten(), tokens, config.passes),
                                     rollouts / config.passes, lambda: rollout(model, tokens, rollouts), 1.0),
        "likelihood epoch": (many(plain_batch), 156 / batches,
                             lambda: engine.fit(stream, engine.step + batches), 156 / batches),
        "discriminator epoch": (many(plain_judged), 312 / batches, many(ours_judged), 312 / batches),
    }  # fmt: skip
    many(plain_judged)(), many(ours_judged)(), engine.fit(stream, 5)
    seconds: dict[str, dict[str, list[float]]] = {name: {"plain": [], "ours": []} for name in pieces}
    for _ in range(config.rounds):
        for name, (old, old_scale, new, new_scale) in pieces.items():
            seconds[name]["plain"].append(timed(old, device) * old_scale)
            seconds[name]["ours"].append(timed(new, device) * new_scale)
    medians = {
        name: {kind: statistics.median(values) for kind, values in both.items()} for name, both in seconds.items()
    }
    ratios = {
        name: statistics.median(old / new for old, new in zip(both["plain"], both["ours"]))
        for name, both in seconds.items()
    }
    whole = {kind: sum(count * medians["rollout reward" if name == "generator step" else name][kind]
                       for name, count in PROTOCOL.items()) for kind in ("plain", "ours")}  # fmt: skip
    ratios["whole protocol, composed"] = whole["plain"] / whole["ours"]
    for name, ratio in ratios.items():
        both = medians.get(name, whole)
        print(f"{name:28s} {both['plain']:10.2f} s {both['ours']:10.2f} s  x{ratio:.2f}")
    found = by_length(config.lengths, device)
    print("rollouts, microseconds per token by length:", {length: round(value, 2) for length, value in found.items()})
    write_json(config.out, {
        "benchmark": "sequence_speed", "config": {**asdict(config), "out": config.out.name}, "seconds": medians,
        "whole": whole, "ratios": ratios, "microseconds_per_token_by_length": found, "rounds": seconds,
        "environment": environment(device), "commit": source_commit(),
    })  # fmt: skip


if __name__ == "__main__":
    main(tyro.cli(Config))

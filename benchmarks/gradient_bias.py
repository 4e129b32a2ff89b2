"""Bias, spread and cost of the gradient estimators, against exact enumeration.

    python benchmarks/gradient_bias.py --out benchmarks/results/gradient_bias.json

Four measurements.  *Language*: an LSTM over 3 tokens and length 4, a random reward for each of the 81 sequences,
extended to relaxed rows so that it is exact at one-hots; the exact gradient is a sum over all of them.  *Coin*: one
toss, f = (b - t)^2.  *Cost*: forward and backward pass at 1000 tokens and length 20 with a small convolutional reward,
all estimators in turns, ratios within a round.  *Placebo*: what rewards that say nothing do to the entropy of an LSTM
under Adam.
"""

import math
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import tyro
from torch import Tensor, nn

from gan_ext.gradients import (
    REBAR,
    REINFORCE,
    RELAX,
    ActorCritic,
    ClippedSurrogate,
    Enumeration,
    GradientEstimator,
    GumbelSoftmax,
    LeaveOneOut,
    MaliGANWeights,
    Reward,
    SelfCritical,
    StraightThrough,
    StraightThroughGumbel,
    Taylor,
)
from gan_ext.nets import LSTMGenerator
from gan_ext.runs import environment, source_commit, write_json
from gan_ext.sequences import SequenceModel, sample


@dataclass
class Config:
    """Settings of the benchmark."""

    out: Path = Path("benchmarks/results/gradient_bias.json")
    """Where the figures go."""
    calls: int = 1000
    """Independent gradients of each estimator, after a quarter as many for what is tuned by itself."""
    n: int = 256
    """Sequences in each gradient."""
    learn: int = 400
    """Steps of Adam for what is learned, on the fixed model, before anything is measured."""
    rounds: int = 15
    """Rounds of timing."""
    seed: int = 3
    """Of model, reward and draws."""
    seeds: int = 3
    """Models that are given placebos."""
    threads: int = 1
    """Threads of torch."""
    placebo_steps: int = 100
    """Steps of Adam on a placebo."""
    entropy_sequences: int = 20_000
    """Sequences that the entropy before and after a placebo is measured on."""
    vocabulary: int = 1000
    """Tokens of the model whose passes are timed."""


Maker = Callable[[SequenceModel], GradientEstimator]
ESTIMATORS: dict[str, Maker] = {
    "REINFORCE, no baseline": lambda model: REINFORCE(None),
    "REINFORCE, moving average": lambda model: REINFORCE(),
    "LeaveOneOut": lambda model: LeaveOneOut(),
    "SelfCritical": lambda model: SelfCritical(),
    "ActorCritic, λ = 1": lambda model: ActorCritic(model.vocabulary, lam=1.0),
    "ActorCritic, λ = .95": lambda model: ActorCritic(model.vocabulary),
    "REBAR, η = 1": lambda model: REBAR(eta=1.0),
    "REBAR, η tuned": lambda model: REBAR(),
    "RELAX": lambda model: RELAX(model.vocabulary),
    "Taylor, h = .5": lambda model: Taylor(0.5),
    "Taylor, h = 2": lambda model: Taylor(2.0),
    "StraightThrough": lambda model: StraightThrough(),
    "StraightThroughGumbel, τ = 1": lambda model: StraightThroughGumbel(1.0),
    "StraightThroughGumbel, τ = .1": lambda model: StraightThroughGumbel(0.1),
    "GumbelSoftmax, τ = 1": lambda model: GumbelSoftmax(1.0),
    "GumbelSoftmax, τ = .5": lambda model: GumbelSoftmax(0.5),
    "GumbelSoftmax, τ = .1": lambda model: GumbelSoftmax(0.1),
    "GumbelSoftmax, τ = .1, tokens fed": lambda model: GumbelSoftmax(0.1, feed="token"),
    "MaliGANWeights": lambda model: MaliGANWeights(),
}
# PPO differs from LeaveOneOut only while the model moves, so it is timed and not measured.
TIMED = {name: make for name, make in ESTIMATORS.items() if "τ = ." not in name and "h = 2" not in name}
TIMED |= {"PPO": lambda model: ClippedSurrogate(model)}


class Table:
    """A reward for every sequence, multilinear in relaxed rows."""

    def __init__(self, vocabulary: int, length: int) -> None:
        self.values = torch.rand((vocabulary,) * length) ** 3 * 2

    def __call__(self, x: Tensor) -> Tensor:
        if not x.is_floating_point():
            return self.values[tuple(x.unbind(1))]
        values = torch.einsum("bv,v...->b...", x[:, 0], self.values)
        for step in x.unbind(1)[1:]:
            values = torch.einsum("bv,bv...->b...", step, values)
        return values


class Coin(SequenceModel):
    """One toss; p(1) is the logistic of the only parameter."""

    def __init__(self, probability: float) -> None:
        super().__init__(2, 1)
        self.logit = nn.Parameter(torch.tensor(math.log(probability / (1 - probability))))

    def initial(self, n: int, labels: Tensor | None = None) -> tuple[Tensor, ...]:
        return (torch.zeros(n, 1),)

    def step(self, token: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        return torch.stack([torch.zeros(()), self.logit]).expand(len(token), 2), state


class Convolutional(nn.Module):
    """A small discriminator of tokens or rows."""

    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        self.embedding = nn.Parameter(torch.randn(vocabulary, 32))
        self.features = nn.Conv1d(32, 128, 3)
        self.verdict = nn.Linear(128, 1)

    def forward(self, x: Tensor) -> Tensor:
        embedded = x @ self.embedding if x.is_floating_point() else self.embedding[x]
        return torch.sigmoid(self.verdict(self.features(embedded.transpose(1, 2)).relu().amax(-1)))[:, 0]


def gradient(estimator: GradientEstimator, model: SequenceModel, reward: Reward, n: int) -> Tensor:
    """Return one estimate of the gradient of the expected reward, flat."""
    parameters = list(model.parameters())
    found = torch.autograd.grad(estimator(model, reward, n)[0], parameters, materialize_grads=True)
    return -torch.cat([part.flatten() for part in found])


def learned(estimator: GradientEstimator, model: SequenceModel, reward: Reward, config: Config) -> None:
    """Let critics and control variates learn on a model that stays."""
    parameters = [parameter for parameter in estimator.parameters() if parameter.requires_grad]
    if parameters:
        adam = torch.optim.Adam(parameters, lr=1e-2)
        for _ in range(config.learn):
            found = torch.autograd.grad(estimator(model, reward, config.n)[0], parameters)
            for parameter, part in zip(parameters, found):
                parameter.grad = part
            adam.step()


def measured(estimates: Tensor, exact: Tensor) -> dict[str, float]:
    """Return bias and spread relative to the exact gradient's norm; the bias is free of what sampling adds to it."""
    norm, variance = exact.norm(), estimates.var(0).sum()
    noise = variance / len(estimates)
    bias = ((estimates.mean(0) - exact).square().sum() - noise).clamp_min(0).sqrt()
    error = estimates.std(0) / math.sqrt(len(estimates))
    worst = ((estimates.mean(0) - exact).abs() / error.clamp_min(1e-12))[error > 1e-9].max()
    values = {"bias": bias / norm, "noise": noise.sqrt() / norm, "spread": variance.sqrt() / norm, "worst_z": worst}
    return {name: round(float(value), 4) for name, value in values.items()}


def language(config: Config) -> list[dict[str, Any]]:
    """Measure every estimator on the tiny language."""
    torch.manual_seed(config.seed)
    model, reward = LSTMGenerator(3, 4, 4, 4, init=0.7), Table(3, 4)
    exact = gradient(Enumeration(), model, reward, 0)
    targets = {"MaliGANWeights": of_implied_data(model, reward)}
    rows = []
    for name, make in ESTIMATORS.items():
        torch.manual_seed(config.seed)
        estimator = make(model)
        learned(estimator, model, reward, config)
        for _ in range(config.calls // 4):
            gradient(estimator, model, reward, config.n)
        estimates = torch.stack([gradient(estimator, model, reward, config.n) for _ in range(config.calls)])
        rows.append(
            {"estimator": name, "unbiased": estimator.unbiased, **measured(estimates, targets.get(name, exact))}
        )
        print(rows[-1])
    return rows


def of_implied_data(model: SequenceModel, reward: Reward) -> Tensor:
    """Return the gradient of log E[exp d], which MaliGAN's weights estimate."""
    exponential = gradient(Enumeration(), model, lambda x: reward(x).exp(), 0)
    mean = Enumeration()(model, lambda x: reward(x).exp())[1]["reward"]
    return exponential / mean


def coin(config: Config) -> dict[str, Any]:
    """Measure means and deviations on one toss."""
    probability, target, n = 0.1, 0.49, 8
    model = Coin(probability)

    def reward(x: Tensor) -> Tensor:
        return ((x[:, 0, 1] if x.is_floating_point() else x[:, 0].float()) - target) ** 2

    estimators: dict[str, GradientEstimator] = {
        "REINFORCE, no baseline": REINFORCE(None),
        "LeaveOneOut": LeaveOneOut(),
        "REBAR, η = 1, τ = .5": REBAR(0.5, eta=1.0),
        "REBAR, η tuned, τ = .5": REBAR(0.5),
        "GumbelSoftmax, τ = .5": GumbelSoftmax(0.5),
        "StraightThrough": StraightThrough(),
        "StraightThroughGumbel, τ = .5": StraightThroughGumbel(0.5),
    }
    rows = []
    for name, estimator in estimators.items():
        torch.manual_seed(config.seed)
        values = torch.stack([gradient(estimator, model, reward, n) for _ in range(5 * config.calls)])[:, 0]
        error = values.std() / math.sqrt(len(values))
        rows.append({"estimator": name, "mean": float(values.mean()), "error": float(error), "sd": float(values.std())})
        print(rows[-1])
    exact = probability * (1 - probability) * (1 - 2 * target)
    return {"probability": probability, "target": target, "n": n, "exact": exact, "rows": rows}


def cost(config: Config) -> dict[str, Any]:
    """Time a forward and a backward pass, all estimators in turns."""
    torch.manual_seed(config.seed)
    vocabulary, length, batch = config.vocabulary, 20, 64
    model = LSTMGenerator(vocabulary, length, 32, 32)
    reward = Convolutional(vocabulary).requires_grad_(False)
    estimators = {name: make(model) for name, make in TIMED.items()}
    seconds: dict[str, list[float]] = {name: [] for name in TIMED}
    for number in range(config.rounds + 2):
        for name, estimator in estimators.items():
            parameters = [each for part in (model, estimator) for each in part.parameters() if each.requires_grad]
            start = time.perf_counter()
            torch.autograd.grad(estimator(model, reward, batch)[0], parameters)
            if number >= 2:
                seconds[name].append(time.perf_counter() - start)
    first = seconds[next(iter(TIMED))]
    return {
        "vocabulary": vocabulary,
        "length": length,
        "batch": batch,
        "milliseconds_of_reinforce": round(1e3 * statistics.median(first), 2),
        "ratios": {
            name: round(statistics.median(a / b for a, b in zip(values, first)), 2) for name, values in seconds.items()
        },
    }


def placebo(config: Config) -> list[dict[str, Any]]:
    """Train on rewards that say nothing, and measure the change of entropy."""
    rewards: dict[str, Reward] = {
        "+1": lambda x: torch.ones(len(x)),
        "-1": lambda x: -torch.ones(len(x)),
        "uniform noise": lambda x: torch.rand(len(x)),
    }
    rows = []
    for name, reward in rewards.items():
        for baseline, estimator in {"none": REINFORCE(None), "LeaveOneOut": LeaveOneOut()}.items():
            changes = [drift(estimator, reward, config, config.seed + seed) for seed in range(config.seeds)]
            rows.append({"reward": name, "baseline": baseline, "changes": changes})
            print(rows[-1])
    return rows


def drift(estimator: GradientEstimator, reward: Reward, config: Config, seed: int) -> float:
    """Return by how much the entropy of a model changes, in nats per token."""
    torch.manual_seed(seed)
    model = LSTMGenerator(200, 8, 32, 32, init=0.5)
    before, adam = entropy(model, config.entropy_sequences), torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(config.placebo_steps):
        adam.zero_grad()
        estimator(model, reward, 64)[0].backward()
        adam.step()
    return round(entropy(model, config.entropy_sequences) - before, 4)


@torch.no_grad()
def entropy(model: SequenceModel, n: int) -> float:
    """Return the entropy in nats per token, over n sequences that are the same for the same seed."""
    generator = torch.Generator().manual_seed(0)
    tokens = sample(model, n, uniforms=torch.rand(n, model.length, generator=generator))
    log_probs = model(tokens).log_softmax(-1)
    return float(-(log_probs.exp() * log_probs).sum(-1).mean())


def main(config: Config) -> None:
    """Measure, and write the file."""
    torch.set_num_threads(config.threads)
    report = {
        "benchmark": "gradient_bias",
        "config": {name: value.name if isinstance(value, Path) else value for name, value in asdict(config).items()},
        "language": language(config),
        "coin": coin(config),
        "placebo": placebo(config),
        "cost": cost(config),
        "environment": environment("cpu"),
        "commit": source_commit(),
    }
    config.out.parent.mkdir(parents=True, exist_ok=True)
    write_json(config.out, report)
    print(report["cost"])


if __name__ == "__main__":
    main(tyro.cli(Config))

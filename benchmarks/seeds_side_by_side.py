"""Several seeds at once: one after the other on all threads, as processes of one thread, or batched by torch.func.

    python benchmarks/seeds_side_by_side.py --out benchmarks/results/seeds_side_by_side.json

All three train the same small K+1 perceptrons (discriminator and generator of `gan_ext.nets`, losses of
`gan_ext.losses`, plain gradient descent) on random data; a figure is steps of all seeds together in a second.  Start-up
of processes is left out: it takes seconds, fits take minutes.  Variants take turns, round after round; believe the
ratios.  The batched variant is a lower bound of the effort: the engine (averages, schedules, terms) cannot be batched
as it is.
"""

import multiprocessing
import os
import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import tyro
from torch import Tensor, nn
from torch.func import functional_call, grad, stack_module_state, vmap

from gan_ext.losses import feature_matching, supervised, unsupervised
from gan_ext.nets import mlp_discriminator
from gan_ext.runs import environment, source_commit, write_json

os.environ["GAN_EXT_LINEAR"] = "default"  # oneDNN's product has no rule for batching, so nobody gets it


@dataclass
class Config:
    """Settings of the benchmark."""

    out: Path = Path("benchmarks/results/seeds_side_by_side.json")
    """Where the figures go."""
    seeds: int = 4
    """Seeds trained."""
    processes: int = 2
    """Processes that share them; also the threads of a single process."""
    width: int = 256
    """Units of hidden layers."""
    batch: int = 100
    """Labeled, unlabeled and generated samples in a step, each."""
    steps: int = 20
    """Steps of each seed in a round."""
    rounds: int = 5
    """Rounds."""
    device: str = "cpu"
    """cpu or cuda."""


class Nets(nn.Module):
    """Both players; the generator is without batch statistics, which cannot be batched over seeds."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.discriminator = mlp_discriminator((784,), 10, (width, width))
        layers = [nn.Linear(50, width), nn.Softplus(), nn.Linear(width, 784), nn.Sigmoid()]
        self.generator = nn.Sequential(*layers)

    def forward(self, x: Tensor, y: Tensor, u: Tensor, z: Tensor) -> Tensor:
        """Return the sum of both losses, with the opponents' gradients cut."""
        fake = self.generator(z)
        logits, features = self.discriminator(torch.cat([x, u, fake.detach()]))
        labeled, real, generated = logits.chunk(3)
        loss = supervised(labeled, y) + unsupervised(real, generated)
        held = {name: value.detach() for name, value in self.discriminator.named_parameters()}
        matched = functional_call(self.discriminator, held, (fake,))[1]
        return loss + feature_matching(features.chunk(3)[1].detach(), matched)


def build(config: Config, seed: int) -> Nets:
    """Return the nets of a seed."""
    torch.manual_seed(seed)
    return Nets(config.width).to(config.device)


def batch_of(config: Config, seed: int) -> tuple[Tensor, ...]:
    """Return labeled data with classes, unlabeled data and draws of the prior."""
    draws = torch.Generator().manual_seed(seed)
    n = config.batch
    x, u = torch.rand(n, 784, generator=draws), torch.rand(n, 784, generator=draws)
    y, z = torch.randint(10, (n,), generator=draws), torch.rand(n, 50, generator=draws)
    return tuple(each.to(config.device) for each in (x, y, u, z))


def wait(config: Config) -> None:
    """Wait for the device."""
    if config.device == "cuda":
        torch.cuda.synchronize()


def stepper(config: Config, seeds: list[int]) -> Any:
    """Return a function that does so many steps of every seed, one seed after the other."""
    nets, batches = [build(config, seed) for seed in seeds], [batch_of(config, seed) for seed in seeds]

    def run(steps: int) -> None:
        for net, batch in zip(nets, batches):
            parameters = [each for each in net.parameters() if each.requires_grad]
            for _ in range(steps):
                gradients = torch.autograd.grad(net(*batch), parameters)
                with torch.no_grad():
                    torch._foreach_add_(parameters, gradients, alpha=-1e-3)

    return run


def batched(config: Config, seeds: list[int]) -> Any:
    """Return a function that does so many steps of all seeds together."""
    nets = [build(config, seed) for seed in seeds]
    parameters, buffers = stack_module_state(nets)
    parameters = {name: value.detach() for name, value in parameters.items()}
    batches = [torch.stack(parts) for parts in zip(*(batch_of(config, seed) for seed in seeds))]

    def loss(own: Any, fixed: Any, *batch: Tensor) -> Tensor:
        return functional_call(nets[0], (own, fixed), batch)

    gradient = vmap(grad(loss), randomness="different")
    names = [name for name, value in nets[0].named_parameters() if value.requires_grad]

    def run(steps: int) -> None:
        for _ in range(steps):
            gradients = gradient(parameters, buffers, *batches)
            torch._foreach_add_([parameters[n] for n in names], [gradients[n] for n in names], alpha=-1e-3)

    return run


def work(config: Config, seeds: list[int], pipe: Any) -> None:
    """Be a process of one thread: at every message, do so many steps and answer with the seconds."""
    torch.set_num_threads(1)
    run = stepper(config, seeds)
    while steps := pipe.recv():
        pipe.send(timed(config, run, steps))


def timed(config: Config, run: Any, steps: int) -> float:
    """Return the seconds that so many steps take."""
    wait(config)
    start = time.perf_counter()
    run(steps)
    wait(config)
    return time.perf_counter() - start


def main(config: Config) -> None:
    """Time all variants in turns and write the figures."""
    every = list(range(config.seeds))
    context, pipes, workers = multiprocessing.get_context("spawn"), [], []
    for first in range(config.processes):
        ours, theirs = context.Pipe()
        worker = context.Process(target=work, args=(config, every[first :: config.processes], theirs), daemon=True)
        worker.start()
        pipes.append(ours)
        workers.append(worker)

    def processes(steps: int) -> None:
        for pipe in pipes:
            pipe.send(steps)
        for pipe in pipes:
            pipe.recv()

    torch.set_num_threads(config.processes)
    variants = {
        f"one process, {config.processes} threads": stepper(config, every),
        f"{config.processes} processes, 1 thread each": processes,
        f"batched by vmap, {config.processes} threads": batched(config, every),
    }
    for run in variants.values():
        run(2)
    rounds = [
        {name: config.seeds * config.steps / timed(config, run, config.steps) for name, run in variants.items()}
        for _ in range(config.rounds)
    ]
    for pipe, worker in zip(pipes, workers):
        pipe.send(0)
        worker.join()
    first = next(iter(variants))
    rows = [
        {
            "variant": name,
            "steps_per_second": round(statistics.median(each[name] for each in rounds), 1),
            "ratio": round(statistics.median(each[name] / each[first] for each in rounds), 2),
            "ratios": [round(each[name] / each[first], 2) for each in rounds],
        }
        for name in variants
    ]
    settings = {name: value for name, value in vars(config).items() if name != "out"}
    config.out.parent.mkdir(parents=True, exist_ok=True)
    content = {"config": settings, "rows": rows, "environment": environment(config.device), "commit": source_commit()}
    write_json(config.out, content)
    for row in rows:
        print(f"{row['variant']:30} {row['steps_per_second']:9.1f} steps/s   x {row['ratio']:.2f}")


if __name__ == "__main__":
    main(tyro.cli(Config))

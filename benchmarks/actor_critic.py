"""What each trick of actor-critic methods, and each of GANs, does to GAIL on CartPole.

    OMP_NUM_THREADS=1 python benchmarks/actor_critic.py --out runs/actor_critic

The base is the game of `recipes/imitation_cartpole.py`.  Each row changes one thing and nothing else; all have the
same expert, the same first weights for a seed, and the same number of steps and episodes.  Rows that do not clip are
also tried with four moves of the policy in a step for forty, at higher rates: compare baselines among those.  Figures
are the mean return over training (looked at after every fourth step, 20 fresh episodes), which says how fast a row
learns, and the return of 100 fresh episodes of the last weights.  A killed run goes on where it stopped.
"""

import json
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
import tyro

from gan_ext import Engine
from gan_ext.engine import Every, adam, ensure_writable, sgd
from gan_ext.games import GAIL, PPO, Demonstrations, Replay, StateAction
from gan_ext.gradients import REINFORCE, LeaveOneOut
from gan_ext.losses import R1, minimax_reward, non_saturating_reward
from gan_ext.nets import CategoricalPolicy, plain_discriminator, plain_value
from gan_ext.reinforcement import EpisodeStream, GymnasiumEnvironment, collect, demonstrations, episode_returns
from gan_ext.runs import plain_errors, write_json, write_result
from gan_ext.seeds import mix, reseed


@dataclass
class Row:
    """What a row changes: arguments of GAIL, learning rates, whether it has a value, moves of the policy in a step."""

    options: dict[str, Any] = field(default_factory=dict)
    make: Callable[[], dict[str, Any]] = dict
    rates: dict[str, float] = field(default_factory=dict)
    value: bool = True
    passes: int | None = None


BASE = "base: value, PPO, R1"
FEWER = {"policy": 3e-3, "value": 1e-2}  # rates of rows that cannot reuse their samples often
ROWS: dict[str, Row] = {
    BASE: Row(),
    "lambda 1 (returns only)": Row({"lam": 1.0}),
    "lambda 0 (value only)": Row({"lam": 0.0}),
    "target value, lag 0.95": Row({"lag": 0.95}),
    "no clip (plain policy gradient)": Row({"clip": None}),
    "four moves: no clip": Row({"clip": None}, rates=FEWER, passes=4),
    "four moves: no clip, no baseline": Row(
        make=lambda: {"estimator": REINFORCE(None)}, rates=FEWER, value=False, passes=4
    ),
    "four moves: no clip, baseline of the other episodes": Row(
        make=lambda: {"estimator": LeaveOneOut()}, rates=FEWER, value=False, passes=4
    ),
    "four moves: natural gradient (compatible function)": Row({"natural": 0.01}, rates=FEWER, passes=4),
    "no entropy": Row({"entropy": 0.0}),
    "entropy x 10": Row({"entropy": 0.1}),
    "replay for the discriminator": Row(make=lambda: {"replay": Replay(10_000, 7)}),
    "discriminator four times as fast": Row(rates={"discriminator": 4e-3}),
    "discriminator a quarter as fast": Row(rates={"discriminator": 2.5e-4}),
    "no penalty on gradients": Row(make=lambda: {"penalties": ()}),
    "reward -log(1 - D), no absorbing state": Row({"reward": minimax_reward, "absorbing": False}),
    "reward log D, no absorbing state": Row({"reward": non_saturating_reward, "absorbing": False}),
    "reward d, no absorbing state": Row({"absorbing": False}),
}


@dataclass
class Config:
    """Settings."""

    out: Path = Path("runs/actor_critic")
    """Where result.json goes."""
    rows: tuple[str, ...] = tuple(ROWS)
    """Which rows are measured."""
    seeds: int = 3
    """Fits of each row."""
    seed: int = 0
    """The first seed."""
    steps: int = 32
    """Steps of a fit, of 16 episodes each."""
    expert_steps: int = 40
    """Steps of PPO that make the expert."""
    episodes: int = 10
    """Of the expert."""
    every: int = 20
    """Which of its steps are shown."""
    passes: int = 40
    """Moves of policy and value in a step."""


def policy_of(seed: int) -> CategoricalPolicy:
    """Return a fresh policy."""
    reseed(torch.device("cpu"), mix(seed, 3))
    return CategoricalPolicy(4, 2)


def shown_of(config: Config, environment: GymnasiumEnvironment) -> tuple[Demonstrations, float]:
    """Train the expert, and return what it shows and what it earns."""
    policy = policy_of(mix(config.seed, 11))
    game, rates = PPO(policy, plain_value(4)), {"policy": 1e-3, "value": 3e-3}
    engine = engine_of(game, (("policy", "value"),) * config.passes, rates, config.expert_steps, config.seed)
    stream = EpisodeStream(environment, policy, 16, config.passes, config.seed, share=0.25, trim=True)
    engine.fit(stream, config.expert_steps)
    earned = float(episode_returns(environment, policy, 100, mix(config.seed, 13)).mean())
    return demonstrations(collect(environment, policy, config.episodes, config.seed), config.every), earned


def engine_of(game: Any, turns: Any, rates: dict[str, float], steps: int, seed: int, natural: bool = False) -> Engine:
    """Return an engine whose learning rates fall to a tenth."""
    players = {
        name: sgd(1.0) if natural and name == "policy" else adam(rates[name], (0.9, 0.999)) for name in game.players()
    }
    falling = {
        f"{name}.lr": lambda step, rate=1.0 if natural and name == "policy" else rates[name]: (
            rate * (1 - 0.9 * step / steps)
        )
        for name in players
    }
    return Engine(game, players, turns, seed=seed, schedules=falling)


def fit(
    config: Config, row: Row, shown: Demonstrations, environment: GymnasiumEnvironment, seed: int
) -> dict[str, Any]:
    """Train once, and return returns and processor time."""
    start, policy = time.process_time(), policy_of(seed)
    absorbing = row.options.get("absorbing", True)
    judge, value = plain_discriminator((6 + absorbing,), (64, 64)), plain_value(4)
    options = {"absorbing": absorbing, "penalties": (R1(0.5),), **row.options, **row.make()}
    game = GAIL(policy, value if row.value else None, judge, StateAction(shown.observations, 2), **options)
    rates = {"discriminator": 1e-3, "policy": 1e-3, "value": 3e-3, **row.rates}
    together = ("policy", "value") if row.value else ("policy",)
    turns = ("discriminator",) * 8 + (together,) * (row.passes or config.passes)
    engine = engine_of(game, turns, rates, config.steps, seed, game.natural is not None)
    course: list[float] = []

    def look(engine: Engine) -> None:
        course.append(float(episode_returns(environment, policy, 20, mix(seed, 14)).mean()))

    stream = EpisodeStream(environment, policy, 16, len(turns), seed, shown, 512, share=0.25, trim=True)
    engine.fit(stream, config.steps, [Every(4, look)])
    last = float(episode_returns(environment, policy, 100, mix(seed, 13)).mean())
    return {"mean": statistics.fmean(course), "last": last, "seconds": time.process_time() - start, "course": course}


def main(config: Config) -> None:
    """Measure every row on every seed."""
    unknown = sorted(set(config.rows) - set(ROWS))
    if unknown:
        raise ValueError(f"rows has {unknown}; there are {', '.join(ROWS)}.")
    torch.set_num_threads(1)
    ensure_writable(config.out)
    environment, start = GymnasiumEnvironment("CartPole-v1"), time.monotonic()
    shown, expert = shown_of(config, environment)
    kept, settings = config.out / "fits.json", {**asdict(config), "out": "", "rows": ""}
    known = json.loads(kept.read_text()) if kept.exists() else {}
    fits: dict[str, Any] = (
        known["fits"] if known.get("settings") == json.loads(json.dumps(settings, default=str)) else {}
    )
    for seed in range(config.seed, config.seed + config.seeds):
        for name in config.rows:
            if f"{name}/{seed}" not in fits:
                fits[f"{name}/{seed}"] = fit(config, ROWS[name], shown, environment, seed)
                write_json(kept, {"settings": settings, "fits": fits})
                found = fits[f"{name}/{seed}"]
                print(
                    f"{name}, seed {seed}: {found['mean']:.0f}, {found['last']:.0f}, {found['seconds']:.0f} s",
                    flush=True,
                )
    metrics = {"expert": expert}
    for name in config.rows:
        found = [fits[f"{name}/{seed}"] for seed in range(config.seed, config.seed + config.seeds)]
        for figure in ("mean", "last", "seconds"):
            metrics[f"{name}, {figure}"] = round(statistics.fmean(each[figure] for each in found), 2)
    seconds = sum(each["seconds"] for each in fits.values())
    write_result(
        config.out, "actor_critic", asdict(config), metrics,
        "Mean return over training (20 episodes after every fourth step) and of 100 episodes at the end; nothing but "
        "the base was tuned, on other seeds",
        seconds, config.steps * len(fits) / seconds, "cpu", rows=fits,
    )  # fmt: skip
    print(f"{time.monotonic() - start:.0f} s; result.json is in {config.out}")


if __name__ == "__main__":
    with plain_errors():
        main(tyro.cli(Config))

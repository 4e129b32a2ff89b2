"""CartPole from an expert's episodes: behavioral cloning, GAIL, and GAIL that never sees the expert's actions.

    pip install "gan_ext[recipes,reinforcement]"
    python recipes/imitation_cartpole.py --out runs/imitation_cartpole

Minutes on two cores.  The expert is made here: PPO with the environment's own reward, in half a minute.  It then plays
`--episodes`; learners see every `--every`-th step of these.  No learner but the expert sees a reward.  The arms:

* behavioral cloning: maximum likelihood of the expert's actions;
* gail: a discriminator of (state, action) is the reward of a policy, which PPO improves;
* gail, states: the same of (state, next state), so the expert's actions are not used;
* gail, novice: gail on all steps of as many episodes of a random policy, as a control.  In CartPole every step pays 1,
  so a learner that is paid for survival gets far whatever it is shown; one that imitates must stay as bad as the
  novice.

Figures are returns of 100 fresh episodes of the last weights, beside those of the expert and of a random policy (500 is
the most).  Leaves in --out a picture of returns over training, and result.json.  `--seeds 3 --episodes 1 10 --every 20`
makes the table of the documentation; --resume skips what a killed run has finished.
"""

import json
import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import tyro
from rich.console import Console
from rich.progress import track
from rich.table import Table
from sklearn.utils.parallel import Parallel, delayed

from gan_ext import Compute, Engine
from gan_ext.data import ArrayStream, DataError
from gan_ext.engine import Every, SaveEvery, Turns, adam, ensure_writable
from gan_ext.games import GAIL, PPO, BehavioralCloning, Demonstrations, Episodes, StateAction, StateTransition
from gan_ext.losses import R1
from gan_ext.nets import CategoricalPolicy, plain_discriminator, plain_value
from gan_ext.reinforcement import EpisodeStream, GymnasiumEnvironment, collect, demonstrations, episode_returns
from gan_ext.runs import Progress, plain_errors, write_json, write_result
from gan_ext.seeds import kept_generators, mix, reseed

Arm = Literal["behavioral cloning", "gail", "gail, states", "gail, novice"]
ARMS: tuple[Arm, ...] = ("behavioral cloning", "gail", "gail, states", "gail, novice")
EXPERT, NOVICE, TEST, LOOK = 11, 12, 13, 14  # what seeds are for


@dataclass
class Config:
    """Settings of the recipe."""

    out: Path = Path("runs/imitation_cartpole")
    """Where the picture and result.json go."""
    data: Path | None = None
    """Not used: the episodes are played here."""
    environment: str = "CartPole-v1"
    """Of gymnasium; one with a choice of actions."""
    arms: tuple[Arm, ...] = ARMS
    """Who learns."""
    episodes: tuple[int, ...] = (10,)
    """Episodes of the expert that a learner gets."""
    every: tuple[int, ...] = (1, 20)
    """Which steps of these it sees: all, or every n-th."""
    seeds: int = 2
    """Fits of each cell, with seeds seed, seed + 1, ..., and as many draws of the expert's episodes."""
    seed: int = 0
    """The first seed."""
    steps: int = 40
    """Steps of GAIL; each plays `batch` episodes."""
    cloning_steps: int = 2000
    """Steps of behavioral cloning, of 256 steps of the expert each."""
    expert_steps: int = 40
    """Steps of PPO that make the expert."""
    batch: int = 16
    """Episodes of a step."""
    judgments: int = 8
    """Moves of the discriminator in a step."""
    passes: int = 40
    """Moves of policy and value in a step, each on a draw of its episodes."""
    share: float = 0.25
    """Share of a step's episodes that a move gets."""
    rate: float = 1e-3
    """Learning rate of policies and discriminators; falls to a tenth in a straight line."""
    value_rate: float = 3e-3
    """Learning rate of values; falls as the others do."""
    gamma_penalty: float = 0.5
    """Weight of the penalty on the discriminator's gradients at the expert's steps."""
    tests: int = 100
    """Fresh episodes that are measured."""
    jobs: int = 2
    """Fits side by side, each in a process of its own with one thread."""
    device: str = "cpu"
    """cpu, cuda, cuda:N or auto; nets and environment are too small for a GPU to pay."""
    resume: bool = False
    """Skip what a killed run has finished."""


def policy_of(environment: GymnasiumEnvironment, seed: int) -> CategoricalPolicy:
    """Return a fresh policy; for one seed all arms begin with the same."""
    with kept_generators(torch.device("cpu")):
        reseed(torch.device("cpu"), mix(seed, 3))
        return CategoricalPolicy(environment.shape[0], environment.actions)


def schedules(config: Config, steps: int, rates: dict[str, float]) -> dict[str, Any]:
    """Return learning rates that fall to a tenth."""
    return {f"{name}.lr": lambda step, rate=rate: rate * (1 - 0.9 * step / steps) for name, rate in rates.items()}


def engine_of(game: Any, turns: Turns | None, steps: int, rates: dict[str, float], config: Config, seed: int) -> Engine:
    """Return the engine of a game before its first step."""
    players = {name: adam(rate, (0.9, 0.999)) for name, rate in rates.items()}
    falling = schedules(config, steps, rates)
    return Engine(game, players, turns, seed=seed, schedules=falling, compute=Compute(config.device))


def expert_of(config: Config, environment: GymnasiumEnvironment) -> CategoricalPolicy:
    """Train an expert with the environment's own reward."""
    policy = policy_of(environment, mix(config.seed, EXPERT))
    turns = (("policy", "value"),) * config.passes
    rates = {"policy": config.rate, "value": config.value_rate}
    game = PPO(policy, plain_value(environment.shape[0]))
    engine = engine_of(game, turns, config.expert_steps, rates, config, mix(config.seed, EXPERT))
    folder = config.out / "expert"
    if config.resume:
        engine.resume(folder)
    stream = EpisodeStream(
        environment, policy, config.batch, len(turns), mix(config.seed, EXPERT), share=config.share, trim=True
    )
    with Progress(config.expert_steps, "expert", 1) as bar:
        engine.fit(stream, config.expert_steps, [SaveEvery(10, folder), bar])
    return policy


def gail_of(config: Config, arm: Arm, policy: Any, shown: Demonstrations, environment: GymnasiumEnvironment) -> GAIL:
    """Return the game of one arm."""
    states = arm == "gail, states"
    view = StateTransition(shown.observations) if states else StateAction(shown.observations, environment.actions)
    (size,) = environment.shape
    width = 2 * size if states else size + environment.actions
    return GAIL(
        policy, plain_value(size), plain_discriminator((width + 1,), (64, 64)), view,
        penalties=[R1(config.gamma_penalty)], absorbing=True,
    )  # fmt: skip


def fit(config: Config, arm: Arm, episodes: int, every: int, seed: int) -> dict[str, Any]:
    """Train one learner, and return what it earns."""
    torch.set_num_threads(1)
    environment, start = GymnasiumEnvironment(config.environment), time.monotonic()
    played = load(config.out / ("novice.npz" if arm == "gail, novice" else "expert.npz"))
    apart = 1 if arm == "gail, novice" else every  # a random policy falls after some twenty steps
    first = (seed - config.seed) * max(config.episodes)
    shown = demonstrations(Episodes(*(part[first : first + episodes] for part in played)), apart, seed)
    policy, course = policy_of(environment, seed), []

    def look(engine: Engine) -> None:
        course.append((engine.step, float(episode_returns(environment, policy, 20, mix(seed, LOOK)).mean())))

    with kept_generators(torch.device("cpu")):
        reseed(torch.device("cpu"), mix(seed, 4))
        if arm == "behavioral cloning":
            engine = engine_of(
                BehavioralCloning(policy), None, config.cloning_steps, {"policy": config.rate}, config, seed
            )
            engine.fit(ArrayStream(shown, 256, seed), config.cloning_steps, [Every(config.cloning_steps // 4, look)])
        else:
            turns = ("discriminator",) * config.judgments + (("policy", "value"),) * config.passes
            rates = {"discriminator": config.rate, "policy": config.rate, "value": config.value_rate}
            game = gail_of(config, arm, policy, shown, environment)
            engine = engine_of(game, turns, config.steps, rates, config, seed)
            stream = EpisodeStream(
                environment, policy, config.batch, len(turns), seed, shown, 512, share=config.share, trim=True
            )
            engine.fit(stream, config.steps, [Every(max(1, config.steps // 10), look)])
    returns = episode_returns(environment, policy, config.tests, mix(seed, TEST))
    row = {
        "return": float(returns.mean()),
        "worst episode": float(returns.min()),
        "steps shown": len(shown.mask),
        "seconds": time.monotonic() - start,
        "course": course,
    }
    write_json(config.out / "rows" / f"{title(arm, episodes, every, seed)}.json", row)
    return row


def save(path: Path, episodes: Episodes) -> None:
    """Keep episodes."""
    np.savez(path, *(part.cpu().numpy() for part in episodes))


def load(path: Path) -> Episodes:
    """Return episodes that were kept."""
    with np.load(path) as file:
        return Episodes(*(torch.from_numpy(file[name]) for name in file.files))


def title(arm: Arm, episodes: int, every: int, seed: int) -> str:
    """Return the name of a fit."""
    return f"{arm}_{episodes}_{every}_{seed}"


def finished(config: Config) -> set[str]:
    """Return the names of the fits that a killed run with the same settings has finished."""
    free = {"out", "data", "arms", "seeds", "jobs", "device", "resume"}
    settings = {name: str(value) for name, value in asdict(config).items() if name not in free}
    path, rows = config.out / "settings.json", config.out / "rows"
    if config.resume and path.exists():
        if json.loads(path.read_text()) != settings:
            raise DataError(f"{path} is of a run with other settings; use another --out or leave out --resume.")
    else:
        shutil.rmtree(rows, ignore_errors=True)
        shutil.rmtree(config.out / "expert", ignore_errors=True)
        write_json(path, settings)
    ensure_writable(rows)
    return {file.stem for file in rows.glob("*.json")}


def prepare(config: Config) -> dict[str, float]:
    """Make the expert, keep its episodes and those of a random policy, and return what both earn."""
    environment = GymnasiumEnvironment(config.environment)
    expert, novice = expert_of(config, environment), policy_of(environment, mix(config.seed, NOVICE))
    torch.nn.init.zeros_(list(novice.parameters())[-2])  # every action as likely as any other
    figures: dict[str, float] = {}
    wanted = max(config.episodes) * config.seeds
    for name, policy, purpose in (("expert", expert, EXPERT), ("novice", novice, NOVICE)):
        save(config.out / f"{name}.npz", collect(environment, policy, wanted, mix(config.seed, purpose, 1)))
        returns = episode_returns(environment, policy, config.tests, mix(config.seed, TEST))
        figures |= {f"{name}, return": float(returns.mean()), f"{name}, worst episode": float(returns.min())}
    return figures


def draw(config: Config, rows: dict[tuple[Arm, int, int, int], dict[str, Any]], known: dict[str, float]) -> None:
    """Draw returns over training, one panel for each amount of demonstrations."""
    from matplotlib.figure import Figure

    panels = [(episodes, every) for episodes in config.episodes for every in config.every]
    figure = Figure(figsize=(4.6 * len(panels), 3.6), layout="constrained")
    for axis, (episodes, every) in zip(figure.subplots(1, len(panels), squeeze=False, sharey=True)[0], panels):
        for number, arm in enumerate(config.arms):
            courses = [rows[arm, episodes, every, config.seed + place]["course"] for place in range(config.seeds)]
            for place, course in enumerate(courses):
                last = course[-1][0]
                axis.plot(
                    [step / last for step, _ in course], [value for _, value in course], color=f"C{number}", alpha=0.7,
                    marker="o", markersize=2.5, label=arm if not place else None,
                )  # fmt: skip
        for name, style in (("expert", "--"), ("novice", ":")):
            axis.axhline(known[f"{name}, return"], color="gray", linestyle=style, linewidth=1, label=name)
        steps = "all steps" if every == 1 else f"every {every}th step"
        axis.set(title=f"{episodes} episodes, {steps}", xlabel="share of training", ylim=(0, None))
        axis.grid(alpha=0.2)
    figure.axes[0].set_ylabel("return of 20 fresh episodes")
    figure.axes[0].legend(fontsize=8)
    figure.savefig(config.out / "returns.png", dpi=120)


def summary(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Return means, deviations and worst values over seeds."""
    returns = np.array([row["return"] for row in rows])
    figures = {"return": float(returns.mean()), "return, worst": float(returns.min())}
    figures["worst episode"] = float(min(row["worst episode"] for row in rows))
    figures["steps shown"] = float(np.mean([row["steps shown"] for row in rows]))
    figures["seconds"] = float(np.mean([row["seconds"] for row in rows]))
    return figures | ({"return, std": float(returns.std(ddof=1))} if len(rows) > 1 else {})


def table(figures: dict[str, dict[str, float]], known: dict[str, float], config: Config) -> Table:
    """Lay the figures out."""
    shown = Table(title=f"{config.environment}: {config.tests} episodes each, mean (worst) of {config.seeds} seeds")
    for heading in ("", "steps shown", "return", "worst episode", "seconds"):
        shown.add_column(heading, justify="right" if heading else "left")
    for name in ("expert", "novice"):
        shown.add_row(name, "", f"{known[f'{name}, return']:.1f}", f"{known[f'{name}, worst episode']:.0f}", "")
    for name, row in figures.items():
        shown.add_row(
            name, f"{row['steps shown']:.0f}", f"{row['return']:.1f} ({row['return, worst']:.1f})",
            f"{row['worst episode']:.0f}", f"{row['seconds']:.0f}",
        )  # fmt: skip
    return shown


def main(config: Config) -> None:
    """Make the expert, train every learner, then print, draw and write."""
    numbers = (
        config.seeds, config.steps, config.cloning_steps, config.expert_steps, config.batch, config.tests, config.jobs,
        config.judgments, config.passes, *config.episodes, *config.every,
    )  # fmt: skip
    if min(numbers) < 1:
        raise DataError("Counts of seeds, steps, episodes, moves, tests and jobs must be at least 1.")
    torch.set_num_threads(1)
    ensure_writable(config.out)
    done, start = finished(config), time.monotonic()
    known = prepare(config)
    cells = [
        (arm, episodes, every, config.seed + place)
        for place in range(config.seeds) for episodes in config.episodes for every in config.every
        for arm in config.arms
    ]  # fmt: skip
    left = [cell for cell in cells if title(*cell) not in done]
    played = Parallel(n_jobs=config.jobs, return_as="generator_unordered")(delayed(fit)(config, *cell) for cell in left)
    for _ in track(played, f"{len(left)} learners", len(left)):
        pass
    rows = {cell: json.loads((config.out / "rows" / f"{title(*cell)}.json").read_text()) for cell in cells}
    figures = {
        f"{arm}, {episodes} episodes, every {every}": summary(
            [rows[arm, episodes, every, config.seed + place] for place in range(config.seeds)]
        )
        for episodes in config.episodes for every in config.every for arm in config.arms
    }  # fmt: skip
    Console(width=110).print(table(figures, known, config))
    draw(config, rows, known)
    seconds = sum(row["seconds"] for row in rows.values())
    flat = {f"{name}, {score}": round(value, 3) for name, row in figures.items() for score, value in row.items()}
    write_result(
        config.out, "imitation_cartpole", asdict(config), known | flat,
        f"Returns of {config.tests} fresh episodes of the last weights; settings were chosen on seeds from 100 on",
        seconds, len(cells) * config.steps / max(seconds, 1e-9), config.device,
        rows={title(*cell): row for cell, row in rows.items()},
    )  # fmt: skip
    print(f"{time.monotonic() - start:.0f} s; returns.png and result.json are in {config.out}")


if __name__ == "__main__":
    with plain_errors():
        main(tyro.cli(Config))

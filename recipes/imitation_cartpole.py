"""CartPole from an expert's episodes: behavioral cloning, GAIL, and GAIL that never sees the expert's actions.

    pip install "gan_ext[recipes,reinforcement]"
    python recipes/imitation_cartpole.py --out runs/imitation_cartpole

Minutes on two cores.  The expert is made here: PPO with the environment's own reward, in half a minute.  It then plays
`--episodes`; learners see every `--every`-th step of these.  No learner but the expert sees a reward.  The arms:

* behavioral cloning: maximum likelihood of the expert's actions;
* gail: a discriminator of (state, action) is the reward of a policy, which PPO improves;
* gail, states: the same of (state, next state), so the expert's actions are not used;
* gail, novice: gail on all steps of as many episodes of a random policy, as a control.  In CartPole every step pays 1,
  so who is paid for survival gets far whatever it is shown; one that imitates must stay as bad as the novice.

Figures are returns of 100 fresh episodes of the last weights, beside those of the expert and of a random policy (500 is
the most).  Leaves in --out a picture of returns over training, and result.json.  `--seeds 3 --episodes 1 10 --every 20`
makes the table of the documentation; --resume skips what a killed run has finished.
"""

from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, Literal, get_args

import torch

from gan_ext import Compute, Engine, Game, runs
from gan_ext import reinforcement as rl
from gan_ext.data import ArrayStream
from gan_ext.engine import Stream, Turns, linear
from gan_ext.games import PPO, BehavioralCloning, Episodes
from gan_ext.losses import R1
from gan_ext.nets import plain_value
from gan_ext.pictures import draw_courses
from gan_ext.seeds import mix, seeded

Arm = Literal["behavioral cloning", "gail", "gail, states", "gail, novice"]
EXPERT, NOVICE, TEST, LOOK = 11, 12, 13, 14  # what seeds are for


@dataclass
class Config(runs.Seeds):
    """Settings of the recipe."""

    out: Path = Path("runs/imitation_cartpole")
    environment: str = "CartPole-v1"
    """Of gymnasium; one with a choice of actions."""
    arms: tuple[Arm, ...] = get_args(Arm)
    """Who learns."""
    episodes: tuple[int, ...] = (10,)
    """Episodes of the expert that a learner gets."""
    every: tuple[int, ...] = (1, 20)
    """Which steps of these it sees: all, or every n-th."""
    seeds: int = 2
    """Fits of each cell, with seeds seed, seed + 1, ..., and as many draws of the expert's episodes."""
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


def engine_of(config: Config, game: Game, steps: int, seed: int) -> Engine:
    """Return the engine of a game before its first step: judge, then improve the policy; rates fall to a tenth."""
    players = game.players()
    turns: Turns = ("discriminator",) * config.judgments if "discriminator" in players else ()
    turns = (*turns, *((("policy", "value"),) * config.passes if "value" in players else ("policy",)))
    rates = {name: config.value_rate if name == "value" else config.rate for name in players}
    falling = {name: linear(rate, rate / 10, steps) for name, rate in rates.items()}
    return runs.adam_engine(game, falling, solver=turns, seed=seed, compute=Compute(config.device))


def show(config: Config, who: str, wanted: int) -> dict[str, Any]:
    """Return what the expert, trained with the environment's own reward, or a random policy earns, and its episodes."""
    environment, purpose = rl.GymnasiumEnvironment(config.environment), {"expert": EXPERT, "novice": NOVICE}[who]
    seed, steps, share = mix(config.seed, purpose), config.expert_steps, config.share
    policy = rl.small_policy(environment, seed)
    if who == "novice":
        torch.nn.init.zeros_(list(policy.parameters())[-2])  # every action as likely as any other
    else:
        with seeded(seed):
            engine = engine_of(config, PPO(policy, plain_value(environment.shape[0])), steps, seed)
        stream = rl.EpisodeStream(environment, policy, config.batch, len(engine.moves), seed, share=share, trim=True)
        runs.fit_kept(engine, stream, steps, folder=config.fits / who, label=who, every=10, refresh=1)
    returns = rl.episode_returns(environment, policy, config.tests, mix(config.seed, TEST))
    episodes = rl.collect(environment, policy, wanted, mix(config.seed, purpose, 1))
    return {"return": float(returns.mean()), "worst episode": float(returns.min()), **episodes._asdict()}


def fit(config: Config, played: dict[str, Episodes], arm: Arm, episodes: int, every: int, seed: int) -> dict[str, Any]:
    """Train one learner, and return what it earns."""
    environment, novice = rl.GymnasiumEnvironment(config.environment), arm == "gail, novice"
    policy, first = rl.small_policy(environment, seed), (seed - config.seed) * max(config.episodes)
    own = Episodes(*(part[first : first + episodes] for part in played["novice" if novice else "expert"]))
    shown = rl.demonstrations(own, 1 if novice else every, seed)  # a random policy falls after some twenty steps

    def look(engine: Engine) -> dict[str, float]:
        returns = rl.episode_returns(environment, policy, 20, mix(seed, LOOK))
        return {"return": float(returns.mean()), "share": engine.step / engine.last_step}

    with seeded(mix(seed, 4)):
        if arm == "behavioral cloning":
            steps, looks = config.cloning_steps, 4
            engine = engine_of(config, BehavioralCloning(policy), steps, seed)
            stream: Stream = ArrayStream(shown, 256, seed)
        else:
            steps, looks, batch, share, penalty = config.steps, 10, config.batch, config.share, R1(config.gamma_penalty)
            game = rl.imitation_game(environment, policy, shown, actions="states" not in arm, penalties=[penalty])
            engine = engine_of(config, game, steps, seed)
            stream = rl.EpisodeStream(environment, policy, batch, len(engine.moves), seed, shown, 512, share, True)
        engine.fit(stream, steps, [runs.RecordEvery(max(1, steps // looks), look)])
    returns = rl.episode_returns(environment, policy, config.tests, mix(seed, TEST))
    figures = {"return": float(returns.mean()), "worst episode": float(returns.min()), "steps shown": len(shown.mask)}
    return {**figures, "seconds": engine.history[-1]["seconds"], "course": engine.history}


def main(config: Config) -> None:
    """Make the expert, train every learner, then print, draw and write."""
    runs.at_least(config, 1, "seeds", "steps", "cloning_steps", "expert_steps", "batch", "tests", "jobs")
    runs.at_least(config, 1, "judgments", "passes", "episodes", "every")
    run, wanted = runs.Experiment("imitation_cartpole", config, ("arms",), fixed=("seed",)), max(config.episodes)
    shows = [(who, wanted * config.seeds) for who in ("expert", "novice")]
    known = {who: row for (who, _), row in run.fill(shows, partial(show, config)).items()}
    played = {cell[0]: Episodes(**{k: torch.from_numpy(v) for k, v in run.arrays(cell).items()}) for cell in shows}
    amounts = list(product(config.episodes, config.every, config.arms))
    cells = [(arm, episodes, every, seed) for seed, (episodes, every, arm) in product(config.each_seed(), amounts)]
    rows = run.fill(cells, partial(fit, config, played), jobs=config.jobs, label="learners")

    metrics = {f"{who}, {score}": value for who, row in known.items() for score, value in row.items()}
    table = [[who, "", f"{row['return']:.1f}", f"{row['worst episode']:.0f}"] for who, row in known.items()]
    panels: dict[str, Any] = {}
    for episodes, every, arm in amounts:
        of = [rows[arm, episodes, every, seed] for seed in config.each_seed()]
        panel = f"{episodes} episodes, {'all steps' if every == 1 else f'every {every}th step'}"
        panels.setdefault(panel, {})[arm] = [runs.course(row, "return", "share") for row in of]
        name, found = f"{arm}, {episodes} episodes, every {every}", runs.spreads(of)
        earned, worst, shown, spent = (found[key] for key in ("return", "worst episode", "steps shown", "seconds"))
        metrics |= runs.named({f"{name}, return": earned, f"{name}, steps shown": shown, f"{name}, seconds": spent})
        metrics |= {f"{name}, return, worst": earned.low, f"{name}, worst episode": worst.low}
        cell = f"{earned.mean:.1f} ({earned.low:.1f})"
        table.append([name, f"{shown.mean:.0f}", cell, f"{worst.low:.0f}", f"{spent.mean:.0f}"])
    title = f"{config.environment}: {config.tests} episodes each, mean (worst) of {config.seeds} seeds"
    runs.print_table(title, ("", "steps shown", "return", "worst episode", "seconds"), table)
    axes, levels = ("share of training", "return of 20 fresh episodes"), {who: known[who]["return"] for who in known}
    draw_courses(config.out / "returns.png", panels, *axes, levels, marker="o", markersize=2.5)
    run.finish(
        metrics,
        f"Returns of {config.tests} fresh episodes of the last weights; settings were chosen on seeds from 100 on",
        len(cells) * config.steps, rows=rows, said="returns.png and result.json are in {out}",
    )  # fmt: skip


if __name__ == "__main__":
    runs.launch(main, Config)

"""Tables of imitation and of the tricks of actor-critic methods, for tables.py."""

from collections.abc import Callable
from typing import Any

Load = Callable[[str], dict[str, Any]]
Lines = Callable[[list[str], list[list[str]]], str]
Source = Callable[[dict[str, Any], str], str]


def imitation(load: Load, lines: Lines, source: Source, name: str = "imitation_cartpole") -> str:
    """Lay out the imitation of CartPole: a row for each learner and amount of demonstrations."""
    result = load(name)
    config, metrics, rows = result["config"], result["metrics"], []
    for who, label in (("expert", "*expert*"), ("novice", "*random policy*")):
        rows.append([label, "", f"{metrics[f'{who}, return']:.1f}", "", f"{metrics[f'{who}, worst episode']:.0f}", ""])
    for episodes in config["episodes"]:
        for every in config["every"]:
            for arm in config["arms"]:
                stem = f"{arm}, {episodes} episodes, every {every}"
                mean, worst = metrics[f"{stem}, return"], metrics[f"{stem}, return, worst"]
                spread = f" ± {metrics[f'{stem}, return, std']:.1f}" if f"{stem}, return, std" in metrics else ""
                steps = "all steps" if every == 1 else f"every {every}th step"
                rows.append([
                    f"{arm}; {episodes} {'episode' if episodes == 1 else 'episodes'}, {steps}",
                    f"{metrics[f'{stem}, steps shown']:.0f}", f"{mean:.1f}{spread}", f"{worst:.1f}",
                    f"{metrics[f'{stem}, worst episode']:.0f}", f"{metrics[f'{stem}, seconds']:.0f}",
                ])  # fmt: skip
    heading = ["learner", "steps shown", "return", "worst seed", "worst episode", "s"]
    setting = f"Seeds: {config['seeds']}; {config['tests']} fresh episodes each; 500 is the most. "
    return lines(heading, rows) + "\n\n" + setting + source(result, name)


def tricks(load: Load, lines: Lines, source: Source) -> str:
    """Lay out the tricks: a row for each change of the base."""
    name = "actor_critic"
    result = load(name)
    config, rows = result["config"], []
    seeds = range(config["seed"], config["seed"] + config["seeds"])
    for row in config["rows"]:
        found = [result["rows"][f"{row}/{seed}"] for seed in seeds]
        figures = [result["metrics"][f"{row}, {figure}"] for figure in ("mean", "last", "seconds")]
        spread = f"{min(each['mean'] for each in found):.0f} to {max(each['mean'] for each in found):.0f}"
        rows.append([row, f"{figures[0]:.0f}", spread, f"{figures[1]:.0f}", f"{figures[2]:.0f}"])
    heading = ["GAIL on CartPole", "mean return over training", "of the seeds", "at the end", "s"]
    setting = (
        f"{len(seeds)} seeds, {config['steps']} steps of 16 episodes; the expert earns "
        f"{result['metrics']['expert']:.0f}. "
    )
    return lines(heading, rows) + "\n\n" + setting + source(result, name)

"""Tables of plug and play: every variant and two baselines, on two sets of images."""

from collections.abc import Callable
from typing import Any

Load = Callable[[str], dict[str, Any]]
Lines = Callable[[list[str], list[list[str]]], str]
Source = Callable[[dict[str, Any], str], str]

ARMS = (
    "PPGN-x", "DGN-AM", "PPGN-h", "joint PPGN-h", "noiseless joint PPGN-h", "noiseless joint, official step",
    "flat prior, same chains", "latent Langevin", "DDLS",
)  # fmt: skip
SCORES = {
    "hit_rate": "hits, %", "coverage": "coverage", "density": "density", "diversity": "diversity",
    "frechet": "Frechet", "autocorrelation": "tau, steps", "switches": "switches in 100 steps",
    "passes": "passes for a hit", "milliseconds": "ms for a hit",
}  # fmt: skip


def mnist(load: Load, lines: Lines, source: Source) -> str:
    """Lay out MNIST."""
    return _table("plug_and_play_mnist", load, lines, source)


def fashion(load: Load, lines: Lines, source: Source) -> str:
    """Lay out Fashion-MNIST."""
    return _table("plug_and_play_fashion", load, lines, source)


def _table(name: str, load: Load, lines: Lines, source: Source) -> str:
    result = load(name)
    metrics, config = result["metrics"], result["config"]
    one = config["chain_seeds"] == 1
    rows = [[arm, *(_cell(metrics, arm, score, one) for score in SCORES)] for arm in ARMS]
    rows.append(["*real images*", *(_real(metrics, score) for score in SCORES)])
    seeds = config["chain_seeds"]
    runs = "one run of the chains" if seeds == 1 else f"mean ± deviation of {seeds} runs of the chains"
    setting = (
        f"{config['chains']} chains for each class, {config['steps']} steps; {runs} on one training. The judge names "
        f"{metrics['judge, accuracy']:.1f} % of real test images right. "
    )
    return lines(["", *SCORES.values()], rows) + "\n\n" + setting + source(result, name)


def _cell(metrics: dict[str, float], arm: str, score: str, one: bool) -> str:
    mean, deviation = metrics[f"{arm}, {score}"], metrics.get(f"{arm}, {score}, std", 0.0)
    if score == "hit_rate":
        return f"{100 * mean:.1f}" + ("" if one else f" ± {100 * deviation:.1f}")
    if score == "coverage":
        return f"{mean:.3f}" + ("" if one else f" ± {deviation:.3f}")
    return _short(mean)


def _real(metrics: dict[str, float], score: str) -> str:
    mean = metrics.get(f"real images, {score}")
    if mean is None:
        return ""
    return f"{100 * mean:.1f}" if score == "hit_rate" else f"{mean:.3f}" if score == "coverage" else _short(mean)


def _short(value: float) -> str:
    """Return three figures, without an exponent."""
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:.0f}"

"""Tables of the games that do not converge: solvers, toys, stacked digits; and of the speed of metrics."""

from collections.abc import Callable
from math import isnan
from typing import Any

Load = Callable[[str], dict[str, Any]]
Lines = Callable[[list[str], list[list[str]]], str]
Source = Callable[[dict[str, Any], str], str]


def toys(load: Load, lines: Lines, source: Source) -> str:
    """Lay out ring and grid: a row for each arm, each from a file of its own."""
    results = {name: load(name) for name in ("toy_games_standard", "toy_games", "toy_games_lookahead")}
    whole, rows = {"ring": 8, "grid": 25}, []
    for toy in whole:
        for result in results.values():
            (arm,) = result["config"]["arms"]
            fits = [row for key, row in result["rows"].items() if key.startswith(f"{toy}_{arm}_")]
            rows.append([f"{toy}, {arm}", *_scores(result["metrics"], f"{toy}, {arm}", fits, whole[toy])])
    heading = ["mean (worst)", "modes", "seeds with all", "good samples", "reverse KL"]
    config = results["toy_games"]["config"]
    setting = f"{config['steps']} steps, {config['samples']} samples of the last step."
    sources = " ".join(source(result, name) for name, result in results.items())
    return lines(heading, rows) + f"\n\n{setting} {sources}"


def _scores(metrics: dict[str, float], stem: str, fits: list[dict[str, Any]], whole: int) -> list[str]:
    modes, good, kl = (metrics[f"{stem}, {score}"] for score in ("modes", "high quality", "reverse kl"))
    worst = [metrics[f"{stem}, {score}, worst"] for score in ("modes", "high quality", "reverse kl")]
    return [
        f"{modes:.1f} ({worst[0]:.0f})",
        f"{sum(row['modes'] == whole for row in fits)} of {len(fits)}",
        f"{100 * good:.1f} % ({100 * worst[1]:.1f})",
        f"{kl:.4f} ({worst[2]:.4f})",
    ]


def stacked(load: Load, lines: Lines, source: Source) -> str:
    """Lay out Stacked MNIST: a row for each fit, and real images."""
    name = "stacked_mnist"
    result = load(name)
    real = result["floor"]
    rows = [["real images", str(real["modes"]), f"{real['kl']:.4f}", "", "", ""]]
    for fit, row in sorted(result["rows"].items()):
        arm, seed = fit.rsplit("-", 1)
        step, seconds = row["steps to 1000 modes"], row["seconds to 1000 modes"]
        rows.append([
            f"{arm}, seed {seed}", f"{row['modes']:.0f}", f"{row['kl']:.4f}", str(step) if step else "never",
            f"{seconds / 60:.1f}" if seconds else "", f"{row['seconds'] / 60:.1f}",
        ])  # fmt: skip
    heading = ["", "modes", "KL", "steps to 1000 modes", "minutes to 1000 modes", "minutes"]
    perfect = f"{real['n']} samples; labels drawn evenly would score {real['floor']:.4f}. "
    return lines(heading, rows) + "\n\n" + perfect + source(result, name)


def solvers(load: Load, lines: Lines, source: Source) -> str:
    """Lay out every solver on four games."""
    name = "solvers"
    result = load(name)
    rows = []
    for solver, figures in result["rows"].items():
        cells = [_radius(figures[f"{game}, measured"]) for game in ("bilinear", "dirac")]
        for score, scale in (("ring, modes", 1), ("ring, high quality", 100), ("ring, reverse kl", 1)):
            cells.append(_spread(figures, score, scale))
        cells.append(_spread(figures, "digits, accuracy", 100) if "digits, accuracy" in figures else "")
        rows.append([solver, *cells, f"{figures['cost']:.1f}"])
    heading = ["solver", "bilinear", "Dirac", "ring: modes", "good samples, %", "KL", "digits, %", "cost"]
    gap = max(
        abs(figures[f"{game}, measured"] - figures[f"{game}, closed form"])
        for figures in result["rows"].values()
        for game in ("bilinear", "dirac")
    )
    config = result["config"]
    setting = (
        f"Spectral radii are measured, and differ from their closed forms by at most {gap:.0e}. Seeds: "
        f"{config['seeds']}. Cost is the time of a step over that of the first row. "
    )
    return lines(heading, rows) + "\n\n" + setting + source(result, name)


def _radius(radius: float) -> str:
    verdict = "converges" if radius < 1 - 1e-6 else "cycles" if radius < 1 + 1e-6 else "diverges"
    return f"{radius:.4f}, {verdict}"


def _spread(figures: dict[str, float], score: str, scale: float) -> str:
    if isnan(figures[score]):
        return "none"
    if f"{score}, std" not in figures:
        return f"{scale * figures[score]:.3g}"
    return f"{scale * figures[score]:.3g} ± {scale * figures[f'{score}, std']:.2g}"


def metrics(load: Load, lines: Lines, source: Source) -> str:
    """Lay out the speed and memory of metrics beside the libraries in common use."""
    name = "metrics"
    result = load(name)
    config, rows = result["config"], []
    calls = {
        "prdc": f"precision, recall, density, coverage; {config['width']} features; prdc",
        "frechet": f"Frechet distance; {config['frechet_width']} features; torchmetrics",
    }
    for side, call in calls.items():
        ours, theirs = f"{side}, ours", f"{side}, theirs"
        memory = result["peak_megabytes"]
        rows.append([
            call, f"{result['seconds'][ours]:.1f}", f"{result['seconds'][theirs]:.1f}",
            f"**{result['ratios'][side]:.1f}**", f"{memory[ours]:.0f}", f"{memory[theirs]:.0f}",
            f"{result['largest_relative_difference'][side]:.0e}",
        ])  # fmt: skip
    heading = ["call; library", "s", "library, s", "ratio", "peak, MB", "library, MB", "relative difference"]
    setting = f"{config['rows']} against {config['rows']} rows, median of {config['rounds']} rounds in turns. "
    return lines(heading, rows) + "\n\n" + setting + source(result, name)

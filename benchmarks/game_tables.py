"""Tables of the games that do not converge: solvers, toys, stacked digits; and of the speed of metrics."""

from collections.abc import Callable
from typing import Any

Load = Callable[[str], dict[str, Any]]
Lines = Callable[[list[str], list[list[str]]], str]
Source = Callable[[dict[str, Any], str], str]


def toys(load: Load, lines: Lines, source: Source) -> str:
    """Lay out ring and grid: a row for each arm."""
    name = "toy_games"
    result = load(name)
    config, metrics, rows = result["config"], result["metrics"], []
    whole = {"ring": 8, "grid": 25}
    for toy in config["toys"]:
        for arm in config["arms"]:
            fits = [row for key, row in result["rows"].items() if key.startswith(f"{toy}_{arm}_")]
            all_found = sum(row["modes"] == whole[toy] for row in fits)
            figures = {score: metrics[f"{toy}, {arm}, {score}"] for score in ("modes", "high quality", "reverse kl")}
            worst = {score: metrics[f"{toy}, {arm}, {score}, worst"] for score in figures}
            rows.append([
                f"{toy}, {arm}",
                f"{figures['modes']:.1f} ({worst['modes']:.0f})",
                f"{all_found} of {len(fits)}",
                f"{100 * figures['high quality']:.1f} % ({100 * worst['high quality']:.1f})",
                f"{figures['reverse kl']:.4f} ({worst['reverse kl']:.4f})",
            ])  # fmt: skip
    heading = ["mean (worst)", "modes", "seeds with all", "good samples", "reverse KL"]
    setting = f"{config['seeds']} seeds, {config['steps']} steps, {config['samples']} samples of the last step. "
    return lines(heading, rows) + "\n\n" + setting + source(result, name)


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
    rows, plain = [], result["rows"]["alternating"]
    for solver, figures in result["rows"].items():
        cells = [_radius(figures[f"{game}, measured"]) for game in ("bilinear", "dirac")]
        for score, scale in (("modes", 1), ("high quality", 100), ("reverse kl", 1)):
            cells.append(_spread(figures, f"ring, {score}", scale))
        cells.append(f"{figures['ring, ms'] / plain['ring, ms']:.1f}")
        there = "digits, accuracy" in figures
        cells.append(_spread(figures, "digits, accuracy", 100) if there else "")
        cells.append(f"{figures['digits, ms'] / plain['digits, ms']:.1f}" if there else "")
        rows.append([f"{solver}", *cells])
    heading = [
        "solver", "bilinear", "Dirac", "ring: modes", "good samples, %", "KL", "cost", "digits, %", "cost",
    ]  # fmt: skip
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

"""The table of steered molecules."""

from collections.abc import Callable
from typing import Any


def molecules(load: Callable[[str], dict[str, Any]], lines: Callable[..., str], source: Callable[..., str]) -> str:
    """Lay out the ways of steering: a row for each at each strength."""
    name = "steer_sequences"
    result = load(name)
    rows = []
    for title, row in [*result["rows"].items(), ("*real, with the property*", result["real"])]:
        diversity = "" if row["diversity"] is None else f"{row['diversity']:.3f}"
        cells = [f"{100 * row['hit']:.1f}", f"{100 * row['validity']:.1f}", f"{row['nats']:.3f}"]
        cells += [f"{100 * row['unique']:.1f}", diversity]
        cells += [f"{row[key]:.1f}" if key in row else "" for key in ("passes", "passes per hit")]
        rows.append([title, *cells])
    heading = [
        "way", "hits, %", "valid, %", "nats per token", "unique, %", "diversity of hits", "passes",
        "passes per different hit",
    ]  # fmt: skip
    told = {title: row["evidence"] for title, row in result["rows"].items() if row["evidence"] is not None}
    share = "; ".join(f"{title} {100 * value:.1f} %" for title, value in told.items())
    config, metrics = result["config"], result["metrics"]
    return (
        f"{lines(heading, rows)}\n\nA hit is a molecule with {config['property']} above {metrics['threshold']:.2f}. "
        f"Estimates of the unsteered model's share of hits: {share}. Area under the classifier's curve: "
        f"{metrics['classifier auc']:.3f}. One run. {source(result, name)}"
    )

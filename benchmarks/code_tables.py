"""Tables of the recipes about codes: clusters, directions, disentanglement, classes on demand."""

import statistics
from collections.abc import Callable
from typing import Any

SCORES = ("accuracy", "purity", "NMI", "ARI")

Load = Callable[[str], dict[str, Any]]
Lines = Callable[[list[str], list[list[str]]], str]
Source = Callable[[dict[str, Any], str], str]


def _score_row(name: str, metrics: dict[str, float], row: str, seeds: int) -> list[str]:
    cells = [f"{metrics[f'{row}, {score}, mean']:.1f} ± {metrics[f'{row}, {score}, std']:.1f}" for score in SCORES]
    return [name, str(seeds), *cells]


def digits(load: Load, lines: Lines, source: Source) -> str:
    """Lay out digits: ours, ours without the game, and scikit-learn's clusterings."""
    ours, without = load("infogan_digits"), load("infogan_digits_without_game")
    rows = [_score_row("InfoGAN", ours["metrics"], "InfoGAN", ours["config"]["seeds"])]
    rows.append(_score_row("the same without the GAN", without["metrics"], "InfoGAN", without["config"]["seeds"]))
    for method in ("k-means", "Gaussian mixture"):
        rows.append(_score_row(method, ours["metrics"], method, ours["config"]["seeds"]))
    pairs = [(ours["rows"][seed]["InfoGAN"], without["rows"][seed]["InfoGAN"]) for seed in ours["rows"]]
    gains = [one["accuracy"] - other["accuracy"] for one, other in pairs]
    better = sum(gain > 0 for gain in gains)
    gain = (
        f"Gain by the game on the same seed: {statistics.mean(gains):+.1f} ± {statistics.stdev(gains):.1f} points of "
        f"accuracy, {better} of {len(gains)} seeds better."
    )
    notes = [gain, source(ours, "infogan_digits"), source(without, "infogan_digits_without_game")]
    return lines(["", "seeds", *SCORES], rows) + "\n\n" + " ".join(notes)


def mnist(load: Load, lines: Lines, source: Source) -> str:
    """Lay out MNIST: ours, without the game, the published game as played here, and published figures."""
    ours = load("infogan_mnist")
    rows = [_score_row("InfoGAN, this recipe", ours["metrics"], "InfoGAN", len(ours["rows"]))]
    arms = {"the same without the GAN": "infogan_mnist_without_game", "the published game": "infogan_mnist_published"}
    for label, name in arms.items():
        result = load(name)
        rows.append(_score_row(label, result["metrics"], "InfoGAN", len(result["rows"])))
    for method in ("k-means", "Gaussian mixture (50 components)"):
        rows.append(_score_row(method, ours["metrics"], method, len(ours["rows"])))
    rows += [
        ["InfoGAN, published", "", "95", "", "", ""],
        ["Bidirectional InfoGAN, published", "", "96.6", "", "", ""],
        ["ClusterGAN, published", "10", "", "91.0 ± 4.0", "85.4 ± 3.6", "82.9 ± 6.2"],
    ]
    notes = " ".join(source(load(name), name) for name in ("infogan_mnist", *arms.values()))
    return lines(["", "seeds", *SCORES], rows) + "\n\n" + notes


def mnist_seeds(load: Load, lines: Lines, source: Source) -> str:
    """Lay out every seed of MNIST: accuracy, what the held-out reader reads, what the continuous codes move."""
    result = load("infogan_mnist")
    rows = []
    for seed, row in result["rows"].items():
        codes = {each["code"]: each for each in row["codes"]["rows"]}
        moved = row["directions"]
        cells = [f"{row['scores']['accuracy']:.2f}", f"{row['seconds'] / 60:.1f}"]
        cells.append(f"{codes['category']['information']:.3f}")
        for code in ("style[0]", "style[1]"):
            cells.append(f"{codes[code]['information']:.2f}")
            cells.append(f"{moved[f'slant by {code}']:+.2f} / {moved[f'ink by {code}']:+.2f}")
        rows.append([seed, *cells])
    heading = ["seed", "accuracy, %", "minutes", "category, nats", "style[0], nats", "style[0]: slant / ink"]
    return lines([*heading, "style[1], nats", "style[1]: slant / ink"], rows) + "\n\n" + source(result, "infogan_mnist")


def tables(load: Load, lines: Lines, source: Source) -> str:
    """Lay out the recipe of tables: accuracy and adjusted Rand index on three of them."""
    rows, notes = [], []
    for label, name in {
        "wine": "infogan_wine",
        "breast cancer": "infogan_breast_cancer",
        "iris": "infogan_iris",
    }.items():
        result = load(name)
        for method in ("InfoGAN", "k-means", "Gaussian mixture"):
            rows.append([label, *_score_row(method, result["metrics"], method, result["config"]["seeds"])])
        notes.append(source(result, name))
    return lines(["table", "", "seeds", *SCORES], rows) + "\n\n" + " ".join(notes)


def sprites(load: Load, lines: Lines, source: Source) -> str:
    """Lay out disentanglement on the package's sprites: both arms, the choice, and published figures on dSprites."""
    result = load("infogan_sprites")
    measures = result["measures"]
    rows = []
    for arm in dict.fromkeys(row["arm"] for row in result["rows"]):
        seeds = [row for row in result["rows"] if row["arm"] == arm]
        cells = []
        for measure in measures:
            values = [row[measure] for row in seeds]
            spread = statistics.stdev(values) if len(values) > 1 else 0.0
            cells.append(f"{statistics.mean(values):.2f} ± {spread:.2f}")
        rows.append([arm, str(len(seeds)), *cells])
        if arm in result["choices"]:
            seed = result["choices"][arm]["seed"]
            chosen = next(row for row in seeds if row["seed"] == seed)
            rows.append([f"{arm}, ModelCentrality's choice", "", *(f"{chosen[measure]:.2f}" for measure in measures)])
    for label, values in result["published"].items():
        shown = ["" if value is None else f"{value:.2f}" for value in values]
        rows.append([f"*{label} (published, dSprites)*", "", *shown])
    return lines(["", "seeds", *measures], rows) + "\n\n" + source(result, "infogan_sprites")


def fashion(load: Load, lines: Lines, source: Source) -> str:
    """Lay out the class-conditional family on Fashion-MNIST: a row for each way of conditioning, and real images."""
    result = load("conditional_fashion")
    scores, rows = list(result["scores"]), []
    arms = [*result["config"]["arms"], "real images"]
    for arm in arms:
        cells = []
        for score in scores:
            spread = result["metrics"].get(f"{arm}, {score}, std")
            cells.append(
                f"{result['metrics'][f'{arm}, {score}']:.2f}" + (f" ± {spread:.2f}" if spread is not None else "")
            )
        rows.append([arm, *cells])
    return lines(["", *scores], rows) + "\n\n" + source(result, "conditional_fashion")

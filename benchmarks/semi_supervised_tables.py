"""Tables of the recipes with few labels: MNIST, Fashion-MNIST, CIFAR-10, the ablation, what comes after a fit."""

import statistics
from collections.abc import Callable
from typing import Any

Load = Callable[[str], dict[str, Any]]
Lines = Callable[[list[str], list[list[str]]], str]
Source = Callable[[dict[str, Any], str], str]


def mnist(load: Load, lines: Lines, source: Source, name: str) -> str:
    """Lay out every split of MNIST: the honest error, the lowest on the way, and when 1 % was reached."""
    result = load(name)
    rows, lowest = [], []
    for row in result["rows"]:
        history = load(f"{name}_split_{row['seed']}")["history"]
        lowest.append(min(record["error"] for record in history))
        reached = [record["seconds"] / 60 for record in history if record["error"] <= 1.0]
        rows.append([
            str(row["seed"]), f"{row['test_error_percent']:.2f}", f"{lowest[-1]:.2f}",
            f"{reached[0]:.1f}" if reached else "never", f"{row['seconds'] / 60:.1f}",
        ])  # fmt: skip
    mean, std = result["metrics"]["test_error_percent_mean"], result["metrics"]["test_error_percent_std"]
    rows.append([
        "**mean ± standard deviation**", f"**{mean:.2f} ± {std:.2f}**",
        f"{statistics.mean(lowest):.2f} ± {statistics.stdev(lowest):.2f}", "", "",
    ])  # fmt: skip
    claim = (
        "The third column is what picking the best step on test images would have claimed (and the best split with it: "
        f"{min(lowest):.2f} %); nothing else uses it."
    )
    heading = ["split (seed)", "test error, %", "best step on test, %", "minutes to 1 %", "minutes"]
    return lines(heading, rows) + f"\n\n{claim}\n\n" + source(result, name)


def fashion(load: Load, lines: Lines, source: Source) -> str:
    """Lay out Fashion-MNIST: a row for every method."""
    name = "semi_supervised_fashion"
    result = load(name)
    config, metrics = result["config"], result["metrics"]
    labels = {
        "gan": "game, teacher, balance of classes",
        "mean teacher": "mean teacher alone",
        "game alone": "the published game alone",
        "supervised": "labeled images alone",
        "label spreading": "label spreading, 10 neighbors",
    }
    rows = []
    for arm in config["arms"]:
        stem = f"{arm}, {config['labels'][0]} labels"
        rows.append([
            labels[arm], f"{metrics[f'{stem}, mean']:.2f} ± {metrics[f'{stem}, std']:.2f}",
            f"{metrics[f'{stem}, best step on test']:.2f}", f"{metrics[f'{stem}, best step and seed on test']:.2f}",
            f"{metrics[f'{stem}, seconds'] / 60:.1f}",
        ])  # fmt: skip
    heading = ["method", "test error, %", "best step on test, %", "best step and split on test, %", "minutes a fit"]
    seeds = f"{config['labels'][0]} labels, {config['seeds']} splits, {config['steps']} steps. "
    return lines(heading, rows) + "\n\n" + seeds + source(result, name)


def ablation(load: Load, lines: Lines, source: Source, name: str) -> str:
    """Lay out the ablation: errors at every number of labels, the difference from the base on the same splits, cost."""
    result = load(name)
    counts = result["config"]["labels"]
    errors: dict[tuple[str, int], dict[int, float]] = {}
    for cell in result["cells"]:
        errors.setdefault((cell["estimator"], cell["n_labeled"]), {})[cell["seed"]] = 100 * cell["error"]
    base = {count: errors["base", count] for count in counts}
    slow = result["metrics"]["base, seconds a step"]
    rows = []
    for arm in dict.fromkeys(cell["estimator"] for cell in result["cells"]):
        cells, gains = [], []
        for count in counts:
            found = errors[arm, count]
            cells.append(f"{statistics.mean(found.values()):.1f}")
            gains += [found[seed] - base[count][seed] for seed in found]
        change = "" if arm == "base" else f"{statistics.mean(gains):+.1f} ± {_deviation_of_mean(gains):.1f}"
        rows.append([arm, *cells, change, f"{result['metrics'][f'{arm}, seconds a step'] / slow:.2f}"])
    heading = ["objective", *(f"{count} labels" for count in counts), "change, all splits", "cost of a step"]
    notes = (
        f"Errors in %, means of {result['config']['seeds']} splits; the change is the mean difference from the base on "
        "the same splits and numbers of labels, with its standard error. Cost is processor time over the base's, which "
        f"is {1000 * slow:.0f} ms. "
    )
    return lines(heading, rows) + "\n\n" + notes + source(result, name)


def _deviation_of_mean(values: list[float]) -> float:
    return statistics.stdev(values) / len(values) ** 0.5


def after_fit(load: Load, lines: Lines, source: Source) -> str:
    """Lay out calibration, rejection and foreign images."""
    name = "after_fit"
    result = load(name)
    metrics = result["metrics"]

    def both(what: str, digits: int = 2) -> str:
        return f"{metrics[f'{what}, mean']:.{digits}f} ± {metrics[f'{what}, std']:.{digits}f}"

    plain = ["error, %", "calibration error before, %", "calibration error, %"]
    plain += [f"error on the surest {share} %, %" for share in (99, 95, 90)]
    rows = [
        [what.replace("surest 9", "surest 9"), both(_stored(what)), _whole(metrics, _stored(what))] for what in plain
    ]
    foreign = [["novelty", *(names := _foreign(metrics))]]
    scores = [key.split("AUROC, ")[1].removesuffix(", mean") for key in metrics if "Fashion-MNIST: AUROC" in key]
    for score in dict.fromkeys(score for score in scores if f"Fashion-MNIST: AUROC, {score}, mean" in metrics):
        foreign.append([f"`{score}`", *(both(f"{each}: AUROC, {score}", 3) for each in names)])
    for score in ("max_probability", "disagreement"):
        cells = [f"{metrics[f'ensemble: {each}: AUROC, {score}']:.3f}" for each in names]
        foreign.append([f"ensemble, {score}", *cells])
    members = result["config"]["members"]
    return "\n\n".join([
        lines(["on MNIST's test images", f"mean of {members} seeds", "their ensemble"], rows),
        "Area under the curve that tells foreign from MNIST's test images:",
        lines(foreign[0], foreign[1:]),
        source(result, name),
    ])  # fmt: skip


def _stored(what: str) -> str:
    return what.replace(" %, %", "%, %") if "surest" in what else what


def _whole(metrics: dict[str, float], what: str) -> str:
    value = metrics.get(f"ensemble: {what}")
    return "" if value is None else f"{value:.2f}"


def _foreign(metrics: dict[str, float]) -> list[str]:
    return list(dict.fromkeys(key.split(": AUROC")[0] for key in metrics if ": AUROC" in key and "ensemble" not in key))


def cifar(load: Load, lines: Lines, source: Source) -> str:
    """Lay out the learning curve of the reduced run on CIFAR-10."""
    name = "semi_supervised_cifar10"
    result = load(name)
    wanted = result["history"][:: max(1, len(result["history"]) // 6)]
    wanted += [] if wanted[-1] is result["history"][-1] else [result["history"][-1]]
    rows = [[str(record["step"]), f"{record['error']:.1f}", f"{record['seconds'] / 60:.0f}"] for record in wanted]
    return lines(["step", "test error, %", "minutes"], rows) + "\n\n" + source(result, name)


def few_rows(load: Load, lines: Lines, source: Source) -> str:
    """Lay out tables from few labels: a block of columns for each table, a row for each method."""
    name = "semi_supervised_table"
    result = load(name)
    metrics = result["metrics"]
    stems = [key.removesuffix(", mean") for key in metrics if key.endswith(" per class, mean")]
    counts = list(dict.fromkeys(stem.rsplit(", ", 1)[1] for stem in stems))
    parts = list(dict.fromkeys(stem.split(", ", 1)[0] for stem in stems))
    methods = list(dict.fromkeys(stem.split(", ", 1)[1].rsplit(", ", 1)[0] for stem in stems))
    found = []
    for part in parts:
        rows = []
        for method in methods:
            cells = [[metrics[f"{part}, {method}, {count}, {what}"] for what in ("mean", "std")] for count in counts]
            rows.append([method, *(f"{mean:.1f} ± {std:.1f}" for mean, std in cells)])
        found.append(f"{part.replace('_', ' ')}:\n\n" + lines(["accuracy, %", *counts], rows))
    average = [[method, f"{metrics[f'all tables, {method}, mean']:.1f}"] for method in methods]
    found.append("All of the above, averaged:\n\n" + lines(["accuracy, %", "mean"], average))
    seeds = f"{result['config']['seeds']} splits. "
    return "\n\n".join(found) + "\n\n" + seeds + source(result, name)


def side_by_side(load: Load, lines: Lines, source: Source) -> str:
    """Lay out several seeds at once: threads, processes, batches."""
    name = "seeds_side_by_side"
    result = load(name)
    rows = [[row["variant"], f"{row['steps_per_second']:.0f}", f"{row['ratio']:.2f}"] for row in result["rows"]]
    table = lines(["four seeds, small perceptrons", "steps of all seeds a second", "ratio"], rows)
    return table + "\n\n" + source(result, name)

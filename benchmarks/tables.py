"""Write the tables of the documentation from the JSON files beside this script.

    python benchmarks/tables.py            # rewrites the pages named in PAGES
    python benchmarks/tables.py --check    # says whether they are up to date, and changes nothing

A table stands between ``<!-- table: NAME -->`` and ``<!-- end -->``; whatever is there is replaced.
"""

import json
import re
import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import code_tables
import game_tables
import plug_and_play_tables
import reinforcement_tables
import robustness_tables
import semi_supervised_tables
import steering_tables
import taxonomy_tables

from gan_ext.metrics import FrontierPoint, dominated_by

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
PAGES = (
    ROOT / "README.md",
    ROOT / "docs" / "reliability.md",
    ROOT / "docs" / "results.md",
    ROOT / "docs" / "taxonomy.md",
    ROOT / "docs" / "theory" / "discrete_gradients.md",
    ROOT / "docs" / "theory" / "reinforcement.md",
)
DIGITS = (
    "LabelSpreading, rbf",
    "LabelSpreading, knn",
    "SelfTrainingClassifier(SVC)",
    "SVC, labeled rows only",
    "semi-supervised GAN",
)


def load(name: str) -> dict[str, Any]:
    """Read a result."""
    content: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text())
    return content


def source(result: dict[str, Any], name: str) -> str:
    """Say where a table comes from."""
    machine = result["environment"]
    return (
        f"From `benchmarks/results/{name}.json`: commit `{result['commit']}`, torch {machine['torch']}, "
        f"{machine['device']}, {machine['threads']} thread{'s' if machine['threads'] > 1 else ''}."
    )


def lines(heading: list[str], rows: list[list[str]]) -> str:
    """Lay out a table in Markdown."""
    rule = ["---"] + ["---:"] * (len(heading) - 1)
    return "\n".join("| " + " | ".join(row) + " |" for row in [heading, rule, *rows])


def digits() -> str:
    """Lay out the digits recipe: a row for each method."""
    name = "semi_supervised_digits"
    result = load(name)
    labels, metrics = result["config"]["labels"], result["metrics"]
    rows = []
    for method in DIGITS:
        cells = []
        for count in labels:
            means = {other: metrics[f"{other}, {count} per class, mean"] for other in DIGITS}
            cell = f"{means[method]:.1f} ± {metrics[f'{method}, {count} per class, std']:.1f}"
            cells.append(f"**{cell}**" if means[method] == max(means.values()) else cell)
        rows.append([method, *cells])
    heading = ["labels per class", *map(str, labels)]
    config = result["config"]
    seeds = f"Seeds {config['seed']} to {config['seed'] + config['seeds'] - 1}, {config['test']} held-out digits. "
    return lines(heading, rows) + "\n\n" + seeds + source(result, name)


def mnist(name: str) -> str:
    """Lay out the MNIST recipe: a row for each split, then their mean."""
    result = load(name)
    rows = [
        [str(row["seed"]), f"{row['test_error_percent']:.2f}", f"{row['seconds'] / 60:.0f}"] for row in result["rows"]
    ]
    if len(rows) > 1:
        mean, std = result["metrics"]["test_error_percent_mean"], result["metrics"]["test_error_percent_std"]
        rows.append(["**mean ± standard deviation**", f"**{mean:.2f} ± {std:.2f}**", ""])
    return lines(["split (seed)", "test error, %", "minutes"], rows) + "\n\n" + source(result, name)


def curve() -> str:
    """Lay out the error of every MNIST split during training."""
    result = load("semi_supervised_mnist")
    splits = {row["seed"]: load(f"semi_supervised_mnist_split_{row['seed']}") for row in result["rows"]}
    last = result["config"]["steps"]
    wanted = [step for step in (600, 3000, 6000, 12000, 18000, 24000) if step <= last]
    rows = []
    for seed, split in splits.items():
        errors = {record["step"]: record["error"] for record in split["history"]}
        rows.append([str(seed), *(f"{errors[step]:.2f}" for step in wanted)])
    heading = ["split (seed)", *(f"{step} steps" for step in wanted)]
    return lines(heading, rows) + "\n\nFrom `benchmarks/results/semi_supervised_mnist_split_*.json`."


def ablation() -> str:
    """Lay out the MNIST recipe with and without the game's own term."""
    names = {"as it is": "with_game", "without the real-or-generated term (`--unsupervised 0`)": "without_game"}
    results = {arm: load(f"semi_supervised_mnist_{name}") for arm, name in names.items()}
    rows = [[arm, f"{result['metrics']['test_error_percent']:.2f}"] for arm, result in results.items()]
    table = lines(["recipe", "error on validation images, %"], rows)
    return f"{table}\n\n{source(results['as it is'], 'semi_supervised_mnist_with_game')}"


def digits_ablation() -> str:
    """Lay out the digits recipe with and without the game's own term."""
    arms = {"as it is": "with_game", "without the real-or-generated term (`--unsupervised 0`)": "without_game"}
    results = {arm: load(f"semi_supervised_digits_{name}") for arm, name in arms.items()}
    labels = results["as it is"]["config"]["labels"]
    rows = []
    for arm, result in results.items():
        cells = [
            [result["metrics"][f"{DIGITS[-1]}, {n} per class, {what}"] for what in ("mean", "std")] for n in labels
        ]
        rows.append([arm, *(f"{mean:.1f} ± {std:.1f}" for mean, std in cells)])
    kept = {arm: result["rows"] for arm, result in results.items()}
    gains = {
        n: [
            ours[DIGITS[-1]] - kept[rows[1][0]][key][DIGITS[-1]]
            for key, ours in kept["as it is"].items()
            if key.split("/")[0] == str(n)
        ]
        for n in labels
    }
    gain = [f"{sum(g) / len(g):+.1f}, {sum(x > 0 for x in g)} of {len(g)} splits better" for g in gains.values()]
    rows.append(["gain on the same split", *gain])
    table = lines(["labels per class", *map(str, labels)], rows)
    return f"{table}\n\n{source(results['as it is'], 'semi_supervised_digits_with_game')}"


def speed(name: str) -> str:
    """Lay out the engine's benchmark."""
    result = load(name)
    steps = [[variant, f"{value:.1f}"] for variant, value in result["milliseconds_per_step"].items()]
    ratios = [
        [ratio, f"{value['median']:.2f}", f"{value['quartile']:.2f} to {value['upper_quartile']:.2f}"]
        for ratio, value in result["ratios"].items()
    ]
    shares = [
        [variant, f"{100 * share:.0f} %", str(result["peak_gflop_per_second"][variant.split(", ")[1]])]
        for variant, share in result["share_of_peak"].items()
    ]
    return "\n\n".join(
        [
            lines(["variant", "ms per step, median"], steps),
            lines(["ratio of times", "median", "quartiles"], ratios),
            lines(["variant", "share of peak", "peak, GFLOP/s (2048³ product)"], shares),
            f"{result['gflop_per_step']} GFLOP of matrix products a step. " + source(result, name),
        ]
    )


def text_metrics() -> str:
    """Lay out the benchmark of BLEU."""
    name = "text_metrics"
    result = load(name)
    spent = [[what, f"{value:,.0f}"] for what, value in result["microseconds_per_hypothesis"].items()]
    ratios = [[what, f"{value:,}"] for what, value in result["ratios"].items()]
    sizes = f"{result['hypotheses']:,} hypotheses, {result['references']:,} references; largest difference of a score "
    return "\n\n".join(
        [
            lines(["score", "microseconds per hypothesis, median"], spent),
            lines(["ratio of times", "median"], ratios),
            f"{sizes}{result['largest_difference']:.0e}. " + source(result, name),
        ]
    )


def gradient_bias() -> str:
    """Lay out the gradient estimators: a row for each."""
    name = "gradient_bias"
    result = load(name)
    ratios = result["cost"]["ratios"]
    rows = [
        [
            f"{row['estimator']}{'' if row['unbiased'] else ' †'}",
            *(f"{100 * value:.1f}" for value in (row["bias"], 2 * row["noise"], row["spread"])),
            f"{ratios[row['estimator']]:.1f}" if row["estimator"] in ratios else "",
        ]
        for row in result["language"]
    ]
    measured = {row["estimator"] for row in result["language"]}
    rows += [[f"{timed} †", "", "", "", f"{ratio:.1f}"] for timed, ratio in ratios.items() if timed not in measured]
    cost = result["cost"]
    return "\n\n".join(
        [
            lines(["estimator", "bias, %", "resolution, %", "deviation, %", "cost"], rows),
            "† does not promise to be unbiased. `MaliGANWeights` is compared with the gradient of log E[e^R]. "
            f"{result['config']['calls']} calls each; cost 1 is {cost['milliseconds_of_reinforce']:.0f} ms. "
            + source(result, name),
        ]
    )


def gradient_coin() -> str:
    """Lay out one toss of a coin."""
    name = "gradient_bias"
    result = load(name)
    coin = result["coin"]
    rows = [[row["estimator"], f"{row['mean']:+.5f} ± {row['error']:.5f}", f"{row['sd']:.4f}"] for row in coin["rows"]]
    table = lines(["estimator", f"mean (exact: {coin['exact']:+.4f})", f"deviation, {coin['n']} tosses a call"], rows)
    return f"{table}\n\n{source(result, name)}"


def gradient_placebo() -> str:
    """Lay out what rewards that say nothing do."""
    name = "gradient_bias"
    result = load(name)
    rows = []
    for row in result["placebo"]:
        cells = ", ".join(f"{change:+.3f}" for change in row["changes"])
        rows.append([f"{row['reward']}, {'no baseline' if row['baseline'] == 'none' else row['baseline']}", cells])
    note = "LSTM of 32, vocabulary 200, length 8, batch 64, 100 steps of Adam(0.01). "
    return f"{lines(['reward', 'change of entropy, nats per token, each seed'], rows)}\n\n{note}{source(result, name)}"


def pieces(name: str) -> str:
    """Lay out the speed of sequence models: a row for each piece of work."""
    result = load(name)
    rows = []
    for piece, ratio in result["ratios"].items():
        both = result["seconds"].get(piece, result["whole"])
        rows.append([piece, *(f"{both[kind]:,.2f}" for kind in ("plain", "ours")), f"**{ratio:.2f}**"])
    found = ", ".join(
        f"{value:.1f} at {length}" for length, value in result["microseconds_per_token_by_length"].items()
    )
    return (
        lines(["piece", "plain, s", "ours, s", "ratio"], rows)
        + f"\n\nRollouts cost, in microseconds per token drawn: {found} tokens. "
        + source(result, name)
    )


def nets(name: str) -> str:
    """Lay out the speed of discriminators of sequences."""
    result = load(name)
    rows = []
    for piece, figures in result["figures"].items():
        for other, times in figures["times_as_long_as_ours"].items():
            spread = f"{times['quartile']:.2f} to {times['upper_quartile']:.2f}"
            rows.append([piece, other, f"**{times['median']:.2f}**", spread, f"{times['of_fastest']:.2f}"])
    heading = ["piece", "compared with", "times as fast, median", "quartiles", "of the fastest rounds"]
    return lines(heading, rows) + "\n\n" + source(result, name)


def over_seeds(values: list[float]) -> str:
    """Lay out mean and standard deviation."""
    spread = f" ± {statistics.stdev(values):.2f}" if len(values) > 1 else ""
    return f"{statistics.fmean(values):.2f}{spread}"


def oracle(name: str) -> str:
    """Lay out the oracle benchmark: a row for each arm."""
    result = load(name)
    seeds = range(result["config"]["seed"], result["config"]["seed"] + result["config"]["seeds"])
    arms = list(dict.fromkeys(key.rsplit(" ", 1)[0] for key in result["rows"]))
    entropy, rows = result["metrics"]["oracle entropy"], []
    for arm in arms:
        curves = [result["rows"][f"{arm} {seed}"]["points"] for seed in seeds]
        plain = [next((p for p in curve if p["temperature"] == 1.0), curve[0]) for curve in curves]
        lowest = [min(curve, key=lambda p: p["sum"]) for curve in curves]
        rows.append(
            [
                arm,
                *(over_seeds([p[key] for p in plain]) for key in ("quality", "coverage")),
                over_seeds([p["sum"] for p in lowest]),
                over_seeds([p["entropy"] for p in lowest]),
                over_seeds([min(p["jeffreys"] for p in curve) for curve in curves]),
            ]
        )
    rows.append(["*the oracle itself*", *[f"{entropy:.2f}"] * 2, f"{2 * entropy:.2f}", f"{entropy:.2f}", "0"])
    heading = ["arm", "NLL_oracle", "NLL_test", "lowest sum", "entropy there", "lowest Jeffreys"]
    return lines(heading, rows) + "\n\n" + f"{len(seeds)} seeds. " + source(result, name)


def oracle_gaps(name: str) -> str:
    """Lay out where arms lie below the tuned MLE at equal NLL_oracle by more than the seeds differ."""
    result = load(name)
    seeds = range(result["config"]["seed"], result["config"]["seed"] + result["config"]["seeds"])

    def frontiers(arm: str) -> list[list[FrontierPoint]]:
        curves = [result["rows"][f"{arm} {seed}"]["points"] for seed in seeds]
        return [[FrontierPoint(p["temperature"], p["quality"], p["coverage"]) for p in curve] for curve in curves]

    rows = []
    for arm in dict.fromkeys(key.rsplit(" ", 1)[0] for key in result["rows"]):
        found = dominated_by(frontiers("tuned MLE"), frontiers(arm)) if arm != "tuned MLE" else []
        if found:
            picked = (found[0], found[len(found) // 2], found[-1])
            rows.append([arm, str(len(found)), *(f"{g.gap:.2f} ± {g.spread:.2f} at {g.quality:.2f}" for g in picked)])
    heading = ["arm", "qualities where it is below", "at the sharpest", "in the middle", "at the broadest"]
    return lines(heading, rows) + "\n\n" + source(result, name)


def captions(name: str) -> str:
    """Lay out the captions: a row for each arm and inverse temperature."""
    result = load(name)
    seeds = range(result["config"]["seed"], result["config"]["seed"] + result["config"]["seeds"])
    rows = []
    for arm in result["config"]["arms"]:
        curves = [result["rows"][f"{arm}/{seed}"] for seed in seeds]
        for points in zip(*curves):
            scores = [[p["bleu"][order] for p in points] for order in "2345"]
            scores += [[p["self_bleu"]["4"] for p in points], [p["unique"] for p in points]]
            cells = [f"{statistics.fmean(values):.3f}" for values in scores]
            cells += [over_seeds([p[key] for p in points]) for key in ("lm", "reverse_lm")]
            rows.append([arm, f"{points[0]['inverse_temperature']:g}", *cells])
    real = result["real"]
    cells = [f"{real['bleu'][order]:.3f}" for order in "2345"]
    rows.append(["*real captions*", "", *cells, f"{real['self_bleu']['4']:.3f}", "", f"{real['lm']:.2f}", ""])
    heading = ["arm", "1/T", *(f"BLEU-{n}" for n in "2345"), "self-BLEU-4", "unique", "LM", "reverse LM"]
    count = f"{len(seeds)} seeds" if len(seeds) > 1 else "One seed"
    return lines(heading, rows) + f"\n\n{count}. " + source(result, name)


def smiles(name: str) -> str:
    """Lay out the molecules: a row for each temperature."""
    result = load(name)
    metrics = result["metrics"]
    rows = []
    for temperature in result["config"]["temperatures"]:
        cells = [f"{temperature:g}"]
        for arm in ("maximum likelihood", "game, both"):
            found = {
                key: metrics[f"{arm}, temperature {temperature:g}, {key}"] for key in ("nats", "validity", "reward")
            }
            unique = metrics[f"{arm}, temperature {temperature:g}, uniqueness"]
            cells += [f"{found['nats']:.3f}", f"{100 * found['validity']:.1f}", f"{100 * unique:.1f}"]
            cells.append(f"{found['reward']:.3f}")
        rows.append(cells)
    measured = ["nats", "valid, %", "unique, %", "mean qed"]
    heading = ["temperature", *(f"likelihood: {each}" for each in measured), *(f"game: {each}" for each in measured)]
    return lines(heading, rows) + "\n\nOne run. " + source(result, name)


def shakespeare(name: str) -> str:
    """Lay out the characters: a row for each temperature."""
    result = load(name)
    metrics = result["metrics"]
    rows = [
        [
            arm,
            temperature,
            *(f"{metrics[f'{arm}, temperature {temperature}, {key}']:.3f}" for key in ("nats", "bits")),
            f"{100 * metrics[f'{arm}, temperature {temperature}, words']:.1f}",
            f"{metrics[f'{arm}, temperature {temperature}, distinct_3']:.3f}",
        ]
        for arm in ("likelihood", "game")
        for temperature in ("1", "0.8", "0.6")
    ]
    heading = ["part", "temperature", "nats per character", "bits", "real words, %", "distinct-3"]
    return lines(heading, rows) + "\n\nOne run. " + source(result, name)


TABLES: dict[str, Callable[[], str]] = {
    "digits": digits,
    "mnist": lambda: mnist("semi_supervised_mnist"),
    "mnist curve": curve,
    "mnist ablation": ablation,
    "digits ablation": digits_ablation,
    "mnist, ten minutes": lambda: mnist("semi_supervised_mnist_ten_minutes"),
    "engine speed, one thread": lambda: speed("engine_speed_1_thread"),
    "engine speed, two threads": lambda: speed("engine_speed_2_threads"),
    "text metrics": text_metrics,
    "sequence speed, one thread": lambda: pieces("sequence_speed_1_thread"),
    "sequence speed, two threads": lambda: pieces("sequence_speed_2_threads"),
    "sequence nets": lambda: nets("sequence_nets"),
    "oracle gaps": lambda: oracle_gaps("sequence_oracle"),
    "captions": lambda: captions("sequence_captions"),
    "smiles": lambda: smiles("sequence_smiles"),
    "shakespeare": lambda: shakespeare("sequence_shakespeare"),
    "plug and play, mnist": lambda: plug_and_play_tables.mnist(load, lines, source),
    "plug and play, fashion": lambda: plug_and_play_tables.fashion(load, lines, source),
    "steering": lambda: steering_tables.molecules(load, lines, source),
    "oracle": lambda: oracle("sequence_oracle"),
    "solvers": lambda: game_tables.solvers(load, lines, source),
    "toys": lambda: game_tables.toys(load, lines, source),
    "stacked": lambda: game_tables.stacked(load, lines, source),
    "metrics": lambda: game_tables.metrics(load, lines, source),
    "codes, digits": lambda: code_tables.digits(load, lines, source),
    "codes, mnist": lambda: code_tables.mnist(load, lines, source),
    "codes, mnist seeds": lambda: code_tables.mnist_seeds(load, lines, source),
    "codes, tables": lambda: code_tables.tables(load, lines, source),
    "codes, sprites": lambda: code_tables.sprites(load, lines, source),
    "codes, fashion": lambda: code_tables.fashion(load, lines, source),
    "mnist 100": lambda: semi_supervised_tables.mnist(load, lines, source, "semi_supervised_mnist_100"),
    "mnist 20": lambda: semi_supervised_tables.mnist(load, lines, source, "semi_supervised_mnist_20"),
    "fashion, few labels": lambda: semi_supervised_tables.fashion(load, lines, source),
    "tables, few labels": lambda: semi_supervised_tables.few_rows(load, lines, source),
    "cifar10": lambda: semi_supervised_tables.cifar(load, lines, source),
    "ingredients": lambda: semi_supervised_tables.ablation(load, lines, source, "ablation_digits"),
    "seeds side by side": lambda: semi_supervised_tables.side_by_side(load, lines, source),
    "after fit": lambda: semi_supervised_tables.after_fit(load, lines, source),
    "robustness": lambda: robustness_tables.robustness(load, lines, source),
    "taxonomy, ring": lambda: taxonomy_tables.ring(load, lines, source),
    "taxonomy, images": lambda: taxonomy_tables.images(load, lines, source),
    "taxonomy, drawing": lambda: taxonomy_tables.drawing(load, lines, source),
    "taxonomy, claims": lambda: taxonomy_tables.claims(load, lines, source),
    "imitation": lambda: reinforcement_tables.imitation(load, lines, source),
    "actor-critic": lambda: reinforcement_tables.tricks(load, lines, source),
    "gradient bias": gradient_bias,
    "gradient coin": gradient_coin,
    "gradient placebo": gradient_placebo,
}


def renewed(text: str) -> str:
    """Replace every table of a page."""
    pattern = re.compile(r"(<!-- table: (.+?) -->\n).*?(<!-- end -->)", re.DOTALL)
    return pattern.sub(lambda found: f"{found[1]}{TABLES[found[2]]()}\n\n{found[3]}", text)


def main() -> int:
    """Renew all pages, or check them."""
    stale = [page for page in PAGES if renewed(page.read_text()) != page.read_text()]
    if "--check" not in sys.argv:
        for page in stale:
            page.write_text(renewed(page.read_text()))
    for page in stale:
        print(f"{page.relative_to(ROOT)} {'is out of date' if '--check' in sys.argv else 'rewritten'}")
    return 1 if stale and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())

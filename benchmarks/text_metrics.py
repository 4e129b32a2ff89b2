"""Speed of BLEU-2..5 and self-BLEU of whole sets: this package against NLTK, per hypothesis, on the same sentences.

    python benchmarks/text_metrics.py --data FOLDER/text/image_coco --out benchmarks/results/text_metrics.json

Ours counts the references anew in every round and then scores all hypotheses; the time is divided by their number.
NLTK scores a few hypotheses of each round, all four orders in one call, which is its fastest way.  Both run in turns in
one process; the figures to believe are the ratios.  Every score that NLTK gives is compared with ours.
"""

import json
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tyro
from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu

from gan_ext.metrics import BLEU
from gan_ext.runs import environment, source_commit, write_json

ORDERS = (2, 3, 4, 5)
WEIGHTS = [(1 / n,) * n for n in ORDERS]


@dataclass
class Config:
    """Settings of the benchmark."""

    data: Path | None = None
    """Folder with train.txt (the hypotheses) and test.txt (the references); without, words drawn by Zipf's law."""
    out: Path = Path("benchmarks/results/text_metrics.json")
    """Where the figures go."""
    sentences: int = 10_000
    """Hypotheses and references, at most."""
    rounds: int = 5
    """Rounds; in each, ours scores all hypotheses and NLTK scores `nltk` of them."""
    nltk: int = 4
    """Hypotheses that NLTK scores in a round."""


def read(config: Config) -> tuple[list[list[str]], list[list[str]]]:
    """Return hypotheses and references."""
    if config.data is None:
        draws = np.random.default_rng(0)
        words = np.minimum(draws.zipf(1.3, (2, config.sentences, 16)), 5000).astype(str)
        lengths = draws.integers(7, 17, (2, config.sentences))
        hypotheses, references = (
            [row[:length].tolist() for row, length in zip(rows, ends)] for rows, ends in zip(words, lengths)
        )
        return hypotheses, references
    texts = ((config.data / name).read_text(encoding="utf-8") for name in ("train.txt", "test.txt"))
    hypotheses, references = (
        [line.replace(".", " .").replace(",", " ,").split() for line in text.splitlines()][: config.sentences]
        for text in texts
    )
    return hypotheses, references


def timed(call: Callable[..., Any], *arguments: Any) -> tuple[float, Any]:
    """Return seconds and result of a call."""
    start = time.perf_counter()
    result = call(*arguments)
    return time.perf_counter() - start, result


def nltk_scores(hypothesis: list[str], references: list[list[str]]) -> list[float]:
    """Return NLTK's BLEU-2..5 of one hypothesis."""
    return sentence_bleu(references, hypothesis, WEIGHTS, SmoothingFunction().method1)


def main(config: Config) -> None:
    """Time both and write medians and ratios."""
    hypotheses, references = read(config)
    chosen = np.random.default_rng(0).choice(len(hypotheses), (config.rounds, config.nltk), replace=False).tolist()
    seconds: dict[str, list[float]] = {name: [] for name in ("count", "score", "leave one out", "nltk", "nltk self")}
    difference = 0.0
    for number, rows in enumerate(chosen):
        counting, table = timed(BLEU, references, ORDERS)
        scoring, scores = timed(table.scores, hypotheses)
        own_counting, own = timed(BLEU, hypotheses, ORDERS)
        leaving, alone = timed(own.leave_one_out)
        seconds["count"].append(counting)
        seconds["score"].append((counting + scoring) / len(hypotheses))
        seconds["leave one out"].append((own_counting + leaving) / len(hypotheses))
        theirs, theirs_own = [], []
        for row in rows:
            others = hypotheses[:row] + hypotheses[row + 1 :]
            theirs.append(timed(nltk_scores, hypotheses[row], references))
            theirs_own.append(timed(nltk_scores, hypotheses[row], others))
        seconds["nltk"].append(statistics.mean(spent for spent, _ in theirs))
        seconds["nltk self"].append(statistics.mean(spent for spent, _ in theirs_own))
        for ours, found in ((scores, theirs), (alone, theirs_own)):
            for row, (_, values) in zip(rows, found):
                difference = max(difference, *(abs(ours[n][row] - value) for n, value in zip(ORDERS, values)))
        print(f"round {number + 1} of {config.rounds}", end="\r", flush=True)

    def ratio(ours: str, theirs: str) -> float:
        return round(statistics.median(b / a for a, b in zip(seconds[ours], seconds[theirs])))

    medians = {name: statistics.median(values) for name, values in seconds.items()}
    report = {
        "benchmark": "text_metrics",
        "config": {name: value.name if isinstance(value, Path) else value for name, value in asdict(config).items()},
        "hypotheses": len(hypotheses),
        "references": len(references),
        "seconds_to_count_references": round(medians["count"], 3),
        "microseconds_per_hypothesis": {
            "BLEU-2..5, ours, counting of references shared out": round(1e6 * medians["score"], 1),
            "BLEU-2..5, NLTK": round(1e6 * medians["nltk"], 1),
            "self-BLEU-2..5, ours, counting shared out": round(1e6 * medians["leave one out"], 1),
            "self-BLEU-2..5, NLTK": round(1e6 * medians["nltk self"], 1),
        },
        "ratios": {
            "BLEU, NLTK / ours": ratio("score", "nltk"),
            "self-BLEU, NLTK / ours": ratio("leave one out", "nltk self"),
        },
        "largest_difference": difference,
        "mean_scores": {f"BLEU-{n}": round(float(values.mean()), 4) for n, values in scores.items()},
        "environment": environment("cpu"),
        "commit": source_commit(),
    }
    config.out.parent.mkdir(parents=True, exist_ok=True)
    write_json(config.out, report)
    print(json.dumps(report, indent=2, default=str))


if __name__ == "__main__":
    main(tyro.cli(Config))

"""Write like Shakespeare, character by character, and watch it learn; then let a discriminator have its say.

    python recipes/sequence_shakespeare.py --data FOLDER

FOLDER (or a file) is any plain text, such as tiny Shakespeare's input.txt; without --data a dozen sonnets that lie
beside this file.  Takes under two minutes on two cores.  Leaves in --out samples.txt, a picture of the learning curve,
and result.json; --resume goes on where a killed run stopped.

Before and after the game stand beside each other at three temperatures: sharpening alone makes any model look better.
"""

import copy
import math
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

from gan_ext import SequenceGAN
from gan_ext.data import TextWindows, read_lines, text_windows
from gan_ext.estimators import WrittenNow
from gan_ext.games import SeqGAN
from gan_ext.metrics import UncertainPoint, distinct, gap_with_luck, known_word_share, unique_ratio, words_of
from gan_ext.metrics import negative_log_likelihood as held_out_nats
from gan_ext.nets import LSTMGenerator
from gan_ext.pictures import draw_curves
from gan_ext.runs import Experiment, LiveText, Options, flat, launch, print_table, table_cells

SHOWN = {"nats": ".3f", "bits": ".3f", "words": ".1%", "words_error": ".1%", "unique": ".1%",
         "distinct_3": ".4f", "distinct_5": ".4f"}  # fmt: skip


@dataclass
class Config(Options):
    """Settings of the recipe."""

    out: Path = Path("runs/sequence_shakespeare")
    threads: int = 0
    data: Path | None = None
    """A text file (plain or gzipped), or a folder with input.txt; sonnets that come with the recipe if not given."""
    steps: int | None = None
    """Steps of maximum likelihood; 500, or 200 for the sonnets, if not given."""
    game_steps: int = 30
    """Steps of the game; 0 for none."""
    warm_up: int = 20
    """Steps of the discriminator alone before the game."""
    window: int = 64
    """Characters of a sequence; the model knows nothing of what stood before."""
    batch_size: int = 64
    """Sequences of a step."""
    hidden: int = 256
    """Size of the LSTM's memory."""
    learning_rate: float = 1e-2
    """Of maximum likelihood, falling to 0; high, since there is no time."""
    game_learning_rate: float = 1e-4
    """Of the generator in the game."""
    likelihood: float = 1.0
    """Weight of maximum likelihood beside the discriminator's reward in the game; without, characters are forgotten."""
    dropout: float | None = None
    """Share of the LSTM's inputs and outputs dropped in training; 0, or 0.3 for the sonnets, if not given."""
    prompt: str = "O"
    """What the text shown while training begins with."""
    temperatures: tuple[float, ...] = (1.0, 0.8, 0.6)
    """Of the samples; below 1 likely characters become likelier."""
    samples: int = 500
    """Windows sampled for each row of the table."""
    every: int = 25
    """Steps between two shown texts, and between two points of the learning curve."""


def read(config: Config) -> TextWindows:
    """Return the text's windows."""
    path = config.data or Path(__file__).parent / "data" / "sonnets.txt"
    text = "\n".join(read_lines(path / "input.txt" if path.is_dir() else path))
    windows = text_windows(text, config.window, most=500)
    if not set(config.prompt) <= set(text) or not 0 < len(config.prompt) < config.window:
        raise ValueError(f"--prompt {config.prompt!r} must be 1 to {config.window - 1} characters that the text knows.")
    print(f"{len(text)} characters, {len(set(text))} different; the last {len(windows.held_out)} windows are held out.")
    return windows


def fit(config: Config, text: TextWindows, start: SequenceGAN | None = None) -> SequenceGAN:
    """Fit by maximum likelihood, or play the game from a start; what is written by now is shown meanwhile."""
    part, steps, settings = "game", config.game_steps, dict[str, Any]()
    if start is None:
        part, own = "likelihood", config.data is not None
        steps = (500 if own else 200) if config.steps is None else config.steps
        dropout = (0.0 if own else 0.3) if config.dropout is None else config.dropout
        settings["generator"] = partial(LSTMGenerator, embedding=64, hidden=config.hidden, dropout=dropout)
        settings |= {"likelihood_iter": steps, "likelihood_learning_rate": config.learning_rate, "objective": None}
    else:
        settings["generator"] = lambda *_, **__: copy.deepcopy(start.generator_)
        settings["objective"] = partial(SeqGAN, rollouts=0, likelihood=config.likelihood)
        settings |= {"likelihood_iter": 0, "warm_up_iter": config.warm_up, "max_iter": steps, "guard_every": 10}
    model = SequenceGAN(
        tokenizer="char", max_length=config.window, batch_size=config.batch_size, device=config.device,
        learning_rate=config.game_learning_rate, validation_fraction=0.05, checkpoint=config.fits / part,
        checkpoint_every=4 * config.every, random_state=config.seed, **settings,
    )  # fmt: skip
    with LiveText(steps, part, WrittenNow(model, text.held_out, config.prompt), config.every) as show:
        model.set_params(callbacks=(show,)).fit(text.train)
    return model


def measure(config: Config, text: TextWindows, model: SequenceGAN) -> dict[str, Any]:
    """Return what can be said of a model at each temperature, and what it writes."""
    tokens, words, frontier = model.corpus_.encode(text.held_out), words_of(text.known), []
    points, written = dict[str, Any](), dict[str, str]()
    for temperature in config.temperatures:
        draw = partial(model.sample, temperature=temperature, random_state=config.seed)
        texts, nats = draw(config.samples), held_out_nats(model.generator_, tokens, temperature)
        letters, share = [list(each) for each in texts], known_word_share(words, texts)
        error, at = (share.high - share.low) / 2, f"temperature {temperature:g}"
        points[at] = {
            "nats": nats, "bits": nats / math.log(2), "words": share.mean, "words_error": error,
            "unique": unique_ratio(letters), "distinct_3": distinct(letters, 3), "distinct_5": distinct(letters, 5),
        }  # fmt: skip
        frontier.append(UncertainPoint(temperature, 1 - share.mean, error, nats))
        written[at] = "\n\n".join(draw(5, prefix=config.prompt))
    curve = [(entry["step"], entry["validation"]) for entry in model.history_ if "validation" in entry]
    steps = {"steps": model.n_iter_, "best": model.best_step_}
    return {"points": points, "frontier": frontier, "written": written, "curve": curve, **steps}


def verdict(config: Config, before: dict[str, Any], after: dict[str, Any]) -> str:
    """Say whether the game did more than sharpening does."""
    if not config.game_steps:
        return "No game was played."
    if after["best"] == 0:
        return f"The game did not help: of its {config.game_steps} steps none beat the start, which is what was kept."
    found = gap_with_luck(*([UncertainPoint(*at) for at in row["frontier"]] for row in (before, after)))
    told = found.told(" nats per character")
    return f"Kept: step {after['best']} of the game. At equal shares of real words, next to sharpening, it is {told}."


def main(config: Config) -> None:
    """Train, play, compare."""
    text = read(config)
    run = Experiment("sequence_shakespeare", config)
    tuned = cache(partial(fit, config, text))
    models = {"likelihood": tuned, "game": cache(lambda: fit(config, text, tuned()))}
    rows = run.fill(models, lambda part: measure(config, text, models[part]()))

    pages = [f"=== {part}, {at}\n\n{page}" for part, row in rows.items() for at, page in row["written"].items()]
    (config.out / "samples.txt").write_text("\n\n".join(pages) + "\n", encoding="utf-8")
    print("\n\n".join(pages[-len(config.temperatures) :]))
    real = known_word_share(words_of(text.known), text.held_out).mean
    points = {f"{part}, {at}": each for part, row in rows.items() for at, each in row["points"].items()}
    print_table(
        f"Nats and bits of held-out text: lower is better. Real words in held-out text: {real:.1%}",
        ("", "nats/char", "bits/char", "real words", "+-", "unique", "distinct-3", "distinct-5"),
        [(name, *table_cells(each, SHOWN)) for name, each in points.items()],
    )
    print(verdict(config, rows["likelihood"], rows["game"]))
    begun, shift = rows["likelihood"]["curve"], rows["likelihood"]["steps"]  # the game goes on where likelihood stopped
    played = begun[-1:] + [(shift + step, nats) for step, nats in rows["game"]["curve"]]
    curves = {part: ([x for x, _ in curve], [y for _, y in curve]) for part, curve in zip(rows, (begun, played))}
    draw_curves(config.out / "curve.png", curves, "step", "held-out text, nats per character")
    run.finish(
        {name: round(value, 5) for name, value in flat(points).items()},
        f"nats and bits per character on {len(text.held_out)} windows of {config.window} held-out characters, each "
        f"read without what stood before; the rest from {config.samples} sampled windows (words_error: half of a 95 % "
        "bootstrap interval); one run",
        sum(row["steps"] for row in rows.values()), curves=curves, best_step=rows["game"]["best"],
        said="samples.txt, curve.png and result.json are in {out}",
    )  # fmt: skip


if __name__ == "__main__":
    launch(main, Config)

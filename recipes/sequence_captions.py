"""Write image captions, and ask on two frontiers of quality and coverage whether a game improved on its own start.

    python recipes/sequence_captions.py --data FOLDER                       # small, about two minutes
    python recipes/sequence_captions.py --data FOLDER --full --seeds 3      # the protocol

FOLDER holds train.txt and test.txt, one caption a line: data/image_coco.txt and data/testdata/test_coco.txt of
https://github.com/geek-ai/Texygen.  On each seed every arm starts from the same generator, tuned by maximum likelihood
until held-out captions say stop: the game, the same updates with rewards that say nothing, and what moves no generator,
better decoding and captions drawn again by the odds that the discriminator gives them before the game.  Two pictures
over inverse temperatures: BLEU against self-BLEU, and language-model score against reverse language-model score.
"""

from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from gan_ext.data import HeldOutTexts, WordTokenizer, hold_out_texts, read_text_split
from gan_ext.games import SeqGAN
from gan_ext.metrics import TEXYGEN_CAPTIONS
from gan_ext.nets import CNNDiscriminator, LSTMGenerator
from gan_ext.pictures import draw_frontiers
from gan_ext.runs import Experiment, Seeds, SequenceFits, at_least, frontiers_of, launch, print_points, told_gains
from gan_ext.seeds import seeded
from gan_ext.sequences import Reshaped, SequenceModel, trade_off

Row = dict[str, Any]
MLE, RESHAPED, RESAMPLED, LONG = "tuned MLE", "tuned MLE, reshaped", "tuned MLE, resampled", "over-trained MLE"
REWARDS = {"GAN": nn.Identity(), "constant reward": torch.ones_like,
           "random reward": lambda logits: 2 * torch.randn_like(logits)}  # fmt: skip
ARMS = (MLE, RESHAPED, RESAMPLED, *REWARDS, LONG)
SIZES = {"steps": (300, 1700), "game_steps": (15, 100), "warm_up": (40, 600), "generated": (400, 10_000),
         "judge_steps": (60, 500), "captions": (3000, 10_000), "width": (48, 128)}  # and with --full  # fmt: skip
ADVICE = "Fetch data/image_coco.txt and data/testdata/test_coco.txt of https://github.com/geek-ai/Texygen for these."
ALPHAS = ((1.0, 1.25, 1.6), (1.0, 1.1, 1.25, 1.5))  # inverse temperatures
COLUMNS = {"inverse T": ("inverse_temperature", "g"), "BLEU-2": ("bleu, 2", ".3f"), "BLEU-3": ("bleu, 3", ".3f"),
           "BLEU-4": ("bleu, 4", "+-.3f"), "BLEU-5": ("bleu, 5", ".3f"), "self-BLEU-4": ("self_bleu, 4", ".3f"),
           "unique": ("unique", ".3f"), "LM": ("lm", ".3f"), "reverse LM": ("reverse_lm", ".3f")}  # fmt: skip


@dataclass
class Config(Seeds):
    """Settings of the recipe."""

    out: Path = Path("runs/sequence_captions")
    data: Path | None = None
    """A folder with train.txt and test.txt."""
    full: bool = False
    """The protocol: all captions, an LSTM of 256, as many generated captions as real ones, more temperatures."""
    arms: tuple[str, ...] = ARMS[:-1]
    """Which arms to run, by name; "over-trained MLE" is one more."""
    steps: int | None = None
    """Most steps of maximum likelihood; 300, or 1700 with --full.  The best on held-out captions is kept."""
    game_steps: int | None = None
    """Steps of the game and of its placebos; 15, or 100 with --full."""
    warm_up: int | None = None
    """Steps of the discriminator alone before the game; 40, or 600 with --full."""
    generated: int | None = None
    """Captions generated for each point; 400, or 10 000 with --full."""
    judge_steps: int | None = None
    """Steps of every language model that scores; 60, or 500 with --full."""
    likelihood: float = 0.0
    """Weight of maximum likelihood in the game."""
    odds: float = 2.0
    """Power of the discriminator's odds in drawing again; 1 would be right for a perfect one, 2 did better held out."""
    held_out: int = 1000
    """Captions split off train.txt, by which everything is chosen."""
    chosen_on_validation: bool = False
    """Measure against the held-out captions in place of test.txt, for choosing settings."""

    def size(self, name: str) -> int:
        """Return one of SIZES, or what was given by hand in its place."""
        usual, given = SIZES[name][self.full], getattr(self, name, None)
        return usual if given is None else int(given)


class Bench:
    """What is trained on the captions, and how it is measured."""

    def __init__(self, config: Config, texts: HeldOutTexts, target: list[str]) -> None:
        self.config, self.size, self.texts = config, config.size, texts
        self.fits, self.tuned = SequenceFits(config, texts.train), cache(partial(self.likelihood, MLE))
        own = partial(self.generator, 0, max(16, self.size("width") // 2))  # language models are half as wide
        self.scorer = cache(partial(self.fits.scorer, texts, target, own, self.size("judge_steps")))

    def generator(self, seed: int, width: int) -> LSTMGenerator:
        """Return a fresh generator."""
        with seeded(seed, 1):
            return LSTMGenerator(**self.texts.corpus.spec.options(), embedding=width, hidden=2 * width, dropout=0.5)

    def likelihood(self, name: str, seed: int) -> SequenceModel:
        """Return what maximum likelihood makes: the best on held-out captions, or the last if over-trained."""
        model, steps = self.generator(seed, self.size("width")), self.size("steps")
        if name == LONG:
            return self.fits.likelihood(name, seed, model, 2 * steps, 4e-3)
        return self.fits.likelihood(name, seed, model, steps, 4e-3, last_rate=0.0, held_out=self.texts.held_out)

    def game(self, arm: str, seed: int) -> SeqGAN:
        """Return the game that begins with the tuned generator; a discriminator that has a say has had a warm-up."""
        start, steps = self.tuned(seed), self.size("game_steps") if arm in REWARDS else 0
        with seeded(seed, 2):
            judge = CNNDiscriminator(start.vocabulary, (1, 2, 3, 4, 5), (64, 128, 128, 64, 64), dropout=0.5)
        warm_up = self.size("warm_up") if arm in ("GAN", RESAMPLED) else 0
        return self.fits.gan(
            arm, seed, start, judge, steps, (2e-4, 3e-4), warm_up=warm_up, rollouts=0, reward=REWARDS.get(arm),
            likelihood=self.config.likelihood,
        )  # fmt: skip

    def curve(self, arm: str, seed: int) -> Row:
        """Return an arm's scores over inverse temperatures, or over weights that reshape about as much."""
        n, scorer, rows = self.size("generated"), self.scorer(), []
        game = self.game(arm, seed) if arm in (RESAMPLED, *REWARDS) else None
        model = game.generator if game else self.likelihood(LONG, seed) if arm == LONG else self.tuned(seed)
        for alpha in ALPHAS[self.config.full]:
            if arm == RESHAPED:
                tokens = self.fits.draw(Reshaped(model, partial(trade_off, weight=24 / alpha**7)), n, 1.0, seed)
            elif game and arm == RESAMPLED:
                tokens = self.fits.draw_again(model, game.discriminator, n, 1 / alpha, seed, self.config.odds)
            else:
                tokens = self.fits.draw(model, n, 1 / alpha, seed)
            said = [" ".join(words) for words in scorer.words(tokens) if words][:5]
            rows.append({"inverse_temperature": alpha, **scorer(tokens)._asdict(), "sample": said})
        return {"curve": rows}


def compare(config: Config, rows: dict[tuple[str, int], Row], real: Row) -> dict[str, float]:
    """Draw both planes, published points only beside their protocol, and return where arms lie below the first."""
    shown, alone = config.full and not config.chosen_on_validation, (real["lm"], real["lm"])
    marks = {name: (-quality, alike) for name, (quality, alike) in TEXYGEN_CAPTIONS.items()} if shown else None
    bleus = frontiers_of(rows, lambda at: (1 / at["inverse_temperature"], -at["bleu"]["4"], at["self_bleu"]["4"]))
    models = frontiers_of(rows, lambda at: (1 / at["inverse_temperature"], at["lm"], at["reverse_lm"]))
    place, crosses = (-real["bleu"]["4"], real["self_bleu"]["4"]), "; crosses: published" if shown else ""
    labels = "quality: negative BLEU-4", f"coverage: self-BLEU-4{crosses}"
    draw_frontiers(config.out / "bleu.png", bleus, *labels, place, marks=marks, sums=False)
    labels = "quality: language-model score, nats per token", "coverage: reverse score, nats per token"
    draw_frontiers(config.out / "language_model.png", models, *labels, alone)
    return told_gains(bleus, "BLEU") | told_gains(models, "LM")


def main(config: Config) -> None:
    """Run all arms on all seeds, and say what came out."""
    if not set(config.arms) <= set(ARMS) or config.arms[:1] != (MLE,):
        raise ValueError(f"--arms must begin with {MLE!r}, to which others are compared, and name some of {ARMS}.")
    at_least(config, 1, "seeds")
    train, test = (part[: config.size("captions")] for part in read_text_split(config.data, ADVICE))
    texts, own = hold_out_texts(train, config.held_out, max_length=25), config.chosen_on_validation
    target, known = (texts.held_out_texts, texts.train_texts) if own else (test, train)
    run, bench = Experiment("sequence_captions", config, free=("arms",)), Bench(config, texts, target)
    words = [WordTokenizer().tokenize(line) for line in known[: config.size("generated")]]
    real = run.fill(["real"], lambda _: bench.scorer().real(words))["real"]
    rows = run.fill([(arm, seed) for seed in config.each_seed() for arm in config.arms], bench.curve)

    title = "means over seeds, and the standard deviation of BLEU-4; real captions last"
    print_points(title, rows, COLUMNS, {"real": {**real, "reverse_lm": real["lm"]}})
    print(*rows[config.arms[-1], config.seed]["curve"][0]["sample"], sep="\n")
    metrics = {f"real, BLEU-{n}": round(value, 4) for n, value in real["bleu"].items()} | compare(config, rows, real)
    steps = config.size("steps") + config.size("game_steps") * sum(arm in REWARDS for arm in config.arms)
    run.finish(
        metrics,
        f"{config.size('generated')} captions a point against {len(target)} {'held-out' if own else 'test'} captions; "
        f"{config.seeds} seeds",
        config.seeds * steps, real=real, rows={f"{arm}/{seed}": row["curve"] for (arm, seed), row in rows.items()},
    )  # fmt: skip


if __name__ == "__main__":
    launch(main, Config)

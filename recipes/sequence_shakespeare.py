"""Write like Shakespeare, character by character, and watch it learn; then let a discriminator have its say.

    python recipes/sequence_shakespeare.py --data FOLDER

FOLDER (or a file) is any plain text, such as tiny Shakespeare's input.txt; without --data a dozen sonnets that come
with this file.  Takes under two minutes on two cores.  Leaves in --out samples.txt, a picture of the learning curve,
and result.json; --resume goes on where a killed run stopped.

Before and after the game stand beside each other at three temperatures: sharpening alone makes any model look better.
"""

import copy
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

import torch
import tyro
from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text
from typing_extensions import Self

from gan_ext import Engine, SequenceGAN
from gan_ext.data import DataError, read_lines
from gan_ext.engine import ensure_writable
from gan_ext.games import SeqGAN
from gan_ext.metrics import (
    FrontierPoint,
    Interval,
    bootstrap_interval,
    distinct,
    gap,
    negative_log_likelihood,
    unique_ratio,
)
from gan_ext.nets import LSTMGenerator
from gan_ext.pictures import draw_curves
from gan_ext.runs import plain_errors, write_result
from gan_ext.sequences import SequenceModel, evaluating, sample

NATS_PER_BIT = 0.6931471805599453


@dataclass
class Config:
    """Settings of the recipe."""

    data: Path | None = None
    """A text file (plain or gzipped), or a folder with input.txt; sonnets that come with the recipe if not given."""
    out: Path = Path("runs/sequence_shakespeare")
    """Where samples, picture and result.json go."""
    device: str = "cpu"
    """auto, cpu, cuda or cuda:N."""
    seed: int = 0
    """Decides the initial weights, the order of the text and all that is drawn."""
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
    threads: int = 0
    """Threads of torch; 0 leaves its default, the number of cores."""
    resume: bool = False
    """Go on where a killed run stopped."""


class Show:
    """A bar, and below it what the generator writes by now; lines now and then where there is no terminal.

    A callback of the engine and a context manager; it keeps the learning curve on held-out text.
    """

    def __init__(self, config: Config, label: str, steps: int, held_out: Sequence[str]) -> None:
        self.config, self.label, self.held_out = config, label, held_out
        self.model: SequenceGAN | None = None
        self.curve: list[tuple[int, float]] = []
        self.console = Console()
        columns = (TextColumn(label), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self.bar = Progress(*columns, TextColumn("{task.fields[note]}", style="bold green"), console=self.console)
        self.task = self.bar.add_task(label, total=steps, note="")
        self.live = Live(self.bar, console=self.console) if self.console.is_terminal else None

    def __enter__(self) -> Self:
        if self.live:
            self.live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.live:
            self.live.stop()

    def __call__(self, engine: Engine) -> None:
        shown = engine.step % self.config.every == 0 or engine.step == engine.last_step
        if shown:
            self.look(engine)
        self.bar.update(self.task, completed=engine.step)

    def look(self, engine: Engine) -> None:
        """Measure on held-out text, and write something."""
        assert self.model is not None
        generator, corpus = getattr(engine.game, "generator", None), self.model.corpus_
        if not isinstance(generator, SequenceModel):
            return  # the discriminator's warm-up: what the generator writes stays the same
        tokens = corpus.encode(self.held_out)
        nats = negative_log_likelihood(generator, tokens)
        self.curve.append((engine.step, nats))
        engine.record(validation=nats)
        text = self.written(generator)
        if self.live:
            self.bar.update(self.task, note=f"{nats:.3f} nats per character")
            self.live.update(Group(self.bar, Panel(Text(text), title="what it writes now", width=90)))
        elif engine.step % (4 * self.config.every) == 0 or engine.step == engine.last_step:
            print(f"{self.label}, step {engine.step}: {nats:.3f} nats per character | {text!r}", flush=True)

    def written(self, generator: SequenceModel) -> str:
        """Return a text that begins with the prompt, as long as a few windows that know of each other by one letter."""
        assert self.model is not None
        corpus, text = self.model.corpus_, self.config.prompt
        device = next(generator.parameters()).device
        with evaluating(generator):
            for _ in range(3):
                known = text[-max(1, self.config.window // 2) :]
                prefix = torch.tensor([corpus.vocabulary(list(known))], device=device)
                drawn = str(corpus.text(sample(generator, 1, prefix=prefix, temperature=0.7).cpu())[0])
                text += drawn[len(known) :]
        return text


def read_text(config: Config) -> str:
    """Return the whole text."""
    if config.data is None:
        return SONNETS
    path = config.data / "input.txt" if config.data.is_dir() else config.data
    return "\n".join(read_lines(path))


def windows(text: str, length: int) -> list[str]:
    """Cut a text into pieces of equal length."""
    return [text[begin : begin + length] for begin in range(0, len(text) - length + 1, length)]


def again(model: SequenceModel, *_: Any, **__: Any) -> SequenceModel:
    """Return a copy of a trained generator, for the game to start from."""
    return copy.deepcopy(model)


def fit(config: Config, part: str, steps: int, train: list[str], held_out: list[str], **settings: Any) -> Any:
    """Fit one part with its display and checkpoints; return the model and its curve."""
    with Show(config, part, steps, held_out) as show:
        show.model = SequenceGAN(
            tokenizer="char", max_length=config.window, batch_size=config.batch_size, device=config.device,
            validation_fraction=0.05, callbacks=(show,), checkpoint=config.out / "fits" / part.replace(" ", "_"),
            checkpoint_every=4 * config.every, random_state=config.seed, **settings,
        )  # fmt: skip
        return show.model.fit(train)


def scores(model: SequenceGAN, held_out: list[str], words: set[str], config: Config) -> list[dict[str, float]]:
    """Return what can be said of a model at each temperature."""
    rows = []
    tokens = model.corpus_.encode(held_out)
    for temperature in config.temperatures:
        texts = model.sample(config.samples, temperature=temperature, random_state=config.seed)
        nats = negative_log_likelihood(model.generator_, tokens, temperature)
        letters, share = [list(text) for text in texts], known_words(texts, words)
        rows.append(
            {
                "temperature": temperature,
                "nats": nats,
                "bits": nats / NATS_PER_BIT,
                "words": share.mean,
                "words_error": (share.high - share.low) / 2,
                "unique": unique_ratio(letters),
                **{f"distinct_{n}": distinct(letters, n) for n in (3, 5)},
            }
        )
    return rows


def known_words(texts: Sequence[str], words: set[str]) -> Interval:
    """Return the share of written words that the text knows; the cut ones at both ends do not count."""
    written = [[word.strip(MARKS) in words for word in text.split()[1:-1]] or [False] for text in texts]
    shares = [sum(known) / len(known) for known in written]
    return bootstrap_interval(shares, [len(known) for known in written])


def table(rows: dict[str, list[dict[str, float]]], real: float) -> Table:
    """Lay out what the models do at each temperature."""
    shown = Table(title=f"Nats and bits of held-out text: lower is better. Real words in held-out text: {real:.1%}")
    for heading in ("", "temperature", "nats/char", "bits/char", "real words", "unique", "distinct-3", "distinct-5"):
        shown.add_column(heading, justify="right")
    for name, group in rows.items():
        for row in group:
            words = f"{row['words']:.1%} +- {row['words_error']:.1%}"
            shown.add_row(
                name, f"{row['temperature']:g}", f"{row['nats']:.3f}", f"{row['bits']:.3f}", words,
                f"{row['unique']:.1%}", f"{row['distinct_3']:.4f}", f"{row['distinct_5']:.4f}",
            )  # fmt: skip
    return shown


def verdict(before: list[dict[str, float]], after: list[dict[str, float]], model: SequenceGAN, steps: int) -> str:
    """Say whether the game did more than sharpening does."""
    if not steps:
        return "No game was played."
    if model.best_step_ == 0:
        return f"The game did not help: of its {steps} steps none beat the start, which is therefore what was kept."
    kept, equal = f"Kept: step {model.best_step_} of the game.", "at equal shares of real words held-out text costs"
    least, most = cost(after, before, 1), cost(after, before, -1)
    if not least or not most:
        return f"{kept} No share of real words is reached by both, so that they cannot be compared."
    if max(most) < 0:
        return f"{kept} It beats sharpening: {equal} {between(most)} less."
    if min(least) > 0:
        return f"{kept} It is worse than sharpening: {equal} {between(least)} more."
    return f"{kept} Next to sharpening it makes no difference that can be told from the luck of sampling."


def cost(after: list[dict[str, float]], before: list[dict[str, float]], side: int) -> list[float]:
    """Return what the game costs more at equal shares of real words, with luck on its side (1) or against it (-1)."""
    curves = [
        [FrontierPoint(row["temperature"], 1 - row["words"] - way * row["words_error"], row["nats"]) for row in rows]
        for rows, way in ((before, -side), (after, side))
    ]
    return [-each.gap for each in gap(*curves)]


def between(costs: Sequence[float]) -> str:
    """Return the smallest and the largest of some costs without their sign."""
    sizes = sorted(map(abs, costs))
    return f"{sizes[0]:.3f} to {sizes[-1]:.3f} nats per character"


def write_samples(config: Config, models: dict[str, SequenceGAN]) -> str:
    """Write samples of each model at each temperature, and return those of the last one."""
    pages: list[str] = []
    for name, model in models.items():
        for temperature in config.temperatures:
            texts = model.sample(5, prefix=config.prompt, temperature=temperature, random_state=config.seed)
            pages.append("\n\n".join([f"=== {name}, temperature {temperature:g}", *texts]))
    (config.out / "samples.txt").write_text("\n\n".join(pages) + "\n", encoding="utf-8")
    return "\n\n".join(page.rsplit("\n\n", 2)[0] for page in pages[-len(config.temperatures) :])


def main(config: Config) -> None:
    """Train, play, compare."""
    ensure_writable(config.out)
    if config.threads:
        torch.set_num_threads(config.threads)
    if not config.resume:
        shutil.rmtree(config.out / "fits", ignore_errors=True)
    text, own = read_text(config), config.data is not None
    begin = len(text) - max(len(text) // 10, 2 * config.window)
    train, held_out = windows(text[: max(begin, 0)], config.window), windows(text[begin:], config.window)[:500]
    if len(train) < 4 or not held_out:
        raise DataError(
            f"The text has {len(text)} characters, too few for windows of {config.window}; give a longer one."
        )
    if not set(config.prompt) <= set(text) or not 0 < len(config.prompt) < config.window:
        raise ValueError(f"--prompt {config.prompt!r} must be 1 to {config.window - 1} characters that the text knows.")
    steps = (500 if own else 200) if config.steps is None else config.steps
    dropout = (0.0 if own else 0.3) if config.dropout is None else config.dropout
    print(f"{len(text)} characters, {len(set(text))} different; the last {len(held_out)} windows are held out.")
    start = time.monotonic()
    network = partial(LSTMGenerator, embedding=64, hidden=config.hidden, dropout=dropout)
    mle = fit(
        config, "likelihood", steps, train, held_out, objective=None, generator=network, likelihood_iter=steps,
        learning_rate=config.learning_rate,
    )  # fmt: skip
    gan = fit(
        config, "game", config.game_steps, train, held_out,
        objective=partial(SeqGAN, rollouts=0, likelihood=config.likelihood),
        generator=partial(again, mle.generator_), likelihood_iter=0, warm_up_iter=config.warm_up,
        max_iter=config.game_steps, game_learning_rate=config.game_learning_rate, guard_every=10,
    )  # fmt: skip
    seconds = time.monotonic() - start
    report(config, {"likelihood": mle, "game": gan}, text, held_out, seconds, steps)


def report(
    config: Config, models: dict[str, SequenceGAN], text: str, held_out: list[str], seconds: float, steps: int
) -> None:
    """Measure, draw, write and print."""
    words = {word.strip(MARKS) for word in text[: len(text) - len(text) // 10].split()}
    rows = {name: scores(model, held_out, words, config) for name, model in models.items()}
    print(write_samples(config, models))
    Console(width=120).print(table(rows, known_words(held_out, words).mean))
    print(verdict(rows["likelihood"], rows["game"], models["game"], config.game_steps))
    curves: dict[str, tuple[list[float], list[float]]] = {}
    seen: list[tuple[float, float]] = []
    for name, model in models.items():
        done = seen[-1:]  # the game goes on where likelihood stopped
        seen = done + [
            (entry["step"] + (steps if name == "game" else 0), entry["validation"])
            for entry in model.history_
            if "validation" in entry
        ]
        curves[name] = ([step for step, _ in seen], [nats for _, nats in seen])
    draw_curves(config.out / "curve.png", curves, "step", "held-out text, nats per character")
    metrics = {
        f"{name}, temperature {row['temperature']:g}, {what}": round(row[what], 5)
        for name, group in rows.items()
        for row in group
        for what in row
        if what != "temperature"
    }
    total = sum(model.n_iter_ for model in models.values())
    write_result(
        config.out, "sequence_shakespeare", asdict(config), metrics,
        f"nats and bits per character on {len(held_out)} windows of {config.window} held-out characters, each read "
        f"without what stood before; the rest from {config.samples} sampled windows (words_error: half of a 95 % "
        "bootstrap interval); one run",
        seconds, total / seconds, config.device, curves=curves, best_step=models["game"].best_step_,
    )  # fmt: skip
    print(f"{seconds:.0f} s; samples.txt, curve.png and result.json are in {config.out}")


MARKS = ".,;:!?'\"-()[]&"
SONNETS = """\
Shall I compare thee to a summer's day?
Thou art more lovely and more temperate:
Rough winds do shake the darling buds of May,
And summer's lease hath all too short a date:
Sometime too hot the eye of heaven shines,
And often is his gold complexion dimm'd;
And every fair from fair sometime declines,
By chance, or nature's changing course untrimm'd;
But thy eternal summer shall not fade,
Nor lose possession of that fair thou ow'st;
Nor shall Death brag thou wander'st in his shade,
When in eternal lines to time thou grow'st:
So long as men can breathe, or eyes can see,
So long lives this, and this gives life to thee.

When, in disgrace with fortune and men's eyes,
I all alone beweep my outcast state,
And trouble deaf heaven with my bootless cries,
And look upon myself, and curse my fate,
Wishing me like to one more rich in hope,
Featur'd like him, like him with friends possess'd,
Desiring this man's art and that man's scope,
With what I most enjoy contented least;
Yet in these thoughts myself almost despising,
Haply I think on thee, and then my state,
Like to the lark at break of day arising
From sullen earth, sings hymns at heaven's gate;
For thy sweet love remember'd such wealth brings
That then I scorn to change my state with kings.

When to the sessions of sweet silent thought
I summon up remembrance of things past,
I sigh the lack of many a thing I sought,
And with old woes new wail my dear time's waste:
Then can I drown an eye, unus'd to flow,
For precious friends hid in death's dateless night,
And weep afresh love's long since cancell'd woe,
And moan the expense of many a vanish'd sight:
Then can I grieve at grievances foregone,
And heavily from woe to woe tell o'er
The sad account of fore-bemoaned moan,
Which I new pay as if not paid before.
But if the while I think on thee, dear friend,
All losses are restor'd and sorrows end.

Not marble, nor the gilded monuments
Of princes, shall outlive this powerful rhyme;
But you shall shine more bright in these contents
Than unswept stone, besmear'd with sluttish time.
When wasteful war shall statues overturn,
And broils root out the work of masonry,
Nor Mars his sword nor war's quick fire shall burn
The living record of your memory.
'Gainst death and all-oblivious enmity
Shall you pace forth; your praise shall still find room
Even in the eyes of all posterity
That wear this world out to the ending doom.
So, till the judgment that yourself arise,
You live in this, and dwell in lovers' eyes.

Like as the waves make towards the pebbled shore,
So do our minutes hasten to their end;
Each changing place with that which goes before,
In sequent toil all forwards do contend.
Nativity, once in the main of light,
Crawls to maturity, wherewith being crown'd,
Crooked eclipses 'gainst his glory fight,
And Time that gave doth now his gift confound.
Time doth transfix the flourish set on youth
And delves the parallels in beauty's brow,
Feeds on the rarities of nature's truth,
And nothing stands but for his scythe to mow:
And yet to times in hope my verse shall stand,
Praising thy worth, despite his cruel hand.

Since brass, nor stone, nor earth, nor boundless sea,
But sad mortality o'er-sways their power,
How with this rage shall beauty hold a plea,
Whose action is no stronger than a flower?
O, how shall summer's honey breath hold out
Against the wreckful siege of battering days,
When rocks impregnable are not so stout,
Nor gates of steel so strong, but Time decays?
O fearful meditation! where, alack,
Shall Time's best jewel from Time's chest lie hid?
Or what strong hand can hold his swift foot back?
Or who his spoil of beauty can forbid?
O, none, unless this miracle have might,
That in black ink my love may still shine bright.

No longer mourn for me when I am dead
Than you shall hear the surly sullen bell
Give warning to the world that I am fled
From this vile world, with vilest worms to dwell:
Nay, if you read this line, remember not
The hand that writ it; for I love you so,
That I in your sweet thoughts would be forgot,
If thinking on me then should make you woe.
O, if, I say, you look upon this verse
When I perhaps compounded am with clay,
Do not so much as my poor name rehearse,
But let your love even with my life decay;
Lest the wise world should look into your moan,
And mock you with me after I am gone.

That time of year thou mayst in me behold
When yellow leaves, or none, or few, do hang
Upon those boughs which shake against the cold,
Bare ruin'd choirs, where late the sweet birds sang.
In me thou see'st the twilight of such day
As after sunset fadeth in the west;
Which by and by black night doth take away,
Death's second self, that seals up all in rest.
In me thou see'st the glowing of such fire,
That on the ashes of his youth doth lie,
As the death-bed whereon it must expire,
Consum'd with that which it was nourish'd by.
This thou perceiv'st, which makes thy love more strong,
To love that well which thou must leave ere long.

When in the chronicle of wasted time
I see descriptions of the fairest wights,
And beauty making beautiful old rhyme
In praise of ladies dead and lovely knights,
Then, in the blazon of sweet beauty's best,
Of hand, of foot, of lip, of eye, of brow,
I see their antique pen would have express'd
Even such a beauty as you master now.
So all their praises are but prophecies
Of this our time, all you prefiguring;
And, for they look'd but with divining eyes,
They had not skill enough your worth to sing:
For we, which now behold these present days,
Have eyes to wonder, but lack tongues to praise.

Let me not to the marriage of true minds
Admit impediments. Love is not love
Which alters when it alteration finds,
Or bends with the remover to remove:
O no! it is an ever-fixed mark
That looks on tempests and is never shaken;
It is the star to every wandering bark,
Whose worth's unknown, although his height be taken.
Love's not Time's fool, though rosy lips and cheeks
Within his bending sickle's compass come:
Love alters not with his brief hours and weeks,
But bears it out even to the edge of doom.
If this be error and upon me prov'd,
I never writ, nor no man ever lov'd.

My mistress' eyes are nothing like the sun;
Coral is far more red than her lips' red;
If snow be white, why then her breasts are dun;
If hairs be wires, black wires grow on her head.
I have seen roses damask'd, red and white,
But no such roses see I in her cheeks;
And in some perfumes is there more delight
Than in the breath that from my mistress reeks.
I love to hear her speak, yet well I know
That music hath a far more pleasing sound;
I grant I never saw a goddess go;
My mistress, when she walks, treads on the ground:
And yet, by heaven, I think my love as rare
As any she belied with false compare.

When I do count the clock that tells the time,
And see the brave day sunk in hideous night;
When I behold the violet past prime,
And sable curls all silver'd o'er with white;
When lofty trees I see barren of leaves
Which erst from heat did canopy the herd,
And summer's green all girded up in sheaves
Borne on the bier with white and bristly beard,
Then of thy beauty do I question make,
That thou among the wastes of time must go,
Since sweets and beauties do themselves forsake
And die as fast as they see others grow;
And nothing 'gainst Time's scythe can make defense
Save breed, to brave him when he takes thee hence.
"""


if __name__ == "__main__":
    with plain_errors():
        main(tyro.cli(Config))

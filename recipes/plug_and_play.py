"""One generator, any condition: five plug and play variants and two modern baselines, on MNIST or Fashion-MNIST.

    python recipes/plug_and_play.py --dataset mnist --data FOLDER

FOLDER holds the four idx.gz files of the data set.  A classifier with a code inside is trained, and a generator that
inverts it; chains in the space of codes then look for images of a wanted class, 1000 at once.  Every arm is asked for
100 images of each class and judged by another classifier, trained on its own: hit rate; coverage, density and diversity
within classes, beside what as many real images score; how fast codes mix, and how often a chain changes its prototype;
network passes and processor time for one image that hits.

Leaves in --out a picture of all arms, a film of chains, live.png which changes as chains run, the weights, and
result.json; --resume goes on where a killed run stopped.  Takes about 20 minutes on one core; --full is for a GPU.
"""

import time
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from gan_ext import Compute, Engine, Game, PlugAndPlayGAN
from gan_ext import plug_and_play as pnp
from gan_ext.data import ArrayStream, read_mnist
from gan_ext.engine import SaveEvery, Schedule, adam, cosine, flat_then_linear, write_tensors
from gan_ext.estimators import ChainJudge, ClassifierFeatures
from gan_ext.games import R3GAN, DenoisingAutoencoder, RealBatch
from gan_ext.latents import Gaussian
from gan_ext.nets import CodeClassifier, residual_denoiser, unit_image_nets
from gan_ext.pictures import ChainFilm, LivePicture, draw_images
from gan_ext.runs import Experiment, Options, Progress, at_least, launch, named, print_table, spreads, table_cells
from gan_ext.seeds import mix

Array = NDArray[Any]
GameT = TypeVar("GameT", bound=Game)
CODE = 32  # numbers in a code, and in the GAN's z
FILMED, SHOWN = "noiseless joint PPGN-h", 8  # the arm whose chains are filmed; images of each class in pictures
ARMS = (
    "PPGN-x", "DGN-AM", "PPGN-h", "joint PPGN-h", FILMED, "noiseless joint, official step", "flat prior, same chains",
    "latent Langevin", "DDLS",
)  # fmt: skip
HEADINGS = {
    "hit_rate": "hit rate", "coverage": "coverage", "density": "density", "diversity": "diversity",
    "frechet": "Frechet", "autocorrelation": "tau", "switches": "switches", "passes": "passes", "milliseconds": "ms",
}  # fmt: skip


@dataclass(kw_only=True)
class Config(Options):
    """Settings of the recipe."""

    out: Path = Path("runs/plug_and_play")
    device: str = "auto"
    threads: int = 0
    data: Path
    """Folder with the four idx.gz files."""
    dataset: Literal["mnist", "fashion"] = "mnist"
    """Which images they hold; it names the result."""
    arms: tuple[str, ...] = ARMS
    """Which arms are measured, by their names in the table."""
    chains: int = 100
    """Chains for each class; all classes run at once."""
    steps: int = 200
    """Steps of each chain."""
    chain_seeds: int = 3
    """Runs of the chains of each arm, with seeds 0, 1, ..."""
    training_steps: int = 2500
    """Steps of each generator's game."""
    classifier_steps: int = 1500
    """Steps of each classifier."""
    denoiser_steps: int = 4000
    """Steps of each denoiser."""
    channels: int = 32
    """Of the first convolutions."""
    validation: bool = False
    """Judge on 5000 training images that are left out of training, as for choosing settings, not on test images."""
    precision: Literal["float32", "bfloat16"] = "bfloat16"
    """Of training, and of chains without a Metropolis test."""
    full: bool = False
    """On a GPU: four times the channels and ten times the training steps."""


class Arm(NamedTuple):
    """One way to draw images of a class: a generator, a prior of its codes, and how chains move."""

    generator: nn.Module
    prior: pnp.ChainPrior
    sampler: pnp.Sampler
    passes: int  # of a chain through a network in one step, forwards or backwards


def load(config: Config) -> tuple[Array, Array, Array, Array]:
    """Return images [n, 1, h, w] in [0, 1] and their classes, to train on and to judge by."""
    data = read_mnist(config.data)
    x, x_test = ((part[:, None] / 255).astype(np.float32) for part in (data.x_train, data.x_test))
    if not config.validation:
        return x, data.y_train, x_test, data.y_test
    cut = len(x) - min(5000, len(x) // 5)
    return x[:cut], data.y_train[:cut], x[cut:], data.y_train[cut:]


def invert(
    config: Config, x: Array, y: Array, variant: Literal["denoising", "joint"], given: CodeClassifier | None = None
) -> PlugAndPlayGAN:
    """Train a classifier, unless one is given, and a generator that inverts it, without noise or with it."""
    with Progress(config.training_steps, f"generator, {variant}") as progress:
        return PlugAndPlayGAN(
            variant, latent_dim=CODE, classifier_iter=config.classifier_steps, denoiser_iter=config.denoiser_steps,
            channels=config.channels, classifier=given, scaling="none", unlabeled=None, max_iter=config.training_steps,
            device=config.device, precision=config.precision, checkpoint=config.fits / variant, callbacks=(progress,),
            random_state=config.seed,
        ).fit(x, y)  # fmt: skip


def play(
    config: Config, x: Array, name: str, game: GameT, steps: int, rate: Schedule, betas: tuple[float, float], ema: float
) -> GameT:
    """Play a game on images, and return it with averaged weights."""
    engine = Engine(
        game, {player: adam(rate(0), betas) for player in game.players()}, seed=config.seed, ema=ema,
        schedules={f"{player}.lr": rate for player in game.players()}, compute=Compute(config.device, config.precision),
    )  # fmt: skip
    engine.resume(config.fits / name)
    stream = ArrayStream(RealBatch(torch.from_numpy(x)), min(64, len(x)), config.seed)
    with Progress(steps, name) as progress:
        engine.fit(stream, steps, [progress, SaveEvery(500, config.fits / name)])
    game.load_state_dict(engine.averaged.state_dict())
    return game.cpu().eval()


def train(config: Config, x: Array, y: Array) -> tuple[PlugAndPlayGAN, dict[str, Arm]]:
    """Train all generators and denoisers; return the generator that most arms share, and the arms."""
    plain = invert(config, x, y, "denoising")
    noisy = invert(config, x, y, "joint", plain.classifier_)
    torch.manual_seed(mix(config.seed, 4))
    images, steps = DenoisingAutoencoder(residual_denoiser(x.shape[1:], 512), 0.25), config.denoiser_steps
    play(config, x, "image_denoiser", images, steps, cosine(1e-3, 0.0, steps), (0.9, 0.999), 0.999)
    torch.manual_seed(mix(config.seed, 5))
    z, steps = Gaussian(CODE), config.training_steps
    gan = R3GAN(*unit_image_nets(x.shape[1:], CODE, config.channels), z, 0.25)
    play(config, x, "gan", gan, steps, flat_then_linear(4e-4, steps), (0.0, 0.99), 0.998)

    # The samplers of the documentation's results, chosen on held-out training images.
    flat, joint = pnp.FlatPrior(CODE), pnp.JointPrior.of(plain.game_, CODE, 1.0)
    pixels = pnp.Langevin(0.2, 0.3, 7.5, 0.025, cooling=0.3, low=0.0, high=1.0)
    warm, climb = (PlugAndPlayGAN(variant).default_sampler() for variant in ("noiseless_joint", "flat"))
    pull = pnp.DenoisingPrior(images.model, x.shape[1:], 1.0)  # R(x) - x as it is
    official = pnp.OfficialSampler(0.1, noise=0.0, size=0.02, low=None, high=None)  # these codes have no ends
    exact, driven = pnp.MetropolisLangevin(0.1), pnp.DiscriminatorDriven(z, gan.generator, gan.discriminator)
    return plain, {
        "PPGN-x": Arm(nn.Identity(), pull, pixels, 3),
        "DGN-AM": Arm(plain.game_, flat, climb, 4),
        "PPGN-h": Arm(plain.game_, plain.prior(), plain.default_sampler(), 5),
        "joint PPGN-h": Arm(noisy.game_, noisy.prior(), noisy.default_sampler(), 5),
        FILMED: Arm(plain.game_, joint, warm, 5),
        "noiseless joint, official step": Arm(plain.game_, joint, official, 5),
        "flat prior, same chains": Arm(plain.game_, flat, warm, 4),
        "latent Langevin": Arm(gan.generator, pnp.LatentPrior(z), exact, 4),
        "DDLS": Arm(gan.generator, driven, exact, 9),
    }


def measure(
    config: Config, classifier: nn.Module, arms: dict[str, Arm], judge: ChainJudge, name: str, seed: int
) -> dict[str, Any]:
    """Run an arm's chains for each class, and return what they are worth, some images, and the film."""
    arm, classes = arms[name], np.unique(judge.y)
    compute = Compute(config.device, "float32" if isinstance(arm.sampler, pnp.MetropolisLangevin) else config.precision)

    def chains(each: int) -> pnp.PlugAndPlay:
        wanted = torch.arange(len(classes)).repeat_interleave(each)
        return pnp.PlugAndPlay(
            arm.generator, pnp.ClassCondition(classifier, wanted), arm.prior, arm.sampler, compute=compute
        )

    film, n = ChainFilm(config.out / "chains.gif", every=max(1, config.steps // 40)), config.chains * len(classes)
    watch = [LivePicture(config.out / "live.png"), *([film] if (name, seed) == (FILMED, 0) else [])]
    start = time.process_time()
    found = chains(config.chains).sample(n, steps=config.steps, callbacks=watch, random_state=seed)
    seconds = time.process_time() - start
    scores = judge.scores(found.data.numpy(), classes.repeat(config.chains))
    hits = max(scores.hit_rate * n, 1.0)
    print(f"{name}, chains {seed}: hit rate {100 * scores.hit_rate:.1f} %, coverage {scores.coverage:.3f}")
    return {
        **scores._asdict(), "accepted": found.accepted,
        **judge.mixing(chains(10), 10 * len(classes), steps=config.steps, random_state=seed)._asdict(),
        "passes": config.steps * arm.passes * n / hits, "milliseconds": 1000 * seconds / hits,
        "shown": some(found.data.numpy(), config.chains), **({"film": film.frames} if film in watch else {}),
    }  # fmt: skip


def some(images: Array, chains: int) -> Array:
    """Return a few images of each class, in rows with one of each."""
    by_class = images.reshape(-1, chains, *images.shape[1:])[:, :SHOWN]
    return by_class.swapaxes(0, 1).reshape(-1, *images.shape[1:])


def main(config: Config) -> None:
    """Train, run all arms, then print, draw and write."""
    check(config)
    x, y, x_judged, y_judged = load(config)
    run = Experiment(f"plug_and_play_{config.dataset}", config, free=("arms", "chain_seeds"), fixed=("seed",))
    start = time.monotonic()
    plain, arms = train(config, x, y)
    classifier = ClassifierFeatures(
        max_iter=config.classifier_steps, device=config.device, checkpoint=config.fits / "judge",
        random_state=mix(config.seed, 9) % 2**31,
    ).fit(x, y)  # fmt: skip
    training, judge = time.monotonic() - start, ChainJudge(classifier, x_judged, y_judged)
    judged = 100 * float((classifier.predict(x_judged) == y_judged).mean())
    print(f"Trained in {training:.0f} s; the independent classifier names {judged:.2f} % of real images right.")
    few = np.concatenate([np.flatnonzero(y == each)[: config.chains] for each in np.unique(y)])
    real = judge.scores(x[few], y[few])._asdict()
    runs = list(product([name for name in ARMS if name in config.arms], range(config.chain_seeds)))
    rows = run.fill(runs, partial(measure, config, plain.classifier_, arms, judge))

    found = {name: spreads(rows[name, seed] for seed in range(config.chain_seeds)) for name, _ in runs}
    means = {name: {score: value.mean for score, value in scores.items()} for name, scores in found.items()}
    print_table(
        f"{config.dataset}: {config.chains} chains for each class, {config.steps} steps", ("", *HEADINGS.values()),
        [
            (arm, *table_cells(row, dict.fromkeys(HEADINGS, ".3g")))
            for arm, row in {**means, "real images": real}.items()
        ],
        width=130,
    )  # fmt: skip
    pictures = {"real images": some(x[few], config.chains)}
    pictures |= {name: run.arrays((name, seed))["shown"] for name, seed in runs}
    draw_images(config.out / "samples.png", pictures, len(np.unique(y)), across=5)
    LivePicture(config.out / "live.png").draw(list(pictures.values())[-1])
    if (FILMED, 0) in rows:
        ChainFilm(config.out / "chains.gif").write(run.arrays((FILMED, 0))["film"])
    write_tensors(config.out / "generator.safetensors", plain.game_.state_dict(), {"seed": config.seed})
    figures = {f"{name}, {score}": value for name, scores in found.items() for score, value in scores.items()}
    run.finish(
        {"judge, accuracy": round(judged, 3), **{f"real images, {name}": round(each, 5) for name, each in real.items()}}
        | named(figures),
        f"{config.chains} chains for each class, {config.steps} steps, judged by an independent classifier against "
        f"{'held-out training' if config.validation else 'test'} images; deviations are over seeds of the chains",
        len(rows) * config.steps, run.seconds + training, training_seconds=training,
        rows={f"{name}, chains {seed}": row for (name, seed), row in rows.items()},
    )  # fmt: skip


def check(config: Config) -> None:
    """Refuse settings that make no sense, before any work."""
    if config.full:
        config.channels, config.training_steps = 4 * config.channels, 10 * config.training_steps
    if config.out == Config.out:
        config.out /= config.dataset
    at_least(config, 1, "steps", "chain_seeds", "training_steps", "classifier_steps", "denoiser_steps", "channels")
    at_least(config, 2, "chains")
    unknown = sorted(set(config.arms) - set(ARMS))
    if unknown or not config.arms:
        raise ValueError(f"--arms has {', '.join(unknown) or 'no name'}; there are {'; '.join(ARMS)}.")


if __name__ == "__main__":
    launch(main, Config)

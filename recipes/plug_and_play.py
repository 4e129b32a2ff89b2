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
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from gan_ext import Compute, Game, PlugAndPlayGAN, runs
from gan_ext import plug_and_play as pnp
from gan_ext.data import ArrayStream, read_mnist, unit_images
from gan_ext.engine import Schedule, cosine, flat_then_linear, write_tensors
from gan_ext.estimators import ChainJudge, ClassifierFeatures
from gan_ext.games import R3GAN, DenoisingAutoencoder, RealBatch
from gan_ext.latents import Gaussian
from gan_ext.nets import CodeClassifier, residual_denoiser, unit_image_nets
from gan_ext.pictures import ChainFilm, LivePicture, class_rows, draw_images
from gan_ext.seeds import mix, seeded

Array = NDArray[Any]
Arm = tuple[nn.Module, pnp.ChainPrior, pnp.Sampler, int]  # the last: passes of a chain through a net in one step
CODE = 32  # numbers in a code, and in the GAN's z
Name = Literal[
    "PPGN-x", "DGN-AM", "PPGN-h", "joint PPGN-h", "noiseless joint PPGN-h", "noiseless joint, official step",
    "flat prior, same chains", "latent Langevin", "DDLS",
]  # fmt: skip
FILMED: Name = "noiseless joint PPGN-h"  # the arm whose chains are filmed
HEADINGS = {
    "hit_rate": "hit rate", "coverage": "coverage", "density": "density", "diversity": "diversity",
    "frechet": "Frechet", "autocorrelation": "tau", "switches": "switches", "passes": "passes", "milliseconds": "ms",
}  # fmt: skip


@dataclass(kw_only=True)
class Config(runs.Options):
    """Settings of the recipe."""

    out: Path = Path("runs/plug_and_play")
    device: str = "auto"
    threads: int = 0
    data: Path
    """Folder with the four idx.gz files."""
    dataset: Literal["mnist", "fashion"] = "mnist"
    """Which images they hold; it names the result."""
    arms: tuple[Name, ...] = get_args(Name)
    """Which arms are measured."""
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


def train(config: Config, x: Array, y: Array) -> tuple[PlugAndPlayGAN, dict[str, Arm]]:
    """Train all generators and denoisers; return the generator that most arms share, and the arms."""
    shape, compute, training = x.shape[1:], Compute(config.device, config.precision), config.training_steps

    def invert(variant: Literal["denoising", "joint"], given: CodeClassifier | None = None) -> PlugAndPlayGAN:
        with runs.Progress(training, f"generator, {variant}") as progress:
            return PlugAndPlayGAN(
                variant, latent_dim=CODE, classifier_iter=config.classifier_steps, denoiser_iter=config.denoiser_steps,
                channels=config.channels, classifier=given, scaling="none", unlabeled=None, max_iter=training,
                device=config.device, precision=config.precision, checkpoint=config.fits / variant,
                callbacks=(progress,), random_state=config.seed,
            ).fit(x, y)  # fmt: skip

    def play(name: str, game: Game, steps: int, rate: Schedule, betas: tuple[float, float], ema: float) -> None:
        engine = runs.adam_engine(game, rate, betas, seed=config.seed, ema=ema, compute=compute)
        stream = ArrayStream(RealBatch(torch.from_numpy(x)), min(64, len(x)), config.seed)
        runs.fit_kept(engine, stream, steps, folder=config.fits / name, label=name, every=500)
        game.load_state_dict(engine.averaged.state_dict())
        game.cpu().eval()

    plain = invert("denoising")
    noisy = invert("joint", plain.classifier_)
    with seeded(mix(config.seed, 4)):
        images, steps = DenoisingAutoencoder(residual_denoiser(shape, 512), 0.25), config.denoiser_steps
    play("image_denoiser", images, steps, cosine(1e-3, 0.0, steps), (0.9, 0.999), 0.999)
    with seeded(mix(config.seed, 5)):
        z = Gaussian(CODE)
        gan = R3GAN(*unit_image_nets(shape, CODE, config.channels), z, 0.25)
    play("gan", gan, training, flat_then_linear(4e-4, training), (0.0, 0.99), 0.998)

    # The samplers of the documentation's results, chosen on held-out training images.
    flat, joint = pnp.FlatPrior(CODE), pnp.JointPrior.of(plain.game_, CODE, 1.0)
    pixels = pnp.Langevin(0.2, 0.3, 7.5, 0.025, cooling=0.3, low=0.0, high=1.0)
    warm, climb = (PlugAndPlayGAN(variant).default_sampler() for variant in ("noiseless_joint", "flat"))
    pull = pnp.DenoisingPrior(images.model, shape, 1.0)  # R(x) - x as it is
    official = pnp.OfficialSampler(0.1, noise=0.0, size=0.02, low=None, high=None)  # these codes have no ends
    exact, driven = pnp.MetropolisLangevin(0.1), pnp.DiscriminatorDriven(z, gan.generator, gan.discriminator)
    return plain, {
        "PPGN-x": (nn.Identity(), pull, pixels, 3),
        "DGN-AM": (plain.game_, flat, climb, 4),
        "PPGN-h": (plain.game_, plain.prior(), plain.default_sampler(), 5),
        "joint PPGN-h": (noisy.game_, noisy.prior(), noisy.default_sampler(), 5),
        FILMED: (plain.game_, joint, warm, 5),
        "noiseless joint, official step": (plain.game_, joint, official, 5),
        "flat prior, same chains": (plain.game_, flat, warm, 4),
        "latent Langevin": (gan.generator, pnp.LatentPrior(z), exact, 4),
        "DDLS": (gan.generator, driven, exact, 9),
    }


def measure(
    config: Config, classifier: nn.Module, arms: dict[str, Arm], judge: ChainJudge, name: str, seed: int
) -> dict[str, Any]:
    """Run an arm's chains for each class, and return what they are worth, some images, and the film."""
    generator, prior, sampler, passes = arms[name]
    compute = Compute(config.device, "float32" if isinstance(sampler, pnp.MetropolisLangevin) else config.precision)
    chains = partial(pnp.PlugAndPlay, generator, prior=prior, sampler=sampler, compute=compute)
    film = ChainFilm(config.out / "chains.gif", every=max(1, config.steps // 40))
    watch = [LivePicture(config.out / "live.png"), *([film] if (name, seed) == (FILMED, 0) else [])]
    row, found = judge.measure(
        chains, classifier, config.chains, steps=config.steps, callbacks=watch, random_state=seed
    )
    print(f"{name}, chains {seed}: hit rate {100 * row['hit_rate']:.1f} %, coverage {row['coverage']:.3f}")
    row["passes"] = row.pop("steps") * passes
    return {**row, "shown": class_rows(found, config.chains), **({"film": film.frames} if film in watch else {})}


def main(config: Config) -> None:
    """Train, run all arms, then print, draw and write."""
    if config.full:
        config.channels, config.training_steps = 4 * config.channels, 10 * config.training_steps
    if config.out == Config.out:
        config.out /= config.dataset
    runs.at_least(config, 1, "steps", "chain_seeds", "training_steps", "classifier_steps", "denoiser_steps", "channels")
    runs.at_least(config, 2, "chains")
    data = read_mnist(config.data)
    x, y, x_judged, y_judged = unit_images(data, min(5000, len(data.x_train) // 5) if config.validation else 0)
    run = runs.Experiment(f"plug_and_play_{config.dataset}", config, ("arms", "chain_seeds"), fixed=("seed",))
    start = time.monotonic()
    plain, arms = train(config, x, y)
    seed, folder = mix(config.seed, 9) % 2**31, config.fits / "judge"
    reader = ClassifierFeatures(
        max_iter=config.classifier_steps, device=config.device, checkpoint=folder, random_state=seed
    )
    judge = ChainJudge(reader.fit(x, y), x_judged, y_judged)
    training = time.monotonic() - start
    judged = 100 * judge.accuracy()
    print(f"Trained in {training:.0f} s; the independent classifier names {judged:.2f} % of real images right.")
    few = np.concatenate([np.flatnonzero(y == each)[: config.chains] for each in np.unique(y)])
    real = judge.scores(x[few], y[few])._asdict()
    cells = list(product([name for name in get_args(Name) if name in config.arms], range(config.chain_seeds)))
    rows = run.fill(cells, partial(measure, config, plain.classifier_, arms, judge))

    found = {name: runs.spreads(each) for name, each in runs.over_seeds(rows).items()}
    table = {name: {score: each.mean for score, each in of.items()} for name, of in found.items()}
    table["real images"] = real
    runs.print_table(
        f"{config.dataset}: {config.chains} chains for each class, {config.steps} steps", ("", *HEADINGS.values()),
        [(arm, *runs.table_cells(row, dict.fromkeys(HEADINGS, ".3g"))) for arm, row in table.items()], width=130,
    )  # fmt: skip
    pictures = {"real images": class_rows(x[few], config.chains)}
    pictures |= {name: run.arrays((name, seed))["shown"] for name, seed in cells}
    draw_images(config.out / "samples.png", pictures, len(np.unique(y)), across=5)
    LivePicture(config.out / "live.png").draw(list(pictures.values())[-1])
    if (FILMED, 0) in rows:
        ChainFilm(config.out / "chains.gif").write(run.arrays((FILMED, 0))["film"])
    write_tensors(config.out / "generator.safetensors", plain.game_.state_dict(), {"seed": config.seed})
    run.finish(
        {"judge, accuracy": round(judged, 3), **{f"real images, {name}": round(each, 5) for name, each in real.items()}}
        | runs.named(found),
        f"{config.chains} chains for each class, {config.steps} steps, judged by an independent classifier against "
        f"{'held-out training' if config.validation else 'test'} images; deviations are over seeds of the chains",
        len(rows) * config.steps, run.seconds + training, training_seconds=training,
        rows={f"{name}, chains {seed}": row for (name, seed), row in rows.items()},
    )  # fmt: skip


if __name__ == "__main__":
    runs.launch(main, Config)

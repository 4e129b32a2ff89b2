"""Games with classes: soundness, their equations, their optima where all can be counted, and what they learn."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from gan_ext import Compute, Engine
from gan_ext.data import ArrayStream
from gan_ext.engine import adam
from gan_ext.games import ACGAN, ADCGAN, Conditional, LabeledBatch
from gan_ext.latents import Gaussian, Prior
from gan_ext.losses import discriminator_non_saturating, generator_non_saturating, mode_seeking, r1_penalty
from gan_ext.nets import (
    ClassifyingDiscriminator,
    ClassJudgment,
    ConcatenatedGenerator,
    ConcatenationDiscriminator,
    ProjectionDiscriminator,
    mlp_conditional_generator,
    mlp_generator,
    mlp_trunk,
)
from gan_ext.testing import check_game

K, WIDTHS = 3, (16, 16)
NAMES = ("concatenation", "normalization", "projection", "acgan", "adcgan")


def play(name: str, d: int = 2, spectral: bool = False, latent: int = 4, **options: Any) -> Any:
    generator: nn.Module = mlp_conditional_generator((d,), latent, K, WIDTHS)
    trunk = mlp_trunk((d,), WIDTHS, spectral=spectral)
    prior = Gaussian(latent)
    if name == "projection":
        return Conditional(generator, ProjectionDiscriminator(trunk, 16, K, spectral), prior, **options)
    if name in ("acgan", "adcgan"):
        game, outputs = (ACGAN, K) if name == "acgan" else (ADCGAN, 2 * K)
        return game(generator, ClassifyingDiscriminator(trunk, 16, outputs, spectral), prior, **options)
    if name == "concatenation":
        generator = ConcatenatedGenerator(mlp_generator((d,), latent + K, WIDTHS, nn.Identity()), K)
    net = nn.Sequential(mlp_trunk((d + K,), WIDTHS, spectral=spectral), nn.Linear(16, 1))
    return Conditional(generator, ConcatenationDiscriminator(net, K), prior, **options)


@pytest.mark.parametrize(
    "options", [{}, {"spectral": True}, {"r1": 1.0, "mode_seeking": 0.5}, {"spectral": True, "r1": 1.0}]
)
@pytest.mark.parametrize("name", NAMES)
def test_the_game_is_sound(name: str, options: dict[str, Any]) -> None:
    check_game(lambda: play(name, **options), LabeledBatch(torch.rand(12, 2), torch.arange(12) % K))


def at(seed: int, loss: Any) -> Any:
    torch.default_generator.manual_seed(seed)
    return loss()


def test_the_conditional_game_is_its_equations() -> None:
    game, batch = play("projection", r1=0.6, mode_seeking=0.5), LabeledBatch(torch.rand(12, 2), torch.arange(12) % K)
    d, y = game.discriminator, batch.y
    fake = at(1, lambda: game.generator(game.prior.sample(12), y))
    loss, terms = at(1, lambda: game.discriminator_loss(batch))
    expected = discriminator_non_saturating(d(batch.x, y), d(fake, y)) + 0.3 * r1_penalty(lambda x: d(x, y), batch.x)
    torch.testing.assert_close(loss, expected)
    assert set(terms) == {"adversarial", "r1"}
    z, other = at(1, lambda: (game.prior.sample(12), game.prior.sample(12)))
    made, second = game.generator(torch.cat([z, other]), torch.cat([y, y])).chunk(2)
    expected = generator_non_saturating(d(made, y)) + 0.5 * mode_seeking(made, second, z, other)
    torch.testing.assert_close(at(1, lambda: game.generator_loss(batch))[0], expected)


@pytest.mark.parametrize("name", ["acgan", "adcgan"])
def test_without_its_class_term_a_naming_game_does_not_look_at_classes(name: str) -> None:
    game, x = play(name, weight=0.0), torch.rand(12, 2)
    first, second = (
        at(1, lambda y=y: game.discriminator_loss(LabeledBatch(x, y))[0]) for y in (torch.zeros(12).long(),) * 2
    )
    judged = game.discriminator(
        torch.cat([x, at(1, lambda: game.generator(game.prior.sample(12), torch.zeros(12).long()))])
    )
    assert first == second
    torch.testing.assert_close(first, discriminator_non_saturating(*judged.logits.chunk(2)))


@pytest.mark.parametrize("option", ["r1", "mode_seeking", "weight"])
def test_negative_weights_are_refused(option: str) -> None:
    with pytest.raises(ValueError, match=rf"{option}=-1.0.*must not be negative"):
        play("acgan", **{option: -1.0})


# --- optima, where every sample can be counted ------------------------------------------------------------------------

P = torch.tensor([[2.0, 1, 0, 3], [1, 2, 2, 1], [1, 1, 1, 3]]) / 18  # p(y, x) of 3 classes and 4 values
Q = torch.tensor([[1.0, 1, 2, 2], [3, 1, 1, 1], [0, 2, 2, 2]]) / 18  # the same shares of classes


class Rows(Prior):
    """A prior that draws 0, 1, 2, ..., so that a generator can make every value as often as it should."""

    def __init__(self) -> None:
        super().__init__(1, 1)

    def sample(self, n: int) -> Tensor:
        return torch.arange(n)[:, None]

    log_prob = entropy = log_posterior = posterior_mean = allows = None  # type: ignore[assignment]


class Table(nn.Module):
    """A generator that ignores its weight and makes what a table says."""

    def __init__(self, made: Tensor) -> None:
        super().__init__()
        self.made, self.weight = made, nn.Parameter(torch.zeros(()))

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        return self.made[z[:, 0]] + 0 * self.weight


class Free(nn.Module):
    """A discriminator with a number of its own for every value (and class)."""

    def __init__(self, outputs: int, joint: bool) -> None:
        super().__init__()
        self.judge = nn.Parameter(torch.zeros(K if joint else 1, 4))
        self.names = nn.Parameter(torch.zeros(outputs, 4))
        self.joint = joint

    def forward(self, x: Tensor, y: Tensor | None = None) -> Any:
        if self.joint:
            return (x @ self.judge.T).gather(1, y[:, None])[:, 0]  # type: ignore[index]
        return ClassJudgment(x @ self.judge[0], x @ self.names.T)


def solved(game_type: Any, outputs: int, p: Tensor = P, q: Tensor = Q) -> tuple[Any, LabeledBatch]:
    """Return a game at the discriminator's optimum, and the batch of all 18 samples."""
    y = torch.arange(K).repeat_interleave(6)
    x, made = (
        one_hot(torch.cat([torch.arange(4).repeat_interleave(row) for row in (18 * t).round().long()]), 4).float()
        for t in (p, q)
    )
    game, batch = game_type(Table(made), Free(outputs, game_type is Conditional), Rows()), LabeledBatch(x, y)
    learned = [each for each in game.discriminator.parameters() if each.numel()]
    solver = torch.optim.LBFGS(
        learned, lr=1, max_iter=500, tolerance_grad=1e-9, tolerance_change=1e-12, line_search_fn="strong_wolfe"
    )

    def closure() -> Tensor:
        solver.zero_grad()
        loss: Tensor = game.discriminator_loss(batch)[0]
        loss.backward()
        return loss

    for _ in range(3):
        solver.step(closure)
    return game, batch


def test_the_conditional_discriminators_optimum_is_the_log_ratio_of_joint_probabilities() -> None:
    game, batch = solved(Conditional, 0)
    both = (P > 0) & (Q > 0)
    torch.testing.assert_close(game.discriminator.judge.detach()[both], (P / Q).log()[both], atol=1e-2, rtol=0)
    middle = (P + Q) / 2
    divergence = (torch.xlogy(P, P / middle) + torch.xlogy(Q, Q / middle)).sum() / 2  # Jensen-Shannon, in nats
    expected = 2 * np.log(2) - 2 * divergence
    torch.testing.assert_close(game.discriminator_loss(batch)[0].detach(), expected, atol=1e-3, rtol=0)


def test_the_auxiliary_classifiers_optimum_mixes_real_and_generated_classes() -> None:
    game, batch = solved(ACGAN, K)
    torch.testing.assert_close(game.discriminator.judge.detach()[0], (P.sum(0) / Q.sum(0)).log(), atol=1e-2, rtol=0)
    mixed = (P + Q) / (P + Q).sum(0)
    torch.testing.assert_close(game.discriminator.names.detach().softmax(0), mixed, atol=1e-2, rtol=0)
    expected = -(Q * mixed.log()).sum()
    torch.testing.assert_close(game.generator_loss(batch)[1]["class"], expected, atol=1e-2, rtol=0)


def test_the_discriminative_classifiers_optimum_gives_the_generator_the_joint_divergence() -> None:
    """At the optimum C_G = KL(q || p) over samples with their classes; p must be positive where q is."""
    p, q = P.clone(), Q.clone()
    p[0], q[2] = torch.tensor([2.0, 1, 1, 2]) / 18, torch.tensor([1.0, 1, 2, 2]) / 18
    game, batch = solved(ADCGAN, 2 * K, p, q)
    both = torch.cat([p, q]) / (p + q).sum(0)
    torch.testing.assert_close(game.discriminator.names.detach().softmax(0), both, atol=1e-2, rtol=0)
    divergence = (q * (q / p).log()).sum()
    torch.testing.assert_close(game.generator_loss(batch)[1]["class"], divergence, atol=1e-2, rtol=0)


def test_a_perfect_generator_rests_in_adc_gan_and_is_drawn_away_in_ac_gan() -> None:
    """At q = p no sample is better than another for ADC-GAN; AC-GAN pays for those that other classes seldom have."""
    values = one_hot(torch.arange(4), 4).float()
    pays = {}
    for game_type, outputs in ((ACGAN, K), (ADCGAN, 2 * K)):
        game, _ = solved(game_type, outputs, P, P)
        logits = game.discriminator(values).classes.detach()
        pays[game_type] = [game.named_loss(logits[x : x + 1], torch.tensor([0])) for x in (0, 1, 3)]
    torch.testing.assert_close(torch.stack(pays[ADCGAN]), torch.zeros(3), atol=1e-2, rtol=0)
    expected = -(P[0] / P.sum(0)).log()[[0, 1, 3]]
    torch.testing.assert_close(torch.stack(pays[ACGAN]), expected, atol=1e-2, rtol=0)


# --- what they learn --------------------------------------------------------------------------------------------------

MEANS = np.array([[0.0, 3.0], [3.0, -2.0], [-3.0, -2.0]])


@pytest.mark.parametrize("name", NAMES)
def test_samples_of_a_class_lie_at_its_cluster(name: str) -> None:
    rng = np.random.default_rng(0)
    y = np.arange(600) % K
    x = MEANS[y] + 0.7 * rng.normal(size=(600, 2))
    batch = LabeledBatch(torch.tensor(x, dtype=torch.float32), torch.tensor(y))
    players = {"discriminator": adam(2e-3), "generator": adam(2e-3)}
    engine = Engine(play(name, spectral=True), players, ema=0.98, compute=Compute("cpu"))
    engine.fit(ArrayStream(batch, 64), steps=400)
    game: Any = engine.averaged
    wanted = torch.arange(K).repeat_interleave(200)
    with torch.no_grad():
        made = game.generator(game.prior.sample(600), wanted).numpy()
    nearest = np.linalg.norm(made[:, None] - MEANS, axis=2).argmin(1)
    assert (nearest == wanted.numpy()).mean() > 0.95

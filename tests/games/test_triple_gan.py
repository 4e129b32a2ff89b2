"""Triple-GAN: soundness, its equations, its optimum where all can be counted, and what it learns from few labels."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, one_hot, relu, softplus

from gan_ext import Compute, Engine
from gan_ext.data import SemiStream
from gan_ext.engine import adam, linear
from gan_ext.games import SemiBatch, TripleGAN
from gan_ext.latents import Gaussian, Prior
from gan_ext.losses import conditional_entropy, feature_matching
from gan_ext.nets import ProjectionDiscriminator, mlp_conditional_generator, mlp_discriminator, mlp_trunk
from gan_ext.terms import (
    ConditionalEntropy,
    FeatureMatching,
    ManifoldSmoothing,
    MeanTeacher,
    MixUp,
    PiModel,
    PullAway,
)
from gan_ext.testing import ConstantStream, check_game

K, WIDTHS = 3, (16, 16)


def play(noise: float = 0.0, **options: Any) -> TripleGAN:
    generator = mlp_conditional_generator((2,), 4, K, WIDTHS)
    discriminator = ProjectionDiscriminator(mlp_trunk((2,), WIDTHS), 16, K)
    return TripleGAN(
        mlp_discriminator((2,), K, WIDTHS, noise, noise), generator, discriminator, Gaussian(4), K, **options
    )


def batch() -> SemiBatch:
    return SemiBatch(torch.rand(5, 2), torch.tensor([0, 1, 2, 1, 1]), torch.rand(9, 2))


def at(seed: int, loss: Any) -> Any:
    torch.default_generator.manual_seed(seed)
    return loss()


@pytest.mark.parametrize("options", [{}, {"loss": "log", "samples": 4}])
def test_the_game_is_sound(options: dict[str, Any]) -> None:
    check_game(lambda: play(0.1, **options), batch())


def test_the_game_with_terms_is_sound() -> None:
    def make() -> TripleGAN:
        kinds = (MeanTeacher, MixUp, ManifoldSmoothing, PiModel, PullAway, FeatureMatching)
        return play(0.1, terms=[kind() for kind in kinds])

    check_game(make, batch())


def test_the_losses_are_their_equations() -> None:
    """Class by class, with every network called by itself."""
    game = play(pseudo=0.25, adversarial=0.7, generated=0.3, terms=[ConditionalEntropy(0.2), FeatureMatching(weight=2)])
    (x, y, u), real_batch = (given := batch()), given
    d, c = game.discriminator, game.classifier
    z, made_y = at(1, lambda: game._draw(real_batch))
    made = game.generator(z, made_y)
    p, scores = c(u).logits.softmax(1), torch.stack([d(u, torch.full((9,), k)) for k in range(K)], dim=1)
    likeliest = d(u, p.argmax(1))

    loss, terms = at(1, lambda: game.discriminator_loss(real_batch))
    expected = {
        "real": (relu(1 - d(x, y)).sum() + 0.25 * relu(1 - likeliest).sum()) / (5 + 0.25 * 9),
        "generated": relu(1 + d(made, made_y)).mean() / 2,
        "classified": (p * relu(1 + scores)).sum(1).mean() / 2,
    }
    torch.testing.assert_close(loss, sum(expected.values()))
    torch.testing.assert_close(terms, {name: value.detach() for name, value in expected.items()})

    loss, terms = at(1, lambda: game.generator_loss(real_batch))
    matching = feature_matching(c(u).features, c(made).features)
    torch.testing.assert_close(loss, -d(made, made_y).mean() + 2 * matching)
    assert set(terms) == {"adversarial", "feature_matching"}

    loss, terms = at(1, lambda: game.classifier_loss(real_batch))
    total = cross_entropy(c(x).logits, y) - 0.7 * (p * scores).sum(1).mean()
    total = total + 0.3 * cross_entropy(c(made).logits, made_y) + 0.2 * conditional_entropy(c(u).logits)
    torch.testing.assert_close(loss, total)
    assert list(terms) == ["supervised", "adversarial", "generated", "entropy"]


def test_the_log_loss_is_the_cross_entropy_of_real_and_made_pairs() -> None:
    game, given = play(loss="log", pseudo=0.0, adversarial=1.0, generated=0.0), batch()
    d, (x, y, u) = game.discriminator, given
    z, made_y = at(1, lambda: game._draw(given))
    made = game.generator(z, made_y)
    p, scores = game.classifier(u).logits.softmax(1), torch.stack([d(u, torch.full((9,), k)) for k in range(K)], dim=1)
    expected = softplus(-d(x, y)).mean() + softplus(d(made, made_y)).mean() / 2
    loss, _ = at(1, lambda: game.discriminator_loss(given))
    torch.testing.assert_close(loss, expected + (p * softplus(scores)).sum(1).mean() / 2)
    torch.testing.assert_close(at(1, lambda: game.generator_loss(given))[0], softplus(-d(made, made_y)).mean())
    loss, _ = at(1, lambda: game.classifier_loss(given))
    torch.testing.assert_close(
        loss, cross_entropy(game.classifier(x).logits, y) + (p * softplus(-scores)).sum(1).mean()
    )


def test_without_guessed_pairs_only_labeled_ones_are_real_and_with_all_they_count_alike() -> None:
    given = batch()
    none, whole = play(pseudo=0.0), play(pseudo=1.0)
    for game in (none, whole):
        d, p = game.discriminator, game.classifier(given.u).logits.softmax(1)
        pairs = relu(1 - d(given.x, given.y))
        if game is whole:
            pairs = torch.cat([pairs, relu(1 - d(given.u, p.argmax(1)))])
        torch.testing.assert_close(game.discriminator_loss(given)[1]["real"], pairs.mean().detach())


def test_guesses_are_made_without_noise_and_leave_the_mode() -> None:
    game, u = play(0.5), torch.rand(20, 2)
    game.train()
    first, second = game._guess(u), game._guess(u)
    assert torch.equal(first, second)
    assert game.classifier.training


def test_classes_of_generated_samples_are_those_of_the_labels() -> None:
    game = play(samples=6000)
    _, y = game._draw(SemiBatch(torch.rand(4, 2), torch.tensor([1, 1, 1, 2]), torch.rand(3, 2)))
    assert len(y) == 6000
    torch.testing.assert_close(torch.bincount(y, minlength=3) / 6000, torch.tensor([0, 0.75, 0.25]), rtol=0, atol=0.03)


def test_terms_draw_z_and_class_side_by_side() -> None:
    game = play().eval()
    inputs = game._inputs(50)
    assert inputs.shape == (50, 4 + K)
    y = inputs[:, 4:].argmax(1)
    assert len(y.unique()) == K
    torch.testing.assert_close(game._make(inputs), game.generator(inputs[:, :4], y))
    torch.testing.assert_close(game._make(inputs + 0.1), game.generator(inputs[:, :4] + 0.1, y))


def test_weights_can_be_scheduled() -> None:
    game = play()
    names = ("adversarial", "generated", "pseudo")
    engine = Engine(
        game,
        dict.fromkeys(game.players(), adam()),
        solver=(("discriminator",), ("discriminator",), ("generator",), ("classifier",)),
        schedules={name: linear(0.0, 1.0, 4) for name in names},
        compute=Compute("cpu"),
    )
    engine.fit(ConstantStream(batch()), steps=3)
    assert [float(game.get_buffer(name)) for name in names] == [0.5] * 3


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"loss": "square"}, "loss='square' must be 'hinge' or 'log'"),
        ({"adversarial": -1.0}, r"needs adversarial >= 0.*got adversarial=-1.0"),
        ({"generated": -1.0}, "and pseudo=1.0"),
        ({"pseudo": 1.5}, r"pseudo in \[0, 1\], got .*pseudo=1.5"),
        ({"samples": 1}, "classes and samples of at least 2, got 3 and 1"),
        ({"terms": [MixUp(), MixUp()]}, "terms must differ"),
    ],
)
def test_bad_settings_are_refused(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        play(**options)


# --- the optimum, where every pair can be counted ---------------------------------------------------------------------

P = torch.tensor([[2.0, 1, 0, 3], [1, 2, 2, 1], [1, 1, 1, 3]]) / 18  # p(y, x) of 3 classes and 4 values
Q = torch.tensor([[1.0, 1, 2, 2], [3, 1, 1, 1], [0, 2, 2, 2]]) / 18  # the generator's, with the same shares of classes
C = torch.tensor([[0.5, 0.25, 0.25], [0.1, 0.6, 0.3], [0.2, 0.2, 0.6], [1 / 3, 1 / 3, 1 / 3]])  # p(c | x)


class Rows(Prior):
    """A prior that draws 0, 1, 2, ..., so that a generator can make every value as often as it should."""

    def __init__(self) -> None:
        super().__init__(1, 1)

    def sample(self, n: int) -> Tensor:
        return torch.arange(n)[:, None]

    log_prob = entropy = log_posterior = posterior_mean = allows = None  # type: ignore[assignment]


class Free(nn.Module):
    """A discriminator with a score of its own for every pair."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.zeros(K, 4, dtype=torch.float64))

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return (x.double() @ self.table.T).gather(1, y[:, None])[:, 0]


class Fixed(nn.Module):
    """A classifier with given probabilities."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        logits = x @ C.log()
        return logits, logits


class Exact(TripleGAN):
    """Every pair as often as it comes, in place of a draw."""

    def _draw(self, batch: SemiBatch) -> tuple[Tensor, Tensor]:
        return torch.arange(18)[:, None], torch.arange(K).repeat_interleave(6)


class Table(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.made, self.weight = samples(Q), nn.Parameter(torch.zeros(()))

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        return self.made[z[:, 0]] + 0 * self.weight


def samples(table: Tensor) -> Tensor:
    """Return one-hot values, class after class, each as often as the table says."""
    return one_hot(
        torch.cat([torch.arange(4).repeat_interleave(row) for row in (18 * table).round().long()]), 4
    ).float()


def test_the_best_discriminator_tells_real_pairs_from_the_mean_of_both_makers() -> None:
    r"""log-loss: d* = log p / m with m = (p_G + p_C) / 2, and L_D = log 4 - 2 JSD(p, m)."""
    x, y = samples(P), torch.arange(K).repeat_interleave(6)
    game = Exact(Fixed(), Table(), Free(), Rows(), K, loss="log", pseudo=0.0)
    everything = SemiBatch(x, y, x)
    table = game.discriminator.table
    solver = torch.optim.LBFGS([table], max_iter=500, tolerance_grad=1e-10, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        solver.zero_grad()
        loss, _ = game.discriminator_loss(everything)
        loss.backward()
        return loss

    solver.step(closure)
    p, m = P.double(), (Q + P.sum(0) * C.T).double() / 2
    there = p > 0
    torch.testing.assert_close(table[there], (p / m).log()[there], rtol=0, atol=1e-3)
    assert (table[~there] < -5).all()
    divergence = (torch.xlogy(p, 2 * p / (p + m)) + torch.xlogy(m, 2 * m / (p + m))).sum() / 2
    best = np.log(4) - 2 * divergence
    torch.testing.assert_close(closure().detach(), best, rtol=0, atol=1e-4, check_dtype=False)


def test_a_classifier_that_knows_the_posterior_is_at_rest_against_an_undecided_discriminator() -> None:
    game = play(generated=0.0, adversarial=5.0)
    for parameter in game.discriminator.parameters():
        nn.init.zeros_(parameter)
    alone = play(generated=0.0, adversarial=0.0)
    alone.classifier.load_state_dict(game.classifier.state_dict())
    given = batch()
    ours = torch.autograd.grad(game.classifier_loss(given)[0], list(game.classifier.parameters()))
    theirs = torch.autograd.grad(alone.classifier_loss(given)[0], list(alone.classifier.parameters()))
    torch.testing.assert_close(ours, theirs)


# --- learning ---------------------------------------------------------------------------------------------------------


CENTERS = 1.3 * torch.tensor([[1.0, 0.0], [-0.5, 0.866], [-0.5, -0.866]])


def groups(n: int, seed: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    y = torch.randint(K, (n,), generator=generator)
    return CENTERS[y] + 0.4 * torch.randn(n, 2, generator=generator), y


def test_unlabeled_groups_put_right_what_labels_at_their_edges_say() -> None:
    """Two labels for each group, both on the side of the next: alone they turn all boundaries."""
    (u, _), (test, truth) = groups(600, 0), groups(2000, 1)
    y = torch.arange(K).repeat(2)
    aside = torch.tensor([0.2, 0.4]).repeat_interleave(K)[:, None]
    x = CENTERS[y] + aside * (CENTERS[(y + 1) % K] - CENTERS[y])

    def learned(adversarial: float, generated: float, steps: int) -> TripleGAN:
        torch.default_generator.manual_seed(0)
        game = TripleGAN(
            mlp_discriminator((2,), K, (32, 32), 0.05, 0.05),
            mlp_conditional_generator((2,), 4, K, (32, 32)),
            ProjectionDiscriminator(mlp_trunk((2,), (64, 64)), 64, K),
            Gaussian(4),
            K,
            loss="log",
        )
        tops = {"adversarial": adversarial, "generated": generated, "pseudo": 1.0}
        rise = {name: (lambda step, top=top: top * min(1.0, step / 200)) for name, top in tops.items()}
        players = dict.fromkeys(game.players(), adam(3e-3))
        turns = (("discriminator",), ("generator",), ("classifier",))
        engine = Engine(game, players, ema=0.98, solver=turns, schedules=rise, compute=Compute("cpu"))
        averaged = engine.fit(SemiStream(SemiBatch, x, y, u, 64, 6), steps).averaged
        assert isinstance(averaged, TripleGAN)
        return averaged.eval()

    def accuracy(game: TripleGAN) -> float:
        return float((game.classifier(test)[0].argmax(1) == truth).float().mean())

    alone, together = learned(0.0, 0.0, 200), learned(1.0, 0.3, 400)
    assert accuracy(alone) < 0.95
    assert accuracy(together) > 0.975
    asked = torch.arange(600) % K
    made = together.generator(torch.randn(600, 4), asked)
    assert (torch.cdist(made, CENTERS).argmin(1) == asked).float().mean() > 0.8

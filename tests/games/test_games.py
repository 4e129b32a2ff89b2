"""The shipped games: their losses are the equations they state."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gan_ext import Loss
from gan_ext.games import KPlusOne, SemiBatch, Standard
from gan_ext.games.standard import RealBatch
from gan_ext.latents import Gaussian, Uniform
from gan_ext.losses import (
    conditional_entropy,
    discriminator_non_saturating,
    feature_matching,
    generator_non_saturating,
    pseudo_label,
    r1_penalty,
    supervised,
    unsupervised,
)
from gan_ext.nets import Classifier, mlp_discriminator, mlp_generator

K = 3


def semi_batch() -> SemiBatch:
    return SemiBatch(torch.rand(4, 6), torch.tensor([0, 1, 2, 0]), torch.rand(9, 6))


def kplusone(**weights: Any) -> KPlusOne:
    generator = nn.Sequential(nn.Linear(2, 6), nn.Sigmoid())
    discriminator = Classifier(nn.Sequential(nn.Linear(6, 5), nn.Tanh()), nn.Linear(5, K))
    with torch.no_grad():
        discriminator.head.weight *= 10  # so that some classes are sure
    return KPlusOne(generator, discriminator, Uniform(2), **weights)


def at(seed: int, loss: Any) -> Any:
    torch.default_generator.manual_seed(seed)
    return loss()


def noisy(x: Tensor) -> Tensor:
    return x + torch.randn_like(x)


@pytest.mark.parametrize("weights", [{}, {"unsupervised_weight": 0.3}, {"entropy_weight": 0.7}])
def test_the_discriminators_loss_is_its_equation(weights: dict[str, float]) -> None:
    game, batch = kplusone(**weights), semi_batch()
    loss, terms = at(1, lambda: game.discriminator_loss(batch))
    fake = game.generator(at(1, lambda: game.prior.sample(9)))
    known, real, generated = (game.discriminator(data).logits for data in (batch.x, batch.u, fake))
    expected = {"supervised": supervised(known, batch.y), "unsupervised": unsupervised(real, generated)}
    if "entropy_weight" in weights:
        expected["entropy"] = conditional_entropy(real)
    total = expected["supervised"] + weights.get("unsupervised_weight", 1.0) * expected["unsupervised"]
    torch.testing.assert_close(loss, total + weights.get("entropy_weight", 0.0) * expected.get("entropy", 0.0))
    torch.testing.assert_close(terms, {name: value.detach() for name, value in expected.items()})


def test_consistency_compares_a_second_view() -> None:
    batch = semi_batch()
    views: list[Tensor] = []

    def dimmed(x: Tensor) -> Tensor:
        views.append(x * 0.5)
        return views[-1]

    game = kplusone(consistency_weight=2.0, augment=dimmed)
    loss, terms = game.discriminator_loss(batch)
    assert [len(view) for view in views] == [4, 9]
    logits = [game.discriminator(data).logits for data in (batch.u, batch.u * 0.5)]
    torch.testing.assert_close(terms["consistency"], pseudo_label(*logits).detach())
    torch.testing.assert_close(
        terms["supervised"], supervised(game.discriminator(batch.x * 0.5).logits, batch.y).detach()
    )
    torch.testing.assert_close(loss, terms["supervised"] + terms["unsupervised"] + 2 * terms["consistency"])


def test_the_generators_loss_matches_features() -> None:
    game, batch = kplusone(), semi_batch()
    loss, terms = at(1, lambda: game.generator_loss(batch))
    fake = game.generator(at(1, lambda: game.prior.sample(9)))
    expected = feature_matching(game.discriminator(batch.u).features, game.discriminator(fake).features)
    torch.testing.assert_close(loss, expected)
    assert terms == {"feature_matching": loss.detach()}


def reached(loss: Loss, net: nn.Module) -> bool:
    learnt = [parameter for parameter in net.parameters() if parameter.requires_grad]
    gradients = torch.autograd.grad(loss[0], learnt, allow_unused=True, retain_graph=True)
    return any(gradient is not None and bool(gradient.any()) for gradient in gradients)


def test_the_discriminators_loss_does_not_reach_the_generator() -> None:
    game = kplusone(entropy_weight=0.1, consistency_weight=0.1, augment=noisy)
    loss = game.discriminator_loss(semi_batch())
    assert reached(loss, game.discriminator)
    assert not reached(loss, game.generator)


def test_a_perfect_generator_rests() -> None:
    """When the generator makes the mean features of the data, its loss and gradient are 0."""

    class Echo(nn.Module):
        def __init__(self, data: Tensor) -> None:
            super().__init__()
            self.data, self.shift = data, nn.Parameter(torch.zeros(6))

        def forward(self, z: Tensor) -> Tensor:
            return self.data.flip(0) + self.shift

    batch = semi_batch()
    game = KPlusOne(Echo(batch.u), mlp_discriminator((6,), K, (5,), 0.0, 0.0), Gaussian(1))
    loss, _ = game.generator_loss(batch)
    (gradient,) = torch.autograd.grad(loss, game.generator.shift)
    assert loss.item() == pytest.approx(0, abs=1e-12)
    torch.testing.assert_close(gradient, torch.zeros(6), rtol=0, atol=1e-6)


@pytest.mark.parametrize("r1", [0.0, 0.5])
def test_the_standard_game_is_its_equation(r1: float) -> None:
    discriminator = nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 1), nn.Flatten(0))
    game, batch = (
        Standard(mlp_generator((6,), 2, (4,)).eval(), discriminator, Gaussian(2), r1),
        RealBatch(torch.rand(8, 6)),
    )
    fake = game.generator(at(1, lambda: game.prior.sample(8)))
    expected = discriminator_non_saturating(discriminator(batch.x), discriminator(fake))
    expected = expected + r1 / 2 * r1_penalty(discriminator, batch.x)
    loss, terms = at(1, lambda: game.discriminator_loss(batch))
    torch.testing.assert_close(loss, expected)
    assert set(terms) == ({"adversarial", "r1"} if r1 else {"adversarial"})
    assert not reached((loss, {}), game.generator)
    torch.testing.assert_close(
        at(1, lambda: game.generator_loss(batch))[0], generator_non_saturating(discriminator(fake))
    )

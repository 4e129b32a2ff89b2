"""The shipped games: their losses are the equations they state."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gan_ext import Compute, Engine, Loss
from gan_ext.engine import adam, linear
from gan_ext.games import KPlusOne, RealBatch, SemiBatch, Standard
from gan_ext.latents import Gaussian, Uniform
from gan_ext.losses import (
    class_balance,
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
from gan_ext.terms import ClassBalance, ConditionalEntropy, PseudoLabel, Scene, Term, View, VirtualAdversarial
from gan_ext.testing import ConstantStream

K = 3


def semi_batch() -> SemiBatch:
    return SemiBatch(torch.rand(4, 6), torch.tensor([0, 1, 2, 0]), torch.rand(9, 6))


def kplusone(**weights: Any) -> KPlusOne:
    generator = nn.Sequential(nn.Linear(2, 6), nn.Sigmoid())
    discriminator = Classifier(nn.Sequential(nn.Linear(6, 5), nn.Tanh()), nn.Linear(5, K))
    with torch.no_grad():
        discriminator.head.weight *= 10  # so that some classes are sure
    return KPlusOne(generator, discriminator, Uniform(2), **weights)


def kplusone_at(seed: int, **settings: Any) -> KPlusOne:
    torch.default_generator.manual_seed(seed)
    return kplusone(**settings)


def at(seed: int, loss: Any) -> Any:
    torch.default_generator.manual_seed(seed)
    return loss()


def noisy(x: Tensor) -> Tensor:
    return x + torch.randn_like(x)


@pytest.mark.parametrize("weight", [1.0, 0.3, 0.0])
def test_the_discriminators_loss_is_its_equation(weight: float) -> None:
    game, batch = kplusone(unsupervised_weight=weight), semi_batch()
    loss, terms = at(1, lambda: game.discriminator_loss(batch))
    fake = game.generator(at(1, lambda: game.prior.sample(9)))
    known, real, generated = (game.discriminator(data).logits for data in (batch.x, batch.u, fake))
    expected = {"supervised": supervised(known, batch.y), "unsupervised": unsupervised(real, generated)}
    torch.testing.assert_close(loss, expected["supervised"] + weight * expected["unsupervised"])
    expected |= {
        "real_taken_for_real": (real.exp().sum(1) > 1).float().mean(),
        "fake_taken_for_real": (generated.exp().sum(1) > 1).float().mean(),
        "real_with_positive_logit": (real > 0).any(1).float().mean(),
    }
    torch.testing.assert_close(terms, {name: value.detach() for name, value in expected.items()})


def test_further_terms_are_weighted_and_added() -> None:
    """Terms with and without a second view, in an order that would mix the views up if they were confused."""
    batch = semi_batch()
    added = [
        PseudoLabel(lambda x: x * 0.5, weight=2.0),
        ConditionalEntropy(0.7),
        Shifted(weight=0.25),
        ClassBalance([0.5, 0.25, 0.25], weight=3.0),
    ]
    game = kplusone(terms=added)
    loss, terms = game.discriminator_loss(batch)
    real, halved, shifted = (game.discriminator(u).logits for u in (batch.u, batch.u * 0.5, batch.u + 1))
    expected = {
        "pseudo_label": pseudo_label(real, halved).detach(),
        "entropy": conditional_entropy(real).detach(),
        "shifted": shifted.square().mean().detach(),
        "balance": class_balance(real, torch.tensor([0.5, 0.25, 0.25])).detach(),
    }
    assert list(terms)[: len(expected) + 2] == ["supervised", "unsupervised", *expected]
    for name, value in expected.items():
        torch.testing.assert_close(terms[name], value)
    weights = dict(zip(expected, (2.0, 0.7, 0.25, 3.0), strict=True))
    total = sum(weights[name] * value for name, value in expected.items())
    torch.testing.assert_close(loss.detach(), terms["supervised"] + terms["unsupervised"] + total)


class Shifted(Term):
    """The mean square of the logits of u + 1."""

    name = "shifted"

    def view(self, scene: Scene) -> View:
        return View(scene.u + 1)

    def forward(self, real: Tensor, second: Tensor | None) -> Tensor:
        assert second is not None
        return second.square().mean()


def test_labeled_data_is_augmented_and_unlabeled_is_not() -> None:
    batch = semi_batch()
    _, plain = at(1, lambda: kplusone_at(3).discriminator_loss(batch))
    _, terms = at(1, lambda: kplusone_at(3, augment=lambda x: x * 0.5).discriminator_loss(batch))
    game = kplusone_at(3)
    torch.testing.assert_close(
        terms["supervised"], supervised(game.discriminator(batch.x * 0.5).logits, batch.y).detach()
    )
    torch.testing.assert_close(terms["unsupervised"], plain["unsupervised"])


def test_weights_of_terms_can_be_scheduled() -> None:
    game = kplusone(terms=[VirtualAdversarial(0.5)])
    schedules = {"terms.smoothing.weight": linear(0.0, 1.0, 4), "terms.smoothing.radius": lambda step: 1.0 + step}
    players = {"discriminator": adam(), "generator": adam()}
    Engine(game, players, schedules=schedules, compute=Compute("cpu")).fit(ConstantStream(semi_batch()), steps=3)
    assert (game.terms["smoothing"].weight.item(), game.terms["smoothing"].radius.item()) == (0.5, 3.0)


def test_a_term_comes_once() -> None:
    with pytest.raises(ValueError, match=r"terms must differ, got \['entropy', 'entropy'\]"):
        kplusone(terms=[ConditionalEntropy(), ConditionalEntropy(2.0)])


def test_the_generators_loss_matches_features() -> None:
    game, batch = kplusone(), semi_batch()
    loss, terms = at(1, lambda: game.generator_loss(batch))
    fake = game.generator(at(1, lambda: game.prior.sample(9)))
    expected = feature_matching(game.discriminator(batch.u).features, game.discriminator(fake).features)
    torch.testing.assert_close(loss, expected)
    assert terms == {"feature_matching": loss.detach()}


def reached(loss: Loss, net: nn.Module) -> bool:
    learned = [parameter for parameter in net.parameters() if parameter.requires_grad]
    gradients = torch.autograd.grad(loss[0], learned, allow_unused=True, retain_graph=True)
    return any(gradient is not None and bool(gradient.any()) for gradient in gradients)


def test_the_discriminators_loss_does_not_reach_the_generator() -> None:
    game = kplusone(augment=noisy, terms=[PseudoLabel(noisy), ConditionalEntropy(), VirtualAdversarial(0.1)])
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

"""The game that hosts losses, penalties and views: its losses are the equations it states, and all of it is sound."""

import shutil
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gan_ext import Compute, Engine
from gan_ext.data import AdaptiveAugment, DiffAugment, InstanceNoise
from gan_ext.engine import adam, linear
from gan_ext.game import opponents_free
from gan_ext.games import R3GAN, Adversarial, RealBatch, Standard, WassersteinGAN
from gan_ext.latents import Gaussian
from gan_ext.losses import (
    DRAGAN,
    R1,
    R2,
    WGANGP,
    AdversarialLoss,
    ConsistencyRegularization,
    Hinge,
    HistoricalAveraging,
    LeastSquares,
    LeCam,
    Minimax,
    NonSaturating,
    Penalty,
    Relativistic,
    Wasserstein,
    gradient_penalty,
    pack,
    r1_penalty,
)
from gan_ext.nets import MinibatchDiscrimination, MinibatchStandardDeviation, spectral_normalized
from gan_ext.testing import ConstantStream, check_game

BATCH = RealBatch(torch.randn(8, 5, generator=torch.Generator().manual_seed(1)))
IMAGES = RealBatch(torch.rand(8, 2, 8, 8, generator=torch.Generator().manual_seed(2)))


def nets(packing: int = 1, *middle: nn.Module, width: int = 6) -> tuple[nn.Module, nn.Module, Gaussian]:
    generator = nn.Sequential(nn.Linear(3, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 5))
    first = nn.Sequential(nn.Linear(5 * packing, 6), nn.Softplus())
    return generator, nn.Sequential(first, *middle, nn.Linear(width, 1), nn.Flatten(0)), Gaussian(3)


def conv_nets() -> tuple[nn.Module, nn.Module, Gaussian]:
    generator = nn.Sequential(nn.Linear(3, 128), nn.Tanh(), nn.Unflatten(1, (2, 8, 8)))
    body = nn.Sequential(nn.Conv2d(2, 4, 4, 2, 1), nn.Softplus(), nn.Flatten())
    return generator, nn.Sequential(body, nn.Linear(64, 1), nn.Flatten(0)), Gaussian(3)


def noisy(x: Tensor) -> Tensor:
    return x + 0.1 * torch.randn_like(x)


def everything() -> Adversarial:
    penalties = (R1(1.0), R2(0.5), WGANGP(), DRAGAN(), LeCam(decay=0.9), ConsistencyRegularization(noisy))
    averages = {"generator": HistoricalAveraging(0.1), "discriminator": HistoricalAveraging(0.1, 0.9)}
    view = InstanceNoise(0.2)
    return Adversarial(*nets(2), Hinge(), penalties, view=view, packing=2, historical=averages, top=0.6)


def adaptive(loss: AdversarialLoss) -> Adversarial:
    view = AdaptiveAugment([DiffAugment(), DiffAugment(color=0)], images=100, probability=0.3)
    return Adversarial(*conv_nets(), loss, (LeCam(),), view=view)


SOUND: dict[str, tuple[Callable[[], Adversarial], RealBatch]] = {
    "plain": (lambda: Adversarial(*nets()), BATCH),
    "r3gan": (lambda: R3GAN(*nets()), BATCH),
    "wgan-gp": (lambda: WassersteinGAN(*nets()), BATCH),
    "everything": (everything, BATCH),
    "adaptive": (lambda: adaptive(NonSaturating(0.9)), IMAGES),
    "adaptive in pairs": (lambda: adaptive(Relativistic()), IMAGES),
    "r3gan through noise": (lambda: R3GAN(*nets(), view=InstanceNoise(0.1)), BATCH),
    "batch normalized": (lambda: Adversarial(*nets(1, nn.BatchNorm1d(6)), LeastSquares()), BATCH),
    "deviation": (lambda: R3GAN(*nets(1, MinibatchStandardDeviation(), width=7)), BATCH),
    "discrimination": (lambda: Adversarial(*nets(1, MinibatchDiscrimination(6, 3, 2), width=9), Minimax()), BATCH),
    "spectral": (lambda: Adversarial(nets()[0], spectral_normalized(nets()[1]), Gaussian(3), Hinge()), BATCH),
}


@pytest.mark.filterwarnings("ignore:The view adapts by the sign of logits")
@pytest.mark.parametrize("name", SOUND)
def test_games_are_sound(name: str) -> None:
    check_game(*SOUND[name])


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("c++") is None, reason="needs a C++ compiler")
@pytest.mark.filterwarnings("default")  # the compiler's own
@pytest.mark.parametrize("name", SOUND)
def test_games_compile(name: str) -> None:
    torch.compiler.reset()  # torch keeps a few versions of one function, and these are many games
    check_game(*SOUND[name], compile=True)


def at(seed: int, loss: Any, *args: Any) -> Any:
    torch.default_generator.manual_seed(seed)
    return loss(*args)


def steady(**settings: Any) -> Adversarial:
    """A game whose generator gives the same for the same z, whatever else is in the batch."""
    generator, discriminator, prior = nets(settings.get("packing", 1))
    return Adversarial(generator.eval(), discriminator, prior, **settings)


@pytest.mark.parametrize("r1", [0.0, 0.7])
def test_the_default_is_the_standard_game(r1: float) -> None:
    game = steady(penalties=[R1(r1)] if r1 else [])
    standard = Standard(game.generator, game.discriminator, game.prior, r1)
    for player in ("discriminator", "generator"):
        ours, terms = at(1, game.players()[player].loss, BATCH)
        theirs, known = at(1, standard.players()[player].loss, BATCH)
        torch.testing.assert_close(ours, theirs)
        torch.testing.assert_close({name: terms[name] for name in known}, known)


@pytest.mark.parametrize("loss", [Hinge(), LeastSquares(), Wasserstein(), Minimax(0.9), Relativistic()])
def test_the_losses_are_those_of_the_pair(loss: AdversarialLoss) -> None:
    game = steady(loss=loss)
    fake = game.generator(at(1, lambda: game.prior.sample(8)))
    real, judged = game.discriminator(BATCH.x), game.discriminator(fake)
    ours, terms = at(1, lambda: game.discriminator_loss(BATCH))
    torch.testing.assert_close(ours, loss.discriminator(real, judged))
    torch.testing.assert_close(terms["real_logit"], real.mean().detach())
    torch.testing.assert_close(terms["fake_logit"], judged.mean().detach())
    torch.testing.assert_close(at(1, lambda: game.generator_loss(BATCH))[0], loss.generator(judged, real))


def test_r3gan_is_its_equation() -> None:
    generator, discriminator, prior = nets()
    game = R3GAN(generator.eval(), discriminator, prior, gamma=0.3)
    fake = generator(at(1, lambda: prior.sample(8)))
    penalties = r1_penalty(discriminator, BATCH.x), r1_penalty(discriminator, fake.detach())
    expected = nn.functional.softplus(discriminator(fake) - discriminator(BATCH.x)).mean()
    loss, terms = at(1, lambda: game.discriminator_loss(BATCH))
    torch.testing.assert_close(loss, expected + 0.15 * sum(penalties))
    torch.testing.assert_close((terms["r1"], terms["r2"]), tuple(penalty.detach() for penalty in penalties))
    weights = list(discriminator.parameters())
    torch.testing.assert_close(
        torch.autograd.grad(loss, weights), torch.autograd.grad(expected + 0.15 * sum(penalties), weights)
    )


def test_wgan_gp_is_its_equation() -> None:
    generator, discriminator, prior = nets()
    game = WassersteinGAN(generator.eval(), discriminator, prior, penalty=3.0)
    loss, _ = at(1, lambda: game.discriminator_loss(BATCH))
    z, places = at(1, lambda: (prior.sample(8), torch.rand(8)))
    fake = generator(z).detach()
    penalty = gradient_penalty(discriminator, BATCH.x, fake, places)
    torch.testing.assert_close(loss, discriminator(fake).mean() - discriminator(BATCH.x).mean() + 3 * penalty)


def test_penalties_are_added_with_their_weight_and_logged_without() -> None:
    torch.default_generator.manual_seed(3)
    penalties = [R1(2.0), R2(0.5), LeCam(0.3)]
    game = steady(penalties=penalties)
    loss, terms = at(1, lambda: game.discriminator_loss(BATCH))
    assert list(terms) == ["adversarial", "real_logit", "fake_logit", "r1", "r2", "lecam"]
    expected = terms["adversarial"] + 2.0 / 2 * terms["r1"] + 0.5 / 2 * terms["r2"] + 0.3 * terms["lecam"]
    torch.testing.assert_close(loss.detach(), expected)


@pytest.mark.parametrize("penalties", [(), (R1(1.0),), (R1(1.0), R2(1.0))])
def test_layers_that_mix_samples_see_one_kind_of_data_at_a_time(penalties: tuple[Penalty, ...]) -> None:
    layer = MinibatchStandardDeviation(None)
    generator, discriminator, prior = nets(1, layer, width=7)
    game = Adversarial(generator.eval(), discriminator, prior, Wasserstein(), penalties)
    fake = generator(at(1, lambda: prior.sample(8)))
    _, terms = at(1, lambda: game.discriminator_loss(BATCH))
    torch.testing.assert_close(terms["real_logit"], discriminator(BATCH.x).mean().detach())
    torch.testing.assert_close(terms["fake_logit"], discriminator(fake).mean().detach())


def test_a_packed_discriminator_sees_neighbors_together() -> None:
    game = steady(packing=2, penalties=[R1(1.0)])
    fake = game.generator(at(1, lambda: game.prior.sample(8)))
    real, judged = game.discriminator(pack(BATCH.x, 2)), game.discriminator(pack(fake, 2))
    assert real.shape == (4,)
    _, terms = at(1, lambda: game.discriminator_loss(BATCH))
    torch.testing.assert_close(terms["adversarial"], NonSaturating().discriminator(real, judged).detach())
    torch.testing.assert_close(terms["r1"], r1_penalty(game.discriminator, pack(BATCH.x, 2)).detach())
    torch.testing.assert_close(at(1, lambda: game.generator_loss(BATCH))[0], NonSaturating().generator(judged))


def test_the_generator_is_seen_through_the_same_view() -> None:
    """With a discriminator that returns its input, the noise of the view is all there is."""
    identity = nn.Flatten(0)
    game = Adversarial(nn.Linear(3, 5), identity, Gaussian(3), Wasserstein(), view=InstanceNoise(2.0))
    torch.default_generator.manual_seed(5)
    loss, _ = game.generator_loss(BATCH)
    torch.default_generator.manual_seed(5)
    made = game.generator(game.prior.sample(8))
    torch.testing.assert_close(loss, -(made + 2 * torch.randn(8, 5)).mean())


def test_pairs_share_a_draw_and_others_do_not() -> None:
    """With a linear discriminator the shared noise of a pair cancels."""
    net, prior = nn.Sequential(nn.Linear(5, 1), nn.Flatten(0)), Gaussian(3)
    generator = nn.Linear(3, 5)
    for loss, shared in ((Relativistic(), True), (NonSaturating(), False)):
        plain = Adversarial(generator, net, prior, loss)
        viewed = Adversarial(generator, net, prior, loss, view=InstanceNoise(3.0))
        for player in ("discriminator", "generator"):
            first, second = (at(1, game.players()[player].loss, BATCH)[0] for game in (plain, viewed))
            assert torch.allclose(first, second, atol=1e-5) == shared


def test_a_view_that_observes_is_told_of_real_data_once() -> None:
    game = adaptive(NonSaturating())
    with torch.no_grad():
        game.discriminator[1].weight.zero_()
        game.discriminator[1].bias.fill_(3.0)  # sure of all
    game.discriminator_loss(IMAGES)
    assert game.view.probability.item() == pytest.approx(0.3 + 8 / 100)
    game.generator_loss(IMAGES)
    game.eval().discriminator_loss(IMAGES)
    assert game.view.probability.item() == pytest.approx(0.3 + 8 / 100)


def test_the_best_samples_teach_the_generator() -> None:
    game, whole = steady(top=0.25), steady()
    whole.load_state_dict(game.state_dict(), strict=False)
    z = at(1, lambda: game.prior.sample(8))
    best = game.discriminator(game.generator(z)).topk(2).indices
    expected = NonSaturating().generator(game.discriminator(game.generator(z[best])))
    weights = list(game.generator.parameters())
    ours = torch.autograd.grad(at(1, lambda: game.generator_loss(BATCH))[0], weights)
    torch.testing.assert_close(ours, torch.autograd.grad(expected, weights))
    torch.testing.assert_close(
        at(1, lambda: game.generator_loss(BATCH))[0], at(1, lambda: whole.generator_loss(BATCH))[0]
    )


def test_history_is_added_for_the_players_it_is_given_for() -> None:
    game = steady(historical={"generator": HistoricalAveraging(2.0)})
    game.generator_loss(BATCH)
    with torch.no_grad():
        game.generator[0].bias += 1
    loss, terms = game.generator_loss(BATCH)
    assert terms["historical"].item() == pytest.approx(6 * 0.25, rel=1e-5)  # six units, half a step from the mean
    torch.testing.assert_close(loss.detach(), terms["adversarial"] + 2 * terms["historical"])
    assert "historical" not in game.discriminator_loss(BATCH)[1]


def test_a_solver_may_look_through_the_discriminators_loss_at_the_generator() -> None:
    game = R3GAN(*nets())
    weights = list(game.generator.parameters())
    loss, _ = game.discriminator_loss(BATCH)
    assert all(each is None for each in torch.autograd.grad(loss, weights, allow_unused=True, retain_graph=True))
    with opponents_free():
        loss, _ = game.discriminator_loss(BATCH)
    (gradient,) = torch.autograd.grad(loss, weights[0], create_graph=True)
    assert gradient.any()
    assert torch.autograd.grad(gradient.square().sum(), next(game.discriminator.parameters()))[0].any()


def test_weights_noise_and_share_can_be_scheduled() -> None:
    game = steady(penalties=[R1(1.0)], view=InstanceNoise(1.0), top=1.0)
    down = linear(1.0, 0.5, 2)
    schedules = {"penalties.r1.weight": down, "view.std": down, "top": down}
    players = {"discriminator": adam(), "generator": adam()}
    Engine(game, players, schedules=schedules, compute=Compute("cpu")).fit(ConstantStream(BATCH), steps=3)
    numbers = [game.get_buffer(name).item() for name in schedules]
    assert numbers == [0.5, 0.5, 0.5]


def test_bfloat16_changes_slopes_by_rounding_only() -> None:
    """The penalty is taken in the run's precision: half the cost in images, and enough for R3GAN by its authors."""
    game = R3GAN(*nets())
    expected = at(1, lambda: game.discriminator_loss(BATCH))[1]["r1"]
    with torch.autocast("cpu", torch.bfloat16):
        loss, terms = at(1, lambda: game.discriminator_loss(BATCH))
    assert loss.dtype == terms["r1"].dtype == torch.float32
    torch.testing.assert_close(terms["r1"], expected, rtol=0.03, atol=0)


def test_what_cannot_be_meant_is_told_at_once() -> None:
    with pytest.raises(ValueError, match=r"loss=.* must be a pair of losses of gan_ext\.losses, such as Hinge\(\)"):
        Adversarial(*nets(), Hinge)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"penalties=.* must be a list of penalties .* such as \[R1\(0\.1\)\]"):
        Adversarial(*nets(), penalties=R1(0.1))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"view=.* must be a module, such as gan_ext\.data\.InstanceNoise"):
        Adversarial(*nets(), view=InstanceNoise)  # type: ignore[arg-type]
    with pytest.warns(UserWarning, match=r"no meaning with Relativistic\(\)"):
        adaptive(Relativistic())


def test_what_cannot_be_played_is_refused() -> None:
    with pytest.raises(ValueError, match=r"penalties must differ, got \['r1', 'r1'\]"):
        steady(penalties=[R1(1.0), R1(2.0)])
    with pytest.raises(ValueError, match=r"'wgan_gp' is a gradient for each sample, but .* layer '1' normalizes"):
        WassersteinGAN(*nets(1, nn.BatchNorm1d(6)))
    with pytest.raises(ValueError, match="packing must be at least 1, got 0"):
        Adversarial(*nets(), packing=0)
    with pytest.raises(ValueError, match=r"packing joins 3 samples in one, .* a batch of 8"):
        steady(packing=3).discriminator_loss(BATCH)
    with pytest.raises(ValueError, match="historical names critic; the players are generator and discriminator"):
        steady(historical={"critic": HistoricalAveraging(1.0)})
    with pytest.raises(ValueError, match=r"top is a share of the generated samples in \(0, 1\], got 0"):
        steady(top=0.0)

"""Terms that make two views agree: what they look at, what they compare it with, and what they keep."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gan_ext import Compute, Engine
from gan_ext.engine import adam
from gan_ext.games import KPlusOne, SemiBatch
from gan_ext.latents import Uniform
from gan_ext.losses import probability_distance, pseudo_label, soft_cross_entropy
from gan_ext.nets import Classifier, mlp_discriminator, mlp_generator
from gan_ext.terms import Consistency, MeanTeacher, MixUp, PiModel, PseudoLabel, Scene, Term, View
from gan_ext.testing import ConstantStream

K = 3


def classifier(scale: float = 1.0) -> Classifier:
    net = Classifier(nn.Sequential(nn.Linear(6, 5), nn.Tanh()), nn.Linear(5, K))
    with torch.no_grad():
        net.head.weight *= scale
    return net


def scene(judge: nn.Module, u: Tensor, x: Tensor | None = None, y: Tensor | None = None) -> Scene:
    return Scene(judge, u, x, y, nn.Identity(), torch.rand)


def looked(term: Term, at: Scene) -> tuple[Tensor, Tensor | None]:
    view = term.view(at)
    assert isinstance(view, View)
    assert view.data is not None
    return view.data, view.guide


def half(x: Tensor) -> Tensor:
    return x * 0.5


def noisy(x: Tensor) -> Tensor:
    return x + torch.randn_like(x)


# --- views ------------------------------------------------------------------------------------------------------------


def test_consistency_and_pseudo_labels_judge_the_transformed_data() -> None:
    judge, u = classifier(), torch.rand(7, 6)
    for term in (Consistency(half), PseudoLabel(half)):
        data, guide = looked(term, scene(judge, u))
        assert torch.equal(data, u * 0.5)
        assert guide is None
    assert torch.equal(looked(PseudoLabel(), scene(judge, u))[0], u)


def test_a_weak_view_gives_the_pseudo_label() -> None:
    judge, u = classifier(10.0), torch.rand(50, 6)
    term = PseudoLabel(half, threshold=0.6, weak=lambda x: x + 0.25)
    data, guide = looked(term, scene(judge, u))
    assert guide is not None
    assert not guide.requires_grad
    torch.testing.assert_close(guide, judge(u + 0.25).logits)
    second = judge(data).logits
    assert term(guide, second) == pseudo_label(judge(u + 0.25).logits, judge(u * 0.5).logits, 0.6)
    assert term(guide, second) != term(judge(u).logits, second)


def test_the_pi_model_compares_two_draws_of_the_transformation() -> None:
    judge, u, term = classifier(), torch.rand(7, 6), PiModel(noisy)
    data, guide = looked(term, scene(judge, u))
    assert guide is None
    first, second = data.chunk(2)
    assert (first != second).all()
    logits = judge(data).logits
    torch.testing.assert_close(term(logits[:7], logits), probability_distance(*logits.chunk(2)))
    assert torch.equal(looked(PiModel(), scene(judge, u))[0], torch.cat([u, u]))


def test_without_transformation_or_noise_the_pi_model_costs_nothing() -> None:
    u = torch.rand(7, 6)
    game = KPlusOne(nn.Linear(2, 6), classifier(), Uniform(2), terms=[PiModel()])
    _, values = game.discriminator_loss(SemiBatch(u, torch.zeros(7).long(), u))
    torch.testing.assert_close(values["pi_model"], torch.zeros(()))
    noisy_net = mlp_discriminator((6,), K, (8, 6), 0.3, 0.3)
    game = KPlusOne(nn.Linear(2, 6), noisy_net, Uniform(2), terms=[PiModel()])
    assert game.discriminator_loss(SemiBatch(u, torch.zeros(7).long(), u))[1]["pi_model"] > 0


# --- the teacher ------------------------------------------------------------------------------------------------------


def weights(module: nn.Module) -> Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in module.parameters()])


@pytest.mark.parametrize("decay", [0.0, 0.15, 0.99])
def test_the_teacher_is_the_running_mean_of_the_students(decay: float) -> None:
    """The first step copies the student, whatever the teacher was; later ones take 1 - min(decay, t / (t + 10))."""
    student, term = classifier(), MeanTeacher(decay=decay)
    term.attach(student)
    at = scene(student, torch.rand(4, 6))
    mean = torch.zeros_like(weights(student))
    for t in range(6):
        with torch.no_grad():
            for parameter in student.parameters():
                parameter.copy_(torch.randn_like(parameter))
        term.view(at)
        share = 1 - min(decay, t / (t + 10))
        mean = mean + share * (weights(student) - mean)
        torch.testing.assert_close(weights(term.teacher), mean)
        if t == 0:
            torch.testing.assert_close(weights(term.teacher), weights(student))
    assert term.age == 6


def test_the_teacher_takes_over_buffers() -> None:
    student, term = nn.Sequential(nn.BatchNorm1d(6), classifier()), MeanTeacher()
    term.attach(student)
    with torch.no_grad():
        student[0].running_mean.fill_(3.0)
    term.view(scene(student, torch.rand(4, 6)))
    torch.testing.assert_close(term.teacher[0].running_mean, torch.full((6,), 3.0))  # evaluation left it


def test_the_teacher_judges_the_weak_view_without_noise_and_does_not_learn() -> None:
    student, term = mlp_discriminator((6,), K, (8, 6), 0.3, 0.3), MeanTeacher(half, weak=lambda x: x + 1)
    term.attach(student)
    u = torch.rand(9, 6)
    term.train()
    data, guide = looked(term, scene(student, u))
    assert guide is not None
    assert torch.equal(data, u * 0.5)
    student.eval()
    torch.testing.assert_close(guide, student(u + 1).logits.detach())
    assert not guide.requires_grad
    assert not any(parameter.requires_grad for parameter in term.parameters())


def test_the_mean_teachers_two_losses() -> None:
    a, b = torch.randn(2, 20, K) * 3
    assert MeanTeacher()(a, b) == probability_distance(a, b)
    assert MeanTeacher(threshold=0.8)(a, b) == pseudo_label(a, b, 0.8)


def test_a_teacher_attached_anew_starts_anew() -> None:
    term, first, second = MeanTeacher(), classifier(), classifier()
    term.attach(first)
    term.view(scene(first, torch.rand(2, 6)))
    term.attach(second)
    assert term.age == 0
    assert torch.equal(weights(term.teacher), weights(second))


def engine_with_teacher() -> Engine:
    torch.default_generator.manual_seed(0)
    networks = mlp_generator((6,), 2, (5,)), mlp_discriminator((6,), K, (8, 6), 0.3, 0.3)
    game = KPlusOne(*networks, Uniform(2), terms=[MeanTeacher(noisy), MixUp(), PiModel(), PseudoLabel(noisy)])
    players = {"discriminator": adam(0.01), "generator": adam(0.01)}
    return Engine(game, players, seed=3, ema=0.9, compute=Compute("cpu"))


def test_the_teacher_survives_a_checkpoint_bit_for_bit(tmp_path: Path) -> None:
    batch = SemiBatch(torch.rand(4, 6), torch.tensor([0, 1, 2, 0]), torch.rand(9, 6))
    stream = ConstantStream(batch)
    whole = engine_with_teacher().fit(stream, steps=6)
    engine_with_teacher().fit(stream, steps=3).save(tmp_path)
    resumed = engine_with_teacher()
    assert resumed.resume(tmp_path)
    resumed.fit(stream, steps=6)
    here, there = whole.game.state_dict(), resumed.game.state_dict()
    names = [name for name in here if "teacher" in name]
    assert "terms.mean_teacher.age" in names
    assert any(name.startswith("terms.mean_teacher.teacher.") for name in names)
    for name in here:
        assert torch.equal(here[name], there[name]), name
    teacher, student = whole.game.terms["mean_teacher"].teacher, whole.game.discriminator
    assert not torch.equal(weights(teacher), weights(student))


# --- mix-up -----------------------------------------------------------------------------------------------------------


def mixed(term: MixUp, labeled: bool = True, n: int = 500) -> tuple[Classifier, Tensor, Tensor, Tensor, Tensor]:
    """Return the judge, all data, their classes (-1 for unlabeled), and what was mixed of them."""
    judge, u = classifier(10.0), torch.rand(n, 6)
    x, y = torch.rand(n, 6), torch.arange(n) % K
    view = looked(term, scene(judge, u, x, y) if labeled else scene(judge, u))
    guide = view[1]
    assert guide is not None
    data = torch.cat([x, u]) if labeled else u
    known = torch.cat([y, torch.full((n,), -1)]) if labeled else torch.full((n,), -1)
    return judge, data, known, view[0], guide


@pytest.mark.parametrize("labeled", [True, False])
def test_mixed_targets_are_probabilities(labeled: bool) -> None:
    _, data, _, mixture, target = mixed(MixUp(), labeled)
    assert len(mixture) == len(target) == len(data)
    torch.testing.assert_close(target.sum(1), torch.ones(len(target)))
    assert (target >= 0).all()
    assert not mixture.requires_grad
    assert not target.requires_grad


def test_every_mixture_is_nearer_to_its_own_sample_and_its_target_to_that_samples() -> None:
    """The pair and its share are found again from the mixture, and the target must be of the same pair and share."""
    judge, data, known, mixture, target = mixed(MixUp(temperature=0.5), n=40)
    guess = (judge(data).logits / 0.5).softmax(1).detach()
    own = torch.where(known[:, None] >= 0, nn.functional.one_hot(known.clamp_min(0), K).float(), guess)
    for i in range(len(data)):
        steps = data - data[i]
        lengths = steps.square().sum(1).clamp_min(1e-12)
        taken = ((mixture[i] - data[i]) * steps).sum(1) / lengths  # 1 - share, were each the partner
        miss = (mixture[i] - data[i] - taken[:, None] * steps).norm(dim=1)
        partner = int(miss.argmin())
        share = 1 - float(taken[partner])
        assert miss[partner] < 1e-5
        assert 0.5 - 1e-4 <= share <= 1 + 1e-4
        if partner != i and share < 0.99:
            torch.testing.assert_close(target[i], share * own[i] + (1 - share) * own[partner], rtol=0, atol=1e-3)


@pytest.mark.parametrize("a", [0.3, 0.75, 4.0])
def test_shares_are_the_larger_half_of_a_beta(a: float) -> None:
    share = MixUp(concentration=a)._shares(200_000)
    assert share.min() >= 0.5
    assert share.max() <= 1
    beta = torch.distributions.Beta(a, a)
    drawn = torch.stack([(value := beta.sample((200_000,))), 1 - value]).amax(0)
    torch.testing.assert_close(share.mean(), drawn.mean(), rtol=0, atol=3e-3)
    # Mirrored at one half, which side being a coin's, they are the beta distribution: its variance is known.
    torch.testing.assert_close((share - 0.5).square().mean(), torch.tensor(1 / (4 * (2 * a + 1))), rtol=0.02, atol=0)


def test_tiny_concentrations_do_not_divide_by_zero() -> None:
    assert MixUp(concentration=1e-3)._shares(10_000).isfinite().all()


def test_guesses_are_made_without_noise_and_sharpened() -> None:
    judge, u = mlp_discriminator((6,), K, (8, 6), 0.3, 0.3), torch.rand(9, 6)
    warm, cold = MixUp(temperature=1.0)._guess(scene(judge, u)), MixUp(temperature=0.25)._guess(scene(judge, u))
    assert judge.training
    torch.testing.assert_close(warm, judge.eval()(u).logits.softmax(1).detach())
    torch.testing.assert_close(cold, warm**4 / (warm**4).sum(1, keepdim=True), rtol=1e-3, atol=1e-5)


def test_mix_up_is_the_cross_entropy_to_its_targets() -> None:
    target, logits = torch.rand(5, K).softmax(1), torch.randn(5, K)
    assert MixUp()(target, logits) == soft_cross_entropy(target, logits)


# --- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: PseudoLabel(threshold=1.5), "PseudoLabel needs 0 <= threshold <= 1, got threshold=1.5"),
        (lambda: MeanTeacher(decay=1.0), "MeanTeacher needs 0 <= decay < 1, got decay=1.0"),
        (lambda: MeanTeacher(threshold=-0.1), "MeanTeacher needs 0 <= threshold <= 1, got threshold=-0.1"),
        (lambda: MixUp(concentration=0.0), "MixUp needs concentration > 0, got concentration=0.0"),
        (lambda: MixUp(temperature=-1.0), "MixUp needs temperature > 0, got temperature=-1.0"),
        (lambda: PiModel(weight=-2.0), "PiModel needs weight >= 0, got -2.0"),
        (lambda: Consistency(half, float("nan")), "Consistency needs weight >= 0, got nan"),
    ],
)
def test_nonsense_is_refused(make: Callable[[], Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        make()


def test_copies_of_terms_are_independent() -> None:
    term = MeanTeacher(half, weight=2.0)
    copied = copy.deepcopy(term)
    copied.attach(classifier())
    copied.weight.fill_(5.0)
    assert term.weight == 2.0
    assert not hasattr(term, "teacher")

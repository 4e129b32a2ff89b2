"""Losses of the K+1-class discriminator: two heads that agree, closed values, limits, gradients."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn.functional import log_softmax, softplus

from gan_ext.losses import (
    append_fake_logit,
    class_balance,
    conditional_entropy,
    explicit_supervised,
    explicit_unsupervised,
    feature_matching,
    k_plus_one_probabilities,
    pseudo_label,
    realness,
    smoothness,
    supervised,
    unsupervised,
)

B, K = 64, 10
SCALES = [1.0, 30.0, 1e4]


def logits(scale: float = 1.0, dtype: torch.dtype = torch.float64, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(B, K, generator=generator, dtype=torch.float64) * scale
    return values.to(dtype).requires_grad_()


def classes() -> Tensor:
    return torch.arange(B) % K


def both(value: Tensor, *inputs: Tensor) -> list[Tensor]:
    return [value.detach(), *torch.autograd.grad(value, inputs)]


# --- one discriminator, two heads -------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", SCALES)
def test_supervised_heads_agree_in_value_and_gradient(scale: float) -> None:
    a = logits(scale)
    implicit = both(supervised(a, classes()), a)
    explicit = both(explicit_supervised(append_fake_logit(a), classes()), a)
    torch.testing.assert_close(explicit, implicit, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("scale", SCALES)
def test_unsupervised_heads_agree_in_value_and_gradient(scale: float) -> None:
    real, fake = logits(scale), logits(scale, seed=1)
    implicit = both(unsupervised(real, fake), real, fake)
    explicit = both(explicit_unsupervised(append_fake_logit(real), append_fake_logit(fake)), real, fake)
    torch.testing.assert_close(explicit, implicit, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("shift", [-1e3, -1.0, 5.0, 1e3])
def test_an_explicit_head_may_be_shifted_at_will(shift: float) -> None:
    real, fake = append_fake_logit(logits()), append_fake_logit(logits(seed=1))
    torch.testing.assert_close(explicit_supervised(real + shift, classes()), explicit_supervised(real, classes()))
    torch.testing.assert_close(explicit_unsupervised(real + shift, fake + shift), explicit_unsupervised(real, fake))


@pytest.mark.parametrize("extreme", [1e4, -1e4])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_extreme_logits_are_finite_in_value_and_gradient(extreme: float, dtype: torch.dtype) -> None:
    a = (logits(dtype=torch.float32) + extreme).to(dtype).detach().requires_grad_()
    head = append_fake_logit(a)
    losses = {
        "supervised": supervised(a, classes()),
        "unsupervised": unsupervised(a, a),
        "explicit_supervised": explicit_supervised(head, classes()),
        "explicit_unsupervised": explicit_unsupervised(head, head),
        "conditional_entropy": conditional_entropy(a),
        "pseudo_label": pseudo_label(a, a),
        "smoothness": smoothness(a, a.flip(0)),
        "class_balance": class_balance(a, torch.full((K,), 1 / K)),
    }
    for name, loss in losses.items():
        (gradient,) = torch.autograd.grad(loss, a, retain_graph=True)
        assert loss.dtype == torch.float32, name
        assert loss.isfinite(), name
        assert gradient.isfinite().all(), name
    # One half of the loss is 0 there, and the other is |s|.
    size = realness(a).abs().mean() / 2
    torch.testing.assert_close(losses["unsupervised"], size, rtol=1e-6, atol=0.0)
    torch.testing.assert_close(losses["explicit_unsupervised"], size, rtol=1e-4, atol=0.0)


def test_double_precision_is_kept() -> None:
    assert realness(logits()).dtype == torch.float64
    assert append_fake_logit(logits()).dtype == torch.float64
    assert realness(logits(dtype=torch.bfloat16)).dtype == torch.float32


# --- realness and probabilities ---------------------------------------------------------------------------------------


def test_realness_is_the_log_odds() -> None:
    a = logits().detach()
    z = a.exp().sum(1)
    torch.testing.assert_close(realness(a), z.log())
    torch.testing.assert_close(realness(a).sigmoid(), z / (z + 1))


def test_probabilities_are_the_k_plus_one_softmax() -> None:
    a = logits().detach()
    p = k_plus_one_probabilities(a)
    assert p.shape == (B, K + 1)
    torch.testing.assert_close(p.sum(1), torch.ones(B, dtype=torch.float64))
    torch.testing.assert_close(1 - p[:, -1], realness(a).sigmoid())
    torch.testing.assert_close(p[:, :-1] / (1 - p[:, -1:]), a.softmax(1))


def test_the_fake_logit_is_zero_and_last() -> None:
    a = torch.randn(2, 3, K)
    head = append_fake_logit(a)
    assert torch.equal(head[..., :K], a)
    assert torch.equal(head[..., K], torch.zeros(2, 3))
    assert torch.equal(realness(a), torch.logsumexp(a, -1))


# --- supervised -------------------------------------------------------------------------------------------------------


def test_supervised_is_given_that_the_data_is_real() -> None:
    a, y = logits(), classes()
    conditional = supervised(a, y)
    torch.testing.assert_close(conditional, (realness(a) - a.gather(1, y[:, None])[:, 0]).mean())
    joint = -log_softmax(append_fake_logit(a), 1).gather(1, y[:, None]).mean()
    s = realness(a)
    torch.testing.assert_close(joint - conditional, (softplus(s) - s).mean())
    assert joint > conditional


def test_supervised_does_not_touch_realness() -> None:
    """Raising all K logits together raises realness; the conditional loss must not care, the joint one does."""
    a = logits()
    (gradient,) = torch.autograd.grad(supervised(a, classes()), a)
    torch.testing.assert_close(gradient.sum(1), torch.zeros(B, dtype=torch.float64), rtol=0, atol=1e-12)


def test_supervised_of_nothing_known_is_log_k() -> None:
    assert supervised(torch.zeros(B, K), classes()).item() == pytest.approx(math.log(K))


# --- unsupervised -----------------------------------------------------------------------------------------------------


def with_realness(s: float, n: int = 4) -> Tensor:
    """Return equal logits with realness s."""
    return torch.full((n, K), s - math.log(K), dtype=torch.float64)


def test_unsupervised_at_even_odds_is_log_two() -> None:
    even = with_realness(0.0)
    assert unsupervised(even, even).item() == pytest.approx(math.log(2))
    head = append_fake_logit(even)
    assert explicit_unsupervised(head, head).item() == pytest.approx(math.log(2))


@pytest.mark.parametrize(("s", "t"), [(0.0, 3.0), (-2.0, 1.0), (5.0, -5.0)])
def test_unsupervised_has_its_closed_value(s: float, t: float) -> None:
    expected = 0.5 * math.log(1 + math.exp(-s)) + 0.5 * math.log(1 + math.exp(t))
    assert unsupervised(with_realness(s), with_realness(t)).item() == pytest.approx(expected)


def test_unsupervised_weighs_each_half_by_its_own_mean() -> None:
    few, many = with_realness(1.0, 2), with_realness(-1.0, 50)
    assert unsupervised(few, many).item() == pytest.approx(math.log(1 + math.exp(-1)))


def test_the_optimal_discriminator_knows_the_odds() -> None:
    """At p(real) = 3/4 on both halves with 3 real to 1 fake, the gradient with respect to s is 0."""
    s = torch.tensor(math.log(3.0), dtype=torch.float64, requires_grad=True)
    a = s.expand(1, 1)
    loss = 3 * unsupervised(a, with_realness(0.0)) + unsupervised(with_realness(0.0), a)
    (gradient,) = torch.autograd.grad(loss, s)
    assert gradient.item() == pytest.approx(0, abs=1e-12)


# --- entropy, features, pseudo labels ---------------------------------------------------------------------------------


def test_entropy_has_its_limits() -> None:
    assert conditional_entropy(torch.full((B, K), 7.0)).item() == pytest.approx(math.log(K))
    sure = torch.nn.functional.one_hot(classes(), K) * 1e4
    assert conditional_entropy(sure.float()).item() == 0
    random = conditional_entropy(logits())
    assert 0 < random < math.log(K)


def test_entropy_of_two_classes_is_binary_entropy() -> None:
    p = torch.linspace(0.05, 0.95, 7, dtype=torch.float64)
    pairs = torch.stack([p.log(), (1 - p).log()], 1) + 3
    expected = -(p * p.log() + (1 - p) * (1 - p).log()).mean()
    torch.testing.assert_close(conditional_entropy(pairs), expected)


def test_feature_matching_is_the_distance_of_means() -> None:
    real, fake = torch.randn(8, 5, dtype=torch.float64), torch.randn(3, 5, dtype=torch.float64)
    expected = sum((real[:, f].mean() - fake[:, f].mean()) ** 2 for f in range(5)) / 5
    torch.testing.assert_close(feature_matching(real, fake), expected)


def test_feature_matching_rests_at_equal_means() -> None:
    real = torch.randn(8, 5, dtype=torch.float64)
    fake = (2 * real.mean(0) - real).requires_grad_()
    loss = feature_matching(real, fake)
    (gradient,) = torch.autograd.grad(loss, fake)
    torch.testing.assert_close(loss.detach(), torch.zeros((), dtype=torch.float64), rtol=0, atol=1e-30)
    torch.testing.assert_close(gradient, torch.zeros_like(gradient), rtol=0, atol=1e-15)


def test_feature_matching_gradient_is_the_same_for_every_sample() -> None:
    real, fake = torch.randn(8, 5), torch.randn(4, 5, requires_grad=True)
    (gradient,) = torch.autograd.grad(feature_matching(real, fake), fake)
    expected = 2 / 5 / 4 * (fake.detach().mean(0) - real.mean(0))
    torch.testing.assert_close(gradient, expected.expand(4, 5))


def test_pseudo_labels_count_only_where_the_guide_is_sure() -> None:
    p = torch.tensor([[0.96, 0.04], [0.94, 0.06], [0.02, 0.98]], dtype=torch.float64)
    q = torch.tensor([[0.5, 0.5], [0.1, 0.9], [0.7, 0.3]], dtype=torch.float64)
    expected = -(math.log(0.5) + math.log(0.3)) / 3
    assert pseudo_label(p.log(), q.log(), threshold=0.95).item() == pytest.approx(expected)
    assert pseudo_label(p.log(), q.log(), threshold=0.99).item() == 0


def test_pseudo_labels_teach_the_follower_only() -> None:
    guide, follower = logits(30.0), logits(seed=1)
    loss = pseudo_label(guide, follower)
    assert torch.autograd.grad(loss, guide, allow_unused=True, retain_graph=True) == (None,)
    (gradient,) = torch.autograd.grad(loss, follower)
    sure = guide.softmax(1).amax(1) >= 0.95
    assert 0 < sure.sum() < B
    assert torch.equal(gradient.abs().sum(1) > 0, sure)


def test_class_balance_is_the_divergence_of_the_mean() -> None:
    a, prior = logits(3.0).detach(), torch.rand(K, dtype=torch.float64) + 0.1
    prior /= prior.sum()
    mean = a.softmax(1).mean(0)
    torch.testing.assert_close(class_balance(a, prior), (mean * (mean / prior).log()).sum())


def test_class_balance_rests_at_its_prior() -> None:
    """Half the batch sure of one class and half of the other is balanced, and so is a batch that knows nothing."""
    even = torch.full((2,), 0.5)
    sure = torch.tensor([[1e4, 0.0], [0.0, 1e4]]).repeat(8, 1)
    assert class_balance(sure, even).item() == pytest.approx(0, abs=1e-6)
    assert class_balance(torch.zeros(5, 2), even).item() == pytest.approx(0, abs=1e-6)
    assert class_balance(sure[:1], even).item() == pytest.approx(math.log(2))
    assert class_balance(sure[:1], torch.tensor([0.1, 0.9])).item() == pytest.approx(math.log(10))


def test_smoothness_is_the_mean_divergence() -> None:
    a, b = logits(2.0), logits(2.0, seed=1)
    p, q = a.softmax(1), b.softmax(1)
    torch.testing.assert_close(smoothness(a, b), (p * (p / q).log()).sum(1).mean())
    assert smoothness(a, a).item() == pytest.approx(0, abs=1e-12)
    assert smoothness(a, b) > 0


def test_smoothness_teaches_the_follower_only() -> None:
    guide, follower = logits(2.0), logits(2.0, seed=1)
    loss = smoothness(guide, follower)
    assert torch.autograd.grad(loss, guide, allow_unused=True, retain_graph=True) == (None,)
    (gradient,) = torch.autograd.grad(loss, follower)
    torch.testing.assert_close(gradient, (follower.softmax(1) - guide.softmax(1)).detach() / B)


@pytest.mark.parametrize(
    "loss",
    [
        lambda a: class_balance(a, torch.full((K,), 1 / K)),
        lambda a: supervised(a, classes()[:4]),
        lambda a: unsupervised(a, a.flip(0)),
        lambda a: explicit_supervised(append_fake_logit(a), classes()[:4]),
        lambda a: explicit_unsupervised(append_fake_logit(a), append_fake_logit(a.flip(0))),
        lambda a: feature_matching(a[:2], a[2:]),
        conditional_entropy,
    ],
)
def test_gradients_are_those_of_the_values(loss: Callable[[Tensor], Tensor]) -> None:
    a = torch.randn(4, K, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(loss, (a,))

"""Terms that keep the class from changing: where they look, how far, and what moves."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from gan_ext.losses import smoothness
from gan_ext.nets import Classifier, mlp_discriminator, mlp_generator
from gan_ext.terms import ManifoldSmoothing, Scene, TangentSmoothing, Term, VirtualAdversarial

K = 3


def scene(judge: nn.Module, u: Tensor, make: Callable[[Tensor], Tensor] | None = None, d: int = 2) -> Scene:
    return Scene(judge, u, None, None, make or nn.Identity(), lambda n: torch.rand(n, d))


def linear_classifier(weight: Tensor) -> Classifier:
    return Classifier(nn.Identity(), linear(weight))


def linear(weight: Tensor) -> nn.Linear:
    layer = nn.Linear(weight.shape[1], weight.shape[0])
    with torch.no_grad():
        layer.weight.copy_(weight)
    return layer


# --- virtual adversarial views ----------------------------------------------------------------------------------------


def test_the_adversarial_view_is_on_the_ball_in_the_worst_direction() -> None:
    """With two classes and logits w x, -w x, the class changes along w only."""
    w = torch.tensor([3.0, -4.0]) / 5
    u = torch.randn(50, 2) * 0.3
    net = linear_classifier(torch.stack([w, -w]))
    view, guide = VirtualAdversarial(radius=0.2).view(scene(net, u))
    moved = view - u
    torch.testing.assert_close(moved.norm(dim=1), torch.full((50,), 0.2))
    torch.testing.assert_close((moved @ w).abs(), torch.full((50,), 0.2), rtol=1e-3, atol=0.0)
    assert not view.requires_grad
    assert guide is not None
    torch.testing.assert_close(guide, net(u).logits)


def test_the_adversarial_view_changes_the_class_more_than_a_random_one() -> None:
    net = mlp_discriminator((6,), K, (16, 8))
    u = torch.rand(64, 6)
    term = VirtualAdversarial(radius=0.3)
    view = term.view(scene(net, u)).data
    random = normalize(torch.randn_like(u), dim=1) * 0.3
    net.eval()
    clean, worst, other = (net(x).logits for x in (u, view, u + random))
    assert term(clean, worst) > 2 * term(clean, other)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("term", [VirtualAdversarial(0.3), ManifoldSmoothing()], ids=lambda term: term.name)
def test_looking_for_the_view_leaves_the_mode_and_the_weights(term: Term, training: bool) -> None:
    net = mlp_discriminator((6,), K, (8,)).train(training)
    term.view(scene(net, torch.rand(4, 6), nn.Linear(2, 6)))
    assert all(module.training == training for module in net.modules())
    assert all(parameter.grad is None for parameter in net.parameters())


# --- along the generator's surface ------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [1e-2, 0.5])
@pytest.mark.parametrize("d", [1, 2, 3])
def test_manifold_smoothing_is_the_squared_jacobian_where_all_is_linear(d: int, step: float) -> None:
    """W A = 3 I stretches each direction alike, so that no average over directions is needed."""
    a = torch.linalg.qr(torch.randn(6, d))[0]
    net, make = linear_classifier(3 * torch.cat([a.T, torch.zeros(K, 6)])), linear(a)
    term = ManifoldSmoothing(step=step)
    view = term.view(scene(net, torch.rand(8, 6), make, d))
    assert view.data is None
    assert view.guide is not None
    torch.testing.assert_close(term(view.guide, None), torch.tensor(9.0), rtol=1e-3, atol=0)


def test_manifold_smoothing_averages_over_directions() -> None:
    w, a = torch.randn(K, 6), torch.randn(6, 2)
    term = ManifoldSmoothing(samples=20_000)
    at = scene(linear_classifier(w), torch.rand(4, 6), linear(a))
    view = term.view(at)
    assert view.guide is not None
    assert len(view.guide) == 40_000
    torch.testing.assert_close(term(view.guide, None), (w @ a).square().sum() / 2, rtol=0.03, atol=0)


def test_manifold_smoothing_moves_the_classifier_and_not_the_generator() -> None:
    net, make = mlp_discriminator((6,), K, (8,), 0.3, 0.3), mlp_generator((6,), 2, (4,))
    term = ManifoldSmoothing()
    loss = term(term.view(scene(net, torch.rand(5, 6), make)).guide, None)
    loss.backward()
    assert any(parameter.grad is not None and parameter.grad.any() for parameter in net.parameters())
    assert all(parameter.grad is None for parameter in make.parameters())
    assert loss < 100  # noise of the network would be divided by the square of the step


def test_a_surface_on_which_the_class_does_not_change_costs_nothing() -> None:
    w, a = torch.tensor([[1.0, 0, 0], [2, 0, 0]]), torch.tensor([[0.0, 0], [1, 0], [0, 1]])
    term = ManifoldSmoothing()
    view = term.view(scene(linear_classifier(w), torch.rand(5, 3), linear(a)))
    torch.testing.assert_close(term(view.guide, None), torch.zeros(()), rtol=0, atol=1e-6)


def test_manifold_smoothing_stays_in_float32_within_automatic_precision() -> None:
    net, make = mlp_discriminator((6,), K, (8,)), nn.Sequential(nn.Linear(2, 6), nn.Tanh())
    at, term = scene(net, torch.rand(9, 6), make), ManifoldSmoothing(step=1e-3)
    torch.default_generator.manual_seed(0)
    expected = term(term.view(at).guide, None)
    torch.default_generator.manual_seed(0)
    with torch.autocast("cpu", torch.bfloat16):
        loss = term(term.view(at).guide, None)
    torch.testing.assert_close(loss, expected)


# --- along its tangents -----------------------------------------------------------------------------------------------


class Encoder(nn.Module):
    """Reads two coordinates of z from a sample on a known plane."""

    def __init__(self, plane: Tensor) -> None:
        super().__init__()
        self.read = linear(plane.T)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mean = self.read(x)
        return mean, torch.zeros_like(mean)


@pytest.mark.parametrize("step", [0.1, 1.0])
def test_tangents_lie_in_the_generators_plane(step: float) -> None:
    plane = torch.linalg.qr(torch.randn(6, 2))[0]
    u = torch.rand(40, 6)
    term = TangentSmoothing(Encoder(plane), radius=0.7, step=step)
    view = term.view(scene(mlp_discriminator((6,), K, (8,)), u, linear(plane)))
    assert view.data is not None
    assert view.guide is None
    moved = view.data - u
    torch.testing.assert_close(moved.norm(dim=1), torch.full((40,), 0.7))
    torch.testing.assert_close(moved @ plane @ plane.T, moved, rtol=1e-4, atol=1e-5)
    angles = torch.atan2(*(moved @ plane).T)
    assert angles.max() - angles.min() > 3  # in all of its directions
    assert not view.data.requires_grad


def test_tangents_are_taken_where_the_sample_lies() -> None:
    """On a circle z -> (cos z, sin z), the tangent at u = (cos a, sin a) is (-sin a, cos a)."""
    a = torch.linspace(0.1, 3.0, 30)
    u = torch.stack([a.cos(), a.sin()], dim=1)

    class Angle(nn.Module):
        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            mean = torch.atan2(x[:, 1:], x[:, :1])
            return mean, mean

    term = TangentSmoothing(Angle(), radius=0.5, step=1e-3)
    view = term.view(scene(nn.Identity(), u, lambda z: torch.cat([z.cos(), z.sin()], dim=1)))
    along = (view.data - u) @ torch.eye(2)  # type: ignore[operator]
    cosine = (along * torch.stack([-a.sin(), a.cos()], dim=1)).sum(1) / 0.5
    torch.testing.assert_close(cosine.abs(), torch.ones(30), rtol=1e-3, atol=0)


def test_tangent_smoothing_reads_the_encoder_and_does_not_own_it() -> None:
    encoder = Encoder(torch.randn(6, 2))
    term = TangentSmoothing(encoder, radius=0.7)
    assert not list(term.parameters())
    a, b = torch.randn(2, 5, K)
    assert term(a, b) == smoothness(a, b)


def test_a_generator_that_stands_still_leaves_the_sample() -> None:
    u = torch.rand(5, 6)
    view = TangentSmoothing(Encoder(torch.randn(6, 2)), 0.7).view(scene(nn.Identity(), u, lambda z: z.new_zeros(10, 6)))
    assert torch.equal(view.data, u)  # type: ignore[arg-type]


# --- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: VirtualAdversarial(0.0), "VirtualAdversarial needs radius > 0, got radius=0.0"),
        (lambda: VirtualAdversarial(1.0, probe=0.0), "VirtualAdversarial needs probe > 0, got probe=0.0"),
        (lambda: ManifoldSmoothing(step=0.0), "ManifoldSmoothing needs step > 0, got step=0.0"),
        (lambda: ManifoldSmoothing(samples=0), "ManifoldSmoothing needs samples >= 1, or None, got samples=0"),
        (lambda: TangentSmoothing(nn.Identity(), -1.0), "TangentSmoothing needs radius > 0, got radius=-1.0"),
        (lambda: TangentSmoothing(nn.Identity(), 1.0, step=0.0), "TangentSmoothing needs step > 0, got step=0.0"),
    ],
)
def test_nonsense_is_refused(make: Callable[[], Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        make()

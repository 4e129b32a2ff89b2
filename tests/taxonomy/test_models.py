"""Models of the tree: what they say of likelihoods and samples is true where both are known."""

import math
import sys

import numpy as np
import pytest
import torch

from gan_ext.taxonomy import (
    GAN,
    Autoregressive,
    Boltzmann,
    Data,
    Flow,
    Form,
    LikelihoodGAN,
    Model,
    Stochastic,
    Variational,
    cells,
    count_parameters,
    largest_width,
    within,
)

MODELS = [Autoregressive, Flow, Variational, Boltzmann, Stochastic, GAN, LikelihoodGAN]
PLANE, PIXELS = Form(2, False), Form(6, True)


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize(("form", "budget"), [(PLANE, 10_000), (Form(64, True), 40_000)])
def test_models_have_nearly_as_many_parameters_as_they_may(kind: type[Model], form: Form, budget: int) -> None:
    width = largest_width(kind, form, budget)
    size, drawing = kind(form, width).sizes()
    assert 0.96 * budget < size <= budget < kind(form, width + 1).sizes()[0]
    assert drawing <= size


def test_weights_that_a_mask_holds_at_zero_do_not_count() -> None:
    """MADE of 4 numbers, 3 hidden units of degrees 1, 2, 3: six weights in, six out, six beside, and biases."""
    net = Autoregressive(Form(4, True), 3).net
    first, second = count_parameters(net.hidden[0]), count_parameters(net.hidden[1])
    assert (first, second, count_parameters(net.output), count_parameters(net.direct)) == (6 + 3, 6 + 3, 6 + 4, 6 + 4)


@pytest.mark.parametrize("kind", [Autoregressive, Boltzmann, Flow])
def test_densities_in_the_plane_integrate_to_one(kind: type[Model]) -> None:
    """Of cells exactly; of the flow as far as the plane is looked at."""
    model, wide = kind(PLANE, 12), 4.0 if kind is Flow else 1.25
    steps = 64 if kind is not Flow else 400
    line = (torch.arange(steps) + 0.5) * (2 * wide / steps) - wide
    with torch.no_grad():
        mass = model.log_likelihood(torch.cartesian_prod(line, line)).double().exp().sum() * (2 * wide / steps) ** 2
    assert float(mass) == pytest.approx(1, abs=0.01 if kind is Flow else 1e-4)


@pytest.mark.parametrize("kind", [Autoregressive, Boltzmann, Flow, Variational])
def test_probabilities_of_all_images_sum_to_one(kind: type[Model]) -> None:
    model = kind(PIXELS, 8)
    every = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * PIXELS.size)
    with torch.no_grad():
        mass = float(model.log_likelihood(every).double().exp().sum())
    assert mass == pytest.approx(1, abs={Boltzmann: 0.05, Flow: 0.05, Variational: 0.02}.get(kind, 1e-5))


def test_likelihoods_of_implicit_models_sum_to_one_too() -> None:
    """The chain's, and the generator's with the noise that is assumed: both are laws of images."""
    every = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * PIXELS.size)
    for kind in (Stochastic, GAN):
        found = kind(PIXELS, 8).log_likelihood(every)
        assert found is not None
        assert float(found.double().exp().sum()) == pytest.approx(1, abs=0.03)


def test_samples_follow_the_likelihood() -> None:
    """Where a chain or the order of pixels could be wrong: shares of samples against probabilities."""
    every = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * PIXELS.size)
    numbers = 2 ** torch.arange(PIXELS.size - 1, -1, -1)
    for kind in (Autoregressive, Boltzmann, Variational, Stochastic):
        torch.manual_seed(0)
        model = kind(PIXELS, 8)
        if isinstance(model, Boltzmann):
            model.machine.components_ = np.random.default_rng(0).normal(0, 1, model.machine.components_.shape)
            model.machine.intercept_visible_[:] = np.linspace(-1, 1, PIXELS.size)
        with torch.no_grad():
            likelihood = model.log_likelihood(every)
            assert likelihood is not None
            found = torch.bincount((model.sample(20_000) @ numbers.float()).long(), minlength=64) / 20_000
        assert 0.5 * float((found - likelihood.exp()).abs().sum()) < 0.05, kind


def test_bits_of_cells_come_back_and_neighbors_differ_in_one() -> None:
    model = Boltzmann(PLANE, 3)
    x = within(torch.cartesian_prod(torch.arange(64), torch.arange(64)))
    bits = model.coded(x)
    assert bits.shape == (4096, 12)
    assert torch.equal(cells(model.shown(bits)), cells(x))
    assert ((bits[:63] - bits[1:64]).abs().sum(1) == 1).all()


def test_points_of_a_cell_are_spread_over_it() -> None:
    x = within(torch.full((20_000, 2), 10))
    assert torch.equal(cells(x), torch.full((20_000, 2), 10))
    side = 2 * 1.25 / 64
    assert float(x.std(0).mean()) == pytest.approx(side / math.sqrt(12), rel=0.02)


@pytest.mark.parametrize("form", [PLANE, PIXELS])
@pytest.mark.parametrize("kind", MODELS)
def test_fits_are_repeated_bit_for_bit_and_keep_the_best_look(kind: type[Model], form: Form) -> None:
    """Every model learns something in a few steps of a set that is no noise, and keeps its least loss."""
    x = (torch.rand(300, form.size) < 0.8).float() if form.bits else 0.1 * torch.randn(300, 2) + 0.5
    data, drawn = Data(form, x[:200], x[200:250], x[250:]), []
    for _ in range(2):
        torch.manual_seed(1)
        model = kind(form, 6)
        model.fit(data, 20, 3)
        torch.manual_seed(2)
        drawn.append(model.sample(5))
        assert model.course == [] if isinstance(model, GAN) else len(model.course) == 10
    torch.testing.assert_close(drawn[0], drawn[1], rtol=0, atol=0)
    assert drawn[0].shape == (5, form.size)
    if not isinstance(model, GAN | Variational | Flow | Stochastic):
        assert model.loss(data.valid) == pytest.approx(min(model.course), abs=0.3 if form.bits else 1e-4)


def test_a_budget_too_small_is_refused() -> None:
    with pytest.raises(ValueError, match="budget=3 is too small: Autoregressive"):
        largest_width(Autoregressive, PIXELS, 3)


def test_without_zuko_the_flow_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "zuko", None)
    with pytest.raises(ImportError, match=r"pip install 'gan_ext\[taxonomy\]'"):
        Flow(PLANE, 4)

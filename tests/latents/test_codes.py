"""Codes: what they draw, what they say of it, and the bounds that readers reach."""

import copy
import itertools
import math

import pytest
import torch
from torch import Tensor

from gan_ext.latents import Bernoulli, Categorical, Gaussian, Prior, Product, Uniform

SHARES = [0.5, 0.3, 0.2]


def mixed() -> Product:
    return Product(kind=Categorical(3, SHARES), switch=Bernoulli(1, 0.3), tilt=Uniform(2, -1, 2), size=Gaussian(1))


ALL = [
    Uniform(2, -1, 2),
    Gaussian(2, scale=0.1),
    Bernoulli(3, 0.3),
    Categorical(3, SHARES),
    Categorical(3, SHARES, learn=True),
    mixed(),
]


def kinds(prior: Prior) -> str:
    return f"{type(prior).__name__}{'+' if getattr(prior, 'learn', False) else ''}"


def means(prior: Prior) -> Tensor:
    match prior:
        case Uniform():
            return torch.full((prior.dim,), (prior.low + prior.high) / 2)
        case Gaussian():
            return torch.zeros(prior.dim)
        case Bernoulli():
            return torch.full((prior.dim,), prior.p)
        case Categorical():
            return torch.tensor(SHARES)
    assert isinstance(prior, Product)
    return torch.cat([means(code) for code in prior.codes().values()])


def variances(prior: Prior) -> Tensor:
    match prior:
        case Uniform():
            return torch.full((prior.dim,), (prior.high - prior.low) ** 2 / 12)
        case Gaussian():
            return torch.full((prior.dim,), prior.scale**2)
        case Product():
            return torch.cat([variances(code) for code in prior.codes().values()])
    return means(prior) * (1 - means(prior))


def support(prior: Prior) -> tuple[Tensor, float]:
    """Return vectors that tile all that a prior can draw, and the volume that each stands for."""
    match prior:
        case Uniform() | Gaussian():
            low, high = (prior.low, prior.high) if isinstance(prior, Uniform) else (-8 * prior.scale, 8 * prior.scale)
            width = (high - low) / 60
            grid = low + width * (torch.arange(60) + 0.5)
            return torch.cartesian_prod(*[grid] * prior.dim).reshape(-1, prior.dim), width**prior.dim
        case Bernoulli():
            return torch.tensor(list(itertools.product([0.0, 1.0], repeat=prior.dim))), 1.0
        case Categorical():
            return torch.eye(prior.dim), 1.0
    raise AssertionError


@pytest.mark.parametrize("prior", ALL, ids=kinds)
def test_samples_have_the_moments_they_should(prior: Prior) -> None:
    values = prior.sample(40_000).detach()
    assert values.shape == (40_000, prior.dim)
    assert prior.allows(values).all()
    torch.testing.assert_close(values.mean(0), means(prior), rtol=0, atol=0.03)
    torch.testing.assert_close(values.var(0), variances(prior), rtol=0.03, atol=1e-3)


@pytest.mark.parametrize("prior", ALL[:-1], ids=kinds)
def test_probabilities_sum_to_one_and_explain_the_entropy(prior: Prior) -> None:
    values, volume = support(prior)
    log_prob = prior.log_prob(values).detach()
    assert (log_prob.exp().sum() * volume).item() == pytest.approx(1, abs=1e-4)
    entropy = -(log_prob.exp() * log_prob).sum() * volume
    assert prior.entropy().item() == pytest.approx(entropy.item(), abs=1e-4)


def test_a_product_is_as_probable_as_its_codes_together() -> None:
    product = mixed()
    values = product.sample(200)
    parts = [code.log_prob(product.split(values)[name]) for name, code in product.codes().items()]
    torch.testing.assert_close(product.log_prob(values), sum(parts))
    assert product.entropy().item() == pytest.approx(-product.log_prob(product.sample(20_000)).mean().item(), abs=0.03)


@pytest.mark.parametrize("prior", ALL, ids=kinds)
def test_what_a_prior_cannot_draw_is_not_allowed_and_impossible(prior: Prior) -> None:
    values = prior.sample(3).detach()
    values[1, 0], values[2, -1] = torch.nan, torch.inf
    assert prior.allows(values).tolist() == [True, False, False]
    if not isinstance(prior, Gaussian | Product):
        values = values.nan_to_num(0.5, posinf=7.0)
        assert prior.log_prob(values).isinf().tolist() == [False, prior.dim != 2, True]


def test_vectors_outside_are_not_allowed() -> None:
    assert not Uniform(1).allows(torch.tensor([[1.01], [-0.01]])).any()
    assert Uniform(1).allows(torch.tensor([[0.0], [1.0]])).all()
    assert not Bernoulli(2).allows(torch.tensor([[0.5, 0.0], [1.0, 2.0]])).any()
    assert not Categorical(2).allows(torch.tensor([[1.0, 1.0], [0.0, 0.0], [0.5, 0.5]])).any()


@pytest.mark.parametrize("prior", ALL, ids=kinds)
def test_draws_follow_device_and_precision(prior: Prior) -> None:
    assert copy.deepcopy(prior).double().sample(3).dtype == torch.float64
    on_meta = copy.deepcopy(prior).to("meta")
    assert on_meta.sample(3).device.type == on_meta.entropy().device.type == "meta"


@pytest.mark.parametrize("prior", ALL, ids=kinds)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_beliefs_are_precise_whatever_the_statistics(prior: Prior, dtype: torch.dtype) -> None:
    stated, values = torch.randn(4, prior.width).to(dtype), prior.sample(4)
    belief = prior.log_posterior(stated, values)
    assert belief.dtype == prior.posterior_mean(stated).dtype != torch.bfloat16
    torch.testing.assert_close(belief.float(), prior.log_posterior(stated.float(), values))
    assert prior.posterior_mean(stated).shape == (4, prior.dim)


def test_a_perfect_reader_of_a_category_reaches_log_k() -> None:
    code = Categorical(10)
    values = code.sample(500)
    assert code.information(40 * values, values).item() == pytest.approx(2.302585, abs=1e-5)
    unequal = Categorical(3, SHARES)
    values = unequal.sample(500)
    assert unequal.information(40 * values, values).item() == pytest.approx(unequal.entropy().item(), abs=1e-5)


def test_a_perfect_reader_of_switches_reaches_d_log_two() -> None:
    code = Bernoulli(5)
    values = code.sample(500)
    assert code.information(80 * (values - 0.5), values).item() == pytest.approx(5 * math.log(2), abs=1e-5)


def test_a_reader_that_ignores_the_data_gets_nothing() -> None:
    """-E log q >= H, with equality where the belief is the prior: exact sums over all vectors."""
    for code, best in (
        (Categorical(3, SHARES), torch.tensor(SHARES).log()),
        (Bernoulli(3, 0.3), torch.logit(means(ALL[2]))),
    ):
        values, _ = support(code)
        probabilities = code.log_prob(values).exp()

        def bound(statistics: Tensor, code: Prior = code, values: Tensor = values, p: Tensor = probabilities) -> float:
            belief = code.log_posterior(statistics.expand(len(values), -1), values)
            return (code.entropy() + (p * belief).sum()).item()

        assert bound(best) == pytest.approx(0, abs=1e-6)
        assert all(bound(torch.randn(code.width)) < 0 for _ in range(20))


@pytest.mark.parametrize("std", [None, 1.0, 0.3])
def test_a_constant_belief_about_numbers_is_worth_at_most_nothing(std: float | None) -> None:
    """The best constant is 0 for a Gaussian code and less for a uniform one, whose shape it misses."""
    for code, ceiling in (
        (Gaussian(1, std), 0.0),
        (Uniform(1, -1, 1, std), math.log(2) - math.log(math.pi * math.e / 6 * 4) / 2),
    ):
        values = code.sample(200_000)
        spread = values.std().log().reshape(1) if std is None else torch.zeros(0)
        best = code.information(torch.cat([torch.zeros(1), spread]).expand(len(values), -1), values).item()
        assert best == pytest.approx(ceiling, abs=5e-3)
        for shift in (-0.5, 0.7):
            worse = code.information(torch.cat([torch.full((1,), shift), spread]).expand(len(values), -1), values)
            assert worse.item() < best - 0.02


def test_shuffled_statistics_are_worth_at_most_nothing() -> None:
    product = mixed()
    values = product.sample(20_000)
    stated = torch.cat(
        [20 * values[:, :3], 8 * (values[:, 3:4] - 0.5), values[:, 4:]], dim=1
    )  # a good reader, whose answers go to the wrong samples
    good = product.informations(stated, values)
    assert all(bound > 0.9 * product[name].entropy() for name, bound in good.items() if name in ("kind", "switch"))
    bounds = product.informations(stated.roll(1, 0), values)
    assert all(bound < 0.01 for bound in bounds.values())


@pytest.mark.parametrize("rho", [0.3, 0.9])
@pytest.mark.parametrize("std", [None, 1.0])
def test_the_best_reader_of_a_gaussian_channel_reaches_its_capacity(rho: float, std: float | None) -> None:
    """x = rho c + sqrt(1 - rho^2) n: I(c; x) = -1/2 ln(1 - rho^2), where q(c|x) = N(rho x, 1 - rho^2)."""
    code = Gaussian(1, std)
    values = code.sample(200_000)
    noise = math.sqrt(1 - rho**2)
    heard = rho * values + noise * torch.randn_like(values)

    def bound(slope: float, spread: float) -> float:
        stated = slope * heard
        stated = stated if std else torch.cat([stated, torch.full_like(stated, math.log(spread))], dim=1)
        return code.information(stated, values).item()

    best = bound(rho, noise)
    assert best == pytest.approx(-math.log(1 - rho**2) / 2, abs=0.01)
    others = [(rho + 0.2, noise), (rho - 0.2, noise)] + ([] if std else [(rho, 1.5 * noise), (rho, 0.6 * noise)])
    assert all(bound(*other) < best - 0.005 for other in others)


def test_a_belief_that_is_too_sure_of_itself_is_kept_finite() -> None:
    code = Gaussian(1, std=None)
    stated = torch.tensor([[0.0, -1e4], [0.0, 1e4]])
    expected = torch.distributions.Normal(0.0, torch.tensor([-5.0, 2.0]).exp()).log_prob(torch.tensor([1.0, 1.0]))
    torch.testing.assert_close(code.log_posterior(stated, torch.ones(2, 1)), expected)


def test_learned_shares_rise_where_samples_are_worth_more() -> None:
    code = Categorical(4, learn=True)
    for k in range(4):
        value = code.sample(2000)[:, k].mean()
        (gradient,) = torch.autograd.grad(value, code.logits)
        assert gradient.argmax() == k
        assert gradient[k] > 0 > gradient[[j for j in range(4) if j != k]].max()


def test_learned_samples_are_exactly_one_hot() -> None:
    """So that they are allowed, and their log-probability is finite and has a gradient of its own."""
    code = Categorical(3, SHARES, learn=True)
    values = code.sample(5000)
    assert values.requires_grad
    assert code.allows(values).all()
    (gradient,) = torch.autograd.grad(code.log_prob(torch.eye(3)[:1]).sum(), code.logits)
    torch.testing.assert_close(gradient, torch.eye(3)[0] - torch.tensor(SHARES))


def test_fixed_shares_are_saved_and_learned_ones_are_parameters() -> None:
    assert not list(Categorical(3).parameters())
    assert "logits" in Categorical(3).state_dict()
    assert [name for name, _ in Categorical(3, learn=True).named_parameters()] == ["logits"]


def test_a_product_cuts_vectors_and_statistics_where_its_codes_are() -> None:
    product = Product(kind=Categorical(3), tilt=Uniform(2, std=None), switch=Bernoulli(1))
    assert (product.dim, product.width, product.names) == (6, 8, ("kind", "tilt", "switch"))
    assert product.columns() == {"kind": slice(0, 3), "tilt": slice(3, 5), "switch": slice(5, 6)}
    values, stated = torch.randn(4, 6), torch.randn(4, 8)
    for name, part in product.split(values).items():
        assert torch.equal(part, values[:, product.columns()[name]])
    assert [part.shape[1] for part in product.split_statistics(stated).values()] == [3, 4, 1]
    expected = [code.posterior_mean(product.split_statistics(stated)[n]) for n, code in product.codes().items()]
    torch.testing.assert_close(product.posterior_mean(stated), torch.cat(expected, 1))
    values = product.sample(50)
    stated = torch.randn(50, 8)
    torch.testing.assert_close(
        product.log_posterior(stated, values),
        sum(product[n].log_posterior(product.split_statistics(stated)[n], v) for n, v in product.split(values).items()),
    )


def test_products_nest() -> None:
    inner = Product(kind=Categorical(3), tilt=Uniform(2))
    outer = Product(look=inner, size=Gaussian(1))
    values = outer.sample(20)
    assert outer.columns() == {"look": slice(0, 5), "size": slice(5, 6)}
    assert outer["look"] is inner
    assert outer.allows(values).all()
    torch.testing.assert_close(outer.entropy(), inner.entropy() + Gaussian(1).entropy())
    torch.testing.assert_close(
        outer.log_prob(values), inner.log_prob(values[:, :5]) + Gaussian(1).log_prob(values[:, 5:])
    )
    assert (inner.first_categorical(), outer.first_categorical()) == ("kind", None)


def test_the_bounds_of_a_product_are_those_of_its_codes() -> None:
    product = Product(kind=Categorical(3), switch=Bernoulli(2))
    values, stated = product.sample(100), torch.randn(100, product.width)
    bounds = product.informations(stated, values)
    assert list(bounds) == ["kind", "switch"]
    torch.testing.assert_close(sum(bounds.values()), product.information(stated, values))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Product(), "at least one code"),
        (lambda: Product(type=Categorical(2)), "'type'"),
        (lambda: Product(**{"a.b": Categorical(2)}), "'a.b'"),
        (lambda: Categorical(0), "k=0"),
        (lambda: Categorical(3, [0.5, 0.5]), "3 positive shares"),
        (lambda: Categorical(2, [1.0, 0.0]), "positive shares"),
        (lambda: Categorical(2, temperature=0.0), "temperature=0.0"),
        (lambda: Bernoulli(0), "dim=0"),
        (lambda: Bernoulli(2, 1.0), "p=1.0"),
        (lambda: Uniform(2, std=0.0), "std=0.0"),
        (lambda: Gaussian(2, std=-1.0), "std=-1.0"),
        (lambda: Gaussian(2, scale=0.0), "scale=0.0"),
    ],
)
def test_what_no_code_can_be_is_refused(make, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()

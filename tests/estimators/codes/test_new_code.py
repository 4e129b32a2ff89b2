"""A code of one's own is one class: three that the package does not know go through fit, sampling, report and page."""

import json
import math
import re

import numpy as np
import pytest
import torch
from torch import Tensor

from gan_ext import InfoGAN, report_codes
from gan_ext.estimators import CodeSource, HasCodes, RealSamples, product_source
from gan_ext.explorer import write_explorer
from gan_ext.latents import Categorical, Gaussian, Prior, Product, Uniform


class Laplace(Prior):
    """Coordinates with the density exp(-|c|) / 2; Q states their means, with errors of the same law."""

    def __init__(self, dim: int) -> None:
        super().__init__(dim, dim)

    def sample(self, n: int) -> Tensor:
        return self.quantiles(self.anchor.new_empty(n, self.dim).uniform_(1e-6, 1 - 1e-6))

    def log_prob(self, values: Tensor) -> Tensor:
        return -(values.abs() + math.log(2)).sum(1)

    def entropy(self) -> Tensor:
        return self.anchor + self.dim * (1 + math.log(2))

    def log_posterior(self, statistics: Tensor, values: Tensor) -> Tensor:
        return -((values - statistics.float()).abs() + math.log(2)).sum(1)

    def posterior_mean(self, statistics: Tensor) -> Tensor:
        return statistics.float() if statistics.dtype != torch.float64 else statistics

    def allows(self, values: Tensor) -> Tensor:
        return values.isfinite().all(1)

    def quantiles(self, probabilities: Tensor) -> Tensor:
        p = probabilities
        return torch.where(p < 0.5, (2 * p).log(), -(2 - 2 * p).log())


class Ordinal(Prior):
    """One number among few in order; Q states a logit for each."""

    points = (0.0, 1.0, 4.0)

    def __init__(self) -> None:
        super().__init__(1, len(self.points))

    def sample(self, n: int) -> Tensor:
        return self.anchor.new_tensor(self.points)[torch.randint(len(self.points), (n, 1))]

    def log_prob(self, values: Tensor) -> Tensor:
        return torch.where(self.allows(values), -math.log(len(self.points)), -math.inf)

    def entropy(self) -> Tensor:
        return self.anchor + math.log(len(self.points))

    def log_posterior(self, statistics: Tensor, values: Tensor) -> Tensor:
        number = (values - values.new_tensor(self.points)).abs().argmin(1, keepdim=True)
        return statistics.float().log_softmax(1).gather(1, number)[:, 0]

    def posterior_mean(self, statistics: Tensor) -> Tensor:
        shares = statistics.float().softmax(1)
        return (shares * shares.new_tensor(self.points)).sum(1, keepdim=True)

    def allows(self, values: Tensor) -> Tensor:
        return (values == values.new_tensor(self.points)).any(1)

    def shares(self) -> Tensor:
        return torch.full((len(self.points),), 1 / len(self.points), dtype=torch.float64)

    def values(self, steps: int = 9) -> list[float]:
        return list(self.points)

    def beliefs(self, statistics: Tensor) -> list[Tensor]:
        return [statistics.float().softmax(1)]

    def allows_mean(self, means: Tensor) -> Tensor:
        return ((means >= 0) & (means <= 4)).all(1)

    def describe(self, mean: bool = False) -> str:
        return "goes from 0 to 4" if mean else "is 0, 1 or 4"


class Angle(Prior):
    """A direction, (cos, sin) of an angle in [-pi, pi], set and moved by that angle; Q's belief is von Mises."""

    whole = True

    def __init__(self) -> None:
        super().__init__(2, 2)

    def sample(self, n: int) -> Tensor:
        return self.vectors(self.anchor.new_empty(n).uniform_(-math.pi, math.pi))

    def log_prob(self, values: Tensor) -> Tensor:
        return torch.where(self.allows(values), -math.log(2 * math.pi), -math.inf)

    def entropy(self) -> Tensor:
        return self.anchor + math.log(2 * math.pi)

    def log_posterior(self, statistics: Tensor, values: Tensor) -> Tensor:
        stated = statistics.float()
        size = stated.norm(dim=1).clamp_min(1e-6)  # the concentration; log I_0(k) = log i0e(k) + k
        return (stated * values).sum(1) - size - torch.special.i0e(size).log() - math.log(2 * math.pi)

    def posterior_mean(self, statistics: Tensor) -> Tensor:
        return torch.nn.functional.normalize(statistics.float(), dim=1)

    def allows(self, values: Tensor) -> Tensor:
        return (values.square().sum(1) - 1).abs() < 1e-4

    def quantiles(self, probabilities: Tensor) -> Tensor:
        return math.pi * (2 * probabilities - 1)

    def vectors(self, values: Tensor) -> Tensor:
        return torch.stack([values.cos(), values.sin()], dim=1)

    def numbers(self, vectors: Tensor) -> Tensor:
        return torch.atan2(vectors[:, 1], vectors[:, 0])


CODES = Product(kind=Categorical(2), skew=Laplace(2), step=Ordinal(), turn=Angle())


def data(n: int = 300) -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.normal(size=(n, 3)) + 4 * (np.arange(n) % 2)[:, None]


@pytest.fixture(scope="module")
def model() -> InfoGAN:
    return InfoGAN(codes=CODES, max_iter=30, hidden_layer_sizes=(16,), device="cpu", random_state=0).fit(data())


@pytest.mark.parametrize("code", [Laplace(1), Ordinal(), Angle()], ids=lambda code: type(code).__name__)
def test_what_it_says_of_units_belongs_together(code: Prior) -> None:
    drawn = code.numbers(code.sample(20_000)).double()
    assert code.takes(code.numbers(code.vectors(drawn.float()))).all()
    shares = code.shares()
    if shares is None:
        inner = torch.tensor([0.1, 0.5, 0.9], dtype=torch.float64)
        found = (drawn[:, None] <= code.quantiles(inner)).double().mean(0)
        torch.testing.assert_close(found, inner, rtol=0, atol=0.015)
    else:
        found = (drawn[:, None] == torch.tensor(code.values())).double().mean(0)
        torch.testing.assert_close(found, shares, rtol=0, atol=0.015)


def test_it_is_fitted_read_and_set(model: InfoGAN) -> None:
    names = ["kind=0", "kind=1", "skew[0]", "skew[1]", "step", "turn=0", "turn=1"]
    assert model.get_feature_names_out().tolist() == names
    assert {"generator/information/turn", "generator/information/skew"} <= set(model.history_[-1])
    codes = model.transform(data())
    assert codes.shape == (300, 7)
    assert model.inverse_transform(codes, random_state=0).shape == (300, 3)
    one = model.sample(4, codes={"skew": [0.5, -3.0], "step": 4, "turn": 1.5}, random_state=1)
    each = model.sample(
        4, codes={"skew[0]": [0.5] * 4, "skew[1]": -3.0, "step": [4] * 4, "turn": [1.5] * 4}, random_state=1
    )
    np.testing.assert_array_equal(one, each)
    assert not np.array_equal(one, model.sample(4, codes={"skew": [0.5, -3.0], "step": 1, "turn": 1.5}, random_state=1))


def test_it_is_traversed(model: InfoGAN) -> None:
    assert model.traverse("step", n_samples=2, random_state=0).shape == (2, 3, 3)
    assert model.traverse("skew[1]", random_state=0).shape == (1, 9, 3)
    there, back = (model.traverse("turn", [at], random_state=0) for at in (-math.pi, math.pi))
    np.testing.assert_allclose(there, back, atol=1e-4)  # the ends of a circle are one place
    ends = model.traverse("skew[0]", Laplace(1).values()[::8], random_state=0)
    np.testing.assert_allclose(model.traverse("skew[0]", random_state=0)[:, [0, -1]], ends, atol=1e-5)


@pytest.mark.parametrize(
    ("codes", "message"),
    [
        ({"step": 2}, "Code 'step' is 0, 1 or 4, got 2"),
        ({"skew[0]": np.nan}, r"Code 'skew\[0\]' is a number that Laplace can draw, got nan"),
        ({"turn": [1.0, 2.0]}, "Code 'turn' takes one number or 4 of them"),
    ],
)
def test_it_says_what_it_cannot_be(model: InfoGAN, codes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        model.sample(4, codes=codes)


@pytest.mark.filterwarnings("ignore::gan_ext.DeadCodeWarning")
def test_it_is_reported(model: InfoGAN) -> None:
    found = report_codes(model, data(), n_samples=500, max_iter=20, random_state=0)
    assert [row.code for row in found.rows] == ["kind", "skew[0]", "skew[1]", "step", "turn"]
    entropies = [math.log(k) for k in (2, 16, 16, 3, 16)]
    assert [row.entropy for row in found.rows] == pytest.approx(entropies)
    assert [row.monotonicity is None for row in found.rows] == [True, False, False, True, False]


@pytest.mark.filterwarnings("ignore::gan_ext.DeadCodeWarning")
def test_what_is_written_into_samples_is_read_of_it() -> None:
    """By the reader afterwards and by a Q that is told, each in the code's own classes."""

    class Own:
        def code_source(self, levels: int = 16) -> CodeSource:
            codes = Product(skew=Laplace(1), step=Ordinal(), turn=Angle())

            def q(x: Tensor) -> Tensor:  # [z, skew, step, cos, sin]
                logits = -9 * (x[:, 2:3] - x.new_tensor(Ordinal.points)).abs()
                return torch.cat([x[:, 1:2], logits, 50 * x[:, 3:]], dim=1)

            source = product_source(lambda x: x, codes, Gaussian(1), levels=levels, own=q)
            real = RealSamples(np.asarray, lambda X: torch.tensor(X, dtype=torch.float32))
            return CodeSource(**{**vars(source), "real": real})

    assert isinstance(Own(), HasCodes)
    found = report_codes(Own(), np.random.default_rng(0).normal(size=(200, 5)), n_samples=3000, max_iter=300, levels=4)
    assert found.estimator == "Own"
    for row in found.rows:
        assert row.normalized > 0.75
        assert row.own_normalized > 0.75


def test_an_estimator_of_ones_own_must_say_what_is_known_of_real_samples() -> None:
    class Own:
        def code_source(self, levels: int = 16) -> CodeSource:
            return product_source(lambda x: x, Product(skew=Laplace(1)), Gaussian(1), levels=levels)

    with pytest.raises(ValueError, match="source of Own says nothing of real samples"):
        report_codes(Own(), data())


def test_the_page_moves_it_or_says_why_not(tmp_path) -> None:
    codes = Product(skew=Laplace(2), step=Ordinal())
    net = torch.nn.Sequential(torch.nn.Linear(5, 4))
    write_explorer(tmp_path / "page.html", net, codes, Uniform(2), (4,))
    text = (tmp_path / "page.html").read_text()
    page = json.loads(re.search(r'<script id="data" type="application/json">(.*?)</script>', text, re.DOTALL)[1])
    skew, step = page["controls"]
    assert (skew["kind"], skew["size"], step["kind"], step["values"]) == ("slider", 2, "choice", [0, 1, 4])
    assert skew["high"] == pytest.approx(math.log(20), rel=1e-4)
    assert skew["quantiles"][80] == 0
    with pytest.raises(ValueError, match="no control for the Angle 'turn': it moves categories"):
        write_explorer(tmp_path / "page.html", net, Product(turn=Angle()), Uniform(3), (4,))


def test_a_code_that_says_nothing_of_its_units_still_plays() -> None:
    class Mute(Laplace):
        def quantiles(self, probabilities: Tensor) -> Tensor:
            return Prior.quantiles(self, probabilities)

        def sample(self, n: int) -> Tensor:
            return self.anchor.new_empty(n, self.dim).normal_()

    x = data(60)
    model = InfoGAN(codes=Product(mute=Mute(1)), max_iter=2, hidden_layer_sizes=(8,), random_state=0).fit(x)
    assert model.sample(3, codes={"mute": 0.5}).shape == (3, 3)
    assert model.traverse("mute", [0.0, 1.0]).shape == (1, 2, 3)
    message = "quantiles of a Mute are not known: pass values, or give the class a method `quantiles`"
    with pytest.raises(ValueError, match=message):
        model.traverse("mute")
    with pytest.raises(ValueError, match=message):
        report_codes(model, x)

"""Terms of the generator: which loss of what they are, and whose parameters they move."""

import copy
from collections.abc import Callable
from math import log
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gan_ext.game import owned_parameters
from gan_ext.games import KPlusOne, SemiBatch
from gan_ext.latents import Gaussian
from gan_ext.losses import (
    absolute_feature_matching,
    covariance_matching,
    feature_matching,
    low_density,
    maximum_mean_discrepancy,
    pull_away,
    variational_entropy,
)
from gan_ext.nets import mlp_discriminator
from gan_ext.terms import (
    FeatureMatching,
    Generated,
    GeneratorTerm,
    LowDensity,
    PullAway,
    TangentSmoothing,
    VariationalEntropy,
)

KINDS = {
    "mean": feature_matching,
    "absolute": absolute_feature_matching,
    "covariance": covariance_matching,
    "mmd": maximum_mean_discrepancy,
}


class Encoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Linear(6, 4)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_std = self.net(x).chunk(2, dim=1)
        return mean, log_std


class Normal(nn.Module):
    """The log-density of independent normal coordinates, with dropout that must be off."""

    def __init__(self) -> None:
        super().__init__()
        self.mean, self.drop = nn.Parameter(torch.zeros(6)), nn.Dropout(0.5)

    def forward(self, x: Tensor) -> Tensor:
        return -(self.drop(x - self.mean).square() + log(2 * torch.pi)).sum(1) / 2


def generated() -> Generated:
    return Generated(torch.randn(9, 2), torch.randn(9, 6), torch.randn(9, 5), torch.randn(12, 5))


def game(*terms: Any) -> KPlusOne:
    return KPlusOne(nn.Linear(2, 6), mlp_discriminator((6,), 3, (8, 5)), Gaussian(2), terms=terms)


def batch() -> SemiBatch:
    return SemiBatch(torch.rand(4, 6), torch.tensor([0, 1, 2, 0]), torch.rand(9, 6))


@pytest.mark.parametrize("kind", KINDS)
def test_feature_matching_of_every_kind_is_its_loss(kind: Any) -> None:
    at, term = generated(), FeatureMatching(kind)
    assert term(at) == KINDS[kind](at.real, at.fake)
    assert term.name == ("feature_matching" if kind == "mean" else f"feature_matching_{kind}")


def test_kinds_add_up_and_any_of_them_replaces_the_default() -> None:
    both = game(FeatureMatching("absolute", 0.5), FeatureMatching("covariance", 2.0))
    assert list(both.generator_terms) == ["feature_matching_absolute", "feature_matching_covariance"]
    loss, values = both.generator_loss(batch())
    expected = 0.5 * values["feature_matching_absolute"] + 2 * values["feature_matching_covariance"]
    torch.testing.assert_close(loss.detach(), expected)
    assert list(game().generator_terms) == ["feature_matching"]
    assert list(game(PullAway()).generator_terms) == ["pull_away", "feature_matching"]


def test_pull_away_looks_at_generated_features() -> None:
    at = generated()
    assert PullAway()(at) == pull_away(at.fake)


# --- the encoder ------------------------------------------------------------------------------------------------------


def test_variational_entropy_reads_z_back_from_samples() -> None:
    at, encoder = generated(), Encoder()
    assert VariationalEntropy(encoder)(at) == variational_entropy(at.z, *encoder(at.samples))


def test_the_encoder_is_the_generators_and_shared_with_tangents() -> None:
    encoder = Encoder()
    played = game(VariationalEntropy(encoder), TangentSmoothing(encoder, 0.5))
    players = played.players()
    owned = {name: {id(value) for _, value in owned_parameters(player)} for name, player in players.items()}
    theirs = {id(parameter) for parameter in encoder.parameters()}
    assert theirs <= owned["generator"]
    assert not theirs & owned["discriminator"]
    played.generator_loss(batch())[0].backward()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in encoder.parameters())
    encoder.zero_grad()
    played.discriminator_loss(batch())[0].backward()
    assert not any(parameter.grad is not None and parameter.grad.any() for parameter in encoder.parameters())


def test_a_copy_of_the_game_shares_its_own_encoder() -> None:
    encoder = Encoder()
    copied = copy.deepcopy(game(VariationalEntropy(encoder), TangentSmoothing(encoder, 0.5)))
    theirs = copied.generator_terms["variational_entropy"].encoder
    assert theirs is not encoder
    assert copied.terms["tangent"]._encoder == [theirs]


# --- low density ------------------------------------------------------------------------------------------------------


def test_low_density_is_its_loss_under_a_frozen_model() -> None:
    density, at = Normal(), generated()
    term = LowDensity(density, threshold=-8.0).train()
    assert term(at) == low_density(density(at.samples), -8.0)
    assert not density.training
    assert not any(parameter.requires_grad for parameter in density.parameters())
    assert term.threshold == -8.0


def test_low_density_moves_the_generator_and_not_the_model() -> None:
    density = Normal()
    played = game(LowDensity(density, threshold=-1e6, weight=1.0), FeatureMatching(weight=0.0)).train()
    assert not any(parameter is density.mean for _, parameter in owned_parameters(played.players()["generator"]))
    z = torch.randn(9, 2)
    samples = played.generator(z)
    at = Generated(z, samples, torch.randn(9, 5), torch.randn(12, 5))
    before = density(samples).mean().detach()
    (gradient,) = torch.autograd.grad(played.generator_terms["low_density"](at), samples)
    torch.testing.assert_close(gradient, -samples.detach() / 9)  # away from the mean, where data are
    assert density(samples - gradient).mean() < before
    played.generator_loss(batch())[0].backward()
    assert density.mean.grad is None


def test_a_density_of_another_shape_is_refused() -> None:
    term = LowDensity(nn.Linear(6, 2), threshold=0.0)
    with pytest.raises(ValueError, match=r"density must map 9 samples to as many numbers, it returns shape \(9, 2\)"):
        term(generated())


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: FeatureMatching("median"), "distance='median' must be one of 'mean', 'absolute', 'covariance', 'mmd'"),
        (lambda: PullAway(-1.0), "PullAway needs weight >= 0, got -1.0"),
        (lambda: LowDensity(Normal(), float("inf")), "LowDensity needs a finite threshold, got threshold=inf"),
        (lambda: VariationalEntropy(Encoder(), -0.1), "VariationalEntropy needs weight >= 0, got -0.1"),
    ],
)
def test_nonsense_is_refused(make: Callable[[], GeneratorTerm], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        make()

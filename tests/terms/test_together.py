"""All terms in one game: it is sound, compiles, learns, and each term is weighed once."""

import shutil
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gan_ext import Compute, Engine
from gan_ext.engine import adam
from gan_ext.engine.compute import compiled
from gan_ext.games import InfoGANGame, KPlusOne, SemiBatch
from gan_ext.latents import Categorical, Gaussian, Product, Uniform
from gan_ext.nets import mlp_discriminator, mlp_generator, mlp_info_discriminator
from gan_ext.terms import (
    ClassBalance,
    ConditionalEntropy,
    Consistency,
    FeatureMatching,
    GeneratorTerm,
    LowDensity,
    ManifoldSmoothing,
    MeanTeacher,
    MixUp,
    PiModel,
    PseudoLabel,
    PullAway,
    TangentSmoothing,
    Term,
    VariationalEntropy,
    VirtualAdversarial,
)
from gan_ext.testing import ConstantStream, check_game

BATCH = SemiBatch(torch.rand(4, 6), torch.tensor([0, 1, 2, 0]), torch.rand(9, 6))


class Encoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Linear(6, 4)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_std = self.net(x).chunk(2, dim=1)
        return mean, log_std


class Normal(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.mean = nn.Parameter(torch.full((6,), 0.5))

    def forward(self, x: Tensor) -> Tensor:
        return -(x - self.mean).square().sum(1)


def noisy(x: Tensor) -> Tensor:
    return x + 0.1 * torch.randn_like(x)


def all_terms(view: Callable[[Tensor], Tensor] = noisy) -> list[Term | GeneratorTerm]:
    encoder = Encoder()
    return [
        TangentSmoothing(encoder, 0.3),
        FeatureMatching(),
        PullAway(0.8),
        ConditionalEntropy(0.1),
        FeatureMatching("covariance"),
        ManifoldSmoothing(1e-3),
        MeanTeacher(view, threshold=0.5, weak=view),
        LowDensity(Normal(), -1.0),
        ClassBalance([0.5, 0.3, 0.2]),
        MixUp(),
        PiModel(noisy),
        FeatureMatching("mmd"),
        PseudoLabel(view, threshold=0.4, weak=view),
        VariationalEntropy(encoder),
        Consistency(noisy),
        VirtualAdversarial(0.2),
        FeatureMatching("absolute"),
    ]


def game(**settings: Any) -> KPlusOne:
    networks = mlp_generator((6,), 2, (5,)), mlp_discriminator((6,), 3, (8, 6), 0.1, 0.1)
    return KPlusOne(*networks, Uniform(2), augment=noisy, **settings)


def test_the_game_with_all_terms_is_sound() -> None:
    check_game(lambda: game(terms=all_terms()), BATCH)


# The compiler may swap two draws that do not depend on each other. So losses are compared with one drawing term at a
# time, and all of them together only have to compile without a break.
DRAWING = ("pi_model", "consistency", "mix_up", "manifold", "tangent", "smoothing")


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("c++") is None, reason="needs a C++ compiler")
@pytest.mark.filterwarnings("default")  # the compiler's own
@pytest.mark.parametrize("drawing", [None, *DRAWING])
def test_terms_compile_to_what_they_are(drawing: str | None) -> None:
    def make() -> KPlusOne:
        terms = [term for term in all_terms(lambda x: 0.9 * x) if term.name == drawing or term.name not in DRAWING]
        wanted = {drawing, "variational_entropy", "mean_teacher", "feature_matching"}
        return game(terms=terms if drawing is None else [term for term in terms if term.name in wanted])

    check_game(make, BATCH, compile=True)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("c++") is None, reason="needs a C++ compiler")
@pytest.mark.filterwarnings("default")
def test_all_terms_together_compile_without_a_break() -> None:
    played = game(terms=all_terms())
    loss, _ = compiled(played.discriminator_loss, fullgraph=True)(BATCH)
    loss.backward()
    assert loss.isfinite()
    assert all(parameter.grad is not None for parameter in played.discriminator.parameters())


def test_every_term_is_weighed_once() -> None:
    played = game(terms=all_terms())
    for loss, terms, own in (
        (played.discriminator_loss, played.terms, {"supervised": 1.0, "unsupervised": 1.0}),
        (played.generator_loss, played.generator_terms, {}),
    ):
        weights = own | {name: float(term.weight) for name, term in terms.items()}
        value, parts = loss(BATCH)
        torch.testing.assert_close(value.detach(), sum(weights[name] * parts[name] for name in weights))
        assert len(terms) == (10 if own else 7)


def test_all_terms_together_go_down_in_bfloat16_too() -> None:
    for precision in ("float32", "bfloat16"):
        players = {"discriminator": adam(0.01), "generator": adam(0.01)}
        engine = Engine(game(terms=all_terms()), players, compute=Compute("cpu", precision))
        seen: list[float] = []
        batch = ConstantStream(BATCH)
        for last in (1, 12):
            engine.fit(batch, last)
            torch.default_generator.manual_seed(0)
            seen.append(float(engine.game.discriminator_loss(BATCH)[1]["supervised"]))
        assert seen[1] < seen[0]


def test_a_move_may_have_fewer_generated_samples_than_unlabeled_ones() -> None:
    made: list[int] = []

    class Counting(nn.Linear):
        def forward(self, input: Tensor) -> Tensor:
            made.append(len(input))
            return super().forward(input)

    for samples, expected in ((None, 9), (4, 4), (20, 20)):
        played = KPlusOne(Counting(2, 6), mlp_discriminator((6,), 3, (8,)), Uniform(2), samples=samples)
        played.discriminator_loss(BATCH)
        played.generator_loss(BATCH)
        assert made == [expected, expected]
        made.clear()


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"samples": 1}, "samples=1 must be at least 2, or None"),
        ({"unsupervised_weight": -1.0}, "unsupervised_weight=-1.0 must not be negative"),
        ({"terms": [nn.Identity()]}, r"terms needs objects of gan_ext.terms, such as MeanTeacher\(\), got Identity"),
        ({"terms": [PullAway(), PullAway(2.0)]}, r"terms must differ, got \['pull_away', 'pull_away'\]"),
        ({"terms": [MixUp(), PiModel(), MixUp()]}, r"terms must differ, got \['mix_up', 'pi_model', 'mix_up'\]"),
    ],
)
def test_bad_settings_are_refused(settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        game(**settings)


@pytest.mark.parametrize("term", [MeanTeacher(), PullAway(), FeatureMatching("mmd")], ids=lambda term: term.name)
def test_infogan_refuses_terms_it_cannot_play(term: Any) -> None:
    codes = Product(digit=Categorical(3))
    with pytest.raises(ValueError, match="InfoGAN takes terms of the discriminator but MeanTeacher, got"):
        InfoGANGame(mlp_generator((6,), 7), mlp_info_discriminator((6,), 3), codes, Gaussian(4), terms=(term,))


def test_infogan_plays_the_other_terms_of_the_discriminator() -> None:
    codes = Product(digit=Categorical(3))
    chosen = [PiModel(noisy), MixUp(), ManifoldSmoothing(), ConditionalEntropy(), PseudoLabel(noisy, weak=noisy)]
    played = InfoGANGame(mlp_generator((6,), 7), mlp_info_discriminator((6,), 3), codes, Gaussian(4), terms=chosen)
    loss, values = played.discriminator_loss(SemiBatch(BATCH.x, BATCH.y, BATCH.u)._replace(x=BATCH.u))
    assert loss.isfinite()
    assert {term.name for term in chosen} <= values.keys()


def test_an_encoder_that_nobody_teaches_is_refused_and_a_frozen_one_is_not() -> None:
    with pytest.raises(ValueError, match="The encoder of TangentSmoothing is taught by nobody"):
        game(terms=[TangentSmoothing(Encoder(), 0.3)])
    game(terms=[TangentSmoothing(Encoder().requires_grad_(False), 0.3)])

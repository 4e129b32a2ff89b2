"""ss-InfoGAN: labels name the categories."""

import shutil

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from gan_ext import Compute, Engine
from gan_ext.data import SemiStream
from gan_ext.engine import adam
from gan_ext.games import InfoGANGame, RealBatch, SemiBatch, SemiSupervisedInfoGAN
from gan_ext.latents import Categorical, Gaussian, Product, Uniform
from gan_ext.nets import conv_generator, conv_info_discriminator, mlp_generator, mlp_info_discriminator
from gan_ext.testing import check_game

BATCH = SemiBatch(torch.rand(4, 6), torch.tensor([0, 1, 2, 0]), torch.rand(12, 6))


def game(k: int = 3, **options: object) -> SemiSupervisedInfoGAN:
    c = Product(tilt=Uniform(2, -1, 1), kind=Categorical(k), look=Categorical(2))
    generator = mlp_generator((6,), 4 + c.dim, widths=(8,))
    discriminator = mlp_info_discriminator((6,), c.width, widths=(8,))
    return SemiSupervisedInfoGAN(generator, discriminator, c, Gaussian(4), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("options", [{}, {"k": 5}, {"r1": 1.0, "mode_seeking": 0.5}, {"supervised_weight": 0.0}])
def test_the_game_is_sound(options: dict[str, object]) -> None:
    check_game(lambda: game(**options), BATCH)  # type: ignore[arg-type]


def test_the_game_is_sound_with_images() -> None:
    def make() -> SemiSupervisedInfoGAN:
        c = Product(kind=Categorical(3))
        nets = conv_generator((1, 8, 8), 4 + c.dim, 4), conv_info_discriminator((1, 8, 8), c.width, 4, 8)
        return SemiSupervisedInfoGAN(*nets, c, Gaussian(4))

    check_game(make, SemiBatch(torch.rand(3, 1, 8, 8), torch.tensor([2, 1, 0]), torch.rand(6, 1, 8, 8)))


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("c++") is None, reason="needs a C++ compiler")
@pytest.mark.filterwarnings("default")  # the compiler's own
def test_the_game_compiles() -> None:
    check_game(game, BATCH, compile=True)


def seeded(loss, batch) -> tuple[Tensor, dict[str, Tensor]]:
    torch.default_generator.manual_seed(1)
    return loss(batch)


def test_the_losses_are_those_of_infogan_but_for_the_category() -> None:
    """The discriminator's has the labels' cross-entropy in the place of the category; the generator's is the same."""
    played = game()
    assert {name: played.information[name].item() for name in played.codes.names} == pytest.approx(
        {"tilt": 0.8, "kind": 2.0, "look": 0.8}
    )
    nets = played.generator, played.discriminator, played.codes, played.noise
    blind = InfoGANGame(*nets, weights={"tilt": 0.8, "kind": 0.0, "look": 0.8})
    whole = InfoGANGame(*nets, weights={"tilt": 0.8, "kind": 2.0, "look": 0.8})
    known = played.codes.split_statistics(played.discriminator(BATCH.x).statistics)["kind"]
    expected = seeded(blind.discriminator_loss, RealBatch(BATCH.u))[0] + 2 * cross_entropy(known, BATCH.y)
    torch.testing.assert_close(seeded(played.discriminator_loss, BATCH)[0], expected)
    torch.testing.assert_close(
        seeded(played.generator_loss, BATCH)[0], seeded(whole.generator_loss, RealBatch(BATCH.u))[0]
    )


def test_two_labels_a_class_name_the_categories() -> None:
    """Which category means which cluster is decided by the labels, on real data and on generated data."""
    corners = torch.tensor([[0.0, 1.0], [0.87, -0.5], [-0.87, -0.5]])
    truth = torch.arange(3).repeat(200)
    x = corners[truth] + 0.1 * torch.randn(600, 2)
    for order in ([0, 1, 2], [2, 0, 1]):
        y = torch.tensor(order)[truth]
        c = Product(kind=Categorical(3))
        generator = nn.Sequential(nn.Linear(5, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 2))
        played = SemiSupervisedInfoGAN(generator, mlp_info_discriminator((2,), 3, (32, 32)), c, Gaussian(2), r1=0.5)
        stream = SemiStream(SemiBatch, x[:6], y[:6], x, 128, 6)
        players = {"discriminator": adam(4e-3), "generator": adam(4e-3)}
        Engine(played, players, compute=Compute("cpu")).fit(stream, 250)
        with torch.no_grad():
            read = played.reader.logits(played.discriminator(x).statistics).argmax(1)
            latents, codes = played.draw(600)
            made = torch.cdist(played.generator(latents), corners).argmin(1)
        assert (read == y).float().mean() > 0.95
        assert (torch.tensor(order)[made] == codes.argmax(1)).float().mean() > 0.9


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"category": "tilt"}, "categorical code, got 'tilt'"),
        ({"category": "king"}, "among"),
        ({"supervised_weight": -1.0}, "supervised_weight must be >= 0, got -1.0"),
        ({"weights": {"king": 1.0}}, "king"),
    ],
)
def test_what_cannot_be_played_is_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        game(**options)  # type: ignore[arg-type]


def test_labels_need_a_category() -> None:
    c = Product(tilt=Uniform(2))
    with pytest.raises(ValueError, match=r"categorical code, but there are only \['tilt'\]"):
        SemiSupervisedInfoGAN(mlp_generator((6,), 6), mlp_info_discriminator((6,), 2), c, Gaussian(4))

"""InfoGAN-CR: what a pair shares, what the third player learns, and who pays."""

import shutil

import pytest
import torch
from torch import Tensor, nn

from gan_ext import Compute, Engine
from gan_ext.engine import adam
from gan_ext.games import InfoGANCR, InfoGANGame, RealBatch
from gan_ext.latents import Categorical, Gaussian, Product, Uniform
from gan_ext.nets import conv_generator, conv_info_discriminator, mlp_generator, mlp_info_discriminator
from gan_ext.testing import ConstantStream, check_game

BATCH = RealBatch(torch.rand(16, 6))


def codes(learn: bool = False) -> Product:
    return Product(kind=Categorical(3, learn=learn), turn=Uniform(1), style=Uniform(4, -1, 1), rest=Uniform(2))


def reader(read: nn.Module) -> nn.Sequential:
    return nn.Sequential(read.trunk, read.reader)


def game(learn: bool = False, **options: object) -> InfoGANCR:
    c = codes(learn)
    generator = mlp_generator((6,), 5 + c.dim, widths=(8,))
    contrast = reader(mlp_info_discriminator((12,), 2 if options.get("code") == "rest" else 4, widths=(8,)))
    discriminator = mlp_info_discriminator((6,), c.width, widths=(8,))
    return InfoGANCR(generator, discriminator, c, Gaussian(5), contrast, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("options", [{}, {"learn": True, "gap": 0.5, "r1": 1.0}, {"code": "rest", "mode_seeking": 1.0}])
def test_the_game_is_sound(options: dict[str, object]) -> None:
    check_game(lambda: game(**options), BATCH)  # type: ignore[arg-type]


def test_the_game_is_sound_with_images() -> None:
    def make() -> InfoGANCR:
        c = codes()
        contrast = reader(conv_info_discriminator((6, 8, 8), 4, 4, 8, spectral=True))
        discriminator = conv_info_discriminator((3, 8, 8), c.width, 4, 8, spectral=True)
        return InfoGANCR(conv_generator((3, 8, 8), 5 + c.dim, 4), discriminator, c, Gaussian(5), contrast)

    check_game(make, RealBatch(torch.rand(6, 3, 8, 8)))


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("c++") is None, reason="needs a C++ compiler")
@pytest.mark.filterwarnings("default")  # the compiler's own
def test_the_game_compiles() -> None:
    check_game(game, BATCH, compile=True)


@pytest.mark.parametrize("gap", [0.0, 0.5, 1.9])
def test_a_pair_shares_one_coordinate_and_all_that_is_not_regularized(gap: float) -> None:
    played = game(gap=gap)
    first, second, shared = played.draw_pairs(20_000)
    style = slice(5 + 3 + 1, 5 + 3 + 1 + 4)
    left, right = first[:, style], second[:, style]
    assert torch.equal(left == right, nn.functional.one_hot(shared, 4).bool())
    others = torch.ones(first.shape[1], dtype=torch.bool)
    others[style] = False
    assert torch.equal(first[:, others], second[:, others])
    assert played.codes.allows(first[:, 5:]).all()
    assert played.codes.allows(second[:, 5:]).all()
    apart = (left - right).abs()[left != right]
    assert apart.min() >= gap - 1e-6
    # The distance of two points drawn uniformly on [0, w] has mean w/3.
    assert apart.mean().item() == pytest.approx(gap + (2 - gap) / 3, abs=0.02)
    torch.testing.assert_close(shared.bincount() / 20_000, torch.full((4,), 0.25), rtol=0, atol=0.02)
    torch.testing.assert_close(left[left == right].var().item(), 4 / 12, rtol=0.03, atol=0)  # shared ones fill the box


def at(seed: int, game: InfoGANGame, player: str) -> tuple[Tensor, dict[str, Tensor]]:
    torch.default_generator.manual_seed(seed)
    return game.players()[player].loss(BATCH)


def test_without_weight_the_generator_plays_infogan() -> None:
    played = game(contrast_weight=0.0)
    plain = InfoGANGame(played.generator, played.discriminator, played.codes, played.noise)
    for player in ("generator", "discriminator"):
        loss, terms = at(1, played, player)
        expected, fewer = at(1, plain, player)
        torch.testing.assert_close(loss, expected)
        assert set(fewer) <= set(terms)
    played.contrast_weight.fill_(3.0)
    loss, terms = at(1, played, "generator")
    torch.testing.assert_close(loss, at(1, plain, "generator")[0] + 3 * terms["contrast"])


class Plain(nn.Module):
    """Data that are the code, or only the noise."""

    def __init__(self, columns: slice) -> None:
        super().__init__()
        self.columns, self.scale = columns, nn.Parameter(torch.ones(()))

    def forward(self, latents: Tensor) -> Tensor:
        return self.scale * latents[:, self.columns]


@pytest.mark.parametrize(("columns", "low", "high"), [(slice(4, 8), 0.6, 1.1), (slice(0, 4), 0.1, 0.4)])
def test_the_contrast_is_told_when_and_only_when_codes_show(columns: slice, low: float, high: float) -> None:
    c = Product(style=Uniform(4, -1, 1))
    contrast = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 4))
    played = InfoGANCR(Plain(columns), mlp_info_discriminator((4,), 4, (8,)), c, Gaussian(4), contrast, gap=0.5)
    optimizer = adam(5e-3)(list(contrast.parameters()))
    for _ in range(600):
        optimizer.zero_grad()
        loss, _ = played.contrast_loss(RealBatch(torch.zeros(256, 4)))
        loss.backward()
        optimizer.step()
    _, terms = played.contrast_loss(RealBatch(torch.zeros(2000, 4)))
    assert low < terms["contrast/accuracy"].item() < high


def test_the_game_goes_on_where_infogan_stopped() -> None:
    """The published schedule: InfoGAN first, then the same networks with a fresh third player."""
    played = game()
    first = InfoGANGame(played.generator, played.discriminator, played.codes, played.noise)
    pair = {"discriminator": adam(), "generator": adam()}
    Engine(first, pair, compute=Compute("cpu")).fit(ConstantStream(BATCH), 2)
    kept = [p.clone() for p in played.contrast.parameters()]
    before = played.generator[0].weight.clone()
    engine = Engine(played, pair | {"contrast": adam()}, compute=Compute("cpu"))
    assert all(torch.equal(*pair) for pair in zip(kept, played.contrast.parameters(), strict=True))
    engine.fit(ConstantStream(BATCH), 1)
    assert not torch.equal(before, played.generator[0].weight)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"gap": 2.0}, r"gap must be in \[0, 2\)"),
        ({"gap": -0.1}, "got -0.1"),
        ({"contrast_weight": -1.0}, "contrast_weight must be >= 0"),
        ({"code": "turn"}, r"at least 2 coordinates, got code='turn'"),
        ({"code": "kind"}, r"such codes in \['style', 'rest'\]"),
        ({"code": "look"}, "code='look'"),
    ],
)
def test_what_cannot_be_played_is_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        game(**options)  # type: ignore[arg-type]


def test_it_joins_a_game_that_was_played_before() -> None:
    c = codes()
    before = InfoGANGame(
        mlp_generator((6,), 5 + c.dim, widths=(8,)), mlp_info_discriminator((6,), c.width, widths=(8,)), c,
        Gaussian(5), weights={"style": 0.25}, adversarial=0.5, r1=0.125,
    )  # fmt: skip
    contrast = reader(mlp_info_discriminator((12,), 4, widths=(8,)))
    joined = InfoGANCR.joining(before, contrast, code="style", gap=0.5, contrast_weight=3.0)
    assert (joined.generator, joined.discriminator, joined.codes) == (before.generator, before.discriminator, c)
    assert joined.contrast is contrast
    assert (joined.gap, float(joined.contrast_weight), joined.adversarial, joined.r1) == (0.5, 3.0, 0.5, 0.125)
    assert {name: float(joined.information[name]) for name in c.names} == {
        name: float(before.information[name]) for name in c.names
    }
    torch.testing.assert_close(at(1, joined, "discriminator")[0], at(1, before, "discriminator")[0])

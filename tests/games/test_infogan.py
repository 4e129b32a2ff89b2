"""InfoGAN: soundness, who learns what, and the bound that is logged."""

import math
import shutil
from collections.abc import Callable
from itertools import permutations

import pytest
import torch
from torch import Tensor, nn

from gan_ext import Compute, Engine, Loss
from gan_ext.data import ArrayStream
from gan_ext.engine import adam, linear
from gan_ext.games import InfoGANGame, RealBatch
from gan_ext.latents import Categorical, Gaussian, Product, Uniform
from gan_ext.losses import discriminator_non_saturating, generator_non_saturating
from gan_ext.nets import Read, conv_generator, conv_info_discriminator, mlp_generator, mlp_info_discriminator
from gan_ext.terms import ClassBalance, ConditionalEntropy, PseudoLabel, VirtualAdversarial
from gan_ext.testing import ConstantStream, check_game

BATCH = RealBatch(torch.rand(16, 6))


def codes(learn: bool = False) -> Product:
    return Product(kind=Categorical(3, learn=learn), tilt=Uniform(2, -1, 1))


def game(learn: bool = False, **options: object) -> InfoGANGame:
    c = codes(learn)
    generator = mlp_generator((6,), 4 + c.dim, widths=(8,))
    return InfoGANGame(generator, mlp_info_discriminator((6,), c.width, widths=(8,)), c, Gaussian(4), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"learn": True},
        {"r1": 1.0, "mode_seeking": 1.0, "weights": {"tilt": 0.1}},
        {"terms": (ConditionalEntropy(), ClassBalance([1, 1, 1]), PseudoLabel(), VirtualAdversarial(0.1))},
    ],
)
def test_the_game_is_sound(options: dict[str, object]) -> None:
    check_game(lambda: game(**options), BATCH)  # type: ignore[arg-type]


def at(seed: int, loss: Callable[[RealBatch], Loss], batch: RealBatch = BATCH) -> Loss:
    torch.default_generator.manual_seed(seed)
    return loss(batch)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("c++") is None, reason="needs a C++ compiler")
@pytest.mark.filterwarnings("default")  # the compiler's own
@pytest.mark.parametrize("learn", [False, True])
def test_the_game_compiles(learn: bool) -> None:
    check_game(lambda: game(learn), BATCH, compile=True)


def test_images_are_played_with_too() -> None:
    c = codes()
    check_game(
        lambda: InfoGANGame(
            conv_generator((1, 8, 8), 4 + c.dim, 4),
            conv_info_discriminator((1, 8, 8), c.width, 4, 8),
            codes(),
            Gaussian(4),
        ),
        RealBatch(torch.rand(6, 1, 8, 8)),
    )


@pytest.mark.parametrize("player", ["discriminator", "generator"])
def test_the_loss_is_its_equation(player: str) -> None:
    played = game(weights={"kind": 0.7, "tilt": 0.2}, adversarial=0.5)
    played.eval()
    loss, terms = at(1, played.players()[player].loss)
    torch.default_generator.manual_seed(1)
    latents, drawn = played.draw(16)
    assert torch.equal(latents[:, 4:], drawn)
    real, fake = played.discriminator(BATCH.x), played.discriminator(played.generator(latents))
    stated, true = played.codes.split_statistics(fake.statistics), played.codes.split(drawn)
    gain = 0.7 * played.codes["kind"].log_posterior(stated["kind"], true["kind"]).mean()
    gain = gain + 0.2 * played.codes["tilt"].log_posterior(stated["tilt"], true["tilt"]).mean()
    judged = {
        "discriminator": discriminator_non_saturating(real.logits, fake.logits),
        "generator": generator_non_saturating(fake.logits),
    }[player]
    torch.testing.assert_close(loss, 0.5 * judged - gain)
    torch.testing.assert_close(terms["adversarial"], judged.detach())
    bounds = played.codes.informations(fake.statistics, drawn)
    torch.testing.assert_close([terms[f"information/{name}"] for name in bounds], [b.detach() for b in bounds.values()])


@pytest.mark.parametrize("player", ["discriminator", "generator"])
def test_the_trunk_and_the_generator_learn_from_the_reader(player: str) -> None:
    """With the judge silenced only the information is left, and it still moves what lies below the reader."""
    played = game(adversarial=0.0)
    moved = played.discriminator.trunk if player == "discriminator" else played.generator
    loss, _ = at(1, played.players()[player].loss)
    gradients = torch.autograd.grad(loss, [p for p in moved.parameters() if p.requires_grad])
    assert all(gradient.any() for gradient in gradients)
    silent = game(adversarial=0.0, weights={"kind": 0.0, "tilt": 0.0})
    assert at(1, silent.players()[player].loss)[0] == 0


def test_with_terms_the_discriminator_reads_the_category_from_real_data_alone() -> None:
    assert game().read_by_discriminator() == ["kind", "tilt"]
    assert game(terms=(ConditionalEntropy(),)).read_by_discriminator() == ["tilt"]


def test_weights_can_be_scheduled() -> None:
    played = game()
    players = {"discriminator": adam(), "generator": adam()}
    schedules = {"information.tilt": linear(0.0, 1.0, 4)}
    Engine(played, players, schedules=schedules, compute=Compute("cpu")).fit(ConstantStream(BATCH), steps=3)
    assert (played.information["tilt"].item(), played.information["kind"].item()) == (0.5, 1.0)


class Shown(nn.Module):
    """A discriminator of data that are the codes themselves: it says what it sees, or always the same."""

    def __init__(self, honest: bool) -> None:
        super().__init__()
        self.honest = honest

    def forward(self, x: Tensor) -> Read:
        return Read(x.sum(1) * 0, 40 * x * self.honest, x)


@pytest.mark.parametrize(("honest", "bound"), [(True, math.log(5)), (False, 0.0)])
def test_the_logged_bound_is_log_k_for_a_perfect_reader_and_nothing_for_a_blind_one(honest: bool, bound: float) -> None:
    seen = nn.Sequential(nn.Linear(6, 5, bias=False))
    with torch.no_grad():
        seen[0].weight.copy_(torch.eye(6)[1:])  # drops the noise, keeps the code
    played = InfoGANGame(seen, Shown(honest), Product(kind=Categorical(5)), Gaussian(1))
    for player in played.players().values():
        _, terms = player.loss(RealBatch(torch.rand(64, 5)))
        assert terms["information/kind"].item() == pytest.approx(bound, abs=1e-5)


def test_shares_move_to_the_category_that_deceives() -> None:
    """The gradient is that of the adversarial loss alone, in expectation p_k (l_k - mean l)."""

    class Judge(nn.Module):
        def forward(self, x: Tensor) -> Read:
            return Read(x @ torch.tensor([3.0, 0.0, -3.0]), 0 * x, x)

    keep = nn.Linear(4, 3, bias=False)
    with torch.no_grad():
        keep.weight.copy_(torch.eye(4)[1:])
    played = InfoGANGame(keep, Judge(), Product(kind=Categorical(3, [0.5, 0.3, 0.2], learn=True)), Gaussian(1))
    loss, terms = played.generator_loss(RealBatch(torch.rand(200_000, 3)))
    (gradient,) = torch.autograd.grad(loss, played.codes["kind"].logits)
    shares, each = torch.tensor([0.5, 0.3, 0.2]), nn.functional.softplus(-torch.tensor([3.0, 0.0, -3.0]))
    torch.testing.assert_close(gradient, shares * (each - shares @ each), rtol=0, atol=0.01)
    assert loss.item() == pytest.approx((terms["adversarial"] + math.log(3)).item(), abs=1e-5)


def test_codes_are_read_in_evaluation_mode_and_blocks_do_not_matter() -> None:
    c = codes()
    read = mlp_info_discriminator((6,), c.width, widths=(8,))
    read.trunk.append(nn.Dropout(0.9))
    played = InfoGANGame(mlp_generator((6,), 4 + c.dim, widths=(8,)), read, c, Gaussian(4))
    found = played.encode(BATCH.x, block=5)
    assert played.discriminator.training
    assert not found.requires_grad
    torch.testing.assert_close(found, c.posterior_mean(played.eval().discriminator(BATCH.x).statistics))


def test_one_column_moves_and_all_else_stays() -> None:
    played = game()
    latents, _ = played.draw(3)
    found = played.eval().traverse(latents, 8, torch.tensor([-1.0, 0.5]))
    moved = latents.clone()
    moved[:, 8] = 0.5
    assert found.shape == (3, 2, 6)
    torch.testing.assert_close(found[:, 1], played.generator(moved).detach())


def trained(x: Tensor, learn: bool = False, steps: int = 300, k: int = 3) -> InfoGANGame:
    c = Product(kind=Categorical(k, learn=learn))
    generator = nn.Sequential(nn.Linear(2 + k, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 2))
    played = InfoGANGame(
        generator, mlp_info_discriminator((2,), c.width, (32, 32)), c, Gaussian(2), r1=0.0 if learn else 0.5
    )
    players = {"discriminator": adam(4e-3), "generator": adam(4e-3)}
    Engine(played, players, compute=Compute("cpu")).fit(ArrayStream(RealBatch(x), 128), steps)
    return played


def three_clusters(shares: list[float]) -> tuple[Tensor, Tensor]:
    torch.default_generator.manual_seed(0)
    kind = torch.multinomial(torch.tensor(shares), 600, replacement=True)
    corners = torch.tensor([[0.0, 1.0], [0.87, -0.5], [-0.87, -0.5]])
    return corners[kind] + 0.1 * torch.randn(600, 2), kind


@torch.no_grad()
def accuracy(played: InfoGANGame, x: Tensor, kind: Tensor) -> float:
    """Return the share of right answers under the best naming of the categories."""
    found = played.reader.logits(played.discriminator(x).statistics).argmax(1)
    return max((torch.tensor(names)[found] == kind).float().mean().item() for names in permutations(range(3)))


def test_categories_find_clusters() -> None:
    x, kind = three_clusters([1 / 3] * 3)
    played = trained(x)
    assert accuracy(played, x, kind) > 0.95
    _, terms = played.generator_loss(RealBatch(x))
    assert math.log(3) - 0.1 < terms["information/kind"].item() < math.log(3) + 1e-5


def test_learned_shares_become_those_of_the_clusters() -> None:
    x, kind = three_clusters([0.7, 0.2, 0.1])
    played = trained(x, learn=True, steps=800)
    shares = played.codes["kind"].logits.detach().softmax(0).sort().values
    torch.testing.assert_close(shares, torch.tensor([0.1, 0.2, 0.7]), rtol=0, atol=0.08)
    assert accuracy(played, x, kind) > 0.95


def test_mode_seeking_wakes_a_generator_that_ignores_its_noise() -> None:
    spread = {}
    for weight in (0.0, 1.0):
        torch.default_generator.manual_seed(0)
        played = game(mode_seeking=weight)
        with torch.no_grad():
            played.generator[0].weight[:, :4] *= 1e-3
        optimizer = torch.optim.Adam(played.generator.parameters(), lr=1e-2)
        for step in range(60):
            loss, _ = at(step, played.generator_loss)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        latents, _ = played.draw(200)
        latents[:, 4:] = latents[0, 4:]
        spread[weight] = played.generator.eval()(latents).std(0).mean().item()
    assert spread[1.0] > 3 * spread[0.0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weights": {"king": 1.0}}, r"among \['kind', 'tilt'\], got \{'king': 1.0\}"),
        ({"weights": {"kind": -1.0}}, "must be >= 0"),
        ({"category": "tilt"}, "categorical code, got 'tilt'"),
        ({"category": "king"}, "categorical code, got 'king'"),
        ({"terms": (PseudoLabel(), PseudoLabel())}, "terms must differ"),
        ({"r1": -1.0}, "r1=-1.0"),
        ({"mode_seeking": -1.0}, "mode_seeking=-1.0"),
        ({"adversarial": -1.0}, "adversarial=-1.0"),
    ],
)
def test_what_cannot_be_played_is_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        game(**options)  # type: ignore[arg-type]


def test_terms_need_a_category() -> None:
    c = Product(tilt=Uniform(2))
    with pytest.raises(ValueError, match=r"categorical code, but there are only \['tilt'\]"):
        InfoGANGame(
            mlp_generator((6,), 6), mlp_info_discriminator((6,), 2), c, Gaussian(4), terms=(ConditionalEntropy(),)
        )

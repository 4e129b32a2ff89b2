"""Where and how precisely a game is computed."""

import shutil
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

from gan_ext import Compute, Engine, Loss, TwoPlayerGame
from gan_ext.engine import OptimizerFactory, adam, resolve_device
from gan_ext.games import KPlusOne, SemiBatch
from gan_ext.latents import Uniform
from gan_ext.losses import discriminator_non_saturating, generator_non_saturating
from gan_ext.nets import mlp_discriminator, mlp_generator
from gan_ext.testing import ConstantStream, DiracGame

without_cuda = pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")


class Real(NamedTuple):
    x: Tensor


def both(factory: OptimizerFactory) -> dict[str, OptimizerFactory]:
    return {"discriminator": factory, "generator": factory}


# --- devices ----------------------------------------------------------------------------------------------------------


def test_auto_takes_what_there_is() -> None:
    assert resolve_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
    assert resolve_device("cpu") == resolve_device(torch.device("cpu")) == torch.device("cpu")


@pytest.mark.parametrize("name", ["gpu", "", "mps", "meta", "cuda:x", None, 1.5])
def test_unknown_devices_are_refused(name: str) -> None:
    for make in (resolve_device, Compute):
        with pytest.raises(ValueError, match="is unknown; use 'auto', 'cpu', 'cuda' or 'cuda:N'"):
            make(name)


@without_cuda
@pytest.mark.parametrize("name", ["cuda", "cuda:0", torch.device("cuda", 1)])
def test_absent_cuda_is_a_sentence(name: str | torch.device) -> None:
    with pytest.raises(ValueError, match=r"device='cuda.*' was asked for, but torch sees no CUDA GPU here"):
        Compute(name)


def test_precision_is_one_of_two() -> None:
    with pytest.raises(ValueError, match="precision must be 'float32' or 'bfloat16', got 'float16'"):
        Compute("cpu", precision="float16")  # type: ignore[arg-type]


# --- precision --------------------------------------------------------------------------------------------------------


class Watched(TwoPlayerGame):
    """Remembers the precision in which its networks and its losses were computed."""

    def __init__(self) -> None:
        super().__init__(nn.Linear(4, 4), nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1)))
        self.seen: set[tuple[torch.dtype, torch.dtype]] = set()

    def watched(self, logits: Tensor, loss: Tensor) -> Loss:
        self.seen.add((logits.dtype, loss.dtype))
        return loss, {}

    def discriminator_loss(self, batch: Real) -> Loss:
        with torch.no_grad():
            fake = self.generator(torch.randn_like(batch.x))
        logits = self.discriminator(batch.x)
        return self.watched(logits, discriminator_non_saturating(logits, self.discriminator(fake)))

    def generator_loss(self, batch: Real) -> Loss:
        logits = self.discriminator(self.generator(torch.randn_like(batch.x)))
        return self.watched(logits, generator_non_saturating(logits))


def trained(precision: str) -> Watched:
    torch.default_generator.manual_seed(3)
    game = Watched()
    compute = Compute("cpu", precision=precision)  # type: ignore[arg-type]
    Engine(game, both(adam(1e-2)), compute=compute).fit(ConstantStream(Real(torch.randn(64, 4))), steps=10)
    return game


def test_bfloat16_is_for_the_networks_only() -> None:
    exact, mixed = trained("float32"), trained("bfloat16")
    assert exact.seen == {(torch.float32, torch.float32)}
    assert mixed.seen == {(torch.bfloat16, torch.float32)}
    assert {parameter.dtype for parameter in mixed.parameters()} == {torch.float32}
    different = [not torch.equal(a, b) for a, b in zip(exact.parameters(), mixed.parameters(), strict=True)]
    assert any(different)
    for a, b in zip(exact.parameters(), mixed.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0.1)  # ten steps of 0.01 move at most 0.1


def test_optimizer_state_stays_in_float32() -> None:
    engine = Engine(Watched(), both(adam()), compute=Compute("cpu", precision="bfloat16"))
    engine.fit(ConstantStream(Real(torch.randn(8, 4))), steps=1)
    states = [value for entry in engine.optimizers["generator"].state.values() for value in entry.values()]
    assert {value.dtype for value in states} == {torch.float32}


class Twice(Watched):
    """Looks at its own network without a gradient first."""

    def generator_loss(self, batch: Real) -> Loss:
        with torch.no_grad():
            self.generator(batch.x)
        return super().generator_loss(batch)


def test_a_first_look_without_gradient_does_not_sever_the_second() -> None:
    game = Twice()
    before = game.generator.weight.detach().clone()
    compute = Compute("cpu", precision="bfloat16")
    Engine(game, both(adam(1e-2)), compute=compute).fit(ConstantStream(Real(torch.randn(8, 4))), steps=1)
    assert not torch.equal(game.generator.weight, before)


# --- compilation ------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("c++") is None, reason="needs a C++ compiler")
@pytest.mark.filterwarnings("default")  # the compiler's own
def test_compiled_play_is_eager_play() -> None:
    batch = SemiBatch(torch.rand(8, 6), torch.arange(8) % 3, torch.rand(8, 6))
    ends = []
    for compiled in (False, True):
        torch.default_generator.manual_seed(1)
        game = KPlusOne(mlp_generator((6,), 4, (8, 8)), mlp_discriminator((6,), 3, (8, 8)), Uniform(4))
        engine = Engine(game, both(adam(1e-3)), compute=Compute("cpu", compile=compiled))
        engine.fit(ConstantStream(batch), steps=5)
        ends.append(game.state_dict())
    for name, value in ends[0].items():
        torch.testing.assert_close(ends[1][name], value, rtol=1e-3, atol=1e-4, msg=name)


def test_a_cuda_graph_is_without_effect_on_a_cpu() -> None:
    games = [DiracGame(), DiracGame()]
    for game, graph in zip(games, (False, True), strict=True):
        compute = Compute("cpu", cuda_graph=graph)
        Engine(game, both(adam()), compute=compute).fit(ConstantStream(Real(torch.zeros(1))), steps=6)
    assert games[0].state_dict() == games[1].state_dict()

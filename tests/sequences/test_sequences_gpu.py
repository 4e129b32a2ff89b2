"""Sequences on a GPU: the same laws, whole steps as one CUDA graph, and speed.  Run with ``-m gpu``."""

import pytest
import torch

from gan_ext.data import ArrayStream
from gan_ext.engine import Compute, Engine, adam
from gan_ext.game import Game
from gan_ext.games import CoT, MaliGAN, RelGAN, ScratchGAN, SeqGAN, SequenceLikelihood
from gan_ext.nets import (
    CNNDiscriminator,
    LSTMGenerator,
    MultiRepresentationDiscriminator,
    RecurrentDiscriminator,
    TransformerGenerator,
)
from gan_ext.sequences import TokenBatch, rollout, sample

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA"),
]

SIZES = {"widths": (1, 2, 3), "filters": (8, 8, 8), "embedding": 8, "dropout": 0.0}
TOKENS = {"start": 2, "end": 3, "pad": 0, "start_is_a_token": False}


def generator() -> LSTMGenerator:
    torch.manual_seed(0)
    return LSTMGenerator(20, 6, 8, 8, **TOKENS)


GAMES = {
    "likelihood": lambda: SequenceLikelihood(generator()),
    "SeqGAN": lambda: SeqGAN(generator(), CNNDiscriminator(20, **SIZES), rollouts=2),
    "MaliGAN": lambda: MaliGAN(generator(), CNNDiscriminator(20, **SIZES)),
    "RelGAN": lambda: RelGAN(
        generator(), MultiRepresentationDiscriminator(20, 4, (2, 3), (8, 8), embedding=8, dropout=0.0)
    ),
    "ScratchGAN": lambda: ScratchGAN(generator(), RecurrentDiscriminator(20, 8, 8, dropout=0.0, per_step=True)),
    "CoT": lambda: CoT(generator(), LSTMGenerator(20, 6, 8, 16, **TOKENS)),
}


def played(make: object, cuda_graph: bool) -> Game:
    torch.manual_seed(1)
    game: Game = make()  # type: ignore[operator]
    data = TokenBatch(sample(generator(), 64))
    recipes = dict.fromkeys(game.players(), adam(1e-3))
    Engine(game, recipes, seed=3, compute=Compute("cuda", cuda_graph=cuda_graph)).fit(ArrayStream(data, 16), 12)
    return game


@pytest.mark.parametrize("name", GAMES)
def test_a_whole_step_is_one_graph_and_the_same(name: str) -> None:
    """Warnings are errors, so that a step that cannot be recorded fails here."""
    eager, graphed = played(GAMES[name], False), played(GAMES[name], True)
    for key, value in eager.state_dict().items():
        torch.testing.assert_close(graphed.state_dict()[key], value, rtol=2e-3, atol=1e-5, msg=key)


@pytest.mark.parametrize("model", [generator(), TransformerGenerator(20, 6, 16, 1, 2, **TOKENS)])
def test_rollouts_on_both_devices_agree_under_shared_noise(model: LSTMGenerator) -> None:
    tokens, noise = sample(model, 5), torch.rand(5, 5, 3, 6)
    expected = rollout(model, tokens, 3, uniforms=noise)
    found = rollout(model.cuda(), tokens.cuda(), 3, uniforms=noise.cuda()).cpu()
    assert (found == expected).float().mean() > 0.99  # a threshold may fall between two roundings


def test_sampling_never_gives_what_cannot_come() -> None:
    tokens = sample(generator().cuda(), 20_000)
    assert not (tokens[:, 0] == 0).any()
    assert not (tokens == 2).any()

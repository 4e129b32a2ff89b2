"""An engine with Adam: each player at its rate, which follows the step."""

from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from gan_ext import Compute
from gan_ext.engine import linear
from gan_ext.runs import adam_engine
from gan_ext.testing import ConstantStream, DiracGame


class Numbers(NamedTuple):
    x: Tensor


def rates(engine):
    return {name: optimizer.param_groups[0]["lr"] for name, optimizer in engine.optimizers.items()}


def test_every_player_has_its_rate_and_it_follows_the_step():
    stream = ConstantStream(Numbers(torch.zeros(1)))
    falling = {"discriminator": linear(0.4, 0.0, 4), "generator": linear(0.2, 0.0, 4)}
    engine = adam_engine(DiracGame(), falling, (0.5, 0.9), seed=3, ema=0.9, compute=Compute("cpu"))
    assert engine.seed == 3
    assert engine.ema is not None
    assert engine.optimizers["generator"].param_groups[0]["betas"] == (0.5, 0.9)
    engine.fit(stream, 3)
    assert rates(engine) == pytest.approx({"discriminator": 0.2, "generator": 0.1})
    assert rates(adam_engine(DiracGame(), lambda _: 0.3)) == {"discriminator": 0.3, "generator": 0.3}


def test_a_player_that_there_is_not_is_refused():
    with pytest.raises(ValueError, match="judge"):
        adam_engine(DiracGame(), {"judge": lambda _: 0.1})

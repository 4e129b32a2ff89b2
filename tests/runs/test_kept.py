"""A fit that is kept: it goes on, and its best weights are those of the lowest cost, over a kill too."""

from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from gan_ext import Compute, Engine
from gan_ext.engine import CheckpointError, StopAfter, sgd
from gan_ext.runs import KeepBest, fit_kept
from gan_ext.testing import ConstantStream, DiracGame


class Numbers(NamedTuple):
    x: Tensor


NOTHING = ConstantStream(Numbers(torch.zeros(1)))


def an_engine():
    return Engine(DiracGame(), {"discriminator": sgd(0.1), "generator": sgd(0.1)}, compute=Compute("cpu"))


def test_a_fit_in_two_calls_is_one_in_one(tmp_path, capsys):
    whole = fit_kept(an_engine(), NOTHING, 5, folder=tmp_path / "whole", label="own")
    fit_kept(an_engine(), NOTHING, 5, folder=tmp_path / "parts", label="own", callbacks=[StopAfter(1e-9)])
    assert "Resuming" not in capsys.readouterr().out
    parts = fit_kept(an_engine(), NOTHING, 5, folder=tmp_path / "parts", label="own")
    assert "Resuming own, at step 1." in capsys.readouterr().out
    assert parts.step == whole.step == 5
    assert parts.game.generator.value.item() == whole.game.generator.value.item()
    fit_kept(an_engine(), NOTHING, 5, folder=tmp_path / "parts", label="own")
    assert "was finished before" in capsys.readouterr().out


def test_the_best_weights_are_kept_and_an_earlier_best_survives_a_kill(tmp_path):
    costs = iter([3.0, 1.0, 2.0, 1.5])
    kept = {}

    def run(steps):
        engine = an_engine()
        best = KeepBest(2, engine.game, lambda: next(costs), tmp_path / "best.safetensors", "cost")
        look = lambda engine: kept.setdefault(engine.step, engine.game.generator.value.item())  # noqa: E731
        fit_kept(engine, NOTHING, steps, folder=tmp_path / "fit", label="own", callbacks=[look, best])
        return engine, best

    run(4)
    engine, best = run(8)
    assert [(each["step"], each["cost"]) for each in engine.history] == [(2, 3.0), (4, 1.0), (6, 2.0), (8, 1.5)]
    assert engine.game.generator.value.item() == kept[8] != kept[4]
    best.restore()
    assert engine.game.generator.value.item() == kept[4]


def test_mistakes_are_named(tmp_path):
    engine = an_engine()
    with pytest.raises(ValueError, match="steps >= 1, got 0"):
        KeepBest(0, engine.game, lambda: 0.0, tmp_path / "best.safetensors")
    with pytest.raises(CheckpointError):
        KeepBest(1, engine.game, lambda: 0.0, tmp_path / "best.safetensors").restore()
    with pytest.raises(CheckpointError, match="Cannot write to"):
        KeepBest(1, engine.game, lambda: 0.0, "/proc/none/best")

"""The course of a fit: what is recorded with its seconds, over a kill; the checkpoints, going on."""

from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from gan_ext import Compute, Engine
from gan_ext.engine import SaveEvery, StopAfter, sgd
from gan_ext.runs import Progress, RecordEvery, StoppedEarlyError, fit_recorded, plain_errors
from gan_ext.testing import ConstantStream, DiracGame


class Numbers(NamedTuple):
    x: Tensor


NOTHING = ConstantStream(Numbers(torch.zeros(1)))


def an_engine():
    return Engine(DiracGame(), {"discriminator": sgd(0.1), "generator": sgd(0.1)}, compute=Compute("cpu"))


def place(engine):
    return {"place": engine.game.generator.value.item()}


def test_records_have_figures_losses_and_seconds_that_go_on_after_a_kill(tmp_path, monkeypatch):
    now = [100.0]
    monkeypatch.setattr("gan_ext.runs.recorded.time.monotonic", lambda: now[0])

    def pass_time(engine):
        now[0] += 2

    engine, progress = an_engine(), Progress(5, "own")
    record = RecordEvery(2, place, progress, "at {place:.1f}")
    engine.fit(NOTHING, 5, [pass_time, record, SaveEvery(2, tmp_path)])
    assert [(each["step"], each["seconds"]) for each in engine.history] == [(2, 4), (4, 8), (5, 10)]
    assert {"place", "generator/loss", "discriminator/loss"} <= engine.history[0].keys()
    assert progress.note == f"at {engine.history[-1]['place']:.1f}"

    resumed = an_engine()
    assert resumed.resume(tmp_path)
    now[0] = 5000.0
    resumed.fit(NOTHING, 7, [pass_time, RecordEvery(2, place)])
    assert [(each["step"], each["seconds"]) for each in resumed.history[2:]] == [(5, 10), (6, 12), (7, 14)]


def test_a_fit_in_two_calls_is_one_in_one(tmp_path, capsys):
    options = {"every": 2, "label": "own", "note": "at {place:.1f}", "bar": False}
    whole = fit_recorded(an_engine(), NOTHING, 6, place, folder=tmp_path / "whole", **options)
    engine = an_engine()
    fit_recorded(engine, NOTHING, 6, place, folder=tmp_path / "parts", callbacks=[StopAfter(1e-9)], **options)
    assert engine.step == 1
    assert "Resuming" not in capsys.readouterr().out
    parts = fit_recorded(an_engine(), NOTHING, 6, place, folder=tmp_path / "parts", **options)
    assert "Resuming own at step 1." in capsys.readouterr().out
    places = [{each["step"]: each["place"] for each in history} for history in (whole, parts)]
    assert places[0].items() <= places[1].items()
    assert list(places[1]) == [1, 2, 4, 6]
    assert fit_recorded(an_engine(), NOTHING, 6, place, folder=tmp_path / "parts", **options) == parts


def test_a_bar_shows_the_note(tmp_path, capsys):
    fit_recorded(an_engine(), NOTHING, 3, place, folder=tmp_path, every=1, label="own", note="at {place:.1f}")
    assert "at " in capsys.readouterr().out
    with pytest.raises(ValueError, match="steps >= 1, got 0"):
        RecordEvery(0, place)


def test_checkpoints_may_be_more_frequent_than_measurements(tmp_path):
    found = fit_recorded(an_engine(), NOTHING, 5, place, folder=tmp_path, every=4, save_every=3, label="own", bar=False)
    assert [record["step"] for record in found] == [4, 5]
    assert sorted(path.stem for path in tmp_path.iterdir()) == ["step-000000003", "step-000000005"]


def test_a_fit_that_is_stopped_leaves_no_record_and_says_how_to_go_on(tmp_path, capsys):
    options = {"every": 2, "label": "own", "bar": False}
    whole = fit_recorded(an_engine(), NOTHING, 5, place, folder=tmp_path / "whole", **options)
    stop = StopAfter(steps=3)
    for _ in range(2):  # the second has no step left
        with plain_errors():
            fit_recorded(an_engine(), NOTHING, 5, place, folder=tmp_path / "parts", stop=stop, **options)
        assert "own is at step 3 of 5; go on with --resume." in capsys.readouterr().out
    parts = fit_recorded(an_engine(), NOTHING, 5, place, folder=tmp_path / "parts", stop=StopAfter(), **options)
    assert [(each["step"], each["place"]) for each in parts] == [(each["step"], each["place"]) for each in whole]
    with pytest.raises(StoppedEarlyError):
        fit_recorded(an_engine(), NOTHING, 2, place, folder=tmp_path / "none", stop=stop, **options)

"""What is shown while training: bars end, finished fits say so, texts are printed where no terminal is."""

import pytest
import torch

from gan_ext import Engine, SequenceGAN
from gan_ext.engine import sgd
from gan_ext.estimators import WrittenNow
from gan_ext.games import RealBatch
from gan_ext.runs import LiveText, Progress, Written
from gan_ext.testing import ConstantStream
from gan_ext.toys import BilinearGame

NOTHING = ConstantStream(RealBatch(torch.zeros(1)))  # the game needs no data


@pytest.fixture
def engine():
    game = BilinearGame(1.0, 1.0)
    return Engine(game, dict.fromkeys(game.players(), sgd(0.1)))


def test_a_bar_ends_and_says_what_was_finished_before(engine, capsys):
    with Progress(3, "fit") as bar:
        engine.fit(NOTHING, 3, [bar])
    said = capsys.readouterr().out
    assert "fit" in said
    assert "3/3" in said
    assert "finished" not in said
    with Progress(3, "fit") as bar:
        engine.fit(NOTHING, 3, [bar])
    said = capsys.readouterr().out
    assert "3/3" in said
    assert "was finished before" in said
    with pytest.raises(ZeroDivisionError), Progress(3, "fit"):
        1 / 0  # noqa: B018
    assert "was finished before" not in capsys.readouterr().out


def test_texts_are_printed_now_and_then(engine, capsys):
    def look(engine):
        return Written(f"text {engine.step}", "1.5 nats") if engine.step != 8 else None

    with LiveText(11, "fit", look, every=2) as show:
        engine.fit(NOTHING, 11, [show])
    assert capsys.readouterr().out.splitlines() == ["fit, step 11: 1.5 nats | 'text 11'"]
    with LiveText(9, "again", look, every=1) as show:
        Engine(engine.game, dict.fromkeys(engine.game.players(), sgd(0.1))).fit(NOTHING, 9, [show])
    said = [line.split(": ")[0] for line in capsys.readouterr().out.splitlines()]
    assert said == ["again, step 4", "again, step 9"]


def test_a_text_model_shows_what_it_writes_and_records_what_it_knows(capsys):
    model = SequenceGAN(None, tokenizer="char", max_length=8, likelihood_iter=4, batch_size=4, random_state=0)
    with LiveText(4, "fit", WrittenNow(model, ["abcabcab"] * 2, "ab", windows=2), every=2) as show:
        model.set_params(callbacks=(show,)).fit(["abcabcab", "bcabcabc"] * 8)
    nats = [entry["validation"] for entry in model.history_ if "validation" in entry]
    assert len(nats) == 2
    assert 0 < nats[1] < nats[0] < 3
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(f"fit, step 4: {nats[1]:.3f} nats per character | 'ab")

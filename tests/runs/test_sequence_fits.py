"""Fits of sequences: held-out weights are the best, a game leaves its start alone, draws are shared; options, pages."""

from dataclasses import dataclass

import torch

import gan_ext.runs.sequence_fits as module
from gan_ext.data import hold_out_texts
from gan_ext.metrics import nll_test
from gan_ext.nets import CNNDiscriminator, LSTMGenerator
from gan_ext.runs import MoleculeOptions, Options, SequenceFits, write_pages

TOKENS = torch.randint(5, (40, 4), generator=torch.Generator().manual_seed(0))


def test_likelihood_keeps_what_does_best_on_held_out_tokens(tmp_path, monkeypatch):
    fits, seen = SequenceFits(Options(out=tmp_path), TOKENS, batch_size=8), []
    monkeypatch.setattr(module, "nll_test", lambda *given: seen.append(nll_test(*given)) or seen[-1])
    model = LSTMGenerator(5, 4, 4, 8)
    best = fits.likelihood("best", 0, model, 4, 1.0, last_rate=0.5, held_out=TOKENS[:10], every=1)
    assert best is model
    assert len(seen) == 4
    assert nll_test(best, TOKENS[:10]) == min(seen) < max(seen)
    fits.likelihood("last", 0, model, 1, 1.0)
    assert nll_test(model, TOKENS[:10]) != min(seen)
    assert {path.name for path in (tmp_path / "fits").iterdir()} == {"last_0", "best_0", "best_0.best.safetensors"}


def test_a_game_moves_a_copy_and_a_warm_up_the_discriminator_alone(tmp_path):
    fits, start, judge = SequenceFits(Options(out=tmp_path), TOKENS, batch_size=8), LSTMGenerator(5, 4, 4, 8), None
    weights = {name: value.clone() for name, value in start.state_dict().items()}
    judge = CNNDiscriminator(5, (1,), (4,))
    before = judge.state_dict()["embedding.weight"].clone() if "embedding.weight" in judge.state_dict() else None
    game = fits.gan("own", 0, start, judge, 0, (1e-2, 1e-2), warm_up=2, rollouts=0)
    assert all(torch.equal(value, weights[name]) for name, value in game.generator.state_dict().items())
    assert before is None or not torch.equal(judge.state_dict()["embedding.weight"], before)
    game = fits.gan("own", 0, start, CNNDiscriminator(5, (1,), (4,)), 2, (1e-2, 1e-2), rollouts=0, likelihood=1.0)
    assert any(not torch.equal(value, weights[name]) for name, value in game.generator.state_dict().items())
    assert all(torch.equal(value, weights[name]) for name, value in start.state_dict().items())


def test_draws_are_of_the_same_numbers_and_scores_of_known_words(tmp_path):
    fits, model = SequenceFits(Options(out=tmp_path), TOKENS), LSTMGenerator(5, 4, 4, 8)
    assert torch.equal(fits.draw(model, 6, 1.0, 1), fits.draw(model, 6, 1.0, 1))
    assert not torch.equal(fits.draw(model, 6, 1.0, 1), fits.draw(model, 6, 1.0, 2))
    judge = CNNDiscriminator(5, (1,), (4,))
    again = fits.draw_again(model, judge, 6, 1.0, 1, power=1.0)
    drawn = fits.draw(model, 24, 1.0, 1).tolist()
    assert all(row in drawn for row in again.tolist())
    texts = hold_out_texts(["a b c", "b c", "c a", "a", "b b", "c"], 2, max_length=4)
    options = texts.corpus.spec.options()
    fits = SequenceFits(Options(out=tmp_path), texts.train)
    scorer = fits.scorer(texts, ["a b", "a new"], lambda: LSTMGenerator(**options, embedding=4, hidden=4), 1)
    assert scorer.references == [["a", "b"], ["a", "new"]]
    assert scorer.words(texts.corpus.encode(["c a"])) == [["c", "a"]]
    assert len(scorer.language_model.validation) == 1


def test_options_of_molecules_and_pages(tmp_path):
    @dataclass
    class Own(MoleculeOptions):
        steps: int | None = None

    assert (Own().usual("steps", 3, 2), Own(data=tmp_path).usual("steps", 3, 2), Own(steps=0).usual("steps", 3, 2)) == (
        2,
        3,
        0,
    )
    assert Own(out=tmp_path).fitting("game")["checkpoint"] == tmp_path / "fits" / "game"
    write_pages(tmp_path / "pages.txt", {"one": ["a", "b"], "two": []})
    assert (tmp_path / "pages.txt").read_text() == "# one\na\nb\n\n# two\n"

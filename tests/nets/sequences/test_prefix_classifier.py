"""A classifier of prefixes: one answer however it is read, blind to what comes later, right in the limit."""

import re

import pytest
import torch

from gan_ext.engine import Engine, adam
from gan_ext.games import MaximumLikelihood
from gan_ext.nets import PrefixClassifier
from gan_ext.sequences import LabeledTokens
from gan_ext.testing import ConstantStream, check_game


def net(**more: int) -> PrefixClassifier:
    return PrefixClassifier(7, 3, 4, 6, 0.3, start=1, **more).eval()


@torch.no_grad()
def test_reading_step_by_step_is_reading_at_once() -> None:
    classifier, tokens = net(), torch.randint(7, (5, 6))
    whole = classifier(tokens)
    assert whole.shape == (5, 6, 3)
    torch.testing.assert_close(whole.exp().sum(-1), torch.ones(5, 6))
    state, previous = classifier.initial(5), torch.ones(5, dtype=torch.int64)
    for position in range(6):
        state = classifier.read(previous, state)
        everything, previous = classifier.of_next(state), tokens[:, position]
        assert everything.shape == (5, 7, 3)
        torch.testing.assert_close(everything[torch.arange(5), previous], whole[:, position])
        few = torch.stack([previous, 6 - previous], 1)
        torch.testing.assert_close(classifier.of_next(state, few)[:, 0], whole[:, position])
        torch.testing.assert_close(classifier.of_next(state, few)[:, 1], everything[torch.arange(5), 6 - previous])


@torch.no_grad()
def test_later_tokens_and_pads_change_nothing() -> None:
    classifier, tokens = net(end=6), torch.randint(6, (5, 6))
    tokens[0, 3] = tokens[1, 0] = 6
    other = tokens.clone()
    other[:, 4:] = (other[:, 4:] + 1) % 6
    assert torch.equal(classifier(tokens)[:, :4], classifier(other)[:, :4])
    labels = torch.arange(5) % 3
    known, changed = (classifier.log_likelihood(LabeledTokens(each, labels)) for each in (tokens, other))
    assert torch.equal(known[:2], changed[:2])
    assert not torch.equal(known[2:], changed[2:])
    torch.testing.assert_close(classifier.of_whole(tokens)[0], classifier(tokens)[0, 3])
    torch.testing.assert_close(classifier.of_whole(tokens)[2], classifier(tokens)[2, 5])
    torch.testing.assert_close(known[1], classifier(tokens)[1, 0, labels[1]])


def test_it_learns_the_share_of_each_class_after_every_prefix() -> None:
    """Sequences of two coins, labeled by both: after one coin the label is even odds, or sure."""
    torch.manual_seed(0)
    tokens = torch.tensor([[0, 0], [0, 1], [1, 0], [1, 1]]).repeat(2, 1)
    batch = LabeledTokens(tokens, (tokens[:, 0] & tokens[:, 1]))
    classifier = PrefixClassifier(2, 2, 8, 16, 0.0)
    game = MaximumLikelihood(classifier, classifier.log_likelihood)
    Engine(game, {"model": adam(0.05)}).fit(ConstantStream(batch), 120)
    with torch.no_grad():
        found = classifier.eval()(tokens[:4])[..., 1].exp()
    wanted = torch.tensor([[0.0, 0.0], [0.0, 0.0], [0.5, 0.0], [0.5, 1.0]])
    torch.testing.assert_close(found, wanted, atol=0.03, rtol=0)


def test_its_likelihood_is_a_sound_game() -> None:
    def make() -> MaximumLikelihood:
        classifier = PrefixClassifier(7, 3, 4, 6, 0.3, start=1, end=6)
        return MaximumLikelihood(classifier, classifier.log_likelihood)

    check_game(make, LabeledTokens(torch.randint(7, (8, 5)), torch.randint(3, (8,))))


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"classes": 1}, "PrefixClassifier needs vocabulary, embedding, hidden >= 1, classes >= 2"),
        ({"hidden": 0}, "got 7, 4, 0, 2 and 0.2"),
        ({"dropout": 1.0}, "dropout in [0, 1), got"),
        ({"start": 7}, "start=7 is no token: the vocabulary has numbers 0 to 6"),
        ({"end": -1}, "end=-1 is no token"),
    ],
)
def test_what_is_wrong_is_a_sentence(settings: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        PrefixClassifier(**{"vocabulary": 7, "classes": 2, "embedding": 4, "hidden": 6, **settings})

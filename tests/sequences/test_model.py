"""What follows from a start state and a step: exact probabilities, masks, labels."""

import itertools

import pytest
import torch

from gan_ext.nets import LSTMGenerator
from gan_ext.sequences import join, real_positions, repeat, select


def test_real_positions_by_hand() -> None:
    tokens = torch.tensor([[5, 3, 0, 0], [3, 3, 3, 3], [1, 2, 4, 5], [1, 2, 4, 3], [5, 3, 7, 3]])
    wanted = [[1, 1, 0, 0], [1, 0, 0, 0], [1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 0, 0]]
    assert real_positions(tokens, 3).int().tolist() == wanted
    assert real_positions(tokens, None).all()
    assert real_positions(tokens[:, :0], 3).shape == (5, 0)


def test_probabilities_of_all_sequences_sum_to_one() -> None:
    model = LSTMGenerator(3, 4, 2, 3, init=1.0).double()
    everything = torch.tensor(list(itertools.product(range(3), repeat=4)))
    total = model.log_prob(everything).sum(1).exp().sum()
    assert total.item() == pytest.approx(1, abs=1e-5)
    warm = model.log_prob(everything, temperature=3.0).sum(1).exp()
    assert warm.sum().item() == pytest.approx(1, abs=1e-5)
    assert warm.max() < model.log_prob(everything).sum(1).exp().max()


def test_probabilities_of_all_sequences_with_an_end_sum_to_one() -> None:
    model = LSTMGenerator(5, 3, 2, 3, init=1.0, end=3, pad=0, start=2, start_is_a_token=False)
    words, sequences = (1, 4), []
    for length in range(4):
        for body in itertools.product(words, repeat=length):
            sequences.append((*body, *([3] if length < 3 else []), *[0] * (2 - length)))
    log_prob = model.log_prob(torch.tensor(sequences))
    assert log_prob.sum(1).exp().sum().item() == pytest.approx(1, abs=1e-5)
    assert (log_prob[0, 1:] == 0).all()  # nothing after the end


def test_log_prob_is_that_of_the_softmax() -> None:
    model, tokens = LSTMGenerator(5, 4, 2, 3, init=1.0), torch.randint(5, (6, 4))
    for temperature in (1.0, 0.5):
        wanted = (model(tokens) / temperature).softmax(-1).gather(-1, tokens[..., None])[..., 0].log()
        torch.testing.assert_close(model.log_prob(tokens, temperature=temperature), wanted)


def test_rows_of_memories() -> None:
    state = (torch.arange(3), torch.arange(6).view(3, 2))
    assert select(state, torch.tensor([2, 0]))[1].tolist() == [[4, 5], [0, 1]]
    assert select(state, slice(1, 3))[0].tolist() == [1, 2]
    assert repeat(state, 2)[0].tolist() == [0, 0, 1, 1, 2, 2]
    assert join([state, state])[1].shape == (6, 2)
    with pytest.raises(ValueError, match="zip"):
        join([state, state[:1]])

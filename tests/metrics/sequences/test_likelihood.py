"""Likelihoods: enumeration of all sequences, uniform models, the rule for pads, blocks and modes."""

import itertools
import math

import numpy as np
import pytest
import torch

from gan_ext.metrics import (
    negative_log_likelihood,
    nll_gen,
    nll_oracle,
    nll_test,
    perplexity,
    sequence_log_prob,
)
from gan_ext.nets.sequences.recurrent import LSTMGenerator
from gan_ext.sequences import real_positions, sample

V, T = 3, 4


def model(**more: object) -> LSTMGenerator:
    return LSTMGenerator(V, T, embedding=3, hidden=4, init=1.0, **more)


def uniform(vocabulary: int = 5, length: int = 6, **more: object) -> LSTMGenerator:
    net = LSTMGenerator(vocabulary, length, embedding=2, hidden=2, **more)
    with torch.no_grad():
        net.output.weight.zero_()
        net.output.bias.zero_()
    return net


def every_sequence() -> torch.Tensor:
    return torch.tensor(list(itertools.product(range(V), repeat=T)))


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_probabilities_of_all_sequences_sum_to_one(temperature: float) -> None:
    logs = sequence_log_prob(model(), every_sequence(), temperature)
    assert np.exp(logs).sum() == pytest.approx(1, abs=1e-6)


def test_with_an_end_closed_and_open_sequences_sum_to_one() -> None:
    net, tokens = model(end=2, pad=0, start=1), every_sequence()
    padded = torch.where(real_positions(tokens, 2), tokens, 0).unique(dim=0)
    assert np.exp(sequence_log_prob(net, padded)).sum() == pytest.approx(1, abs=1e-6)


def test_own_samples_score_the_entropy() -> None:
    net = model()
    logs = sequence_log_prob(net, every_sequence())
    entropy, tokens = -(np.exp(logs) * logs).sum() / T, sample(net, 4000)
    error = sequence_log_prob(net, tokens).std() / T / math.sqrt(4000)
    assert abs(nll_oracle(net, tokens) - entropy) < 4 * error


def test_a_uniform_model_has_perplexity_v_at_every_temperature() -> None:
    net, tokens = uniform(), torch.randint(0, 5, (7, 6))
    for temperature in (0.3, 1.0, 2.0):
        assert perplexity(net, tokens, temperature) == pytest.approx(5, rel=1e-6)
        assert nll_test(net, tokens, temperature) == pytest.approx(math.log(5), rel=1e-6)


def test_the_rule_for_pads() -> None:
    # Token 0 is the pad and cannot come: each of 2 + 4 real tokens has probability 1/4, the 2 pads have 1.
    net = uniform(length=4, end=1, start=4)
    tokens = torch.tensor([[2, 1, 0, 0], [3, 3, 2, 2]])
    assert negative_log_likelihood(net, tokens) == pytest.approx(math.log(4), rel=1e-6)
    assert negative_log_likelihood(net, tokens, pads="count") == pytest.approx(math.log(4) * 6 / 8, rel=1e-6)
    assert nll_gen(net, tokens) == negative_log_likelihood(net, tokens, pads="count")
    assert sequence_log_prob(net, tokens) == pytest.approx([-2 * math.log(4), -4 * math.log(4)], rel=1e-6)
    # More padding deflates one and not the other.
    wider = uniform(length=8, end=1, start=4)
    padded = torch.nn.functional.pad(tokens, (0, 4))[:1]
    assert nll_test(wider, padded) == pytest.approx(math.log(4), rel=1e-6)
    assert nll_gen(wider, padded) == pytest.approx(math.log(4) * 2 / 8, rel=1e-6)


def test_without_an_end_the_rules_agree() -> None:
    net, tokens = model(), every_sequence()
    assert nll_gen(net, tokens) == nll_test(net, tokens)


def test_blocks_do_not_matter() -> None:
    net, tokens = model(classes=2), every_sequence()
    labels = torch.arange(len(tokens)) % 2
    whole = sequence_log_prob(net, tokens, labels=labels)
    for block in (1, 7, 1000):
        assert sequence_log_prob(net, tokens, labels=labels, block=block) == pytest.approx(whole, abs=1e-5)
    swapped = sequence_log_prob(net, tokens, labels=1 - labels)
    assert np.abs(swapped - whole).max() > 0.01


def test_every_part_gets_its_own_mode_back_and_dropout_is_off() -> None:
    net = LSTMGenerator(V, T, embedding=3, hidden=4, dropout=0.9, init=1.0)
    net.train()
    net.output.eval()
    assert nll_test(net, every_sequence()) == nll_test(net, every_sequence())
    assert net.training
    assert net.dropout.training
    assert not net.output.training
    with pytest.raises(ValueError, match="labels"):
        negative_log_likelihood(net, every_sequence(), labels=torch.zeros(V**T, dtype=torch.int64))
    assert net.dropout.training, "an error must not leave the net in evaluation mode"


def test_no_gradient_is_recorded() -> None:
    net = model()
    assert isinstance(nll_test(net, every_sequence()), float)
    assert all(parameter.grad is None for parameter in net.parameters())


GOOD = torch.zeros(2, T, dtype=torch.int64)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda net: nll_test(net, GOOD[:0]), r"neither 0; got \(0, 4\)"),
        (lambda net: nll_test(net, GOOD[0]), r"must have shape \[sequences, tokens\]"),
        (lambda net: nll_test(net, GOOD.float()), r"must be whole numbers \(int64\), got torch.float32"),
        (lambda net: nll_test(net, GOOD.bool()), r"got torch.bool"),
        (lambda net: nll_test(net, torch.zeros(2, 9, dtype=torch.int64)), "tokens have 9 positions; .* at most 4"),
        (lambda net: nll_test(net, GOOD + 3), "tokens lie between 3 and 3; the vocabulary has numbers 0 to 2"),
        (lambda net: nll_test(net, GOOD - 1), "tokens lie between -1 and -1"),
        (lambda net: nll_test(net, GOOD, 0.0), "temperature=0.0 must be a positive number"),
        (lambda net: nll_test(net, GOOD, pads="mask"), "pads='mask' must be"),
        (lambda net: sequence_log_prob(net, GOOD, block=0), "block=0 must be at least 1"),
    ],
)
def test_errors_are_sentences(call: object, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        call(model())

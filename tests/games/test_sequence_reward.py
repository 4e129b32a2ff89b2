"""A reward of your own for sequences: on a tiny language the optimum is known, and the game ends there."""

import pytest
import torch

from gan_ext import Engine
from gan_ext.engine import adam, linear
from gan_ext.games import SequenceReward
from gan_ext.gradients import REINFORCE, ClippedSurrogate, Enumeration, GumbelSoftmax, LeaveOneOut, all_sequences
from gan_ext.nets import LSTMGenerator
from gan_ext.sequences import LabeledTokens, TokenBatch, sample
from gan_ext.testing import ConstantStream, check_game

V, T = 4, 3
SPECIALS = {"start": 2, "end": 3, "pad": 0, "start_is_a_token": False}


def model(length=T) -> LSTMGenerator:
    torch.default_generator.manual_seed(5)
    return LSTMGenerator(V, length, 8, 16, init=0.5, **SPECIALS)


def ones(tokens):
    """Pay for every token 1, and a bit for coming second."""
    return (tokens == 1).float().sum(1) - 0.5 * (tokens[:, 0] == 1)


def law(generator):
    tokens, valid = all_sequences(generator)
    tokens = tokens[valid & ~(tokens == 2).any(1)]  # all that can come
    with torch.no_grad():
        log_prob = generator.log_prob(tokens).sum(1)
    return tokens, log_prob.exp().double()


def optimum(start, beta):
    tokens, probability = law(start)
    tilted = probability * (ones(tokens).double() / beta).exp()
    return tilted / tilted.sum()


def objective(generator, start, beta):
    """E[R] - beta KL, summed over all sequences."""
    tokens, probability = law(generator)
    _, before = law(start)
    return float((probability * (ones(tokens) - beta * (probability / before).log())).sum())


def test_the_gradient_is_that_of_reward_less_divergence():
    """Against the sum over all sequences, differentiated by autograd."""
    generator, start = model(), model()
    with torch.no_grad():
        for parameter in generator.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    game = SequenceReward(generator, ones, Enumeration(), divergence=0.7, start=start)
    loss, _ = game.generator_loss(TokenBatch(torch.zeros(2, T, dtype=torch.int64)))
    found = torch.autograd.grad(loss, list(generator.parameters()))
    tokens, valid = all_sequences(generator)
    tokens = tokens[valid]
    log_prob, before = generator.log_prob(tokens).sum(1), start.log_prob(tokens).sum(1).detach()
    exact = (log_prob.exp() * (ones(tokens) - 0.7 * (log_prob - before))).sum()
    for mine, other in zip(found, torch.autograd.grad(-exact, list(generator.parameters())), strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-3, atol=1e-5)
    assert float(exact.detach()) == pytest.approx(objective(generator, start, 0.7), abs=1e-5)


@pytest.mark.parametrize(("estimator", "steps", "near"), [("exact", 150, 5e-3), ("ppo", 150, 0.05)])
def test_the_end_is_the_tilted_starting_model(estimator, steps, near):
    generator, beta = model(), 0.5
    start = model()
    chosen = Enumeration() if estimator == "exact" else None  # ClippedSurrogate by default
    game = SequenceReward(generator, ones, chosen, divergence=beta)
    batch = TokenBatch(torch.zeros(128, T, dtype=torch.int64))
    engine = Engine(
        game, {"generator": adam(0.02, (0.9, 0.999))}, schedules={"generator.lr": linear(0.02, 0.001, steps)}
    )
    engine.fit(ConstantStream(batch), steps)
    _, probability = law(generator)
    best = optimum(start, beta)
    assert float((probability - best).abs().sum()) / 2 < near
    tokens, before = law(start)
    assert float((before - best).abs().sum()) / 2 > 0.3  # there was something to learn
    bound = beta * float((before * (ones(tokens) / beta).exp()).sum().log())  # beta log Z
    assert bound - near < objective(generator, start, beta) < bound + 1e-5


def test_without_divergence_only_the_best_remains():
    generator = model()
    game = SequenceReward(generator, ones, ClippedSurrogate(generator, refresh=2))
    batch = TokenBatch(torch.zeros(64, T, dtype=torch.int64))
    Engine(game, {"generator": adam(0.03, (0.9, 0.999))}).fit(ConstantStream(batch), 150)
    assert float(ones(sample(generator, 200)).mean()) > 2.3  # 2.5 is the most


@pytest.mark.parametrize("estimator", ["ppo", "leave one out", "moving"])
def test_it_is_sound(estimator):
    def make():
        generator = LSTMGenerator(V, T, 4, 6, dropout=0.2, init=0.5, **SPECIALS)
        chosen = {"ppo": ClippedSurrogate(generator, refresh=2), "leave one out": LeaveOneOut(), "moving": REINFORCE()}[
            estimator
        ]
        return SequenceReward(generator, ones, chosen, divergence=0.1)

    check_game(make, TokenBatch(torch.zeros(6, T, dtype=torch.int64)))


def test_classes_are_passed_on():
    def make():
        return SequenceReward(LSTMGenerator(V, T, 4, 6, init=0.5, classes=3, **SPECIALS), ones, divergence=0.1)

    check_game(make, LabeledTokens(torch.zeros(6, T, dtype=torch.int64), torch.arange(6) % 3))


def test_tokens_may_earn_each_their_own():
    """What every token of a sequence earns is what the sequence earns."""
    batch, losses = TokenBatch(torch.zeros(60, T, dtype=torch.int64)), []
    for reward in (ones, lambda tokens: ones(tokens)[:, None].expand(tokens.shape)):
        game = SequenceReward(model(), reward, REINFORCE(None))
        torch.default_generator.manual_seed(1)
        losses.append(float(game.generator_loss(batch)[0].detach()))
    assert losses[0] == losses[1] != 0


def test_mistakes_are_named():
    generator, batch = model(), TokenBatch(torch.zeros(6, T, dtype=torch.int64))
    with pytest.raises(ValueError, match="divergence=-1 must be at least 0"):
        SequenceReward(generator, ones, divergence=-1)
    with pytest.raises(ValueError, match="GumbelSoftmax relaxes tokens"):
        SequenceReward(generator, ones, GumbelSoftmax(1.0))
    for wrong, got in ((lambda tokens: tokens[:, 1:].float(), "shape"), (lambda tokens: 1.0, "float")):
        with pytest.raises(ValueError, match=rf"reward must return a tensor of shape \(6,\), one per .*; got {got}"):
            SequenceReward(generator, wrong).generator_loss(batch)

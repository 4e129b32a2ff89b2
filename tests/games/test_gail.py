"""One code, two readings: a GAN of actions is an actor with a learned critic, and the other way round."""

import pytest
import torch
from torch import nn

from gan_ext import Engine
from gan_ext import gradients as estimators
from gan_ext.engine import adam
from gan_ext.games import (
    GAIL,
    PPO,
    Actions,
    BehavioralCloning,
    Demonstrations,
    Episodes,
    Imitation,
    Replay,
    SeqGAN,
    StateAction,
    StateTransition,
)
from gan_ext.gradients import REINFORCE, LeaveOneOut, MaliGANWeights, SelfCritical
from gan_ext.losses import R1, minimax_reward
from gan_ext.nets import (
    CategoricalPolicy,
    CNNDiscriminator,
    GaussianPolicy,
    LSTMGenerator,
    SequencePolicy,
    plain_discriminator,
    plain_value,
)
from gan_ext.reinforcement import TokenEnvironment, collect
from gan_ext.seeds import mix
from gan_ext.sequences import TokenBatch, real_positions, sample
from gan_ext.testing import ConstantStream, check_game

V, T, N = 5, 4, 12
SPECIALS = {"start": 2, "end": 3, "pad": 0}


def played(continuous=False, n=N, steps=7) -> Episodes:
    lengths = torch.randint(1, steps + 1, (n, 1))
    mask = torch.arange(steps) < lengths
    actions = torch.randn(n, steps, 2) if continuous else torch.randint(2, (n, steps))
    rewards = torch.randn(n, steps) * mask
    return Episodes(torch.randn(n, steps + 1, 3), actions, -torch.rand(n, steps), rewards, mask, torch.rand(n) > 0.5)


def imitated(continuous=False) -> Imitation:
    actions = torch.randn(20, 1, 2) if continuous else torch.randint(2, (20, 1))
    shown = Demonstrations(torch.randn(20, 2, 3), actions, torch.ones(20, 1, dtype=torch.bool), torch.rand(20) > 0.9)
    return Imitation(*played(continuous), *shown)


def gail(**options) -> GAIL:
    view = StateAction(torch.randn(9, 3), 2)
    judge = plain_discriminator((5 + bool(options.get("absorbing")),), (8,))
    return GAIL(CategoricalPolicy(3, 2, (8,)), plain_value(3, (8,)), judge, view, **options)


MAKES = {
    "plain": lambda: gail(),
    "absorbing": lambda: gail(absorbing=True, penalties=[R1(0.5)]),
    "minimax, centered": lambda: gail(reward=minimax_reward, centered=True),
    "lagged value": lambda: gail(lag=0.9),
    "no clip": lambda: gail(clip=None),
    "replay": lambda: gail(replay=Replay(30, 5)),
    "states": lambda: GAIL(
        CategoricalPolicy(3, 2, (8,)), plain_value(3, (8,)), plain_discriminator((6,), (8,)),
        StateTransition(torch.randn(9, 3)),
    ),
    "no value": lambda: GAIL(
        CategoricalPolicy(3, 2, (8,)), None, plain_discriminator((5,), (8,)), StateAction(torch.randn(9, 3), 2)
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MAKES)
def test_imitation_is_sound(name):
    check_game(MAKES[name], imitated())


def test_vectors_of_numbers_are_actions_too():
    def make():
        return GAIL(
            GaussianPolicy(3, 2, (8,)), plain_value(3, (8,)), plain_discriminator((5,), (8,)),
            StateAction(torch.randn(9, 3), 0),
        )  # fmt: skip

    check_game(make, imitated(continuous=True))


def test_proximal_policies_and_clones_are_sound():
    check_game(lambda: PPO(CategoricalPolicy(3, 2, (8,)), plain_value(3, (8,))), played())
    shown = Demonstrations(*(part for part in imitated()[6:]))
    check_game(lambda: BehavioralCloning(CategoricalPolicy(3, 2, (8,))), shown)


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # the compiler's own
@pytest.mark.parametrize("name", ["absorbing", "replay", "states"])
def test_imitation_compiles(name):
    check_game(MAKES[name], imitated(), compile=True)


def gradients(loss, module):
    return torch.autograd.grad(loss, list(module.parameters()))


def sequence_games(length, estimator, reward):
    """The same networks as a game of sequences, and as an actor with a critic in an environment of tokens."""
    model = LSTMGenerator(V, length, 4, 6, init=0.7, start_is_a_token=False, **SPECIALS)
    judge = CNNDiscriminator(V, (1,), (6,), embedding=3)
    game = SeqGAN(model, judge, estimator(), rollouts=0, reward=reward)
    options = {"gamma": 1.0, "entropy": 0.0}
    read = GAIL(SequencePolicy(model), None, judge, Actions(), reward, estimator=estimator(), **options)
    environment = TokenEnvironment(V, length, **SPECIALS)
    return model, judge, game, read, environment


def same(ours, theirs):
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-6)
    assert max(float(mine.abs().max()) for mine in ours) > 1e-4


@pytest.mark.parametrize("length", [1, T])
@pytest.mark.parametrize("reward", [nn.Identity(), torch.sigmoid, minimax_reward], ids=["odds", "D", "minimax"])
@pytest.mark.parametrize("estimator", [LeaveOneOut, lambda: REINFORCE(None), REINFORCE], ids=["loo", "plain", "moving"])
def test_a_sequence_generator_is_a_policy_among_tokens(length, reward, estimator):
    """The same noise makes the same tokens and gradient; with one token it is the REINFORCE GAN of a bandit."""
    model, judge, game, read, environment = sequence_games(length, estimator, reward)
    real = torch.randint(1, V, (N, length))
    episodes = collect(environment, read.policy, N, 3)
    shown = Demonstrations(torch.zeros(N, length + 1), real, real > 0, torch.ones(N, dtype=torch.bool))
    batch = Imitation(*episodes, *shown)
    ours = gradients(read.policy_loss(batch)[0], model)
    torch.default_generator.manual_seed(mix(3, 1))
    same(ours, gradients(game.generator_loss(TokenBatch(real))[0], model))
    ours = gradients(read.discriminator_loss(batch)[0], judge)
    torch.default_generator.manual_seed(mix(3, 1))
    same(ours, gradients(game.discriminator_loss(TokenBatch(real))[0], judge))


def test_one_choice_is_the_reinforce_gan_written_out():
    """A bandit: the gradient in the logits is the mean of (reward - mean of the others) (one-hot - probabilities)."""
    logits = nn.Parameter(torch.randn(V))
    policy = CategoricalPolicy(1, V, ())
    judge = plain_discriminator((V + 1,), (8,))
    read = GAIL(policy, None, judge, StateAction(torch.zeros(9, 1), V), minimax_reward, gamma=1.0, entropy=0.0)
    with torch.no_grad():
        policy.net[-1].bias.copy_(logits)
    actions = torch.multinomial(logits.softmax(0).expand(N, -1), 1)
    seen, one = torch.zeros(N, 2, 1), torch.ones(N, 1, dtype=torch.bool)
    episodes = Episodes(seen, actions, torch.zeros(N, 1), torch.zeros(N, 1), one, one[:, 0])
    loss, _ = read.policy_loss(Imitation(*episodes, *Demonstrations(seen, actions, one, one[:, 0])))
    (found,) = torch.autograd.grad(loss, policy.net[-1].bias)
    rows = nn.functional.one_hot(actions[:, 0], V).float()
    with torch.no_grad():
        earned = -torch.log(1 - torch.sigmoid(judge(torch.cat([torch.zeros(N, 1), rows], 1))))
        advantage = earned - (earned.sum() - earned) / (N - 1)
        exact = -(advantage[:, None] * (rows - logits.softmax(0))).mean(0)
    torch.testing.assert_close(found, exact, rtol=1e-4, atol=1e-6)


def test_given_samples_and_own_samples_are_the_same_to_every_score_function():
    model = LSTMGenerator(V, T, 4, 6, init=0.7, start_is_a_token=False, **SPECIALS)
    for make in (LeaveOneOut, lambda: REINFORCE(None), MaliGANWeights):
        torch.default_generator.manual_seed(1)
        own, _ = make()(model, lambda tokens: tokens.float().sum(1), N)
        torch.default_generator.manual_seed(1)
        tokens = sample(model, N)
        values = tokens.float().sum(1)
        given, _ = make().given(model.log_prob(tokens), values, real_positions(tokens, 3))
        same(gradients(given, model), gradients(own, model))
    for estimator in (SelfCritical(), estimators.ClippedSurrogate(model)):
        with pytest.raises(ValueError, match="draws its own samples; for given ones use REINFORCE"):
            estimator.given(model.log_prob(tokens), values, real_positions(tokens, 3))


def test_lag_and_clip_end_at_the_plain_game():
    """At the policy that acted, clipped or not is the same gradient; and a copy without lag is no copy."""
    batch = imitated()
    game = gail()
    log_prob, _ = game.policy(batch.observations[:, :-1], batch.actions)
    batch = batch._replace(log_prob=log_prob.detach())
    game.clip, clipped = None, gradients(game.policy_loss(batch)[0], game.policy)
    same(clipped, gradients(game.policy_loss(batch)[0], game.policy))
    assert gail(lag=0.0).lagged is None
    assert gail(lag=0.5).lagged is not None


def test_what_follows_an_end_is_the_absorbing_state_for_ever():
    """At the optimum the reward of the absorbing state is the log-ratio of how long both sides are in it."""
    game = gail(absorbing=True, gamma=0.9)
    batch = imitated()
    width = 5
    row = torch.cat([torch.zeros(1, width), torch.ones(1, 1)], 1)
    torch.testing.assert_close(game.after(batch), game.discriminator(row)[0] * 10)
    shown, weight = game._shown(batch.observations, batch.actions, batch.mask, batch.terminated)
    ends = batch.terminated
    torch.testing.assert_close(weight.sum(1), batch.mask.sum(1) + 9.0 * ends)
    last = batch.mask.sum(1)
    torch.testing.assert_close(shown[torch.arange(N), last][ends], row.expand(int(ends.sum()), -1))


def test_the_discriminator_learns_the_log_ratio_of_behaviors():
    """Two actions, chosen with .8 by the expert and with .3 by the policy: d(a) tends to the log-ratio."""
    expert, policy = torch.tensor([0.2, 0.8]), torch.tensor([0.7, 0.3])
    n = 400
    seen, one = torch.zeros(n, 2, 1), torch.ones(n, 1, dtype=torch.bool)
    theirs, ours = ((torch.arange(n)[:, None] < n * each[1]).long() for each in (expert, policy))
    view = StateAction(torch.zeros(9, 1), 2)
    game = GAIL(CategoricalPolicy(1, 2, ()), None, plain_discriminator((3,), (16,)), view, entropy=0.0)
    episodes = Episodes(seen, ours, torch.zeros(n, 1), torch.zeros(n, 1), one, one[:, 0])
    batch = Imitation(*episodes, *Demonstrations(seen, theirs, one, one[:, 0]))
    optimizer = torch.optim.Adam(game.discriminator.parameters(), 3e-3)
    for _ in range(600):
        optimizer.zero_grad()
        game.discriminator_loss(batch)[0].backward()
        optimizer.step()
    verdict = game.reward(batch)[:, 0]
    exact = (expert / policy).log()[ours[:, 0]]
    torch.testing.assert_close(verdict, exact, rtol=0, atol=0.06)


def test_replay_keeps_what_was_shown():
    replay = Replay(6, 2, share=0.5)
    first = torch.arange(8.0).reshape(4, 2)
    torch.testing.assert_close(replay(first), first)  # nothing is known yet
    assert int(replay.seen) == 2
    mixed = replay(first + 100)
    assert (mixed[::2] >= 100).all()
    assert (mixed[1::2] < 100).all()
    for _ in range(9):
        replay(first + 200)
    assert (replay.kept >= 200).all()


def test_mistakes_are_named():
    policy, value = CategoricalPolicy(3, 2, (8,)), plain_value(3, (8,))
    for options in ({"gamma": 1.1}, {"lam": -0.1}, {"clip": 0.0}, {"entropy": -1.0}, {"lag": 1.0}):
        with pytest.raises(ValueError, match="PPO needs gamma and lam in"):
            PPO(policy, value, **options)
    with pytest.raises(ValueError, match="brings a baseline of its own"):
        PPO(policy, value, LeaveOneOut())
    with pytest.raises(ValueError, match="absorbing needs gamma < 1"):
        gail(absorbing=True, gamma=1.0)
    with pytest.raises(ValueError, match="penalties must differ"):
        gail(penalties=[R1(1.0), R1(2.0)])
    with pytest.raises(ValueError, match="Replay needs rows >= 1"):
        Replay(0, 3)
    with pytest.raises(ValueError, match="reward='minimax' cannot be called"):
        gail(reward="minimax")
    view = StateAction(torch.randn(9, 3), 2)
    with pytest.raises(ValueError, match="cannot take rows of 6 numbers, of which 1 is the mark of absorbing=True"):
        GAIL(policy, value, plain_discriminator((5,), (8,)), view, absorbing=True)
    with pytest.raises(ValueError, match=r"cannot take rows of 6 numbers: build"):
        GAIL(policy, value, plain_discriminator((5,), (8,)), StateTransition(torch.randn(9, 3)))
    with pytest.raises(ValueError, match="The batch is Episodes, without an expert"):
        gail().discriminator_loss(played())


def test_cloning_ends_at_the_frequencies_of_the_expert():
    n = 200
    seen, one = torch.zeros(n, 2, 1), torch.ones(n, 1, dtype=torch.bool)
    actions = (torch.arange(n)[:, None] < 0.85 * n).long()
    shown = Demonstrations(seen, actions, one, one[:, 0])
    game = BehavioralCloning(CategoricalPolicy(1, 2, ()))
    Engine(game, {"policy": adam(0.05)}).fit(ConstantStream(shown), 300)
    with torch.no_grad():
        log_prob, _ = game.policy(seen[:, :-1], torch.ones(n, 1, dtype=torch.int64))
    assert float(log_prob[0, 0].exp()) == pytest.approx(0.85, abs=0.005)

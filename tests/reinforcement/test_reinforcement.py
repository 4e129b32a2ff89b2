"""Episodes are functions of weights and seed; what a run plays after it was resumed is what it would have played."""

import importlib
import math
import warnings

import pytest
import torch

from gan_ext import Engine
from gan_ext.data import ArrayStream
from gan_ext.engine import NonFiniteLossError, adam
from gan_ext.games import GAIL, PPO, BehavioralCloning, Episodes, Replay, StateAction
from gan_ext.losses import R1
from gan_ext.nets import (
    CategoricalPolicy,
    GaussianPolicy,
    LSTMGenerator,
    SequencePolicy,
    plain_discriminator,
    plain_value,
)
from gan_ext.reinforcement import (
    Environment,
    EpisodeStream,
    GymnasiumEnvironment,
    TokenEnvironment,
    Transition,
    collect,
    demonstrations,
    episode_returns,
)
from gan_ext.sequences import real_positions, sample


@pytest.fixture(scope="module")
def cartpole():
    return GymnasiumEnvironment("CartPole-v1", horizon=40)


def equal(first, second):
    return all(torch.equal(mine, other) for mine, other in zip(first, second, strict=True))


def test_episodes_are_a_function_of_weights_and_seed(cartpole):
    policy = CategoricalPolicy(4, 2, (8,))
    first = collect(cartpole, policy, 5, 3)
    torch.rand(7)  # the global state does not matter, nor does what was played before
    collect(cartpole, policy, 2, 9)
    assert equal(first, collect(cartpole, policy, 5, 3))
    assert not torch.equal(first.observations, collect(cartpole, policy, 5, 4).observations)


def test_episodes_are_rectangles_with_a_mask(cartpole):
    policy = CategoricalPolicy(4, 2, (8,))
    played = collect(cartpole, policy, 20, 0)
    assert played.observations.shape == (20, 41, 4)
    assert played.actions.shape == played.mask.shape == (20, 40)
    lengths = played.mask.sum(1)
    assert torch.equal(played.mask, torch.arange(40) < lengths[:, None])
    assert torch.equal(played.rewards, played.mask.float())  # CartPole pays 1 for each step
    assert torch.equal(played.terminated, lengths < 40) or bool((lengths[~played.terminated] == 40).all())
    tilted = played.observations[torch.arange(20), lengths]
    over = (tilted[:, 0].abs() > 2.4) | (tilted[:, 2].abs() > 12 * math.pi / 180)
    assert torch.equal(over, played.terminated)  # the last observation is that of the end, and not of a fresh start
    for row, length in enumerate(lengths):
        assert played.observations[row, length + 1 :].abs().sum() == 0
    log_prob, _ = policy(played.observations[:, :-1], played.actions)
    torch.testing.assert_close(played.log_prob, (log_prob * played.mask).detach())


def test_the_physics_is_that_of_single_copies():
    """The vectorized CartPole and copies in turns agree on what comes of the same actions."""
    import gymnasium

    environment = GymnasiumEnvironment("CartPole-v1", horizon=40)
    seen = environment.reset(1, 7)
    alone = gymnasium.make("CartPole-v1")
    alone.reset(seed=7)
    alone.unwrapped.state = seen[0].double().numpy()
    for action in (0, 1, 1, 0, 1):
        came = environment.step(torch.tensor([action]))
        observed, reward, terminated, _, _ = alone.step(action)
        torch.testing.assert_close(came.observations[0], torch.from_numpy(observed), rtol=1e-4, atol=1e-5)
        assert (float(came.rewards[0]), bool(came.terminated[0])) == (reward, terminated)


def test_trimmed_episodes_are_the_same(cartpole):
    policy = CategoricalPolicy(4, 2, (8,))
    long = GymnasiumEnvironment("CartPole-v1")
    whole, short = collect(long, policy, 4, 3), collect(long, policy, 4, 3, trim=True)
    steps = short.mask.shape[1]
    assert steps < 500
    assert steps & (steps - 1) == 0
    assert equal(short[1:5], [part[:, :steps] for part in whole[1:5]])
    assert int(whole.mask.sum()) == int(short.mask.sum())


def test_choices_come_as_often_as_they_should():
    environment, policy = TokenEnvironment(3, 1), CategoricalPolicy(1, 3, ())
    with torch.no_grad():
        policy.net[-1].bias.copy_(torch.tensor([0.2, 0.5, 0.3]).log())
    uniform = (torch.arange(1000) + 0.5)[:, None] / 1000
    actions, _ = policy.act(torch.zeros(1000, 1), uniform, ())
    assert torch.bincount(actions).tolist() == [200, 500, 300]
    assert environment.horizon == 1


def test_gaussian_actions_follow_their_density():
    policy = GaussianPolicy(3, 2, (8,), scale=2.0, deviation=0.5)
    seen = torch.randn(1, 3)
    uniform = torch.rand(40_000, 2)
    with torch.no_grad():
        actions, _ = policy.act(seen.expand(40_000, -1), uniform, ())
        log_prob, entropy = policy(seen.expand(40_000, 1, 3), actions[:, None])
    torch.testing.assert_close(actions.std(0), torch.full((2,), 1.0), rtol=0.02, atol=0)
    assert float(-log_prob.mean()) == pytest.approx(float(entropy[0, 0]), abs=0.02)
    assert float(entropy[0, 0]) == pytest.approx(2 * (0.5 + 0.5 * math.log(2 * math.pi)), abs=1e-5)


def test_tokens_in_an_environment_are_samples_of_the_model():
    model = LSTMGenerator(5, 6, 4, 6, init=0.7, start=2, end=3, pad=0, start_is_a_token=False)
    environment = TokenEnvironment(5, 6, lambda tokens: (tokens == 1).float().sum(1), start=2, end=3, pad=0)
    played = collect(environment, SequencePolicy(model), 50, 1)
    from gan_ext.seeds import mix

    torch.default_generator.manual_seed(mix(1, 1))
    tokens = sample(model, 50)
    assert torch.equal(played.actions, tokens)
    assert torch.equal(played.mask, real_positions(tokens, 3))
    assert torch.equal(played.rewards.sum(1), (tokens == 1).float().sum(1))
    assert (played.rewards[~(played.rewards == 0)] > 0).all()
    assert played.terminated.all()
    torch.testing.assert_close(played.log_prob, model.log_prob(tokens).detach())


def test_an_environment_with_numbers_as_actions():
    environment = GymnasiumEnvironment("Pendulum-v1", horizon=12)
    assert (environment.shape, environment.actions, environment.action_shape) == ((3,), 0, (1,))
    policy = GaussianPolicy(3, 1, (8,), scale=2.0)
    played = collect(environment, policy, 3, 0)
    assert played.actions.shape == (3, 12, 1)
    assert played.mask.all()
    assert not played.terminated.any()
    assert equal(played, collect(environment, policy, 3, 0))
    game = PPO(policy, plain_value(3, (8,)))
    stream = EpisodeStream(environment, policy, 4, 2)
    Engine(game, dict.fromkeys(game.players(), adam(1e-3))).fit(stream, 2)


def imitating(cartpole, shown, policy):
    view = StateAction(shown.observations, cartpole.actions)
    return GAIL(
        policy, plain_value(4, (8,)), plain_discriminator((7,), (8,)), view, penalties=[R1(0.5)], absorbing=True,
        replay=Replay(50, 7), lag=0.5,
    )  # fmt: skip


def run(cartpole, shown, share):
    torch.default_generator.manual_seed(1)
    policy = CategoricalPolicy(4, 2, (8,))
    game = imitating(cartpole, shown, policy)
    turns = ("discriminator", "discriminator", ("policy", "value"), ("policy", "value"))
    engine = Engine(game, dict.fromkeys(game.players(), adam(1e-2)), turns, seed=2)
    return engine, EpisodeStream(cartpole, policy, 6, 4, 5, shown, 16, share=share)


@pytest.mark.parametrize("share", [1.0, 0.5])
def test_a_resumed_run_ends_with_the_same_bits(cartpole, tmp_path, share):
    shown = demonstrations(collect(cartpole, CategoricalPolicy(4, 2, (8,)), 6, 0))
    whole, stream = run(cartpole, shown, share)
    whole.fit(stream, 5)
    first, stream = run(cartpole, shown, share)
    first.fit(stream, 2).save(tmp_path)
    resumed, stream = run(cartpole, shown, share)
    assert resumed.resume(tmp_path)
    resumed.fit(stream, 5)
    for name, value in whole.game.state_dict().items():
        assert torch.equal(value, resumed.game.state_dict()[name]), name
    assert any(not torch.equal(value, first.game.state_dict()[name]) for name, value in whole.game.state_dict().items())


def test_moves_of_a_step_share_what_was_played(cartpole):
    policy = CategoricalPolicy(4, 2, (8,))
    stream = EpisodeStream(cartpole, policy, 4, 3, 1).place(torch.device("cpu"), 0, 1)
    first, second, third, fourth = (stream[draw] for draw in range(4))
    assert equal(first, second)
    assert equal(first, third)
    assert not equal(first, fourth)
    assert equal(stream[1], second)  # in any order
    halves = [EpisodeStream(cartpole, policy, 4, 3, 1).place(torch.device("cpu"), rank, 2)[0] for rank in (0, 1)]
    assert all(len(half.actions) == 2 for half in halves)
    assert not equal(*halves)


def test_single_steps_keep_what_came_after_and_where_it_ended():
    steps = torch.arange(9.0)
    observations = torch.stack([steps, steps + 100])[..., None]
    mask = torch.arange(8) < torch.tensor([[8], [5]])
    actions = torch.arange(16).reshape(2, 8)
    episodes = Episodes(observations, actions, mask.float(), mask.float(), mask, torch.tensor([False, True]))
    shown = demonstrations(episodes)
    assert shown.observations.shape == (13, 2, 1)
    assert (shown.observations[:, 1] - shown.observations[:, 0] == 1).all()
    assert shown.terminated.tolist() == [False] * 12 + [True]
    assert shown.actions[:, 0].tolist() == [*range(8), *range(8, 13)]
    some = demonstrations(episodes, 4, random_state=1)
    assert 3 <= len(some.mask) <= 4
    apart = some.observations[:, 0, 0].diff()
    assert {float(gap) for gap in apart if 0 < gap < 50} == {4.0}
    with pytest.raises(ValueError, match="every=0 must be at least 1"):
        demonstrations(episodes, 0)
    with pytest.raises(ValueError, match="leaves no step of 1 episodes"):
        demonstrations(Episodes(*(part[:1] for part in episodes)), 10_000, random_state=3)


def test_mistakes_are_named(cartpole, monkeypatch):
    policy = CategoricalPolicy(4, 2, (8,))
    with pytest.raises(ValueError, match="gymnasium knows no environment 'CartPoll-v1'"):
        GymnasiumEnvironment("CartPoll-v1")
    with pytest.raises(ValueError, match="FrozenLake-v1 has observations Discrete"):
        GymnasiumEnvironment("FrozenLake-v1")
    with pytest.raises(ValueError, match="length=0 must be an integer, 1 or more"):
        TokenEnvironment(3, 0)
    for wrong in ((0, 1), (1, 0)):
        with pytest.raises(ValueError, match="EpisodeStream needs episodes, moves and expert_batch"):
            EpisodeStream(cartpole, policy, *wrong)
    with pytest.raises(ValueError, match="share=0 must be in"):
        EpisodeStream(cartpole, policy, 2, 1, share=0)
    with pytest.raises(ValueError, match="cannot be shared evenly by 2 ranks"):
        EpisodeStream(cartpole, policy, 3, 1).place(torch.device("cpu"), 0, 2)
    shown = demonstrations(collect(cartpole, policy, 2, 0))
    with pytest.raises(ValueError, match="expert must have observations"):
        EpisodeStream(cartpole, policy, 2, 1, expert=shown._replace(observations=shown.observations[..., :3]))
    with pytest.raises(ValueError, match="actions=1 leaves nothing to choose"):
        CategoricalPolicy(4, 1)
    with pytest.raises(ValueError, match="GaussianPolicy needs actions >= 1"):
        GaussianPolicy(4, 0)
    with pytest.raises(ValueError, match="The model has 2 classes"):
        SequencePolicy(LSTMGenerator(5, 6, 4, 6, classes=2))

    def absent(name):
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", absent)
    with pytest.raises(ImportError, match=r'pip install "gan_ext\[reinforcement\]"'):
        GymnasiumEnvironment("CartPole-v1")


class Walk(Environment):
    """A line; `spoil` breaks what a reset or a step returns."""

    def __init__(self, spoil=lambda what, value: value, horizon=4):
        super().__init__((1,), 2, (), horizon)
        self.spoil = spoil

    def reset(self, n, seed):
        self.place = torch.zeros(n, 1)
        return self.spoil("reset", self.place)

    def step(self, actions):
        self.place = self.place + 1.0
        never = torch.zeros(len(actions), dtype=torch.bool)
        return self.spoil("step", Transition(self.place, self.place[:, 0], never, never))


SPOILT = {
    "reset's observations are ndarray": ("reset", lambda seen: seen.numpy()),
    "reset's observations are torch.float64": ("reset", lambda seen: seen.double()),
    r"reset's observations are torch.float32 \(2, 1\)": ("reset", lambda seen: seen[1:]),
    "Walk.step gave tuple; return Transition": ("step", tuple),
    r"step's rewards are torch.float32 \(3, 1\)": ("step", lambda came: came._replace(rewards=came.rewards[:, None])),
    "step's terminated is torch.int64; make it bool": ("step", lambda came: came._replace(terminated=came[2].long())),
}


@pytest.mark.parametrize("message", SPOILT)
def test_environments_that_break_their_word_are_named(message):
    where, spoil = SPOILT[message]
    collect(Walk(), CategoricalPolicy(1, 2, (8,)), 3, 0)
    with pytest.raises(ValueError, match=message):
        collect(Walk(lambda what, value: spoil(value) if what == where else value), CategoricalPolicy(1, 2, (8,)), 3, 0)


@pytest.mark.parametrize("play", [lambda *given: collect(*given, 2, 0), lambda *given: EpisodeStream(*given, 2, 1)])
def test_policies_that_do_not_fit_are_named(cartpole, play):
    import gymnasium

    for inputs, actions in ((3, 2), (4, 3)):
        with pytest.raises(ValueError, match=f"policy has inputs={inputs} and actions={actions}, but the environment"):
            play(cartpole, CategoricalPolicy(inputs, actions, (8,)))
    with pytest.raises(ValueError, match="environment need a CategoricalPolicy"):
        play(cartpole, GaussianPolicy(4, 2, (8,)))
    with pytest.raises(ValueError, match="policy is Sequential, not a Policy"):
        play(cartpole, plain_value(4))
    with pytest.raises(ValueError, match=r'not an Environment; give GymnasiumEnvironment\("CartPole-v1"\)'):
        play(gymnasium.make("CartPole-v1"), CategoricalPolicy(4, 2, (8,)))
    with pytest.raises(ValueError, match="n=0 must be an integer, at least 1"):
        collect(cartpole, CategoricalPolicy(4, 2, (8,)), 0, 0)


def test_tokens_beyond_the_environment_are_named():
    model = LSTMGenerator(9, 4, 4, 6)
    with pytest.raises(ValueError, match="but the environment has actions=2, from 0"):
        collect(TokenEnvironment(2, 4), SequencePolicy(model), 50, 0)


def test_streams_that_do_not_fit_the_game_are_named(cartpole):
    policy, other = CategoricalPolicy(4, 2, (8,)), CategoricalPolicy(4, 2, (8,))
    game = PPO(policy, plain_value(4, (8,)))
    EpisodeStream(cartpole, policy, 2, 2, game=game)
    with pytest.raises(ValueError, match="policy is not the game's"):
        EpisodeStream(cartpole, other, 2, 2, game=game)
    engine = Engine(game, dict.fromkeys(game.players(), adam()))
    with pytest.raises(
        ValueError, match=r"moves=3 is not what the engine has: the policy moved before move 2 of step 0"
    ):
        engine.fit(EpisodeStream(cartpole, policy, 2, 3), 2)
    episodes = collect(cartpole, policy, 2, 0)
    with pytest.raises(ValueError, match="expert is Episodes, not Demonstrations"):
        EpisodeStream(cartpole, policy, 2, 2, expert=episodes)
    view = StateAction(episodes.observations, 2)
    imitation = GAIL(policy, plain_value(4, (8,)), plain_discriminator((6,), (8,)), view)
    with pytest.raises(ValueError, match="expert=None, but GAIL imitates one"):
        EpisodeStream(cartpole, policy, 2, 3, game=imitation)


def test_a_reward_that_is_nan_stops_the_run():
    policy = CategoricalPolicy(1, 2, (8,))
    nan = Walk(lambda what, value: value._replace(rewards=value.rewards * math.nan) if what == "step" else value)
    game = PPO(policy, plain_value(1, (8,)))
    with pytest.raises(NonFiniteLossError):
        Engine(game, dict.fromkeys(game.players(), adam())).fit(EpisodeStream(nan, policy, 4, 2), 2)


@pytest.mark.slow
def test_ppo_and_gail_reach_what_an_expert_earns():
    """Half a minute each: the environment's own reward, then only what the expert showed."""
    environment = GymnasiumEnvironment("CartPole-v1", horizon=100)
    torch.default_generator.manual_seed(0)
    expert = CategoricalPolicy(4, 2)
    game, moves = PPO(expert, plain_value(4)), (("policy", "value"),) * 10
    rates = {"policy": adam(1e-3, (0.9, 0.999)), "value": adam(3e-3, (0.9, 0.999))}
    Engine(game, rates, moves).fit(EpisodeStream(environment, expert, 16, 10, trim=True), 25)
    earned = float(episode_returns(environment, expert, 100).mean())
    assert earned > 90
    shown = demonstrations(collect(environment, expert, 10, 1), every=5)
    policy = CategoricalPolicy(4, 2)
    view = StateAction(shown.observations, 2)
    judge = plain_discriminator((7,), (64, 64))
    imitation = GAIL(policy, plain_value(4), judge, view, penalties=[R1(0.5)], absorbing=True)
    turns = ("discriminator",) * 4 + moves
    stream = EpisodeStream(environment, policy, 16, len(turns), 0, shown, 512, trim=True)
    Engine(imitation, {"discriminator": adam(1e-3), **rates}, turns).fit(stream, 30)
    assert float(episode_returns(environment, policy, 100).mean()) > 0.95 * earned


def test_a_clone_of_a_fixed_rule_is_the_rule(cartpole):
    class Rule(CategoricalPolicy):
        def act(self, observation, uniform, memory):
            return (observation[:, 2] + observation[:, 3] > 0).long(), memory

    played = collect(cartpole, Rule(4, 2, (8,)), 20, 0)
    clone = CategoricalPolicy(4, 2, (16,))
    shown = demonstrations(played)
    Engine(BehavioralCloning(clone), {"policy": adam(1e-2)}).fit(ArrayStream(shown, 256), 300)
    with warnings.catch_warnings():
        assert float(episode_returns(cartpole, clone, 20, 5).mean()) == 40 == float(played.rewards.sum(1).mean())

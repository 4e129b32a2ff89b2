"""What all estimators have in common: errors, labels, ends, players of an engine, and the pieces they are made of."""

import math
import warnings
from typing import NamedTuple

import pytest
import torch
from torch import nn

from gan_ext import Engine
from gan_ext.engine import adam, linear
from gan_ext.game import Game, Player
from gan_ext.gradients import (
    REBAR,
    REINFORCE,
    RELAX,
    ActorCritic,
    AdvantageWarning,
    AdvantageWatch,
    ClippedSurrogate,
    Enumeration,
    GumbelSoftmax,
    LeaveOneOut,
    MaliGANWeights,
    SelfCritical,
    StraightThrough,
    StraightThroughGumbel,
    Taylor,
    all_sequences,
    conditional_gumbel,
    generalized_advantage,
    greedy,
    leave_one_out,
    policy_gradient,
    relaxed_sample,
)
from gan_ext.gradients.prefixes import PrefixEncoder
from gan_ext.nets import LSTMGenerator
from gan_ext.sequences import SequenceModel, real_positions, sample
from gan_ext.testing import ConstantStream, check_game

V, T, END = 5, 6, 1
MAKERS = {
    "REINFORCE": lambda model, classes: REINFORCE(),
    "REINFORCE without baseline": lambda model, classes: REINFORCE(None),
    "LeaveOneOut": lambda model, classes: LeaveOneOut(),
    "SelfCritical": lambda model, classes: SelfCritical(),
    "MaliGANWeights": lambda model, classes: MaliGANWeights(),
    "ActorCritic": lambda model, classes: ActorCritic(V, 4, 8, classes),
    "ClippedSurrogate": lambda model, classes: ClippedSurrogate(model, refresh=2, entropy=0.01, reference=model),
    "GumbelSoftmax": lambda model, classes: GumbelSoftmax(),
    "GumbelSoftmax, tokens fed": lambda model, classes: GumbelSoftmax(feed="token"),
    "StraightThrough": lambda model, classes: StraightThrough(),
    "StraightThroughGumbel": lambda model, classes: StraightThroughGumbel(),
    "Taylor": lambda model, classes: Taylor(),
    "REBAR": lambda model, classes: REBAR(),
    "RELAX": lambda model, classes: RELAX(V, 4, 8, classes),
}


def generator(classes=0, init=0.7):
    torch.manual_seed(2)
    return LSTMGenerator(V, T, 4, 6, init=init, start=2, end=END, classes=classes)


def third_tokens(x):
    """Earn a quarter for each token 3."""
    return (x[:, :, 3] if x.is_floating_point() else (x == 3).float()).sum(1) / 4


class Batch(NamedTuple):
    labels: torch.Tensor


class Rewarded(Game):
    """A model that maximizes a fixed reward."""

    def __init__(self, make, classes=0, reward=third_tokens):
        super().__init__()
        self.model = generator(classes)
        self.estimator = make(self.model, classes)
        self.classes, self.reward = classes, reward

    def players(self):
        return {"generator": Player((self.model, self.estimator), self.loss)}

    def loss(self, batch):
        return self.estimator(self.model, self.reward, len(batch.labels), batch.labels if self.classes else None)


def engine_for(make, reward=third_tokens, **options):
    return Engine(Rewarded(make, reward=reward), {"generator": adam(0.02)}, **options)


STREAM = ConstantStream(Batch(torch.arange(32) % 2))


@pytest.mark.parametrize("classes", [0, 2])
@pytest.mark.parametrize("name", MAKERS)
def test_every_estimator_makes_a_sound_player(name, classes):
    """Finite, repeatable, reaches its parameters, logs detached scalars, resumes with the same bits."""
    check_game(lambda: Rewarded(MAKERS[name], classes), Batch(torch.arange(8) % 2))


@pytest.mark.parametrize("name", MAKERS)
def test_every_estimator_raises_the_reward(name):
    engine = engine_for(MAKERS[name])

    def earned():
        return third_tokens(sample(engine.game.model, 2000)).mean().item()

    before = earned()
    engine.fit(STREAM, 40)
    assert earned() > before + 0.1


@pytest.mark.parametrize("name", MAKERS)
def test_terms_and_flags_keep_their_promise(name):
    model = generator()
    estimator = MAKERS[name](model, 0)
    seen = []

    def reward(x):
        seen.append(x.is_floating_point())
        return third_tokens(x)

    _, terms = estimator(model, reward, 16)
    assert any(seen) == estimator.relaxed
    assert "reward" in terms
    path_wise = isinstance(estimator, (GumbelSoftmax, StraightThrough, StraightThroughGumbel))
    assert ("advantage" in terms) == ("advantage_spread" in terms) == (not path_wise)
    assert all(value.dim() == 0 and not value.requires_grad for value in terms.values())


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("wrong", [lambda x: x[:, :2, ...].float(), lambda x: x.sum(), lambda x: 0.5])
def test_a_reward_of_the_wrong_shape_is_refused(name, wrong):
    model = generator()
    with pytest.raises(ValueError, match=r"got (shape|float)"):
        MAKERS[name](model, 0)(model, wrong, 8)


@pytest.mark.parametrize("make", [GumbelSoftmax, StraightThrough, StraightThroughGumbel, Taylor, REBAR])
def test_a_black_box_is_refused_where_a_derivative_is_needed(make):
    model = generator()
    with pytest.raises(ValueError, match=rf"{make.__name__} needs a reward with a gradient in the rows.*LeaveOneOut"):
        make()(model, lambda x: third_tokens(x.detach()), 8)


def test_settings_out_of_range_are_refused():
    cases = {
        r"baseline='mean' must be \"moving\" or None.*LeaveOneOut": lambda: REINFORCE("mean"),
        r"decay=1 must be in \[0, 1\)": lambda: REINFORCE(decay=1),
        "n=1 leaves nothing": lambda: LeaveOneOut()(generator(), third_tokens, 1),
        "gamma and lam in .* got 2, 0.5 and 1.0": lambda: ActorCritic(3, gamma=2, lam=0.5),
        "ClippedSurrogate needs clip > 0, refresh >= 1": lambda: ClippedSurrogate(generator(), refresh=0),
        "temperature=0 must be a positive": lambda: GumbelSoftmax(0),
        "temperature=-1 must be a positive number": lambda: REBAR(-1),
        "decay=2 must be in": lambda: REBAR(decay=2),
        'feed=\'rows\' must be "row" or "token"': lambda: StraightThrough(feed="rows"),
        "feed='x' must be": lambda: relaxed_sample(generator(), 2, feed="x"),
        "bandwidth=0 must be": lambda: Taylor(0),
        "weight=-1 must be >= 0": lambda: RELAX(3, weight=-1),
        "PrefixEncoder needs vocabulary, embedding and hidden >= 1, got 3, 0 and 4": lambda: PrefixEncoder(3, 0, 4),
        "tolerance > 0 and every >= 1, got 0 and 1": lambda: AdvantageWatch(0, 1),
        "at most 1000000 can be enumerated": lambda: all_sequences(LSTMGenerator(5000, 20)),
        "Enumeration knows no classes": lambda: Enumeration()(generator(2), third_tokens, 4, torch.zeros(4).long()),
    }
    for sentence, wrong in cases.items():
        with pytest.raises(ValueError, match=sentence):
            wrong()


def test_schedules_reach_every_number_that_is_annealed():
    for name, buffer in {
        "GumbelSoftmax": "temperature", "REBAR": "temperature", "Taylor": "bandwidth", "MaliGANWeights": "baseline",
        "ClippedSurrogate": "clip", "ActorCritic": "weight", "RELAX": "eta",
    }.items():  # fmt: skip
        engine = engine_for(MAKERS[name], schedules={f"estimator.{buffer}": linear(0.9, 0.5, 2)})
        engine.fit(STREAM, 3)
        assert getattr(engine.game.estimator, buffer).item() == 0.5


@pytest.mark.parametrize("make", [lambda **o: ActorCritic(V, 4, 8, **o), lambda **o: RELAX(V, 4, 8, **o)])
def test_what_learns_beside_the_model_gives_it_no_gradient(make):
    """The scalar has two parts, and each set of parameters feels its own."""
    model = generator()
    torch.manual_seed(0)
    estimator = make()
    found = {}
    for weight in (0.0, 1.0):
        estimator.weight.fill_(weight)
        torch.manual_seed(1)
        loss, _ = estimator(model, third_tokens, 16)
        parameters = [*model.parameters(), *estimator.parameters()]
        gradients = torch.autograd.grad(loss, parameters, materialize_grads=True)
        found[weight] = gradients[: len(list(model.parameters()))], gradients[len(list(model.parameters())) :]
    for silent, loud in zip(found[0.0][0], found[1.0][0], strict=True):
        assert torch.equal(silent, loud)
    assert not any(gradient.any() for gradient in found[0.0][1])
    assert any(gradient.any() for gradient in found[1.0][1])


def test_rewards_are_centered_from_the_first_call():
    """A reward that says nothing moves nothing, but without a baseline it does."""
    model = generator()
    constant = lambda x: torch.full((len(x),), 0.7) + 0 * third_tokens(x)  # noqa: E731
    for name, make in MAKERS.items():
        estimator = make(model, 0)
        if isinstance(estimator, ClippedSurrogate):  # its bonuses move it
            continue
        loss, _ = estimator(model, constant, 16)
        gradients = torch.autograd.grad(loss, list(model.parameters()), materialize_grads=True)
        moved = max(gradient.abs().max().item() for gradient in gradients)
        assert moved > 1e-2 if name == "REINFORCE without baseline" else moved < 1e-5, name


def test_the_moving_average_is_that_of_past_rewards():
    model, estimator = generator(), REINFORCE(decay=0.5)
    means = []
    for level in (1.0, 2.0, 4.0):
        _, terms = estimator(model, lambda x, level=level: torch.full((len(x),), level), 8)
        means.append(terms["advantage"].item())
    # at first left out of its own mean; then 2 - 1; then 4 - (2 * 2 + 1) / 3
    assert means == pytest.approx([0.0, 1.0, 4 - 5 / 3])


def test_leave_one_out_by_hand():
    values = torch.tensor([[1.0, 2.0, 9.0], [3.0, 4.0, 9.0], [5.0, 9.0, 9.0]])
    mask = torch.tensor([[True, True, False], [True, True, False], [True, False, False]])
    every = torch.ones_like(mask)
    torch.testing.assert_close(leave_one_out(values[:, 0], mask), torch.tensor([[4.0], [3.0], [2.0]]))
    torch.testing.assert_close(leave_one_out(values, every)[:, 1], torch.tensor([6.5, 5.5, 3.0]))
    found = leave_one_out(values, mask)
    torch.testing.assert_close(found[:, 0], torch.tensor([4.0, 3.0, 2.0]))
    torch.testing.assert_close(found[:, 1], torch.tensor([4.0, 2.0, 3.0]))
    torch.testing.assert_close(found[0, 2], torch.tensor((3 + 4 + 5) / 3))  # nobody is there: all the others' tokens
    assert leave_one_out(values[:1, 0], mask[:1]).item() == 0


def test_policy_gradient_by_hand():
    log_prob = torch.randn(2, 3, requires_grad=True)
    advantage = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], requires_grad=True)
    mask = torch.tensor([[True, True, False], [True, True, True]])
    policy_gradient(log_prob, advantage, mask).backward()
    assert torch.equal(log_prob.grad, -torch.tensor([[1.0, 2.0, 0.0], [4.0, 5.0, 6.0]]) / 2)
    assert advantage.grad is None


@pytest.mark.parametrize(("gamma", "lam"), [(1.0, 1.0), (1.0, 0.0), (0.0, 1.0), (0.9, 0.8)])
def test_generalized_advantages_are_those_of_the_loop(gamma, lam):
    rewards, values = torch.randn(4, 5), torch.randn(4, 5)
    lengths = torch.tensor([5, 3, 1, 4])
    mask = torch.arange(5) < lengths[:, None]
    found = generalized_advantage(rewards, values, mask, gamma, lam)
    for row, length in enumerate(lengths.tolist()):
        later = 0.0
        for t in reversed(range(length)):
            following = values[row, t + 1] if t + 1 < length else 0.0
            later = rewards[row, t] + gamma * following - values[row, t] + gamma * lam * later
            torch.testing.assert_close(found[row, t], later)
        assert not found[row, length:].any()
    if gamma == lam == 1:
        togo = (rewards * mask).flip(1).cumsum(1).flip(1) - values
        torch.testing.assert_close(found, togo * mask)


def test_conditional_draws_have_the_law_of_unconditional_ones():
    log_probs = torch.tensor([0.1, 0.2, 0.7, 0.0]).clamp_min(1e-30).log()
    n = 200_000
    tokens = torch.multinomial(log_probs.exp(), n, replacement=True)
    z = conditional_gumbel(log_probs.expand(n, 4), tokens)
    assert torch.equal(z.argmax(1), tokens)
    assert z.isfinite().all()
    euler, variance = 0.5772156649, math.pi**2 / 6
    torch.testing.assert_close((z - log_probs)[:, :3].mean(0), torch.full((3,), euler), atol=0.02, rtol=0)
    torch.testing.assert_close(z[:, :3].var(0), torch.full((3,), variance), atol=0.04, rtol=0)
    assert torch.corrcoef(z[:, :3].T).fill_diagonal_(0).abs().max() < 0.02  # noise of tokens is independent


@pytest.mark.parametrize("feed", ["row", "token"])
@pytest.mark.parametrize("hard", [False, True])
@pytest.mark.parametrize("gumbel", [False, True])
def test_relaxed_rows_are_sequences(feed, hard, gumbel):
    model = generator()
    rows = relaxed_sample(model, 500, 0.5, hard, feed=feed, gumbel=gumbel)
    assert rows.shape == (500, T, V)
    torch.testing.assert_close(rows.sum(-1), torch.ones(500, T))
    assert (rows > -1e-6).all()
    if hard:
        tokens = rows.argmax(-1)
        torch.testing.assert_close(rows, nn.functional.one_hot(tokens, V).float())
        pads = ~real_positions(tokens, END)
        assert torch.equal(tokens == model.pad, pads)
        assert pads.any()
    assert torch.autograd.grad(rows[..., 3].sum(), model.output.weight)[0].any()


def test_hard_rows_have_the_distribution_of_the_model():
    model = generator()
    with torch.no_grad():
        tokens = torch.cat(
            [relaxed_sample(model, 20_000, 0.3, True, feed=feed).argmax(-1) for feed in ("row", "token")]
        )
        drawn = sample(model, 40_000)
    for position in range(T):
        ours, theirs = (torch.bincount(x[:, position], minlength=V) / 40_000 for x in (tokens, drawn))
        assert (ours - theirs).abs().max() < 4 * math.sqrt(2 * 0.25 / 40_000)


class Echo(SequenceModel):
    """Two tosses: the first with a logit that is a parameter, the second with twice the first token."""

    def __init__(self):
        super().__init__(2, 2)
        self.logit = nn.Parameter(torch.tensor(0.3))

    def initial(self, n, labels=None):
        return (torch.ones(n),)

    def step(self, token, state):
        first = token[:, 1] if token.is_floating_point() else token.float()
        return torch.stack([torch.zeros(len(token)), state[0] * self.logit + (1 - state[0]) * 2 * first], 1), (
            torch.zeros_like(state[0]),
        )


@pytest.mark.parametrize("hard", [False, True])
def test_the_path_by_way_of_later_tokens_is_there_only_if_rows_are_fed(hard):
    for feed, reached in {"row": True, "token": False}.items():
        model = Echo()
        rows = relaxed_sample(model, 64, 1.0, hard, feed=feed)
        assert torch.autograd.grad(rows[:, 0, 1].sum(), model.logit, retain_graph=True)[0] > 0
        (later,) = torch.autograd.grad(rows[:, 1, 1].sum(), model.logit, materialize_grads=True)
        assert bool(later > 0) == reached


def test_a_cold_relaxation_is_hard():
    torch.manual_seed(0)
    rows = relaxed_sample(generator(), 200, 1e-4)
    assert (rows.amax(-1) > 0.999).float().mean() > 0.99


def test_greedy_takes_the_likeliest():
    model = generator()
    tokens = greedy(model, 3)
    assert torch.equal(tokens[0], tokens[2])
    logits = model(tokens)
    real = real_positions(tokens, END)
    assert torch.equal(logits.argmax(-1)[real], tokens[real])
    assert not tokens[~real].any()


def test_ppo_starts_as_leave_one_out_and_then_stays_near():
    model = generator()
    ppo, left = ClippedSurrogate(model, refresh=3), LeaveOneOut()
    parameters = list(model.parameters())

    def gradient(estimator):
        torch.manual_seed(4)
        return torch.autograd.grad(estimator(model, third_tokens, 32)[0], parameters)

    for ours, theirs in zip(gradient(ppo), gradient(left), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)
    start = model.output.bias.detach().clone()
    with torch.no_grad():
        model.output.bias[3] += 3.0  # far: every ratio leaves the interval
    torch.manual_seed(4)
    _, terms = ppo(model, third_tokens, 32)
    assert terms["clipped"] > 0.5
    torch.testing.assert_close(ppo.old.output.bias, start)
    ppo(model, third_tokens, 32)
    torch.testing.assert_close(ppo.old.output.bias, start)
    _, terms = ppo(model, third_tokens, 32)  # the fourth call takes a new copy
    torch.testing.assert_close(ppo.old.output.bias, model.output.bias)
    assert terms["clipped"] == 0
    assert not any(parameter.requires_grad for parameter in ppo.parameters())


def test_ppo_gives_no_gradient_beyond_the_interval():
    model = generator()
    ppo = ClippedSurrogate(model, clip=0.1, refresh=100)
    ppo(model, third_tokens, 4)
    with torch.no_grad():
        model.output.bias[3] += 5.0
    # Only token 3 earns, and its ratio is above 1.1 already; others have ratios below .9 and bad advantages.
    loss, _ = ppo(model, lambda x: 100.0 * (x == 3), 64)
    gradients = torch.autograd.grad(loss, list(model.parameters()))
    reference = torch.autograd.grad(LeaveOneOut()(model, lambda x: 100.0 * (x == 3), 64)[0], list(model.parameters()))
    assert sum(g.square().sum() for g in gradients) < 0.05 * sum(g.square().sum() for g in reference)


def watched(make, reward):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        engine_for(make, reward).fit(STREAM, 6, callbacks=[AdvantageWatch(every=2)])
    return [entry for entry in caught if issubclass(entry.category, AdvantageWarning)]


CONSTANT = {
    "sequences": lambda x: torch.full((len(x),), 0.1),
    "tokens": lambda x: torch.full(x.shape, 0.1),
    "negative": lambda x: torch.full((len(x),), -0.1),
    "noise": lambda x: torch.rand(len(x)),
}


@pytest.mark.parametrize("reward", CONSTANT)
def test_a_placebo_that_is_not_centered_gives_a_warning(reward):
    (warning,) = watched(MAKERS["REINFORCE without baseline"], CONSTANT[reward])
    assert "Step 2: the mean advantage of player 'generator' is" in str(warning.message)
    assert "LeaveOneOut" in str(warning.message)


@pytest.mark.parametrize("reward", CONSTANT)
@pytest.mark.parametrize(
    "name", ["REINFORCE", "LeaveOneOut", "ActorCritic", "ClippedSurrogate", "Taylor", "RELAX", "REBAR"]
)
def test_centered_rewards_give_none(name, reward):
    if name in ("Taylor", "REBAR"):
        reward = "sequences"
        make = CONSTANT[reward]
        assert not watched(MAKERS[name], lambda x: make(x) + 0 * third_tokens(x))
    else:
        assert not watched(MAKERS[name], CONSTANT[reward])

"""Games of sequences: their losses are the equations they state, and on a tiny language they learn what is true."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gan_ext import Compute, Engine, Game
from gan_ext.data import ArrayStream
from gan_ext.engine import adam, linear
from gan_ext.games import (
    CoT,
    LeakGAN,
    MaliGAN,
    RankGAN,
    RelGAN,
    ScratchGAN,
    SeqGAN,
    SequenceLikelihood,
    directions,
    discounted_returns,
    intrinsic_rewards,
    log_rank,
    rank_rewards,
    sequence_nll_loss,
)
from gan_ext.gradients import (
    REINFORCE,
    ActorCritic,
    ClippedSurrogate,
    GradientEstimator,
    GumbelSoftmax,
    LeaveOneOut,
    MaliGANWeights,
    SelfCritical,
    all_sequences,
    relaxed_sample,
)
from gan_ext.losses import discriminator_non_saturating, discriminator_relativistic, generator_relativistic
from gan_ext.nets import (
    CNNDiscriminator,
    LeakyGenerator,
    LSTMGenerator,
    MultiRepresentationDiscriminator,
    RecurrentDiscriminator,
)
from gan_ext.sequences import LabeledTokens, SequenceModel, TokenBatch, real_positions, sample
from gan_ext.testing import ConstantStream, check_game

V, T, B, K = 6, 5, 8, 3
SPECIALS = {"start": 2, "end": 3, "pad": 0, "start_is_a_token": False}
KINDS: dict[str, dict[str, Any]] = {
    "plain": {},
    "end": SPECIALS,
    "classes": {"classes": K},
    "both": {**SPECIALS, "classes": K},
}


def at(seed: int, function: Callable[..., Any], *arguments: Any) -> Any:
    torch.default_generator.manual_seed(seed)
    return function(*arguments)


def lstm(**kind) -> LSTMGenerator:
    return LSTMGenerator(V, T, 4, 6, dropout=0.2, init=0.5, **kind)


def cnn(classes=0, **_) -> CNNDiscriminator:
    return telling(CNNDiscriminator(V, (1, 2), (3, 3), embedding=3, classes=classes))


def telling(judge: Any) -> Any:
    """Let a discriminator tell classes apart, which at first are all alike."""
    if judge.label is not None:
        nn.init.normal_(judge.label.weight)
    return judge


def batch_of(kind: dict[str, Any], n: int = B) -> TokenBatch | LabeledTokens:
    tokens = sample(lstm(**{name: value for name, value in kind.items() if name != "classes"}), n)
    return LabeledTokens(tokens, torch.arange(n) % K) if "classes" in kind else TokenBatch(tokens)


class Ranker(nn.Module):
    """Features and nothing else, which all parameters belong to."""

    def __init__(self, vocabulary: int = V, length: int = T) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, 3)
        self.net = nn.Sequential(nn.Linear(3 * length, 16), nn.Tanh(), nn.Linear(16, 4))

    def features(self, tokens: Tensor) -> Tensor:
        return self.net(self.embedding(tokens).flatten(1))


def recurrent(classes=0, end=None, **_) -> RecurrentDiscriminator:
    return telling(RecurrentDiscriminator(V, 3, 4, 2, per_step=True, end=end, classes=classes))


def many(classes=0, **_) -> MultiRepresentationDiscriminator:
    return telling(MultiRepresentationDiscriminator(V, 2, (1, 2), (3, 3), embedding=4, hidden=4, classes=classes))


def leakgan(**kind) -> LeakGAN:
    judge = cnn()
    return LeakGAN(LeakyGenerator(V, T, judge.features, 6, 3, 4, 3, 2, **kind), judge, rollouts=1)


def critic(classes=0, **_) -> ActorCritic:
    return ActorCritic(V, 3, 4, classes)


def proximal(**kind) -> SeqGAN:
    model = lstm(**kind)
    return SeqGAN(model, cnn(**kind), ClippedSurrogate(model, refresh=2, reference=model), rollouts=1)


MAKES: dict[str, Callable[..., Game]] = {
    "likelihood": lambda **kind: SequenceLikelihood(lstm(**kind)),
    "SeqGAN": lambda **kind: SeqGAN(lstm(**kind), cnn(**kind), rollouts=2, likelihood=0.5),
    "SeqGAN of sentences": lambda **kind: SeqGAN(lstm(**kind), cnn(**kind), REINFORCE(), rollouts=0),
    "SeqGAN with a critic": lambda **kind: SeqGAN(lstm(**kind), cnn(**kind), critic(**kind), rollouts=2),
    "SeqGAN with a copy": proximal,
    "SeqGAN, self-critical": lambda **kind: SeqGAN(lstm(**kind), cnn(**kind), SelfCritical(), rollouts=1),
    "SeqGAN of rows": lambda **kind: SeqGAN(lstm(**kind), cnn(**kind), GumbelSoftmax(0.5), rollouts=0),
    "MaliGAN": lambda **kind: MaliGAN(lstm(**kind), cnn(**kind), likelihood=0.5),
    "RankGAN": lambda **kind: RankGAN(lstm(**kind), Ranker(), rollouts=2),
    "RelGAN": lambda **kind: RelGAN(lstm(**kind), many(**kind), beta=2.0),
    "ScratchGAN": lambda **kind: ScratchGAN(lstm(**kind), recurrent(**kind)),
    "CoT": lambda **kind: CoT(lstm(**kind), lstm(**kind), likelihood=0.5),
}
CASES = [(name, kind) for name in MAKES for kind in ("plain", "both")]


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_every_game_is_sound(name: str, kind: str) -> None:
    check_game(lambda: MAKES[name](**KINDS[kind]), batch_of(KINDS[kind]))


@pytest.mark.parametrize("kind", ["plain", "end"])
def test_leakgan_is_sound(kind: str) -> None:
    check_game(lambda: leakgan(**KINDS[kind]), batch_of(KINDS[kind], 4))


# --- maximum likelihood -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_likelihood_is_the_mean_over_real_tokens(kind: str) -> None:
    model, batch = lstm(**KINDS[kind]).eval(), batch_of(KINDS[kind])
    labels = getattr(batch, "labels", None)
    real = real_positions(batch.tokens, model.end)
    wanted = -model.log_prob(batch.tokens, labels).sum() / real.sum()
    loss, terms = SequenceLikelihood(model).loss(batch)
    torch.testing.assert_close(loss, wanted)
    torch.testing.assert_close(terms, {"nll": wanted.detach()})


# --- SeqGAN -----------------------------------------------------------------------------------------------------------


class Known(nn.Module):
    """A discriminator of a tiny language whose logits are written down."""

    def __init__(self, table: Tensor) -> None:
        super().__init__()
        self.table = nn.Parameter(table)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.table[tuple(tokens.unbind(-1))]

    def grouped(self, tokens: Tensor, shared: int) -> Tensor:
        return self(tokens)


def language(seed: int = 3) -> tuple[LSTMGenerator, Tensor]:
    """Return a generator of 81 sequences, and a number for each of them."""
    torch.default_generator.manual_seed(seed)
    return LSTMGenerator(3, 4, 4, 4, init=0.7), torch.rand(3, 3, 3, 3) ** 3 * 2


def flat(gradients: tuple[Tensor, ...]) -> Tensor:
    return torch.cat([gradient.flatten() for gradient in gradients])


def gradient(game: SeqGAN, batch: Any) -> Tensor:
    loss, _ = game.generator_loss(batch)
    return flat(torch.autograd.grad(loss, list(game.generator.parameters())))


@pytest.mark.parametrize("rollouts", [0, 2])
@pytest.mark.parametrize("estimator", [LeaveOneOut(), REINFORCE(None)], ids=lambda each: type(each).__name__)
def test_seqgans_gradient_is_that_of_the_expected_reward(rollouts: int, estimator: GradientEstimator) -> None:
    """On average, by sentences and by rollouts; the enumeration knows the truth.  Within four standard errors."""
    model, table = language()
    game = SeqGAN(model, Known(table), estimator, rollouts=rollouts, lag=0.0, reward=nn.Identity())
    tokens, _ = all_sequences(model)
    expected = (model.log_prob(tokens).sum(1).exp() * table.flatten()).sum()
    exact = flat(torch.autograd.grad(expected, list(model.parameters())))
    batch, calls = TokenBatch(torch.zeros(64, 4, dtype=torch.int64)), 150
    estimates = -torch.stack([gradient(game, batch) for _ in range(calls)])
    ways = torch.randn(len(exact), 5)
    ways[:, 0] = exact
    seen, truth = estimates @ ways, exact @ ways
    error = seen.std(0) / math.sqrt(calls)
    assert ((seen.mean(0) - truth).abs() < 4 * error).all()
    assert truth[0] > 10 * error[0]  # the test could tell a wrong sign, or half of it


@pytest.mark.parametrize("rollouts", [0, 2])
def test_a_reward_that_says_nothing_moves_nothing_unless_it_is_not_centered(rollouts: int) -> None:
    """The placebo: the published estimator follows a constant reward."""
    model, table = language()
    batch = TokenBatch(torch.zeros(32, 4, dtype=torch.int64))
    constant = Known(torch.full_like(table, 0.7))
    assert (gradient(SeqGAN(model, constant, rollouts=rollouts), batch) == 0).all()
    assert gradient(SeqGAN(model, constant, REINFORCE(None), rollouts=rollouts), batch).norm() > 0.01


@pytest.mark.parametrize("make", [lambda: MAKES["SeqGAN"](), lambda: leakgan()], ids=["SeqGAN", "LeakGAN"])
def test_the_lagged_policy_follows_by_the_published_rule(make: Callable[[], Any]) -> None:
    game, batch = make(), batch_of({})
    step = game.generator_loss if isinstance(game, SeqGAN) else game.worker_loss
    step(batch)
    begin = [parameter.clone() for parameter in game.policy.parameters()]
    assert all(torch.equal(*pair) for pair in zip(begin, game.generator.parameters(), strict=True))
    with torch.no_grad():
        for parameter in game.generator.parameters():
            parameter.add_(torch.randn_like(parameter))
    for _ in range(2):
        step(batch)
    now = zip(begin, game.generator.parameters(), game.policy.parameters(), strict=True)
    for old, new, lagged in now:
        torch.testing.assert_close(lagged, 0.8 * (0.8 * old + 0.2 * new) + 0.2 * new)
    assert not any(parameter.requires_grad for parameter in game.policy.parameters())


class Recorder(GradientEstimator):
    """Asks what tokens earn, and keeps question and answer."""

    unbiased = False
    relaxed = False

    def forward(self, model, reward, n, labels=None):
        self.modes = model.training, self.training
        self.tokens = sample(model, n, labels=labels)
        self.values = reward(self.tokens)
        return model.log_prob(self.tokens, labels).sum() * 0, {}


@pytest.mark.parametrize("kind", ["plain", "both"])
def test_rewards_are_the_discriminators_and_the_tasks(kind: str) -> None:
    model, judge, batch = lstm(**KINDS[kind]), cnn(**KINDS[kind]), batch_of(KINDS[kind])
    labels = getattr(batch, "labels", None)

    def task(tokens: Tensor) -> Tensor:
        return (tokens == 4).sum(-1).float()

    for rollouts in (0, 3):
        recorder = Recorder()
        game = SeqGAN(model, judge, recorder, rollouts=rollouts, task_reward=task, task_weight=0.3).train()
        game.generator_loss(batch)
        assert recorder.modes == (False, False)  # no dropout where gradients are estimated
        assert model.training
        assert recorder.training
        logits = judge.eval()(recorder.tokens) if labels is None else judge.eval()(recorder.tokens, labels)
        wanted = torch.sigmoid(logits) + 0.3 * task(recorder.tokens)
        last = recorder.values if rollouts == 0 else recorder.values[:, -1]
        torch.testing.assert_close(last, wanted.detach())
        assert recorder.values.shape == ((B, T) if rollouts else (B,))


def test_seqgans_discriminator_loss_is_its_equation() -> None:
    game, batch = MAKES["SeqGAN"](**KINDS["both"]).eval(), batch_of(KINDS["both"])
    fake = at(1, lambda: sample(game.generator, B, labels=batch.labels))
    loss, terms = at(1, game.discriminator_loss, batch)
    real, generated = (game.discriminator(x, batch.labels) for x in (batch.tokens, fake))
    torch.testing.assert_close(loss, discriminator_non_saturating(real, generated))
    assert terms["accuracy"] == ((real > 0).float().mean() + (generated < 0).float().mean()) / 2


def test_a_plain_discriminator_will_do_for_sentences() -> None:
    class Plain(nn.Module):
        def forward(self, x):
            return x.float().mean(1)

    game = SeqGAN(lstm(), Plain(), rollouts=0)
    assert game.generator_loss(batch_of({}))[0].isfinite()
    with pytest.raises(ValueError, match=r"Plain has no grouped\(tokens, shared\), by which rollouts are scored; set"):
        SeqGAN(lstm(), Plain())


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"rollouts": -1}, r"SeqGAN needs rollouts >= 0, .* got -1, 0.8, 0.0"),
        ({"lag": 1.0}, r"lag in \[0, 1\)"),
        ({"likelihood": -0.1}, "likelihood >= 0"),
        ({"estimator": GumbelSoftmax()}, "GumbelSoftmax relaxes tokens and needs no rollouts; set rollouts=0"),
        (
            {"estimator": GumbelSoftmax(), "rollouts": 0, "task_reward": len},
            "GumbelSoftmax relaxes tokens and cannot use task_reward, which has no gradient",
        ),
    ],
)
def test_seqgan_refuses_in_a_sentence(wrong: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        SeqGAN(lstm(), cnn(), **wrong)


# --- MaliGAN ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("baseline", [1.0, 0.3])
def test_maligans_gradient_is_its_equation(baseline: float) -> None:
    model, table = language()
    game = MaliGAN(model, Known(table), MaliGANWeights(baseline))
    parameters = list(model.parameters())
    found = at(5, lambda: flat(torch.autograd.grad(game.generator_loss(TokenBatch(torch.zeros(9, 4)))[0], parameters)))
    tokens = at(5, sample, model, 9)
    r = table[tuple(tokens.unbind(1))].exp()
    surrogate = -((r / r.sum() - baseline / 9) * model.log_prob(tokens).sum(1)).sum()
    torch.testing.assert_close(found, flat(torch.autograd.grad(surrogate, parameters)))


# --- RankGAN ----------------------------------------------------------------------------------------------------------


def test_the_rank_of_equals_is_their_share() -> None:
    same = torch.ones(5, 3)
    for others in (1, 2, 7):
        found = log_rank(same, torch.ones(others, 3) * 4, torch.ones(2, 3) * 9, gamma=2.0)
        torch.testing.assert_close(found, torch.full((5,), -math.log(others + 1)))
    anything = [torch.randn(n, 3) for n in (5, 7, 2)]
    torch.testing.assert_close(log_rank(*anything, gamma=1e-9), torch.full((5,), -math.log(8)))


def test_the_rank_is_its_equation() -> None:
    features, comparison, references = torch.randn(2, 3, 4), torch.randn(5, 4), torch.randn(6, 4)

    def cos(a: Tensor, b: Tensor) -> float:
        return float(a @ b / a.norm() / b.norm())

    found = log_rank(features, comparison, references, gamma=1.7)
    for i in range(2):
        for j in range(3):
            logs = []
            for u in references:
                own = math.exp(1.7 * cos(features[i, j], u))
                logs.append(math.log(own / (own + sum(math.exp(1.7 * cos(c, u)) for c in comparison))))
            assert found[i, j].item() == pytest.approx(sum(logs) / 6, rel=1e-5)
    torch.testing.assert_close(
        log_rank(3 * features, 2 * comparison, 5 * references, 1.7), found
    )  # lengths say nothing


def test_sharp_ranks_know_first_and_last_only() -> None:
    u, near, far = torch.tensor([[1.0, 0.0]]), torch.tensor([[1.0, 0.1]]), torch.tensor([[-1.0, 0.1]])
    assert log_rank(near, far, u, 1e4).item() == pytest.approx(0, abs=1e-6)
    assert log_rank(far, near, u, 1e4).item() < -1e3


@pytest.mark.parametrize("kind", ["plain", "both"])
def test_rankgans_losses_are_their_equations(kind: str) -> None:
    recorder, batch = Recorder(), batch_of(KINDS[kind])
    game = RankGAN(lstm(**KINDS[kind]), Ranker(), recorder, rollouts=0, gamma=2.0)
    fake = at(1, lambda: sample(game.generator, B, labels=getattr(batch, "labels", None)))
    loss, _ = at(1, game.discriminator_loss, batch)
    features = game.discriminator.features
    references, compared, generated = features(batch.tokens[: B // 2]), features(batch.tokens[B // 2 :]), features(fake)
    up, down = log_rank(compared, generated, references, 2.0), log_rank(generated, compared, references, 2.0)
    torch.testing.assert_close(loss, down.mean() - up.mean())
    game.generator_loss(batch)
    wanted = log_rank(features(recorder.tokens), compared, references, 2.0)
    torch.testing.assert_close(recorder.values, wanted.detach())


@pytest.mark.parametrize(
    ("arguments", "wrong", "sentence"),
    [
        ((lstm, Ranker, GumbelSoftmax), {"rollouts": 0}, "GumbelSoftmax relaxes tokens; RankGAN ranks drawn ones"),
        ((lstm, Ranker), {"gamma": 0.0}, "gamma=0.0 must be positive"),
        ((lstm, nn.Identity), {}, r"Identity has no features\(tokens\), by which RankGAN ranks"),
        ((lstm, Ranker), {"lag": -1.0}, "needs rollouts >= 0, lag in"),
    ],
)
def test_rankgan_refuses_in_a_sentence(arguments: tuple, wrong: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        RankGAN(*(make() for make in arguments), **wrong)


def test_rankgan_needs_two_sentences() -> None:
    game = RankGAN(lstm(), Ranker())
    for loss in (game.discriminator_loss, game.generator_loss):
        with pytest.raises(ValueError, match="RankGAN needs batches of at least 2 real sentences"):
            loss(batch_of({}, 1))


# --- LeakGAN ----------------------------------------------------------------------------------------------------------


def test_rank_rewards_by_hand() -> None:
    values = torch.tensor([[0.3, 5.0], [0.9, 5.0], [0.1, 5.0], [0.5, 7.0]])
    ranks = torch.tensor([[2.0, 2.0], [0.0, 2.0], [3.0, 2.0], [1.0, 0.0]])  # three equal ones share 1, 2 and 3
    torch.testing.assert_close(rank_rewards(values), torch.sigmoid(12 * (0.5 - ranks / 4)))
    torch.testing.assert_close(rank_rewards(values, 2.0), torch.sigmoid(2 * (0.5 - ranks / 4)))
    assert torch.equal(rank_rewards(values.exp()), rank_rewards(values))  # only the order counts
    constant = rank_rewards(torch.full((6, 2), 0.4))
    assert (constant == constant[0, 0]).all()


def test_directions_by_hand() -> None:
    """Features walk east, then north; goals all point east."""
    features = torch.tensor([[[0.0, 0.0], [1.0, 0.0], [2.0, 0.0], [2.0, 1.0], [2.0, 2.0]]])
    east = torch.tensor([1.0, 0.0]).expand(1, 4, 2)
    half = math.sqrt(0.5)
    torch.testing.assert_close(directions(features, east, 1), torch.tensor([[1.0, 1.0, 0.0, 0.0]]))
    torch.testing.assert_close(directions(features, east, 2), torch.tensor([[1.0, half, 0.0, 0.0]]))
    torch.testing.assert_close(directions(features, -east, 9), -torch.tensor([[half, math.sqrt(0.2), 0.0, 0.0]]))
    torch.testing.assert_close(intrinsic_rewards(features, east, 1), torch.tensor([[1.0, 1.0, 0.0, 0.0]]))
    torch.testing.assert_close(intrinsic_rewards(features, east, 2), torch.tensor([[0.5, 1.0, half / 2, 0.0]]))


def test_intrinsic_rewards_are_their_equation() -> None:
    features, goals, c = torch.randn(3, T + 1, 4), torch.randn(3, T, 4), 3
    found = intrinsic_rewards(features, goals, c)
    for b in range(3):
        for t in range(T):
            steps = [i for i in range(1, c + 1) if t + 1 - i >= 0]
            moved = [(features[b, t + 1] - features[b, t + 1 - i], goals[b, t + 1 - i]) for i in steps]
            wanted = sum(float(a @ g / a.norm() / g.norm()) for a, g in moved) / c
            assert found[b, t].item() == pytest.approx(wanted, rel=1e-4, abs=1e-6)
    short = [intrinsic_rewards(features[:, :3], goals[:, :2], c) for c in (9, 2)]
    torch.testing.assert_close(9 * short[0], 2 * short[1])


def reached(game: Game, loss: Tensor) -> set[str]:
    for parameter in game.parameters():
        parameter.grad = None
    loss.backward()
    names = {name for name, parameter in game.named_parameters() if parameter.grad is not None}
    return {".".join(name.split(".")[: 1 + name.startswith("generator")]) for name in names}


def test_gradients_of_leakgans_players_go_where_they_should() -> None:
    """The manager's loss knows nothing of the worker's weights; goals reach the worker's loss, and are frozen there."""
    game, batch = leakgan(**SPECIALS), batch_of(SPECIALS, 4)
    assert reached(game, game.discriminator_loss(batch)[0]) == {"discriminator"}
    assert reached(game, game.manager_loss(batch)[0]) == {"generator.manager"}
    assert reached(game, game.worker_loss(batch)[0]) == {"generator.manager", "generator.worker"}
    modules = {name: player.modules for name, player in game.players().items()}
    assert modules["manager"] == (game.generator.manager,)
    assert modules["worker"] == (game.generator.worker,)


@pytest.mark.parametrize("likelihood", [0.0, 0.7])
def test_leakgans_losses_are_their_equations(likelihood: float) -> None:
    judge = Even()
    generator = LeakyGenerator(V, T, judge.features, 3, 3, 4, 3, 2, **SPECIALS)
    game, batch = LeakGAN(generator, judge, rollouts=1, likelihood=likelihood), batch_of(SPECIALS, 4)
    tokens = at(1, sample, generator, 4)
    mask, real = (real_positions(x, 3).float() for x in (tokens, batch.tokens))
    rewards = at(2, lambda: rank_rewards(torch.full((4, T), 0.5)))  # the judge is of one mind about all

    def seen(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        trace = generator.trace(x)
        chosen = trace.logits.log_softmax(-1).gather(-1, x[..., None])[..., 0]
        return torch.cat([trace.features, judge.features(x)[:, None]], 1), trace.goals, chosen

    features, goals, chosen = seen(tokens)
    truly, aims, known = seen(batch.tokens)
    wanted = -(mask * rewards * directions(features, goals, 2)).sum() / mask.sum()
    wanted = wanted - likelihood * (real * directions(truly, aims, 2)).sum() / real.sum()
    torch.testing.assert_close(at(1, game.manager_loss, batch)[0], wanted)
    earned = intrinsic_rewards(features, goals, 2) + rewards
    centered = earned - (earned * mask).sum(0) / mask.sum(0).clamp_min(1)
    wanted = -(mask * centered.detach() * chosen).sum() / mask.sum() - likelihood * (real * known).sum() / real.sum()
    torch.testing.assert_close(at(1, game.worker_loss, batch)[0], wanted)


class Even(nn.Module):
    """Features by hand, and a verdict that is always the same."""

    def __init__(self) -> None:
        super().__init__()
        self.level = nn.Parameter(torch.zeros(()))

    def features(self, tokens: Tensor) -> Tensor:
        return torch.stack([(tokens == token).sum(-1).float() for token in (1, 4, 5)], -1)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.level.expand(len(tokens))

    def grouped(self, tokens: Tensor, shared: int) -> Tensor:
        return self.level.expand(tokens.shape[:2])


def test_leakgan_refuses_in_a_sentence() -> None:
    judge = cnn()
    generator = LeakyGenerator(V, T, judge.features, 6, 3, 4, 3)
    with pytest.raises(ValueError, match=r"LeakGAN needs rollouts >= 1, lag in \[0, 1\), likelihood >= 0, got 0, 0.8"):
        LeakGAN(generator, judge, rollouts=0)
    with pytest.raises(ValueError, match=r"LSTMGenerator has no trace; LeakGAN needs a gan_ext.nets.LeakyGenerator"):
        LeakGAN(lstm(), judge)
    with pytest.raises(ValueError, match="Identity has no features; LeakGAN needs"):
        LeakGAN(generator, nn.Identity())


# --- RelGAN -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["plain", "both"])
def test_relgans_losses_are_their_equations(kind: str) -> None:
    game, batch = MAKES["RelGAN"](**KINDS[kind]), batch_of(KINDS[kind])
    game.discriminator.eval()
    labels = getattr(batch, "labels", None)
    game.generator.eval()
    rows = at(1, lambda: relaxed_sample(game.generator, B, 0.5, labels=labels))
    real, fake = (game.discriminator(x, labels) for x in (batch.tokens, rows))
    game.generator.train()  # rows are drawn without dropout all the same
    torch.testing.assert_close(at(1, game.discriminator_loss, batch)[0], discriminator_relativistic(real, fake))
    torch.testing.assert_close(at(1, game.generator_loss, batch)[0], generator_relativistic(real, fake))


def test_each_representation_meets_the_class() -> None:
    """RelGAN's discriminator adds to every logit how well the features before it go with the class."""
    judge, x, labels = many(classes=K).eval(), torch.randint(V, (B, T)), torch.arange(B) % K
    with torch.no_grad():
        hidden = judge.compress(judge.features(x))
        wanted = judge.output(hidden)[..., 0] + (hidden * judge.label.weight[labels][:, None]).sum(-1)
        torch.testing.assert_close(judge(x, labels), wanted)
        torch.testing.assert_close(judge(nn.functional.one_hot(x, V).float(), labels), wanted)
        assert (judge(x, labels) != judge(x, (labels + 1) % K)).all()
    with pytest.raises(ValueError, match="This discriminator needs labels, numbers 0 to 2"):
        judge(x)


def test_relgans_beta_is_a_buffer_for_schedules() -> None:
    game, seen = MAKES["RelGAN"](), []
    engine = Engine(
        game,
        dict.fromkeys(game.players(), adam(1e-3)),
        schedules={"beta": linear(1.0, 5.0, 4)},
        compute=Compute("cpu"),
    )
    engine.fit(ConstantStream(batch_of({})), 4, [lambda engine: seen.append(float(game.beta))])
    assert seen == [1.0, 2.0, 3.0, 4.0]
    assert "beta" in game.state_dict()
    rows = game._rows(batch_of({}))
    game.beta.fill_(1e4)
    assert game._rows(batch_of({})).amax(-1).mean() > 0.999 > rows.amax(-1).mean()
    with pytest.raises(ValueError, match=r"beta=0.0 must be positive"):
        RelGAN(lstm(), many(), beta=0.0)


# --- ScratchGAN -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("discount", [0.0, 0.23, 1.0])
def test_discounted_returns_are_a_double_sum(discount: float) -> None:
    rewards = torch.randn(4, 6, dtype=torch.float64)
    wanted = torch.zeros_like(rewards)
    for t in range(6):
        for s in range(t, 6):
            wanted[:, t] += discount ** (s - t) * rewards[:, s]
    torch.testing.assert_close(discounted_returns(rewards, discount), wanted)


@pytest.mark.parametrize("kind", ["plain", "both"])
def test_scratchgans_losses_are_their_equations(kind: str) -> None:
    recorder, batch = Recorder(), batch_of(KINDS[kind])
    game = ScratchGAN(lstm(**KINDS[kind]), recurrent(**KINDS[kind]), recorder)
    game.discriminator.eval()
    labels = getattr(batch, "labels", None)
    fake = at(1, lambda: sample(game.generator, B, labels=labels))
    masks = [real_positions(x, game.generator.end) for x in (batch.tokens, fake)]
    real, generated = (torch.sigmoid(game.discriminator(x, labels)) for x in (batch.tokens, fake))
    wanted = -real.log()[masks[0]].mean() - (1 - generated).log()[masks[1]].mean()
    torch.testing.assert_close(at(1, game.discriminator_loss, batch)[0], wanted)
    game.generator_loss(batch)
    assert recorder.modes == (False, False)
    mask = real_positions(recorder.tokens, game.generator.end)
    earned = mask * (2 * torch.sigmoid(game.discriminator(recorder.tokens, labels)) - 1)
    torch.testing.assert_close(recorder.values, discounted_returns(earned, 0.23).detach())


def test_scratchgans_rewards_know_no_later_token() -> None:
    """With no discount what a token earns depends on it and those before it only; with one also on what it leads to."""
    game = ScratchGAN(lstm(), recurrent(), discount=0.0)
    game.discriminator.eval()
    tokens = torch.randint(V, (B, T))
    other = torch.cat([tokens[:, :3], (tokens[:, 3:] + 1) % V], 1)
    one, two = (game._returns(x, None) for x in (tokens, other))
    assert torch.equal(one[:, :3], two[:, :3])
    assert (one[:, 3:] != two[:, 3:]).all()
    game.discount = 0.5
    assert not torch.allclose(game._returns(tokens, None)[:, :3], game._returns(other, None)[:, :3])


def test_scratchgan_refuses_in_a_sentence() -> None:
    with pytest.raises(ValueError, match=r"discount=1.1 must be in \[0, 1\]"):
        ScratchGAN(lstm(), recurrent(), discount=1.1)
    with pytest.raises(ValueError, match="GumbelSoftmax relaxes tokens; ScratchGAN rewards drawn ones"):
        ScratchGAN(lstm(), recurrent(), GumbelSoftmax())


# --- CoT --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["plain", "both"])
def test_cots_generator_is_content_with_what_it_is(kind: str) -> None:
    model = lstm(**KINDS[kind])
    game, batch = CoT(model, lstm(**KINDS[kind])), batch_of(KINDS[kind])
    assert game.generator_loss(batch)[0] > 0.001
    game.mediator.load_state_dict(model.state_dict())
    loss, _ = game.generator_loss(batch)
    assert abs(loss.item()) < 1e-6
    assert flat(torch.autograd.grad(loss, list(model.parameters()))).abs().max() < 1e-6


def test_cots_losses_are_exact_on_average() -> None:
    """Against enumeration, with ends: the divergence per token, and half of both likelihoods per token."""
    kind = {"start": 2, "end": 1, "pad": 0}
    generator, mediator, truth = (LSTMGenerator(4, 3, 4, 4, init=1.0, **kind) for _ in range(3))
    tokens, valid = all_sequences(generator)
    with torch.no_grad():
        p, q, m = (each.log_prob(tokens).double().sum(1) for each in (truth, generator, mediator))
    p, q = p.exp() * valid, q.exp() * valid
    length = real_positions(tokens, 1).sum(1)
    game, n = CoT(generator, mediator), 4000
    batch = TokenBatch(sample(truth, n))
    with torch.no_grad():
        divergence = torch.stack([game.generator_loss(batch)[0] for _ in range(10)])
        mediated = torch.stack([game.mediator_loss(TokenBatch(sample(truth, n)))[0] for _ in range(10)])
    exact = (q * (generator.log_prob(tokens).detach().sum(1) - m)).sum() / (q * length).sum()
    assert abs(divergence.mean() - exact) < 4 * divergence.std() / math.sqrt(10)
    assert divergence.std() < exact / 10
    half = -((p + q) * m).sum() / ((p + q) * length).sum()
    assert abs(mediated.mean() - half) < 4 * mediated.std() / math.sqrt(10)
    assert mediated.std() < half / 10


def test_cots_mediator_learns_the_mixture() -> None:
    truth, generator = (LSTMGenerator(3, 3, 4, 4, init=1.5) for _ in range(2))
    tokens, _ = all_sequences(truth)
    with torch.no_grad():
        p, q = (each.log_prob(tokens).sum(1).exp() for each in (truth, generator))
    game = CoT(generator, LSTMGenerator(3, 3, 8, 16))
    optimizer = torch.optim.Adam(game.mediator.parameters(), 0.03)
    before = (game.mediator.log_prob(tokens).sum(1).exp() - (p + q) / 2).abs().sum()
    for _ in range(150):
        loss, _ = game.mediator_loss(TokenBatch(sample(truth, 256)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    after = (game.mediator.log_prob(tokens).sum(1).exp() - (p + q) / 2).abs().sum()
    assert after < 0.15 < 0.5 < before


@pytest.mark.parametrize(
    ("mediator", "sentence"),
    [
        (LSTMGenerator(V + 1, T), f"the same vocabulary, got {V} and {V + 1}"),
        (LSTMGenerator(V, T + 1), f"the same length, got {T} and {T + 1}"),
        (LSTMGenerator(V, T, end=3), "the same end, got None and 3"),
        (LSTMGenerator(V, T, pad=1), "the same pad, got 0 and 1"),
        (LSTMGenerator(V, T, classes=2), "the same classes, got 0 and 2"),
    ],
)
def test_cots_models_must_speak_of_the_same(mediator: SequenceModel, sentence: str) -> None:
    with pytest.raises(ValueError, match=f"generator and mediator must have {sentence}"):
        CoT(LSTMGenerator(V, T), mediator)


def test_cot_refuses_a_negative_weight() -> None:
    with pytest.raises(ValueError, match=r"likelihood=-1.0 must not be negative"):
        CoT(lstm(), lstm(), likelihood=-1.0)


@pytest.mark.parametrize("name", ["SeqGAN", "MaliGAN", "CoT"])
def test_likelihood_is_added_with_its_weight(name: str) -> None:
    game, batch = MAKES[name](**KINDS["both"]).eval(), batch_of(KINDS["both"])
    loss, terms = at(1, game.generator_loss, batch)
    game.likelihood = 0.0
    without, _ = at(1, game.generator_loss, batch)
    nll, _ = sequence_nll_loss(game.generator, batch)
    torch.testing.assert_close(loss - without, 0.5 * nll)
    torch.testing.assert_close(terms["nll"], nll.detach())


# --- all of them ------------------------------------------------------------------------------------------------------


def tiny_leakgan() -> LeakGAN:
    judge = CNNDiscriminator(3, (1, 2, 3), (8, 8, 8), embedding=8, dropout=0.0)
    return LeakGAN(LeakyGenerator(3, 3, judge.features, 24, 8, 16, 8, 2), judge, rollouts=1)


def tiny(opponent: Callable[[], Any], game: Callable[..., Game], **settings: Any) -> Callable[[], Game]:
    return lambda: game(LSTMGenerator(3, 3, 8, 16), opponent(), **settings)


def tiny_cnn() -> CNNDiscriminator:
    return CNNDiscriminator(3, (1, 2, 3), (8, 8, 8), embedding=8, dropout=0.0)


def tiny_many() -> MultiRepresentationDiscriminator:
    return MultiRepresentationDiscriminator(3, 4, (1, 2, 3), (8, 8, 8), embedding=8, dropout=0.0, hidden=8)


TINY: dict[str, Callable[[], Game]] = {
    "likelihood": lambda: SequenceLikelihood(LSTMGenerator(3, 3, 8, 16)),
    "SeqGAN": tiny(tiny_cnn, SeqGAN, rollouts=2, lag=0.5),
    "SeqGAN of rows": tiny(tiny_cnn, SeqGAN, estimator=GumbelSoftmax(0.5), rollouts=0, reward=nn.Identity()),
    "MaliGAN": tiny(tiny_cnn, MaliGAN),
    "RankGAN": tiny(lambda: Ranker(3, 3), RankGAN, rollouts=2),
    "LeakGAN": tiny_leakgan,
    "RelGAN": tiny(tiny_many, RelGAN, beta=2.0),
    "ScratchGAN": tiny(lambda: RecurrentDiscriminator(3, 8, 16, 2, 0.0, per_step=True), ScratchGAN, discount=0.9),
    "CoT": tiny(lambda: LSTMGenerator(3, 3, 8, 16), CoT),
}


@pytest.mark.parametrize("name", TINY)
def test_every_game_comes_near_the_truth(name: str) -> None:
    """From scratch on 27 sequences of known probabilities: the exact Jensen-Shannon divergence falls to a half."""
    torch.default_generator.manual_seed(4)
    truth = LSTMGenerator(3, 3, 4, 6, init=1.5)
    everything, _ = all_sequences(truth)
    with torch.no_grad():
        p = truth.log_prob(everything).double().sum(1).exp()
    data = TokenBatch(everything[torch.multinomial(p, 4000, replacement=True)])
    torch.default_generator.manual_seed(1)
    game: Any = TINY[name]()

    def divergence() -> float:
        with torch.no_grad():
            q = game.generator.log_prob(everything).double().sum(1).exp()
        m = (p + q) / 2
        return float((p * (p / m).log() + q * (q / m).log()).sum() / 2)

    before = divergence()
    rates = {"worker": 3e-2, "manager": 1e-3}
    optimizers = {player: adam(rates.get(player, 1e-2), betas=(0.5, 0.99)) for player in game.players()}
    Engine(game, optimizers, seed=1, compute=Compute("cpu")).fit(ArrayStream(data, 64, 1), 50)
    assert before > 0.3
    assert divergence() < before / 2

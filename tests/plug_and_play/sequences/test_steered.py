"""Steering sequences, on a language small enough to write down: what is drawn has the probability that Bayes says."""

import copy
import math
import re
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from gan_ext.gradients import all_sequences
from gan_ext.nets import LSTMGenerator, PrefixClassifier, RelationalMemoryGenerator, TransformerGenerator
from gan_ext.plug_and_play import (
    AllOf,
    BestOf,
    ClassAttribute,
    HiddenGradient,
    PrefixFunction,
    Proposal,
    Rejection,
    Reweighting,
    SequentialMonteCarlo,
    SteeredSequences,
    SteeringMethod,
    Unguided,
)
from gan_ext.sequences import SequenceModel, sample

METHODS: tuple[Proposal | SteeringMethod, ...] = (
    Reweighting(),
    Reweighting(candidates=2),
    HiddenGradient(),
    SequentialMonteCarlo(4),
    SequentialMonteCarlo(4, proposal=Unguided()),
    SequentialMonteCarlo(2, proposal=HiddenGradient(steps=1)),
    Rejection(),
    BestOf(3),
)
KINDS: dict[str, Callable[..., SequenceModel]] = {
    "lstm": lambda **tokens: LSTMGenerator(5, 4, 4, 6, init=1.0, **tokens),
    "transformer": lambda **tokens: TransformerGenerator(5, 4, 8, 1, 2, **tokens),
    "memory": lambda **tokens: RelationalMemoryGenerator(5, 4, 4, 1, 1, 8, **tokens),
}


def name(method: object) -> str:
    inner = getattr(method, "proposal", None)
    return type(method).__name__ + (f" of {type(inner).__name__}" if inner else "")


class Language:
    """A generator, all it can write, and an attribute whose probability is known for every prefix."""

    def __init__(self, kind: str = "lstm", closed: bool = True, seed: int = 0, sharp: float = 1.0) -> None:
        torch.manual_seed(seed)
        tokens = {"start": 1, "end": 4, "pad": 0, "start_is_a_token": False} if closed else {}
        self.generator = KINDS[kind](**tokens).eval()
        everything, valid = all_sequences(self.generator)
        self.all = everything[valid]
        with torch.no_grad():
            self.probability = self.generator.log_prob(self.all).double().sum(1).exp()
        self.log_attribute = sharp * torch.rand(len(self.all), dtype=torch.float64).log()

    def numbers(self, tokens: Tensor) -> Tensor:
        """Return the places of sequences in the list of all."""
        same = (tokens[:, None] == self.all).all(-1)
        assert same.any(1).all()
        return same.int().argmax(1)

    def whole(self, tokens: Tensor) -> Tensor:
        return self.log_attribute[self.numbers(tokens)]

    def of_prefix(self, prefix: Tensor, strength: float = 1.0) -> Tensor:
        """Return log E[p(a | x)^s | prefix], exactly."""
        each, place = prefix.unique(dim=0, return_inverse=True)
        goes_on = (self.all[None, :, : each.shape[1]] == each[:, None]).all(-1) * self.probability
        mean = (goes_on * (strength * self.log_attribute).exp()).sum(1) / goes_on.sum(1).clamp_min(1e-300)
        return mean.clamp_min(1e-30).log()[place]

    def exact(self) -> PrefixFunction:
        return PrefixFunction(self.of_prefix, 5)

    def wrong(self) -> PrefixFunction:
        """Right about finished sequences, wrong about prefixes."""

        def judge(prefix: Tensor) -> Tensor:
            finished = (prefix == 4).any(1) | (prefix.shape[1] == 4)
            return torch.where(finished, self.of_prefix(prefix), 0.5 * torch.sin(prefix.sum(1).double()) - 1.0)

        return PrefixFunction(judge, 5)

    def posterior(self, strength: float = 1.0) -> Tensor:
        weight = self.probability * (strength * self.log_attribute).exp()
        return weight / weight.sum()

    def evidence(self, strength: float = 1.0) -> float:
        return math.log(float((self.probability * (strength * self.log_attribute).exp()).sum()))

    def frequencies(self, tokens: Tensor) -> Tensor:
        return torch.bincount(self.numbers(tokens), minlength=len(self.all)).double() / len(tokens)


def distance(a: Tensor, b: Tensor) -> float:
    """Return the total variation distance."""
    return float((a - b).abs().sum() / 2)


def luck(probability: Tensor, n: int) -> float:
    """Return about the largest distance that n true draws would have from their distribution."""
    return float((probability * (1 - probability) / n).sqrt().sum() / math.sqrt(2 * math.pi) * 1.5)


@pytest.mark.parametrize("closed", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_reweighting_by_exact_prefixes_is_bayes_rule(kind: str, closed: bool) -> None:
    language = Language(kind, closed)
    steered = SteeredSequences(language.generator, language.exact())
    found = steered.log_prob(language.all).double().exp()
    torch.testing.assert_close(found, language.posterior(), atol=1e-6, rtol=1e-5)
    told = steered.evidence(20)  # every sequence tells the same, for all weights are equal
    assert told.value == pytest.approx(language.evidence(), abs=1e-5)
    assert told.error < 1e-5


def test_prefixes_of_a_power_make_reweighting_exact_at_another_strength() -> None:
    language = Language()
    judge = PrefixFunction(lambda prefix: language.of_prefix(prefix, 3.0) / 3.0, 5)
    steered = SteeredSequences(language.generator, judge)
    torch.testing.assert_close(
        steered.log_prob(language.all, 3.0).double().exp(), language.posterior(3.0), atol=1e-6, rtol=1e-4
    )
    plain = SteeredSequences(language.generator, language.exact())
    assert distance(plain.log_prob(language.all, 3.0).double().exp(), language.posterior(3.0)) > 0.01


@pytest.mark.parametrize("method", METHODS[:3], ids=name)
@pytest.mark.parametrize("strength", [0.5, 2.0])
def test_draws_have_the_probability_that_is_said(method: Proposal, strength: float) -> None:
    language = Language()
    steered = SteeredSequences(language.generator, language.exact(), method)
    said = steered.log_prob(language.all, strength).double().exp()
    assert float(said.sum()) == pytest.approx(1, abs=1e-5)
    assert distance(language.frequencies(steered.sample(4000, strength)), said) < luck(said, 4000)


@pytest.mark.parametrize("method", METHODS, ids=name)
@pytest.mark.parametrize("kind", KINDS)
def test_strength_zero_is_the_generator_bit_for_bit(kind: str, method: Proposal | SteeringMethod) -> None:
    language = Language(kind)
    steered = SteeredSequences(language.generator, language.exact(), method)
    torch.manual_seed(5)
    plain = sample(language.generator, 50)
    torch.manual_seed(5)
    assert torch.equal(steered.sample(50, 0.0), plain)
    if isinstance(method, Proposal):
        said = steered.log_prob(language.all, 0.0)
        torch.testing.assert_close(said, language.generator.log_prob(language.all).sum(1), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("method", METHODS, ids=name)
def test_weights_stay_and_seeds_decide(method: Proposal | SteeringMethod) -> None:
    language = Language()
    before = copy.deepcopy(language.generator.state_dict())
    language.generator.train()
    steered = SteeredSequences(language.generator, language.exact(), method)
    state = torch.get_rng_state()
    first = steered.sample(40, 1.0, random_state=3)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(steered.sample(40, 1.0, random_state=3), first)
    assert not torch.equal(steered.sample(40, 1.0, random_state=4), first)
    assert language.generator.training
    for key, value in language.generator.state_dict().items():
        assert torch.equal(value, before[key])
    assert all(parameter.grad is None for parameter in language.generator.parameters())


@pytest.mark.parametrize("proposal", [Unguided(), Reweighting(), HiddenGradient(steps=1)], ids=name)
@pytest.mark.parametrize("threshold", [0.0, 0.9])
def test_evidence_is_unbiased_however_wrong_prefixes_are(proposal: Proposal, threshold: float) -> None:
    language = Language(sharp=3.0)
    for strength in (1.0, 2.0):
        method = SequentialMonteCarlo(4, threshold, proposal)
        told = SteeredSequences(language.generator, language.wrong(), method).evidence(2000, strength)
        assert abs(told.value - language.evidence(strength)) < 4 * told.error
        assert told.error < 0.08


def test_particles_come_to_the_target_as_they_grow() -> None:
    language, n, far = Language(sharp=2.0), 2000, []
    for particles in (1, 4, 16):
        method = SequentialMonteCarlo(particles, proposal=Unguided())
        drawn = SteeredSequences(language.generator, language.wrong(), method).sample(n)
        far.append(distance(language.frequencies(drawn), language.posterior()))
    assert far[0] > far[1] > far[2]
    assert far[0] > 3 * far[2]
    assert far[2] < 1.5 * luck(language.posterior(), n)


def test_the_judge_of_finished_sequences_has_the_last_word() -> None:
    """Prefixes that say nothing, or a generator that is asked in another way, change the cost and not the target."""
    language = Language()
    silent = PrefixFunction(lambda prefix: torch.zeros(len(prefix)), 5)
    method = SequentialMonteCarlo(32)
    steered = SteeredSequences(language.generator, silent, method, whole=language.whole)
    found = steered.draw(2000)
    assert distance(language.frequencies(found.tokens), language.posterior()) < 1.2 * luck(language.posterior(), 2000)
    assert found.passes == 32 * 3
    told = steered.evidence(500)
    assert abs(told.value - language.evidence()) < 4 * told.error


@pytest.mark.parametrize("strength", [1.0, 2.0])
def test_rejection_is_exact_and_says_what_it_costs(strength: float) -> None:
    language = Language()
    steered = SteeredSequences(language.generator, language.whole, Rejection())
    found = steered.draw(4000, strength)
    target = language.posterior(strength)
    assert distance(language.frequencies(found.tokens), target) < luck(target, 4000)
    told = steered.evidence(4000, strength)
    assert abs(told.value - language.evidence(strength)) < 4 * told.error
    accepted = 2 / found.passes
    assert accepted == pytest.approx(math.exp(language.evidence(strength)), rel=0.15)


def test_the_best_of_several_is_their_best() -> None:
    language = Language()
    steered = SteeredSequences(language.generator, language.whole, BestOf(400))
    best = language.whole(steered.sample(50))
    assert (best > language.log_attribute[language.probability > 0.02].max() - 1e-6).all()
    alone = SteeredSequences(language.generator, language.whole, BestOf(1)).sample(4000)
    assert distance(language.frequencies(alone), language.probability) < luck(language.probability, 4000)


def test_gradients_stay_below_what_reweighting_reaches_and_above_the_start() -> None:
    """At the first token: log sum_v q(v) p(a | v) - KL(q, p), whose maximum over all q is that of reweighting."""
    language = Language()

    @torch.no_grad()
    def objective(steered: SteeredSequences, strength: float = 1.0) -> float:
        model = steered.model(strength).eval()
        _, known, logits, _ = model.look(model.first(1), model.initial(1))
        plain, _ = language.generator.step(model.first(1), language.generator.initial(1))
        q, p = logits.log_softmax(-1), plain.log_softmax(-1)
        return float((q.exp() * (known - (q - p))).sum())

    best = objective(SteeredSequences(language.generator, language.exact()))
    assert best == pytest.approx(language.evidence(), abs=1e-5)
    begin = objective(SteeredSequences(language.generator, language.exact()), 0.0)
    for steps in (1, 3, 10):
        method = HiddenGradient(steps, step_size=0.3, anchor=1.0, blend=1.0)
        assert begin < objective(SteeredSequences(language.generator, language.exact(), method)) < best


def test_gradients_have_more_of_the_attribute_with_more_strength() -> None:
    language = Language(sharp=2.0)
    attribute = language.log_attribute.exp()
    means = []
    for strength in (0.0, 0.5, 1.0, 2.0):
        steered = SteeredSequences(language.generator, language.exact(), HiddenGradient())
        means.append(float((steered.log_prob(language.all, strength).double().exp() * attribute).sum()))
    assert means == sorted(means)
    assert means[-1] > 1.2 * means[0]


def test_the_published_step_has_one_length() -> None:
    language = Language()
    model = SteeredSequences(language.generator, language.exact()).model()
    state = language.generator.initial(3)
    token = torch.tensor([1, 2, 3])
    logits, _ = language.generator.step(token, state)
    from gan_ext.plug_and_play import NextToken

    known = torch.randn(3, 5)
    position = NextToken(model.generator, token, state, logits, known, 0.5)
    moved = HiddenGradient(1, 0.8, gamma=1.0)._moved(position, state, logits.log_softmax(-1))
    length = torch.stack([(b - a).square().sum(1) for a, b in zip(state, moved, strict=True)]).sum(0).sqrt()
    torch.testing.assert_close(length, torch.full((3,), 0.4))


def test_a_transformer_is_steered_by_gradients_once_it_remembers_something() -> None:
    language = Language("transformer")
    steered = SteeredSequences(language.generator, language.exact(), HiddenGradient(step_size=10.0))
    assert not torch.equal(steered.log_prob(language.all), steered.log_prob(language.all, 0.0))


@pytest.mark.parametrize("method", METHODS, ids=name)
def test_prefixes_are_kept(method: Proposal | SteeringMethod) -> None:
    language = Language()
    prefix = torch.tensor([[2], [3]]).repeat(20, 1)
    drawn = SteeredSequences(language.generator, language.exact(), method).sample(40, prefix=prefix)
    assert torch.equal(drawn[:, :1], prefix)
    language.numbers(drawn)


@pytest.mark.parametrize("given", [[2], [2, 3], [3, 2, 2, 2], [2, 4, 0]])
@pytest.mark.parametrize("method", [Reweighting(), SequentialMonteCarlo(3)], ids=name)
def test_evidence_given_a_prefix(method: Proposal | SteeringMethod, given: list[int]) -> None:
    language = Language()
    prefix = torch.tensor([given]).repeat(30, 1)
    told = SteeredSequences(language.generator, language.exact(), method).evidence(30, prefix=prefix)
    assert told.value == pytest.approx(float(language.of_prefix(prefix[:1])), abs=1e-4)


def test_classes_of_the_generator_go_with_their_rows() -> None:
    net = LSTMGenerator(5, 4, 4, 6, init=2.0, classes=2)
    labels = torch.arange(2).repeat(1500)
    silent = PrefixFunction(lambda prefix: torch.zeros(len(prefix)), 5)
    for method in (Reweighting(), SequentialMonteCarlo(2), Rejection(), BestOf(2)):
        drawn = SteeredSequences(net, silent, method).sample(3000, labels=labels)
        for label in (0, 1):
            with torch.no_grad():
                state = net.initial(1, torch.tensor([label]))
                first = net.step(net.first(1), state)[0].softmax(-1)[0]
            share = torch.bincount(drawn[labels == label, 0], minlength=5) / 1500
            assert (share - first).abs().max() < 0.06


def test_pieces_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    language = Language()
    steered = SteeredSequences(language.generator, language.exact(), SequentialMonteCarlo(3))
    once = steered.sample(10, random_state=1)
    monkeypatch.setattr("gan_ext.sequences.sampling._NUMBERS", 5 * 7)
    assert torch.equal(steered.sample(10, random_state=1), once)


def test_attributes_add_up() -> None:
    language = Language()
    torch.manual_seed(1)
    classifier = PrefixClassifier(5, 3, 4, 6, start=1, end=4)
    parts = [language.exact(), ClassAttribute(classifier, 2)]
    both, apart = AllOf(parts, (1.0, 0.5)), [SteeredSequences(language.generator, part) for part in parts]
    together = SteeredSequences(language.generator, both)
    wanted = apart[0].log_attribute(language.all) + 0.5 * apart[1].log_attribute(language.all)
    torch.testing.assert_close(together.log_attribute(language.all), wanted)
    reweighted = SteeredSequences(language.generator, AllOf([parts[0]])).log_prob(language.all)
    torch.testing.assert_close(reweighted, apart[0].log_prob(language.all))
    assert float(together.log_prob(language.all).exp().sum()) == pytest.approx(1, abs=1e-5)


def test_a_class_is_judged_as_the_classifier_says() -> None:
    language = Language()
    classifier = PrefixClassifier(5, 3, 4, 6, start=1, end=4).eval()
    steered = SteeredSequences(language.generator, ClassAttribute(classifier, 2))
    with torch.no_grad():
        torch.testing.assert_close(steered.log_attribute(language.all), classifier.of_whole(language.all)[:, 2])


class Wordless(SequenceModel):
    """A model whose memory no gradient can move."""

    def __init__(self) -> None:
        super().__init__(3, 2)
        self.table = nn.Parameter(torch.zeros(3, 3))

    def initial(self, n: int, labels: Tensor | None = None) -> tuple[Tensor, ...]:
        return ()

    def step(self, token: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        return self.table[token], state


def test_what_is_wrong_is_a_sentence() -> None:
    language = Language()
    exact, whole = language.exact(), language.whole
    for make, sentence in (
        (lambda: SteeredSequences(language.generator, exact, "fudge"), "method='fudge' must be an object"),  # type: ignore[arg-type]
        (lambda: SteeredSequences(language.generator, 3), "attribute=3 must be a PrefixAttribute, or a function"),  # type: ignore[arg-type]
        (lambda: SteeredSequences(language.generator, exact).sample(0), "n=0 must be an integer, at least 1"),
        (lambda: SteeredSequences(language.generator, exact).sample(1, -1.0), "strength=-1.0 must be a number, at"),
        (lambda: SteeredSequences(language.generator, exact).sample(1, math.nan), "strength=nan must be a number"),
        (lambda: SteeredSequences(language.generator, whole).sample(1), "attribute judges whole sequences only"),
        (lambda: SteeredSequences(language.generator, whole).model(), "attribute judges whole sequences only"),
        (lambda: SteeredSequences(language.generator, exact, BestOf()).model(), "BestOf has no probability of its own"),
        (
            lambda: SteeredSequences(language.generator, lambda x: torch.zeros(3), BestOf()).sample(4),
            "attribute must return one log-probability for each of 32 sequences, [32], got (3,)",
        ),
        (
            lambda: SteeredSequences(language.generator, PrefixFunction(lambda x: torch.zeros(3), 5)).sample(4),
            "attribute must return one log-probability for each of 20 sequences, [20], got (3,)",
        ),
        (
            lambda: SteeredSequences(language.generator, lambda x: torch.ones(len(x)), Rejection()).sample(4),
            "Rejection needs log-probabilities, at most 0, and attribute returned 1",
        ),
        (
            lambda: SteeredSequences(language.generator, lambda x: torch.zeros(len(x)) - 99, Rejection(300)).sample(4),
            "Rejection found 0 of 4 sequences among 1200 drawn; the attribute is too rare for limit=300",
        ),
        (
            lambda: SteeredSequences(
                Wordless(), PrefixFunction(lambda x: torch.zeros(len(x)), 3), HiddenGradient()
            ).sample(2),
            "Wordless has no memory that a gradient could move; use Reweighting()",
        ),
        (lambda: SequentialMonteCarlo(0), "SequentialMonteCarlo needs particles >= 1 and threshold in [0, 1], got 0"),
        (lambda: SequentialMonteCarlo(4, 2.0), "got 4 and 2.0"),
        (lambda: BestOf(0), "candidates=0 must be at least 1"),
        (lambda: Rejection(0), "limit=0 must be at least 1"),
        (lambda: Reweighting(0), "candidates=0 must be at least 1, or None"),
        (lambda: HiddenGradient(0), "HiddenGradient needs steps >= 1"),
        (lambda: HiddenGradient(blend=0.0), "blend in (0, 1]"),
        (lambda: ClassAttribute(PrefixClassifier(5, 2), 2), "label=2 is no class of the classifier, which has 2"),
        (lambda: AllOf([]), "AllOf needs at least one attribute and a weight for each, got attributes=[]"),
        (lambda: AllOf([exact], (1.0, 2.0)), "attributes=["),
    ):
        with pytest.raises(ValueError, match=re.escape(sentence)):
            make()

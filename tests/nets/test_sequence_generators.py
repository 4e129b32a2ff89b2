"""Generators of sequences: reading a whole sequence equals reading it token by token, and the published cells."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from gan_ext.nets import LSTMGenerator, RelationalMemoryGenerator, TransformerBlock, TransformerGenerator
from gan_ext.nets.sequences.recurrent import embed
from gan_ext.sequences import IMPOSSIBLE, SequenceModel, join, repeat, sample, select

V, T = 7, 5

Make = Callable[..., SequenceModel]


def lstm(**more) -> LSTMGenerator:
    return LSTMGenerator(V, T, 4, 6, layers=2, init=0.7, **more)


def memory(**more) -> RelationalMemoryGenerator:
    return RelationalMemoryGenerator(V, T, 4, slots=3, heads=2, head_size=4, **more)


def transformer(**more) -> TransformerGenerator:
    return TransformerGenerator(V, T, 8, layers=2, heads=2, **more)


MAKES = [lstm, memory, transformer]
SPECIALS = [{}, {"end": 3, "pad": 0, "start": 2, "start_is_a_token": False}, {"classes": 4}]


def lively(model: SequenceModel) -> SequenceModel:
    for parameter in model.parameters():
        if parameter.dim() > 1:
            nn.init.normal_(parameter, 0.0, 0.5)
    return model.double().eval()


def labels_of(model: SequenceModel, n: int) -> Tensor | None:
    return torch.randint(model.classes, (n,)) if model.classes else None


@pytest.mark.parametrize("make", MAKES)
@pytest.mark.parametrize("specials", SPECIALS, ids=["plain", "end", "classes"])
def test_reading_at_once_is_reading_step_by_step(make: Make, specials: dict) -> None:
    model, tokens = lively(make(**specials)), torch.randint(V, (6, T))
    labels = labels_of(model, 6)
    state, previous, steps = model.initial(6, labels), model.first(6), []
    for position in range(T):
        logits, state = model.step(previous, state)
        steps.append(logits)
        previous = tokens[:, position]
    torch.testing.assert_close(model(tokens, labels), torch.stack(steps, 1))
    torch.testing.assert_close(model(tokens[:, :2], labels), torch.stack(steps[:2], 1))


@pytest.mark.parametrize("make", MAKES)
def test_a_logit_depends_on_earlier_tokens_and_on_no_other(make: Make) -> None:
    model, tokens = lively(make()), torch.randint(V, (3, T))
    logits = model(tokens)
    for position in range(T):
        other = tokens.clone()
        other[:, position] = (other[:, position] + 1) % V
        changed = (model(other) != logits).all(-1)
        assert not changed[:, : position + 1].any()
        assert changed[:, position + 1 :].all()


@pytest.mark.parametrize("make", MAKES)
def test_one_hot_rows_are_token_numbers_and_carry_gradients(make: Make) -> None:
    model = lively(make())
    token = torch.randint(V, (4,))
    row = F.one_hot(token, V).double().requires_grad_()
    state = model.step(model.first(4), model.initial(4))[1]
    by_number, by_row = model.step(token, state), model.step(row, state)
    torch.testing.assert_close(by_row[0], by_number[0])
    for a, b in zip(by_row[1], by_number[1], strict=True):
        torch.testing.assert_close(a, b)
    by_row[0].square().sum().backward()
    assert (row.grad.abs().sum(1) > 0).all()


@pytest.mark.parametrize("make", MAKES)
@pytest.mark.parametrize("specials", SPECIALS, ids=["plain", "end", "classes"])
def test_memories_can_be_chosen_repeated_and_joined(make: Make, specials: dict) -> None:
    """Rows of a memory are independent: what rollouts and beams rest on."""
    model = lively(make(**specials))
    labels, first, second = labels_of(model, 4), torch.randint(V, (4,)), torch.randint(V, (4,))
    _, state = model.step(first, model.initial(4, labels))
    wanted, _ = model.step(second, state)
    rows = torch.tensor([3, 0, 0])
    torch.testing.assert_close(model.step(second[rows], select(state, rows))[0], wanted[rows])
    thrice, _ = model.step(second.repeat_interleave(3), repeat(state, 3))
    torch.testing.assert_close(thrice, wanted.repeat_interleave(3, 0))
    halves = join([select(state, slice(0, 1)), select(state, slice(1, 4))])
    torch.testing.assert_close(model.step(second, halves)[0], wanted)


@pytest.mark.parametrize("make", MAKES)
def test_forbidden_tokens_have_probability_zero(make: Make) -> None:
    model = lively(make(end=3, pad=0, start=2, start_is_a_token=False)).float()
    probabilities = model(torch.randint(V, (3, T))).softmax(-1)
    assert (probabilities[..., [0, 2]] == 0).all()
    assert (probabilities[..., [1, 3, 4, 5, 6]] > 0).all()
    free = lively(make()).float()
    assert (free(torch.randint(V, (3, T))).softmax(-1) > 0).all()


@pytest.mark.parametrize("make", MAKES)
def test_classes_change_the_distribution_and_must_be_given(make: Make) -> None:
    model, tokens = lively(make(classes=4)), torch.randint(V, (2, T))
    assert not torch.allclose(model(tokens, torch.tensor([0, 1])), model(tokens, torch.tensor([2, 1])))
    torch.testing.assert_close(model(tokens, torch.tensor([0, 1]))[1], model(tokens, torch.tensor([2, 1]))[1])
    with pytest.raises(ValueError, match="This model needs labels, numbers 0 to 3"):
        model(tokens)
    with pytest.raises(ValueError, match=r"labels must have shape \(2,\), got \(3,\)"):
        model(tokens, torch.tensor([0, 1, 2]))
    with pytest.raises(ValueError, match="needs no labels: it has no classes"):
        make()(tokens, torch.tensor([0, 1]))


@pytest.mark.parametrize("make", MAKES)
def test_everything_learns(make: Make) -> None:
    model, tokens = make(classes=2), torch.randint(V, (8, T))
    model(tokens, torch.arange(8) % 2).square().sum().backward()
    assert all(parameter.grad is not None and parameter.grad.isfinite().all() for parameter in model.parameters())
    assert model.embedding.weight.grad.abs().sum() > 0
    assert model.label.weight.grad.abs().sum() > 0


@pytest.mark.parametrize("layers", [1, 3])
def test_lstm_is_torchs(layers: int) -> None:
    model = LSTMGenerator(V, T, 4, 6, layers, init=0.7).double()
    peer = nn.LSTM(4, 6, layers, batch_first=True).double()
    with torch.no_grad():
        for layer, (inputs, recurrent) in enumerate(zip(model.inputs, model.recurrent, strict=True)):
            getattr(peer, f"weight_ih_l{layer}").copy_(inputs.weight)
            getattr(peer, f"bias_ih_l{layer}").copy_(inputs.bias)
            getattr(peer, f"weight_hh_l{layer}").copy_(recurrent.weight)
            getattr(peer, f"bias_hh_l{layer}").zero_()
    tokens = torch.randint(V, (3, T))
    fed = torch.cat([torch.zeros(3, 1, dtype=torch.int64), tokens[:, :-1]], 1)
    outputs, _ = peer(model.embedding(fed))
    torch.testing.assert_close(model.states(tokens), outputs)
    torch.testing.assert_close(model(tokens), outputs @ model.output.weight.t() + model.output.bias)


def test_the_transformer_remembers_keys_and_values() -> None:
    """One token with the cache equals the whole prefix without it, through the memory's growing length."""
    block = TransformerBlock(8, 2).double().eval()
    x = torch.randn(3, T, 8, dtype=torch.float64)
    whole, (keys, values) = block(x, causal=True)
    past = None
    for position in range(T):
        step, past = block(x[:, position : position + 1], past)
        torch.testing.assert_close(step[:, 0], whole[:, position])
    torch.testing.assert_close(past, (keys, values))
    seen = torch.ones(T, T, dtype=torch.bool).tril()[None, None]
    torch.testing.assert_close(block(x, visible=seen)[0], whole)
    model = lively(transformer())
    state = model.initial(2)
    for length in range(1, T + 1):
        _, state = model.step(torch.randint(V, (2,)), state)
        assert state[0].shape == (2, length, 8)


def test_relational_memory_starts_as_the_identity_and_mostly_forgets_nothing() -> None:
    model = memory()
    (start,) = model.initial(2)
    assert torch.equal(start[1], torch.eye(3, 8))
    assert torch.equal(model.gate_inputs.bias, torch.cat([torch.zeros(8), torch.ones(8)]))
    first, second = model.mlp[0].weight, model.mlp[2].weight
    assert first is not second  # a peer multiplies a list and so shares one map


def test_relational_memory_follows_its_equations() -> None:
    """With gates forced shut the memory stays; with the keep gate shut it is the candidate."""
    model = lively(memory())
    token, state = torch.randint(V, (2,)), model.initial(2)
    for parameter in (model.gate_inputs.weight, model.gate_memory.weight):
        nn.init.zeros_(parameter)
    bias = model.gate_inputs.bias
    with torch.no_grad():
        bias[:8], bias[8:] = -50.0, 50.0
    torch.testing.assert_close(model.step(token, state)[1][0], state[0].clone())
    with torch.no_grad():
        bias[:8], bias[8:] = 50.0, -50.0
    new = model.step(token, state)[1][0]
    assert new.abs().max() <= 1  # tanh of the candidate, nothing kept
    assert not torch.allclose(new, state[0])


def test_embedding_averages_rows() -> None:
    table = nn.Embedding(3, 2).double()
    weights = torch.tensor([[0.25, 0.75, 0.0]], dtype=torch.float64)
    torch.testing.assert_close(embed(weights, table)[0], 0.25 * table.weight[0] + 0.75 * table.weight[1])
    torch.testing.assert_close(embed(torch.tensor([2]), table)[0], table.weight[2])


@pytest.mark.parametrize("make", MAKES)
def test_samples_follow_the_model(make: Make) -> None:
    """The frequency of two-token prefixes is the product of the model's probabilities."""
    model, n = lively(make()), 20_000
    tokens = sample(model, n)
    pairs = torch.cartesian_prod(torch.arange(V), torch.arange(V))
    wanted = model.log_prob(pairs).sum(1).exp().double()
    torch.testing.assert_close(wanted.sum(), torch.ones((), dtype=torch.float64), rtol=1e-5, atol=1e-5)
    found = torch.bincount(tokens[:, 0] * V + tokens[:, 1], minlength=V * V)
    chi_square = ((found - n * wanted).square() / (n * wanted)).sum()
    assert chi_square < V * V - 1 + 5 * (2 * (V * V - 1)) ** 0.5


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: LSTMGenerator(V, T, hidden=0), "LSTMGenerator needs embedding, hidden, layers >= 1"),
        (lambda: LSTMGenerator(V, T, dropout=1.0), r"dropout in \[0, 1\), got 32, 32, 1 and 1.0"),
        (lambda: RelationalMemoryGenerator(V, T, slots=0), "needs embedding, slots, heads and head_size >= 1"),
        (lambda: TransformerGenerator(V, T, 6, heads=4), "width=6 must be a multiple of heads=4"),
        (lambda: LSTMGenerator(0, T), "needs vocabulary >= 1 and length >= 1, got 0 and 5"),
        (lambda: LSTMGenerator(V, 0), "needs vocabulary >= 1 and length >= 1, got 7 and 0"),
        (lambda: LSTMGenerator(V, T, start=7), "start=7 is no token: the vocabulary has numbers 0 to 6"),
        (lambda: LSTMGenerator(V, T, end=-1), "end=-1 is no token"),
        (lambda: LSTMGenerator(V, T, pad=9), "pad=9 is no token"),
        (lambda: LSTMGenerator(V, T, end=0), "end=0 must differ from pad=0 and start=0"),
    ],
)
def test_bad_sizes_are_refused_in_a_sentence(make: Callable[[], object], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        make()


def test_impossible_is_exactly_zero() -> None:
    assert torch.tensor([0.0, IMPOSSIBLE]).softmax(0)[1] == 0
    assert (torch.tensor([0.0, IMPOSSIBLE]).softmax(0) * torch.tensor([0.0, IMPOSSIBLE])).sum() == 0

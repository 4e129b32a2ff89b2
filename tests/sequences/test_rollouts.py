"""Rollouts: the textbook loop under the same noise, exact values, and no prefix read twice."""

import math
from functools import lru_cache

import pytest
import torch
from torch import Tensor

from gan_ext.gradients import all_sequences
from gan_ext.nets import (
    CNNDiscriminator,
    LeakyGenerator,
    LSTMGenerator,
    RelationalMemoryGenerator,
    TransformerGenerator,
)
from gan_ext.sequences import SequenceModel, draw, real_positions, rollout, rollout_values, rollouts

V, T, B, N = 7, 5, 3, 4
SPECIALS = {"start": 2, "end": 3, "pad": 0, "start_is_a_token": False}


def leaky(**more) -> LeakyGenerator:
    judge = CNNDiscriminator(V, (1, 2), (3, 3), embedding=3)
    return LeakyGenerator(V, T, judge.features, 6, embedding=3, hidden=4, goal=3, horizon=2, **more)


MAKES = {
    "lstm": lambda **more: LSTMGenerator(V, T, 4, 6, layers=2, init=0.7, **more),
    "transformer": lambda **more: TransformerGenerator(V, T, 8, layers=2, heads=2, **more),
    "memory": lambda **more: RelationalMemoryGenerator(V, T, 4, slots=2, heads=2, head_size=4, **more),
    "leaky": leaky,
}
CASES = [
    *[(name, {}) for name in MAKES],
    *[(name, SPECIALS) for name in MAKES],
    *[(name, {"classes": 3}) for name in MAKES if name != "leaky"],
    ("transformer", {"classes": 3, **SPECIALS}),
]


def problem(name: str, specials: dict) -> tuple[SequenceModel, Tensor, Tensor | None, Tensor]:
    model = MAKES[name](**specials).eval()
    tokens = torch.randint(1, V, (B, T))
    if model.end is not None:
        tokens[tokens == 2] = 1
        tokens[0, 1] = model.end  # one sequence ends early
        tokens = torch.where(real_positions(tokens, model.end), tokens, model.pad)
    labels = torch.randint(3, (B,)) if model.classes else None
    return model, tokens, labels, torch.rand(T - 1, B, N, T)


@torch.no_grad()
def textbook(model: SequenceModel, tokens: Tensor, labels: Tensor | None, uniforms: Tensor) -> Tensor:
    """Finish each prefix of each sequence anew, one continuation and one token at a time."""
    result = torch.empty(T - 1, B, N, T, dtype=torch.int64)
    for length in range(1, T):
        for b in range(B):
            for i in range(N):
                state, token, row = model.initial(1, None if labels is None else labels[b : b + 1]), model.first(1), []
                for position in range(T):
                    logits, state = model.step(token, state)
                    token = tokens[b, position : position + 1]
                    if position >= length:
                        token = draw(logits, uniforms[length - 1, b, i, position : position + 1])
                        if model.end is not None and model.end in row:
                            token = torch.tensor([model.pad])
                    row.append(int(token))
                result[length - 1, b, i] = torch.tensor(row)
    return result


@lru_cache
def solved(name: str, specials: tuple) -> tuple[tuple, Tensor]:
    """Return a problem and the textbook's answer, once for all ways of solving it."""
    given = problem(name, dict(specials))
    return given, textbook(*given)


@pytest.mark.parametrize(
    ("name", "specials"), CASES, ids=lambda value: value if isinstance(value, str) else "-".join(value)
)
@pytest.mark.parametrize("numbers", [400_000, 5 * V], ids=["whole", "pieces"])
@pytest.mark.parametrize("joined", [False, True], ids=["cpu", "joined"])
def test_rollouts_are_those_of_the_textbook(
    name: str, specials: dict, numbers: int, joined: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In pieces of five rows or whole, each piece by itself (a CPU) or all rows in one step (a GPU)."""
    monkeypatch.setattr("gan_ext.sequences.sampling._NUMBERS", numbers)
    if joined:
        monkeypatch.setattr(rollouts, "_together", lambda device: True)
    (model, tokens, labels, uniforms), wanted = solved(name, tuple(specials.items()))
    found = rollout(model, tokens, N, labels=labels, uniforms=uniforms)
    assert torch.equal(found, wanted)
    for given in range(1, T):
        assert (found[given - 1, :, :, :given] == tokens[:, None, :given]).all()


def test_rollouts_draw_their_own_noise_and_leave_the_mode() -> None:
    model, tokens, _, _ = problem("lstm", {})
    model.train()
    torch.manual_seed(1)
    once = rollout(model, tokens, 50)
    torch.manual_seed(1)
    assert torch.equal(rollout(model, tokens, 50), once)
    assert model.training
    assert not (once[0, 0, :1] == once[0, 0]).all()


class Counted(LSTMGenerator):
    """Notes how many rows each step reads."""

    def __init__(self, *args, **more) -> None:
        super().__init__(*args, **more)
        self.rows: list[int] = []

    def step(self, token, state):
        self.rows.append(len(token))
        return super().step(token, state)


def test_no_prefix_is_read_twice() -> None:
    """T steps of the sequences themselves, and one row for each token that is continued but the first."""
    model = Counted(V, T, 4, 6, init=0.7)
    rollout(model, torch.randint(V, (B, T)), N)
    assert [rows for rows in model.rows if rows == B] == [B] * T
    assert sum(model.rows) == B * T + B * N * sum(T - 1 - length for length in range(1, T))
    assert sum(model.rows) < B * N * (T - 1) * T  # what encoding each prefix anew would read


def test_all_rows_take_one_step_together_when_joined(monkeypatch) -> None:
    monkeypatch.setattr(rollouts, "_together", lambda device: True)
    model = Counted(V, T, 4, 6, init=0.7)
    rollout(model, torch.randint(V, (B, T)), N)
    assert model.rows == [B, B, *[rows for later in range(2, T) for rows in (B * N * (later - 1), B)]]


@pytest.mark.parametrize("specials", [{}, {"start": 2, "end": 1, "pad": 0}], ids=["plain", "end"])
def test_values_are_exact_on_average(specials: dict) -> None:
    """Against enumeration, on a language of 3 or 4 tokens and length 4: within four standard errors."""
    torch.manual_seed(3)
    model = LSTMGenerator(4 if specials else 3, 4, 4, 4, init=0.8, **specials)
    everything, valid = all_sequences(model)
    table = torch.rand((model.vocabulary,) * 4)
    with torch.no_grad():
        p = (model.log_prob(everything).sum(1).exp() * valid).view_as(table)
    exact = []
    for t in range(4):
        later = tuple(range(t + 1, 4))
        exact.append(((p * table).sum(later) / p.sum(later)) if later else table)
    tokens = everything[valid][torch.randperm(int(valid.sum()))[:6]]
    truth = torch.stack([values[tuple(tokens[:, : t + 1].unbind(1))] for t, values in enumerate(exact)], 1)
    n, calls = 50, 40

    def score(x: Tensor, shared: int) -> Tensor:
        assert (x[..., :shared] == x[:, :1, :shared]).all()
        return table[tuple(x.unbind(-1))]

    found = torch.stack([rollout_values(model, tokens, score, n) for _ in range(calls)])
    error = found.std(0) / math.sqrt(calls)
    assert ((found.mean(0) - truth).abs() <= 4 * error + 1e-6).all()
    assert (error[:, 0] > 0).any()
    torch.testing.assert_close(found[0, :, -1], table[tuple(tokens.unbind(1))])  # the finished one is scored itself


def test_values_of_what_has_ended_are_what_it_earns() -> None:
    model = LSTMGenerator(4, 4, 4, 4, start=2, end=1, pad=0)
    tokens = torch.tensor([[3, 1, 0, 0], [1, 0, 0, 0]])
    values = rollout_values(model, tokens, lambda x, shared: x.double().sum(-1), 3)
    assert (values[0, 1:] == 4).all()
    assert (values[1] == 1).all()


def test_sequences_of_one_token_are_scored_only() -> None:
    model, tokens = LSTMGenerator(V, 1, 4, 4), torch.randint(V, (B, 1))
    assert rollout(model, tokens, N).shape == (0, B, N, 1)
    assert torch.equal(rollout_values(model, tokens, lambda x, shared: x.sum(-1), N), tokens)


@pytest.mark.parametrize(("n", "length"), [(0, 3), (2, T + 1)])
def test_rollouts_refuse_in_a_sentence(n: int, length: int) -> None:
    model = LSTMGenerator(V, T, 4, 4)
    with pytest.raises(
        ValueError, match=f"rollout needs n >= 1 and sequences of at most {T} tokens, got {n} and {length}"
    ):
        rollout(model, torch.zeros(B, length, dtype=torch.int64), n)

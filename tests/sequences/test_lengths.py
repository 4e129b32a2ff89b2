"""Sequences of very different lengths: what short ones cost, and that nothing else changes."""

import time
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gan_ext.games.sequence_likelihood import sequence_nll_loss
from gan_ext.nets import CNNDiscriminator, LSTMGenerator, MultiRepresentationDiscriminator, TransformerGenerator
from gan_ext.sequences import SequenceModel, TokenBatch, length_groups, real_positions, sample, trimmed

PAD, START, END, VOCABULARY = 0, 1, 2, 12


def rows(lengths: list[int], columns: int) -> Tensor:
    """Return sequences of these lengths, closed and padded."""
    tokens = torch.full((len(lengths), columns), PAD)
    for row, length in enumerate(lengths):
        tokens[row, :length] = torch.randint(3, VOCABULARY, (length,), generator=torch.Generator().manual_seed(row))
        if length < columns:
            tokens[row, length] = END
    return tokens


def lstm(columns: int) -> SequenceModel:
    torch.manual_seed(0)
    return LSTMGenerator(VOCABULARY, columns, embedding=6, hidden=8, start=START, end=END, pad=PAD)


def transformer(columns: int) -> SequenceModel:
    torch.manual_seed(0)
    return TransformerGenerator(VOCABULARY, columns, start=START, end=END, pad=PAD, dropout=0.0)


def test_columns_without_tokens_go_and_groups_are_the_cheaper_ones() -> None:
    tokens = rows([3, 5, 2], 40)
    assert trimmed(tokens, END).shape == (3, 6)
    assert trimmed(tokens, None) is tokens
    assert trimmed(rows([40], 40), END).shape == (1, 40)
    assert [each.tolist() for each in length_groups(torch.tensor([4, 400, 5, 4]))] == [[0, 3, 2], [1]]
    assert [each.tolist() for each in length_groups(torch.tensor([4, 9, 5, 6]))] == [[0, 1, 2, 3]]
    assert [each.tolist() for each in length_groups(torch.tensor([7]))] == [[0]]


@pytest.mark.parametrize("make", [lstm, transformer])
def test_likelihoods_and_gradients_are_those_of_all_columns(make: Callable[[int], SequenceModel]) -> None:
    tokens = rows([3, 5, 2, 4, 3, 60, 4, 1], 64)
    model = make(64)
    logits = model(tokens).log_softmax(-1)
    mask = real_positions(tokens, END)
    known = logits.gather(-1, tokens[..., None])[..., 0] * mask
    torch.testing.assert_close(model.log_prob(tokens), known)
    torch.testing.assert_close(model.log_prob(tokens[:3]), known[:3])
    wanted = -known.sum() / mask.sum()
    found, _ = sequence_nll_loss(model, TokenBatch(tokens))
    torch.testing.assert_close(found, wanted)
    for one, other in zip(
        *(torch.autograd.grad(loss, list(model.parameters())) for loss in (found, wanted)), strict=True
    ):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-4)


def discriminators() -> list[nn.Module]:
    torch.manual_seed(0)
    sizes: dict[str, Any] = {"widths": (1, 3, 4), "filters": (5, 6, 7)}
    return [
        CNNDiscriminator(VOCABULARY, embedding=4, **sizes),
        MultiRepresentationDiscriminator(VOCABULARY, representations=2, embedding=4, hidden=5, **sizes),
    ]


@pytest.mark.parametrize("kind", [0, 1])
@pytest.mark.parametrize("lengths", [[3, 5, 2, 4], [3, 5, 2, 4, 3, 60, 4, 1], [61, 61], [0, 0, 0]])
def test_discriminators_judge_as_if_all_columns_were_read(kind: int, lengths: list[int]) -> None:
    tokens, judge = rows(lengths, 64), discriminators()[kind].eval()
    whole = judge(nn.functional.one_hot(tokens, VOCABULARY).float())  # rows of weights keep their columns
    torch.testing.assert_close(judge(tokens), whole)
    grouped = judge.grouped(torch.stack([tokens, tokens], 1), 64)  # type: ignore[operator]
    torch.testing.assert_close(grouped, torch.stack([whole, whole], 1))


class Counted(LSTMGenerator):
    """Count the steps."""

    steps = 0

    def step(self, token: Tensor, state: Any) -> Any:
        self.steps += 1
        return super().step(token, state)


def test_sampling_ends_with_the_longest_sequence_and_draws_the_same() -> None:
    torch.manual_seed(0)
    model = Counted(VOCABULARY, 300, embedding=6, hidden=8, start=START, end=END, pad=PAD)
    with torch.no_grad():
        model.output.bias[END] = 3.0
    uniforms = torch.rand(50, 300)
    drawn = sample(model, 50, uniforms=uniforms)
    longest = int(real_positions(drawn, END).sum(1).max())
    assert longest < 30
    assert model.steps == longest
    assert drawn.shape == (50, 300)
    assert bool((drawn[:, longest:] == PAD).all())
    state, token = model.initial(50), model.first(50)  # the textbook loop, all columns
    open_ = torch.ones(50, dtype=torch.bool)
    for position in range(300):
        logits, state = model.step(token, state)
        weights = logits.softmax(-1).cumsum(-1)
        token = torch.where(open_, (weights <= uniforms[:, position, None] * weights[:, -1:]).sum(-1), PAD)
        assert torch.equal(token, drawn[:, position])
        open_ &= token != END


def test_a_prefix_beyond_the_end_of_all_sequences_stays() -> None:
    model = lstm(20)
    prefix = rows([4, 2], 10)
    drawn = sample(model, 2, prefix=prefix)
    assert torch.equal(drawn[:, :10], prefix)


def test_one_long_line_does_not_make_a_step_cost_as_much_as_long_lines_alone() -> None:
    """Shares of the time of one run; before, one line of 501 tokens made 63 of four cost what 64 long ones do."""
    model = lstm(502)

    def seconds(lengths: list[int]) -> float:
        tokens, best = rows(lengths, 502), float("inf")
        for _ in range(3):
            start = time.perf_counter()
            sequence_nll_loss(model, TokenBatch(tokens))[0].backward()
            best = min(best, time.perf_counter() - start)
        return best

    long = seconds([501] * 64)
    assert seconds([4] * 64) < long / 5
    assert seconds([4] * 63 + [501]) < 0.9 * long

"""Streams: the same draw is the same batch, every element comes once an epoch, ranks share a batch."""

import random
from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from gan_ext.data import ArrayStream, SemiStream
from gan_ext.games import SemiBatch

CPU = torch.device("cpu")


class Rows(NamedTuple):
    number: Tensor
    square: Tensor


def rows(n: int) -> Rows:
    return Rows(torch.arange(n), torch.arange(n)[:, None].expand(n, 2) ** 2)


def drawn(stream: ArrayStream[Rows], draws: range) -> list[int]:
    return [number for draw in draws for number in stream[draw].number.tolist()]


@pytest.mark.parametrize(
    ("n", "batch"), [(1, 1), (1, 3), (5, 2), (7, 7), (10, 3), (3, 10), (100, 7), (130, 8), (40, 64)]
)
def test_every_element_comes_once_an_epoch(n: int, batch: int) -> None:
    stream = ArrayStream(rows(n), batch, seed=4)
    epochs = 12
    numbers = drawn(stream, range(-(-epochs * n // batch)))
    for epoch in range(epochs):
        assert sorted(numbers[epoch * n : (epoch + 1) * n]) == list(range(n))


@pytest.mark.parametrize(("n", "batch"), [(5, 2), (3, 10), (130, 8)])
def test_a_draw_is_the_same_in_any_order(n: int, batch: int) -> None:
    stream = ArrayStream(rows(n), batch, seed=4)
    forwards = [stream[draw].number for draw in range(200)]
    order = list(range(200))
    random.Random(0).shuffle(order)
    for other in (stream, ArrayStream(rows(n), batch, seed=4)):
        for draw in order:
            assert torch.equal(other[draw].number, forwards[draw])
    far = ArrayStream(rows(n), batch, seed=4)
    assert torch.equal(far[10**6].number, ArrayStream(rows(n), batch, seed=4)[10**6].number)


def test_batches_have_one_size_and_whole_rows() -> None:
    stream = ArrayStream(rows(10), 4)
    for draw in range(20):
        batch = stream[draw]
        assert isinstance(batch, Rows)
        assert batch.number.shape == (4,)
        assert torch.equal(batch.square, batch.number[:, None].expand(4, 2) ** 2)


def test_epochs_and_seeds_differ_in_their_order() -> None:
    orders = {
        tuple(drawn(ArrayStream(rows(50), 50, seed=seed), range(e, e + 1))) for seed in range(5) for e in range(5)
    }
    assert len(orders) == 25


def test_shuffles_are_uniform() -> None:
    """Each of the six orders of three comes as often as the others."""
    numbers = drawn(ArrayStream(rows(3), 3), range(6000))
    counts: dict[tuple[int, ...], int] = {}
    for start in range(0, len(numbers), 3):
        order = tuple(numbers[start : start + 3])
        counts[order] = counts.get(order, 0) + 1
    assert len(counts) == 6
    assert all(abs(count - 1000) < 150 for count in counts.values())  # five standard deviations


def test_drawing_leaves_the_callers_random_state_alone() -> None:
    before = torch.get_rng_state()
    ArrayStream(rows(9), 4)[3]
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("ranks", [1, 2, 3, 6])
@pytest.mark.parametrize("n", [4, 11, 200])
def test_the_shares_of_all_ranks_are_the_batch(ranks: int, n: int) -> None:
    whole = ArrayStream(rows(n), 6, seed=1)
    shares = [whole.place(CPU, rank, ranks) for rank in range(ranks)]
    for draw in range(60):
        together = torch.cat([share[draw].number for share in shares])
        assert torch.equal(together, whole[draw].number)


def test_placing_again_starts_from_the_whole() -> None:
    whole = ArrayStream(rows(10), 6)
    assert torch.equal(whole.place(CPU, 1, 2).place(CPU, 0, 1)[3].number, whole[3].number)


@pytest.mark.parametrize(("batch", "ranks"), [(5, 2), (4, 3), (1, 2)])
def test_a_batch_that_cannot_be_shared_is_refused(batch: int, ranks: int) -> None:
    with pytest.raises(ValueError, match=f"batch_size={batch} cannot be shared evenly by {ranks} ranks"):
        ArrayStream(rows(10), batch).place(CPU, 0, ranks)


@pytest.mark.parametrize(
    ("data", "batch"),
    [
        (Rows(torch.arange(3), torch.arange(4)), 2),
        (Rows(torch.empty(0), torch.empty(0, 2)), 2),
        (rows(3), 0),
        (rows(3), -1),
    ],
)
def test_streams_refuse_what_cannot_flow(data: Rows, batch: int) -> None:
    with pytest.raises(ValueError, match=f"one length >= 1 and batch_size >= 1, got lengths .* batch_size={batch}"):
        ArrayStream(data, batch)


# --- labeled beside unlabeled ---------------------------------------------------------------------------------------


def semi(seed: int = 0, labeled_batch: int | None = 3) -> SemiStream[SemiBatch]:
    x, u = torch.arange(5.0)[:, None], 100 + torch.arange(17.0)[:, None]
    return SemiStream(SemiBatch, x, torch.arange(5) * 10, u, 6, labeled_batch, seed)


def test_both_halves_come_once_an_epoch_each() -> None:
    stream = semi()
    batches = [stream[draw] for draw in range(40)]
    assert {(len(batch.x), len(batch.y), len(batch.u)) for batch in batches} == {(3, 3, 6)}
    for batch in batches:
        assert torch.equal(batch.y, batch.x[:, 0].long() * 10)
    x, u = (torch.cat([getattr(batch, name) for batch in batches])[:, 0].tolist() for name in "xu")
    for values, n, first in ((x, 5, 0), (u, 17, 100)):
        for epoch in range(len(values) // n):
            assert sorted(values[epoch * n : (epoch + 1) * n]) == [first + i for i in range(n)]


def test_the_halves_have_orders_of_their_own() -> None:
    x = torch.arange(30.0)[:, None]
    stream = SemiStream(SemiBatch, x, torch.arange(30), x, 30)
    assert not torch.equal(stream[0].x, stream[0].u)


def test_labeled_batches_are_as_large_as_the_others_by_default() -> None:
    assert len(semi(labeled_batch=None)[0].x) == 6


def test_a_semi_stream_is_random_access_and_shared_by_ranks() -> None:
    whole = semi(seed=3)
    shares = [whole.place(CPU, rank, 3) for rank in range(3)]
    for draw in (17, 2, 300, 0):
        for name in ("x", "y", "u"):
            together = torch.cat([getattr(share[draw], name) for share in shares])
            assert torch.equal(together, getattr(semi(seed=3)[draw], name))
    assert not torch.equal(whole[0].u, semi(seed=4)[0].u)


@pytest.mark.parametrize(
    ("x", "y", "u"), [((5, 2), (4,), (9, 2)), ((5, 2), (5,), (9, 3)), ((5, 2), (5,), (9, 2, 1)), ((0, 2), (0,), (9, 2))]
)
def test_semi_streams_refuse_what_does_not_belong_together(
    x: tuple[int, ...], y: tuple[int, ...], u: tuple[int, ...]
) -> None:
    with pytest.raises(ValueError, match="Stream needs"):
        SemiStream(SemiBatch, torch.zeros(x), torch.zeros(y, dtype=torch.int64), torch.zeros(u), 2)

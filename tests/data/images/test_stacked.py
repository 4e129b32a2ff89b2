"""Stacked digits: the same draw is the same batch, channels are independent, ranks share a batch."""

import pytest
import torch

from gan_ext.data import StackedStream, stacked_labels
from gan_ext.games import RealBatch
from gan_ext.metrics import kl_floor, label_scores

CPU = torch.device("cpu")
DIGITS = torch.arange(40, dtype=torch.uint8)[:, None, None].expand(40, 2, 3)  # every image is its own number


def stream(batch_size: int = 8, **settings: object) -> StackedStream[RealBatch]:
    return StackedStream(RealBatch, DIGITS, batch_size, values=(0.0, 255.0), **settings)


@pytest.mark.parametrize("n", [None, 20, 100])
def test_a_draw_is_the_same_in_any_order(n: int | None) -> None:
    forwards = [stream(n=n, seed=3)[draw].x for draw in range(30)]
    other = stream(n=n, seed=3)
    for draw in reversed(range(30)):
        assert torch.equal(other[draw].x, forwards[draw])
    assert not torch.equal(forwards[0], forwards[1])
    assert not torch.equal(stream(n=n, seed=4)[0].x, forwards[0])


@pytest.mark.parametrize("n", [None, 20])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_channels_are_the_digits_it_names(n: int | None, channels: int) -> None:
    made = stream(n=n, channels=channels)
    x, chosen = made[5].x, made.digits(5)
    assert x.shape == (8, channels, 2, 3)
    assert x.dtype == torch.float32
    assert chosen.shape == (8, channels)
    assert torch.equal(x, chosen[..., None, None].float().expand_as(x))


def test_a_table_is_finite_and_every_image_comes_once() -> None:
    made = stream(10, n=50)
    epochs = [torch.cat([made.digits(5 * epoch + draw) for draw in range(5)]) for epoch in range(3)]
    rows = [sorted(map(tuple, epoch.tolist())) for epoch in epochs]
    assert rows[0] == rows[1] == rows[2]
    assert not torch.equal(epochs[0], epochs[1])


def test_without_a_table_images_never_end() -> None:
    made = stream(10, n=None)
    rows = {tuple(row) for draw in range(200) for row in made.digits(draw).tolist()}
    assert len(rows) > 1900  # of 64 000 equally likely ones


def test_channels_are_independent_and_uniform() -> None:
    labels = torch.arange(40) % 5
    made = StackedStream(RealBatch, DIGITS, 20_000, n=None)
    modes = stacked_labels(labels[made.digits(0)], classes=5)
    scores = label_scores(modes, 125)
    assert scores.modes == 125
    assert scores.kl < 2 * kl_floor(20_000, 125)  # any dependence would add to it


@pytest.mark.parametrize("n", [None, 64])
def test_ranks_share_a_batch(n: int | None) -> None:
    whole = stream(8, n=n)
    for draw in range(12):
        parts = [whole.place(CPU, rank, 4)[draw].x for rank in range(4)]
        assert [len(part) for part in parts] == [2] * 4
        assert torch.equal(torch.cat(parts), whole[draw].x)


def test_values_of_bytes_and_floats() -> None:
    pixels = torch.tensor([[[0, 51], [204, 255]]], dtype=torch.uint8)
    expected = torch.tensor([[0.0, 0.2], [0.8, 1.0]]).expand(2, 3, 2, 2)
    torch.testing.assert_close(StackedStream(RealBatch, pixels, 2)[0].x, expected)
    torch.testing.assert_close(StackedStream(RealBatch, pixels.double() / 255, 2)[0].x, expected)
    torch.testing.assert_close(StackedStream(RealBatch, pixels, 2, values=(-1.0, 1.0))[0].x, 2 * expected - 1)


def test_digits_are_stored_once() -> None:
    made = stream(4)
    assert made.images.data_ptr() == DIGITS.data_ptr()
    assert made.images.dtype == torch.uint8


def test_modes_are_numbers_in_base_k() -> None:
    assert stacked_labels(torch.tensor([[1, 2, 3], [0, 0, 9]])).tolist() == [123, 9]
    assert stacked_labels(torch.tensor([[4, 3, 2, 1]])).tolist() == [4321]
    assert stacked_labels(torch.tensor([[2, 1]]), classes=3).tolist() == [7]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"batch_size": 0}, "batch_size=0 must be at least 1"),
        ({"n": 0}, "n=0 must be at least 1"),
        ({"channels": 0}, "channels=0 must be at least 1"),
    ],
)
def test_numbers_below_one_are_refused(settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        stream(**settings)


@pytest.mark.parametrize("images", [torch.zeros(3, 1, 4, 4), torch.zeros(0, 4, 4), torch.zeros(3, 4, 4).long()])
def test_images_must_be_gray(images: torch.Tensor) -> None:
    with pytest.raises(ValueError, match=r"images must be \[N, h, w\]"):
        StackedStream(RealBatch, images, 4)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="batch_size=8 cannot be shared evenly by 3 ranks"):
        stream(8).place(CPU, 0, 3)
    with pytest.raises(ValueError, match=r"labels must be integers \[n, c\], got torch.float32 \(2, 3\)"):
        stacked_labels(torch.zeros(2, 3))
    with pytest.raises(ValueError, match=r"labels must be integers \[n, c\]"):
        stacked_labels(torch.zeros(2).long())

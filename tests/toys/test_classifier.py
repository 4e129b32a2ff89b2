"""The reader of digits: it learns, repeats, and comes back from its file bit for bit."""

from pathlib import Path

import pytest
import torch
from sklearn.datasets import load_digits
from torch import Tensor

from gan_ext.data import StackedStream, stacked_labels
from gan_ext.engine import CheckpointError, write_tensors
from gan_ext.games import RealBatch
from gan_ext.metrics import label_scores
from gan_ext.toys import DigitReader, digit_reader


def digits() -> tuple[Tensor, Tensor]:
    images, labels = load_digits(return_X_y=True)
    small = torch.from_numpy(images).float().reshape(-1, 8, 8) / 16
    return small.repeat_interleave(2, 1).repeat_interleave(2, 2), torch.from_numpy(labels).long()


@pytest.fixture(scope="module")
def reader() -> DigitReader:
    x, y = digits()
    return digit_reader(x[:1200], y[:1200], epochs=6, batch_size=50, device="cpu")


def test_it_reads_digits_it_has_not_seen(reader: DigitReader) -> None:
    x, y = digits()
    assert float((reader.read(x[1200:]) == y[1200:]).float().mean()) == reader.accuracy(x[1200:], y[1200:]) > 0.9
    assert not reader.training


def test_it_reads_every_channel(reader: DigitReader) -> None:
    x, y = digits()
    stream = StackedStream(RealBatch, x, 200, n=None)
    read = reader.read(stream[0].x)
    assert read.shape == (200, 3)
    assert (read == y[stream.digits(0)]).float().mean() > 0.9
    assert torch.equal(reader.modes(stream[0].x), stacked_labels(read))
    scores = label_scores(reader.modes(stream[0].x), 1000)
    assert 150 < scores.modes <= 200


def test_bytes_and_floats_are_read_alike(reader: DigitReader) -> None:
    x, _ = digits()
    pixels = (x[:100] * 255).round().to(torch.uint8)
    assert torch.equal(reader.read(pixels), reader.read(pixels.float() / 255))
    assert torch.equal(reader.read(x[:100] * 3 - 1), reader.read((x[:100] * 3 - 1).clamp(0, 1)))


def test_the_same_seed_gives_the_same_net() -> None:
    x, y = digits()
    make = [
        digit_reader(x[:200], y[:200], epochs=1, random_state=seed, device="cpu").state_dict() for seed in (4, 4, 5)
    ]
    assert all(torch.equal(value, make[1][key]) for key, value in make[0].items())
    assert any(not torch.equal(value, make[2][key]) for key, value in make[0].items())


def test_a_file_gives_it_back(reader: DigitReader, tmp_path: Path) -> None:
    path = tmp_path / "reader.safetensors"
    reader.save(path)
    loaded = DigitReader.load(path)
    x, _ = digits()
    with torch.no_grad():
        assert torch.equal(loaded(x[:20, None]), reader(x[:20, None]))


def test_a_path_keeps_it_and_nothing_is_trained_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = digits()
    path = tmp_path / "fits" / "reader.safetensors"
    first = digit_reader(x[:100], y[:100], epochs=1, device="cpu", path=path)
    monkeypatch.setattr("gan_ext.toys.classifier.Engine.fit", None)
    again = digit_reader(x[:100], y[:100], epochs=1, device="cpu", path=path)
    assert torch.equal(first(x[:20, None]), again(x[:20, None]))


def test_other_files_are_refused(reader: DigitReader, tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    write_tensors(path, {"x": torch.zeros(1)}, {"kind": "other"})
    with pytest.raises(CheckpointError, match="holds no DigitReader"):
        DigitReader.load(path)


def test_errors_are_sentences(reader: DigitReader) -> None:
    x, y = digits()
    with pytest.raises(ValueError, match=r"needs images \[n, h, w\] and labels \[n\], got .* and \(3,\)"):
        digit_reader(x, y[:3])
    with pytest.raises(ValueError, match="epochs=0"):
        digit_reader(x, y, epochs=0)
    with pytest.raises(ValueError, match=r"with sides \(16, 16\), got \(2, 28, 28\)"):
        reader.read(torch.zeros(2, 28, 28))

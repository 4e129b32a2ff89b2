"""Sequences of integers through the estimator: fitted, written, begun with, saved."""

from pathlib import Path

import numpy as np

from gan_ext import SequenceGAN


def test_integers_go_in_and_come_out(tmp_path: Path) -> None:
    X = np.random.default_rng(0).integers(3, 9, (60, 5))
    model = SequenceGAN(None, likelihood_iter=40, max_iter=0, device="cpu", random_state=0).fit(X)
    rows = model.sample(20, prefix=[4, 5], random_state=0)
    assert all(isinstance(number, int) for row in rows for number in row)
    assert all(row[:2] == [4, 5] for row in rows)
    assert {number for row in rows for number in row} <= {-1, *range(3, 9)}
    model.save(tmp_path / "model.safetensors")
    assert SequenceGAN.load(tmp_path / "model.safetensors").sample(20, prefix=[4, 5], random_state=0) == rows

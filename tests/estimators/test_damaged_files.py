"""What a damaged claim beside the checkpoints of a fit says."""

from pathlib import Path

import numpy as np
import pytest

from gan_ext import ConditionalGAN
from gan_ext.engine import CheckpointError

X, Y = np.random.default_rng(0).normal(size=(12, 2)), np.arange(12) % 2


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b"\xff\xfe\x00", b'{"settings": 3}', b"[" * 100_000])
def test_a_damaged_claim_is_named(content: bytes, tmp_path: Path) -> None:
    model = ConditionalGAN(max_iter=2, batch_size=4, device="cpu", checkpoint=tmp_path, random_state=0).fit(X, Y)
    held = (tmp_path / "fit.json").read_bytes()
    (tmp_path / "fit.json").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"fit\.json is damaged .* which data and settings the checkpoints"):
        model.fit(X, Y)
    (tmp_path / "fit.json").write_bytes(held)
    assert model.fit(X, Y).n_iter_ == 2

"""A fit that is killed: python killable_text.py FOLDER.  Its settings are functions, as a user's would be."""

import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import torch

from gan_ext import SequenceGAN
from gan_ext.games import SeqGAN
from gan_ext.nets import CNNDiscriminator, LSTMGenerator

LINES = ["a cat sat", "a dog sat", "the cat ran", "the dog ran", "a bird", "the bird sat", ""] * 4


def vowels(lines: list[str]) -> list[float]:
    """Return the share of vowels in each line."""
    return [sum(letter in "aeiou" for letter in line) / max(1, len(line)) for line in lines]


def model(folder: Path | None = None, **more: Any) -> SequenceGAN:
    """Return a small model that saves after every step."""
    return SequenceGAN(
        partial(SeqGAN, rollouts=1),
        tokenizer=str.split,
        reward=vowels,
        generator=partial(LSTMGenerator, embedding=4, hidden=8, dropout=0.1),
        discriminator=partial(CNNDiscriminator, widths=(1, 2), filters=(4, 4), embedding=4),
        likelihood_iter=6,
        warm_up_iter=4,
        max_iter=8,
        batch_size=8,
        validation_fraction=0.3,
        guard_every=3,
        checkpoint=folder,
        checkpoint_every=1,
        device="cpu",
        random_state=0,
        **more,
    )


if __name__ == "__main__":
    torch.set_num_threads(1)
    model(Path(sys.argv[1]), callbacks=(lambda engine: time.sleep(0.1),)).fit(LINES)

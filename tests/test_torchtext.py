"""The extra ``torchtext`` installs beside a current torch and works there (the package itself never needs it)."""

from collections import Counter

import pytest
import torch

torchtext = pytest.importorskip("torchtext", reason="needs the extra `torchtext`")


def test_torchtext_numbers_tokens_and_pads_them_into_tensors_of_this_torch() -> None:
    from torchtext.data import Field
    from torchtext.vocab import Vocab

    lines = [["a", "cat", "sat"], ["a", "dog"]]
    vocabulary = Vocab(Counter(token for line in lines for token in line))
    assert vocabulary.itos[:3] == ["<unk>", "<pad>", "a"]
    field = Field(batch_first=True)
    field.build_vocab(lines)
    batch = field.process(lines)
    assert isinstance(batch, torch.Tensor)
    assert batch.shape == (2, 3)
    assert batch[1, 2] == field.vocab.stoi["<pad>"]
    assert field.vocab.itos[batch[0, 1]] == "cat"

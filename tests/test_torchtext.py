"""torchtext 0.6, the one that works beside a current torch: its vocabularies and corpora are taken as they are."""

import copy
from collections import Counter
from typing import Any

import pytest
import torch

from gan_ext.data import SPECIALS, Corpus, LabeledTokens, Vocab, as_vocab, build_vocab_from_iterator, get_tokenizer

torchtext = pytest.importorskip("torchtext", reason="needs the extra `torchtext`")

LINES = ["a cat sat", "a dog", "", "the dog sat a a"]


def dataset(lines: list[tuple[Any, ...]], **fields: Any) -> Any:
    from torchtext.data import Dataset, Example

    columns = list(fields.items())
    return Dataset([Example.fromlist(line, columns) for line in lines], columns)


def test_torchtext_numbers_tokens_and_pads_them_into_tensors_of_this_torch() -> None:
    from torchtext.data import Field
    from torchtext.vocab import Vocab as OldVocab

    lines = [["a", "cat", "sat"], ["a", "dog"]]
    vocabulary = OldVocab(Counter(token for line in lines for token in line))
    assert vocabulary.itos[:3] == ["<unk>", "<pad>", "a"]
    field = Field(batch_first=True)
    field.build_vocab(lines)
    batch = field.process(lines)
    assert isinstance(batch, torch.Tensor)
    assert batch.shape == (2, 3)
    assert batch[1, 2] == field.vocab.stoi["<pad>"]
    assert field.vocab.itos[batch[0, 1]] == "cat"


@pytest.mark.parametrize(
    "options",
    [{}, {"min_freq": 2}, {"specials": []}, {"specials": ["<pad>", "<unk>", "<eos>"]}, {"specials_first": False}],
)
def test_an_old_vocabulary_is_taken_with_its_numbers(options: dict[str, Any]) -> None:
    from torchtext.vocab import Vocab as OldVocab

    old = OldVocab(Counter(token for line in LINES for token in line.split()), **options)
    made = as_vocab(old)
    assert made.get_itos() == old.itos
    assert made.get_stoi() == dict(old.stoi)
    if "<unk>" in old.itos:
        assert old.stoi["zebra"] == old["zebra"] == made["zebra"]
        assert "zebra" in old.stoi, "looking up adds there"
        assert as_vocab(old).get_itos() == made.get_itos(), "and here it is no token"
    else:
        assert made.get_default_index() is None
    assert as_vocab(copy.deepcopy(old)).to_json() == made.to_json()


def test_order_by_frequency_is_the_same_in_both() -> None:
    from torchtext.vocab import Vocab as OldVocab
    from torchtext.vocab import build_vocab_from_iterator as build_old

    sequences = [list("the quick brown fox"), list("jumps over"), list("the lazy dog")]
    old = build_old(sequences)
    specials = ["<unk>", "<pad>"]
    assert as_vocab(old).get_itos() == build_vocab_from_iterator(sequences, specials=specials).get_itos()
    for most in (1, 5, 100):
        capped = OldVocab(Counter(token for each in sequences for token in each), max_size=most)
        ours = build_vocab_from_iterator(sequences, specials=specials, max_tokens=most + 2)
        assert as_vocab(capped).get_itos() == ours.get_itos()


def test_an_old_vocabulary_numbers_a_corpus() -> None:
    from torchtext.vocab import Vocab as OldVocab

    old = OldVocab(Counter(["a", "dog", "a"]))
    corpus = Corpus.build(LINES, vocabulary=old)
    assert corpus.vocabulary.get_itos() == ["<unk>", "<pad>", "a", "dog", "<bos>", "<eos>"]
    assert corpus.text(corpus.tokens) == ["a <unk> <unk>", "a dog", "", "<unk> dog <unk> a a"]
    assert old.itos == ["<unk>", "<pad>", "a", "dog"]


def test_a_dataset_of_one_field_is_a_corpus_with_the_numbers_of_its_field() -> None:
    from torchtext.data import Field

    field = Field(lower=True, batch_first=True, init_token="<s>", eos_token="</s>")
    data = dataset([(line.upper(),) for line in LINES], text=field)
    unbuilt = Corpus.build(data)
    assert unbuilt.vocabulary.get_itos()[:5] == [*SPECIALS, "a"]
    field.build_vocab(data)
    corpus = Corpus.build(data)
    assert not corpus.are_strings
    assert corpus.text(corpus.tokens) == [line.split() for line in LINES]
    assert (corpus.pad, corpus.start, corpus.end) == tuple(field.vocab.stoi[each] for each in ("<pad>", "<s>", "</s>"))
    assert len(corpus.vocabulary) == len(field.vocab)
    theirs = field.process([example.text for example in data])
    assert torch.equal(theirs[:, 0], torch.full((4,), corpus.start))
    assert torch.equal(theirs[:, 1:], corpus.tokens), "theirs is ours behind the start token"
    given = Corpus.build(data, vocabulary=Vocab(["a", "dog"]))
    assert given.vocabulary.get_itos() == ["a", "dog", *SPECIALS]


@pytest.mark.parametrize("names", [{}, {"pad_token": "_", "unk_token": "?"}, {"unk_token": None}])
def test_names_of_special_tokens_become_ours(names: dict[str, str | None]) -> None:
    from torchtext.data import Field

    field = Field(**names)
    data = dataset([(line,) for line in LINES], text=field)
    field.build_vocab(data, min_freq=2)
    corpus = Corpus.build(data)
    assert corpus.vocabulary["<pad>"] == field.vocab.stoi[field.pad_token]
    assert set(SPECIALS) <= set(corpus.vocabulary)
    assert not {"_", "?"} & set(corpus.vocabulary)
    assert corpus.text(corpus.tokens)[0] == ["a", "<unk>", "sat"]


def test_a_dataset_with_labels_has_labels() -> None:
    from torchtext.data import Field, LabelField

    data = dataset([(line, "pos" if "dog" in line else "neg") for line in LINES], text=Field(), label=LabelField())
    corpus = Corpus.build(data)
    assert isinstance(corpus.data, LabeledTokens)
    assert corpus.classes == ("neg", "pos")
    assert corpus.data.labels.tolist() == [0, 1, 0, 1]
    assert corpus.text(corpus.tokens) == [line.split() for line in LINES]


def test_a_dataset_of_two_texts_asks_which() -> None:
    from torchtext.data import Field

    data = dataset([("a b", "c d")], question=Field(), answer=Field())
    with pytest.raises(ValueError, match=r"text fields \['question', 'answer'\] and the label fields \[\]; .* choose"):
        Corpus.build(data)
    assert Corpus.build([example.answer for example in data.examples]).text([[4, 5]]) == [["c", "d"]]


def test_tokenizers_of_torchtext_are_functions() -> None:
    from torchtext.data.utils import get_tokenizer as get_theirs

    theirs = get_theirs("basic_english")
    assert get_tokenizer(theirs).tokenize("You can now, install!") == ["you", "can", "now", ",", "install", "!"]
    corpus = Corpus.build(["You can now, install!"], tokenizer=theirs)
    assert corpus.text(corpus.tokens) == ["you can now, install!"]

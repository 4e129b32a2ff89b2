"""Vocabularies: numbers and tokens are each other's inverse, and torchtext 0.18's answers, rule by rule."""

import copy
import importlib.util
import json
import pickle
import random
import sys
from collections import Counter

import pytest

import gan_ext.data.sequences.vocabulary
from gan_ext.data import SPECIALS, Vocab, as_vocab, build_vocab_from_iterator, vocab

CORPUS = [["a", "b", "b", "c"], ["c", "d", "<unk>"]]


def test_numbers_and_tokens_are_inverse() -> None:
    tokens = [*SPECIALS, "the", "cat", "", " "]
    made = Vocab(tokens)
    assert len(made) == len(tokens)
    assert made.get_itos() == list(made) == made.lookup_tokens(range(len(made))) == tokens
    assert made.get_stoi() == {token: number for number, token in enumerate(tokens)}
    assert made(tokens) == made.forward(tokens) == made.lookup_indices(tokens) == list(range(len(tokens)))
    for number, token in enumerate(tokens):
        assert (made[token], made.lookup_token(number), token in made) == (number, token, True)
    assert "dog" not in made
    assert repr(made) == "Vocab of 8 tokens: '<pad>', '<unk>', '<bos>', '<eos>', 'the', 'cat', ..."


def test_insertion_is_that_of_a_list() -> None:
    draw = random.Random(0)
    made, expected = Vocab(), list[str]()
    for i in range(60):
        place = draw.randint(0, len(expected))
        made.insert_token(str(i), place)
        expected.insert(place, str(i))
        assert made.get_itos() == expected
        assert made(expected) == list(range(len(expected)))
    made.append_token("last")
    assert made["last"] == 60


def test_frequent_tokens_come_first_and_ties_in_alphabetical_order() -> None:
    draw = random.Random(1)
    corpus = [draw.choices("abcdefghij", k=draw.randint(0, 9)) for _ in range(30)]
    counts = Counter(token for tokens in corpus for token in tokens)
    for least in range(30):
        expected = sorted((token for token in counts if counts[token] >= least), key=lambda t: (-counts[t], t))
        assert build_vocab_from_iterator(iter(corpus), min_freq=least).get_itos() == expected
    for most in range(1, 12):
        everything = build_vocab_from_iterator(corpus).get_itos()
        assert build_vocab_from_iterator(corpus, max_tokens=most).get_itos() == everything[:most]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, ["b", "c", "<unk>", "a", "d"]),
        ({"min_freq": 2}, ["b", "c"]),
        ({"specials": ["<unk>", "<pad>"]}, ["<unk>", "<pad>", "b", "c", "a", "d"]),
        ({"specials": ["<unk>", "<pad>"], "special_first": False}, ["b", "c", "a", "d", "<unk>", "<pad>"]),
        ({"specials": ["<unk>", "<pad>"], "max_tokens": 4}, ["<unk>", "<pad>", "b", "c"]),
        ({"specials": ["<unk>", "<pad>"], "max_tokens": 5}, ["<unk>", "<pad>", "b", "c"]),
        ({"specials": ["<unk>", "<pad>"], "max_tokens": 6}, ["<unk>", "<pad>", "b", "c", "a"]),
        ({"specials": ["<pad>"], "min_freq": 2, "max_tokens": 9}, ["<pad>", "b", "c"]),
    ],
)
def test_vocabularies_are_those_of_torchtext_018(options: dict[str, object], expected: list[str]) -> None:
    """The same cases are compared with the real one by benchmarks/check_torchtext_018.py."""
    assert build_vocab_from_iterator(CORPUS, **options).get_itos() == expected


def test_a_dictionary_of_frequencies_keeps_its_order_and_itself() -> None:
    frequencies = {"b": 2, "x": 3, "a": 1}
    assert vocab(frequencies).get_itos() == ["b", "x", "a"]
    assert vocab(frequencies, min_freq=2, specials=["x", "y"], special_first=False).get_itos() == ["b", "x", "y"]
    assert frequencies == {"b": 2, "x": 3, "a": 1}


def test_unknown_tokens_are_an_error_until_there_is_a_default_index() -> None:
    made = Vocab(["a", "b"])
    assert made.get_default_index() is None
    for ask in (lambda: made["z"], lambda: made(["a", "z"])):
        with pytest.raises(
            RuntimeError, match="Token 'z' is not in the vocabulary of 2 tokens and there is no default"
        ):
            ask()
    made.set_default_index(1)
    assert (made["z"], made(["a", "z", "b"]), made.get_default_index()) == (1, [0, 1, 1], 1)
    assert "z" not in made
    assert len(made) == 2, "looking up does not add"
    made.insert_token("c", 0)
    assert made["z"] == 1, "as in torchtext, the number stays and not the token"
    made.set_default_index(None)
    with pytest.raises(RuntimeError, match="'z'"):
        made["z"]


def test_what_is_handed_out_is_a_copy() -> None:
    made = Vocab(["a"])
    made.get_itos().append("b")
    made.get_stoi()["b"] = 1
    assert "b" not in made
    assert len(made) == 1


@pytest.mark.parametrize("way", ["pickle", "deepcopy", "json"])
@pytest.mark.parametrize("default", [None, 1])
def test_a_copy_is_equal_and_independent(way: str, default: int | None) -> None:
    made = Vocab(["ü", "<unk>", '"'], default)
    ways = {
        "pickle": lambda: pickle.loads(pickle.dumps(made)),
        "deepcopy": lambda: copy.deepcopy(made),
        "json": lambda: Vocab.from_json(json.loads(json.dumps(made.to_json()))),
    }
    other = ways[way]()
    assert other.to_json() == made.to_json() == {"tokens": ["ü", "<unk>", '"'], "default_index": default}
    other.append_token("new")
    other.set_default_index(0)
    assert other["new"] == 3
    assert other["never seen"] == 0
    assert "new" not in made
    assert made.get_default_index() == default


@pytest.mark.parametrize(
    ("wrong", "kind", "sentence"),
    [
        (lambda: Vocab(["a", "b", "a"]), RuntimeError, "Token 'a' occurs twice in the vocabulary, as number 0 and 2"),
        (lambda: as_vocab(["a", "a"]), RuntimeError, "occurs twice"),
        (lambda: Vocab(["a"]).append_token("a"), RuntimeError, "occurs twice"),
        (lambda: Vocab(["a"]).insert_token("b", 2), RuntimeError, "index=2 is out of range.* 0 to 1"),
        (lambda: Vocab(["a"]).insert_token("b", -1), RuntimeError, "index=-1 is out of range"),
        (lambda: Vocab(["a"]).lookup_token(1), RuntimeError, "Number 1 is out of range: the vocabulary has 1 tokens"),
        (lambda: Vocab(["a"]).lookup_tokens([0, -1]), RuntimeError, "Number -1 is out of range"),
        (lambda: vocab({}, specials=["x", "x"]), RuntimeError, "occurs twice"),
        (lambda: build_vocab_from_iterator([["a"]], specials=["x", "y"], max_tokens=2), ValueError, "no place beside"),
        (lambda: Vocab(["a", 3]), ValueError, "tokens must be strings, got 3, int"),  # type: ignore[list-item]
        (lambda: Vocab(["a"], 0)[3], TypeError, "must be a string, got 3, int"),  # type: ignore[index]
        (lambda: as_vocab("abc"), TypeError, "got str"),
        (lambda: as_vocab(None), TypeError, "got NoneType"),
        (lambda: as_vocab({"a": 3, "b": 2}), ValueError, "values are the numbers 0, 1"),
        (lambda: as_vocab({"a": 0, "b": 0}), ValueError, "for frequencies use gan_ext.data.vocab"),
    ],
)
def test_errors_are_sentences(wrong: object, kind: type[Exception], sentence: str) -> None:
    with pytest.raises(kind, match=sentence):
        wrong()  # type: ignore[operator]


def test_lists_and_dictionaries_become_vocabularies() -> None:
    for source in (["b", "<unk>", "a"], ("b", "<unk>", "a"), {"a": 2, "b": 0, "<unk>": 1}):
        made = as_vocab(source)
        assert made.get_itos() == ["b", "<unk>", "a"]
        assert made["zzz"] == 1
    assert as_vocab(["a"]).get_default_index() is None
    own = Vocab(["a"])
    assert as_vocab(own) is own


def test_the_file_needs_python_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that it can be compared with torchtext 0.18, whose torch is too old for the package."""
    for name in ("torch", "numpy", "sklearn", "gan_ext", "typing_extensions"):
        monkeypatch.setitem(sys.modules, name, None)
    spec = importlib.util.spec_from_file_location("alone", gan_ext.data.sequences.vocabulary.__file__)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.build_vocab_from_iterator(CORPUS).get_itos() == ["b", "c", "<unk>", "a", "d"]

"""Corpora: what is numbered comes back, rows end as promised, and what is wrong is said with its place."""

import os
import random
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from gan_ext.data import (
    SPECIALS,
    ArrayStream,
    BPETokenizer,
    Corpus,
    LabeledTokens,
    TokenBatch,
    Vocab,
    WordTokenizer,
    decode,
    encode,
    read_lines,
    tokenizer_config,
    tokenizer_from_config,
)
from gan_ext.sequences import real_positions

PAD, UNK, BOS, EOS = range(4)
LINES = ["a cat sat.", "", "a dog, a cat", "the dog."]
LETTERS = Vocab([*SPECIALS, *"abc"])


def random_sequences(seed: int, n: int = 50, longest: int = 9) -> list[list[str]]:
    draw = random.Random(seed)
    return [draw.choices("abc", k=draw.randint(0, longest)) for _ in range(n)]


def test_rows_are_closed_filled_and_cut() -> None:
    sequences = [["a"], [], ["a", "b", "c"], ["c", "b", "a", "b"], ["a", "b"]]
    expected = [[4, EOS, PAD], [EOS, PAD, PAD], [4, 5, 6], [6, 5, 4], [4, 5, EOS]]
    tokens = encode(sequences, LETTERS, 3)
    assert tokens.dtype == torch.int64
    assert tokens.tolist() == expected
    open_rows = encode(sequences, LETTERS, 3, end=False)
    assert open_rows.tolist() == [[4, PAD, PAD], [PAD] * 3, [4, 5, 6], [6, 5, 4], [4, 5, PAD]]


@pytest.mark.parametrize("length", [1, 2, 5, 9, 10, 20])
def test_encoding_is_the_obvious_loop_and_decoding_its_inverse(length: int) -> None:
    sequences = random_sequences(length)
    tokens = encode(sequences, LETTERS, length)
    for row, sequence in zip(tokens.tolist(), sequences, strict=True):
        kept = [LETTERS[token] for token in sequence[:length]]
        closed = [*kept, EOS][:length] if len(sequence) < length else kept
        assert row == closed + [PAD] * (length - len(closed))
    assert decode(tokens, LETTERS) == [sequence[:length] for sequence in sequences]


def test_real_positions_count_tokens_and_one_end() -> None:
    sequences = random_sequences(3)
    counts = real_positions(encode(sequences, LETTERS, 6), EOS).sum(1)
    assert counts.tolist() == [min(len(sequence) + 1, 6) for sequence in sequences]


def test_decoding_stops_at_the_end_and_keeps_unknown_tokens() -> None:
    tokens = [[BOS, 4, UNK, EOS, 5], [PAD, 5, PAD, 6, 6], [EOS] * 5]
    expected = [["a", "<unk>"], ["b", "c", "c"], []]
    for same in (tokens, np.array(tokens), torch.tensor(tokens), torch.tensor(tokens, dtype=torch.int32)):
        assert decode(same, LETTERS) == expected
    assert decode([[0, 1]], Vocab(["x", "y"])) == [["x", "y"]], "a vocabulary may have no special tokens"


def test_no_sequences_make_an_empty_table() -> None:
    assert encode([], LETTERS, 4).shape == (0, 4)
    assert decode(torch.empty(0, 4, dtype=torch.int64), LETTERS) == []


def test_unknown_tokens_get_the_default_index_or_unk() -> None:
    assert encode([["a", "z"]], LETTERS, 3).tolist() == [[4, UNK, EOS]]
    assert LETTERS.get_default_index() is None, "it is not changed"
    assert encode([["a", "z"]], Vocab(LETTERS.get_itos(), 6), 3).tolist() == [[4, 6, EOS]]


def test_strings_come_back_as_strings_and_lists_as_lists() -> None:
    strings = Corpus.build(LINES)
    assert strings.are_strings
    assert strings.text(strings.tokens) == LINES
    lists = [["a", "b"], [], ["a"]]
    corpus = Corpus.build(lists)
    assert not corpus.are_strings
    assert corpus.tokenizer is None
    assert corpus.text(corpus.tokens) == lists


def test_a_corpus_has_its_tokens_by_frequency_behind_the_special_ones() -> None:
    corpus = Corpus.build(LINES)
    assert corpus.vocabulary.get_itos() == [*SPECIALS, "a", ".", "cat", "dog", ",", "sat", "the"]
    assert (corpus.pad, corpus.vocabulary["zebra"], corpus.start, corpus.end) == (PAD, UNK, BOS, EOS)
    assert corpus.tokens.shape == (len(corpus), corpus.length) == (4, 6), "the longest line has five tokens"
    assert bool((corpus.tokens == EOS).any(1).all()), "every line is closed"
    small = Corpus.build(LINES, max_tokens=6)
    assert small.vocabulary.get_itos() == [*SPECIALS, "a", "."]
    assert small.text(small.tokens)[0] == "a <unk> <unk>."
    assert Corpus.build(LINES, min_freq=3).vocabulary.get_itos() == [*SPECIALS, "a"]


def test_max_length_is_the_most_tokens_of_a_line() -> None:
    for most in (1, 3, 5, 6, 7, 100):
        corpus = Corpus.build(LINES, max_length=most)
        assert corpus.length == most, "room for longer lines to come"
        words = [WordTokenizer().tokenize(line)[:most] for line in LINES]
        assert decode(corpus.tokens, corpus.vocabulary) == words
    assert Corpus.build(LINES, max_length=5, on_long="error").length == 5


def test_a_given_vocabulary_keeps_its_numbers_and_itself() -> None:
    given = Vocab(["cat", "<eos>", "a"])
    corpus = Corpus.build(LINES, vocabulary=given)
    assert corpus.vocabulary.get_itos() == ["cat", "<eos>", "a", "<pad>", "<unk>", "<bos>"]
    assert (corpus.end, corpus.pad, corpus.vocabulary["sat"]) == (1, 3, 4)
    assert corpus.tokens[0].tolist() == [2, 0, 4, 4, 1, 3]
    assert given.get_itos() == ["cat", "<eos>", "a"]
    assert given.get_default_index() is None
    same = Corpus.build(LINES, vocabulary=Corpus.build(LINES).vocabulary)
    assert torch.equal(same.tokens, Corpus.build(LINES).tokens)


@pytest.mark.parametrize("lines", [[""], ["", ""], ["a"], ["a a a", "a"], ["x" * 5000], ["a " * 5000, "b"]])
def test_empty_very_long_and_one_token_corpora(lines: list[str]) -> None:
    corpus = Corpus.build(lines)
    longest = max(len(line.split()) for line in lines)
    assert corpus.length == longest + 1
    assert corpus.text(corpus.tokens) == [line.strip() for line in lines]
    assert len(corpus.vocabulary) == 4 + len({token for line in lines for token in line.split()})


def test_other_texts_are_numbered_alike() -> None:
    corpus = Corpus.build(LINES)
    assert torch.equal(corpus.encode(LINES), corpus.tokens)
    other = corpus.encode(["the zebra sat.", "a a a a a a a a"])
    assert corpus.text(other) == ["the <unk> sat.", "a a a a a a"]
    assert corpus.encode([["cat"]]).tolist() == [[corpus.vocabulary["cat"], EOS, PAD, PAD, PAD, PAD]]
    with pytest.raises(ValueError, match="Sequence 1 has 8 tokens, more than the 6 allowed"):
        corpus.encode(["the", "a a a a a a a a"], on_long="error")
    with pytest.raises(ValueError, match="made of lists of tokens, so that it has no tokenizer"):
        Corpus.build([["a"]]).encode(["a"])


@pytest.mark.parametrize(("name", "lines"), [("char", LINES), ("smiles", ["Clc1ccc(Br)cc1", "[nH]C%12"])])
def test_other_tokenizers_come_back_exactly(name: str, lines: list[str]) -> None:
    corpus = Corpus.build(lines, tokenizer=name)
    assert corpus.text(corpus.tokens) == lines


def test_pieces_are_trained_on_the_corpus_and_all_are_tokens() -> None:
    pytest.importorskip("tokenizers", reason="needs the extra `bpe`")
    lines = ["the cat sat on the mat", "the dog sat"] * 5
    corpus = Corpus.build(lines, tokenizer="bpe", max_tokens=30)
    assert corpus.text(corpus.tokens) == lines
    assert len(corpus.vocabulary) == 30
    assert isinstance(corpus.tokenizer, BPETokenizer)
    assert set(corpus.vocabulary.get_itos()) == {*SPECIALS, *corpus.tokenizer.pieces()}
    assert corpus.text(corpus.encode(["tan god"])) == ["tan god"], "letters that stood in words may stand alone"
    given = BPETokenizer(size=25)
    Corpus.build(lines, tokenizer=given)
    assert not given.trained, "what is given is not changed"
    trained = BPETokenizer(size=25).fit(["zzz"])
    assert Corpus.build(["zz"], tokenizer=trained).tokenizer is trained


def test_pairs_have_labels_and_any_iterator_will_do() -> None:
    pairs = [(3, "a cat"), (1, "a dog"), (3, "a")]
    corpus = Corpus.build(iter(pairs))
    assert corpus.classes == (1, 3)
    assert corpus.labels is not None
    assert corpus.labels.tolist() == [1, 0, 1]
    assert corpus.text(corpus.tokens) == ["a cat", "a dog", "a"]
    assert isinstance(corpus.data, LabeledTokens)
    words = Corpus.build([("pos", ["good"]), ("neg", ["bad"])])
    assert words.classes == ("neg", "pos")
    assert not words.are_strings
    for source in (line for line in LINES), tuple(LINES), np.array(LINES), dict.fromkeys(LINES).keys():
        assert Corpus.build(source).text(Corpus.build(LINES).tokens) == LINES


def test_a_stream_takes_the_tokens_as_they_are() -> None:
    corpus = Corpus.build(LINES)
    assert isinstance(corpus.data, TokenBatch)
    stream = ArrayStream(corpus.data, batch_size=2, seed=1).place(torch.device("cpu"), 0, 1)
    batches = [stream[draw] for draw in range(2)]
    assert all(isinstance(batch, TokenBatch) and batch.tokens.shape == (2, 6) for batch in batches)
    drawn = [line for batch in batches for line in corpus.text(batch.tokens)]
    assert sorted(map(str, drawn)) == sorted(LINES), "an epoch has every line once"
    labeled = Corpus.build([(len(line), line) for line in LINES])
    pairs = ArrayStream(labeled.data, batch_size=4)[5]
    assert isinstance(pairs, LabeledTokens)
    assert [labeled.classes[label] for label in pairs.labels] == list(map(len, labeled.text(pairs.tokens)))


@pytest.mark.parametrize(
    ("X", "options", "kind", "sentence"),
    [
        ([], {}, ValueError, "corpus is empty"),
        (iter([]), {}, ValueError, "corpus is empty"),
        ("a cat", {}, TypeError, r"got str; for one text write \[text\], for a file read_lines"),
        (b"a cat", {}, TypeError, "got bytes"),
        (Path("a"), {}, TypeError, "got .*Path"),
        ({"a": 1}, {}, TypeError, "got dict"),
        (3, {}, TypeError, "got int"),
        (torch.zeros(2, 3), {}, TypeError, "got Tensor; a tensor must be integers"),
        (
            ["a", "b", 3],
            {},
            TypeError,
            "Item 2 is 3, int and item 0 is 'a', str; the items of a corpus are all strings",
        ),
        (["a", None], {}, TypeError, "Item 1 is None, NoneType"),
        ([3, "a"], {}, TypeError, "Item 0 is 3, int; "),
        (["a", ["b"]], {}, TypeError, r"Item 1 is \['b'\], list"),
        ([["b"], "a"], {}, TypeError, "Item 1 is 'a', str and item 0 is"),
        (["a" * 99, b"b"], {}, TypeError, "Item 1 is b'b', bytes and item 0 is 'a{36}..., str"),
        ([["a"], ["b", 7]], {}, TypeError, "Token 1 of sequence 1 is 7, int; tokens must be strings, such as '7'"),
        ([("a", "b", "c")], {}, TypeError, "Item 0 is .*a pair .label, text., and then all items must be pairs"),
        ([(1, "a"), "b"], {}, TypeError, "Item 1 is 'b', str; a tuple stands for a pair"),
        ([("a text", 1)], {}, TypeError, "Item 0 is 1, int.*pairs are .label, text."),
        ([(1, "a"), ("x", "a")], {}, TypeError, r"Labels must be all integers or all strings, got \['int', 'str'\]"),
        ([(0.5, "a")], {}, TypeError, r"got \['float'\]"),
        (LINES, {"max_length": 0}, ValueError, "max_length=0 must be at least 1"),
        (LINES, {"max_length": 4, "on_long": "error"}, ValueError, r"Sequence 2 has 5 tokens, more than the 4 allowed"),
        (LINES, {"on_long": "cut"}, ValueError, 'on_long=\'cut\' must be "truncate" or "error"'),
        (LINES, {"tokenizer": "words"}, ValueError, "must be one of 'word'"),
        (LINES, {"tokenizer": str.upper}, TypeError, "tokenizer made 'A CAT SAT.', str of item 0"),
        (LINES, {"tokenizer": lambda text: [1]}, TypeError, "Token 0 of sequence 0 is 1, int"),
        (LINES, {"max_tokens": 4}, ValueError, "max_tokens=4 leaves no place beside the 4 special tokens"),
        (LINES, {"vocabulary": ["a"], "max_tokens": 4}, ValueError, "has 5 tokens, .* more than max_tokens=4"),
        (LINES, {"vocabulary": ["a", "b", "a"]}, RuntimeError, "Token 'a' occurs twice"),
        (LINES, {"vocabulary": 3}, TypeError, "A vocabulary is a Vocab"),
        (LINES, {"vocabulary": Vocab(["a"], 9)}, ValueError, "The default index 9 is no number of the vocabulary"),
        ([["a"], ["b", "<eos>"]], {}, ValueError, "Sequence 1 holds '<eos>', which is added where it belongs"),
        ([["<pad>"]], {}, ValueError, "Sequence 0 holds '<pad>'"),
        ([["a"], [], ["<bos>", "a"]], {}, ValueError, "Sequence 2 holds '<bos>'"),
    ],
)
def test_wrong_corpora_are_refused_with_the_place(
    X: Any, options: dict[str, Any], kind: type[Exception], sentence: str
) -> None:
    with pytest.raises(kind, match=sentence):
        Corpus.build(X, **options)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (
            lambda: encode([["a"], ["z"]], Vocab(["a", "<pad>", "<eos>"]), 2),
            "Sequence 1 holds 'z', which the vocabulary",
        ),
        (lambda: encode([["a"]], Vocab(["a", "<eos>"]), 2), "lacks '<pad>'; append_token"),
        (lambda: encode([["a"]], Vocab(["a", "<pad>"]), 2), "lacks '<eos>'"),
        (lambda: encode([["a"]], LETTERS, 0), "length=0 must be at least 1"),
        (lambda: encode([["a"] * 3], LETTERS, 2, on_long="error"), r"Sequence 0 has 3 tokens, .* \(1 sequences have\)"),
        (lambda: decode([[1, 2], [3, 7]], LETTERS), r"tokens\[1, 1\] is 7; the vocabulary has the numbers 0 to 6"),
        (lambda: decode([[1, -1]], LETTERS), r"tokens\[0, 1\] is -1"),
        (lambda: decode([[0.5]], LETTERS), r"must be integers \[n, T\], got float64 \[1, 1\]"),
        (lambda: decode([1, 2], LETTERS), r"must be integers \[n, T\], got int64 \[2\]"),
    ],
)
def test_wrong_tables_are_refused_with_the_place(wrong: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        wrong()


@pytest.mark.data
@pytest.mark.skipif("GAN_EXT_DATA" not in os.environ, reason="needs GAN_EXT_DATA")
def test_ten_thousand_captions_cost_a_few_times_what_counting_their_words_does() -> None:
    lines = read_lines(Path(os.environ["GAN_EXT_DATA"]) / "text/image_coco/train.txt")

    def least(work: Callable[[], Any]) -> float:
        times = []
        for _ in range(7):
            start = time.process_time()
            work()
            times.append(time.process_time() - start)
        return min(times)

    corpus = Corpus.build(lines)
    assert corpus.tokens.shape == (10_000, 38)
    assert least(lambda: Corpus.build(lines)) < 15 * least(lambda: Counter(" ".join(lines).split()))
    words = corpus.text(corpus.tokens)
    assert sum(a == " ".join(b.split()) for a, b in zip(words, lines, strict=True)) > 9_950


@pytest.mark.data
@pytest.mark.skipif("GAN_EXT_DATA" not in os.environ, reason="needs GAN_EXT_DATA")
def test_real_corpora_have_their_vocabularies() -> None:
    folder = Path(os.environ["GAN_EXT_DATA"])
    play = read_lines(folder / "text/tinyshakespeare/input.txt")
    corpus = Corpus.build(play, tokenizer="char")
    assert len({character for line in play for character in line} | {"\n"}) == 65
    assert len(corpus.vocabulary) == 4 + 64, "lines hold no newline"
    assert corpus.text(corpus.tokens) == play
    article = read_lines(folder / "text/wikitext-2/train.txt.gz")
    corpus = Corpus.build(article, WordTokenizer(punctuation=False))
    # The published 33 278 has <unk> and <eos>; ours has <pad> and <bos> besides.
    assert len(corpus.vocabulary) == 33_278 + 2
    assert int(real_positions(corpus.tokens, corpus.end).sum()) == 2_088_628
    molecules = read_lines(folder / "smiles/zinc250k_test.txt.gz")
    corpus = Corpus.build(molecules, tokenizer="smiles")
    assert corpus.text(corpus.tokens) == molecules


def test_other_data_in_the_same_vocabulary() -> None:
    corpus = Corpus.build([("b", "a cat sat"), ("a", "the dog")])
    other = corpus.rebuild([("b", "the zebra sat on a cat")])
    assert other.vocabulary is corpus.vocabulary
    assert other.tokenizer is corpus.tokenizer
    assert (other.length, other.classes) == (corpus.length, ("a", "b"))
    assert other.labels is not None
    assert other.labels.tolist() == [1]
    assert other.text(other.tokens) == ["the <unk> sat <unk>"]
    lists = Corpus.build([["a", "b"], ["b"]])
    for known, X, sentence in (
        (corpus, [("c", "a cat")], "The label 'c' is none of this corpus's classes, \\['a', 'b'\\]"),
        (corpus, ["a cat"], "This corpus has the classes \\['a', 'b'\\], and was given no labels"),
        (corpus, [("a", ["a", "cat"])], "This corpus was made of strings, and was given lists of tokens"),
        (lists, ["a b"], "This corpus was made of lists of tokens"),
        (lists, [("a", ["b"])], "This corpus has no classes, and was given labels"),
        (lists, [], "The corpus is empty"),
    ):
        with pytest.raises(ValueError, match=sentence):
            known.rebuild(X)
    with pytest.raises(ValueError, match="Sequence 0 has 4 tokens, more than the 3 allowed"):
        lists.rebuild([["a", "b", "a", "b"]], "error")


ROWS = [[3, 14, 15], [9, 2, 6], [5, 3, 5]]


@pytest.mark.parametrize(
    "X",
    [ROWS, np.array(ROWS), torch.tensor(ROWS), [np.array(row) for row in ROWS], [torch.tensor(row) for row in ROWS]],
)
def test_rows_of_integers_come_out_as_integers(X: Any) -> None:
    corpus = Corpus.build(X)
    assert corpus.are_integers
    assert not corpus.are_strings
    assert corpus.text(corpus.tokens) == ROWS
    assert corpus.text(corpus.encode(np.array([[3, 3]]))) == [[3, 3]]
    assert corpus.text(corpus.rebuild([[9, 7], []]).tokens) == [[9, -1], []]
    assert corpus.tokenizer is not None
    assert type(tokenizer_from_config(tokenizer_config(corpus.tokenizer))) is type(corpus.tokenizer)
    labeled = Corpus.build(list(zip("aba", X, strict=True)))
    assert labeled.classes == ("a", "b")
    assert labeled.text(labeled.tokens) == ROWS


def test_integers_among_other_things_are_refused() -> None:
    with pytest.raises(TypeError, match=r"Item 1 is \['a'\], list, and others are rows of integers"):
        Corpus.build([[1, 2], ["a"]])
    with pytest.raises(TypeError, match="tokens must be strings"):
        Corpus.build([["a"], [1, 2]])
    with pytest.raises(ValueError, match="not made of integers"):
        Corpus.build(["a b"]).encode([[1, 2]])
    with pytest.raises(TypeError, match="others are rows of integers"):
        Corpus.build(ROWS).encode(["3 4"])


def test_a_loader_of_batches_is_refused() -> None:
    texts = ["a b", "c d", "e"]
    with pytest.raises(TypeError, match=r"gives batches, not sequences; pass its data set: loader\.dataset"):
        Corpus.build(DataLoader(texts, batch_size=2))
    one_by_one = DataLoader(texts, batch_size=None)
    assert Corpus.build(one_by_one).text(Corpus.build(one_by_one).tokens) == texts


def test_one_line_among_many_short_ones_is_pointed_out() -> None:
    texts = ["a b c d"] * 400 + ["x " * 501]
    with pytest.warns(UserWarning, match="Sequence 400 has 501 tokens, and 19 of 20 have at most 4.*max_length=8"):
        Corpus.build(texts)
    assert Corpus.build(texts, max_length=8).length == 8  # a warning would be an error
    Corpus.build(["a b c d"] * 400 + ["x " * 30])

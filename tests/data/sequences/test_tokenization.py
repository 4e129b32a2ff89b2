"""Tokenizers: what NLTK gives, ways back that are exact, and descriptions that JSON can hold."""

import json
import os
import random
import sys
from pathlib import Path

import pytest

from gan_ext.data import (
    BPETokenizer,
    CharTokenizer,
    FunctionTokenizer,
    SmilesTokenizer,
    Tokenizer,
    WordTokenizer,
    get_tokenizer,
    read_lines,
    tokenizer_config,
    tokenizer_from_config,
)
from gan_ext.data.sequences.tokenization import TOKENIZERS

CAPTIONS = [
    "a bicycle replica with a clock as the front wheel.",
    "a room with blue walls and a white sink and door.  ",
    "two husky's hanging out of the car windows, don't they?",
    "a toilet has a sign that says please don't use.",
    "five motorcycles are parked outside of a dunkin' donuts.",
    'a black mercedes read "supabaad" on the license plate.',
    'a airplane followed by birds flying in "v-formation."',
    "an airplane with the letters 'mt' on it, flying in the sky.",
    "a man rides a skateboard with a sail(?) in the street.",
    "a clock sits atop a tower claiming the time to be 2:56.",
    "a couple of old-school urinals; old ads adorn the wall above them.",
    "the city of washington d.c.",
    "people looking at a motorcycle that is on display. .",
    "a bmw motor cycle parked next to shrub..",
    "gas prices remain between $3 and $4.50 per gallon.",
    "two boys moving along outside.  one of them has a skateboard.",
    "foods such as: a vegetable tray, fruit tray, and a cake",
    "",
    "   ",
]
MOLECULES = {
    "C[C@H](N)C(=O)O": ["C", "[C@H]", "(", "N", ")", "C", "(", "=", "O", ")", "O"],
    "Clc1ccc(Br)cc1": ["Cl", "c", "1", "c", "c", "c", "(", "Br", ")", "c", "c", "1"],
    "C%12CC%12": ["C", "%12", "C", "C", "%12"],
    "[Na+].[Cl-]": ["[Na+]", ".", "[Cl-]"],
    "F/C=C\\F": ["F", "/", "C", "=", "C", "\\", "F"],
    "CSc1[nH]c2": ["C", "S", "c", "1", "[nH]", "c", "2"],
    "[unclosed C": ["[", "u", "n", "c", "l", "o", "s", "e", "d", " ", "C"],
    "": [],
}


def nltk_words(text: str) -> list[str]:
    """Return what ``nltk.word_tokenize`` does; its model of sentences is untrained here."""
    nltk = pytest.importorskip("nltk.tokenize", reason="needs nltk")
    sentences = nltk.PunktSentenceTokenizer().tokenize(text)
    return [word for sentence in sentences for word in nltk.NLTKWordTokenizer().tokenize(sentence)]


@pytest.mark.parametrize("caption", CAPTIONS)
def test_words_are_those_of_nltk(caption: str) -> None:
    assert WordTokenizer().tokenize(caption) == nltk_words(caption)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("A cat, a dog.", ["A", "cat", ",", "a", "dog", "."]),
        ("a u.s. plane.", ["a", "u.s.", "plane", "."]),
        ("11:59. there it's.", ["11:59", ".", "there", "it", "'s", "."]),
        ("on display. .", ["on", "display", ".", "."]),
        ("the <unk> is 3,000 -- or more", ["the", "<unk>", "is", "3,000", "--", "or", "more"]),
        ("they'll say \"no\" (or don't).", ["they", "'ll", "say", "``", "no", "''", "(", "or", "do", "n't", ")", "."]),
        ("naïve Zürich, 東京", ["naïve", "Zürich", ",", "東京"]),
    ],
)
def test_words_are_split_and_glued(text: str, tokens: list[str]) -> None:
    assert WordTokenizer().tokenize(text) == tokens
    assert WordTokenizer().detokenize(tokens) == text


def test_words_may_be_made_lower_case_or_left_to_blanks() -> None:
    assert WordTokenizer(lower=True).tokenize("A Cat.") == ["a", "cat", "."]
    plain = WordTokenizer(punctuation=False)
    assert plain.tokenize(" = Robert <unk> @-@ hit . = \n") == ["=", "Robert", "<unk>", "@-@", "hit", ".", "="]
    assert plain.detokenize(["it", "'s", "."]) == "it 's ."


@pytest.mark.parametrize("caption", CAPTIONS)
def test_glued_words_are_split_the_same_way_again(caption: str) -> None:
    words = WordTokenizer()
    tokens = words.tokenize(caption)
    assert words.tokenize(words.detokenize(tokens)) == tokens


@pytest.mark.parametrize("smiles", MOLECULES)
def test_molecules_are_split_into_symbols(smiles: str) -> None:
    assert SmilesTokenizer().tokenize(smiles) == MOLECULES[smiles]


@pytest.mark.parametrize("tokenizer", [CharTokenizer(), SmilesTokenizer()], ids=["char", "smiles"])
def test_the_way_back_is_exact_for_any_text(tokenizer: Tokenizer) -> None:
    draw = random.Random(0)
    for _ in range(300):
        text = "".join(draw.choices("[]()Clr%12cBné\n\t =#\U0001f600", k=draw.randint(0, 30)))
        tokens = tokenizer.tokenize(text)
        assert tokenizer.detokenize(tokens) == "".join(tokens) == text
        assert all(tokens)


def test_pieces_of_words_go_back_exactly_and_are_few() -> None:
    pytest.importorskip("tokenizers", reason="needs the extra `bpe`")
    texts = [*CAPTIONS, "naïve \n tabs\t und Übermut", "  blanks  "] * 3
    tokenizer = BPETokenizer(size=120)
    assert not tokenizer.trained
    assert tokenizer.fit(texts) is tokenizer
    assert tokenizer.trained
    pieces = tokenizer.pieces()
    assert len(pieces) == 119
    used = set()
    for text in texts:
        tokens = tokenizer.tokenize(text)
        assert tokenizer.detokenize(tokens) == text
        used.update(tokens)
    assert used <= set(pieces)
    assert max(map(len, pieces)) > 2, "frequent words are one piece"
    assert "<unk>" in tokenizer.tokenize("\U0001f600")
    again = BPETokenizer(size=120).fit(texts)
    assert again.config() == tokenizer.config(), "training is a function of the texts"


@pytest.mark.parametrize("name", ["word", "char", "smiles", "bpe"])
def test_a_description_survives_json(name: str) -> None:
    if name == "bpe":
        pytest.importorskip("tokenizers", reason="needs the extra `bpe`")
    tokenizer = WordTokenizer(lower=True, punctuation=False) if name == "word" else get_tokenizer(name)
    if isinstance(tokenizer, BPETokenizer):
        with pytest.raises(ValueError, match=r"must see a corpus before it is used: call fit"):
            tokenizer.tokenize("a")
        assert tokenizer_config(tokenizer)["model"] is None
        tokenizer.fit(CAPTIONS)
    other = tokenizer_from_config(json.loads(json.dumps(tokenizer_config(tokenizer))))
    assert type(other) is type(tokenizer)
    text = "A man's clock. [nH]Cl"
    assert other.tokenize(text) == tokenizer.tokenize(text)
    assert tokenizer_config(other) == tokenizer_config(tokenizer)


def test_the_package_tokenizers_is_asked_for_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(ImportError, match=r'python -m pip install "gan_ext\[bpe\]"'):
        get_tokenizer("bpe")


class Halves:
    """A tokenizer of somebody's own."""

    def tokenize(self, text: str) -> list[str]:
        return [text[: len(text) // 2], text[len(text) // 2 :]]

    def detokenize(self, tokens: list[str]) -> str:
        return "".join(tokens)


def test_objects_and_functions_are_tokenizers() -> None:
    own = Halves()
    assert get_tokenizer(own) is own
    made = get_tokenizer(str.split)
    assert isinstance(made, FunctionTokenizer)
    assert made.tokenize("a b .") == ["a", "b", "."]
    assert made.detokenize(["a", "b", "."]) == "a b."


def test_foreign_tokenizers_are_described_by_name_and_given_again() -> None:
    for tokenizer, name in ((Halves(), "Halves"), (get_tokenizer(str.split), "str.split")):
        config = tokenizer_config(tokenizer)
        assert json.loads(json.dumps(config)) == {"name": "object", "object": name}
        with pytest.raises(ValueError, match=f"an object of yours, '{name}', which is not stored; give it again"):
            tokenizer_from_config(config)
        assert tokenizer_from_config(config, tokenizer) is tokenizer


@pytest.mark.parametrize("wrong", ["words", None, 3, WordTokenizer, ["a"]])
def test_what_is_no_tokenizer_is_refused(wrong: object) -> None:
    names = ", ".join(map(repr, TOKENIZERS))
    with pytest.raises(ValueError, match=f"must be one of {names}, an object with"):
        get_tokenizer(wrong)


@pytest.mark.data
@pytest.mark.skipif("GAN_EXT_DATA" not in os.environ, reason="needs GAN_EXT_DATA")
def test_all_captions_are_split_as_nltk_does() -> None:
    folder = Path(os.environ["GAN_EXT_DATA"]) / "text/image_coco"
    words = WordTokenizer()
    captions = read_lines(folder / "train.txt") + read_lines(folder / "test.txt")
    assert len(captions) == 20_000
    different = [caption for caption in captions if words.tokenize(caption) != nltk_words(caption)]
    # NLTK leaves "11:59." and ",and" whole, opens a quotation where one ends, and untrained, takes "u.s." apart.
    odd = ("u.s. air", "11:59. there", "coffee,,and", '"experts only!"', "net.-")
    assert len(different) == len(odd)
    assert all(any(each in caption for each in odd) for caption in different)
    for caption in captions:
        tokens = words.tokenize(caption)
        assert words.tokenize(words.detokenize(tokens)) == tokens


@pytest.mark.data
@pytest.mark.skipif("GAN_EXT_DATA" not in os.environ, reason="needs GAN_EXT_DATA")
def test_all_molecules_go_back_exactly() -> None:
    molecules = read_lines(Path(os.environ["GAN_EXT_DATA"]) / "smiles/zinc250k_test.txt.gz")
    assert len(molecules) == 5000
    symbols = set()
    for smiles in molecules:
        tokens = SmilesTokenizer().tokenize(smiles)
        assert "".join(tokens) == smiles
        symbols.update(tokens)
    assert not symbols & {"[", "]", "r", "l", "%"}, "no atom was torn apart"

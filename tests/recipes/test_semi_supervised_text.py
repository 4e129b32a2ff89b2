"""The comparison on texts: files of every form are read alike, an extractor is the user's, errors are in words."""

import numpy as np
import pytest

METHODS = ("semi-supervised GAN", "label spreading", "logistic regression, labeled rows only")
WORDS = {"sea": "boat wave sail salt tide anchor fish", "hill": "stone goat slope peak grass cave snow"}


@pytest.fixture(scope="module")
def recipe(names_of):
    return names_of("semi_supervised_text")


@pytest.fixture(scope="module")
def texts():
    """Sentences of two topics without a word in common."""
    rng = np.random.default_rng(0)
    return [(" ".join(rng.choice(WORDS[name].split(), 6)), name) for _ in range(45) for name in WORDS]


@pytest.fixture(scope="module")
def folder(texts, tmp_path_factory):
    path = tmp_path_factory.mktemp("texts")
    for name in WORDS:
        (path / f"{name}.txt").write_text("\n".join(text for text, label in texts if label == name) + "\n\n")
    return path


def test_topics_are_told_apart_and_a_second_run_repeats_nothing(
    folder, tmp_path, played, result_of, drawn, reported_again
):
    arguments = ("--data", folder, "--labels", 2, 4, "--seeds", 1, "--steps", 30, "--features", 5)
    code, output = played("semi_supervised_text", *arguments, "--out", tmp_path)
    assert code == 0, output
    result = result_of(tmp_path)
    assert result["classes"] == ["hill", "sea"]
    for method in METHODS:
        assert result["metrics"][f"{method}, 4 per class, mean"] > 95
        assert method in output
    assert "The largest class alone: error 50.0%." in output
    drawn(tmp_path, "learning_curves.png")
    assert "[1/" not in reported_again("semi_supervised_text", *arguments, out=tmp_path)
    assert result_of(tmp_path)["cells"] == result["cells"]


def test_an_extractor_of_ones_own_takes_the_place_of_words(recipe, folder, tmp_path, result_of):
    settings = recipe.Config(data=folder, labels=(2,), seeds=1, steps=2, out=tmp_path)
    asked = []

    def lengths(texts):
        asked.append(len(texts))
        return [[len(text), text.count("e")] for text in texts]

    result = recipe.main(settings, extractor=lengths)
    assert asked == [60, 30]
    assert result.estimators == list(METHODS)
    assert result_of(tmp_path)["recipe"] == "semi_supervised_text"


def test_an_extractor_is_a_function_or_a_transformer_that_never_sees_test_texts(recipe):
    from sklearn.feature_extraction.text import CountVectorizer

    train, test = ["a fox", "a dog"], ["a cat", "fox dog fox"]
    extractor = CountVectorizer(token_pattern=r"\w{2,}")
    features = recipe.extract(extractor, train, test)
    assert features[0].tolist() == [[0, 1], [1, 0]]  # dog, fox: no cat
    assert features[1].tolist() == [[0, 0], [1, 2]]
    assert not hasattr(extractor, "vocabulary_")  # the user's own object stays as it was
    lengths = recipe.extract(lambda texts: [[len(text)] for text in texts], train, test)
    assert [part.tolist() for part in lengths] == [[[5], [5]], [[5], [11]]]
    with pytest.raises(ValueError, match=r"a row of numbers of each of 2 texts, got \(2,\)"):
        recipe.extract(lambda texts: [len(text) for text in texts], train, test)


def test_bad_files_are_sentences(recipe, tmp_path, played):
    three, single = tmp_path / "three.csv", tmp_path / "single.csv"
    three.write_text("a,sea\nb,sea,hill\n")
    single.write_text("a,sea\n" * 5)
    wrong = {
        (): "Pass texts either by --data or by --shakespeare.",
        (("data", tmp_path / "nowhere.csv"),): "cannot be read as texts",
        (("data", three),): "needs two columns, text and label; row 2 has 3.",
        (("data", single),): "Texts of two classes at least are needed",
        (("data", three), ("shakespeare", three)): "Pass texts either by --data or by --shakespeare.",
    }
    for settings, sentence in wrong.items():
        with pytest.raises(ValueError, match=sentence):
            recipe.load(recipe.Config(**dict(settings)))
    code, output = played("semi_supervised_text", "--data", three, "--out", tmp_path / "out")
    assert code != 0
    assert "error: " in output

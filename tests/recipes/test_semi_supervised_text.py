"""The comparison on texts: files of every form are read alike, an extractor is the user's, errors are in words."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

RECIPE = Path(__file__).resolve().parents[2] / "recipes" / "semi_supervised_text.py"
METHODS = ("semi-supervised GAN", "label spreading", "logistic regression, labeled rows only")
WORDS = {"sea": "boat wave sail salt tide anchor fish", "hill": "stone goat slope peak grass cave snow"}


def _run(*arguments):
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "GAN_EXT_LINEAR": "default"}
    command = [sys.executable, str(RECIPE), *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture(scope="module")
def recipe():
    specification = importlib.util.spec_from_file_location("semi_supervised_text", RECIPE)
    module = importlib.util.module_from_spec(specification)
    sys.modules["semi_supervised_text"] = module
    specification.loader.exec_module(module)
    yield module
    del sys.modules["semi_supervised_text"]


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


def test_topics_are_told_apart_and_a_second_run_repeats_nothing(folder, tmp_path):
    arguments = ("--data", folder, "--labels", 2, 4, "--seeds", 1, "--steps", 30, "--features", 5, "--out", tmp_path)
    done = _run(*arguments)
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["classes"] == ["hill", "sea"]
    for method in METHODS:
        assert result["metrics"][f"{method}, 4 per class, mean"] > 95
        assert method in done.stdout
    (tmp_path / "result.json").unlink()
    again = _run(*arguments, "--resume")
    assert "[1/" not in again.stdout
    assert json.loads((tmp_path / "result.json").read_text())["cells"] == result["cells"]


def test_files_of_every_form_hold_the_same_texts(recipe, texts, folder, tmp_path):
    wanted = sorted(texts)
    assert sorted(recipe.folder_of_texts(folder)) == wanted
    for suffix, mark in ((".csv", ","), (".tsv", "\t")):
        for heading in ("", f"Text{mark}Label\n"):
            path = tmp_path / f"texts{suffix}"
            path.write_text(heading + "".join(f"{text}{mark}{label}\n" for text, label in texts))
            assert sorted(recipe.table_of_texts(path)) == wanted
    path = tmp_path / "quoted.csv"
    path.write_text('"one, two",sea\n')
    assert recipe.table_of_texts(path) == [("one, two", "sea")]


def test_speeches_are_those_of_the_speakers_with_most(recipe, tmp_path):
    play = "A:\nHello\nthere.\n\nB:\nWhat: now?\n\nA:\nNothing.\n\nC:\nOh.\n\nB:\nWell.\n"
    path = tmp_path / "play.txt"
    path.write_text(play)
    assert recipe.speeches(path, 2) == [("Hello there.", "A"), ("What: now?", "B"), ("Nothing.", "A"), ("Well.", "B")]


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


def test_bad_files_are_sentences(recipe, tmp_path):
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
    done = _run("--data", three, "--out", tmp_path / "out")
    assert done.returncode != 0
    assert "error: " in done.stderr
    assert "Traceback" not in done.stderr

"""The recipes keep their contract: flags, pictures, result.json, resume, and sentences for what is wrong."""

import gzip
import importlib.util
import json
import os
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

RECIPES = Path(__file__).resolve().parents[2] / "recipes"
CONTRACT = {"recipe", "config", "metrics", "protocol", "seconds", "steps_per_second", "environment", "commit"}


def _start(recipe, *arguments):
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "GAN_EXT_LINEAR": "default"}
    command = [sys.executable, str(RECIPES / recipe), *map(str, arguments)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def _run(recipe, *arguments):
    process = _start(recipe, *arguments)
    output, _ = process.communicate(timeout=300)
    return process.returncode, output


def _result(folder):
    result = json.loads((folder / "result.json").read_text())
    assert result.keys() >= CONTRACT
    assert {"torch", "device", "threads"} <= result["environment"].keys()
    return result


def _idx(path, values):
    header = struct.pack(f">HBB{values.ndim}I", 0, 8, values.ndim, *values.shape)
    path.write_bytes(gzip.compress(header + values.astype(np.uint8).tobytes()))


@pytest.fixture(scope="module")
def small_mnist(tmp_path_factory):
    """Ten bright squares in ten places, in MNIST's four files."""
    folder, rng = tmp_path_factory.mktemp("mnist"), np.random.default_rng(0)
    for part, n in (("train", 300), ("t10k", 100)):
        labels = np.arange(n) % 10
        images = rng.integers(0, 40, (n, 28, 28))
        for image, label in zip(images, labels, strict=True):
            row, column = divmod(label, 4)
            image[2 + 8 * row : 8 + 8 * row, 1 + 7 * column : 6 + 7 * column] += 200
        _idx(folder / f"{part}-images-idx3-ubyte.gz", images)
        _idx(folder / f"{part}-labels-idx1-ubyte.gz", labels)
    return folder


def test_digits_recipe_leaves_table_pictures_and_result(tmp_path):
    code, output = _run("semi_supervised_digits.py", "--steps", 40, "--seeds", 1, "--labels", 1, 5, "--out", tmp_path)
    assert code == 0, output
    assert "Test accuracy in %" in output
    result = _result(tmp_path)
    assert result["config"]["labels"] == [1, 5]
    assert 10 < result["metrics"]["semi-supervised GAN, 5 per class, mean"] <= 100
    for picture in ("samples.png", "curve.png"):
        assert (tmp_path / picture).read_bytes().startswith(b"\x89PNG")
    code, output = _run(
        "semi_supervised_digits.py", "--steps", 40, "--seeds", 1, "--labels", 1, 5, "--out", tmp_path, "--resume"
    )
    assert code == 0, output
    assert _result(tmp_path)["metrics"] == result["metrics"]


def test_digits_recipe_takes_a_table_of_ones_own(tmp_path):
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(-2, 1, (60, 3)), rng.normal(2, 1, (60, 3))])
    np.savez(tmp_path / "own.npz", X=x, y=np.repeat([0, 1], 60))
    arguments = ("--data", tmp_path / "own.npz", "--test", 40, "--seeds", 1, "--labels", 3, "--steps", 30)
    code, output = _run("semi_supervised_digits.py", *arguments, "--out", tmp_path / "out")
    assert code == 0, output
    assert _result(tmp_path / "out")["metrics"]["semi-supervised GAN, 3 per class, mean"] > 80
    code, output = _run("semi_supervised_digits.py", "--data", tmp_path / "none.npz", "--out", tmp_path / "out")
    assert code != 0
    assert "must be an .npz file with arrays X and y" in output


def test_mnist_recipe_killed_and_resumed_ends_as_if_it_had_not_been(tmp_path, small_mnist):
    arguments = ("--data", small_mnist, "--labels", 20, "--steps", 60, "--measure-every", 10)
    code, output = _run("semi_supervised_mnist.py", *arguments, "--out", tmp_path / "whole")
    assert code == 0, output
    whole = _result(tmp_path / "whole")
    assert whole["metrics"]["test_error_percent_mean"] < 60

    process = _start("semi_supervised_mnist.py", *arguments, "--out", tmp_path / "killed")
    deadline = time.monotonic() + 120
    while not list((tmp_path / "killed").glob("split-0/step-*.safetensors")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    code, output = _run("semi_supervised_mnist.py", *arguments, "--out", tmp_path / "killed", "--resume")
    assert code == 0, output
    assert "Resuming split 0 at step" in output

    first, second = (_result(tmp_path / name / "split-0")["history"] for name in ("whole", "killed"))
    timeless = [[{**record, "seconds": 0} for record in history] for history in (first, second)]
    assert timeless[0] == timeless[1]
    for picture in ("samples.png", "curve.png"):
        assert (tmp_path / "killed" / "split-0" / picture).read_bytes().startswith(b"\x89PNG")


def test_mnist_recipe_plays_the_published_game_too(tmp_path, small_mnist):
    arguments = ("--data", small_mnist, "--labels", 10, "--steps", 4, "--published", "--threads", 1)
    code, output = _run("semi_supervised_mnist.py", *arguments, "--out", tmp_path)
    assert code == 0, output
    terms = _result(tmp_path / "split-0")["history"][-1].keys()
    assert "discriminator/unsupervised" in terms
    assert "discriminator/pseudo_label" not in terms


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: (folder / "t10k-labels-idx1-ubyte.gz").unlink(), "lacks t10k-labels-idx1-ubyte.gz"),
        (
            lambda folder: (folder / "train-images-idx3-ubyte.gz").write_bytes(
                (folder / "train-images-idx3-ubyte.gz").read_bytes()[:5000]
            ),
            "damaged or cut short",
        ),
    ],
)
def test_mnist_recipe_says_what_is_wrong_with_its_data(tmp_path, small_mnist, spoil, message):
    folder = tmp_path / "data"
    folder.mkdir()
    for file in small_mnist.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    spoil(folder)
    code, output = _run("semi_supervised_mnist.py", "--data", folder, "--out", tmp_path / "out")
    assert code != 0
    assert "Traceback" not in output
    assert message in " ".join(output.split())


def test_an_output_folder_that_cannot_be_written_is_noticed_before_training(tmp_path, small_mnist):
    (tmp_path / "file").write_text("in the way")
    for recipe, data in (("semi_supervised_mnist.py", ("--data", small_mnist)), ("semi_supervised_digits.py", ())):
        code, output = _run(recipe, *data, "--out", tmp_path / "file" / "out")
        assert code != 0
        assert "Traceback" not in output
        assert "Cannot write to" in output
        assert "choose another folder" in output


def _run_killed(recipe, *arguments, until, folder):
    """Start a recipe, kill it once a file is there, and run it again with --resume."""
    process = _start(recipe, *arguments, "--out", folder)
    deadline = time.monotonic() + 200
    while not list(folder.glob(until)):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return _run(recipe, *arguments, "--out", folder, "--resume")


SHAKESPEARE = (
    "--steps", 8, "--warm-up", 2, "--game-steps", 40, "--every", 1, "--hidden", 16, "--window", 16, "--samples", 20,
    "--threads", 1, "--batch-size", 8,
)  # fmt: skip


def test_shakespeare_recipe_writes_text_and_goes_on_after_a_kill(tmp_path):
    code, output = _run("sequence_shakespeare.py", *SHAKESPEARE, "--out", tmp_path / "whole")
    assert code == 0, output
    assert "step 8" in output
    assert "nats per character | 'O" in output
    assert any(sentence in output for sentence in ("did not help", "no gain over sharpening", "per character"))
    whole = _result(tmp_path / "whole")
    nats, bits = (whole["metrics"][f"game, temperature 1, {unit}"] for unit in ("nats", "bits"))
    assert bits == pytest.approx(nats / np.log(2), rel=1e-4)
    assert nats < np.log(60)  # fewer than uniform characters cost
    assert whole["curves"]["likelihood"][0] == list(range(1, 9))
    samples = (tmp_path / "whole" / "samples.txt").read_text()
    headings = [f"=== {part}, temperature {t}" for part in ("likelihood", "game") for t in ("1", "0.8", "0.6")]
    assert all(heading in samples for heading in headings)
    assert (tmp_path / "whole" / "curve.png").read_bytes().startswith(b"\x89PNG")

    until = "fits/game/game/step-*.safetensors"
    code, output = _run_killed("sequence_shakespeare.py", *SHAKESPEARE, until=until, folder=tmp_path / "killed")
    assert code == 0, output
    killed = _result(tmp_path / "killed")
    assert killed["metrics"] == whole["metrics"]
    assert killed["curves"] == whole["curves"]


def test_shakespeare_recipe_reads_a_text_of_ones_own(tmp_path):
    (tmp_path / "input.txt").write_text("the cat sat on the mat and that was that\n" * 40)
    arguments = (*SHAKESPEARE, "--steps", 60, "--game-steps", 0, "--learning-rate", 0.03, "--prompt", "the")
    code, output = _run("sequence_shakespeare.py", *arguments, "--data", tmp_path, "--out", tmp_path / "out")
    assert code == 0, output
    assert _result(tmp_path / "out")["metrics"]["likelihood, temperature 1, nats"] < 1.5  # a unigram model has 2.3
    code, output = _run("sequence_shakespeare.py", "--data", tmp_path, "--prompt", "Zounds", "--out", tmp_path / "out")
    assert code != 0
    assert "characters that the text knows" in " ".join(output.split())
    (tmp_path / "input.txt").write_text("short")
    code, output = _run("sequence_shakespeare.py", "--data", tmp_path, "--out", tmp_path / "out")
    assert code != 0
    assert "too few for windows of 64" in " ".join(output.split())


SMILES = (
    "--steps", 6, "--warm-up", 2, "--game-steps", 40, "--hidden", 16, "--samples", 30, "--temperatures", 1.0, 0.5,
    "--threads", 1, "--batch-size", 8,
)  # fmt: skip


def test_smiles_recipe_plays_all_arms_and_goes_on_after_a_kill(tmp_path):
    pytest.importorskip("rdkit")
    arguments = (*SMILES, "--arms", "both", "constant")
    code, output = _run("sequence_smiles.py", *arguments, "--out", tmp_path / "whole")
    assert code == 0, output
    assert "193 molecules to train on; 24 to test on." in output
    assert "maximum likelihood reaches" in output
    whole = _result(tmp_path / "whole")
    for arm in ("maximum likelihood", "game, both", "game, constant"):
        rows = whole["rows"][arm]
        assert [row["temperature"] for row in rows] == [1.0, 0.5]
        for row in rows:
            assert row["validity"][1] <= row["validity"][0] <= row["validity"][2]
            assert row["reward"][0] <= row["validity"][0]  # qed is at most 1, and 0 for what is not valid
    for picture in ("frontier.png", "molecules.png"):
        assert (tmp_path / "whole" / picture).read_bytes().startswith(b"\x89PNG")
    assert "# game, both" in (tmp_path / "whole" / "molecules.txt").read_text()

    until = "fits/both/game/step-*.safetensors"
    code, output = _run_killed("sequence_smiles.py", *arguments, until=until, folder=tmp_path / "killed")
    assert code == 0, output
    assert _result(tmp_path / "killed")["rows"] == whole["rows"]


def test_smiles_recipe_holds_out_what_a_folder_says(tmp_path):
    pytest.importorskip("rdkit")
    chains = ["C" * n + end for n in range(1, 12) for end in ("O", "N", "", "Cl")]
    parts = {"all.txt.gz": chains, "all_test.txt.gz": chains[::4], "all_valid.txt.gz": chains[1::4]}
    for name, part in parts.items():
        (tmp_path / name).write_bytes(gzip.compress(("\n".join(part) + "\n").encode()))
    arguments = (*SMILES, "--game-steps", 0, "--reward", "none", "--arms", "discriminator", "--validation")
    code, output = _run("sequence_smiles.py", *arguments, "--data", tmp_path, "--out", tmp_path / "out")
    assert code == 0, output
    assert "22 molecules to train on; 11 to validate on." in output
    result = _result(tmp_path / "out")
    assert "reward" not in result["rows"]["maximum likelihood"][0]
    assert "11 validation molecules" in result["protocol"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--reward", "beauty"), "--reward beauty must be one of qed, validity, none"),
        (("--reward", "none", "--arms", "reward"), "--arms reward needs a reward"),
        (("--temperatures", 0.5), "must have 1 among them"),
        (("--max-length", 1), "are too few"),
    ],
)
def test_smiles_recipe_says_what_is_wrong_with_its_settings(tmp_path, arguments, message):
    pytest.importorskip("rdkit")
    code, output = _run("sequence_smiles.py", *arguments, "--out", tmp_path)
    assert code != 0
    assert "Traceback" not in output
    assert message in " ".join(output.split())


def test_smiles_recipe_judges_an_arm_by_equal_reward():
    pytest.importorskip("rdkit")
    from gan_ext.metrics import Interval

    specification = importlib.util.spec_from_file_location("smiles_recipe", RECIPES / "sequence_smiles.py")
    recipe = importlib.util.module_from_spec(specification)
    sys.modules["smiles_recipe"] = recipe  # dataclasses look their module up
    specification.loader.exec_module(recipe)
    try:

        def rows(*points):
            return [
                {"temperature": t, "nats": nats, "reward": Interval(value, value - 0.01, value + 0.01)}
                for t, value, nats in points
            ]

        sharpened = rows((1.0, 0.2, 1.0), (0.5, 0.6, 1.4))  # costs 0.8 + value
        for shift, words in ((-0.1, "better from"), (0.1, "worse from"), (0.0, "neither better nor worse")):
            arm = rows((1.0, 0.2, 1.0 + shift), (0.5, 0.6, 1.4 + shift))
            said = recipe.verdict("arm", arm, sharpened, "mean reward")
            assert words in said
            assert f"cost {shift:+.3f} to {shift:+.3f} nats" in said.replace("-0.000", "+0.000")
        far = rows((1.0, 0.8, 1.0), (0.5, 0.9, 1.4))
        assert "Too little mean reward is reached by both" in recipe.verdict("arm", far, sharpened, "mean reward")
    finally:
        del sys.modules["smiles_recipe"]

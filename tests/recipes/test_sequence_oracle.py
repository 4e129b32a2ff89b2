"""The recipe of the oracle: every arm, the two pictures, what says nothing, reporting again, sentences."""

import numpy as np
import pytest

SMALL = ("--steps", 2, "--epochs", 1, "--long-epochs", 1, "--rollouts", 1, "--n", 20, "--device", "cpu")
ARMS = (
    "tuned MLE",
    "tuned MLE, more likelihood",
    "tuned MLE, best decoding",
    "GAN, log-odds and likelihood",
    "GAN and frozen MLE as reward",
    "frozen MLE as reward",
    "over-trained MLE",
    "constant reward",
    "random reward",
    "constant reward, centered",
    "SeqGAN as published",
)
FEW = ("--arms", "tuned MLE", "frozen MLE as reward", "--seeds", 2)


@pytest.fixture
def short(monkeypatch):
    """Few test sequences: scoring these at 8 temperatures is most of the work."""
    import gan_ext.sequences

    draw = gan_ext.sequences.sample
    monkeypatch.setattr(
        gan_ext.sequences, "sample", lambda model, n, **more: draw(model, 30 if n == 2000 else n, **more)
    )


@pytest.mark.usefixtures("short")
def test_all_arms_are_played_and_a_centered_reward_that_says_nothing_moves_nothing(tmp_path, played, result_of, drawn):
    code, output = played("sequence_oracle", *SMALL, "--out", tmp_path)
    assert code == 0, output
    assert "oracle: vocabulary 200, length 10, entropy" in output
    result = result_of(tmp_path)
    assert list(result["rows"]) == [f"{arm} 0" for arm in ARMS]
    assert result["metrics"].keys() == {"oracle entropy"} | {
        f"{arm}, lowest {key}, {part}" for arm in ARMS for key in ("sum", "jeffreys") for part in ("mean", "std")
    }
    for name, row in result["rows"].items():
        assert len(row["points"]) == 8
        for point in row["points"]:
            assert point["sum"] == pytest.approx(point["quality"] + point["coverage"])
            assert point["jeffreys"] == pytest.approx(point["reverse"] + point["forward"])
        least = min(point["jeffreys"] for point in row["points"])
        assert result["metrics"][f"{name[:-2]}, lowest jeffreys, mean"] == pytest.approx(least, abs=1e-4)
    rows = {name[:-2]: row["points"] for name, row in result["rows"].items()}
    assert rows["constant reward, centered"] == rows["over-trained MLE"]
    for moved, start in {"constant reward": "over-trained MLE", "tuned MLE, more likelihood": "tuned MLE"}.items():
        assert rows[moved] != rows[start]
    assert rows["tuned MLE, best decoding"][5]["temperature"] == 1.0
    drawn(tmp_path, "frontier.png", "divergences.png")


@pytest.mark.usefixtures("short")
def test_it_reports_again_from_what_is_kept_and_takes_an_oracle_of_ones_own(tmp_path, played, reported_again):
    draw = np.random.default_rng(0)
    arrays = {f"{kind}{gate}": draw.normal(size=4 if kind == "b" else (4, 4)) for kind in "wub" for gate in "ifco"}
    arrays |= {
        "embedding": draw.normal(size=(12, 4)),
        "w_out": draw.normal(size=(4, 12)),
        "b_out": draw.normal(size=12),
    }
    np.savez(tmp_path / "seqgan_oracle.npz", **{name: values.astype(np.float32) for name, values in arrays.items()})
    arguments = (*SMALL, *FEW, "--data", tmp_path)
    code, output = played("sequence_oracle", *arguments, "--out", tmp_path / "out")
    assert code == 0, output
    assert "oracle: vocabulary 12, length 20" in output
    assert "tuned MLE" in reported_again("sequence_oracle", *arguments, out=tmp_path / "out")
    code, output = played("sequence_oracle", *arguments, "--out", tmp_path / "out", "--resume", "--n", 10)
    assert code != 0
    assert "use another --out or leave out --resume" in output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--full",), "--full is the published benchmark and needs --data"),
        (("--arms", "magic"), "--arms 'magic' is none of: tuned MLE; "),
        (("--data", "nowhere"), "--data nowhere has no file seqgan_oracle.npz"),
    ],
    ids=["full", "arms", "data"],
)
def test_what_is_wrong_is_a_sentence(tmp_path, played, arguments, message):
    code, output = played("sequence_oracle", *SMALL, "--out", tmp_path, *arguments)
    assert code != 0
    assert message in " ".join(output.split())

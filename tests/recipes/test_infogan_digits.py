"""Digits without a label: clusters, report, pictures, the page with sliders; resuming; images of one's own."""

import json

import numpy as np
import pytest

pytestmark = pytest.mark.usefixtures("quick_report")
PICTURES = ("traversals.png", "clusters.png", "report.png")


def test_it_finds_clusters_and_reports_again(tmp_path, played, reported_again, result_of, drawn, page_of):
    arguments = ("--steps", 150)
    code, output = played("infogan_digits", *arguments, "--out", tmp_path)
    assert code == 0, output
    assert "held out" in " ".join(output.split())
    result = result_of(tmp_path)
    assert result["metrics"]["InfoGAN, accuracy, mean"] > 25
    assert result["metrics"]["k-means, accuracy, mean"] > 70
    assert result["metrics"]["k-means, accuracy, std"] == 0
    assert result["rows"]["0"].keys() == {"InfoGAN", "k-means", "Gaussian mixture"}
    drawn(tmp_path, *PICTURES)
    page_of(tmp_path)
    report = json.loads((tmp_path / "report.json").read_text())
    assert {row["code"] for row in report["rows"]} == {"category", "style[0]", "style[1]"}
    again = reported_again("infogan_digits", *arguments, out=tmp_path)
    assert "was finished before" in again
    assert json.loads((tmp_path / "report.json").read_text()) == report
    drawn(tmp_path, *PICTURES)
    code, output = played("infogan_digits", "--steps", 20, "--out", tmp_path, "--resume")
    assert code != 0
    assert "is of a run with other settings (steps 150, not 20)" in output


def test_it_takes_images_of_ones_own(tmp_path, played, drawn, page_of):
    rng = np.random.default_rng(0)
    images = rng.uniform(0, 0.2, (120, 8, 8))
    images[:60, :4] += 0.8
    images[60:, 4:] += 0.8
    np.savez(tmp_path / "own.npz", X=images, y=np.repeat(["top", "low"], 60))
    arguments = ("--data", tmp_path / "own.npz", "--clusters", 2, "--steps", 30, "--out", tmp_path / "out")
    code, output = played("infogan_digits", *arguments)
    assert code == 0, output
    drawn(tmp_path / "out", *PICTURES)
    assert "mostly top" in page_of(tmp_path / "out")
    np.savez(tmp_path / "odd.npz", X=images[:, :7], y=np.zeros(120))
    for name, said in (("none", "must be an .npz file with arrays X and y"), ("odd", "sides multiples of 4")):
        code, output = played("infogan_digits", "--data", tmp_path / f"{name}.npz", "--out", tmp_path / "out")
        assert code != 0
        assert said in output

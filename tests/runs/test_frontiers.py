"""Frontiers of arms over seeds: the points, the printed means, where one lies below another, beside sharpening."""

import pytest

from gan_ext.metrics import FrontierPoint
from gan_ext.runs import frontiers_of, print_points, told_beside_sharpening, told_gains, uncertain_points

ROWS = {
    ("GAN", seed): {"curve": [{"t": 1.0, "a": {"x": seed + 1.0}, "b": 2.0}, {"t": 2.0, "a": {"x": 5.0}, "b": 4.0}]}
    for seed in (0, 1)
}


def test_frontiers_have_a_point_for_each_of_a_curve():
    found = frontiers_of(ROWS, lambda at: (at["t"], at["a"]["x"], at["b"]))
    assert found == {"GAN": [[FrontierPoint(1, 1, 2), FrontierPoint(2, 5, 4)], [FrontierPoint(1, 2, 2), (2, 5, 4)]]}


def test_printed_points_are_means_over_seeds(capsys):
    print_points("title", ROWS, {"T": ("t", "g"), "X": ("a, x", "+-.1f"), "B": ("b", ".2f")}, {"real": {"b": 7}})
    lines = [line.replace("│", " ").split() for line in capsys.readouterr().out.splitlines()]
    assert ["GAN", "1", "1.5", "+-", "0.7", "2.00"] in lines
    assert ["GAN", "2", "5.0", "+-", "0.0", "4.00"] in lines
    assert ["real", "7.00"] in lines


def test_gains_are_those_beyond_the_spread_of_seeds(capsys):
    def line(height):
        return [FrontierPoint(1.0, 0.0, height), FrontierPoint(2.0, 1.0, height)]

    arms = {"a": [line(1.0), line(1.1)], "b": [line(0.5), line(0.6)], "c": [line(1.0), line(1.2)]}
    found = told_gains(arms, "LM")
    assert found["b below a, LM, gap"] == pytest.approx(0.5)
    assert found["b below a, LM, spread"] == pytest.approx(0.1)
    assert found["c below a, LM, gap"] == 0
    output = capsys.readouterr().out
    assert "LM: b lies below a by 0.5000 ± 0.1000 at 0.000" in output
    assert "LM: c lies below a nowhere" in output
    assert told_gains({name: frontiers[:1] for name, frontiers in arms.items()}, "LM") == {}


def test_an_arm_is_judged_by_equal_reward():
    def rows(*points):
        points = [{"temperature": t, "nats": nats, "reward": [x, x - 0.01, x + 0.01]} for t, x, nats in points]
        return uncertain_points(points, "reward", "nats")

    sharpened = rows((1.0, 0.2, 1.0), (0.5, 0.6, 1.4))  # costs 0.8 + value
    words = "likelihood", "mean reward", "it costs {} nats"
    for shift, verdict in ((-0.1, "better from"), (0.1, "worse from"), (0.0, "neither better nor worse")):
        arm = rows((1.0, 0.2, 1.0 + shift), (0.5, 0.6, 1.4 + shift))
        said = told_beside_sharpening("arm", arm, sharpened, *words)
        assert verdict in said
        assert f"it costs {shift:+.3f} to {shift:+.3f} nats" in said.replace("-0.000", "+0.000")
        assert "mean reward up to 0.600; likelihood reaches 0.600" in said
    far = rows((1.0, 0.8, 1.0), (0.5, 0.9, 1.4))
    assert "Too little mean reward is reached by both" in told_beside_sharpening("arm", far, sharpened, *words)

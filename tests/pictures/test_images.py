"""Pictures of frontiers: what is drawn, read from the figure before it is written."""

from pathlib import Path

import numpy as np
import pytest

from gan_ext.metrics import FrontierPoint
from gan_ext.pictures import draw_frontiers


def seeds(shift: float, n: int) -> list[list[FrontierPoint]]:
    temperatures = (0.5, 0.7, 1.0)
    return [[FrontierPoint(t, 9 * t + shift, 6 / t + 0.2 * seed) for t in temperatures] for seed in range(n)]


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list:
    module = pytest.importorskip("matplotlib.figure", reason="needs matplotlib, in the extra `recipes`")
    made: list = []
    save = module.Figure.savefig

    def keep(figure: object, *arguments: object, **more: object) -> None:
        made.append(figure)
        save(figure, *arguments, **more)

    monkeypatch.setattr(module.Figure, "savefig", keep)
    return made


def test_a_picture_has_means_seeds_band_best_sum_and_real_data(tmp_path: Path, figures: list) -> None:
    path = tmp_path / "frontier.png"
    draw_frontiers(path, {"MLE": seeds(0, 3), "GAN": seeds(-1, 1)}, real=(5.75, 5.75), limits=(3, 10, 5, 14))
    assert path.stat().st_size > 10_000
    axis = figures[0].axes[0]
    labels = [text.get_text() for text in figures[0].legends[0].get_texts()]
    assert labels[0] == "MLE (lowest sum 15.07 at temperature 0.7)"  # 6.3 + 6 / 0.7 + mean of 0, 0.2, 0.4
    assert labels[1] == "GAN (lowest sum 13.87 at temperature 0.7)"
    assert labels[2] == "real data (5.75, 5.75)"
    mean = axis.lines[0]
    assert mean.get_xdata() == pytest.approx([4.5, 6.3, 9])
    assert mean.get_ydata() == pytest.approx([12.2, 6 / 0.7 + 0.2, 6.2])
    (band,) = axis.collections  # one seed has no band
    corners = band.get_paths()[0].vertices
    height = np.ptp(corners[np.isclose(corners[:, 0], 4.5), 1])
    assert height == pytest.approx(2 * np.std([0, 0.2, 0.4], ddof=1))
    assert "lower is better" in axis.get_xlabel()
    assert axis.get_xlim() == (3, 10)


def test_seeds_without_a_common_quality_have_no_band(tmp_path: Path, figures: list) -> None:
    draw_frontiers(tmp_path / "apart.png", {"apart": [*seeds(0, 1), *seeds(50, 1)]})
    draw_frontiers(tmp_path / "cut.png", {"cut": [seeds(0, 1)[0][1:]]})
    (label,) = figures[1].legends[0].get_texts()
    assert label.get_text() == "cut (lowest sum 14.87 at temperature 0.7, the last tried)"
    assert all(not np.size(path.vertices) for band in figures[0].axes[0].collections for path in band.get_paths())


def test_errors_are_sentences(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="arms is empty"):
        draw_frontiers(tmp_path / "none.png", {})
    with pytest.raises(ValueError, match="The seeds of 'MLE' must have points at the same temperatures"):
        draw_frontiers(tmp_path / "other.png", {"MLE": [seeds(0, 1)[0], seeds(0, 1)[0][:2]]})
    with pytest.raises(ValueError, match="at least one"):
        draw_frontiers(tmp_path / "empty.png", {"MLE": []})


def test_single_points_are_drawn_with_their_names(tmp_path: Path, figures: list) -> None:
    draw_frontiers(tmp_path / "marks.png", {"MLE": seeds(0, 1)}, marks={"published": (6.5, 12.25)}, sums=False)
    assert [text.get_text() for text in figures[0].legends[0].get_texts()] == ["MLE"]
    (name,) = figures[0].axes[0].texts
    assert (name.get_text(), name.xy) == ("published", (6.5, 12.25))
    (cross,) = (line for line in figures[0].axes[0].lines if line.get_marker() == "x")
    assert (cross.get_xdata()[0], cross.get_ydata()[0]) == (6.5, 12.25)

"""Pictures of codes: what is drawn, read from the figure before it is written."""

from pathlib import Path

import numpy as np
import pytest

from gan_ext.pictures import draw_feature_traversals, draw_heatmap, draw_traversals


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


def test_a_traversal_has_its_images_in_order_and_values_below(tmp_path: Path, figures: list) -> None:
    images = np.linspace(0, 1, 6).reshape(2, 3, 1, 1) * np.ones((8, 8))
    draw_traversals(tmp_path / "c.png", {"c1": images}, {"c1": [-1.0, 0.12345, 1]}, ["first", "second"])
    (axis,) = figures[0].axes
    picture = axis.images[0].get_array()
    columns, rows = axis.get_xticks(), axis.get_yticks()
    # The middle of each picture, where its label points, has the picture's own value.
    shown = [[picture[round(row), round(column)] for column in columns] for row in rows]
    np.testing.assert_allclose(shown, images[:, :, 0, 0])
    assert [text.get_text() for text in axis.get_xticklabels()] == ["\N{MINUS SIGN}1", "0.12", "1"]
    assert [text.get_text() for text in axis.get_yticklabels()] == ["first", "second"]
    assert axis.get_title(loc="left") == "c1"


def test_panels_side_by_side_have_pictures_of_one_size(tmp_path: Path, figures: list) -> None:
    panels = {"many": np.zeros((2, 5, 4, 4)), "color": np.ones((2, 4, 3, 4, 4)), "few": np.zeros((2, 3, 4, 4))}
    draw_traversals(tmp_path / "c.png", panels, columns=2)
    figure = figures[0]
    figure.draw_without_rendering()
    widths = [axis.transData.transform((4, 0))[0] - axis.transData.transform((0, 0))[0] for axis in figure.axes[:3]]
    assert widths[0] == pytest.approx(widths[2], rel=0.05)
    assert figure.axes[1].images[0].get_array().shape[-1] == 3
    assert not figure.axes[3].axison


def test_a_heat_map_writes_its_numbers_and_leaves_nan_empty(tmp_path: Path, figures: list) -> None:
    table = np.array([[1, -0.4], [np.nan, 0.25]])
    draw_heatmap(tmp_path / "h.png", table, ["a", "b"], ["c", "d"], "Title", "x", "y", "{:.2f}")
    (axis,) = figures[0].axes
    assert [text.get_text() for text in axis.texts] == ["1.00", "\N{MINUS SIGN}0.40", "", "0.25"]
    assert [text.get_position() for text in axis.texts] == [(0, 0), (1, 0), (0, 1), (1, 1)]
    image = axis.images[0]
    assert image.get_clim() == (-1, 1), "white is 0 where numbers have both signs"
    assert (axis.get_title(), axis.get_xlabel(), axis.get_ylabel()) == ("Title", "x", "y")


def test_a_heat_map_of_zeros_and_one_of_losses_are_drawn(tmp_path: Path, figures: list) -> None:
    draw_heatmap(tmp_path / "zero.png", np.zeros((1, 2)), ["a"], ["a long name", "another"])
    draw_heatmap(tmp_path / "minus.png", -np.eye(2), ["a", "b"], ["c", "d"])
    assert figures[1].axes[0].images[0].get_clim() == (0, 1)


def test_features_of_a_row_share_their_axis_and_lines_are_means(tmp_path: Path, figures: list) -> None:
    values = np.array([-1.0, 0.0, 1.0])
    samples = np.array([1.0, 3.0])[:, None, None] * np.stack([values, 100 + values], -1)  # [rows, values, d]
    panels = {"c1": (values, samples), "kind": (["x", "y"], np.zeros((2, 2)))}
    draw_feature_traversals(tmp_path / "f.png", panels, ["small", "large"])
    axes = np.array(figures[0].axes).reshape(2, 2)
    assert axes[0, 0].lines[-1].get_ydata() == pytest.approx([-2, 0, 2])
    assert axes[1, 0].lines[-1].get_ydata() == pytest.approx([198, 200, 202])
    assert len(axes[0, 0].lines) == 3, "two samples and their mean"
    assert axes[0, 1].get_ylim() == axes[0, 0].get_ylim() != axes[1, 0].get_ylim()
    assert axes[0, 1].lines[0].get_linestyle() == "None", "categories have no order: dots"
    assert [text.get_text() for text in axes[1, 1].get_xticklabels()] == ["x", "y"]


def test_errors_are_sentences(tmp_path: Path) -> None:
    path, images = tmp_path / "none.png", np.zeros((2, 3, 4, 4))
    with pytest.raises(ValueError, match="panels is empty"):
        draw_traversals(path, {})
    with pytest.raises(ValueError, match=r"Images of 'c' must be .*got \(2, 3, 4\)"):
        draw_traversals(path, {"c": images[..., 0]})
    with pytest.raises(ValueError, match="'c' has 3 columns, but 2 names for them"):
        draw_traversals(path, {"c": images}, {"c": [0, 1]})
    with pytest.raises(ValueError, match="'c' has 2 rows, but 1 names for them"):
        draw_traversals(path, {"c": images}, row_names=["a"])
    with pytest.raises(ValueError, match=r"values names \['d'\], which panels lacks"):
        draw_traversals(path, {"c": images}, {"d": [0, 1, 2]})
    with pytest.raises(ValueError, match=r"table is \[2, 2\], but has 1 row names and 2 column names"):
        draw_heatmap(path, np.eye(2), ["a"], ["b", "c"])
    with pytest.raises(ValueError, match="one panel and one feature at least"):
        draw_feature_traversals(path, {}, ["a"])
    with pytest.raises(ValueError, match=r"Features of 'c' must be \[..., 2, 1\] .*got \[3, 1\]"):
        draw_feature_traversals(path, {"c": ([0.0, 1.0], np.zeros((3, 1)))}, ["a"])
    assert not path.exists()

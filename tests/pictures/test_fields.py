"""Pictures in the plane: what is drawn, and films that stay small and show each frame."""

from pathlib import Path

import numpy as np
import pytest

from gan_ext.pictures import FieldPanel, animate, animate_clouds, animate_fields, draw_clouds, draw_fields

AXIS = np.linspace(-1.5, 1.5, 9)
X, Y = np.meshgrid(AXIS, AXIS)
TURNING = np.stack([-Y, X], -1)
CIRCLE = np.stack([np.cos(np.linspace(0, 5, 60)), np.sin(np.linspace(0, 5, 60))], 1)
MODES = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 2.0]])


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


def frames_of(path: Path) -> list[np.ndarray]:
    pillow = pytest.importorskip("PIL.Image")
    found = []
    with pillow.open(path) as film:
        for number in range(film.n_frames):
            film.seek(number)
            found.append(np.asarray(film.convert("RGB")).astype(int))
    return found


def test_fields_show_paths_from_dot_to_square(tmp_path: Path, figures: list) -> None:
    panels = {"one": FieldPanel(TURNING, {"slow": CIRCLE[:30], "fast": CIRCLE}), "two": FieldPanel(TURNING, {})}
    draw_fields(tmp_path / "fields.png", panels, AXIS, AXIS, "theta", "psi")
    assert (tmp_path / "fields.png").stat().st_size > 10_000
    one, two = figures[0].axes
    assert [one.get_title(), two.get_title()] == ["one", "two"]
    drawn = [line for line in one.lines if len(line.get_xdata()) in (30, 60)]
    assert [len(line.get_xdata()) for line in drawn] == [30, 60]
    ends = {line.get_marker(): line.get_xydata()[0] for line in one.lines if line.get_marker() in "os"}
    assert ends["o"] == pytest.approx(CIRCLE[0])
    assert ends["s"] == pytest.approx(CIRCLE[-1])
    assert [text.get_text() for text in figures[0].legends[0].get_texts()] == ["slow", "fast"]
    assert one.get_xlabel() == "theta"
    assert (one.get_ylabel(), two.get_ylabel()) == ("psi", "")


def test_clouds_count_what_lies_outside(tmp_path: Path, figures: list) -> None:
    inside = np.zeros((5, 2))
    outside = np.array([[9.0, 0.0], [np.nan, 0.0], [0.0, 0.0]])
    draw_clouds(tmp_path / "clouds.png", {"a": inside, "b": outside}, MODES, {"a": X})
    first, second = figures[0].axes
    assert first.get_title() == "a"
    assert second.get_title() == "b (2 outside)"
    assert first.get_xlim() == pytest.approx((-2.7, 2.7))
    assert len(first.collections) > 0  # contours
    assert not second.collections


def test_a_film_of_paths_grows_and_is_small(tmp_path: Path) -> None:
    path = tmp_path / "fields.gif"
    animate_fields(path, {"turning": FieldPanel(TURNING, {"path": CIRCLE})}, AXIS, AXIS, frames=4)
    shown = frames_of(path)
    assert len(shown) == 4
    inks = [int((frame.max(2) - frame.min(2) > 60).sum()) for frame in shown]
    assert inks[-1] > 2 * inks[0]
    assert path.stat().st_size < 40_000


def test_a_film_of_clouds_is_small(tmp_path: Path) -> None:
    path = tmp_path / "clouds.gif"
    rng = np.random.default_rng(0)
    frames = [{f"step {step}": rng.normal(size=(500, 2)), "other": MODES} for step in range(4)]
    animate_clouds(path, frames, MODES)
    assert len(frames_of(path)) == 4
    assert path.stat().st_size < 60_000


def test_films_hold_their_frames(tmp_path: Path) -> None:
    """Pixels that stay are not drawn again, and yet every frame is whole."""
    frames = []
    for place in range(4):
        picture = np.full((20, 30, 3), 255, np.uint8)
        picture[5:10, 6 * place : 6 * place + 5] = (255, 0, 0)
        picture[15:] = (0, 0, 255)
        frames.append(picture)
    animate(tmp_path / "film.gif", frames, colors=8)
    for shown, meant in zip(frames_of(tmp_path / "film.gif"), frames, strict=True):
        assert np.abs(shown - meant).max() <= 8


def test_errors_are_sentences(tmp_path: Path) -> None:
    path = tmp_path / "none"
    panel = {"one": FieldPanel(TURNING, {"path": CIRCLE})}
    picture = np.zeros((4, 4, 3), np.uint8)
    cases = [
        (lambda: draw_fields(path, {}, AXIS, AXIS), "no field to draw"),
        (lambda: draw_fields(path, panel, AXIS[1:], AXIS), r"velocities of 'one' must be \[9, 8, 2\]"),
        (
            lambda: draw_fields(path, {"one": FieldPanel(TURNING, {"path": CIRCLE[0]})}, AXIS, AXIS),
            r"path 'path' must be \[steps \+ 1, 2\]",
        ),
        (lambda: animate_fields(path, panel, AXIS, AXIS, frames=1), "frames=1"),
        (lambda: animate_fields(path, {"one": FieldPanel(TURNING, {})}, AXIS, AXIS), "0 positions"),
        (lambda: draw_clouds(path, {}), "no samples to draw"),
        (lambda: draw_clouds(path, {"a": np.zeros(3)}), r"Samples of 'a' must be \[n, 2\]"),
        (lambda: draw_clouds(path, {"a": MODES}, scores={"b": X}), r"scores names \['b'\]"),
        (lambda: animate_clouds(path, [{"a": MODES}, {}], MODES), "equally many panels"),
        (lambda: animate_clouds(path, [], MODES), "equally many panels"),
        (lambda: animate_clouds(path, [{"a": MODES}]), "needs modes or limit"),
        (lambda: animate(path, []), "at least one"),
        (lambda: animate(path, [picture.astype(float)]), "must be pictures uint8"),
        (lambda: animate(path, [picture, picture[1:]]), "of one size"),
        (lambda: animate(path, [picture], colors=2), "3 <= colors"),
    ]
    for draw, message in cases:
        with pytest.raises(ValueError, match=message):
            draw()
    assert not path.exists()

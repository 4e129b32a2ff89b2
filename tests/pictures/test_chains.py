"""Pictures of chains while they run, and their film."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from gan_ext.pictures import ChainFilm, LivePicture


def state(step: int, steps: int = 6, shade: float = 1.0, shape: tuple[int, ...] = (1, 4, 4)) -> Any:
    return SimpleNamespace(step=step, steps=steps, position=SimpleNamespace(data=torch.full((5, *shape), shade)))


def test_a_live_picture_is_drawn_when_due_and_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "new" / "live.png"
    live = LivePicture(path, every=4, columns=3, enlarge=2)
    for step in (1, 2, 3):
        live(state(step))
    assert not path.exists()
    live(state(4, shade=0.0))
    dark = np.asarray(Image.open(path))
    assert dark.shape == (2 * 2 * 5, 2 * 3 * 5)  # two rows of three, a gap of one pixel beside each
    assert dark[0, 0] == 0
    live(state(5))
    assert np.asarray(Image.open(path))[0, 0] == 0
    live(state(6))
    assert np.asarray(Image.open(path))[0, 0] == 255
    assert [file.name for file in path.parent.iterdir()] == ["live.png"]


def test_data_is_restored_and_clipped(tmp_path: Path) -> None:
    LivePicture(tmp_path / "live.png", restore=lambda data: (data + 1) / 2)(state(6, shade=0.0))
    assert np.asarray(Image.open(tmp_path / "live.png"))[0, 0] == 128
    LivePicture(tmp_path / "live.png")(state(6, shade=7.0))
    assert np.asarray(Image.open(tmp_path / "live.png"))[0, 0] == 255


def test_colors_are_kept(tmp_path: Path) -> None:
    LivePicture(tmp_path / "live.png")(state(6, shape=(3, 4, 4)))
    with Image.open(tmp_path / "live.png") as shown:
        assert shown.mode == "RGB"


def test_a_film_has_a_picture_for_each_step_that_is_due(tmp_path: Path) -> None:
    film = ChainFilm(tmp_path / "chains.gif", every=2)
    for step in range(1, 7):
        film(state(step, shade=step / 6))
    with Image.open(tmp_path / "chains.gif") as shown:
        assert shown.n_frames == 3
    film(state(6, steps=6))  # another run starts a film of its own
    with Image.open(tmp_path / "chains.gif") as shown:
        assert getattr(shown, "n_frames", 1) == 1


def test_what_cannot_be_drawn_is_said(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="only images"):
        LivePicture(tmp_path / "live.png")(state(6, shape=(7,)))
    with pytest.raises(ValueError, match="every=0"):
        LivePicture(tmp_path / "live.png", every=0)


def test_chains_that_are_shown_are_spread_over_all(tmp_path: Path) -> None:
    data = torch.linspace(0, 1, 101)[:, None, None, None].expand(101, 1, 4, 4)
    LivePicture(tmp_path / "live.png", chains=3, enlarge=1).draw(data)
    assert np.asarray(Image.open(tmp_path / "live.png"))[0, [0, 5, 10]].tolist() == [0, 128, 255]


def test_a_film_can_be_written_again_from_its_frames(tmp_path: Path) -> None:
    film = ChainFilm(tmp_path / "chains.gif", every=1)
    for step in range(1, 7):
        film(state(step, shade=step / 6))
    assert film.frames.shape == (6, 5, 1, 4, 4)
    ChainFilm(tmp_path / "again.gif").write(film.frames)
    assert (tmp_path / "again.gif").read_bytes() == (tmp_path / "chains.gif").read_bytes()

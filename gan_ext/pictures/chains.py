"""Pictures of chains while they run, and films of them."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gan_ext.pictures.images import image_grid

__all__ = ["ChainFilm", "LivePicture"]

Array = NDArray[Any]


class LivePicture:
    """A callback of chains that keeps a picture of their images on disk as they run.

    The file is replaced at once and never half written, so that a viewer that looks again sees the chains move.

    Args:
        path: the picture's file, .png.
        every: steps between pictures; the last step is always drawn.
        columns: images in a row.
        chains: how many chains are shown, spread evenly over all, so that each class has some.
        restore: from the data that chains hold to values in [0, 1], [n, c, h, w]; they are clipped as they are if None.
        enlarge: pixels for each pixel of an image.

    Raises:
        ValueError: numbers below 1.
    """

    def __init__(
        self,
        path: str | Path,
        every: int = 10,
        *,
        columns: int = 10,
        chains: int = 100,
        restore: Callable[[Array], Array] | None = None,
        enlarge: int = 2,
    ) -> None:
        for name, value in (("every", every), ("columns", columns), ("chains", chains), ("enlarge", enlarge)):
            if value < 1:
                raise ValueError(f"{name}={value!r} must be at least 1.")
        self.path, self.every, self.columns, self.chains = Path(path), every, columns, chains
        self.restore, self.enlarge = restore, enlarge
        self.path.parent.mkdir(parents=True, exist_ok=True)

    def __call__(self, state: Any) -> None:
        """Draw a :class:`~gan_ext.plug_and_play.ChainState`, if its step is due."""
        if state.step % self.every == 0 or state.step == state.steps:
            beside = self.path.with_name(f".{self.path.name}.part")
            self.picture(state).save(beside, format="PNG")
            os.replace(beside, self.path)  # noqa: PTH105

    def picture(self, state: Any) -> Any:
        """Return the images of some chains as one picture (a PIL image)."""
        from PIL import Image

        every = state.position.data
        rows = np.linspace(0, len(every) - 1, min(len(every), self.chains)).round().tolist()
        data = np.asarray(every[[int(row) for row in rows]].detach().cpu().float())
        if data.ndim not in (3, 4):
            raise ValueError(f"Chains hold data of shape {data.shape[1:]}; only images [c, h, w] can be drawn.")
        shown = np.clip(data if self.restore is None else self.restore(data), 0, 1)
        grid = np.round(255 * image_grid(shown, min(self.columns, len(shown)))).astype(np.uint8)
        larger = grid.repeat(self.enlarge, 0).repeat(self.enlarge, 1)
        return Image.fromarray(larger)


class ChainFilm(LivePicture):
    """A callback of chains that writes a film of them when they end, .gif.

    Args:
        path: the film's file.
        every: steps between its pictures.
        columns: images in a row.
        chains: how many chains are shown.
        restore: as for :class:`LivePicture`.
        enlarge: likewise.
        milliseconds: that each picture is shown; the last one ten times as long.
    """

    def __init__(
        self,
        path: str | Path,
        every: int = 2,
        *,
        columns: int = 10,
        chains: int = 50,
        restore: Callable[[Array], Array] | None = None,
        enlarge: int = 2,
        milliseconds: int = 80,
    ) -> None:
        super().__init__(path, every, columns=columns, chains=chains, restore=restore, enlarge=enlarge)
        self.milliseconds = milliseconds
        self.frames: list[Any] = []

    def __call__(self, state: Any) -> None:
        """Take up a picture, if its step is due; write the film after the last step."""
        last = state.step == state.steps
        if state.step % self.every == 0 or last:
            self.frames.append(self.picture(state))
        if last:
            first, *others = self.frames
            shown = [self.milliseconds] * len(others) + [10 * self.milliseconds]
            first.save(self.path, format="GIF", save_all=True, append_images=others, duration=shown, loop=0)
            self.frames = []

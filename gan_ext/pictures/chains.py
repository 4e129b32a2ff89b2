"""Pictures of chains while they run, and films of them."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gan_ext.pictures.images import image_grid

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["ChainFilm", "LivePicture"]

Array = NDArray[Any]


class Held(Protocol):
    """Where chains are: their data, an array or tensor [n, c, h, w]."""

    @property
    def data(self) -> Any: ...


class Moved(Protocol):
    """Chains after a step, such as :class:`~gan_ext.plug_and_play.ChainState`."""

    @property
    def step(self) -> int: ...
    @property
    def steps(self) -> int: ...
    @property
    def position(self) -> Held: ...


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

    def __call__(self, state: Moved) -> None:
        """Draw the chains after a step, if it is due."""
        if self.due(state):
            self.draw(state.position.data)

    def due(self, state: Moved) -> bool:
        """Return whether a step is shown."""
        return state.step % self.every == 0 or state.step == state.steps

    def draw(self, data: Any) -> None:
        """Draw the data of chains, an array or tensor [n, c, h, w]."""
        beside = self.path.with_name(f".{self.path.name}.part")
        self.picture(self.chosen(data)).save(beside, format="PNG")
        os.replace(beside, self.path)  # noqa: PTH105

    def chosen(self, data: Any) -> Array:
        """Return the data of the chains that are shown."""
        rows = np.linspace(0, len(data) - 1, min(len(data), self.chains)).round().tolist()
        shown = data[[int(row) for row in rows]]
        if hasattr(shown, "detach"):
            shown = shown.detach().cpu().float()
        found = np.asarray(shown)
        if found.ndim not in (3, 4):
            raise ValueError(f"Chains hold data of shape {found.shape[1:]}; only images [c, h, w] can be drawn.")
        return found

    def picture(self, data: Array) -> "Image":
        """Return images [n, c, h, w] as one picture."""
        from PIL import Image

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

    Attributes:
        frames: what the newest film shows, images [T, n, c, h, w]; :meth:`write` makes the film of them again.
    """

    frames: Array

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
        self._taken: list[Array] = []

    def __call__(self, state: Moved) -> None:
        """Take up the chains after a step, if it is due; write the film after the last step."""
        if self.due(state):
            self._taken.append(self.chosen(state.position.data))
        if state.step == state.steps:
            self.frames, self._taken = np.stack(self._taken), []
            self.write(self.frames)

    def write(self, frames: Sequence[Array] | Array) -> None:
        """Write the film of images [T, n, c, h, w]."""
        first, *others = [self.picture(each) for each in frames]
        shown = [self.milliseconds] * len(others) + [10 * self.milliseconds]
        first.save(self.path, format="GIF", save_all=True, append_images=others, duration=shown, loop=0)

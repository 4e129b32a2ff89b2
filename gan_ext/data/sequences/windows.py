"""A long text as windows: those to learn from, and those at its end that are held out."""

from typing import NamedTuple

from gan_ext.data.errors import DataError

__all__ = ["TextWindows", "text_windows"]


class TextWindows(NamedTuple):
    """Pieces of a text, all of the same length.

    Args:
        train: those to learn from, in order.
        held_out: those of the text's end.
        known: the text that `train` is cut from.
    """

    train: list[str]
    held_out: list[str]
    known: str


def text_windows(text: str, length: int, share: float = 0.1, most: int | None = None) -> TextWindows:
    """Cut a text into windows; the end of the text is held out.

    Args:
        text: any text.
        length: characters of a window; the last ones of a part that fill no window are left out.
        share: of the text that is held out, at least two windows.
        most: held-out windows that are kept, the first ones; None for all.

    Raises:
        DataError: the text has less than four windows to learn from, or none to hold out.
        ValueError: a length less than 1, or a share that is not between 0 and 1.
    """
    if length < 1 or not 0 < share < 1:
        raise ValueError(f"length={length} must be at least 1, and share={share} between 0 and 1.")
    begin = max(len(text) - max(int(len(text) * share), 2 * length), 0)
    train, held_out = _cut(text[:begin], length), _cut(text[begin:], length)[:most]
    if len(train) < 4 or not held_out:
        raise DataError(f"The text has {len(text)} characters, too few for windows of {length}; give a longer one.")
    return TextWindows(train, held_out, text[:begin])


def _cut(text: str, length: int) -> list[str]:
    return [text[begin : begin + length] for begin in range(0, len(text) - length + 1, length)]

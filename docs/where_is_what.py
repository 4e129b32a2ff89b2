"""Draw the house: every kind a row, every subject a color, every file a line; `python docs/where_is_what.py` writes it.

The picture is read off the folders, so it cannot be out of date: a test compares.
"""

from collections.abc import Iterator
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "gan_ext"
PICTURE = ROOT / "docs" / "pictures" / "where_is_what.svg"

KINDS = {
    "estimators": "fit, predict, sample: scikit-learn's interface",
    "games": "one paper, one file, one class",
    "nets": "networks; they know no loss",
    "metrics": "scores of samples, texts, codes, classes",
    "data": "readers, splits, streams of batches",
    "plug_and_play": "chains and steering under conditions",
    "losses": "functions of tensors, penalties",
    "terms": "summands of an objective",
    "gradients": "derivatives through drawn tokens",
    "latents": "priors and codes",
    "sequences": "what a model of tokens is",
    "engine": "the only training loop, solvers",
    "doctor": "what is wrong with a run",
    "reinforcement": "environments and episodes",
    "taxonomy": "a model for each branch of the tree",
    "toys": "games solved by hand, mixtures",
    "pictures": "figures of samples and runs",
    "explorer": "a page with sliders",
    "runs": "what recipes share",
}
COLORS = {
    "sequences": "#dbeafe",
    "images": "#fde68a",
    "tables": "#fed7aa",
    "semi_supervised": "#d9f99d",
    "codes": "#e9d5ff",
    "plug_and_play": "#fbcfe8",
    "evaluation": "#a7f3d0",
}
PLAIN = "#f1f5f9"
WIDTH, LEFT, LINE, GAP, COLUMN = 1280, 190, 15, 10, 172


def rooms(kind: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the subjects of a kind with their files; files of no subject come first, under an empty name."""
    folder = PACKAGE / kind
    own = sorted(path.stem for path in folder.glob("*.py") if path.stem != "__init__")
    if own:
        yield "", own
    for inner in sorted(path for path in folder.iterdir() if (path / "__init__.py").exists()):
        yield inner.name, sorted(path.stem for path in inner.glob("*.py") if path.stem != "__init__")


def wrapped(text: str, width: int = 26) -> list[str]:
    """Break a sentence into short lines."""
    lines = [""]
    for word in text.split():
        lines = [*lines[:-1], f"{lines[-1]} {word}".strip()] if len(lines[-1]) + len(word) < width else [*lines, word]
    return lines


def text(x: float, y: float, words: str, size: int = 11, weight: str = "normal", fill: str = "#1e293b") -> str:
    """Return one line of text."""
    font = 'font-family="ui-monospace, Menlo, Consolas, monospace"'
    look = f'{font} font-size="{size}" font-weight="{weight}" fill="{fill}"'
    return f'<text x="{x:g}" y="{y:g}" {look}>{escape(words)}</text>'


def row(kind: str, top: float) -> tuple[list[str], float]:
    """Draw one kind; return its parts and where it ends."""
    parts = [text(12, top + 20, f"{kind}/", 14, "bold")]
    said = wrapped(KINDS[kind])
    parts += [text(12, top + 38 + 13 * number, line, 10, fill="#64748b") for number, line in enumerate(said)]
    x, y, tallest, bottom = float(LEFT), top, 0.0, top + 38 + 13 * len(said)
    subjects = any(name for name, _ in rooms(kind))
    for name, files in rooms(kind):
        columns = max(1, min(6, -(-len(files) // (15 if subjects else 3))))
        width, high = columns * COLUMN, -(-len(files) // columns)
        height = LINE * high + (22 if name else 6) + 6
        if x + width > WIDTH - 8:
            x, y, tallest = float(LEFT), y + tallest + GAP, 0.0
        parts.append(
            f'<rect x="{x:g}" y="{y:g}" width="{width - 8}" height="{height}" rx="5" '
            f'fill="{COLORS.get(name, PLAIN)}" stroke="#94a3b8" stroke-width="0.6"/>'
        )
        if name:
            parts.append(text(x + 8, y + 16, f"{name}/", 12, "bold"))
        for number, file in enumerate(files):
            column, line = divmod(number, high)
            parts.append(text(x + 8 + column * COLUMN, y + (22 if name else 6) + 11 + LINE * line, f"{file}.py"))
        x, tallest = x + width, max(tallest, height)
        bottom = max(bottom, y + tallest)
    return parts, bottom


def picture() -> str:
    """Return the whole picture as SVG."""
    parts, top = [], 12.0
    for kind in KINDS:
        drawn, bottom = row(kind, top)
        parts += drawn
        ends = f'x1="8" y1="{bottom + GAP:g}" x2="{WIDTH - 8}" y2="{bottom + GAP:g}"'
        parts.append(f'<line {ends} stroke="#cbd5e1" stroke-width="0.6"/>')
        top = bottom + 2 * GAP
    top_level = "  ".join(sorted(path.name for path in PACKAGE.glob("*.py") if path.stem != "__init__"))
    parts.append(text(12, top + 16, f"at the top: {top_level}", 12))
    size = f'width="{WIDTH}" height="{top + 34:g}" viewBox="0 0 {WIDTH} {top + 34:g}"'
    ground = '<rect width="100%" height="100%" fill="#ffffff"/>'
    return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" {size}>', ground, *parts, "</svg>"]) + "\n"


if __name__ == "__main__":
    PICTURE.write_text(picture(), encoding="utf-8")

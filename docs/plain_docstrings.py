"""Make the docstrings readable on the site: equations become code blocks, references become code.

The docstrings write ``.. math::`` and ``:class:`` as scikit-learn's do.  Equations are shown as they stand, in LaTeX,
for the site loads no script from elsewhere.
"""

import re
from typing import Any

from griffe import Docstring, Extension, Parser

ROLE = re.compile(r":(?:class|func|meth|data|mod):`~?([^`]+)`")
INLINE = re.compile(r":math:`([^`]+)`")
EQUATION = re.compile(r"^( *)\.\. math:: *(.*\n(?:(?:\1 +.*)?\n)*)", re.MULTILINE)


def fence(match: re.Match[str]) -> str:
    """Put an equation into a code block of its own."""
    margin, body = match[1], match[2]
    lines = [line.strip() for line in body.strip().splitlines()]
    block = "\n".join(margin + line for line in ("```text", *filter(None, lines), "```"))
    return f"{block}\n\n"


def plain(text: str) -> str:
    """Return a docstring as Markdown."""
    text = EQUATION.sub(fence, text + "\n")
    text = ROLE.sub(lambda match: f"`{match[1].removeprefix('gan_ext.').rsplit('.', 1)[-1]}`", text)
    text = INLINE.sub(r"`\1`", text)
    text = re.sub(r"::$", ":", text, flags=re.MULTILINE)
    text = re.sub(r"(?<!`)``([^`\n]+)``(?!`)", r"`\1`", text)
    return re.sub(r"(https://[^\s,)]+)", r"<\1>", text).rstrip()


class PlainDocstrings(Extension):
    """Rewrite every docstring once it has been read."""

    def on_instance(self, *, obj: Any, **kwargs: Any) -> None:
        if isinstance(obj.docstring, Docstring):
            obj.docstring.value = plain(obj.docstring.value)
            # The estimator's are in NumPy's style, as scikit-learn's are; all others in Google's.
            obj.docstring.parser = Parser.numpy if "\n----------\n" in obj.docstring.value else Parser.google

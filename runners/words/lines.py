"""Lines for whoever reads them: in a terminal they break between words, elsewhere nowhere."""

import shutil
import sys
import textwrap
from typing import TextIO

NARROWEST = 20
"""Characters that are left to a text beside its indent, whatever the terminal's width."""


def width_of(stream: TextIO | None = None) -> int | None:
    """How many characters fit into a line of a terminal; None where the stream is none."""
    return shutil.get_terminal_size().columns if (stream or sys.stdout).isatty() else None


def broken(text: str, width: int | None, indent: int, taken: int | None = None) -> str:
    """A text in lines of that width, all but the first with an indent; None leaves it as it is.

    `taken` characters of the first line are not the text's; None: there are none.
    """
    if width is None:
        return text
    before = " " * (taken or 0)
    width = max(width, indent + NARROWEST, len(before) + NARROWEST)
    lines = textwrap.wrap(
        text,
        width,
        initial_indent=before,
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
        replace_whitespace=False,
        expand_tabs=False,
    )
    return "\n".join(lines)[len(before) :]


def say(text: str, stream: TextIO | None = None, *, indent: int = 2) -> None:
    """Print a line at once, broken to fit if the stream is a terminal."""
    print(broken(text, width_of(stream), indent), file=stream or sys.stdout, flush=True)

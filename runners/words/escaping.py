"""Text of users and of files as it has to be written in each format, so that it stays text.

Names, parameters and errors may hold anything. `model.printable` is for the terminal and for
figures; JSON has its own way.
"""

import re

from runners.model import printable

# Only what would mean something where it stands, so that the text is still easy to read as it is.
_ACTIVE = re.compile(
    r"""
    [*~`|$]                         # emphasis, code, a table's cell, a formula
    | \\(?=[!-/:-@\[-`{-~]|\Z)      # an escape
    | (?<![^\W_])_(?=\S|\Z)         # emphasis, not within a word
    | \](?=[(\[:])                  # a link or an image
    | <(?=[A-Za-z/!?]|\Z)           # HTML, or a link
    | &(?=\#|\w+;)                  # a character by its name
    """,
    re.VERBOSE,
)
_AT_THE_BEGINNING = re.compile(r"(?:[#>=~]|[-+*](?=\s|\Z|[-=])|\[(?=[ xX]\])|\d+(?=[.)](?:\s|\Z)))")
_FORMULA = tuple("=+-@\t\r\n'")
"""What a table calculation program takes for the beginning of a formula; and what tells it not to.

https://owasp.org/www-community/attacks/CSV_Injection
"""


class Markdown(str):
    """Text that is Markdown already."""

    __slots__ = ()


def markdown(text: str) -> Markdown:
    """The text as part of a line of Markdown."""
    if isinstance(text, Markdown):
        return text
    escaped = _ACTIVE.sub(r"\\\g<0>", printable(" ".join(text.split())))
    if begins := _AT_THE_BEGINNING.match(escaped):
        at = begins.end() if begins[0].isdigit() else 0
        escaped = f"{escaped[:at]}\\{escaped[at:]}"
    return Markdown(escaped)


def csv(text: str) -> str:
    """The text as the value of a cell: what a program would take for a formula follows a quote."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def from_csv(text: str) -> str:
    """What `csv` was given."""
    return text[1:] if text.startswith("'") and text[1:].startswith(_FORMULA) else text


_LATEX = {
    **{letter: f"\\{letter}" for letter in "#$%&_{}"},
    **{"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"},
    **{"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", '"': r"\char34{}"},
    **{"`": r"\textasciigrave{}", "×": r"$\times$", "µ": r"\textmu{}", "–": "--", "…": r"\ldots{}"},
}


def latex(text: str) -> str:
    """The text as part of a line of LaTeX."""
    return "".join(_LATEX.get(letter, letter) for letter in printable(" ".join(text.split())))

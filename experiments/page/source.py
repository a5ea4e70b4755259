"""The code of an experiment's tasks, as it stands in the program, with colours."""

import importlib
import inspect
import textwrap
from functools import cache

from markupsafe import Markup
from pygments import highlight
from pygments.formatters.html import HtmlFormatter
from pygments.lexers.python import PythonLexer


def source(name: str) -> str:
    """The lines of what has this name, as "runners.workloads.countdown:count"."""
    module, _, path = name.partition(":")
    found = importlib.import_module(module)
    for part in path.split("."):
        found = getattr(found, part)
    return textwrap.dedent(inspect.getsource(found))


@cache
def highlighted(name: str) -> Markup:
    """The same as markup; page.css has the colours of its classes."""
    lexer, formatter = PythonLexer(stripnl=True), HtmlFormatter(nowrap=True)
    return Markup(highlight(source(name), lexer, formatter))

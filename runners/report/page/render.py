"""Templates become a page that needs nothing else: style and script are in it, and nothing more.

The content policy names both by their hashes. All text goes through `printable` and is escaped,
wherever a template puts it.
"""

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from runners.model import printable

HERE = Path(__file__).parent


def rendered(template: str, **values: Any) -> bytes:
    """The page of that template with these values. `base.html` says what all of them have."""
    style, script = ((HERE / name).read_text("utf-8") for name in ("page.css", "page.js"))
    text = (
        _environment()
        .get_template(template)
        .render(style=Markup(style), script=Markup(script), policy=policy(style, script), **values)
    )
    return text.encode("utf-8", "replace")


def policy(style: str, script: str) -> str:
    """What a page may do: show itself, with this style and this script."""
    return "; ".join(
        [
            "default-src 'none'",
            f"style-src 'sha256-{_hash(style)}'",
            f"script-src 'sha256-{_hash(script)}'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _visible(value: Any) -> Any:
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value

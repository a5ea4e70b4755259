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


def rendered(template: str, own: Path | None = None, **values: Any) -> bytes:
    """The page of that template with these values. `base.html` says what all of them have.

    Templates of the folder `own` may build on those that are here; its `page.css` comes after ours,
    and its pages have no script.
    """
    style, script = ((HERE / name).read_text("utf-8") for name in ("page.css", "page.js"))
    if own is not None:
        style, script = style + (own / "page.css").read_text("utf-8"), ""
    text = (
        _environment(own)
        .get_template(template)
        .render(style=Markup(style), script=Markup(script), policy=policy(style, script), **values)
    )
    return text.encode("utf-8", "replace")


def policy(style: str, script: str) -> str:
    """What a page may do: show itself, with this style and, if it has one, this script."""
    return "; ".join(
        [
            "default-src 'none'",
            f"style-src 'sha256-{_hash(style)}'",
            *([f"script-src 'sha256-{_hash(script)}'"] if script else []),
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@cache
def _environment(own: Path | None) -> Environment:
    return Environment(
        loader=FileSystemLoader([HERE] if own is None else [own, HERE]),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _visible(value: Any) -> Any:
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value

"""Figures of the page, and sections of the report that show some of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markdown_it import MarkdownIt
from markupsafe import Markup

from runners.report.markdown import ALT
from runners.report.page import svg

MOST_FIGURES = 600_000
"""Bytes of all figures; those for which there is no room left are only named."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure; `svg` is empty where it is too large, `files` are its files beside the page."""

    title: str
    svg: Markup
    files: tuple[str, ...]


def drawn(images: Mapping[str, bytes]) -> dict[str, Figure]:
    """The figures by their names, in their order."""
    left = MOST_FIGURES
    found = {}
    for name, data in images.items():
        title = ALT.get(name, name)
        drawn = svg.inline(data, name, title)
        fits = len(drawn) <= left
        left -= len(drawn) if fits else 0
        files = tuple(f"{name}.{form}" for form in ("png", "svg"))
        found[name] = Figure(title, drawn if fits else Markup(""), files)
    return found


def is_within(name: str, sections: Sequence[str]) -> bool:
    return any(f"({name}.png)" in text for text in sections)


def section(text: str, drawn: Mapping[str, Figure]) -> Markup:
    """Markdown of the report as part of the page, with the figures that it shows."""
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = parser.parse(text)
    for token in tokens:
        for part in token.children or ():
            if part.type == "image":
                source = str(part.attrs["src"]).removesuffix(".png")
                part.type, part.content = "html_inline", _shown(drawn.get(source))
    text = parser.renderer.render(tokens, parser.options, {})
    scrolled = '<div class="scroll" tabindex="0"><table>'
    for plain, ours in (
        *(("<table>", scrolled), ("</table>", "</table></div>")),
        ("<th></th>", "<td></td>"),  # the corner
    ):
        text = text.replace(plain, ours)
    return Markup(text)


def _shown(figure: Figure | None) -> str:
    return str(figure.svg) if figure is not None else ""

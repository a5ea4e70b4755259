"""Text stays text in every format, whatever it holds."""

import csv as tables
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from runners.model import printable
from runners.words.escaping import Markdown, csv, from_csv, markdown

ATTACKS = [
    *("# H1", "a\n# H1", "<script>alert(1)</script>", "![x](http://y)", "[a]: http://x", "[x][y]"),
    *("<http://x>", "a|b", "`x`", "1. x", "12) x", "- x", "+ x", "* x", "***", "---", "===", "> q"),
    *("&lt;", "a\\", "\\*x*", "**b**", "_x_", "~~~", "~~x~~", "    code", "\tcode", "a](http://x)"),
    *("setext\n---", "\x1b[31m", "\u2028# x", "![a", "<!-- x", "]"),
]
PLACES = ("{}", "- {}", "- x: {}, {}: y", "| {} | b |\n|---|---|\n| {} | y |", "# {}", "**{}**")

_parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def _shape(text: str) -> list[str]:
    tokens = _parser.parse(text)
    found = [part.type for token in tokens for part in (token, *(token.children or ()))]
    return [kind for kind in found if not kind.startswith("text")]


def _escapes(text: str) -> None:
    for place in PLACES:
        count = place.count("{}")
        shape = _shape(place.format(*["abc"] * count))
        assert _shape(place.format(*[markdown(text)] * count)) == shape


@pytest.mark.parametrize("text", ATTACKS)
def test_text_is_no_markup(text: str) -> None:
    _escapes(text)


@given(st.text("#*_`[]()<>!|\\~-+=&;:./ \nab1", min_size=1, max_size=12).filter(str.strip))
def test_any_text_is_no_markup(text: str) -> None:
    _escapes(text)


@pytest.mark.parametrize("text", ["1.73× [1.68, 1.79] (2 of 3)", "thread_subclass n=2", "a < b"])
def test_what_means_nothing_in_markdown_stays_as_it_is(text: str) -> None:
    assert markdown(text) == text


def test_markdown_is_not_escaped_twice() -> None:
    assert markdown(markdown("*x*")) == markdown("*x*")
    assert markdown(Markdown("[a](#a)")) == "[a](#a)"


@pytest.mark.parametrize("text", ["=1+cmd|' /C calc'!A0", "+1", "-1", "@SUM(1)", "\t=1", "\r=1"])
def test_a_formula_is_text_in_a_table(text: str) -> None:
    assert csv(text)[0] == "'"


@given(st.text("=+-@'\t\rab\"\n,", max_size=6))
def test_text_comes_back_from_a_table(text: str) -> None:
    file = io.StringIO(newline="")
    tables.writer(file).writerow([csv(text)])
    [[found]] = tables.reader(io.StringIO(file.getvalue(), newline=""))
    assert from_csv(found) == text


def test_what_would_move_a_cursor_is_written_out() -> None:
    assert printable("a\x1b[31m\nb\u202ec\ud800") == r"a\x1b[31m\nb\u202ec\ud800"
    assert printable("n·T₁ — 数 😀\u2009×") == "n·T₁ — 数 😀\u2009×"

"""Lines that break between words in a terminal, and nowhere else."""

import io

import pytest

from runners.words.lines import broken, say

TEXT = "error: workload.end=abc (primes): must be a whole number; set workload.end=200000 say"


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_lines_that_fit_with_an_indent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    screen = Screen()
    say(TEXT, screen)
    first, *others = screen.getvalue().splitlines()
    assert all(len(line) <= 40 for line in (first, *others))
    assert others
    assert all(line.startswith("  ") and line[2] != " " for line in others)
    assert " ".join([first, *(line.strip() for line in others)]) == TEXT


def test_a_pipe_gets_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    pipe = io.StringIO()
    say(TEXT * 9, pipe)
    assert pipe.getvalue() == TEXT * 9 + "\n"


def test_what_is_in_front_of_a_text_takes_its_place() -> None:
    told = broken("one two three four five six seven", 45, 10, 20)
    assert told == "one two three four five\n          six seven"


def test_columns_of_a_line_stay_where_they_are() -> None:
    line = f"{'  1/4  primes on thread':<46} 1.00×  [0.97, 1.05]"
    assert broken(line, 80, 7) == line


@pytest.mark.parametrize("word", ["/a/path/that/is/longer/than/the/line", "hyphens-do-not-break"])
def test_a_word_is_never_broken(word: str) -> None:
    assert word in broken(f"see {word} for more", 10, 4).replace("\n", " ").split()

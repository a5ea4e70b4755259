"""What an interpreter says of itself."""

import dataclasses
import subprocess
import sys
from pathlib import Path

from runners.child import asked
from runners.model import Python


def test_it_says_what_an_interpreter_is_known_by() -> None:
    names = {field.name for field in dataclasses.fields(Python)} - {"asked"}
    assert asked.FACTS.keys() == names


def test_its_text_can_be_sent_to_any_interpreter() -> None:
    """Python 2 takes no other letters in a command."""
    text = Path(asked.__file__).read_text()
    assert text.isascii()
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"\n{asked.MARK}{{")


def test_the_build_says_when_by_what_and_how() -> None:
    date, *_, configured = asked.build().split(", ")
    assert configured.startswith("configured ")
    assert len(configured) == len("configured ") + 8
    assert date

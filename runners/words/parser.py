"""The parser of a command's words."""

import argparse
from typing import NoReturn


class Parser(argparse.ArgumentParser):
    """The standard library's, where a mistake is one line like all others, and status 2."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"error: {' '.join(message.split())}; see {self.prog} --help\n")

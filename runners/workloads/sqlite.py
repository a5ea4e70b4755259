"""Queries of an SQLite database in a file: reads are limited by the CPU, writes by its one lock.

SQLite's C code releases the GIL while it works. Any number of connections may read; only one may
write, and the others wait for it.
"""

import shutil
import sqlite3
import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Self

from runners.model import WrongResult, at_least

BUSY_S = 60.0
"""How long a connection waits for the lock before the task fails."""

TOTAL = "SELECT sum(balance) FROM accounts"
PAY = "UPDATE accounts SET balance = balance + ? WHERE id = ?"


@dataclass
class Sqlite:
    """In each of `pieces` tasks, a connection of its own reads or writes `repeat` times.

    The table holds `rows` accounts, numbered from 0, with a balance of as much to begin with. To
    read is to add up all balances. To write is to move 1 from one account to another in a
    transaction: no order of such transactions changes the total. The file exists while this is
    entered. Every answer is read to its end: where no references are counted (PyPy), a statement
    that still has rows to give goes on, and nothing can be committed beside it.
    """

    mode: Literal["read", "write"]
    journal_mode: Literal["delete", "wal"]
    rows: int
    repeat: int
    pieces: int
    _folder: str | None = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        at_least(self, 1, "rows", "repeat", "pieces")

    def __enter__(self) -> Self:
        self._folder = tempfile.mkdtemp()
        # Closed before any worker starts: a connection must not be carried over a fork.
        with closing(_connect(self._path())) as connection:
            connection.execute(f"PRAGMA journal_mode = {self.journal_mode}").fetchall()
            connection.execute("CREATE TABLE accounts (id INTEGER PRIMARY KEY, balance INTEGER)")
            connection.execute("BEGIN")
            accounts = ((k, k) for k in range(self.rows))
            connection.executemany("INSERT INTO accounts VALUES (?, ?)", accounts)
            connection.execute("COMMIT")
        return self

    def __exit__(self, *exception: object) -> None:
        assert self._folder is not None
        shutil.rmtree(self._folder)
        self._folder = None

    def _path(self) -> str:
        if self._folder is None:
            raise RuntimeError("there is no database: enter the workload before its tasks")
        return str(Path(self._folder, "accounts.sqlite"))

    def tasks(self) -> Sequence[tuple[str, int]]:
        """The database's file, and the task's number."""
        path = self._path()
        return [(path, k) for k in range(self.pieces)]

    def __call__(self, task: tuple[str, int]) -> tuple[int, int]:
        """The rows that this task changed, and the total that it saw in the end."""
        path, number = task
        with closing(_connect(path)) as connection:
            for k in range(self.repeat):
                if self.mode == "write":
                    self._move(connection, number * self.repeat + k)
                else:
                    [(total,)] = connection.execute(TOTAL)
            if self.mode == "write":
                [(total,)] = connection.execute(TOTAL)
            return connection.total_changes, total

    def _move(self, connection: sqlite3.Connection, k: int) -> None:
        # IMMEDIATE, because only a transaction that asks for the lock at once can wait for it.
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(PAY, (-1, k % self.rows))
        connection.execute(PAY, (1, (k + self.rows // 2) % self.rows))
        connection.execute("COMMIT")

    def check(self, results: Sequence[tuple[int, int]]) -> None:
        changes = 2 * self.repeat if self.mode == "write" else 0
        expected = changes, self.rows * (self.rows - 1) // 2
        if list(results) != [expected] * self.pieces:
            raise WrongResult(
                f"{self.pieces} times (changes, total) have to be {expected}, not {results}"
            )


def _connect(path: str) -> sqlite3.Connection:
    """A connection that leaves it to the caller where a transaction begins."""
    return sqlite3.connect(path, timeout=BUSY_S, isolation_level=None)

"""Threads made by subclassing: a `threading.Thread` with a `run()` of its own."""

import threading
from typing import Any

from runners.executors.shares import Share
from runners.executors.thread import Thread


class Worker(threading.Thread):
    """A thread that carries its work and its result as attributes."""

    def __init__(self, name: str, share: Share, parts: list[Any], k: int) -> None:
        super().__init__(name=name)
        self.share = share
        self.parts = parts
        self.k = k

    def run(self) -> None:
        self.parts[self.k] = self.share.compute()


class ThreadSubclass(Thread):
    """As `Thread`, with workers of a subclass of `threading.Thread`."""

    def make(self, name: str, share: Share, parts: list[Any], k: int) -> threading.Thread:
        return Worker(name, share, parts, k)

"""The thread pool of the standard library."""

from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar


class QuickPool(ThreadPoolExecutor):
    worker_kind: ClassVar[str] = "thread"

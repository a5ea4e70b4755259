"""The plain loop that every speedup is measured against."""

from collections.abc import Callable, Iterable
from typing import Any, Self


class Serial:
    """One worker: the caller itself. `max_workers` is taken for the common shape and not used."""

    worker_kind = "caller"
    tidy = True

    def __init__(
        self,
        max_workers: int = 1,
        initializer: Callable[..., object] | None = None,
        initargs: tuple[Any, ...] = (),
    ) -> None:
        self.initializer = initializer
        self.initargs = initargs

    def __enter__(self) -> Self:
        if self.initializer is not None:
            self.initializer(*self.initargs)
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any, /) -> None:
        pass

    def map(self, function: Callable[[Any], Any], tasks: Iterable[Any], /) -> list[Any]:
        return [function(task) for task in tasks]

"""`watch`: a pool of somebody's own program, and at the end where its time went."""

import sys
from typing import TYPE_CHECKING, Any

from runners.model import in_one_line
from runners.watching.ledger import Ledger
from runners.watching.pools import known

if TYPE_CHECKING:
    from runners.watching.report import Report


def watch(pool: Any, *, quiet: bool = False) -> Any:
    """Note what `pool` does until the end of its `with` block, and tell where its time went, as in::

        with watch(ProcessPoolExecutor(8)) as pool:
            list(pool.map(f, data))
        pool.report.figure()

    The pool itself is returned, and behaves as it always does. At the end of the block a text goes
    to standard error, unless `quiet`; `pool.report` has it with the times of all tasks, the figure
    and files. Asked for inside the block, it tells what was seen so far.

    For pools of `concurrent.futures` and loky, `multiprocessing.Pool` and `ThreadPool`, and
    joblib's `Parallel`; raises `UsageError` for anything else. The program runs once, in parallel,
    as it is: how much faster that is than a plain loop is not known after it.
    """
    front, about = known(pool)
    own = type(pool)
    names = {"__module__": own.__module__, "__qualname__": own.__qualname__, "__doc__": own.__doc__}
    kind = type(own.__name__, (_Block, front, own), names)
    ledger = Ledger(about)
    pool._ledger, pool._quiet = ledger, quiet
    pool.__class__ = kind
    return pool


class _Block:
    """In front of all: the end of the block."""

    _ledger: Ledger
    _quiet: bool

    def __exit__(self, *error: Any) -> Any:
        try:
            return super().__exit__(*error)  # type: ignore[misc]
        finally:
            self._end()

    def _end(self) -> None:
        if not self._ledger.is_open:
            return
        self._ledger.is_open = False
        own = type(self).__mro__[3]  # behind this one: the made one, this, `known`'s
        try:
            report = self._made()
            self.__class__ = own  # from now on it is as it was
            self.__dict__["report"] = report
            self._ledger.forget()
            told = report.text
        except Exception as problem:  # the program itself has done what it should
            told = f"watch: there is no report: {in_one_line(problem)}\n"
        if not self._quiet:
            try:
                print(told, file=sys.stderr, end="")
            except (OSError, ValueError, AttributeError):  # closed, or there is none
                pass

    def _made(self) -> "Report":
        from runners.watching.report import Report  # not before the end

        return Report(self._ledger)

    @property
    def report(self) -> "Report":
        """What was seen: to the end of the block, or inside it so far."""
        return self._made()

"""A fixture for tests of how code scales: they pass, they fail, or this machine cannot tell.

    def test_scales(speedup):
        speedup(work, arguments, executor="thread_pool", n=4).at_least(1.5)

It is loaded in every pytest run of the environment, so it imports nothing of the program until a
test uses the fixture.
"""

import os
import re
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from runners.analysis.demand import Demand

BUDGET_S = 60.0
"""How long one measurement may take; a test has two of them at most."""
SHORTEST_S = 0.005
"""The plain loop has to take so long, or the executor's own cost hides the rest."""


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("speedup", "tests of speedups")
    group.addoption(
        "--speedup-inconclusive",
        choices=("skip", "fail"),
        default="skip",
        help="what becomes of a test of a speedup when this machine cannot tell (default: skip)",
    )
    group.addoption(
        "--speedup-budget",
        type=float,
        default=BUDGET_S,
        metavar="SECONDS",
        help=f"how long one measurement may take (default: {BUDGET_S:g})",
    )
    group.addoption(
        "--speedup-folder",
        type=Path,
        metavar="FOLDER",
        help="where the results are kept (default: in the folder of pytest's cache)",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "speedup: measures a speedup (all tests that use the fixture have it)"
    )
    config.stash[TOLD] = []


def _uses_it(item: pytest.Item) -> bool:
    """Whether a test uses the fixture, and not one of its own project's that is called so."""
    known: dict[str, Any] = getattr(getattr(item, "_fixtureinfo", None), "name2fixturedefs", {})
    found: Any = known.get("speedup") or ()
    return bool(found) and getattr(found[-1].func, "__module__", None) == __name__


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _uses_it(item):
            item.add_marker(pytest.mark.speedup)


def pytest_sessionfinish(session: pytest.Session) -> None:
    output = getattr(session.config, "workeroutput", None)  # of a worker of pytest-xdist
    if output is not None:
        output["speedups"] = session.config.stash.get(TOLD, [])


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    told = getattr(node, "workeroutput", {}).get("speedups", [])
    node.config.stash[TOLD].extend(told)


@pytest.hookimpl(hookwrapper=True)  # the form that every pytest takes
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, None]:
    outcome = yield
    report = outcome.get_result()
    if report.when == "call" and _uses_it(item):
        item.stash[FAILED] = not report.passed


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    told = config.stash.get(TOLD, [])
    if told:
        terminalreporter.section("speedups")
        for line in told:
            terminalreporter.line(line)
        terminalreporter.line(f"the results are in {_folder(config)}")


KEPT = {
    "folder": "the results of tests are in the folder of --speedup-folder",
    "quiet": "a test shows no progress",
}
"""Keywords of `runners.speedup` that a test cannot set, and why."""
ONE = ("executor", "scaling", "python", "gil", "placement", "measure")
"""Keywords of which a test has one value."""
FAILED: pytest.StashKey[bool] = pytest.StashKey()
"""Whether the test itself has failed, or was skipped."""
TOLD: pytest.StashKey[list[str]] = pytest.StashKey()
"""A line for each verdict."""


def _folder(config: pytest.Config) -> Path:
    given: Path | None = config.getoption("--speedup-folder")
    if given is not None:
        return given.absolute()
    cache = getattr(config, "cache", None)
    return Path(cache.mkdir("speedup")) if cache is not None else config.rootpath / ".speedup"


def _failed(message: str) -> BaseException:
    """To be raised: a failure that is told without a traceback."""
    return pytest.fail.Exception(message, pytrace=False)


@pytest.fixture
def speedup(request: pytest.FixtureRequest) -> Iterator["Speedup"]:
    """Measures a function: call it as `runners.speedup`, and say of the result what has to hold."""
    try:
        import runners
    except ImportError as error:
        raise _failed(f"the package runners cannot be imported ({error})") from None
    if not hasattr(runners, "UsageError"):
        where = getattr(runners, "__file__", None) or next(iter(runners.__path__))
        raise _failed(
            f"another package called runners is in the way: {where}; rename it, or run pytest "
            "from another folder"
        )
    measures = Speedup(request)
    yield measures
    if request.node.stash.get(FAILED, False):
        return  # which is told
    for number, asked in enumerate(measures.asked):
        if not asked.judged:
            raise _failed(
                f"call {number} of speedup() asks for nothing; say what has to hold, as in "
                ".at_least(1.5)"
            )


class Speedup:
    """The fixture of one test."""

    def __init__(self, request: pytest.FixtureRequest) -> None:
        self.config = request.config
        self.test = request.node.nodeid
        self.asked: list[Measured] = []

    def __call__(
        self,
        function: Callable[..., Any],
        arguments: Iterable[Any] | Callable[..., Iterable[Any]],
        *,
        executor: str = "thread_pool",
        n: int = 2,
        parameters: dict[str, Any] | None = None,
        **settings: Any,
    ) -> "Measured":
        """As `runners.speedup`, for one executor and n; measured when something is said of it."""
        others = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
        if others > 1:
            self.inconclusive(
                f"{others} workers of pytest-xdist run tests at the same time, and would measure "
                "each other; run the tests of speedups by themselves: pytest -m speedup -n 0"
            )
        _check({"executor": executor, "n": n, **settings}, parameters)
        if isinstance(arguments, Iterator):
            arguments = list(arguments)  # it may be measured again
        own = {
            "measure.time_budget_s": self.config.getoption("--speedup-budget"),
            "sweep.panel": False,
        }
        measured = Measured(
            *(self, function, arguments),
            *({"executor": executor, "n": int(n), **settings}, own, parameters),
        )
        self.asked.append(measured)
        return measured

    def inconclusive(self, reason: str) -> None:
        self.tell("inconclusive", reason)
        if self.config.getoption("--speedup-inconclusive") == "fail":
            raise _failed(f"inconclusive: {reason}")
        pytest.skip(f"inconclusive: {reason}")

    def tell(self, outcome: str, reason: str) -> None:
        self.config.stash[TOLD].append(f"{outcome:<13} {self.test}: {reason}")


def _check(settings: dict[str, Any], parameters: Any) -> None:
    """Fail at once over what `runners.speedup` does not take, or takes for several cells."""
    import inspect

    from runners.api.call import speedup as measure
    from runners.model import did_you_mean

    known = [name for name in inspect.signature(measure).parameters if name not in KEPT]
    for name in settings:
        if name in KEPT:
            raise _failed(f"{name}: {KEPT[name]}; leave it out")
        if name not in known:
            raise _failed(f"{name}: no such keyword of speedup(){did_you_mean(name, known)}")
    if not isinstance(parameters, dict | None):
        raise _failed("parameters: pass a mapping, as in {'executor.chunksize': 8}")
    if settings.get("versus") is not None or "versus" in (parameters or {}):
        raise _failed("versus: a test is about one version of the code; leave it out")
    if not hasattr(settings["n"], "__index__"):
        raise _failed(f"n={settings['n']!r}: a test is about one number of workers")
    one = {name: settings[name] for name in ONE if name in settings}
    for name, value in [*one.items(), *(parameters or {}).items()]:
        several = isinstance(value, list | tuple | set)
        if name == "placement" and several and all(isinstance(cpu, int) for cpu in value):
            continue  # CPUs, which are one
        if several and name in one:
            raise _failed(f"{name}={value!r}: a test is about one; call speedup() for each")
        if isinstance(value, list) and name not in one:
            raise _failed(f"{name}={value!r}: a test is about one; a list that is one is a tuple")
        if name in ("executor", "python") and value == "all":
            raise _failed(f"{name}='all': a test is about one; name it")


@dataclass
class Measured:
    """A function with an executor and n; what is said of it is judged by real measurements."""

    speedup: Speedup
    function: Callable[..., Any]
    arguments: Any
    settings: dict[str, Any]
    own: dict[str, Any]
    parameters: dict[str, Any] | None
    judged: bool = False
    results: list[Any] = field(default_factory=list)

    @property
    def result(self) -> Any:
        """The `runners.Result` of the last measurement."""
        self.judged = True  # by whoever asks for it
        return self.results[-1] if self.results else self._measure()

    def at_least(self, least: float) -> None:
        """The speedup is `least` or more."""
        self._demand("at_least", least)

    def at_most(self, most: float) -> None:
        """The speedup is `most` or less."""
        self._demand("at_most", most)

    def no_slower_than(self, baseline: str = "serial", *, margin: float = 0.05) -> None:
        """It takes at most `margin` (0.05: 5%) more time than the plain loop."""
        if baseline != "serial":
            raise _failed(
                f"no_slower_than({baseline!r}): only 'serial', the plain loop, is measured"
            )
        self._demand("no_slower", margin)

    def efficiency_at_least(self, least: float) -> None:
        """The speedup is that part of what this machine gives, by its measured ceiling."""
        self._demand("efficiency_at_least", least)

    def overlaps(self) -> None:
        """Two tasks have run at the same time: a fact of their spans, not a statistic."""
        self.judged = True
        result = self.results[-1] if self.results else self._measure(rounds=2)
        self._cell(result)
        most = _at_the_same_time(result)
        if most is None:
            raise _failed("overlaps(): no spans were kept; leave measure.keep_spans as it is")
        if most < 2:
            self.speedup.tell("failed", "no two tasks ran at the same time")
            raise _failed(f"no two tasks ran at the same time\n{self._told()}")
        self.speedup.tell("passed", f"{most} tasks ran at the same time")

    def _demand(self, name: "Demand", value: float) -> None:
        from decimal import Decimal
        from numbers import Real

        from runners.analysis import demand

        self.judged = True
        if isinstance(value, Real | Decimal) and not isinstance(value, bool):
            value = float(value)
        judge = getattr(demand, name)
        told = f"{value:g}" if isinstance(value, float) else repr(value)
        said = f"no_slower_than(margin={told})" if name == "no_slower" else f"{name}({told})"

        def judged() -> Any:
            return judge(self._cell(self._measure()), value)

        try:
            demand.refuse(name, value, self.settings["n"])  # it would be measured in vain
            found = judged()
        except demand.Impossible as error:  # of an executor that has no workers
            raise _failed(f"{said}: {error}") from None
        if found.outcome != "inconclusive" and not found.sure:
            found = demand.agreed(found, judged())
        if found.outcome == "inconclusive":
            self.speedup.inconclusive(found.reason)
        self.speedup.tell(found.outcome, f"{said}: {found.reason}")
        if found.outcome == "failed":
            raise _failed(f"{said}: {found.reason}, in two measurements\n{self._told()}")

    def _measure(self, rounds: int | None = None) -> Any:
        """A fresh measurement of so many rounds at least; None: of those that a verdict takes."""
        import runners
        from runners.model import VERDICT_ROUNDS

        rounds = rounds or VERDICT_ROUNDS
        place = _folder(self.speedup.config) / re.sub(r"[^\w.-]+", "-", self.speedup.test)
        number = 1
        while (folder := place / str(number)).exists():
            number += 1
        try:
            result = runners.speedup(
                self.function,
                self.arguments,
                folder=folder,
                quiet=True,
                parameters=self.own
                | {"measure.min_rounds": rounds, "measure.max_rounds": 2 * rounds}
                | (self.parameters or {}),
                **self.settings,
            )
        except runners.UsageError as error:
            raise _failed(f"speedup(): {error}") from None
        self.results.append(result)
        return result

    def _cell(self, result: Any) -> Any:
        if len(result.cells) > 1:
            raise _failed(f"a test is about one cell, and this makes {len(result.cells)}")
        cell = result.best
        if cell.status != "ok":
            self.speedup.tell("failed", f"the cell is {cell.status}")
            raise _failed(f"the cell is {cell.status}: {cell.error}\n{self._told()}")
        loop_s = cell.times["baseline"].median.estimate
        if loop_s < SHORTEST_S:
            self.speedup.tell("failed", "the run is too short")
            raise _failed(
                f"the plain loop takes {loop_s * 1e3:.2g} ms, at least {SHORTEST_S * 1e3:g} ms are "
                "needed to tell a speedup from the executor's own cost; pass more arguments, or "
                "more work in each call"
            )
        return cell

    def _told(self) -> str:
        return f"{self.result!r}\nthe results are in {self.result.folder}"


def _at_the_same_time(result: Any) -> int | None:
    """How many tasks ran at the same moment, at most, in the rounds whose spans were kept."""
    from runners.results.read import read_timelines

    most = None
    for file in sorted(result.folder.rglob("spans.jsonl")):
        for timeline in read_timelines(file.parent):
            if timeline.role != "measured":
                continue
            moments = [
                moment
                for span in timeline.spans
                for moment in ((span.start_ns, 1), (span.end_ns, -1))
            ]
            at_once = 0
            most = most or 0
            for _, step in sorted(moments):  # at one moment, an end before a start
                at_once += step
                most = max(most, at_once)
    return most

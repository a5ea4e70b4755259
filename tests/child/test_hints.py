"""Parameters against the hints of a constructor: what passes, what is converted, what is told."""

import enum
import json
import pickle
import sys
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, InitVar, dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path, PurePosixPath
from types import ModuleType
from typing import (
    Annotated,
    Any,
    Final,
    ForwardRef,
    Literal,
    NamedTuple,
    NewType,
    NotRequired,
    TypedDict,
    TypeVar,
)
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runners.child import plugins
from runners.child.hints import Mistake, fitted, hints
from runners.model import InvalidParameter, UsageError
from tests.conftest import ROOT, MakePlan, run_program


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Unknown:
    pass


@dataclass(frozen=True)
class Box:
    width: int
    labels: Sequence[str] = ()
    depth: float = field(default=1.0)

    def __post_init__(self) -> None:
        if self.width < 1:
            raise InvalidParameter("width", f"must be at least 1, not {self.width}")
        if self.depth < 0:
            raise ValueError("the depth is\nbelow 0")


class Pair(NamedTuple):
    first: int
    second: str


class Triple(NamedTuple):
    first: int
    second: str
    third: float = 0.5


class Keys(TypedDict):
    size: int
    names: NotRequired[tuple[str, ...]]


@dataclass(frozen=True)
class Made:
    """Keys by keyword, by another name, with a hint that is unknown, and one that is no key."""

    made_of: "Unknown | str"
    _: KW_ONLY
    width: Final[int] = 1
    depth: InitVar[int] = 2
    volume: int = field(init=False)

    def __post_init__(self, depth: int) -> None:
        object.__setattr__(self, "volume", self.width * depth)


@dataclass(frozen=True)
class Chain:
    next: "Chain | None" = None
    kind: "Elsewhere" = None  # type: ignore[name-defined]  # noqa: F821


@dataclass
class Broken:
    x: int

    def __post_init__(self) -> None:
        raise RuntimeError


class Rate(enum.Enum):
    HALF = 0.5
    MORE = 1.5


Count = NewType("Count", int)
T = TypeVar("T")
Bound = TypeVar("Bound", bound=int)

WHOLE = st.integers(-(2**53), 2**53)
REAL = st.floats(allow_nan=False)
LEAVES = st.none() | st.booleans() | WHOLE | REAL | st.text(max_size=5)
PLAIN = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)
"""What a YAML file can hold."""

SIMPLE: list[tuple[Any, tuple[type, ...], str]] = [
    (int, (int,), "must be a whole number"),
    (float, (int, float), "must be a number"),
    (str, (str,), "must be a text"),
    (bool, (bool,), "must be true or false"),
    (int | None, (int, type(None)), "must be a whole number or null"),
    (float | None, (int, float, type(None)), "must be a number or null"),
    (str | None, (str, type(None)), "must be a text or null"),
    (int | str, (int, str), "must be a whole number or a text"),
]


def is_one_of(value: object, kinds: tuple[type, ...]) -> bool:
    return isinstance(value, kinds) and (bool in kinds or not isinstance(value, bool))


@pytest.mark.parametrize(("hint", "kinds", "problem"), SIMPLE)
@given(value=PLAIN)
def test_a_simple_hint_takes_its_own_kind_and_no_other(
    hint: Any, kinds: tuple[type, ...], problem: str, value: Any
) -> None:
    if is_one_of(value, kinds):
        assert fitted(value, hint) == value
        return
    with pytest.raises(Mistake) as mistake:
        fitted(value, hint)
    assert (mistake.value.place, mistake.value.value) == ("", value)
    if isinstance(value, bool):
        problem = problem.replace("a whole number", "a number")
    assert mistake.value.problem == problem


@pytest.mark.parametrize(("hint", "kinds", "problem"), SIMPLE)
@pytest.mark.parametrize("outer", [list, Sequence, dict], ids=["list", "Sequence", "dict"])
@given(values=st.lists(LEAVES, max_size=4))
def test_the_first_part_that_does_not_fit_is_named(
    outer: Any, hint: Any, kinds: tuple[type, ...], problem: str, values: list[Any]
) -> None:
    wrong = [k for k, value in enumerate(values) if not is_one_of(value, kinds)]
    mapping = outer is dict
    given_value: Any = {f"key{k}": v for k, v in enumerate(values)} if mapping else values
    whole = dict[str, hint] if mapping else outer[hint]
    if not wrong:
        assert fitted(given_value, whole) == given_value
        return
    with pytest.raises(Mistake) as mistake:
        fitted(given_value, whole)
    place = f".key{wrong[0]}" if mapping else f"[{wrong[0]}]"
    assert (mistake.value.place, mistake.value.value) == (place, values[wrong[0]])


@given(WHOLE)
def test_an_int_is_a_number(value: int) -> None:
    found = fitted(value, float)
    assert (type(found), found) == (float, float(value))


@pytest.mark.parametrize(
    ("value", "hint", "expected"),
    [
        ("a/b", Path, Path("a/b")),
        ("a/b", PurePosixPath, PurePosixPath("a/b")),
        (Path("a"), Path, Path("a")),
        ("a", Path | None, Path("a")),
        (None, Path | None, None),
        (["a", "b"], list[Path], [Path("a"), Path("b")]),
        ({"in": "a"}, dict[str, Path], {"in": Path("a")}),
        ("red", Colour, Colour.RED),
        ("blue", Colour | None, Colour.BLUE),
        (2, Level, Level.HIGH),
        (["red"], Sequence[Colour], [Colour.RED]),
        ([1, 2], tuple[int, ...], (1, 2)),
        ([1, "a"], tuple[int, str], (1, "a")),
        ([[1, 2], [3, 4]], list[tuple[int, int]], [(1, 2), (3, 4)]),
        ([1, 1], frozenset[int], frozenset({1})),
        ([1, 1], set[int], {1}),
        ({"a": [[1], []]}, Mapping[str, list[list[int]]], {"a": [[1], []]}),
        ({1: "a"}, dict[int, str], {1: "a"}),
        ({"width": 3, "labels": ["a"]}, Box, Box(3, ["a"])),
        ([{"width": 3}], list[Box], [Box(3)]),
        ([1, "a"], Pair, Pair(1, "a")),
        ({"size": 1}, Keys, {"size": 1}),
        ([1, "a"], Triple, Triple(1, "a")),
        ({"size": 1, "names": ["a"]}, Keys, {"size": 1, "names": ("a",)}),
        ({"made_of": "wood"}, Made, Made("wood", width=1)),
        ({"made_of": "wood", "width": 2, "depth": 3}, Made, Made("wood", width=2, depth=3)),
        ({"next": {"next": None}}, Chain, Chain(Chain())),
        ("2026-01-31", date, date(2026, 1, 31)),
        ("2026-01-31T12:30:00Z", datetime, datetime(2026, 1, 31, 12, 30, tzinfo=UTC)),
        ("12:30", time | None, time(12, 30)),
        (str(UUID(int=7)), UUID, UUID(int=7)),
        ("1.50", Decimal, Decimal("1.50")),
        (2, Decimal, Decimal(2)),
        (0.1, Decimal | int, Decimal("0.1")),
        (2, Decimal | int, 2),
        (2, float | int, 2),
        (2, Literal[1] | float, 2.0),
        (1, Literal[1] | float, 1),
        (0.5, Rate, Rate.HALF),
        ("red", Colour | Literal["auto"], Colour.RED),
        ("auto", Colour | Literal["auto"], "auto"),
        ("a/b", Path | Literal["auto"] | int, Path("a/b")),
        ("auto", Path | Literal["auto"] | int, "auto"),
        ("b", Literal["a"] | str, "b"),
        ([1], dict[str, int] | list[int], [1]),
        ([1], Annotated[tuple[float, ...], "of numbers"], (1.0,)),
        ([None, [2]], tuple[object, ...], (None, [2])),
        (["a", None], tuple, ("a", None)),
        ({"a": None}, Mapping, {"a": None}),
        ("b", Literal["a", "b"], "b"),
        (None, Literal["a", "b"] | None, None),
        (3, Literal["auto"] | int, 3),
        (True, Literal[True, "auto"], True),
        (3, Count, 3),
        (b"a", bytes, b"a"),
    ],
)
def test_a_value_is_converted_to_what_is_hinted(value: Any, hint: Any, expected: Any) -> None:
    found = fitted(value, hint)
    assert found == expected
    assert type(found) is type(expected)
    assert pickle.loads(pickle.dumps(found)) == expected


@pytest.mark.parametrize(
    ("value", "hint", "told"),
    [
        (2.0, int, "=2.0: must be a whole number"),
        ("2", float, "=2: must be a number"),
        (3, Path, "=3: must be a path"),
        (["a", 3], list[Path], "[1]=3: must be a path"),
        (3, Path | None, "=3: must be a path or null"),
        ("c", Literal["a", "b"], "=c: choose a, b"),
        ("c", Literal["a", "b"] | None, "=c: choose a, b, null"),
        ("c", Literal["auto"] | int, "=c: must be auto or a whole number"),
        (1, Literal[True, "auto"], "=1: choose true, auto"),
        (True, Literal[1, 2], "=True: choose 1, 2"),
        ("green", Colour, "=green: choose red, blue"),
        ("green", Colour | None, "=green: choose red, blue, null"),
        (["red", "green"], list[Colour], "[1]=green: choose red, blue"),
        (3, Level, "=3: choose 1, 2"),
        ("ab", Sequence[str], "=ab: must be a list"),
        ("ab", list[int] | None, "=ab: must be a list or null"),
        ([[1, 2], [3, "x"]], list[list[int]], "[1][1]=x: must be a whole number"),
        ([[1, 2], [3]], list[tuple[int, int]], "[1]=[3]: must be a list of 2 values"),
        ([1, 2], tuple[int, str], "[1]=2: must be a text"),
        ([1, "x"], tuple[int, ...], "[1]=x: must be a whole number"),
        ([1, "x"], set[int], "[1]=x: must be a whole number"),
        (3, dict[str, int], "=3: must be a mapping"),
        ({"a": {"b": [1, None]}}, dict[str, dict[str, list[int]]], ".a.b[1]=None: must be a wh"),
        ({"a": "b"}, dict[int, str], ", key a=a: must be a whole number"),
        ([1, "x"], list[int] | int, "[1]=x: must be a whole number"),
        ({"a": [1, "x"]}, dict[str, list[int]] | None, ".a[1]=x: must be a whole number"),
        (3, Box, "=3: must be a mapping"),
        ({"width": 2.5}, Box, ".width=2.5: must be a whole number"),
        ([{"width": 1}, {"width": 1, "labels": [3]}], list[Box], "[1].labels[0]=3: must be a text"),
        ({"width": 1, "hight": 2}, Box, "has no key hight; it has width, labels, depth"),
        ({"depth": 1}, Box | None, "needs the key width"),
        ([{"width": 0}], list[Box], "[0].width=0: must be at least 1, not 0"),
        ({"width": 1, "depth": -1}, Box, ": the depth is below 0"),
        (["x", "a"], Pair, "[0]=x: must be a whole number"),
        ([1], Pair, "=[1]: must be a list of 2 values"),
        ([1, "a", 3.5, 4], Triple, "=[1, 'a', 3.5, 4]: must be a list of 2 to 3 values"),
        ({"size": "x"}, Keys, ".size=x: must be a whole number"),
        ({"names": ["a"]}, Keys, "needs the key size"),
        ({"size": 1, "names": [], "name": 2}, Keys, "has no key name; it has size, names"),
        ({"made_of": "wood", "width": "x"}, Made, ".width=x: must be a whole number"),
        ({"made_of": "wood", "volume": 2}, Made, "has no key volume; it has made_of, width, depth"),
        ({"x": 1}, Broken, "={'x': 1}: RuntimeError"),
        ("soon", date, "=soon: must be a date as in 2026-01-31"),
        ("now", datetime | None, "=now: must be a time as in 2026-01-31T12:30:00 or null"),
        ("7", UUID, "=7: must be a UUID"),
        ("much", Decimal, "=much: must be a number"),
        (10**400, float, ": must be a number"),
        ("3", Count, "=3: must be a whole number"),
        ("3", Bound, "=3: must be a whole number"),
        (2, Rate, "=2: choose 0.5, 1.5"),
        ("c", Literal["a"] | Literal["b"], "=c: choose a, b"),
        ("green", Colour | Literal["auto"], "=green: choose red, blue, auto"),
        (3, Literal["auto"] | str, "=3: must be auto or a text"),
        (True, Path | int, "=True: must be a path or a number"),
        ([1, "x"], dict[str, int] | list[int], "[1]=x: must be a whole number"),
        (["x"], dict[str, int], "=['x']: must be a mapping"),
        ({"a": 1}, list[int], "={'a': 1}: must be a list"),
        (3, dict[str, None], "=3: must be a mapping"),
        ({"a": 1}, dict[str, None], ".a=1: choose null"),
        ("YWJj", bytes, "=YWJj: must be bytes"),
    ],
)
def test_a_mistake_says_where_and_what(value: Any, hint: Any, told: str) -> None:
    with pytest.raises(Mistake) as mistake:
        fitted(value, hint)
    assert told in str(mistake.value)
    assert "\n" not in str(mistake.value)


@pytest.mark.parametrize(
    "hint",
    [
        *(Any, object, Unknown, Unknown | None, Callable[[int], str], Iterable[int], type, T),
        *(list[int] | tuple[int, ...], str | Path, ForwardRef("Nowhere"), 7, [], timedelta),
        *(Colour | str, Literal[Level.LOW], enum.Enum, Any | None),
    ],
)
@given(value=PLAIN)
def test_what_is_unknown_is_left_to_the_constructor(hint: Any, value: Any) -> None:
    assert fitted(value, hint) is value


def test_what_is_no_set_is_left_to_the_constructor() -> None:
    value = [[1], [2]]
    assert fitted(value, set[Any]) is value


@pytest.mark.skipif(sys.version_info < (3, 12), reason="there is no such statement")
def test_a_type_may_have_a_name() -> None:
    names: dict[str, Any] = {}
    exec(
        "type Sizes = tuple[int, ...] | None\n"
        "type Tree = list[Tree] | int\n"
        "type Unresolved = list[Elsewhere]\n",
        names,
    )
    assert fitted([1], names["Sizes"] | None) == (1,)
    assert fitted([1, [2, []]], names["Tree"]) == [1, [2, []]]
    with pytest.raises(Mistake, match=r"^\[1\]\[0\]=x: must be a list or a whole number$"):
        fitted([1, ["x"]], names["Tree"])
    assert fitted("x", names["Unresolved"]) == "x"


def test_inherited_hints_are_resolved_where_they_stand(monkeypatch: pytest.MonkeyPatch) -> None:
    base, inheriting = ModuleType("module_of_base"), ModuleType("module_of_inheriting")
    for module, code in (
        (base, "from pathlib import Path as Place\n@dataclass\nclass Base:\n  ends: 'Place'\n"),
        (inheriting, "@dataclass\nclass Inheriting(Base):\n  size: int = 1\n"),
    ):
        monkeypatch.setitem(sys.modules, module.__name__, module)
        exec(code, vars(module) | {"dataclass": dataclass}, vars(module))
        inheriting.__dict__["Base"] = base.__dict__["Base"]
    found = fitted({"ends": "a"}, inheriting.__dict__["Inheriting"])
    assert (found.ends, found.size) == (Path("a"), 1)


def test_hints_that_cannot_be_resolved_leave_the_others_checked() -> None:
    def make(size: "int", where: "Elsewhere", name: "str | Missing", ends: Path) -> None: ...  # type: ignore[name-defined]  # noqa: F821

    assert hints(make) == {"size": int, "ends": Path}
    values = {"size": 1, "where": 3, "name": 4, "ends": "x"}
    assert plugins.bind("workload", "mine", make, values) == {**values, "ends": Path("x")}
    with pytest.raises(UsageError, match=r"^workload.size=x \(mine\): must be a whole number$"):
        plugins.bind("workload", "mine", make, {**values, "size": "x"})


@pytest.mark.skipif(sys.version_info < (3, 14), reason="annotations are evaluated at once")
def test_names_that_are_known_to_a_type_checker_only_do_no_harm() -> None:
    defined: dict[str, Any] = {}
    exec("def make(size: int, where: Elsewhere, name: str | Missing) -> Any: ...", defined)
    assert hints(defined["make"])["size"] is int
    values = {"size": 1, "where": 3, "name": 4}
    assert plugins.bind("workload", "mine", defined["make"], values) == values
    with pytest.raises(UsageError, match=r"^workload.size=x \(mine\): must be a whole number$"):
        plugins.bind("workload", "mine", defined["make"], {**values, "size": "x"})


def test_an_annotation_is_no_more_than_its_type() -> None:
    def make(size: Annotated[int, "of a thing"], any_of: Collection[int], bare: Any = 3) -> None:
        pass

    assert hints(make)["size"] is int
    with pytest.raises(UsageError, match=r"^workload.any_of\[1\]=x \(mine\): must be a whole"):
        plugins.bind("workload", "mine", make, {"size": 1, "any_of": [1, "x"]})


def test_the_parameters_of_a_plain_class_have_no_hints() -> None:
    assert hints(Unknown) == {}
    assert hints(Pair) == {"first": int, "second": str}


MODULE = """
import enum
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

class Colour(enum.Enum):
    RED = "red"

@dataclass(frozen=True)
class Converted:
    path: Path
    ends: tuple[int, ...]
    colour: Colour | None
    factor: float

    def __post_init__(self):
        assert isinstance(self.path, Path), self.path
        assert isinstance(self.ends, tuple), self.ends
        assert self.colour is Colour.RED, self.colour
        assert isinstance(self.factor, float), self.factor

@dataclass(frozen=True)
class Work(Converted):
    def tasks(self):
        return self.ends
    def __call__(self, task):
        self.__post_init__()
        return str(self.path)
    def check(self, results):
        assert list(results) == ["some/where"] * 3

class Threads(ThreadPoolExecutor):
    def __init__(self, max_workers, path: Path, ends: tuple[int, ...], colour: Colour,
                 factor: float, initializer=None, initargs=()):
        super().__init__(max_workers, initializer=initializer, initargs=initargs)
        Converted(path, ends, colour, factor)
"""
VALUES = "path: some/where\nends: [1, 2, 3]\ncolour: red\nfactor: 2\n"


@pytest.mark.parametrize("promise", ["", '    worker_kind = "thread"\n'])
def test_plugins_get_converted_values_and_rows_hold_plain_ones(
    promise: str, tmp_path: Path
) -> None:
    (tmp_path / "converted.py").write_text(MODULE + promise)
    for group, yaml in (
        ("workload", f"_target_: converted.Work\n{VALUES}"),
        ("executor", f"_target_: converted.Threads\n{VALUES}max_workers: ${{n}}\n"),
    ):
        (tmp_path / group).mkdir()
        (tmp_path / group / "converted.yaml").write_text(yaml)
    done = run_program(
        *(f"--config-dir={tmp_path}", "workload=converted", "executor=converted", "measure=quick"),
        *("measure.max_rounds=1", "hydra.run.dir=out"),
        cwd=tmp_path,
        plugins=False,
        PYTHONPATH=f"{ROOT}:{tmp_path}",
    )
    assert (done.returncode, done.stderr) == (0, "")
    rows = [json.loads(line) for line in (tmp_path / "out/runs.jsonl").read_text().splitlines()]
    assert {row["role"] for row in rows} == {"baseline", "measured"}
    for row in rows:
        assert row["status"] == "ok"
        for group in ("workload", "executor"):
            found = [row[f"{group}.{name}"] for name in ("path", "ends", "colour", "factor")]
            assert found == ["some/where", [1, 2, 3], "red", 2]


def test_what_identifies_a_cell_is_plain_data(tmp_path: Path, make_plan: MakePlan) -> None:
    (tmp_path / "converted_again.py").write_text(MODULE)
    (tmp_path / "executor").mkdir()
    yaml = f"_target_: converted_again.Threads\n{VALUES}max_workers: ${{n}}\n"
    (tmp_path / "executor/converted.yaml").write_text(yaml)
    sys.path.append(str(tmp_path))
    try:
        plan = make_plan("executor=converted", plugins=tmp_path)
    finally:
        sys.path.remove(str(tmp_path))
    assert pickle.loads(plan.given)["path"] == Path("some/where")
    plain = plan.identity["executor"]["parameters"]
    assert json.loads(json.dumps(plain)) == plain
    assert plain["path"] == plan.parameters["executor.path"] == "some/where"
    assert plain["ends"] == plan.parameters["executor.ends"] == [1, 2, 3]

"""The words of the lecture's page: every language has them all, and the page has no others."""

import re
import string
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any, get_args

import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from experiments.catalogue import CONF, experiments, load, names
from experiments.language import Language, languages
from experiments.language import load as load_language
from experiments.page import TO_COME, Outcome, section, write_page
from experiments.program import _again
from experiments.program import run as main
from runners.analysis.claims import (
    Amount,
    Judgement,
    Quantity,
    Said,
    Seen,
    Verdict,
    Within,
    as_it_is,
)
from runners.model import UsageError
from tests import synthetic

Row = Mapping[str, Any]

ENGLISH, RUSSIAN = load_language(), load_language("ru")
EXPERIMENTS = experiments(ENGLISH)
STORY = ("question", "said", "tried", "why", "changed")


def strange(text: str) -> str:
    """The text in Greek letters; what stands in braces stays."""
    parts = re.split(r"(\{\w+\}|`[^`]*`)", text)
    letters = {ord(letter): chr(0x3B1 + ord(letter) % 25) for letter in string.ascii_letters}
    return "".join(part if at % 2 else part.translate(letters) for at, part in enumerate(parts))


STRANGE = replace(ENGLISH, texts={key: strange(text) for key, text in ENGLISH.texts.items()})
STRANGE = replace(
    STRANGE,
    labels={ENGLISH.texts[key]: STRANGE.texts[key] for key in ENGLISH.texts if "figures." in key},
)


@pytest.mark.parametrize("tag", languages())
def test_a_language_has_all_texts_and_its_tag(tag: str) -> None:
    language = load_language(tag)  # which fails for other keys and other placeholders
    assert language.missing == frozenset()
    assert language.tag == tag
    words = [text for key, text in language.texts.items() if not key.startswith("numbers.")]
    assert all(text and not text.isspace() for text in words)


def test_every_experiment_is_told_and_nothing_else() -> None:
    told = {key for key in ENGLISH.texts if key.startswith("experiments.")}
    stories = {f"experiments.{name}.{part}" for name in names() for part in STORY}
    claims = {f"experiments.{one.name}.claims.{c.name}" for one in EXPERIMENTS for c in one.claims}
    lecture = {key.replace(".claims.", ".lecture.") for key in claims}
    assert claims <= told <= stories | claims | lecture
    for one in EXPERIMENTS:
        assert all(ENGLISH.story(one.name, part) for part in ("question", "tried", "why"))
        assert bool(ENGLISH.story(one.name, "said")) == bool(one.rows)
        assert len({claim.name for claim in one.claims}) == len(one.claims)


def metrics(criterion: object) -> Iterator[str]:
    """The workload's and executor's own figures that a claim is about."""
    if isinstance(criterion, Seen):
        yield from (criterion.effect, criterion.tries)
    elif isinstance(criterion, Within):
        yield from metrics(criterion.quantity)
    elif isinstance(criterion, Quantity):
        yield from metrics(criterion.divisor)
        if criterion.columns[0].startswith("metric."):
            yield criterion.columns[0].removeprefix("metric.").removesuffix("_max")


def test_the_help_of_the_program_asks_what_the_lecture_asks() -> None:
    """It shows the first comment of a file, which is not read from the file of words."""
    for file in CONF.glob("*.yaml"):
        _, question, command, *_ = file.read_text("utf-8").splitlines()
        assert question == f"# {ENGLISH.story(file.stem, 'question')}"
        assert command.endswith(f"+experiment={file.stem}")


def test_every_metric_that_is_claimed_has_a_name() -> None:
    claimed = {name for one in EXPERIMENTS for c in one.claims for name in metrics(c.criterion)}
    assert len(claimed) > 20
    assert {f"metrics.{name}" for name in claimed} <= ENGLISH.texts.keys()


JUDGED = (
    *(Said(text, {"value": Amount("5 ms [4, 6]")}) for text in ("value", "without_interval")),
    *(
        Said(text, {"value": Amount("5"), "share": Amount("70%")})
        for text in ("others_share", "machine_off_cpu")
    ),
    *(Said(text, {"line": Amount("5", "lines")}) for text in ("at_least", "at_most", "exactly")),
    Said("from_to", {"low": Amount("1.50×"), "high": Amount("2.00×")}),
    *(
        Said(text, {"effect": Amount("5", "lines"), "tries": Amount("9", "reads")})
        for text in ("seen", "unseen")
    ),
    *map(Said, ("works", "never", "once")),
    as_it_is("12345"),
)


def no_figures(summary: pd.DataFrame) -> dict[str, Figure]:
    return {}


CELL = {
    **{"workload": "primes", "executor": "pool"},
    **{f"metric.torn_reads{end}": 3.0 for end in ("", "_low", "_high", "_max")},
    **{f"metric.delay_s{end}": 0.002 for end in ("", "_low", "_high", "_max")},
}


def outcomes(language: Language, failure: str = "") -> list[Outcome]:
    """All experiments with a judgement of each kind; one of them with the rest of a page."""
    found = []
    said = [(one, other) for one in JUDGED for other in (None, one)]
    for one in experiments(language):
        judgements = [
            (claim, Judgement(get_args(Verdict)[at % 5], *said[at % len(said)]))
            for at, claim in enumerate(one.claims)
        ]
        one = replace(one, figures=no_figures)  # see below
        found.append(Outcome(one, [], synthetic.summary(CELL), [], judgements, failure))
    return found


def test_nothing_on_the_page_is_left_out_of_the_file(tmp_path: Path) -> None:
    assert {said.text for said in JUDGED} == {
        key.removeprefix("judgements.") for key in ENGLISH.texts if key.startswith("judgements.")
    }
    for failure in ("", TO_COME, "404"):
        found = [section(one, STRANGE) for one in outcomes(STRANGE, failure)]
        write_page(found, tmp_path, STRANGE, "0:40")
        text, _, _ = (tmp_path / "lecture.md").read_text().rpartition("## ")  # the environment
        assert latin(re.sub(r"`[^`]*`", "", text)) <= NAMES
        for page in ("lecture.html", "gil.html"):
            assert latin(visible((tmp_path / page).read_text())) <= NAMES, page


NAMES = {word for name in names() for word in name.split("_")} | {"lecture", "html", "primes"}


def latin(text: str) -> set[str]:
    return set(re.findall(r"[A-Za-z]{2,}", text))


def visible(html: str) -> str:
    """What a page shows or has read aloud, but for code and the machine's facts."""
    body = html[html.index("<body>") :]
    body = re.sub(r"(?s)<(svg|pre|code|dl|script)\b.*?</\1>", "", body)
    said = re.findall(r'(?:title|aria-label|alt|data-column)="([^"]*)"', body)
    return unescape("\n".join([re.sub(r"<[^>]*>", " ", body), *said]))


def test_the_page_says_its_language(tmp_path: Path) -> None:
    write_page([section(one, RUSSIAN) for one in outcomes(RUSSIAN)], tmp_path, RUSSIAN)
    assert '<html lang="ru">' in (tmp_path / "lecture.html").read_text()
    assert "without translation" not in (tmp_path / "lecture.md").read_text()


@pytest.mark.parametrize(
    ("number", "russian"),
    [
        ("1,234.5 ms [1,200.0, 1,260.0]", "1\u00a0234,5 мс [1\u00a0200,0; 1\u00a0260,0]"),
        ("0.970× [0.960, 0.990]", "0,970× [0,960; 0,990]"),
        ("213 µs", "213 мкс"),
        ("1,000,000", "1\u00a0000\u00a0000"),
        ("1.70 s", "1,70 с"),
    ],
)
def test_numbers_are_written_as_the_language_writes_them(number: str, russian: str) -> None:
    assert RUSSIAN.number(number) == russian
    assert ENGLISH.number(number) == number


def test_an_interval_follows_what_a_number_counts() -> None:
    rate = Amount("148,372 [138,514, 170,984]", "handovers_per_s")
    assert ENGLISH.amount(rate) == "148,372 handovers/s [138,514, 170,984]"
    assert RUSSIAN.amount(rate).startswith("передач за секунду: 148")
    unknown = [("wake_s", "wake 5"), ("cats_per_s", "5 cats/s"), ("wild_cats", "5 wild cats")]
    for name, told in unknown:
        assert RUSSIAN.amount(Amount("5", name)) == told


def test_a_figure_is_in_the_language_and_names_stay() -> None:
    figure = Figure()
    axes = figure.subplots()
    axes.set_xlabel("workers n")
    axes.set_title("countdown: count=2000000, python=3.13")
    axes.set_ylabel("speed of the plain loop\n(3.13.1 = 1)")
    axes.annotate(" 1.50 ms [1.25, 1.75]", (0, 0))
    axes.plot([0, 1], [0, 1.5], label="usable CPUs: 2")
    axes.set_xticks([0, 1], ["1 KiB", "3.13"])
    legend = axes.legend()
    RUSSIAN.translate(figure)
    figure.draw_without_rendering()
    assert axes.get_xlabel() == "исполнители, n"
    assert axes.get_title() == "countdown: count=2000000, python=3.13"
    assert axes.get_ylabel() == "скорость обычного цикла\n(3.13.1 = 1)"
    assert axes.texts[0].get_text() == " 1,50 мс [1,25; 1,75]"
    assert legend.get_texts()[0].get_text() == "доступно процессоров: 2"
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1 КиБ", "3.13"]
    assert "0,2" in [label.get_text()[:3] for label in axes.get_yticklabels()]


def test_an_own_file_is_a_language_and_the_page_says_what_it_lacks(tmp_path: Path) -> None:
    file = tmp_path / "words.yaml"
    file.write_text("language: fr\npage:\n  title: Le cours\n", "utf-8")
    french = load_language(str(file))
    assert (french.tag, french.text("page.title")) == ("fr", "Le cours")
    assert french.missing == ENGLISH.texts.keys() - {"language", "page.title"}
    write_page([section(one, french) for one in outcomes(french)[:1]], tmp_path, french)
    assert f"in English: {len(french.missing)}." in (tmp_path / "lecture.md").read_text()


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("page: {titel: A}", "page.titel: there is no such text (did you mean page.title?)"),
        ("page: {left: soon}", "page.left: other placeholders than in English, which has {time}"),
        ("page: {left: '{time.real}'}", "page.left: other placeholders"),
        ("page: {left: '{time:>9999999999}'}", "page.left: other placeholders"),
        ("page: {left: '{time'}", "page.left: expected '}' before end of string"),
        ("page: {title: 5}", "page.title is not a text but 5; put quotes around it"),
        ("page: [title]", "page is not a text but ['title']"),
        ("", "it is not a text but None"),
        ("page: {", "expected the node content"),
    ],
)
def test_a_mistake_in_a_file_is_one_line_with_its_place(
    words: str, error: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "words.yaml"
    file.write_text(words, "utf-8")
    assert main([f"--language={file}", "--list"]) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"error: {file}: ")
    assert error in told
    assert told.count("\n") == 1


def test_an_unknown_language_is_one_line_with_those_that_there_are(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--language=rus: .* \(did you mean ru\?\); .* en, ru, "):
        load_language("rus")
    with pytest.raises(UsageError, match=r"nowhere\.yaml"):
        load_language(str(tmp_path / "nowhere.yaml"))


def test_the_list_is_in_the_language(capsys: pytest.CaptureFixture[str]) -> None:
    for option in ("--list", "--help"):
        assert main([option, "--language=ru", "gil"]) == 0
        listed = "gil (L13, L14, L19; ячеек: 4, до 0:26)\n    Ускоряют ли потоки"
        assert listed in capsys.readouterr().out


def test_the_command_that_repeats_it_names_the_language() -> None:
    command = ["python", "-m", "experiments", "gil", "--quick"]
    assert _again("gil", True, ENGLISH, []) == command
    assert _again("gil", True, RUSSIAN, ["n=2"]) == [*command, "--language=ru", "--", "n=2"]


def written(figure: Figure) -> str:
    """All that stands in a figure once it is drawn, but for the commands of powers of ten."""
    figure.draw_without_rendering()
    texts = (found for found in figure.findobj(Text) if isinstance(found, Text))
    shown = "\n".join(text.get_text() for text in texts if text.get_visible())
    return re.sub(r"\\[a-z]+", "", shown)


ENDS = ("", "_low", "_high", "_max")


def interval(name: str, estimate: float, ends: Sequence[str] = ENDS) -> dict[str, Any]:
    parts = zip(ends, (1, 0.9, 1.1, 1.2), strict=False)
    return {f"{name}{end}": estimate * part for end, part in parts}


SIDES = {
    **interval("baseline", 0.3, ("_median_s", "_low_s", "_high_s")),
    **interval("measured", 0.2, ("_median_s", "_low_s", "_high_s")),
}
DRAWN: dict[str, list[Row]] = {
    "gil": [interval("speedup", 1.5, ENDS[:3]) | {"usable_cpus": 2.0, "physical_cores": 1}],
    "practice_primes": [
        {"executor": executor, "executor.forget": "none", **SIDES}
        for executor in ("thread", "process")
    ],
    "switch_interval": [{"executor.switch_interval_s": 0.005, **interval("metric.delay_s", 0.006)}],
    "processes_talk": [
        {
            **{"workload.channel": channel, "workload.size_bytes": 1024},
            **interval("metric.mb_per_s", 900.0),
        }
        for channel in ("queue", "pipe_duplex", "shared_memory")
    ],
}


@pytest.mark.parametrize("name", DRAWN)
def test_what_is_written_in_a_figure_is_in_the_file(name: str) -> None:
    [figure] = load(name, STRANGE).figures(synthetic.summary(*DRAWN[name])).values()
    assert len(latin(written(figure))) > 3
    STRANGE.translate(figure)
    assert latin(written(figure)) <= {"pool", "primes"}

"""Words of a command line that are neither an option nor a setting, and values of a wrong kind."""

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import OverrideParseException
from omegaconf import OmegaConf
from omegaconf.errors import ValidationError

from runners.command.mistakes import explain
from runners.command.words import misshapen, unparsable
from runners.planning.config import Config


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("primes pool 2", "primes: it is no setting; write KEY=VALUE"),
        ("n=2 workload primes", "as workload=..."),
        ("workload = primes", "as workload=..."),
        ("--workload=primes", "--workload=primes: there is no such option"),
        ("--n 2", "without dashes, as n=..."),
        ("--experiment gil", "as +experiment=..."),
        ("-m experiment=gil", "write +experiment=gil"),
        ("-x n=2", "-x: there is no such option;"),
        ("--dryrun", "--dryrun: there is no such option (did you mean --dry-run?);"),
        ("--hlep", "--hlep: there is no such option (did you mean --help?);"),
    ],
)
def test_a_word_that_is_neither_option_nor_setting_is_told_how_to_be_written(
    typed: str, told: str
) -> None:
    assert told in str(misshapen(typed.split()))


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("n=2,4", "n=2,4: several values make a sweep; add -m"),
        (
            "workload.ranges=1,2",
            "workload.ranges=1,2: several values make a sweep; add -m, or put a list in [ ]",
        ),
    ],
)
def test_several_values_make_a_sweep_or_a_list_where_one_may_be(word: str, told: str) -> None:
    assert unparsable([word]) == told


@pytest.mark.parametrize(
    "typed",
    [
        "-m n=2",
        "--cfg job",
        "--cfg=job n=2",
        "--multi n=2",
        "~executor.x",
        "--info",
        "",
        "-cd conf",
    ],
)
def test_options_and_settings_are_no_mistake(typed: str) -> None:
    assert misshapen(typed.split()) is None


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("two", "n: must be a whole number, not 'two'"),
        (1.5, "n: must be a whole number, not '1.5'"),
    ],
)
def test_a_value_of_another_kind_is_told_in_the_words_of_a_plugins(
    value: object, told: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        OmegaConf.structured(Config).n = value
    assert explain(caught.value).startswith(told)


@pytest.mark.parametrize("word", ["workload=primes,", "workload=primes n=2", "workload.text=[ä]"])
def test_a_word_that_cannot_be_read_is_told_the_way_of_quotes(word: str) -> None:
    with pytest.raises(OverrideParseException) as caught:
        OverridesParser.create().parse_overrides([word])
    line = explain(caught.value)
    assert line.startswith(f"{word}: it cannot be read (")
    assert "expecting" not in line
    assert "quotes" in line


@pytest.mark.parametrize("word", ["compare", "report", "runners.compare"])
def test_a_word_that_is_another_command_is_told_as_that(word: str) -> None:
    told = misshapen([word, "outputs/a", "--margin", "5%"])
    assert told is not None
    assert told.endswith(f": python -m runners.{word.removeprefix('runners.')}")


def test_no_other_word_is() -> None:
    assert unparsable(["workload=primes", "n=2"]) is None

"""docs/ci.md: its YAML is YAML, and each command in it is one that the programs take."""

import re
import shlex
from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path
from typing import Any

import pytest
import yaml
from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser

import runners.compare.command
import runners.history.command
import runners.report.files
from runners.command.arguments import each_value, expanded
from runners.compare.options import parser
from runners.planning import config
from runners.planning.hydra_versions import BASE
from runners.planning.searchpath import CONF
from runners.report import figures
from tests import synthetic
from tests.conftest import ROOT

TEXT = (ROOT / "docs/ci.md").read_text()
BLOCKS = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)]


def scripts(part: Any) -> Iterator[str]:
    """All texts that a shell is given, wherever they are."""
    if isinstance(part, dict):
        for name, value in part.items():
            if name in ("run", "script", "before_script", "after_script"):
                yield from [value] if isinstance(value, str) else value
            else:
                yield from scripts(value)
    elif isinstance(part, list):
        for value in part:
            yield from scripts(value)


def commands() -> list[list[str]]:
    """The words of each `python -m`, with what the CI system puts in replaced by a word."""
    texts = [text for block in BLOCKS for text in scripts(block)]
    lines = [line.strip() for text in texts for line in text.split("\n")]
    plain = [re.sub(r"\$\{\{.*?\}\}|\$\w+", "word", line) for line in lines]
    return [shlex.split(line)[2:] for line in plain if line.startswith("python -m ")]


def of(module: str) -> list[list[str]]:
    found = [words for name, *words in commands() if name == module]
    assert found, module
    return [list(words) for words in dict.fromkeys(map(tuple, found))]


def test_there_is_an_example_for_each_system() -> None:
    keys = {key for block in BLOCKS if isinstance(block, dict) for key in block}
    assert {"jobs", "speed", "baseline", "compare"} <= keys
    assert all(isinstance(line, str) for block in BLOCKS for line in scripts(block))
    modules = {module for module, *_ in commands()}
    assert modules == {
        *("pip", "pytest", "runners", "runners.compare", "runners.history", "runners.report")
    }


@pytest.mark.parametrize("words", of("runners"), ids=itemgetter(1))
def test_what_measures_names_only_what_there_is(words: list[str]) -> None:
    overrides = [word for word in expanded(words) if word not in ("-m", "--multirun")]
    parsed = OverridesParser.create().parse_overrides(overrides)
    single = [
        f"{one.get_key_element()}={each_value(one)[0]}" if one.is_sweep_override() else text
        for one, text in zip(parsed, overrides, strict=True)
    ]
    config.register()
    with initialize_config_dir(str(CONF), **BASE):
        assert compose("config", single, return_hydra_config=True).workload


def test_the_others_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(figures, "image", lambda *_: b"<svg/>")
    monkeypatch.setattr(figures, "over_time", lambda _: None)
    monkeypatch.setattr(figures, "forest", lambda _: None)
    for at, folder in enumerate(("outputs/now", "outputs/baseline", "baseline")):
        synthetic.write(tmp_path / folder / "cell", synthetic.runs(seed=at))
    for at in range(2):
        synthetic.write(tmp_path / f"history/results/{at}/cell", synthetic.runs(seed=at))
    for words in of("runners.compare"):
        parser().parse_args(words)
    [words] = [words for words in of("runners.compare") if "branch=outputs/now" in words][:1]
    assert runners.compare.command.run(words) == 0
    for words in of("runners.history"):
        assert runners.history.command.run(words) == 0
    assert (tmp_path / "history/history.md").is_file()
    for words in of("runners.report"):
        assert runners.report.files.run(words) == 0
    for name in re.findall(r"outputs/report/[\w.-]+", TEXT):
        assert (tmp_path / name).is_file(), name


def test_the_options_of_pytest_are_those_of_the_plugin() -> None:
    plugin = (ROOT / "pytest_speedup_lab.py").read_text()
    for option in re.findall(r"--speedup-\w+", TEXT):
        assert f'"{option}"' in plugin, option

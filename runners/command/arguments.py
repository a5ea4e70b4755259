"""The command line, written out as Hydra takes it: with what its parser refuses or lacks."""

import ast
import math
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import OverrideParseException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from runners.model import UsageError
from runners.planning import searchpath
from runners.results.write import from_home

FOLDERS = ("hydra.run.dir", "hydra.sweep.dir")
MULTIRUN = ("-m", "--multirun")
VALUED = {
    *("--cfg", "-c", "--package", "-p", "--info", "-i", "--config-path", "-cp", "--config-name"),
    *("-cn", "--config-dir", "-cd"),
}
"""Hydra's options that take the next word as their value."""
TEXTS = re.compile(r"\+{0,2}(python|gil|versus)")
"""Keys whose values are texts, where Hydra would read numbers: it takes python=3.20 for 3.2."""
VERSUS = re.compile(r"\+{0,2}versus=(?!null$)")
QUOTED = r"""(?:'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")"""
PART = re.compile(rf"\s*{QUOTED}\s*(?=,|\Z)|[^,]*", re.DOTALL)
"""What is between two commas, also if it has some itself inside quotes."""
FUNCTION = re.compile(r"\s*(range|interval|glob|sort|shuffle|tag|str|json_str)\(.*\)\s*", re.DOTALL)
"""A call of Hydra's grammar, which stays what it is."""

RANGE = r"range\([^()]*\)"
KEYWORD = re.compile(r"workload\.(keywords|arguments_keywords|instance)\.")
"""A key in a mapping that may have any, where Hydra takes none that is not there without a sign."""
CALLED = re.compile(
    r"\+{0,2}workload\.(function|arguments_from|initializer|setup)=([^'\"(]*:[^'\"(]*)\((.*)\)(.*)",
    re.DOTALL,
)
"""A function that is called, where it is to be named."""

PARTS = re.compile(r"[+~]*(hydra[./].*_target_|hydra[./]callbacks[^=]*)=")
"""What has Hydra make objects of its own."""


def check_parts(words: Sequence[str]) -> None:
    """Raise UsageError where a word names what Hydra itself is to call: 1.3 calls nearly all."""
    for word in words:
        if (found := PARTS.match(word)) is not None:
            raise UsageError(
                f"{found[1]}: what Hydra calls is not set on the command line; leave it out "
                "(launchers are chosen by hydra/launcher=NAME)"
            )


SHORT = {"--dry-run": "dry_run=true", "--yes": "yes=true"}
"""Options of our own that stand for settings."""


def written_out(arguments: Sequence[str]) -> list[str]:
    """The arguments with `SHORT` options as what they stand for."""
    return [SHORT.get(word, word) for word in arguments]


def expanded(arguments: Sequence[str]) -> list[str]:
    """The arguments with options first and short forms written out.

    `resume=FOLDER` is short for writing into that folder again, `executor=all` for a sweep. A
    folder may have any path, also one that means something else in Hydra's grammar. In a sweep, a
    single value for a parameter of a plugin becomes a choice of one: Hydra sets single values in
    the configuration of the defaults first, which may be of plugins without it. Interpreters are
    texts (`as_override`), and `python=all` and `n=auto` are short for a sweep, too, as is
    `versus=...`: there are two versions of the code then. So is an experiment that has a sweep.

    Raises UsageError where a folder has no name, or one that Hydra cannot take.
    """
    options, overrides = apart(arguments)
    written: list[str] = []
    for argument in overrides:
        name, equals, value = argument.partition("=")
        if equals and (TEXTS.fullmatch(name) or _is_of_ranges(name, value)):
            written.append(as_override(name, value))
        elif equals and KEYWORD.match(name):
            written.append(f"++{argument}")
        elif name.lstrip("+") == "workload.arguments" and _is_list_of_python(argument, value):
            written.append(f"{name}={_in_quotes(value.strip())}")
        elif (called := CALLED.fullmatch(argument)) is not None:
            raise UsageError(_uncalled(*called.groups()))
        elif name not in ("resume", *FOLDERS):
            plain = argument.isascii() or not equals
            written.append(argument if plain else _in_ascii(name, value))
        elif not value.strip():
            raise UsageError(f"{name}{equals}: no folder is named; write {name}=FOLDER")
        elif name == "resume":
            written += [f"{key}={quoted(value)}" for key in FOLDERS]
        else:
            written.append(f"{name}={_as_folder(name, value)}")
    folders = [text for text in written if text.startswith(FOLDERS)]
    words = [text.partition("=") for text in overrides]
    named = {
        Path(from_home(typed.strip("'\""))).absolute()
        for name, _, typed in words
        if name in ("resume", *FOLDERS)
    }
    if len(named) > 1 and any(name == "resume" for name, _, _ in words):
        raise UsageError("resume: another folder is named beside it; leave one of them out")
    if "${" in str(Path.cwd()) or any(r"\${" in text for text in folders):
        # Hydra would take the name of the folder for an expression when it writes into that one.
        written.append("hydra.output_subdir=null")
    for word in overrides:
        if word.startswith("+experiment=") and "," in word and makes_a_sweep(word, arguments):
            raise UsageError(f"{word}: one at a time: an experiment that has a sweep needs its own")
    if any(makes_a_sweep(word, arguments) for word in written) and not set(MULTIRUN) & set(options):
        options.insert(0, "--multirun")
    if set(MULTIRUN) & set(options):
        written = [_as_choice(argument) for argument in written]
    return [*options, *written]


def _in_ascii(key: str, value: str) -> str:
    """With letters that Hydra takes in quotes alone: those of a language other than English."""
    if set(value) & set("'\"[]{}()"):
        return f"{key}={value}"
    texts = _between_commas(value)
    return f"{key}={','.join(text if text.isascii() else _in_quotes(text) for text in texts)}"


def _uncalled(parameter: str, name: str, arguments: str, method: str) -> str:
    """How to write it where a function was called instead of being named."""
    key = f"workload.{parameter}"
    typed = f"{key}={name}({arguments}){method}"
    if method.startswith("."):  # of an object that is built first
        return (
            f"{typed}: a function is named, not called; write {key}={name}{method} "
            f"'workload.instance=[{arguments}]', which has an object built with these arguments"
        )
    ways = {
        "function": "'workload.arguments=[[...],[...]]' has the arguments of its calls",
        "arguments_from": "'workload.arguments_keywords={name: value}' has its arguments",
        "initializer": "'workload.initargs=[...]' has its arguments",
        "setup": "it is called without arguments",
    }
    return f"{typed}: a function is named, not called; write {key}={name}, {ways[parameter]}"


def makes_a_sweep(word: str, words: Sequence[str]) -> bool:
    """Whether this one of the words stands for several cells, also without -m."""
    key, _, value = word.partition("=")
    if key == "+experiment":
        places = searchpath.places(config_folders(words))
        return any(searchpath.has_sweep(places, name) for name in value.split(","))
    return word in ("executor=all", "python=all", "n=auto") or VERSUS.match(word) is not None


def resumed(arguments: Sequence[str]) -> list[Path]:
    """The folders that are to be gone on in."""
    _, overrides = apart(arguments)
    words = [word.partition("=") for word in overrides]
    return [Path(from_home(path)) for name, _, path in words if name == "resume"]


def apart(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Options and overrides: Hydra takes no option between two overrides."""
    options: list[str] = []
    overrides: list[str] = []
    words = iter(arguments)
    for word in words:
        if not word.startswith("-"):
            overrides.append(word)
            continue
        options.append(word)
        if word in VALUED and (value := next(words, None)) is not None:
            if word in ("--info", "-i") and "=" in value:  # its value may be left out
                options.append("all")
                overrides.append(value)
            else:
                options.append(value)
        elif word in ("--info", "-i"):
            options.append("all")
    return options, overrides


def quoted(path: str) -> str:
    """A path as a value of Hydra's grammar, in which `( = [ ~ , ${` and words like true mean more.

    `~/x` is in the user's own folder, as in a shell. Raises UsageError where Hydra takes none such.
    """
    path = from_home(path)
    try:
        OmegaConf.create([str(Path(path).absolute())])  # as Hydra does with the folder of a run
    except OmegaConfBaseException:
        raise UsageError(f"{path}: Hydra takes no folder with an open ${{ in its name") from None
    if path == "???":  # which stands for a value that is missing
        path = "./???"
    return _in_quotes(_not_resolved(path))


def _in_quotes(text: str) -> str:
    # A backslash stands for itself but before a quote, where it has to be doubled.
    return "'" + re.sub(r"(\\*)('|\Z)", _doubled, text) + "'"


def _doubled(found: re.Match[str]) -> str:
    return found[1] * 2 + (r"\'" if found[2] else "")


def _as_folder(key: str, typed: str) -> str:
    """A folder as Hydra takes it: as it was typed, if that is a text to Hydra, else in quotes."""
    typed = from_home(typed)
    for text in (typed, _in_quotes(typed)):  # in which ${...} still stands for a value
        try:
            [override] = OverridesParser.create().parse_overrides([f"{key}={text}"])
            value = override.value()
            OmegaConf.create([value])
        except (OverrideParseException, OmegaConfBaseException):
            continue
        is_text = isinstance(value, str) and not override.is_sweep_override()
        if is_text and (value == typed or set(typed) & set("'\"\\$")):
            return text
    return quoted(typed)


def as_override(key: str, value: Any) -> str:
    """`key=value` as Hydra takes it, be it from the command line or from `hydra.sweeper.params`.

    What `python`, `gil` and `versus` have is a text each, whatever it means in Hydra's grammar or
    in YAML: 3.20, a path with spaces, on. Commas stand between them, as in Hydra; one that has a
    comma itself is put in quotes, or is the path of something that is there. `null` stays what it
    is.
    """
    if _is_of_ranges(key, value):
        return f"{key}={','.join(map(_in_quotes, re.findall(RANGE, value)))}"
    if not TEXTS.fullmatch(key):
        return f"{key}={value}"
    if not isinstance(value, str):
        values = value if isinstance(value, Sequence) else [value]
        return f"{key}={','.join(_as_text(key, _as_typed(one)) for one in values)}"
    if FUNCTION.fullmatch(value):
        return f"{key}={value}"
    # In a choice, Hydra forgets about the quotes.
    chosen = re.fullmatch(r"\s*choice\((.*)\)\s*", value, re.DOTALL)
    typed = _between_commas(chosen[1] if chosen else value)
    empty = "" if len(typed) == 1 else "''"
    return f"{key}={','.join(_as_text(key, text) or empty for text in typed)}"


def as_value(value: Any) -> str:
    """Plain data of Python in Hydra's grammar, texts in quotes. Raises TypeError over others."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str | Path):
        return _in_quotes(_not_resolved(str(value)))
    if isinstance(value, list | tuple):
        return f"[{','.join(map(as_value, value))}]"
    if isinstance(value, Mapping):
        if not all(re.fullmatch(r"[A-Za-z_]\w*", str(key), re.ASCII) for key in value):
            raise TypeError  # no key is in quotes
        return f"{{{','.join(f'{key}:{as_value(one)}' for key, one in value.items())}}}"
    raise TypeError


def _is_of_ranges(key: str, value: Any) -> bool:
    """Whether it has arguments of a function's calls, where Hydra makes a cell of each number."""
    if key.lstrip("+") != "workload.arguments" or not isinstance(value, str):
        return False
    return re.fullmatch(rf"\s*{RANGE}\s*(,\s*{RANGE}\s*)*", value) is not None


def each_value(override: Override) -> list[str]:
    """The values of a sweep, as Hydra takes them by themselves.

    In a choice it has forgotten the quotes around a text; one with quotes inside it cannot read.
    `null` twice is `_as_choice` of a single one.
    """
    found = [
        _in_quotes(re.sub(r"\\(.)", r"\1", value))
        if value.startswith("\\") and set(value) & set("'\"")
        else value
        for value in override.sweep_string_iterator()
    ]
    return found[:1] if found == ["null", "null"] else found


def _is_list_of_python(argument: str, value: str) -> bool:
    """Whether a value is a list as Python writes it, and no value to Hydra: it has bytes, say."""
    try:
        OverridesParser.create().parse_overrides([argument])
    except OverrideParseException:
        pass
    else:
        return False
    try:
        return isinstance(ast.literal_eval(value.strip()), list | tuple)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return False


def _as_typed(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return "null" if value is None else str(value)


def _between_commas(text: str) -> list[str]:
    """The values of a sweep, the longest paths first that are there."""
    parts: list[str] = []
    at = 0
    while at <= len(text):
        part = PART.match(text, at)
        assert part is not None  # it may be empty
        parts.append(part[0])
        at = part.end() + 1
    found = []
    while parts:
        joined = [",".join(parts[:count]).strip() for count in range(1, len(parts) + 1)]
        there = [at for at, path in enumerate(joined) if os.path.lexists(from_home(path))]
        last = max(there, default=0)
        found.append(joined[last])
        parts = parts[last + 1 :]
    return found


def _as_text(key: str, typed: str) -> str:
    """A value that is a text to Hydra, in quotes only where it would be something else."""
    if re.fullmatch(QUOTED, typed, re.DOTALL) or typed in ("", "null"):
        return typed
    if re.fullmatch(r"[\w./+-]+", typed, re.ASCII):
        [plain] = OverridesParser.create().parse_overrides([f"{key}={typed}"])
        if plain.value() == typed:
            return typed
    return _in_quotes(_not_resolved(typed))


def _not_resolved(text: str) -> str:
    """A text in which an open `${` is two letters, and not the begin of a value's name."""
    return re.sub(r"(\\*)\$\{", r"\1\1\\${", text)


def _as_choice(argument: str) -> str:
    key, equals, value = argument.partition("=")
    if argument == "n=auto":
        return "n=choice(auto)"  # in the configuration itself n is a number
    if not equals or not re.match(r"\+{0,2}(workload\.|executor\.|executor$)", key):
        return argument
    try:
        [override] = OverridesParser.create().parse_overrides([argument])
    except OverrideParseException:
        return argument  # which Hydra will tell
    if override.is_sweep_override() or (key.endswith("executor") and value != "all"):
        return argument
    if value == "null":  # which no choice has
        return f"{key}=null,null"
    return f"{key}=choice({value})" if value else argument


def count_cells(params: Mapping[str, Any], overrides: Sequence[str]) -> int:
    """How many combinations these overrides and an experiment's `hydra.sweeper.params` have.

    An override takes the place of a parameter of the same key.
    """
    hydra = GlobalHydra.instance()  # which knows what a glob stands for
    loader = hydra.config_loader() if hydra.is_initialized() else None
    texts = [*(as_override(key, value) for key, value in params.items()), *overrides]
    counts = {
        part.get_key_element(): len(each_value(part)) if part.is_sweep_override() else 1
        for part in OverridesParser.create(config_loader=loader).parse_overrides(texts)
    }
    return math.prod(counts.values())


def config_folders(words: Sequence[str]) -> list[str]:
    """Those of --config-dir and hydra.searchpath."""
    found: list[str] = []
    for at, word in enumerate(words):
        flag, _, value = word.partition("=")
        if flag in ("--config-dir", "-cd"):
            found.append(value or words[min(at + 1, len(words) - 1)])
        elif word.startswith("hydra.searchpath"):
            found += [
                folder
                for override in parsed(word)
                if isinstance(values := override.value(), list)
                for folder in map(str, values)
            ]
    return found


def parsed(word: str) -> list[Override]:
    try:
        return OverridesParser.create().parse_overrides([word])
    except Exception:  # which is told where it is read
        return []

"""Profiles on disk: one file for each side, in the JSON of speedscope, which draws its flame graph.

https://www.speedscope.app reads it, and nothing leaves the browser. The format:
https://github.com/jlfwong/speedscope/blob/main/src/lib/file-format-spec.ts
"""

import json
from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Any, cast, get_args

import msgspec
from msgspec import Meta

from runners.model import Frame, Mode, Profile, Role, Stack
from runners.results import checked
from runners.results.columns import LONGEST_S
from runners.results.write import write_whole

PROFILES: dict[Role, str] = {
    "baseline": "profile-baseline.json",
    "measured": "profile-measured.json",
}
"""Of each side, the name of its file in the folder of the cell."""
SHOWN: dict[Mode, str] = {
    "wall": "all threads",
    "cpu": "on a CPU",
    "gil": "holding the GIL",
}
"""What speedscope calls the flame graph of each mode."""
MOST_FRAMES = 100_000
_SCHEMA = "https://www.speedscope.app/file-format-schema.json"
_Text = Annotated[str, Meta(max_length=1000)]
_Count = Annotated[int, Meta(ge=0, le=10**6)]


class _Frame(msgspec.Struct):
    name: _Text
    file: _Text


class _Shared(msgspec.Struct):
    frames: Annotated[list[_Frame], Meta(max_length=MOST_FRAMES)]


class _Sampled(msgspec.Struct):
    name: _Text
    samples: Annotated[list[Annotated[list[_Count], Meta(max_length=1000)]], Meta(max_length=10**5)]
    weights: list[Annotated[float, Meta(ge=0, le=LONGEST_S)]]


class _Lab(msgspec.Struct):
    tool: _Text
    runs: Annotated[int, Meta(ge=1, le=10**6)]
    processes: _Count


class _File(msgspec.Struct):
    shared: _Shared
    profiles: Annotated[list[_Sampled], Meta(max_length=len(SHOWN))]
    speedup_lab: _Lab


def write_profile(folder: Path, profile: Profile, name: str) -> Path:
    """Write what a profiler saw of a side into the folder of its cell, called `name`."""
    path = folder / PROFILES[profile.role]
    write_whole(path, speedscope(profile, name))
    return path


def speedscope(profile: Profile, name: str) -> bytes:
    """The file of a profile: a flame graph for each mode, in seconds over all of its runs."""
    known: dict[Frame, int] = {}
    profiles = []
    for mode, shown in SHOWN.items():
        stacks = profile.stacks.get(mode, {})
        end_s = sum(stacks.values())
        profiles.append(
            {
                "type": "sampled",
                "name": shown,
                "unit": "seconds",
                "startValue": 0,
                "endValue": end_s,
                "samples": [
                    [known.setdefault(frame, len(known)) for frame in stack] for stack in stacks
                ],
                "weights": list(stacks.values()),
            }
        )
    found: dict[str, Any] = {
        "$schema": _SCHEMA,
        "name": name,
        "exporter": "speedup-lab",
        "activeProfileIndex": 0,
        "shared": {"frames": [{"name": one.name, "file": one.file} for one in known]},
        "profiles": profiles,
        "speedup_lab": {
            "tool": profile.tool,
            "runs": profile.runs,
            "processes": profile.processes,
        },
    }
    return json.dumps(found, separators=(",", ":")).encode()


def has_profiles(folder: Path) -> bool:
    """Whether both sides of a cell have one."""
    return all((folder / name).is_file() for name in PROFILES.values())


def remove_profiles(folder: Path, roles: Collection[Role] = get_args(Role)) -> None:
    """Remove those of an earlier measurement."""
    for role, name in PROFILES.items():
        if role in roles:
            (folder / name).unlink(missing_ok=True)


def read_profiles(folder: Path) -> dict[Role, Profile]:
    """The profiles in the folder of a cell, of those sides that have one.

    What is no profile is left out, with a warning that says why.
    """
    found: dict[Role, Profile] = {}
    for role, name in PROFILES.items():
        try:
            found[role] = read_profile(folder / name, role)
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            told = error.strerror if isinstance(error, OSError) else str(error)
            checked.warn(folder / name, f"left out: {told}")
    return found


def read_profile(path: Path, role: Role) -> Profile:
    """The profile in that file. Raises OSError, ValueError."""
    file = cast(_File, checked.converted(checked.mapping(path), _File))
    frames = [Frame(one.name, one.file) for one in file.shared.frames]
    modes = {shown: mode for mode, shown in SHOWN.items()}
    stacks: dict[Mode, dict[Stack, float]] = {}
    for one in file.profiles:
        if one.name not in modes:
            raise ValueError(f"profiles: {one.name!r} is none of {', '.join(modes)}")
        if len(one.samples) != len(one.weights):
            raise ValueError("profiles: there are not as many weights as samples")
        own = stacks.setdefault(modes[one.name], {})
        for sample, weight in zip(one.samples, one.weights, strict=True):
            if max(sample, default=0) >= len(frames):
                raise ValueError("samples: a frame that is not there")
            own[tuple(frames[at] for at in sample)] = weight
    about = file.speedup_lab
    return Profile(role, about.tool, about.runs, about.processes, stacks)

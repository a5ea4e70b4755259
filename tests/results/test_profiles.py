"""Profiles on disk: what is written is read again, and what is no profile is refused."""

import json
from pathlib import Path

import pytest

from runners.model import Frame, Profile
from runners.report.page.figures import section as on_page
from runners.report.profiles import profiled, section
from runners.results.profiles import (
    PROFILES,
    has_profiles,
    read_profile,
    read_profiles,
    remove_profiles,
    write_profile,
)

EVIL = Frame("<script>alert(1)</script>", "a|b.py")
STACKS = {
    "wall": {(EVIL, Frame("g", "g.py")): 2.0, (EVIL,): 1.5},
    "cpu": {(EVIL,): 1.0},
    "gil": {(EVIL,): 1.0},
}
PROFILE = Profile("measured", "py-spy", 3, 2, STACKS)  # type: ignore[arg-type]


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = write_profile(tmp_path, PROFILE, "a cell")
    assert read_profiles(tmp_path) == {"measured": PROFILE}
    assert not has_profiles(tmp_path)
    found = json.loads(path.read_bytes())
    # What speedscope wants of a file: https://www.speedscope.app/file-format-schema.json
    assert found["$schema"]
    assert found["shared"]["frames"][0].keys() >= {"name"}
    for one in found["profiles"]:
        assert one["type"] == "sampled"
        assert one["unit"] == "seconds"
        assert one["endValue"] == pytest.approx(sum(one["weights"]))
    remove_profiles(tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("speedup_lab", {"tool": "x", "runs": 0, "processes": 1}, "runs"),
        ("shared", {"frames": []}, "a frame that is not there"),
        ("shared", {"frames": [{"name": 3, "file": ""}]}, "frames"),
        ("profiles", [{"name": "other", "samples": [], "weights": []}], "is none of"),
        ("profiles", [{"name": "on a CPU", "samples": [[0]], "weights": []}], "weights"),
        ("profiles", [{"name": "on a CPU", "samples": [[0]], "weights": [-1]}], "weights"),
        ("profiles", [{"name": "on a CPU", "samples": [[-1]], "weights": [1]}], "samples"),
    ],
)
def test_what_is_no_profile_is_refused(tmp_path: Path, key: str, value: object, said: str) -> None:
    path = write_profile(tmp_path, PROFILE, "a cell")
    found = json.loads(path.read_bytes())
    path.write_text(json.dumps(found | {key: value}))
    with pytest.raises(ValueError, match=said):
        read_profile(path, "measured")
    with pytest.warns(UserWarning, match=PROFILES["measured"]):
        assert read_profiles(tmp_path) == {}


def test_names_stay_text_in_the_report_and_on_the_page(tmp_path: Path) -> None:
    write_profile(tmp_path, PROFILE, "a cell")
    text = "\n\n".join(section(profiled([(tmp_path, "<b>cell</b>")]), tmp_path))
    assert r"\<script>alert(1)\</script>" in text
    assert r"a\|b.py" in text
    assert f"({PROFILES['measured']})" in text
    page = on_page(text, {})
    assert "<script>" not in page
    assert "<b>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; (a|b.py)" in page


def test_without_profiles_there_is_no_section(tmp_path: Path) -> None:
    assert section(profiled([(tmp_path, "cell")]), tmp_path) == []

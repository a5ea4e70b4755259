"""Nothing lost, nothing left behind: `python -m benchmarks.soak [CELLS=200] [KILLS=20] [SEED=1]`.

A sweep of 200 cells with faults drawn at random, whose program is ended 20 times at random moments,
by KILL, HUP and TERM in turn, and goes on in its folder each time. Prints what was counted, and
ends with status 1 if a promise was broken: every cell is complete or has its true reason, no row is
lost or doubled, the folder holds no stray file, and each time that the program has ended there is
no process of its, no object in /dev/shm, no file in the folder for temporary files and no socket
that listens, which was not there before. Run it where nothing else makes such.
"""

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import psutil

from runners.model import PANEL

ROOT = Path(__file__).parent.parent
PLUGINS = ROOT / "tests/plugins"
sys.path.insert(0, str(PLUGINS))
from benchmarks.faulty import FAULTS, SLEEP, drawn  # noqa: E402 - needs the path to the faults
from tests.test_results_docs import named_files  # noqa: E402

EXECUTORS = ("thread", "thread_subclass", "process", "pool", "process_pool", "loky")
ENDS = (signal.SIGKILL, signal.SIGHUP, signal.SIGTERM)
TOKEN = "SPEEDUP_LAB_SOAK"
SILENT_S = 4.0
"""How long what is left may take to be gone after the program's end."""


def start(cwd: Path, cells: int, seed: int) -> "subprocess.Popen[bytes]":
    numbers = ",".join(map(str, range(-(-cells // len(EXECUTORS)))))
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "runners", "-m", f"--config-dir={cwd / 'conf'}"),
            *("workload=faulty", f"workload.seed={seed}", f"workload.number={numbers}"),
            *(f"executor={','.join(EXECUTORS)}", "measure=quick", "measure.min_rounds=2"),
            *("measure.max_rounds=2", "measure.timeout_s=0.7"),
            f"hydra.sweep.dir={cwd / 'out'}",
        ],
        cwd=cwd,
        env={
            **os.environ,
            "PYTHONPATH": f"{ROOT}:{PLUGINS}",
            "TMPDIR": str(cwd / "tmp"),
            TOKEN: str(cwd),
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def rows(out: Path) -> Counter[str]:
    """Every whole row of every file, those set aside included."""
    found: Counter[str] = Counter()
    for file in out.glob("*/runs.jsonl*"):
        for line in file.read_text(errors="replace").splitlines():
            try:
                json.loads(line)
            except ValueError:
                continue
            found[f"{file.parent.name} {line}"] += 1
    return found


class Machine:
    """What a program can leave behind, beside what was there before it."""

    def __init__(self, cwd: Path) -> None:
        self.cwd = cwd
        self.before = set(self._things())

    def left(self) -> Counter[str]:
        """How many of each kind are there still, some seconds after the program's end."""
        until_s = time.monotonic() + SILENT_S
        while (new := set(self._things()) - self.before) and time.monotonic() < until_s:
            time.sleep(0.05)
        self.before |= new  # each is told once
        for kind, what in sorted(new):
            print(f"left: {kind} {what}", file=sys.stderr)
        return Counter(kind for kind, _ in new)

    def _things(self) -> Iterator[tuple[str, str]]:
        for process in psutil.process_iter():
            try:
                words = " ".join(process.cmdline())
                if process.environ().get(TOKEN) == str(self.cwd) or words == SLEEP:
                    yield "processes", f"{process.pid} {words[:200]}"
            except psutil.Error:  # it has ended
                continue
        for kind, folder in (
            ("shared memory", Path("/dev/shm")),
            ("temporary files", self.cwd / "tmp"),
        ):
            for path in folder.iterdir():
                yield kind, path.name
        for connection in psutil.net_connections("inet"):
            if connection.status == psutil.CONN_LISTEN:
                yield "sockets", str(connection.laddr)


def verdicts(out: Path, seed: int) -> tuple[Counter[str], list[str]]:
    """How many cells ended how, and those whose end is not the truth."""
    statuses: Counter[str] = Counter()
    untrue = []
    for file in sorted(out.glob("*/runs.jsonl")):
        if file.parent.name.startswith(PANEL):  # the baseline that cells share
            continue
        last = json.loads(file.read_text().splitlines()[-1])
        fault = drawn(seed, last["workload.number"])
        statuses[last["status"]] += 1
        if last["ended_by"] is None or last["status"] not in FAULTS[fault]:
            untrue.append(f"{file.parent.name}: {fault}, {last['status']}, {last['ended_by']}")
    return statuses, untrue


def main() -> int:
    arguments = [int(argument) for argument in sys.argv[1:]]
    cells, kills, seed = (*arguments, *(200, 20, 1)[len(arguments) :])
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        cwd = Path(folder).resolve()
        (cwd / "conf/workload").mkdir(parents=True)
        (cwd / "tmp").mkdir()
        yaml = "_target_: benchmarks.faulty.Faulty\nseed: 1\nnumber: 0\n"
        (cwd / "conf/workload/faulty.yaml").write_text(yaml)
        out = cwd / "out"
        machine = Machine(cwd)
        left: Counter[str] = Counter()
        killed: Counter[str] = Counter()
        lost = 0
        before: Counter[str] = Counter()
        while killed.total() < kills:
            program = start(cwd, cells, seed)
            try:
                program.wait(chance.uniform(2, 14))
            except subprocess.TimeoutExpired:
                end = ENDS[killed.total() % len(ENDS)]
                program.send_signal(end)
                program.wait()
                killed[end.name] += 1
            left += machine.left()
            now = rows(out)
            lost += (before - now).total()
            before = now
            if program.returncode in (0, 1):  # done early: some are forced anew
                for file in chance.sample(sorted(out.glob("*/cell.json")), cells // 10):
                    file.unlink()
        program = start(cwd, cells, seed)
        program.wait()
        left += machine.left()
        now = rows(out)
        lost += (before - now).total()
        statuses, untrue = verdicts(out, seed)
        doubled = sum(count - 1 for count in now.values())
        known = named_files().values()
        stray = [
            path.relative_to(out)
            for path in out.rglob("*")
            if path.is_file() and path.parent.name != ".hydra"
            if not any(fnmatch(path.name, pattern) for pattern in known)
        ]
        print(f"cells           {statuses.total()} ({dict(statuses)})")
        print(f"ended           {killed.total()} times ({dict(killed)})")
        print(f"rows            {now.total()}, lost {lost}, doubled {doubled}")
        for kind in ("processes", "shared memory", "temporary files", "sockets"):
            print(f"left {kind:<15} {left[kind]}")
        print(f"stray files     {len(stray)} {stray[:5]}")
        print(f"not the truth   {len(untrue)} {untrue[:5]}")
        wanted = -(-cells // len(EXECUTORS)) * len(EXECUTORS)
        broken = lost or doubled or left.total() or stray or untrue or statuses.total() != wanted
        return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())

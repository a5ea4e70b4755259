"""Nothing measured is ever lost: `python -m benchmarks.soak [CELLS=200] [KILLS=20] [SEED=1]`.

A sweep of cells with faults drawn at random, whose program is killed with SIGKILL at random moments
and resumed each time. Prints what was counted and ends with status 1 if any promise was broken:
every cell is complete or has its true reason, no row is lost or doubled, no process is left, and
the folder holds no stray file.
"""

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from runners.measuring.tree import marked

ROOT = Path(__file__).parent.parent
PLUGINS = ROOT / "tests/plugins"
sys.path.insert(0, str(PLUGINS))
from benchmarks.faulty import FAULTS, drawn  # noqa: E402 - needs the path to the faults

EXECUTORS = ("thread", "thread_subclass", "process", "pool")
TOKEN = "SPEEDUP_LAB_SOAK"
KNOWN = {
    "runs.jsonl",
    "spans.jsonl",
    "cell.json",
    "environment.json",
    ".lock",
    "multirun.yaml",
    "sweep.json",
}
KNOWN |= {"config.yaml", "hydra.yaml", "overrides.yaml", "report.md", "summary.csv"}
KNOWN |= {"matrix.png", "matrix.svg"}
KNOWN |= {"summary.parquet", "speedup.png", "speedup.svg", "efficiency.png", "efficiency.svg"}


def start(cwd: Path, cells: int, seed: int) -> "subprocess.Popen[bytes]":
    numbers = ",".join(map(str, range(-(-cells // len(EXECUTORS)))))
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "runners", "-m", f"--config-dir={cwd / 'conf'}"),
            *("workload=faulty", f"workload.seed={seed}", f"workload.number={numbers}"),
            *(f"executor={','.join(EXECUTORS)}", "measure=quick", "measure.min_rounds=2"),
            *("measure.max_rounds=2", "measure.timeout_s=0.7"),
            f"resume={cwd / 'out'}",
        ],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{PLUGINS}", TOKEN: str(cwd)},
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


def wait_for_silence(token: str) -> int:
    """Processes still there two seconds after the program's end."""
    for _ in range(40):
        if not marked(f"{TOKEN}={token}"):
            return 0
        time.sleep(0.05)
    return len(marked(f"{TOKEN}={token}"))


def verdicts(out: Path, seed: int) -> tuple[Counter[str], list[str]]:
    """How many cells ended how, and those whose end is not the truth."""
    statuses: Counter[str] = Counter()
    untrue = []
    for file in sorted(out.glob("*/runs.jsonl")):
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
        yaml = "_target_: benchmarks.faulty.Faulty\nseed: 1\nnumber: 0\n"
        (cwd / "conf/workload/faulty.yaml").write_text(yaml)
        out = cwd / "out"
        lost = left = killed = 0
        before: Counter[str] = Counter()
        while killed < kills:
            program = start(cwd, cells, seed)
            try:
                program.wait(chance.uniform(2, 14))
            except subprocess.TimeoutExpired:
                program.kill()
                program.wait()
                killed += 1
            left += wait_for_silence(str(cwd))
            now = rows(out)
            lost += (before - now).total()
            before = now
            if program.returncode >= 0 and killed < kills:  # done early: the rest is forced anew
                for file in chance.sample(sorted(out.glob("*/cell.json")), cells // 10):
                    file.unlink()
        program = start(cwd, cells, seed)
        program.wait()
        left += wait_for_silence(str(cwd))
        now = rows(out)
        lost += (before - now).total()
        statuses, untrue = verdicts(out, seed)
        doubled = sum(count - 1 for count in now.values())
        stray = [
            path.relative_to(out)
            for path in out.rglob("*")
            if path.is_file() and path.name.partition(".jsonl")[0] + ".jsonl" not in KNOWN
            if path.name not in KNOWN and not path.name.startswith("cell.json.")
        ]
        print(f"cells         {statuses.total()} ({dict(statuses)})")
        print(f"kills         {killed}")
        print(f"rows          {now.total()}, lost {lost}, doubled {doubled}")
        print(f"left running  {left}")
        print(f"stray files   {len(stray)} {stray[:5]}")
        print(f"not the truth {len(untrue)} {untrue[:5]}")
        broken = lost or doubled or left or stray or untrue or statuses.total() != cells
        return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())

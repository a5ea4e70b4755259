"""What the program adds to Hydra: `python -m benchmarks.startup [REPEATS]`.

Two ratios, each measured side by side with a bare `@hydra.main` program that prints its
configuration: the time from the start of the command to the first measurement, and what a cell of
a sweep costs beyond its timed runs and the start of its measuring process. And one check: the
median that is reported for a serial loop against a hand-written loop, interleaved with it.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parent.parent

BARE = """\
import hydra
from runners.planning.hydra_versions import makes
@hydra.main(config_path=CONF, config_name="config", **makes("runners.command.program.Check"))
def job(cfg):
    print(cfg)
if __name__ == "__main__":
    from runners.planning import config
    config.register()
    job()
"""

LOOP = """\
import time
def count(c):
    while c > 0:
        c -= 1
def main():
    for turn in range(25):
        begin = time.perf_counter()
        for _ in range(2):
            count(1000000)
        if turn >= 5:
            print(time.perf_counter() - begin)
main()
"""


def run(*arguments: str, cwd: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=cwd, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def seconds(*arguments: str, cwd: str) -> float:
    begin = time.perf_counter()
    run(*arguments, cwd=cwd)
    return time.perf_counter() - begin


def until_first_run(cwd: str) -> float:
    """From the command's start to the first timed run, by the clock that its row carries."""
    begin = time.time()
    folder = Path(cwd, "first")
    run(
        *("-m", "runners", "workload=countdown", "workload.count=1000", "executor=thread"),
        *(
            "measure=quick",
            "measure.min_rounds=1",
            "measure.max_rounds=1",
            f"hydra.run.dir={folder}",
        ),
        cwd=cwd,
    )
    row = json.loads((folder / "runs.jsonl").read_text().splitlines()[0])
    (folder / "runs.jsonl").unlink()
    return datetime.fromisoformat(row["started_at"]).timestamp() - begin


def sweep(cells: int, program: tuple[str, ...], how: tuple[str, ...], cwd: str) -> float:
    """Seconds for a sweep of so many cells, each as short as can be."""
    values = ",".join(str(1 + k) for k in range(cells))
    few = ("measure=quick", "measure.min_rounds=1", "measure.max_rounds=1", "measure.warmup=1")
    sizes = ("workload.count=1000", f"n={values}", f"hydra.sweep.dir=s{cells}")
    cell = ("workload=countdown", "executor=thread")
    return seconds(*program, "--multirun", *cell, *how, *few, *sizes, cwd=cwd)


def timed_s(folder: Path) -> float:
    """What the runs of a sweep took, from the start of the first to the end of the last one."""
    total = 0.0
    for file in folder.glob("*/runs.jsonl"):
        rows = [json.loads(line) for line in file.read_text().splitlines()]
        first, last = (datetime.fromisoformat(rows[k]["started_at"]).timestamp() for k in (0, -1))
        total += last - first + rows[-1]["wall_s"]
    return total


def main() -> None:
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    with tempfile.TemporaryDirectory() as cwd:
        bare = Path(cwd, "bare.py")
        bare.write_text(BARE.replace("CONF", repr(str(ROOT / "conf"))))
        ours, theirs = [], []
        for _ in range(repeats):
            theirs.append(seconds(str(bare), "workload=countdown", "hydra.run.dir=bare", cwd=cwd))
            ours.append(until_first_run(cwd))
        print(f"start to first measurement  {median(ours):.3f} s")
        print(f"bare Hydra program, whole   {median(theirs):.3f} s")
        print(f"ratio                       {median(ours) / median(theirs):.2f}")

        basic = ("hydra/sweeper=basic", "hydra/launcher=basic")
        programs = {
            "ours": (("-m", "runners"), ("sweep.panel=false",)),
            "bare": ((str(bare),), basic),
        }
        cost: dict[str, list[float]] = {"ours": [], "bare": []}
        for _ in range(max(repeats // 3, 2)):
            for name, (program, how) in programs.items():
                small, large = (sweep(cells, program, how, cwd) for cells in (2, 12))
                runs = 0.0
                if name == "ours":
                    runs = timed_s(Path(cwd, "s12")) - timed_s(Path(cwd, "s2"))
                    for cells in (2, 12):
                        for file in Path(cwd, f"s{cells}").glob("*/runs.jsonl"):
                            file.unlink()
                cost[name].append((large - small - runs) / 10)
        interpreter = median(
            seconds("-c", "import runners.child.trial", cwd=cwd) for _ in range(repeats)
        )
        own, hydra = median(cost["ours"]), median(cost["bare"])
        print(f"a sweep's cell beyond its runs       {own * 1e3:.0f} ms")
        print(f"of it a measuring process's start    {interpreter * 1e3:.0f} ms")
        print(f"a cell of the bare program           {hydra * 1e3:.0f} ms")

        ratios = []
        for k in range(repeats):
            by_hand = [float(line) for line in run("-c", LOOP, cwd=cwd).split()]
            folder = f"serial{k}"
            run(
                *("-m", "runners", "workload=countdown", "workload.count=1000000"),
                "workload.repeat=2",
                *("executor=serial", "measure.min_rounds=20", "measure.max_rounds=20"),
                *("measure.interpreters=1", f"hydra.run.dir={folder}"),
                cwd=cwd,
            )
            rows = map(json.loads, Path(cwd, folder, "runs.jsonl").read_text().splitlines())
            reported = median(row["wall_s"] for row in rows if not row["warmup"])
            ratios.append(reported / median(by_hand))
        shown = ", ".join(f"{ratio:.3f}" for ratio in sorted(ratios))
        print(f"serial median / hand-written loop    {median(ratios):.3f} ({shown})")


if __name__ == "__main__":
    main()

"""How long a report of many runs takes: `python -m benchmarks.report [CELLS] [ROWS]`.

Makes up results of CELLS cells with ROWS run rows each, and a tenth as many cells, in temporary
folders. What `python -m runners.report` does is then run on each in a fresh process, its stages
timed from within, in seconds of CPU time, which other load changes little; the peak memory is what
the kernel tells. A ratio of the large one to the small one of 10 is linear growth; a lower one has
a part that does not grow.
"""

import json
import subprocess
import sys
import tempfile
from itertools import product
from pathlib import Path

from tests.synthetic import runs

ROOT = Path(__file__).parent.parent

EXECUTORS = ("pool", "process", "thread", "thread_pool")
WORKERS = (1, 2, 3, 4, 8)

REPORT = """\
import json, resource, sys, time
begin = time.process_time()
from pathlib import Path
from runners.report import figures, files as report
took = {"load the program": time.process_time() - begin}

def time_stage(stage, module, name):
    function = getattr(module, name)
    def timing(*arguments, **keywords):
        begin = time.process_time()
        result = function(*arguments, **keywords)
        took[stage] = took.get(stage, 0) + time.process_time() - begin
        return result
    setattr(module, name, timing)

time_stage("read", report, "read_runs")
time_stage("summarise", report, "summarise")
report.fit_laws = lambda *given, fit=report.fit_laws: list(fit(*given))
time_stage("fit laws", report, "fit_laws")
time_stage("recommend", report, "recommended")
time_stage("report.md", report, "markdown")
time_stage("report.html", report, "page")
for name in ("speedup", "efficiency", "matrix"):
    time_stage("draw", figures, name)
time_stage("images", figures, "image")
time_stage("write", report, "write_files")
report.write_report([Path(sys.argv[1])])
total = time.process_time() - begin
took["all else"] = total - sum(took.values())
took["in all"] = total
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({f"{k}, s": v for k, v in took.items()} | {"peak, GiB": peak / 2**20}))
"""


def make_up(folder: Path, cells: int, rows: int) -> None:
    """So many cells, of all EXECUTORS with all WORKERS for as many workloads as it takes.

    The workloads share their rows but for the names: to make up each anew would take longer than
    the report, and nothing in it looks at two workloads together.
    """
    texts = {}
    for executor, n in product(EXECUTORS, WORKERS):
        made = runs(
            workload="WORKLOAD", executor=executor, n=n, speedup=0.9 * n, rounds=rows // 2 - 2
        )
        cell = made[0].cell
        lines = (json.dumps(run.row()) for run in made)
        texts[cell] = "\n".join(lines) + "\n"
    environment = json.dumps({"facts": {"hostname": "here"}, "usable_cpus": 2.0})
    for at in range(cells):
        workload, which = divmod(at, len(texts))
        cell, text = list(texts.items())[which]
        name = f"{workload:04x}{cell[4:]}"
        text = text.replace(cell, name).replace("WORKLOAD", f"workload{workload}")
        (folder / name).mkdir()
        (folder / name / "runs.jsonl").write_text(text)
        (folder / name / "environment.json").write_text(environment)


def report(folder: Path) -> dict[str, float]:
    """Seconds of each stage, and the peak memory in GiB."""
    done = subprocess.run(
        [sys.executable, "-c", REPORT, str(folder)], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def main() -> None:
    cells, rows = (int(a) for a in (*sys.argv[1:], *("1000", "1000")[len(sys.argv) - 1 :]))
    taken = []
    for count in (cells // 10, cells):
        with tempfile.TemporaryDirectory() as folder:
            make_up(Path(folder), count, rows)
            taken.append(report(Path(folder)))
    print(f"| run rows | {cells // 10 * rows:,} | {cells * rows:,} | ratio |")
    print("|---|---|---|---|")
    for stage in taken[0]:
        small, large = (figures[stage] for figures in taken)
        print(f"| {stage} | {small:.2f} | {large:.2f} | {large / small:.1f} |")


if __name__ == "__main__":
    main()

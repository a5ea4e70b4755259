"""`python -m benchmarks.choices`: functions of others, and whether the advice is what is known.

Each is measured on a pool of threads and one of processes with two workers. A function that lets go
of the interpreter while it works is served best by threads, one that holds it by processes.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from runners.analysis.recommend import recommend
from runners.analysis.summary import summarise
from runners.results.read import read_runs

KNOWN = (
    ("zlib:compress", "texts", 1, "thread"),
    ("benchmarks.arguments:sha256", "buffers", 2, "thread"),
    ("numpy:sort", "matrices", 2, "thread"),
    ("re:findall", "searches", 2, "process"),
    ("json:loads", "documents", 10, "process"),
    ("statistics:quantiles", "samples", 5, "process"),
)
"""The function, where its arguments come from, calls in a task, and the workers known to suit."""


def main() -> int:
    wrong = 0
    for function, arguments, repeat, known in KNOWN:
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(
                [
                    *(sys.executable, "-m", "runners", "-m", "workload=callable"),
                    f"workload.function={function}",
                    f"workload.arguments_from=benchmarks.arguments:{arguments}",
                    *(f"workload.repeat={repeat}", "executor=thread_pool,process_pool", "n=2"),
                    *(f"hydra.sweep.dir={folder}", "measure.time_budget_s=10", *sys.argv[1:]),
                ],
                check=True,
                stdout=subprocess.DEVNULL,
            )
            runs = read_runs(Path(folder))
            summary = summarise(runs)
        best = summary.sort_values("speedup").iloc[-1]
        agrees = best["worker_kind"] == known and best["speedup_low"] > 1
        wrong += not agrees
        print(f"{function}: known {known}, measured {'as known' if agrees else 'OTHERWISE'}")
        for recommendation in recommend(summary, runs):
            print(f"    {recommendation.text()}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

"""Draws every figure of docs/gallery.md, from small results that were recorded for it.

    python docs/gallery/draw.py [FOLDER]
    python docs/gallery/draw.py --record

The second measures them anew and packs them into results.tar.xz; it takes some minutes.
"""

import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from runners.compare.command import run as compare
from runners.report.files import run as report

HERE = Path(__file__).parent
PACKED = HERE / "results.tar.xz"

QUICK = ("measure=quick", "measure.min_rounds=8", "measure.max_rounds=8", "sweep.report=false")
SWEEP = ("-m", "workload=primes,io_sleep", "executor=thread,process,pool", "n=1,2,4", *QUICK)
RECORDED = {
    "sweep": (*SWEEP, "measure.memory=true"),
    "later": SWEEP,
    "single": ("workload=primes", "executor=pool", "n=2", "measure=quick"),
    "weak": ("-m", "workload=primes", "executor=thread,process", "n=1,2,4", "scaling=weak", *QUICK),
    "lengths": (
        *("-m", "workload=countdown", "workload.repeat=8", "executor=thread_pool,process_pool"),
        *("workload.count=300,3000,30000,100000,300000", "n=2", *QUICK),
    ),
    "pythons": (
        *("-m", "python=3.11,3.13", "workload=countdown", "executor=thread,process", "n=1,2"),
        *QUICK,
    ),
    "versus": (
        *("-m", "workload=callable", "workload.function=work.py:sum_of_squares", "versus=older"),
        *("workload.arguments=[[60000],[60000],[60000],[60000]]", "executor=thread,process"),
        *("n=1,2", *QUICK),
    ),
}
"""What is measured for each result: words of `python -m runners`."""

PROGRAM = """\
def sum_of_squares(count: int) -> int:
    return sum({what} for k in range(count))
"""
DRAWN = {
    "speedup": ("sweep", "speedup.png"),
    "seconds": ("sweep", "seconds.png"),
    "efficiency": ("sweep", "efficiency.png"),
    "matrix": ("sweep", "matrix.png"),
    "memory": ("sweep", "memory.png"),
    "proposal": ("sweep", "proposal-primes.png"),
    "timeline": ("single", "timeline.png"),
    "weak": ("weak", "weak.png"),
    "break_even": ("lengths", "break_even.png"),
    "pythons": ("pythons", "pythons.png"),
    "versus": ("versus", "versus.png"),
}
"""Which figure of the report of which result is which of the gallery."""
OWN = "--x executor --y speedup --panel workload --colour n --size 6.8x2.6 --style paper"


def record(folder: Path) -> None:
    """Measure all results into the folder, and pack them."""
    for name, what in (("older", "k ** 2"), (".", "k * k")):
        place = folder / name / "work.py"
        place.parent.mkdir(exist_ok=True)
        place.write_text(PROGRAM.format(what=what))
    for name, words in RECORDED.items():
        where = f"hydra.{'sweep' if '-m' in words else 'run'}.dir={name}"
        subprocess.run([sys.executable, "-m", "runners", *words, where], cwd=folder, check=True)
    with tarfile.open(PACKED, "w:xz") as archive:
        for name in RECORDED:
            for file in sorted((folder / name).rglob("*")):
                if file.suffix in (".jsonl", ".json") and file.name != "trace.json":
                    archive.add(file, file.relative_to(folder))


def draw(place: Path) -> None:
    """Draw every figure into the folder."""
    place.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        with tarfile.open(PACKED) as archive:
            archive.extractall(folder, filter="data")
        for result in {result for result, _ in DRAWN.values()}:
            more = ["--proposal"] if result == "sweep" else []
            assert report([str(folder / result), *more]) == 0
        for name, (result, figure) in DRAWN.items():
            shutil.copy(folder / result / figure, place / f"{name}.png")
        own = folder / "own"
        assert report([str(folder / "sweep"), "--output", str(own), *OWN.split()]) == 0
        shutil.copy(own / "plot.png", place / "plot.png")
        sides = [str(folder / "sweep"), str(folder / "later")]
        compare([*sides, "--output", str(folder / "compared")])
        shutil.copy(folder / "compared" / "compare.png", place / "compare.png")


if __name__ == "__main__":
    if sys.argv[1:] == ["--record"]:
        with tempfile.TemporaryDirectory() as temporary:
            record(Path(temporary))
    else:
        draw(Path(sys.argv[1]) if sys.argv[1:] else HERE)

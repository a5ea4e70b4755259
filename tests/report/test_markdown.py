"""The report's text, from the summary of made-up runs."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runners.analysis.interval import Interval
from runners.analysis.laws import fit_laws
from runners.analysis.scaling import usl
from runners.analysis.summary import summarise
from runners.model import Environment, Run
from runners.report import markdown
from runners.results.read import read_runs
from runners.results.write import append
from tests import synthetic

TRACEBACK = 'Traceback (most recent call last):\n  File "x"\nValueError: a | b\n'
HERE = Environment({"hostname": "here", "python_version": "3.13.0"}, 2.0)
CELLS = (
    synthetic.runs(n=1, speedup=0.95),
    synthetic.runs(n=2, speedup=1.8, ended_by="rounds"),
    synthetic.runs(n=4, speedup=1.9, status="failed", error=TRACEBACK),
)


class Text:
    """A report, by its sections."""

    def __init__(
        self, folder: Path, cells: Sequence[Sequence[Run]], environments: Sequence[Environment] = ()
    ) -> None:
        for at, cell in enumerate(cells):
            for run in cell:
                append(folder / str(at), run)
        runs = read_runs(folder)
        self.summary = summarise(runs)
        laws = list(fit_laws(self.summary, runs))
        self.whole = markdown.markdown(
            runs, self.summary, laws, environments, recommendations=["use this", "use that"]
        )

    def __getitem__(self, title: str) -> str:
        return self.whole.split(f"## {title}\n\n")[1].split("\n\n## ")[0].strip()


@pytest.fixture
def text(tmp_path: Path) -> Text:
    """Three cells, one of which failed in its last round."""
    return Text(tmp_path, CELLS, [HERE] * 3)


def sweep(
    alpha: float, ns: Sequence[int] = (1, 2, 4, 8, 16, 32), cpus: float = 64.0, beta: float = 0.0
) -> list[list[Run]]:
    return [
        [
            replace(run, tasks=64)
            for run in synthetic.runs(n=n, speedup=float(usl(n, alpha, beta)), usable_cpus=cpus)
        ]
        for n in ns
    ]


def test_a_row_shows_times_speedup_and_why_it_ended(text: Text) -> None:
    row = next(line for line in text["Results"].splitlines() if "| 2 |" in line)
    cell = text.summary[text.summary["n"] == 2].iloc[0]
    assert f"{1e3 * cell['baseline_median_s']:.0f} ms [" in row
    speedup = [f"{cell[name]:.2f}" for name in ("speedup", "speedup_low", "speedup_high")]
    assert "| {} [{}, {}] |".format(*speedup) in row
    total = [f"{cell[name]:.2f}" for name in ("mean_ratio", "mean_ratio_low", "mean_ratio_high")]
    assert "| {} [{}, {}] |".format(*total) in row
    assert f"| {cell['efficiency']:.0%} |" in row
    assert row.endswith("| 12 | rounds |")


def test_recommendations_stand_first(text: Text) -> None:
    assert text["Recommendation"] == "- use this\n- use that"
    assert text.whole.index("## Recommendation") < text.whole.index("## Results")


def test_no_tasks_of_several_lengths_no_break_even(text: Text) -> None:
    assert "## Break-even" not in text.whole


def test_where_tasks_are_long_enough(tmp_path: Path) -> None:
    cells = [
        synthetic.runs(
            speedup=speedup, serial_s=8 * task_s, noise=1e-6, parameters={"workload.end": end}
        )
        for end, task_s, speedup in ((10, 2e-4, 0.25), (100, 2e-3, 1.0), (1000, 2e-2, 1.75))
    ]
    row = Text(tmp_path, cells)["Break-even"].splitlines()[-1]
    assert row.startswith("| primes | end | thread | 2 | 8 | 2.00 ms [")
    assert row.endswith(" | 0.250 at 200 µs | 1.75 at 20.0 ms |")


def test_a_matrix_is_shown_where_there_is_one(tmp_path: Path, text: Text) -> None:
    assert "matrix.png" not in text.whole
    runs = read_runs(tmp_path)
    shown = markdown.markdown(runs, summarise(runs), [], [], matrix=4)
    assert "](matrix.png)\n\nn = 4. " in shown


def test_what_failed_is_listed_with_its_reason(text: Text) -> None:
    failed = text["Failed, left out and unsupported cells"]
    assert failed == "- primes, thread, n = 4: failed: ValueError: a \\| b"
    assert "3 cells, 1 of them not ok; 84 runs from 2026-01-01 00:00" in text.whole


def test_flags_are_listed_with_what_to_do(text: Text) -> None:
    flag = "n = 4: more workers than usable CPUs (4 > 2): they take turns: "
    assert flag in text["Flags"]


def test_losses_add_up_with_what_is_needed(text: Text) -> None:
    lines = text["Where the core time went"].splitlines()
    shares = next(line for line in lines if "| 2 |" in line).split("|")[4:-1]
    lost = sum(float(share.strip().rstrip("%")) for share in shares)
    assert lost == pytest.approx(10, abs=2)  # 1 - 1.8/2, with noise


def test_losses_that_matter_are_told_in_words(text: Text) -> None:
    told = [line for line in text["Where the core time went"].splitlines() if line[:1] == "-"]
    *small, last = told
    assert all(line.endswith("% in smaller parts") for line in small)
    assert last.startswith("- primes, thread, n = 4: lost ")
    assert "oversubscription: 4 workers share 2 CPUs" in last


def test_a_machine_is_described_once(text: Text) -> None:
    facts = text["Environment"].splitlines()
    assert facts == ["- hostname: here", "- python_version: 3.13.0", "- usable_cpus: 2.0"]


def test_the_method_names_the_base_of_a_speedup(text: Text) -> None:
    assert "T₁ is the plain loop" in text["Method"]
    assert "95% intervals" in text["Method"]


def test_a_report_without_a_single_round(tmp_path: Path) -> None:
    run = synthetic.runs(status="unsupported", error="needs a shared lock\nmore")[-1]
    text = Text(tmp_path, [[run]])
    assert text["Results"] == "None."
    assert text.whole.count("unsupported: needs a shared lock\n") == 1
    assert text["Environment"] == "Not recorded."


def test_too_few_n_for_a_law(text: Text) -> None:
    assert text["Scaling laws"].endswith(
        "None: a law needs n = 1 and at least 3 other n of one workload and executor."
    )


def law(folder: Path, cells: Sequence[Sequence[Run]]) -> list[str]:
    section = Text(folder, cells)["Scaling laws"]
    return [line.strip("- ") for line in section[section.index("\n- ") :].strip().splitlines()]


def test_a_law_is_stated_with_what_it_predicts(tmp_path: Path) -> None:
    head, shares, fitted, amdahl, peak, prediction, misfit, *caution = law(tmp_path, sweep(0.1))
    assert head == "primes, thread, n = 1, 2, 4, 8, 16, 32"
    assert shares.startswith("serial fraction (Karp–Flatt, against n = 1): 0.")
    assert fitted.startswith("USL: α = 0.")
    assert "if it holds, never more than " in amdahl
    assert peak.startswith("peak: none found; if there is one, N* is at least ")
    assert prediction.startswith("prediction for n = 64: 8.")  # 64/(1 + 0.1·63) = 8.77
    assert misfit.startswith("misfit: ")
    assert caution == ["with caution: β may be zero, so nothing tells where the peak is"]


def test_a_peak_is_stated(tmp_path: Path) -> None:
    lines = law(tmp_path, sweep(0.02, beta=0.005))
    [peak] = [line for line in lines if line.startswith("peak: N* = 1")]  # √(0.98/0.005) = 14
    assert peak.endswith("more workers are slower")
    assert not any("β may be zero" in line for line in lines)
    assert any(line.startswith("Amdahl's law predicts ") for line in lines)


def test_a_prediction_beyond_the_machine_is_given_with_caution(tmp_path: Path) -> None:
    lines = law(tmp_path, sweep(0.1, (1, 2, 4, 8, 16), cpus=8.0))
    assert lines[0].endswith("n = 1, 2, 4, 8 (without 16: no CPU or task for each worker)")
    assert "there are CPUs and tasks for 8 workers, not more" in lines[-1]


def test_why_there_is_no_law(tmp_path: Path) -> None:
    lines = law(tmp_path, sweep(0.1, (1, 2, 4, 8), cpus=2.0))
    assert lines[1] == "no fit: a fit needs n = 1 and at least four distinct n; there are: 1, 2"
    assert len(lines) == 3  # and Karp and Flatt's share at n = 2


def test_nothing_is_predicted_from_a_superlinear_fit(tmp_path: Path) -> None:
    cells = [synthetic.runs(n=n, speedup=n**1.3, usable_cpus=8.0) for n in (1, 2, 4, 8)]
    lines = law(tmp_path, cells)
    assert not any(line.startswith(("prediction", "peak")) for line in lines)
    assert "nothing is predicted" in lines[-1]


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ((1.8, 1.75, 1.849), "1.80 [1.75, 1.85]"),
        ((0.02134, 0.02, 0.0226), "0.0213 [0.0200, 0.0226]"),
        ((123.4, 99.0, 150.0), "123 [99, 150]"),
        ((1.8, float("nan"), float("nan")), "1.80"),
        ((float("nan"),) * 3, ""),
        ((0.0, 0.0, 0.0), "0.00 [0.00, 0.00]"),
    ],
)
def test_numbers_have_three_digits(values: tuple[float, ...], shown: str) -> None:
    assert markdown._interval(Interval(*values)) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(2.5, "2.50 s"), (0.25, "250 ms"), (2.5e-5, "25.0 µs"), (2.5e-8, "0.0250 µs")],
)
def test_times_have_a_readable_unit(seconds: float, shown: str) -> None:
    assert markdown._time(Interval(seconds, seconds, seconds)).split(" [")[0] == shown


def test_results_that_were_not_compared_are_named_with_the_reason(tmp_path: Path) -> None:
    def cell(workload: str, n: int, **facts: Any) -> list[Run]:
        return [replace(run, **facts) for run in synthetic.runs(workload=workload, n=n)]

    cells = [
        *(cell("events", n, compared="any", checked=True) for n in (2, 4)),
        cell("primes", 2, compared="equal", checked=True),
        cell("mine", 2, compared="compare=none", checked=False),
    ]
    said = [line for line in Text(tmp_path, cells)["Results"].splitlines() if line[:1] == "-"]
    assert said == [
        "- events: checked, not compared: they may differ from run to run (two cells)",
        "- mine: not compared: compare=none (one cell)",
    ]


def test_nothing_is_said_where_all_results_were_compared(tmp_path: Path) -> None:
    runs = [replace(run, compared="equal", checked=False) for run in synthetic.runs()]
    assert "compared with" not in Text(tmp_path, [runs])["Results"]

"""The table of a paper."""

from pathlib import Path

from runners.analysis.summary import summarise
from runners.report.entries import entries
from runners.report.latex import tex
from runners.results.read import read_runs
from runners.words.escaping import latex
from tests import synthetic


def test_a_row_for_each_cell_between_the_rules_of_booktabs(tmp_path: Path) -> None:
    cells = [
        synthetic.runs(n=2),
        synthetic.runs(n=4, workload="a_b & c", status="failed", error="x", rounds=1, processes=1),
    ]
    for at, runs in enumerate(cells):
        synthetic.write(tmp_path / str(at), runs)
    lines = tex(entries(summarise(read_runs(tmp_path)))).splitlines()
    rules = [line for line in lines if line.endswith("rule")]
    assert rules == ["\\toprule", "\\midrule", "\\bottomrule"]
    rows = [line for line in lines if line.endswith("\\\\")]
    assert len(rows) == 3
    assert rows[1].startswith("a\\_b \\& c & thread & 4 & \\multicolumn{4}{l}{failed}")
    assert rows[2].count(" & ") == 6
    assert "$\\times$ [" in rows[2]
    assert rows[2].endswith("\\% \\\\")


def test_text_is_text_in_latex() -> None:
    assert latex("\\input{x}") == "\\textbackslash{}input\\{x\\}"
    assert latex("50% of $1 #2 a_b^c ~") == (
        "50\\% of \\$1 \\#2 a\\_b\\textasciicircum{}c \\textasciitilde{}"
    )
    assert latex("a\nb\u202e") == "a b\\textbackslash{}u202e"

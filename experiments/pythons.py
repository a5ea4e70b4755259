"""Which Python is the fastest for this code, alone and on several workers?

All interpreters that are found here, from 3.11 on, run the same tasks: pure Python (countdown), C
code that holds the GIL where there is one (json_parse), C code that lets go of it (compress), and
waiting (io_sleep). A build without the GIL, if there is one, is among them.
"""

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure

from runners.analysis.claims import Claim
from runners.report import figures as plots

ROWS: tuple[str, ...] = ()

CLAIMS: tuple[Claim, ...] = ()
"""Nothing is claimed: which interpreters there are is not known beforehand."""


def figures(summary: pd.DataFrame) -> Mapping[str, Figure]:
    """The plain loop and the speedup on each of them."""
    return {"pythons": plots.pythons(summary)}

"""Reads made-up and damaged results for some minutes: `python -m benchmarks.fuzz [MINUTES]`.

Ends with status 1 at the first one that is neither read nor refused in a line, and prints it: it
goes into the corpus of tests/fuzzing.py. Needs hypothesis, of the extra `test`.
"""

import sys
import time
from datetime import timedelta

from hypothesis import HealthCheck, Phase, given, settings

from tests.fuzzing import Files, examine, folders


def main() -> None:
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 5.0
    end_s = time.monotonic() + 60 * minutes
    count = 0

    @settings(
        max_examples=100,
        deadline=timedelta(minutes=5),  # none takes long, but on a machine with other load
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(folders())
    def attack(files: Files) -> None:
        nonlocal count
        count += 1
        if time.monotonic() < end_s:
            examine(files)

    while time.monotonic() < end_s:
        attack()
        print(f"{count} folders", flush=True)


if __name__ == "__main__":
    main()

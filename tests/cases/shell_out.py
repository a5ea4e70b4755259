"""Each task starts a program and waits for it."""

import subprocess
import sys

PROGRAM = "print(sum(i & 7 for i in range(1_000_000)))"


def run(k: int) -> str:
    done = subprocess.run(
        [sys.executable, "-S", "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    return f"{k}: {done.stdout.strip()}"

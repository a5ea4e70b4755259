"""`python -m runners`: plan, measure, store, print; `command` has the steps."""

import sys

from runners.command.program import run


def main() -> None:
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()

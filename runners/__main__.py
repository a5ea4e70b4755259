"""`python -m runners`: plan, measure, store, print; `command` has the steps."""

from runners.door import enter


def main() -> None:
    enter("runners.command.program")


if __name__ == "__main__":
    main()

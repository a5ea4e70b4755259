"""`python -m runners`: plan, measure, store, print; `command` has the steps."""

from runners.door import enter


def main() -> None:
    enter("runners.command.program", plugins=True)


if __name__ == "__main__":
    main()

"""`python -m runners.new workload NAME`: the files of a new plugin, which work as they are."""

from runners.door import enter


def main() -> None:
    enter("runners.new.command", kept="interrupted; what is written stays")


if __name__ == "__main__":
    main()

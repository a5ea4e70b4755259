"""`python -m runners.history FOLDER...`: cells over commits, and the steps that stand out."""

from runners.door import enter


def main() -> None:
    enter(
        "runners.history.command",
        kept="interrupted; the results are as they were, and the same command reads them again",
    )


if __name__ == "__main__":
    main()

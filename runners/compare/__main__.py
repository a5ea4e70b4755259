"""`python -m runners.compare BEFORE AFTER`: two results side by side, a verdict on each cell."""

from runners.door import enter


def main() -> None:
    enter(
        "runners.compare.command",
        kept="interrupted; the results are as they were, and the same command compares them again",
        plugins=True,
    )


if __name__ == "__main__":
    main()

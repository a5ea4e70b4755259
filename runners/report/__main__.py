"""`python -m runners.report DIR...`: results become summary, figures, timelines and report."""

from runners.door import enter


def main() -> None:
    enter(
        "runners.report.files",
        kept="interrupted; the results are as they were, and the same command writes all files of "
        "the report",
    )


if __name__ == "__main__":
    main()

"""`python -m experiments`: run the lecture's experiments, judge its claims, write the page."""

from runners.door import enter


def program() -> None:
    enter("experiments.program")


if __name__ == "__main__":
    program()

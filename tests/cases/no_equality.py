"""Parsed trees whose class has no ==."""


class Tree:
    def __init__(self, words: list[str]) -> None:
        self.words = words
        self.children = [Tree([word]) for word in words] if len(words) > 1 else []


def parse(n: int) -> Tree:
    return Tree([f"word {k}" for k in range(n)])

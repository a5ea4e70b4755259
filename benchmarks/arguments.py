"""Arguments for the functions of `benchmarks.choices`: each returns those of four calls."""

import hashlib
import json
import random
from typing import Any

import numpy as np

CALLS = 4


def sha256(data: bytes) -> str:
    """`hashlib.sha256` itself returns an object that cannot be pickled."""
    return hashlib.sha256(data).hexdigest()


def texts() -> list[tuple[bytes]]:
    chance = random.Random(1)
    words = [bytes(chance.choices(range(97, 123), k=6)) for _ in range(5000)]
    return [(b" ".join(chance.choices(words, k=200_000)),) for _ in range(CALLS)]


def buffers() -> list[tuple[bytes]]:
    return [(bytes([k]) * (16 << 20),) for k in range(CALLS)]


def searches() -> list[tuple[str, str]]:
    return [(r"\b(\w)\w*\1\b", text.decode()) for (text,) in texts()]


def documents() -> list[tuple[str]]:
    rows = [{"id": k, "name": f"row {k}", "values": [k / 7] * 5} for k in range(3000)]
    return [(json.dumps(rows),)] * CALLS


def samples() -> list[tuple[list[float]]]:
    chance = random.Random(1)
    return [([chance.random() for _ in range(100_000)],) for _ in range(CALLS)]


def matrices() -> list[tuple[Any]]:
    chance = np.random.default_rng(1)
    return [(chance.random(1_000_000),) for _ in range(CALLS)]

"""Hashing of a large buffer: limited by the CPU alone, since C code releases the GIL meanwhile."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from runners.model import InvalidParameter, WrongResult, at_least

ALGORITHMS = sorted(hashlib.algorithms_guaranteed - {"shake_128", "shake_256"})
"""What `hashlib` has everywhere; without those whose digest has no length of its own."""

MILLION = 1_000_000
MILLION_TIMES_A = {
    "md5": "7707d6ae4e027c70eea2a935c2296f21",
    "sha1": "34aa973cd4c4daa4f61eeb2bdbad27316534016f",
    "sha224": "20794655980c91d8bbb4c1ea97618a4bf03f42581948b2ee4ee7ad67",
    "sha256": "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
    "sha384": (
        "9d0e1809716474cb086e834e310a4a1ced149e9c00f248527972cec5704c2a5b"
        "07b8b3dc38ecc4ebae97ddd87f3d8985"
    ),
    "sha512": (
        "e718483d0ce769644e2e42c7bc15b4638e1f98b13b2044285632a803afa973eb"
        "de0ff244877ea60a4cb0432ce577c31beb009c5c2c49aa2e4eadb217ad8cc09b"
    ),
}
"""Digests of a million letters a, a test vector of NIST (FIPS 180) and NESSIE."""

SMALL_BYTES = 2000
"""Below 2048 bytes `hashlib` keeps the GIL: another path through it than that of the tasks."""


@dataclass(frozen=True, slots=True)
class Hashing:
    """In each of `pieces` tasks, `size_bytes` letters a are hashed `repeat` times."""

    algorithm: str
    size_bytes: int
    repeat: int
    pieces: int

    def __post_init__(self) -> None:
        if self.algorithm not in ALGORITHMS:
            raise InvalidParameter("algorithm", f"choose from {', '.join(ALGORITHMS)}")
        at_least(self, 1, "size_bytes", "repeat", "pieces")

    def tasks(self) -> Sequence[int]:
        return range(self.pieces)

    def __call__(self, task: int) -> str:
        message = _message(self.size_bytes)
        for _ in range(self.repeat):
            digest = hashlib.new(self.algorithm, message, usedforsecurity=False)
        return digest.hexdigest()

    def check(self, results: Sequence[str]) -> None:
        """Compare with the published digest where there is one, else with one of small pieces."""
        expected = _digest(self.algorithm, self.size_bytes)
        if list(results) != [expected] * self.pieces:
            raise WrongResult(f"{self.pieces} digests have to be {expected}, not {results}")


@cache
def _message(size_bytes: int) -> bytes:
    return b"a" * size_bytes


@cache
def _digest(algorithm: str, size_bytes: int) -> str:
    if size_bytes == MILLION and algorithm in MILLION_TIMES_A:
        return MILLION_TIMES_A[algorithm]
    digest = hashlib.new(algorithm, usedforsecurity=False)
    for start in range(0, size_bytes, SMALL_BYTES):
        digest.update(b"a" * min(SMALL_BYTES, size_bytes - start))
    return digest.hexdigest()

"""Requests to a web server: limited by its latency, during which the GIL is free.

The server is a real one, in a process of its own on loopback.
"""

import random
import subprocess
import sys
import zlib
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import cache
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from runners.model import WrongResult, at_least, finite_seconds

Answer = tuple[int, int, int]


@dataclass
class HttpGet:
    """In each of `pieces` tasks, `size_bytes` are fetched `repeat` times, one after the other.

    The server waits `latency_s` seconds before it answers. It runs while this is entered.
    """

    latency_s: float
    size_bytes: int
    repeat: int
    pieces: int
    _server: "subprocess.Popen[bytes] | None" = field(
        default=None, init=False, repr=False, compare=False
    )
    _port: int | None = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        finite_seconds(self, "latency_s")
        at_least(self, 1, "size_bytes", "repeat", "pieces")

    def sources(self) -> list[str]:
        return ["runners.workloads.http_server"]

    def __enter__(self) -> Self:
        program = Path(__file__).with_name("http_server.py")
        # Isolated: it needs nothing but the standard library, and starts sooner.
        self._server = server = subprocess.Popen(
            [*(sys.executable, "-I", "-S", program), str(self.latency_s), str(self.size_bytes)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write(_body(self.size_bytes))
        server.stdin.flush()
        self._port = int(server.stdout.readline())
        return self

    def __exit__(self, *exception: object) -> None:
        assert self._server is not None
        self._server.kill()  # it has nothing to lose
        self._server.communicate()
        self._server = self._port = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_server": None}  # a process cannot be pickled

    def tasks(self) -> Sequence[str]:
        """The address of each task's document."""
        if self._port is None:
            raise RuntimeError("the server is not running: enter the workload before its tasks")
        return [f"http://127.0.0.1:{self._port}/{k}" for k in range(self.pieces)]

    def __call__(self, task: str) -> Answer:
        """Status, length and checksum of the last answer."""
        url = urlsplit(task)
        for _ in range(self.repeat):
            with closing(HTTPConnection(url.netloc)) as connection:
                connection.request("GET", url.path)
                response = connection.getresponse()
                status, body = response.status, response.read()
        return status, len(body), zlib.crc32(body)

    async def acall(self, task: str) -> Answer:
        from asyncio import open_connection  # only here, to keep the other workers light

        url = urlsplit(task)
        request = f"GET {url.path} HTTP/1.0\r\nHost: {url.netloc}\r\n\r\n".encode()
        for _ in range(self.repeat):
            reader, writer = await open_connection(url.hostname, url.port)
            with closing(writer):
                writer.write(request)
                response = await reader.read()  # until the server closes, as HTTP/1.0 does
            await writer.wait_closed()
            head, _, body = response.partition(b"\r\n\r\n")
        return int(head.split()[1]), len(body), zlib.crc32(body)

    def check(self, results: Sequence[Answer]) -> None:
        """Compare with what the server was given to send."""
        expected = 200, self.size_bytes, zlib.crc32(_body(self.size_bytes))
        if list(results) != [expected] * self.pieces:
            raise WrongResult(f"{self.pieces} answers have to be {expected}, not {results}")


@cache
def _body(size_bytes: int) -> bytes:
    return random.Random(1).randbytes(size_bytes)

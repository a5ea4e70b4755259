"""Bytes from one worker to another: limited by copies, and by how soon the other one wakes up.

Queues and pipes between processes carry pickled copies. A queue between threads carries nothing
but a reference, whatever the size.
"""

import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from multiprocessing.connection import Connection
from random import Random
from typing import Any, Literal, NamedTuple

from runners.model import WrongResult, at_least
from runners.workloads.meeting import PATIENCE_S, meet, taker

TOTAL_BYTES = 32_000_000
FEWEST, MOST = 1, 1000

NOTHING = b""
"""Acknowledges the stream, and stands for a message that could not be sent."""


class Sent(NamedTuple):
    """The sender's result; `checksums` are those of the last two echoes, as in `Received`."""

    errors: int
    trips_ns: list[int]
    stream_ns: int
    checksums: dict[int, int]


class Received(NamedTuple):
    """The receiver's result. `checksums` are those of the last even and the last odd message.

    `errors` are echoes that could not be sent, `messages` and `streamed` those that came, in all
    and in the stream.
    """

    errors: int
    messages: int
    streamed: int
    checksums: dict[int, int]


@dataclass
class Transfer:
    """Messages of `size_bytes` from a sender to a receiver through a `channel`.

    As in the OSU micro-benchmarks of MPI: first `messages` one by one, each sent back before the
    next, for the latency, half a round trip; then as many in a row, acknowledged at their end, for
    the throughput. With `messages` None they are as many as make 32 MB, but from 1 to 1000.
    """

    channel: Literal["queue", "simple_queue", "pipe", "pipe_duplex", "shared_memory"]
    size_bytes: int
    messages: int | None
    shared: Any = field(default=None, init=False, repr=False, compare=False)

    minimum_workers = 2

    def __post_init__(self) -> None:
        at_least(self, 1, "size_bytes")
        at_least(self, 1, "messages", or_null=True)

    @property
    def count(self) -> int:
        if self.messages is not None:
            return self.messages
        return min(MOST, max(FEWEST, TOTAL_BYTES // self.size_bytes))

    def share(self, sync: Any) -> Any:
        """The sender's two ends of the channel, out and in, the receiver's, and a start line."""
        barrier = sync.Barrier(2)
        if self.channel == "pipe_duplex":
            one, other = sync.Pipe()
            return (one, one), (other, other), barrier
        if self.channel == "pipe":
            (there, to), (back, away) = sync.Pipe(duplex=False), sync.Pipe(duplex=False)
            return (to, back), (away, there), barrier
        if self.channel == "shared_memory":
            slots = Slot(sync, self.size_bytes), Slot(sync, self.size_bytes)
            return slots, slots[::-1], barrier
        make = sync.Queue if self.channel == "queue" else sync.SimpleQueue
        queues = make(), make()
        return queues, queues[::-1], barrier

    def attach(self, shared: Any) -> None:
        self.shared = shared

    def release(self, shared: Any) -> None:
        self.shared = None  # it may be large

    def tasks(self) -> Sequence[str]:
        return ["send", "receive"]

    def __call__(self, task: str) -> Sent | Received:
        sender, receiver, barrier = self.shared
        send, receive, refused = _opened(*(sender if task == "send" else receiver))
        messages = _messages(self.size_bytes)
        meet(barrier)
        if task == "send":
            return self._send(messages, send, receive, refused)
        return self._receive(send, receive, refused)

    def _send(
        self,
        messages: Sequence[bytes],
        send: Callable[[bytes], None],
        receive: Callable[[], bytes],
        refused: Sequence[Exception],
    ) -> Sent:
        trips = []
        last = {}
        for k in range(self.count):
            begin = time.perf_counter_ns()
            send(messages[k % 2])
            last[k % 2] = receive()
            trips.append(time.perf_counter_ns() - begin)
        begin = time.perf_counter_ns()
        for k in range(self.count):
            send(messages[k % 2])
        receive()
        stream = time.perf_counter_ns() - begin
        return Sent(len(refused), trips, stream, _checksums(last))

    def _receive(
        self,
        send: Callable[[bytes], None],
        receive: Callable[[], bytes],
        refused: Sequence[Exception],
    ) -> Received:
        single = streamed = 0
        last = {}
        for k in range(self.count):
            last[k % 2] = receive()
            single += last[k % 2] != NOTHING
            send(last[k % 2])
        for k in range(self.count):
            last[k % 2] = receive()
            streamed += last[k % 2] != NOTHING
        send(NOTHING)
        return Received(len(refused), single + streamed, streamed, _checksums(last))

    def same(self, one: Sent | Received, other: Sent | Received) -> bool:
        return True  # they hold times

    def metrics(self, results: Sequence[Any]) -> dict[str, float]:
        """Throughput, latency, and of all messages, echoes too, those that could not be sent."""
        sent, received = results
        return {
            "mb_per_s": received.streamed * self.size_bytes / sent.stream_ns * 1e3,
            "latency_s": sorted(sent.trips_ns)[self.count // 2] / 2 / 1e9,
            "messages": 3 * self.count,
            "errors": sent.errors + received.errors,
        }

    def check(self, results: Sequence[Any]) -> None:
        """What could be sent has to come, and the checksums have to be those of what was sent."""
        if [type(result) for result in results] != [Sent, Received]:
            raise WrongResult(f"a sender's and a receiver's result, not {results}")
        sent, received = results
        if sent.errors + received.messages != 2 * self.count:
            raise WrongResult(
                f"of {2 * self.count} messages {received.messages} came, and {sent.errors} "
                "could not be sent"
            )
        expected = _checksums(dict(enumerate(_messages(self.size_bytes))))
        for result in results:
            if not result.checksums.items() <= expected.items():
                raise WrongResult(f"{result.checksums} are not the checksums {expected}")


class Slot:
    """Shared memory for one message at a time: copied in by one worker, copied out by another."""

    def __init__(self, sync: Any, size_bytes: int) -> None:
        self.memory = sync.RawArray("B", size_bytes)
        self.length = sync.RawValue("q")
        self.empty = sync.Semaphore(1)
        self.full = sync.Semaphore(0)

    def put(self, message: bytes) -> None:
        _acquire(self.empty)
        memoryview(self.memory).cast("B")[: len(message)] = message
        self.length.value = len(message)
        self.full.release()

    def take(self) -> bytes:
        _acquire(self.full)
        message = bytes(memoryview(self.memory).cast("B")[: self.length.value])
        self.empty.release()
        return message


def _acquire(semaphore: Any) -> None:
    if not semaphore.acquire(timeout=PATIENCE_S):
        raise TimeoutError(f"the other task did not come within {PATIENCE_S:g} s")


def _opened(
    way_out: Any, way_in: Any
) -> tuple[Callable[[bytes], None], Callable[[], bytes], list[Exception]]:
    """What sends a message, what receives one, and the errors at sending so far.

    In place of a message that is refused goes `NOTHING`, so that nobody waits for it.
    """
    put = way_out.send if isinstance(way_out, Connection) else way_out.put
    refused: list[Exception] = []

    def note(error: Exception, message: Any) -> None:
        refused.append(error)
        put(NOTHING)

    def send(message: bytes) -> None:
        # No time limit: whoever is to receive it has come to the start, and receives till the end.
        try:
            put(message)
        except (ValueError, MemoryError) as error:  # refused before any of it was sent
            note(error, message)

    # A process's Queue pickles and sends in a thread of its own, which only prints its errors.
    if hasattr(way_out, "_on_queue_feeder_error"):
        way_out._on_queue_feeder_error = note
    return send, way_in.take if isinstance(way_in, Slot) else taker(way_in), refused


def _checksums(messages: dict[int, bytes]) -> dict[int, int]:
    return {k: zlib.crc32(message) for k, message in messages.items() if message}


@cache
def _messages(size_bytes: int) -> Sequence[bytes]:
    """Two that differ, so that one that is received twice is found out."""
    # Of prime length, so that no shift by a power of two goes unnoticed.
    blocks = [Random(k).randbytes(65_521) for k in (1, 2)]
    return [(block * (size_bytes // len(block) + 1))[:size_bytes] for block in blocks]

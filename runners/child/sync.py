"""What workers of one process can share, under the names of a `multiprocessing` context."""

import multiprocessing
import queue
import threading
from types import SimpleNamespace
from typing import Any


def thread_sync() -> Any:
    """Locks, queues and shared memory for threads; `LifoQueue` and `PriorityQueue` besides.

    `Value`, `Array` and `Pipe` are those of processes, which serve threads as well.
    """
    return SimpleNamespace(
        Lock=threading.Lock,
        RLock=threading.RLock,
        Semaphore=threading.Semaphore,
        BoundedSemaphore=threading.BoundedSemaphore,
        Event=threading.Event,
        Condition=threading.Condition,
        Barrier=threading.Barrier,
        Queue=queue.Queue,
        JoinableQueue=queue.Queue,
        SimpleQueue=queue.SimpleQueue,
        LifoQueue=queue.LifoQueue,
        PriorityQueue=queue.PriorityQueue,
        Value=multiprocessing.Value,
        Array=multiprocessing.Array,
        RawValue=multiprocessing.RawValue,
        RawArray=multiprocessing.RawArray,
        Pipe=multiprocessing.Pipe,
    )

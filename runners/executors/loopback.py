"""A network that has loopback alone, for what listens on all addresses (Linux).

A network belongs to each thread by itself, so that one may enter it, start there what is to be in
it, and go home. What was started stays there, and so do its sockets: nobody outside can reach them.
To make one, and to go home from it, takes a right that root has (CAP_SYS_ADMIN). A plain user may
make one together with a user namespace, but could not go home: tasks would have no network left.
"""

import ctypes
import fcntl
import os
import socket
import struct
import threading
from functools import cache
from typing import Any, Self

_NEWNET = 0x40000000  # sched.h
_GET_FLAGS, _SET_FLAGS, _UP = 0x8913, 0x8914, 1  # linux/sockios.h, linux/if.h
_OWN = "/proc/thread-self/ns/net"


class Loopback:
    """While it is entered, this thread and all that it starts are in that network.

    It is made when it is first entered, and lasts as long as this process or what is in it. Raises
    OSError if it cannot be made.
    """

    def __init__(self) -> None:
        self.there: int | None = None
        self.home = os.open(_OWN, os.O_RDONLY | os.O_CLOEXEC)

    def __enter__(self) -> Self:
        if self.there is not None:
            _call("setns", self.there, _NEWNET)
            return self
        _call("unshare", _NEWNET)
        try:
            _bring_up()
            self.there = os.open(_OWN, os.O_RDONLY | os.O_CLOEXEC)
        except BaseException:
            _call("setns", self.home, _NEWNET)
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        _call("setns", self.home, _NEWNET)

    @property
    def way_home(self) -> str:
        """For `go_home`, in a process that was started there."""
        return f"/proc/{os.getpid()}/fd/{self.home}"


def go_home(way: str) -> None:
    """Leave that network; sockets that are open stay in it."""
    home = os.open(way, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _call("setns", home, _NEWNET)
    finally:
        os.close(home)


@cache
def can_be_made() -> bool:
    """Whether this process may make such a network. It is tried, in a thread that ends with it."""
    made = []

    def attempt() -> None:
        try:
            loopback = Loopback()
        except OSError:  # not Linux
            return
        try:
            with loopback:
                made.append(True)
        except OSError:
            pass
        finally:
            os.close(loopback.home)
            if loopback.there is not None:
                os.close(loopback.there)

    thread = threading.Thread(target=attempt)
    thread.start()
    thread.join()
    return bool(made)


def _bring_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh22x", b"lo", 0)
        (flags,) = struct.unpack("16xh22x", fcntl.ioctl(any_socket, _GET_FLAGS, request))
        fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack("16sh22x", b"lo", flags | _UP))


def _call(name: str, *arguments: Any) -> None:
    """A function of the C library: `os` has them from Python 3.12 on."""
    library = ctypes.CDLL(None, use_errno=True)
    try:
        function = getattr(library, name)
    except AttributeError:
        raise OSError(f"this system has no {name}") from None
    if function(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))

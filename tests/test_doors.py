"""What executors and workloads listen on while they run, and who can reach it."""

import importlib.util
import json
import multiprocessing
import os
import pickle
import shutil
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from runners.child.sync import thread_sync
from runners.executors.loopback import Loopback, can_be_made
from runners.executors.mpi import Mpi
from runners.model import Releasing, Sharing, Unsupported, locate
from runners.testing import whereabouts
from tests.conftest import ROOT, MakePlan

if not Path("/proc/net/tcp").exists():
    pytest.skip("needs Linux", allow_module_level=True)

LOOPBACK = (
    *("0100007F", "00000000000000000000000001000000"),
    "0000000000000000FFFF00000100007F",  # 127.0.0.1 by a socket of IPv6
)
GRPC = b"\0\0\x18\4\0"
"""How a server of Ray's begins: that it asks for a token is in tests/executors/test_ray.py."""


class Door(NamedTuple):
    """A socket on which a process waits for others: its address as /proc/net has it."""

    pid: int
    address: str
    port: int
    path: str


def network(of: int | str = "thread-self") -> int:
    """Stands for the network that this thread, or the process of that number, has."""
    return Path(f"/proc/{of}/ns/net").stat().st_ino


def names(group: str) -> list[str]:
    return sorted(file.stem for file in (ROOT / "conf" / group).glob("*.yaml"))


def tree() -> set[int]:
    """This process and all that descend from it."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:  # it has just ended
            continue
    found = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def doors() -> list[Door]:
    """Those of this process and its descendants, on the network that everybody here has."""
    own = network()
    found: list[Door] = []
    for folder in (Path(f"/proc/{pid}") for pid in sorted(tree())):
        try:
            links = {opened(link) for link in (folder / "fd").iterdir()}
            for table in ("tcp", "tcp6", "unix"):
                file = Path("/proc/thread-self/net") / table
                if file.exists() and network(folder.name) == own:
                    found += _listening(int(folder.name), file.read_text(), links, table)
        except OSError:  # it has just gone
            continue
    return found


def opened(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:  # closed meanwhile, or the listing's own
        return ""


def _listening(pid: int, table: str, links: set[str], kind: str) -> Iterator[Door]:
    for line in table.splitlines()[1:]:
        parts = line.split()
        if kind == "unix":
            if int(parts[3], 16) & 0x10000 and f"socket:[{parts[6]}]" in links:
                yield Door(pid, "", 0, parts[7] if len(parts) > 7 else "")
        elif parts[3] == "0A" and f"socket:[{parts[9]}]" in links:
            address, _, port = parts[1].partition(":")
            yield Door(pid, address, int(port, 16), "")


def answer(port: int, said: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(said)
        try:
            return connection.recv(100)
        except OSError:
            return b""


def lets_nobody_in(door: Door) -> bool:
    """Whether a stranger on this machine gets nothing there."""
    if door.path:  # of multiprocessing and Ray; no other user enters their folder
        above = [folder.stat().st_mode for folder in Path(door.path).parents]
        return not door.path.startswith("@") and not all(mode & 0o077 for mode in above)
    told = answer(door.port, b"GET /info/main/workers.html HTTP/1.0\r\n\r\n")
    if told.startswith(b"HTTP/"):  # Dask's servers of facts, which have none; one of Ray's
        return b" 404 " in told or b" 401 " in told
    if told.startswith(GRPC):
        return True
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", door.port), timeout=5) as connection:
        try:
            encrypted = context.wrap_socket(connection)
        except OSError:  # it does not talk by TLS
            return False
        with encrypted:
            try:
                return encrypted.recv(1) == b""
            except OSError:  # it asks for a certificate
                return True


OPEN = {"http_get": "its server gives the same answer to everybody"}
"""Doors on loopback that let everybody in, with the reason why they may."""


@pytest.mark.parametrize("name", sorted({*names("executor")} - {"mpi"}))
def test_what_executors_listen_on(name: str, make_plan: MakePlan) -> None:
    overrides = ["executor.start_method=forkserver"] if name in ("process_pool", "pool") else []
    if name == "interpreters" and sys.version_info < (3, 14):
        pytest.skip("needs Python 3.14")
    if name == "ray" and importlib.util.find_spec("ray") is None:
        pytest.skip("needs the package ray, which the extra `test` does not bring")
    n = 1 if name in ("dask", "ray") else 2
    plan = make_plan("workload=countdown", f"executor={name}", f"n={n}", *overrides)
    factory = plan.executor_as
    with locate(factory.target)(**factory.parameters) as executor:
        list(executor.map(abs, [1, 2]))
        found = doors()
        assert all(door.address in LOOPBACK for door in found if not door.path)
        assert all(map(lets_nobody_in, found))
    if name == "dask":
        assert len(found) >= 3  # of the scheduler, the worker and its nanny


@pytest.mark.parametrize("name", names("workload"))
def test_what_workloads_listen_on(name: str, make_plan: MakePlan) -> None:
    called = ["workload.function=math:sqrt", "workload.arguments=[[4]]"]
    plan = make_plan(f"workload={name}", *(called if name == "callable" else []))
    workload: Any = pickle.loads(plan.payload)
    with workload if isinstance(workload, AbstractContextManager) else nullcontext():
        context = multiprocessing.get_context("spawn")
        shared = None
        if isinstance(workload, Sharing):
            try:
                shared = workload.share(context)
            except Unsupported:  # it is for threads
                shared = workload.share(thread_sync())
        workload.tasks()
        found = doors()
        closed = name in OPEN or all(map(lets_nobody_in, found))
        if isinstance(workload, Releasing):
            workload.release(shared)
        assert closed
        assert all(door.address in LOOPBACK for door in found if not door.path)
        assert bool(found) or name not in OPEN


def of_mpi() -> None:
    """Print what MPI listens on, where each worker is, and what the row would say."""
    with Mpi(2) as executor:
        workers = executor.map(whereabouts, range(4))
        networks = [network(pid) for pid, _ in workers]
        outside = [door for door in doors() if door.address not in LOOPBACK]
        codes = [flag.code for flag in executor.cautions("remote", None)]
        print(json.dumps([networks, outside, codes]))


@pytest.mark.parametrize("may", [True, False])
def test_mpi_listens_on_a_network_of_its_own_or_says_that_it_does_not(may: bool) -> None:
    pytest.importorskip("mpi4py", reason="needs the package mpi4py")
    if not (shutil.which("mpiexec") or Path(sys.executable).with_name("mpiexec").exists()):
        pytest.skip("needs the program mpiexec of an MPI library")
    if may and not can_be_made():
        pytest.skip("needs the right to make a network")
    program = "import tests.test_doors as doors\n"
    if not may:
        program += "import runners.executors.mpi as mpi; mpi.can_be_made = lambda: False\n"
    done = subprocess.run(
        [sys.executable, "-c", program + "doors.of_mpi()"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    networks, outside, codes = json.loads(done.stdout)
    assert set(networks) == {network()}  # tasks have the usual one
    assert (bool(outside), codes) == ((False, []) if may else (True, ["open_ports"]))


@pytest.mark.parametrize(
    ("hosts", "variable"),
    [("localhost", "NOTHING"), (None, "SLURM_JOB_ID"), (None, "PBS_NODEFILE")],
)
def test_mpi_on_hosts_that_are_named_is_left_on_their_network(
    hosts: str | None, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("mpi4py", reason="needs the package mpi4py")
    assert Mpi(2).is_here
    monkeypatch.setenv(variable, "5")
    monkeypatch.setattr("runners.executors.mpi.can_be_made", lambda: False)
    executor = Mpi(2, hosts=hosts)
    assert not executor.is_here
    assert executor.cautions("remote", None) == []


def test_a_network_with_loopback_alone() -> None:
    if not can_be_made():
        pytest.skip("needs the right to make a network")
    home = network()
    loopback = Loopback()
    for _ in range(2):
        with loopback, socket.create_server(("127.0.0.1", 0)) as server:
            there = network()
            assert there != home
            socket.create_connection(server.getsockname()).close()
            with pytest.raises(OSError, match="unreachable"):
                socket.create_connection(("192.0.2.1", 9), timeout=5)
        assert network() == home

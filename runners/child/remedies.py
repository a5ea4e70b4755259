"""Errors of tasks whose cause is that they run on workers, each with what to do about it.

Most are clients, connections and handlers that belong to one thread, one process or one event loop.
"""

from runners.child.faults import cut

_OWN = "open one in each worker (workload.initializer), not one for all"
_LOOP = "make it inside the coroutine, in the event loop that uses it"
_MAIN = "only the main thread may do that: do it before the workers start, or use processes"

REMEDIES = (
    # One thread's own
    (
        "SQLite objects created in a thread can only be used",
        "open a connection in each worker (workload.initializer)",
    ),
    ("Cannot switch to a different thread", _OWN),  # greenlets, as Playwright's
    ("main thread is not in main loop", _MAIN),  # Tk
    ("signal only works in main thread", _MAIN),
    ("set_wakeup_fd only works in main thread", _MAIN),
    ("generator already executing", "a generator serves one thread: make one in each task"),
    # One conversation at a time
    ("Commands out of sync", _OWN),  # MySQL
    ("Packet sequence number wrong", _OWN),  # PyMySQL
    ("another operation is in progress", _OWN),  # asyncpg
    ("another command is already in progress", _OWN),  # psycopg
    ("CannotSendRequest", _OWN),  # http.client
    ("ResponseNotReady", _OWN),
    # One process's own, and used after a fork
    ("decryption failed or bad record mac", _OWN),  # TLS, as of PostgreSQL
    ("lost synchronization with server", _OWN),  # libpq
    (
        "Cannot re-initialize CUDA in forked subprocess",
        "set executor.start_method=spawn",
    ),
    (
        "daemonic processes are not allowed to have children",
        "workers of multiprocessing.Pool may start no processes: use executor=process_pool, or run "
        "in parallel at one level only",
    ),
    (
        "before the current process has finished its bootstrapping phase",
        'put what starts processes under if __name__ == "__main__":',
    ),
    # One event loop's own
    ("attached to a different loop", _LOOP),
    ("bound to a different event loop", _LOOP),
    ("Event loop is closed", _LOOP),
    ("no current event loop", "call it inside a coroutine, or asyncio.run in each worker"),
    ("no running event loop", "call it inside a coroutine, or asyncio.run in each worker"),
    ("cannot be called from a running event loop", "name the coroutine function itself"),
    ("event loop is already running", "name the coroutine function itself"),
    ("Cannot run the event loop while another loop is running", "await the coroutine instead"),
    ("cannot reuse already awaited coroutine", "pass what makes the coroutine, and await it anew"),
    ("You cannot call this from an async context", "call it by asyncio.to_thread"),  # Django
    # One context's own
    ("Working outside of application context", "enter app.app_context() in each task"),  # Flask
)
"""What an error says, in part, and the remedy."""


def remedied(text: str) -> str | None:
    """The line of a traceback that says what is wrong, and the remedy; None where none is known."""
    for line in reversed(text.splitlines()):
        if line.startswith(" "):  # a frame, or the code that it is in
            continue
        for says, remedy in REMEDIES:
            if says in line:
                return f"{cut(line, 300)}; {remedy}"
    return None

"""Threads that log every step."""

import logging
import os

LOG = logging.getLogger("case")
LOG.setLevel(logging.INFO)
LOG.propagate = False
LOG.addHandler(logging.FileHandler(os.devnull))


def handle(n: int) -> int:
    for k in range(n):
        LOG.info("step %d of %d", k, n)
    return n

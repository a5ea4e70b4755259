"""Files of results are opened as what they are to be: regular files, reached by their own name.

A link would lead out of the folder, and a pipe or a device would be waited for. A folder that the
user names may be a link; what is in it may not. Standard library only.
"""

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

_FLAGS = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
_NO_FILE = (errno.ELOOP, errno.EMLINK, errno.ENXIO, errno.EISDIR, errno.ENODEV)
"""What is said of a link, a pipe that nobody reads, a folder, a device without a driver."""


def open_regular(path: Path, flags: int) -> int:
    """A descriptor of that regular file. Raises OSError, also where it is anything else."""
    refused = OSError(errno.EINVAL, "it is a link, a pipe, a device or a folder, not a file")
    refused.filename = str(path)
    try:
        descriptor = os.open(path, flags | _FLAGS, 0o666)
    except OSError as error:
        if error.errno in _NO_FILE:
            raise refused from None
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise refused
    return descriptor


def reading(path: Path, most_bytes: int) -> BinaryIO:
    """That file, open for reading. Raises OSError where it is larger than `most_bytes`."""
    file = os.fdopen(open_regular(path, os.O_RDONLY), "rb")
    if os.fstat(file.fileno()).st_size > most_bytes:
        file.close()
        raise OSError(errno.EFBIG, f"it is larger than {most_bytes >> 20} MiB", str(path))
    return file


def read_whole(path: Path, most_bytes: int) -> bytes:
    """What is in that file. Raises OSError where it is larger than `most_bytes`."""
    with reading(path, most_bytes) as file:
        return file.read(most_bytes)

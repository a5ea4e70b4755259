"""How a folder is removed that anything may have been put into.

Not by `shutil.rmtree`: that needs an open file for each level, and gives up at a folder that may
not be read. The reaper loads it too, so it has to be light.
"""

import os
import stat

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


def remove_folder(path: str) -> None:
    """Remove a folder of ours with all that is in it, however deep. Errors are passed over.

    No link is followed, and no other file system entered that is mounted there.
    """
    try:
        top = os.open(path, FOLDER)
    except OSError:
        return
    try:
        if os.fstat(top).st_uid == os.geteuid():
            _empty(top)
            os.rmdir(path)
    except OSError:
        pass
    finally:
        os.close(top)


def _empty(top: int) -> None:
    """Down and up again with one open folder at a time: there may be more than can be open."""
    here = os.dup(top)
    above: list[tuple[tuple[int, int], str, list[str]]] = []  # a folder, where it was left, to do
    try:
        todo = _files_removed(here)
        while True:
            if todo:
                name = todo.pop()
                try:
                    inner = _opened(here, name)
                except OSError:
                    continue
                if _identity(inner)[0] != _identity(here)[0]:  # another file system
                    os.close(inner)
                    continue
                above.append((_identity(here), name, todo))
                os.close(here)
                here = inner
                todo = _files_removed(here)
            elif above:
                identity, name, todo = above.pop()
                outer = os.open("..", FOLDER, dir_fd=here)
                os.close(here)
                here = outer
                if _identity(here) != identity:
                    return  # somebody has moved it
                try:
                    os.rmdir(name, dir_fd=here)
                except OSError:
                    continue
            else:
                return
    finally:
        os.close(here)


def _files_removed(folder: int) -> list[str]:
    """Remove the files in a folder; its folders are returned."""
    os.fchmod(folder, 0o700)
    found = []
    for name in os.listdir(folder):
        try:
            if stat.S_ISDIR(os.lstat(name, dir_fd=folder).st_mode):
                found.append(name)
            else:
                os.unlink(name, dir_fd=folder)
        except OSError:
            continue
    return found


def _opened(folder: int, name: str) -> int:
    """A folder in a folder, whatever its permissions."""
    try:
        return os.open(name, FOLDER, dir_fd=folder)
    except PermissionError:
        os.chmod(name, 0o700, dir_fd=folder)
        return os.open(name, FOLDER, dir_fd=folder)


def _identity(folder: int) -> tuple[int, int]:
    found = os.fstat(folder)
    return found.st_dev, found.st_ino

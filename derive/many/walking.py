"""Every file of a tree, as it comes: nothing is kept, sorted, or followed in a circle.

As :func:`derive.reading.files.find` does it of one source, but for what a million files would cost there: no order, and
no memory of what was seen. A link to a folder is not followed, a link to a file is; one file under several names is
told apart by its number in the file system, which whoever takes the files compares.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, TypeAlias

from derive.errors import SourceError
from derive.limits import is_there
from derive.reading.files import UNFINISHED, Unreadable, shown_name


class Stamped(NamedTuple):
    """A file as it lies there.

    Parameters
    ----------
    folder, name : str
    size : int
    modified : int
        Nanoseconds.
    number : str
        Of the file in the system: the same under every name that it has.
    """

    folder: str
    name: str
    size: int
    modified: int
    number: str


Walked: TypeAlias = Stamped | Unreadable


def walk(roots: Iterable[Path], without: Path | None = None) -> Iterator[Walked]:
    """Give the regular files below some folders, and what cannot be looked into.

    Parameters
    ----------
    roots : iterable of Path
    without : Path, optional
        A folder that is passed over wherever it is met: that of the results.

    Raises
    ------
    SourceError
        ``SRC-MISSING`` for a root that is not there; ``MANY-INPUT`` for one that is no folder.
    """
    closed = _number(os.stat(without)) if without is not None and without.is_dir() else ""
    waiting = [str(_checked(root)) for root in roots][::-1]
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    found = _met(entry, folder, closed)
                    if isinstance(found, str):
                        waiting.append(found)
                    elif found is not None:
                        yield found
        except OSError as error:
            name = shown_name(os.path.basename(folder))
            yield Unreadable(name, "SRC-UNREADABLE", f"the folder {name} cannot be read: {error.strerror}")


def _checked(root: Path) -> Path:
    if not is_there(root):
        raise SourceError("SRC-MISSING", f"{root.name or root} does not exist")
    if not root.is_dir():
        text = f"{root.name} is a file; wanted a folder, or an archive (unpack a zip archive first)"
        raise SourceError("MANY-INPUT", text)
    return root.resolve()


def _met(entry: os.DirEntry[str], folder: str, closed: str) -> Walked | str | None:
    """Say what an entry is: a folder to look into, a file, trouble, or nothing to look at."""
    try:
        if entry.is_dir(follow_symlinks=False):
            passed_over = UNFINISHED.fullmatch(entry.name) or (closed and _number(entry.stat()) == closed)
            return None if passed_over else entry.path
        status = entry.stat()
    except OSError as error:
        name = shown_name(entry.name)
        return Unreadable(name, "SRC-UNREADABLE", f"{name} cannot be read: {error.strerror}")
    if not stat.S_ISREG(status.st_mode):
        return None
    return Stamped(folder, entry.name, status.st_size, status.st_mtime_ns, _number(status))


def _number(status: os.stat_result) -> str:
    return f"{status.st_dev:x}.{status.st_ino:x}"

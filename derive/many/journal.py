"""A file of lines of JSON that only grows: what was appended is on the disk before anybody goes on.

A process that is killed while it writes leaves at most a last line that is torn: it says nothing, and the next process
that appends cuts it off first. Only one process appends at a time (:mod:`derive.many.locking`).
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from derive.errors import OutputError
from derive.writing.atomic import unwritable


class Journal:
    """Appends lines, from several threads if need be; close it, or use it in a ``with`` block.

    Parameters
    ----------
    path : Path
        Made where it is missing, as is its folder.

    Raises
    ------
    OutputError
        ``OUT-WRITE``; ``OUT-FOREIGN`` for a file that is no journal.
    """

    def __init__(self, path: Path) -> None:
        self.path, self._turn = path, threading.Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            is_new = not path.exists()
            self._file = open(path, "ab", buffering=0)  # noqa: SIM115 - closed by close()
            if is_new:
                sync_folder(path.parent)
            _cut_torn(path)
        except OSError as error:
            raise unwritable(path.name, error) from error

    def append(self, *lines: Mapping[str, Any]) -> None:
        """Append lines, and return when they are on the disk.

        Raises
        ------
        OutputError
            ``OUT-WRITE``: nothing of it counts as said.
        """
        text = "".join(json.dumps(line, ensure_ascii=True, separators=(",", ":")) + "\n" for line in lines)
        data = memoryview(text.encode("ascii"))
        with self._turn:
            end = os.fstat(self._file.fileno()).st_size
            try:
                while data:
                    data = data[self._file.write(data) :]
                os.fsync(self._file.fileno())
            except OSError as error:  # a disk that is full took a part of it
                with suppress(OSError):
                    self._file.truncate(end)
                raise unwritable(self.path.name, error) from error

    def close(self) -> None:
        """Append no more."""
        self._file.close()

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()


def lines_of(path: Path) -> Iterator[dict[str, Any]]:
    """Give the lines of a journal in their order, without the last one where that is torn; of no file nothing.

    Raises
    ------
    OutputError
        ``OUT-FOREIGN`` where another line is no JSON object: somebody else wrote into it.
    """
    try:
        with open(path, "rb") as file:
            for number, line in enumerate(file, 1):
                if not line.endswith(b"\n"):
                    return
                yield _object(line, path, number)
    except FileNotFoundError:
        return


def _object(line: bytes, path: Path, number: int) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        text = f"line {number} of {path.name} is no line of JSON that derive wrote; move the file away, or restore it"
        raise OutputError("OUT-FOREIGN", text)
    return found


def _cut_torn(path: Path) -> None:
    """Cut off a last line that has no end."""
    with open(path, "r+b") as file:
        end = file.seek(0, os.SEEK_END)
        at, step = end, 1 << 16
        while at > 0:
            start = max(0, at - step)
            file.seek(start)
            found = file.read(at - start).rfind(b"\n")
            if found >= 0:
                end_of_lines = start + found + 1
                break
            at = start
        else:
            end_of_lines = 0
        if end_of_lines < end:
            file.truncate(end_of_lines)
            os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Let the name of a new file be on the disk too; where folders cannot be opened, the system sees to it."""
    if os.name != "posix":
        return
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)

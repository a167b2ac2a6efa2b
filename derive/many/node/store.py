"""The node's folder: files of what came and of what was made, each on the disk before anybody is told.

::

    store/
      ledger.sqlite
      lock                                held while a node runs: two would derive everything twice
      instances/SERIES/INSTANCE.dcm       what came, as it came
      conflicts/INSTANCE.DIGEST.dcm       what came under a SOP Instance UID that another instance has
      results/KEY-N/                      what was made, until it is old

A file is written beside its place, brought to the disk, and renamed; then the names are brought to the disk.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

from derive.many.journal import sync_folder
from derive.many.locking import locked
from derive.writing.atomic import unwritable

#: So much of a disk stays free for all else that writes there: ledger, results, other programs.
LEAST_FREE_BYTES = 256 << 20
_UNFINISHED = ".part"


class NodeStore:
    """Files of a node.

    Parameters
    ----------
    folder : Path
        Made if it is not there.
    most_gib : float, optional
        What the files may take; without it what the disk has, but for a rest.

    Raises
    ------
    OutputError
        ``OUT-WRITE`` if it cannot be written; ``MANY-LOCKED`` if another node runs on it.
    """

    def __init__(self, folder: Path, most_gib: float | None = None) -> None:
        self.folder, self._most = folder, None if most_gib is None else int(most_gib * (1 << 30))
        self._used, self._lock = 0, threading.Lock()
        self._instances, self.conflicts, self.results = (folder / n for n in ("instances", "conflicts", "results"))
        try:
            for made in (folder, self._instances, self.conflicts, self.results):
                made.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise unwritable(str(folder), error) from error
        self._held = contextlib.ExitStack()
        self._held.enter_context(locked(folder / "lock", "the store"))

    def close(self) -> None:
        """Let another node have it."""
        self._held.close()

    def begin(self, used: int) -> None:
        """Say how many bytes are there; what was not finished goes."""
        self._used = used
        for path in self._instances.glob(f"*/*{_UNFINISHED}"):
            path.unlink(missing_ok=True)

    def path(self, series: str, instance: str) -> Path:
        """Return where an instance is."""
        return self._instances / series / f"{instance}.dcm"

    def paths(self) -> Iterator[Path]:
        """Give every instance that is there, whether the ledger knows it or not."""
        yield from self._instances.glob("*/*.dcm")

    @property
    def used_bytes(self) -> int:
        """What the files take."""
        return self._used

    def room_for(self, size: int) -> bool:
        """Whether there is room for so many bytes."""
        if self._most is not None and self._used + size > self._most:
            return False
        return shutil.disk_usage(self.folder).free > size + LEAST_FREE_BYTES

    def keep(self, path: Path, data: bytes) -> None:
        """Write a file; it is on the disk when this comes back.

        Raises
        ------
        OSError
            If it cannot be written; nothing is left then.
        """
        part = path.with_suffix(_UNFINISHED)
        new = not path.parent.exists()
        path.parent.mkdir(exist_ok=True)
        try:
            with part.open("wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(part, path)
        except OSError:
            with contextlib.suppress(OSError):
                part.unlink()
            raise
        sync_folder(path.parent)
        if new:
            sync_folder(path.parent.parent)
        self.count(len(data))

    def count(self, size: int) -> None:
        """Count bytes that came, or went."""
        with self._lock:
            self._used += size

    def discard(self, series: str, instance: str) -> None:
        """Remove the file of an instance."""
        path = self.path(series, instance)
        with contextlib.suppress(FileNotFoundError):
            size = path.stat().st_size
            path.unlink()
            self.count(-size)

    def remove(self, folders: list[Path]) -> None:
        """Remove folders of what is done."""
        for folder in folders:
            self.count(-size_of(folder))
            shutil.rmtree(folder, ignore_errors=True)

    def series_folder(self, series: str) -> Path:
        """Return where the instances of a series are."""
        return self._instances / series


def size_of(folder: Path) -> int:
    """Return how many bytes the files of a folder are."""
    return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())


def sync(folder: Path) -> None:
    """Bring the files of a folder, which others wrote, and their names to the disk."""
    for path in [*folder.rglob("*"), folder]:
        if path.is_file():
            with path.open("rb") as stream:
                os.fsync(stream.fileno())
        else:
            sync_folder(path)
    sync_folder(folder.parent)

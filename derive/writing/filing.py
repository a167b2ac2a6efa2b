"""Instances to files while the next ones are made: each is written, read back, and held against what was computed."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import NamedTuple

from derive import parallel
from derive.authoring.order import AuthoredInstance
from derive.elements.element import tag_of
from derive.elements.encoding import decode
from derive.errors import OutputError
from derive.model.frames import Frames
from derive.model.reference import FrameRef
from derive.pixels.compressions import Compression
from derive.writing.packing import Encodable, Sizes, runs_of, sizes_of
from derive.writing.part10 import write_instance
from derive.writing.places import Places

#: How many instances are written by one thread, one after the other.
TOGETHER = 8
#: How many of these groups may wait for the disk.
MOST_WAITING = 2


class WrittenInstance(NamedTuple):
    """An instance that is on the disk, and what is remembered of it."""

    name: str
    sop_instance_uid: str
    contributors: tuple[FrameRef, ...]
    value_error: float
    saturated: int
    frames: int = 1


class Writer:
    """Writes the instances of a series into a folder.

    Used as a context: afterwards, even after an error, nothing is still being written.

    Parameters
    ----------
    folder : Path
    frames : Frames
        Which know where their pixels were computed to be; pictures that lie nowhere do not.
    compression : Compression, optional
        How they are encoded; None: native.
    """

    def __init__(self, folder: Path, frames: Frames, compression: Compression | None = None) -> None:
        self._folder = folder
        self.compression = compression
        self._places = Places(frames)
        self._group: list[tuple[Path, Encodable]] = []
        self._waiting: deque[Future[Sizes]] = deque()
        #: Of what was compressed; and by how much a stored value is off, where that was with loss.
        self.sizes, self.lost = Sizes(), 0
        self.written: list[WrittenInstance] = []

    @property
    def geometry_error_mm(self) -> float:
        """Largest distance between a voxel as computed and as the files say."""
        return self._places.worst_mm

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, *_: object) -> None:
        parallel.settle(self._waiting)

    def add(self, made: AuthoredInstance, name: str) -> None:
        """Take one instance; it is written when there is a thread to do so.

        Raises
        ------
        OutputError
            ``OUT-REREAD`` if its position is off; and what :meth:`finish` raises, of an earlier one.
        """
        self._places.check(made, name)
        self._group.append((self._folder / name, Encodable.of(made)))
        if len(self._group) == TOGETHER or made.pixels is not None:
            self._send()
        encoded, frame = made.frame.encoded, made.frame
        uid = decode(made.elements[_SOP_INSTANCE_UID])
        many = len(frame.frames) or 1
        self.lost = max(self.lost, encoded.codestream.error if encoded.codestream else 0)
        self.written.append(WrittenInstance(name, uid, frame.contributors, encoded.error, encoded.saturated, many))

    def finish(self) -> None:
        """Wait until everything is written.

        Raises
        ------
        OutputError
            ``OUT-WRITE`` if the file system refuses; ``OUT-REREAD`` if a file does not hold what was computed.
        """
        self._send()
        while self._waiting:
            self.sizes += self._waiting.popleft().result()

    def _send(self) -> None:
        """Hand the instances at hand over to a thread."""
        self._waiting.append(parallel.submit(partial(_write_all, self._group, self.compression)))
        self._group = []
        while len(self._waiting) > MOST_WAITING:
            self.sizes += self._waiting.popleft().result()


def _write_all(instances: Sequence[tuple[Path, Encodable]], compression: Compression | None) -> Sizes:
    sizes = Sizes()
    for path, one in instances:
        runs = runs_of(one, compression, path.parent)
        if not write_instance(path, runs):
            raise OutputError("OUT-REREAD", f"{path.name} does not hold what was computed; the disk cannot be trusted")
        sizes += sizes_of(runs, path)
    return sizes


_SOP_INSTANCE_UID = tag_of("SOPInstanceUID")

"""Instances to files while the next ones are made: each is written, read back, and held against what was computed."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from derive import parallel
from derive.authoring.order import AuthoredInstance
from derive.elements.element import Element, tag_of
from derive.elements.encoding import decode, numbers_of
from derive.errors import OutputError
from derive.model.geometry import Geometry
from derive.model.reference import FrameRef
from derive.writing.part10 import file_parts, write_instance

#: Positions are decimal strings of 16 characters; what is read back may differ by their last digit.
TOLERANCE_MM = 1e-4
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


class Writer:
    """Writes the instances of a series into a folder.

    Used as a context: afterwards, even after an error, nothing is still being written.

    Parameters
    ----------
    folder : Path
    geometry : Geometry, optional
        Where the voxels were computed to be; None for pictures that lie nowhere.
    """

    def __init__(self, folder: Path, geometry: Geometry | None) -> None:
        self._folder = folder
        self._places = Places(geometry) if geometry is not None else None
        self._group: list[tuple[Path, list[bytes]]] = []
        self._waiting: deque[Future[None]] = deque()
        self.written: list[WrittenInstance] = []

    @property
    def geometry_error_mm(self) -> float:
        """Largest distance between a voxel as computed and as the files say."""
        return self._places.worst_mm if self._places is not None else 0.0

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
        if self._places is not None:
            self._places.check(made, name)
        self._group.append((self._folder / name, file_parts(made.elements)))
        if len(self._group) == TOGETHER:
            self._send()
        encoded, frame = made.frame.encoded, made.frame
        uid = decode(made.elements[_SOP_INSTANCE_UID])
        self.written.append(WrittenInstance(name, uid, frame.contributors, encoded.error, encoded.saturated))

    def finish(self) -> None:
        """Wait until everything is written.

        Raises
        ------
        OutputError
            ``OUT-WRITE`` if the file system refuses; ``OUT-REREAD`` if a file does not hold what was computed.
        """
        self._send()
        while self._waiting:
            self._waiting.popleft().result()

    def _send(self) -> None:
        """Hand the instances at hand over to a thread."""
        self._waiting.append(parallel.submit(partial(_write_all, self._group)))
        self._group = []
        while len(self._waiting) > MOST_WAITING:
            self._waiting.popleft().result()


def _write_all(instances: Sequence[tuple[Path, list[bytes]]]) -> None:
    for path, parts in instances:
        if not write_instance(path, parts):
            raise OutputError("OUT-REREAD", f"{path.name} does not hold what was computed; the disk cannot be trusted")


class Places:
    """Where the corners of the images are, as the attributes say and as they were computed.

    Parameters
    ----------
    geometry : Geometry
    """

    def __init__(self, geometry: Geometry) -> None:
        self._geometry = geometry
        _, rows, columns = geometry.shape
        spans = np.array([geometry.column_cosines, geometry.row_cosines]) * np.c_[list(geometry.pixel_spacing)]
        self._wanted = _corners(rows, columns, spans)
        self._plane: tuple[Element, ...] = ()
        self._off = np.zeros((4, 3))
        self.worst_mm = 0.0

    def check(self, made: AuthoredInstance, name: str) -> None:
        """Measure the distance of the four corner pixels of an instance.

        Raises
        ------
        OutputError
            ``OUT-REREAD`` if it is too far.
        """
        plane = tuple(made.elements[tag] for tag in _PLANE)
        if plane != self._plane:
            self._plane, self._off = plane, _said(*plane) - self._wanted
        wanted = self._geometry.position(made.frame.place)
        position = np.subtract(numbers_of(made.elements[_POSITION]), wanted)
        error = float(np.sqrt(((self._off + position) ** 2).sum(axis=1).max()))
        if not error <= TOLERANCE_MM:
            raise OutputError("OUT-REREAD", f"{name} lies {error:.6f} mm off; wanted at most {TOLERANCE_MM} mm")
        self.worst_mm = max(self.worst_mm, error)


def _said(orientation: Element, spacing: Element, rows: Element, columns: Element) -> NDArray[np.float64]:
    cosines, between = np.reshape(numbers_of(orientation), (2, 3)), numbers_of(spacing)
    return _corners(decode(rows), decode(columns), cosines[::-1] * np.c_[between])


def _corners(rows: int, columns: int, spans: NDArray[np.float64]) -> NDArray[np.float64]:
    """Corner pixels from the first one; `spans` are the steps down a column and along a row."""
    indices = np.array([(0, 0), (0, columns - 1), (rows - 1, 0), (rows - 1, columns - 1)], dtype=float)
    return np.asarray(indices @ spans)


_SOP_INSTANCE_UID, _POSITION = tag_of("SOPInstanceUID"), tag_of("ImagePositionPatient")
_PLANE = tuple(map(tag_of, ("ImageOrientationPatient", "PixelSpacing", "Rows", "Columns")))

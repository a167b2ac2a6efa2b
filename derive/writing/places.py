"""Where the pixels of what is written are: as its attributes say, held against where they were computed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from derive.authoring.order import AuthoredInstance
from derive.elements.element import Element, tag_of
from derive.elements.encoding import decode, numbers_of
from derive.elements.memory import Memory
from derive.elements.parse import items_of_groups
from derive.errors import OutputError
from derive.model.frames import Frames
from derive.model.functional_groups import PER_FRAME, SHARED, flattened
from derive.model.geometry import Plane
from derive.model.vector_places import places_of_frames

#: Positions are decimal strings of 16 characters; what is read back may differ by their last digit.
TOLERANCE_MM = 1e-4
_ORIENTATION, _SPACING, _POSITION, _ROWS, _COLUMNS = map(
    tag_of, ("ImageOrientationPatient", "PixelSpacing", "ImagePositionPatient", "Rows", "Columns")
)
#: The macros that say where a frame is (PS3.3 C.7.6.16.2.1, .3 and .4).
_MACROS = tuple(map(tag_of, ("PixelMeasuresSequence", "PlanePositionSequence", "PlaneOrientationSequence")))


class _PlaneSaid(NamedTuple):
    """The attributes that say where pixels are."""

    orientation: Element
    spacing: Element
    rows: Element
    columns: Element


class Places:
    """Where the corners of the images are, as the attributes say and as they were computed.

    Parameters
    ----------
    frames : Frames
        Which know where they were computed to be; of those that lie nowhere nothing is asked.
    """

    def __init__(self, frames: Frames) -> None:
        self._frames = frames
        self._seen: tuple[_PlaneSaid, tuple[object, ...]] | None = None
        self._off = np.zeros((4, 3))
        self.worst_mm = 0.0

    def check(self, made: AuthoredInstance, name: str) -> None:
        """Measure the distance of the four corner pixels of every frame of an instance.

        Raises
        ------
        OutputError
            ``OUT-REREAD`` if it is too far, or if nobody says where a frame is that lies somewhere.
        """
        if self._frames.plane(made.frame.index) is None:
            return
        if not made.frame.frames:
            self._check(made.frame.index, made.elements, name)
            return
        for frame, said in zip(made.frame.frames, _by_frame(made.elements), strict=True):
            self._check(frame.index, {**made.elements, **said}, name)

    def _check(self, index: int, said: Mapping[int, Element], name: str) -> None:
        plane = self._frames.plane(index)
        if plane is None:
            return
        missing = [e for e in (_ORIENTATION, _SPACING, _POSITION) if e not in said]
        if missing:
            raise OutputError("OUT-REREAD", f"{name} does not say where frame {index + 1} is")
        self._measure(_PlaneSaid(*(said[tag] for tag in (_ORIENTATION, _SPACING, _ROWS, _COLUMNS))), plane)
        position = np.subtract(numbers_of(said[_POSITION]), plane.position)
        error = float(np.sqrt(((self._off + position) ** 2).sum(axis=1).max()))
        if not error <= TOLERANCE_MM:
            raise OutputError("OUT-REREAD", f"{name} lies {error:.6f} mm off; wanted at most {TOLERANCE_MM} mm")
        self.worst_mm = max(self.worst_mm, error)

    def _measure(self, said: _PlaneSaid, plane: Plane) -> None:
        """Keep how far the corners are off by the cosines and the spacing, which hardly ever change."""
        wanted = (plane.row_cosines, plane.column_cosines, plane.pixel_spacing)
        if self._seen == (said, wanted):
            return
        rows, columns = decode(said.rows), decode(said.columns)
        cosines, between = np.reshape(numbers_of(said.orientation), (2, 3)), numbers_of(said.spacing)
        spans = np.array([plane.column_cosines, plane.row_cosines]) * np.c_[list(plane.pixel_spacing)]
        self._off = _corners(rows, columns, cosines[::-1] * np.c_[between]) - _corners(rows, columns, spans)
        self._seen = (said, wanted)


def _by_frame(elements: Mapping[int, Element]) -> Iterator[dict[int, Element]]:
    """Give what the functional groups, or the vectors, of each frame say of its place, in classic keywords."""
    if PER_FRAME not in elements:  # slices that index vectors count
        yield from places_of_frames(elements)
    (shared,) = _groups(elements, SHARED) or [{}]
    for own in _groups(elements, PER_FRAME):
        yield flattened({**shared, **own})


def _groups(elements: Mapping[int, Element], tag: int) -> list[dict[int, Element]]:
    if tag not in elements:
        return []
    items = items_of_groups(elements[tag].value, Memory())
    return [{t: e for t, e in item.items() if t in _MACROS} for item in items]


def _corners(rows: int, columns: int, spans: NDArray[np.float64]) -> NDArray[np.float64]:
    """Corner pixels from the first one; `spans` are the steps down a column and along a row."""
    indices = np.array([(0, 0), (0, columns - 1), (rows - 1, 0), (rows - 1, columns - 1)], dtype=float)
    return np.asarray(indices @ spans)

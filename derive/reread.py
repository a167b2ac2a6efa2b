"""Read back what was written, and hold it against what was computed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pydicom
from numpy.typing import NDArray

from derive.errors import OutputError
from derive.geometry import Geometry

#: Positions are decimal strings of 16 characters; what is read back may differ by their last digit.
TOLERANCE_MM = 1e-4


class Written(NamedTuple):
    """What was computed of an instance that is on the disk."""

    name: str
    sop_instance_uid: str
    slice_index: int
    contributors: tuple[int, ...]
    digest: str
    value_error: float
    saturated: int


def digest_of(stored: NDArray[Any]) -> str:
    """Digest of stored values, row by row, little endian."""
    return hashlib.blake2b(stored.astype(stored.dtype.newbyteorder("<"), copy=False).tobytes()).hexdigest()


def reread(folder: Path, geometry: Geometry, written: Sequence[Written]) -> float:
    """Read every file back.

    Returns
    -------
    float
        Largest distance in mm between a voxel as computed and as the files say.

    Raises
    ------
    OutputError
        ``OUT-REREAD`` if stored values differ or a position is off.
    """
    return max(_reread(folder / w.name, geometry, w) for w in written)


def _reread(path: Path, geometry: Geometry, written: Written) -> float:
    dataset = pydicom.dcmread(path)
    kind = "i" if dataset.PixelRepresentation else "u"
    stored = np.frombuffer(dataset.PixelData, dtype=f"<{kind}{dataset.BitsAllocated // 8}")
    if digest_of(stored) != written.digest or str(dataset.SOPInstanceUID) != written.sop_instance_uid:
        raise OutputError("OUT-REREAD", f"{path.name} does not hold what was computed; the disk cannot be trusted")
    error = _corner_error(dataset, geometry, written.slice_index)
    if error > TOLERANCE_MM:
        raise OutputError("OUT-REREAD", f"{path.name} lies {error:.6f} mm off; wanted at most {TOLERANCE_MM} mm")
    return error


def _corner_error(dataset: pydicom.Dataset, geometry: Geometry, index: int) -> float:
    """Largest distance of the four corner pixels of a slice."""
    orientation = np.array(dataset.ImageOrientationPatient, dtype=float)
    row, column = orientation[:3], orientation[3:]
    height, width = dataset.Rows - 1, dataset.Columns - 1
    between_rows, between_columns = (float(v) for v in dataset.PixelSpacing)
    position = np.array(dataset.ImagePositionPatient, dtype=float)
    first = np.array(geometry.position(index))
    worst = 0.0
    for r, c in ((0, 0), (0, width), (height, 0), (height, width)):
        found = position + column * (r * between_rows) + row * (c * between_columns)
        wanted = (
            first
            + np.array(geometry.column_cosines) * (r * geometry.pixel_spacing[0])
            + np.array(geometry.row_cosines) * (c * geometry.pixel_spacing[1])
        )
        worst = max(worst, float(np.linalg.norm(found - wanted)))
    return worst

"""A file that is no DICOM as a volume beside a series: its numbers at the places that it says, in the space of that.

*2026-12-01, whose space.* NIfTI, NRRD and MetaImage say positions in a patient, and not in which Frame of Reference
these are: who names a file beside a series says that it is that of the series. Nothing else could be meant, and what
is meant wrongly lies elsewhere or on another grid, which is refused.

*2026-12-01, whose units.* None of them says what its numbers are either. They are taken for plain numbers (1) unless
somebody says their units: a difference of HU and of numbers of which nobody said anything is refused, as of any others.
"""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from derive.errors import GeometryError, ValuesError
from derive.formats import open_file
from derive.formats.samples import Samples
from derive.model.file_volume import FileVolume
from derive.model.geometry import ONE_GRID_MM, Geometry
from derive.model.planes import is_even
from derive.model.reorient import Placing, Wish, place
from derive.model.source import SourceSeries
from derive.model.volume import Quantity, Volume
from derive.told.wording import counted, flag


def read_volume(path: str | Path, beside: SourceSeries | Volume, *, units: str = "1") -> FileVolume:
    """Read a file that is no DICOM, to go into an operation beside a series: a mask, a map, a volume to subtract.

    Parameters
    ----------
    path : str or Path
        NIfTI, NRRD or MetaImage.
    beside : SourceSeries or Volume
        In whose frame of reference its positions are; slices, rows and columns run as there.
    units : str
        What its numbers are, which no such file says: ``1``, or as the class of the series says it (``HU``).

    Returns
    -------
    FileVolume
        Its own grid, unless that is the one of `beside` within 0.01 mm. NaN is pixel padding.

    Raises
    ------
    SourceError
        ``SRC-MISSING``, ``SRC-FORMAT``, ``SRC-UNREADABLE``, and what the reader of the format raises.
    GeometryError
        ``GEO-UNPLACED`` if it does not say where it lies, ``GEO-4D`` for several volumes, ``GEO-SHEAR``.
    ValuesError
        ``VAL-COLOUR``, ``VAL-NONFINITE``

    Examples
    --------
    >>> import derive
    >>> from derive.operations import mask
    >>> ct = derive.demo_series()
    >>> derive.build(ct, mask(derive.read_volume("liver.nii.gz", ct)))  # doctest: +SKIP
    """
    samples = open_file(Path(path))
    if samples.colour:
        raise ValuesError("VAL-COLOUR", f"{samples.name} is in colour; wanted numbers")
    if samples.times > 1:
        raise GeometryError(
            "GEO-4D", f"{samples.name} holds {counted(samples.times, 'volume')}; wanted one: write it to its own file"
        )
    placing = _placing(samples, beside.geometry)
    numbers = placing.of(samples.array)[0]
    slope, intercept = samples.scale
    values = numbers if samples.scale == (1.0, 0.0) else numbers * np.float64(slope) + intercept
    volume = Volume.from_array(values, placing.geometry, Quantity(units))
    own = {name: getattr(volume, name) for name in ("geometry", "pull", "quantity")}
    return FileVolume(**own, contributors=lambda _: (), files=samples.files, notes=samples.notes)


def _placing(samples: Samples, there: Geometry) -> Placing:
    """Return how the axes of a file become those of a grid, and where it lies."""
    affine = samples.affine
    if affine is None:
        raise GeometryError(
            "GEO-UNPLACED",
            f"{samples.name} ({samples.format}) does not say where it lies in the patient; make a series of it first, "
            f"with {flag('orientation')} or {flag('reference')} of derive.convert",
        )
    on_it = _on_grid(affine, samples.array.shape[:3], there)
    if on_it is not None:
        return on_it
    return place(affine, samples.array.shape[:3], Wish(like=there), there.frame_of_reference_uid)


def _on_grid(affine: NDArray[np.float64], shape: tuple[int, ...], there: Geometry) -> Placing | None:
    """Return how a file is turned onto a grid that is its own within 0.01 mm, leaning or not; None for another one."""
    if not is_even(there):
        return None  # a file has one distance of slices
    last = np.array(there.shape) - 1
    corners = np.array(list(np.ndindex(2, 2, 2))) * last
    flips = list(itertools.product((False, True), repeat=3))
    for (s, r, c), flipped in itertools.product(itertools.permutations(range(3)), flips):
        if (shape[s], shape[r], shape[c]) != there.shape:
            continue
        indices = np.zeros((8, 3))
        indices[:, [s, r, c]] = np.where(flipped, last - corners, corners)
        off = np.linalg.norm(indices @ affine[:3, :3].T + affine[:3, 3] - there.corners(), axis=1).max()
        if off <= ONE_GRID_MM:
            way = bool(flipped[0]), bool(flipped[1]), bool(flipped[2])
            return Placing((s, r, c), way, replace(there, slice_thickness=None), float(off))
    return None

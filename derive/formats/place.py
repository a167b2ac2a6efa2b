"""Where a grid lies, as far as its file says: distances, directions and the first voxel apart, each stated or not.

What a file does not state stays open, and is asked for later (decided 2026-11-30). ITK and nibabel put 1 mm, the
axes of the patient and 0 0 0 in its place, and nothing tells such a default from a fact afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from derive.errors import GeometryError

Matrix = NDArray[np.float64]
Affine = NDArray[np.float64]
Triple = tuple[float, float, float]
#: Distances along i, j, k; None for one that nobody stated.
Spacing = tuple[float | None, float | None, float | None]

#: The determinant of three unit vectors below which they lie in one plane: 0.06 thousandths of a degree.
FLAT = 1e-6
#: Distances of voxels, and places, that something in a patient can have, in mm: from a nanometre on, and to 10 km.
FINEST_MM, COARSEST_MM, FARTHEST_MM = 1e-6, 1e5, 1e7


@dataclass(frozen=True, eq=False)
class Place:
    """What is stated of where a grid lies; LPS, mm.

    Parameters
    ----------
    spacing : (i, j, k)
        Distances of voxel centres; None for each that is not stated.
    directions : (3, 3), optional
        Unit vectors along which i, j and k grow, one a matrix column.
    origin : (x, y, z), optional
        Centre of the first voxel.
    """

    spacing: Spacing = (None, None, None)
    directions: Matrix | None = None
    origin: Triple | None = None

    @classmethod
    def of_affine(cls, affine: ArrayLike, name: str) -> Place:
        """Take all three from index to LPS mm.

        Raises
        ------
        derive.errors.GeometryError
            ``GEO-DETERMINANT`` or ``GEO-LIMITS``.
        """
        found = checked_affine(affine, name)
        spacing = spacing_of(found)
        return cls(spacing, found[:3, :3] / spacing, _triple(found[:3, 3]))

    @property
    def whole_spacing(self) -> Triple | None:
        """The distances, where all three are stated."""
        i, j, k = self.spacing
        return None if i is None or j is None or k is None else (i, j, k)

    @property
    def affine(self) -> Affine | None:
        """Index (i, j, k, 1) to LPS mm, where everything is stated."""
        if self.whole_spacing is None or self.directions is None or self.origin is None:
            return None
        affine = np.eye(4)
        affine[:3, :3] = self.directions * self.whole_spacing
        affine[:3, 3] = self.origin
        return affine

    def checked(self, name: str) -> Place:
        """Return it, if a grid can lie so.

        Raises
        ------
        derive.errors.GeometryError
            ``GEO-LIMITS`` for distances and places that nothing in a patient has, ``GEO-DETERMINANT`` where the axes
            span no volume.
        """
        for length in self.spacing:
            if length is not None and not FINEST_MM <= length <= COARSEST_MM:
                raise GeometryError(
                    "GEO-LIMITS",
                    f"{name} states a distance of {length:g} mm between voxels; wanted {FINEST_MM:g} to "
                    f"{COARSEST_MM:g} mm; correct its header",
                )
        if self.origin is not None and max(map(abs, self.origin)) > FARTHEST_MM:
            shown = " ".join(f"{v:g}" for v in self.origin)
            raise GeometryError(
                "GEO-LIMITS",
                f"{name} states {shown} mm as the place of its first voxel; wanted at most {FARTHEST_MM:g} mm from 0; "
                "correct its header",
            )
        if self.directions is not None:
            _refuse_flat(self.directions, self.directions, name)
        return self

    def in_mm(self, factor: float) -> Place:
        """Multiply all lengths."""
        i, j, k = (None if s is None else s * factor for s in self.spacing)
        return replace(self, spacing=(i, j, k), origin=self.origin and point(self.origin, factor))

    def without_lengths(self) -> Place:
        """Keep what is no length: of numbers without a unit that is known, the directions."""
        return replace(self, spacing=(None, None, None), origin=None)


NOWHERE = Place()


def stated(values: Sequence[float], factor: float = 1.0) -> Spacing:
    """Return the first three distances times a factor; None for each that is no length above 0, or is not there."""
    i, j, k = (*(v * factor if np.isfinite(v) and v > 0 else None for v in values[:3]), None, None, None)[:3]
    return i, j, k


def point(values: Sequence[float], factor: float = 1.0) -> Triple | None:
    """Return the first three coordinates times a factor; None where there are not three that are finite."""
    found = [float(v) * factor for v in values[:3]]
    return _triple(found) if len(found) == 3 and all(np.isfinite(found)) else None


def checked_affine(affine: ArrayLike, name: str) -> Affine:
    """Return an affine as float64.

    Raises
    ------
    derive.errors.GeometryError
        ``GEO-DETERMINANT`` where it holds numbers that are not finite, or its axes do not span a volume;
        ``GEO-LIMITS`` as `Place.checked`.
    """
    result = np.array(affine, np.float64)
    with np.errstate(over="ignore", under="ignore"):
        lengths = np.linalg.norm(result[:3, :3], axis=0)
    if not np.isfinite(result).all() or not lengths.all():
        _refuse_flat(result, np.zeros((3, 3)), name)
    Place(stated(lengths.tolist()), None, _triple(result[:3, 3])).checked(name)
    _refuse_flat(result, result[:3, :3] / lengths, name)
    return result


def _refuse_flat(affine: Matrix, units: Matrix, name: str) -> None:
    finite = bool(np.isfinite(affine).all())
    if not finite or abs(np.linalg.det(units)) < FLAT:
        fault = "spans no volume: its determinant is 0" if finite else "holds numbers that are not finite"
        raise GeometryError(
            "GEO-DETERMINANT",
            f"the affine of {name}, {np.round(affine[:3], 6).tolist()}, {fault}; wanted three axes that differ; "
            "write the header again",
        )


def spacing_of(affine: Affine) -> Triple:
    """Return the distances of voxel centres along i, j, k."""
    return _triple(np.linalg.norm(affine[:3, :3], axis=0))


def _triple(values: Sequence[float] | NDArray[np.float64]) -> Triple:
    x, y, z = map(float, values)
    return x, y, z

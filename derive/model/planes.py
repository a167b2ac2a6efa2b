"""How the planes of a series lie to each other, measured once: for who refuses, who describes and who judges.

Reading refuses what is no even stack, an inspection describes what there is, a check finds what is wrong. They differ
in what they say, never in what is measured, nor in how far off is off: all tolerances of positions and spacings
between images stand here, and those of orientations in :mod:`derive.model.orientation`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from derive.model.geometry import Geometry, Triple, normal_of, triple
from derive.told.wording import flag

Vectors = NDArray[np.float64]

#: Pixel spacings that differ by less, as a share of the smallest, are one: 0.05 mm over 512 pixels of 1 mm.
SPACING_TOLERANCE = 1e-4
#: Images nearer to each other than this lie at one position.
SAME_POSITION_MM = 0.01
#: How far a slice may be off its place in the even grid. Scanners round positions, some to 0.1 mm; that is
#: noise, as long as it stays below this share of the slice spacing along the normal, and of the pixel
#: spacing across it. A missing slice, and a tilt of 0.05 degrees over 150 mm, are far above.
NOISE_MM = 0.1
ALONG_SHARE = 0.05
ACROSS_SHARE = 0.125
#: What no source is held to.
LEAST_TOLERANCE_MM = 0.01
#: A gap from this many spacings on is a slice that is missing.
GAP_SPACINGS = 1.5

#: What says how far a single image reaches along its normal; what says it best first.
SPACINGS_OF_ONE = ("SpacingBetweenSlices", "SliceThickness")
#: Attributes that say by themselves that there is more than one volume; what is most telling first.
DIMENSIONS = (
    "TemporalPositionIdentifier",
    "TriggerTime",
    "EchoTime",
    "EchoNumbers",
    "DiffusionBValue",
    "DiffusionGradientOrientation",
    "InversionTime",
    "FlipAngle",
    "FrameReferenceTime",
    "NominalPercentageOfCardiacPhase",
)
#: Attributes that may tell repeated images apart.
HINTS = ("ImageType", "SequenceName", "ConvolutionKernel", "KVP", "AcquisitionNumber", "AcquisitionTime", "ContentTime")


@dataclass(frozen=True)
class Planes:
    """How images of one orientation lie along their normal, and beside it.

    Images are named by their index as given. Images at one position share a place; what is measured of places
    is in their order along the normal.

    Parameters
    ----------
    normal : (x, y, z)
        Unit vector.
    order : tuple of int
        The images along the normal; exact ties by position, so that the order they came in does not matter.
    places : tuple of tuple of int
        The images at each position.
    along_mm : tuple of float
        Where each place lies along the normal, from the origin of the frame of reference.
    beside_mm : tuple of float
        How far each lies from the normal through the first.
    scatter_mm : tuple of float
        How far each lies from the line along which the places drift from that normal: 0 of a plain tilt.
    drift : float
        mm beside the normal for each mm along it.
    pixel_mm : float
        Smallest pixel spacing; infinite where nobody says it.
    """

    normal: Triple
    order: tuple[int, ...]
    places: tuple[tuple[int, ...], ...]
    along_mm: tuple[float, ...]
    beside_mm: tuple[float, ...]
    scatter_mm: tuple[float, ...]
    drift: float
    pixel_mm: float

    @property
    def repeated(self) -> bool:
        """Whether a position is taken more than once."""
        return len(self.order) > len(self.places)

    @property
    def length_mm(self) -> float:
        """From the first place to the last, along the normal."""
        return self.along_mm[-1] - self.along_mm[0]

    @cached_property
    def steps_mm(self) -> tuple[float, ...]:
        """Distances of neighbouring places along the normal; none of a single place."""
        return tuple(b - a for a, b in zip(self.along_mm, self.along_mm[1:], strict=False))

    @property
    def spacing_mm(self) -> float:
        """Mean of the steps; 0 of a single place."""
        return self.length_mm / max(1, len(self.places) - 1)

    @cached_property
    def usual_mm(self) -> float:
        """The step that is usual, whatever is missing: their lower median; 0 of a single place."""
        return sorted(self.steps_mm)[(len(self.steps_mm) - 1) // 2] if self.steps_mm else 0.0

    @property
    def step_mm(self) -> float:
        """The step that stands for all: their mean, and the usual one where slices are missing."""
        return self.usual_mm if self.gaps else self.spacing_mm

    @cached_property
    def even(self) -> bool:
        """Whether every place lies where even spacing has it."""
        grid = self.spacing_mm * np.arange(len(self.places))
        off = np.abs(np.array(self.along_mm) - self.along_mm[0] - grid)
        return bool(off.max() <= _tolerance(ALONG_SHARE * self.spacing_mm))

    @cached_property
    def gaps(self) -> tuple[int, ...]:
        """The steps in which slices are missing, by the place before them; none in an even stack."""
        if self.even or self.usual_mm <= SAME_POSITION_MM:
            return ()
        return tuple(k for k, step in enumerate(self.steps_mm) if step >= GAP_SPACINGS * self.usual_mm)

    @property
    def even_but_for_gaps(self) -> bool:
        """Whether slices are missing, and those that are there lie even."""
        rest = [step for k, step in enumerate(self.steps_mm) if k not in self.gaps]
        off = max((abs(step - self.usual_mm) for step in rest), default=0.0)
        return bool(self.gaps) and off <= 2 * _tolerance(ALONG_SHARE * self.usual_mm)

    @property
    def across_tolerance_mm(self) -> float:
        """How far a place may lie beside the normal."""
        return _tolerance(ACROSS_SHARE * self.pixel_mm)

    @property
    def straight(self) -> bool:
        """Whether the places are stacked along the normal."""
        return max(self.beside_mm) <= self.across_tolerance_mm

    @property
    def tilted(self) -> bool:
        """Whether they are stacked along another line; what is neither straight nor tilted is of several stacks."""
        return not self.straight and self.drift * self.length_mm > max(self.scatter_mm)

    @property
    def tilt_degrees(self) -> float:
        """Angle between the normal and the line along which the places are stacked."""
        return float(np.degrees(np.arctan(self.drift)))


def measured(positions: ArrayLike, cosines: ArrayLike, pixel_mm: float | None = None) -> Planes:
    """Measure where images lie.

    Parameters
    ----------
    positions : (n, 3) mm
        Image Position (Patient) of each, in any order.
    cosines : (6,)
        Image Orientation (Patient) of all of them.
    pixel_mm : float, optional
        Smallest pixel spacing.
    """
    points = np.asarray(positions, dtype=np.float64)
    row, column = np.asarray(cosines, dtype=np.float64).reshape(2, 3)
    normal = np.array(normal_of(row, column))
    order = np.lexsort((*points.T, points @ normal))
    points = points[order]
    along = points @ normal
    places = _places(points, along)
    firsts = [p[0] for p in places]
    beside, scatter, drift = _aside(points[firsts], along[firsts], normal)
    return Planes(
        normal=triple(normal),
        order=tuple(map(int, order)),
        places=tuple(tuple(int(order[k]) for k in place) for place in places),
        along_mm=tuple(map(float, along[firsts])),
        beside_mm=tuple(map(float, beside)),
        scatter_mm=tuple(map(float, scatter)),
        drift=drift,
        pixel_mm=float("inf") if pixel_mm is None else float(pixel_mm),
    )


def planes_of(geometry: Geometry) -> Planes:
    """Measure how the slices of a geometry lie."""
    positions = [geometry.position(k) for k in range(geometry.shape[0])]
    return measured(positions, (*geometry.row_cosines, *geometry.column_cosines), min(geometry.pixel_spacing))


def is_even(geometry: Geometry) -> bool:
    """Whether slices lie where even spacing has them, along the normal or along the line of a tilted stack."""
    if geometry.uneven_mm <= LEAST_TOLERANCE_MM:
        return True
    planes = planes_of(geometry)
    return planes.even and (planes.straight or (geometry.tilted and planes.tilted))


def spacing_of(geometry: Geometry) -> float | None:
    """Return the one distance of slices along their normal, but for those that are missing; None where it differs."""
    if is_even(geometry):
        return geometry.slice_spacing
    planes = planes_of(geometry)
    return planes.usual_mm if planes.even_but_for_gaps else None


def way_out(bridged_mm: float | None = None) -> str:
    """Say what can be done with slices that are no even stack.

    Parameters
    ----------
    bridged_mm : float, optional
        How far apart slices are, where some are missing.
    """
    across = f", {flag('max_gap_mm', f'{math.ceil(bridged_mm * 100) / 100:g}')} across the gap" if bridged_mm else ""
    return (
        f"{flag('regular_grid')} puts them on a regular grid{across}; what stays in its planes takes them as they are: "
        f"{flag('in_planes')}"
    )


def _tolerance(share_mm: float) -> float:
    return max(LEAST_TOLERANCE_MM, min(NOISE_MM, share_mm))


def _places(points: Vectors, along: Vectors) -> list[list[int]]:
    """Group images that lie at one position; they come in order along the normal."""
    places: list[list[int]] = []
    begin = 0  # of the places that are near enough along the normal
    for index, point in enumerate(points):
        while begin < len(places) and along[index] - along[places[begin][0]] > SAME_POSITION_MM:
            begin += 1
        firsts = points[[p[0] for p in places[begin:]]]
        near = np.flatnonzero(np.linalg.norm(firsts - point, axis=1) <= SAME_POSITION_MM)
        if near.size:
            places[begin + int(near.max())].append(index)
        else:
            places.append([index])
    return places


def _aside(points: Vectors, along: Vectors, normal: Vectors) -> tuple[Vectors, Vectors, float]:
    """Return how far places lie from the normal, how far from the line along which they drift, and that drift."""
    with np.errstate(over="ignore", invalid="ignore"):  # numbers that are no lengths make no even stack either
        length = along - along[0]
        across = points - points[0] - np.outer(length, normal)
        drift = length @ across / ((length @ length) or 1.0)
        scatter = across - np.outer(length, drift)
        return np.linalg.norm(across, axis=1), np.linalg.norm(scatter, axis=1), float(np.linalg.norm(drift))


def spacing_of_one(said: Callable[[str], Sequence[float] | None]) -> float | None:
    """Return how far a single image reaches along its normal, mm; None where nothing above 0 is said.

    Parameters
    ----------
    said : callable (keyword) -> numbers
    """
    found = (said(keyword) for keyword in SPACINGS_OF_ONE)
    return next((numbers[0] for numbers in found if numbers and numbers[0] > 0), None)


def spacing_tolerance(spacings: Sequence[Sequence[float]] | Vectors) -> float:
    """Return by how much pixel spacings, mm, may differ and be one."""
    return SPACING_TOLERANCE * min((abs(v) for pair in spacings for v in pair), default=1.0)


def alike(rows: Sequence[Sequence[float]] | Vectors, tolerance: float = 0.0) -> list[list[int]]:
    """Group rows of numbers that differ by no more than a tolerance from the first of their group."""
    groups: list[list[int]] = []
    for length in sorted({len(r) for r in rows}):
        left = np.array([i for i, r in enumerate(rows) if len(r) == length])
        values = np.array([rows[i] for i in left], dtype=np.float64).reshape(len(left), length)
        while len(left):
            near = np.abs(values - values[0]).max(axis=1, initial=0.0) <= tolerance
            near[0] = True
            groups.append([int(i) for i in left[near]])
            left, values = left[~near], values[~near]
    return groups


def told_apart(
    places: Sequence[Sequence[int]], keywords: Sequence[str], value: Callable[[str, int], Hashable]
) -> dict[str, int]:
    """Return the attributes in which images at one position differ, with the most values there.

    Those that tell all of them apart come first.

    Parameters
    ----------
    places : sequence of sequence of int
        Images at each position, some of them several.
    keywords : sequence of str
    value : callable (keyword, image)
        What an image says.
    """
    apart, some_apart = {}, {}
    for keyword in keywords:
        values = [[value(keyword, i) for i in place] for place in places if len(place) > 1]
        most = max(len(set(v)) for v in values)
        if all(len(set(v)) == len(v) for v in values):
            apart[keyword] = most
        elif most > 1:
            some_apart[keyword] = most
    return apart | some_apart

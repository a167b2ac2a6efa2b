"""Other series whose values enter an operation: which source each is, and what it has at the places of the first."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, Protocol, get_args, runtime_checkable

import numpy as np

from derive.errors import GeometryError, UsageError, ValuesError
from derive.model.file_volume import FileVolume
from derive.model.geometry import ONE_GRID_MM, Geometry
from derive.model.planes import is_even
from derive.model.volume import Quantity, Volume, known_units, shown_units, slabs
from derive.operations.kit.grids import checked_reference
from derive.operations.kit.sampling import KERNELS, Sampler
from derive.told.wording import flag


@runtime_checkable
class OtherSeries(Protocol):
    """Another series: from :func:`derive.read`, or a segmentation from :func:`derive.read_segmentation`.

    *2026-12-01.* What it has, and not what it is: parameters are annotated with it, and their help needs no pydicom.
    """

    @property
    def series_instance_uid(self) -> str:
        """Series of its instances."""

    def volume_beside(self, first: Geometry) -> Volume:
        """Return its values, to be taken beside those of a series that lies so."""


#: Other series whose values enter, or volumes of which no DICOM is known; one or several.
Others = OtherSeries | Volume | Sequence[OtherSeries | Volume]
#: Whether another series has to lie on the grid of the first, or is interpolated on it.
Align = Literal["geometry", "resample"]
#: How the record of values begins that no series is known of.
DIGEST = "values sha256:"
#: The parameter that says it, and its value that interpolates.
ALIGN, _RESAMPLE = "align", "resample"


@dataclass(frozen=True, eq=False)
class Joined:
    """Another series as an operation takes it: one of the sources of the result.

    Parameters
    ----------
    origin : SourceSeries, Segmentation or Volume
    volumes : tuple of Volume
        One, or one for each volume of the first series; their contributors count it as that source.
    """

    origin: OtherSeries | Volume
    volumes: tuple[Volume, ...]

    @cached_property
    def recorded(self) -> str:
        """What the record of a step calls it: its series, or a digest of values of none, and their units but for 1."""
        if not isinstance(self.origin, Volume):
            return self.origin.series_instance_uid
        digest = hashlib.sha256(f"{self.origin.geometry.shape}".encode())
        for _, slab in slabs(self.origin):
            digest.update(np.ascontiguousarray(slab, dtype="<f4").tobytes())
        units = self.origin.quantity.units
        return f"{DIGEST}{digest.hexdigest()}{'' if units == '1' else f' {units}'}"

    @property
    def geometry(self) -> Geometry:
        """Where its slices are."""
        return self.volumes[0].geometry

    def of(self, volume: int) -> Volume:
        """Return what stands beside a volume of the first series."""
        return self.volumes[volume if len(self.volumes) > 1 else 0]


def each(others: Any) -> tuple[Any, ...]:
    """Return one other series, or several, as several.

    Raises
    ------
    UsageError
        ``OP-SERIES`` for none, or what is no series.
    """
    found = tuple(others) if isinstance(others, tuple | list) else (others,)
    wrong = next((o for o in found if not isinstance(o, OtherSeries | Volume | Joined)), None)
    if wrong is not None:
        raise UsageError("OP-SERIES", f"{type(wrong).__name__} is no series; wanted what derive.read returns")
    if not found:
        raise UsageError("OP-SERIES", "no other series is given; wanted at least one")
    return found


def aligned(
    volume: Volume, others: Any, align: Align, interpolator: Literal["linear", "nearest"] = "linear"
) -> tuple[Volume, ...]:
    """Return other series at the places of a volume; outside of them is pixel padding.

    Parameters
    ----------
    volume : Volume
    others : SourceSeries, Volume, or a sequence of them
    align : {"geometry", "resample"}
        ``resample`` interpolates what lies on another grid.
    interpolator : {"linear", "nearest"}
        How; values that wrap around have no value between them, and the nearest counts.

    Raises
    ------
    GeometryError
        ``GEO-FOR`` for another frame of reference, ``GEO-GRID`` for a grid that differs by more than 0.01 mm,
        ``GEO-OVERLAP`` for one that does not meet the first.
    """
    if align not in get_args(Align):
        raise UsageError("OP-ALIGN", f"align {align!r}; wanted geometry or resample")
    return tuple(_aligned(volume, volume_of(other, volume), align, interpolator) for other in each(others))


def volume_of(other: OtherSeries | Volume | Joined, beside: Volume) -> Volume:
    """Return the values of another series, to be taken beside a volume of the first."""
    if isinstance(other, Joined):
        return other.of(0)
    return other if isinstance(other, Volume) else other.volume_beside(beside.geometry)


def on_one_grid(here: Geometry, there: Geometry) -> bool:
    """Whether two series lie on one grid within 0.01 mm, in one frame of reference that is known.

    *2026-12-01.* Of slices that lie unevenly each is compared: two such stacks can begin and end at the same places.
    """
    if not here.frame_of_reference_uid or not here.same_grid(there, ONE_GRID_MM):
        return False
    if is_even(here) and is_even(there):
        return True
    places = (np.array([g.position(k) for k in range(g.shape[0])]) for g in (here, there))
    return float(np.linalg.norm(np.subtract(*places), axis=1).max()) <= ONE_GRID_MM


def inputs_of(taken: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return files that are no DICOM and go into operations with these parameters, and notes on their reading."""
    values = (v for parameters in taken for value in parameters.values() for v in _each(value))
    found = [v for v in values if isinstance(v, FileVolume)]
    return {
        "files": tuple(file for v in found for file in v.files),
        "notes": tuple(note for v in found for note in v.notes),
    }


def _each(value: Any) -> Sequence[Any]:
    return value if isinstance(value, tuple | list) else (value,)


def _aligned(volume: Volume, other: Volume, align: Align, interpolator: str) -> Volume:
    here, there = volume.geometry, other.geometry
    if on_one_grid(here, there):
        return other
    if not (here.in_patient and there.in_patient):
        raise GeometryError(
            "GEO-FOR",
            "images that do not say where in the patient they lie (no Image Plane) have no place in common with those "
            f"of another series. Frames of one cine are taken from each other: {flag('mask_frames', '1')}",
        )
    mapping = checked_reference(there, here)
    if align == "geometry":
        off = here.largest_distance(there)
        apart = f", up to {off:.2f} mm apart" if math.isfinite(off) else ""
        raise GeometryError(
            "GEO-GRID",
            f"the grids differ: {here.shape} voxels of {here.spacing} mm (slice, row, column) and {there.shape} of "
            f"{there.spacing} mm{apart}; wanted one grid within 0.01 mm: {flag('align', 'resample')}",
        )
    kernel = KERNELS["nearest" if other.quantity.cyclic else interpolator]
    sampler = Sampler(other, mapping, kernel, float("nan"))
    return replace(
        other,
        geometry=here,
        pull=sampler.pull,
        contributors=sampler.contributors,
        quantity=replace(other.quantity, padded=other.quantity.padded or not mapping.inside),
    )


def interpolates_others(parameters: Mapping[str, Any]) -> bool:
    """Whether other series are interpolated on the grid of the first before anything else: a step with its own code."""
    return parameters.get(ALIGN) == _RESAMPLE


def refuse_other_units(name: str, quantity: Quantity, others: Sequence[Volume]) -> None:
    """Refuse values that are no numbers of the same things.

    Raises
    ------
    ValuesError
        ``VAL-UNITS``
    """
    other = next((o for o in others if o.quantity.units != quantity.units), None)
    if other is not None:
        theirs, said = other.quantity.units, ""
        if isinstance(other, FileVolume):
            said = f", or who knows that the numbers of {other.files[0].name} are these says so: "
            said += flag("other_units", known_units(quantity.units))
        raise ValuesError(
            "VAL-UNITS",
            f"{name}: the first series is in{shown_units(quantity.units) or ' 1'} and another in"
            f"{shown_units(theirs) or ' 1'}; wanted the same units{said}",
        )


def picked(parameters: Mapping[str, Any], volume: int) -> dict[str, Any]:
    """Return parameters of which other series are what stands beside one volume of the first."""
    return {k: tuple(o.of(volume) for o in v) if _joined(v) else v for k, v in parameters.items()}


def _joined(value: Any) -> bool:
    return isinstance(value, tuple) and bool(value) and all(isinstance(o, Joined) for o in value)

"""Other series whose values enter an operation: which source each is, and what it has at the places of the first."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np

from codes import Code
from derive.errors import GeometryError, UsageError, ValuesError
from derive.model.file_volume import FileVolume
from derive.model.frames import Volumes
from derive.model.geometry import ONE_GRID_MM, Geometry
from derive.model.joining import as_one, joined
from derive.model.planes import is_even
from derive.model.reference import FrameRef
from derive.model.segmentation import Segmentation
from derive.model.source import Sources, SourceSeries
from derive.model.stacking import stack, stacked
from derive.model.volume import Quantity, Volume, known_units, shown_units, slabs
from derive.operations.kit.grids import checked_reference
from derive.operations.kit.sampling import KERNELS, Sampler
from derive.told.wording import counted, flag

#: Other series whose values enter: from :func:`derive.read`, segmentations from :func:`derive.read_segmentation`, or
#: volumes of which no DICOM is known; one or several.
Others = SourceSeries | Volume | Segmentation | Sequence[SourceSeries | Volume | Segmentation]
#: Whether another series has to lie on the grid of the first, or is interpolated on it.
Align = Literal["geometry", "resample"]
#: How the record of values begins that no series is known of.
DIGEST = "values sha256:"
#: The parameter that says it, and its value that interpolates.
_ALIGN, _RESAMPLE = "align", "resample"
#: The parameters of segmentations: which segments, and from which fraction on they hold.
_SEGMENT, _THRESHOLD = "segment", "threshold"


@dataclass(frozen=True, eq=False)
class Joined:
    """Another series as an operation takes it: one of the sources of the result.

    Parameters
    ----------
    origin : SourceSeries, Segmentation or Volume
    volumes : tuple of Volume
        One, or one for each volume of the first series; their contributors count it as that source.
    """

    origin: SourceSeries | Segmentation | Volume
    volumes: tuple[Volume, ...]

    @cached_property
    def recorded(self) -> str:
        """What the record of a step calls it: its series, or a digest of values of none, and their units but for 1."""
        if isinstance(self.origin, SourceSeries | Segmentation):
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
    wrong = next((o for o in found if not isinstance(o, SourceSeries | Segmentation | Volume | Joined)), None)
    if wrong is not None:
        raise UsageError("OP-SERIES", f"{type(wrong).__name__} is no series; wanted what derive.read returns")
    if not found:
        raise UsageError("OP-SERIES", "no other series is given; wanted at least one")
    return found


def joined_with(
    sources: Sources, volumes: Volumes, parameters: Mapping[str, Any], name: str, purpose: Code
) -> tuple[Sources, Mapping[str, Any]]:
    """Make other series that are a parameter sources of the result, and return the parameters with them joined.

    Parameters
    ----------
    sources : Sources
        So far.
    volumes : Volumes
        What the operation is done to.
    parameters : mapping
    name : str
        Which parameter is a SourceSeries, a Segmentation, a Volume, or a sequence of them.
    purpose : Code
        Of CID 7202.

    Raises
    ------
    SourceError
        ``SRC-PATIENT``.
    GeometryError
        ``GEO-4D`` for one that has several volumes, and not those of the first.
    UsageError
        ``OP-SERIES`` for none, or what is no series, ``OP-SEGMENT`` and ``OP-THRESHOLD`` as :func:`_with_segments`.
    """
    found: list[Joined] = []
    parameters = _with_segments(parameters, each(parameters[name]))
    for other in each(parameters[name]):
        if isinstance(other, SourceSeries):
            sources = joined(sources, other, purpose)
            found.append(Joined(other, _counted(stacked(other, uneven=True), volumes, len(sources.others))))
        elif isinstance(other, Segmentation):
            placed = other.on(volumes.geometry)
            sources = joined(sources, placed, purpose)
            chosen = placed.chosen(parameters.get(_SEGMENT))
            found.append(Joined(other, (placed.volume(chosen, len(sources.others)),)))
        else:
            found.append(Joined(other, (replace(other, contributors=_none),)))
    said = {**parameters, name: tuple(found)}
    if interpolates_others(said) and all(on_one_grid(volumes.geometry, other.geometry) for other in found):
        said[_ALIGN] = "geometry"  # nothing is interpolated, and nothing of it is recorded
    return sources, said


def joined_as_one(
    sources: Sources, parameters: Mapping[str, Any], names: Sequence[str]
) -> tuple[Sources, Mapping[str, Any]]:
    """Make all sources one, and return the parameters with the frames of the others counted behind those of the first.

    Raises
    ------
    UsageError
        ``OP-FIRST`` where a step before took other series.
    SourceError
        ``SRC-CLASS``
    """
    given = [o for name in names for o in parameters[name] if isinstance(o.origin, SourceSeries)]
    if len(sources.others) > len(given):
        raise UsageError("OP-FIRST", "a step before took other series; wanted what makes one of several at the start")
    begins, said = [0], dict(parameters)
    for source in sources.all:
        begins.append(begins[-1] + len(source.frames))
    for name in names:
        said[name] = tuple(
            replace(o, volumes=tuple(replace(v, contributors=_behind(v, begins)) for v in o.volumes))
            for o in parameters[name]
        )
    return as_one(sources), said


def _behind(volume: Volume, begins: Sequence[int]) -> Any:
    def contributors(index: int) -> tuple[FrameRef, ...]:
        return tuple(FrameRef(0, begins[c.source] + c.frame) for c in volume.contributors(index))

    return contributors


def _with_segments(parameters: Mapping[str, Any], others: Sequence[Any]) -> Mapping[str, Any]:
    """Return parameters of which segments are said by their numbers, whatever they were said by.

    *2026-12-01.* A fraction is a probability or a share of a voxel, and nobody but the user knows from which one on a
    segment holds: where an operation asks for that, it has to be said.

    Raises
    ------
    UsageError
        ``OP-SEGMENT`` for segments of what has none, or that are not there; ``OP-THRESHOLD`` for fractions without a
        threshold.
    """
    found = [o for o in others if isinstance(o, Segmentation)]
    said = parameters.get(_SEGMENT)
    if said is not None and not found:
        raise UsageError(
            "OP-SEGMENT", f"segment {said!r}: no source is a DICOM Segmentation; leave out {flag(_SEGMENT)}"
        )
    if any(o.most for o in found) and _THRESHOLD in parameters and parameters[_THRESHOLD] is None:
        raise UsageError(
            "OP-THRESHOLD",
            f"the segmentation has fractions, 0 to 1; say above which one a voxel counts: {flag(_THRESHOLD, '0.5')}",
        )
    numbers = {o.chosen(said) for o in found}
    return (
        {**parameters, _SEGMENT: ",".join(map(str, *numbers))} if said is not None and len(numbers) == 1 else parameters
    )


def _counted(theirs: Volumes, volumes: Volumes, source: int) -> tuple[Volume, ...]:
    """Count the frames of another series as those of a source; its volumes are as many as those of the first, or one.

    Raises
    ------
    GeometryError
        ``GEO-4D``
    """
    mine, count = len(volumes.volumes), len(theirs.volumes)
    told = [[(d.keyword, d.values) for d in v.dimensions] for v in (volumes, theirs)]
    if count not in (1, mine) or (count > 1 and told[0] != told[1]):
        raise GeometryError(
            "GEO-4D",
            f"the first series has {counted(mine, 'volume')} and another {count}, which are not told apart by the same "
            f"values; wanted one, or the same ones: {flag('volumes', 'N')}",
        )
    return tuple(replace(v, contributors=_of_source(v, source)) for v in theirs.volumes)


def _of_source(volume: Volume, source: int) -> Any:
    def contributors(index: int) -> tuple[FrameRef, ...]:
        return tuple(FrameRef(source, c.frame) for c in volume.contributors(index))

    return contributors


def _none(_: int) -> tuple[FrameRef, ...]:
    return ()


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
    return tuple(_aligned(volume, _volume_of(other, volume), align, interpolator) for other in each(others))


def _volume_of(other: Any, beside: Volume) -> Volume:
    if isinstance(other, Segmentation):
        return other.on(beside.geometry).volume(other.chosen(None))
    volume: Volume = (
        stack(other) if isinstance(other, SourceSeries) else other.of(0) if isinstance(other, Joined) else other
    )
    return volume


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
    return parameters.get(_ALIGN) == _RESAMPLE


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

"""Other series as sources of a result: what an operation takes beside the first, and where a registration leads.

It stands apart from the operations: it knows DICOM, and their help needs none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import codes
from codes import Code
from derive.errors import GeometryError, SourceError, UsageError
from derive.model.frames import Volumes
from derive.model.joining import as_one, in_space, joined
from derive.model.reference import FrameRef
from derive.model.segmentation import Segmentation
from derive.model.source import Sources, SourceSeries
from derive.model.stacking import stacked
from derive.model.volume import Volume
from derive.operations.declaration import Operation, Registration
from derive.operations.kit.others import ALIGN, Joined, each, interpolates_others, on_one_grid
from derive.operations.kit.registration import led
from derive.told.wording import counted, flag

#: The parameters of segmentations: which segments, and from which fraction on they hold.
_SEGMENT, _THRESHOLD = "segment", "threshold"
#: The parameters that say to which space a registration leads.
_BY, _REFERENCE, _INVERSE = "by", "reference", "inverse"


def join(operation: Operation, sources: Sources, volumes: Volumes) -> tuple[Sources, Operation]:
    """Make the other series that an operation takes sources of the result, and return it with them joined.

    One that a registration moves says where it is.

    Parameters
    ----------
    operation : Operation
    sources : Sources
        So far.
    volumes : Volumes
        What it is done to.

    Raises
    ------
    SourceError, GeometryError, UsageError
        As :func:`joined_with`, :func:`joined_as_one` and :func:`led_sources`.
    """
    kind, said = operation.kind, operation.parameters
    purpose = codes.context_group(7202).find(kind.purpose)
    for name in (n for n in kind.others if said[n] is not None):
        sources, said = joined_with(sources, volumes, said, name, purpose)
    if kind.agreeing:
        sources, said = joined_as_one(sources, said, kind.others)
    if kind.taking(Registration):
        sources = led_sources(sources, volumes, said)
    return sources, replace(operation, parameters=said)


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
        said[ALIGN] = "geometry"  # nothing is interpolated, and nothing of it is recorded
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


def led_sources(sources: Sources, volumes: Volumes, parameters: Mapping[str, Any]) -> Sources:
    """Return sources that say they are in the space to which a registration leads.

    Raises
    ------
    SourceError
        ``SRC-PATIENT`` for a registration object, or a fixed series, of another patient.
    UsageError, GeometryError
        As :func:`led`.
    """
    by, reference = parameters[_BY], parameters[_REFERENCE]
    there = led(volumes.geometry, by, reference, inverse=parameters[_INVERSE])
    principal = sources.principal
    fixed = reference if isinstance(reference, SourceSeries) else None
    own = tuple(principal.text(k) for k in ("PatientID", "IssuerOfPatientID"))
    theirs = [("the registration", by.patient)] if by.reference is not None else []
    theirs += [("the reference", tuple(fixed.text(k) for k in ("PatientID", "IssuerOfPatientID")))] if fixed else []
    for whose, said in theirs:
        if any(a and b and a != b for a, b in zip(own, said, strict=True)):
            raise SourceError("SRC-PATIENT", f"{whose} is of another patient than the series: Patient ID differs")
    return in_space(sources, there.frame_of_reference_uid, fixed)

"""Which space a registration leads to, and what a source says once it is there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from derive.errors import SourceError, UsageError
from derive.model.frames import Volumes
from derive.model.geometry import Geometry
from derive.model.joining import in_space
from derive.model.source import Sources, SourceSeries
from derive.model.transform import Led, Transform

#: The parameters of an operation that say it.
_BY, _REFERENCE, _INVERSE = "by", "reference", "inverse"


def led(grid: Geometry, by: Any, reference: Any, *, inverse: bool) -> Led:
    """Return where a registration leads from the space of a grid.

    Parameters
    ----------
    grid : Geometry
        Of what is moved.
    by : Transform
    reference : SourceSeries, Volume or Geometry, optional
        In the fixed space.
    inverse : bool

    Raises
    ------
    UsageError
        ``OP-TRANSFORM`` for what is no transform, ``OP-INVERSE``.
    GeometryError
        ``GEO-FOR``, ``GEO-INVERSE``
    """
    if not isinstance(by, Transform):
        raise UsageError("OP-TRANSFORM", f"{type(by).__name__} is no transform; wanted what read_transform returns")
    fixed = None if reference is None else getattr(reference, "geometry", reference).frame_of_reference_uid
    return by.led(grid.frame_of_reference_uid, fixed, inverse=inverse)


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

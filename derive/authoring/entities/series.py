"""Series: its identity, number, description and date (PS3.3 C.7.3.1, C.8.9.1)."""

from __future__ import annotations

from derive.authoring.entities.registry import per_series
from derive.authoring.order import Authoring
from derive.model.derivation import GeometryEffect, Step

LONGEST_LO = 64
#: What the numbers of derived series are counted in: the source's times this, and one more.
NUMBER_FACTOR = 100
LARGEST_IS = 2**31 - 1


@per_series("StudyInstanceUID")
def study_instance_uid(authoring: Authoring) -> str:
    """Return a new UID: asked for only where no study was given, and none is behind the values."""
    return authoring.uids.study()


@per_series("SeriesInstanceUID")
def series_instance_uid(authoring: Authoring) -> str:
    """Return a new UID."""
    return authoring.uids.series()


@per_series("FrameOfReferenceUID")
def frame_of_reference_uid(authoring: Authoring) -> str:
    """Return a new UID: asked for only where the source has none."""
    return authoring.uids.frame_of_reference()


@per_series("SeriesNumber")
def series_number(authoring: Authoring) -> int | None:
    """Return the number given, else the source's times 100 plus 1; empty where the source has none."""
    if authoring.given.series_number is not None:
        return authoring.given.series_number
    number = authoring.source.value("SeriesNumber")
    if not isinstance(number, int) or not 0 <= int(number) * NUMBER_FACTOR + 1 <= LARGEST_IS:
        return None
    return int(number) * NUMBER_FACTOR + 1


@per_series("SeriesDescription")
def series_description(authoring: Authoring) -> str | None:
    """Return the text given, else the source's followed by the names of the steps, in 64 characters."""
    if authoring.given.series_description is not None:
        return authoring.given.series_description
    steps = ", ".join(_short(s) for s in authoring.derivation.steps)
    source = str(authoring.source.value("SeriesDescription") or "").strip()
    room = LONGEST_LO - len(steps) - 2
    return f"{source[:room].rstrip()}: {steps}" if source and room > 8 else steps[:LONGEST_LO] or None


def _short(step: Step) -> str:
    """What the caller calls it, else the name of the operation."""
    return str(step.parameters.get("description") or step.name.replace("_", " "))


@per_series("SeriesDate")
def series_date(authoring: Authoring) -> str:
    """Return the date of now."""
    return authoring.now.strftime("%Y%m%d")


@per_series("SeriesTime")
def series_time(authoring: Authoring) -> str:
    """Return the time of now."""
    return authoring.now.strftime("%H%M%S.%f")


@per_series("NumberOfSlices", module="pet-series")
def number_of_slices(authoring: Authoring) -> int:
    """PET: return the count of images in this series."""
    return authoring.frames.slices


@per_series("SeriesType", module="pet-series", sticky=True)
def series_type(authoring: Authoring) -> list[str] | None:
    """PET: return value 1 of the source, and REPROJECTION for a projection that the standard names."""
    values = authoring.source.value("SeriesType")
    if not values:
        return None
    first, *rest = [values] if isinstance(values, str) else list(values)
    return [first, "REPROJECTION"] if reprojection_method(authoring) else [first, *rest]


@per_series("ReprojectionMethod", module="pet-series")
def reprojection_method(authoring: Authoring) -> str | None:
    """PET: return SUM or MAX PIXEL where the last projection was one of them."""
    if authoring.derivation.geometry_effect is not GeometryEffect.PROJECTION:
        return None
    return next(reversed(authoring.derivation.terms("ReprojectionMethod")), None)


@per_series("Units", module="pet-series")
def units(authoring: Authoring) -> str:
    """PET: return the units of a new quantity."""
    return next(s.units for s in reversed(authoring.derivation.steps) if s.units)

"""What an operation refuses, whichever it is: values that wrap around, slices that lean or lie unevenly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from derive.errors import GeometryError, UsageError, ValuesError
from derive.model.geometry import Geometry
from derive.model.planes import is_even, way_out
from derive.told.wording import flag

#: How names of parameters end that say a length in mm, or in pixels.
OF_LENGTHS, OF_PIXELS = "_mm", "_px"
#: How a person says a pixel spacing: between rows, between columns.
SPACING_SAID = "PixelSpacing=MM\\MM"


def refuse_irregular(name: str, given: Any, *, tilted: bool, uneven: bool) -> None:
    """Refuse what lies on no regular grid, of what has a geometry.

    Parameters
    ----------
    name : str
        Of the operation.
    given : object
        A volume, or a parameter.
    tilted, uneven : bool
        Whether slices that lean, or that lie unevenly, are refused.

    Raises
    ------
    GeometryError
        ``GEO-TILT``, ``GEO-SPACING``
    """
    geometry = getattr(given, "geometry", given)
    if not isinstance(geometry, Geometry):
        return
    if tilted and geometry.tilted:
        raise GeometryError(
            "GEO-TILT",
            f"{name}: the slices shift by {geometry.slice_shift} mm, along rows and columns, from one to the next "
            f"(gantry tilt), and it takes only what is stacked along the normal. {way_out()}",
        )
    if uneven and not is_even(geometry):
        raise GeometryError(
            "GEO-SPACING",
            f"{name}: slices lie up to {geometry.uneven_mm:.2f} mm beside their places in an even stack, and it takes "
            f"only an even one. {way_out()}",
        )


def refuse_own_plane(name: str, given: Any, parameters: Mapping[str, Any], *, patient: bool) -> None:
    """Refuse images that lie in no patient, where that is needed, and those of pixels of unknown size, for lengths.

    Parameters
    ----------
    name : str
        Of the operation.
    given : object
        A volume, or a parameter.
    parameters : mapping
        All of them; the names of those that say a length tell it.
    patient : bool
        Whether a place in the patient is needed.

    Raises
    ------
    GeometryError
        ``GEO-PLANE``, ``GEO-SIZE``
    """
    geometry = getattr(given, "geometry", given)
    if not isinstance(geometry, Geometry) or geometry.own_plane is None:
        return
    if patient:
        raise GeometryError(
            "GEO-PLANE",
            "the images do not say where in the patient they lie (no Image Plane), and a volume of slices is needed. "
            "Wanted what stays in its planes, or goes along what tells the frames apart, as inspect names it: "
            f"{flag('along', 'KEYWORD')}",
            operation=name,
        )
    lengths = [name for name, value in parameters.items() if name.endswith(OF_LENGTHS) and value]
    if lengths and not geometry.own_plane.sized:
        raise GeometryError(
            "GEO-SIZE",
            f"the images say no pixel spacing, and lengths in mm are asked for. {_in_pixels(parameters)}A person can "
            f"say the spacing: {flag('assume', SPACING_SAID)}",
            operation=name,
            parameter=lengths[0],
        )


def refuse_place(name: str, geometry: Geometry, wanted: str) -> None:
    """Refuse a place in the patient where images lie in none.

    Parameters
    ----------
    name : str
        Of the operation.
    geometry : Geometry
    wanted : str
        What says it otherwise.

    Raises
    ------
    GeometryError
        ``GEO-PLANE``
    """
    if geometry.own_plane is not None:
        raise GeometryError(
            "GEO-PLANE",
            f"{name}: the images do not say where in the patient they lie (no Image Plane), and a place in the patient "
            f"is given. Wanted {wanted}",
            operation=name,
        )


def refuse_colours(name: str, *, taken: bool) -> None:
    """Refuse colours where an operation takes values of a quantity.

    Raises
    ------
    ValuesError
        ``OP-COLOUR``
    """
    if not taken:
        raise ValuesError(
            "OP-COLOUR",
            f"{name} takes values of a quantity, and the images are in colours, of which red, green and blue would "
            "each become something else. Wanted what keeps colours (a blur, a median, a crop, a resampling), or a "
            "function of your own that takes them (apply)",
            operation=name,
        )


def _in_pixels(parameters: Mapping[str, Any]) -> str:
    """Name the flag that says a width in pixels, of an operation that has one."""
    name = next((name for name in parameters if name.endswith(OF_PIXELS)), "")
    return f"Wanted pixels: {flag(name, 'N')}. " if name else ""


def refuse_phase(name: str) -> None:
    """Refuse values that wrap around.

    Raises
    ------
    ValuesError
        ``VAL-PHASE``
    """
    raise ValuesError(
        "VAL-PHASE",
        f"{name}: Image Type says that the images are of a phase, whose values wrap around: 180 degrees lie between "
        "179 and -179, and their mean says 0. Wanted what mixes no neighbours: resample with "
        f"{flag('interpolator', 'nearest')}, or a function of your own that knows of it (apply)",
    )


def refuse_views(name: str) -> NoReturn:
    """Refuse a step behind one that made views.

    Raises
    ------
    UsageError
        ``OP-VIEWS``
    """
    raise UsageError("OP-VIEWS", f"{name} takes volumes; the step before made views")

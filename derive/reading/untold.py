"""Images at one place that nothing tells apart: what was looked at, and what could help."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

import numpy as np

from derive.errors import GeometryError
from derive.model.dimension import dimension_kinds, value_told
from derive.model.planes import DIMENSIONS, Planes
from derive.reading.dimension_values import NUMBERS, Apartness, apartness, chosen_by
from derive.reading.header import Header
from derive.told.secrecy import some
from derive.told.wording import counted, flag

#: So many attributes are named, and so many values of each.
_NAMED, _VALUES = 8, 4


def refuse_untold(headers: Sequence[Header], planes: Planes) -> NoReturn:
    """Refuse images at one place that nothing tells apart, and name all that was looked at.

    Parameters
    ----------
    headers : sequence of Header
        Of one orientation, matrix and quantity.
    planes : Planes
        Where they lie: at some place several.

    Raises
    ------
    GeometryError
        ``GEO-4D``; ``GEO-DUPLICATE`` where they are alike in all that could.
    """
    places, counts = planes.places, [len(p) for p in planes.places]
    repeated = [place for place in places if len(place) > 1]
    looked_at = [apartness(headers, kind) for kind in dimension_kinds().values()]
    varying = {f.kind.keyword: most for f in looked_at if (most := _most(f, repeated)) > 1}
    full = min(counts) == max(counts) and len(places) > 1
    said = [f for f in looked_at if f.kind.keyword in varying]
    if not full and varying.keys().isdisjoint(DIMENSIONS):
        differ = some([_told(f, varying[f.kind.keyword]) for f in said], _NAMED)
        _refuse_copies(headers, planes, f"; they differ in {differ}. {_way_out(said, planes)}" if said else "")
    how_many = str(counts[0]) if len(set(counts)) == 1 else f"{min(counts)} to {max(counts)}"
    alike = [f.kind.keyword for f in looked_at if f.kind.keyword not in varying and any(f.levels)]
    differ = some([_told(f, varying[f.kind.keyword]) for f in said], _NAMED) if said else "their Instance Numbers only"
    same = f"; they are alike in {some(alike, _NAMED)}" if alike else ""
    raise GeometryError(
        "GEO-4D",
        f"{counted(len(headers), 'image')} lie at {counted(len(places), 'position')}, {how_many} at each, and "
        f"nothing tells whole volumes apart. At one position they differ in {differ}{same}. {_way_out(said, planes)}",
        positions=len(places),
        images=len(headers),
        varying=list(varying) or ["InstanceNumber"],
        alike=alike,
    )


def _most(found: Apartness, places: Sequence[Sequence[int]]) -> int:
    """Return how many values images have at one place, at the most."""
    return max(len(np.unique(found.levels[list(place)])) for place in places)


def _told(found: Apartness, count: int) -> str:
    """Name an attribute in which images at one position differ, with its values where they may be shown."""
    different = list(dict.fromkeys(v for v in found.values if v is not None))
    numbers = sorted(v for v in different if isinstance(v, float)) if found.kind.kind in NUMBERS else []
    values = f": {some([value_told(v) for v in numbers], _VALUES)}" if numbers else ""
    some_lack = ", and images without" if (found.levels == 0).any() else ""
    return f"{found.kind.keyword} ({counted(count, 'value')}{values}{some_lack})"


def _way_out(varying: Sequence[Apartness], planes: Planes) -> str:
    """Say what takes one volume: a value that one image at every position has, else numbers of frames."""
    by_number = f"by its number {flag('frames', 'N-M')} chooses an image; or name the files of one volume"
    for found in (f for f in varying if f.kind.kind in NUMBERS):
        for level in np.unique(found.levels):
            if all(np.count_nonzero(found.levels[list(place)] == level) == 1 for place in planes.places):
                value = found.values[int(np.flatnonzero(found.levels == level)[0])]
                return f"{chosen_by(found.kind.keyword, value)} takes one volume; {by_number}"
    return f"B{by_number[1:]}"


def _refuse_copies(headers: Sequence[Header], planes: Planes, differ: str) -> NoReturn:
    place = next(p for p in planes.places if len(p) > 1)
    point = "({:.2f}, {:.2f}, {:.2f})".format(*headers[place[0]].numbers("ImagePositionPatient", 3))
    several = sum(len(p) > 1 for p in planes.places)
    raise GeometryError(
        "GEO-DUPLICATE",
        f"{counted(len(place), 'image')} lie at {point} mm: {some([headers[i].name for i in place])}; "
        f"{several} of {len(planes.places)} positions are taken more than once{differ}. Take out what "
        "is too many",
        files=[headers[i].name for i in place],
    )

"""Some volumes of a stack of which others lack images."""

from __future__ import annotations

from collections.abc import Sequence

from derive.errors import GeometryError, SourceError
from derive.reading.header import Header
from derive.reading.planes import planes_measured
from derive.reading.volumes import parts_of
from derive.told.wording import counted, flag


def whole_volumes(headers: Sequence[Header], volumes: Sequence[int]) -> tuple[Header, ...] | None:
    """Return the images of volumes that have one at every position; None where no volume lacks any.

    Parameters
    ----------
    headers : sequence of Header
        Of one stack.
    volumes : sequence of int
        Which volumes, from 1, as the refusal of the whole stack counts them.

    Raises
    ------
    GeometryError
        ``GEO-4D`` for a volume that lacks images itself.
    SourceError
        ``SRC-CHOICE`` for one that is not there.
    """
    planes = planes_measured(headers)
    parts = parts_of(headers, planes) if planes.repeated else None
    if parts is None:
        return None
    count, places = len(parts.volumes), len(planes.places)
    if max(volumes) > count:
        raise SourceError(
            "SRC-CHOICE", f"volume {max(volumes)} is wanted; the stack has {counted(count, 'volume')}, from 1 on"
        )
    for number in volumes:
        has = len(parts.volumes[number - 1])
        if has < places:
            whole = [n for n, volume in enumerate(parts.volumes, 1) if len(volume) == places]
            way = f", or take a whole one: {flag('volumes', str(whole[0]))}" if whole else ""
            if parts.reaches(number - 1, planes):
                way += f"; {parts.chosen(number - 1)} takes it as it is"
            raise GeometryError(
                "GEO-4D",
                f"volume {number} ({parts.told(number - 1)}) has {has} of {counted(places, 'position')}; it lacks "
                f"those {parts.lacking(number - 1, planes)} mm along the normal. Add the missing files{way}",
                positions=places,
                images=has,
                incomplete=[number],
            )
    return tuple(headers[i] for number in volumes for i in parts.volumes[number - 1])

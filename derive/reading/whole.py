"""All images of one series as they are: of every stack and volume, on no grid.

Who gives them another form needs no volume: each frame goes with its stored values and all that it says of itself.
They stand in the order of Instance Numbers, of one instance in the order of its frames.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Unpack

from derive.elements.element import tag_of
from derive.errors import GeometryError, SourceError
from derive.limits import Limits
from derive.model.assumption import BY_ASSUMPTION
from derive.model.geometry import Plane
from derive.model.remark import gathered
from derive.model.source import Attributes, Skipped
from derive.reading.assumed import checked_assumptions, used
from derive.reading.choice import Choice, Chosen, choice_of, frames_chosen
from derive.reading.files import Source
from derive.reading.header import Header
from derive.reading.illegal import lawful, refuse_illegal
from derive.reading.pages import refuse_classes
from derive.reading.pixel_attributes import check_one_form, pixel_remarks
from derive.reading.planes import plane_of
from derive.reading.read import related_to, series_of, source_frame_of, tabulated
from derive.reading.scan import all_of
from derive.reading.select import apart, select, unread

#: What a series is called that is no single stack, beside all that geometry refuses.
_STACKS = "SRC-STACK"


def read_whole(
    source: Source,
    *,
    series: str | None = None,
    limits: Limits | None = None,
    assume: Mapping[str, object] | None = None,
    **chosen: Unpack[Chosen],
) -> Attributes:
    """Read all images of one series of CT, MR or PET, whatever volumes and stacks they make: one stack as a series.

    Parameters
    ----------
    source, series, limits, assume, **chosen
        As :func:`derive.reading.read.read` takes them.

    Raises
    ------
    SourceError, ValuesError, UsageError
        As :func:`derive.reading.read.read`, but for what needs a volume.
    """
    checked_assumptions(assume)  # before anything is read
    choice = choice_of(chosen)
    headers, skipped = all_of(source, limits)
    try:
        return series_of(headers, skipped, series, assume, choice)
    except (GeometryError, SourceError) as error:
        no_volume = isinstance(error, GeometryError) or error.code == _STACKS
        if not no_volume or choice.stack is not None or choice.volumes:
            raise
    return whole_of(headers, skipped, series, assume, choice)


def whole_of(
    headers: Sequence[Header],
    skipped: Sequence[Skipped] = (),
    series: str | None = None,
    assume: Mapping[str, object] | None = None,
    choice: Choice | None = None,
) -> Attributes:
    """Take all images of one series from headers, or those that are chosen by their number or by what they say.

    Raises
    ------
    SourceError, ValuesError, UsageError
        As :func:`read_whole`.
    """
    assumptions = checked_assumptions(assume)
    headers = lawful(headers, assumptions)
    chosen = select(headers, skipped, series)
    refuse_classes(chosen.headers)
    legal = lawful(frames_chosen(chosen.headers, choice or Choice()), assumptions)
    refuse_illegal(legal)
    check_one_form(legal)
    ordered = sorted(legal, key=lambda h: (h.integer("InstanceNumber") or 0, h.name, h.frame_number))
    assumed = used(ordered, assumptions)
    images, objects = apart(headers)
    uid = ordered[0].text("SeriesInstanceUID")
    others = [Skipped(h.name, "another series") for h in images if h.text("SeriesInstanceUID") != uid]
    return Attributes(
        frames=tuple(source_frame_of(header, _plane(header)) for header in ordered),
        table=tabulated(ordered),
        tags=frozenset().union(*{h.tags for h in ordered}),
        skipped=(*skipped, *map(unread, objects), *chosen.skipped, *others),
        remarks=gathered([*((h.name, h.remarks) for h in ordered), *pixel_remarks(ordered)]),
        assumed=assumed,
        related=related_to(ordered, headers),
        said={tag_of(k): BY_ASSUMPTION for k in assumed if k != "SpecificCharacterSet"},
    )


def _plane(header: Header) -> Plane | None:
    """Where an image lies; None for one that does not say it."""
    try:
        return plane_of(header)
    except (GeometryError, SourceError):
        return None

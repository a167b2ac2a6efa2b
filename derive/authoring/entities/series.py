"""Series: its identity, number, description and date (PS3.3 C.7.3.1, C.8.9.1)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from derive.authoring.entities.registry import per_series
from derive.authoring.entities.values import own_items
from derive.authoring.order import Authoring
from derive.elements.element import Element, tag_of
from derive.elements.encoding import pack_item
from derive.elements.instance import items_of
from derive.model.derivation import GeometryEffect
from derive.model.uids import space_of

LONGEST_LO = 64
#: Fewer characters of the description of a source say nothing.
SHORTEST_SOURCE = 6
#: A derived series has the source's number times this, and a place in it: four digits, none of them a leading 0.
NUMBER_FACTOR, LEAST_PLACE, LARGEST_PLACE = 10_000, 1_000, 9_999
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
    """Return that of the source's series: asked for only where the source states none; a new one without images."""
    references = authoring.source.references
    return space_of(references[0].series_instance_uid) if references else authoring.uids.frame_of_reference()


# 2026-11-30: results of one source once had one number, the source's times 100 and 1; viewers sort by it and people
# speak of "series 301". Nobody counts the results of a source: they are made by processes that do not know of each
# other. So the number follows from the Series Instance UID: another series has another one (but for one pair in
# 9,000), and a series that is made again with its UID keeps it. It begins with the number of the source.


@per_series("SeriesNumber")
def series_number(authoring: Authoring) -> int | None:
    """Return the number given, else one of its own that begins with the source's: 3 becomes 31000 to 39999.

    In a study of which no series is known there is none.
    """
    if authoring.given.series_number is not None:
        return authoring.given.series_number
    if not authoring.source.frames and tag_of("SeriesNumber") not in authoring.source.tags:
        return None
    near = _number(authoring.source.value("SeriesNumber"))
    taken = {_number(number) for number in _of_sources(authoring, "SeriesNumber")}
    digest = hashlib.sha256(authoring.uids.series().encode()).digest()
    places = LARGEST_PLACE - LEAST_PLACE + 1
    first = int.from_bytes(digest) % places
    candidates = (_numbered(near, LEAST_PLACE + (first + k) % places) for k in range(places))
    return next((n for n in candidates if n not in taken), _numbered(near, LEAST_PLACE))


def _numbered(near: int, place: int) -> int:
    """Return a number near another: its digits and four more, or beside it where that is no IS any longer."""
    sign = -1 if near < 0 else 1
    for base in (abs(near) * NUMBER_FACTOR, abs(near)):
        if base + LARGEST_PLACE <= LARGEST_IS:
            return sign * (base + place)
    return sign * (abs(near) - place)


def _number(value: Any) -> int:
    """Series Number; 0 for what is none."""
    return int(value) if isinstance(value, int) and abs(int(value)) <= LARGEST_IS else 0


def _of_sources(authoring: Authoring, keyword: str) -> Iterator[Any]:
    """Yield what the frames of all sources say, each value once a source."""
    for source in authoring.sources.all:
        yield source.value(keyword)
        if tag_of(keyword) in source.table.varying:
            yield from source.values(keyword)


@per_series("SeriesDescription")
def series_description(authoring: Authoring) -> str | None:
    """Return the text given, else what was done and to what, in 64 characters: ``MIP cor 10/5 mm: STD BRAIN``."""
    if authoring.given.series_description is not None:
        return authoring.given.series_description
    steps = authoring.derivation.steps
    done = _cut(_line(", ".join(s.label for s in steps)), authoring.derivation.description)
    source = _line(authoring.source.value("SeriesDescription"))
    if not done or not source or len(done) > LONGEST_LO - SHORTEST_SOURCE - 2:
        return done or None
    text = f"{done}: {source}"[:LONGEST_LO].rstrip()
    taken = {_line(said) for said in _of_sources(authoring, "SeriesDescription")}
    return _marked(text, authoring.derivation.description) if text in taken else text


def _line(value: Any) -> str:
    """Text on one line; of several values all of them."""
    parts = [value] if isinstance(value, str) or value is None else list(value)
    text = " ".join(str(part) for part in parts if part)
    return " ".join("".join(c if c.isprintable() and c != "\\" else " " for c in text).split())


def _cut(text: str, whole: str) -> str:
    return text if len(text) <= LONGEST_LO else _marked(text, whole)


def _marked(text: str, whole: str) -> str:
    """Cut a text, and tell it from others that begin like it by a mark that follows from all that was done."""
    mark = f" #{hashlib.sha256(whole.encode('utf-8', 'surrogateescape')).hexdigest()[:4]}"
    return text[: LONGEST_LO - len(mark)].rstrip() + mark


@per_series("SeriesDate")
def series_date(authoring: Authoring) -> str | None:
    """Return the date of now."""
    return authoring.date


@per_series("SeriesTime")
def series_time(authoring: Authoring) -> str | None:
    """Return the time of now."""
    return authoring.time


#: Of a request, what speaks of the step that was scheduled for the scanner (C.7.3.1, Table 10-9).
SCHEDULED = frozenset(
    map(tag_of, ("ScheduledProcedureStepID", "ScheduledProcedureStepDescription", "ScheduledProtocolCodeSequence"))
)


@per_series("RequestAttributesSequence", sticky=True)
def request_attributes_sequence(authoring: Authoring) -> Element | None:
    """Return the source's requests without the scanner's scheduled step: what was derived was not scheduled."""
    tag = tag_of("RequestAttributesSequence")
    own = Element(tag, "SQ", own_items(authoring, authoring.source.agreement(tag).element))
    gone = SCHEDULED if authoring.derivation.steps else frozenset()
    items = ([e for e in item if e.tag not in gone] for item in items_of(own) or ())
    packed = b"".join(pack_item(item) for item in items if item)
    return Element(tag, "SQ", packed) if packed else None


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

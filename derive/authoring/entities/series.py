"""Series: its identity, number, description and date (PS3.3 C.7.3.1, C.8.9.1)."""

from __future__ import annotations

import hashlib
import re
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
#: Characters of a mark: a blank, a number sign and four digits.
MARK = 6
_BETWEEN = re.compile(r"[\s,;:_]+")
#: Digits that a derived series has behind the number of its source, as many as there is room for.
PLACES = (6, 5, 4)
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
# other. So the number follows from the Series Instance UID: another series has another one, and a series that is made
# again with its UID keeps it. It begins with the number of the source. Of four digits behind it two of sixty results
# were alike once in six times; of six digits, once in five hundred. It is never empty: in a study that exists, of
# which no series is at hand, any number is as true as another, and one of six digits is hardly anybody else's.


@per_series("SeriesNumber")
def series_number(authoring: Authoring) -> int:
    """Return the number given, else one of its own that begins with the source's: 3 becomes 3100000 to 3999999."""
    if authoring.given.series_number is not None:
        return authoring.given.series_number
    near = _number(authoring.source.value("SeriesNumber"))
    taken = {_number(number) for number in _of_sources(authoring, "SeriesNumber")}
    numbers = _numbers_near(near)
    first = int.from_bytes(hashlib.sha256(authoring.uids.series().encode()).digest())
    sign = -1 if near < 0 else 1
    return next(n for k in range(len(numbers)) if (n := sign * numbers[(first + k) % len(numbers)]) not in taken)


def _numbers_near(near: int) -> range:
    """Return the numbers that begin with another one; of one that leaves no room, those of its size."""
    stem = abs(near)
    for places in PLACES:
        factor = 10**places
        if stem * factor + factor - 1 <= LARGEST_IS:
            return range(stem * factor + factor // 10, stem * factor + factor)
    factor = 10 ** PLACES[0]
    stem = min(stem // factor, LARGEST_IS // factor - 1)
    return range(stem * factor + factor // 10, stem * factor + factor)


def _number(value: Any) -> int:
    """Series Number; 0 for what is none."""
    return int(value) if isinstance(value, int) and abs(int(value)) <= LARGEST_IS else 0


def _of_sources(authoring: Authoring, keyword: str) -> Iterator[Any]:
    """Yield what the frames of all sources say, each value once a source."""
    for source in authoring.sources.all:
        yield source.value(keyword)
        if tag_of(keyword) in source.table.varying:
            yield from source.values(keyword)


# 2026-11-30: a list of series shows the first words. A text that ends within a word, or a number, says something else
# ("blur 1" of 15 mm), so it ends between two; words of the source that do not fit are left out, ours are marked.


@per_series("SeriesDescription")
def series_description(authoring: Authoring) -> str | None:
    """Return the text given, else what was done and to what, in 64 characters: ``MIP cor 10/5 mm: STD BRAIN``."""
    if authoring.given.series_description is not None:
        return authoring.given.series_description
    part = authoring.order.part
    labels = [*(_line(s.label) for s in authoring.derivation.steps), *filter(None, [part])]
    whole = "; ".join(filter(None, [authoring.derivation.description, part]))
    done = ", ".join(labels) if len(", ".join(labels)) <= LONGEST_LO else _marked(_first_of(labels), whole)
    source = _shortened(_line(authoring.source.value("SeriesDescription")), LONGEST_LO - len(done) - 2)
    if not done or not source:
        return done or None
    text = f"{done}: {source}"
    taken = {_line(said) for said in _of_sources(authoring, "SeriesDescription")}
    return _marked(text, whole) if text in taken else text


def _line(value: Any) -> str:
    """Text on one line; of several values all of them."""
    parts = [value] if isinstance(value, str) or value is None else list(value)
    text = " ".join(str(part) for part in parts if part)
    return " ".join("".join(c if c.isprintable() and c != "\\" else " " for c in text).split())


def _first_of(labels: list[str]) -> str:
    """Join the first labels, as many as fit with a mark behind them; of one that does not, all of it."""
    kept = labels[:1]
    for label in labels[1:]:
        if len(", ".join([*kept, label])) > LONGEST_LO - MARK:
            break
        kept.append(label)
    return ", ".join(kept)


def _shortened(text: str, room: int) -> str:
    """Cut a text between two words, as blanks, underscores and the like part them; nothing where too few are left."""
    if len(text) <= room:
        return text
    cut = max((m.start() for m in _BETWEEN.finditer(text) if m.start() <= room), default=0)
    return text[:cut] if cut >= SHORTEST_SOURCE else ""


def _marked(text: str, whole: str) -> str:
    """Tell a text from others that begin like it by a mark that follows from all that was done.

    A single word that is longer than the attribute is cut all the same.
    """
    room = LONGEST_LO - MARK
    mark = f" #{hashlib.sha256(whole.encode('utf-8', 'surrogateescape')).hexdigest()[:4]}"
    return (_shortened(text, room) or text[:room].rstrip()) + mark


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
    """PET: return the count of images in this series; of frames that pass what they say."""
    said = authoring.source.value("NumberOfSlices") if authoring.derivation.passes else None
    return int(said) if said else authoring.frames.slices


@per_series("ReprojectionMethod", module="pet-series")
def reprojection_method(authoring: Authoring) -> str | None:
    """PET: return SUM or MAX PIXEL where the last projection was one of them."""
    if authoring.derivation.geometry_effect is not GeometryEffect.PROJECTION:
        return None
    return next(reversed(authoring.derivation.terms("ReprojectionMethod")), None)


@per_series("SUVType", module="pet-series")
def suv_type(authoring: Authoring) -> str | None:
    """PET: return to what an uptake is normalised, of a quantity that a step made."""
    return next(reversed(authoring.derivation.terms("SUVType")), None)


@per_series("Units", module="pet-series")
def units(authoring: Authoring) -> str:
    """PET: return the units of a new quantity."""
    return next(s.units for s in reversed(authoring.derivation.steps) if s.units)

"""Several series as the sources of one result: they are of one patient, and what they say of the patient is one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from codes import Code
from derive.elements.element import Element, tag_of
from derive.elements.meaning import meaning, same
from derive.errors import SourceError
from derive.model.attribute_table import AttributeTable
from derive.model.classes import target_of
from derive.model.segmentation import Segmentation
from derive.model.source import Attributes, Sources, SourceSeries
from derive.told.secrecy import shown_uid
from derive.told.wording import flag

#: What tells patients apart (PS3.3 C.7.1.1).
_PATIENT = ("PatientID", "IssuerOfPatientID", "PatientName")
_STUDY = tag_of("StudyInstanceUID")
_FRAME_OF_REFERENCE, _INDICATOR = tag_of("FrameOfReferenceUID"), tag_of("PositionReferenceIndicator")


def joined(sources: Sources, other: SourceSeries | Segmentation, purpose: Code) -> Sources:
    """Return the sources of a result into which another series goes.

    What the series say of their patient, and of their study where it is one, is pulled as far as they agree: where one
    says something else than another, nobody knows which is true. What only one of them says stands.

    Parameters
    ----------
    sources : Sources
    other : SourceSeries or Segmentation
    purpose : Code
        Why it is referred to (CID 7202).

    Raises
    ------
    SourceError
        ``SRC-PATIENT`` for a series of another patient: another Patient ID, issuer or name, whatever their spelling.
    """
    principal = sources.principal
    if _patient(principal) != _patient(other):
        raise SourceError(
            "SRC-PATIENT",
            f"series {shown_uid(other.series_instance_uid)} is of another patient than the first: Patient ID, its "
            f"issuer or Patient's Name differ. If it is one person, say so when each is read: "
            f"{flag('assume', 'PatientID=...')} where it is absent, or derive correct",
        )
    disputed = frozenset(_disputed(principal, other))
    table = principal.table.only(principal.tags - disputed, {})
    principal = replace(principal, table=table, tags=principal.tags - disputed)
    return Sources(principal, (*sources.others, (other, purpose)))


def _patient(source: Attributes) -> tuple[object, ...]:
    found = (source.agreement(tag_of(keyword)).element for keyword in _PATIENT)
    return tuple(meaning(element, source.encodings) for element in found)


def _disputed(one: Attributes, other: Attributes) -> Iterator[int]:
    """Give what they say differently of the patient, and of their study if it is one."""
    one_study = same(one.agreement(_STUDY).element, other.agreement(_STUDY).element)
    entities = {"Patient", "Study"} if one_study else {"Patient"}
    for rule in target_of(one.references[0].sop_class_uid).iod.attributes.values():
        mine, theirs = one.agreement(rule.tag).element, other.agreement(rule.tag).element
        if rule.entity not in entities or mine is None or theirs is None or not (mine.stripped() and theirs.stripped()):
            continue
        if not same(mine, theirs, one.encodings, other.encodings):
            yield rule.tag


def as_one(sources: Sources) -> Sources:
    """Return sources of which the principal one holds the images of all, one source after another.

    *2026-12-01.* An image of which another series alone is the source would get what the first one says: the time of
    one station is none of the next. So what an image says is pulled from the very images that it is made of, whichever
    series they are of; Patient and Study stay those of the first.

    Parameters
    ----------
    sources : Sources
        All of them read from files.

    Raises
    ------
    SourceError
        ``SRC-CLASS`` for images of several classes.
    """
    principal, others = sources.principal, [s for s, _ in sources.others if isinstance(s, SourceSeries)]
    if not others or not isinstance(principal, SourceSeries):
        return sources
    if {s.sop_class_uid for s in others} != {principal.sop_class_uid}:
        raise SourceError("SRC-CLASS", "the series are of several SOP Classes; wanted one, for they become one series")
    if any(s.encodings != principal.encodings for s in others):
        principal, others = principal.in_utf8(), [s.in_utf8() for s in others]
    rules = target_of(principal.sop_class_uid).iod.attributes.values()
    of_first = {rule.tag for rule in rules if rule.entity in ("Patient", "Study")}
    every = [principal, *others]
    count = sum(s.table.count for s in every)
    columns: dict[int, list[Element | None]] = {}
    for tag in frozenset().union(*(s.tags for s in every)):
        column = [e for s in every for e in s.table.column(tag)]
        columns[tag] = [principal.agreement(tag).element] * count if tag in of_first else column
    table = AttributeTable(count, {}, {}, tuple(principal.encodings)).beside(columns)
    whole = replace(
        principal,
        table=table,
        tags=frozenset(tag for tag, column in columns.items() if any(column)),
        frames=tuple(f for s in every for f in s.frames),
        related={uid: r for s in reversed(every) for uid, r in s.related.items()},
    )
    return Sources(whole)


def in_space(sources: Sources, frame_of_reference_uid: str, fixed: SourceSeries | None) -> Sources:
    """Return sources whose images lie in another frame of reference than they did.

    What the principal source says of its own goes, and so do references to images that lie there; the indicator of
    the fixed series stands where that is known.

    Parameters
    ----------
    sources : Sources
    frame_of_reference_uid : str
    fixed : SourceSeries, optional
        A series that lies there.
    """
    principal = sources.principal
    if principal.text("FrameOfReferenceUID") == frame_of_reference_uid or not isinstance(principal, SourceSeries):
        return sources
    if fixed is not None:
        found = (fixed.agreement(tag).element for tag in (_FRAME_OF_REFERENCE, _INDICATOR))
        given = {element.tag: element for element in found if element is not None}
    else:
        text = frame_of_reference_uid.encode("ascii")
        given = {_FRAME_OF_REFERENCE: Element(_FRAME_OF_REFERENCE, "UI", text + b"\0" * (len(text) % 2))}
    gone = {_FRAME_OF_REFERENCE, _INDICATOR, tag_of("ReferencedImageSequence")}
    said = {**principal.said, **dict.fromkeys(given, "that of the fixed series, to which the registration leads")}
    return replace(sources, principal=principal.only(frozenset(principal.tags - gone), given, said))

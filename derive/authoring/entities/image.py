"""Image: identity, kind, dates, and what is sticky (PS3.3 C.7.6.1, C.7.10.1, C.12.1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from codes import Code
from derive.authoring.entities.registry import per_frame, per_series
from derive.authoring.order import Authoring, Frame
from derive.elements.element import Element, tag_of
from derive.model.loss import Loss
from derive.pixels.encode import decimal

#: Digits behind the point with which a ratio is said, which is approximate (C.7.6.1.1.5.2).
_RATIO_DIGITS = 3


@per_series("SOPClassUID")
def sop_class_uid(authoring: Authoring) -> str:
    """Return the class that is made."""
    return authoring.target.iod.sop_class_uid


@per_frame("SOPInstanceUID")
def sop_instance_uid(authoring: Authoring, frame: Frame) -> str:
    """Return a new UID."""
    return authoring.uids.instance(frame.index, frame.encoded.stored)


@per_frame("InstanceNumber")
def instance_number(authoring: Authoring, frame: Frame) -> int:
    """Return 1..N in space, in the source's order of scrolling; of frames that pass their own, if each has one."""
    if authoring.derivation.passes and authoring.target.container == "single":
        own = _own_number(authoring, frame, "InstanceNumber")
        return frame.number if own is None else own
    return frame.number


def _own_number(authoring: Authoring, frame: Frame, keyword: str) -> int | None:
    """Return the number that a frame has already, where all of them have another one."""
    numbers = authoring.source.values(keyword)
    return int(numbers[frame.index]) if None not in numbers and len(set(numbers)) == len(numbers) else None


@per_series("ImageType")
def image_type(authoring: Authoring) -> list[str]:
    """Return the terms of the IOD: DERIVED, but for what was acquired like this; and what the source says it is of."""
    return authoring.derivation.image_type(authoring.target, common_terms(authoring))


def common_terms(authoring: Authoring) -> list[str]:
    """Image Type of the source, while its quantity is kept: the values on which all images agree.

    What tells with what the images were taken stays whatever their values become.
    """
    taken_with = authoring.target.value_3_tells != ""
    if not (authoring.same_kind or taken_with):
        return []
    each = [authoring.source.text("ImageType", k).split("\\") for k in range(len(authoring.source.frames))]
    columns = ({term.strip() for term in column} for column in zip(*each, strict=False))
    return [column.pop() if len(column) == 1 else "" for column in columns]


@per_series("InstanceCreationDate")
def instance_creation_date(authoring: Authoring) -> str | None:
    """Return the date of now."""
    return authoring.date


@per_series("InstanceCreationTime")
def instance_creation_time(authoring: Authoring) -> str | None:
    """Return the time of now."""
    return authoring.time


# 2026-12-01: multi-frame classes want a Content Date (type 1). Beside dates of a source that were shifted there is none
# of now; the latest of the source is in the calendar of all the others, and no later than the truth.


@per_series("ContentDate")
def content_date(authoring: Authoring) -> str | Element | None:
    """Return the date of now: the creation of the pixels began; where a class has to have one, the source's latest.

    That of pixels that pass is the source's.
    """
    return _latest(authoring)[0] if authoring.derivation.passes else authoring.date or _latest(authoring)[0]


@per_series("ContentTime")
def content_time(authoring: Authoring) -> str | Element | None:
    """Return the time of now, or that of the date."""
    return _latest(authoring)[1] if authoring.derivation.passes else authoring.time or _latest(authoring)[1]


def _latest(authoring: Authoring) -> tuple[Element | None, Element | None]:
    """Content Date and Time of the source that are the latest, else of its acquisition: for multi-frame classes."""
    if authoring.target.container != "functional":
        return None, None
    for keywords in ((f"{what}Date", f"{what}Time") for what in ("Content", "Acquisition", "Study")):
        columns = [authoring.source.table.column(tag_of(keyword)) for keyword in keywords]
        rows = [(d, t) for d, t in zip(*columns, strict=True) if d and t and d.stripped() and t.stripped()]
        if rows:
            date, time = max(rows, key=lambda row: (row[0].stripped(), row[1].stripped()))
            return date._replace(tag=tag_of("ContentDate")), time._replace(tag=tag_of("ContentTime"))
    return None, None


@per_frame("AcquisitionDate", sticky=True)
def acquisition_date(authoring: Authoring, frame: Frame) -> Element | None:
    """Return the date of the earliest contributing acquisition."""
    return _earliest(authoring, frame, ("AcquisitionDate", "AcquisitionTime"))[0]


@per_frame("AcquisitionTime", sticky=True)
def acquisition_time(authoring: Authoring, frame: Frame) -> Element | None:
    """Return the time of the earliest contributing acquisition."""
    return _earliest(authoring, frame, ("AcquisitionDate", "AcquisitionTime"))[1]


@per_frame("AcquisitionDateTime", sticky=True)
def acquisition_date_time(authoring: Authoring, frame: Frame) -> Element | None:
    """Return that of the earliest contributing acquisition."""
    return _earliest(authoring, frame, ("AcquisitionDateTime",))[0]


def _earliest(authoring: Authoring, frame: Frame, keywords: Sequence[str]) -> tuple[Element | None, ...]:
    """Elements of the contributor that comes first; none if some have them and others do not."""
    table, tags = authoring.source.table, [tag_of(k) for k in keywords]
    if all(tag not in table.varying for tag in tags):
        return tuple(table.constant.get(tag) for tag in tags)
    rows = [tuple(table.element(tag, i) for tag in tags) for i in _of(authoring, frame)]
    if len({tuple(e is None for e in row) for row in rows}) > 1:
        return (None,) * len(tags)
    return min(rows, key=lambda row: tuple(e.stripped() if e else b"" for e in row))


def _of(authoring: Authoring, frame: Frame) -> Sequence[int]:
    return frame.behind(authoring.source.table.count)


def _distinct(authoring: Authoring, frame: Frame, keyword: str) -> list[Any]:
    """Decoded values of the contributors, each once, in order; None for a frame without."""
    tag = tag_of(keyword)
    if tag not in authoring.source.table.varying:
        return [authoring.source.value(keyword)]
    return list(dict.fromkeys(_plain(authoring.source.value(keyword, i)) for i in _of(authoring, frame)))


def _plain(value: Any) -> Any:
    return value if isinstance(value, str) or not isinstance(value, Sequence) else tuple(value)


@per_frame("IrradiationEventUID")
def irradiation_event_uid(authoring: Authoring, frame: Frame) -> list[str] | None:
    """Return every event that contributed."""
    events: list[str] = []
    for value in _distinct(authoring, frame, "IrradiationEventUID"):
        events += [value] if isinstance(value, str) else list(value or ())
    return list(dict.fromkeys(events)) or None


@per_frame("BurnedInAnnotation", sticky=True)
def burned_in_annotation(authoring: Authoring, frame: Frame) -> str | None:
    """Return YES if any contributor says so, NO if all say that."""
    return _any_says(_distinct(authoring, frame, "BurnedInAnnotation"), "YES", "NO")


@per_frame("RecognizableVisualFeatures", sticky=True)
def recognizable_visual_features(authoring: Authoring, frame: Frame) -> str | None:
    """Return YES if any contributor says so, NO if all say that."""
    return _any_says(_distinct(authoring, frame, "RecognizableVisualFeatures"), "YES", "NO")


@per_frame("LossyImageCompression", sticky=True)
def lossy_image_compression(authoring: Authoring, frame: Frame) -> str | None:
    """Return 01 if it or any contributor ever was, 00 if none of them ever was (C.7.6.1.1.5)."""
    if authoring.derivation.compression is not None:
        return "01"
    if authoring.source.frames and _any_lossy(authoring, frame):
        return "01"
    return _any_says(_distinct(authoring, frame, "LossyImageCompression"), "01", "00")


@per_frame("LossyImageCompressionRatio", sticky=True)
def lossy_image_compression_ratio(authoring: Authoring, frame: Frame) -> list[float] | None:
    """Return that of the source image that lost most, in every image that lost something; behind it its own."""
    loss = _loss(authoring, frame)
    return [decimal(ratio) for ratio in loss.ratios] if loss else None


@per_frame("LossyImageCompressionMethod", sticky=True)
def lossy_image_compression_method(authoring: Authoring, frame: Frame) -> list[str] | None:
    """Return that of the same source image: one for each ratio."""
    loss = _loss(authoring, frame)
    return list(loss.methods) if loss else None


def _loss(authoring: Authoring, frame: Frame) -> Loss | None:
    """Return what was lost, the first step first; what is compressed here last, as it is measured."""
    now, own = authoring.derivation.compression, frame.encoded.codestream
    before = authoring.sources.loss if lossy_image_compression(authoring, frame) == "01" else None
    if now is None or own is None:
        return before
    earlier = before or Loss((), ())
    ratio = round(own.native_length / own.length, _RATIO_DIGITS)
    return Loss((*earlier.ratios, ratio), (*earlier.methods, now.term))


def _any_lossy(authoring: Authoring, frame: Frame) -> bool:
    """Whether any contributor, of whichever source, is compressed with loss, or says that it was."""
    if not frame.contributors:
        return any(f.lossy for f in authoring.source.frames)
    behind = [(authoring.sources.all[c.source], c.frame) for c in frame.contributors]
    return any(s.frames[k].lossy or s.value("LossyImageCompression", k) == "01" for s, k in behind)


def _any_says(values: Sequence[Any], yes: str, no: str) -> str | None:
    if yes in values:
        return yes
    return no if values and all(v == no for v in values) else None


@per_series("SpecificCharacterSet")
def specific_character_set(authoring: Authoring) -> Element | None:
    """Return the source's: ISO_IR 192 where its text was transcoded."""
    element = authoring.source.table.element(tag_of("SpecificCharacterSet"), 0)
    return element if element and element.stripped() else None


@per_series("CodingSchemeIdentificationSequence")
def coding_scheme_identification_sequence(authoring: Authoring) -> list[dict[str, str]] | None:
    """Return an item for every private coding scheme of the derivation codes (C.12.1.1.3)."""
    named = (code for pair in authoring.quantity.definition for code in pair if isinstance(code, Code))
    said = [*authoring.derivation.codes, *filter(None, [authoring.quantity.concept]), *named]
    schemes = dict.fromkeys(c.scheme for c in said if c.scheme.startswith("99"))
    return [{"CodingSchemeDesignator": scheme} for scheme in schemes] or None

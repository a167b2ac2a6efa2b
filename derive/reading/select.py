"""Which images make the one series that is asked for, and what is refused by name."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray

from derive import standard
from derive.elements.element import shown_class
from derive.elements.meaning import meaning
from derive.errors import SourceError
from derive.model.classes import is_captured, modalities_read
from derive.model.source import Skipped
from derive.pixels.decode import check_decodable, decode
from derive.reading.concatenations import check_concatenations
from derive.reading.frames import frames_of, refuse_placed_pages
from derive.reading.groups import distinct, tallied
from derive.reading.header import Header
from derive.reading.pages import without_pages
from derive.reading.pixel_attributes import layout_of
from derive.reading.stacks import is_localizer
from derive.told.secrecy import shown_number, shown_term, shown_uid, some
from derive.told.wording import counted, flag


class Selected(NamedTuple):
    """The frames of one series, each as an image of its own, and what was left out of it: copies, pages."""

    headers: tuple[Header, ...]
    skipped: tuple[Skipped, ...]


def select(headers: Sequence[Header], skipped: Sequence[Skipped], series: str | None) -> Selected:
    """Choose one series and refuse what cannot be one volume of one patient.

    Parameters
    ----------
    headers : sequence of Header
        All that were found, of any classes.
    skipped : sequence of Skipped
        All else that was found, for messages.
    series : str, optional
        See :func:`derive.reading.read.read`.

    Raises
    ------
    SourceError
        ``SRC-NONE``, ``SRC-CLASS``, ``SRC-UID``, ``SRC-SERIES``, ``SRC-PATIENT``, ``SRC-STUDY``,
        ``SRC-MOSAIC``, ``SRC-LOCALIZER``, ``SRC-NOPIXELS``, ``SRC-SYNTAX``, ``SRC-FRAMES``, ``SRC-DUPLICATE``,
        ``SRC-CONCATENATION``.
    ValuesError
        ``VAL-TRUNCATED``, ``VAL-COLOUR``, ``VAL-BITS``.
    """
    images, others = apart(headers)
    if not images:
        _refuse_nothing(others, skipped)
    chosen = _choose(sorted(images, key=lambda h: h.name), series)
    for header in chosen:
        _check_identity(header)
    _check_one_patient(chosen)
    chosen, pages = without_pages(chosen)
    _check_one_kind(chosen)
    for header in chosen:
        _check_has_pixels(header)
        refuse_placed_pages(header)
    frames = {id(header): frames_of(header) for header in chosen}
    for frame in (frame for header in chosen for frame in frames[id(header)]):
        _check_pixels(frame)
    kept, copies = _without_copies(chosen, frames)
    check_concatenations(kept)
    return Selected(tuple(frame for header in kept for frame in frames[id(header)]), (*pages, *copies))


def apart(headers: Sequence[Header]) -> tuple[list[Header], list[Header]]:
    """Tell images of the classes that are read from everything else."""
    return [h for h in headers if h.readable], [h for h in headers if not h.readable]


def unread(header: Header) -> Skipped:
    """Say why an object is no image of a class that is read."""
    reason = f"other class: {header.class_name}" if header.sop_class_uid else "no SOP Class UID: not a DICOM image"
    return Skipped(header.name, reason)


def _refuse_nothing(others: Sequence[Header], skipped: Sequence[Skipped]) -> NoReturn:
    skipped = [*skipped, *map(unread, others)]
    classes = sorted({h.class_name for h in others if h.sop_class_uid})
    if classes:
        raise SourceError(
            "SRC-CLASS",
            f"found {', '.join(classes)} in {counted(len(skipped), 'file')}, and no image of a class that is read: "
            f"those of {', '.join(modalities_read())}, and maps of a quantity",
            classes=classes,
        )
    found = some([f"{s.name} ({s.reason})" for s in skipped]) if skipped else "there is no file"
    raise SourceError("SRC-NONE", f"no image of a class that is read was found: {found}")


def _check_identity(header: Header) -> None:
    for keyword in ("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID"):
        if not header.text(keyword):
            raise SourceError(
                "SRC-UID",
                f"{header.name} has no {keyword}{header.why_absent(keyword)}; what is derived from it must refer to "
                f"it. A person can say it: {flag('assume', f'{keyword}=UID')}",
                keyword=keyword,
            )


def _choose(headers: Sequence[Header], series: str | None) -> list[Header]:
    groups = list(distinct(headers, lambda h: h.text("SeriesInstanceUID")).values())
    groups.sort(key=lambda g: (g[0].integer("SeriesNumber") or 0, g[0].text("SeriesInstanceUID")))
    if series is None:
        scanned = [g for g in groups if not all(is_captured(h.sop_class_uid) for h in g)]
        if len(scanned) == 1:  # what was captured of a screen beside it is looked at, and asked for by name
            return scanned[0]
        if len(groups) > 1:
            _refuse_series(
                f"there are {len(groups)} series; choose one with {flag('series', 'WHICH')} "
                "('#2' in this list, a number, a UID)",
                groups,
            )
        return groups[0]
    wanted = str(series).strip()
    matches = [g for number, g in enumerate(groups, 1) if _matches(wanted, number, g[0])]
    if len(matches) != 1:
        found = "no series matches" if not matches else f"{len(matches)} series match"
        ways = [f"by its UID ({flag('series', 'UID')})"]
        if not matches and wanted.isdecimal() and 1 <= int(wanted) <= len(groups):
            ways.insert(0, f"by its place in this list ({flag('series', repr(f'#{wanted}'))})")
        _refuse_series(f"{found} {wanted!r}; choose one {', or '.join(ways)}", groups)
    return matches[0]


def _matches(wanted: str, number: int, header: Header) -> bool:
    description = header.text("SeriesDescription").casefold()
    return (
        wanted in (header.text("SeriesInstanceUID"), header.text("SeriesNumber"), f"#{number}")
        or wanted.casefold() == description
        or fnmatch.fnmatchcase(description, wanted.casefold())
    )


def _refuse_series(what: str, groups: Sequence[Sequence[Header]]) -> NoReturn:
    rows = [_summary(number, group) for number, group in enumerate(groups, 1)]
    lines = "\n".join(
        f"  #{r['number']} {r['modality']}, {r['sop_class']}, {counted(len(group), 'image')}, Series Number "
        f"{r['series_number']}, {r['series_instance_uid']}"
        for r, group in zip(rows, groups, strict=True)
    )
    raise SourceError("SRC-SERIES", f"{what}:\n{lines}", series=rows)


def _summary(number: int, group: Sequence[Header]) -> dict[str, object]:
    return {
        "number": number,
        "modality": shown_term(group[0].text("Modality"), standard.known_terms()),
        "sop_class": shown_class(group[0].text("SOPClassUID")),
        "images": len(group),
        "series_number": shown_number(group[0].text("SeriesNumber")),
        "series_instance_uid": shown_uid(group[0].text("SeriesInstanceUID")),
    }


def _check_one_patient(headers: Sequence[Header]) -> None:
    """Refuse what does not belong together, what is most dangerous first."""
    patients = distinct(headers, patient_of)
    if len(patients) > 1:
        examples = some([min(h.name for h in group) for group in patients.values()])
        raise SourceError("SRC-PATIENT", f"the images are of {len(patients)} patients, e.g. {examples}; wanted one")
    studies = distinct(headers, lambda h: h.text("StudyInstanceUID"))
    if len(studies) > 1:
        raise SourceError(
            "SRC-STUDY",
            f"the images are of {counted(len(studies), 'study')}: {tallied(studies, shown_uid)}; wanted one",
        )


def _check_one_kind(headers: Sequence[Header]) -> None:
    _refuse_kind(headers, "SRC-CLASS", _is_multi_frame, "multi-frame in a class of single frames")
    if all(map(is_localizer, headers)):  # beside others they are a stack of their own
        _refuse_kind(headers, "SRC-LOCALIZER", is_localizer, "localizers (Image Type value 3), no slices of a volume")


def patient_of(header: Header) -> tuple[Hashable, ...]:
    """What tells patients apart: Patient ID, its issuer and the name, whatever their spelling."""
    return tuple(meaning(header.element(k), header.encodings) for k in _PATIENT)


_PATIENT = ("PatientID", "IssuerOfPatientID", "PatientName")


def _is_multi_frame(header: Header) -> bool:
    return standard.is_single_frame(header.sop_class_uid) and (header.integer("NumberOfFrames") or 1) != 1


def _refuse_kind(headers: Sequence[Header], code: str, test: Callable[[Header], bool], what: str) -> None:
    found = sorted(h.name for h in headers if test(h))
    if found:
        raise SourceError(
            code, f"{len(found)} of {counted(len(headers), 'image')} are {what}: {some(found, 12)}", files=found
        )


def _check_has_pixels(header: Header) -> None:
    if header.pixels is None:
        raise SourceError("SRC-NOPIXELS", f"{header.name} has no Pixel Data (7FE0,0010), or was cut short before it")


def _check_pixels(header: Header) -> None:
    assert header.pixels is not None, "_check_has_pixels() refuses images without pixels"
    if header.pixels.first:  # of slices that lie side by side the image is looked at once
        check_decodable(layout_of(header), header.pixels, header.name)


def _without_copies(
    headers: Sequence[Header], frames: Mapping[int, tuple[Header, ...]]
) -> tuple[list[Header], list[Skipped]]:
    """Leave out identical copies of an image; refuse different images of one SOP Instance UID."""
    kept: list[Header] = []
    skipped: list[Skipped] = []
    for uid, (first, *others) in distinct(headers, lambda h: h.text("SOPInstanceUID")).items():
        kept.append(first)
        for other in others:
            if not _same_image(first, other, frames):
                raise SourceError(
                    "SRC-DUPLICATE",
                    f"{first.name} and {other.name} both are SOP Instance {shown_uid(uid)}, and differ; "
                    "take out the wrong one",
                    files=[first.name, other.name],
                )
            skipped.append(Skipped(other.name, f"a copy of {first.name}"))
    return kept, skipped


def _same_image(one: Header, other: Header, frames: Mapping[int, tuple[Header, ...]]) -> bool:
    if one.elements != other.elements or one.tags != other.tags:
        return False
    pairs = zip(frames[id(one)], frames[id(other)], strict=True)
    return all(np.array_equal(_stored(a), _stored(b)) for a, b in pairs)


def _stored(header: Header) -> NDArray[Any]:
    assert header.pixels is not None, "_check_has_pixels() refuses images without pixels"
    return decode(layout_of(header), None, header.pixels, header.name)

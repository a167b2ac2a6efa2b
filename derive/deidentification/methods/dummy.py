"""Replace (D): values that are valid for their value representation, say nothing, and are never what was there."""

from __future__ import annotations

from functools import cache

from pydicom.datadict import dictionary_VM

from derive.deidentification.engine.here import Here
from derive.deidentification.methods.registry import method
from derive.deidentification.methods.values import (
    FLOATS,
    NUMBERS,
    ONE_TEXT,
    number_bytes,
    text_element,
    texts_of,
)
from derive.deidentification.run.dummies import dummies, meaning
from derive.elements.element import Element, tag_of
from derive.standard.value_syntax import ONE_VALUE, WIDTHS
from derive.standard.vr import TEXT_VRS

_PATIENT_ID, _PATIENT_NAME = tag_of("PatientID"), tag_of("PatientName")
#: What an empty UID is replaced by follows of this one, which names nothing.
_NO_UID = "0.0"
_FILLED = frozenset(["1", "1C"])


@method("replace")
def replace(element: Element, here: Here) -> Element | None:
    """Put a dummy in its place (D): of as many values, none of them the one that was there."""
    if element.tag in (_PATIENT_ID, _PATIENT_NAME):
        return subject(element, here)
    if element.vr in TEXT_VRS:
        return text_element(element, [_dummy(element, text, here) for text in _texts(element, here)], here.encodings)
    if element.vr in NUMBERS:
        return element._replace(value=_numbers(element))
    zeros = bytes(max(WIDTHS.get(element.vr, 2), 2))
    return element._replace(value=zeros if element.value != zeros else b"\1".ljust(len(zeros), b"\0"))


def unreadable(element: Element, here: Here) -> Element:
    """Return what becomes of a value that is none of its kind, so that it may say anything: it never stays."""
    replaced = replace(element, here) if here.type in _FILLED else None
    return replaced or element._replace(value=b"")


@method("subject", "LO", "PN")
def subject(element: Element, here: Here) -> Element | None:
    """Put the new name of the patient in its place: of a Patient ID the new one."""
    subjects = here.run.subjects
    new = subjects.patient_name(here.instance) if element.vr == "PN" else subjects.patient_id(here.instance)
    return text_element(element, new, here.encodings)


def _texts(element: Element, here: Here) -> list[str]:
    """The values that are replaced; of an empty attribute as many as the dictionary asks for at least."""
    if not element.stripped():
        return [""] * (1 if element.vr in ONE_TEXT else _fewest(element.tag))
    return texts_of(element, here.encodings)


def _dummy(element: Element, text: str, here: Here) -> str:
    if element.vr == "UI":
        return here.run.uids.new(text or _NO_UID)
    row = dummies().get(element.keyword) or dummies()[element.vr]
    said = here.run.dummies.get(element.keyword) or here.run.dummies.get(element.vr)
    said = said or row.of(here.run.profile.dialect)
    for dummy in (said, row.dummy):
        if meaning(element.vr, dummy) != meaning(element.vr, text):
            return dummy
    return row.other


@cache
def _fewest(tag: int) -> int:
    try:
        return max(1, int(str(dictionary_VM(tag)).partition("-")[0].rstrip("n") or 1))
    except (KeyError, ValueError):
        return 1


def _numbers(element: Element) -> bytes:
    """Zeros, and ones where there were zeros."""
    width = WIDTHS[element.vr]
    count = max(1, len(element.value) // width) if element.vr not in ONE_VALUE else 1
    if not element.value:
        count = _fewest(element.tag)
    zero, one = (number_bytes(element.vr, [value]) for value in (0, 1))
    was = [element.value[at * width : (at + 1) * width] for at in range(count)]
    return b"".join(
        one if value == zero or (element.vr in FLOATS and not value.strip(b"\0\x80")) else zero for value in was
    )

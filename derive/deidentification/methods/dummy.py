"""Replace (D): a value that is valid for its value representation, says nothing, and is never what was there."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import NamedTuple

from pydicom.datadict import dictionary_VM

from derive.deidentification.here import Here
from derive.deidentification.methods.registry import method
from derive.deidentification.methods.values import ONE_TEXT, padded, text_element
from derive.elements.element import Element, tag_of
from derive.standard.value_syntax import ONE_VALUE, WIDTHS
from derive.standard.vr import TEXT_VRS

_PATIENT_ID, _PATIENT_NAME = tag_of("PatientID"), tag_of("PatientName")
#: Numbers are written as this many bytes, least significant first; floating point as 0 and 1 in IEEE 754.
_ONES = {"FL": b"\0\0\x80?", "FD": b"\0\0\0\0\0\0\xf0?"}


class Dummy(NamedTuple):
    """A row of ``dummies.tsv``: what stands for a value, and what does where that is the value itself."""

    name: str
    dummy: str
    other: str


@cache
def dummies() -> dict[str, Dummy]:
    """Return the dummies by value representation, or by keyword where an attribute has its own."""
    text = files(__package__).joinpath("dummies.tsv").read_text(encoding="utf-8")
    rows = [Dummy(*line.split("\t")) for line in text.splitlines()[1:]]
    return {row.name: row for row in rows}


@method("replace")
def replace(element: Element, here: Here) -> Element | None:
    """Put a dummy in its place (D): of as many values, and never the value that it had."""
    if element.tag in (_PATIENT_ID, _PATIENT_NAME):
        return subject(element, here)
    if element.vr == "UI":
        return element._replace(value=padded(here.run.uids.new(_other_than(element.value)).encode(), "UI"))
    if element.vr in TEXT_VRS:
        row = dummies().get(element.keyword) or dummies()[element.vr]
        made = [text_element(element, [text] * _count(element), here.encodings) for text in (row.dummy, row.other)]
    else:
        made = [element._replace(value=_number(element.vr, one) * _count(element)) for one in (False, True)]
    return made[0] if made[0].stripped() != element.stripped() else made[1]


@method("subject", "LO", "PN")
def subject(element: Element, here: Here) -> Element | None:
    """Put the new name of the patient in its place: of a Patient ID the new one."""
    subjects = here.run.subjects
    new = subjects.patient_name(here.instance) if element.vr == "PN" else subjects.patient_id(here.instance)
    return text_element(element, new, here.encodings)


def _other_than(value: bytes) -> str:
    return value.rstrip(b" \0").decode("ascii", "replace").partition("\\")[0]


def _count(element: Element) -> int:
    """How many values a dummy has: as many as there were; without any as many as the dictionary asks for at least."""
    if element.vr in ONE_TEXT or element.vr in ONE_VALUE:
        return 1
    if element.stripped():
        width = WIDTHS.get(element.vr, 1)
        return element.value.count(b"\\") + 1 if element.vr in TEXT_VRS else max(1, len(element.value) // width)
    return _fewest(element.tag)


@cache
def _fewest(tag: int) -> int:
    try:
        return max(1, int(str(dictionary_VM(tag)).partition("-")[0].rstrip("n") or 1))
    except (KeyError, ValueError):
        return 1


def _number(vr: str, one: bool) -> bytes:
    if vr in ("OB", "UN"):
        return b"\1\0" if one else b"\0\0"
    width = WIDTHS.get(vr, 2)
    return (_ONES.get(vr) or b"\1".ljust(width, b"\0")) if one else bytes(width)

"""What stands for a value that has to go and must not be missing: a table by value representation, or by keyword."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from pydicom.datadict import dictionary_VR, tag_for_keyword

from derive.errors import UsageError
from derive.standard.value_syntax import fault
from derive.standard.vr import TEXT_VRS
from derive.told.wording import did_you_mean


class Dummy(NamedTuple):
    """A row of ``dummies.tsv``: what stands for a value, what does where that is the value itself, dcm4che's own."""

    name: str
    dummy: str
    other: str
    dcm4chee: str

    def of(self, dialect: str) -> str:
        """Return the dummy of a dialect."""
        return (self.dcm4chee if dialect == "dcm4chee" else "") or self.dummy


@cache
def dummies() -> dict[str, Dummy]:
    """Return the dummies by value representation, or by keyword where an attribute has its own."""
    text = files(__package__).joinpath("dummies.tsv").read_text(encoding="utf-8")
    rows = [Dummy(*line.split("\t")) for line in text.splitlines()[1:]]
    return {row.name: row for row in rows}


def checked_dummies(said: Mapping[str, str], where: str = "dummies") -> Mapping[str, str]:
    """Return dummies of a person's own, by value representation or by keyword.

    Raises
    ------
    UsageError
        ``DEID-DUMMY`` for one of no text attribute, or that is no value of it.
    """
    for name, value in said.items():
        tag = tag_for_keyword(name)
        vr = name if name in dummies() and len(name) == 2 else dictionary_VR(tag) if tag else ""
        if vr not in TEXT_VRS:
            hint = did_you_mean(name, dummies())
            raise UsageError("DEID-DUMMY", f"{where}: {name!r} is no keyword and no VR of text{hint}")
        wrong = "is empty" if not value.strip() else "is not ASCII" if not value.isascii() else fault(vr, value)
        if wrong or "\\" in value:
            raise UsageError("DEID-DUMMY", f"{where}: the dummy of {name} {wrong or 'is more than one value'}")
    return said


def meaning(vr: str, text: str) -> object:
    """Return what a text says, so that two are equal that say the same: ``0`` and ``0.0``, a name in capitals."""
    text = text.strip(" \0")
    if vr in ("DS", "IS"):
        try:
            return float(text)
        except ValueError:
            return text
    if vr in ("DA", "TM", "DT"):
        digits = text.replace(".", "").replace(":", "").partition("+")[0].partition("-")[0]
        return digits.rstrip("0") if vr != "DA" else digits
    return text.strip("^= ").casefold()

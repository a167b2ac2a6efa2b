"""Expanders of deid: attributes told by a part of their keyword, by group, by value representation, or all of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

from derive.deidentification.profile.rule import Address
from derive.elements.element import keyword_of, tag_of
from derive.errors import UsageError
from derive.rewriting.stored import AttributePath

#: Attributes that no expander is for, nor for what is in them: a file cannot be read without them (deid protects them
#: too), or they say how it was de-identified before.
_PROTECTED = (
    *("PatientIdentityRemoved", "DeidentificationMethod", "DeidentificationMethodCodeSequence"),
    *("FileMetaInformationGroupLength", "FileMetaInformationVersion", "TransferSyntaxUID", "ImplementationClassUID"),
    *("MediaStorageSOPClassUID", "SOPClassUID", "SpecificCharacterSet", "PixelData", "VOILUTSequence"),
    *("RedPaletteColorLookupTableData", "GreenPaletteColorLookupTableData", "BluePaletteColorLookupTableData"),
)
_ALL = ("all", "allfields")


def _names(path: AttributePath) -> str:
    """The keyword in small letters; of a private attribute its group and who defines it."""
    if path.is_private:
        return f"({path.tag >> 16:04x}, {path.tag & 0xFFFF:04x}) {path.creator.lower()}"
    return keyword_of(path.tag).lower()


_KINDS: Mapping[str, Callable[[AttributePath, str], bool]] = {
    "startswith": lambda path, text: _names(path).startswith(text),
    "endswith": lambda path, text: _names(path).endswith(text),
    "contains": lambda path, text: re.search(text, _names(path)) is not None,
    "except": lambda path, text: re.search(text, _names(path)) is None,
    "allexcept": lambda path, text: re.search(text, _names(path)) is None,
    "select:vr": lambda path, text: path.vr.lower() == text,
    "select:group": lambda path, text: path.tag >> 16 == int(text, 16),
    "all": lambda path, text: True,
}


@dataclass(frozen=True)
class Expander(Address):
    """Attributes told by a part of their keyword: ``endswith:Date``, ``select:VR:TM``, ``ALL``.

    Parameters
    ----------
    vrs : frozenset of str
        Value representations that the method of the rule is for; empty for all.

    Raises
    ------
    UsageError
        ``DEID-ADDRESS`` for what is none.
    """

    vrs: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        kind, text = _parts(self.text)
        try:
            if kind in ("contains", "except", "allexcept"):
                re.compile(text)
            elif kind == "select:group":
                int(text, 16)
        except (re.error, ValueError):
            raise UsageError("DEID-ADDRESS", f"{self.text!r}: {text!r} cannot be looked for") from None
        if kind not in _KINDS or (kind != "all" and not text):
            raise UsageError("DEID-ADDRESS", f"{self.text!r} is no expander; there are {', '.join(_KINDS)}, and ALL")

    def matches(self, path: AttributePath) -> bool:
        """Whether an attribute is one of those."""
        kind, text = _parts(self.text)
        if path.is_creator or any(tag in _protected() for tag in path.tags) or (self.vrs and path.vr not in self.vrs):
            return False
        return _KINDS[kind](path, text)

    @property
    def known_vrs(self) -> tuple[str, ...]:
        """None: attributes of many kinds are meant, and :attr:`vrs` says of which."""
        return ()

    def leads_through(self, path: AttributePath) -> bool:
        """Whether it is for attributes inside of this sequence: each is asked for itself."""
        return False


def is_expander(text: str) -> bool:
    """Whether an address of a recipe is one."""
    return text.lower() in _ALL or ":" in text


@cache
def _parts(text: str) -> tuple[str, str]:
    if text.lower() in _ALL:
        return "all", ""
    kind, _, said = text.lower().rpartition(":")
    return kind, said.strip()


@cache
def _protected() -> frozenset[int]:
    return frozenset(map(tag_of, _PROTECTED))

"""The engine: one object in, the same object without what has to go, with all that it says of that.

An object goes through once. What becomes of an attribute is decided once for all objects of a class
(:mod:`~derive.deidentification.engine.decide`) and remembered; only what changes is decoded.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from pydicom.uid import DeflatedExplicitVRLittleEndian

from derive.deidentification.engine.changes import Decided, ObjectChanges, Scopes
from derive.deidentification.engine.cleaned import Cleaned
from derive.deidentification.engine.marks import Claims
from derive.deidentification.line.caution import Caution
from derive.deidentification.profile.profile import Profile
from derive.deidentification.run.run import Run
from derive.elements.element import Element, tag_of
from derive.elements.spans import Short, Unusual
from derive.errors import SourceError
from derive.rewriting.deflation import deflated
from derive.rewriting.file import Part, StoredFile
from derive.rewriting.rewrite import spliced
from derive.rewriting.stored import StoredDataSet
from derive.writing.part10 import file_start

_MEDIA_CLASS, _MEDIA_INSTANCE = tag_of("MediaStorageSOPClassUID"), tag_of("MediaStorageSOPInstanceUID")
_DEFAULT_SYNTAX = "1.2.840.10008.1.2.1"


@dataclass(frozen=True)
class Deidentified:
    """An object that went through.

    Parameters
    ----------
    parts : tuple of Part
        A Part 10 file, one after the other.
    sop_instance_uid : str
        The new one.
    transfer_syntax : str
    decisions : tuple of Decided
        In the order in which attributes stand; of objects with the same decisions the same tuple.
    claims : Claims
    head : bytes
        What stands before Pixel Data.
    implicit : bool
        Whether that is Implicit VR.
    cautions : tuple of Caution
        What was odd on the way, and a person has to know.
    """

    parts: tuple[Part, ...] = field(repr=False)
    sop_instance_uid: str
    transfer_syntax: str
    decisions: tuple[Decided, ...] = field(repr=False)
    claims: Claims
    head: bytes = field(repr=False)
    implicit: bool
    cautions: tuple[Caution, ...] = ()

    @cached_property
    def elements(self) -> Mapping[int, Element]:
        """What the object says of itself afterwards; standard attributes only."""
        return StoredDataSet.of(self.head, implicit=self.implicit).elements


class Deidentifier:
    """De-identifies objects, and remembers what it decided.

    Parameters
    ----------
    profile : Profile
    run : Run
    """

    def __init__(self, profile: Profile, run: Run) -> None:
        self.profile, self.run = profile, run
        self._scopes = Scopes(profile, run)
        self._decisions: dict[tuple[Decided, ...], tuple[Decided, ...]] = {}

    def file(self, stored: StoredFile, cleaned: Cleaned | None = None) -> Deidentified:
        """De-identify an object.

        Parameters
        ----------
        stored : StoredFile
        cleaned : Cleaned, optional
            What became of its pixels; they pass as they are where nobody looked after them.

        Raises
        ------
        SourceError
            ``SRC-UNREADABLE`` for an object without attributes, or with sequences that are none.
        ValuesError
            ``DEID-VALUE`` for a new value that the object's character set cannot say.
        """
        if not stored.head.spans:
            raise SourceError("SRC-UNREADABLE", f"{stored.name} holds no attributes; take it out")
        changes = ObjectChanges(self._scopes, stored, cleaned)
        try:
            # What stays behind the pixels is known before the marks are made, which stand before them.
            tail = spliced(stored.tail, changes.top, changes, implicit=stored.implicit)
            behind, changes.found, changes.marked = changes.found, {}, False
            head = spliced(stored.head, changes.top, changes, implicit=stored.implicit)
            changes.found.update(behind)
        except (Unusual, Short, struct.error) as error:
            message = f"{stored.name} has a sequence that is none; it is read anew by another way, or taken out"
            raise SourceError("SRC-UNREADABLE", message) from error
        return self._result(stored, changes, (head, _pixels(stored, cleaned), tail))

    def _result(
        self, stored: StoredFile, changes: ObjectChanges, bodies: tuple[list[bytes], list[Part], list[bytes]]
    ) -> Deidentified:
        head, pixels, tail = bodies
        cleaned = changes.cleaned
        syntax = (cleaned.transfer_syntax if cleaned and cleaned.changed else stored.transfer_syntax) or _DEFAULT_SYNTAX
        data = b"".join(head)
        body: list[Part] = [data, *pixels, *tail]
        if syntax == DeflatedExplicitVRLittleEndian:
            body = [deflated([part for part in body if isinstance(part, bytes)])]
        uid = changes.sop_instance
        sop_class = stored.sop_class_uid.encode()
        repeated = {_MEDIA_CLASS: sop_class + b"\0" * (len(sop_class) % 2), _MEDIA_INSTANCE: uid}
        start = file_start(repeated, syntax)
        found = tuple(changes.found)
        return Deidentified(
            (start, *body),
            uid.rstrip(b" \0").decode("ascii", "replace"),
            syntax,
            self._decisions.setdefault(found, found),
            changes.claims,
            data,
            stored.implicit,
            tuple(changes.cautions),
        )


def _pixels(stored: StoredFile, cleaned: Cleaned | None) -> list[Part]:
    """Return Pixel Data as it passes, or as it was cleaned."""
    if stored.pixels is None:
        return []
    if cleaned is None or not cleaned.changed:
        return [stored.pixels.head, stored.pixels.value]
    length = 0xFFFFFFFF if cleaned.encapsulated else len(cleaned.value)
    if stored.implicit:
        return [struct.pack("<HHL", 0x7FE0, 0x0010, length), cleaned.value]
    return [struct.pack("<HH2sHL", 0x7FE0, 0x0010, cleaned.vr.encode(), 0, length), cleaned.value]

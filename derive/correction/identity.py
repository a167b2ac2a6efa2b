"""Who and which study objects are of, before and after: archives split or merge studies of which a part is moved."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import NamedTuple

from derive.elements.element import tag_of
from derive.errors import UsageError
from derive.rewriting.file import StoredFile
from derive.rewriting.stored import StoredDataSet
from derive.told.wording import counted, flag

_PATIENT, _ISSUER, _STUDY = map(tag_of, ("PatientID", "IssuerOfPatientID", "StudyInstanceUID"))


class Identity(NamedTuple):
    """Of whom, and of which study, an object is; as bytes without padding, since nobody is told."""

    patient: bytes
    issuer: bytes
    study: bytes

    @property
    def who(self) -> tuple[bytes, bytes]:
        """The patient."""
        return self.patient, self.issuer


class Moves:
    """Looks at who all objects of a set are before and after. It remembers that, and nothing else of them."""

    def __init__(self) -> None:
        self._after: defaultdict[Identity, set[Identity]] = defaultdict(set)

    def take(self, stored: StoredFile, parts: Mapping[int, bytes | None]) -> None:
        """Take an object and the whole elements that it gets."""
        self._after[_identity(stored, {})].add(_identity(stored, parts))

    def refuse(self, *, is_part: bool = False) -> None:
        """Refuse a set in which patients or studies come together that were not, or a study falls apart.

        Parameters
        ----------
        is_part : bool
            Whether it is a part of a study, of which the rest stays what it is.

        Raises
        ------
        UsageError
            ``COR-MOVE``.
        """
        before, after = set(self._after), set[Identity]().union(*self._after.values())
        if before == after:
            return
        if is_part:
            self._say("a part of a study would become another patient's, or another study")
        for what, key in (("patient", "who"), ("study", "study")):
            was, is_now = ({getattr(i, key) for i in side} for side in (before, after))
            if len(is_now) < len(was):
                self._say(f"objects of {counted(len(was), what)} would become those of {len(is_now)}")
        patients: defaultdict[bytes, set[tuple[bytes, bytes]]] = defaultdict(set)
        for identity in after:
            patients[identity.study].add(identity.who)
        if any(len(found) > 1 for found in patients.values()) or any(len(found) > 1 for found in self._after.values()):
            self._say("objects of one study would become those of two patients or studies")

    def _say(self, what: str) -> None:
        how = f"correct them one by one, or say that it is meant ({flag('move')})"
        raise UsageError("COR-MOVE", f"{what}; archives then split or merge studies: {how}")


def _identity(stored: StoredFile, parts: Mapping[int, bytes | None]) -> Identity:
    return Identity(*(_value(stored, parts, tag) for tag in (_PATIENT, _ISSUER, _STUDY)))


def _value(stored: StoredFile, parts: Mapping[int, bytes | None], tag: int) -> bytes:
    if tag not in parts:
        element = stored.head.elements.get(tag)
        return element.stripped() if element is not None else b""
    part = parts[tag]
    if not part:
        return b""
    alone = StoredDataSet.of(part, implicit=stored.implicit)
    return alone.element(alone.stored()[0]).stripped()

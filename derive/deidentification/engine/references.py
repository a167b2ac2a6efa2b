"""References that lead out of the set, where such are to go (``--external remove``).

A reference is an item: of an instance, of a series, of a study. The item goes whole, and with it the item around it
that must have one and has no other left. Where a sequence must not be empty its items stay, and their UIDs are mapped
as elsewhere: a reference that leads nowhere is legal, an object without what it must have is not.

*2026-11-30, what a report says stays whole.* The references of a content tree (SR), and the evidence of which it is
made, are mapped even so: without one of its items a sentence means another thing.
"""

from __future__ import annotations

from derive.deidentification.run.uids import KeyedUids
from derive.elements.element import tag_of
from derive.rewriting.stored import StoredDataSet
from derive.standard import type_of

#: What an item is a reference to: its UID in that attribute.
_LEADING = tuple(map(tag_of, ("ReferencedSOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID")))
_OF_REPORTS = frozenset(
    map(tag_of, ("ContentSequence", "CurrentRequestedProcedureEvidenceSequence", "PertinentOtherEvidenceSequence"))
)
_MUST_HAVE = "1"


class References:
    """The references of one object.

    Parameters
    ----------
    sop_class_uid : str
    uids : KeyedUids
    """

    def __init__(self, sop_class_uid: str, uids: KeyedUids) -> None:
        self._sop_class_uid, self._uids = sop_class_uid, uids
        self._asked: tuple[list[StoredDataSet], bool] = ([], False)

    def go_out(self, item: StoredDataSet, tags: tuple[int, ...]) -> bool:
        """Whether an item refers to what is outside of the set, or has to hold such references and holds no other.

        Parameters
        ----------
        item : StoredDataSet
        tags : tuple of int
            Of the sequences that hold it, the outermost first, its own last.
        """
        if _OF_REPORTS & {*tags}:
            return False
        elements = item.elements
        for tag in _LEADING:
            if tag in elements and self._uids.leads_out(elements[tag].value.decode("latin-1")):
                return True
        for stored in item.stored():
            if stored.vr == "SQ" and not stored.tag >> 16 & 1:
                inner = (*tags, stored.tag)
                if self._must_have(inner) and self._all(item.items(stored), inner):
                    return True
        return False

    def must_stay(self, among: list[StoredDataSet], tags: tuple[int, ...]) -> bool:
        """Whether all items of a sequence go out that must have one."""
        if not self._must_have(tags):
            return False
        if self._asked[0] is not among:
            self._asked = (among, self._all(among, tags))
        return self._asked[1]

    def _must_have(self, tags: tuple[int, ...]) -> bool:
        return type_of(self._sop_class_uid, tags) == _MUST_HAVE

    def _all(self, items: list[StoredDataSet], tags: tuple[int, ...]) -> bool:
        return bool(items) and all(self.go_out(item, tags) for item in items)

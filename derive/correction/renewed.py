"""New SOP and Series Instance UIDs for corrected objects, and all that refers to them within the set."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from derive import standard
from derive.elements.element import Element, tag_of
from derive.elements.encoding import encode_item
from derive.errors import SourceError
from derive.rewriting.file import StoredFile
from derive.rewriting.history import HISTORY
from derive.rewriting.nested import rebuilt
from derive.rewriting.rewrite import encoded
from derive.rewriting.splice import elements_of, part_of
from derive.rewriting.stored import StoredDataSet, StoredElement

_SOURCES, _REFERENCED = tag_of("SourceImageSequence"), tag_of("ReferencedSeriesSequence")
_STUDY = tag_of("StudyInstanceUID")
#: What is renewed: the same UIDs wherever they stand.
RENEWED = ("SOPInstanceUID", "SeriesInstanceUID")


@dataclass(frozen=True)
class Renewed:
    """New UIDs by the old ones.

    Parameters
    ----------
    uids : mapping str -> str
    """

    uids: Mapping[str, str]

    def parts(self, stored: StoredFile, parts: Mapping[int, bytes | None]) -> dict[int, bytes | None]:
        """Return the whole elements that change: UIDs at every depth, those that others change among them."""
        there = {s.tag: part_of(stored.head, s.tag) for s in stored.head.stored()} | dict(parts)
        found = dict(parts)
        for tag, part in there.items():
            if part and tag != HISTORY:
                new = self._part(part, implicit=stored.implicit)
                if new is not None:
                    found[tag] = new
        return found

    def _part(self, part: bytes, *, implicit: bool) -> bytes | None:
        alone = StoredDataSet.of(part, implicit=implicit)
        return self._renewed(alone, alone.stored()[0])

    def _renewed(self, dataset: StoredDataSet, stored: StoredElement) -> bytes | None:
        """Return an element with new UIDs; None where it has none of the old ones."""
        if stored.vr == "SQ":
            bodies: dict[int, bytes] = {}
            for number, item in enumerate(dataset.items(stored)):
                new: dict[int, bytes | None] = {}
                for inner in item.stored():
                    part = self._renewed(item, inner)
                    if part is not None:
                        new[inner.tag] = part
                if new:
                    bodies[number] = b"".join(elements_of(item, new))
            return rebuilt(dataset, stored, bodies) if bodies else None
        if stored.vr != "UI":
            return None
        old = dataset.data[stored.value : stored.end].rstrip(b" \0").decode("ascii", "replace").split("\\")
        uids = [self.uids.get(uid, uid) for uid in old]
        if uids == old:
            return None
        text = "\\".join(uids).encode()
        element = Element(stored.tag, "UI", text + b"\0" * (len(text) % 2))
        return encoded(element, implicit=not dataset.written_vr(stored))

    def with_sources(self, stored: StoredFile, parts: Mapping[int, bytes | None]) -> dict[int, bytes | None]:
        """Return the elements that change, among them what an image has as its source now.

        That is the image that it was (PS3.3 C.7.6.1.1.4, C.12.2). Its Image Type stays, since its pixels do.
        """
        new = self.parts(stored, parts)
        there = {tag: part_of(stored.head, tag) for tag in (_SOURCES, _REFERENCED)} | new
        return new | self._sources(stored, there)

    def _sources(self, stored: StoredFile, there: Mapping[int, bytes | None]) -> dict[int, bytes | None]:
        said = stored.instance
        if not standard.type_of(stored.sop_class_uid, (_SOURCES,)) or not standard.type_of(
            stored.sop_class_uid, (tag_of("ImageType"),)
        ):
            return {}
        reference = {
            "ReferencedSOPClassUID": said.text("SOPClassUID"),
            "ReferencedSOPInstanceUID": said.text("SOPInstanceUID"),
        }
        series = {
            "SeriesInstanceUID": said.text("SeriesInstanceUID"),
            "ReferencedInstanceSequence": [reference],
        }
        return {
            _SOURCES: _appended(stored, there.get(_SOURCES), "SourceImageSequence", encode_item(reference)),
            _REFERENCED: _appended(stored, there.get(_REFERENCED), "ReferencedSeriesSequence", encode_item(series)),
        }


def _appended(stored: StoredFile, part: bytes | None, keyword: str, item: bytes) -> bytes:
    """Return a sequence with one item more."""
    items = b""
    if part:
        alone = StoredDataSet.of(part, implicit=stored.implicit)
        items = alone.element(alone.stored()[0]).value
    return encoded(Element(tag_of(keyword), "SQ", items + item), implicit=stored.implicit)


def renewed_of(objects: Iterable[StoredFile], new: Callable[[str], str]) -> Renewed:
    """Return new UIDs for the instances and series of a set.

    Raises
    ------
    SourceError
        ``SRC-IDENTITY`` for an object without a SOP or Series Instance UID.
    """
    uids: dict[str, str] = {}
    for stored in objects:
        for keyword in RENEWED:
            uid = stored.instance.text(keyword)
            if not uid:
                raise SourceError("SRC-IDENTITY", f"{stored.name} has no {keyword}, and so nothing that is renewed")
            if uid not in uids:
                uids[uid] = new(uid)
    return Renewed(uids)


def following_study(stored: StoredFile, parts: Mapping[int, bytes | None]) -> dict[int, bytes | None]:
    """Return the elements that change, where an object becomes one of another study: what refers to its own follows."""
    part = parts.get(_STUDY)
    if not part:
        return dict(parts)
    alone = StoredDataSet.of(part, implicit=stored.implicit)
    new = alone.element(alone.stored()[0]).stripped().decode("ascii", "replace")
    return Renewed({stored.instance.text("StudyInstanceUID"): new}).parts(stored, parts)

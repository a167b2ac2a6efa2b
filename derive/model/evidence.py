"""Which instances a source knows of: in which series, and study, an archive finds them (PS3.3 C.12.2, C.8.13.1)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Protocol

from derive.elements.element import Element, tag_of
from derive.elements.instance import items_of
from derive.model.attribute_table import AttributeTable
from derive.model.source_frame import Reference

_UID, _CLASS = tag_of("ReferencedSOPInstanceUID"), tag_of("ReferencedSOPClassUID")
_STUDY, _SERIES = tag_of("StudyInstanceUID"), tag_of("SeriesInstanceUID")
_INSTANCES, _SOPS = tag_of("ReferencedInstanceSequence"), tag_of("ReferencedSOPSequence")
OWN_STUDY = tag_of("ReferencedSeriesSequence")
#: What says of other instances in which study and series they are; in multi-frame images it is called evidence.
WITH_STUDY = (
    tag_of("StudiesContainingOtherReferencedInstancesSequence"),
    tag_of("SourceImageEvidenceSequence"),
    tag_of("ReferencedImageEvidenceSequence"),
)


class Knowing(Protocol):
    """What says of other instances where they are: a source."""

    @property
    def table(self) -> AttributeTable:
        """What is said, a column a frame."""

    @property
    def references(self) -> Sequence[Reference]:
        """Its own instances."""

    @property
    def related(self) -> Mapping[str, Reference]:
        """Others that were found beside them."""

    def text(self, keyword: str, index: int | None = None) -> str:
        """Return what all its frames say, as text."""


def known_instances(sources: Iterable[Knowing]) -> dict[bytes, Reference]:
    """Return, by UID, every instance of which the sources say in which study and series it is, and they themselves."""
    found: dict[bytes, Reference] = {}
    for source in sources:
        study = source.text("StudyInstanceUID")
        for tag in (OWN_STUDY, *WITH_STUDY):
            column = source.table.varying.get(tag) or [source.table.constant.get(tag)]
            for element in dict.fromkeys(e for e in column if e is not None):
                found.update((r.sop_instance_uid.encode(), r) for r in _references_in(element, study))
        found.update((r.sop_instance_uid.encode(), r) for r in (*source.related.values(), *source.references))
    return found


@lru_cache(maxsize=4096)
def _references_in(element: Element, study: str) -> tuple[Reference, ...]:
    """Instances that a sequence names by series, and by study where its items say one."""
    if element.tag == OWN_STUDY:
        return tuple(_of_series(element, study))
    return tuple(
        reference
        for item in items_of(element) or ()
        for own in [{e.tag: e for e in item}]
        if OWN_STUDY in own and _STUDY in own
        for reference in _of_series(own[OWN_STUDY], _uid(own[_STUDY]))
    )


def _of_series(element: Element, study: str) -> Iterator[Reference]:
    for item in items_of(element) or ():
        own = {e.tag: e for e in item}
        listed = own.get(_INSTANCES) or own.get(_SOPS)
        if listed is None or _SERIES not in own:
            continue
        for inner in items_of(listed) or ():
            named = {e.tag: e for e in inner}
            if _UID in named and _CLASS in named:
                yield Reference(_uid(named[_CLASS]), _uid(named[_UID]), _uid(own[_SERIES]), study)


def _uid(element: Element) -> str:
    return element.stripped().decode("ascii", "replace")

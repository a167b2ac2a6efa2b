"""Related series: those of which a step took something other than pixels, a grid say (PS3.3 C.7.3.1)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import codes
from derive.authoring.entities.registry import per_series
from derive.authoring.entities.values import coded, own_items
from derive.authoring.order import Authoring
from derive.elements.element import Element, tag_of
from derive.elements.encoding import decode, encode_item, pack_item
from derive.elements.instance import items_of
from derive.model.source import SourceSeries
from derive.model.source_frame import Reference

#: CID 7210: a series that entered a computation, by more than the images that are referenced one by one.
PURPOSE = codes.context_group(7210).find("SourceSeriesForImageProcessingOperation")

# 2026-11-30: a grid that was taken from another series was recorded by that series' UID in Derivation Description and
# nowhere else. Whoever maps UIDs (PS3.15 E.1) maps those of UI attributes and leaves text as it is, and then the text
# leads nowhere, or to whoever has that UID. The items stand in the order of the steps.


@per_series("RelatedSeriesSequence")
def related_series_sequence(authoring: Authoring) -> Element | None:
    """Return the source's own items of this purpose, as its own steps stand in the record too; then one a series."""
    tag = tag_of("RelatedSeriesSequence")
    items = dict(_inherited(authoring, tag))
    for reference in _taken(authoring):
        items.setdefault(reference.series_instance_uid, _item(reference))
    return Element(tag, "SQ", b"".join(items.values())) if items else None


def _taken(authoring: Authoring) -> Iterator[Reference]:
    """Yield, for each series that a step was given, one of its images."""
    for step in authoring.derivation.steps:
        for series in _series_in(step.parameters):
            yield series.references[0]


def _series_in(value: Any) -> Iterator[SourceSeries]:
    if isinstance(value, SourceSeries):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _series_in(one)
    elif isinstance(value, tuple | list):
        for one in value:
            yield from _series_in(one)


def _item(reference: Reference) -> bytes:
    return encode_item(
        {
            "StudyInstanceUID": reference.study_instance_uid,
            "SeriesInstanceUID": reference.series_instance_uid,
            "PurposeOfReferenceCodeSequence": [coded(PURPOSE)],
        }
    )


def _inherited(authoring: Authoring, tag: int) -> Iterator[tuple[str, bytes]]:
    """Yield the items by which the source's own steps took something; other relations are those of the source."""
    own = Element(tag, "SQ", own_items(authoring, authoring.source.agreement(tag).element))
    for packed, item in zip(items_of(own) or (), decode(own) or (), strict=True):
        purposes = [(c.get("CodeValue"), c.get("CodingSchemeDesignator")) for c in item.PurposeOfReferenceCodeSequence]
        if (PURPOSE.value, PURPOSE.scheme) in purposes:
            yield str(item.SeriesInstanceUID), pack_item(packed)

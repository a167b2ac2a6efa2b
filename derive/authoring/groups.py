"""Functional groups of the frames of an instance, folded: what all share stands once (PS3.3 C.7.6.16)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from derive.elements.element import Element, tag_of
from derive.elements.encoding import pack_item
from derive.model.functional_groups import PER_FRAME, SHARED

#: Macros that speak of a frame by itself, and are never shared (C.7.6.16.2.2, C.7.6.16.2.25).
OF_A_FRAME = frozenset(map(tag_of, ("FrameContentSequence", "UnassignedPerFrameConvertedAttributesSequence")))


def folded(groups: Sequence[Mapping[int, Element]]) -> tuple[Element, Element]:
    """Return the Shared and the Per-Frame Functional Groups Sequence: a macro that all frames say alike is shared."""
    first, *others = groups
    shared = {t: e for t, e in first.items() if t not in OF_A_FRAME and all(g.get(t) == e for g in others)}
    own = b"".join(pack_item(e for t, e in g.items() if t not in shared) for g in groups)
    return Element(SHARED, "SQ", pack_item(shared.values())), Element(PER_FRAME, "SQ", own)

"""The judge of Private Creators: verbatim beside what is kept, and nowhere else (PS3.5 7.8.1)."""

from __future__ import annotations

from collections.abc import Iterator

from derive.deidentification.check.links import Links
from derive.deidentification.check.pair import Pair
from derive.deidentification.check.violation import Violation
from derive.deidentification.check.walk import Leaf, Walked


def creator_violations(pair: Pair, links: Links) -> Iterator[Violation]:
    """Judge the Private Creators of a written file."""
    leaves = [leaf for leaf in pair.output.leaves if leaf.spot.is_private]
    if not leaves:
        return
    known = {_named(pair.original, leaf) for leaf in pair.original.leaves} if pair.original else None
    kept = {(leaf.spot.above, leaf.at, leaf.spot.tag >> 16, leaf.spot.creator) for leaf in leaves}
    for leaf in leaves:
        if pair.is_below_gone(leaf):
            continue
        if not leaf.spot.is_creator:
            if not leaf.spot.creator and (pair.original is None or leaf.spot not in pair.original.by_spot):
                yield pair.told("DCK-CREATOR", leaf.spot)
            continue
        named = _named(pair.output, leaf)
        if (leaf.spot.above, leaf.at, *named) not in kept:
            yield pair.told("DCK-CREATOR-ALONE", f"({leaf.spot.tag >> 16:04X},{leaf.spot.tag & 0xFFFF:04X})")
        if known is not None and named not in known:
            yield pair.told("DCK-CREATOR-CHANGED", f"({leaf.spot.tag >> 16:04X},{leaf.spot.tag & 0xFFFF:04X})")


def _named(walked: Walked, leaf: Leaf) -> tuple[int, str]:
    """Return group and text of a Private Creator; nothing for another element."""
    if not leaf.spot.is_creator:
        return 0, ""
    return leaf.spot.tag >> 16, walked.value(leaf).decode("latin-1")

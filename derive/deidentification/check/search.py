"""The judge of the bytes of a written file: none of them names what an identifier named."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import NamedTuple

from derive.deidentification.check.demands import CODE_TAGS, Want
from derive.deidentification.check.frames import frames_of
from derive.deidentification.check.links import Links
from derive.deidentification.check.needles import Needles, SearchedText, whole
from derive.deidentification.check.pair import Pair
from derive.deidentification.check.violation import Violation
from derive.deidentification.check.walk import PIXEL_DATA, Leaf, Walked
from derive.deidentification.private.safe import known_creators
from derive.deidentification.text.identifiers import (
    ADDRESS,
    BIRTH_DATE,
    DATE,
    DEVICE,
    INSTITUTION,
    ORGANIZATION,
    UID,
)
from derive.standard.vr import TEXT_VRS

#: How the items of compressed pixels begin.
_ITEM = b"\xfe\xff\x00\xe0"
_WIDE = re.compile(rb"(?:[!-~]\0){4}")
#: Value representations that no text is in: numbers, UIDs (judged one by one), and times of a day.
_NO_TEXT = frozenset(["DS", "IS", "UI", "TM", "AS"])
_DATES = frozenset([DATE, BIRTH_DATE])
#: Whom a device is by, what it is called, and whose a coding scheme is: institutions make devices, or are called so.
_MAKERS = frozenset([0x00080070, 0x00081090, 0x00181020, 0x00080115, 0x00080116])
_PLACES = frozenset([INSTITUTION, ORGANIZATION, ADDRESS, DEVICE])
_CREATOR_REFERENCE = 0x00080302
_PATIENT = (0x00100010, 0x00100020)
#: Of longer values of bytes so much is searched: a name stands at the beginning or at the end.
_LONGEST = 1 << 16


class Hit(NamedTuple):
    """An identifier that was found: its kind, where, if it is of another object of the set, and if it is one word."""

    kind: str
    leaf: Leaf
    others: bool
    word: bool = False


def identifier_violations(pair: Pair, links: Links) -> Iterator[Violation]:
    """Search a written file, wherever a text may stand, for the identifiers of its original and of the set."""
    told: set[tuple[str, str]] = set()
    for hit in _hits(pair):
        code = _judged(pair, hit)
        where = hit.leaf.spot.text if code else ""
        if code and (code, where) not in told:
            told.add((code, where))
            yield pair.told(code, hit.leaf.spot, f"kind {hit.kind}" + (", of another object" if hit.others else ""))


def _hits(pair: Pair) -> Iterator[Hit]:
    output, searcher = pair.output, pair.searcher
    leaves = [leaf for leaf in output.leaves if _may_hold_text(leaf)]
    parts = [_searched(output.data, leaf) for leaf in leaves]
    if (beside := _beside_frames(output)) is not None:
        leaves, parts = [*leaves, beside[0]], [*parts, beside[1]]
    starts, at = [], 0
    for part in parts:
        starts.append(at)
        at += len(part) + 1
    raw = b"\n".join(parts)
    text = SearchedText(raw)
    wide = SearchedText(raw.replace(b"\0", b"")) if _WIDE.search(raw) else None
    own, uids = searcher.own(pair.original) if pair.original else (Needles(()), frozenset())
    for sought, others in ((own, False), (searcher.others, True)):
        for found in sought.found_in(text):
            yield Hit(found.kind, leaves[bisect_right(starts, found.at) - 1], others, found.word)
        if wide:
            first = next(leaf for leaf in leaves if b"\0" in output.data[leaf.start : leaf.stop])
            yield from (Hit(found.kind, first, others) for found in sought.found_in(wide))
    for uid in uids:
        yield from (Hit(UID, leaves[bisect_right(starts, at) - 1], False) for at in whole(raw, uid))


def _may_hold_text(leaf: Leaf) -> bool:
    if leaf.vr in _NO_TEXT or leaf.start == leaf.stop:
        return False
    if leaf.spot.is_private:
        return leaf.vr != "SQ"  # what a dictionary says of the VR is not what somebody wrote
    return leaf.vr in TEXT_VRS or (leaf.vr in ("UN", "OB") and leaf.spot.tag != PIXEL_DATA)


def _beside_frames(output: Walked) -> tuple[Leaf, bytes] | None:
    """Return what stands beside compressed frames: comments, and what applications wrote."""
    leaf = output.at(PIXEL_DATA).get(())
    if leaf is None or output.data[leaf.start : leaf.start + 4] != _ITEM:
        return None
    beside = frames_of(output.data[leaf.start : leaf.stop]).beside
    return (leaf, beside) if beside else None


def _searched(data: bytes, leaf: Leaf) -> bytes:
    if leaf.stop - leaf.start <= 2 * _LONGEST:
        return data[leaf.start : leaf.stop]
    return data[leaf.start : leaf.start + _LONGEST] + b"\n" + data[leaf.stop - _LONGEST : leaf.stop]


def _judged(pair: Pair, hit: Hit) -> str:
    """Return the code of a violation; none where an identifier stands that may."""
    leaf = hit.leaf
    if pair.demand(leaf).want is Want.KEPT or pair.is_ours(leaf):
        return ""
    if hit.kind in _DATES and leaf.vr in ("DA", "DT"):
        return ""  # moved dates fall on others by chance; they are judged one by one
    if hit.others and leaf.spot.tags[0] in _PATIENT:
        return ""  # a new name that is somebody else's old one is the choice of who gave it
    if leaf.vr == "CS" or leaf.spot.tag in CODE_TAGS:
        return "DCK-WORD"
    if _names_a_creator(leaf) and pair.output.value(leaf).strip(b" \0").decode("latin-1") in known_creators():
        return "DCK-WORD"
    if leaf.spot.tag in _MAKERS and (hit.word or hit.kind in _PLACES):
        return "DCK-WORD"
    return "DCK-IDENTIFIER"


def _names_a_creator(leaf: Leaf) -> bool:
    """Whether a Private Creator stands there: makers are in the names of their formats, and institutions are makers."""
    return leaf.spot.is_creator or leaf.spot.tag == _CREATOR_REFERENCE

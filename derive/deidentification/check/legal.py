"""The judge of what is new in a written file: values that are legal, and no attributes that the original lacks."""

from __future__ import annotations

from collections.abc import Iterator

from pydicom.charset import convert_encodings

from derive.deidentification.check.demands import MARKS
from derive.deidentification.check.links import Links
from derive.deidentification.check.pair import Pair
from derive.deidentification.check.violation import Violation
from derive.deidentification.check.walk import Leaf
from derive.standard import value_syntax
from derive.standard.vr import TEXT_VRS

_CHARACTER_SET, _PATIENT_NAME, _PATIENT_ID = 0x00080005, 0x00100010, 0x00100020
_EQUIPMENT, _PRIVATE_SAID, _IMAGE_GROUP = 0x0018A001, 0x00080300, 0x0028
#: What may be there though the original has it not: who it is now, what was done, what is said of private attributes.
_MAY_BE_NEW = MARKS | {_CHARACTER_SET, _PATIENT_NAME, _PATIENT_ID, _EQUIPMENT, _PRIVATE_SAID}


def legal_violations(pair: Pair, links: Links) -> Iterator[Violation]:
    """Judge the values of a written file that are others than before."""
    encodings = _encodings(pair)
    for leaf in pair.output.leaves:
        if leaf.spot.is_private or leaf.start == leaf.stop:
            continue
        before = pair.before.get(leaf.spot)
        if before is None and leaf.spot.above is None and not _may_be_new(pair, leaf):
            yield pair.told("DCK-ADDED", leaf.spot)
        if leaf.vr not in TEXT_VRS or (before and _is_as_before(pair, leaf, before.get(leaf.at))):
            continue
        why = _fault(pair.output.data[leaf.start : leaf.stop], leaf.vr, encodings)
        if why and not _was_faulty(pair, before.get(leaf.at) if before else None, encodings):
            yield pair.told("DCK-VALUE", leaf.spot, why)


def _may_be_new(pair: Pair, leaf: Leaf) -> bool:
    if pair.original is None or pair.original.rest:  # one that is cut off may have had it
        return True
    profile, tag = pair.demands.profile, leaf.spot.tag
    if tag in _MAY_BE_NEW or tag in {added for added, _ in profile.added}:
        return True
    return profile.has("pixels") and tag >> 16 == _IMAGE_GROUP


def _is_as_before(pair: Pair, leaf: Leaf, before: Leaf | None) -> bool:
    if before is None or pair.original is None:
        return False
    return pair.output.data[leaf.start : leaf.stop] == pair.original.data[before.start : before.stop]


def _was_faulty(pair: Pair, before: Leaf | None, encodings: tuple[str, ...]) -> bool:
    """Whether the value was no legal one before: what is left of it need not be better."""
    if before is None or pair.original is None:
        return False
    return bool(_fault(pair.original.data[before.start : before.stop], before.vr, encodings))


def _fault(value: bytes, vr: str, encodings: tuple[str, ...]) -> str:
    """Say what is wrong with a value; nothing if it is legal."""
    if len(value) % 2:
        return "its length is odd"
    try:
        values = value_syntax.split(vr, value, encodings)
    except UnicodeError:
        return "the character set cannot say it"
    return next(filter(None, (value_syntax.fault(vr, one) for one in values)), "")


def _encodings(pair: Pair) -> tuple[str, ...]:
    sets = pair.output.text(_CHARACTER_SET).split("\\")
    try:
        return tuple(convert_encodings([name.strip() for name in sets]))
    except (LookupError, ValueError):
        return ("iso8859",)

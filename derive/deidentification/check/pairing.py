"""Which written file is of which original: new UIDs tell nobody without the key, so it is found by what stays.

An object is known by its class, its stored values, and the numbers and code strings that no table of confidentiality
names. What was blanked, or lost items, is found by less; what is left over is checked alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import NamedTuple

from derive.deidentification.check.walk import PIXEL_DATA, Leaf, Walked
from derive.standard import confidentiality_row

_SOP_CLASS, _NUMBER = 0x00080016, 0x00200013
_LASTING = frozenset(["CS", "DS", "IS", "US", "SS", "UL", "SL", "FD", "FL"])
#: Groups whose attributes follow the pixels, or tell of the de-identification.
_FOLLOWING = frozenset([0x0002, 0x0012, 0x0028])


class Fingerprint(NamedTuple):
    """By what an object is known, the strongest first.

    Parameters
    ----------
    whole : bytes
        Its stored values and all that stays.
    stays : bytes
        What stays, whatever became of its stored values.
    pixels : bytes
        Its stored values and its number, whatever became of its attributes.
    number : bytes
        Its number among the objects of its class.
    kind : bytes
        Its class.
    """

    whole: bytes
    stays: bytes
    pixels: bytes
    number: bytes
    kind: bytes


def fingerprint(walked: Walked) -> Fingerprint:
    """Return by what an object is known before and after."""
    kind, number = walked.text(_SOP_CLASS).encode(), walked.text(_NUMBER).strip().encode()
    found = walked.at(PIXEL_DATA).get(())
    pixels = walked.data[found.start : found.stop] if found else b""
    stays = b"\n".join(_told(walked, leaf) for leaf in walked.leaves if _lasts(leaf))
    parts = ((kind, pixels, stays), (kind, stays), (kind, pixels, number), (kind, number), (kind,))
    return Fingerprint(*(_digest(part) for part in parts))


def _lasts(leaf: Leaf) -> bool:
    spot = leaf.spot
    if leaf.vr not in _LASTING or spot.is_private or spot.tag >> 16 in _FOLLOWING or spot.above is not None:
        return False
    return spot.tag >> 24 not in (0x50, 0x60) and confidentiality_row(spot.tag) is None


def _told(walked: Walked, leaf: Leaf) -> bytes:
    return leaf.spot.tag.to_bytes(4, "big") + walked.value(leaf)


def _digest(parts: Iterable[bytes]) -> bytes:
    digest = blake2b(digest_size=12)
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.digest()


def paired(originals: Sequence[Fingerprint], outputs: Sequence[Fingerprint]) -> Mapping[int, int]:
    """Return which output is of which original, by their numbers.

    Parameters
    ----------
    originals, outputs : sequence of Fingerprint

    Returns
    -------
    mapping of int to int
        Number of an output to that of its original; those of which none is left are not in it.
    """
    found: dict[int, int] = {}
    taken: set[int] = set()
    for field in Fingerprint._fields:
        waiting: dict[bytes, list[int]] = defaultdict(list)
        for number, one in enumerate(originals):
            if number not in taken:
                waiting[getattr(one, field)].append(number)
        asking: dict[bytes, list[int]] = defaultdict(list)
        for number, one in enumerate(outputs):
            if number not in found:
                asking[getattr(one, field)].append(number)
        for key, numbers in asking.items():
            if field in ("number", "kind") and len(waiting[key]) != len(numbers):
                continue  # which is which would be a guess
            for output, original in zip(numbers, waiting[key], strict=False):
                found[output] = original
                taken.add(original)
    return found

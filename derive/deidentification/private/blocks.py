"""Private Creators: kept verbatim with what is kept of their block, and never without (PS3.5 7.8.1)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping


def creator_tag(tag: int) -> int:
    """Return the tag of the Private Creator that reserves the block of a private attribute.

    Examples
    --------
    >>> f"{creator_tag(0x00292710):08X}"
    '00290027'
    """
    return tag & 0xFFFF0000 | tag >> 8 & 0xFF


def creators_kept(kept: Iterable[int]) -> frozenset[int]:
    """Return the tags of the Private Creators that private attributes of one data set need.

    Parameters
    ----------
    kept : iterable of int
        Tags of what stays of one data set or item; creators and standard attributes do not count.
    """
    return frozenset(creator_tag(tag) for tag in kept if tag >> 16 & 1 and tag & 0xFFFF >= 0x1000)


def stand_twice(creators: Mapping[int, str]) -> tuple[tuple[int, str], ...]:
    """Return group and creator of those that reserve several blocks of one group, which PS3.5 7.8.1 forbids.

    What is said of a creator holds for all of its blocks.

    Parameters
    ----------
    creators : mapping of int to str
        Of one data set, by the tag that reserves the block.
    """
    counted = Counter((tag >> 16, text) for tag, text in creators.items() if text)
    return tuple(sorted(key for key, count in counted.items() if count > 1))

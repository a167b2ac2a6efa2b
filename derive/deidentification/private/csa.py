"""CSA headers of Siemens (format 1, and 2 which begins with ``SV10``): written anew from the items that are known.

A CSA header is a list of named items in fields of fixed length. What stands behind the zero that ends a text was
never cleared, and may hold anything that was in memory before. So nothing of the source is copied but the values of
items that ``csa_items.tsv`` allows, each only while it looks as such a value looks; all else of the result is made
here, and what is behind a text is zero.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace
from functools import cache, lru_cache
from importlib.resources import files
from typing import NamedTuple

from derive.deidentification.private.numbers import is_like_a_date
from derive.deidentification.private.protocol import cleaned_protocol
from derive.elements.csa import CsaTag, pack_csa, read_csa

_PROTOCOL = "protocol"
_NUMBER = re.compile(r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?")


class ItemRow(NamedTuple):
    """What is known of an item, a row of ``csa_items.tsv``.

    Parameters
    ----------
    name : str
    holds : str
        ``number``, ``protocol``, or a pattern that its whole text has to match.
    option : str
        Without which it goes; empty for none.
    """

    name: str
    holds: str
    option: str


@cache
def _pattern(holds: str) -> re.Pattern[str]:
    return _NUMBER if holds == "number" else re.compile(holds)


@cache
def item_rows() -> dict[str, ItemRow]:
    """Return the items that are known, by name."""
    text = files(__package__).joinpath("csa_items.tsv").read_text(encoding="utf-8")
    rows = [ItemRow(*line.split("\t")[:3]) for line in text.splitlines()[1:]]
    return {row.name: row for row in rows}


@lru_cache(maxsize=8)  # the header of a series is the same in all of its images
def cleaned_csa(value: bytes, options: tuple[str, ...] = (), keep: tuple[str, ...] = ()) -> bytes | None:
    """Return a CSA header with what identifies nobody.

    Parameters
    ----------
    value : bytes
    options : tuple of str
        Options of the profile in force.
    keep : tuple of str
        Names of more items that a person vouches for; their dead space is cleared all the same.

    Returns
    -------
    bytes or None
        None where nothing of it may stay.

    Raises
    ------
    NoCsa
        For what is none: nothing is known of it.
    """
    csa = read_csa(value)
    tags = tuple(tag for found in csa.tags if (tag := _cleaned(found, options, keep)) is not None)
    return pack_csa(replace(csa, tags=tags)) if tags else None


def _cleaned(tag: CsaTag, options: Collection[str], keep: Collection[str]) -> CsaTag | None:
    row = item_rows().get(tag.name)
    if tag.name in keep:
        return _only_counting(tag)
    if row is None or (row.option and row.option not in options):
        return None
    if row.holds == _PROTOCOL:
        items = tuple(_protocol_item(text) for text in tag.texts)
        return replace(tag, items=items + (b"",) * (len(tag.items) - len(items))) if any(items) else None
    pattern = _pattern(row.holds)
    if any(not pattern.fullmatch(text.strip()) or is_like_a_date(text) for text in tag.texts):
        return None
    return _only_counting(tag)


def _only_counting(tag: CsaTag) -> CsaTag:
    """Empty the items behind those that count: they are left over from before."""
    if tag.vm <= 0:
        return tag
    return replace(tag, items=tag.items[: tag.vm] + (b"",) * len(tag.items[tag.vm :]))


def _protocol_item(text: str) -> bytes:
    cleaned = cleaned_protocol(text)
    return cleaned.encode("latin-1") + b"\0" if cleaned else b""

"""CSA headers of Siemens (format 1, and 2 which begins with ``SV10``): written anew from the items that are known.

A CSA header is a list of named items in fields of fixed length. What stands behind the zero that ends a text was
never cleared, and may hold anything that was in memory before. So nothing of the source is copied but the values of
items that ``csa_items.tsv`` allows, each only while it looks as such a value looks; all else of the result is made
here, and what is behind a text is zero.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from importlib.resources import files
from typing import NamedTuple

from derive.deidentification.private.numbers import is_like_a_date
from derive.deidentification.private.protocol import cleaned_protocol

_MAGIC = b"SV10\4\3\2\1"
_COUNT, _TAG, _ITEM = struct.Struct("<2I"), struct.Struct("<64s i 4s i i i"), struct.Struct("<4i")
#: More items than any header has: what claims more is none.
_MOST_TAGS, _MOST_ITEMS = 1024, 100_000
_MARK, _NO_ITEMS_MARK = 77, 205
_PROTOCOL = "protocol"
_NUMBER = re.compile(r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?")


class NoCsa(ValueError):  # noqa: N818 - says what was found
    """Bytes that are no CSA header, or a broken one."""


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


@dataclass(frozen=True)
class CsaTag:
    """A named item of a CSA header.

    Parameters
    ----------
    name, vr : str
    vm : int
        How many values count; zero for any number.
    syngo_type : int
    items : tuple of bytes
        Its values as they lie there, the empty ones among them, each with what is behind its zero.
    """

    name: str
    vr: str
    vm: int
    syngo_type: int
    items: tuple[bytes, ...]

    @property
    def texts(self) -> tuple[str, ...]:
        """The values that count, up to the zero that ends them."""
        counting = self.items[: self.vm] if self.vm > 0 else self.items
        return tuple(_until_zero(item) for item in counting if item)


@dataclass(frozen=True)
class Csa:
    """A CSA header.

    Parameters
    ----------
    version : int
        1 or 2.
    tags : tuple of CsaTag
    """

    version: int
    tags: tuple[CsaTag, ...]


@cache
def _pattern(holds: str) -> re.Pattern[str]:
    return _NUMBER if holds == "number" else re.compile(holds)


@cache
def item_rows() -> dict[str, ItemRow]:
    """Return the items that are known, by name."""
    text = files(__package__).joinpath("csa_items.tsv").read_text(encoding="utf-8")
    rows = [ItemRow(*line.split("\t")[:3]) for line in text.splitlines()[1:]]
    return {row.name: row for row in rows}


def is_csa(value: bytes) -> bool:
    """Whether bytes begin as a CSA header begins."""
    if value.startswith(_MAGIC):
        return True
    if len(value) < _COUNT.size + _TAG.size:
        return False
    count, mark = _COUNT.unpack_from(value)
    return bool(mark == _MARK and 0 < count <= _MOST_TAGS)


def read_csa(value: bytes) -> Csa:
    """Read a CSA header.

    Raises
    ------
    NoCsa
    """
    version, at = (2, len(_MAGIC)) if value.startswith(_MAGIC) else (1, 0)
    try:
        count, mark = _COUNT.unpack_from(value, at)
        if mark != _MARK or not 0 < count <= _MOST_TAGS:
            raise NoCsa
        return Csa(version, tuple(_tags(value, at + _COUNT.size, count, version)))
    except (struct.error, UnicodeDecodeError) as error:
        raise NoCsa from error


def _tags(value: bytes, at: int, count: int, version: int) -> Iterator[CsaTag]:
    # In format 1 every length is told too large by the number of items of the first tag.
    surplus = None
    for _ in range(count):
        name, vm, vr, syngo_type, items, _mark = _TAG.unpack_from(value, at)
        at += _TAG.size
        if not 0 <= items <= _MOST_ITEMS:
            raise NoCsa
        surplus = items if surplus is None else surplus
        found = []
        for _ in range(items):
            said = _ITEM.unpack_from(value, at)
            at += _ITEM.size
            length = said[1] if version == 2 else said[0] - surplus
            if not 0 <= length <= len(value) - at:
                if version == 1:
                    break  # lengths behind the items that count are not always set there
                raise NoCsa
            found.append(value[at : at + length])
            at += length + -length % 4
        yield CsaTag(_until_zero(name), _until_zero(vr)[:2], vm, syngo_type, tuple(found))


def _until_zero(raw: bytes) -> str:
    return raw.partition(b"\0")[0].decode("latin-1")


def pack_csa(csa: Csa) -> bytes:
    r"""Write a CSA header; what is behind its texts is zero.

    Examples
    --------
    >>> tag = CsaTag("B_value", "IS", 1, 6, (b"1000\0secret",))
    >>> packed = pack_csa(Csa(2, (tag,)))
    >>> read_csa(packed).tags[0].texts, b"secret" in packed
    (('1000',), False)
    """
    parts = [_MAGIC if csa.version == 2 else b"", _COUNT.pack(len(csa.tags), _MARK)]
    surplus = len(csa.tags[0].items) if csa.tags and csa.version == 1 else 0
    for tag in csa.tags:
        mark = _MARK if tag.items else _NO_ITEMS_MARK
        head = (tag.name.encode("latin-1"), tag.vm, tag.vr.encode("latin-1"), tag.syngo_type, len(tag.items), mark)
        parts.append(_TAG.pack(*head))
        for item in tag.items:
            length = len(item)
            said = length + surplus
            parts.append(
                _ITEM.pack(said, length if csa.version == 2 else said, _MARK if length else _NO_ITEMS_MARK, said)
            )
            parts.append(_cleared(item) + bytes(-length % 4))
    parts.append(bytes(4))
    return b"".join(parts)


def _cleared(item: bytes) -> bytes:
    return item.partition(b"\0")[0].ljust(len(item), b"\0")


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

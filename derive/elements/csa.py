"""CSA headers of Siemens (format 1, and 2 which begins with ``SV10``): named items in fields of fixed length.

What stands behind the zero that ends a text was never cleared, and may hold anything that was in memory before.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterator
from dataclasses import dataclass

_MAGIC = b"SV10\4\3\2\1"
_COUNT, _TAG, _ITEM = struct.Struct("<2I"), struct.Struct("<64s i 4s i i i"), struct.Struct("<4i")
#: More items than any header has: what claims more is none.
_MOST_TAGS, _MOST_ITEMS = 1024, 100_000
_MARK, _NO_ITEMS_MARK = 77, 205


class NoCsa(ValueError):  # noqa: N818 - says what was found
    """Bytes that are no CSA header, or a broken one."""


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


def csa_of(value: bytes, names: Collection[str]) -> bytes:
    r"""Return a CSA header with those items only that have a value and one of the names; empty for what has none.

    Examples
    --------
    >>> tags = [CsaTag("B_value", "IS", 1, 6, (b"1000",)), CsaTag("B_matrix", "FD", 6, 4, ())]
    >>> [tag.name for tag in read_csa(csa_of(pack_csa(Csa(2, tuple(tags))), ("B_value", "B_matrix"))).tags]
    ['B_value']
    """
    try:
        kept = tuple(tag for tag in read_csa(value).tags if tag.name in names and any(tag.texts))
    except NoCsa:
        return b""
    return pack_csa(Csa(2, kept)) if kept else b""


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

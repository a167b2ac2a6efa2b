"""Modality LUTs that are tables: values of images whose stored values lead to them by a list (PS3.3 C.11.1.1.1).

*2026-12-01.* What comes out of a table is what such an image measures, as what comes out of a rescale is of others.
Neighbouring stored values may mean anything, so nothing can be computed of them: the table is applied when pixels are
read, and a result has its values, with a rescale of 1 and 0 of the same type. That of XA and RF leads back to the
intensity of the beam, and is not applied (C.8.7.1.1.2).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from derive.elements.element import Element, tag_of
from derive.elements.encoding import encode
from derive.errors import ValuesError
from derive.model.classes import target_of
from derive.model.remark import Remark
from derive.pixels.codecs import uid_of
from derive.pixels.encode import Rescale
from derive.reading.header import Header

_TABLE = "ModalityLUTSequence"
#: What stands for pixel padding among the values of a table, none of which is below 0.
_PADDED = -1
_LEAST_BITS, _MOST_BITS = 8, 16


def with_table(header: Header) -> Header:
    """Return a header that says a rescale in place of its table, which is applied to its pixels.

    Raises
    ------
    ValuesError
        ``VAL-LUT`` for what is no table: of another length than it says, or of more than 16 bits.
    """
    target = target_of(header.sop_class_uid)
    element = header.element(_TABLE)
    if element is None or not element.stripped() or target.rescale is not Rescale.SERIES:
        return header
    rule = target.iod.attributes.get(_TABLE)
    if rule is None:
        return header  # which is refused by name where its values are read
    item = header.items(_TABLE)[0]
    table = _table_of(header)
    kind = item.text("ModalityLUTType") or "US"
    said = {"RescaleIntercept": 0, "RescaleSlope": 1, "RescaleType": kind}
    elements = {t: e for t, e in header.elements.items() if t != tag_of(_TABLE)}
    elements |= {tag_of(k): encode(k, v) for k, v in said.items()}
    remark = Remark("SRC-LUT", _TABLE, "was applied: values are what it makes of stored values")
    return replace(
        header,
        elements=dict(sorted(elements.items())),
        tags=header.tags - {tag_of(_TABLE)} | {tag_of(k) for k in said},
        remarks=(*header.remarks, remark),
        table=table,
    )


def _table_of(header: Header) -> tuple[int, NDArray[np.uint16]]:
    """Return the stored value of the first entry, and all entries."""
    item = header.items(_TABLE)[0]
    descriptor, data = item.numbers("LUTDescriptor", 3), item.element("LUTData")
    if len(descriptor) != 3 or data is None:
        _refuse(header, "has no three numbers in its LUT Descriptor, or no LUT Data")
    count, first, bits = map(int, descriptor)
    count = count & 0xFFFF or 1 << _MOST_BITS
    if header.integer("PixelRepresentation") == 1 and first >= 1 << 15:
        first -= 1 << 16
    if not _LEAST_BITS <= bits <= _MOST_BITS:
        _refuse(header, f"has entries of {bits} bits; wanted {_LEAST_BITS} to {_MOST_BITS}")
    found = _entries(header, data, count, bits)
    if len(found) < count:
        _refuse(header, f"says {count} entries and has {len(found)}")
    return first, found[:count] & np.uint16((1 << bits) - 1)


def _entries(header: Header, data: Element, count: int, bits: int) -> NDArray[np.uint16]:
    """Return entries: a word each, or a byte where they have 8 bits and there are only so many.

    *2026-12-01.* Words of which some are missing are no bytes: of entries of more than 8 bits, too few stay too few.
    """
    value = data.value
    if bits == _LEAST_BITS and len(value) == count + count % 2:
        return np.frombuffer(value, np.uint8).astype(np.uint16)
    big = data.vr == "OW" and not uid_of(header.transfer_syntax).is_little_endian
    return np.frombuffer(value[: len(value) // 2 * 2], ">u2" if big else "<u2").astype(np.uint16)


def looked_up(
    read: Callable[[], NDArray[Any]], padding: tuple[float, float] | None, table: tuple[int, NDArray[np.uint16]]
) -> NDArray[np.int32]:
    """Return what a table makes of stored values; below its first entry that one, above its last one that.

    Parameters
    ----------
    read : callable () -> (rows, columns) integer array
    padding : (low, high), optional
        Stored values that are padding.
    table : (int, (entries,) uint16)
    """
    stored, (first, entries) = read(), table
    values = entries[np.clip(stored.astype(np.int64) - first, 0, len(entries) - 1)].astype(np.int32)
    if padding is not None:
        values[(stored >= padding[0]) & (stored <= padding[1])] = _PADDED
    return values


def through_table(
    header: Header, read: Callable[[], NDArray[Any]], padding: tuple[float, float] | None
) -> tuple[Callable[[], NDArray[Any]], tuple[float, float] | None, tuple[int, int]]:
    """Return what reads the values of an image with a table, which of them are padding, and what they can be."""
    assert header.table is not None, "with_table() has put it there"
    _, entries = header.table
    marked = None if padding is None else (float(_PADDED), float(_PADDED))
    ends = int(entries.min()), int(entries.max())
    return partial(looked_up, read, padding, header.table), marked, ends


def _refuse(header: Header, what: str) -> NoReturn:
    raise ValuesError("VAL-LUT", f"{header.name}: its Modality LUT Sequence (0028,3000) {what}")

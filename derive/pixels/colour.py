"""Colours as R G B of 8 bits, whatever they are stored as: by palette, or as luminance and its differences (C.7.6.3.1).

pydicom converts and expands; what it has no word for, or gets wrong, is here: the retired partial range, and palettes
of more entries than a byte counts, whose indices its lookup folds into one (3.0.1).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_color_lut, convert_color_space
from pydicom.pixels.utils import expand_ybr422

from derive.errors import ValuesError

RGB, PALETTE = "RGB", "PALETTE COLOR"
_FULL, _FULL_422, _PARTIAL_422 = "YBR_FULL", "YBR_FULL_422", "YBR_PARTIAL_422"
#: Of three samples a pixel, as far as they are read; the last two are RGB that JPEG 2000 transforms and gives back.
THREE_SAMPLES = (RGB, _FULL, _FULL_422, _PARTIAL_422, "YBR_RCT", "YBR_ICT")
#: Two pixels of a row share their chrominance where they are not compressed: luminance, luminance, blue and red.
SHARED = (_FULL_422, _PARTIAL_422)
#: Of a range that is smaller than that of 8 bits: not in the standard any more, and no codec's.
RETIRED = (_PARTIAL_422,)
COLOURS = (*THREE_SAMPLES, PALETTE)
#: Bits of a sample.
BITS = 8
_NAMES = ("Red", "Green", "Blue")
#: Descriptors say 0 for as many entries as 16 bits count (C.7.6.3.1.5).
_MOST = 1 << 16


class Palette(NamedTuple):
    """Colours of stored values.

    Parameters
    ----------
    first : int
        Stored value of the first entry; all below it have its colour, and all above the last one that of the last.
    entries : bytes
        R G B of each.
    """

    first: int
    entries: bytes

    def of(self, stored: NDArray[Any]) -> NDArray[np.uint8]:
        """Return the colours of stored values: the same shape, with R G B as last axis."""
        colours = np.frombuffer(self.entries, np.uint8).reshape(-1, 3)
        return colours[np.clip(stored.astype(np.int64) - self.first, 0, len(colours) - 1)]


class PaletteTable(NamedTuple):
    """One of the three tables of a palette, as attributes say it (C.7.9).

    Parameters
    ----------
    descriptor : (entries, first, bits)
        The first value as pixels have it: below 0 where they are signed.
    data : bytes
    segmented : bool
        Whether `data` has segments (C.7.9.2).
    big : bool
        Whether the words of `data` are Big Endian.
    """

    descriptor: tuple[int, int, int]
    data: bytes
    segmented: bool = False
    big: bool = False


def palette_of(tables: Mapping[str, PaletteTable], name: str) -> Palette:
    """Put a palette together.

    Of 16 bits an entry the upper 8 are taken, which is right of values that fill them and of such as repeat a byte;
    of entries in 16 bits that never pass 255 these are taken.

    Parameters
    ----------
    tables : mapping
        ``Red``, ``Green`` and ``Blue``.
    name : str
        For messages.

    Raises
    ------
    ValuesError
        ``VAL-PALETTE`` for tables that are missing, do not go together, or are cut short.
    """
    lacking = [which for which in _NAMES if which not in tables]
    if lacking:
        _refuse(name, f"it has no table of {', '.join(lacking).lower()}")
    said = {tables[which].descriptor for which in _NAMES}
    if len({d[:2] for d in said}) > 1:
        _refuse(name, "the descriptors of red, green and blue differ in their entries, or the first value")
    if any(d[2] not in (BITS, 2 * BITS) or not 0 <= d[0] < _MOST for d in said):
        _refuse(name, "a descriptor asks for something other than 8 or 16 bits an entry")
    columns = [(_expanded if tables[which].segmented else _plain)(tables[which], name) for which in _NAMES]
    wide = max(int(column.max()) for column in columns) >= 1 << BITS
    entries = np.stack([c >> BITS if wide and c.dtype == np.uint16 else c for c in columns], axis=1)
    return Palette(tables["Red"].descriptor[1], entries.astype(np.uint8).tobytes())


def _plain(table: PaletteTable, name: str) -> NDArray[Any]:
    """Return the entries of a table, in words where they lie so, whatever the descriptor says."""
    count = table.descriptor[0] or _MOST
    wide = len(table.data) >= 2 * count
    if not wide and len(table.data) < count:
        _refuse(name, f"a table has {len(table.data)} bytes, and {count} entries are said")
    if not wide and table.big:  # bytes that lie in words
        swapped = np.frombuffer(table.data + b"\0" * (len(table.data) % 2), ">u2").astype("<u2")
        return np.frombuffer(swapped.tobytes(), np.uint8, count)
    found = np.frombuffer(table.data, (">u2" if table.big else "<u2") if wide else np.uint8, count)
    return found.astype(np.uint16) if wide else found


def _expanded(table: PaletteTable, name: str) -> NDArray[Any]:
    """Have pydicom expand the segments of a table."""
    count = table.descriptor[0] or _MOST
    if table.descriptor[2] == BITS and count > 1 << BITS:
        _refuse(name, f"its segments of {BITS} bits are of {count} entries; such are read up to {1 << BITS}")
    dataset = Dataset()
    dataset.set_original_encoding(False, not table.big)
    for colour in _NAMES:
        said = [table.descriptor[0], 0, table.descriptor[2]]
        setattr(dataset, f"{colour}PaletteColorLookupTableDescriptor", said)
        setattr(dataset, f"Segmented{colour}PaletteColorLookupTableData", table.data)
    try:
        return np.asarray(apply_color_lut(np.arange(count, dtype=np.uint16), dataset)[:, 0])
    except Exception as error:  # whatever a damaged table causes
        raise ValuesError("VAL-PALETTE", f"{name}: the segments of its palette cannot be expanded") from error


def _refuse(name: str, what: str) -> NoReturn:
    raise ValuesError("VAL-PALETTE", f"{name}: its palette tells no colours: {what}")


def unpacked(
    flat: NDArray[np.uint8], matrix: tuple[int, int], photometric: str, *, by_plane: bool
) -> NDArray[np.uint8]:
    """Return native samples of one frame by pixel: (rows, columns, 3); each pixel with its own chrominance."""
    if photometric in SHARED:
        flat = np.frombuffer(expand_ybr422(flat.tobytes(), BITS), np.uint8)
    elif by_plane:
        return flat.reshape(3, *matrix).transpose(1, 2, 0)
    return flat.reshape(*matrix, 3)


def in_rgb(samples: NDArray[Any], photometric: str) -> NDArray[np.uint8]:
    """Return samples as R G B.

    Parameters
    ----------
    samples : (rows, columns, 3) uint8
        Of each pixel its own.
    photometric : str
        Which of :data:`THREE_SAMPLES` they are.
    """
    if photometric in (_FULL, _FULL_422):
        return np.asarray(convert_color_space(samples, _FULL, RGB), np.uint8)
    if photometric == _PARTIAL_422:
        return _of_partial(samples)
    return np.asarray(samples, np.uint8)


def _of_partial(samples: NDArray[Any]) -> NDArray[np.uint8]:
    """Turn round the equations of the partial range: 16 to 235, and 16 to 240 (C.7.6.3.1.2 until 2017)."""
    forwards = np.array([[0.2568, 0.5041, 0.0979], [-0.1482, -0.2910, 0.4392], [0.4392, -0.3678, -0.0714]])
    values = (samples.astype(np.float64) - (16.0, 128.0, 128.0)) @ np.linalg.inv(forwards).T
    return np.clip(np.rint(values), 0, (1 << BITS) - 1).astype(np.uint8)

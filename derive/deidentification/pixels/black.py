"""What blank is: black, as the photometric interpretation has it (PS3.3 C.7.6.3.1.2)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from derive.elements.instance import Instance
from derive.errors import ValuesError
from derive.pixels.samples import SampleLayout

LOWEST, MIDDLE, HIGHEST = -1, 0, 1
#: Of each sample of a pixel; what is computed back to RGB by a decoder is black as that.
_LEVELS = {
    "MONOCHROME1": (HIGHEST,),
    "MONOCHROME2": (LOWEST,),
    "PALETTE COLOR": (LOWEST,),
    "RGB": (LOWEST,) * 3,
    "YBR_FULL": (LOWEST, MIDDLE, MIDDLE),
    "YBR_FULL_422": (LOWEST, MIDDLE, MIDDLE),
    "YBR_PARTIAL_422": (LOWEST, MIDDLE, MIDDLE),
    "YBR_RCT": (LOWEST,) * 3,
    "YBR_ICT": (LOWEST,) * 3,
    "HSV": (LOWEST,) * 3,
    "CMYK": (LOWEST, LOWEST, LOWEST, HIGHEST),
}
_GREY, _PALETTE = 1, "PALETTE COLOR"
_COLOURS = (("Red", 0.299), ("Green", 0.587), ("Blue", 0.114))
_LONGEST_TABLE = 1 << 16
_DISCRETE, _LINEAR, _INDIRECT = range(3)


def levels(instance: Instance, photometric: str, samples: int, name: str) -> tuple[int, ...]:
    """Return which end of its range each sample of a black pixel has: -1 the lowest, 0 the middle, 1 the highest.

    A Rescale Slope below zero turns grey round: what is stored as the highest value is the lowest that is shown.

    Raises
    ------
    ValuesError
        ``DEID-PHOTOMETRIC`` where nobody can say what is black.
    """
    found = _LEVELS.get(photometric)
    if found is None or len(found) != samples:
        raise ValuesError(
            "DEID-PHOTOMETRIC",
            f"{name}: nothing can be blanked: Photometric Interpretation and Samples per Pixel ({samples}) do not say "
            f"what is black; wanted {', '.join(_LEVELS)}",
        )
    if samples == _GREY and photometric != _PALETTE and (instance.lenient.number("RescaleSlope") or 0) < 0:
        return (-found[0],)
    return found


def blank_values(instance: Instance, layout: SampleLayout, name: str) -> tuple[int, ...]:
    """Return the stored value of each sample of a black pixel."""
    if layout.photometric == _PALETTE:
        return (min(max(darkest(instance), layout.stored_range[0]), layout.stored_range[1]),)
    low, high = layout.stored_range
    value = {LOWEST: low, MIDDLE: low + (1 << layout.bits_stored - 1), HIGHEST: high}
    return tuple(value[level] for level in levels(instance, layout.photometric, layout.samples, name))


def darkest(instance: Instance) -> int:
    """Return the index of the darkest entry of the palette (PS3.3 C.7.9); 0 where there is none that can be read."""
    first, bright = luminance(instance)
    return first + int(np.argmin(bright)) if len(bright) else 0


def luminance(instance: Instance) -> tuple[int, NDArray[np.float64]]:
    """Return the first index of the palette, and how bright each of its entries is; none where it cannot be read."""
    tables = [(weight, _table(instance.lenient, colour)) for colour, weight in _COLOURS]
    length = min(len(table) for _, table in tables)
    described = instance.lenient.numbers("RedPaletteColorLookupTableDescriptor", 3)
    if not length or not described:
        return 0, np.zeros(0)
    bright = np.sum([weight * table[:length] for weight, table in tables], axis=0)
    return int(described[1]), bright


def _table(instance: Instance, colour: str) -> NDArray[np.float64]:
    described = instance.numbers(f"{colour}PaletteColorLookupTableDescriptor")
    if len(described) != 3:
        return np.zeros(0)
    entries = int(described[0]) or _LONGEST_TABLE
    plain = instance.element(f"{colour}PaletteColorLookupTableData")
    if plain is not None and plain.value:
        narrow = described[2] == 8 and len(plain.value) < 2 * entries
        return np.frombuffer(plain.value, np.uint8 if narrow else "<u2")[:entries].astype(float)
    segmented = instance.element(f"Segmented{colour}PaletteColorLookupTableData")
    if segmented is None:
        return np.zeros(0)
    return np.array(expanded(np.frombuffer(segmented.value, "<u2").tolist())[:entries], float)


def expanded(words: list[int]) -> list[int]:
    """Expand a segmented palette (PS3.3 C.7.9.2); what is behind a segment that makes no sense is left out.

    Examples
    --------
    >>> expanded([0, 2, 5, 7, 1, 3, 13])
    [5, 7, 9, 11, 13]
    """
    values: list[int] = []
    at = 0
    while at + 2 < len(words) and len(values) <= _LONGEST_TABLE:
        kind, count = words[at : at + 2]
        if kind == _DISCRETE:
            values += words[at + 2 : at + 2 + count]
            at += 2 + count
        elif kind == _LINEAR and values:
            steps = np.linspace(values[-1], words[at + 2], count + 1)[1:]
            values += [round(step) for step in steps.tolist()]
            at += 3
        elif kind == _INDIRECT and at + 3 < len(words):
            # the segments that begin at a byte offset, once more; they are never indirect themselves
            first = (words[at + 2] | words[at + 3] << 16) // 2
            values += expanded(_segments(words, first, count))
            at += 4
        else:
            break
    return values


def _segments(words: list[int], first: int, count: int) -> list[int]:
    at = first
    for _ in range(count):
        if at + 1 >= len(words) or words[at] not in (_DISCRETE, _LINEAR):
            break
        at += 2 + words[at + 1] if words[at] == _DISCRETE else 3
    return words[first:at]

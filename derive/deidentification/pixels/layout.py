"""How the pixels of any image lie, by what its header says; and overlays that were put into unused bits of them."""

from __future__ import annotations

from derive.elements.element import tag_of
from derive.elements.instance import Instance
from derive.errors import ValuesError
from derive.pixels.codecs import uid_of
from derive.pixels.samples import SampleLayout

_ALLOCATED = (1, 8, 16, 32, 64)
#: Overlay groups (PS3.5 7.6): 6000 to 601E, even ones.
_OVERLAYS = tuple(range(0x60000000, 0x60200000, 0x20000))
_BIT_POSITION, _DATA = 0x0102, 0x3000
_FAR = 1 << 16
_FULL = "YBR_FULL"


def sample_layout(instance: Instance) -> SampleLayout:
    """Read the Image Pixel Module (PS3.3 C.7.6.3) of an image of any colour.

    Raises
    ------
    ValuesError
        ``DEID-PIXELS`` where it does not say how its pixels lie.
    """
    asked = instance.lenient
    keys = ("Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit")
    rows, columns, allocated, stored, high = (asked.integer(k) or 0 for k in keys)
    samples = asked.integer("SamplesPerPixel") or 1
    stored = stored or allocated
    high = high or stored - 1
    syntax = uid_of(asked.transfer_syntax)
    legal = (
        syntax.is_transfer_syntax
        and not syntax.is_private
        and allocated in _ALLOCATED
        and 0 < rows < _FAR
        and 0 < columns < _FAR
        and 1 <= stored <= allocated
        and stored - 1 <= high < allocated
        and 1 <= samples <= 4
    )
    if not legal:
        raise ValuesError(
            "DEID-PIXELS",
            f"{instance.name}: nothing can be blanked in it: {rows} Rows, {columns} Columns, {samples} Samples per "
            f"Pixel, Bits Allocated {allocated}, Bits Stored {stored} and High Bit {high} do not say how they lie",
        )
    return SampleLayout(
        asked.transfer_syntax,
        max(1, asked.integer("NumberOfFrames") or 1),
        rows,
        columns,
        samples,
        asked.integer("PlanarConfiguration") == 1,
        allocated,
        stored,
        high,
        asked.integer("PixelRepresentation") == 1,
        asked.text("PhotometricInterpretation"),
    )


def as_it_lies(layout: SampleLayout, length: int) -> SampleLayout:
    """Return how native pixels of so many bytes lie: some are said to share chrominance, and each has its own."""
    full = layout._replace(photometric=_FULL)
    return full if layout.shares_chrominance and (layout.columns % 2 or length >= full.native_length) else layout


def embedded_overlays(instance: Instance, layout: SampleLayout) -> int:
    """Return the bits of pixel words that hold overlays (retired: PS3.5 2004 8.1.2), and no part of stored values."""
    bits = sum(1 << position for position in embedded_positions(instance) if position < layout.bits_allocated)
    return bits & layout.unused


def embedded_positions(instance: Instance) -> frozenset[int]:
    """Return where in pixel words overlays are said to be: those that have no data of their own."""
    without_data = (group for group in _OVERLAYS if group | _DATA not in instance.elements)
    found = (instance.elements.get(group | _BIT_POSITION) for group in without_data)
    return frozenset(int.from_bytes(e.value, "little") for e in found if e is not None and len(e.value) == 2)


def padding(instance: Instance) -> tuple[int, int] | None:
    """Return the least and greatest stored value that is padding (PS3.3 C.7.5.1.1.2)."""
    first = instance.lenient.integer("PixelPaddingValue")
    if first is None:
        return None
    limit = instance.lenient.integer("PixelPaddingRangeLimit")
    low, high = sorted((first, first if limit is None else limit))
    return low, high


#: They say something of pixels that are others now; of a whole series nobody can say it anew for one image.
OF_SERIES = tuple(map(tag_of, ("SmallestPixelValueInSeries", "LargestPixelValueInSeries")))

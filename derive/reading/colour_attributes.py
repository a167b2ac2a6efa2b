"""What an image says of its colours: how its samples lie, and its palette (PS3.3 C.7.6.3, C.7.9)."""

from __future__ import annotations

from typing import NoReturn

from derive.errors import ValuesError
from derive.model.classes import target_of
from derive.pixels.codecs import uid_of
from derive.pixels.colour import (
    BITS,
    COLOURS,
    PALETTE,
    RETIRED,
    SHARED,
    THREE_SAMPLES,
    Palette,
    PaletteTable,
    palette_of,
)
from derive.pixels.decode import PixelLayout
from derive.reading.header import Header
from derive.standard import known_terms
from derive.told.secrecy import shown_term

#: What `stored` of a class says that holds colours: by name, or anything.
_HELD = {"rgb8", "*"}
_FULL = "YBR_FULL"
#: What says that grey pixels are shown in colours from some value on (C.7.6.19, C.8.16.2.1.1.1).
_SUPPLEMENTAL = ("COLOR", "MIXED")


def is_colour(header: Header) -> bool:
    """Whether an image is in colours that are read, of a class that may be."""
    held = target_of(header.sop_class_uid).stored.split("|")
    return bool(_HELD & {*held}) and header.text("PhotometricInterpretation") in COLOURS


def check_supplemental(header: Header) -> None:
    """Refuse grey images of a class that may be in colours, of which some values stand for a colour.

    Raises
    ------
    ValuesError
        ``VAL-COLOUR``
    """
    held = target_of(header.sop_class_uid).stored.split("|")
    if _HELD & {*held} and header.text("PixelPresentation") in _SUPPLEMENTAL:
        raise ValuesError(
            "VAL-COLOUR",
            f"{header.name} is grey up to some value, and shows colours of a table above it (Pixel Presentation, "
            "Supplemental Palette): neighbouring values are no neighbouring colours, and are not computed with",
        )


def in_colours(header: Header, layout: PixelLayout) -> PixelLayout:
    """Complete the layout of an image in colours.

    Parameters
    ----------
    header : Header
    layout : PixelLayout
        What it says as any image does, of one sample a pixel.

    Raises
    ------
    ValuesError
        ``VAL-COLOUR`` for samples that are no three of 8 bits, ``VAL-PALETTE``.
    """
    if layout.photometric == PALETTE:
        if header.integer("SamplesPerPixel") not in (None, 1):
            _refuse(header, "a palette tells the colours of one sample a pixel")
        return layout._replace(palette=_palette(header))
    said = header.integer("SamplesPerPixel"), layout.bits_allocated, layout.bits_stored, layout.signed
    if said != (3, BITS, BITS, False):
        _refuse(header, f"it has {said[0] or 'no'} samples a pixel of {said[2]} bits in {said[1]}")
    if layout.encapsulated and layout.photometric in RETIRED:
        _refuse(header, "nobody knows what a decoder makes of that, which is retired, where pixels are compressed")
    by_plane = header.integer("PlanarConfiguration") == 1
    layout = layout._replace(samples=3, high_bit=BITS - 1, by_plane=by_plane and not layout.encapsulated)
    return layout._replace(photometric=_as_it_lies(header, layout))


def _as_it_lies(header: Header, layout: PixelLayout) -> str:
    """Return how samples lie: some are said to share chrominance, and each pixel has its own."""
    if layout.photometric not in SHARED or layout.encapsulated or header.pixels is None:
        return layout.photometric
    length, pixels, count = (
        header.pixels.length or 0,
        layout.rows * layout.columns,
        header.integer("NumberOfFrames") or 1,
    )
    if length < layout.stored_samples * pixels * count:
        count = 1  # a frame by itself
    shared = layout.columns % 2 == 0 and length < layout.samples * pixels * count
    if not shared and layout.photometric in RETIRED:
        _refuse(header, "each pixel has chrominance of its own, which that, retired now, never had")
    return layout.photometric if shared else _FULL


def _palette(header: Header) -> Palette:
    tables = {which: table for which in ("Red", "Green", "Blue") if (table := _table(header, which)) is not None}
    return palette_of(tables, header.name)


def _table(header: Header, which: str) -> PaletteTable | None:
    said = header.numbers(f"{which}PaletteColorLookupTableDescriptor", 3)
    plain = header.element(f"{which}PaletteColorLookupTableData")
    segments = header.element(f"Segmented{which}PaletteColorLookupTableData")
    found = plain or segments
    if len(said) != 3 or found is None:
        return None
    entries, first, bits = map(int, said)
    if header.integer("PixelRepresentation") == 1:  # it is US or SS as the pixels are, and often written as the other
        first = (first & 0xFFFF ^ 0x8000) - 0x8000
    syntax = uid_of(header.transfer_syntax)
    big = syntax.is_transfer_syntax and not syntax.is_little_endian
    return PaletteTable((entries & 0xFFFF, first, bits), found.value, plain is None, big)


def _refuse(header: Header, what: str) -> NoReturn:
    photometric = shown_term(header.text("PhotometricInterpretation"), known_terms())
    raise ValuesError(
        "VAL-COLOUR",
        f"{header.name} is in colours ({photometric}), and {what}; wanted a palette, or three samples of {BITS} bits: "
        f"{', '.join(THREE_SAMPLES)}",
    )

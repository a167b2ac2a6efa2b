"""Pixel Data with some areas blank, in a transfer syntax that keeps all other samples as they are.

Native: the words are written where they lie. Compressed without loss: each frame is decoded, blanked and encoded
without loss. Baseline and Extended JPEG: in their blocks. What else is compressed with loss becomes native.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any, NamedTuple

from numpy.typing import NDArray
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import ExplicitVRLittleEndian

from derive.deidentification.pixels.black import blank_values, levels
from derive.deidentification.pixels.extremes import TAGS, Extremes
from derive.deidentification.pixels.layout import OF_SERIES, as_it_lies
from derive.elements.element import Element, tag_of
from derive.elements.encoding import encode
from derive.elements.instance import Instance
from derive.errors import ValuesError
from derive.limits import check_unpacked
from derive.pixels.area import Area
from derive.pixels.codecs import CODECS
from derive.pixels.codestream import frame_size, is_irreversible
from derive.pixels.comments import without_comments as bare_codestream
from derive.pixels.encapsulated import codestream_of, fragments_of, whole
from derive.pixels.jpeg.blanking import blanked as blanked_jpeg
from derive.pixels.jpeg.blanking import is_ycbcr
from derive.pixels.jpeg.huffman import NotSequential
from derive.pixels.recode import decoded, encoded
from derive.pixels.samples import Native, SampleLayout
from derive.told.wording import counted

_DELIMITER = b"\xfe\xff\xdd\xe0\0\0\0\0"
_NATIVE = str(ExplicitVRLittleEndian)
#: Sequential JPEG: blanked in its blocks.
_IN_BLOCKS = frozenset(["1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"])
#: Syntaxes in which frames are encoded again as another one, for want of an encoder, or as they can be lossy.
_ENCODED_AS = {
    "1.2.840.10008.1.2.4.91": "1.2.840.10008.1.2.4.90",
    "1.2.840.10008.1.2.4.201": "1.2.840.10008.1.2.4.90",
    "1.2.840.10008.1.2.4.202": "1.2.840.10008.1.2.4.90",
    "1.2.840.10008.1.2.4.203": "1.2.840.10008.1.2.4.90",
}
#: What stands beside encapsulated Pixel Data and says where its frames are.
OF_ENCAPSULATED = tuple(
    map(tag_of, ("ExtendedOffsetTable", "ExtendedOffsetTableLengths", "EncapsulatedPixelDataValueTotalLength"))
)
_ICON = tag_of("IconImageSequence")
_LONGEST_TABLE = 1 << 32


class StoredValue(NamedTuple):
    """Pixel Data as it is stored: its VR, and its value; of encapsulated fragments with the delimiter behind them."""

    vr: str
    value: bytes
    encapsulated: bool


@dataclass(frozen=True)
class BlankedPixels:
    """Pixel Data with some areas blank, and what has to be said of it.

    Parameters
    ----------
    pixels : StoredValue
    transfer_syntax : str
    elements : mapping tag -> Element or None
        Attributes to set, or to remove.
    """

    pixels: StoredValue
    transfer_syntax: str
    elements: Mapping[int, Element | None]


class ToBlank(NamedTuple):
    """What is to become blank: areas of all frames, and bits of words that are no part of stored values."""

    areas: Sequence[Area]
    bits: int = 0


def blanked(instance: Instance, stored: StoredValue, layout: SampleLayout, wanted: ToBlank) -> BlankedPixels:
    """Blank areas in all frames.

    Parameters
    ----------
    instance : Instance
    stored : StoredValue
    layout : SampleLayout
    wanted : ToBlank

    Raises
    ------
    ValuesError
        ``DEID-PHOTOMETRIC`` where nobody can say what is black; ``VAL-TRUNCATED``, ``VAL-DECODE`` for damaged pixels.
    SourceError
        ``SRC-SYNTAX`` for what cannot be decoded; ``SRC-SIZE`` for what would become too much.
    """
    if not stored.encapsulated:
        return _native(instance, stored, layout, wanted)
    check_unpacked(instance.name, layout.native_length, len(stored.value))
    frames = list(frames_of(instance, stored, layout))
    if layout.transfer_syntax in _IN_BLOCKS:
        try:
            return _in_blocks(instance, frames, layout, wanted)
        except NotSequential:
            pass  # progressive, or odd: it is decoded, or the decoder refuses it
    return _recoded(instance, frames, layout, wanted)


def without_comments(instance: Instance, stored: StoredValue, layout: SampleLayout) -> BlankedPixels | None:
    """Take comments, Exif and thumbnails out of compressed frames; None where there are none.

    Raises
    ------
    ValuesError
        ``VAL-TRUNCATED``
    """
    codec = CODECS.get(layout.transfer_syntax)
    if not stored.encapsulated or codec is None or not codec.codestream:
        return None
    frames = list(frames_of(instance, stored, layout))
    bare = [bare_codestream(frame) for frame in frames]
    if all(one is other for one, other in zip(frames, bare, strict=True)):
        return None
    return _encapsulated(instance, bare, layout.transfer_syntax, {})


def frames_of(instance: Instance, stored: StoredValue, layout: SampleLayout) -> Iterator[bytes]:
    """Give the compressed frames, each as the decoders take it.

    Raises
    ------
    ValuesError
        ``VAL-TRUNCATED`` if there are fewer than are stated.
    """
    if layout.frames == 1:
        stream = BytesIO(stored.value)
        yield whole(stream, fragments_of(stream, 0, len(stored.value)))
        return
    tables = [instance.elements.get(tag) for tag in OF_ENCAPSULATED[:2]]
    extended = tuple(t.value for t in tables if t is not None and t.value)
    count = 0
    try:
        for frame in generate_frames(
            stored.value,
            number_of_frames=layout.frames,
            extended_offsets=(extended[0], extended[1]) if len(extended) == 2 else None,
        ):
            count += 1
            yield frame
    except (ValueError, struct.error, EOFError, IndexError) as error:
        raise ValuesError("VAL-TRUNCATED", f"{instance.name}: its frames cannot be told apart") from error
    if count != layout.frames:
        raise ValuesError(
            "VAL-TRUNCATED", f"{instance.name}: {counted(layout.frames, 'frame')} stated, and found {count}"
        )


def _native(instance: Instance, stored: StoredValue, layout: SampleLayout, wanted: ToBlank) -> BlankedPixels:
    layout = as_it_lies(layout, len(stored.value))
    native = Native(stored.value, layout, stored.vr, instance.name)
    native.clear(wanted.bits)
    if wanted.areas:
        native.fill(wanted.areas, blank_values(instance, layout, instance.name))
    elements = {}
    if wanted.areas:
        extremes = Extremes(instance, layout)
        for words in native.words:
            extremes.add(words)
        elements = extremes.elements()
    return BlankedPixels(stored._replace(value=native.value()), layout.transfer_syntax, elements | _icon(instance))


def _in_blocks(instance: Instance, frames: list[bytes], layout: SampleLayout, wanted: ToBlank) -> BlankedPixels:
    """Blank JPEG in its blocks; the first frame is decoded to see that it is one still."""
    colour = layout.photometric
    if layout.samples > 1:
        said = is_ycbcr(codestream_of(frames[0]))
        colour = colour if said is None else ("YBR_FULL" if said else "RGB")
    ends = levels(instance, colour, layout.samples, instance.name)
    for frame in frames:
        size = frame_size(codestream_of(frame))
        if size is None or size[:3] != (layout.rows, layout.columns, layout.samples):
            raise ValuesError(
                "VAL-DECODE", f"{instance.name}: a compressed frame is not of the size that its attributes say"
            )
    written = [blanked_jpeg(bare_codestream(codestream_of(frame)), wanted.areas, ends) for frame in frames]
    if layout.bits_stored <= CODECS[layout.transfer_syntax].bits[1]:
        decoded(written[0], layout, instance.name)
    gone = dict.fromkeys(tag for tag in TAGS if tag in instance.elements)
    return _encapsulated(instance, written, layout.transfer_syntax, gone)


def _recoded(instance: Instance, frames: list[bytes], layout: SampleLayout, wanted: ToBlank) -> BlankedPixels:
    """Decode all frames, blank them, and encode them again without loss; one at a time."""
    codec = CODECS.get(layout.transfer_syntax)
    loss = "none" if codec is None else codec.loss
    if loss == "certain" or (loss == "possible" and is_irreversible(codestream_of(frames[0]))):
        return _made_native(instance, frames, layout, wanted, marked_lossy(instance, layout, sum(map(len, frames))))
    return _made_lossless(instance, frames, layout, wanted) or _made_native(instance, frames, layout, wanted, {})


def _made_lossless(
    instance: Instance, frames: list[bytes], layout: SampleLayout, wanted: ToBlank
) -> BlankedPixels | None:
    """Encode in the syntax that it had, or one that says the same; None where one of the frames cannot be."""
    syntax = _ENCODED_AS.get(layout.transfer_syntax, layout.transfer_syntax)
    target = layout._replace(transfer_syntax=syntax, by_plane=False)
    extremes, written = Extremes(instance, layout), list[bytes]()
    for words, photometric in _filled(instance, frames, layout, wanted):
        one = encoded(words, target, instance.name)
        if one is None and not written and photometric != target.photometric:
            target = target._replace(photometric=photometric)
            one = encoded(words, target, instance.name)
        if one is None:
            return None
        written.append(one)
        extremes.add(words)
    elements = extremes.elements() if wanted.areas else {}
    return _encapsulated(instance, written, syntax, elements | _photometric(layout, target.photometric))


def _made_native(
    instance: Instance,
    frames: list[bytes],
    layout: SampleLayout,
    wanted: ToBlank,
    elements: Mapping[int, Element | None],
) -> BlankedPixels:
    """Store the samples as they are, a pixel after the other."""
    extremes, value, meaning = Extremes(instance, layout), bytearray(), layout.photometric
    for words, photometric in _filled(instance, frames, layout, wanted):
        value += words.astype(words.dtype.newbyteorder("<"), copy=False).tobytes()
        extremes.add(words)
        meaning = photometric
    found = {**elements, **(extremes.elements() if wanted.areas else {}), **_photometric(layout, meaning)}
    if layout.samples > 1:
        found[tag_of("PlanarConfiguration")] = encode("PlanarConfiguration", 0)
    found |= dict.fromkeys(tag for tag in OF_ENCAPSULATED if tag in instance.elements)
    value += b"\0" * (len(value) % 2)
    stored = StoredValue("OW" if layout.bits_allocated > 8 else "OB", bytes(value), False)
    return BlankedPixels(stored, _NATIVE, found | _icon(instance))


def _filled(
    instance: Instance, frames: list[bytes], layout: SampleLayout, wanted: ToBlank
) -> Iterator[tuple[NDArray[Any], str]]:
    """Give the allocated words of each frame, blank where that is wanted, and their photometric interpretation."""
    for frame in frames:
        words, photometric = decoded(frame, layout, instance.name)
        words = words.astype(f"{'i' if layout.signed else 'u'}{layout.bits_allocated // 8}", copy=True)
        if wanted.bits:
            unsigned = words.view(words.dtype.str.replace("i", "u"))
            unsigned &= unsigned.dtype.type(~wanted.bits & ((1 << layout.bits_allocated) - 1))
        own = layout._replace(photometric=photometric)
        blank = [layout.word(value) for value in blank_values(instance, own, instance.name)] if wanted.areas else []
        for area in wanted.areas:
            words[area.top : area.bottom, area.left : area.right] = blank
        yield words, photometric


def _encapsulated(
    instance: Instance, frames: list[bytes], syntax: str, elements: Mapping[int, Element | None]
) -> BlankedPixels:
    has_table = sum(len(frame) + 8 for frame in frames) < _LONGEST_TABLE
    value = encapsulate(frames, has_bot=has_table) + _DELIMITER
    gone: dict[int, Element | None] = dict.fromkeys(tag for tag in OF_ENCAPSULATED if tag in instance.elements)
    return BlankedPixels(StoredValue("OB", value, True), syntax, {**elements, **gone, **_icon(instance)})


def _icon(instance: Instance) -> dict[int, Element | None]:
    """Icons show what was there."""
    return {tag: None for tag in (_ICON, *OF_SERIES) if tag in instance.elements}


def _photometric(layout: SampleLayout, now: str) -> dict[int, Element | None]:
    if now == layout.photometric:
        return {}
    return {tag_of("PhotometricInterpretation"): encode("PhotometricInterpretation", now)}


def marked_lossy(instance: Instance, layout: SampleLayout, size: int) -> dict[int, Element | None]:
    """Say that there was loss; what is said of it already stays (PS3.3 C.7.6.1.1.5)."""
    elements: dict[int, Element | None] = {tag_of("LossyImageCompression"): encode("LossyImageCompression", "01")}
    if not instance.text("LossyImageCompressionRatio"):
        ratio = f"{layout.native_length / max(1, size):.4g}"
        elements[tag_of("LossyImageCompressionRatio")] = encode("LossyImageCompressionRatio", ratio)
    if not instance.text("LossyImageCompressionMethod"):
        method = CODECS[layout.transfer_syntax].method
        elements[tag_of("LossyImageCompressionMethod")] = encode("LossyImageCompressionMethod", method)
    return elements

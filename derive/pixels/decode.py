"""Stored values of one image: where its Pixel Data lies, and how it is decoded (PS3.5 8)."""

from __future__ import annotations

from functools import lru_cache
from typing import IO, Any, NoReturn

import numpy as np
from numpy.typing import NDArray
from pydicom.encaps import encapsulate
from pydicom.pixels.decoders.base import get_decoder

from derive.errors import SourceError, ValuesError
from derive.limits import check_unpacked
from derive.pixels.codecs import CODECS, frame_options, uid_of
from derive.pixels.codestream import FrameSize, frame_size, is_irreversible, is_whole_header
from derive.pixels.colour import in_rgb, unpacked
from derive.pixels.encapsulated import Fragments, codestream_of, fragments_of, has_end, head_of, whole
from derive.pixels.layout import PixelBytes as PixelBytes
from derive.pixels.layout import PixelLayout as PixelLayout
from derive.pixels.layout import Tile as Tile
from derive.pixels.listening import complaint, listened
from derive.told.secrecy import shown_uid
from derive.told.wording import counted

#: Bytes that one byte of a run-length code becomes at most (PS3.5 G.3.1: two become 128).
_RLE_RATIO = 64
#: Zeros behind native pixels that are taken for padding: a block of a disk.
_LONGEST_PADDING = 512


def check_decodable(layout: PixelLayout, pixels: PixelBytes, name: str) -> None:
    """Refuse what cannot be decoded, from the header and a few bytes of the file.

    Raises
    ------
    SourceError
        ``SRC-SYNTAX`` for a transfer syntax without decoder, or one that contradicts the file.
    ValuesError
        ``VAL-TRUNCATED`` if there are fewer bytes than the image needs, ``VAL-LENGTH`` if there are more;
        ``VAL-DECODE`` if the compressed image is of another size, depth or sign than the attributes say.
    """
    layout = layout.whole(pixels)
    check_syntax(layout, pixels, name)
    if pixels.length is None:
        _check_codestream(layout, pixels, name)
    else:
        check_length(layout, pixels, name)


def check_syntax(layout: PixelLayout, pixels: PixelBytes, name: str) -> None:
    """Refuse a transfer syntax that has no decoder here, or that contradicts the pixels.

    Raises
    ------
    SourceError
        ``SRC-SYNTAX``
    """
    uid = uid_of(layout.transfer_syntax)
    if not uid.is_transfer_syntax:
        _refuse_syntax(layout, name, "is not known")
    if uid.is_compressed:
        _check_codec(layout, name)
    if layout.encapsulated != (pixels.length is None):
        found = "are not" if layout.encapsulated else "are"
        _refuse_syntax(layout, name, f"contradicts its pixels, which {found} encapsulated")


def check_length(layout: PixelLayout, pixels: PixelBytes, name: str, count: int = 1) -> None:
    """Native frames are as long as the matrix says, and one byte more where that is odd (PS3.5 8.1.1).

    Raises
    ------
    ValuesError
        ``VAL-TRUNCATED`` if there are fewer bytes, ``VAL-LENGTH`` if there are more.
    """
    assert pixels.length is not None, "native pixels have a length"
    wanted = -(-(pixels.skip + count * layout.native_bits) // 8)
    there = min(pixels.length, pixels.end - pixels.offset)
    if there < wanted:
        _refuse_truncated(name, wanted, there)
    excess = pixels.length - wanted
    if excess <= wanted % 2:
        return
    least = min(layout.rows, layout.columns) * layout.stored_samples * layout.bits_allocated // 8
    if excess < least and excess <= _LONGEST_PADDING:
        with pixels.open() as stream:
            stream.seek(pixels.offset + wanted)
            if not stream.read(excess).strip(b"\0"):
                return  # a few zeros: no other matrix would be as long
    frames = "" if count == 1 else f"{counted(count, 'frame')}, "
    raise ValuesError(
        "VAL-LENGTH",
        f"{name}: its pixels are {pixels.length} bytes; {frames}{layout.rows} Rows, {layout.columns} Columns and "
        f"{layout.bits_allocated} Bits Allocated ask for {wanted}; one of them is wrong",
    )


def loss_of(layout: PixelLayout, pixels: PixelBytes, stated: bool, name: str) -> tuple[float, str] | None:
    """Return the ratio and the method of a transfer syntax that compressed the pixels with loss; None without.

    JPEG baseline, extended and JPEG-LS near-lossless: yes. JPEG 2000 that may be either: if its codestream
    has the irreversible transformation, or Lossy Image Compression (0028,2110) is stated as 01 (a
    reversible one can be cut short). All else: no.
    """
    codec = CODECS.get(layout.transfer_syntax)
    if codec is None or codec.loss == "none":
        return None
    with pixels.open() as stream:
        found = _fragments(stream, pixels, name)
        if codec.loss == "possible" and not stated and not is_irreversible(head_of(stream, found)):
            return None
    return layout.whole(pixels).native_length / max(1, found.size), codec.method


def decode(layout: PixelLayout, padding: tuple[float, float] | None, pixels: PixelBytes, name: str) -> NDArray[Any]:
    """Decode one image, or one of the slices that lie side by side in it.

    Parameters
    ----------
    layout : PixelLayout
        Of the image, or the slice.
    padding : (low, high), optional
        Stored values that are padding; kept as they are where they lie outside what Bits Stored can hold.
    pixels : PixelBytes
    name : str
        For messages.

    Returns
    -------
    (rows, columns) integer array
        Stored values: bits above High Bit masked, sign extended. Colours are (rows, columns, 3) uint8: R G B,
        whatever they are stored as.

    Raises
    ------
    ValuesError
        ``VAL-DECODE`` if the decoder fails, ``VAL-TRUNCATED`` if bytes are missing.
    SourceError
        ``SRC-CHANGED`` if the file is no longer what its header was read from.
    """
    if pixels.tile is not None:
        _, _, row, column, of = pixels.tile
        whole_image = _decoded(layout.whole(pixels), padding, pixels._replace(tile=None), of)
        return whole_image[row : row + layout.rows, column : column + layout.columns]
    with pixels.open() as stream:
        if pixels.length is None:
            words = _decompress(layout, whole(stream, _fragments(stream, pixels, name)), name)
        else:
            stream.seek(pixels.offset)
            value = stream.read(2 * -(-(pixels.skip + layout.native_bits) // 16))  # bytes are swapped in pairs
            words = _native(layout, value, pixels, name)
    if layout.samples > 1:
        return words
    values = _stored_bits(words, layout)
    if layout.palette is not None:
        return layout.palette.of(values)
    if padding is not None and (padding[0] < layout.stored_range[0] or padding[1] > layout.stored_range[1]):
        inside = (words >= padding[0]) & (words <= padding[1])
        values = np.where(inside, words, values)
    return values


@lru_cache(maxsize=4)
def _decoded(
    layout: PixelLayout, padding: tuple[float, float] | None, pixels: PixelBytes, name: str
) -> NDArray[np.integer]:
    """Decode an image whose slices are asked for one after another."""
    values = decode(layout, padding, pixels, name)
    values.setflags(write=False)
    return values


def _check_codec(layout: PixelLayout, name: str) -> None:
    codec = CODECS.get(layout.transfer_syntax)
    if codec is None:
        _refuse_syntax(layout, name, "has no decoder here")
    if codec.plugin not in get_decoder(uid_of(layout.transfer_syntax)).available_plugins:
        _refuse_syntax(layout, name, f"needs the decoder {codec.plugin}, which is not installed")
    if not codec.bits[0] <= layout.bits_stored <= codec.bits[1]:
        wanted = f"from {codec.bits[0]} to {codec.bits[1]}"
        _refuse_syntax(
            layout, name, f"with Bits Stored {layout.bits_stored} is not decoded reliably by {codec.plugin} ({wanted})"
        )


def _check_codestream(layout: PixelLayout, pixels: PixelBytes, name: str) -> None:
    with pixels.open() as stream:
        found = _fragments(stream, pixels, name)
        if not CODECS[layout.transfer_syntax].codestream:
            if found.missing or layout.native_length > _RLE_RATIO * found.size:
                _refuse_truncated(name, found.size + found.missing, found.size)
        elif not has_end(stream, found):
            raise ValuesError("VAL-TRUNCATED", f"{name}: its compressed image has no end; the file was cut short")
        else:
            _check_size(layout, frame_size(head_of(stream, found)), name)
    check_unpacked(name, layout.native_length, found.size)


def _check_size(layout: PixelLayout, size: FrameSize | None, name: str) -> None:
    """A compressed image says of itself what the attributes say (PS3.5 8.2)."""
    if size is None:
        return
    if size[:3] != (layout.rows, layout.columns, layout.samples):
        raise ValuesError(
            "VAL-DECODE",
            f"{name}: its compressed image has {size.rows} rows, {size.columns} columns and {size.components} samples "
            f"a pixel; the attributes say {layout.rows}, {layout.columns} and {layout.samples}",
        )
    wider = size.precision > layout.bits_allocated or (size.precision > 8) != (layout.bits_allocated > 8)
    if (
        wider
        or (layout.signed and not size.signed and size.precision < layout.bits_stored)
        or (size.signed and not layout.signed)
    ):
        sign = "" if size.signed is None else f", {'signed' if size.signed else 'unsigned'}"
        raise ValuesError(
            "VAL-DECODE",
            f"{name}: its compressed image has {size.precision} bits a sample{sign}; the attributes say "
            f"{layout.bits_stored} of {layout.bits_allocated}, {'signed' if layout.signed else 'unsigned'}",
        )


def _native(layout: PixelLayout, value: bytes, pixels: PixelBytes, name: str) -> NDArray[Any]:
    wanted = -(-(pixels.skip + layout.native_bits) // 8)
    if len(value) < wanted:
        _refuse_truncated(name, wanted, len(value))
    order = "<" if uid_of(layout.transfer_syntax).is_little_endian else ">"
    count = layout.rows * layout.columns
    if layout.bits_allocated <= 8 and order == ">" and pixels.vr == "OW":
        value = np.frombuffer(value + b"\0" * (len(value) % 2), dtype="u2").byteswap().tobytes()
    if layout.bits_allocated == 1:
        bits = np.unpackbits(np.frombuffer(value, np.uint8), bitorder="little")
        return bits[pixels.skip : pixels.skip + count].reshape(layout.rows, layout.columns)
    if layout.samples > 1:
        flat = np.frombuffer(value, np.uint8, layout.native_length, pixels.skip // 8)
        samples = unpacked(flat, (layout.rows, layout.columns), layout.photometric, by_plane=layout.by_plane)
        return in_rgb(samples, layout.photometric)
    letter = "f" if layout.floating else "i" if layout.signed else "u"
    kind = f"{order}{letter}{layout.bits_allocated // 8}"
    words = np.frombuffer(value, dtype=kind, count=count, offset=pixels.skip // 8)
    return words.astype(words.dtype.newbyteorder("="), copy=False).reshape(layout.rows, layout.columns)


def _decompress(layout: PixelLayout, value: bytes, name: str) -> NDArray[Any]:
    codec = CODECS[layout.transfer_syntax]
    image = codestream_of(value) if codec.codestream else value
    if codec.codestream:
        size = frame_size(image)
        if size is None or not is_whole_header(image):
            raise ValuesError("VAL-DECODE", f"{name}: its compressed image is damaged before its pixels begin")
        _check_size(layout, size, name)
    decoder = get_decoder(uid_of(layout.transfer_syntax))
    packed = encapsulate([image], has_bot=False)
    try:
        (words, _), heard = listened(
            lambda: decoder.as_array(packed, index=0, decoding_plugin=codec.plugin, **frame_options(layout))
        )
    except Exception as error:  # decoders raise whatever they like on a damaged stream
        raise ValuesError(
            "VAL-DECODE", f"{name}: its pixels cannot be decoded ({codec.plugin}); the file is damaged"
        ) from error
    if complaint(heard, image):
        raise ValuesError("VAL-DECODE", f"{name}: its compressed image is damaged; some of its values are lost")
    return np.asarray(words).reshape(layout.rows, layout.columns, *([layout.samples] if layout.samples > 1 else []))


def _stored_bits(words: NDArray[Any], layout: PixelLayout) -> NDArray[Any]:
    """Cut out Bits Stored below High Bit, and extend their sign."""
    below = layout.bits_allocated - layout.bits_stored
    if not below:
        return words
    above = layout.bits_allocated - 1 - layout.high_bit
    return np.asarray(np.right_shift(np.left_shift(words, above), below))


def _fragments(stream: IO[bytes], pixels: PixelBytes, name: str) -> Fragments:
    if pixels.parts is not None:
        return Fragments(pixels.parts, 0, pixels.end)
    found = fragments_of(stream, pixels.offset, pixels.end)
    if not found.parts:
        raise ValuesError("VAL-TRUNCATED", f"{name}: its encapsulated pixels hold no image")
    return found


def _refuse_truncated(name: str, wanted: int, found: int) -> NoReturn:
    raise ValuesError(
        "VAL-TRUNCATED", f"{name}: its pixels need {wanted} bytes and there are {found}; the file was cut short"
    )


def _refuse_syntax(layout: PixelLayout, name: str, why: str) -> NoReturn:
    uid = uid_of(layout.transfer_syntax)
    syntax = shown_uid(str(uid)) + ("" if uid.name == uid else f" ({uid.name})")
    raise SourceError(
        "SRC-SYNTAX",
        f"{name}: transfer syntax {syntax} {why}; convert the file to another transfer syntax",
    )

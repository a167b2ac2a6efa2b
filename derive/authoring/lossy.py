"""Stored values that stay, and what compression with loss leaves of them (PS3.3 C.7.6.1.1.5, C.7.5.1.1.2).

*2026-12-01, padding.* What is lost around pixel padding moves its values too, and those beside it towards them. The
padding of a frame is then the range of values that its padded pixels decode to, as Pixel Padding Range Limit says it.
Where a value that is none lies in that range, nobody could tell them apart any more, and it is refused: a lower
ratio, or JPEG-LS, whose largest error is known, keeps them apart; or a person says that it is to be values like them
(MR whose padding is 0 beside a background of 1 and 2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from derive import standard
from derive.authoring.order import Order
from derive.errors import ValuesError
from derive.model.source import Attributes, SourceSeries
from derive.pixels.compress import packed
from derive.pixels.compressions import Compression
from derive.pixels.encode import Codestream, EncodedFrame, Encoding, PixelFormat
from derive.pixels.samples import SampleLayout
from derive.standard import Iod
from derive.told.wording import flag

_NATIVE = "1.2.840.10008.1.2.1"
BYTE = 8
Mask = NDArray[np.bool_]


def kept_format(source: Attributes, iod: Iod) -> PixelFormat:
    """Return how stored values lie that stay as they are: in as many bits as decoded values had, the most of any image.

    *2026-12-01.* More, where the class lists how many there can be (neither 13 in multi-frame CT nor 8 in
    single-frame MR): the stored values are the same.

    Parameters
    ----------
    source : Attributes
    iod : Iod
        Of what they are written in.
    """

    def most(keyword: str) -> int:
        return max(int(v) for v in source.values(keyword) if v is not None)

    def listed(keyword: str, bits: int) -> int:
        rules = standard.values(iod.name, keyword)
        counts = sorted(int(v) for rule in rules if rule.kind == "enumerated" for v in rule.values)
        return next((count for count in counts if count >= bits), bits)

    allocated = listed("BitsAllocated", -(-most("BitsAllocated") // BYTE) * BYTE)
    return PixelFormat(allocated, stored=listed("BitsStored", most("BitsStored")))


def holds_stored(source: Attributes) -> bool:
    """Whether frames of a source have what lies in their bits, which no table of values led to something else."""
    if not isinstance(source, SourceSeries):
        return False
    most = 1 << max(int(v) for v in source.values("BitsStored") if v is not None)
    return all(
        frame.stored_range[1] < most and not (frame.padding and frame.padding[0] < 0 <= frame.stored_range[0])
        for frame in source.frames
    )


def keeps_stored(order: Order) -> bool:
    """Whether stored values are those of the source's frames: where each is one that was compressed, and no more."""
    frames = order.frames
    if not order.derivation.only_compressed or order.stored_as_they_are or not frames.volumes:
        return False
    if not all(holds_stored(source) for source in order.sources.all):
        return False
    return all(len(frames.contributors(index)) == 1 for index in range(frames.count))


def kept_frame(order: Order, index: int) -> EncodedFrame:
    """Return a frame with the stored values, the rescale and the padding of the frame of the source that it is."""
    (ref,) = order.frames.contributors(index)
    frame, signed = order.sources.all[ref.source].frames[ref.frame], order.stored.signed
    kind = np.dtype(f"<{'i' if signed else 'u'}{order.frames.format.bits // BYTE}")
    stored = np.ascontiguousarray(frame.stored_values().astype(kind, copy=False))
    low, high = map(int, frame.padding) if frame.padding and all(map(np.isfinite, frame.padding)) else (None, None)
    bits, limit = order.frames.format.bits, high if high != low else None
    encoding = Encoding(*frame.rescale, signed, padding=low, bits=bits, padding_limit=limit)
    return EncodedFrame(stored, encoding, *_limits(stored, encoding), 0.0, 0)


def with_loss(frame: EncodedFrame, form: PixelFormat, compression: Compression) -> EncodedFrame:
    """Compress a frame with loss, and return what is left of it; its error is the largest of both together.

    Raises
    ------
    ValuesError
        ``VAL-PADDING-LOST`` where padding could no longer be told from values; what
        :func:`derive.pixels.compress.packed` raises.
    """
    layout = _layout(frame, form)
    data, words = packed(frame.stored, layout, compression)
    left = np.ascontiguousarray(words.reshape(frame.stored.shape).astype(frame.stored.dtype, copy=False))
    if compression.padding == "drop":
        frame = replace(frame, encoding=replace(frame.encoding, padding=None, padding_limit=None))
    outside = _padding(frame)
    apart = np.abs(left.astype(np.int64) - frame.stored)[~outside]
    error = int(apart.max(initial=0))
    encoding = _padding_left(left, outside, frame.encoding)
    codestream = Codestream(data, len(data), layout.native_length, error)
    lost = frame.error + error * abs(encoding.slope)
    return EncodedFrame(left, encoding, *_limits(left, encoding), lost, frame.saturated, codestream)


def padding_of_all(frames: Sequence[EncodedFrame], limits: tuple[int, int]) -> Encoding:
    """Return the first of several encodings with the padding of all: one value, or a range that holds those of all.

    Raises
    ------
    ValuesError
        ``VAL-PADDING-LOST`` where a value of another frame could lie in it.
    """
    padded = [(e.encoding.padding, e.encoding.padding_limit) for e in frames if e.encoding.padding is not None]
    lossless = all(e.codestream is None for e in frames)
    if len(set(padded)) <= 1 or (lossless and all(limit is None for _, limit in padded)):
        first, limit = padded[0] if padded else (None, None)
        return replace(frames[0].encoding, padding=first, padding_limit=limit)
    ends = [value for both in padded for value in both if value is not None]
    low, high = min(ends), max(ends)
    if high >= limits[0] and low <= limits[1]:
        _refuse_padding()
    return replace(frames[0].encoding, padding=low, padding_limit=high)


def codestream_of_all(frames: Sequence[EncodedFrame]) -> Codestream | None:
    """Return how long the frames of an instance are together, and the largest error; None without loss."""
    found = [frame.codestream for frame in frames if frame.codestream is not None]
    if not found:
        return None
    lengths = sum(c.length for c in found), sum(c.native_length for c in found)
    return Codestream(b"", *lengths, max(c.error for c in found))


def _layout(frame: EncodedFrame, form: PixelFormat) -> SampleLayout:
    rows, columns = frame.stored.shape[:2]
    signed = frame.stored.dtype.kind == "i"
    bits = form.bits, form.bits_stored, form.bits_stored - 1
    return SampleLayout(_NATIVE, 1, rows, columns, form.samples, False, *bits, signed, form.photometric)


def _padding(frame: EncodedFrame) -> Mask:
    span = frame.encoding.padded
    if span is None:
        return np.zeros(frame.stored.shape, np.bool_)
    return (frame.stored >= span[0]) & (frame.stored <= span[1])


def _padding_left(left: NDArray[Any], outside: Mask, before: Encoding) -> Encoding:
    """Return an encoding with what padding became; what no pixel is, and no value became, stays as it was."""
    span = before.padded
    if span is None:
        return before
    low, high = (int(left[outside].min()), int(left[outside].max())) if outside.any() else map(int, span)
    values = left[~outside]
    if ((values >= low) & (values <= high)).any():
        if not outside.any():
            return replace(before, padding=None, padding_limit=None)
        _refuse_padding()
    return replace(before, padding=low, padding_limit=high if high != low else None)


def _refuse_padding() -> NoReturn:
    raise ValuesError(
        "VAL-PADDING-LOST",
        "with so much loss pixel padding could no longer be told from values; wanted a lower ratio, or "
        f"{flag('jpeg_ls')} with a small error, which keep them apart, or compression without loss; or "
        f"{flag('padding', 'drop')}, so that padding becomes values like them",
    )


def _limits(stored: NDArray[Any], encoding: Encoding) -> tuple[int, int]:
    span = encoding.padded
    values = stored if span is None else stored[(stored < span[0]) | (stored > span[1])]
    if not values.size:
        values = stored
    return int(values.min()), int(values.max())

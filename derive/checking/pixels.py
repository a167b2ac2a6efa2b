"""Bits, range, rescale and window: what the stored values are said to be, and what they are."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from derive.checking.finding import Finding
from derive.checking.instance import Judged
from derive.checking.judge import reads, reads_anything
from derive.elements.element import keyword_of
from derive.pixels.encode import Rescale
from derive.told.wording import counted

_LOSSY = ("LossyImageCompressionRatio", "LossyImageCompressionMethod")
#: Attributes whose sign is that of the stored values.
_SIGNED_BY_PIXELS = (
    "SmallestImagePixelValue",
    "LargestImagePixelValue",
    "PixelPaddingValue",
    "PixelPaddingRangeLimit",
)


@reads_anything
def _pixel_data(instance: Judged) -> Iterator[Finding]:
    """Judge Pixel Data, which differ from instance to instance."""
    yield from _data(instance)
    yield from _unused_bits(instance)
    yield from _values(instance)


@reads("BitsAllocated", "BitsStored", "HighBit")
def _bits(instance: Judged) -> Iterator[Finding]:
    allocated, stored, high = (_whole(instance, k) for k in ("BitsAllocated", "BitsStored", "HighBit"))
    if stored is not None and high is not None and high != stored - 1:
        yield instance.find("CHK-HIGHBIT", "HighBit", f"is {high}; wanted {stored - 1}, Bits Stored less one")
    if stored is not None and allocated is not None and stored > allocated:
        yield instance.find("CHK-BITS", "BitsStored", f"is {stored} of {allocated} Bits Allocated")


def _whole(instance: Judged, keyword: str) -> int | None:
    number = instance.number(keyword)
    return None if number is None else int(number)


def _data(instance: Judged) -> Iterator[Finding]:
    element = instance.element("PixelData")
    if element is None:
        return
    allocated = _whole(instance, "BitsAllocated") or 0
    wanted = ("OB",) if instance.encapsulated else ("OW",) if allocated > 8 else ("OB", "OW")
    if element.vr not in wanted:
        yield instance.find("CHK-PIXEL-VR", "PixelData", f"has VR {element.vr}; wanted {' or '.join(wanted)}")
    if not instance.encapsulated and (size := _size(instance)) is not None and len(element.value) != size:
        message = f"has {len(element.value)} bytes; rows, columns, samples, frames and bits ask for {size}"
        yield instance.find("CHK-PIXEL-LENGTH", "PixelData", message)


@reads("NumberOfFrames")
def _frames(instance: Judged) -> Iterator[Finding]:
    frames = instance.number("NumberOfFrames")
    if frames is not None and frames > 1 and "NumberOfFrames" not in instance.iod.attributes:
        message = f"is {frames:g}, and {instance.iod.name} has one frame"
        yield instance.find("CHK-FRAMES", "NumberOfFrames", message)
    if frames is not None and frames < 1:
        yield instance.find("CHK-FRAMES", "NumberOfFrames", f"is {frames:g}; wanted 1 or more")


@reads_anything
def _pointers(instance: Judged) -> Iterator[Finding]:
    """Each attribute that tells the frames apart is there, with as many values as there are frames (C.7.6.6)."""
    frames = instance.number("NumberOfFrames")
    for tag in instance.values("FrameIncrementPointer"):
        keyword = keyword_of(int(tag))
        count = len(instance.values(keyword))
        if count == 0 or (keyword.endswith("Vector") and frames is not None and count != frames):
            message = (
                f"points to {keyword}, which has {counted(count, 'value')}; wanted one for each "
                f"of {counted(int(frames or 1), 'frame')}"
            )
            yield instance.find("CHK-POINTER", "FrameIncrementPointer", message)


def _size(instance: Judged) -> int | None:
    """Bytes of native pixel data, padded to an even count."""
    factors = [_whole(instance, k) for k in ("Rows", "Columns", "SamplesPerPixel", "BitsAllocated")]
    if any(f is None for f in factors):
        return None
    cells = math.prod(f for f in factors[:3] if f is not None) * int(instance.number("NumberOfFrames") or 1)
    if instance.text("PhotometricInterpretation") == "YBR_FULL_422":
        cells = cells * 2 // 3
    size = -(-cells * (factors[3] or 0) // 8)
    return size + size % 2


@reads("PixelRepresentation", *_SIGNED_BY_PIXELS)
def _signs(instance: Judged) -> Iterator[Finding]:
    representation = _whole(instance, "PixelRepresentation")
    if representation is None:
        return
    wanted = "SS" if representation else "US"
    for keyword in _SIGNED_BY_PIXELS:
        element = instance.element(keyword)
        if element is not None and element.value and element.vr in ("US", "SS") and element.vr != wanted:
            message = f"has VR {element.vr}; Pixel Representation {representation} asks for {wanted}"
            yield instance.find("CHK-SIGN-VR", keyword, message)


def _limits(instance: Judged) -> tuple[int, int] | None:
    """Smallest and largest stored value that bits and sign allow."""
    bits, representation = _whole(instance, "BitsStored"), _whole(instance, "PixelRepresentation")
    if not bits or representation is None or not 0 < bits <= 32:
        return None
    return (-(1 << bits - 1), (1 << bits - 1) - 1) if representation else (0, (1 << bits) - 1)


def _values(instance: Judged) -> Iterator[Finding]:
    """Smallest and Largest Image Pixel Value may count padding or not."""
    stored = stored_of(instance)
    if stored is None or not stored.size:
        return
    low, high = int(stored.min()), int(stored.max())
    limits = _limits(instance)
    if limits is not None and (low < limits[0] or high > limits[1]):
        message = f"holds stored values from {low} to {high}; Bits Stored and sign allow {limits[0]} to {limits[1]}"
        yield instance.find("CHK-PIXEL-BITS", "PixelData", message)
    shown = (_whole(instance, "SmallestImagePixelValue"), _whole(instance, "LargestImagePixelValue"))
    if shown == (None, None) or shown == (low, high):
        return
    without = unpadded(instance, stored) or (low, high)
    for keyword, said, ends in zip(_SIGNED_BY_PIXELS[:2], shown, zip((low, high), without, strict=True), strict=True):
        if said is not None and said not in ends:
            yield instance.find("CHK-MINMAX", keyword, f"is {said}; the stored values say {ends[0]}")


def _words(instance: Judged) -> NDArray[Any] | None:
    """Return the words of native grayscale Pixel Data, all their bits."""
    element, bits = instance.element("PixelData"), _whole(instance, "BitsAllocated")
    if element is None or instance.encapsulated or bits not in (8, 16, 32) or instance.number("SamplesPerPixel") != 1:
        return None
    size = _size(instance) or 0
    if not 0 < size <= len(element.value):
        return None
    width = bits // 8
    words = np.frombuffer(element.value, f"<u{width}", len(element.value) // width)
    frames = max(1, int(instance.number("NumberOfFrames") or 1))
    return words[: int(instance.number("Rows") or 0) * int(instance.number("Columns") or 0) * frames]


def _unused_bits(instance: Judged) -> Iterator[Finding]:
    """Bits above High Bit held overlays once; they are 0 now, or repeat the sign."""
    words, bits, high = _words(instance), _whole(instance, "BitsStored"), _whole(instance, "HighBit")
    if words is None or not bits or high is None or high != bits - 1 or bits >= words.itemsize * 8:
        return
    above = words >> words.dtype.type(bits)
    wrong = above != 0
    if instance.number("PixelRepresentation") == 1:
        ones = (1 << words.itemsize * 8 - bits) - 1
        wrong &= (above != ones) | (words >> words.dtype.type(bits - 1) & 1 == 0)
    if wrong.any():
        message = (
            f"has {counted(int(wrong.sum()), 'value')} with bits set above High Bit {high}, which not all readers mask"
        )
        yield instance.find("CHK-PIXEL-BITS", "PixelData", message)


def stored_of(instance: Judged) -> NDArray[Any] | None:
    """Return the stored values, those that are known or those of the words: shifted, masked, with their sign."""
    if instance.stored is not None:
        return instance.stored
    words, bits, high = _words(instance), _whole(instance, "BitsStored"), _whole(instance, "HighBit")
    signed = instance.number("PixelRepresentation")
    if words is None or not bits or high is None or signed is None or not bits - 1 <= high < words.itemsize * 8:
        return None
    if bits == words.itemsize * 8:
        return words.view(f"<i{words.itemsize}") if signed else words
    values: NDArray[np.int64] = (words >> words.dtype.type(high - bits + 1)).astype(np.int64) & ((1 << bits) - 1)
    return values - ((values >> bits - 1) << bits) if signed else values


def unpadded(instance: Judged, stored: NDArray[Any]) -> tuple[int, int] | None:
    """Smallest and largest stored value apart from padding; None where there is no other value or no padding."""
    padding = _whole(instance, "PixelPaddingValue")
    if padding is None:
        return None
    limit = _whole(instance, "PixelPaddingRangeLimit")
    first, last = sorted((padding, padding if limit is None else limit))
    rest = stored[(stored < first) | (stored > last)]
    return (int(rest.min()), int(rest.max())) if rest.size else None


@reads("PixelPaddingValue", "PixelPaddingRangeLimit", "BitsStored", "PixelRepresentation", "PhotometricInterpretation")
def _padding(instance: Judged) -> Iterator[Finding]:
    padding, limit = (_whole(instance, k) for k in ("PixelPaddingValue", "PixelPaddingRangeLimit"))
    limits = _limits(instance)
    if padding is None or limits is None:
        return
    if not limits[0] <= padding <= limits[1]:
        message = f"is {padding}; stored values lie between {limits[0]} and {limits[1]}"
        yield instance.find("CHK-PADDING", "PixelPaddingValue", message)
    side = {"MONOCHROME2": 1, "MONOCHROME1": -1}.get(instance.text("PhotometricInterpretation"), 0)
    if limit is not None and (limit - padding) * side < 0:
        message = f"is {limit} and Pixel Padding Value {padding}; padding is at the black end"
        yield instance.find("CHK-PADDING-LIMIT", "PixelPaddingRangeLimit", message)


@reads("LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod")
def _lossy(instance: Judged) -> Iterator[Finding]:
    lossy = instance.text("LossyImageCompression")
    counts = {keyword: len(instance.values(keyword)) for keyword in _LOSSY}
    for keyword, count in counts.items():
        if lossy == "01" and not count:
            yield instance.find("CHK-LOSSY", keyword, "is absent although the image was compressed with loss")
        if lossy != "01" and count:
            message = f"has {counted(count, 'value')}, and Lossy Image Compression does not say 01"
            yield instance.find("CHK-LOSSY-NONE", keyword, message)
    ratios, methods = counts.values()
    if ratios and methods and ratios != methods:
        message = f"has {counted(ratios, 'value')} and Lossy Image Compression Method {methods}; wanted one a step"
        yield instance.find("CHK-LOSSY-STEPS", _LOSSY[0], message)
    if any(ratio < 1 for ratio in instance.numbers(_LOSSY[0])):
        yield instance.find("CHK-LOSSY-STEPS", _LOSSY[0], "is below 1; compression makes nothing larger")


@reads("RescaleSlope", "RescaleIntercept")
def _rescale(instance: Judged) -> Iterator[Finding]:
    slope, intercept = instance.number("RescaleSlope"), instance.number("RescaleIntercept")
    if slope == 0:
        yield instance.find("CHK-RESCALE", "RescaleSlope", "is 0; all values would be one")
    if instance.rescale is Rescale.INSTANCE and intercept not in (None, 0):
        yield instance.find("CHK-RESCALE-PET", "RescaleIntercept", f"is {intercept}; wanted 0")
    if instance.rescale is Rescale.MAPPING and (slope, intercept) != (None, None):
        message = (
            f"is in no module of {instance.iod.name}; a Real World Value Mapping says the same without being misread"
        )
        yield instance.find("CHK-RESCALE-MR", "RescaleSlope", message)


@reads("WindowWidth", "WindowCenter", "VOILUTFunction")
def _window(instance: Judged) -> Iterator[Finding]:
    widths, centers = instance.numbers("WindowWidth"), instance.values("WindowCenter")
    linear = (instance.text("VOILUTFunction") or "LINEAR") == "LINEAR"
    for width in widths:
        if width < 1 if linear else width <= 0:
            wanted = "at least 1" if linear else "above 0"
            yield instance.find("CHK-WINDOW", "WindowWidth", f"is {width:g}; wanted {wanted}")
    if widths and len(widths) != len(centers):
        message = f"has {counted(len(widths), 'value')} and Window Center {len(centers)}; wanted as many"
        yield instance.find("CHK-WINDOW", "WindowWidth", message)


#: Of the attributes that describe the pixels, and of Pixel Data.
JUDGES = (_bits, _frames, _pointers, _signs, _padding, _lossy, _rescale, _window, _pixel_data)
#: What is judged of frames.
OF_FRAMES = (_rescale, _window)

"""Bits, range, rescale and window: what the stored values are said to be, and what they are."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import islice
from typing import Any

from numpy.typing import NDArray

from derive.checking.finding import Finding
from derive.checking.instance import Judged
from derive.checking.judge import reads, reads_anything
from derive.checking.stored import Ends, Words, ends_of, frames_in
from derive.elements.element import keyword_of
from derive.pixels.encode import Rescale
from derive.told.wording import counted

_LOSSY = ("LossyImageCompressionRatio", "LossyImageCompressionMethod")
#: Pixels in floating point, and their VR.
_FLOATING = {"FloatPixelData": "OF", "DoubleFloatPixelData": "OD"}
_PIXELS = ("PixelData", *_FLOATING)
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
    element = next((e for k in _PIXELS if (e := instance.element(k)) is not None), None)
    if element is None:
        return
    allocated, floating = _whole(instance, "BitsAllocated") or 0, _FLOATING.get(element.keyword)
    wanted = (
        (floating,) if floating else ("OB",) if instance.encapsulated else ("OW",) if allocated > 8 else ("OB", "OW")
    )
    if element.vr not in wanted:
        yield instance.find("CHK-PIXEL-VR", element.keyword, f"has VR {element.vr}; wanted {' or '.join(wanted)}")
    length = len(element.value) if instance.pixels is None else instance.pixels.length
    if not instance.encapsulated and (size := _size(instance)) is not None and length != size:
        message = f"has {length} bytes; rows, columns, samples, frames and bits ask for {size}"
        yield instance.find("CHK-PIXEL-LENGTH", element.keyword, message)


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
    ends = _ends(instance, None)
    if ends is None:
        return
    limits = _limits(instance)
    if limits is not None and (ends.low < limits[0] or ends.high > limits[1]):
        message = (
            f"holds stored values from {ends.low} to {ends.high}; Bits Stored and sign allow {limits[0]} to {limits[1]}"
        )
        yield instance.find("CHK-PIXEL-BITS", "PixelData", message)
    shown = (_whole(instance, "SmallestImagePixelValue"), _whole(instance, "LargestImagePixelValue"))
    if shown in ((None, None), (ends.low, ends.high)):
        return
    telling = (stored_ends(instance) or ends).telling
    either = zip((ends.low, ends.high), telling, strict=True)
    for keyword, said, found in zip(_SIGNED_BY_PIXELS[:2], shown, either, strict=True):
        if said is not None and said not in found:
            yield instance.find("CHK-MINMAX", keyword, f"is {said}; the stored values say {found[0]}")


def stored_ends(instance: Judged) -> Ends | None:
    """Return the ends of the stored values, with and without padding; None where they cannot be known."""
    first, last = (_whole(instance, k) for k in ("PixelPaddingValue", "PixelPaddingRangeLimit"))
    if first is None:
        return _ends(instance, None)
    low, high = sorted((first, first if last is None else last))
    return _ends(instance, (low, high))


def _ends(instance: Judged, padding: tuple[int, int] | None) -> Ends | None:
    """Of those that are known, or of those that Pixel Data holds."""
    words = _layout(instance)
    if instance.stored is not None:
        return ends_of([instance.stored], padding)
    return None if words is None else ends_of(map(words.values, _blocks(instance)), padding)


def _layout(instance: Judged) -> Words | None:
    """Say where the stored values are in their words; None where that makes no sense."""
    allocated, bits, high = (_whole(instance, k) for k in ("BitsAllocated", "BitsStored", "HighBit"))
    signed = instance.number("PixelRepresentation")
    if not allocated or high is None or signed is None or bits is None or not 0 <= bits - 1 <= high < allocated:
        return None
    return Words(bits, high, bool(signed))


def _blocks(instance: Judged) -> Iterator[NDArray[Any]]:
    """Give the words of native grayscale Pixel Data, all their bits, frame by frame."""
    element, bits = instance.element("PixelData"), _whole(instance, "BitsAllocated")
    if element is None or instance.encapsulated or bits not in (8, 16, 32) or instance.number("SamplesPerPixel") != 1:
        return
    if instance.pixels is not None:
        yield from (instance.pixels.stored(k).view(f"<u{bits // 8}") for k in range(instance.pixels.count))
        return
    size, cells = _size(instance) or 0, (_whole(instance, "Rows") or 0) * (_whole(instance, "Columns") or 0)
    if 0 < size <= len(element.value):
        frames = max(1, int(instance.number("NumberOfFrames") or 1))
        yield from islice(frames_in(element.value, bits // 8, cells), frames)


def _unused_bits(instance: Judged) -> Iterator[Finding]:
    """Bits above High Bit held overlays once; they are 0 now, or repeat the sign."""
    words, allocated = _layout(instance), _whole(instance, "BitsAllocated")
    if words is None or words.high != words.bits - 1 or words.bits == allocated:
        return
    if wrong := sum(map(words.strays, _blocks(instance))):
        message = f"has {counted(wrong, 'value')} with bits set above High Bit {words.high}, which not all readers mask"
        yield instance.find("CHK-PIXEL-BITS", "PixelData", message)


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
    if any(ratio <= 0 for ratio in instance.numbers(_LOSSY[0])):  # below 1 is what a picture of nine pixels has
        yield instance.find("CHK-LOSSY-STEPS", _LOSSY[0], "is not above 0")


@reads("RescaleSlope", "RescaleIntercept")
def _rescale(instance: Judged) -> Iterator[Finding]:
    slope, intercept = instance.number("RescaleSlope"), instance.number("RescaleIntercept")
    if slope == 0:
        yield instance.find("CHK-RESCALE", "RescaleSlope", "is 0; all values would be one")
    if instance.rescale in (Rescale.INSTANCE, Rescale.SLOPE) and intercept not in (None, 0):
        yield instance.find("CHK-RESCALE-PET", "RescaleIntercept", f"is {intercept}; wanted 0")
    # A map has one that does nothing (C.7.6.16.2.9b), and so have digital radiographs and pages (C.8.11.3, C.8.6.3).
    rule = instance.iod.attributes.get("RescaleSlope")
    identity = instance.target is not None and (instance.target.named or rule is not None)
    nothing = ((None, None), (1, 0)) if identity else ((None, None),)
    if instance.rescale is not None and instance.rescale.mapped and (slope, intercept) not in nothing:
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

"""From stored to real-world values: rescale, padding and layout of one image, and what they may not be."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import partial

from derive import standard
from derive.errors import SourceError, ValuesError
from derive.model.classes import target_of
from derive.model.mapping import item_of_values
from derive.model.remark import Remark
from derive.pixels.colour import COLOURS, RGB
from derive.pixels.decode import PixelLayout
from derive.pixels.encode import Rescale
from derive.reading.colour_attributes import check_supplemental, in_colours, is_colour
from derive.reading.groups import distinct, tallied
from derive.reading.header import Header
from derive.standard import known_terms
from derive.told.secrecy import shown_term
from derive.told.wording import counted, flag

_GREY = ("MONOCHROME1", "MONOCHROME2")
#: float32, in which values are computed, holds every integer of so many bits.
MOST_BITS = 24

#: Slopes and intercepts above this leave float32 with the largest stored values.
LARGEST = 1e30


def layout_of(header: Header) -> PixelLayout:
    """Read the Image Pixel Module (PS3.3 C.7.6.3).

    Raises
    ------
    ValuesError
        ``VAL-COLOUR`` for what is not grey, of a class of which only that is read, and for colours that are not of 8
        bits; ``VAL-PALETTE`` for a palette that tells none; ``VAL-BITS`` for bits that make no sense.
    SourceError
        ``SRC-VALUE`` if an attribute that decoding needs is missing.
    """
    photometric = header.text("PhotometricInterpretation")
    samples = header.integer("SamplesPerPixel")
    colour = is_colour(header)
    if not colour and (samples not in (None, 1) or photometric not in _GREY):
        raise ValuesError(
            "VAL-COLOUR",
            f"{header.name} is no grey image: Photometric Interpretation is {shown_term(photometric, known_terms())}"
            f"{header.why_absent('PhotometricInterpretation')}, Samples per Pixel {samples or 'none'}; "
            f"wanted {' or '.join(_GREY)} of 1 sample",
        )
    if _is_floating(header):
        rows, columns, bits = (_required(header, k) for k in ("Rows", "Columns", "BitsAllocated"))
        return PixelLayout(header.transfer_syntax, rows, columns, bits, bits, bits - 1, True, photometric, True)
    rows, columns, allocated, stored, high, representation = (
        _required(header, k)
        for k in ("Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation")
    )
    least, most = "1 or more", min(allocated, MOST_BITS)
    wanted = (
        ("Rows", rows, rows >= 1, least),
        ("Columns", columns, columns >= 1, least),
        ("Bits Allocated", allocated, allocated in (8, 16, 32), "8, 16 or 32"),
        ("Bits Stored", stored, 1 <= stored <= most, f"1 to {most} where Bits Allocated is {allocated}"),
        ("High Bit", high, stored > most or stored - 1 <= high < allocated, f"{stored - 1}, one less than Bits Stored"),
        ("Pixel Representation", representation, representation in (0, 1), "0 or 1"),
    )
    wrong = [f"{name} is {found}, wanted {what}" for name, found, right, what in wanted if not right]
    if wrong:
        raise ValuesError("VAL-BITS", f"{header.name}: its pixels cannot be read: {'; '.join(wrong)}")
    layout = PixelLayout(
        header.transfer_syntax, rows, columns, allocated, stored, high, representation == 1, photometric
    )
    if colour:
        return in_colours(header, layout)
    check_supplemental(header)
    return layout


def _is_floating(header: Header) -> bool:
    """Whether pixels are in floating point: of a class that may have such, whose bits are all of them (A.75)."""
    held = target_of(header.sop_class_uid).stored
    return "float" in held and header.integer("BitsStored") is None and header.integer("BitsAllocated") in (32, 64)


def rescale_of(header: Header) -> tuple[float, float]:
    """Slope and intercept of one image (PS3.3 C.11.1, C.8.9.4, C.7.6.16.2.11).

    Where the class does not demand them (MR): Rescale Slope and Intercept, else the one linear Real World Value
    Mapping, else (1, 0). The modality LUT of XA and RF leads back to the intensity of the beam, and is applied neither
    to show nor to subtract them (C.8.7.1.1.2): what they are is stored.

    Raises
    ------
    ValuesError
        ``VAL-LUT`` for a Modality LUT Sequence; ``VAL-RESCALE`` if they are missing or the slope is 0.
    """
    if target_of(header.sop_class_uid).rescale is Rescale.OFFSET and not _has_identity(header.sop_class_uid):
        return mapping_of(header)
    if header.value("ModalityLUTSequence"):
        raise ValuesError(
            "VAL-LUT", f"{header.name} has a Modality LUT Sequence (0028,3000); only a linear rescale is read"
        )
    slope, intercept = header.numbers("RescaleSlope"), header.numbers("RescaleIntercept")
    if target_of(header.sop_class_uid).named:
        return _of_map(header)
    if not slope and not intercept and _may_lack_rescale(header.text("SOPClassUID")):
        return mapping_of(header)
    if not slope or not intercept:
        raise ValuesError(
            "VAL-RESCALE",
            f"{header.name} lacks Rescale Slope (0028,1053) or Rescale Intercept (0028,1052); "
            "its stored values cannot be related to real-world values. A person can say it: "
            f"{flag('assume', 'RescaleIntercept=VALUE' if slope else 'RescaleSlope=VALUE')}",
            keyword="RescaleIntercept" if slope else "RescaleSlope",
        )
    if _has_identity(header.sop_class_uid) and (slope[0], intercept[0]) == (1, 0):
        return mapping_of(header)
    return _checked(header, slope[0], intercept[0])


def _has_identity(sop_class_uid: str) -> bool:
    """Whether images of a class have to say a rescale that changes nothing: of one that says another, it is read."""
    target = target_of(sop_class_uid)
    rule = target.iod.attributes.get("RescaleSlope")
    return target.rescale is Rescale.OFFSET and rule is not None and rule.type == "1"


def _may_lack_rescale(sop_class_uid: str) -> bool:
    """Whether images of a class need no Rescale: it is of none of their modules, or of one that they may lack."""
    target = target_of(sop_class_uid)
    rule = target.iod.attributes.get("PixelValueTransformationSequence")
    if rule is None:
        rule = target.iod.attributes.get("RescaleSlope")
        return target.rescale.mapped or (rule is not None and rule.type == "1C")
    return rule.type != "1"


def mapping_of(header: Header) -> tuple[float, float]:
    """Slope and intercept of the one linear Real World Value Mapping, or of that made here; (1, 0) without."""
    item = item_of_values(list(header.value("RealWorldValueMappingSequence") or ()))
    return (1.0, 0.0) if item is None else _checked(header, item.RealWorldValueSlope, item.RealWorldValueIntercept)


def _of_map(header: Header) -> tuple[float, float]:
    """Slope and intercept of a map of a quantity, which a Real World Value Mapping says and nothing else (A.75)."""
    item = item_of_values(list(header.value("RealWorldValueMappingSequence") or ()), first=True)
    if item is None:
        raise ValuesError(
            "VAL-LUT",
            f"{header.name} has no line in its Real World Value Mapping (0040,9096); only a slope and an intercept are "
            "read",
        )
    return _checked(header, item.RealWorldValueSlope, item.RealWorldValueIntercept)


def check_alike(headers: Sequence[Header]) -> None:
    """Refuse a series in which some images have a rescale and others do not.

    Raises
    ------
    ValuesError
        ``VAL-RESCALE``
    """
    kinds = {
        keyword: [h.name for h in headers if h.value(keyword) is None]
        for keyword in ("RescaleSlope", "RealWorldValueMappingSequence")
    }
    for keyword, without in kinds.items():
        if 0 < len(without) < len(headers) and not _means_nothing(headers, keyword):
            raise ValuesError(
                "VAL-RESCALE",
                f"{len(without)} of {counted(len(headers), 'image')} have no {keyword} while the others do, e.g. "
                f"{min(without)}; their values are not in the same units. A person can say it: "
                f"{flag('assume', f'{keyword}=VALUE')}",
                keyword=keyword,
            )


#: What the pixels of a series have in common, and the code of its refusal where they have not: decoded by what each
#: image says, a wrong one would be read with wrong values (2026-11-30: one of 140 images with the other sign).
_COMMON = {"PixelRepresentation": "VAL-BITS", "PhotometricInterpretation": "VAL-COLOUR"}
#: What images may differ in, and are read by what each says.
_OWN = ("BitsAllocated", "BitsStored", "HighBit")


def check_one_form(headers: Sequence[Header]) -> None:
    """Refuse a series whose images differ in what their pixels are.

    Raises
    ------
    ValuesError
        ``VAL-BITS`` for Pixel Representation, ``VAL-COLOUR`` for Photometric Interpretation.
    """
    for keyword, code in _COMMON.items():
        groups = distinct(headers, partial(_kind_of_pixels, keyword=keyword))
        if len(groups) > 1:
            raise ValuesError(
                code,
                f"{keyword} differs between the images of the series: {tallied(groups, _shown)}; wanted one",
                keyword=keyword,
            )


def _kind_of_pixels(header: Header, keyword: str) -> str:
    """Return what a value of an attribute tells of pixels: colours are R G B, whatever they are stored as."""
    value = header.text(keyword)
    return RGB if keyword == "PhotometricInterpretation" and value in COLOURS else value


def _shown(value: str) -> str:
    return value if value in (*_GREY, RGB, "0", "1") else "another"


def pixel_remarks(headers: Sequence[Header]) -> list[tuple[str, list[Remark]]]:
    """Say what is odd about the pixels of a series and stops nothing: by which rule they are read all the same.

    Parameters
    ----------
    headers : sequence of Header
        Of one series, each with a layout.

    Returns
    -------
    list of (name, remarks)
    """
    target = target_of(headers[0].sop_class_uid)
    keywords = (*_OWN, *(("RescaleSlope", "RescaleIntercept") if target.rescale is Rescale.SERIES else ()))
    differing = [k for k in keywords if len({h.numbers(k) for h in headers}) > 1]
    common = [Remark("SRC-DIFFERS", k, "differs between the images; each is read by its own") for k in differing]
    return [(h.name, [*common, *_own_remarks(h)]) for h in headers]


def _own_remarks(header: Header) -> Iterator[Remark]:
    layout, pixels = layout_of(header), header.pixels
    if layout.high_bit != layout.bits_stored - 1:
        yield Remark("SRC-BITS", "HighBit", "is not Bits Stored less one; the bits below it are read (PS3.5 8.1.1)")
    if pixels is not None and pixels.length is not None:
        whole = layout.whole(pixels).native_length
        excess = pixels.length - whole
        if excess > whole % 2:
            yield Remark("SRC-PADDED", "PixelData", "is followed by zeros; they are left out")


def _means_nothing(headers: Sequence[Header], keyword: str) -> bool:
    """Whether those that state it say what its absence means: stored values are as they are."""
    default = standard.defaults(standard.iod(headers[0].sop_class_uid).name).get(keyword)
    stated = {rescale_of(h) for h in headers if h.value(keyword) is not None}
    return default is not None and stated == {(1.0, 0.0)}


def padding_of(header: Header, layout: PixelLayout) -> tuple[float, float] | None:
    """Stored values that are pixel padding, signed or not as the pixels are (PS3.3 C.7.5.1.1.2).

    Pixel Padding Value is US or SS by Pixel Representation, and is often written as the other: its bits
    are taken for a pixel's.
    """
    if layout.floating:  # NaN is none of the numbers, wherever it stands, and says itself that it is no value
        said = header.numbers("FloatPixelPaddingValue") or header.numbers("DoubleFloatPixelPaddingValue")
        limit = header.numbers("FloatPixelPaddingRangeLimit") or header.numbers("DoubleFloatPixelPaddingRangeLimit")
        ends = sorted([*said[:1], *(limit[:1] or said[:1])])
        return (ends[0], ends[1]) if ends else (math.nan, math.nan)
    first = header.integer("PixelPaddingValue")
    if first is None:
        return None
    last = header.integer("PixelPaddingRangeLimit")
    low, high = sorted(_word(v, layout) for v in (first, first if last is None else last))
    return low, high


def _word(value: int, layout: PixelLayout) -> int:
    word = value & ((1 << layout.bits_allocated) - 1)
    return word - (1 << layout.bits_allocated) if layout.signed and word >> (layout.bits_allocated - 1) else word


def _required(header: Header, keyword: str) -> int:
    value = header.integer(keyword)
    if value is None:
        raise SourceError(
            "SRC-VALUE",
            f"{header.name} has no {keyword}{header.why_absent(keyword)}; its pixels cannot be decoded without. "
            f"A person can say it: {flag('assume', f'{keyword}=VALUE')}",
            keyword=keyword,
        )
    return value


def _checked(header: Header, slope: float, intercept: float) -> tuple[float, float]:
    if slope == 0 or not max(abs(slope), abs(intercept)) <= LARGEST:
        raise ValuesError(
            "VAL-RESCALE", f"{header.name}: Rescale Slope {slope:g} and Rescale Intercept {intercept:g} make no values"
        )
    return slope, intercept

"""Image pixel, modality LUT and VOI LUT: what the stored values are (PS3.3 C.7.6.3, C.11.1, C.11.2)."""

from __future__ import annotations

import numpy as np

from derive import standard
from derive.authoring.entities.registry import per_frame, per_series
from derive.authoring.order import Authoring, Frame
from derive.elements.element import Element, tag_of
from derive.errors import ValuesError
from derive.model.derivation import ValuesEffect
from derive.model.segmented import Segmented
from derive.pixels.encode import decimal
from derive.pixels.icc import srgb_profile


@per_series("SamplesPerPixel")
def samples_per_pixel(authoring: Authoring) -> int:
    """Return 1, or 3 for colours."""
    return authoring.pixel_format.samples


@per_series("PlanarConfiguration")
def planar_configuration(authoring: Authoring) -> int | None:
    """Return 0 for colours: pixel by pixel (C.7.6.3.1.3)."""
    return 0 if authoring.pixel_format.samples > 1 else None


@per_series("PhotometricInterpretation")
def photometric_interpretation(authoring: Authoring) -> str:
    """Return the source's while it is the same quantity and the IOD has it (PET knows one): how low values look.

    Colours are always RGB, whatever they were stored as in the source.

    Raises
    ------
    ValuesError
        ``VAL-POLARITY`` where pictures would be shown the other way round: low values are white in the source, and the
        class has no word for that.
    """
    if authoring.pixel_format.samples > 1 and not authoring.derivation.passes:
        return authoring.pixel_format.photometric
    source = authoring.source.text("PhotometricInterpretation")
    if authoring.derivation.values_effect is ValuesEffect.NEW_QUANTITY or not source:
        return authoring.pixel_format.photometric
    listed = standard.values(authoring.target.iod.name, "PhotometricInterpretation")
    if all(source in rule.values for rule in listed):
        return source
    if source == "MONOCHROME1" and not authoring.target.in_patient:
        raise ValuesError(
            "VAL-POLARITY",
            f"low values of the source are white (MONOCHROME1), and {authoring.target.iod.name} cannot say so: it "
            "would be shown the other way round. A function of one's own (apply) can turn the values over",
        )
    return "MONOCHROME2"


@per_series("PresentationLUTShape", module="dx-image")
def presentation_lut_shape_of_projection(authoring: Authoring) -> str:
    """Return what goes with Photometric Interpretation: INVERSE where the lowest values are white (C.8.11.3)."""
    return "INVERSE" if photometric_interpretation(authoring) == "MONOCHROME1" else "IDENTITY"


@per_series("ColorSpace")
def color_space(authoring: Authoring) -> str | Element | None:
    """Return the space of colours that a step made; of a source in colours its own, while they are kept (C.7.6.3)."""
    made = authoring.derivation.terms("ColorSpace")
    return made[-1] if made else _of_colours(authoring, "ColorSpace")


@per_series("ICCProfile")
def icc_profile(authoring: Authoring) -> bytes | Element | None:
    """Return the profile of the colours that a step made, which is sRGB; of a source in colours its own (C.11.15)."""
    made = authoring.derivation.terms("ColorSpace")
    return srgb_profile() if made else _of_colours(authoring, "ICCProfile")


def _of_colours(authoring: Authoring, keyword: str) -> Element | None:
    """What a source in colours says of them, while they are kept; nothing of colours that are drawn of grey."""
    if authoring.pixel_format.samples == 1 or not authoring.same_kind:
        return None
    return authoring.source.agreement(tag_of(keyword)).element


@per_series("Rows")
def rows(authoring: Authoring) -> int:
    """Return the count of rows."""
    return authoring.frames.shape[1]


@per_series("Columns")
def columns(authoring: Authoring) -> int:
    """Return the count of columns."""
    return authoring.frames.shape[2]


@per_series("BitsAllocated")
def bits_allocated(authoring: Authoring) -> int:
    """Return 16, or what a picture, or a frame that passes, has."""
    return authoring.pixel_format.bits


@per_series("BitsStored")
def bits_stored(authoring: Authoring) -> int | None:
    """Return those allocated; of frames that pass their own; nothing in floating point."""
    return None if authoring.pixel_format.floating else authoring.pixel_format.bits_stored


@per_series("HighBit")
def high_bit(authoring: Authoring) -> int | None:
    """Return the bits stored less one; nothing in floating point."""
    return None if authoring.pixel_format.floating else authoring.pixel_format.bits_stored - 1


@per_frame("PixelRepresentation")
def pixel_representation(authoring: Authoring, frame: Frame) -> int | None:
    """Return 1 for signed stored values; nothing in floating point."""
    return None if authoring.pixel_format.floating else int(frame.encoded.encoding.signed)


@per_frame("SmallestImagePixelValue")
def smallest_image_pixel_value(authoring: Authoring, frame: Frame) -> int | None:
    """Return the smallest stored value that is not padding; nothing for colours, bits and in floating point."""
    if authoring.derivation.passes:
        return _as_said(authoring, frame, "SmallestImagePixelValue", frame.encoded.smallest)
    return frame.encoded.smallest if _is_grey(authoring) else None


@per_frame("LargestImagePixelValue")
def largest_image_pixel_value(authoring: Authoring, frame: Frame) -> int | None:
    """Return the largest stored value that is not padding; nothing for colours and bits."""
    if authoring.derivation.passes:
        return _as_said(authoring, frame, "LargestImagePixelValue", frame.encoded.largest)
    return frame.encoded.largest if _is_grey(authoring) else None


def _as_said(authoring: Authoring, frame: Frame, keyword: str, found: int) -> int | None:
    """Return what a frame that passes says of itself; not what its instance said of all its frames together."""
    said = authoring.source.value(keyword, frame.index)
    of_all = authoring.sources.numbers(frame.contributors) or len(frame.contributors) > 1
    return said if said == found or not of_all else None


def _is_grey(authoring: Authoring) -> bool:
    """Whether a pixel is one number that can be more than 0 and 1."""
    form = authoring.pixel_format
    return form.samples == 1 and form.bits > 1 and not form.floating


@per_frame("PixelPaddingValue")
def pixel_padding_value(authoring: Authoring, frame: Frame) -> int | None:
    """Return the stored value of padding, where the series has any (C.7.5.1.1.2); of a label map what is in none."""
    if isinstance(authoring.frames, Segmented):
        return authoring.frames.padding
    return frame.encoded.encoding.padding


@per_frame("PixelPaddingRangeLimit")
def pixel_padding_range_limit(authoring: Authoring, frame: Frame) -> int | None:
    """Return the other end of a range of padding, which compression with loss leaves of one value; else nothing."""
    return frame.encoded.encoding.padding_limit


@per_frame("PixelData")
def pixel_data(authoring: Authoring, frame: Frame) -> bytes | None:
    """Return the stored values, row by row, little endian; bits from the lowest one on (PS3.5 D).

    Nothing of many frames: these are kept elsewhere until they are written.
    """
    if frame.frames:
        return None
    stored = frame.encoded.stored
    data = (np.packbits(stored, bitorder="little") if authoring.pixel_format.bits == 1 else stored).tobytes()
    return data + b"\0" * (len(data) % 2)


# 2026-12-01: what is no value is NaN in floating point: it says itself that it is none, to whoever computes with it,
# and a number that is set apart for it (Float Pixel Padding Value) would be a value to all who do not ask.


@per_series("FloatPixelData")
def float_pixel_data(authoring: Authoring) -> bytes | None:
    """Return nothing of 32 bits, which wait aside until they are written; they stand in place of Pixel Data then."""
    return b"" if (authoring.pixel_format.floating, authoring.pixel_format.bits) == (True, 32) else None


@per_series("DoubleFloatPixelData")
def double_float_pixel_data(authoring: Authoring) -> bytes | None:
    """Return nothing of 64 bits, in the same way."""
    return b"" if (authoring.pixel_format.floating, authoring.pixel_format.bits) == (True, 64) else None


@per_frame("RescaleSlope")
def rescale_slope(authoring: Authoring, frame: Frame) -> float | None:
    """Return the slope that the stored values were made with; pictures have one if they are grey."""
    return frame.encoded.encoding.slope if _is_grey(authoring) else None


@per_frame("RescaleIntercept")
def rescale_intercept(authoring: Authoring, frame: Frame) -> float | None:
    """Return the intercept that the stored values were made with; pictures have one if they are grey."""
    return frame.encoded.encoding.intercept if _is_grey(authoring) else None


@per_series("RescaleSlope", module="sc-multi-frame-image")
def rescale_slope_of_pages(authoring: Authoring) -> float | None:
    """Return 1 for grey pages, the one value there is (C.8.6.3)."""
    return 1.0 if _is_grey(authoring) else None


@per_series("RescaleIntercept", module="sc-multi-frame-image")
def rescale_intercept_of_pages(authoring: Authoring) -> float | None:
    """Return 0 for grey pages, the one value there is (C.8.6.3)."""
    return 0.0 if _is_grey(authoring) else None


@per_series("RescaleType", module="sc-multi-frame-image")
def rescale_type_of_pages(authoring: Authoring) -> str | None:
    """Return US (unspecified) for grey pages (C.8.6.3)."""
    return "US" if _is_grey(authoring) else None


@per_frame("WindowCenter")
def window_center(authoring: Authoring, frame: Frame) -> list[float] | None:
    """Return the centres of the windows, in the values that the VOI LUT acts on."""
    stated = _window(authoring, frame)
    return None if stated is None else [decimal(v) for v in stated[0]]


@per_frame("WindowWidth")
def window_width(authoring: Authoring, frame: Frame) -> list[float] | None:
    """Return the widths of the windows; LINEAR asks for at least 1 (C.11.2.1.2)."""
    stated = _window(authoring, frame)
    return None if stated is None else [decimal(v) for v in stated[1]]


def _window(authoring: Authoring, frame: Frame) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
    """Centres and widths as the VOI LUT takes them; MR has no modality LUT, so it acts on stored values."""
    if authoring.window is None:
        return None
    if not authoring.target.rescale.mapped:
        return authoring.window.stated_in()
    encoding = frame.encoded.encoding
    return authoring.window.stated_in(encoding.slope, encoding.intercept)


@per_series("WindowCenterWidthExplanation")
def window_explanation(authoring: Authoring) -> list[str] | None:
    """Return the source's names of its windows while they are kept."""
    return list(authoring.window.explanations) if authoring.window and authoring.window.explanations else None


@per_series("VOILUTFunction")
def voi_lut_function(authoring: Authoring) -> str | None:
    """Return the source's function while its windows are kept."""
    return authoring.window.function if authoring.window else None


@per_series("VOILUTSequence")
def voi_lut_sequence(authoring: Authoring) -> Element | None:
    """Return the source's tables while what they act on is kept."""
    return authoring.voi_luts

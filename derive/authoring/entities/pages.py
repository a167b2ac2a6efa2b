"""Secondary Capture: pages in one instance, and what made them (PS3.3 C.7.6.6, C.8.6)."""

from __future__ import annotations

from derive.authoring.entities.registry import per_series
from derive.authoring.order import Making
from derive.elements.element import tag_of
from derive.model.frames import Pictures
from derive.version import MANUFACTURER, MODEL, VERSION

SEVERAL = 2


@per_series("NumberOfFrames")
def number_of_frames(making: Making) -> int | None:
    """Return the count of pages."""
    return making.frames_together or None


@per_series("FrameIncrementPointer")
def frame_increment_pointer(making: Making) -> int | None:
    """Return what tells the pages apart: their time, else their number; nothing of a single one (C.8.6.3)."""
    if making.frames_together < SEVERAL:
        return None
    return tag_of("PageNumberVector" if _frame_time_ms(making) is None else "FrameTimeVector")


@per_series("PageNumberVector")
def page_number_vector(making: Making) -> list[int] | None:
    """Return 1, 2, 3, ..."""
    if making.frames_together < SEVERAL or _frame_time_ms(making) is not None:
        return None
    return list(range(1, making.frames_together + 1))


@per_series("FrameTimeVector")
def frame_time_vector(making: Making) -> list[float] | None:
    """Return the time from the page before, ms; 0 for the first one (C.7.6.5)."""
    time_ms = _frame_time_ms(making)
    if making.frames_together < SEVERAL or time_ms is None:
        return None
    return [0.0] + [float(time_ms)] * (making.frames_together - 1)


def _frame_time_ms(making: Making) -> float | None:
    return making.volume.frame_time_ms if isinstance(making.volume, Pictures) else None


@per_series("PresentationLUTShape")
def presentation_lut_shape(making: Making) -> str | None:
    """Return IDENTITY for grey pages (C.8.6.3): low values are dark."""
    grey = making.pixel_format.samples == 1 and making.pixel_format.bits > 1
    return "IDENTITY" if making.frames_together and grey else None


@per_series("SecondaryCaptureDeviceManufacturer")
def device_manufacturer(making: Making) -> str:
    """Return who makes this application."""
    return MANUFACTURER


@per_series("SecondaryCaptureDeviceManufacturerModelName")
def device_model(making: Making) -> str:
    """Return the name of this application."""
    return MODEL


@per_series("SecondaryCaptureDeviceSoftwareVersions")
def device_software(making: Making) -> str:
    """Return the version of this application."""
    return VERSION


@per_series("DateOfSecondaryCapture")
def date_of_capture(making: Making) -> str:
    """Return the date of now."""
    return making.now.strftime("%Y%m%d")


@per_series("TimeOfSecondaryCapture")
def time_of_capture(making: Making) -> str:
    """Return the time of now."""
    return making.now.strftime("%H%M%S.%f")

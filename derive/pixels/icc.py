"""The ICC profile of sRGB (IEC 61966-2-1), as images in DICOM have it (PS3.3 C.11.15.1.1)."""

from __future__ import annotations

from functools import cache

#: Where the header of a profile says its class, its date, and on what platform it was made (ICC.1, 7.2).
_CLASS, _DATE, _PLATFORM = slice(12, 16), slice(24, 36), slice(40, 44)
#: Made by a device that takes pictures: what DICOM asks of every profile in an image.
_INPUT = b"scnr"
#: 2026-12-01 00:00:00. The same bytes whenever, and wherever, a result is made.
_WHEN = b"".join(n.to_bytes(2, "big") for n in (2026, 12, 1, 0, 0, 0))


@cache
def srgb_profile() -> bytes:
    """Return the profile: sRGB of LittleCMS, of class Input as C.11.15.1.1 wants it, and of a fixed date."""
    from PIL import ImageCms

    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[_CLASS], profile[_DATE], profile[_PLATFORM] = _INPUT, _WHEN, bytes(4)
    return bytes(profile) + b"\0" * (len(profile) % 2)

"""Value representations by what is true of them (PS3.5 6.2, 7.1.2)."""

from __future__ import annotations

#: VRs whose bytes depend neither on byte order nor on anything but the character set.
TEXT_VRS = frozenset(
    ["AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT"]
)
#: VRs that Specific Character Set governs (PS3.5 6.1.2.2).
CHARSET_VRS = frozenset(["LO", "LT", "PN", "SH", "ST", "UC", "UT"])
#: VRs whose length takes four bytes (PS3.5 7.1.2).
LONG_LENGTH_VRS = frozenset(["OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"])

#: Pixel Data; and Float and Double Float Pixel Data, which stand in its place, by their VR (PS3.3 C.7.6.24, C.7.6.25).
PIXEL_DATA = 0x7FE00010
FLOAT_PIXELS = {"OF": 0x7FE00008, "OD": 0x7FE00009}


def tag_of_pixels(vr: str) -> int:
    """Return the tag of pixels by their VR: that of Pixel Data, unless they are in floating point."""
    return FLOAT_PIXELS.get(vr, PIXEL_DATA)

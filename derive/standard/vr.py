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

"""What a segment is said to be: its number, label, codes and colour, and who found it (PS3.3 C.8.20.4)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from codes import Code
from derive.errors import UsageError
from derive.told.wording import flag

#: What a caller calls it, and ``classes.tsv`` the class of bits and fractions.
SEGMENTATION = "segmentation"
#: Largest Segment Number (US), and so largest value of a label map.
MOST = (1 << 16) - 1
#: What LO holds (PS3.5 6.2).
_LONGEST = 64
_COLOUR = re.compile(r"#([0-9a-fA-F]{2})([0-9a-fA-F]{2})([0-9a-fA-F]{2})")


class SegmentationType(Enum):
    """How frames say what belongs to a segment (C.8.20.2.3).

    BINARY: a frame is of one segment, and a pixel belongs to it or does not. FRACTIONAL: to a fraction of
    :data:`MAXIMUM`. LABELMAP: a frame is of all segments, and a pixel is the number of the one it belongs to, or 0.
    """

    BINARY = "binary"
    FRACTIONAL = "fractional"
    LABELMAP = "labelmap"

    @property
    def kind(self) -> str:
        """What ``classes.tsv`` calls the class of it."""
        return "label-map" if self is SegmentationType.LABELMAP else SEGMENTATION


#: Maximum Fractional Value of what is written: the most that 8 bits hold.
MAXIMUM = 255
FRACTIONAL_TYPES = ("probability", "occupancy")
ALGORITHM_TYPES = ("automatic", "semiautomatic", "manual")


@dataclass(frozen=True)
class Segment:
    """One segment.

    Parameters
    ----------
    number : int
        Its value in a label map, or its place among masks, from 1 on.
    label : str
        Segment Label, which people see.
    type : Code
        Segmented Property Type: what it is.
    category : Code
        Segmented Property Category: of what kind that is (CID 7150).
    modifier : Code, optional
        Of the type: left, right.
    region, region_modifier : Code, optional
        Where in the body it is, of what may be anywhere: a lesion.
    colour : str, optional
        ``#RRGGBB``, in which it is recommended to be shown.

    Raises
    ------
    UsageError
        ``SEG-LABEL``
    """

    number: int
    label: str
    type: Code
    category: Code
    modifier: Code | None = None
    region: Code | None = None
    region_modifier: Code | None = None
    colour: str = ""

    def __post_init__(self) -> None:
        if not 1 <= self.number <= MOST:
            raise UsageError("SEG-LABEL", f"segment {self.number}; wanted a number from 1 to {MOST}: 0 is no segment")
        label = self.label
        if not (label.strip() == label and 0 < len(label) <= _LONGEST and label.isprintable() and "\\" not in label):
            raise UsageError(
                "SEG-LABEL",
                f"the label of segment {self.number} has to have 1 to {_LONGEST} characters, no blanks around it, no "
                "backslash and no control characters (PS3.5 6.2, LO)",
            )
        if self.colour and not _COLOUR.fullmatch(self.colour):
            raise UsageError("SEG-LABEL", f"the colour of segment {self.number} is none such as #DD8265")
        if self.region_modifier and not self.region:
            raise UsageError("SEG-LABEL", f"segment {self.number} has the modifier of a region, and no region")

    @property
    def texts(self) -> tuple[str, ...]:
        """What of it is written as text."""
        return (self.label, *(code.meaning for code in self.codes))

    @property
    def codes(self) -> tuple[Code, ...]:
        """All its codes."""
        found = (self.category, self.type, self.modifier, self.region, self.region_modifier)
        return tuple(code for code in found if code is not None)

    @property
    def rgb(self) -> tuple[int, int, int] | None:
        """Its colour."""
        found = _COLOUR.fullmatch(self.colour)
        return None if found is None else (int(found[1], 16), int(found[2], 16), int(found[3], 16))


@dataclass(frozen=True)
class FoundBy:
    """How the segments were found (C.8.20.2: Segment Algorithm Type, and Name).

    Parameters
    ----------
    how : str
        ``automatic``, ``semiautomatic`` or ``manual``.
    name : str
        Of the algorithm; needed but for ``manual``.

    Raises
    ------
    UsageError
        ``SEG-ALGORITHM``
    """

    how: str
    name: str = ""

    def __post_init__(self) -> None:
        if self.how not in ALGORITHM_TYPES:
            raise UsageError(
                "SEG-ALGORITHM",
                f"who found the segments? The standard asks for it (PS3.3 C.8.20.2): wanted "
                f"{flag('algorithm_type', '|'.join(ALGORITHM_TYPES))}",
            )
        if self.how != "manual" and not self.name:
            raise UsageError(
                "SEG-ALGORITHM",
                f"what was {self.how} has an algorithm, and the standard asks for its name (PS3.3 C.8.20.2): wanted "
                f"{flag('algorithm_name', 'NAME')}, {flag('algorithm_version', 'VERSION')} and "
                f"{flag('algorithm_manufacturer', 'MAKER')}",
            )

"""Which frames of a cine are subtracted from which, as its Mask Subtraction Sequence says (PS3.3 C.7.6.10)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from derive.model.source_frame import SourceFrame

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

#: Mask Operation (0028,6101): frames averaged; a frame so many before; one before that goes back as the cine goes on.
AVERAGE, INTERVAL, REVERSED, NONE = "AVG_SUB", "TID", "REV_TID", "NONE"
Shift = tuple[float, float]


@dataclass(frozen=True)
class Masking:
    """One item of a Mask Subtraction Sequence.

    Parameters
    ----------
    operation : str
        ``AVG_SUB``, ``TID``, ``REV_TID``, ``NONE``, or whatever stands there.
    ranges : tuple of (first, last)
        Applicable Frame Range: numbers of the frames from which is subtracted; none where it is not said.
    mask_frames : tuple of int
        Numbers of the frames whose mean is the mask.
    averaged : int
        Contrast Frame Averaging: how many frames, from each on, are averaged before.
    interval : int
        TID Offset.
    shift_pixels : (down, to the right)
        How far the mask is moved.
    """

    operation: str
    ranges: tuple[tuple[int, int], ...] = ()
    mask_frames: tuple[int, ...] = ()
    averaged: int = 1
    interval: int = 1
    shift_pixels: Shift = (0.0, 0.0)


@dataclass(frozen=True)
class Cine:
    """What is said of the frames of cines.

    Parameters
    ----------
    numbers : tuple of int
        Which frame of its instance each is, from 1.
    instances : int
        Of how many instances they are.
    last : int
        How many frames the instance has, or the largest of several.
    relationship : str
        Pixel Intensity Relationship, where all say the same.
    maskings : tuple of Masking
        Items of the Mask Subtraction Sequence of a single instance.
    """

    numbers: tuple[int, ...]
    instances: int
    last: int
    relationship: str = ""
    maskings: tuple[Masking, ...] = ()


class _HasFrames(Protocol):
    @property
    def frames(self) -> Sequence[SourceFrame]:
        """Its frames."""

    def value(self, keyword: str, index: int | None = None) -> Any:
        """Return what frame `index` says, decoded; what all agree on without."""

    def text(self, keyword: str, index: int | None = None) -> str:
        """Return the same as text; empty without."""


def cine_of(series: _HasFrames) -> Cine:
    """Return what a series says of its frames."""
    numbers = tuple(frame.number for frame in series.frames)
    instances = len({frame.reference.sop_instance_uid for frame in series.frames})
    items = series.value("MaskSubtractionSequence") if instances == 1 else None
    return Cine(
        numbers,
        instances,
        max(int(series.value("NumberOfFrames") or 1), *numbers),
        series.text("PixelIntensityRelationship"),
        tuple(map(masking_of, items or ())),
    )


# 2026-12-01: of Mask Sub-pixel Shift a positive row offset moves towards the lower row, and a positive column offset
# towards the column on the left hand side (C.7.6.10.1.2). Both are said of the picture: the lower row is the one that
# is further down, of a higher index, and the left column is one of a lower index. So the first number is taken as it is
# along the axis of rows, and the second one with its sign changed along that of columns.


def masking_of(item: Dataset) -> Masking:
    """Read one item; what it does not say has the meaning that the standard gives to that (C.7.6.10.1.1)."""
    ends = _whole(item.get("ApplicableFrameRange"))
    shift = item.get("MaskSubPixelShift")
    down, left = (float(v) for v in shift) if shift is not None and len(shift) == 2 else (0.0, 0.0)
    interval = _whole(item.get("TIDOffset"))
    averaged = _whole(item.get("ContrastFrameAveraging"))
    return Masking(
        str(item.get("MaskOperation") or NONE).strip(),
        tuple(zip(ends[::2], ends[1::2], strict=False)),
        _whole(item.get("MaskFrameNumbers")),
        averaged[0] if averaged and averaged[0] > 0 else 1,
        interval[0] if interval else 1,
        (down, 0.0 - left),
    )


def _whole(value: Any) -> tuple[int, ...]:
    """Return whole numbers of an attribute of one or several; none of an empty one."""
    if value is None or value == "":
        return ()
    return (int(value),) if isinstance(value, int) else tuple(int(v) for v in value)

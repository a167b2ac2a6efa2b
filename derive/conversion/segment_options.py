"""What a caller can say of a segmentation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from derive.errors import UsageError
from derive.model.segments import ALGORITHM_TYPES, FRACTIONAL_TYPES, Segment, SegmentationType
from derive.told.wording import flag

_TYPES = tuple(each.value for each in SegmentationType)


@dataclass(frozen=True)
class Segmenting:
    """What a caller can say of a segmentation.

    Parameters
    ----------
    labels : str, optional
        What the segments are: a .csv with number, label and codes; or 'totalsegmentator'. Its columns are those of
        :mod:`derive.conversion.labels`.
    label : sequence of str or Segment
        A segment: 1=Liver,SCT,10200004,Liver, with the code of its category behind it where that does not follow;
        repeatable.
    segmentation_type : {"binary", "fractional", "labelmap"}
        Whether segments have frames of bits, or of fractions, or are numbers in one frame (default: binary).
    fractional_type : {"probability", "occupancy"}, optional
        What the fractions of segments are.
    algorithm_type : {"automatic", "semiautomatic", "manual"}, optional
        How the segments were found; with --algorithm-name and others, unless they were drawn by hand.
    """

    labels: str | None = None
    label: Sequence[str | Segment] = ()
    segmentation_type: Literal["binary", "fractional", "labelmap"] | None = None
    fractional_type: Literal["probability", "occupancy"] | None = None
    algorithm_type: Literal["automatic", "semiautomatic", "manual"] | None = None

    def __post_init__(self) -> None:
        listed = (self.label,) if isinstance(self.label, str | Segment) else tuple(self.label)
        object.__setattr__(self, "label", listed)
        for name, known in (
            ("segmentation_type", _TYPES),
            ("fractional_type", FRACTIONAL_TYPES),
            ("algorithm_type", ALGORITHM_TYPES),
        ):
            said = getattr(self, name)
            if said is not None and said not in known:
                raise UsageError("OPT-SEG", f"{flag(name)} {str(said)!r:.20}; wanted one of {', '.join(known)}")
        fractional = self.type is SegmentationType.FRACTIONAL
        if fractional and self.fractional_type is None:
            raise UsageError(
                "OPT-SEG",
                f"are the fractions probabilities, or how much of a voxel is of a segment? Wanted "
                f"{flag('fractional_type', '|'.join(FRACTIONAL_TYPES))}",
            )
        if self.fractional_type is not None and not fractional:
            raise UsageError(
                "OPT-SEG", f"{flag('fractional_type')} goes with {flag('segmentation_type', 'fractional')}"
            )

    @property
    def type(self) -> SegmentationType:
        """How it is stored."""
        return SegmentationType(self.segmentation_type or SegmentationType.BINARY.value)

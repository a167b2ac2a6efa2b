"""The segments of a segmentation that was written, as the report lists them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from derive.model.segmented import Segmented


@dataclass(frozen=True)
class SegmentRecord:
    """One segment of a segmentation that was written.

    Parameters
    ----------
    number : int
        Segment Number.
    label : str
    type : str
        ``SCT:10200004``.
    meaning : str
        Of that code.
    volume_ml : float
        Voxels count by their fractions.
    frames : int
        How many are of it alone; 0 in a label map.
    """

    number: int
    label: str
    type: str
    meaning: str
    volume_ml: float
    frames: int

    def __str__(self) -> str:
        """Return its line."""
        return f"segment {self.number}: {self.label} ({self.type} {self.meaning}), {self.volume_ml:.4g} ml"


def segments_of(frames: Segmented) -> tuple[SegmentRecord, ...]:
    """List the segments of a result."""
    counts = Counter(segment for segment, _ in frames.placed)
    return tuple(
        SegmentRecord(
            each.number,
            each.label,
            f"{each.type.scheme}:{each.type.value}",
            each.type.meaning,
            round(volume, 6),
            counts[index],
        )
        for index, (each, volume) in enumerate(zip(frames.segments, frames.volumes_ml, strict=True))
    )

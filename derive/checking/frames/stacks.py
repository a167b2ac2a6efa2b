"""Where the frames of a series lie: one stack for each orientation and each value of the other dimensions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from derive.checking.finding import Finding
from derive.checking.frames.dimensions import position_places
from derive.checking.frames.groups import Grouped
from derive.checking.stack import Slice, position_findings
from derive.elements.element import Element, tag_of
from derive.elements.encoding import numbers_of
from derive.model.orientation import orientations, reach_mm

_POSITION, _COSINES, _SPACING, _BETWEEN, _INDEX = map(
    tag_of,
    ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SpacingBetweenSlices", "DimensionIndexValues"),
)
#: The volume of a frame: its instance, or the concatenation that this is part of, and its indices beside position.
Volume = tuple[str, tuple[int, ...]]


class Stacks:
    """Collects where the frames of an instance lie: a few numbers of each."""

    def __init__(self, groups: Grouped) -> None:
        instance = groups.instance
        self._groups = groups
        self._positions = position_places(groups)
        self._owner = instance.text("ConcatenationUID") or instance.text("SOPInstanceUID") or instance.name
        self._matrix = (int(instance.number("Rows") or 0), int(instance.number("Columns") or 0))
        self._sparse = "SegmentSequence" in instance.iod.attributes
        self.slices: list[tuple[Volume, Slice]] = []

    def add(self, number: int, frame: Mapping[int, Element]) -> None:
        """Take one frame."""
        position, cosines, spacing, between, index = (
            _numbers(frame.get(tag)) for tag in (_POSITION, _COSINES, _SPACING, _BETWEEN, _INDEX)
        )
        if len(position) != 3 or len(cosines) != 6:
            return
        others = tuple(int(v) for place, v in enumerate(index) if place not in self._positions)
        self.slices.append(
            (
                (self._owner, others),
                Slice(
                    name=f"frame {number} of {self._groups.instance.name}",
                    number=None,
                    position=position,
                    cosines=cosines,
                    pixel_spacing=spacing,
                    matrix=self._matrix,
                    location=None,
                    spacing_between=between[0] if between else None,
                    pet=None,
                    time=None,
                    sparse=self._sparse,
                ),
            )
        )


def frame_stack_findings(slices: Sequence[tuple[Volume, Slice]], series: str) -> Iterator[Finding]:
    """Judge the frames of all instances of a series, volume by volume; what is told of one is not told of the next.

    Parameters
    ----------
    slices : sequence of (Volume, Slice)
    series : str
        Series Instance UID, for the findings.
    """
    volumes: dict[Volume, list[Slice]] = {}
    for volume, each in slices:
        volumes.setdefault(volume, []).append(each)
    told: set[str] = set()
    for members in volumes.values():
        cosines = np.array([s.cosines for s in members])
        for kind in orientations(cosines, reach_mm(*members[0].matrix, members[0].pixel_spacing)):
            for finding in position_findings([members[i] for i in kind], series):
                if finding.code not in told:
                    told.add(finding.code)
                    yield finding


def _numbers(element: Element | None) -> tuple[float, ...]:
    return tuple(numbers_of(element)) if element is not None and element.value else ()

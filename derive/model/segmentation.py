"""A DICOM Segmentation as a source: which voxels belong to which segments (PS3.3 A.51, A.89, C.8.20).

Its frames are few: a frame that is not there says that nothing at its place belongs to a segment. So the object as a
whole is a source of every image, and its frames are where they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from codes import Code
from derive.errors import GeometryError, UsageError
from derive.model.geometry import ONE_GRID_MM, Geometry, Plane, triple
from derive.model.reference import FrameRef
from derive.model.source import Attributes
from derive.model.volume import Array, Quantity, SliceBySlice, Volume
from derive.told.wording import counted

#: How far normals may differ, and lie beside each other.
_PARALLEL = 1e-4


@dataclass(frozen=True)
class SegmentSaid:
    """What a Segmentation says of a segment.

    Parameters
    ----------
    label : str
        Segment Label.
    category, type : Code, optional
        Segmented Property Category and Type.
    how : str
        Segment Algorithm Type.
    """

    label: str
    category: Code | None = None
    type: Code | None = None
    how: str = ""


def _spelled(code: Code) -> tuple[str, str]:
    return code.value, f"{code.scheme}:{code.value}"


@dataclass(frozen=True, kw_only=True, repr=False)
class Segmentation(Attributes):
    """One Segmentation: frames of segments in one Frame of Reference, and behind them one that stands for all of it.

    Parameters
    ----------
    frame_of_reference_uid : str
    said_of : mapping int -> SegmentSaid
        Segment Number to what is said of the segment.
    segments : tuple of int
        Segment Number of each frame; 0 where its stored values are Segment Numbers (label map).
    most : int
        Maximum Fractional Value; 0 where a voxel belongs to a segment or does not.
    step_mm : float
        Spacing Between Slices, or Slice Thickness; 0 where it says neither.
    places : tuple of int
        In which slice of the geometry each frame is; empty as long as it has none.
    """

    frame_of_reference_uid: str
    said_of: Mapping[int, SegmentSaid]
    segments: tuple[int, ...]
    most: int = 0
    step_mm: float = 0.0
    places: tuple[int, ...] = ()

    def __repr__(self) -> str:
        """How many segments in how many frames; no label, which is free text."""
        return f"<Segmentation: {counted(len(self.labels), 'segment')} in {counted(len(self.segments), 'frame')}>"

    @property
    def sop_class_uid(self) -> str:
        """SOP Class of the instance."""
        return self.references[0].sop_class_uid

    @property
    def series_instance_uid(self) -> str:
        """Series of the instance."""
        return self.references[0].series_instance_uid

    @property
    def labels(self) -> dict[int, str]:
        """Segment Number to Segment Label."""
        return {number: said.label for number, said in self.said_of.items()}

    @cached_property
    def volumes_ml(self) -> dict[int, float]:
        """How large each segment is, ml, by its number: voxels count by their fractions; on its own grid.

        Raises
        ------
        GeometryError
            ``GEO-SPACING`` for frames that lie in no even stack.
        ValuesError
            What is wrong with its pixels.
        """
        voxel_ml = float(np.prod(self._own_grid.spacing)) / 1000
        counts = dict.fromkeys(sorted(self.said_of), 0.0)
        for frame, segment in enumerate(self.segments):
            stored = self.frames[frame].stored_values()
            if segment:
                counts[segment] += float(stored.sum(dtype=np.float64)) / (self.most or 1)
                continue
            for number, count in zip(*np.unique(stored, return_counts=True), strict=True):
                if int(number) in counts:
                    counts[int(number)] += float(count)
        return {number: count * voxel_ml for number, count in counts.items()}

    def slice_of(self, frame: int) -> int | None:
        """Return in which slice a frame is; None for what stands for all of them."""
        return self.places[frame] if frame < len(self.places) else None

    def chosen(self, said: str | None) -> tuple[int, ...]:
        """Return segments by number, label or code, one or several between commas; all where nothing is said.

        Raises
        ------
        UsageError
            ``OP-SEGMENT``
        """
        if said is None:
            return tuple(sorted(self.labels))
        whole = self._named(said)
        found = [whole] if whole else [self._named(word) for word in str(said).split(",")]
        if not all(found):
            raise UsageError(
                "OP-SEGMENT",
                f"segment {said!r}: the segmentation has {', '.join(map(str, sorted(self.labels)))}; wanted "
                "one of these numbers, its label or its code (SCT:10200004), or several between commas",
            )
        return tuple(sorted({number for numbers in found for number in numbers}))

    def _named(self, word: str) -> list[int]:
        word = str(word).strip()
        if word.isdecimal() and int(word) in self.labels:
            return [int(word)]
        found = [n for n, label in self.labels.items() if word and label.casefold() == word.casefold()]
        return found or [n for n, said in self.said_of.items() if said.type and word in _spelled(said.type)]

    def on(self, first: Geometry) -> Segmentation:
        """Return the same on the grid of a series if all its frames are slices of it within 0.01 mm; else on its own.

        Raises
        ------
        GeometryError
            ``GEO-SPACING`` for frames that lie in no even stack, where it needs a grid of its own.
        """
        places = self._places_on(first) if first.frame_of_reference_uid == self.frame_of_reference_uid else None
        if places is not None:
            return replace(self, geometry=first, places=places)
        geometry = self._own_grid
        found = self._places_on(geometry)
        assert found is not None, "its grid was made of its frames"
        return replace(self, geometry=geometry, places=found)

    @cached_property
    def _planes(self) -> tuple[Plane, ...]:
        return tuple(f.plane for f in self.frames if f.plane is not None)

    @cached_property
    def _shape(self) -> tuple[int, int]:
        rows, columns = int(self.value("Rows")), int(self.value("Columns"))
        return rows, columns

    def _places_on(self, grid: Geometry) -> tuple[int, ...] | None:
        if self._shape != grid.shape[1:]:
            return None
        positions = np.array([grid.position(k) for k in range(grid.shape[0])])
        places = []
        for plane in self._planes:
            place = int(np.linalg.norm(positions - plane.position, axis=1).argmin())
            corners = grid.plane(place).corners(*self._shape) - plane.corners(*self._shape)
            if np.linalg.norm(corners, axis=1).max() > ONE_GRID_MM:
                return None
            places.append(place)
        return tuple(places)

    @cached_property
    def _own_grid(self) -> Geometry:
        """The even stack in which its frames are some of the slices."""
        one = self._planes[0]
        normal = np.array(one.normal)
        offsets = np.array([np.subtract(p.position, one.position) for p in self._planes])
        along = offsets @ normal
        beside = float(np.abs(offsets - along[:, None] * normal).max())
        turned = max(float(np.abs(np.subtract(p.cosines, one.cosines)).max()) for p in self._planes)
        along -= along.min()
        step = self._step(along)
        indices = np.round(along / step)
        off = float(np.abs(along - indices * step).max())
        if turned > _PARALLEL or max(beside, off) > ONE_GRID_MM:
            raise GeometryError(
                "GEO-SPACING",
                f"the frames of the segmentation lie in none of the slices, and in no even stack of their own: up to "
                f"{max(beside, off):.2f} mm beside it; wanted a segmentation of this series, or of an even stack",
            )
        first = np.array(one.position) - along[0] * normal
        shape = (int(indices.max()) + 1, *self._shape)
        return Geometry(
            triple(first),
            one.row_cosines,
            one.column_cosines,
            one.pixel_spacing,
            step,
            shape,
            self.frame_of_reference_uid,
        )

    def _step(self, along: NDArray[np.float64]) -> float:
        """Distance of the slices: of frames of which some are not there it need not be that of any two."""
        said = self.step_mm
        if said and float(np.abs(along - np.round(along / said) * said).max()) <= ONE_GRID_MM:
            return said
        steps = np.diff(np.unique(np.round(along, 4)))
        if not len(steps):
            raise GeometryError(
                "GEO-SPACING",
                "the segmentation has one plane, which is none of the series, and says neither Spacing Between Slices "
                "nor Slice Thickness; wanted one that does",
            )
        return float(steps.min())

    def volume_beside(self, first: Geometry) -> Volume:
        """Return which voxels belong to any segment; on the grid of a series where its frames lie there."""
        return self.on(first).volume(self.chosen(None))

    def volume(self, chosen: Sequence[int], source: int = 0) -> Volume:
        """Return which voxels belong to any of some segments: 1 and 0, or the largest fraction; on its geometry.

        Parameters
        ----------
        chosen : sequence of int
            Segment Numbers.
        source : int
            Which source it is.
        """
        geometry = self.geometry
        assert geometry is not None, "it was put on a grid"
        wanted = set(chosen)
        at: dict[int, list[int]] = {}
        for frame, (place, segment) in enumerate(zip(self.places, self.segments, strict=True)):
            if not segment or segment in wanted:
                at.setdefault(place, []).append(frame)

        def pull(first: int, last: int) -> Array:
            slab = np.zeros((last - first, *geometry.shape[1:]), np.float32)
            for index in range(first, last):
                for frame in at.get(index, ()):
                    np.maximum(slab[index - first], self._values(frame, chosen), out=slab[index - first])
            return slab

        def contributors(index: int) -> tuple[FrameRef, ...]:
            frames = at.get(index, [len(self.segments)])  # that none is there is what all of it says
            return tuple(FrameRef(source, frame) for frame in frames)

        return Volume(geometry, SliceBySlice(pull), contributors, Quantity(), (0.0, 1.0))

    def labelled(self, chosen: Sequence[int], source: int = 0, threshold: float = 0.0) -> Volume:
        """Return the Segment Number at each voxel, 0 where there is none of some segments; on its geometry.

        Where segments overlap, it is the highest number.

        Parameters
        ----------
        chosen : sequence of int
            Segment Numbers.
        source : int
            Which source it is.
        threshold : float
            What a fraction is larger than where a segment holds.
        """
        each = {number: self.volume([number], source) for number in sorted(chosen)}
        whole = self.volume(chosen, source)

        def pull(first: int, last: int) -> Array:
            slab = np.zeros((last - first, *whole.shape[1:]), np.float32)
            for number, volume in each.items():
                slab[volume.slab(first, last) > threshold] = number
            return slab

        return replace(whole, pull=SliceBySlice(pull), value_range=(0.0, float(max(chosen))))

    def _values(self, frame: int, chosen: Sequence[int]) -> NDArray[np.float32]:
        stored = self.frames[frame].stored_values()
        if not self.segments[frame]:
            return np.isin(stored, chosen).astype(np.float32)
        return (stored / self.most if self.most else stored > 0).astype(np.float32)

"""Written images against what they should be: pixels as real-world values, planes, and the sources they name."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from derive.authoring.containers import encoded_frames, partition
from derive.authoring.prepare import prepare
from derive.builder import DerivedSeries
from derive.errors import DeriveError
from derive.model.geometry import POSITION_TOLERANCE_MM, Plane
from derive.model.planes import spacing_of
from derive.pixels.decode import decode
from derive.pixels.encode import EncodedFrame, decimal
from derive.reading.frames import frames_of
from derive.reading.header import Header
from derive.reading.pixel_attributes import layout_of, padding_of, rescale_of
from derive.reading.planes import plane_of
from derive.records.named_sources import NamedSources
from derive.records.record import Record, record_of

#: Values that differ by less than this share of a step are the same: they were stored with another slope.
SAME_STEP = 1e-6
_Stored = NDArray[np.integer[Any]]


class Written(NamedTuple):
    """One image of the series that is verified: of a multi-frame instance a frame, in classic keywords.

    Parameters
    ----------
    header : Header
    record : Record
    """

    header: Header
    record: Record

    @property
    def name(self) -> str:
        """Of its file, and which frame of it."""
        return self.header.name

    @property
    def uid(self) -> str:
        """SOP Instance UID."""
        return self.header.text("SOPInstanceUID")

    @classmethod
    def of(cls, instance: Header) -> list[Written]:
        """Take the frames of an instance, and what each records.

        Raises
        ------
        SourceError
            As :func:`derive.reading.frames.frames_of`.
        """
        return [cls(frame, record_of(frame)) for frame in frames_of(instance)]


def of_one_series(written: list[Written]) -> list[Written]:
    """Return images of a series of which each says what all of them say of the series that they refer to.

    An image of a stitched series refers to the stations that it is made of, and to none of the others: which of them
    is the first one, only all images say.
    """
    if not any(step.others for w in written[:1] for step in w.record.steps):
        return written
    here = _merged(w.record.series for w in written)
    elsewhere = _merged(w.record.elsewhere for w in written)
    return [w._replace(record=replace(w.record, series=here, elsewhere=elsewhere)) for w in written]


def _merged(pairs: Iterable[tuple[tuple[str, tuple[str, ...]], ...]]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    found: dict[str, dict[str, None]] = {}
    for uid, instances in dict.fromkeys(pair for several in pairs for pair in several):
        found.setdefault(uid, {}).update(dict.fromkeys(instances))
    return tuple((uid, tuple(instances)) for uid, instances in found.items())


@dataclass(frozen=True)
class ImageVerdict:
    """What is wrong with one image; nothing, where it is the same.

    Parameters
    ----------
    name, sop_instance_uid : str
    place : int, optional
        Slice of the recomputed volumes at its position, counted from volume to volume; None where there is none.
    distance_mm : float
        Largest distance of a corner from where it should be.
    voxels, of_voxels : int
        How many values differ, of how many.
    largest : float
        Largest difference of a value, in real-world units; of padding against a value no difference is counted.
    steps : float
        The same in steps of the stored values.
    faults : tuple of str
        In words.
    """

    name: str
    sop_instance_uid: str
    place: int | None = None
    distance_mm: float = 0.0
    voxels: int = 0
    of_voxels: int = 0
    largest: float = 0.0
    steps: float = 0.0
    faults: tuple[str, ...] = ()

    @property
    def same(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults

    def with_fault(self, fault: str) -> ImageVerdict:
        """Return the verdict with one more fault."""
        return replace(self, faults=(*self.faults, fault))

    def to_json(self) -> dict[str, Any]:
        """Return everything, for programs."""
        distance = self.distance_mm if math.isfinite(self.distance_mm) else None
        return vars(self) | {"distance_mm": distance, "faults": list(self.faults), "same": self.same}


@dataclass(frozen=True)
class Comparison:
    """A recomputed series and the written images of it.

    Parameters
    ----------
    series : DerivedSeries
    written : sequence of Written
    within_steps : float
        How many steps a value may be off.
    tolerance_mm : float
        How far a corner may be off.
    """

    series: DerivedSeries
    written: Sequence[Written]
    within_steps: float = 0.0
    tolerance_mm: float = POSITION_TOLERANCE_MM

    @cached_property
    def planes(self) -> tuple[Plane, ...]:
        """Where the recomputed images of each volume lie; in coordinates of their own where that is no patient."""
        geometry = self.series.frames.geometry
        if geometry is not None and not geometry.in_patient:
            return (replace(geometry, first_position=(0.0, 0.0, 0.0)).plane(0),)  # which begin at their first pixel
        planes = (self.series.frames.plane(place) for place in range(self.series.frames.slices))
        return tuple(plane for plane in planes if plane is not None)

    @property
    def _apart_mm(self) -> float:
        """How far apart the images of a volume are; of views from around the nearest two."""
        geometry = self.series.frames.geometry
        if geometry is not None:
            return geometry.slice_spacing
        positions = np.array([plane.position for plane in self.planes])
        apart = np.linalg.norm(positions[:, None] - positions, axis=2)
        return float(apart[~np.eye(len(apart), dtype=bool)].min(initial=np.inf))

    @property
    def count(self) -> int:
        """How many images all recomputed volumes have."""
        return self.series.frames.count

    @cached_property
    def named(self) -> NamedSources:
        """What the recomputed images are made of."""
        return NamedSources(self.series.order)

    @cached_property
    def places(self) -> dict[str, int | None]:
        """Nearest slice of the recomputed volumes to each written image, by name; None from half a spacing on.

        Of several volumes it is that which was made of what the image says it was made of. Frames that lie in no
        patient are told by their numbers.
        """
        geometry = self.series.frames.geometry
        if geometry is not None and not geometry.in_patient:
            return self._numbered()
        positions = np.array([plane.position for plane in self.planes])
        found: dict[str, int | None] = {}
        free = set(range(self.count))
        for written in self.written:
            at = _nearest(written.header, positions, self._apart_mm / 2)
            place = at if at is None or self.count == len(positions) else self._of_volume(written.record, at, free)
            found[written.name] = place
            free.discard(-1 if place is None else place)
        return found

    def _numbered(self) -> dict[str, int | None]:
        """Return which frame each written one is: instances in the order of their numbers, frames in their own."""
        order, options = self.series.order, self.series.options
        instances: dict[str, list[Written]] = {}
        for written in self.written:
            instances.setdefault(written.uid, []).append(written)
        numbered = sorted(instances.values(), key=lambda each: each[0].header.lenient.number("InstanceNumber") or 0.0)
        found: dict[str, int | None] = {written.name: None for written in self.written}
        for each, indices in zip(numbered, partition(order, one_object=options.one_object), strict=False):
            places = dict(enumerate(indices, 1))
            found.update((written.name, places.get(written.header.frame_number)) for written in each)
        return found

    def _of_volume(self, record: Record, at: int, free: Set[int]) -> int:
        """Return the slice at a place, of that volume whose contributors an image names best; rather a free one."""
        slices = self.series.frames.slices
        return max(range(at, self.count, slices), key=lambda k: (self.named.likeness(record, k), k in free, -k))

    @property
    def lacking(self) -> tuple[int, ...]:
        """Slices of the recomputed volumes that nobody wrote."""
        return tuple(sorted(set(range(self.count)) - set(self.places.values())))

    @property
    def planned_otherwise(self) -> int:
        """How many images have not the position or the sources that are planned; it is told without any pixel."""
        return len(self.lacking) + sum(not self._plane(w).same for w in self.written)

    def verdicts(self) -> list[ImageVerdict]:
        """Recompute, and compare every written image."""
        at: dict[int, list[Written]] = {}
        for written in self.written:
            place = self.places[written.name]
            if place is not None:
                at.setdefault(place, []).append(written)
        found = {w.name: self._plane(w) for w in self.written}
        digests: dict[str, dict[str, str]] = {"wanted": {}, "has": {}}
        prepared = prepare(self.series.order, self.series.options)
        for place, frame in enumerate(encoded_frames(*prepared)):
            for written in at.get(place, ()):
                name = written.name
                found[name], has = self._pixels(written, frame, found[name])
                digests["wanted"].setdefault(_digest(frame.stored), name)
                digests["has"][name] = has
            if len(at.get(place, ())) > 1:
                for written in at[place][1:]:
                    name = written.name
                    found[name] = found[name].with_fault(f"lies where {at[place][0].name} lies")
        return [self._exchanged(v, digests) for v in found.values()]

    def _plane(self, written: Written) -> ImageVerdict:
        """Judge an image by its header: where it lies, and what it was made of."""
        place = self.places[written.name]
        verdict = ImageVerdict(written.name, written.uid, place)
        if place is None:
            return verdict.with_fault("lies where the recorded steps make no image")
        try:
            verdict = replace(verdict, distance_mm=self._distance(written.header, place))
            if verdict.distance_mm > self.tolerance_mm:
                verdict = verdict.with_fault(f"lies {verdict.distance_mm:.4g} mm off")
            for fault in self._plane_faults(written.header):
                verdict = verdict.with_fault(fault)
        except DeriveError as error:
            return verdict.with_fault(f"its plane cannot be read: {error.message}")
        for fault in self.named.faults(written.record, place):
            verdict = verdict.with_fault(fault)
        return verdict

    def _distance(self, header: Header, place: int) -> float:
        """Largest distance between the corners of an image as written and as made; infinite for another matrix."""
        rows, columns = header.integer("Rows"), header.integer("Columns")
        if rows is None or columns is None or (rows, columns) != self.series.frames.shape[1:]:
            return float("inf")
        if self._unsized:
            return 0.0
        has, wanted = (p.corners(rows, columns) for p in (plane_of(header), self.planes[place % len(self.planes)]))
        return float(np.linalg.norm(has - wanted, axis=1).max())

    @cached_property
    def _unsized(self) -> bool:
        """Whether the class has no place for the pixel spacing that a source said all the same (US: C.8.5.6)."""
        geometry = self.series.frames.geometry
        own = None if geometry is None else geometry.own_plane
        return own is not None and own.spacing_keyword not in self.series.order.target.iod.attributes

    def _plane_faults(self, header: Header) -> Iterator[str]:
        geometry, thickness = self.series.frames.geometry, self.planes[0].thickness
        wanted = {"SpacingBetweenSlices": spacing_of(geometry) if geometry and geometry.shape[0] > 1 else None}
        if thickness is not None:
            wanted["SliceThickness"] = decimal(thickness)
        for keyword, value in wanted.items():
            found = header.numbers(keyword)
            if value is not None and (not found or abs(found[0] - value) > POSITION_TOLERANCE_MM):
                yield f"{keyword} is {found[0] if found else 'absent'}; recomputed {value:.6g}"

    def _pixels(self, written: Written, frame: EncodedFrame, verdict: ImageVerdict) -> tuple[ImageVerdict, str]:
        """Compare pixels, and return a digest of those that were written."""
        header, encoding = written.header, frame.encoding
        try:
            if header.pixels is None:
                return verdict.with_fault("has no Pixel Data"), ""
            layout, rescale = layout_of(header), rescale_of(header)
            padding = padding_of(header, layout)
            stored = decode(layout, padding, header.pixels, header.name)
        except DeriveError as error:
            return verdict.with_fault(f"its pixels cannot be read: {error.message}"), ""
        if stored.shape != frame.stored.shape:
            return verdict.with_fault(f"has {stored.shape} pixels; recomputed {frame.stored.shape}"), ""
        wanted = _values(frame.stored, (encoding.slope, encoding.intercept), *(encoding.padded or (None, None)))
        has = _values(stored, rescale, *(padding or (None, None)))
        return self._judged(verdict, has, wanted, abs(encoding.slope)), _digest(stored)

    def _judged(
        self, verdict: ImageVerdict, has: NDArray[np.float64], wanted: NDArray[np.float64], step: float
    ) -> ImageVerdict:
        apart = np.abs(has - wanted)
        padded = np.isnan(has) != np.isnan(wanted)
        off = padded | (apart > max(self.within_steps, SAME_STEP) * step)
        voxels = int(np.count_nonzero(off))
        largest = float(np.max(apart, initial=0.0, where=~np.isnan(apart)))
        largest = largest if largest > SAME_STEP * step else 0.0
        verdict = replace(verdict, voxels=voxels, of_voxels=has.size, largest=largest, steps=largest / step)
        if not voxels:
            return verdict
        units = self.series.order.frames.quantity.units
        text = f"{voxels} of {has.size} voxels differ, by {largest:.6g} {units} at most ({verdict.steps:.6g} steps)"
        blanks = int(np.count_nonzero(padded))
        return verdict.with_fault(text + (f"; {blanks} of them are padding on one side only" if blanks else ""))

    def _exchanged(self, verdict: ImageVerdict, digests: dict[str, dict[str, str]]) -> ImageVerdict:
        """Say whose pixels an image holds, where they are those that another one should have."""
        owner = digests["wanted"].get(digests["has"].get(verdict.name, ""))
        if not verdict.voxels or owner is None or owner == verdict.name:
            return verdict
        return verdict.with_fault(f"holds the pixels of {owner}")


def _nearest(header: Header, positions: NDArray[np.float64], limit: float) -> int | None:
    try:
        position = header.numbers("ImagePositionPatient")
    except DeriveError:
        return None
    if len(position) != 3:
        return None
    apart = np.linalg.norm(positions - np.array(position), axis=1)
    place = int(apart.argmin())
    return place if apart[place] < max(limit, POSITION_TOLERANCE_MM) else None


def _values(stored: _Stored, rescale: tuple[float, float], low: int | None, high: int | None) -> NDArray[np.float64]:
    """Real-world values; NaN for padding."""
    values: NDArray[np.float64] = stored * np.float64(rescale[0]) + rescale[1]
    if low is not None and high is not None:
        values[(stored >= low) & (stored <= high)] = np.nan
    return values


def _digest(stored: _Stored) -> str:
    return hashlib.sha256(
        np.ascontiguousarray(stored, dtype="<f8" if stored.dtype.kind == "f" else "<i4").tobytes()
    ).hexdigest()

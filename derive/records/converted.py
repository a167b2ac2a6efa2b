"""Instances of another form against those that their frames were in before: the same stored values at the same place.

Nothing is computed, and whoever made them is not asked: frames are read on either side, and compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from derive.errors import DeriveError
from derive.model.geometry import POSITION_TOLERANCE_MM
from derive.pixels.decode import decode
from derive.reading.frames import frames_of
from derive.reading.header import Header
from derive.reading.pixel_attributes import layout_of, padding_of, rescale_of
from derive.reading.planes import plane_of
from derive.records.compare import ImageVerdict, Written

#: Shares by which slope and intercept may be apart: they are decimal strings on one side, and need not be on both.
_SHARE = 1e-6


class Before:
    """The frames of instances that were given another form.

    Parameters
    ----------
    instances : sequence of Header

    Raises
    ------
    DeriveError
        For an instance that cannot be taken apart into frames.
    """

    def __init__(self, instances: Iterable[Header]) -> None:
        self._frames = {_key(frame): frame for instance in instances for frame in frames_of(instance)}
        self._free = set(self._frames)
        self._at: dict[tuple[float, ...], list[tuple[str, int]]] = {}
        for key, frame in self._frames.items():
            self._at.setdefault(_position(frame), []).append(key)

    @property
    def left(self) -> int:
        """How many frames are in no image; they may have been left out on purpose."""
        return len(self._free)

    def verdict(self, written: Written) -> ImageVerdict:
        """Compare a frame with the one that it was; of several that it can have been with that which it is."""
        name, uid = written.name, written.uid
        candidates = list(self._candidates(written))
        if not candidates:
            return ImageVerdict(name, uid).with_fault("was none of the frames that it names")
        verdicts = ((key, _compared(ImageVerdict(name, uid), written.header, self._frames[key])) for key in candidates)
        key, best = min(verdicts, key=lambda found: (len(found[1].faults), found[1].voxels))
        self._free.discard(key)
        return replace(best, place=list(self._frames).index(key))

    def _candidates(self, written: Written) -> Iterator[tuple[str, int]]:
        """Give what a frame names; where the instance names all at once, those of them that lie where it lies."""
        named = written.record.converted_from
        uids = {image.sop_instance_uid for image in named}
        one = len(named) == 1 and not named[0].frames and (named[0].sop_instance_uid, 2) not in self._frames
        if len(named) == len(named[0].frames) == 1 or one:
            key = named[0].sop_instance_uid, named[0].frames[0] if named[0].frames else 1
            yield from [key] if key in self._frames else []
            return
        near = self._at.get(_position(written.header), self._frames)
        here = [key for key in near if _distance(written.header, self._frames[key]) <= POSITION_TOLERANCE_MM]
        here = [key for key in here if key[0] in uids]
        yield from [key for key in here if key in self._free] or here


def _position(frame: Header) -> tuple[float, ...]:
    """Where a frame lies, to what decimal strings of either side agree in."""
    return tuple(round(number, 2) for number in frame.lenient.numbers("ImagePositionPatient"))


def _key(frame: Header) -> tuple[str, int]:
    return frame.text("SOPInstanceUID"), frame.frame_number


def _compared(verdict: ImageVerdict, has: Header, was: Header) -> ImageVerdict:
    """Compare two frames."""
    try:
        verdict = replace(verdict, distance_mm=_distance(has, was))
        if verdict.distance_mm > POSITION_TOLERANCE_MM:
            verdict = verdict.with_fault(f"lies {verdict.distance_mm:.4g} mm off")
        rescales = rescale_of(has), rescale_of(was)
        if not np.allclose(*rescales, rtol=_SHARE, atol=0):
            verdict = verdict.with_fault(f"has rescale {rescales[0]}; before it was {rescales[1]}")
        stored, before = _stored(has), _stored(was)
        paddings = (padding_of(h, layout_of(h)) for h in (has, was))
    except DeriveError as error:
        return verdict.with_fault(f"cannot be compared: {error.message}")
    if len(set(paddings)) > 1:
        verdict = verdict.with_fault("has other pixel padding")
    if stored.shape != before.shape:
        return verdict.with_fault(f"has {stored.shape} pixels; before it were {before.shape}")
    apart = np.abs(stored.astype(np.int64) - before)
    voxels, largest = int(np.count_nonzero(apart)), int(apart.max(initial=0))
    slope = abs(rescales[0][0])
    verdict = replace(verdict, voxels=voxels, of_voxels=stored.size, largest=largest * slope, steps=float(largest))
    return verdict.with_fault(f"{voxels} of {stored.size} stored values differ") if voxels else verdict


def _stored(header: Header) -> NDArray[np.integer]:
    assert header.pixels is not None, "frames_of() finds the pixels of every frame"
    return decode(layout_of(header), None, header.pixels, header.name)


def _distance(has: Header, was: Header) -> float:
    """Largest distance of a corner, mm; 0 where neither says where it lies, infinite where one does or for a matrix."""
    places = [bool(h.numbers("ImagePositionPatient")) for h in (has, was)]
    if not any(places):
        return 0.0
    shapes = [(h.integer("Rows") or 0, h.integer("Columns") or 0) for h in (has, was)]
    if not all(places) or shapes[0] != shapes[1]:
        return float("inf")
    one, other = (plane_of(h).corners(*shapes[0]) for h in (has, was))
    return float(np.linalg.norm(one - other, axis=1).max())


def compared_with_before(written: Sequence[Written], at_hand: Mapping[str, Header]) -> tuple[list[ImageVerdict], int]:
    """Compare all frames of a series with those that they were; and say how many of these are in none.

    Raises
    ------
    DeriveError
        As :class:`Before`.
    """
    needed = {uid for w in written for uid in w.record.referenced_uids}
    before = Before(header for uid, header in at_hand.items() if uid in needed)
    verdicts = [before.verdict(w) for w in written]
    return verdicts, before.left

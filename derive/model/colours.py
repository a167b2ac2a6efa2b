"""Frames in colours: red, green and blue of 8 bits each, every one of them values like those of any volume.

The fourth kind of :class:`~derive.model.frames.Frames`. Unlike pictures, which are there as they are, colours are
computed when they are asked for: what is done to a volume is done to each of its three samples.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from derive.errors import ValuesError
from derive.model.dimension import Dimension
from derive.model.frames import FORMATS, Volumes
from derive.model.geometry import Geometry, Plane
from derive.model.masking import Cine
from derive.model.reference import FrameRef
from derive.model.volume import Array, Quantity, SliceBySlice, Volume
from derive.pixels.encode import PixelFormat

#: The lowest and the highest value of a sample.
LOW, HIGH = 0, 255
#: Computes frames in colours: (first, last) -> (last - first, rows, columns, 3) uint8.
PullColours: TypeAlias = Callable[[int, int], NDArray[np.uint8]]
#: What the values of a sample are: whole numbers of nothing that is measured.
SAMPLE = Quantity(step=1.0)


class _LastSeen:
    """Frames in colours that were computed last: the samples of a colour ask for them one after the other."""

    #: Bytes that are kept, and more only of what was asked for last.
    most = 256 << 20

    def __init__(self, pulls: Sequence[PullColours]) -> None:
        self._pulls = pulls
        self._lock = threading.Lock()
        self._found: OrderedDict[tuple[int, int, int], NDArray[np.uint8]] = OrderedDict()

    def slab(self, volume: int, first: int, last: int) -> NDArray[np.uint8]:
        """Return slices of a volume."""
        key = volume, first, last
        with self._lock:
            if key not in self._found:
                self._found[key] = self._pulls[volume](first, last)
            self._found.move_to_end(key)
            while len(self._found) > 1 and sum(slab.nbytes for slab in self._found.values()) > self.most:
                self._found.popitem(last=False)
            return self._found[key]

    def sample(self, volume: int, place: int) -> SliceBySlice:
        """Return what computes a sample of a volume by itself."""

        def pull(first: int, last: int) -> Array:
            return self.slab(volume, first, last)[..., place].astype(np.float32)

        return SliceBySlice(pull)


@dataclass(frozen=True, eq=False)
class Colours:
    """Frames of three samples a pixel, R G B of 8 bits: each sample is Volumes of its own, alike in all but values.

    Parameters
    ----------
    red, green, blue : Volumes
        Values from 0 to 255; what lies outside is stored as the nearest of these.

    Raises
    ------
    ValuesError
        ``VAL-SHAPE`` for samples that do not lie alike.
    """

    red: Volumes
    green: Volumes
    blue: Volumes

    @classmethod
    def of(cls, like: Volumes, pulls: Sequence[PullColours]) -> Self:
        """Make colours that are computed all three at a time.

        Parameters
        ----------
        like : Volumes
            Where they lie, and what they come from; their values are not asked for.
        pulls : sequence of callable (first, last) -> (last - first, rows, columns, 3) uint8
            Of each volume.
        """
        kept, span = _LastSeen(pulls), (float(LOW), float(HIGH))

        def sample(place: int) -> Volumes:
            each = (
                Volume(v.geometry, kept.sample(n, place), v.contributors, SAMPLE, span)
                for n, v in enumerate(like.volumes)
            )
            return replace(like, volumes=tuple(each))

        return cls(*map(sample, range(3)))

    def __post_init__(self) -> None:
        layouts = {(*s.shape, s.slices) for s in self.samples}
        if len(layouts) > 1:
            shapes = " and ".join(map(str, sorted(layouts)))
            raise ValuesError("VAL-SHAPE", f"red, green and blue (frames, rows, columns) do not lie alike: {shapes}")

    @property
    def samples(self) -> tuple[Volumes, Volumes, Volumes]:
        """Red, green and blue."""
        return self.red, self.green, self.blue

    @property
    def lightest(self) -> Volumes:
        """The largest sample of every pixel: where there is any colour but black."""

        def largest(number: int) -> Volume:
            each = [sample.volumes[number] for sample in self.samples]
            return replace(each[0], pull=lambda first, last: np.maximum.reduce([v.slab(first, last) for v in each]))

        return replace(self.red, volumes=tuple(map(largest, range(len(self.red.volumes)))))

    @property
    def alone(self) -> tuple[Colours, ...]:
        """The frames of each volume by themselves."""
        each = zip(*(sample.volumes for sample in self.samples), strict=True)
        return tuple(Colours(*(Volumes((v,)) for v in volumes)) for volumes in each)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(frames, rows, columns)."""
        return self.red.shape

    @property
    def called(self) -> str:
        """What people call them."""
        return "colour frames"

    @property
    def first(self) -> Volume:
        """Red of the first volume, which has the grid of all."""
        return self.red.first

    @property
    def count(self) -> int:
        """How many frames there are."""
        return self.red.count

    @property
    def slices(self) -> int:
        """How many of them are of one volume."""
        return self.red.slices

    @property
    def volumes(self) -> tuple[Volume, ...]:
        """None: a colour is no value of a quantity."""
        return ()

    @property
    def dimension(self) -> Dimension | None:
        """The most telling dimension."""
        return self.red.dimension

    @property
    def dimensions(self) -> tuple[Dimension, ...]:
        """What tells several volumes apart."""
        return self.red.dimensions

    @property
    def cine(self) -> Cine | None:
        """What is said of frames of cines that lie in no patient."""
        return self.red.cine

    @property
    def geometry(self) -> Geometry:
        """Where the frames of each volume are."""
        return self.red.geometry

    @property
    def format(self) -> PixelFormat:
        """How they lie in Pixel Data: pixel by pixel, R G B of 8 bits."""
        return FORMATS["uint8", True]

    @property
    def quantity(self) -> Quantity:
        """None to speak of."""
        return Quantity()

    @property
    def value_range(self) -> tuple[float, float]:
        """What 8 bits hold."""
        return float(LOW), float(HIGH)

    @property
    def layout(self) -> str:
        """Where they lie, and of how many volumes."""
        return f"{self.red.layout} {self.format.photometric}"

    @property
    def stored_bytes(self) -> int:
        """Bytes of all stored values."""
        return int(np.prod(self.shape)) * self.format.samples * self.format.bits // 8

    def contributors(self, index: int) -> tuple[FrameRef, ...]:
        """Return the frames of the sources that entered any sample of a frame, without repeats."""
        return tuple(dict.fromkeys(ref for sample in self.samples for ref in sample.contributors(index)))

    def volume_and_place(self, index: int) -> tuple[int, int]:
        """Return which volume a frame is of, and which of its slices it is."""
        return self.red.volume_and_place(index)

    def plane(self, index: int) -> Plane | None:
        """Return where a frame is; None where that is nowhere in a patient."""
        return self.red.plane(index)

    def slab(self, first: int, last: int) -> NDArray[Any]:
        """Return frames `first` (included) to `last` (excluded) as they are stored.

        Returns
        -------
        (last - first, rows, columns, 3) uint8
            Rounded to the nearest, half to even, and saturated.

        Raises
        ------
        ValuesError
            ``VAL-NONFINITE`` for a value that is none: colours have no padding.
        """
        stored = np.empty((last - first, *self.shape[1:], self.format.samples), np.uint8)
        for place, sample in enumerate(self.samples):
            values = sample.slab(first, last)
            if not np.isfinite(values).all():
                count = int(values.size - np.count_nonzero(np.isfinite(values)))
                raise ValuesError("VAL-NONFINITE", f"{count} values of a colour are no numbers; none can be stored")
            stored[..., place] = np.clip(np.rint(values), LOW, HIGH)
        return stored

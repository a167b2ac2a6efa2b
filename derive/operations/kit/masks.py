"""Subtraction of frames of a cine from others: which from which, and their values (PS3.3 C.7.6.10)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from derive.errors import UsageError
from derive.model.frames import Volumes
from derive.model.masking import AVERAGE, INTERVAL, NONE, REVERSED, Cine, Masking, Shift
from derive.model.reference import FrameRef
from derive.model.volume import Array, Quantity, SliceBySlice, Volume
from derive.operations.kit.scales import UNITLESS, on_no_scale
from derive.told.secrecy import some
from derive.told.wording import counted, flag

#: Keyword in CID 7202 of what a mask is for.
MASK = "MaskImageForImageProcessingOperation"
_CODE = "OP-MASK"
#: Pixel Intensity Relationship of values that are logarithms already.
_LOGARITHMIC = "LOG"
#: How many masks are kept at hand: all frames of a range have one, and in time interval differencing each its own.
_AT_HAND = 4


@dataclass(frozen=True)
class Subtraction:
    """What becomes one frame of the result.

    Parameters
    ----------
    contrast : tuple of int
        The frames whose mean is subtracted from, by their place among those of the source.
    mask : tuple of int
        The frames whose mean is subtracted.
    shift_pixels : (down, to the right)
        How far the mask is moved before.
    """

    contrast: tuple[int, ...]
    mask: tuple[int, ...]
    shift_pixels: Shift = (0.0, 0.0)

    @property
    def moved(self) -> bool:
        """Whether the mask is moved."""
        return self.shift_pixels != (0.0, 0.0)


def masked(volumes: Volumes, mask_frames: str | None, *, mask_module: bool, log: bool) -> Volumes:
    """Subtract frames that are named, or those that the Mask Subtraction Sequence names.

    Parameters
    ----------
    volumes : Volumes
    mask_frames : str, optional
        ``1,3-5``
    mask_module : bool
    log : bool
        Whether logarithms are subtracted.

    Raises
    ------
    UsageError
        ``OP-SERIES``, ``OP-MASK``, ``OP-LOG``
    """
    either = f"{flag('mask_frames', '1,2-5')} or {flag('mask_module')}"
    if mask_frames is None and not mask_module:
        raise UsageError(
            "OP-SERIES", f"what is to be subtracted? Wanted a second series, or frames of this one: {either}"
        )
    if mask_frames is not None and mask_module:
        raise UsageError(_CODE, f"wanted {either}, and not both")
    if log and volumes.cine is not None and volumes.cine.relationship == _LOGARITHMIC:
        raise UsageError("OP-LOG", "Pixel Intensity Relationship is LOG: the values are logarithms already")
    plan = by_module(volumes) if mask_frames is None else by_frames(volumes, numbers_read(mask_frames))
    return subtracted(volumes, plan, log=log)


def refuse_masks(mask_frames: str | None, *, mask_module: bool, log: bool) -> None:
    """Refuse masks, and logarithms, beside another series.

    Raises
    ------
    UsageError
        ``OP-MASK``, ``OP-LOG``
    """
    if mask_frames is not None or mask_module:
        raise UsageError(_CODE, "frames of the series are taken away, or another series, and not both")
    if log:
        raise UsageError("OP-LOG", "logarithms are subtracted of frames of one cine only")


def numbers_read(text: str) -> tuple[int, ...]:
    """Read numbers of frames: ``1,3-5``.

    Raises
    ------
    UsageError
        ``OP-MASK``
    """
    numbers: list[int] = []
    for part in str(text).split(","):
        first, _, last = part.strip().partition("-")
        if not (first.strip().isdecimal() and (last.strip() or first).strip().isdecimal()):
            raise UsageError(_CODE, f"mask frames {text!r:.64}; wanted numbers of frames from 1 on, such as 1 or 1,3-5")
        numbers += range(int(first), int(last or first) + 1)
    if not numbers or min(numbers) < 1:
        raise UsageError(_CODE, f"mask frames {text!r:.64}; wanted numbers of frames from 1 on, such as 1 or 1,3-5")
    return tuple(dict.fromkeys(numbers))


def by_frames(volumes: Volumes, numbers: Sequence[int]) -> tuple[Subtraction, ...]:
    """Subtract the mean of some frames from all of them, these included.

    Raises
    ------
    UsageError
        ``OP-MASK`` for frames that are not there, and for those of several cines.
    """
    masking = Masking(AVERAGE, mask_frames=tuple(numbers))
    return tuple(_planned(masking, *_of_one_cine(volumes)))


def by_module(volumes: Volumes) -> tuple[Subtraction, ...]:
    """Subtract as the Mask Subtraction Sequence says; frames of which it says nothing are left out.

    Raises
    ------
    UsageError
        ``OP-MASK`` where there is none, where it subtracts nothing, names frames that are not there, or a frame twice.
    """
    cine, places = _of_one_cine(volumes)
    wanted = [m for m in cine.maskings if m.operation != NONE]
    if not wanted:
        there = "says that nothing is subtracted (NONE)" if cine.maskings else "is not there"
        raise UsageError(
            _CODE,
            f"Mask Subtraction Sequence (0028,6100) {there}. Name the frames of the mask: "
            f"{flag('mask_frames', '1,2-5')}",
        )
    found = [each for masking in wanted for each in _planned(masking, cine, places)]
    first = [each.contrast[0] for each in found]
    twice = sorted({cine.numbers[k] for k in first if first.count(k) > 1})
    if twice:
        raise UsageError(
            _CODE, f"several items of Mask Subtraction Sequence are of frame {some(list(map(str, twice)))}"
        )
    return tuple(sorted(found, key=lambda each: each.contrast[0]))


def _of_one_cine(volumes: Volumes) -> tuple[Cine, Mapping[int, int]]:
    """Return what is said of a cine, and where each of its frames is, by number; volumes of others count from 1 on."""
    count = len(volumes.volumes)
    cine = volumes.cine or Cine(tuple(range(1, count + 1)), 1, count)
    if cine.instances > 1:
        raise UsageError(
            _CODE,
            f"the frames are of {counted(cine.instances, 'instance')}, and a mask is one of the same cine. Choose one: "
            f"{flag('where', 'InstanceNumber=N')}",
        )
    if count < 2:
        raise UsageError(_CODE, "there is one frame, and so none that could be the mask of another")
    return cine, {number: place for place, number in enumerate(cine.numbers)}


def _planned(masking: Masking, cine: Cine, places: Mapping[int, int]) -> Iterator[Subtraction]:
    """Yield what becomes of each frame to which an item applies; of those that were chosen."""
    for number in _applicable(masking, cine):
        if number not in places:
            continue
        contrast = range(number, number + masking.averaged)
        yield Subtraction(
            _there(contrast, places, "of the contrast"),
            _there(_masks_of(masking, cine, number), places, "of the mask"),
            masking.shift_pixels,
        )


def _applicable(masking: Masking, cine: Cine) -> list[int]:
    """Return the numbers of the frames from which an item subtracts (C.7.6.10.1.1)."""
    if masking.ranges:
        return [n for first, last in masking.ranges for n in range(first, last + 1)]
    whole = range(1, cine.last - masking.averaged + 2)
    if masking.operation == AVERAGE:
        return list(whole)
    if masking.operation == INTERVAL:
        return [n for n in whole if 1 <= n - masking.interval <= cine.last]
    raise UsageError(
        _CODE,
        f"Mask Operation {masking.operation!r:.32} without Applicable Frame Range; wanted AVG_SUB, TID or REV_TID",
    )


def _masks_of(masking: Masking, cine: Cine, number: int) -> Sequence[int]:
    """Return the numbers of the frames that are the mask of one."""
    if masking.operation == AVERAGE:
        return masking.mask_frames
    if masking.operation == INTERVAL:
        return [number - masking.interval]
    if masking.operation == REVERSED:
        begin = masking.ranges[0][0]
        return [begin - masking.interval - (number - begin)]
    raise UsageError(_CODE, f"Mask Operation {masking.operation!r:.32}; wanted AVG_SUB, TID or REV_TID")


def _there(numbers: Sequence[int], places: Mapping[int, int], what: str) -> tuple[int, ...]:
    missing = [str(n) for n in numbers if n not in places]
    if missing or not numbers:
        raise UsageError(
            _CODE,
            f"frame {some(missing)} {what} is not there; there are {counted(len(places), 'frame')}, "
            f"{min(places)} to {max(places)}"
            if missing
            else f"no frame {what} is named",
        )
    return tuple(places[n] for n in numbers)


def subtracted(volumes: Volumes, plan: Sequence[Subtraction], *, log: bool = False) -> Volumes:
    """Return the difference of each frame of a plan and its mask.

    Values are those that are stored: what leads them back to the intensity of the beam is not applied (C.8.7.1.1.2).
    What is padding in a frame or its mask is padding, and so is what a moved mask does not reach. A moved mask is
    interpolated linearly.

    Parameters
    ----------
    volumes : Volumes
    plan : sequence of Subtraction
    log : bool
        Whether the natural logarithms of the means are subtracted; values below one step count as one step.
    """
    difference = _Difference(volumes, log)
    moved = any(each.moved for each in plan)
    whole = not log and not moved and all(len(each.contrast) == len(each.mask) == 1 for each in plan)
    was = on_no_scale(volumes.quantity)
    units = UNITLESS if log else was.units
    quantity = Quantity(units, padded=moved or was.padded, step=was.step if whole else None)
    made = tuple(difference.of(each, quantity) for each in plan)
    first = [each.contrast[0] for each in plan]
    kept = tuple(replace(d, values=tuple(d.values[k] for k in first)) for d in volumes.dimensions)
    cine = volumes.cine and replace(volumes.cine, numbers=tuple(volumes.cine.numbers[k] for k in first), maskings=())
    return Volumes(made, kept if len(made) > 1 else (), cine=cine)


class _Difference:
    """Computes differences; the masks that were asked for last are at hand."""

    def __init__(self, volumes: Volumes, log: bool) -> None:
        self._volumes, self._log = volumes.volumes, log
        self._least = volumes.quantity.step or 1.0
        self._mask = lru_cache(maxsize=_AT_HAND)(self._moved_mean)

    def of(self, each: Subtraction, quantity: Quantity) -> Volume:
        """Return one frame of the result."""
        geometry = self._volumes[each.contrast[0]].geometry

        def pull(first: int, last: int) -> Array:
            contrast = self._mean(each.contrast, first, last)
            return np.subtract(self._scaled(contrast), self._mask(each.mask, each.shift_pixels, first, last))

        def contributors(index: int) -> tuple[FrameRef, ...]:
            refs = {ref for k in each.contrast for ref in self._volumes[k].contributors(index)}
            masks = {ref for k in each.mask for ref in self._volumes[k].contributors(index)}
            return tuple(sorted(refs | {ref._replace(purpose=MASK, moved=each.moved) for ref in masks}))

        return Volume(geometry, SliceBySlice(pull), contributors, quantity)

    def _moved_mean(self, mask: tuple[int, ...], shift: Shift, first: int, last: int) -> Array:
        mean = self._mean(mask, first, last)
        if shift != (0.0, 0.0):
            import scipy.ndimage

            mean = scipy.ndimage.shift(mean, (0.0, *shift), order=1, mode="constant", cval=np.nan)
        return self._scaled(mean)

    def _mean(self, places: Sequence[int], first: int, last: int) -> Array:
        if len(places) == 1:
            return self._volumes[places[0]].slab(first, last)
        total = sum(self._volumes[k].slab(first, last).astype(np.float64) for k in places)
        return np.asarray(total / len(places), dtype=np.float32)

    def _scaled(self, values: Array) -> Array:
        return np.log(np.maximum(values, np.float32(self._least))) if self._log else values

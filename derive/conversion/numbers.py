"""What the numbers of a file are: looked at once, and refused where they cannot be what they are said to be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from derive.conversion.options import Meaning
from derive.errors import ValuesError
from derive.formats.samples import Samples
from derive.model.plausible import is_normalised
from derive.model.volume import Array
from derive.pixels.encode import SourceEncoding, decimal
from derive.told.wording import flag

#: Numbers looked at together.
CHUNK = 1 << 22
#: What single precision rounds off, and the share of a stored step that it may be.
SINGLE = 2.0**-24
EXACTNESS = 0.05
SINGLE_BYTES = 4
#: Share of a step that a rescale may be off for having 16 characters (PS3.5 6.2, DS).
WRITTEN = 1e-3
STEPS = (1 << 16) - 3


@dataclass(frozen=True)
class Census:
    """What one look at all numbers of a file tells.

    Parameters
    ----------
    low, high : float
        Of those that are finite.
    odd : int
        How many are not.
    whole : bool
        Whether all that are finite are whole numbers.
    """

    low: float
    high: float
    odd: int
    whole: bool


@dataclass(frozen=True)
class Numbers:
    """The numbers of a file as real-world values.

    Parameters
    ----------
    slope, intercept : float
        Number times slope plus intercept is the value.
    value_range : (low, high)
        Of the values.
    stored : SourceEncoding
        The file's own numbers as stored values, where they are whole; without any rescale where they are not.
    nan_value : float, optional
        What stands for numbers that are not finite.
    rounded_by : float
        Largest error that single precision makes in a value.
    """

    slope: float
    intercept: float
    value_range: tuple[float, float]
    stored: SourceEncoding
    nan_value: float | None
    rounded_by: float = 0.0

    def values(self, numbers: NDArray[Any], out: Array) -> None:
        """Fill `out` with the values of some numbers."""
        if (self.slope, self.intercept) == (1.0, 0.0):
            out[...] = numbers
        else:
            np.add(np.multiply(numbers, self.slope, dtype=np.float64), self.intercept, out=out, casting="same_kind")
        if self.nan_value is not None:
            out[~np.isfinite(out)] = self.nan_value


def numbers_of(samples: Samples, meaning: Meaning, nan_value: float | None) -> Numbers:
    """Look at all numbers and say what their values are.

    Raises
    ------
    ValuesError
        ``VAL-COLOUR``, ``VAL-NAN``, ``VAL-EMPTY``, ``VAL-HU``, ``VAL-UNSIGNED`` or ``VAL-PRECISION``.
    """
    if samples.colour:
        raise ValuesError(
            "VAL-COLOUR",
            f"{samples.name} is in colour, and these images are grey; "
            f"{flag('kind', 'secondary-capture')} keeps colours",
        )
    found = census(samples.array)
    if found.odd and nan_value is None:
        raise ValuesError(
            "VAL-NAN",
            f"{samples.name} holds {found.odd} numbers that are NaN or infinite; "
            f"{flag('nan_value', 'NUMBER')} says what they are",
        )
    if found.low > found.high:
        raise ValuesError("VAL-EMPTY", f"{samples.name} holds no finite number; there is nothing to store")
    if meaning.kind == "hu":
        _plausible_hu(samples, found)
    slope, intercept = samples.scale[0] * meaning.slope, samples.scale[1] * meaning.slope + meaning.intercept
    ends = sorted(v * slope + intercept for v in (found.low, found.high))
    if found.odd and nan_value is not None:
        ends = [min(ends[0], nan_value), max(ends[1], nan_value)]
    whole = found.whole and not (found.odd and (nan_value or 0.0) % 1)
    stored = _stored(found, slope, intercept, whole)
    value_range = (ends[0], ends[1])
    rounded_by = _rounded_by(samples.array.dtype, (slope, intercept), value_range, whole=whole)
    step = max((ends[1] - ends[0]) / STEPS, abs(slope) if stored.slopes else 0.0)
    if ends[0] != ends[1] and rounded_by > EXACTNESS * step:
        raise ValuesError(
            "VAL-PRECISION",
            f"{samples.name} ranges over {ends[0]:.9g} to {ends[1]:.9g}: so far from 0 that its differences would be "
            f"rounded off. {flag('values', 'scale=1,-OFFSET')} moves them to 0",
        )
    return Numbers(slope, intercept, value_range, stored, nan_value, rounded_by)


def _stored(found: Census, slope: float, intercept: float, whole: bool) -> SourceEncoding:
    """Whole numbers can be stored as they are, if what can be written of their rescale is true to a share of a step."""
    largest = max(abs(found.low), abs(found.high), 1.0)
    off = abs(decimal(slope) - slope) * largest + abs(decimal(intercept) - intercept)
    if not whole or off > WRITTEN * abs(slope):
        return SourceEncoding((), (), found.low < 0, None)
    return SourceEncoding((slope,), (intercept,), found.low < 0, None)


def census(array: NDArray[Any]) -> Census:
    """Look at all numbers once, a part at a time."""
    low, high, odd, whole = np.inf, -np.inf, 0, True
    inexact = array.dtype.kind == "f"
    for part in _parts(array):
        numbers = part
        if inexact:
            finite = np.isfinite(part)
            if not finite.all():
                odd += int(part.size - np.count_nonzero(finite))
                numbers = part[finite]
            whole = whole and bool((np.rint(numbers) == numbers).all())
        if numbers.size:
            low, high = min(low, float(numbers.min())), max(high, float(numbers.max()))
    return Census(low, high, odd, whole)


def _parts(array: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Parts of an array along the axis on which its memory runs slowest."""
    axis = int(np.argmax(np.abs(array.strides)))
    slowest = np.moveaxis(array, axis, 0)
    step = max(1, CHUNK // max(1, slowest[0].size))
    for first in range(0, len(slowest), step):
        yield slowest[first : first + step]


def _plausible_hu(samples: Samples, found: Census) -> None:
    """Refuse what cannot be Hounsfield units (C.11.1.1.2: air is -1000)."""
    ends = [v * samples.scale[0] + samples.scale[1] for v in (found.low, found.high)]
    if is_normalised(min(ends), max(ends)):
        raise ValuesError(
            "VAL-HU",
            f"{samples.name} ranges over {min(ends):g} to {max(ends):g}: normalised numbers or a mask, no Hounsfield "
            f"units. Say {flag('values', 'scale=a,b')} for the line that makes them HU, or "
            f"{flag('values', 'as-is')} if they "
            "are none",
        )
    if samples.array.dtype.kind in "ub" and samples.scale == (1.0, 0.0):
        labels = " An 8-bit label map belongs in a DICOM Segmentation." if samples.array.dtype.itemsize == 1 else ""
        raise ValuesError(
            "VAL-UNSIGNED",
            f"{samples.name} holds unsigned {8 * samples.array.dtype.itemsize}-bit numbers from {found.low:g} to "
            f"{found.high:g}, which cannot say the -1000 HU of air: something was added, or they are no HU. Say "
            f"{flag('values', 'scale=1,-1024')} (or whatever was added), scale=1,0 if they are HU, or "
            f"as-is if not.{labels}",
        )


def _rounded_by(dtype: np.dtype[Any], rescale: tuple[float, float], ends: tuple[float, float], *, whole: bool) -> float:
    """Largest error of values in single precision: none of its own numbers, and none of whole ones up to 2**24."""
    largest = max(map(abs, ends))
    plain = rescale == (1.0, 0.0)
    if plain and dtype.itemsize <= SINGLE_BYTES and dtype.kind == "f":
        return 0.0
    if whole and all(float(v).is_integer() for v in rescale) and largest <= 1 / SINGLE:
        return 0.0
    return largest * SINGLE

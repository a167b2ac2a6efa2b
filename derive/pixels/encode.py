"""Real-world values to stored values: bits, sign, rescale, padding (PS3.3 C.7.6.3, C.7.5.1.1.2, C.11.1).

Arrays only, no attributes. Stored values saturate and never wrap; the slope and intercept used are
those that the attributes will say, after they were written as decimal strings of 16 characters; the
error made is measured on every slice.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from derive.errors import ValuesError

BITS = 16
#: float32 has every integer below this.
EXACT_SINGLE = 1 << 24
Range = tuple[float, float]


class Rescale(Enum):
    """How an IOD says what its stored values mean.

    SERIES: one Rescale Slope and Intercept. INSTANCE: a slope an instance, intercept 0 (PET). SLOPE: one slope, and
    intercept 0 (multi-frame PET: many readers take the slope of the first frame for all, 2026-12-01).
    MAPPING: no rescale; numbers that mean something as they are, times a power of ten that a Real World
    Value Mapping states (MR). OFFSET: the same of unsigned numbers: below 0 there is nothing, and the mapping states
    where 0 lies (XA). NONE: stored values are all there is (Secondary Capture).
    """

    SERIES = "series"
    INSTANCE = "instance"
    SLOPE = "slope"
    MAPPING = "mapping"
    OFFSET = "offset"
    NONE = "none"

    @property
    def mapped(self) -> bool:
        """Whether nothing but a Real World Value Mapping says what stored values mean."""
        return self in (Rescale.MAPPING, Rescale.OFFSET)


@dataclass(frozen=True)
class PixelFormat:
    """How stored values lie in Pixel Data (C.7.6.3).

    Parameters
    ----------
    bits : int
        Bits Allocated.
    samples : int
        Samples per Pixel.
    photometric : str
        Photometric Interpretation of values that nobody inverted.
    stored : int, optional
        Bits Stored, the lowest ones; None: all bits are used.
    floating : bool
        Whether values are stored as they are, in binary floating point (C.7.6.24, C.7.6.25).
    """

    bits: int = BITS
    samples: int = 1
    photometric: str = "MONOCHROME2"
    stored: int | None = None
    floating: bool = False

    @property
    def bits_stored(self) -> int:
        """Bits Stored."""
        return self.bits if self.stored is None else self.stored


GREY_16, GREY_8 = PixelFormat(), PixelFormat(8)
#: How values of a quantity can be stored, by name.
NUMBERS = {
    "int16": GREY_16,
    "int8": GREY_8,
    "float32": PixelFormat(32, floating=True),
    "float64": PixelFormat(64, floating=True),
}


@dataclass(frozen=True)
class Encoding:
    """How real-world values become stored values: value = slope * stored + intercept.

    Parameters
    ----------
    slope, intercept : float
        Exactly what their decimal strings say.
    signed : bool
        Pixel Representation.
    padding : int, optional
        Stored value of pixel padding.
    bits : int
        Bits Allocated and Bits Stored: 8 or 16.
    padding_limit : int, optional
        The other end of a range of them (Pixel Padding Range Limit).
    """

    slope: float
    intercept: float
    signed: bool
    padding: int | None = None
    bits: int = BITS
    padding_limit: int | None = None

    @property
    def padded(self) -> Range | None:
        """The range of stored values that are pixel padding: (low, high)."""
        if self.padding is None:
            return None
        ends = self.padding, self.padding if self.padding_limit is None else self.padding_limit
        return min(ends), max(ends)

    @property
    def bounds(self) -> tuple[int, int]:
        """Smallest and largest stored value there can be."""
        half = 1 << self.bits - 1
        return (-half, half - 1) if self.signed else (0, 2 * half - 1)

    @property
    def dtype(self) -> np.dtype[np.integer[Any]]:
        """Little endian type of the stored values."""
        return np.dtype(f"<{'i' if self.signed else 'u'}{self.bits // 8}")

    def nearest(self, value: float) -> float:
        """Return the real-world value that is stored for `value`."""
        low, high = self.bounds
        return min(max(round((value - self.intercept) / self.slope), low), high) * self.slope + self.intercept

    def holds(self, values: Range) -> bool:
        """Whether a range of values can be stored, padding apart, without saturating."""
        low, high = self.bounds
        stored = sorted((v - self.intercept) / self.slope for v in values)
        if self.padding is not None:
            low, high = low + (self.padding == low), high - (self.padding == high)
        return stored[0] >= low - 0.5 and stored[1] <= high + 0.5


@dataclass(frozen=True)
class SourceEncoding:
    """What is known of the source's stored values.

    Parameters
    ----------
    slopes, intercepts : tuple of float
        Of every instance.
    signed : bool
    padding : int, optional
        Stored value that is padding where all instances agree.
    bits : int
        How many bits the values are to be stored in.
    """

    slopes: tuple[float, ...]
    intercepts: tuple[float, ...]
    signed: bool
    padding: int | None
    bits: int = BITS

    @property
    def rescale(self) -> tuple[float, float] | None:
        """The one slope and intercept of the source, if it has one."""
        pairs = set(zip(self.slopes, self.intercepts, strict=True))
        return pairs.pop() if len(pairs) == 1 else None


class Codestream(NamedTuple):
    """A frame that was compressed with loss.

    Parameters
    ----------
    data : bytes
        Empty of what waits aside.
    length, native_length : int
        Bytes that it has, and that it had.
    error : int
        Largest difference of a stored value to what it was.
    """

    data: bytes
    length: int
    native_length: int
    error: int


@dataclass(frozen=True)
class EncodedFrame:
    """The stored values of one instance.

    Parameters
    ----------
    stored : (rows, columns) int16 or uint16
    encoding : Encoding
    smallest, largest : int
        Of the stored values that are not padding; of all where everything is padding.
    error : float
        Largest absolute difference to the values that were given, in their units.
    saturated : int
        How many values did not fit and were clipped.
    codestream : Codestream, optional
        Of what was compressed with loss: `stored` is what that decodes to.
    """

    stored: NDArray[np.integer[Any]]
    encoding: Encoding
    smallest: int
    largest: int
    error: float
    saturated: int
    codestream: Codestream | None = None


def as_they_are(stored: NDArray[Any]) -> EncodedFrame:
    """Take stored values that are all there is: nothing is rescaled, clipped or padding."""
    stored = np.ascontiguousarray(stored)
    return EncodedFrame(
        stored, Encoding(1.0, 0.0, stored.dtype.kind == "i"), int(stored.min()), int(stored.max()), 0.0, 0
    )


def decimal(value: float) -> float:
    """Return the number that a decimal string of 16 characters can say of `value`."""
    from pydicom.valuerep import format_number_as_ds

    return float(format_number_as_ds(float(value))) + 0.0  # never minus zero


def for_range(values: Range, padded: bool = False) -> Encoding:
    """Signed encoding that uses the 16 bits for a range; the lowest stored value is left for padding."""
    low, high = values
    steps = (1 << BITS) - 3
    slope = decimal((high - low) / steps * (1 + 1e-9)) if high > low else 1.0
    intercept = decimal(low + slope * ((1 << BITS - 1) - 1))
    return Encoding(slope, intercept, True, -(1 << BITS - 1) if padded else None)


def for_instance(values: Range, padded: bool = False) -> Encoding:
    """Signed encoding with intercept 0 for one instance (PET, C.8.9.4.1.6)."""
    widest = max(abs(values[0]), abs(values[1]))
    slope = decimal(widest / ((1 << BITS - 1) - 1) * (1 + 1e-9)) if widest > 0 else 1.0
    return Encoding(slope, 0.0, True, -(1 << BITS - 1) if padded else None)


def encode(values: NDArray[np.float32], encoding: Encoding | None) -> EncodedFrame:
    """Quantise one instance.

    Parameters
    ----------
    values : (rows, columns) float32
        Real-world values; NaN is padding.
    encoding : Encoding, optional
        None: the instance's own, intercept 0.

    Raises
    ------
    ValuesError
        ``VAL-NONFINITE`` for an infinite value, ``VAL-PADDING`` for padding where none was provided for.
    """
    ends = float(values.min()), float(values.max())
    padded = math.isnan(ends[0])
    if padded:
        ends = float(np.fmin.reduce(values, axis=None)), float(np.fmax.reduce(values, axis=None))
    if any(map(math.isinf, ends)):
        raise ValuesError("VAL-NONFINITE", f"{int(np.isinf(values).sum())} infinite values cannot be stored")
    empty = math.isnan(ends[0])
    if encoding is None:
        encoding = for_instance((0.0, 0.0) if empty else ends, padded)
    if padded and encoding.padding is None:
        raise ValuesError("VAL-PADDING", "there is pixel padding where the volume said that there is none")
    quantiser = _Quantiser(encoding, (0.0, 0.0) if empty else ends, padded)
    stored = np.empty(values.shape, encoding.dtype)
    error, saturated = quantiser.fill(stored, values)
    limits = (encoding.padding or 0,) * 2 if empty else quantiser.limits
    return EncodedFrame(stored, encoding, *limits, error, saturated)


class _Quantiser:
    """Stored values of real-world ones: saturated, and beside the padding value, never on it.

    Where a step is 1 and the intercept a whole number, as in nearly all CT, nothing is lost in single precision:
    the nearest integer, and the distance to it, are exact.

    Parameters
    ----------
    encoding : Encoding
    ends : (low, high)
        Of the values that are no padding.
    padded : bool
        Whether there is padding among the values.
    """

    def __init__(self, encoding: Encoding, ends: Range, padded: bool) -> None:
        self._encoding, self._padded = encoding, padded
        whole = encoding.slope == 1 and encoding.intercept.is_integer()
        self._single = whole and max(map(abs, (*ends, encoding.intercept))) + (1 << BITS) < EXACT_SINGLE
        self._origin = encoding.intercept if self._single else 0.0
        self._bounds = encoding.bounds[0] + self._origin, encoding.bounds[1] + self._origin
        self._pad = None if encoding.padding is None else encoding.padding + self._origin
        exact = np.sort(self._steps(np.array(ends)))
        wanted = np.rint(exact)
        self._saturates = wanted[0] < self._bounds[0] or wanted[1] > self._bounds[1]
        nearest = np.clip(wanted, self._bounds[0], self._bounds[1])
        self._collides = self._pad is not None and nearest[0] <= self._pad <= nearest[1]
        self._ends = self._beside(exact, nearest) if self._collides else nearest

    @property
    def limits(self) -> tuple[int, int]:
        """Smallest and largest stored value."""
        low, high = self._ends - self._origin
        return int(low), int(high)

    def fill(self, stored: NDArray[Any], values: NDArray[np.float32]) -> tuple[float, int]:
        """Fill `stored`; return the largest error in real-world units, and how many values were clipped."""
        exact, saturated = self._steps(values), 0
        padding = np.isnan(values) if self._padded else None
        if padding is not None:
            exact = np.where(padding, exact.dtype.type(self._ends[0]), exact)
        nearest = np.rint(exact)
        if self._saturates:
            low, high = self._bounds
            saturated = int(np.count_nonzero((nearest < low) | (nearest > high)))
            np.clip(nearest, low, high, out=nearest)
        if self._collides:
            nearest = self._beside(exact, nearest)
        np.subtract(nearest, self._origin, out=stored, casting="unsafe")
        if padding is not None:
            stored[padding] = self._encoding.padding
        np.subtract(nearest, exact, out=nearest)
        return max(float(nearest.max()), -float(nearest.min())) * abs(self._encoding.slope), saturated

    def _steps(self, values: NDArray[Any]) -> NDArray[Any]:
        """Values in steps: from the intercept, or from 0 where that is whole and single precision is enough."""
        if self._single:
            return values
        steps: NDArray[Any] = np.subtract(values, self._encoding.intercept, dtype=np.float64)
        steps /= self._encoding.slope
        return steps

    def _beside(self, exact: NDArray[Any], nearest: NDArray[Any]) -> NDArray[Any]:
        low, high = self._bounds
        assert self._pad is not None, "only a padding value is collided with"
        below = (self._pad == high) | ((exact < self._pad) & (self._pad > low))
        return np.where(nearest == self._pad, self._pad + np.where(below, -1, 1), nearest)

"""Which stored values hold a range of real-world ones: the source's own while they do, else the finest (C.7.6.3)."""

from __future__ import annotations

import math
from dataclasses import replace

from derive.errors import ValuesError
from derive.pixels.encode import Encoding, Range, Rescale, SourceEncoding, decimal, for_instance, for_range


def per_instance(kind: Rescale, source: SourceEncoding, keeps_quantity: bool) -> bool:
    """Whether every instance gets a slope of its own: PET, unless the source has one slope to keep."""
    return kind is Rescale.INSTANCE and not (keeps_quantity and source.rescale and source.rescale[1] == 0)


def keep(kind: Rescale, source: SourceEncoding, values: Range, padded: bool) -> Encoding | None:
    """Encoding with the source's own slope and intercept (MAPPING: 1, else a power of ten, at least as fine).

    Parameters
    ----------
    kind : Rescale
    source : SourceEncoding
    values : (low, high)
        What the values cannot leave.
    padded : bool
        Whether a stored value has to be set apart for padding.

    Returns
    -------
    Encoding or None
        None where the source has no slope in common or 16 bits do not hold the range with it.
    """
    if kind.mapped:
        # *2026-12-01.* Readers differ in whether they apply a mapping: numbers that fit as they are need none.
        finest = _finest_exponent(source) if source.slopes else 0
        exponents = ([0] if finest > 0 else []) + ([finest] if source.slopes else [])
        fits = (_tens(kind, exponent, source, values, padded) for exponent in exponents)
        return next((encoding for encoding in fits if encoding is not None), None)
    return _fit(source.rescale, source, values, padded) if source.rescale else None


def in_steps(step: float, source: SourceEncoding, values: Range, padded: bool) -> Encoding | None:
    """Encoding in steps of this size, from 0; None where 16 bits do not hold the range."""
    return _fit((step, 0.0), source, values, padded) if all(map(math.isfinite, values)) else None


def fit(
    kind: Rescale,
    source: SourceEncoding,
    values: Range,
    *,
    padded: bool,
    keeps_quantity: bool,
    step: float | None = None,
) -> Encoding | None:
    """Encoding for a range that was found in the data; the source's own while that holds it.

    Parameters
    ----------
    kind : Rescale
    source : SourceEncoding
    values : (low, high)
    padded : bool
    keeps_quantity : bool
    step : float, optional
        What every value is a multiple of, where that is known: nothing finer is needed (OFFSET).

    Returns
    -------
    Encoding or None
        None where each instance has its own (PET).

    Raises
    ------
    ValuesError
        ``VAL-NONFINITE`` if the range is not finite.
    """
    if not all(map(math.isfinite, values)):
        raise ValuesError("VAL-NONFINITE", f"values range over {values[0]}..{values[1]}; none of them can be stored")
    kept = keep(kind, source, values, padded) if keeps_quantity else None
    if kept is not None:
        return kept
    if kind.mapped:
        return _power_of_ten(kind, source, values, padded, step)
    if kind is Rescale.SLOPE:
        return for_instance(values, padded)
    return None if kind is Rescale.INSTANCE else for_range(values, padded)


def _fit(rescale: tuple[float, float], source: SourceEncoding, values: Range, padded: bool) -> Encoding | None:
    """Encoding with this slope and intercept, the source's sign first; None if the values do not fit."""
    for signed in (source.signed, not source.signed):
        encoding = Encoding(decimal(rescale[0]), decimal(rescale[1]), signed, bits=source.bits)
        if padded:
            encoding = replace(encoding, padding=_padding(encoding, source))
        if encoding.holds(values):
            return encoding
    return None


def _padding(encoding: Encoding, source: SourceEncoding) -> int:
    """Stored value for padding: the source's where it can be stored, else the lowest there is."""
    low, high = encoding.bounds
    if source.padding is not None and low <= source.padding <= high:
        return source.padding
    return low


def _finest_exponent(source: SourceEncoding) -> int:
    """Power of ten that is at least as fine as the steps of the source."""
    return math.floor(math.log10(min(map(abs, source.slopes))) + 1e-9)


def _tens(kind: Rescale, exponent: int, source: SourceEncoding, values: Range, padded: bool) -> Encoding | None:
    """Encoding with the slope 10**n; None if the values do not fit."""
    slope = 10.0**exponent
    return (
        _offset(slope, source, values, padded) if kind is Rescale.OFFSET else _fit((slope, 0.0), source, values, padded)
    )


def _offset(slope: float, source: SourceEncoding, values: Range, padded: bool) -> Encoding | None:
    """Unsigned encoding; where there is something below 0, this is stored as the least power of two that has room."""
    below = -math.floor(values[0] / slope + 1e-9)
    zero = 1 << (below + padded - 1).bit_length() if below > 0 else 0
    encoding = Encoding(decimal(slope), decimal(-zero * slope), False, bits=source.bits)
    if padded:
        encoding = replace(encoding, padding=_padding(encoding, source))
    return encoding if encoding.holds(values) else None


def _power_of_ten(
    kind: Rescale, source: SourceEncoding, values: Range, padded: bool, step: float | None = None
) -> Encoding:
    """Encoding with the finest slope 10**n that holds the range; of unsigned ones none that is finer than needed."""
    widest = max(abs(values[0]), abs(values[1]))
    exponent = math.floor(math.log10(widest / (1 << source.bits))) if widest > 0 else 0
    if step and kind is Rescale.OFFSET:
        exponent = max(exponent, math.floor(math.log10(step) + 1e-9))
    while True:
        encoding = _tens(kind, exponent, source, values, padded)
        if encoding is not None:
            return encoding
        exponent += 1

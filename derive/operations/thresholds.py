"""Values within bounds, and those outside of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from derive.errors import UsageError
from derive.model.derivation import GeometryEffect, ValuesEffect, short_text_of
from derive.model.volume import Array, SliceBySlice, Volume
from derive.operations.declaration import operation

Bounds = tuple[float, float]


def _by_value(_: Mapping[str, Any]) -> bool:
    """Every value is made of itself: no slice looks at another."""
    return True


def _shown(given: Mapping[str, Any]) -> str:
    """Bounds as a list of series shows them: ``-100..400``, ``..400``."""
    low, high = given["low"], given["high"]
    return f"{'' if low is None else short_text_of(low)}..{'' if high is None else short_text_of(high)}"


def _short(given: Mapping[str, Any]) -> str:
    """Bounds, and what becomes of the values where that is not the usual."""
    usual = {"inside": "keep", "outside": "fill"}
    said = [f"{name} {short_text_of(given[name])}" for name, word in usual.items() if given[name] != word]
    return " ".join(["threshold", _shown(given), *said])


@operation(
    "VolumeEditing",
    GeometryEffect.KEEPS_GRID,
    ValuesEffect.KEEPS_QUANTITY,
    trial=lambda geometry: {"low": 0.0},
    example={"low": 150, "high": 3000},
    short=_short,
    in_planes=_by_value,
    mixes=lambda given: False,
)
def threshold(
    volume: Volume,
    *,
    low: float | None = None,
    high: float | None = None,
    outside: float | Literal["keep", "fill", "padding"] = "fill",
    inside: float | Literal["keep", "fill", "padding"] = "keep",
) -> Volume:
    """Keep the values between two bounds, or those outside of them.

    The bounds themselves are inside. Pixel padding is neither, and stays padding.

    Parameters
    ----------
    volume : Volume
    low : float, optional
        The least value inside, in the units of the values; without it there is none.
    high : float, optional
        The largest one.
    outside : float or {"keep", "fill", "padding"}
        What becomes of values outside: fill is -1000 in CT, 0 in MR and PET.
    inside : float or {"keep", "fill", "padding"}
        What becomes of values inside.

    Raises
    ------
    UsageError
        ``OP-BOUNDS`` without a bound, with one that is not finite, or with a low one above the high one;
        ``OP-REPLACED`` unless some values are kept and some are not: what keeps none is a mask, and no image of what
        was measured. ``OP-FILL`` for a value that is not finite.
    """
    bounds = _checked(low, high)
    kept = inside == "keep", outside == "keep"
    if kept[0] == kept[1]:
        found = "all values are kept" if kept[0] else "no value is kept, which makes a mask (apply, with units)"
        raise UsageError("OP-REPLACED", f"inside {inside}, outside {outside}: {found}; wanted one of both to be keep")
    value = _replacing(volume, outside if kept[0] else inside)

    def pull(first: int, last: int) -> Array:
        values = volume.slab(first, last)
        within = (values >= bounds[0]) & (values <= bounds[1])
        return np.where(np.isnan(values) | (within == kept[0]), values, np.float32(value))

    padded = volume.quantity.padded or math.isnan(value)
    span = _span(volume.value_range, bounds if kept[0] else (-math.inf, math.inf), value)
    return replace(volume, pull=SliceBySlice(pull), quantity=replace(volume.quantity, padded=padded), value_range=span)


@operation(
    "VolumeEditing",
    GeometryEffect.KEEPS_GRID,
    ValuesEffect.KEEPS_QUANTITY,
    trial=lambda geometry: {"low": 0.0},
    example={"low": -1024, "high": 3071},
    short=lambda given: f"clip {_shown(given)}",
    in_planes=_by_value,
    mixes=lambda given: False,
)
def clip(volume: Volume, *, low: float | None = None, high: float | None = None) -> Volume:
    """Bring values that lie outside of two bounds to the nearer of them.

    Pixel padding stays padding.

    Parameters
    ----------
    volume : Volume
    low : float, optional
        The least value that there will be, in the units of the values.
    high : float, optional
        The largest one.

    Raises
    ------
    UsageError
        ``OP-BOUNDS`` without a bound, with one that is not finite, or with a low one above the high one.
    """
    bounds = _checked(low, high)

    def pull(first: int, last: int) -> Array:
        return np.clip(volume.slab(first, last), np.float32(bounds[0]), np.float32(bounds[1]))

    known = volume.value_range
    low_end, high_end = (min(max(end, bounds[0]), bounds[1]) for end in known or bounds)
    return replace(volume, pull=SliceBySlice(pull), value_range=known and (low_end, high_end))


def _checked(low: float | None, high: float | None) -> Bounds:
    """Return the bounds, infinite where there is none."""
    given = [b for b in (low, high) if b is not None]
    if not given or not all(map(math.isfinite, given)) or given != sorted(given):
        raise UsageError(
            "OP-BOUNDS", f"low {low}, high {high}; wanted one or both, finite, the low one not above the other"
        )
    return _rounded(-math.inf if low is None else low), _rounded(math.inf if high is None else high)


def _rounded(value: float) -> float:
    """Return a number as the values have it."""
    return float(np.float32(value))


def _replacing(volume: Volume, word: float | str) -> float:
    """Return what stands for values that are not kept; NaN for padding."""
    words = {"fill": volume.quantity.fill, "padding": math.nan}
    value = words.get(word) if isinstance(word, str) else word
    if value is None or (word != "padding" and not math.isfinite(value)):
        raise UsageError("OP-FILL", f"{word!r:.40}; wanted a finite number, keep, fill or padding")
    return _rounded(value)


def _span(known: Bounds | None, kept: Bounds, value: float) -> Bounds | None:
    """Bounds of the result: of what is kept, and what stands for the rest."""
    if known is None:
        return None
    low, high = max(known[0], kept[0]), min(known[1], kept[1])
    ends = [*([low, high] if low <= high else []), *([] if math.isnan(value) else [value])]
    return (min(ends), max(ends)) if ends else known

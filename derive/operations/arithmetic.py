"""Arithmetic of several series, pixel by pixel, in real-world values: what is padding in any of them stays padding."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, TypeVar

import numpy as np

from derive.errors import UsageError, ValuesError
from derive.model.derivation import GeometryEffect, ValuesEffect
from derive.model.volume import Array, Quantity, Volume, shown_units
from derive.operations.declaration import operation
from derive.operations.kit.others import Align, Others, aligned, refuse_other_units
from derive.operations.kit.pixelwise import by_pixel, combined
from derive.operations.kit.scales import UNITLESS, on_no_scale
from derive.told.wording import flag

F = TypeVar("F", bound=Callable[..., Volume])
Range = tuple[float, float] | None

OTHERS = """series : SourceSeries, or a sequence of them
    {series}: of the same patient, and in the same frame of reference.
align : {{"geometry", "resample"}}
    Whether it has to lie on the grid of the first within 0.01 mm, or is interpolated on it.
"""
RAISES = """
Raises
------
SourceError
    ``SRC-PATIENT`` for a series of another patient.
GeometryError
    ``GEO-FOR`` for another frame of reference, ``GEO-GRID`` for another grid, ``GEO-OVERLAP`` for one that lies
    elsewhere, ``GEO-4D`` for other volumes.
ValuesError
    ``VAL-UNITS`` for other units.
"""


def _of_several(series: str) -> Callable[[F], F]:
    """Say of an operation what holds for all of them."""

    def said(function: F) -> F:
        doc = inspect.getdoc(function) or ""
        head, _, own = doc.partition("\n\nParameters\n----------\nvolume : Volume")
        function.__doc__ = (
            f"{head}\n\nParameters\n----------\nvolume : Volume\n{OTHERS.format(series=series)}{own.strip()}\n{RAISES}"
        )
        return function

    return said


def _never(_: Mapping[str, Any]) -> bool:
    """Say no: no value is made of neighbours."""
    return False


@operation(
    "PixelByPixelAddition",
    GeometryEffect.KEEPS_GRID,
    ValuesEffect.NEW_QUANTITY,
    terms={"ImageType": "ADDITION"},
    in_planes=by_pixel,
)
@_of_several("What is added")
def add(volume: Volume, series: Others, *, align: Align = "geometry") -> Volume:
    """Add other series to one.

    Parameters
    ----------
    volume : Volume
    """
    others = aligned(volume, series, align)
    refuse_other_units("add", volume.quantity, others)
    quantity = on_no_scale(volume.quantity, (other.quantity for other in others))
    return combined((volume, *others), lambda slabs: functools.reduce(np.add, slabs), quantity, _sum)


@operation(
    "PixelByPixelMultiplication",
    GeometryEffect.KEEPS_GRID,
    ValuesEffect.NEW_QUANTITY,
    terms={"ImageType": "MULTIPLICATION"},
    in_planes=by_pixel,
)
@_of_several("Factors")
def multiply(volume: Volume, series: Others, *, align: Align = "geometry", units: str | None = None) -> Volume:
    """Multiply a series by others.

    Parameters
    ----------
    volume : Volume
    units : str, optional
        Units of the product, a UCUM code; needed where two factors have some.
    """
    factors = (volume, *aligned(volume, series, align))
    quantity = _of_ratio(volume.quantity, units or _units_of_product(factors))
    return combined(factors, lambda slabs: functools.reduce(np.multiply, slabs), quantity, None)


@operation(
    "PixelByPixelDivision",
    GeometryEffect.KEEPS_GRID,
    ValuesEffect.NEW_QUANTITY,
    terms={"ImageType": "DIVISION"},
    in_planes=by_pixel,
)
@_of_several("Divisors")
def divide(volume: Volume, series: Others, *, align: Align = "geometry", units: str | None = None) -> Volume:
    """Divide a series by others; where a divisor is 0 there is pixel padding.

    Parameters
    ----------
    volume : Volume
    units : str, optional
        Units of the ratio, a UCUM code; 1 where both have the same.
    """
    others = aligned(volume, series, align)
    if units is None and len(others) == 1 and others[0].quantity.units == UNITLESS:
        units = volume.quantity.units
    if units is None:
        if len(others) > 1:
            raise ValuesError("VAL-UNITS", f"divide: several divisors; say what comes out: {flag('units', 'UNITS')}")
        refuse_other_units("divide", volume.quantity, others)
    quantity = replace(_of_ratio(volume.quantity, units or UNITLESS), padded=True)
    return combined((volume, *others), _quotient, quantity, None)


@operation(
    "PixelByPixelMean",
    GeometryEffect.KEEPS_GRID,
    ValuesEffect.KEEPS_QUANTITY,
    terms={"ImageType": "MEAN"},
    in_planes=by_pixel,
)
@_of_several("The others")
def mean(
    volume: Volume, series: Others, *, align: Align = "geometry", weights: tuple[float, ...] | None = None
) -> Volume:
    """Return the mean of several series.

    Parameters
    ----------
    volume : Volume
    weights : numbers, optional
        How much each series counts, the first one first; equally without.
    """
    all_of_them = (volume, *aligned(volume, series, align))
    refuse_other_units("mean", volume.quantity, all_of_them[1:])
    said = np.array(weights if weights is not None else [1.0] * len(all_of_them), float)
    if said.shape != (len(all_of_them),) or not np.isfinite(said).all() or (said < 0).any() or said.sum() <= 0:
        raise UsageError(
            "OP-WEIGHTS", f"weights {weights}; wanted {len(all_of_them)} numbers from 0 on, not all 0, one a series"
        )
    shares = (said / said.sum()).astype(np.float32)

    def combine(slabs: Sequence[Array]) -> Array:
        return functools.reduce(np.add, (share * slab for share, slab in zip(shares, slabs, strict=True)))

    return combined(all_of_them, combine, volume.quantity, _span)


@operation(
    "PixelByPixelMaximum",
    GeometryEffect.KEEPS_GRID,
    ValuesEffect.KEEPS_VALUES,
    terms={"ImageType": "MAXIMUM"},
    in_planes=by_pixel,
    mixes=_never,
)
@_of_several("The others")
def maximum(volume: Volume, series: Others, *, align: Align = "geometry") -> Volume:
    """Return the largest value of several series.

    Parameters
    ----------
    volume : Volume
    """
    others = aligned(volume, series, align)
    refuse_other_units("maximum", volume.quantity, others)
    return combined((volume, *others), lambda slabs: functools.reduce(np.maximum, slabs), volume.quantity, _span)


@operation(
    "PixelByPixelMinimum",
    GeometryEffect.KEEPS_GRID,
    ValuesEffect.KEEPS_VALUES,
    terms={"ImageType": "MINIMUM"},
    in_planes=by_pixel,
    mixes=_never,
)
@_of_several("The others")
def minimum(volume: Volume, series: Others, *, align: Align = "geometry") -> Volume:
    """Return the smallest value of several series.

    Parameters
    ----------
    volume : Volume
    """
    others = aligned(volume, series, align)
    refuse_other_units("minimum", volume.quantity, others)
    return combined((volume, *others), lambda slabs: functools.reduce(np.minimum, slabs), volume.quantity, _span)


@operation(
    "PixelByPixelMask",
    GeometryEffect.KEEPS_GRID,
    ValuesEffect.KEEPS_VALUES,
    terms={"ImageType": "MASKED"},
    purpose="MaskImageForImageProcessingOperation",
    in_planes=by_pixel,
    mixes=_never,
)
def mask(
    volume: Volume,
    series: Others,
    *,
    align: Align = "geometry",
    outside: float | Literal["fill", "padding"] = "fill",
    inverted: bool = False,
    threshold: float | None = None,
    segment: str | None = None,
) -> Volume:
    """Keep what lies in a mask: where it is larger than a threshold, 0 unless another is said.

    Where a mask has no value, or is not, is outside. On another grid the nearest voxel of the mask counts.

    Parameters
    ----------
    volume : Volume
    series : SourceSeries, Segmentation or Volume, or a sequence of them
        The mask; several are one, which is where all of them are.
    align : {"geometry", "resample"}
        Whether it has to lie on the grid of the first within 0.01 mm, or is interpolated on it.
    outside : float, "fill" or "padding"
        What stands outside: a number, -1000 in CT and 0 in MR and PET (fill), or pixel padding.
    inverted : bool
        Whether what lies in the mask goes, and the rest stays.
    threshold : float, optional
        What a value of the mask is larger than where it holds; of a fractional segmentation the fraction, which has to
        be said.
    segment : str, optional
        Of a DICOM Segmentation the number, label or code of a segment, or several between commas, which are one; all
        without.

    Raises
    ------
    SourceError
        ``SRC-PATIENT`` for a series of another patient.
    GeometryError
        ``GEO-FOR``, ``GEO-GRID``, ``GEO-OVERLAP``, ``GEO-4D`` as for ``subtract``.
    UsageError
        ``OP-FILL``, ``OP-SEGMENT``, ``OP-THRESHOLD``
    """
    masks = aligned(volume, series, align, interpolator="nearest")
    value = {"fill": volume.quantity.fill, "padding": float("nan")}.get(str(outside), outside)
    if isinstance(value, str) or (not np.isfinite(value) and outside != "padding"):
        raise UsageError("OP-FILL", f"outside {outside!r}; wanted a finite number, 'fill' or 'padding'")

    def combine(slabs: Sequence[Array]) -> Array:
        inside = functools.reduce(np.logical_and, (slab > (threshold or 0.0) for slab in slabs[1:])) ^ inverted
        return np.where(inside, slabs[0], np.float32(value))

    quantity = replace(volume.quantity, padded=volume.quantity.padded or outside == "padding")
    known = volume.value_range
    span = known and (known if outside == "padding" else (min(known[0], value), max(known[1], value)))
    return replace(combined((volume, *masks), combine, quantity, None), value_range=span, quantity=quantity)


def _quotient(slabs: Sequence[Array]) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        found = functools.reduce(np.divide, slabs)
    zero = functools.reduce(np.logical_or, (slab == 0 for slab in slabs[1:]))
    return np.where(zero, np.float32(np.nan), found)


def _sum(ranges: Sequence[tuple[float, float]]) -> tuple[float, float]:
    return sum(r[0] for r in ranges), sum(r[1] for r in ranges)


def _span(ranges: Sequence[tuple[float, float]]) -> tuple[float, float]:
    return min(r[0] for r in ranges), max(r[1] for r in ranges)


def _units_of_product(factors: Sequence[Volume]) -> str:
    having = [f.quantity.units for f in factors if f.quantity.units != UNITLESS]
    if len(having) > 1:
        told = " and".join(shown_units(u) for u in having)
        raise ValuesError("VAL-UNITS", f"multiply: factors in{told}; say what comes out: {flag('units', 'UNITS')}")
    return having[0] if having else UNITLESS


def _of_ratio(quantity: Quantity, units: str) -> Quantity:
    """Return a quantity in other units: what lies outside of the measured field is 0, unless they are the same."""
    return replace(quantity.unnamed(), step=None, cyclic=False) if units == quantity.units else Quantity(units)

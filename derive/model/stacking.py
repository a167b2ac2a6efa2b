"""A source series as a volume: decoded on demand, slab by slab, in real-world values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from derive import parallel, standard
from derive.errors import GeometryError, ValuesError
from derive.model.classes import Target, target_of
from derive.model.colours import Colours
from derive.model.dimension import Dimension, dimensions_told
from derive.model.frames import Volumes
from derive.model.geometry import Geometry
from derive.model.mapping import item_of_values
from derive.model.masking import cine_of
from derive.model.quantity_said import quantity_in, units_in
from derive.model.reference import of_principal
from derive.model.source_frame import SourceFrame, real_world_values
from derive.model.volume import Array, Quantity, SliceBySlice, Volume
from derive.pixels.encode import GREY_16, NUMBERS, PixelFormat
from derive.told.secrecy import shown_term
from derive.told.wording import counted, flag


class Stackable(Protocol):
    """What frames are stacked of: a series, which gives its volume by this module."""

    @property
    def geometry(self) -> Geometry:
        """Where the frames are."""

    @property
    def frames(self) -> Sequence[SourceFrame]:
        """Its frames, in spatial order."""

    @property
    def sop_class_uid(self) -> str:
        """SOP Class of the instances that hold them."""

    def value(self, keyword: str, index: int | None = None) -> Any:
        """Return what frame `index` says, decoded; None without."""

    def text(self, keyword: str, index: int | None = None) -> str:
        """Return the same as text; empty without."""

    def values(self, keyword: str) -> list[Any]:
        """Return what every frame says."""

    @property
    def dimensions(self) -> tuple[Dimension, ...]:
        """What tells its volumes apart; none of a single one."""

    @property
    def uneven(self) -> GeometryError | None:
        """Why its slices are no even stack."""


def refuse_uneven(series: Stackable) -> None:
    """Refuse a series whose slices are no even stack, as it says itself.

    Raises
    ------
    GeometryError
        ``GEO-TILT``, ``GEO-GAP``, ``GEO-SPACING``
    """
    if series.uneven is not None:
        raise GeometryError(series.uneven.code, series.uneven.message, **series.uneven.facts)


def refuse_unplaced(series: Stackable) -> None:
    """Refuse a place that nobody said: files of volumes say of every voxel where in the scanner it is.

    *2026-12-01.* NIfTI has a code for a space that is not known (0); most readers take its affine for one of the
    patient all the same, and nibabel makes another one. Frames of a cine and views have no thickness either.

    Raises
    ------
    GeometryError
        ``GEO-UNPLACED``
    """
    if not series.geometry.in_patient:
        raise GeometryError(
            "GEO-UNPLACED",
            "the images do not say where in the patient they lie, and a file of a volume says that of every voxel; "
            "wanted a series of slices. Python has their values (derive.read)",
        )


def stack(series: Stackable) -> Volume:
    """Stack the images of a series that is one volume; nothing is decoded before it is asked for.

    Returns
    -------
    Volume
        CT in HU (or what Rescale Type says), PET in its Units (0054,1001), MR in the units of its Real
        World Value Mapping where that is its rescale, else ``1``. Pixel padding is NaN.

    Raises
    ------
    ValuesError
        ``VAL-UNITS`` if the images are in different units, or PET does not state them.
    GeometryError
        ``GEO-4D`` for a series of several volumes: :func:`stacked` gives them all. ``GEO-TILT``, ``GEO-GAP``,
        ``GEO-SPACING`` for slices that are no even stack.
    """
    volumes = stacked(series).volumes
    if len(volumes) > 1:
        raise GeometryError(
            "GEO-4D",
            f"the series has {counted(len(volumes), 'volume')} by {dimensions_told(series.dimensions)}, and one is "
            f"wanted: {flag('volumes', 'N')}",
        )
    return volumes[0]


def stacked(series: Stackable, *, uneven: bool = False) -> Volumes:
    """Stack the frames of a series, volume by volume, as :func:`stack` does.

    Parameters
    ----------
    series : SourceSeries
    uneven : bool
        Whether slices are wanted too that are no even stack along their normal.
    """
    if not uneven:
        refuse_uneven(series)
    if in_colours(series):
        raise ValuesError(
            "VAL-COLOUR",
            "the images are in colours, which are no values of a quantity; what is done to colours takes their samples "
            "one by one (SourceSeries.colours)",
        )
    return _stacked(series)


def in_colours(series: Stackable) -> bool:
    """Whether the images of a series are in colours."""
    return any(frame.colour for frame in series.frames)


def coloured(series: Stackable, *, uneven: bool = False) -> Colours:
    """Stack the frames of a series in colours, volume by volume, as :func:`stacked` does.

    Raises
    ------
    ValuesError
        ``VAL-COLOUR`` for a series that is not, or only partly.
    GeometryError
        As :func:`stack`.
    """
    if not uneven:
        refuse_uneven(series)
    if not all(frame.colour for frame in series.frames):
        raise ValuesError("VAL-COLOUR", "the images, or some of them, are grey; colours were asked for")
    slices = series.geometry.shape[0]

    def pull(begin: int, first: int, last: int) -> NDArray[np.uint8]:
        frames = series.frames[begin + first : begin + last]
        return np.stack(parallel.each(lambda frame: frame.stored_values(), frames))

    pulls = [partial(pull, begin) for begin in range(0, len(series.frames), slices)]
    return Colours.of(_stacked(series), pulls)


def _stacked(series: Stackable) -> Volumes:
    count = len(series.frames) // series.geometry.shape[0]
    quantity = quantity_of(series)
    volumes = tuple(_volume(series, v, quantity) for v in range(count))
    durations = _durations(series) if count > 1 else ()
    cine = None if series.geometry.in_patient else cine_of(series)
    return Volumes(volumes, series.dimensions, durations, cine, format=_format(series))


def _format(series: Stackable) -> PixelFormat:
    """Return how the values are stored: as they are, in a class that holds such, or in 16 bits."""
    target, bits = target_of(series.sop_class_uid), series.value("BitsAllocated")
    floating = target.named and series.value("BitsStored") is None
    plain = "int8" in target.stored.split("|") and all(f.rescale == (1.0, 0.0) for f in series.frames)
    kinds = (form for form in NUMBERS.values() if (floating and form.floating) or (plain and not form.floating))
    return next((form for form in kinds if form.bits == bits), GREY_16)


def _volume(series: Stackable, number: int, quantity: Quantity) -> Volume:
    """Stack one of several volumes: what its numbers can be follows from its own frames, as if it were alone."""
    begin = number * series.geometry.shape[0]
    frames = series.frames[begin : begin + series.geometry.shape[0]]

    def pull(first: int, last: int) -> Array:
        slab = np.empty((last - first, *series.geometry.shape[1:]), dtype=np.float32)

        def read(index: int) -> None:
            real_world_values(series.frames[begin + first + index], out=slab[index])

        parallel.each(read, range(last - first))
        return slab

    return Volume(
        series.geometry,
        pull=SliceBySlice(pull),
        contributors=lambda index: of_principal([begin + index]),
        quantity=replace(quantity, padded=_padded(frames), step=_step(frames)),
        value_range=_value_range(frames),
    )


def _durations(series: Stackable) -> tuple[float, ...]:
    """Return for how long events were counted for each volume, ms; nothing where any of its images says another one."""
    keyword = target_of(series.sop_class_uid).duration
    said = [float(v or 0) for v in series.values(keyword)] if keyword else []
    slices = series.geometry.shape[0]
    each = [set(said[begin : begin + slices]) for begin in range(0, len(said), slices)]
    known = all(len(found) == 1 and min(found) > 0 for found in each)
    return tuple(found.pop() for found in each) if known else ()


def quantity_of(series: Stackable) -> Quantity:
    """Units, fill and padding of a series."""
    target = target_of(series.sop_class_uid)
    units = (_one(series, target.units_keyword) or target.units) if target.units_keyword else _mapped_units(series)
    if not units:
        raise ValuesError(
            "VAL-UNITS",
            f"the images do not state their {target.units_keyword}. A person can say it: "
            f"{flag('assume', f'{target.units_keyword}=VALUE')}",
            keyword=target.units_keyword,
        )
    fill = target.fill if units == target.units else 0.0
    found = Quantity(units, fill, _padded(series.frames), _step(series.frames), cyclic=_cyclic(series, target))
    item = None if target.units_keyword else _item_of(series, 0)
    return found if item is None else quantity_in(item, found)


def _padded(frames: Sequence[SourceFrame]) -> bool:
    return any(f.padding is not None for f in frames)


def _step(frames: Sequence[SourceFrame]) -> float:
    return min(abs(f.rescale[0]) for f in frames)


def _cyclic(series: Stackable, target: Target) -> bool:
    """Whether any image is of a phase, as far as Image Type says it."""
    said = {tuple(value or ()) for value in series.values("ImageType")} if target.cyclic else set()
    return any(term.strip() in target.cyclic for values in said for term in values[2:])


def _one(series: Stackable, keyword: str) -> str:
    values = {str(v or "") for v in series.values(keyword)}
    if len(values) > 1:
        hint = (
            f". A person can say it where it is missing: {flag('assume', f'{keyword}=VALUE')}" if "" in values else ""
        )
        raise ValuesError("VAL-UNITS", f"{keyword} differs between the images: {_units(values)}{hint}", keyword=keyword)
    return values.pop()


def _units(found: Iterable[str]) -> str:
    return ", ".join(sorted({shown_term(units, standard.known_terms() | {"1"}) for units in found}))


def _mapped_units(series: Stackable) -> str:
    """Units of the Real World Value Mapping, for MR that has no Rescale Slope."""
    units = {_units_of(series, index) for index in range(len(series.frames))}
    if len(units) > 1:
        raise ValuesError("VAL-UNITS", f"the images are in different units: {_units(units)}")
    return units.pop()


def _units_of(series: Stackable, index: int) -> str:
    item = _item_of(series, index)
    return (units_in(item) if item is not None else "") or "1"


def _item_of(series: Stackable, index: int) -> Dataset | None:
    """Return the item of the mapping that is the rescale of an image; None where something else is, or nothing."""
    items: list[Dataset] = list(series.value("RealWorldValueMappingSequence", index) or ())
    named = target_of(series.sop_class_uid).named
    if not named and series.value("RescaleSlope", index) is not None:
        return None
    return item_of_values(items, first=named)


def _value_range(frames: Sequence[SourceFrame]) -> tuple[float, float]:
    ends = [stored * f.rescale[0] + f.rescale[1] for f in frames for stored in f.stored_range]
    return min(ends), max(ends)

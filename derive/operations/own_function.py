"""Any function of the user's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from derive.errors import GeometryError, UsageError, ValuesError
from derive.model.algorithm import Algorithm
from derive.model.derivation import Typed, short_text_of
from derive.model.geometry import Geometry
from derive.model.plausible import refuse_type
from derive.model.reference import FrameRef
from derive.model.volume import Array, Contributors, Quantity, Volume
from derive.operations.declaration import CodeText, Function, Parameters, operation
from derive.operations.kit.coding import derivation_code
from derive.operations.kit.functions import UserFunction, finite, user_function
from derive.operations.kit.grids import GridMapping
from derive.operations.kit.images import from_image, image_of
from derive.operations.kit.own_colours import applied
from derive.operations.kit.sampling import KERNELS, Sampler


class SaidOfValues(NamedTuple):
    """What a caller says of the values that a function makes, and the quantity that goes into it."""

    units: str | None
    source: Quantity

    def check(self, name: str, dtype: np.dtype[Any]) -> None:
        """Refuse a type that is none of the source's quantity, unless somebody said what the values are."""
        if not self.units:
            refuse_type(name, dtype, self.source)

    def of(self, result: Quantity, name: str) -> Quantity:
        """Return the quantity of the values: the source's made by a function, or what the caller says."""
        if not self.units:
            return replace(result, made_by=name)
        return replace(result, made_by="") if self.units == result.units else Quantity(self.units, padded=result.padded)


def unchanged(values: Array) -> Array:
    """Return what came in: a function to try with."""
    return values


def _short(given: Mapping[str, Any]) -> str:
    """What the caller calls it, else the name of the function, and its arguments."""
    if given.get("description"):
        return str(given["description"])
    function = given["function"]
    path = function if isinstance(function, str) else getattr(function, "__qualname__", type(function).__qualname__)
    name = path.rpartition(":")[2].rpartition(".")[2]
    if not name.isidentifier():  # of a function without a name
        name = derivation_code(str(given["code"])).meaning
    arguments = (given.get("parameters") or {}).items()
    return " ".join([name, *(f"{k}={shown}" for k, v in arguments if (shown := short_text_of(v)))])


@operation(
    None,
    None,
    None,
    trial=lambda geometry: {"function": unchanged, "code": "Smoothing"},
    example={"function": "package.module:name", "code": "Smoothing", "description": "bilateral, 3 mm"},
    short=_short,
    in_planes=lambda given: given["halo_slices"] == 0,
    of_colours=applied,
)
def apply(
    volume: Volume,
    *,
    function: Function,
    code: CodeText,
    description: str | None = None,
    parameters: Parameters | None = None,
    halo_slices: int | None = None,
    units: str | None = None,
    algorithm: Algorithm | None = None,
) -> Volume:
    """Apply a function of your own.

    The function takes and returns a numpy array (slice, row, column), a `derive.Volume` or a
    `SimpleITK.Image`, told apart by the annotation of its first parameter (an array when there is none),
    in real-world values, float32. What it gets is a copy. An array keeps its shape; an image or a volume
    may come back on another grid in the same frame of reference. In an array and an image the fill value
    stands where the source has pixel padding, and there padding is put back; in a volume padding is NaN,
    both ways. Of images in colours it takes and returns red, green and blue as they are: an array (slice, row,
    column, 3) of 8 unsigned bits.

    The function is called once, with the whole volume, and every source slice counts as having
    contributed, unless `halo_slices` says how far it looks. It is called when the first slice is asked
    for if it takes an array, and at once if not, since only the result tells its grid.

    A mask, and numbers from 0 to 1, are no Hounsfield units: `units` says what they are. A function of one
    series only: what it knows of a second one (a file that it reads, an array that it closes over) is
    recorded nowhere, references do not name it, and the record of the result would be untrue. Do not do
    that before derive takes several sources.

    Parameters
    ----------
    volume : Volume
    function : callable or str
        The function, or where to import it from, package.module:name.
    code : str
        What it does: a code of CID 7203 by keyword, value or meaning, or 99SCHEME:VALUE:Meaning.
    description : str, optional
        What was done, in words, for Derivation Description.
    parameters : mapping, optional
        Further arguments of the function; NAME=VALUE, repeatable, the value as JSON where it is JSON.
    halo_slices : int, optional
        How many slices away from the one it makes the function looks; it then gets a few at a time. With 0 slices
        that lean or lie unevenly stay where they are.
    units : str, optional
        Units of the result where it is another quantity: UCUM for CT and MR, Units (0054,1001) for PET.
    algorithm : Algorithm, optional
        Who computes: its name, version and maker go into Contributing Equipment Sequence.

    Raises
    ------
    UsageError
        ``OP-FUNCTION`` if it cannot be imported or called like this, ``OP-CODE``, ``OP-HALO``; ``OP-UNITS``
        if a volume comes back in other units and `units` does not say so.
    ValuesError
        ``OP-FUNCTION`` if it raises, ``OP-RESULT`` if it returns something else, ``OP-SHAPE``,
        ``VAL-NONFINITE``; ``VAL-MASK``, ``VAL-UNSIGNED`` and, when all values are known, ``VAL-HU`` for what is
        no quantity like the source's, unless `units` says what it is.
    GeometryError
        ``GEO-FOR`` if a volume comes back in another frame of reference, ``GEO-COSINES``.
    """
    derivation_code(code)
    called = user_function(function, {k: v.value if isinstance(v, Typed) else v for k, v in (parameters or {}).items()})
    said = SaidOfValues(units, volume.quantity)
    if halo_slices is not None:
        result = _slab_by_slab(volume, called, halo_slices, said)
    elif called.takes == "array":
        result = _at_first_need(volume, called, said)
    elif called.takes == "image":
        result = _image(volume, called, said)
    else:
        result = _volume(volume, called, said)
    return replace(result, quantity=said.of(result.quantity, called.name), value_range=None)


def _slab_by_slab(volume: Volume, called: UserFunction, halo: int, said: SaidOfValues) -> Volume:
    if called.takes != "array":
        raise UsageError("OP-HALO", f"{called.name} takes {called.takes}; halo_slices goes with arrays only")
    if not isinstance(halo, int) or halo < 0:
        raise UsageError("OP-HALO", f"halo_slices {halo!r}; wanted a whole number, 0 or more")
    count = volume.shape[0]

    def around(first: int, last: int) -> tuple[int, int]:
        return max(0, first - halo), min(count, last + halo)

    def pull(first: int, last: int) -> Array:
        start, stop = around(first, last)
        return called.of_array(volume.slab(start, stop), volume.quantity.fill, said.check)[first - start : last - start]

    def contributors(index: int) -> tuple[FrameRef, ...]:
        return volume.contributors_of(range(*around(index, index + 1)))

    return replace(volume, pull=pull, contributors=contributors)


def _at_first_need(volume: Volume, called: UserFunction, said: SaidOfValues) -> Volume:
    @cache
    def whole() -> Array:
        return called.of_array(volume.array, volume.quantity.fill, said.check)

    return replace(volume, pull=lambda first, last: whole()[first:last], contributors=_everything(volume))


def _image(volume: Volume, called: UserFunction, said: SaidOfValues) -> Volume:
    import SimpleITK

    image = called(image_of(volume.filled(), volume.geometry))
    if not isinstance(image, SimpleITK.Image):
        raise _wrong(called, image, "a SimpleITK.Image")
    values, grid = from_image(image, volume.geometry.frame_of_reference_uid)
    geometry = _kept(grid, volume.geometry)
    said.check(called.name, values.dtype)
    result = finite(called.name, values, _padding(volume, geometry))
    return _computed(volume, Volume.from_array(result, geometry, volume.quantity))


def _padding(volume: Volume, geometry: Geometry) -> NDArray[np.bool_]:
    """Which voxels of a grid have padding for their nearest source voxel."""
    padding = np.isnan(volume.array)
    if geometry is volume.geometry:
        return padding
    mask = Volume.from_array(padding, volume.geometry)
    sampler = Sampler(mask, GridMapping.between(geometry, volume.geometry), KERNELS["nearest"], outside=0.0)
    return sampler.pull(0, geometry.shape[0]) > 0


def _volume(volume: Volume, called: UserFunction, said: SaidOfValues) -> Volume:
    copy = Volume.from_array(volume.array, volume.geometry, volume.quantity)
    result = called(copy)
    if not isinstance(result, Volume):
        raise _wrong(called, result, "a derive.Volume")
    found, wanted = (v.geometry.frame_of_reference_uid for v in (result, volume))
    if found != wanted:
        raise GeometryError(
            "GEO-FOR",
            f"{called.name} returned a volume in Frame of Reference {found or 'absent'}; "
            f"wanted that of the source, {wanted or 'absent'}",
        )
    if result.quantity.units not in (volume.quantity.units, said.units):
        raise UsageError(
            "OP-UNITS",
            f"{called.name} returned values in {result.quantity.units!r}, of a source in "
            f"{volume.quantity.units!r}; give units={result.quantity.units!r}",
        )
    values = finite(called.name, result.array, np.isnan(result.array))
    geometry = _kept(result.geometry, volume.geometry)
    return _computed(volume, Volume.from_array(values, geometry, result.quantity))


def _wrong(called: UserFunction, result: object, wanted: str) -> ValuesError:
    found = type(result).__name__
    return ValuesError("OP-RESULT", f"{called.name} takes {wanted} and returned {found}; wanted the same")


def _kept(grid: Geometry, source: Geometry) -> Geometry:
    """Return the source's geometry, with its positions as read, where the grid is still that one."""
    if not grid.same_grid(source):
        return grid
    return source if grid.slice_thickness is None else replace(source, slice_thickness=grid.slice_thickness)


def _computed(volume: Volume, result: Volume) -> Volume:
    return replace(result, contributors=_everything(volume))


def _everything(volume: Volume) -> Contributors:
    @cache
    def everything() -> tuple[FrameRef, ...]:
        return volume.contributors_of(range(volume.shape[0]))

    return lambda index: everything()

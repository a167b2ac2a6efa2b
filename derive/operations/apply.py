"""Any function of the user's."""

from __future__ import annotations

import importlib
import inspect
import typing
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from derive.errors import DeriveError, UsageError, ValuesError
from derive.operations._images import geometry_of, image_of, right_handed
from derive.operations.declaration import CodeText, Function, Parameters, operation
from derive.volume import Array, Volume


@operation(None, None, None)
def apply(
    volume: Volume,
    function: Function,
    code: CodeText,
    description: str | None = None,
    parameters: Parameters | None = None,
    halo_slices: int | None = None,
    units: str | None = None,
) -> Volume:
    """Apply a function of your own.

    The function takes and returns a numpy array (slice, row, column), a `derive.Volume` or a
    `SimpleITK.Image`, told apart by the annotation of its first parameter (an array when there is none),
    in real-world values, float32. An array and an image have the fill value where the source has pixel
    padding, and are padding again there afterwards if the grid is kept; in a `derive.Volume` padding is
    NaN, both ways. The function gets the whole volume and every source slice counts as having contributed,
    unless `halo_slices` says how far it looks.

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
        How many slices away from the one it makes the function looks; it is then given a few slices at a time.
    units : str, optional
        The result is another quantity, in these units: UCUM for CT and MR, a term of Units (0054,1001) for PET.

    Raises
    ------
    UsageError
        ``OP-FUNCTION`` if it cannot be imported or called like this, ``OP-HALO``.
    ValuesError
        ``OP-FAILED`` if it raises, ``OP-RESULT`` if it returns something else, ``OP-SHAPE``, ``VAL-NONFINITE``.
    """
    called = _Called(_callable(function), dict(parameters or {}))
    if halo_slices is not None:
        result = _slab_by_slab(volume, called, halo_slices)
    elif called.kind is np.ndarray:
        result = _whole_array(volume, called)
    else:
        result = _whole_object(volume, called)
    quantity = result.quantity if units is None else replace(result.quantity, units=units, fill=0.0)
    return replace(result, quantity=quantity, value_range=None)


class _Called:
    """The user's function with its arguments, and what it wants."""

    def __init__(self, function: Callable[..., Any], arguments: Mapping[str, Any]) -> None:
        self.function = function
        self.arguments = arguments
        self.name = getattr(function, "__name__", type(function).__name__)
        self.kind = _kind(function)
        try:
            inspect.signature(function).bind(None, **arguments)
        except TypeError as error:
            raise UsageError("OP-FUNCTION", f"{self.name} cannot be called with {sorted(arguments)}: {error}") from None
        except ValueError:  # a built-in function without a signature
            pass

    def __call__(self, value: Any) -> Any:
        try:
            result = self.function(value, **self.arguments)
        except DeriveError:
            raise
        except Exception as error:
            raise ValuesError("OP-FAILED", f"{self.name} raised {type(error).__name__}; see its cause") from error
        if not isinstance(result, self.kind):
            raise ValuesError(
                "OP-RESULT", f"{self.name} returned {type(result).__name__}; wanted {self.kind.__name__}, as it takes"
            )
        return result

    def array(self, values: Array, fill: float) -> Array:
        """Call it with an array that has no padding; make padding again what was padding."""
        padding = np.isnan(values)
        given = np.where(padding, np.float32(fill), values)
        result = np.asarray(self(given))
        if result.shape != values.shape:
            raise ValuesError("OP-SHAPE", f"{self.name} returned shape {result.shape}; wanted {values.shape}")
        return _finite(self.name, result, padding)


def _finite(name: str, result: Any, padding: Any) -> Array:
    if result.dtype.kind not in "fiub":
        raise ValuesError("OP-RESULT", f"{name} returned values of type {result.dtype}; wanted real numbers")
    values = result.astype(np.float32)
    bad = int(np.count_nonzero(~np.isfinite(values) & ~padding))
    if bad:
        raise ValuesError("VAL-NONFINITE", f"{name} returned {bad} values that are not finite; none can be stored")
    values[padding] = np.nan
    return values


def _callable(function: Function) -> Callable[..., Any]:
    if callable(function):
        return function
    module, colon, name = str(function).partition(":")
    if not (module and colon and name):
        raise UsageError("OP-FUNCTION", f"{function!r}; wanted package.module:name")
    try:
        found: Any = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise UsageError("OP-FUNCTION", f"{function} cannot be imported: {error}") from error
    if not callable(found):
        raise UsageError("OP-FUNCTION", f"{function} is {type(found).__name__}, which cannot be called")
    return typing.cast(Callable[..., Any], found)


def _kind(function: Callable[..., Any]) -> type:
    """What the function takes: Volume, SimpleITK.Image, or an array, by the annotation of its first parameter."""
    try:
        first = next(iter(inspect.signature(function).parameters.values()))
    except (ValueError, StopIteration):
        return np.ndarray
    annotation = first.annotation
    if isinstance(annotation, str):
        try:
            annotation = typing.get_type_hints(function).get(first.name, annotation)
        except NameError:
            pass
    name = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", "")
    if annotation is Volume or str(name).endswith("Volume"):
        return Volume
    module = getattr(annotation, "__module__", "")
    if str(name).rpartition(".")[2] == "Image" and (module.startswith("SimpleITK") or isinstance(annotation, str)):
        import SimpleITK as sitk  # noqa: N813, PLC0415 - heavy

        return sitk.Image
    return np.ndarray


def _whole_array(volume: Volume, called: _Called) -> Volume:
    """Called once, when the first slice is asked for."""
    kept: list[Array] = []

    def pull(first: int, last: int) -> Array:
        if not kept:
            kept.append(called.array(volume.array, volume.quantity.fill))
        return kept[0][first:last]

    return replace(volume, pull=pull, contributors=_everything(volume))


def _whole_object(volume: Volume, called: _Called) -> Volume:
    """Called at once: only the result tells its grid."""
    if called.kind is Volume:
        copy = Volume.from_array(np.array(volume.array), volume.geometry, volume.quantity)
        result: Volume = called(copy)
        _same_space(called.name, result.geometry.frame_of_reference_uid, volume)
        computed = Volume.from_array(result.array, result.geometry, volume.quantity)
    else:
        image = right_handed(called(image_of(volume.filled(), replace(volume.geometry, measured_positions=None))))
        computed = _from_image(volume, called.name, image)
    return replace(computed, contributors=_everything(volume))


def _from_image(volume: Volume, name: str, image: Any) -> Volume:
    import SimpleITK as sitk  # noqa: N813, PLC0415 - heavy

    geometry = geometry_of(image, volume.geometry)
    kept = geometry is volume.geometry
    values = sitk.GetArrayFromImage(image)
    if values.ndim != 3:
        raise ValuesError("OP-RESULT", f"{name} returned an image of shape {values.shape}; wanted one value a voxel")
    padding = np.isnan(volume.array) if kept else np.zeros(values.shape, dtype=bool)
    return Volume.from_array(_finite(name, values, padding), geometry, volume.quantity)


def _same_space(name: str, frame_of_reference_uid: str, volume: Volume) -> None:
    if frame_of_reference_uid != volume.geometry.frame_of_reference_uid:
        raise ValuesError("OP-RESULT", f"{name} returned a volume in another frame of reference")


def _slab_by_slab(volume: Volume, called: _Called, halo: int) -> Volume:
    if halo < 0 or called.kind is not np.ndarray:
        raise UsageError("OP-HALO", f"halo_slices {halo} goes with a function of arrays, and is 0 or more")
    count = volume.shape[0]

    def around(first: int, last: int) -> tuple[int, int]:
        return max(0, first - halo), min(count, last + halo)

    def pull(first: int, last: int) -> Array:
        start, stop = around(first, last)
        return called.array(volume.slab(start, stop), volume.quantity.fill)[first - start : last - start]

    return replace(
        volume,
        pull=pull,
        contributors=lambda index: volume.contributors_of(range(*around(index, index + 1))),
    )


def _everything(volume: Volume) -> Callable[[int], tuple[int, ...]]:
    everything = volume.contributors_of(range(volume.shape[0]))
    return lambda index: everything

"""Images of SimpleITK: those of files that ITK reads, and those that a program has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from derive.errors import GeometryError, SourceError, ValuesError
from derive.formats.affines import (
    NOTHING,
    Affine,
    checked_affine,
    four_axes,
    numeric,
    refuse_fifth,
    spacing_of,
    stated_spacing,
)
from derive.formats.colour import composited
from derive.formats.samples import Samples

#: A SimpleITK.Image, whose package states no types.
Image = Any
#: Spaces of NRRD that say where the patient is, with the signs that still turn what ITK gives into LPS:
#: ITK turns RAS and LAS by itself in three dimensions, but not with time.
PATIENT_SPACES = {
    "left-posterior-superior": (1.0, 1.0, 1.0),
    "right-anterior-superior": (1.0, 1.0, 1.0),
    "left-anterior-superior": (1.0, 1.0, 1.0),
    "left-posterior-superior-time": (1.0, 1.0, 1.0),
    "right-anterior-superior-time": (-1.0, -1.0, 1.0),
    "left-anterior-superior-time": (1.0, -1.0, 1.0),
}
#: Kinds of NRRD whose components are volumes, and those that are colours but not R G B.
KINDS_OF_TIMES = ("list", "time")
OTHER_COLOURS = ("HSV-color", "XYZ-color")


@dataclass(frozen=True)
class Told:
    """What a header says of an image that ITK does not pass on.

    Parameters
    ----------
    name, format : str
        As of `Samples`.
    signs : (x, y, z), optional
        What turns the axes of ITK into LPS; None where the image has no place in a patient.
    spacing : bool
        Whether the spacing is stated and no default of ITK.
    mm : float
        How many mm a unit of length is.
    time_step_s : float, optional
        Seconds between the times.
    scale : (slope, intercept)
        Stored numbers to real ones.
    kind : str
        What the components of a voxel are, in words of NRRD; empty where nothing says it.
    notes : tuple of str
        Notes for the user.
    """

    name: str
    format: str
    signs: tuple[float, float, float] | None = (1.0, 1.0, 1.0)
    spacing: bool = True
    mm: float = 1.0
    time_step_s: float | None = None
    scale: tuple[float, float] = (1.0, 0.0)
    kind: str = ""
    notes: tuple[str, ...] = ()


class TextHeader(NamedTuple):
    """The header of a file that begins with text: its fields, and how many bytes it takes."""

    fields: dict[str, str]
    size: int


class _Kept:
    """Memory of an image, and the image, so that the memory stays while an array shows it."""

    def __init__(self, image: Image, view: NDArray[Any]) -> None:
        self.image = image
        self.__array_interface__ = view.__array_interface__


def loaded(path: Path, reader_name: str) -> Image:
    """Return the image of a file.

    Parameters
    ----------
    path : Path
        The file.
    reader_name : str
        The class of ITK that reads it, so that a file of another format is none.

    Raises
    ------
    derive.errors.SourceError
        ``SRC-DAMAGED`` where ITK cannot read all of it.
    derive.errors.GeometryError
        ``GEO-DETERMINANT`` where its axes span no volume.
    derive.errors.ValuesError
        ``VAL-5D`` or ``VAL-COMPLEX``, before the values are read.
    """
    import SimpleITK

    reader = SimpleITK.ImageFileReader()
    reader.SetImageIO(reader_name)
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
        size = reader.GetSize()
    except RuntimeError as error:
        raise _damaged(path, error) from error
    refuse_fifth(size, path.name)
    axes = np.reshape(reader.GetDirection(), (len(size), -1)) * reader.GetSpacing()
    if len(size) >= 3:
        checked_affine(np.block([[axes[:3, :3], np.zeros((3, 1))], [np.zeros((1, 3)), np.ones((1, 1))]]), path.name)
    try:
        return reader.Execute()
    except RuntimeError as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: RuntimeError) -> SourceError:
    said = [line for line in str(error).splitlines() if line.strip()]
    # The last line of NRRD says what is wrong; the last of MetaIO is an errno of something else.
    reason = next((line.strip() for line in reversed(said) if not line.startswith("Reason:")), "")
    reason = reason.rpartition("): ")[2].replace(f"{path.parent}/", "")
    return SourceError(
        "SRC-DAMAGED",
        f"{path.name} is truncated, damaged or not what its name says; ITK: {reason}; copy or download it again",
    )


def of_image(image: Image) -> Samples:
    """Return a SimpleITK.Image without a copy: a later change to the image does not reach the result.

    An image that was read from an NRRD file which says no patient space has no affine, unless it was
    placed since.
    """
    keys = {key: image.GetMetaData(key) for key in image.GetMetaDataKeys()}
    at_default = not any(image.GetOrigin()) and np.array_equal(
        np.reshape(image.GetDirection(), (image.GetDimension(), -1)), np.eye(image.GetDimension())
    )
    if "NRRD_space" in keys or (keys.get("ITK_InputFilterName") == "NrrdImageIO" and at_default):
        found, notes = nrrd_place(keys)
        return samples_of(image, Told("SimpleITK.Image", "SimpleITK", found, kind=pixel_kind(keys), notes=notes))
    return samples_of(image, Told("SimpleITK.Image", "SimpleITK", kind=pixel_kind(keys)))


def nrrd_place(keys: Mapping[str, str]) -> tuple[tuple[float, float, float] | None, tuple[str, ...]]:
    """Return the signs that turn an NRRD image of ITK to LPS, or None and a note, from its metadata."""
    space = keys.get("NRRD_space", "")
    if space in PATIENT_SPACES:
        return PATIENT_SPACES[space], ()
    said = f"its space is {space}, which is" if space else "its NRRD header states no space, so it says"
    return None, (f"{said} no place in a patient; its place was not used",)


def pixel_kind(keys: Mapping[str, str]) -> str:
    """Return what NRRD says that the components of a voxel are."""
    return keys.get("NRRD_kinds[pixel]", "")


def samples_of(image: Image, told: Told) -> Samples:
    """Return an image with what is told of it.

    Raises
    ------
    derive.errors.GeometryError
        ``GEO-DETERMINANT`` or ``GEO-TIME``.
    derive.errors.ValuesError
        ``VAL-5D``, ``VAL-COMPLEX``, ``VAL-COLOUR``, ``VAL-TYPE`` or ``VAL-EMPTY``.
    """
    array, notes = _array(image, told)
    affine = _affine(image, told)
    spacing = spacing_of(affine) if affine is not None else None
    if affine is None and told.spacing:
        spacing = stated_spacing([told.mm * s for s in image.GetSpacing()])
    return Samples(
        told.name,
        told.format,
        array,
        told.scale,
        affine,
        spacing,
        time_step_s=told.time_step_s if array.shape[3] > 1 else None,
        notes=(*told.notes, *notes),
    )


def _array(image: Image, told: Told) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Return (i, j, k, times) or (i, j, k, times, 3), and notes."""
    view, dimensions = _shown(image, told.name), image.GetDimension()
    grid = tuple(reversed(range(dimensions)))
    if view.ndim == dimensions:
        return four_axes(numeric(view.transpose(grid), told.name), told.name), ()
    array, channels = numeric(view.transpose(*grid, dimensions), told.name), view.shape[-1]
    if told.kind in KINDS_OF_TIMES and dimensions <= 3:
        spaced = array.reshape(*(*array.shape[:-1], 1)[:3], channels)
        return spaced, (f"its {told.kind} of {channels} values per voxel was read as volumes one after another",)
    if array.dtype != np.uint8 or channels not in (3, 4) or told.kind in OTHER_COLOURS:
        raise ValuesError(
            "VAL-COLOUR",
            f"{told.name} has {channels} components of {array.dtype} per voxel ({told.kind or 'no kind stated'}); "
            "wanted one, or R G B (A) of uint8; take one component",
        )
    refuse_fifth(array.shape[:-1], told.name)
    coloured = array.reshape(*(*array.shape[:-1], 1, 1)[:4], channels)
    return composited(coloured) if channels == 4 else (coloured, ())


def _shown(image: Image, name: str) -> NDArray[Any]:
    """Return the memory of an image as an array, read-only, slowest axis first."""
    kind = image.GetPixelIDTypeAsString()
    # To show complex numbers is of no use; to show labels ends the process.
    if "complex" in kind:
        raise ValuesError("VAL-COMPLEX", f"{name} holds complex numbers; wanted real ones; state magnitude or phase")
    if "label" in kind:
        raise ValuesError("VAL-TYPE", f"{name} is a label map; wanted an image; use SimpleITK.LabelMapToLabel")
    import SimpleITK

    view = SimpleITK.GetArrayViewFromImage(image)
    # The second image shares the memory: who changes the first one gets a memory of its own.
    return np.asarray(_Kept(SimpleITK.Image(image), view))


def _affine(image: Image, told: Told) -> Affine | None:
    dimensions = image.GetDimension()
    if told.signs is None or dimensions < 3:
        return None
    direction = np.reshape(image.GetDirection(), (dimensions, dimensions))
    if max(np.abs(direction[:3, 3:]).max(initial=0), np.abs(direction[3:, :3]).max(initial=0)) > NOTHING:
        raise GeometryError(
            "GEO-TIME", f"the axes of {told.name} mix space and time; wanted three of space; write its header again"
        )
    signs = told.mm * np.array(told.signs)[:, None]
    affine = np.eye(4)
    affine[:3, :3] = signs * direction[:3, :3] * image.GetSpacing()[:3]
    affine[:3, 3] = signs[:, 0] * image.GetOrigin()[:3]
    return checked_affine(affine, told.name)


def refuse_missing(path: Path, data: Path | None) -> None:
    """Raise ``SRC-MISSING`` where the file that a header names as its data is not there."""
    if data is not None and not data.is_file():
        raise SourceError("SRC-MISSING", f"{data.name}, which {path.name} names as its data, does not exist; copy both")


def size_of(image: Any) -> int:
    """Bytes of all the values of an image."""
    count: int = image.GetNumberOfPixels() * image.GetNumberOfComponentsPerPixel()
    return count * int(image.GetSizeOfPixelComponent())

"""Volumes that are no DICOM: files of other formats and objects of other libraries, as `Samples`.

It holds a reader for each format (nifti, nrrd, metaimage, itk, arrays, numpy_files, pictures), which gives numbers,
their grid in patient coordinates and what the file leaves open; and the writers for export. What a format means for
DICOM is decided in ``conversion``.
It may import model, pixels and errors; heavy packages are imported where a file of their format is opened.
To add a format, add its reader and a row to ``READERS``, and a ``Format`` to ``writers``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import numpy as np

from derive.errors import SourceError, UsageError
from derive.formats import arrays, itk, metaimage, nifti, nrrd, numpy_files, pictures
from derive.formats.arrays import RawLayout
from derive.formats.samples import Samples
from derive.limits import is_there

__all__ = ["RawLayout", "Samples", "is_picture", "is_volume_or_picture", "of_object", "open_file"]

Reader = Callable[[Path], Samples]
PICTURES = (".tif", ".tiff", ".png", ".jpg", ".jpeg", ".bmp")
#: Readers by the end of a file name.
READERS: MappingProxyType[str, Reader] = MappingProxyType(
    {
        ".nii": nifti.read,
        ".nii.gz": nifti.read,
        ".hdr": nifti.read,
        ".img": nifti.read,
        ".nrrd": nrrd.read,
        ".nhdr": nrrd.read,
        ".mha": metaimage.read,
        ".mhd": metaimage.read,
        ".npy": numpy_files.read_npy,
        ".npz": numpy_files.read_npz,
        **dict.fromkeys(PICTURES, pictures.read),
    }
)


def open_file(path: Path, stated: RawLayout | None = None) -> Samples:
    """Return the volume of a file, told apart by the end of its name.

    Parameters
    ----------
    path : Path
        ``.nii``, ``.nii.gz``, ``.hdr`` or ``.img``, ``.nrrd``, ``.nhdr``, ``.mha``, ``.mhd``, ``.npy``, ``.npz``,
        ``.tif``, ``.tiff``, ``.png``, ``.jpg``, ``.jpeg``, ``.bmp``; any other one with `stated`.
    stated : RawLayout, optional
        How the bytes of a raw file lie.

    Raises
    ------
    derive.errors.SourceError
        ``SRC-MISSING``, ``SRC-FORMAT``, ``SRC-UNREADABLE``, and what the reader of the format raises.
    derive.errors.UsageError
        ``RAW-FORMAT`` where a layout is stated for a file that says its own.
    derive.errors.GeometryError, derive.errors.ValuesError
        What the reader of the format raises.
    """
    path = Path(path)
    _check_readable(path)
    ending = _ending(path)
    # An .img file without its header is raw bytes.
    own = ending in READERS and not (ending == ".img" and not path.with_suffix(".hdr").exists())
    if stated is not None:
        if own:
            raise UsageError("RAW-FORMAT", f"{path.name} says its own layout; leave out the stated shape and type")
        return _of(path, arrays.read_raw(path, stated))
    if ending not in READERS:
        raise SourceError(
            "SRC-FORMAT",
            f"{path.name} is of no format that is read: {' '.join(READERS)}; convert it, "
            "or state shape, type and byte order where it holds raw bytes",
        )
    return _of(path, READERS[ending](path))


def _of(path: Path, samples: Samples) -> Samples:
    """Remember the file, beside those that its reader found."""
    return replace(samples, files=tuple(dict.fromkeys((path, *samples.files))))


def is_picture(path: Path) -> bool:
    """Whether the name of a file is that of a picture: PNG, JPEG, BMP or TIFF."""
    return _ending(path) in PICTURES


def is_volume_or_picture(path: Path) -> bool:
    """Whether the name of a file is that of a format that is read here."""
    return _ending(path) in READERS


def _ending(path: Path) -> str:
    name = path.name.lower()
    return ".nii.gz" if name.endswith(".nii.gz") else path.suffix.lower()


def _check_readable(path: Path) -> None:
    if not is_there(path):
        raise SourceError("SRC-MISSING", f"{path.name} does not exist; check the path")
    if path.is_dir():
        raise SourceError("SRC-FORMAT", f"{path.name} is a folder; wanted a file; name the file")
    if not path.is_file():  # to open a pipe is to wait for who writes into it
        raise SourceError("SRC-UNREADABLE", f"{path.name} is no regular file; wanted a file: write it to one first")
    try:
        with path.open("rb"):
            pass
    except OSError as error:
        raise SourceError(
            "SRC-UNREADABLE", f"{path.name} cannot be read: {error.strerror}; check its rights"
        ) from error


def of_object(value: object) -> Samples:
    """Return an array or an image of another library, without a copy where that is safe.

    Parameters
    ----------
    value : numpy.ndarray, SimpleITK.Image or nibabel image
        Arrays as (row, column), (slice, row, column) or (time, slice, row, column).

    Raises
    ------
    derive.errors.SourceError
        ``SRC-INPUT`` for any other object.
    derive.errors.GeometryError, derive.errors.ValuesError
        What is wrong with its place or its values.
    """
    if isinstance(value, np.ndarray):
        return arrays.of_array(value)
    # By name, so that neither library is imported for a value of the other.
    classes = {(kind.__module__.partition(".")[0], kind.__name__) for kind in type(value).__mro__}
    if ("SimpleITK", "Image") in classes:
        return itk.of_image(value)
    if ("nibabel", "SpatialImage") in classes:
        return nifti.of_image(value)
    raise SourceError(
        "SRC-INPUT", f"found a {type(value).__name__}; wanted a numpy array, a SimpleITK.Image or a nibabel image"
    )

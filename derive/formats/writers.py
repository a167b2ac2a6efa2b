"""Writers of volumes, and how each is read back: NIfTI by nibabel, NRRD and MetaImage by SimpleITK, npy by numpy.

Of several volumes a list is read back as numbers of a voxel, as ITK has it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from derive.formats.content import Content, Found, dimensions_said
from derive.formats.nifti_out import read_nifti, write_nifti
from derive.formats.numpy_files import VOLUME_SCHEMA
from derive.formats.several_out import write_metaimage, write_nrrd
from derive.version import MODEL, VERSION

#: So many bytes hold the header of a MetaImage that was written here.
_HEADER = 4096
#: Files beside several volumes of NIfTI, and by what the first of them is known for one of ours.
_BESIDE = (".json", ".bval", ".bvec")
WRITTEN_BY = ("ConversionSoftware", MODEL)
#: Columns of an affine of (column, row, slice) in the order (slice, row, column).
_REVERSED = [2, 1, 0, 3]


@dataclass(frozen=True)
class Format:
    """A format.

    Parameters
    ----------
    name : str
        For people.
    suffixes : tuple of str
        Of its files.
    write, read : callable
        Of a file, and what is in it.
    beside : tuple of str
        Suffixes of the files beside several volumes that say what tells them apart.
    upward : bool
        Whether the rows of several volumes run upward in it.
    """

    name: str
    suffixes: tuple[str, ...]
    write: Callable[[Path, Content], None]
    read: Callable[[Path], Found]
    beside: tuple[str, ...] = ()
    upward: bool = False

    def names(self, path: Path) -> tuple[str, ...]:
        """The names of its files; the suffix in small letters, as the libraries want it."""
        stem = path.name[: -len(self.suffixes[0])]
        return tuple(stem + suffix for suffix in self.suffixes)

    def names_beside(self, path: Path) -> dict[str, str]:
        """The names of the files beside several volumes, by suffix."""
        return {suffix: path.name[: -len(self.suffixes[0])] + suffix for suffix in self.beside}


def _write_itk(path: Path, content: Content) -> None:
    import SimpleITK as sitk  # noqa: N813 - as its own documentation calls it

    geometry = content.geometry
    image = sitk.Image(geometry.shape[::-1], getattr(sitk, f"sitk{content.dtype.name.capitalize()}"))
    for first, last, slab in content.slabs():
        image[:, :, first:last] = sitk.GetImageFromArray(slab)
    image.SetOrigin(geometry.first_position)
    image.SetSpacing(geometry.spacing[::-1])
    image.SetDirection(geometry.directions[:, ::-1].ravel().tolist())
    image.SetMetaData("value_units", content.quantity.units)
    sitk.WriteImage(image, str(path), useCompression=path.suffix == ".nrrd")


def _write_nrrd(path: Path, content: Content) -> None:
    (write_nrrd if content.count > 1 else _write_itk)(path, content)


def _write_metaimage(path: Path, content: Content) -> None:
    (write_metaimage if content.count > 1 else _write_itk)(path, content)


def _read_itk(path: Path) -> Found:
    import SimpleITK as sitk  # noqa: N813 - as its own documentation calls it

    image, axes = sitk.ReadImage(str(path)), slice(0, 3)
    size, shape = image.GetDimension(), image.GetSize()[::-1]
    affine = np.eye(4)
    affine[axes, axes] = np.reshape(image.GetDirection(), (size, size))[axes, axes] * image.GetSpacing()[axes]
    affine[axes, 3] = image.GetOrigin()[axes]
    values = sitk.GetArrayViewFromImage(image)
    if image.GetNumberOfComponentsPerPixel() > 1:  # a list of volumes
        values, shape = np.moveaxis(values, -1, 0), (image.GetNumberOfComponentsPerPixel(), *shape)
    each = values if values.ndim == 4 else values[np.newaxis]
    # the image is named here since it owns what is looked at
    return Found(affine[:, _REVERSED], shape, values.dtype, lambda v, a, b: each[v, a:b] if image else values)


def _write_numpy(path: Path, content: Content) -> None:
    with open(path, "wb") as stream:
        described = {"descr": content.dtype.str, "fortran_order": False, "shape": content.shape}
        np.lib.format.write_array_header_1_0(stream, described)
        for _, _, slab in content.slabs():
            stream.write(np.ascontiguousarray(slab).data)
    path.with_suffix(".json").write_text(json.dumps(_described(content), indent=2), encoding="utf-8")


def _described(content: Content) -> dict[str, Any]:
    """What an array does not say of itself; nothing of the patient."""
    geometry = content.geometry
    several = {"dimensions": dimensions_said(content.dimensions), "time_step_s": content.time_step_s}
    return {
        "schema": VOLUME_SCHEMA,
        "software": {"name": MODEL, "version": VERSION},
        "axes": [*(["volume"] if content.count > 1 else []), "slice", "row", "column"],
        "shape": content.shape,
        "dtype": content.dtype.name,
        "units": content.quantity.units,
        "fill": content.quantity.fill if content.fill is None else content.fill,
        "padded_voxels": content.padded,
        "spacing_mm": geometry.spacing,
        "first_position_mm": geometry.first_position,
        "row_cosines": geometry.row_cosines,
        "column_cosines": geometry.column_cosines,
        "affine_index_to_lps": geometry.affine.tolist(),
        "frame_of_reference_uid": geometry.frame_of_reference_uid,
        "source_series_instance_uid": content.series_instance_uid,
    } | (several if content.count > 1 else {})


def _read_numpy(path: Path) -> Found:
    values = np.load(path, mmap_mode="r")
    described = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    affine = np.array(described["affine_index_to_lps"], dtype=np.float64)
    each = values if values.ndim == 4 else values[np.newaxis]
    return Found(affine, values.shape, values.dtype, lambda v, a, b: each[v, a:b])


def belongs_to(beside: Path, path: Path) -> bool:
    """Whether a file that is there was written with a volume that is there: one of the two says so of the other."""
    try:
        if path.suffix == ".npy":
            return _says(beside, "schema", VOLUME_SCHEMA)
        if beside.suffix in _BESIDE:
            return _says(beside.with_suffix(_BESIDE[0]), *WRITTEN_BY)
        with path.open("rb") as stream:
            return f"ElementDataFile = {beside.name}".encode() in stream.read(_HEADER).splitlines()
    except (OSError, ValueError, RecursionError):
        return False


def _says(file: Path, key: str, value: str) -> bool:
    found = json.loads(file.read_bytes())
    return isinstance(found, dict) and found.get(key) == value


FORMATS = (
    Format("NIfTI", (".nii",), write_nifti, read_nifti, beside=_BESIDE, upward=True),
    Format("NIfTI", (".nii.gz",), write_nifti, read_nifti, beside=_BESIDE, upward=True),
    Format("NRRD", (".nrrd",), _write_nrrd, _read_itk, beside=_BESIDE[:1]),
    Format("MetaImage", (".mha",), _write_metaimage, _read_itk, beside=_BESIDE),
    Format("MetaImage", (".mhd", ".raw"), _write_metaimage, _read_itk, beside=_BESIDE),
    Format("numpy", (".npy", ".json"), _write_numpy, _read_numpy),
)


def format_named(path: Path) -> Format | None:
    """Return the format that the suffix of a file says; None for any other."""
    for form in FORMATS:
        suffix = form.suffixes[0]
        if path.name.lower().endswith(suffix) and len(path.name) > len(suffix):
            return form
    return None

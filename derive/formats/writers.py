"""Writers of volumes, and how each is read back: NIfTI by nibabel, NRRD and MetaImage by SimpleITK, npy by numpy."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from derive.errors import ValuesError
from derive.formats.numpy_files import VOLUME_SCHEMA
from derive.model.volume import Array, Volume
from derive.told.wording import flag
from derive.version import MODEL, VERSION

#: Slices that are decoded, written and compared at a time.
SLAB = 8
#: So many bytes hold the header of a MetaImage that was written here.
_HEADER = 4096
#: What an axis of NIfTI-1 can count (its ``dim`` is int16).
LONGEST_NIFTI1_AXIS = 32767
_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
#: Columns of an affine of (slice, row, column) in the order (column, row, slice), and back.
_REVERSED = [2, 1, 0, 3]


class Content:
    """What goes into a file: the values in its number type, remembered by the digests of their slabs.

    Parameters
    ----------
    volume : Volume
    series_instance_uid : str
    fill : float, optional
        What padding becomes; None where nobody knows, and padding is refused (``VAL-FILL``).
    """

    def __init__(self, volume: Volume, series_instance_uid: str, fill: float | None) -> None:
        self.geometry, self.quantity, self._slab = volume.geometry, volume.quantity, volume.slab
        self.fill = fill
        self.series_instance_uid = series_instance_uid
        self.padded = 0
        self.digests: list[bytes] = []
        self.dtype = self._number_type()

    def slabs(self) -> Iterator[tuple[int, int, NDArray[Any]]]:
        """Give the slices `first` to `last`, with the fill value for padding; to be called once."""
        for first, last in runs(self.geometry.shape[0]):
            values, padded = self._filled(first, last)
            numbers = values.astype(self.dtype, copy=False)
            self.padded += padded
            self.digests.append(digest_of(numbers))
            yield first, last, numbers

    def _filled(self, first: int, last: int) -> tuple[Array, int]:
        """Return values without padding, and how many were padding."""
        values = self._slab(first, last)
        padding = np.isnan(values)
        count = int(np.count_nonzero(padding))
        if not count:
            return values, 0
        if self.fill is None:
            raise ValuesError(
                "VAL-FILL",
                f"the series has padding, and no value is known that says so in its units; give "
                f"{flag('padding_value', 'NUMBER')}",
            )
        return np.where(padding, np.float32(self.fill), values), count

    def _number_type(self) -> np.dtype[Any]:
        """Return the smallest type that holds every value without loss."""
        low = high = 0.0
        for first, last in runs(self.geometry.shape[0]):
            values, _ = self._filled(first, last)
            if not np.array_equal(np.rint(values), values):
                return np.dtype(np.float32)
            low, high = min(low, float(values.min())), max(high, float(values.max()))
        fitting = [k for k in (np.int16, np.int32) if np.iinfo(k).min <= low and high <= np.iinfo(k).max]
        return np.dtype([*fitting, np.float32][0])


def runs(slices: int) -> Iterator[tuple[int, int]]:
    """Give the slabs of so many slices, as (first, last)."""
    for first in range(0, slices, SLAB):
        yield first, min(first + SLAB, slices)


def digest_of(values: NDArray[Any]) -> bytes:
    """Return what values are known by."""
    return hashlib.blake2b(np.ascontiguousarray(values).data, digest_size=16).digest()


@dataclass(frozen=True)
class Found:
    """What a file holds: affine of (slice, row, column, 1) to LPS mm, and its values slab by slab."""

    affine: NDArray[np.float64]
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    slab: Callable[[int, int], NDArray[Any]]


@dataclass(frozen=True)
class Format:
    """A format: its name for people, and the suffixes of its files."""

    name: str
    suffixes: tuple[str, ...]
    write: Callable[[Path, Content], None]
    read: Callable[[Path], Found]

    def names(self, path: Path) -> tuple[str, ...]:
        """The names of its files; the suffix in small letters, as the libraries want it."""
        stem = path.name[: -len(self.suffixes[0])]
        return tuple(stem + suffix for suffix in self.suffixes)


def _write_nifti(path: Path, content: Content) -> None:
    import nibabel

    shape = content.geometry.shape
    values = np.empty(shape, content.dtype)
    for first, last, slab in content.slabs():
        values[first:last] = slab
    affine = _LPS_TO_RAS @ content.geometry.affine[:, _REVERSED]
    make: type[nibabel.Nifti1Image] = nibabel.Nifti1Image if max(shape) <= LONGEST_NIFTI1_AXIS else nibabel.Nifti2Image
    image = make(values.transpose(), affine)
    image.set_sform(affine, code=1)
    image.set_qform(affine, code=1)
    image.header.set_dim_info(slice=2)
    image.header.set_xyzt_units("mm")
    image.header.set_slope_inter(1, 0)
    image.header["descrip"] = f"{MODEL} {VERSION}, {content.quantity.units}".encode("ascii", "replace")[:79]
    image.to_filename(path)


def _read_nifti(path: Path) -> Found:
    import nibabel

    # kept open, so that compressed slices are read on from where the last ones ended
    image: Any = nibabel.load(path, mmap=False, keep_file_open=True)
    data, affine = image.dataobj, (_LPS_TO_RAS @ image.affine)[:, _REVERSED]
    return Found(affine, data.shape[::-1], data.dtype, lambda a, b: data[..., a:b].transpose())


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


def _read_itk(path: Path) -> Found:
    import SimpleITK as sitk  # noqa: N813 - as its own documentation calls it

    image, view = sitk.ReadImage(str(path)), sitk.GetArrayViewFromImage
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()
    affine[:3, 3] = image.GetOrigin()
    return Found(affine[:, _REVERSED], image.GetSize()[::-1], view(image).dtype, lambda a, b: view(image)[a:b])


def _write_numpy(path: Path, content: Content) -> None:
    with open(path, "wb") as stream:
        described = {"descr": content.dtype.str, "fortran_order": False, "shape": content.geometry.shape}
        np.lib.format.write_array_header_1_0(stream, described)
        for _, _, slab in content.slabs():
            stream.write(np.ascontiguousarray(slab).data)
    path.with_suffix(".json").write_text(json.dumps(_described(content), indent=2), encoding="utf-8")


def _described(content: Content) -> dict[str, Any]:
    """What an array does not say of itself; nothing of the patient."""
    geometry = content.geometry
    return {
        "schema": VOLUME_SCHEMA,
        "software": {"name": MODEL, "version": VERSION},
        "axes": ["slice", "row", "column"],
        "shape": geometry.shape,
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
    }


def _read_numpy(path: Path) -> Found:
    values = np.load(path, mmap_mode="r")
    described = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    affine = np.array(described["affine_index_to_lps"], dtype=np.float64)
    return Found(affine, values.shape, values.dtype, lambda a, b: values[a:b])


def belongs_to(beside: Path, path: Path) -> bool:
    """Whether a file that is there was written with a volume that is there: one of the two says so of the other."""
    try:
        if beside.suffix == ".json":
            found = json.loads(beside.read_bytes())
            return isinstance(found, dict) and found.get("schema") == VOLUME_SCHEMA
        with path.open("rb") as stream:
            return f"ElementDataFile = {beside.name}".encode() in stream.read(_HEADER).splitlines()
    except (OSError, ValueError, RecursionError):
        return False


FORMATS = (
    Format("NIfTI", (".nii",), _write_nifti, _read_nifti),
    Format("NIfTI", (".nii.gz",), _write_nifti, _read_nifti),
    Format("NRRD", (".nrrd",), _write_itk, _read_itk),
    Format("MetaImage", (".mha",), _write_itk, _read_itk),
    Format("MetaImage", (".mhd", ".raw"), _write_itk, _read_itk),
    Format("numpy", (".npy", ".json"), _write_numpy, _read_numpy),
)


def format_named(path: Path) -> Format | None:
    """Return the format that the suffix of a file says; None for any other."""
    for form in FORMATS:
        suffix = form.suffixes[0]
        if path.name.lower().endswith(suffix) and len(path.name) > len(suffix):
            return form
    return None

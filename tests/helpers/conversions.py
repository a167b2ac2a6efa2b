"""Volumes in other formats for conversions, and what nibabel, SimpleITK, dcm2niix and the validators say of them."""

from __future__ import annotations

import itertools
import subprocess
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import nibabel
import numpy as np
import pydicom
import SimpleITK as sitk  # noqa: N813 - its own customary name

import derive
from tests.helpers.peers import dcentvfy_messages, dciodvfy_errors, sitk_volume, spread, tool

PATIENT = derive.Patient("PH01", "Phantom^A")
#: RAS to LPS, and back.
TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
#: What a PET has to say of itself that a file of numbers does not.
PET_FACTS = {
    "CountsSource": "EMISSION",
    "DecayCorrection": "START",
    "SeriesDate": "20260101",
    "SeriesTime": "101010",
    "FrameReferenceTime": "0",
    "SeriesType": r"STATIC\IMAGE",
    "DecayFactor": "1",
}


class Placed(NamedTuple):
    """Numbers (i, j, k), or (i, j, k, times), and the affine of (i, j, k, 1) to LPS, mm."""

    values: np.ndarray
    affine: np.ndarray

    def points(self, indices):
        return indices @ self.affine[:3, :3].T + self.affine[:3, 3]


def grid(shape) -> np.ndarray:
    """(voxels, 3): every index, the last fastest."""
    return np.indices(tuple(shape)).reshape(3, -1).T


# What is converted


def signed_permutations() -> list[np.ndarray]:
    """All 48 matrices whose columns run along axes of the patient; half of them are left-handed."""
    return [
        np.eye(3)[:, list(axes)] * signs
        for axes in itertools.permutations(range(3))
        for signs in itertools.product((1.0, -1.0), repeat=3)
    ]


def affine_of(directions, spacing, origin=(-31.5, 12.25, 77.0)) -> np.ndarray:
    """Affine of unit vectors (matrix columns), spacing (i, j, k) and the centre of the first voxel."""
    affine = np.eye(4)
    affine[:3, :3] = np.asarray(directions) * spacing
    affine[:3, 3] = origin
    return affine


def distinct(shape=(4, 5, 6), dtype=np.int16, first=-1000) -> np.ndarray:
    """Every voxel has a value of its own, so that a value says where it belongs; no symmetry maps it to itself."""
    count = int(np.prod(shape))
    return (first + 7 * np.random.default_rng(count).permutation(count)).astype(dtype).reshape(shape)


def nibabel_image(placed: Placed, *, qform: bool = False, slice_axis: int | None = None) -> Any:
    """A NIfTI image that says its place in the sform, or in the qform alone."""
    image = nibabel.Nifti1Image(placed.values, TO_LPS @ placed.affine)
    image.header.set_sform(None if qform else TO_LPS @ placed.affine, 0 if qform else 1)
    image.header.set_qform(TO_LPS @ placed.affine if qform else None, 1 if qform else 0)
    image.header.set_xyzt_units("mm", "sec")
    if slice_axis is not None:
        image.header.set_dim_info(slice=slice_axis)
    return image


def itk_image(placed: Placed) -> sitk.Image:
    """A SimpleITK image with the same place; of several times, where there are four axes."""
    axes = placed.values.ndim
    spacing, direction, origin = np.ones(axes), np.eye(axes), np.zeros(axes)
    spacing[:3] = np.linalg.norm(placed.affine[:3, :3], axis=0)
    direction[:3, :3] = placed.affine[:3, :3] / spacing[:3]
    origin[:3] = placed.affine[:3, 3]
    image = sitk.GetImageFromArray(placed.values.T, isVector=False)
    image.SetSpacing(spacing.tolist())
    image.SetDirection(direction.ravel().tolist())
    image.SetOrigin(origin.tolist())
    return image


def save(path: Path, placed: Placed, **header: Any) -> Path:
    """Write a volume in the format that the name says."""
    if ".nii" in path.name:
        nibabel.save(nibabel_image(placed, **header), path)
    elif path.suffix == ".nrrd" and placed.values.ndim == 4:
        path.write_bytes(_nrrd_sequence(placed))
    else:
        sitk.WriteImage(itk_image(placed), str(path))
    return path


def _nrrd_sequence(placed: Placed) -> bytes:
    """An NRRD of several times with the times fastest, as 3D Slicer writes it; SimpleITK would leave out the space."""
    values = np.moveaxis(placed.values, -1, 0)
    steps = [f"({','.join(map(repr, step.tolist()))})" for step in (*placed.affine[:3, :3].T, placed.affine[:3, 3])]
    lines = [
        "NRRD0004",
        "type: short",
        "dimension: 4",
        "space: left-posterior-superior",
        f"sizes: {' '.join(map(str, values.shape))}",
        f"space directions: none {' '.join(steps[:3])}",
        "kinds: list domain domain domain",
        "endian: little",
        "encoding: raw",
        f"space origin: {steps[3]}",
    ]
    return "\n".join([*lines, "", ""]).encode() + values.astype("<i2").tobytes(order="F")


# How others read it


def by_nibabel(source: Any) -> Placed:
    """What nibabel makes of a file or an image of its own."""
    image = nibabel.load(source) if isinstance(source, str | Path) else source
    return Placed(np.asanyarray(image.dataobj), TO_LPS @ image.affine)


def by_itk(source: Any) -> Placed:
    """What SimpleITK makes of a file or an image of its own; what it takes for vectors are times."""
    image = sitk.ReadImage(str(source)) if isinstance(source, str | Path) else source
    axes = image.GetDimension()
    direction = np.array(image.GetDirection()).reshape(axes, axes)[:3, :3]
    affine = affine_of(direction, image.GetSpacing()[:3], image.GetOrigin()[:3])
    values = sitk.GetArrayFromImage(image).T
    return Placed(np.moveaxis(values, 0, -1) if image.GetNumberOfComponentsPerPixel() > 1 else values, affine)


def by_others(source: Any) -> Placed:
    """What the library of a format makes of a file: nibabel of NIfTI, SimpleITK of all others."""
    nifti = ".nii" in Path(source).name if isinstance(source, str | Path) else not isinstance(source, sitk.Image)
    return by_nibabel(source) if nifti else by_itk(source)


# How a folder of DICOM is read


def dicom_by_derive(source: Any) -> Placed:
    """A folder or files, as derive itself reads them."""
    volume = derive.stack(derive.read(source))
    return _of_slices(volume.array, volume.geometry.affine)


def dicom_by_itk(folder: Path) -> Placed:
    """A folder, as the series reader of SimpleITK reads it; MR has its stored values."""
    return _of_slices(*sitk_volume(folder))


def _of_slices(values, affine):
    return Placed(values.T, affine[:, [2, 1, 0, 3]])


def dicom_by_dcm2niix(folder: Path, into: Path) -> Placed:
    """A folder, as dcm2niix makes a NIfTI of it, in single precision."""
    into.mkdir()
    command = [tool("dcm2niix"), "-b", "n", "-z", "n", "-f", "out", "-o", str(into), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True)
    images = sorted(into.glob("*.nii"))
    assert len(images) == 1, f"dcm2niix made {len(images)} images: {done.stdout}{done.stderr}"
    return by_nibabel(images[0])


def headers(folder: Path) -> list[pydicom.Dataset]:
    """The instances of a folder without their pixels, in the order of their Instance Numbers."""
    found = [pydicom.dcmread(file, stop_before_pixels=True) for file in sorted(folder.rglob("*")) if file.is_file()]
    return sorted(found, key=lambda dataset: int(dataset.InstanceNumber))


# What holds of them


def assert_alike(found: Placed, wanted: Placed, *, mm: float = 1e-4, value: float = 0.0) -> None:
    """Every voxel of one has a voxel of the other at its point, with its value, and none is left over.

    Two grids that share their points differ by an order of axes, flips and whole steps; where they then lie apart
    they do so most at a corner.
    """
    between = np.linalg.inv(found.affine) @ wanted.affine
    steps = np.rint(between).astype(int)
    turns = np.abs(steps[:3, :3])
    assert (turns.sum(axis=0) == 1).all(), f"an axis of one is none of the other: {between}"
    assert (turns.sum(axis=1) == 1).all(), f"an axis of one is none of the other: {between}"
    axes = turns.argmax(axis=0)
    assert tuple(found.values.shape[a] for a in axes) == wanted.values.shape, "there are more voxels, or fewer"
    corners = np.array(list(np.ndindex(2, 2, 2))) * (np.array(wanted.values.shape) - 1)
    reached = corners @ steps[:3, :3].T + steps[:3, 3]
    assert reached.min() >= 0, "a voxel lies outside"
    assert (reached.max(axis=0) < found.values.shape).all(), "a voxel lies outside"
    off = np.linalg.norm(found.points(reached) - wanted.points(corners), axis=1).max()
    assert off <= mm, f"a voxel lies {off:.3g} mm off"
    backwards = [steps[axis, own] < 0 for own, axis in enumerate(axes)]
    ordered = found.values.transpose(axes)[tuple(slice(None, None, -1 if b else 1) for b in backwards)]
    difference = np.abs(ordered.astype(np.float64) - wanted.values).max()
    assert difference <= value, f"a value is {difference:.3g} off"


def assert_ascending(folder: Path) -> None:
    """The slices lie one above the other along the normal, in the order of their Instance Numbers."""
    places = np.array([dataset.ImagePositionPatient for dataset in headers(folder)], dtype=float)
    row, column = np.array(headers(folder)[0].ImageOrientationPatient, dtype=float).reshape(2, 3)
    assert (np.diff(places @ np.cross(row, column)) > 0).all()


def iod_errors(files: Sequence[Path], count: int = 6) -> Counter[str]:
    """Error lines of dciodvfy, of the first, the last and some files between."""
    with ThreadPoolExecutor(2) as pool:
        return sum(pool.map(lambda file: dciodvfy_errors([file]), spread(files, count)), Counter())


def entity_messages(*files: Path) -> set[str]:
    """What dcentvfy says of files together."""
    return dcentvfy_messages(files)


#: What all instances of a study say alike stays as it is, however long: the source has earned that error.
KEPT_AS_IT_IS = ("StudyID",)


def check_errors(folder: Path) -> list[str]:
    """Errors of the check of this project."""
    found = derive.check(folder).findings
    return [str(f) for f in found if f.severity == "error" and f.path not in KEPT_AS_IT_IS]

"""NIfTI-1, NIfTI-2 and Analyze through nibabel: RAS to LPS, numbers as stored."""

from __future__ import annotations

import gzip
import itertools
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from derive.errors import SourceError
from derive.formats.affines import (
    Affine,
    Triple,
    checked_affine,
    four_axes,
    numeric,
    refuse_fifth,
    spacing_of,
    stated_spacing,
)
from derive.formats.colour import composited
from derive.formats.samples import Samples

#: RAS to LPS.
TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
#: Codes of xyzt_units: their name and how many mm or s one is.
LENGTHS = {1: ("meter", 1000.0), 3: ("micron", 0.001)}
SECONDS = {8: 1.0, 16: 1e-3, 24: 1e-6}
#: sform and qform whose corners lie further apart are told of.
FORMS_DIFFER_MM = 0.1
CHUNK = 1 << 20


class _Stream(gzip.GzipFile):
    """A gzip file that fills a buffer piece by piece: the base class makes a second copy of the whole."""

    def readinto(self, buffer: Any) -> int:
        view, done = memoryview(buffer).cast("B"), 0
        while done < len(view):
            piece = self.read(min(CHUNK, len(view) - done))
            if not piece:
                break
            view[done : done + len(piece)] = piece
            done += len(piece)
        return done

    def check_rest(self) -> None:
        """Read to the end, where the checksum is."""
        while self.read(CHUNK):
            pass


def read(path: Path) -> Samples:
    """Return the volume of a ``.nii``, ``.nii.gz``, ``.hdr`` or ``.img`` file.

    All of a compressed file is read and its checksum compared, which nibabel does not do.

    Raises
    ------
    derive.errors.SourceError
        ``SRC-DAMAGED`` where it is truncated, damaged, or not of this format.
    derive.errors.GeometryError, derive.errors.ValuesError
        As `of_image`.
    """
    import nibabel

    try:
        image: Any = nibabel.load(path)  # which class it is, its bytes tell
        zooms = _zooms_of_file(image)
        refuse_fifth(image.shape, path.name)
        if path.name.lower().endswith(".gz"):
            with _Stream(path) as stream:
                streamed = type(image).from_file_map({"image": nibabel.FileHolder(fileobj=stream)})
                data = streamed.dataobj.get_unscaled()
                stream.check_rest()
        else:
            data = image.dataobj.get_unscaled()
    except _damages() as error:
        raise _damaged(path.name, path.parent, error) from error
    return _samples(image, data, zooms, path.name)


def _zooms_of_file(image: Any) -> Sequence[float]:
    """Return the distances in the header as they are: nibabel makes 1 of 0."""
    header = image.file_map.get("header") or image.file_map["image"]
    from nibabel.openers import ImageOpener

    with ImageOpener(header.filename) as file:
        return [abs(float(z)) for z in type(image.header).from_fileobj(file, check=False).get_zooms()]


def of_image(image: Any) -> Samples:
    """Return a nibabel image: of a file the numbers as stored, of an array in memory the array itself.

    Raises
    ------
    derive.errors.SourceError
        ``SRC-DAMAGED`` where its file is truncated or damaged.
    derive.errors.GeometryError
        ``GEO-DETERMINANT`` where its affine is not finite or spans no volume.
    derive.errors.ValuesError
        ``VAL-5D``, ``VAL-COMPLEX``, ``VAL-TYPE`` or ``VAL-EMPTY``.
    """
    file = image.get_filename()
    name = Path(file).name if file else "nibabel image"
    unscaled = getattr(image.dataobj, "get_unscaled", None)
    try:
        data = unscaled() if unscaled else np.asanyarray(image.dataobj)
    except _damages() as error:
        raise _damaged(name, Path(file or "").parent, error) from error
    return _samples(image, data, image.header.get_zooms(), name)


def _damages() -> tuple[type[Exception], ...]:
    import nibabel

    faults = (nibabel.filebasedimages.ImageFileError, nibabel.spatialimages.HeaderDataError)
    return (*faults, OSError, EOFError, zlib.error, ValueError)


def _damaged(name: str, folder: Path, error: Exception) -> SourceError:
    said = " ".join(str(error).split()).replace(f"{folder}/", "")
    return SourceError(
        "SRC-DAMAGED",
        f"{name} is truncated, damaged or no NIfTI or Analyze file: {said}; copy or download it again",
    )


def _samples(image: Any, data: NDArray[Any], zooms: Sequence[float], name: str) -> Samples:
    array, notes = _array(data, name)
    unit, length_notes = _length(image.header)
    affine, place_notes = _affine(image, name)
    if affine is not None:
        affine = checked_affine(np.diag([unit, unit, unit, 1.0]) @ affine, name)
        spacing: Triple | None = spacing_of(affine)
    else:
        spacing = stated_spacing([unit * float(z) for z in zooms])
    slope = getattr(image.dataobj, "slope", None)
    return Samples(
        name,
        _format(image.header),
        array,
        # A slope of 0 or NaN says that there is none, and an intercept by itself says nothing.
        scale=(float(slope), float(image.dataobj.inter)) if slope and np.isfinite(slope) else (1.0, 0.0),
        affine=affine,
        spacing_mm=spacing,
        slice_axis=image.header.get_dim_info()[2] if hasattr(image.header, "get_dim_info") else None,
        time_step_s=_time_step(image.header) if array.shape[3] > 1 else None,
        notes=(*length_notes, *place_notes, *notes),
        files=_files(image),
    )


def _files(image: Any) -> tuple[Path, ...]:
    """Files that an image is read from; none for one in memory."""
    named = [getattr(holder, "filename", None) for holder in image.file_map.values()]
    return tuple(dict.fromkeys(Path(name) for name in named if name))


def _array(data: NDArray[Any], name: str) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Return (i, j, k, times) or (i, j, k, times, 3); of alpha a note."""
    if data.dtype.names is None:
        return four_axes(numeric(data, name), name), ()
    channels = len(data.dtype.names)
    # The channels of a voxel lie next to each other, so they are a last axis where the array ends on its first.
    turned = np.ascontiguousarray(four_axes(data, name).T)
    parts = np.asarray(turned).view(np.uint8).reshape(*turned.shape, channels).transpose(3, 2, 1, 0, 4)
    return composited(parts) if channels == 4 else (numeric(parts, name), ())


def _format(header: Any) -> str:
    import nibabel

    if isinstance(header, nibabel.nifti2.Nifti2Header):
        return "NIfTI-2"
    if isinstance(header, nibabel.Nifti1Header):
        return "NIfTI-1"
    return "Analyze" if _analyze(header) else type(header).__name__.removesuffix("Header")


def _analyze(header: Any) -> bool:
    from nibabel.analyze import AnalyzeHeader

    return isinstance(header, AnalyzeHeader)


def _length(header: Any) -> tuple[float, tuple[str, ...]]:
    """Return mm per unit of length, and a note where it is not 1."""
    if not hasattr(header, "get_xyzt_units"):
        return 1.0, ()
    unit, factor = LENGTHS.get(int(header["xyzt_units"]) & 0x07, ("mm", 1.0))
    return factor, (f"its lengths are in {unit}; they were converted to mm",) if factor != 1.0 else ()


def _time_step(header: Any) -> float | None:
    if not hasattr(header, "get_xyzt_units"):
        return None
    step = float(header["pixdim"][4]) * SECONDS.get(int(header["xyzt_units"]) & 0x38, np.nan)
    return step if np.isfinite(step) and step > 0 else None


def _affine(image: Any, name: str) -> tuple[Affine | None, tuple[str, ...]]:
    """Return index to LPS in the unit of the header: sform, else qform, else None; a note where the two differ."""
    header = image.header
    if not hasattr(header, "get_sform"):
        return (None, ()) if _analyze(header) else (_to_lps(image.affine), ())
    qform = header.get_qform() if header["qform_code"] > 0 else None
    if header["sform_code"] <= 0:
        return (None if qform is None else _to_lps(qform)), ()
    sform = header.get_sform()
    notes = () if qform is None else _difference(sform, qform, image, name)
    return _to_lps(sform), notes


def _to_lps(affine: Affine) -> Affine:
    """Turn x and y about; what is not finite stays so, and is refused later."""
    return np.asarray(affine * np.diag(TO_LPS)[:, None])


def _difference(sform: Affine, qform: Affine, image: Any, name: str) -> tuple[str, ...]:
    ends = [(0, max(n - 1, 0)) for n in (*image.shape, 1, 1, 1)[:3]]
    corners = np.array([(*corner, 1) for corner in itertools.product(*ends)])
    unit, _ = _length(image.header)
    apart = unit * float(np.linalg.norm(corners @ (sform - qform)[:3].T, axis=1).max())
    if apart <= FORMS_DIFFER_MM:
        return ()
    return (f"the sform and the qform of {name} place its corners up to {apart:.3g} mm apart; the sform was used",)

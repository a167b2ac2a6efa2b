"""NIfTI-1, NIfTI-2 and Analyze: RAS to LPS, numbers as stored; nibabel has the headers and their codes.

The header is read as it is. nibabel, when it opens a file, mends it first (a distance of 0 becomes 1, and is logged),
and what it made up cannot be told from what the file says.
"""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from derive.errors import ValuesError
from derive.formats import forms
from derive.formats.affines import four_axes, numeric, refuse_fifth
from derive.formats.colour import composited
from derive.formats.samples import Samples
from derive.formats.stored import Stored, damaged, inflated, load

#: Bytes of a header; that of NIfTI-1 is that of Analyze.
SMALL, LARGE = 348, 540
#: What says that the numbers are in the same file, or in another one.
SINGLE, PAIR = (b"n+1\0", b"n+2\0"), (b"ni1\0", b"ni2\0")
#: What NIfTI-2 has after it, so that a transfer as text is seen.
LINE_ENDS = (bytes(4), b"\r\n\x1a\n")
SECONDS = {8: 1.0, 16: 1e-3, 24: 1e-6}


def read(path: Path) -> Samples:
    """Return the volume of a ``.nii``, ``.nii.gz``, ``.hdr`` or ``.img`` file.

    All of a compressed file is read and its checksum compared.

    Raises
    ------
    derive.errors.SourceError
        ``SRC-DAMAGED`` where it is truncated, damaged, or not of this format; ``SRC-SIZE`` where it would unpack to
        more than the limits.
    derive.errors.GeometryError, derive.errors.ValuesError
        As `of_image`.
    """
    head, data = _pair(path)
    packed = path.name.lower().endswith(".gz")
    header = _header(head, packed=packed, single=head == data)
    shape = _shape(header, head.name)
    refuse_fifth(shape, path.name)
    start = _start(header, head.name, single=head == data)
    dtype = _dtype(header, head.name)
    stored = Stored(data, dtype, shape, 0 if packed else start, "packed" if packed else "raw", before=start)
    numbers, notes = load(stored)
    if head == data and not header["vox_offset"]:
        notes += ("it does not say where its values begin; the first place behind the header was taken",)
    samples = _samples(header, numbers, path.name)
    files = tuple(dict.fromkeys((head, data)))
    return replace(samples, scale=_scale_of(header, path.name), notes=(*samples.notes, *notes), files=files)


def _pair(path: Path) -> tuple[Path, Path]:
    """Return the file of the header and that of the numbers."""
    ending = path.suffix.lower()
    if ending not in (".hdr", ".img"):
        return path, path
    other = {".hdr": ".img", ".img": ".hdr"}[ending]
    beside = path.with_suffix(other.upper() if path.suffix.isupper() else other)
    if not beside.is_file():
        raise damaged(path.name, f"{beside.name}, the other half of it, is not there")
    return (path, beside) if ending == ".hdr" else (beside, path)


def _header(path: Path, *, packed: bool, single: bool) -> Any:
    """Return the header as it is in the file, of the class that its first and last bytes tell."""
    block = _first_bytes(path, packed=packed)
    for size, order in ((n, o) for n in (SMALL, LARGE) for o in "<>"):
        if block[:4] == np.array(size, f"{order}i4").tobytes() and len(block) >= size:
            kind = _kind(block, size, single=single)
            if kind is not None:
                return kind(block[:size], order, check=False)
    raise damaged(path.name, "it has no header of NIfTI or Analyze")


def _first_bytes(path: Path, *, packed: bool) -> bytes:
    with path.open("rb") as file:
        if not packed:
            return file.read(LARGE)
        first = io.BytesIO()
        for piece in inflated(file, path.stat().st_size, path.name):
            first.write(piece)
            if first.tell() >= LARGE:
                break
        return first.getvalue()[:LARGE]


def _kind(block: bytes, size: int, *, single: bool) -> Any:
    """Return nibabel's class of a header; None where its magic belongs to no file of this kind."""
    from nibabel import AnalyzeImage, Nifti1Image, Nifti1Pair, Nifti2Image, Nifti2Pair, Spm2AnalyzeImage
    from nibabel import Spm99AnalyzeImage as Spm99Image

    magic = block[4:8] if size == LARGE else block[344:348]
    if magic not in (*SINGLE, *PAIR):
        older = () if single or size == LARGE else (Spm2AnalyzeImage, Spm99Image, AnalyzeImage)
        return next((kind.header_class for kind in older if kind.header_class.may_contain_header(block[:size])), None)
    if (magic in SINGLE) != single or (size == LARGE and block[8:12] not in LINE_ENDS):
        return None
    kinds = (Nifti1Image, Nifti1Pair) if size == SMALL else (Nifti2Image, Nifti2Pair)
    return kinds[not single].header_class


def _shape(header: Any, name: str) -> tuple[int, ...]:
    count = int(header["dim"][0])
    if not 1 <= count <= 7:
        raise damaged(name, f"its header claims {count} axes; wanted 1 to 7")
    shape = tuple(int(n) for n in header["dim"][1 : 1 + count])
    if min(shape) < 0:
        raise damaged(name, f"its header claims the shape {shape}")
    return shape


def _start(header: Any, name: str, *, single: bool) -> int:
    """Return where the numbers begin; 0 in a single file is the first place after the header."""
    offset, least = float(header["vox_offset"]), header.sizeof_hdr + 4 if single else 0
    if offset == 0:
        return least
    if not (least <= offset < 2**62 and offset.is_integer()):
        raise damaged(name, f"its values begin at the byte {offset:g} (vox_offset); wanted {least} or more")
    return int(offset)


def _dtype(header: Any, name: str) -> np.dtype[Any]:
    code = int(header["datatype"])
    try:
        dtype: np.dtype[Any] = np.dtype(header.get_data_dtype())
    except Exception as error:  # a code that nibabel does not know, or that numpy has no type for
        raise ValuesError("VAL-TYPE", f"{name} holds values of the NIfTI type {code}, which is none") from error
    bits = int(header["bitpix"])
    if dtype.itemsize == 0:
        raise ValuesError("VAL-TYPE", f"{name} holds values of the NIfTI type {code}, which is not read")
    if bits not in (0, 8 * dtype.itemsize):
        raise damaged(name, f"its header claims values of {bits} bits and of type {dtype}, which do not agree")
    return dtype


def of_image(image: Any) -> Samples:
    """Return a nibabel image: of a file the numbers as stored, of an array in memory the array itself.

    Raises
    ------
    derive.errors.SourceError
        ``SRC-DAMAGED`` where its file is truncated or damaged.
    derive.errors.GeometryError
        ``GEO-DETERMINANT`` where its affine is not finite or spans no volume, ``GEO-LIMITS``.
    derive.errors.ValuesError
        ``VAL-5D``, ``VAL-COMPLEX``, ``VAL-TYPE`` or ``VAL-EMPTY``.
    """
    file = image.get_filename()
    name = Path(file).name if file else "nibabel image"
    unscaled = getattr(image.dataobj, "get_unscaled", None)
    try:
        data = unscaled() if unscaled else np.asanyarray(image.dataobj)
    except Exception as error:  # nibabel, zlib and numpy raise whatever they like on a damaged file
        raise damaged(name, f"nibabel cannot read it ({type(error).__name__})") from error
    header = image.header
    if unscaled and hasattr(header, "get_sform"):
        header = forms.with_zooms_of(header, _header_on_disk(image))
    samples = _samples(header, data, name, image.affine)
    slope = getattr(image.dataobj, "slope", None)
    return replace(samples, scale=_scale(slope, getattr(image.dataobj, "inter", 0.0)), files=_files(image))


def _header_on_disk(image: Any) -> Any:
    """Return the header of the file behind an image as it is there; that of the image where there is none."""
    from nibabel.openers import ImageOpener

    holder = image.file_map.get("header") or image.file_map["image"]
    if holder.filename is None:
        return image.header
    try:
        with ImageOpener(holder.filename) as file:
            return type(image.header).from_fileobj(file, check=False)
    except Exception as error:  # as above
        raise damaged(Path(holder.filename).name, f"nibabel cannot read it ({type(error).__name__})") from error


def _samples(header: Any, data: NDArray[Any], name: str, affine: Any = None) -> Samples:
    """Return the numbers, and what the header says of them; the affine is of formats that have no forms."""
    array, notes = _array(data, name)
    if _analyze(header):
        place, place_notes = forms.place_of(header, data.shape, name)
    else:
        place, place_notes = forms.place_of_affine(affine, name), ()
    return Samples(
        name,
        _format(header),
        array,
        place=place,
        slice_axis=header.get_dim_info()[2] if hasattr(header, "get_dim_info") else None,
        time_step_s=_time_step(header) if array.shape[3] > 1 else None,
        notes=(*place_notes, *notes),
    )


def _scale(slope: float | None, intercept: float | None) -> tuple[float, float]:
    """Stored numbers to real ones: a slope of 0 or NaN says that there is none, and an intercept by itself nothing."""
    if not slope or not np.isfinite(slope):
        return 1.0, 0.0
    return float(slope), float(intercept or 0.0)


def _scale_of(header: Any, name: str) -> tuple[float, float]:
    """As a header says it.

    Raises
    ------
    derive.errors.SourceError
        ``SRC-DAMAGED`` for an intercept that is no number.
    """
    stated = [float(header[f]) if f in header else 0.0 for f in ("scl_slope", "scl_inter")]
    scale = _scale(*stated)
    if not np.isfinite(scale[1]):
        raise damaged(name, f"its header scales by {stated[0]:g} and {stated[1]:g}; wanted two numbers")
    return scale


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
    """Whether it is a header of Analyze, or of NIfTI, which is made of one."""
    from nibabel.analyze import AnalyzeHeader

    return isinstance(header, AnalyzeHeader)


def _time_step(header: Any) -> float | None:
    if not hasattr(header, "get_xyzt_units"):
        return None
    step = float(header["pixdim"][4]) * SECONDS.get(int(header["xyzt_units"]) & 0x38, np.nan)
    return step if np.isfinite(step) and step > 0 else None

"""MetaImage (``.mha``, ``.mhd``): what its header says is judged here, and nothing that it does not say is made up."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from derive.errors import SourceError
from derive.formats.components import components_of
from derive.formats.detached import TextHeader, beside, load_several, several
from derive.formats.place import Place, point, stated
from derive.formats.samples import Samples
from derive.formats.space import placed
from derive.formats.stored import MOST_AXES, Loaded, Packing, Stored, damaged, load
from derive.formats.textual import numbers, whole

#: Names of one thing: MetaIO takes any of them.
MATRICES = ("TransformMatrix", "Rotation", "Orientation")
PLACES = ("Offset", "Position", "Origin")
ORDERS = ("BinaryDataByteOrderMSB", "ElementByteOrderMSB")
#: Of MetaIO; a long has 4 bytes there, whatever the machine.
TYPES = {
    "MET_ASCII_CHAR": "i1",
    "MET_CHAR": "i1",
    "MET_UCHAR": "u1",
    "MET_SHORT": "i2",
    "MET_USHORT": "u2",
    "MET_INT": "i4",
    "MET_UINT": "u4",
    "MET_LONG": "i4",
    "MET_ULONG": "u4",
    "MET_LONG_LONG": "i8",
    "MET_ULONG_LONG": "u8",
    "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}
LENGTHS = {"mm": 1.0, "cm": 10.0, "um": 0.001}
LONGEST_HEADER = 1 << 16
MOST_CHANNELS = 1024
Fields = Mapping[str, str]


def read(path: Path) -> Samples:
    """Return the volume of a ``.mha`` or ``.mhd`` file.

    Raises
    ------
    derive.errors.SourceError
        ``SRC-DAMAGED``, ``SRC-FORMAT``, ``SRC-SIZE``, or ``SRC-MISSING`` where the file of its data is.
    derive.errors.GeometryError, derive.errors.ValuesError
        As `derive.formats.space.placed` and `derive.formats.components.components_of`.
    """
    header = _header(path)
    fields, name = header.fields, path.name
    shape = _shape(fields, name)
    channels = _count(fields, "ElementNumberOfChannels", name) if "ElementNumberOfChannels" in fields else 1
    if not 1 <= channels <= MOST_CHANNELS:
        raise damaged(name, f"it has {channels} channels")
    spread = (channels, *shape) if channels > 1 else shape
    (found, notes), files = _load(path, header, spread)
    array, more = components_of(found, 0 if channels > 1 else None, "", name)
    place, where = _place(fields, len(shape), name)
    return Samples(
        name,
        "MetaImage",
        array,
        _scale(fields, name),
        place,
        notes=(*_order_notes(fields, found.dtype), *where, *more, *notes),
        files=tuple(dict.fromkeys((path, *files))),
    )


def _header(path: Path) -> TextHeader:
    """Return the fields, and how many bytes the header takes."""
    fields: dict[str, str] = {}
    with path.open("rb") as file:
        while file.tell() < LONGEST_HEADER and "ElementDataFile" not in fields:
            line = file.readline(LONGEST_HEADER).decode("utf-8", "replace")
            if line.isspace():
                continue
            key, sign, value = (part.strip() for part in _parted(line))
            if not sign:
                break
            if key in fields:
                raise damaged(path.name, f"its header states {key[:64]} twice")
            fields[key] = value
        size = file.tell()
        lines = file.read(LONGEST_HEADER) if fields.get("ElementDataFile", "").startswith("LIST") else b""
    if "ElementDataFile" not in fields or fields.get("ObjectType", "Image") != "Image":
        raise damaged(path.name, "it has no header of a MetaImage")
    return TextHeader(fields, size, tuple(lines.decode("utf-8", "replace").splitlines()))


def _parted(line: str) -> tuple[str, str, str]:
    """Part a line at the first of the two signs that MetaIO takes."""
    return line.partition(min("=:", key=lambda sign: line.find(sign) if sign in line else len(line)))


def _shape(fields: Fields, name: str) -> tuple[int, ...]:
    axes = _count(fields, "NDims", name)
    if not 1 <= axes <= MOST_AXES:
        raise damaged(name, f"its header claims {axes} axes (NDims); wanted 1 to {MOST_AXES}")
    shape = whole(fields.get("DimSize", ""), axes, "DimSize", name)
    if min(shape) < 1:
        raise damaged(name, f"its header claims the shape {shape} (DimSize)")
    return shape


def _count(fields: Fields, key: str, name: str) -> int:
    return whole(fields.get(key, ""), 1, key, name)[0]


def _load(path: Path, header: TextHeader, shape: tuple[int, ...]) -> tuple[Loaded, tuple[Path, ...]]:
    """Return the numbers, and the files that they are in."""
    fields, name = header.fields, path.name
    kind, big = fields.get("ElementType", ""), _says(fields, ORDERS, name)
    if kind not in TYPES:
        raise damaged(name, f"its values are of a type (ElementType) that is none of {' '.join(TYPES)}")
    dtype = np.dtype(TYPES[kind]).newbyteorder(">" if big else "<")
    named, packed = fields["ElementDataFile"], _says(fields, ("CompressedData",), name)
    text = _says(fields, ("BinaryData",), name, otherwise=True) is False
    if packed and text:
        raise damaged(name, "its values are said to be packed, and text")
    packing: Packing = "packed" if packed else "text" if text else "raw"
    skipped = _count(fields, "HeaderSize", name) if "HeaderSize" in fields else 0
    stored = Stored(path, dtype, shape, skipped, packing, _packed_bytes(fields, name))
    found = several(path, named, header.lines, math.prod(shape))
    _check_skipped(stored, inside=named.upper() == "LOCAL", many=found is not None)
    if found is not None:
        return load_several(path, found, stored)
    data = path if named.upper() == "LOCAL" else beside(path, named)
    start = header.size if data == path else skipped
    return load(Stored(data, dtype, shape, start, packing, stored.packed_bytes)), (data,)


def _check_skipped(stored: Stored, *, inside: bool, many: bool) -> None:
    """Refuse combinations of which MetaIO makes arbitrary numbers, or for which nobody says what they mean."""
    name, skipped = stored.path.name, stored.start
    if skipped < -1 or (skipped and (inside or stored.packing != "raw")):
        raise SourceError("SRC-FORMAT", f"{name} skips {skipped} bytes (HeaderSize); write it again without")
    if stored.packing == "packed" and many:
        raise SourceError(
            "SRC-FORMAT", f"{name} names several compressed files; they cannot be checked; write one file"
        )
    if stored.packing == "packed" and inside and stored.packed_bytes is None:
        raise damaged(name, "it is compressed and has no CompressedDataSize, of which ITK makes arbitrary numbers")


def _packed_bytes(fields: Fields, name: str) -> int | None:
    if "CompressedDataSize" not in fields:
        return None
    found = _count(fields, "CompressedDataSize", name)
    if found < 1:
        raise damaged(name, f"its packed values take {found} bytes (CompressedDataSize)")
    return found


def _says(fields: Fields, keys: Sequence[str], name: str, *, otherwise: bool = False) -> bool:
    """Return what the header answers to a question, under any of its names."""
    found = {fields[key].lower() for key in keys if key in fields}
    answers = {{"true": True, "t": True, "1": True, "false": False, "f": False, "0": False}.get(f) for f in found}
    if None in answers or len(answers) > 1:
        raise damaged(name, f"its {' and '.join(key for key in keys if key in fields)} say neither True nor False")
    return bool(answers.pop()) if answers else otherwise


def _order_notes(fields: Fields, dtype: np.dtype[np.generic]) -> tuple[str, ...]:
    told = (
        any(key in fields for key in ORDERS)
        or dtype.itemsize == 1
        or not _says(fields, ("BinaryData",), "", otherwise=True)
    )
    return () if told else ("it does not say its byte order; the least significant byte was taken for the first",)


def _place(fields: Fields, axes: int, name: str) -> tuple[Place, tuple[str, ...]]:
    """Return where the grid lies: distances, directions and the first voxel, each if it is stated.

    ElementSize is how large a voxel is and not how far it is to the next one (decided 2026-11-30): MetaIO takes it
    for the distance where there is no other, and slices that overlap or have gaps are then placed wrongly.
    """
    spacing = numbers(fields.get("ElementSpacing"), axes, "ElementSpacing", name)
    matrix = _one_of(fields, MATRICES, axes * axes, name)
    origin = _one_of(fields, PLACES, axes, name)
    # The matrix has the direction of each axis in a row.
    columns = None if matrix is None else np.reshape(matrix, (axes, axes)).T
    place, notes = placed(stated(spacing or ()), columns, point(origin or ()), name)
    mm, unit_notes = _unit(fields)
    place = place.without_lengths() if mm is None else place.in_mm(mm)
    return place.checked(name), (*unit_notes, *notes)


def _one_of(fields: Fields, keys: Sequence[str], count: int, name: str) -> tuple[float, ...] | None:
    """Return the numbers of a field that has several names."""
    found = {key: numbers(fields[key], count, key, name) for key in keys if key in fields}
    if len(set(found.values())) > 1:
        raise damaged(name, f"{' and '.join(found)} differ, which are names of the same")
    return next(iter(found.values()), None)


def _unit(fields: Fields) -> tuple[float | None, tuple[str, ...]]:
    """Return mm per unit of length, None for a unit that is not known, and a note where it is not mm."""
    unit = fields.get("DistanceUnits", "").strip('"').lower().removeprefix("met_distance_units_")
    if unit in ("", "mm", "?", "unknown"):
        return 1.0, ()
    if unit not in LENGTHS:
        return None, ("its unit of length (DistanceUnits) is not known: its lengths were not used",)
    return LENGTHS[unit], (f"its lengths are in {unit}; they were converted to mm",)


def _scale(fields: Fields, name: str) -> tuple[float, float]:
    """Stored numbers to real ones, which ITK leaves to who reads."""
    keys = [f"ElementToIntensityFunction{key}" for key in ("Slope", "Offset")]
    slope, offset = (numbers(fields.get(key, "0"), 1, key, name) or (0.0,) for key in keys)
    if not np.isfinite([*slope, *offset]).all():
        raise damaged(name, "its header scales by what is no number")
    return slope[0] or 1.0, offset[0]

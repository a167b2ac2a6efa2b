"""MetaImage (``.mha``, ``.mhd``): read by ITK, after what its header says and ITK leaves out."""

from __future__ import annotations

import zlib
from dataclasses import replace
from pathlib import Path

from derive.errors import SourceError
from derive.formats.itk import TextHeader, Told, loaded, refuse_missing, samples_of, size_of
from derive.formats.samples import Samples

#: Any of these says where the grid lies.
PLACES = ("TransformMatrix", "Rotation", "Orientation", "Offset", "Position", "Origin")
SPACINGS = ("ElementSpacing", "ElementSize")
LENGTHS = {"mm": 1.0, "cm": 10.0, "um": 0.001}
LONGEST_HEADER = 1 << 16
CHUNK = 1 << 16


def read(path: Path) -> Samples:
    """Return the volume of a ``.mha`` or ``.mhd`` file.

    Raises
    ------
    derive.errors.SourceError
        ``SRC-DAMAGED``, or ``SRC-MISSING`` where the file of its data is.
    derive.errors.GeometryError, derive.errors.ValuesError
        As `derive.formats.itk.loaded` and `derive.formats.itk.samples_of`.
    """
    fields, start = _header(path)
    data = _data_file(path, fields)
    refuse_missing(path, data)
    compressed = fields.get("CompressedData", "").lower() in ("true", "1")
    if compressed:
        _check_stated(path, data, fields)
    image = loaded(path, "MetaImageIO")
    if compressed and data is not None:
        _check_compressed(data, start if data == path else 0, fields, size_of(image))
    mm, notes = _length(fields)
    told = Told(
        path.name,
        "MetaImage",
        (1.0, 1.0, 1.0) if any(key in fields for key in PLACES) else None,
        spacing=any(key in fields for key in SPACINGS),
        mm=mm,
        scale=_scale(path, fields),
        notes=notes,
    )
    return replace(samples_of(image, told), files=(path,) if data is None else (path, data))


def _header(path: Path) -> TextHeader:
    """Return the fields, and how many bytes the header takes."""
    fields: dict[str, str] = {}
    with path.open("rb") as file:
        while file.tell() < LONGEST_HEADER and "ElementDataFile" not in fields:
            line = file.readline(LONGEST_HEADER)
            key, sign, value = line.decode("utf-8", "replace").partition("=")
            if not sign:
                break
            fields[key.strip()] = value.strip()
        if "ElementDataFile" in fields:
            return TextHeader(fields, file.tell())
    raise SourceError(
        "SRC-DAMAGED", f"{path.name} has no header of a MetaImage; it is damaged or not what its name says; replace it"
    )


def _data_file(path: Path, fields: dict[str, str]) -> Path | None:
    """Return the one file that the data are in; None where there are several."""
    named = fields["ElementDataFile"]
    if named.upper() == "LOCAL":
        return path
    return None if named.startswith("LIST") or "%" in named else path.parent / named


def _check_stated(path: Path, data: Path | None, fields: dict[str, str]) -> None:
    """Refuse what ITK gives arbitrary numbers for, without an error."""
    if data is None:
        raise SourceError(
            "SRC-FORMAT", f"{path.name} names several compressed files; they cannot be checked; write one file"
        )
    if fields.get("HeaderSize", "0") != "0":
        raise SourceError("SRC-FORMAT", f"{path.name} skips bytes before compressed data; write it again without")
    if data == path and not fields.get("CompressedDataSize", "").isdigit():
        raise SourceError(
            "SRC-DAMAGED",
            f"{path.name} is compressed and has no CompressedDataSize, without which ITK gives arbitrary numbers; "
            "write it again without compression",
        )


def _check_compressed(data: Path, start: int, fields: dict[str, str], size: int) -> None:
    """Inflate once more and compare size and checksum: ITK returns whatever is in memory where that fails."""
    stated = fields.get("CompressedDataSize", "")
    left = int(stated) if stated.isdigit() else data.stat().st_size - start
    engine, total = zlib.decompressobj(wbits=47), 0
    try:
        with data.open("rb") as file:
            file.seek(start)
            while left > 0 and not engine.eof:
                piece = file.read(min(CHUNK, left))
                left = left - len(piece) if piece else 0
                total += len(engine.decompress(piece))
    except zlib.error:
        total = -1
    if total != size or not engine.eof:
        found = "cannot be inflated" if total < 0 else f"inflate to {total} bytes"
        raise SourceError(
            "SRC-DAMAGED",
            f"the compressed data of {data.name} {found}; wanted {size}; they are truncated or damaged: "
            "copy or download the file again",
        )


def _length(fields: dict[str, str]) -> tuple[float, tuple[str, ...]]:
    """Return mm per unit of length, and a note where it is not 1."""
    unit = fields.get("DistanceUnits", "").strip('"').lower().removeprefix("met_distance_units_")
    if unit in ("", "mm", "?", "unknown"):
        return 1.0, ()
    if unit not in LENGTHS:
        return 1.0, (f"its unit of length is {unit}; it was taken for mm",)
    return LENGTHS[unit], (f"its lengths are in {unit}; they were converted to mm",)


def _scale(path: Path, fields: dict[str, str]) -> tuple[float, float]:
    """Stored numbers to real ones, which ITK leaves to who reads."""
    stated = [fields.get(f"ElementToIntensityFunction{key}", "0") for key in ("Slope", "Offset")]
    try:
        slope, offset = map(float, stated)
    except ValueError as error:
        raise SourceError(
            "SRC-DAMAGED",
            f"the header of {path.name} scales by {' and '.join(map(repr, stated))}; wanted two numbers; correct it",
        ) from error
    return slope or 1.0, offset

"""NRRD: read by ITK, after what its header says and ITK leaves out."""

from __future__ import annotations

import gzip
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from derive.errors import SourceError
from derive.formats.itk import TextHeader, Told, loaded, nrrd_place, pixel_kind, refuse_missing, samples_of, size_of
from derive.formats.samples import Samples

LENGTHS = {"mm": 1.0, "millimeter": 1.0, "millimeters": 1.0, "cm": 10.0, "m": 1000.0, "meter": 1000.0}
LENGTHS |= {"um": 0.001, "µm": 0.001, "μm": 0.001, "micron": 0.001, "microns": 0.001}
SECONDS = {"s": 1.0, "sec": 1.0, "seconds": 1.0, "ms": 1e-3, "msec": 1e-3, "us": 1e-6, "usec": 1e-6}
LONGEST_HEADER = 1 << 20
CHUNK = 1 << 20


def read(path: Path) -> Samples:
    """Return the volume of a ``.nrrd`` or ``.nhdr`` file.

    Raises
    ------
    derive.errors.SourceError
        ``SRC-DAMAGED``, or ``SRC-MISSING`` where the file of its data is.
    derive.errors.GeometryError, derive.errors.ValuesError
        As `derive.formats.itk.loaded` and `derive.formats.itk.samples_of`.
    """
    header = _header(path)
    data = _data_file(path, header)
    refuse_missing(path, data)
    image = loaded(path, "NrrdImageIO")
    if data is not None:
        _check_gzip(data, header, size_of(image))
    keys = {key: image.GetMetaData(key) for key in image.GetMetaDataKeys()}
    signs, notes = nrrd_place(keys)
    mm, unit_notes = _length(header.fields)
    told = Told(
        path.name,
        "NRRD",
        signs,
        spacing=_states_spacing(header.fields),
        mm=mm,
        time_step_s=_time_step(image, header.fields, keys),
        kind=pixel_kind(keys),
        notes=(*notes, *unit_notes),
    )
    return replace(samples_of(image, told), files=(path,) if data is None else (path, data))


def _header(path: Path) -> TextHeader:
    """Return the fields by their name in lower case without blanks, and how many bytes the header takes."""
    with path.open("rb") as file:
        start = file.read(LONGEST_HEADER)
    end = re.search(rb"\r?\n\r?\n", start)
    text = start[: end.start() if end else None].decode("utf-8", "replace")
    if not text.startswith("NRRD"):
        raise SourceError(
            "SRC-DAMAGED", f"{path.name} does not start with NRRD; it is damaged or not what its name says; replace it"
        )
    pairs = re.findall(r"^([^#:\n]+): *(.*?)\s*$", text, re.MULTILINE)
    return TextHeader({key.lower().replace(" ", ""): value for key, value in pairs}, end.end() if end else len(start))


def _data_file(path: Path, header: TextHeader) -> Path | None:
    """Return the one file that the data are in; None where there are several."""
    named = header.fields.get("datafile")
    if named is None:
        return path
    return None if re.search(r"^LIST\b|%\d*d", named) else path.parent / named


def _check_gzip(data: Path, header: TextHeader, size: int) -> None:
    """Raise ``SRC-DAMAGED`` where the end of compressed data is missing: ITK stops at the last voxel."""
    fields = header.fields
    skips = {fields.get(key, "0") for key in ("lineskip", "byteskip")}
    if fields.get("encoding", "").lower() not in ("gzip", "gz") or skips != {"0"}:
        return
    with data.open("rb") as file:
        file.seek(-4, 2)
        # A gzip file ends with its size; one that ends otherwise has several parts, a tail, or no end.
        if int.from_bytes(file.read(4), "little") == size % (1 << 32):
            return
        file.seek(0 if "datafile" in fields else header.size)
        total = 0
        try:
            with gzip.GzipFile(fileobj=file) as stream:
                while piece := stream.read(CHUNK):
                    total += len(piece)
        except EOFError as error:
            raise SourceError(
                "SRC-DAMAGED", f"{data.name} is truncated: its compressed data have no end; copy or download it again"
            ) from error
        except gzip.BadGzipFile:
            # What follows the end of the data is none of ours.
            pass


def _states_spacing(fields: dict[str, str]) -> bool:
    """Whether three distances are stated: ITK takes 1 where one is not."""
    spacings = [float(s) for s in fields.get("spacings", "").split()]
    return "spacedirections" in fields or sum(bool(np.isfinite(s)) for s in spacings) >= 3


def _quoted(fields: dict[str, str], key: str) -> list[str]:
    return [unit.strip().lower() for unit in re.findall(r'"([^"]*)"', fields.get(key, ""))]


def _length(fields: dict[str, str]) -> tuple[float, tuple[str, ...]]:
    """Return mm per unit of length, and a note where it is not 1."""
    units = set((_quoted(fields, "spaceunits") or _quoted(fields, "units"))[:3]) - {""}
    if not units:
        return 1.0, ()
    if len(units) > 1 or not units <= LENGTHS.keys():
        return 1.0, (f"its units of length are {', '.join(sorted(units))}; they were taken for mm",)
    unit = units.pop()
    factor = LENGTHS[unit]
    return factor, (f"its lengths are in {unit}; they were converted to mm",) if factor != 1.0 else ()


def _time_step(image: Any, fields: dict[str, str], keys: dict[str, str]) -> float | None:
    if image.GetDimension() < 4 or keys.get("NRRD_kinds[3]", "time") != "time":
        return None
    units = _quoted(fields, "spaceunits") or _quoted(fields, "units")
    factor = SECONDS.get(units[3]) if len(units) > 3 else None
    return None if factor is None else factor * float(image.GetSpacing()[3])

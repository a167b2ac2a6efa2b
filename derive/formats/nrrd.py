"""NRRD: what its header says is judged here, and nothing that it does not say is made up."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from derive.errors import SourceError
from derive.formats.axes import axes_of
from derive.formats.components import components_of
from derive.formats.detached import TextHeader, beside, load_several, several
from derive.formats.nrrd_weights import is_weighted, pairs_of, weights_in
from derive.formats.samples import Samples
from derive.formats.stored import MOST_AXES, Loaded, Packing, Stored, damaged, load
from derive.formats.textual import whole

#: Names of the types, as the format has them.
_NAMED = {
    "i1": "signed char|int8|int8_t",
    "u1": "uchar|unsigned char|uint8|uint8_t",
    "i2": "short|short int|signed short|signed short int|int16|int16_t",
    "u2": "ushort|unsigned short|unsigned short int|uint16|uint16_t",
    "i4": "int|signed int|int32|int32_t",
    "u4": "uint|unsigned int|uint32|uint32_t",
    "i8": "longlong|long long|long long int|signed long long|signed long long int|int64|int64_t",
    "u8": "ulonglong|unsigned long long|unsigned long long int|uint64|uint64_t",
    "f4": "float",
    "f8": "double",
}
TYPES = {name: code for code, names in _NAMED.items() for name in names.split("|")}
PACKINGS: dict[str, Packing] = {
    "raw": "raw",
    "gzip": "packed",
    "gz": "packed",
    "txt": "text",
    "text": "text",
    "ascii": "text",
    "hex": "hex",
}
#: Fields of the format, without blanks.
FIELD = re.compile(
    "dimension|type|blocksize|encoding|endian|content|min|max|oldmin|oldmax|datafile|lineskip|byteskip|number|sizes|"
    "spacings|thicknesses|axismins|axismaxs|centerings|centers|labels|units|kinds|space|spacedimension|spaceunits|"
    "spaceorigin|spacedirections|measurementframe|sampleunits"
)
LONGEST_HEADER = 1 << 20
MOST_LINES_SKIPPED = 10_000


def read(path: Path) -> Samples:
    """Return the volume of a ``.nrrd`` or ``.nhdr`` file.

    Raises
    ------
    derive.errors.SourceError
        ``SRC-DAMAGED``, ``SRC-FORMAT``, ``SRC-SIZE``, or ``SRC-MISSING`` where the file of its data is.
    derive.errors.GeometryError, derive.errors.ValuesError
        As `derive.formats.axes.axes_of` and `derive.formats.components.components_of`.
    """
    header = _header(path)
    fields, name = header.fields, path.name
    shape = _shape(fields, name)
    axes = axes_of(fields, len(shape), name)
    (found, notes), files = _load(path, header, shape)
    weighted = is_weighted(header.pairs)
    array, more = components_of(*axes.arranged(found), "list" if weighted else axes.kind, name)
    place, where = axes.place(fields, name)
    return Samples(
        name,
        "NRRD",
        array,
        place=place,
        time_step_s=axes.time_step(fields) if array.shape[3] > 1 else None,
        notes=(*where, *axes.notes, *more, *notes),
        files=tuple(dict.fromkeys((path, *files))),
        weights=weights_in(header.pairs, fields, array.shape[3], name) if array.ndim == 4 else None,
    )


def _header(path: Path) -> TextHeader:
    """Return the fields by their name in lower case without blanks, and how many bytes the header takes."""
    with path.open("rb") as file:
        start = file.read(LONGEST_HEADER)
    end = re.search(rb"\r?\n\r?\n", start)
    lines = start[: end.start() if end else None].decode("utf-8", "replace").splitlines()
    if not lines or not re.fullmatch(r"NRRD000[1-6]", lines[0].rstrip()):
        raise damaged(path.name, "it does not start with NRRD and a version that is known")
    fields: dict[str, str] = {}
    for number, line in enumerate(lines[1:], 2):
        if fields.get("datafile", "").startswith("LIST"):
            return TextHeader(fields, len(start), tuple(lines[number - 1 :]), pairs_of(lines[: number - 1]))
        if line.startswith("#") or ":=" in line.partition(": ")[0]:
            continue  # a comment, or a key of somebody's own
        key, sign, value = line.partition(":")
        key = re.sub(r"[ \t]", "", key).lower()
        if not sign or not FIELD.fullmatch(key):
            raise damaged(path.name, f"line {number} of its header is no field of NRRD")
        if key in fields:
            raise damaged(path.name, f"its header states {key} twice")
        fields[key] = value.strip()
    return TextHeader(fields, end.end() if end else len(start), pairs=pairs_of(lines))


def _shape(fields: dict[str, str], name: str) -> tuple[int, ...]:
    (count,) = whole(fields.get("dimension", ""), 1, "dimension", name)
    if not 1 <= count <= MOST_AXES:
        raise damaged(name, f"its header claims {count} axes (dimension); wanted 1 to {MOST_AXES}")
    shape = whole(fields.get("sizes", ""), count, "sizes", name)
    if min(shape) < 1:
        raise damaged(name, f"its header claims the shape {shape} (sizes)")
    return shape


def _load(path: Path, header: TextHeader, shape: tuple[int, ...]) -> tuple[Loaded, tuple[Path, ...]]:
    """Return the numbers, and the files that they are in."""
    fields, name = header.fields, path.name
    packing = PACKINGS.get(fields.get("encoding", "").lower())
    if packing is None:
        raise SourceError(
            "SRC-FORMAT",
            f"the encoding of {name} is none of {' '.join(PACKINGS)}; write it again as raw or gzip",
        )
    stored = Stored(path, _dtype(fields, packing, name), shape, 0, packing)
    named = fields.get("datafile")
    found = None if named is None else several(path, named, header.lines, int(np.prod(shape, dtype=object)))
    lines, skipped = (_skip(fields, key, name) for key in ("lineskip", "byteskip"))
    if (skipped and packing != "raw") or (lines and packing == "packed" and named is None):
        raise SourceError("SRC-FORMAT", f"{name} skips bytes before packed values or text; write it again without")
    if found is not None:
        if lines:
            raise SourceError("SRC-FORMAT", f"{name} skips lines of several files; write one file")
        return load_several(path, found, _from(stored, path, skipped))
    data = path if named is None else beside(path, named)
    start = header.size if named is None else 0
    start = -1 if skipped < 0 else _after_lines(data, start, lines, name) + skipped
    return load(_from(stored, data, start)), (data,)


def _from(stored: Stored, path: Path, start: int) -> Stored:
    return Stored(path, stored.dtype, stored.shape, start, stored.packing)


def _dtype(fields: dict[str, str], packing: Packing, name: str) -> np.dtype[Any]:
    kind = " ".join(fields.get("type", "").lower().split())
    if kind not in TYPES:
        raise damaged(name, "its values are of a type that NRRD does not have, or that is not read")
    dtype, order = np.dtype(TYPES[kind]), fields.get("endian", "").lower()
    if order not in ("", "little", "big"):
        raise damaged(name, "its endian is neither little nor big")
    if dtype.itemsize > 1 and packing != "text" and not order:
        raise damaged(name, "it does not say the byte order of its values (endian)")
    return dtype.newbyteorder(">" if order == "big" else "<")


def _skip(fields: dict[str, str], key: str, name: str) -> int:
    (found,) = whole(fields.get(key, "0"), 1, key, name)
    if found < (-1 if key == "byteskip" else 0) or (key == "lineskip" and found > MOST_LINES_SKIPPED):
        raise damaged(name, f"it skips {found} ({key})")
    return found


def _after_lines(data: Path, start: int, lines: int, name: str) -> int:
    """Return where the bytes after so many lines begin."""
    with data.open("rb") as file:
        file.seek(start)
        for _ in range(lines):
            if not file.readline(LONGEST_HEADER).endswith(b"\n"):
                raise damaged(name, f"it skips {lines} lines, and there are fewer")
        return file.tell()

"""Files of numpy: the header of an array is judged before a byte of it is read, and nothing is unpickled."""

from __future__ import annotations

import json
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from derive.errors import DeriveError, SourceError, ValuesError
from derive.formats.affines import refuse_kind
from derive.formats.arrays import of_array
from derive.formats.place import Place
from derive.formats.samples import Samples
from derive.formats.stored import CHUNK, MOST_AXES, Stored, damaged, load
from derive.limits import check_unpacked

#: What an array that is written here is described by, in a file beside it.
VOLUME_SCHEMA = "derive-volume/1"
#: Bytes of such a description, and of the header of an array.
LONGEST_DESCRIPTION, LONGEST_HEADER = 1 << 20, 1 << 16
#: How many names of arrays a message has, and how much of each.
NAMES, NAME_LENGTH = 5, 40


class ArrayHeader(NamedTuple):
    """What the header of an array says."""

    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype[Any]

    @property
    def size(self) -> int:
        """Bytes of all the numbers."""
        return prod(self.shape) * self.dtype.itemsize

    def ordered(self, flat: NDArray[Any]) -> NDArray[Any]:
        """Return numbers, one after another, in the order of the header."""
        return flat.reshape(self.shape, order="F" if self.fortran else "C")


def read_npy(path: Path) -> Samples:
    """Return the array of a ``.npy`` file, mapped to memory; axes as `derive.formats.arrays.of_array` has them.

    Where it lies is what the ``.json`` beside it says, if that is one of ours.

    Raises
    ------
    derive.errors.SourceError
        ``SRC-DAMAGED`` or ``SRC-DESCRIBED``.
    derive.errors.ValuesError
        ``VAL-TYPE`` for Python objects, and as `derive.formats.arrays.of_array`.
    """
    with _ours(path.name), path.open("rb") as file:
        header = _header(file, path.name)
        start = file.tell()
    # A line of all numbers, so that what is left over is held against one slice.
    shape = header.shape if header.fortran else header.shape[::-1]
    found, notes = load(Stored(path, header.dtype, shape or (1,), start))
    samples = of_array(found if header.fortran else found.T, path.name, "npy")
    place = placed_by(path, header.shape)
    samples = replace(samples, notes=(*samples.notes, *notes), files=(path,))
    return samples if place is None else replace(samples, place=place, placeable=True)


def read_npz(path: Path) -> Samples:
    """Return the only array of a ``.npz`` file; axes as `derive.formats.arrays.of_array` has them.

    Raises
    ------
    derive.errors.SourceError
        ``SRC-ARRAYS`` where it holds none or several; the message names them. ``SRC-DAMAGED``, ``SRC-SIZE``.
    derive.errors.ValuesError
        As `read_npy`.
    """
    with _ours(path.name), zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        if len(members) != 1:
            names = [_shown(member.filename) for member in members]
            more = ", ..." if len(names) > NAMES else ""
            raise SourceError(
                "SRC-ARRAYS",
                f"{path.name} holds {len(names)} arrays ({', '.join(names[:NAMES]) or 'none'}{more}); wanted one; "
                "save the volume alone",
                names=tuple(names),
            )
        with archive.open(members[0]) as file:
            array = _unpacked(file, members[0], path)
    return of_array(array, path.name, "npz")


def _shown(filename: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in filename.removesuffix(".npy")[:NAME_LENGTH])


def _unpacked(file: IO[bytes], member: zipfile.ZipInfo, path: Path) -> NDArray[Any]:
    """Read one member to its end, where its checksum is compared."""
    header, packed = _header(file, path.name), min(member.compress_size, path.stat().st_size)
    check_unpacked(path.name, max(header.size, member.file_size), packed)
    if header.size > member.file_size:
        raise damaged(path.name, f"its header claims {header.size} bytes, and it unpacks to {member.file_size}")
    if min(header.shape, default=1) < 1:
        raise ValuesError("VAL-EMPTY", f"{path.name} has the shape {header.shape}, so it holds no values; wanted 1")
    buffer, done = np.empty(header.size, np.uint8), 0
    while piece := file.read(CHUNK):
        if done + len(piece) > header.size:
            raise damaged(path.name, f"its header claims {header.size} bytes of values, and there are more")
        buffer[done : done + len(piece)] = np.frombuffer(piece, np.uint8)
        done += len(piece)
    if done < header.size:
        raise damaged(path.name, f"its header claims {header.size} bytes of values, and there are {done}")
    return header.ordered(buffer.view(header.dtype))


def _header(file: IO[bytes], name: str) -> ArrayHeader:
    """Return what the header of an array says, if an image can be made of that."""
    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    version = np.lib.format.read_magic(file)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of headers that Python 2 wrote, which are read all the same
        if version not in read:
            raise damaged(name, "the version of its header is none that is read")
        header = ArrayHeader(*read[version](file, max_header_size=LONGEST_HEADER))
    if len(header.shape) > MOST_AXES or any(isinstance(n, bool) or n < 0 for n in header.shape):
        raise damaged(name, "its header claims a shape that no array has")
    if header.dtype.hasobject:
        raise ValuesError("VAL-TYPE", f"{name} holds Python objects, which are not unpickled; save plain numbers")
    refuse_kind(header.dtype, name)
    return header


@contextmanager
def _ours(name: str) -> Iterator[None]:
    """Turn whatever numpy, zipfile and the decompressors raise of a damaged file into an error of ours."""
    try:
        yield
    except (DeriveError, KeyboardInterrupt):
        raise
    except Exception as error:  # tokenize, ast, struct, zlib, lzma, zipfile: each has its own
        raise damaged(name, f"it is no array of numpy ({type(error).__name__})") from error


def placed_by(path: Path, shape: tuple[int, ...]) -> Place | None:
    """Return where an array lies, if the description beside it is one of ours; None without one.

    Raises
    ------
    derive.errors.SourceError
        ``SRC-DESCRIBED`` for a description that is of another array.
    derive.errors.GeometryError
        ``GEO-DETERMINANT`` or ``GEO-LIMITS``.
    """
    described = path.with_suffix(".json")
    try:
        with described.open("rb") as file:
            facts = json.loads(file.read(LONGEST_DESCRIPTION))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(facts, dict) or facts.get("schema") != VOLUME_SCHEMA:
        return None
    try:
        affine = np.array(facts.get("affine_index_to_lps"), dtype=np.float64)
    except (ValueError, TypeError, OverflowError):
        affine = np.empty(0)
    if facts.get("shape") != list(shape) or affine.shape != (4, 4):
        raise SourceError(
            "SRC-DESCRIBED",
            f"{described.name} describes an array of another shape than {path.name} has, {list(shape)}, or not where "
            "it lies; move the description away and say where the array lies, or put the right one there",
        )
    return Place.of_affine(affine[:, [2, 1, 0, 3]], path.name)

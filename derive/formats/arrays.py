"""Arrays: those of a program, and raw bytes whose layout the user states."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from derive.errors import SourceError, UsageError, ValuesError
from derive.formats.affines import four_axes, numeric
from derive.formats.samples import Samples

TYPES = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64")
#: Types that a wrong guess is most often about, and widths of slices that are usual; likeliest first.
LIKELY_TYPES = ("int16", "uint16", "uint8", "float32", "float64")
LIKELY_WIDTHS = (512, 256, 1024, 128, 320, 384, 400, 640, 768, 192, 64)
#: Slices that a volume of square slices may have; and how many guesses a message shows.
LIKELY_SLICES = range(4, 2001)
MOST_FITS = 8
#: More bytes than these at the front are no header.
LONGEST_HEADER = 65536
#: A last axis of so many is one of colours or channels where the one before it is longer than this.
CHANNELS, LONGEST_OF_CHANNELS = (3, 4), 15


@dataclass(frozen=True)
class RawLayout:
    """How the bytes of a raw file lie; x is fastest.

    Parameters
    ----------
    shape_xyz : (x, y, z) or (x, y, z, times)
        Columns, rows, slices, and volumes one after another.
    dtype : str
        One of int8, uint8, int16, uint16, int32, uint32, int64, uint64, float32, float64.
    byte_order : {"little", "big"}
        Which byte of a number comes first: the least ("little") or the most significant.
    offset : int
        Bytes before the first voxel.
    """

    shape_xyz: tuple[int, ...]
    dtype: str
    byte_order: Literal["little", "big"] = "little"
    offset: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape_xyz", tuple(self.shape_xyz))
        if len(self.shape_xyz) not in (3, 4) or not all(_whole(n) and n > 0 for n in self.shape_xyz):
            raise UsageError(
                "RAW-SHAPE", f"raw shape {self.shape_xyz}; wanted x y z or x y z times, whole numbers above 0"
            )
        if self.dtype not in TYPES:
            raise UsageError("RAW-TYPE", f"raw type {self.dtype!r}; wanted one of {', '.join(TYPES)}")
        if self.byte_order not in ("little", "big"):
            raise UsageError("RAW-ORDER", f"raw byte order {self.byte_order!r}; wanted little or big")
        if not _whole(self.offset) or self.offset < 0:
            raise UsageError("RAW-OFFSET", f"raw offset {self.offset!r}; wanted a whole number of bytes, 0 or more")

    @property
    def numpy_dtype(self) -> np.dtype[Any]:
        """The type of a voxel with its byte order."""
        return np.dtype(self.dtype).newbyteorder("<" if self.byte_order == "little" else ">")

    @property
    def file_size(self) -> int:
        """Bytes that the file has to have."""
        return self.offset + prod(self.shape_xyz) * self.numpy_dtype.itemsize


def _whole(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def read_raw(path: Path, layout: RawLayout) -> Samples:
    """Return the volume of a raw file, mapped to memory.

    Raises
    ------
    derive.errors.SourceError
        ``RAW-SIZE`` where the file has more or fewer bytes than stated; the message says what would fit.
    """
    found = path.stat().st_size
    if found != layout.file_size:
        fits = likely_fits(found, layout)
        would = f"; what fits: {'; '.join(fits)}" if fits else ""
        shape = " x ".join(map(str, layout.shape_xyz))
        raise SourceError(
            "RAW-SIZE",
            f"{path.name} has {found} bytes, but {shape} {layout.dtype} after an offset of {layout.offset} takes "
            f"{layout.file_size}; state the layout that the file has{would}",
            expected=layout.file_size,
            found=found,
            fits=fits,
        )
    flat = np.memmap(path, layout.numpy_dtype, "r", layout.offset, layout.shape_xyz, "F")
    return Samples(path.name, "raw", four_axes(flat, path.name), slice_axis=2, placeable=False)


def likely_fits(found: int, layout: RawLayout) -> list[str]:
    """Return the likeliest layouts that take `found` bytes, likeliest first, as texts."""
    content, item = found - layout.offset, layout.numpy_dtype.itemsize
    if content <= 0:
        return []
    *plane, last = layout.shape_xyz
    fits = []
    count, rest = divmod(content, prod(plane) * item)
    if count and not rest:
        fits.append(f"{' x '.join(map(str, (*plane, count)))} {layout.dtype}")
    if 0 < found - layout.file_size <= LONGEST_HEADER:
        fits.append(f"the stated shape and type at an offset of {found - layout.file_size + layout.offset}")
    width, rest = divmod(content, prod(plane) * last)
    if not rest:
        fits += [f"the stated shape as {t}" for t in TYPES if np.dtype(t).itemsize == width]
    fits += _square(content, layout.dtype)
    for dtype in LIKELY_TYPES:
        fits += _square(content, dtype)
    return list(dict.fromkeys(fits))[:MOST_FITS]


def _square(content: int, dtype: str) -> list[str]:
    found = []
    for width in LIKELY_WIDTHS:
        slices, rest = divmod(content, width * width * np.dtype(dtype).itemsize)
        if not rest and slices in LIKELY_SLICES:
            found.append(f"{width} x {width} x {slices} {dtype}")
    return found[:2]


def of_array(array: NDArray[Any], name: str = "numpy array", form: str = "numpy") -> Samples:
    """Return an array without a copy.

    A last axis of 1 is one of channels and is taken off: nobody has images of one column (decided 2026-11-30).

    Parameters
    ----------
    array : (row, column), (slice, row, column) or (time, slice, row, column)
        Integers, floats or booleans.
    name, form : str
        What messages call it, and its format.

    Raises
    ------
    derive.errors.ValuesError
        ``VAL-TYPE``, ``VAL-COMPLEX``, ``VAL-EMPTY``, ``VAL-SHAPE``, ``VAL-5D``; ``VAL-CHANNELS`` where the last axis
        is one of several channels.
    """
    if isinstance(array, np.ma.MaskedArray):
        raise ValuesError("VAL-TYPE", f"{name} is a masked array; fill its masked values with a number first")
    numeric(array, name)
    if array.ndim < 2:
        raise ValuesError("VAL-SHAPE", f"{name} has the shape {array.shape}; wanted (slice, row, column)")
    shape = shape_without_ones(array.shape)
    notes: tuple[str, ...] = ()
    if len(shape) > 2 and shape[-1] in CHANNELS and shape[-2] > LONGEST_OF_CHANNELS:
        raise ValuesError(
            "VAL-CHANNELS",
            f"{name} has the shape {array.shape}, whose last axis looks like one of channels or colours; wanted "
            "(slice, row, column); take one channel, or turn its axes",
        )
    if shape != array.shape[len(array.shape) - len(shape) :]:
        notes = (f"of its shape {array.shape} the axes of length 1 at the end were taken off, as those of a channel",)
    if len(shape) == 4 and shape[0] > 1:
        notes += (f"its shape {shape} was read as (time, slice, row, column)",)
    files = () if (mapped := getattr(array, "filename", None)) is None else (Path(mapped),)
    turned = four_axes(array.reshape(shape).T, name)
    return Samples(name, form, turned, slice_axis=2, notes=notes, placeable=False, files=files)


def shape_without_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Take off axes of length 1: those before the fourth from the end, and those at the end of three or more.

    Behind another one it stays: images of a single pixel have both.
    """
    while len(shape) > 2 and shape[-1] == 1 < shape[-2]:
        shape = shape[:-1]
    while len(shape) > 4 and shape[0] == 1:
        shape = shape[1:]
    return shape

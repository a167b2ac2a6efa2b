"""Boxes of a JPEG image made blank in its blocks: all other blocks keep the bits that they have."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from derive.pixels.area import Area
from derive.pixels.jpeg.entropy import CodedBlock, Interval
from derive.pixels.jpeg.huffman import Huffman, NotSequential
from derive.pixels.jpeg.markers import Scan, ScanComponent, Sequential, TableRef, Tables, parsed

_SIDE = 8
_RESTART = re.compile(rb"\xff+[\xd0-\xd7]")
_CATEGORIES, _ONLY_END = {8: range(12), 12: range(16)}, range(1)


def blanked(codestream: bytes, areas: Sequence[Area], levels: Sequence[int]) -> bytes:
    """Return a codestream in which all blocks are blank that some areas touch.

    Parameters
    ----------
    codestream : bytes
        Sequential DCT with Huffman codes.
    areas : sequence of Area
        Of the image; they grow to whole minimum coded units (:func:`grid_of`).
    levels : sequence of int
        For each component: -1 the lowest sample there is, 0 the middle one, 1 the highest.

    Raises
    ------
    NotSequential
        If it is of another process, or damaged.
    """
    image = parsed(codestream)
    if image.precision not in _CATEGORIES or len(levels) != len(image.components):
        raise NotSequential("it has other components than its attributes say")
    touched = _touched(image, areas)
    if not touched.any():
        return codestream
    tables = _extended(image)
    parts: list[bytes] = []
    for index, part in enumerate(image.parts):
        if isinstance(part, Tables):
            kept = tuple((head, tables.get(TableRef(index, i), table)) for i, (head, table) in enumerate(part.tables))
            parts.append(Tables(kept).segment())
        elif isinstance(part, Scan):
            parts.append(_scan(image, part, touched, _Writing(tables, levels)))
        else:
            parts.append(part)
    return b"".join(parts)


def grid_of(codestream: bytes) -> tuple[int, int]:
    """Return columns and rows of what is blanked at once: a minimum coded unit (A.2)."""
    return _grid(parsed(codestream))


def is_ycbcr(codestream: bytes) -> bool | None:
    """Whether the markers of an image of three components say that they are YCbCr; None where they say nothing."""
    image = parsed(codestream)
    if image.transform is not None:
        return image.transform == 1
    return True if image.jfif else None


class _Writing(NamedTuple):
    tables: dict[TableRef, Huffman]
    levels: Sequence[int]


def _grid(image: Sequential) -> tuple[int, int]:
    return _SIDE * max(c.across for c in image.components), _SIDE * max(c.down for c in image.components)


def _touched(image: Sequential, areas: Sequence[Area]) -> NDArray[np.bool_]:
    """Minimum coded units, (row, column), that some areas touch."""
    wide, high = _grid(image)
    units = np.zeros((-(-image.rows // high), -(-image.columns // wide)), bool)
    for area in areas:
        units[area.top // high : -(-area.bottom // high), area.left // wide : -(-area.right // wide)] = True
    return units


def _extended(image: Sequential) -> dict[TableRef, Huffman]:
    """Tables of all scans, each with a code for every difference, and for the end of a block."""
    tables: dict[TableRef, Huffman] = {}
    for scan in (part for part in image.parts if isinstance(part, Scan)):
        for component in scan.components:
            for ref, wanted in ((component.dc, _CATEGORIES[image.precision]), (component.ac, _ONLY_END)):
                tables[ref] = image.table(ref).with_symbols(wanted)
    return tables


def _scan(image: Sequential, scan: Scan, touched: NDArray[np.bool_], writing: _Writing) -> bytes:
    unit = [_block(image, i, c, writing) for i, c in enumerate(scan.components) for _ in range(_times(image, scan, c))]
    units = (touched if len(scan.components) > 1 else _blocks(image, scan.components[0], touched)).ravel()
    marks = [found.group() for found in _RESTART.finditer(scan.data)] if scan.restart else []
    intervals = _RESTART.split(scan.data) if scan.restart else [scan.data]
    length = scan.restart or len(units)
    if len(intervals) != -(-len(units) // length):
        raise NotSequential("its restart intervals are not as many as it says")
    written: list[bytes] = []
    for index, data in enumerate(intervals):
        own = units[index * length : (index + 1) * length]
        written += [
            Interval(data, unit).blanked(len(own), _runs(own)) if own.any() else data,
            *marks[index : index + 1],
        ]
    return b"".join(written)


def _times(image: Sequential, scan: Scan, component: ScanComponent) -> int:
    """Blocks of a component in a unit: one where it is alone (A.2.2)."""
    found = image.components[component.which]
    return found.across * found.down if len(scan.components) > 1 else 1


def _block(image: Sequential, index: int, component: ScanComponent, writing: _Writing) -> CodedBlock:
    half = 1 << image.precision - 1
    level = writing.levels[component.which]
    # the first coefficient is eight times the mean of the block, and samples are levelled by half their range
    value = {-1: -(-half * _SIDE // component.step), 0: 0, 1: -(-(half - 1) * _SIDE // component.step)}[level]
    blank = -value if level < 0 else value
    return CodedBlock(index, writing.tables[component.dc], writing.tables[component.ac], blank)


def _blocks(image: Sequential, component: ScanComponent, touched: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Blocks, (row, column), of a component that is alone in its scan, in units that are touched."""
    found = image.components[component.which]
    wide, high = (n // _SIDE for n in _grid(image))
    columns = _up(_up(image.columns * found.across, wide), _SIDE)
    rows = _up(_up(image.rows * found.down, high), _SIDE)
    spread = touched.repeat(found.down, axis=0).repeat(found.across, axis=1)
    return spread[:rows, :columns]


def _up(number: int, by: int) -> int:
    return -(-number // by)


def _runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]])))
    return [(int(first), int(end)) for first, end in edges.reshape(-1, 2)]

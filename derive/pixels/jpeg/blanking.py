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
        Of the image; in each component they grow to whole blocks, 8 samples wide and high.
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
    if not areas:
        return codestream
    tables = _extended(image)
    parts: list[bytes] = []
    for index, part in enumerate(image.parts):
        if isinstance(part, Tables):
            kept = tuple((head, tables.get(TableRef(index, i), table)) for i, (head, table) in enumerate(part.tables))
            parts.append(Tables(kept).segment())
        elif isinstance(part, Scan):
            parts.append(_scan(image, part, _Writing(areas, tables, levels)))
        else:
            parts.append(part)
    return b"".join(parts)


def is_ycbcr(codestream: bytes) -> bool | None:
    """Whether the markers of an image of three components say that they are YCbCr; None where they say nothing."""
    image = parsed(codestream)
    if image.transform is not None:
        return image.transform == 1
    return True if image.jfif else None


class _Writing(NamedTuple):
    """What is to be blank, with which tables, and how."""

    areas: Sequence[Area]
    tables: dict[TableRef, Huffman]
    levels: Sequence[int]


def _extended(image: Sequential) -> dict[TableRef, Huffman]:
    """Tables of all scans, each with a code for every difference, and for the end of a block."""
    tables: dict[TableRef, Huffman] = {}
    for scan in (part for part in image.parts if isinstance(part, Scan)):
        for component in scan.components:
            for ref, wanted in ((component.dc, _CATEGORIES[image.precision]), (component.ac, _ONLY_END)):
                tables[ref] = image.table(ref).with_symbols(wanted)
    return tables


def _scan(image: Sequential, scan: Scan, writing: _Writing) -> bytes:
    """Blank blocks of a scan, one restart interval after the other."""
    alone = len(scan.components) == 1
    times = [1 if alone else image.components[c.which].times for c in scan.components]
    unit = [_block(image, i, c, writing) for i, c in enumerate(scan.components) for _ in range(times[i])]
    flags = np.concatenate([_flags(image, c, writing.areas, alone=alone) for c in scan.components], axis=1)
    marks = [found.group() for found in _RESTART.finditer(scan.data)] if scan.restart else []
    intervals = _RESTART.split(scan.data) if scan.restart else [scan.data]
    length = scan.restart or len(flags)
    if len(intervals) != _up(len(flags), length):
        raise NotSequential("its restart intervals are not as many as it says")
    written: list[bytes] = []
    for index, data in enumerate(intervals):
        own = flags[index * length : (index + 1) * length]
        written += [Interval(data, unit).blanked(own) if own.any() else data, *marks[index : index + 1]]
    return b"".join(written)


def _flags(image: Sequential, component: ScanComponent, areas: Sequence[Area], *, alone: bool) -> NDArray[np.bool_]:
    """Which blocks of a component some areas touch: (units, blocks of a unit) bool, in the order of the scan."""
    own = image.components[component.which]
    wide, high = (_SIDE * max(sizes) for sizes in zip(*((c.across, c.down) for c in image.components), strict=True))
    rows, columns = _up(image.rows, high), _up(image.columns, wide)  # of minimum coded units
    blocks = np.zeros((rows * own.down, columns * own.across), bool)
    for left, top, right, bottom in areas:
        # blocks that only fill up units show the edge once more
        right = columns * wide if right >= image.columns else right
        bottom = rows * high if bottom >= image.rows else bottom
        across = slice(left * own.across // wide, _up(right * own.across, wide))
        blocks[top * own.down // high : _up(bottom * own.down, high), across] = True
    if alone:  # a scan of one component has the blocks that the component has, and none to fill units (A.2.2)
        own_rows, own_columns = _up(image.rows * own.down, high), _up(image.columns * own.across, wide)
        return blocks[:own_rows, :own_columns].reshape(-1, 1)
    return blocks.reshape(rows, own.down, columns, own.across).transpose(0, 2, 1, 3).reshape(rows * columns, own.times)


def _block(image: Sequential, index: int, component: ScanComponent, writing: _Writing) -> CodedBlock:
    half = 1 << image.precision - 1
    level = writing.levels[component.which]
    # the first coefficient is eight times the mean of the block, and samples are levelled by half their range
    value = {-1: -(-half * _SIDE // component.step), 0: 0, 1: -(-(half - 1) * _SIDE // component.step)}[level]
    blank = -value if level < 0 else value
    return CodedBlock(index, writing.tables[component.dc], writing.tables[component.ac], blank)


def _up(number: int, by: int) -> int:
    return -(-number // by)

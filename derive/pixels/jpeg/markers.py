"""A sequential JPEG codestream as its parts: what stands between scans, Huffman tables, and entropy-coded data."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from derive.pixels.jpeg.huffman import Huffman, NotSequential

_SOF, _DHT, _SOS, _EOI, _DQT, _DRI = frozenset({0xC0, 0xC1}), 0xC4, 0xDA, 0xD9, 0xDB, 0xDD
_OTHER_SOF = frozenset(range(0xC0, 0xD0)) - _SOF - {0xC4}
_APP0, _APP14 = 0xE0, 0xEE
#: A marker that ends entropy-coded data: not a stuffed zero, not a restart.
_END_OF_DATA = re.compile(rb"\xff+[^\x00\xff\xd0-\xd7]", re.DOTALL)


class Component(NamedTuple):
    """A component of the frame: its identifier, its sampling factors, and which quantization table it has."""

    identifier: int
    across: int
    down: int
    quantization: int

    @property
    def times(self) -> int:
        """Blocks of it in a minimum coded unit of several components (A.2.3)."""
        return self.across * self.down


class TableRef(NamedTuple):
    """Where a Huffman table was defined: which part, and which of the tables there."""

    part: int
    place: int


class ScanComponent(NamedTuple):
    """A component in a scan: which it is, its tables, and the quantization step of its first coefficient."""

    which: int
    dc: TableRef
    ac: TableRef
    step: int


@dataclass(frozen=True)
class Tables:
    """A segment that defines Huffman tables: class and destination of each, and what it is."""

    tables: tuple[tuple[int, Huffman], ...]

    def segment(self) -> bytes:
        """Return it as a marker segment (B.2.4.2)."""
        body = b"".join(bytes([head, *table.counts]) + table.symbols for head, table in self.tables)
        return b"\xff\xc4" + struct.pack(">H", len(body) + 2) + body


@dataclass(frozen=True)
class Scan:
    """The entropy-coded data of a scan, and what is in force there."""

    components: tuple[ScanComponent, ...]
    restart: int
    data: bytes


Part: TypeAlias = bytes | Tables | Scan


@dataclass(frozen=True)
class Sequential:
    """A codestream of one frame of sequential DCT with Huffman codes.

    Parameters
    ----------
    precision, rows, columns : int
    components : tuple of Component
    parts : tuple of Part
        All of it, in its order.
    transform : int or None
        What an Adobe marker says of colour: 0 none, 1 YCbCr; None without one.
    jfif : bool
        Whether a JFIF marker says that colour is YCbCr.
    """

    precision: int
    rows: int
    columns: int
    components: tuple[Component, ...]
    parts: tuple[Part, ...]
    transform: int | None
    jfif: bool

    def table(self, ref: TableRef) -> Huffman:
        """Return a table."""
        part = self.parts[ref.part]
        assert isinstance(part, Tables), "a reference leads to tables"
        return part.tables[ref.place][1]


def parsed(data: bytes) -> Sequential:
    """Cut a codestream into its parts.

    Raises
    ------
    NotSequential
        For another process (progressive, lossless, arithmetic), a frame whose rows are said behind it, or a codestream
        that is cut short or makes no sense.
    """
    try:
        return _Parser(data).run()
    except NotSequential:
        raise
    except (IndexError, struct.error, KeyError, ValueError) as error:
        raise NotSequential("it is damaged") from error


class _Parser:
    """What is in force so far."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._parts: list[Part] = []
        self._plain = bytearray()
        self._huffman: dict[int, TableRef] = {}
        self._quantization: dict[int, int] = {}
        self._restart = 0
        self._frame: tuple[int, int, int, tuple[Component, ...]] | None = None
        self._transform: int | None = None
        self._jfif = False

    def run(self) -> Sequential:
        if self._data[:2] != b"\xff\xd8":
            raise NotSequential("it does not begin as one")
        self._plain += b"\xff\xd8"
        at = 2
        while True:
            at, marker = self._marker(at)
            if marker == _EOI:
                break
            (length,) = struct.unpack_from(">H", self._data, at)
            body = self._data[at + 2 : at + length]
            if len(body) != length - 2:
                raise NotSequential("it is cut short")
            self._segment(marker, body)
            at += length
            if marker == _SOS:
                at = self._scan(body, at)
        self._plain += b"\xff\xd9"
        self._flush()
        if self._frame is None or not any(isinstance(part, Scan) for part in self._parts):
            raise NotSequential("it holds no scan")
        return Sequential(*self._frame, tuple(self._parts), self._transform, self._jfif)

    def _marker(self, at: int) -> tuple[int, int]:
        if self._data[at] != 0xFF:
            raise NotSequential("there is something between its segments")
        while self._data[at] == 0xFF:
            at += 1
        return at + 1, self._data[at]

    def _segment(self, marker: int, body: bytes) -> None:
        if marker in _OTHER_SOF:
            raise NotSequential("it is coded by another process")
        if marker == _DHT:
            self._flush()
            found = tuple(_huffman_tables(body))
            self._parts.append(Tables(found))
            for index, (head, _) in enumerate(found):
                self._huffman[head] = TableRef(len(self._parts) - 1, index)
            return
        if marker in _SOF:
            self._frame = _frame(body)
        elif marker == _DQT:
            self._quantization.update(_first_steps(body))
        elif marker == _DRI:
            (self._restart,) = struct.unpack(">H", body)
        elif marker == _APP14:
            self._transform = body[11] if body[:5] == b"Adobe" and len(body) >= 12 else self._transform
        elif marker == _APP0 and body[:5] == b"JFIF\0":
            self._jfif = True
        self._plain += bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body

    def _scan(self, head: bytes, at: int) -> int:
        if self._frame is None:
            raise NotSequential("a scan comes before its frame")
        ended = _END_OF_DATA.search(self._data, at)
        if ended is None:
            raise NotSequential("it is cut short")
        self._flush()
        components = self._frame[3]
        found = []
        for identifier, tables in zip(head[1 : 1 + 2 * head[0] : 2], head[2 : 2 + 2 * head[0] : 2], strict=True):
            index = [c.identifier for c in components].index(identifier)
            dc, ac = self._huffman[tables >> 4], self._huffman[0x10 | (tables & 15)]
            found.append(ScanComponent(index, dc, ac, self._quantization[components[index].quantization]))
        if not found:
            raise NotSequential("a scan is of nothing")
        self._parts.append(Scan(tuple(found), self._restart, self._data[at : ended.start()]))
        return ended.start()

    def _flush(self) -> None:
        if self._plain:
            self._parts.append(bytes(self._plain))
            self._plain.clear()


def _frame(body: bytes) -> tuple[int, int, int, tuple[Component, ...]]:
    precision, rows, columns, count = struct.unpack_from(">BHHB", body)
    if not rows or not columns or len(body) != 6 + 3 * count:
        raise NotSequential("it does not say its size where it begins")
    components = tuple(
        Component(b[0], b[1] >> 4, b[1] & 15, b[2]) for b in (body[i : i + 3] for i in range(6, len(body), 3))
    )
    if not all(1 <= c.across <= 4 and 1 <= c.down <= 4 for c in components):
        raise NotSequential("its sampling makes no sense")
    if count == 1:  # a scan of one component is not interleaved, whatever its sampling is (A.2.2)
        components = (components[0]._replace(across=1, down=1),)
    return precision, rows, columns, components


def _huffman_tables(body: bytes) -> Iterator[tuple[int, Huffman]]:
    at = 0
    while at < len(body):
        counts = tuple(body[at + 1 : at + 17])
        end = at + 17 + sum(counts)
        if len(counts) != 16 or end > len(body):
            raise NotSequential("a Huffman table is cut short")
        yield body[at], Huffman(counts, body[at + 17 : end])
        at = end


def _first_steps(body: bytes) -> Iterator[tuple[int, int]]:
    """Give the step of the first coefficient of each quantization table (B.2.4.1)."""
    at = 0
    while at < len(body):
        wide = body[at] >> 4
        step = struct.unpack_from(">H" if wide else ">B", body, at + 1)[0]
        if not step:
            raise NotSequential("a quantization step is nothing")
        yield body[at] & 15, step
        at += 1 + 64 * (1 + bool(wide))

"""Slices that lie side by side in one image, each as an image of its own: mosaics of Siemens, tiled ones of UIH.

::

    Image Type, private attributes by their creator (mosaics.tsv) ─▶ how many, where each lies ─▶ a header a slice

A mosaic is no image of a plane: its Image Position (Patient) is that which its first slice would have if it filled the
whole of it, and the others lie behind it along a normal that only private attributes tell. Nothing is guessed: the
order of the slices follows from the normal, and from the positions of the protocol where it is there; where neither
says it, or they contradict each other, the image is refused.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from importlib.resources import files
from typing import NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray

from derive.elements.csa import NoCsa, read_csa
from derive.elements.element import Element, tag_of
from derive.elements.encoding import encode, numbers_of, pack_item
from derive.elements.instance import items_of
from derive.elements.memory import Memory
from derive.elements.private import creator_blocks
from derive.errors import SourceError
from derive.pixels.decode import Tile
from derive.reading.header import Header
from derive.reading.planes import plane_of
from derive.reading.slice_array import SliceArray, slice_array
from derive.told.wording import flag

#: Values of Image Type that say so.
_WORDS = ("MOSAIC", "VFRAME")
#: What the whole image says and none of its slices.
_OF_ALL = frozenset(map(tag_of, ("SliceLocation", "SmallestImagePixelValue", "LargestImagePixelValue")))
#: What the item of a slice says of it.
_OF_SLICE = frozenset(
    tag_of(keyword)
    for keyword in (
        *("ImagePositionPatient", "SliceLocation", "AcquisitionDate", "AcquisitionTime", "AcquisitionDateTime"),
        *("WindowCenter", "WindowWidth", "SmallestImagePixelValue", "LargestImagePixelValue"),
    )
)
_IMAGE_TYPE, _POSITION, _PLANE = (tag_of(k) for k in ("ImageType", "ImagePositionPatient", "PlanePositionSequence"))
_PROTOCOLS = ("MrPhoenixProtocol", "MrProtocol")
#: The cosine of a normal with that of the image, from which on they are one.
_PARALLEL = 0.999
#: Slices of fewer rows or columns are none: nothing is made of a number that anybody can write.
_LEAST = 4
#: Spacings that differ by less, as a share, are one.
_SAME = 0.05
Vector = NDArray[np.float64]


class _Grid(NamedTuple):
    """How slices are laid side by side, row by row: how many, how many in a row, and how large each is."""

    slices: int
    side: int
    height: int
    width: int

    def tile(self, number: int, name: str) -> Tile:
        """Return where a slice is, from 0, in an image of that name."""
        down, right = divmod(number, self.side)
        return Tile(self.side * self.height, self.side * self.width, down * self.height, right * self.width, name)


@dataclass
class _Told:
    """What private attributes say of the slices of an image, wherever they stand."""

    counts: set[int] = field(default_factory=set)
    normal: tuple[float, ...] = ()
    array: SliceArray | None = None
    items: Sequence[Mapping[int, Element]] = ()
    words: tuple[str, ...] = ()


def slices_of(header: Header) -> tuple[Header, ...]:
    """Return a header for every slice of an image in which they lie side by side; any other as it is.

    Raises
    ------
    SourceError
        ``SRC-MOSAIC`` where it does not say how many there are, or where they lie.
    GeometryError
        ``GEO-MISSING``
    """
    words = {word for word in _WORDS if word in header.texts("ImageType")}
    private = header.tiling or [e for tag, e in header.elements.items() if tag >> 16 & 1]
    if not words and not private:
        return (header,)
    told = _told(private)
    if not words and not told.items and not any(word in told.words for word in _WORDS):
        return (header,)
    count = _count(header, told)
    if count == 1:
        return (header,)
    grid = _grid(header, count)
    says = _by_items(header, told, count) if told.items else _by_normal(header, told, grid)
    whole, memory = _of_every_slice(header, grid), Memory()
    return tuple(_slice(whole, grid, number, said, memory) for number, said in enumerate(says))


@cache
def _rows() -> dict[tuple[int, str, int], tuple[str, str]]:
    """VR of the private attributes that are read, and what each says, by group, creator and last two digits."""
    lines = files(__package__).joinpath("mosaics.tsv").read_text(encoding="utf-8").splitlines()[1:]
    rows = [line.split("\t") for line in lines]
    return {(int(t[1:5], 16), creator, int(t[8:10], 16)): (vr, says) for creator, t, vr, says, _ in rows}


def _told(private: Iterable[Element]) -> _Told:
    told = _Told()
    for says, element in _known(tuple(private)):
        if says == "count":
            told.counts |= {int(n) for n in numbers_of(element)[:1]}
        elif says == "csa":
            _add_csa(told, element.value)
        elif says == "protocol":
            told.array = slice_array(element.value.decode("latin-1")) or told.array
        elif says == "type":
            told.words = tuple(v.strip() for v in element.value.decode("latin-1").split("\\"))
        elif says == "frames":
            told.items = [{e.tag: e for e in item} for item in items_of(element, private=True) or ()]
    return told


def _known(private: Sequence[Element]) -> Iterator[tuple[str, Element]]:
    """Give what is known of private attributes, and of those in private macros, by who defines them."""
    creators = creator_blocks(private)
    for element in private:
        tag = element.tag
        row = _rows().get((tag >> 16, creators.get(tag & 0xFFFFFF00, ""), tag & 0xFF))
        if row is None:
            continue
        vr, says = row
        if says == "items":
            for item in items_of(element, private=True) or ():
                yield from _known(item)
        else:
            yield says, element._replace(vr=vr) if element.vr == "UN" else element


def _add_csa(told: _Told, value: bytes) -> None:
    normal, counts, array = _of_csa(value)
    told.normal, told.array = normal or told.normal, array or told.array
    told.counts |= counts


@lru_cache(maxsize=8)  # the header of a series is the same in all of its images
def _of_csa(value: bytes) -> tuple[tuple[float, ...], frozenset[int], SliceArray | None]:
    """Return the normal, the number of images, and the slices that a CSA header tells of."""
    try:
        texts = {tag.name: tag.texts for tag in read_csa(value).tags}
        normal = tuple(float(v) for v in texts.get("SliceNormalVector", ()))
        counts = frozenset(int(v) for v in texts.get("NumberOfImagesInMosaic", ())[:1])
    except (NoCsa, ValueError):
        return (), frozenset(), None
    normal = normal if all(map(math.isfinite, normal)) else ()
    protocols = [text for name in _PROTOCOLS for text in texts.get(name, ())[:1]]
    return normal, counts, next(filter(None, map(slice_array, protocols)), None)


def _count(header: Header, told: _Told) -> int:
    """Return how many slices there are; 1 for an image that is none of several, whatever its Image Type says."""
    counts = {n for n in told.counts if n > 0} | ({len(told.items)} if told.items else set())
    if len(counts) > 1:
        _refuse(header, f"is told to hold {' and '.join(map(str, sorted(counts)))} slices")
    if counts:
        return counts.pop()
    if _fills(header):
        return 1
    if told.array is None:
        _refuse(header, "does not say how many slices it holds")
    return told.array.images


def _fills(header: Header) -> bool:
    """Whether what was measured fills more than half of the image: it is one slice then.

    *2026-12-01.* Systems that unpack their mosaics leave the word in Image Type.
    """
    matrix = header.lenient.numbers("AcquisitionMatrix")
    if len(matrix) != 4:
        return False
    (rows, columns), sides = matrix[:2], (header.integer("Rows") or 0, header.integer("Columns") or 0)
    return 2 * rows > sides[0] if rows else 2 * columns > sides[1]


def _grid(header: Header, count: int) -> _Grid:
    rows, columns = header.integer("Rows") or 0, header.integer("Columns") or 0
    side = math.isqrt(count - 1) + 1
    if rows % side or columns % side or not rows or not columns:
        _refuse(header, f"is told to hold {count} slices, but {rows} Rows, {columns} Columns do not divide by {side}")
    if min(rows, columns) < _LEAST * side:
        _refuse(header, f"is told to hold {count} slices, which {rows} Rows and {columns} Columns are too few for")
    return _Grid(count, side, rows // side, columns // side)


def _by_items(header: Header, told: _Told, count: int) -> list[dict[int, Element]]:
    """Return what each slice says in its own item."""
    says = [{tag: e for tag, e in item.items() if tag in _OF_SLICE} for item in told.items]
    lacking = [n for n, said in enumerate(says, 1) if _POSITION not in said or len(numbers_of(said[_POSITION])) != 3]
    if lacking:
        _refuse(header, f"does not say where slice {lacking[0]} of {count} lies")
    return says


def _by_normal(header: Header, told: _Told, grid: _Grid) -> list[dict[int, Element]]:
    """Return where each slice lies, from the place of the whole image and the normal."""
    plane = plane_of(header)
    between_rows, between_columns = plane.pixel_spacing
    right, down = np.array(plane.cosines[:3]) * between_columns, np.array(plane.cosines[3:]) * between_rows
    normal = np.cross(right, down)
    normal /= np.linalg.norm(normal)
    first = np.array(plane.position) + (right * grid.width + down * grid.height) * (grid.side - 1) / 2
    centre = first + (right * (grid.width - 1) + down * (grid.height - 1)) / 2
    step = _step(header, told)
    sense = _sense(header, told, normal, _to_centre(told, normal, centre, (grid.slices - 1) / 2 * step, step))
    places = [first + n * sense * step * normal + 0.0 for n in range(grid.slices)]
    return [{_POSITION: encode("ImagePositionPatient", [float(v) for v in place])} for place in places]


def _step(header: Header, told: _Told) -> float:
    """Return the spacing of the slices; the protocol must not contradict it."""
    stated, protocol = header.number("SpacingBetweenSlices"), None if told.array is None else told.array.step
    step = stated or protocol
    if not step or step < 0:
        _refuse(
            header,
            "does not say how far they lie apart: it lacks Spacing Between Slices (0018,0088); a person can say it: "
            f"{flag('assume', 'SpacingBetweenSlices=MM')}",
        )
    if protocol and abs(protocol - step) > _SAME * step:
        _refuse(header, f"has Spacing Between Slices {step:g}, and its protocol has slices {protocol:g} mm apart")
    return step


def _to_centre(told: _Told, normal: Vector, first: Vector, half: float, step: float) -> float:
    """Return which way the slices go to the centre of those of the protocol: 1, -1, or 0 where it does not tell."""
    if told.array is None:
        return 0.0
    reach = float((told.array.centre - first) @ normal)
    return math.copysign(1.0, reach) if abs(abs(reach) - half) < step / 2 else 0.0


def _sense(header: Header, told: _Told, normal: Vector, by_positions: float) -> float:
    """Return whether slices go along the normal of the image or against it; both that say so have to agree."""
    cosine = float(np.dot(told.normal, normal)) if len(told.normal) == 3 else 0.0
    if len(told.normal) == 3 and abs(cosine) < _PARALLEL:
        _refuse(header, f"has a Slice Normal Vector that is not normal to its rows and columns (cosine {cosine:.3f})")
    if not cosine and not by_positions:
        _refuse(header, "does not say in which order its slices lie")
    if cosine * by_positions < 0:
        _refuse(header, "has slices in one order by its Slice Normal Vector, and in the other by its positions")
    return math.copysign(1.0, cosine or by_positions)


def _of_every_slice(header: Header, grid: _Grid) -> Header:
    """Return what the image says that is true of every slice."""
    elements = {tag: e for tag, e in header.elements.items() if tag not in _OF_ALL}
    for keyword, value in (("Rows", grid.height), ("Columns", grid.width)):
        elements[tag_of(keyword)] = encode(keyword, value)
    kept = [text for text in header.texts("ImageType") if text.strip() not in _WORDS]
    if _IMAGE_TYPE in elements:
        elements[_IMAGE_TYPE] = encode("ImageType", kept)
    return replace(header, elements=elements, tags=header.tags - _OF_ALL, tiling=())


def _slice(whole: Header, grid: _Grid, number: int, said: Mapping[int, Element], memory: Memory) -> Header:
    """Return one slice as an image, from 0."""
    elements = {**whole.elements, **said}
    if _PLANE in elements:
        elements[_PLANE] = Element(_PLANE, "SQ", pack_item([said[_POSITION]]))
    return replace(
        whole,
        name=f"{whole.name}, slice {number + 1}",
        elements=memory.row(dict(sorted(elements.items()))),
        tags=memory.tags(whole.tags.union(elements)),
        pixels=None if whole.pixels is None else whole.pixels._replace(tile=grid.tile(number, whole.name)),
        frame_number=number + 1,
    )


def _refuse(header: Header, why: str) -> NoReturn:
    raise SourceError(
        "SRC-MOSAIC",
        f"{header.name} holds many slices side by side, and {why}; take it from the scanner again, with its private "
        "attributes or unpacked",
        files=[header.name],
    )

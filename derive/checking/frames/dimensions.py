"""How frames are numbered: Dimension Index Sequence, what it points to, and the index of each frame (C.7.6.17)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from derive.checking.finding import Finding, finding
from derive.checking.frames.groups import Grouped, places
from derive.elements.element import Element, is_standard, keyword_of, tag_of
from derive.elements.encoding import numbers_of
from derive.elements.instance import Instance, items_of
from derive.model.functional_groups import PER_FRAME
from derive.told.wording import counted

_SEQUENCE, _VALUES = "DimensionIndexSequence", "DimensionIndexValues"
_INDEX = tag_of(_VALUES)
#: Attributes that count: an index along one of them is its value (C.7.6.16.2.2).
_COUNTING = ("InStackPositionNumber", "TemporalPositionIndex")
#: How far numbers of one index may differ: positions that were computed for each frame.
_ALIKE = 1e-3
_STACK = tag_of("StackID")
_ORIENTATION = tag_of("ImageOrientationPatient")


class _Pointer(NamedTuple):
    """One item of Dimension Index Sequence."""

    number: int
    tag: int
    group: int
    name: str

    @property
    def path(self) -> str:
        return f"{_SEQUENCE}>item {self.number}"


class Dimensions:
    """Collects the index of each frame and what it stands for."""

    def __init__(self, groups: Grouped) -> None:
        self._groups = groups
        self._items = groups.instance.items(_SEQUENCE)
        self._pointers = tuple(_pointer(number, item) for number, item in enumerate(self._items, 1))
        self._counts: dict[int, int] = {}
        self._zero = 0
        self._indices: list[set[int]] = [set() for _ in self._pointers]
        self._values: list[dict[tuple[object, ...], tuple[int, bytes, tuple[float, ...]]]] = [
            {} for _ in self._pointers
        ]
        self._contradicted: dict[int, tuple[int, int]] = {}
        self._off: dict[int, tuple[int, int, int]] = {}
        self._seen: dict[tuple[int, ...], int] = {}
        self._twice: tuple[int, int] | None = None

    def add(self, number: int, frame: Mapping[int, Element]) -> None:
        """Take one frame."""
        element = frame.get(_INDEX)
        if element is None or not element.value:
            return
        indices = tuple(int(v) for v in numbers_of(element))
        if len(indices) != len(self._pointers):
            self._counts.setdefault(len(indices), number)
            return
        if 0 in indices:
            self._zero = self._zero or number
        if indices in self._seen:
            self._twice = self._twice or (self._seen[indices], number)
        self._seen.setdefault(indices, number)
        for place, (pointer, index) in enumerate(zip(self._pointers, indices, strict=True)):
            self._indices[place].add(index)
            self._compare(place, pointer, (index, number), frame)

    def _compare(self, place: int, pointer: _Pointer, at: tuple[int, int], frame: Mapping[int, Element]) -> None:
        """Whether frames of one index say the same of what it points to."""
        holder = frame.get(pointer.group) if pointer.group else None
        element = frame.get(pointer.tag) if holder is None else _found(holder, pointer.tag)
        if element is None or place in self._contradicted:
            return
        index, number = at
        within = (index, frame.get(_STACK), frame.get(_ORIENTATION))
        numbers = () if element.vr == "SQ" else tuple(numbers_of(element)) if _is_number(element) else ()
        first, value, first_numbers = self._values[place].setdefault(within, (number, element.stripped(), numbers))
        if value != element.stripped() and not _close(first_numbers, numbers):
            self._contradicted[place] = (first, number)
        if pointer.name in _COUNTING and numbers and numbers[0] != index:
            self._off.setdefault(place, (number, index, int(numbers[0])))

    def findings(self) -> Iterator[Finding]:
        """Judge the dimensions of the instance."""
        yield from self._organizations()
        for item, pointer in zip(self._items, self._pointers, strict=True):
            yield from self._pointed(item, pointer)
        yield from self._of_frames()
        for place, pointer in enumerate(self._pointers):
            yield from self._indexed(place, pointer)

    @property
    def used(self) -> Iterator[tuple[tuple[str, str], set[int]]]:
        """Which indices there are: of each dimension, by its organization and what it points to."""
        for item, pointer, indices in zip(self._items, self._pointers, self._indices, strict=True):
            yield (item.text("DimensionOrganizationUID"), pointer.name), indices

    def _organizations(self) -> Iterator[Finding]:
        uids = {
            i.text("DimensionOrganizationUID") for i in self._groups.instance.items("DimensionOrganizationSequence")
        }
        for item, pointer in zip(self._items, self._pointers, strict=True):
            uid = item.text("DimensionOrganizationUID")
            if uid and uids and uid not in uids:
                message = "is none of those in Dimension Organization Sequence"
                yield self._groups.find("CHK-DIM-UID", f"{pointer.path}>DimensionOrganizationUID", message)

    def _pointed(self, item: Instance, pointer: _Pointer) -> Iterator[Finding]:
        """Whether what is pointed to is there: where the pointers say."""
        creators = ("DimensionIndexPrivateCreator", "FunctionalGroupPrivateCreator")
        for tag, keyword in zip((pointer.tag, pointer.group), creators, strict=True):
            if tag and not is_standard(tag) and not item.text(keyword):
                message = "is absent; required if the pointer is to a private attribute"
                yield self._groups.find("CHK-DIM-POINTER", f"{pointer.path}>{keyword}", message)
        if not pointer.tag or not is_standard(pointer.tag) or (pointer.group and not is_standard(pointer.group)):
            return
        if not pointer.group:
            if self._groups.instance.elements.get(pointer.tag) is None:
                needed = "required if the attribute that is pointed to is in a functional group"
                message = f"is absent; {needed}, and {pointer.name} is not at the top"
                yield self._groups.find("CHK-DIM-POINTER", f"{pointer.path}>FunctionalGroupPointer", message)
            return
        if not self._stands(pointer):
            group = keyword_of(pointer.group)
            message = f"points to {pointer.name}, which no functional group {group} of a frame has"
            yield self._groups.find("CHK-DIM-POINTER", f"{pointer.path}>DimensionIndexPointer", message)

    def _stands(self, pointer: _Pointer) -> bool:
        items = (self._groups.everywhere, *self._groups.own)
        macros = dict.fromkeys(item[pointer.group] for item in items if pointer.group in item)
        return any(pointer.tag == pointer.group or _found(macro, pointer.tag) is not None for macro in macros)

    def _of_frames(self) -> Iterator[Finding]:
        path = f"{keyword_of(PER_FRAME)}>FrameContentSequence>{_VALUES}"
        wanted = len(self._pointers)
        for count, frame in self._counts.items():
            if wanted:
                message = f"of frame {frame} has {counted(count, 'value')}; there are {counted(wanted, 'dimension')}"
                yield self._groups.find("CHK-DIM-COUNT", path, message)
        if self._zero:
            yield self._groups.find("CHK-DIM-START", path, f"of frame {self._zero} has an index 0; wanted 1 or more")
        if self._twice is not None:
            first, second = self._twice
            message = f"is the same in frames {first} and {second}; wanted one of its own in each"
            yield self._groups.find("CHK-DIM-TWICE", path, message)

    def _indexed(self, place: int, pointer: _Pointer) -> Iterator[Finding]:
        if place in self._off:
            frame, index, value = self._off[place]
            message = f"is {index} in frame {frame}, whose {pointer.name} is {value}; wanted the same"
            yield self._groups.find("CHK-DIM-VALUE", f"{pointer.path}>{pointer.name}", message)
        elif place in self._contradicted:
            first, second = self._contradicted[place]
            message = f"differs between frames {first} and {second}, which have one index along it"
            yield self._groups.find("CHK-DIM-DIFFERS", f"{pointer.path}>{pointer.name}", message)


def _pointer(number: int, item: Instance) -> _Pointer:
    tag, group = (int(next(iter(item.values(k)), 0) or 0) for k in ("DimensionIndexPointer", "FunctionalGroupPointer"))
    return _Pointer(number, tag, group, (keyword_of(tag) if tag else "") or "an attribute")


def _found(macro: Element, tag: int) -> Element | None:
    """Return an attribute of a macro, at whatever depth."""
    for item in items_of(macro) or ():
        for element in item:
            if element.tag == tag:
                return element
            inner = _found(element, tag) if element.vr == "SQ" else None
            if inner is not None:
                return inner
    return None


def _is_number(element: Element) -> bool:
    return element.vr in ("DS", "IS", "FD", "FL", "US", "SS", "UL", "SL")


def _close(first: Sequence[float], second: Sequence[float]) -> bool:
    return (
        bool(first)
        and len(first) == len(second)
        and all(abs(a - b) <= _ALIKE * max(1.0, abs(a)) for a, b in zip(first, second, strict=True))
    )


def gap_findings(used: Mapping[tuple[str, str], set[int]], series: str) -> Iterator[Finding]:
    """Judge whether indices count from 1 without gaps, over all instances of a series that share an organization.

    Parameters
    ----------
    used : mapping (organization, attribute) -> set of int
        Indices of all frames along a dimension.
    series : str
        Series Instance UID, for the findings.
    """
    for (_, name), indices in used.items():
        most = max(indices, default=0)
        # Whatever 32 bits claim is not counted through: of so many indices one is missing among the first.
        missing = next((n for n in range(1, len(indices) + 2) if n not in indices), most)
        if missing < most:
            message = f"has no index {missing} in any frame; wanted all from 1 to {most}"
            yield finding("CHK-DIM-GAP", f"{_SEQUENCE}>{name}", message, series)


def position_places(groups: Grouped) -> frozenset[int]:
    """Which dimensions, from 0, number positions: those along a plane's position or its place in a stack."""
    said = {tag for tag, _ in places().get("ImagePositionPatient", ())}
    positions = {tag_of("ImagePositionPatient"), tag_of("InStackPositionNumber"), *said}
    pointers = [_pointer(number, item) for number, item in enumerate(groups.instance.items(_SEQUENCE), 1)]
    return frozenset(place for place, p in enumerate(pointers) if p.tag in positions)

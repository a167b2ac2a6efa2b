"""The frames of a multi-frame instance, each as an image of its own (PS3.3 C.7.6.16).

A frame says what the instance says, and over it what the shared functional groups say, and over that what its own say:
in classic keywords, so that nobody behind this module has to know where it stood.

*2026-12-01.* A macro is taken whole from where it stands: a frame that has one of its own does not see an attribute
that only the shared one has. The standard allows a macro in one place only (C.7.6.16.1.1); who writes it in both means
the frame's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from derive.elements.element import GROUPS_OF_FRAMES, Element, tag_of
from derive.elements.instance import items_of
from derive.elements.memory import Memory
from derive.elements.private import StoredPrivate, safe_elements
from derive.model.classes import target_of
from derive.model.functional_groups import flattened
from derive.model.remark import Remark
from derive.model.terms import terms
from derive.pixels.decode import PixelBytes
from derive.pixels.frames import frame_pixels
from derive.reading.cines import frames_of_cine, is_cine
from derive.reading.header import Header
from derive.reading.macros import FunctionalGroups, groups_of, refuse_frames
from derive.reading.mosaics import slices_of
from derive.reading.pixel_attributes import layout_of
from derive.reading.vectors import with_vectors
from derive.reading.vendor_words import directed, in_words_of_the_standard

#: How pixels are encoded is said once for all frames.
_OF_PIXELS = frozenset(
    tag_of(keyword)
    for keyword in (
        *("SamplesPerPixel", "PhotometricInterpretation", "Rows", "Columns"),
        *("BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation"),
    )
)
_UNASSIGNED = frozenset(
    tag_of(keyword)
    for keyword in ("UnassignedSharedConvertedAttributesSequence", "UnassignedPerFrameConvertedAttributesSequence")
)


def refuse_placed_pages(header: Header) -> None:
    """Refuse Secondary Capture of many pages that lie somewhere: to be looked at, and not computed with.

    Raises
    ------
    SourceError
        ``SRC-FRAMES``
    """
    if is_cine(header) and not GROUPS_OF_FRAMES.isdisjoint(header.elements):
        refuse_frames(header, "its pages lie somewhere, each at a place of its own, and are not read as frames")


def has_frames(header: Header) -> bool:
    """Whether an instance says in functional groups what its frames are, or should."""
    grouped = not GROUPS_OF_FRAMES.isdisjoint(header.elements)
    return grouped or (header.readable and target_of(header.sop_class_uid).container == "functional")


def frames_of(header: Header) -> tuple[Header, ...]:
    """Return a header for every frame of an instance, and for every slice where they lie side by side in one.

    A single-frame image of one slice is itself.

    Raises
    ------
    SourceError
        ``SRC-FRAMES`` for an instance whose frames and groups do not go together, ``SRC-SYNTAX``, ``SRC-MOSAIC``.
    ValuesError
        ``VAL-TRUNCATED`` and ``VAL-LENGTH`` where frames and pixels do not; what
        :func:`derive.reading.pixel_attributes.layout_of` raises.
    """
    if is_cine(header) and GROUPS_OF_FRAMES.isdisjoint(header.elements):
        return with_vectors(frames_of_cine(header))
    if not has_frames(header):
        header = in_words_of_the_standard(header)
        return slices_of(header) if header.readable else (header,)
    memory = Memory()
    groups = groups_of(header, memory)
    places, odd = _places(header, len(groups.own))
    remarks = (*header.remarks, *odd, *groups.remarks())
    made = _FrameMaker(replace(header, remarks=remarks), groups, memory)
    frames = tuple(made.frame(index, pixels) for index, pixels in enumerate(places))
    return slices_of(frames[0]) if len(frames) == 1 and header.readable else frames


class _FrameMaker:
    """Makes the headers of frames, one after another; remembers what macros say that stand in several."""

    def __init__(self, header: Header, groups: FunctionalGroups, memory: Memory) -> None:
        self._header, self._groups, self._memory = header, groups, memory
        self._top = {tag: e for tag, e in header.elements.items() if tag not in GROUPS_OF_FRAMES}
        self._tags = header.tags - GROUPS_OF_FRAMES
        self._iod = target_of(header.sop_class_uid).iod.name if header.readable else ""
        self._said: dict[Element, Mapping[int, Element]] = {}

    def frame(self, index: int, pixels: PixelBytes | None) -> Header:
        """Return the header of a frame, from 0."""
        macros = self._groups.of(index)
        said = self._top | macros
        unassigned: dict[int, Element] = {}
        for macro in macros.values():
            if macro.vr == "SQ":
                (unassigned if macro.tag in _UNASSIGNED else said).update(self._says(macro, index))
        self._add_safe(said, macros)
        said |= unassigned
        said |= terms("classic", self._iod, said) | unassigned  # in the very words of the image, where there are any
        elements = dict(sorted(directed(said).items()))
        name = self._header.name if len(self._groups.own) == 1 else f"{self._header.name}, frame {index + 1}"
        return replace(
            self._header,
            name=name,
            elements=self._memory.row(elements),
            tags=self._memory.tags(self._tags.union(elements)),
            frame_number=index + 1,
            pixels=pixels,
        )

    def _says(self, macro: Element, index: int) -> Mapping[int, Element]:
        """Return what a macro says in classic keywords."""
        known = self._said.get(macro)
        if known is not None:
            return known
        if macro.tag in _UNASSIGNED:
            self._refuse_other_pixels(macro, index)
        found = {tag: self._memory.same(e) for tag, e in flattened({macro.tag: macro}).items()}
        self._said[macro] = found
        return found

    def _refuse_other_pixels(self, macro: Element, index: int) -> None:
        """Refuse a frame that says that its pixels are something else than those of the instance."""
        for element in (e for item in items_of(macro) or () for e in item if e.tag in _OF_PIXELS):
            top = self._top.get(element.tag)
            if top is not None and top.stripped() != element.stripped():
                where = f"{element.keyword} in {macro.keyword} of frame {index + 1}"
                refuse_frames(self._header, f"{where} is another than that of the instance")

    def _add_safe(self, said: dict[int, Element], macros: Mapping[int, Element]) -> None:
        """Add the safe private attributes that stand beside the macros, by who defines them."""
        private = [StoredPrivate(*macros[tag]) for tag in macros if tag >> 16 & 1]
        for stored, element in safe_elements(private).items() if private else ():
            del said[stored]
            said[element.tag] = self._memory.same(element)


def _places(header: Header, count: int) -> tuple[tuple[PixelBytes | None, ...], tuple[Remark, ...]]:
    """Find the pixels of every frame; none where there are none, which others refuse."""
    if header.pixels is None:
        return (None,) * count, ()
    found = frame_pixels(layout_of(header), header.pixels, count, header.name, header.offsets)
    return found.frames, (Remark("SRC-OFFSETS", "PixelData", found.odd),) if found.odd else ()

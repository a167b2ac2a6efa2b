"""Clean (C) of graphics: PS3.15 E.3.3, Clean Graphics Option."""

from __future__ import annotations

from derive.deidentification.engine.here import Here
from derive.deidentification.methods.descriptors import clean_descriptors
from derive.deidentification.methods.registry import method
from derive.elements.element import Element
from derive.elements.encoding import numbers_of
from derive.elements.instance import Instance
from derive.pixels.bitmap import without_small_shapes
from derive.standard.vr import TEXT_VRS

_OVERLAYS, _CURVES = 0x60, 0x50
_ROWS, _COLUMNS, _FRAMES, _BITS, _DATA = 0x0010, 0x0011, 0x0015, 0x0100, 0x3000
#: Letters are no taller than this, in pixels and as the share of an overlay.
_TALLEST_LETTER, _TALLEST_SHARE = 64, 8
#: Attributes of an overlay that are numbers or say how it lies (PS3.3 C.9.2): they stay with it.
_STAY = frozenset(["US", "SS", "IS", "DS", "CS"])
#: More of them than any overlay has: a number that is none.
_MOST_FRAMES = 65536


@method("cleanGraphics")
def clean_graphics(element: Element, here: Here) -> Element | None:
    """Clean overlays and the texts of annotations; curves go, and overlays that cannot be read.

    Of the plane of an overlay all goes that is small enough to be a letter, and letters that an area leaves blank are
    filled: lines and outlines of regions stay. That is deterministic, and has its limits: letters that touch a large
    curved outline stay with it, small regions and the marks of scales go (2026-11-30). Curves (50xx, retired) hold
    sound, and bytes of which nobody knows whether they are numbers.
    """
    group = element.tag >> 24
    if group == _CURVES:
        return None
    if group != _OVERLAYS:
        return clean_descriptors(element, here)
    shape = None if here.path.above else _planes(here.instance, element.tag >> 16)
    if shape is None:
        return None
    if element.tag & 0xFFFF == _DATA:
        return element._replace(value=_cleaned(element.value, shape))
    if element.vr in _STAY:
        return element
    return clean_descriptors(element, here) if element.vr in TEXT_VRS else None


def _cleaned(value: bytes, shape: tuple[int, int, int]) -> bytes:
    return without_small_shapes(value, shape, max(_TALLEST_LETTER, min(shape[1:]) // _TALLEST_SHARE))


def _planes(instance: Instance, group: int) -> tuple[int, int, int] | None:
    """Return frames, rows and columns of an overlay; None for one that is not whole, or lies in the pixel data."""
    rows, columns, frames, bits = (_number(instance, group, number) for number in (_ROWS, _COLUMNS, _FRAMES, _BITS))
    data = instance.elements.get(group << 16 | _DATA)
    if not rows or not columns or data is None or bits not in (0, 1) or frames > _MOST_FRAMES:
        return None
    shape = (frames or 1, rows, columns)
    return shape if len(data.value) * 8 >= shape[0] * rows * columns else None


def _number(instance: Instance, group: int, number: int) -> int:
    element = instance.elements.get(group << 16 | number)
    found = numbers_of(element) if element is not None else []
    return int(found[0]) if found and found[0] > 0 else 0

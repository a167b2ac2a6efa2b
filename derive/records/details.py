"""What stands in an attribute, all of it: items within items, a line each, as a person would write it down."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pydicom.datadict import dictionary_description, dictionary_has_tag, dictionary_VR

from derive.elements.confidential import MASKED, is_confidential, masked
from derive.elements.element import Element, keyword_of, tag_of
from derive.elements.instance import Instance, items_of
from derive.records.written import class_name, value_shown

#: Kinds that hold no free text, and what refers to something by a code of the standard.
_PLAIN = frozenset(["UI", "CS", "DS", "IS", "US", "SS", "UL", "SL", "FD", "FL", "AT"])
_PURPOSES = frozenset([tag_of("PurposeOfReferenceCodeSequence")])
_VALUES = ("CodeValue", "LongCodeValue", "URNCodeValue")


class Detail(NamedTuple):
    """A line within a sequence.

    Parameters
    ----------
    depth : int
        In how many sequences it stands.
    tag : int
        0 for the beginning of an item.
    value : str
    within : bool
        Whether it stands in something that may tell whose images they are, whatever its own kind.
    """

    depth: int
    tag: int
    value: str
    within: bool = False

    def masked(self) -> Detail:
        """Return the same without a value that tells whose images they are."""
        if not self.tag or not self.value:
            return self
        kind = dictionary_VR(self.tag) if dictionary_has_tag(self.tag) else ""  # private ones have none there
        plain = not self.within or self.tag in _PURPOSES or kind in _PLAIN
        return self._replace(value=masked(self.tag, self.value) if plain else MASKED)

    def __str__(self) -> str:
        """Return the line."""
        said = f"{name_of(self.tag)}: {readable(self.tag, self.value)}" if self.tag else self.value
        return "    " * self.depth + said.rstrip()


def readable(tag: int, value: str) -> str:
    """Return a value as people read it: classes by their names, blanks between numbers."""
    if keyword_of(tag).endswith("SOPClassUID") and value:
        return class_name(value)
    return value.replace("\\", " \\ ")


def name_of(tag: int) -> str:
    """Return the name of an attribute, and its tag: ``Patient's Name (0010,0010)``."""
    number = f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
    try:
        return f"{dictionary_description(tag)} {number}"
    except KeyError:
        return f"private {number}"


def details_of(element: Element, encodings: Sequence[str], depth: int = 1, within: bool = False) -> Iterator[Detail]:
    """Yield the lines of the items of a sequence; nothing of what is none, or of codes, which the value names."""
    items = items_of(element) if element.vr == "SQ" else None
    if not items or _are_codes(items):
        return
    within = within or is_confidential(element.tag)
    for number, item in enumerate(items, 1):
        if len(items) > 1:
            yield Detail(depth, 0, f"item {number}")
        level = depth + (len(items) > 1)
        for inner in item:
            below = list(details_of(inner, encodings, level + 1, within))
            yield Detail(level, inner.tag, written_out(inner, encodings), within and not below)
            yield from below


def details_in(image: Instance, tag: int) -> tuple[Detail, ...]:
    """Return what stands in the items of a sequence of an image; nothing where there is none."""
    element = image.elements.get(tag)
    return () if element is None else tuple(details_of(element, image.encodings))


def brief(details: Sequence[Detail], longest: int) -> str:
    """Return in one line what stands in the items: of each attribute its keyword and its value."""
    inner = [*(d.depth for d in details[1:]), 0]
    said = [f"{keyword_of(d.tag)} {d.value}" for d, below in zip(details, inner, strict=False) if _says(d, below)]
    text = ", ".join(said)
    return text if len(text) <= longest else text[: longest - 3] + "..."


def _says(detail: Detail, depth_below: int) -> bool:
    return bool(detail.tag and detail.value) and depth_below <= detail.depth


def written_out(element: Element, encodings: Sequence[str]) -> str:
    """Return a value in full; codes as PS3.16 writes them."""
    items = items_of(element) if element.vr == "SQ" else None
    if items and _are_codes(items):
        return "; ".join(_code(item, encodings) for item in items)
    return value_shown(element, encodings)


def _are_codes(items: Sequence[Sequence[Element]]) -> bool:
    """Whether all items are codes, and nothing is within them."""
    return all(
        any(keyword_of(e.tag) in _VALUES for e in item) and not any(e.vr == "SQ" and e.value for e in item)
        for item in items
    )


def _code(item: Sequence[Element], encodings: Sequence[str]) -> str:
    said = {keyword_of(e.tag): value_shown(e, encodings) for e in item}
    value = next((said[k] for k in _VALUES if k in said), "")
    return f'({value}, {said.get("CodingSchemeDesignator", "")}, "{said.get("CodeMeaning", "")}")'

"""What is judged of a data set before its attributes: private blocks, group lengths and overlays (PS3.5 7)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydicom.dataset import Dataset

from derive import standard
from derive.checking.finding import Finding, finding
from derive.elements.element import keyword_of

_LENGTH_TO_END = 0x00080001
_OVERLAYS = range(0x6000, 0x6020, 2)
#: Attributes of type 1 of an overlay plane, and the values that they may have.
_OVERLAY: dict[int, tuple[str, tuple[Any, ...]]] = {
    0x0010: ("OverlayRows", ()),
    0x0011: ("OverlayColumns", ()),
    0x0040: ("OverlayType", ("G", "R")),
    0x0050: ("OverlayOrigin", ()),
    0x0100: ("OverlayBitsAllocated", (1,)),
    0x0102: ("OverlayBitPosition", (0,)),
    0x3000: ("OverlayData", ()),
}


def group_findings(dataset: Dataset, name: str) -> Iterator[Finding]:
    """Judge what attributes of groups need to be understood.

    Parameters
    ----------
    dataset : Dataset
        As it was read, private attributes and overlays among the others.
    name : str
        File name, for the findings.
    """
    tags = frozenset(int(tag) for tag in dataset.keys())  # noqa: SIM118 - iterating a Dataset decodes every element
    yield from _private(tags, name)
    yield from _lengths(tags, name)
    for group in _OVERLAYS:
        if any(tag >> 16 == group for tag in tags):
            yield from _overlay(dataset, group, name)


def _private(tags: frozenset[int], name: str) -> Iterator[Finding]:
    """Every private attribute is of a block that somebody has reserved (PS3.5 7.8.1)."""
    blocks = sorted({tag >> 8 for tag in tags if tag >> 16 & 1 and tag & 0xFFFF >= 0x1000})
    for block in blocks:
        group, number = block >> 8, block & 0xFF
        if group << 16 | number not in tags:
            message = f"has attributes, and ({group:04X},{number:04X}) names no private creator of them"
            yield finding("CHK-PRIVATE", f"({group:04X},{number:02X}xx)", message, name)


def _lengths(tags: frozenset[int], name: str) -> Iterator[Finding]:
    groups = sorted({tag >> 16 for tag in tags if not tag & 0xFFFF})
    if groups:
        listed = ", ".join(f"({group:04X},0000)" for group in groups)
        yield finding("CHK-GROUP-LENGTH", "", f"has the group lengths {listed}, which are retired", name)
    if _LENGTH_TO_END in tags:
        yield finding("CHK-GROUP-LENGTH", keyword_of(_LENGTH_TO_END), "is retired", name)


def _overlay(dataset: Dataset, group: int, name: str) -> Iterator[Finding]:
    for element, (keyword, allowed) in _OVERLAY.items():
        value = _value(dataset, group << 16 | element)
        path = f"{keyword} ({group:04X},{element:04X})"
        if value is None or value == "" or value == b"":
            yield finding("CHK-OVERLAY", path, "is absent or empty in a group that has an overlay", name)
        elif allowed and value not in allowed:
            wanted = " or ".join(map(str, allowed))
            shown = "" if isinstance(value, str) and value not in standard.known_terms() else f"{value}; "
            yield finding("CHK-OVERLAY", path, f"is {shown or 'another value; '}wanted {wanted}", name)


def _value(dataset: Dataset, tag: int) -> Any:
    try:
        return dataset[tag].value if tag in dataset else None
    except Exception:  # pydicom raises whatever a malformed value causes
        return None

"""Corrections that objects say of themselves (PS3.3 C.12.1.1.9): who, when, why, from what to what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from derive.elements.confidential import MASKED, masked
from derive.elements.element import Element, keyword_of, tag_of
from derive.elements.instance import Instance
from derive.records.written import value_shown
from derive.told.wording import counted

_HISTORY = "OriginalAttributesSequence"
_BEFORE, _ILLEGAL = "ModifiedAttributesSequence", "NonconformingModifiedAttributesSequence"
_SELECTOR, _VALUE = tag_of("SelectorAttribute"), tag_of("NonconformingDataElementValue")
_TEXTS = ("AttributeModificationDateTime", "ModifyingSystem", "ReasonForTheAttributeModification")


def told_corrections(images: Sequence[Instance], *, show_values: bool = False) -> tuple[str, ...]:
    """Return a line for each correction, the oldest first; those that are the same in several images once.

    Parameters
    ----------
    images : sequence of Instance
    show_values : bool
        Whether also values are shown that tell whose images they are.
    """
    found = Counter(line for image in images for line in _lines(image.lenient, show_values))
    several = len(images) > 1
    return tuple(f"{line} (in {counted(count, 'image')})" if several else line for line, count in sorted(found.items()))


def _lines(image: Instance, show_values: bool) -> Iterator[str]:
    items = image.items(_HISTORY)
    for number, item in enumerate(items):
        when, system, reason = map(item.text, _TEXTS)
        source = item.text("SourceOfPreviousValues")
        of = f", values of {source if show_values else MASKED}" if source else ""
        changes = [
            f"{keyword_of(tag)} {_shown(tag, text, show_values)} -> {_shown(tag, after, show_values)}"
            for tag, text in _before(item)
            for after in [_after(tag, items[number + 1 :], image)]
        ]
        what = ", ".join(changes) or "attributes that were not there"
        yield f"{reason or 'changed'} {when} by {system or 'a system that does not say which'}{of}: {what}"


def _before(item: Instance) -> Iterator[tuple[int, str]]:
    """Give what was there, by tag."""
    for inner in item.items(_BEFORE):
        for tag in sorted(inner.elements):
            yield tag, value_shown(inner.elements[tag], inner.encodings)
    for bad in item.items(_ILLEGAL):
        selector, value = bad.elements.get(_SELECTOR), bad.elements.get(_VALUE)
        if selector is not None and len(selector.value) == 4:
            tag = int.from_bytes(selector.value[:2], "little") << 16 | int.from_bytes(selector.value[2:], "little")
            yield tag, _plain(value)


def _plain(value: Element | None) -> str:
    text = (value.value if value is not None else b"").rstrip(b" \0").decode("ascii", "replace")
    return "".join(c if c.isprintable() else " " for c in text)


def _after(tag: int, later: Iterable[Instance], image: Instance) -> str:
    """Return what an attribute became: what the next correction of it found, or what it is now."""
    for item in later:
        for other, text in _before(item):
            if other == tag:
                return text
    element = image.elements.get(tag)
    return value_shown(element, image.encodings) if element is not None else ""


def _shown(tag: int, text: str, show_values: bool) -> str:
    return (text if show_values else masked(tag, text)) or "(none)"

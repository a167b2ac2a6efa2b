"""What holds a value that other attributes of the object have, goes: the ``%values`` of a recipe of deid."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydicom.datadict import tag_for_keyword

from derive.deidentification.here import Here
from derive.deidentification.methods.registry import method
from derive.deidentification.methods.values import texts_of
from derive.deidentification.rule import Address
from derive.elements.element import Element
from derive.rewriting.stored import AttributePath

_TEXTS = ("AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT")


@method("removeIfNamed", *_TEXTS, sources=list, empty=bool)
def remove_if_named(element: Element, here: Here) -> Element | None:
    """Take it out, or empty it, if one of the values of the ``sources`` stands in it; whatever its case."""
    sources = here.settings.get("sources")
    wanted = {text for source in (sources if isinstance(sources, list) else []) for text in _values(source, here)}
    texts = "\\".join(texts_of(element, here.encodings)).casefold()
    if not any(re.search(rf"(?<!\w){re.escape(text.casefold())}(?!\w)", texts) for text in wanted):
        return element
    return element._replace(value=b"") if here.settings.get("empty") else None


def _values(source: Mapping[str, Any], here: Here) -> Iterator[str]:
    """The values of an attribute, whole or split, that are long enough to be looked for."""
    address: Address = source["address"]
    by, shortest = source.get("by"), int(source.get("shortest", 1))
    for keyword in _keywords(address, here):
        for text in here.instance.lenient.texts(keyword):
            yield from (part for part in (text.split(by) if by else [text]) if len(part.strip()) >= shortest)


def _keywords(address: Address, here: Here) -> list[str]:
    if tag_for_keyword(address.text) is not None:
        return [address.text]
    found = here.instance.elements.values()
    return [e.keyword for e in found if address.matches(AttributePath(e.tag, e.vr)) and e.keyword.isidentifier()]

"""What holds a value that other attributes of the object have, goes: the ``%values`` of a recipe of deid."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydicom.datadict import tag_for_keyword

from derive.deidentification.engine.here import Here
from derive.deidentification.methods.registry import method
from derive.deidentification.methods.values import texts_of
from derive.deidentification.profile.rule import Address
from derive.elements.element import Element
from derive.rewriting.stored import AttributePath

_TEXTS = ("AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UR", "UT")


@method("removeIfNamed", *_TEXTS, checks=list)
def remove_if_named(element: Element, here: Here) -> Element | None:
    """Take it out, or empty it, if a value of another attribute stands in it as words, whatever their case.

    Each of the ``checks`` says for which attributes it is (``address``), from which ones the values are (``sources``),
    and whether what holds one is emptied (``empty``).
    """
    checks = here.settings.get("checks")
    texts = "\\".join(texts_of(element, here.encodings)).casefold()
    for check in checks if isinstance(checks, list) else []:
        if check["address"].matches(here.path) and _holds(texts, check["sources"], here):
            return element._replace(value=b"") if check["empty"] else None
    return element


def _holds(texts: str, sources: Iterable[Mapping[str, Any]], here: Here) -> bool:
    wanted = {text.casefold() for source in sources for text in _values(source, here)}
    return any(re.search(rf"(?<!\w){re.escape(text)}(?!\w)", texts) for text in wanted)


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

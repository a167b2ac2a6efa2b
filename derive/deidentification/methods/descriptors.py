"""Clean (C) of free text: PS3.15 E.3.5, Clean Descriptors Option."""

from __future__ import annotations

from derive.deidentification.here import Here
from derive.deidentification.methods.dummy import replace
from derive.deidentification.methods.registry import method
from derive.deidentification.methods.values import text_element
from derive.deidentification.text.cleaning import cleaned
from derive.deidentification.text.identifiers import own_identifiers
from derive.elements.element import Element
from derive.standard import value_syntax
from derive.standard.vr import TEXT_VRS


@method("cleanDescriptors")
def clean_descriptors(element: Element, here: Here) -> Element | None:
    """Take out of a text what names somebody; a text of which nothing may stay as the type of the attribute has it.

    What is no text, or none that its character set can say, cannot be searched: it goes whole.
    """
    if not element.stripped():
        return element
    if element.vr not in TEXT_VRS:
        return nothing_left(element, here)
    try:
        texts = value_syntax.split(element.vr, element.value, here.encodings)
    except UnicodeError:
        return nothing_left(element, here)
    run = here.run
    own = own_identifiers(here.instance)
    left = [cleaned(text, own, run.profile.options, run.text) for text in texts]
    if left == texts:
        return element
    if not any(left):
        return nothing_left(element, here)
    return text_element(element, left, here.encodings)


def nothing_left(element: Element, here: Here) -> Element | None:
    """Keep what the type asks for: a dummy, an empty attribute, or none; where nobody knows the type a dummy."""
    if here.type in ("2", "2C"):
        return element._replace(value=b"")
    return None if here.type in ("3", "") else replace(element, here)

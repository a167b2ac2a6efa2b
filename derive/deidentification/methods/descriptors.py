"""Clean (C) of free text: PS3.15 E.3.5, Clean Descriptors Option."""

from __future__ import annotations

from collections.abc import Mapping

from pydicom.datadict import tag_for_keyword

from derive.deidentification.engine.here import Here
from derive.deidentification.methods.dummy import replace
from derive.deidentification.methods.registry import method
from derive.deidentification.methods.values import text_element
from derive.deidentification.text.cleaning import cleaned
from derive.deidentification.text.identifiers import TERM, Identifier
from derive.elements.element import Element, tag_of
from derive.errors import UsageError
from derive.standard import value_syntax
from derive.standard.vr import TEXT_VRS


def _checked(settings: Mapping[str, object]) -> None:
    for keyword in _list(settings, "values_of"):
        if tag_for_keyword(keyword) is None:
            raise UsageError("DEID-SETTING", f"values_of names {keyword!r}, which is no keyword")
    if not callable(settings.get("using", str)):
        raise UsageError("DEID-SETTING", "using wants a function: text in, text out")


@method("cleanDescriptors", check=_checked, terms=list, values_of=list, using=object)
def clean_descriptors(element: Element, here: Here) -> Element | None:
    """Take out of a text what names somebody; a text of which nothing may stay as the type of the attribute has it.

    What is no text, or none that its character set can say, cannot be searched: it goes whole. Settings: ``terms``,
    texts that go too; ``values_of``, keywords of attributes whose values go too; ``using``, a function (from Python)
    that has the last word.
    """
    if not element.stripped():
        return element
    if element.vr not in TEXT_VRS:
        return nothing_left(element, here)
    try:
        texts = value_syntax.split(element.vr, element.value, here.encodings)
    except UnicodeError:
        return nothing_left(element, here)
    run, using = here.run, here.settings.get("using")
    own = here.run.known.of(here.instance)
    if here.settings:
        own |= _terms(here)
    left = [cleaned(text, own, run.profile.options, run.text) for text in texts]
    if callable(using):
        left = [str(using(text)) for text in left]
    if left == texts:
        return element
    return text_element(element, left, here.encodings) if any(left) else nothing_left(element, here)


#: Rules call it so.
method("clean", check=_checked, terms=list, values_of=list, using=object)(clean_descriptors)


def _terms(here: Here) -> frozenset[Identifier]:
    """What a rule has looked for: texts, and what stands elsewhere in this header."""
    found = {Identifier(TERM, text) for text in _list(here.settings, "terms") if text.strip()}
    for keyword in _list(here.settings, "values_of"):
        tag = tag_of(keyword)
        found |= {Identifier(TERM, text, tag) for text in here.instance.texts(keyword) if text}
    return frozenset(found)


def _list(settings: Mapping[str, object], name: str) -> list[str]:
    given = settings.get(name)
    return list(map(str, given)) if isinstance(given, list | tuple) else []


def nothing_left(element: Element, here: Here) -> Element | None:
    """Keep what the type asks for: a dummy, an empty attribute, or none; where nobody knows the type a dummy."""
    if here.type in ("2", "2C"):
        return element._replace(value=b"")
    return None if here.type in ("3", "") else replace(element, here)

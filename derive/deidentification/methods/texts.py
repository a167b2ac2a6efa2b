"""Methods for texts beyond the table, for content of reports, and for stretches of text by their kind."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache, partial

from pydicom.valuerep import MAX_VALUE_LEN

from derive.deidentification.engine.here import Here
from derive.deidentification.methods.descriptors import clean_descriptors, nothing_left
from derive.deidentification.methods.dummy import replace
from derive.deidentification.methods.registry import method
from derive.deidentification.methods.values import text_element
from derive.deidentification.profile.profile import Transformation
from derive.deidentification.run.dates import shifted
from derive.deidentification.text.finding import INFO_TYPE_OF, Mention, found_in, replaced, searched, without
from derive.deidentification.text.identifiers import (
    ADDRESS,
    DEVICE,
    INSTITUTION,
    KINDS,
    ORGANIZATION,
    kind_of,
    unwanted_kinds,
)
from derive.deidentification.text.spellings import is_telling
from derive.deidentification.text.stopwords import stopwords
from derive.deidentification.text.transforming import TRANSFORMATIONS, Stretch, is_for, known_info_types
from derive.elements.element import Element, tag_of
from derive.errors import UsageError
from derive.standard import value_syntax
from derive.standard.vr import TEXT_VRS
from derive.told.wording import did_you_mean

_ALL_KINDS = frozenset([*KINDS, "time", "age"])
_DATES = frozenset(["DA", "DT"])
#: A value of these is one thing, and either valid as that or nothing.
_WHOLE = frozenset(["DA", "DT", "TM", "AS"])
#: Who made a device, and what it and its software are called (PS3.3 C.7.5.1), and whose a coding scheme is.
_OF_MAKERS = frozenset(
    map(
        tag_of,
        (
            "Manufacturer",
            "ManufacturerModelName",
            "SoftwareVersions",
            "CodingSchemeName",
            "CodingSchemeResponsibleOrganization",
        ),
    )
)
_PLACES = frozenset([INSTITUTION, ORGANIZATION, ADDRESS, DEVICE])
_WORD = re.compile(r"[^\W\d_]+")
_RECORD_NUMBERS = frozenset(map(tag_of, ("PatientID", "OtherPatientIDs", "MedicalRecordLocator")))


@method("searchText")
def search_text(element: Element, here: Here) -> Element | None:
    """Take what the own header names out of a text that the table does not name; else leave it as it is."""
    if element.vr not in TEXT_VRS or not element.stripped():
        return element
    try:
        texts = value_syntax.split(element.vr, element.value, here.encodings)
    except UnicodeError:
        # Bytes that its character set cannot say are no text that can be searched, whatever they look like.
        return nothing_left(element, here)
    own, kinds = here.run.known.within(here.instance), _searched_kinds(here)
    left = [without(text, searched(text, own, kinds)) for text in texts]
    if left == texts or (element.tag in _OF_MAKERS and _is_maker(texts, left)):
        return element
    return _with(element, left, here)


@method("searchLabel")
def search_label(element: Element, here: Here) -> Element | None:
    """Empty a code string that is a name or a number of the own header; standard terms and short ones stay."""
    if not _is_telling(element.value):
        return element
    texts = value_syntax.split(element.vr, element.value, here.encodings)
    own, kinds = here.run.known.within(here.instance), _searched_kinds(here)
    left = ["" if searched(text, own, kinds) else text for text in texts]
    return element if left == texts else _with(element, left, here)


@lru_cache(maxsize=4096)
def _is_telling(value: bytes) -> bool:
    return value.isascii() and any(is_telling(part.strip(" \0")) for part in value.decode("ascii").split("\\"))


def _searched_kinds(here: Here) -> frozenset[str]:
    return _kinds(here.run.profile.options, here.path.tag in _OF_MAKERS)


@cache
def _kinds(options: tuple[str, ...], of_maker: bool) -> frozenset[str]:
    return unwanted_kinds(options) - (_PLACES if of_maker else frozenset())


def _is_maker(texts: list[str], left: list[str]) -> bool:
    """Whether all that would go are words of makers' names: patients are called so too."""
    gone = {word for text in texts for word in _words(text)} - {word for text in left for word in _words(text)}
    return gone <= stopwords("maker")


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


@method("cleanStructuredContent")
def clean_structured_content(element: Element, here: Here) -> Element | None:
    """Clean what a content item says (PS3.15 E.3.4): a name becomes a dummy, a text what may stay of it."""
    return replace(element, here) if element.vr == "PN" else clean_descriptors(element, here)


def _checked(settings: Mapping[str, object]) -> None:
    _wanted(settings)


@method("infoTypes", check=_checked, transformations=list)
def transform_info_types(element: Element, here: Here) -> Element | None:
    """Transform what a value holds by its kind: names, dates, identifiers and the like; the rest stays.

    Settings: ``transformations``, each a :class:`~derive.deidentification.profile.profile.Transformation` or a table of
    ``method``, ``info_types`` and ``settings``; the first that is for a kind holds, and what none is for stays. Without
    any all that is found is redacted.
    """
    if element.vr not in TEXT_VRS or not element.stripped():
        return element
    try:
        texts = value_syntax.split(element.vr, element.value, here.encodings)
    except UnicodeError:
        return nothing_left(element, here)
    wanted = _wanted(here.settings)
    left = [_transformed(text, element, wanted, here) for text in texts]
    return element if left == texts else _with(element, left, here)


def _wanted(settings: Mapping[str, object]) -> tuple[Transformation, ...]:
    given = settings.get("transformations")
    found = tuple(map(_transformation, given)) if isinstance(given, list | tuple) else ()
    return found or (Transformation("redact"),)


def _transformation(given: object) -> Transformation:
    if isinstance(given, Mapping):
        listed = given.get("info_types", ())
        given = Transformation(str(given.get("method")), tuple(map(str, listed)), given.get("settings", {}))
    if not isinstance(given, Transformation) or given.method not in TRANSFORMATIONS:
        raise UsageError("DEID-SETTING", f"a transformation is one of {', '.join(TRANSFORMATIONS)}")
    for name in given.info_types:
        if name not in known_info_types():
            hint = did_you_mean(name, known_info_types())
            raise UsageError("DEID-SETTING", f"there is no information type {name!r}{hint}")
    return given


def _transformed(text: str, element: Element, wanted: tuple[Transformation, ...], here: Here) -> str:
    if not text:
        return text
    if element.vr == "PN":
        return _by_kind(text, [Mention(0, len(text), "name", "PERSON_NAME")], element.vr, wanted, here)
    found: Iterable[Mention]
    if info_type := _info_type(element):
        found = [Mention(0, len(text), kind_of(element.tag, element.vr), info_type)]
    else:
        found = found_in(text, here.run.known.of(here.instance), _ALL_KINDS)
    return _by_kind(text, found, element.vr, wanted, here)


def _info_type(element: Element) -> str:
    """Return of what kind an attribute as a whole is; empty for one that holds a text."""
    if element.vr == "AS":
        return "AGE"
    if element.tag in _RECORD_NUMBERS:
        return "MEDICAL_RECORD_NUMBER"
    return INFO_TYPE_OF.get(kind_of(element.tag, element.vr), "")


def _by_kind(text: str, found: Iterable[Mention], vr: str, wanted: tuple[Transformation, ...], here: Here) -> str:
    chosen = {m: t for m in found if (t := next((t for t in wanted if is_for(t.info_types, m.info_type)), None))}
    if all(t.method == "redact" for t in chosen.values()):
        return without(text, chosen)

    def transformed(part: str, mention: Mention) -> str:
        transformation, days = chosen[mention], here.run.dates.days(here.instance)
        if vr in _DATES and transformation.method == "dateShift":
            return shifted(part, days) or ""
        stretch = Stretch(part, mention, days, partial(here.run.secrets.digest, "text"), transformation.settings)
        made = TRANSFORMATIONS[transformation.method](stretch)
        return "" if vr in _WHOLE else made.replace("=", "") if vr == "PN" else made.replace("\\", "")

    return replaced(text, chosen, transformed)[: MAX_VALUE_LEN.get(vr)]


def _with(element: Element, texts: list[str], here: Here) -> Element | None:
    return text_element(element, texts, here.encodings) if any(texts) else nothing_left(element, here)

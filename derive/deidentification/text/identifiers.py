"""What a header says of its own patient, and of the people and places around: the words that must not come out.

One harvest for all who look for them: the cleaner of free text, the detector of burned-in text, and the search of
written files. It holds values as they stand; :mod:`spellings` knows how else they are written.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache, lru_cache
from importlib.resources import files
from typing import NamedTuple

from pydicom.datadict import dictionary_VR
from pydicom.multival import MultiValue

from derive.deidentification.text.stopwords import is_placeholder
from derive.elements.element import Element, tag_of
from derive.elements.instance import Instance, encodings_named, items_of, value_of
from derive.standard import confidential_tags
from derive.standard.vr import TEXT_VRS

#: Kinds of identifiers. A check leaves out those that the options in force keep.
NAME, ID, DATE, BIRTH_DATE = "name", "id", "date", "birth-date"
INSTITUTION, ORGANIZATION, DEVICE = "institution", "organization", "device"
ADDRESS, CONTACT, UID = "address", "contact", "uid"
KINDS = (NAME, ID, DATE, BIRTH_DATE, INSTITUTION, ORGANIZATION, DEVICE, ADDRESS, CONTACT, UID)
#: What a person says is to be looked for.
TERM = "term"
#: What an option of the profile lets stay (PS3.15 E.3): no text has to be searched for it then.
KEPT_BY = {
    "institution-identity": INSTITUTION,
    "device-identity": DEVICE,
    "full-dates": DATE,
    "uids": UID,
}

_CHARACTER_SET = tag_of("SpecificCharacterSet")
#: Of longer sequences what was found is not kept: they are those of single instances.
_LONGEST_KEPT = 1 << 14
#: UIDs that the standard itself gives out.
_WELL_KNOWN = "1.2.840.10008."


class Identifier(NamedTuple):
    """A text that names the patient, or somebody or something around.

    Parameters
    ----------
    kind : str
        One of :data:`KINDS`.
    text : str
        As it stands: of a name one component group (``DOE^JANE``), of a date its eight digits.
    tag : int
        Of the attribute that holds it.
    """

    kind: str
    text: str
    tag: int = 0


def identifiers_of(instance: Instance) -> frozenset[Identifier]:
    """Return the identifiers that an instance holds in its standard attributes, at every depth.

    Names of persons (every PN), dates (every DA, and the date of every DT), and what ``identifiers.tsv`` lists. Values
    that nobody can be told by (empty ones, ``ANONYMOUS``, ``0``) are none. Those of the last instance are remembered:
    it is asked again for each of its texts.

    Parameters
    ----------
    instance : Instance
        Asked leniently, whatever it is: what cannot be read is not there.
    """
    global _remembered  # one slot: an instance cannot be hashed, and comes back until the next one does
    last = _remembered
    if last is not None and last[0] is instance:
        return last[1]
    elements = instance.elements
    # Elements of a file are made when they are asked for: most are not worth it.
    told = (elements[tag] for tag in elements if may_tell(tag))
    found = identifiers_in(told, instance.lenient.encodings)
    _remembered = instance, found
    return found


_remembered: tuple[Instance, frozenset[Identifier]] | None = None


def unwanted_kinds(options: Iterable[str]) -> frozenset[str]:
    """Return the kinds of identifiers that must not come out where some options are in force."""
    return frozenset(KINDS) - {KEPT_BY.get(option, "") for option in options}


def identifiers_in(elements: Iterable[Element], encodings: tuple[str, ...]) -> frozenset[Identifier]:
    """Return the identifiers in some attributes, which are in one character set; those in their items too."""
    found: set[Identifier] = set()
    for element in elements:
        if element.vr == "SQ":
            short = len(element.value) <= _LONGEST_KEPT
            found |= (_of_sequence if short else _of_sequence.__wrapped__)(element, encodings)
        elif kind := kind_of(element.tag, element.vr):
            found |= _of_value(element, kind, encodings)
    return frozenset(found)


@lru_cache(maxsize=2048)
def _of_sequence(element: Element, encodings: tuple[str, ...]) -> frozenset[Identifier]:
    found: set[Identifier] = set()
    for item in items_of(element) or ():
        inner = encodings
        for named in item:
            if named.tag == _CHARACTER_SET:
                inner = encodings_named(value_of(named, encodings)) or encodings
        found |= identifiers_in(item, inner)
    return frozenset(found)


@cache
def may_tell(tag: int) -> bool:
    """Whether an attribute can hold an identifier, by itself or in its items, by the dictionary alone."""
    try:
        vr = dictionary_VR(tag)
    except KeyError:
        return True
    return vr == "SQ" or bool(kind_of(tag, vr))


@cache
def kind_of(tag: int, vr: str) -> str:
    """Return which kind of identifier an attribute holds; empty for none."""
    listed = _kinds().get(tag)
    if listed is not None:
        return listed
    if vr == "UI":
        return UID if tag in confidential_tags() else ""
    return {"PN": NAME, "DA": DATE, "DT": DATE}.get(vr, "")


@cache
def _kinds() -> dict[int, str]:
    text = files(__package__).joinpath("identifiers.tsv").read_text(encoding="utf-8")
    rows = (line.split("\t") for line in text.splitlines()[1:])
    return {tag_of(keyword): kind for keyword, kind in rows}


@lru_cache(maxsize=8192)
def _of_value(element: Element, kind: str, encodings: tuple[str, ...]) -> frozenset[Identifier]:
    texts = (text for value in _texts_of(element, encodings) for text in _split(kind, value))
    return frozenset(Identifier(kind, text, element.tag) for text in texts if not is_placeholder(text))


def _texts_of(element: Element, encodings: tuple[str, ...]) -> tuple[str, ...]:
    """Values of a text element, as far as they can be read."""
    if element.vr not in TEXT_VRS or not element.value:
        return ()
    if element.value.isascii() and b"\x1b" not in element.value:
        value = element.value.decode()
        return tuple(value.split("\\")) if element.vr not in ("LT", "ST", "UT") else (value,)
    value = value_of(element, encodings)
    if value is None:
        return ()
    return tuple(map(str, value)) if isinstance(value, MultiValue) else (str(value),)


def _split(kind: str, value: str) -> tuple[str, ...]:
    value = value.strip(" \0\r\n\t")
    if kind == NAME:
        return tuple(group.strip(" ^") for group in value.split("="))
    if kind in (DATE, BIRTH_DATE):
        date = value[:10].replace(".", "").replace("-", "")[:8]
        return (date,) if len(date) == len("YYYYMMDD") and date.isdecimal() else ()
    if kind == UID:
        return () if value.startswith(_WELL_KNOWN) else (value,)
    return (value,)

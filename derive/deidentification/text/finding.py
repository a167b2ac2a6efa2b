"""What of a text names this patient, or looks as if it named somebody."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Iterable
from functools import lru_cache
from typing import NamedTuple

from derive.deidentification.text.identifiers import (
    ADDRESS,
    BIRTH_DATE,
    CONTACT,
    DATE,
    DEVICE,
    ID,
    INSTITUTION,
    KINDS,
    NAME,
    ORGANIZATION,
    TERM,
    UID,
    Identifier,
)
from derive.deidentification.text.patterns import patterns
from derive.deidentification.text.spellings import is_telling, searched_for, spellings
from derive.standard import known_terms

#: Kinds of which the patterns find every value, whoever's it is: their spellings need not be looked for.
_BY_PATTERN = frozenset([DATE, UID])
#: Names of so few letters may be terms of the standard.
_INITIALS = 3
#: An identifier of so few letters and digits is part of any text.
_SHORTEST_ID = 4
#: What Google calls the kinds that are harvested.
INFO_TYPE_OF = {
    NAME: "PERSON_NAME",
    ID: "GENERIC_ID",
    DATE: "DATE",
    BIRTH_DATE: "DATE_OF_BIRTH",
    INSTITUTION: "ORGANIZATION_NAME",
    ORGANIZATION: "ORGANIZATION_NAME",
    DEVICE: "GENERIC_ID",
    ADDRESS: "STREET_ADDRESS",
    CONTACT: "PHONE_NUMBER",
    UID: "DICOM_UID",
    TERM: "CUSTOM_TERM",
}
_BLANKS = re.compile(r"[ \t]{2,}")
#: Brackets and signs between which nothing is left.
_EMPTIED = re.compile(r"\(\s*\)|\[\s*\]|\{\s*\}|<\s*>|\"\s*\"")
_BEFORE_COMMA = re.compile(r"[ \t]+([,;])")
_LOOSE, _LINE = " ,;:/_-=^#&", "\r\n\f"


class Mention(NamedTuple):
    """A stretch of a text.

    Parameters
    ----------
    start, end : int
        Of its characters.
    kind : str
        Of the identifier, or ``time``, ``age``.
    info_type : str
        As Google calls it.
    """

    start: int
    end: int
    kind: str
    info_type: str


@lru_cache(maxsize=4096)
def folded(text: str) -> str:
    """Return a text in small letters of usual width, each in its place."""
    return text.lower() if text.isascii() else "".join(map(_folded, text))


@lru_cache(maxsize=4096)
def bare(text: str) -> str:
    """Return a text as :func:`folded` does, and its letters without their marks, each in its place."""
    return text.lower() if text.isascii() else "".join(map(_bare, text))


_FINAL_SIGMA, _SIGMA = "\N{GREEK SMALL LETTER FINAL SIGMA}", "\N{GREEK SMALL LETTER SIGMA}"


@lru_cache(maxsize=4096)
def _folded(char: str) -> str:
    wide = unicodedata.normalize("NFKC", char)
    one = wide if len(wide) == 1 else char
    small = one.lower()
    if small == _FINAL_SIGMA:
        return _SIGMA  # another letter at the end of a word, and the same capital
    return small if len(small) == 1 else one


@lru_cache(maxsize=4096)
def _bare(char: str) -> str:
    char = _folded(char)
    apart = unicodedata.normalize("NFD", char)
    return apart[0] if all(map(unicodedata.combining, apart[1:])) else char


@lru_cache(maxsize=4096)
def found_in(text: str, own: frozenset[Identifier], kinds: frozenset[str]) -> tuple[Mention, ...]:
    """Return what of a text names somebody, without overlaps, in the order of the text.

    Parameters
    ----------
    text : str
    own : frozenset of Identifier
        Of this patient's own header.
    kinds : frozenset of str
        What is looked for.
    """
    found = list(_own_in(text, own, kinds))
    for pattern in patterns():
        if pattern.kind in kinds:
            found += (Mention(*span, pattern.kind, pattern.info_type) for span in pattern.spans(text))
    return tuple(_apart(found))


def _own_in(text: str, own: frozenset[Identifier], kinds: frozenset[str]) -> Iterable[Mention]:
    searched = kinds - _BY_PATTERN - ({BIRTH_DATE} if DATE in kinds else set())
    for kind in sorted(searched):
        expression = _expression(frozenset(i for i in own if i.kind == kind))
        if expression is not None:
            for form in dict.fromkeys((folded(text), bare(text))):
                yield from (Mention(*m.span(), kind, INFO_TYPE_OF[kind]) for m in expression.finditer(form))


def _apart(found: Iterable[Mention]) -> Iterable[Mention]:
    """Join what overlaps, as the kind of what begins first."""
    last: Mention | None = None
    for one in sorted(found, key=lambda f: (f.start, -f.end)):
        if last is None:
            last = one
        elif one.start < last.end:
            last = last._replace(end=max(last.end, one.end))
        else:
            yield last
            last = one
    if last is not None:
        yield last


def searched(text: str, own: frozenset[Identifier], kinds: frozenset[str] = frozenset(KINDS)) -> tuple[Mention, ...]:
    """Return where a text that is about something else names what the own header names.

    That is for attributes in which nobody expects it. Only what tells by itself where it comes from is looked for, as
    in the bytes of what is written: numbers have many meanings, and words of institutions are in the names of makers,
    so patterns and single words of places are left alone (2026-11-30).

    Parameters
    ----------
    text : str
    own : frozenset of Identifier
        Of this object: dates and UIDs too.
    kinds : frozenset of str
        What is looked for.
    """
    found = _telling_in(text, _lasting(own, kinds))
    if any(map(str.isdecimal, text)):
        found = (*found, *_own_numbers_in(text, own, kinds))
    return tuple(_apart(found))


@lru_cache(maxsize=64)
def _lasting(own: frozenset[Identifier], kinds: frozenset[str]) -> frozenset[Identifier]:
    return frozenset(i for i in own if i.kind in kinds and i.kind not in _BY_PATTERN)


@lru_cache(maxsize=2048)
def _telling_in(text: str, own: frozenset[Identifier]) -> tuple[Mention, ...]:
    found: list[Mention] = []
    for kind in sorted({i.kind for i in own}):
        expression = _telling_expression(frozenset(i for i in own if i.kind == kind))
        if expression is not None:
            for form in dict.fromkeys((folded(text), bare(text))):
                found += (Mention(m.start(), m.end(), kind, INFO_TYPE_OF[kind]) for m in expression.finditer(form))
    return tuple(found)


def _own_numbers_in(text: str, own: frozenset[Identifier], kinds: frozenset[str]) -> Iterable[Mention]:
    """Dates and UIDs of the object itself, among all that look like one."""
    for pattern in patterns():
        if pattern.kind not in _BY_PATTERN & kinds:
            continue
        for start, end in pattern.spans(text):
            part = folded(text[start:end])
            if any(part.startswith(folded(t)) for i in own if i.kind == pattern.kind for t in searched_for(i)):
                yield Mention(start, end, pattern.kind, pattern.info_type)


@lru_cache(maxsize=512)
def _telling_expression(own: frozenset[Identifier]) -> re.Pattern[str] | None:
    return _compiled({folded(text) for identifier in own for text in searched_for(identifier)})


@lru_cache(maxsize=512)
def _expression(own: frozenset[Identifier]) -> re.Pattern[str] | None:
    """Return what matches every spelling of some identifiers, the longest first; None where there is none.

    Spellings stand together by their first letter, which is all that is looked at where none begins.
    """
    spelled = ((identifier.kind, text) for identifier in own for text in spellings(identifier))
    return _compiled({folded(text) for kind, text in spelled if _is_searched(kind, text)})


def _compiled(terms: Collection[str]) -> re.Pattern[str] | None:
    if not terms:
        return None
    by_first: dict[str, list[str]] = {}
    for term in sorted(terms, key=lambda t: (-len(t), t)):
        by_first.setdefault(term[0], []).append(term)
    return re.compile("|".join(_group(first, group) for first, group in by_first.items()))


def _group(first: str, terms: list[str]) -> str:
    rest = "|".join(re.escape(term[1:]).replace(r"\ ", r"\s+") + _end(term[-1]) for term in terms)
    return f"{re.escape(first)}{_bound(first, '(?<!{}.)')}(?:{rest})"


def _end(char: str) -> str:
    """The end of a term: of a name also the genitive."""
    bound = _bound(char, "(?!{})")
    return f"(?:['\u2019]s)?{bound}" if bound and char.isalpha() else bound


def _is_searched(kind: str, text: str) -> bool:
    if kind == TERM:
        return True
    if kind == NAME:  # initials of an operator may be a modality: SR, CT
        return not text.isascii() or len(text) > _INITIALS or (len(text) > 1 and text.upper() not in known_terms())
    letters = sum(map(str.isalnum, text))
    return is_telling(text) or (kind == ID and letters >= _SHORTEST_ID and any(map(str.isdecimal, text)))


def _bound(char: str, form: str) -> str:
    """Let a term match where it is no part of a longer word or number; who writes no blanks has no such bounds."""
    if char.isdecimal():
        return form.format(r"\d")
    if not char.isalpha() or _is_of_no_blanks(char):
        return ""
    return form.format(r"[^\W\d_]")


def _is_of_no_blanks(char: str) -> bool:
    """Whether a letter is of a script that puts no blanks between words: Han, Kana, Thai."""
    return "\u3040" <= char <= "\u30ff" or "\u3400" <= char <= "\u9fff" or "\u0e00" <= char <= "\u0e7f"


def without(text: str, found: Iterable[Mention]) -> str:
    """Return a text without some stretches of it, and without the blanks and brackets that they leave.

    Examples
    --------
    >>> without("Follow up (Doe, Jane), knee", [Mention(11, 20, "name", "PERSON_NAME")])
    'Follow up, knee'
    >>> without("ep2d_DOE_b0", [Mention(5, 8, "name", "PERSON_NAME")])
    'ep2d_b0'
    """
    left, end = "", 0
    for one in found:
        left, end = _joined(left, text[end : one.start]), one.end
    if not end:
        return text
    emptied = _EMPTIED.sub("", _joined(left, text[end:]))
    return _BLANKS.sub(" ", _BEFORE_COMMA.sub(r"\1", emptied)).strip(_LOOSE).rstrip("\r\n\f")


def _joined(left: str, right: str) -> str:
    """Join what stood on both sides of what went: by one of the signs that were there."""
    one, other = left.rstrip(_LOOSE), right.lstrip(_LOOSE)
    if not one or not other or one[-1] in _LINE or other[0] in _LINE:
        return one + other
    signs = left[len(one) :] + right[: len(right) - len(other)]
    return one + (signs[0] if signs and len(set(signs)) == 1 else " ") + other


def replaced(text: str, found: Iterable[Mention], by: Callable[[str, Mention], str]) -> str:
    """Return a text in which each of some stretches is what a function makes of it."""
    parts: list[str] = []
    end = 0
    for one in found:
        parts += (text[end : one.start], by(text[one.start : one.end], one))
        end = one.end
    return "".join((*parts, text[end:]))

"""How people write an identifier: orders of names, formats of dates, other alphabets, other bytes."""

from __future__ import annotations

import re
import unicodedata
from calendar import month_abbr, month_name
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from functools import cache, lru_cache
from importlib.resources import files

from derive.deidentification.text.identifiers import (
    ADDRESS,
    BIRTH_DATE,
    DATE,
    INSTITUTION,
    NAME,
    ORGANIZATION,
    TERM,
    UID,
    Identifier,
)
from derive.deidentification.text.stopwords import is_placeholder, stopwords
from derive.standard import known_terms

_BETWEEN_WORDS = re.compile(r"[\s,;:/\\^=()\[\]\"_.'\u2019-]+")
_BETWEEN_NAMES = re.compile(r"[\s,;^_]+")
#: How words for departments end, in several languages.
_DEPARTMENT = re.compile(
    r"(olog(y|ie|ia|ía|isch|ique)|surger(y|ies)|chirurgie|chirurgia|cirug[ií]a|iatr(y|ics|ie)|trauma)$"
)
_LONG_NUMBER = re.compile(r"\d{5,}")
#: Family, given and middle name tell a person; prefix and suffix do not.
_NAMING_COMPONENTS = 3
#: Fewer letters are part of any word, fewer digits of any number; a character of China or Japan is a word.
_FEWEST_LETTERS, _FEWEST_DIGITS, _FEWEST_OTHERS = 4, 6, 2


@lru_cache(maxsize=4096)
def spellings(identifier: Identifier) -> frozenset[str]:
    """Return the ways in which a text may name what an identifier names, whatever their case.

    Parameters
    ----------
    identifier : Identifier

    Returns
    -------
    frozenset of str
        Of a name its groups, orders and words; of a date its usual formats; of an identifier also its long number;
        each in other alphabets where it has them.

    Examples
    --------
    >>> sorted(spellings(Identifier("id", "MRN-0077881")))
    ['0077881', '77881', 'MRN-0077881', 'MRN0077881']
    """
    spelled = _SPELLED.get(identifier.kind, _others)(identifier.text)
    if identifier.kind in (DATE, BIRTH_DATE, UID):
        return frozenset(spelled)
    return frozenset(other for text in spelled if text for other in transliterated(text))


def _names(text: str) -> Iterator[str]:
    """Orders and words of one component group of a name (PS3.5 6.2.1), conformant or not."""
    components = [" ".join(_BETWEEN_NAMES.split(part)).strip() for part in text.split("^")][:_NAMING_COMPONENTS]
    if len(components) == 1:
        components = [word for word in _BETWEEN_NAMES.split(text) if _is_name(word)]
    yield text
    family, given = components[0] if components else "", next((c for c in components[1:] if c), "")
    if family and given:
        for one, other in ((family, given), (given, family)):
            yield from (f"{one}{between}{other}" for between in ("^", " ", ", ", ",", "_", "-", ".", ""))
        if _is_name(family):
            yield from _initialled(family, given[0])
    yield " ".join(filter(None, (*components[1:], family)))
    for component in components:
        words = _BETWEEN_WORDS.split(component)
        yield from ((component, "".join(words)) if len(words) > 1 else ())
        yield from (word for word in words if _is_name(word))


def _initialled(family: str, initial: str) -> Iterator[str]:
    """A family name with the initial of the given one: as people sign, and as they are called by computers."""
    yield from (f"{initial}. {family}", f"{initial}.{family}", f"{initial} {family}", f"{initial}{family}")
    yield from (f"{family}, {initial}.", f"{family} {initial}.", f"{family}, {initial}", f"{family} {initial}")
    yield f"{family}{initial}"


def _is_name(word: str) -> bool:
    if not word or word.lower() in stopwords("title") | stopwords("placeholder"):
        return False
    return len(word) > 1 or not word.isascii()


def _dates(text: str) -> Iterator[str]:
    yield text
    year, month, day = text[:4], text[4:6], text[6:8]
    try:
        date(int(year), int(month), int(day))
    except ValueError:
        return
    short_day, short_month = day.lstrip("0"), month.lstrip("0")
    for between in "-/. ":
        yield from (between.join(parts) for parts in ((year, month, day), (day, month, year), (month, day, year)))
        if between != " ":
            yield from (
                between.join(parts) for parts in ((short_day, short_month, year), (short_month, short_day, year))
            )
    for between in "-/.":
        yield from (between.join(parts) for parts in ((day, month, year[2:]), (month, day, year[2:])))
    yield from (day + month + year, f"{year}年{short_month}月{short_day}日")
    for name in (month_name[int(month)], month_abbr[int(month)]):
        for one in {day, short_day}:
            yield from (f"{one} {name} {year}", f"{one}-{name}-{year}", f"{one}{name}{year}", f"{one}. {name} {year}")
            yield from (f"{name} {one}, {year}", f"{name} {one} {year}")


def _places(text: str) -> Iterator[str]:
    """The whole, and its words that not every institution has."""
    yield from _others(text)
    words = (word for word in _BETWEEN_WORDS.split(text) if not _is_common(word))
    yield from (word for word in words if len(word) >= _FEWEST_LETTERS or (not word.isascii() and len(word) > 1))


@lru_cache(maxsize=4096)
def _is_common(word: str) -> bool:
    """Whether any institution may have a word in its name: its kind, a direction, a department, a part of the body."""
    common = stopwords("place") | stopwords("title") | stopwords("placeholder") | stopwords("anatomy")
    return word.lower() in common or bool(_DEPARTMENT.search(word.lower()))


def _others(text: str) -> Iterator[str]:
    """The whole, its letters and digits without what stands between them, and its long numbers."""
    yield text
    joined = "".join(_BETWEEN_WORDS.split(text))
    if len(joined) >= _FEWEST_LETTERS:
        yield joined
    for number in _LONG_NUMBER.findall(text):
        yield from (number, *([short] if len(short := number.lstrip("0")) >= len("12345") else []))


def _itself(text: str) -> Iterator[str]:
    yield text


_SPELLED: dict[str, Callable[[str], Iterable[str]]] = {
    NAME: _names,
    DATE: _dates,
    BIRTH_DATE: _dates,
    INSTITUTION: _places,
    ORGANIZATION: _places,
    TERM: _names,
    ADDRESS: _places,
    UID: _itself,
}


@lru_cache(maxsize=8192)
def transliterated(text: str) -> frozenset[str]:
    """Return a text as it is and as it is written without the letters that only some alphabets have.

    Examples
    --------
    >>> {"Mueller", "Muller", "Müller"} <= transliterated("Müller"), "Ivanov" in transliterated("Иванов")
    (True, True)
    >>> sorted(transliterated("MUELLER"))
    ['MUELLER', 'MÜLLER']
    """
    wide = unicodedata.normalize("NFKC", text)
    found = {text, wide}
    if not wide.isascii():
        found |= {unicodedata.normalize("NFC", text), unicodedata.normalize("NFD", text)}
        found |= {_bare(wide), _bare(_replaced(wide)), _bare(_replaced(wide.translate(_OTHERWISE)))}
    for pair, letter in _UMLAUTS.items():
        if pair in wide.lower():
            found.add(
                wide.replace(pair, letter).replace(pair.upper(), letter.upper()).replace(pair.title(), letter.upper())
            )
    return frozenset(filter(None, found))


#: Letters that are written in two ways where a keyboard lacks them: Ostergaard, Oestergaard; Djordjevic, Dordevic.
_OTHERWISE = str.maketrans({"ø": "o", "Ø": "O", "đ": "dj", "Đ": "Dj"})
#: What an umlaut is written as, and so what may have been one.
_UMLAUTS = {"ae": "ä", "oe": "ö", "ue": "ü"}


def _bare(text: str) -> str:
    """Leave the marks of letters away."""
    decomposed = unicodedata.normalize("NFD", text)
    return unicodedata.normalize("NFC", "".join(c for c in decomposed if not unicodedata.combining(c)))


def _replaced(text: str) -> str:
    letters = _letters()
    out = []
    for char in unicodedata.normalize("NFC", text):
        other = letters.get(char.lower())
        out.append(char if other is None else other.capitalize() if char.isupper() else other)
    replaced = "".join(out)
    return replaced.upper() if text.isupper() else replaced


@cache
def _letters() -> dict[str, str]:
    text = files(__package__).joinpath("transliterations.tsv").read_text(encoding="utf-8")
    rows = (row.partition("\t") for row in text.splitlines()[1:])
    return {letter: other for letter, _, other in rows}


def is_telling(text: str) -> bool:
    """Whether a text is so rare that its bytes say where they come from.

    Numbers of few digits, short words, terms of the standard and words that stand for no name are in any file.
    """
    if is_placeholder(text) or text.upper() in known_terms():
        return False
    if _is_common(text):
        return False
    letters = sum(c.isascii() and c.isalpha() for c in text)
    digits = sum(c.isdecimal() for c in text)
    others = sum(not c.isascii() and c.isalpha() for c in text)
    return letters + digits >= _FEWEST_DIGITS or letters >= _FEWEST_LETTERS or others >= _FEWEST_OTHERS


@lru_cache(maxsize=4096)
def searched_for(identifier: Identifier) -> frozenset[str]:
    """Return the spellings by which the bytes of a file are searched: those that tell where they come from.

    Of places the whole name only: their words are in the names of manufacturers, cities and scanners.
    """
    if _SPELLED.get(identifier.kind) is _places:
        found = {other for text in _others(identifier.text) for other in transliterated(text)}
    else:
        found = set(spellings(identifier))
    return frozenset(text for text in found if is_telling(text))


def needles(identifiers: Iterable[Identifier], encodings: Iterable[str] = ()) -> frozenset[bytes]:
    """Return the bytes to look for in a file that must not name what the identifiers name.

    Parameters
    ----------
    identifiers : iterable of Identifier
    encodings : iterable of str
        Python names of the character sets of the source; UTF-8, Latin-1 and UTF-16 come by themselves.

    Returns
    -------
    frozenset of bytes
        Words in their usual cases. What is too short to tell anything is left out (:func:`is_telling`).
    """
    wanted = tuple(dict.fromkeys(("utf_8", "latin_1", "utf_16_le", *encodings)))
    return frozenset(found for identifier in set(identifiers) for found in _needles(identifier, wanted))


@lru_cache(maxsize=4096)
def _needles(identifier: Identifier, encodings: tuple[str, ...]) -> frozenset[bytes]:
    texts = set(searched_for(identifier))
    if identifier.kind not in (DATE, BIRTH_DATE, UID):
        texts |= {cased for text in texts for cased in (text.upper(), text.lower(), text.title())}
    return frozenset(data for text in texts for name in encodings if (data := _encoded(text, name)))


def _encoded(text: str, encoding: str) -> bytes:
    """Encode a text; nothing where the character set cannot say it, or says it as ASCII does."""
    if text.isascii():
        return text.encode("utf_16_le" if encoding == "utf_16_le" else "ascii")
    try:
        return text.encode(encoding)
    except (UnicodeError, LookupError):
        return b""

"""The search of a written file's bytes for what named the patient, and everybody and everything around, before.

The words of a text are looked up among the words of all identifiers, so the search takes as long for a thousand
patients as for one: 0.1 ms a file (2026-11-30; an automaton of Aho and Corasick would not be faster, for what is left
of a header after the profile is short). Only where a word is one, the whole of the identifier is looked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from typing import NamedTuple

from pydicom._dicom_dict import DicomDictionary
from pydicom._private_dict import private_dictionaries
from pydicom.charset import convert_encodings

from derive.deidentification.check.demands import Demands
from derive.deidentification.check.walk import Walked
from derive.deidentification.text.identifiers import (
    BIRTH_DATE,
    DATE,
    UID,
    Identifier,
    identifiers_in,
    kind_of,
    unwanted_kinds,
)
from derive.deidentification.text.spellings import needles
from derive.elements.element import Element
from derive.version import MANUFACTURER, MODEL

_LETTERS = re.compile(r"[^\W\d_]+")
_WORDS = re.compile(rb"[0-9]+|[a-z]+")
#: What designates a character set (ISO 2022), and what stands in one of two bytes a character.
_ESCAPES = re.compile(rb"\x1b[\x20-\x2f]*[\x30-\x7e]")
_TWO_BYTES = re.compile(rb"\x1b\$[\x20-\x2f]*[\x30-\x7e]([^\x1b]*)")
#: Words that every file says of who de-identified it; a phantom of ours is called so too.
_OURS = frozenset(word.lower().encode() for text in (MANUFACTURER, MODEL) for word in (text, *re.split(r"\W", text)))
_CHARACTER_SET = 0x00080005
_DATES = frozenset([DATE, BIRTH_DATE])


class SearchedText:
    """Bytes that are searched, as they are and in small letters."""

    def __init__(self, raw: bytes) -> None:
        self.raw, self.small = raw, raw.lower()
        self.words = frozenset(_WORDS.findall(self.small))
        self.is_ascii = raw.isascii()


class Occurrence(NamedTuple):
    """Where an identifier stands, its kind, and whether it is a single word."""

    at: int
    kind: str
    word: bool = False


class Needles:
    """The bytes of some identifiers: by one of their words; those without any by themselves.

    Parameters
    ----------
    identifiers : iterable of Identifier
    encodings : tuple of str
        Python names of character sets.
    others : bool
        Whether they are of other objects: then words that anybody may write are left out.
    """

    def __init__(
        self, identifiers: Iterable[Identifier], encodings: tuple[str, ...] = (), *, others: bool = False
    ) -> None:
        self.by_word: dict[bytes, dict[bytes, str]] = {}
        self.direct: dict[bytes, str] = {}
        self.shifted: dict[bytes, str] = {}
        for identifier in identifiers:
            for needle in needles([identifier], encodings):
                if not (others and _is_vocabulary(needle)) and needle.lower() not in _OURS:
                    self._add(needle, identifier.kind)

    def _add(self, needle: bytes, kind: str) -> None:
        if b"\x1b" in needle:  # the characters between two escapes may stand among others (ISO 2022)
            inner = max(_ESCAPES.split(needle), key=len)
            (self.shifted if inner.isascii() else self.direct)[inner] = kind
        elif b"\0" not in needle:  # UTF-16 is searched without its zeros
            word = max(_WORDS.findall(small := needle.lower()), key=len, default=b"")
            if len(word) > 1:
                self.by_word.setdefault(word, {})[small] = kind
            elif not needle.isascii():
                self.direct[small] = kind

    def found_in(self, text: SearchedText) -> Iterator[Occurrence]:
        """Give every identifier that stands in a text."""
        for word in self.by_word.keys() & text.words:
            for needle, kind in self.by_word[word].items():
                yield from (Occurrence(at, kind, needle.isalpha()) for at in whole(text.small, needle))
        if not text.is_ascii:
            for needle, kind in self.direct.items():
                yield from (Occurrence(at, kind) for at in _all(text.small, needle))
        if self.shifted and b"\x1b$" in text.raw:
            yield from self._shifted_in(text.raw)

    def _shifted_in(self, raw: bytes) -> Iterator[Occurrence]:
        """Give what stands in two bytes a character between escapes (ISO 2022 IR 87, 159)."""
        for segment in _TWO_BYTES.finditer(raw):
            for needle, kind in self.shifted.items():
                at = segment[1].find(needle)
                if at >= 0 and at % 2 == 0:
                    yield Occurrence(segment.start(1) + at, kind)


def whole(text: bytes, needle: bytes) -> Iterator[int]:
    """Give where a needle stands that is no part of a longer word or number."""
    for at in _all(text, needle):
        before, after = text[max(0, at - 1) : at], text[at + len(needle) : at + len(needle) + 1]
        if not (_joins(before, needle[:1]) or _joins(needle[-1:], after)):
            yield at


def _all(text: bytes, needle: bytes) -> Iterator[int]:
    at = text.find(needle)
    while at >= 0:
        yield at
        at = text.find(needle, at + 1)


def _joins(one: bytes, other: bytes) -> bool:
    """Whether two characters are of one word or of one number."""
    return (one.isdigit() and other.isdigit()) or (one.isalpha() and other.isalpha())


class Searcher:
    """The search for what the identifiers of a whole set name.

    Parameters
    ----------
    demands : Demands
    identifiers : iterable of Identifier
        Of all objects of the set.
    """

    def __init__(self, demands: Demands, identifiers: Iterable[Identifier] = ()) -> None:
        self.demands = demands
        # A base that keeps what no rule names promises nothing of texts.
        self.kinds = unwanted_kinds(demands.profile.options) if demands.profile.is_confidential else frozenset()
        found = self.wanted(identifiers)
        self.others = Needles([i for i in found if i.kind not in _DATES | {UID}], others=True)
        self.uids = frozenset(i.text.encode("latin-1", "replace") for i in found if i.kind == UID)

    def wanted(self, identifiers: Iterable[Identifier]) -> frozenset[Identifier]:
        """Return the identifiers that must not come out: those that nothing retains."""
        return frozenset(i for i in identifiers if i.kind in self.kinds and not self.demands.keeps(i.tag))

    def own(self, original: Walked) -> tuple[Needles, frozenset[bytes]]:
        """Return the needles of one original, and its UIDs."""
        encodings, found = harvest(original)
        wanted = self.wanted(found)
        uids = frozenset(i.text.encode("latin-1", "replace") for i in wanted if i.kind == UID)
        return _needles_of(frozenset(i for i in wanted if i.kind != UID), encodings), uids


@lru_cache(maxsize=64)
def _needles_of(identifiers: frozenset[Identifier], encodings: tuple[str, ...]) -> Needles:
    """Return the needles of identifiers: those of a series are mostly the same."""
    return Needles(identifiers, encodings)


def harvest(walked: Walked) -> tuple[tuple[str, ...], frozenset[Identifier]]:
    """Return the character sets of a file, and the identifiers in its standard attributes, at every depth."""
    sets = [part.strip() for part in walked.text(_CHARACTER_SET).split("\\")]
    telling = [leaf for leaf in walked.leaves if not leaf.spot.is_private and kind_of(leaf.spot.tag, leaf.vr)]
    elements = [
        Element(leaf.spot.tag, leaf.vr, walked.data[leaf.start : leaf.stop]) for leaf in telling if leaf.vr != "SQ"
    ]
    try:
        encodings = tuple(convert_encodings(sets))
    except (LookupError, ValueError):
        encodings = ("iso8859",)
    return encodings, identifiers_in(elements, encodings)


@cache
def _vocabulary() -> frozenset[str]:
    """Return words of attributes of the standard and of makers: somebody may be called so, nobody is told by it."""
    names = [name for _, _, name, _, _ in DicomDictionary.values()]
    names += [name for creator in private_dictionaries.values() for _, _, name, _ in creator.values()]
    return frozenset(word.lower() for name in (*names, *private_dictionaries) for word in _LETTERS.findall(name))


def _is_vocabulary(needle: bytes) -> bool:
    """Whether all words of a needle are of that vocabulary, and there is no number."""
    words = _LETTERS.findall(needle.decode("latin-1").lower())
    return needle.isascii() and not re.search(rb"[0-9]", needle) and all(word in _vocabulary() for word in words)

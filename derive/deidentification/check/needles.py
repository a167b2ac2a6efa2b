"""The search of a written file's bytes for what named the patient, and everybody and everything around, before.

The words of a text are looked up among the words of all identifiers, so the search takes as long for a thousand
patients as for one: 0.1 ms a file (2026-11-30; an automaton of Aho and Corasick would not be faster, for what is left
of a header after the profile is short). Only where a word is one, the whole of the identifier is looked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache

from pydicom._dicom_dict import DicomDictionary
from pydicom.charset import convert_encodings

from derive.deidentification.check.demands import Demands
from derive.deidentification.check.walk import Walked
from derive.deidentification.text.identifiers import (
    BIRTH_DATE,
    DATE,
    UID,
    Identifier,
    identifiers_of,
    kind_of,
    unwanted_kinds,
)
from derive.deidentification.text.spellings import needles
from derive.elements.element import Element
from derive.elements.instance import Instance

WORDS = re.compile(rb"[0-9]+|[a-z]+")
_HIGH = re.compile(rb"[\x80-\xff\x1b]")
_CHARACTER_SET = 0x00080005
_DATES = frozenset([DATE, BIRTH_DATE])


class Needles:
    """The bytes of some identifiers, by one of their words."""

    def __init__(self, identifiers: Iterable[Identifier], encodings: tuple[str, ...] = ()) -> None:
        self.by_word: dict[bytes, dict[bytes, str]] = {}
        self.direct: dict[bytes, str] = {}
        for identifier in identifiers:
            for needle in needles([identifier], encodings):
                self._add(needle.lower(), identifier.kind)

    def _add(self, needle: bytes, kind: str) -> None:
        if not needle.isascii() or b"\x1b" in needle:
            self.direct[needle] = kind
        elif b"\0" not in needle and (words := WORDS.findall(needle)):
            self.by_word.setdefault(max(words, key=len), {})[needle] = kind

    def found_in(self, text: bytes, words: Iterable[bytes]) -> Iterator[tuple[int, str, bool]]:
        """Give where an identifier begins, its kind, and whether it is a single word.

        Parameters
        ----------
        text : bytes
            In small letters.
        words : iterable of bytes
            Its words.
        """
        for word in self.by_word.keys() & words:
            for needle, kind in self.by_word[word].items():
                if (at := whole(text, needle)) >= 0:
                    yield at, kind, needle.isalpha()
        if self.direct and _HIGH.search(text):
            for needle, kind in self.direct.items():
                if (at := text.find(needle)) >= 0:
                    yield at, kind, False


def whole(text: bytes, needle: bytes) -> int:
    """Return where a needle stands that is no part of a longer word or number; -1 if nowhere."""
    at = text.find(needle)
    while at >= 0:
        before, after = text[max(0, at - 1) : at], text[at + len(needle) : at + len(needle) + 1]
        if not (_joins(before, needle[:1]) or _joins(needle[-1:], after)):
            return at
        at = text.find(needle, at + 1)
    return -1


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
        self.kinds = unwanted_kinds(demands.profile.options)
        kept = [i for i in identifiers if self._is_wanted(i) and i.kind not in _DATES | {UID}]
        self.others = Needles([i for i in kept if not _is_vocabulary(i.text)])

    def _is_wanted(self, identifier: Identifier) -> bool:
        return identifier.kind in self.kinds and not self.demands.keeps(identifier.tag)

    def own(self, original: Walked) -> tuple[Needles, frozenset[bytes]]:
        """Return the needles of one original, and its UIDs."""
        encodings, found = harvest(original)
        wanted = frozenset(i for i in found if self._is_wanted(i))
        uids = frozenset(i.text.encode("latin-1", "replace") for i in wanted if i.kind == UID)
        return _needles_of(frozenset(i for i in wanted if i.kind != UID), encodings), uids


@lru_cache(maxsize=64)
def _needles_of(identifiers: frozenset[Identifier], encodings: tuple[str, ...]) -> Needles:
    """Return the needles of identifiers: those of a series are mostly the same."""
    return Needles(identifiers, encodings)


def harvest(walked: Walked) -> tuple[tuple[str, ...], frozenset[Identifier]]:
    """Return the character sets of a file, and the identifiers in its standard attributes, at every depth."""
    named = next((walked.value(leaf) for leaf in walked.leaves if leaf.spot.tag == _CHARACTER_SET), b"")
    sets = [part.strip() for part in named.decode("latin-1").split("\\")]
    telling = [leaf for leaf in walked.leaves if not leaf.spot.is_private and kind_of(leaf.spot.tag, leaf.vr)]
    elements = {
        at: Element(leaf.spot.tag, leaf.vr, walked.data[leaf.start : leaf.stop]) for at, leaf in enumerate(telling)
    }
    try:
        encodings = tuple(convert_encodings(sets))
    except (LookupError, ValueError):
        encodings = ("iso8859",)
    return encodings, identifiers_of(Instance("", elements, strict=False, around=encodings))


@cache
def _vocabulary() -> frozenset[str]:
    """Return the words in which the standard names its attributes: somebody may be called so, nobody is told by it."""
    names = (name for _, _, name, _, _ in DicomDictionary.values())
    return frozenset(word.lower() for name in names for word in re.findall(r"[A-Za-z]+", name))


def _is_vocabulary(text: str) -> bool:
    return all(word.lower() in _vocabulary() for word in re.findall(r"[^\W\d_]+", text)) and not any(
        map(str.isdigit, text)
    )

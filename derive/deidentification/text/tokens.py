"""Words that may stay in free text: a list of them, and which a set of objects suggests.

Own-header terms and patterns miss whom nobody expects: the name of another person in running text. A list of words
that may stay misses nobody, and costs what is not in it. Which words a list should have nobody knows in advance, so
they are proposed from what is there: those of the standard's own vocabulary, and those that the texts of several
patients share. A person has to look at it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import NamedTuple

from pydicom.sr.codedict import codes as concepts

from derive.deidentification.text.cleaning import TextCleaning, cleaned, tokens_in
from derive.deidentification.text.identifiers import DEVICE, NAME, Identifier, identifiers_of
from derive.deidentification.text.patterns import CAMEL, trade_words
from derive.deidentification.text.spellings import spellings
from derive.elements.element import Element
from derive.elements.instance import Instance
from derive.standard import confidentiality_row, value_syntax
from derive.standard.vr import CHARSET_VRS
from derive.told.wording import counted, flag

SCHEMA = "derive-deid-tokens/1"
_COLUMN = "clean_descriptors"
_TEXTS = CHARSET_VRS - {"PN"}
#: Words from so few patients on name nobody in particular.
_SHARED = 2
_SHORT_NUMBER = re.compile(r"\d{1,4}([.,]\d{1,4})?")


class Word(NamedTuple):
    """A word of the free text of a set.

    Parameters
    ----------
    text : str
        In small letters.
    patients, texts : int
        In how many of them it stands.
    is_known : bool
        Whether it is of the vocabulary of the standard, or a short number.
    """

    text: str
    patients: int
    texts: int
    is_known: bool

    @property
    def is_proposed(self) -> bool:
        """Whether it may stay, as far as can be told without a person."""
        return self.is_known or self.patients >= _SHARED


@dataclass(frozen=True)
class TokenProposal:
    """Words that may stay, by what is there.

    Parameters
    ----------
    words : tuple of Word
        The most frequent first.
    patients, texts : int
        How many there are.
    show_all : bool
        Whether words of one patient are listed too.
    """

    words: tuple[Word, ...]
    patients: int
    texts: int
    show_all: bool = False

    @property
    def proposed(self) -> tuple[Word, ...]:
        """The words that are proposed."""
        return tuple(word for word in self.words if word.is_proposed)

    @property
    def single(self) -> tuple[Word, ...]:
        """The words of one patient, who may be named by them."""
        return tuple(word for word in self.words if not word.is_proposed)

    def to_json(self) -> dict[str, object]:
        """Return it for programs."""
        shown = self.words if self.show_all else self.proposed
        return {
            "schema": SCHEMA,
            "patients": self.patients,
            "texts": self.texts,
            "left_out": 0 if self.show_all else len(self.single),
            "words": [{**word._asdict(), "is_proposed": word.is_proposed} for word in shown],
        }

    def __str__(self) -> str:
        """Return the list as ``--keep-tokens`` reads it."""
        head = [
            f"# Words that may stay in cleaned texts, of {counted(self.texts, 'text')} of "
            f"{counted(self.patients, 'patient')}: look at them, and take out what names anybody."
        ]
        lines = [_line(word) for word in self.proposed]
        if self.show_all:
            lines += [f"# of one patient: {_line(word)}" for word in self.single]
        elif self.single:
            told = counted(len(self.single), "word")
            head.append(f"# {told} of a single patient are left out: {flag('show_all')} lists them too, as comments.")
        return "\n".join([*head, *lines])


def _line(word: Word) -> str:
    return f"{word.text}  # {counted(word.patients, 'patient')}, {counted(word.texts, 'text')}"


@dataclass
class TokenCounter:
    """Counts the words of the free text of one instance after the other."""

    texts: Counter[str] = field(default_factory=Counter)
    patients: dict[str, set[str]] = field(default_factory=dict)
    named: set[str] = field(default_factory=set)
    _count: int = 0
    _who: set[str] = field(default_factory=set)
    _seen: set[tuple[str, str]] = field(default_factory=set)

    def see(self, instance: Instance) -> None:
        """Count the texts of an instance, each once for a patient."""
        asked = instance.lenient
        who, own = asked.text("PatientID") or asked.text("StudyInstanceUID"), identifiers_of(asked)
        self._who.add(who)
        self.named |= _names(own)
        for text in free_texts(asked):
            if (who, text) in self._seen:
                continue
            self._seen.add((who, text))
            self._count += 1
            for word in tokens_in([cleaned(text, own, (), TextCleaning())]):
                self.texts[word] += 1
                self.patients.setdefault(word, set()).add(who)

    def proposal(self, *, show_all: bool = False) -> TokenProposal:
        """Return what may stay: no word of the name of any patient or other person of the set."""
        words = (
            Word(text, len(self.patients[text]), count, is_known(text))
            for text, count in self.texts.items()
            if text not in self.named
        )
        ordered = sorted(words, key=lambda w: (-w.patients, -w.texts, w.text))
        return TokenProposal(tuple(ordered), len(self._who), self._count, show_all)


def _names(own: frozenset[Identifier]) -> frozenset[str]:
    return tokens_in(text for i in own if i.kind in (NAME, DEVICE) for text in spellings(i))


def free_texts(instance: Instance) -> Iterator[str]:
    """Give the texts that the option Clean Descriptors cleans, at every depth."""
    for element in instance.elements.values():
        if element.vr == "SQ":
            for item in instance.items(element.keyword):
                yield from free_texts(item)
        elif element.vr in _TEXTS and _is_descriptor(element.tag):
            yield from _texts(element, instance.encodings)


def _texts(element: Element, encodings: tuple[str, ...]) -> list[str]:
    try:
        return value_syntax.split(element.vr, element.value, encodings)
    except UnicodeError:
        return []


@cache
def _is_descriptor(tag: int) -> bool:
    row = confidentiality_row(tag)
    return row is not None and row.actions.get(_COLUMN) == "C"


@lru_cache(maxsize=1 << 16)
def is_known(word: str) -> bool:
    """Whether a word is of the vocabulary of the standard: a name of an attribute, a coded concept, a short number.

    Examples
    --------
    >>> is_known("abdomen"), is_known("contrast"), is_known("2.5"), is_known("quillfeather"), is_known("12345")
    (True, True, True, False, False)
    """
    return word in _vocabulary() or bool(_SHORT_NUMBER.fullmatch(word))


@cache
def _vocabulary() -> frozenset[str]:
    concept_words = (w for scheme in (concepts.DCM, concepts.SCT) for k in scheme.dir() for w in CAMEL.findall(k))
    return tokens_in(concept_words) | trade_words()

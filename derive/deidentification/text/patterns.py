"""What looks like a name, a date, a number or an address that tells somebody, whoever it is.

``patterns.tsv`` says each by the information type that Google's de-identification calls it. Nothing here knows
names: a person is found by a title, a label (``Patient: Jane Doe``) or the carets of a DICOM name. Who is named in
running text and in no header is not found, which is why there is the list of words that may stay (``tokens``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from pydicom.datadict import keyword_dict

from derive.deidentification.text.stopwords import stopwords

_WORD = re.compile(r"[^\W\d_]+")
#: Words of a keyword, or of a coded concept's.
CAMEL = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
#: How words of the trade end: urography, arthrogram, spectroscopy.
_TRADE = re.compile(r"(graph(y|ies|ic)|gram|scop(y|ic)|metry|ology|tion|ing|sis|itis|oma|oral|enous)$")


class Pattern(NamedTuple):
    """A row of ``patterns.tsv``.

    Parameters
    ----------
    kind : str
        Of the identifier that it is (:data:`~derive.deidentification.text.identifiers.KINDS`), or ``time``, ``age``.
    info_type : str
        ``EMAIL_ADDRESS``
    expression : re.Pattern
    """

    kind: str
    info_type: str
    expression: re.Pattern[str]

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Return where it stands in a text.

        A name with a caret whose first word is a part of the body is none: Siemens writes what is examined so
        (``HEAD^ROUTINE``). In capital letters ``MR`` and ``DR`` are modalities before a word of that trade, and titles
        before all others. Who has such a word for a name is found by the own header (2026-11-30).
        """
        for match in self.expression.finditer(text):
            if not _is_examination(match):
                yield match.span()


def _is_examination(match: re.Match[str]) -> bool:
    words = _WORD.findall(match[0].partition("^")[0].lower())
    if "^" in match[0]:
        return any(word in stopwords("anatomy") for word in words)
    if not match.groupdict().get("modality"):
        return False
    return words[1] in trade_words() or bool(_TRADE.search(words[1]))


@cache
def trade_words() -> frozenset[str]:
    """Return the words of names of attributes, and parts of the body, in small letters."""
    words = (word.lower() for keyword in keyword_dict for word in CAMEL.findall(keyword))
    return frozenset(words) | stopwords("anatomy")


@cache
def patterns() -> tuple[Pattern, ...]:
    """Return all patterns, in the order in which they are looked for."""
    text = files(__package__).joinpath("patterns.tsv").read_text(encoding="utf-8")
    rows = (line.split("\t") for line in text.splitlines()[1:])
    return tuple(
        Pattern(kind, info_type, re.compile(expression, re.IGNORECASE)) for kind, info_type, expression in rows
    )


def info_types() -> tuple[str, ...]:
    """Return the names of the information types."""
    return tuple(dict.fromkeys(pattern.info_type for pattern in patterns()))

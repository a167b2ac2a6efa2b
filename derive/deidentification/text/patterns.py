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

from derive.deidentification.text.stopwords import stopwords

_WORD = re.compile(r"[^\W\d_]+")


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
        (``HEAD^ROUTINE``), and who has that for a name is found by the own header (2026-11-30).
        """
        for match in self.expression.finditer(text):
            if "^" not in match[0] or not _is_region(match[0]):
                yield match.span()


def _is_region(text: str) -> bool:
    return any(word.lower() in stopwords("anatomy") for word in _WORD.findall(text.partition("^")[0]))


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

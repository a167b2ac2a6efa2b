"""What looks like a name, a date, a number or an address that tells somebody, whoever it is.

``patterns.tsv`` says each by the information type that Google's de-identification calls it. Nothing here knows
names: a person is found by a title, a label (``Patient: Jane Doe``) or the carets of a DICOM name. Who is named in
running text and in no header is not found, which is why there is the list of words that may stay (``tokens``).
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import NamedTuple


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

"""Words that name nobody: what stands in the place of a name, and what goes with many names."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from importlib.resources import files

_NOT_A_WORD = re.compile(r"[\W_]+")


@lru_cache(maxsize=4096)
def is_placeholder(text: str) -> bool:
    """Whether a value says nothing: empty, ``ANONYMOUS``, ``0000``, ``N/A``, one character.

    Examples
    --------
    >>> is_placeholder("Anonymous^"), is_placeholder("000"), is_placeholder("DOE^JANE"), is_placeholder("00010101")
    (True, True, False, True)
    """
    words = [word for word in _NOT_A_WORD.split(text.lower()) if word]
    joined = "".join(words)
    return len(set(joined)) < 2 or joined in _DATES or all(word in stopwords("placeholder") for word in words)


#: Dates that stand where one is asked for and nobody knows it, or nobody may.
_DATES = frozenset(["00010101", "18000101", "19000101", "99991231"])


@cache
def stopwords(kind: str) -> frozenset[str]:
    """Return the words of a kind, in small letters: ``placeholder``, ``title``, ``place``, ``anatomy``, ``maker``."""
    text = files(__package__).joinpath("stopwords.tsv").read_text(encoding="utf-8")
    return frozenset(word for row in text.splitlines()[1:] for k, word in [row.split("\t")] if k == kind)

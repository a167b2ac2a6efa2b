"""A text without what names anybody: by this patient's own header and by patterns, or but for words that may stay."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from derive.deidentification.text.finding import found_in, without
from derive.deidentification.text.identifiers import TERM, Identifier, unwanted_kinds
from derive.errors import UsageError

#: A word or a number, as it may stand in a list of those that may stay.
TOKEN = re.compile(r"\d+(?:[.,]\d+)+|[^\W_]+")
_COMMENT = "#"
#: With these options dates of the images stay, or the times of the day do.
_TIMES_KEPT, _AGES_KEPT = ("full-dates", "modified-dates"), ("patient-characteristics",)


@dataclass(frozen=True)
class TextCleaning:
    """How free text is cleaned in a run.

    Parameters
    ----------
    keep_tokens : frozenset of str, optional
        Words that may stay, in small letters; all others go. None where all words may stay but those that name
        somebody.
    by : callable (str) -> str, optional
        A person's own cleaner: it is given what the others have left.
    """

    keep_tokens: frozenset[str] | None = None
    by: Callable[[str], str] | None = None

    @property
    def told(self) -> str:
        """What was done, for the report: it is not the same whether other people's names can have been found."""
        mode = (
            "identifiers of the patient's own header and patterns (names of others in running text are not found)"
            if self.keep_tokens is None
            else f"a list of {len(self.keep_tokens)} words that may stay"
        )
        return mode if self.by is None else f"{mode}, and a function of the user's"


@cache
def text_kinds(options: tuple[str, ...]) -> frozenset[str]:
    """Return the kinds of identifiers that must not stand in a text where some options are in force."""
    times = () if any(option in options for option in _TIMES_KEPT) else ("time",)
    ages = () if any(option in options for option in _AGES_KEPT) else ("age",)
    return unwanted_kinds(options) | {*times, *ages, TERM}


def cleaned(text: str, own: frozenset[Identifier], options: tuple[str, ...], how: TextCleaning) -> str:
    """Return what may stay of a text.

    Parameters
    ----------
    text : str
    own : frozenset of Identifier
        Of this patient's own header.
    options : tuple of str
        In force: what they retain may stand in a text too.
    how : TextCleaning
    """
    left = _cleaned(text, own, options, how.keep_tokens)
    return left if how.by is None else how.by(left)


@lru_cache(maxsize=4096)
def _cleaned(
    text: str, own: frozenset[Identifier], options: tuple[str, ...], keep_tokens: frozenset[str] | None
) -> str:
    left = without(text, found_in(text, own, text_kinds(options)))
    return left if keep_tokens is None else _kept(left, keep_tokens)


def _kept(text: str, tokens: frozenset[str]) -> str:
    """Leave only words of a list, and what stands between words that stay."""
    if all(match[0].casefold() in tokens for match in TOKEN.finditer(text)):
        return text
    words = [match[0] for match in TOKEN.finditer(text) if match[0].casefold() in tokens]
    return " ".join(words)


def read_tokens(path: Path) -> frozenset[str]:
    """Return the words of a list, in small letters: one or several a line, behind ``#`` nothing.

    Raises
    ------
    UsageError
        ``DEID-TOKENS`` for a file that cannot be read.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        kind = type(error).__name__
        raise UsageError("DEID-TOKENS", f"{path.name} cannot be read as a list of words ({kind})") from error
    return tokens_in(line.partition(_COMMENT)[0] for line in lines)


def tokens_in(texts: Iterable[str]) -> frozenset[str]:
    """Return the words of texts as they are compared."""
    return frozenset(match[0].casefold() for text in texts for match in TOKEN.finditer(text))

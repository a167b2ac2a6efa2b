"""Numbers in headers of text, as many as there have to be."""

from __future__ import annotations

import re

from derive.formats.stored import damaged

_WHOLE = re.compile(r"[+-]?\d{1,19}")
_REAL = re.compile(r"[+-]?((\d{1,40}(\.\d{0,40})?|\.\d{1,40})([eE][+-]?\d{1,4})?|nan|inf|infinity)", re.IGNORECASE)


def whole(text: str, count: int, key: str, name: str) -> tuple[int, ...]:
    """Return so many whole numbers.

    Raises
    ------
    derive.errors.SourceError
        ``SRC-DAMAGED``
    """
    words = text.split()
    if len(words) != count or not all(_WHOLE.fullmatch(word) for word in words):
        raise damaged(name, f"its header has {len(words)} words where {key} takes {_many(count, 'whole number')}")
    return tuple(map(int, words))


def numbers(text: str | None, count: int, key: str, name: str) -> tuple[float, ...] | None:
    """Return so many numbers, of which some may be NaN; None where nothing is stated.

    Raises
    ------
    derive.errors.SourceError
        ``SRC-DAMAGED``
    """
    if text is None:
        return None
    words = text.split()
    if len(words) != count or not all(_REAL.fullmatch(word) for word in words):
        raise damaged(name, f"its header has {len(words)} words where {key} takes {_many(count, 'number')}")
    return tuple(map(float, words))


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"

"""What is asked of a header, however malformed its values are: an answer or nothing, never an error."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from derive.elements.element import tag_of
from derive.errors import DeriveError
from derive.reading.header import Header


def text(header: Header, keyword: str) -> str:
    """Return a value as text; empty without, or where it cannot be read."""
    try:
        return header.text(keyword)
    except DeriveError:
        return ""


def joined(header: Header, keyword: str) -> str:
    r"""Return all values as text, joined as in a file (``A\B``); empty without."""
    try:
        return "\\".join(v.strip() for v in header.texts(keyword))
    except DeriveError:
        return ""


def numbers(header: Header, keyword: str, count: int = 0) -> tuple[float, ...] | None:
    """Return all values as numbers; None without, where one is none, or where there are not `count`."""
    try:
        found = header.numbers(keyword)
    except DeriveError:
        return None
    return found if found and (not count or len(found) == count) else None


def number(header: Header, keyword: str) -> float | None:
    """Return the first value as a number."""
    found = numbers(header, keyword)
    return found[0] if found else None


def integer(header: Header, keyword: str) -> int | None:
    """Return the first value as an integer."""
    found = number(header, keyword)
    return None if found is None else int(found)


def raw(header: Header, keyword: str) -> bytes | None:
    """Return the bytes of a value without padding: to tell values apart nothing has to be decoded."""
    element = header.elements.get(tag_of(keyword))
    return None if element is None else element.stripped()


def told(headers: Sequence[Header], keyword: str) -> tuple[str, ...]:
    """Return the different values, the most frequent first; an empty one for those that have none."""
    tag = tag_of(keyword)
    counted: Counter[str] = Counter()
    examples = {h.elements.get(tag): h for h in headers}
    for element, count in Counter(h.elements.get(tag) for h in headers).items():
        counted[joined(examples[element], keyword)] += count
    return tuple(value for value, _ in counted.most_common())


def spread(headers: Sequence[Header], keyword: str) -> tuple[float, float] | None:
    """Return the least and the largest first value."""
    found = [v for h in headers if (v := number(h, keyword)) is not None]
    return (min(found), max(found)) if found else None

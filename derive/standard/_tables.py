"""The tables as rows, and the attribute dictionary among them."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

REPEATING = "xx"


def rows(table: str) -> list[list[str]]:
    """Return the rows of a table of this package, without its header."""
    text = files(__package__).joinpath(f"{table}.tsv").read_text(encoding="utf-8")
    return [line.split("\t") for line in text.splitlines()[1:]]


def tag_of(keyword: str) -> int:
    """Return the tag of an attribute; of a repeating group (60xx) that of the first group.

    Raises
    ------
    LookupError
        When no module of the tables has the attribute.
    """
    try:
        return _tags()[keyword]
    except KeyError:
        raise LookupError(f"STD-KEYWORD: no module of the tables has an attribute {keyword!r}") from None


def keyword_of(tag: int) -> str | None:
    """Return the keyword of a tag (any even group of a repeating one), or None when the tables lack it."""
    exact, repeating = _keywords()
    if tag in exact:
        return exact[tag]
    return None if tag & 0x00010000 else repeating.get(tag & 0xFF00FFFF)


@cache
def confidential_tags() -> frozenset[int]:
    """Return the tags of PS3.15 Table E.1-1: what the Basic Profile removes or replaces."""
    return frozenset(_number(tag) for tag, *_ in rows("confidentiality") if tag.startswith("(") and "x" not in tag)


@cache
def _tags() -> dict[str, int]:
    return {keyword: _number(tag) for keyword, tag, _, _ in rows("attributes")}


@cache
def _keywords() -> tuple[dict[int, str], dict[int, str]]:
    exact: dict[int, str] = {}
    repeating: dict[int, str] = {}
    for keyword, tag, _, _ in rows("attributes"):
        (repeating if REPEATING in tag else exact)[_number(tag)] = keyword
    return exact, repeating


def _number(tag: str) -> int:
    return int(tag.strip("()").replace(",", "").replace(REPEATING, "00"), 16)

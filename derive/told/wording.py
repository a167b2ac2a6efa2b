"""How messages are worded: in the language of the caller, and with the right plural.

Whoever types a command gives flags, whoever calls a function gives keywords. A message never spells either: it says
:func:`flag`, and a table says it with a marker, ``{flag:series UID}``, that :func:`spoken` words when the row is
looked up. The command line says once that flags are wanted (:func:`speaking`); everybody else gets Python.

*2026-11-30, one language of the process.* A message is worded when it is made, not when it is shown: texts are put
into other texts, into reports and into tables, and none of those has to know that something in it is still to be said.
The command line is the only one that speaks flags, and it has a process to itself.
"""

from __future__ import annotations

import csv
import difflib
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from enum import Enum
from functools import cache
from importlib.resources import files
from typing import NamedTuple

_MARKER = re.compile(r"\{flag:(\w+) ?([^{}]*)\}")
#: What Python does not put between quotes: numbers, and words that stand for a value (``UID``, ``N``).
_BARE = re.compile(r"[-+]?\d+(\.\d*)?(e[-+]?\d+)?|[A-Z][A-Z_]*|True|False|None")
#: Longer words are no name that was misspelled, and would be compared for long.
_LONGEST_MEANT = 200


class Language(Enum):
    """Whose words are used for what a caller can say."""

    PYTHON = "python"
    COMMAND_LINE = "command_line"


class _Spelling(NamedTuple):
    command_line: str
    python: str


_language = Language.PYTHON


@contextmanager
def speaking(language: Language) -> Iterator[None]:
    """Word messages for such a caller meanwhile."""
    global _language
    before, _language = _language, language
    try:
        yield
    finally:
        _language = before


def flag(keyword: str, value: str = "") -> str:
    """Say what the caller can give, in the caller's language.

    Parameters
    ----------
    keyword : str
        Its name in Python, as ``spacing_mm``; ``wording.tsv`` has those that are spelled otherwise on the command line.
    value : str
        What to give: ``hu``, or words in capitals that stand for a value, as ``UID`` or ``X Y Z``; of a mapping
        ``Keyword=VALUE``.

    Examples
    --------
    >>> flag("series", "UID"), flag("overwrite"), flag("spacing_mm", "X Y Z"), flag("set", "Keyword=VALUE")
    ('series=UID', 'overwrite=True', 'spacing_mm=(X, Y, Z)', 'set={"Keyword": VALUE}')
    >>> with speaking(Language.COMMAND_LINE):
    ...     flag("series", "UID"), flag("overwrite"), flag("kind", "secondary-capture")
    ('--series UID', '--overwrite', '--as secondary-capture')
    """
    spelling = _spellings().get(keyword, _Spelling(f"--{keyword.replace('_', '-')} {{value}}", f"{keyword}={{value}}"))
    if _language is Language.COMMAND_LINE:
        return spelling.command_line.format(value=value).strip()
    if not value and "{" in spelling.python:
        return f"{keyword}="
    name, _, said = value.partition("=")
    return spelling.python.format(value=_literal(value), name=name, said=_literal(said))


def spoken(text: str) -> str:
    """Return a text of a table with its markers in the caller's language.

    Examples
    --------
    >>> spoken("{flag:series UID}, or {flag:series '#2'} for the second that is listed")
    "series=UID, or series='#2' for the second that is listed"
    """
    return _MARKER.sub(lambda found: flag(found[1], found[2]), text)


def counted(count: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun.

    Examples
    --------
    >>> counted(1, "image"), counted(48, "image"), counted(2, "series"), counted(0, "study"), counted(3, "axis", "axes")
    ('1 image', '48 images', '2 series', '0 studies', '3 axes')
    """
    return f"{count} {noun if count == 1 else plural or _plural(noun)}"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a hint at what was meant, to be put behind a message; nothing where nothing is near.

    Examples
    --------
    >>> did_you_mean("resmaple", ["resample", "convert"])
    '; did you mean resample?'
    >>> did_you_mean("zebra", ["resample", "convert"])
    ''
    """
    if len(word) > _LONGEST_MEANT:
        return ""
    folded = {name.casefold(): name for name in known}
    near = difflib.get_close_matches(word.casefold(), folded, n=2, cutoff=0.6)
    if not near and len(word) > 2:  # blur, of gaussian-blur
        near = [name for name in folded if word.casefold() in name][:2]
    return f"; did you mean {' or '.join(folded[name] for name in near)}?" if near else ""


def _plural(noun: str) -> str:
    if noun.endswith(("ies", "series")):
        return noun
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return f"{noun[:-1]}ies"
    return f"{noun}es" if noun.endswith(("s", "x", "ch")) else f"{noun}s"


def _literal(value: str) -> str:
    """Write a value as Python has it."""
    words = value.split(" ")
    if not value or all(_BARE.fullmatch(w) for w in words):
        return f"({', '.join(words)})" if len(words) > 1 else value
    return value if value.startswith("'") else f'"{value}"'


@cache
def _spellings() -> dict[str, _Spelling]:
    text = files(__package__).joinpath("wording.tsv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
    return {row["keyword"]: _Spelling(row["command_line"], row["python"]) for row in rows}

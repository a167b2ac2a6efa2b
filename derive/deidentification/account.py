"""What became of one object, kept small: thousands of objects have the same account, and it is kept once."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from pydicom._private_dict import private_dictionaries

from derive.deidentification.engine import Decided

_CREATOR = re.compile(r'(?<=,)"(.*?)"(?=,[0-9A-F]{2}\))')


class Caution(NamedTuple):
    """What a person has to know of an object, since no table settles it.

    Parameters
    ----------
    code : str
    text : str
        No value of the object.
    """

    code: str
    text: str


class Shortcoming(NamedTuple):
    """Why a written object is not published: what kind of thing is still there, and where.

    Parameters
    ----------
    kind, path : str
    """

    kind: str
    path: str


class Accounts:
    """The different accounts of a run; who has one asks for its number.

    It remembers: one of each kind.
    """

    def __init__(self) -> None:
        self._numbers: dict[tuple[Decided, ...], int] = {}

    def __len__(self) -> int:
        return len(self._numbers)

    def number(self, account: tuple[Decided, ...]) -> int:
        """Return the number of an account, a new one if it is new."""
        return self._numbers.setdefault(account, len(self._numbers))

    def to_json(self) -> list[list[dict[str, Any]]]:
        """Return them, for programs."""
        return [[{**line._asdict(), "path": shown_path(line)} for line in account] for account in self._numbers]


def shown_path(decided: Decided) -> str:
    """Return a path for people: a Private Creator that nobody knows, and that is gone, may hold anything.

    Examples
    --------
    >>> shown_path(Decided('(0029,"SIEMENS CSA HEADER",10)', "X", "remove", "private"))
    '(0029,"SIEMENS CSA HEADER",10)'
    >>> shown_path(Decided('(0011,"Doe^Jane",01).PatientName', "X", "remove", "private"))
    '(0011,"(another creator)",01).PatientName'
    """
    return decided.path if decided.action == "K" else _CREATOR.sub(_known, decided.path)


def _known(found: re.Match[str]) -> str:
    return found[0] if found[1] in private_dictionaries else '"(another creator)"'

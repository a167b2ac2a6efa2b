"""What became of one object, kept small: thousands of objects have the same account, and it is kept once."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Any, NamedTuple


class AccountLine(NamedTuple):
    """What became of one attribute; of its value nothing is said.

    Parameters
    ----------
    path : str
        Where it stands: keywords joined by a dot, a private one by its creator.
    action : str
        K, X, Z, D, U or C (PS3.15 Table E.1-1a).
    method : str
        What did it.
    why : str
        From which rule, column or preset.
    """

    path: str
    action: str
    method: str
    why: str


class Risk(NamedTuple):
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
        self._numbers: dict[tuple[AccountLine, ...], int] = {}
        self._known: dict[Hashable, int] = {}

    @property
    def all(self) -> tuple[tuple[AccountLine, ...], ...]:
        """Every account, by its number."""
        return tuple(self._numbers)

    def number(self, lines: Iterable[AccountLine]) -> int:
        """Return the number of an account, a new one if it is new."""
        account = tuple(lines)
        return self._numbers.setdefault(account, len(self._numbers))

    def to_json(self) -> list[list[dict[str, Any]]]:
        """Return them, for programs."""
        return [[line._asdict() for line in account] for account in self._numbers]

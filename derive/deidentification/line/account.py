"""What became of one object, kept small: thousands of objects have the same account, and it is kept once."""

from __future__ import annotations

from typing import Any, NamedTuple

from derive.deidentification.engine.changes import Decided


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
        return [[line._asdict() for line in account] for account in self._numbers]

"""What becomes of one attribute, and why: decided from where it stands, without its value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

#: What the actions of Table E.1-1 are called as methods; C is the cleaner of the option in force.
METHOD_OF = {"K": "keep", "X": "remove", "Z": "redact", "D": "replace", "U": "refreshUID"}


@dataclass(frozen=True)
class Ruling:
    """What becomes of one attribute.

    Parameters
    ----------
    action : str
        A code of PS3.15 Table E.1-1a: K, X, Z, D, U, or C.
    method : str
        Name of the method that does it.
    settings : mapping of str to object
        Of the method.
    why : str
        From which rule, preset or column, for the report; never a value.
    """

    action: str
    method: str
    settings: Mapping[str, object] = field(default_factory=dict, hash=False)
    why: str = ""

    @classmethod
    def of(cls, action: str, why: str) -> Self:
        """Return the ruling for an action of the table, by the method that is called so."""
        return cls(action, METHOD_OF[action], why=why)

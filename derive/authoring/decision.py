"""What is decided of an attribute, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from derive.authoring.entities import Builder
from derive.authoring.policy import Action, Row
from derive.elements.element import keyword_of
from derive.standard import AttributeRule


@dataclass(frozen=True)
class Entry:
    """What became of one attribute, and why.

    Parameters
    ----------
    tag : int
    action : str
        pulled, recomputed, emptied, dropped, given, or "not in this IOD".
    reason, section : str
    varies : bool
        Whether it was decided instance by instance.
    """

    tag: int
    action: str
    reason: str
    section: str = ""
    varies: bool = False

    @property
    def keyword(self) -> str:
        """Keyword, or (gggg,eeee)."""
        return keyword_of(self.tag)

    def to_json(self) -> dict[str, Any]:
        """Return everything, for programs."""
        return {
            "keyword": self.keyword,
            "action": self.action,
            "reason": self.reason,
            "section": self.section,
            "varies": self.varies,
        }


@dataclass(frozen=True)
class Decision:
    """What the policy says of one attribute of the IOD, for this derivation."""

    rule: AttributeRule
    row: Row
    action: Action
    builder: Builder | None
    expected: bool = True
    """Whether its module is part of the result: then an attribute of type 2 that nobody has is empty."""

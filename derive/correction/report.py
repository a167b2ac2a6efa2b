"""What a correction would change, and what it has done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from derive.correction.asked import Asked
from derive.elements.confidential import masked
from derive.elements.element import keyword_of
from derive.elements.encoding import text_of
from derive.elements.instance import Instance
from derive.model.source import Skipped
from derive.rewriting.file import StoredFile
from derive.rewriting.splice import part_of
from derive.rewriting.stored import StoredDataSet
from derive.told.wording import counted

SCHEMA = "derive-correction/1"


class Planned(NamedTuple):
    """A change that is the same in some objects.

    Parameters
    ----------
    tag : int
    before, after : str
        As text; empty where the attribute is not there.
    objects : int
        In how many.
    """

    tag: int
    before: str
    after: str
    objects: int

    def shown(self, *, values: bool = False) -> str:
        """Return it as a line; values that tell whose images they are stand as (masked) unless they are asked for."""
        told = (text if values else masked(self.tag, text) for text in (self.before, self.after))
        before, after = (text or "(none)" for text in told)
        return f"{keyword_of(self.tag)}: {before} -> {after} in {counted(self.objects, 'object')}"

    def to_json(self, *, values: bool = False) -> Mapping[str, Any]:
        """Return it, for programs; values as :meth:`shown` tells them."""
        before, after = (text if values else masked(self.tag, text) for text in (self.before, self.after))
        return {"attribute": keyword_of(self.tag), "before": before, "after": after, "objects": self.objects}


@dataclass(frozen=True)
class CorrectionReport:
    """What was done.

    Parameters
    ----------
    folder : Path or None
        Where it was written; None for what is only planned.
    count, changed : int
        How many objects were written, and how many of them are other than they were.
    others : tuple of Skipped
        What was no object, and is not there.
    asked : Asked
    changes : tuple of Planned
    """

    folder: Path | None
    count: int
    changed: int
    others: tuple[Skipped, ...]
    asked: Asked
    changes: tuple[Planned, ...] = ()

    @property
    def summary(self) -> str:
        """How many of how many."""
        verb = "taken back in" if self.asked.undo else "corrected:"
        return f"{verb} {self.changed} of {counted(self.count, 'object')}"

    def __str__(self) -> str:
        """In one line."""
        return self.summary if self.folder is None else f"{self.summary} in {self.folder}"

    def to_json(self, *, values: bool = False) -> Mapping[str, Any]:
        """Return it, for programs."""
        return {
            "schema": SCHEMA,
            "folder": None if self.folder is None else str(self.folder),
            "objects": self.count,
            "changed": self.changed,
            "reason": self.asked.reason,
            "undone": self.asked.undo,
            "changes": [change.to_json(values=values) for change in self.changes],
            "others": [{"name": o.name, "reason": o.reason} for o in self.others],
        }


class ChangeTally:
    """Gathers what changes in objects, the same changes together; it remembers nothing else of them."""

    def __init__(self) -> None:
        self._counts: dict[tuple[int, str, str], int] = {}

    def take(self, stored: StoredFile, parts: Mapping[int, bytes | None]) -> bool:
        """Take the whole elements that an object gets; return whether any of them is another."""
        before = {tag: part_of(stored.head, tag) for tag in parts}
        changed = [tag for tag, part in parts.items() if part != before[tag]]
        for tag in changed:
            key = (tag, _told(stored, before[tag]), _told(stored, parts[tag]))
            self._counts[key] = self._counts.get(key, 0) + 1
        return bool(changed)

    @property
    def planned(self) -> tuple[Planned, ...]:
        """The changes, in the order of the tags."""
        return tuple(Planned(*key, count) for key, count in sorted(self._counts.items()))


def _told(stored: StoredFile, part: bytes | None) -> str:
    if not part:
        return ""
    alone = StoredDataSet.of(part, implicit=stored.implicit)
    (found, *_) = alone.stored()
    if found.vr == "SQ":
        return counted(len(alone.items(found)), "item")
    element = alone.element(found)
    texts = Instance("an object", {element.tag: element}, strict=False, around=stored.instance.encodings)
    return "\\".join(texts.texts(keyword_of(element.tag))) if not element.tag >> 16 & 1 else text_of(element)

"""The types of all attributes of all IODs, as two tables that say nothing twice.

What the items of a sequence hold is written once, whichever modules and sequences hold the same (a code, a
reference): ``type_items.tsv``. ``regenerate`` writes both tables.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

#: Sequences whose items may hold the sequence again, and what is in such an item besides (PS3.3 Table C.17-6).
CONTENT_SEQUENCE = "ContentSequence"
IN_CONTENT_ITEMS = ("ObservationDateTime", "ObservationUID")

Items = tuple[tuple[str, str, int], ...]
"""Tag as eight digits, type and number of the items (0: none known), in the order of the tags."""
UNKNOWN = "?"
"""What a module holds of which the source says nothing."""


class Numbered:
    """Definitions of items, each with a number; equal ones share it."""

    def __init__(self) -> None:
        self.items: dict[Items, int] = {}

    def of(self, found: Items) -> int:
        """Return the number of a definition, a new one where it is new."""
        return self.items.setdefault(found, len(self.items) + 1)


def type_iods(uids: Mapping[str, str], modules: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Return SOP Class UID, IOD, and its modules with their usages (PS3.3 Annex A)."""
    return [
        (uid, name, " ".join(f"{use['key']}={use['usage'].strip()[0]}" for use in modules[name]))
        for uid, name in uids.items()
    ]


def type_items(
    names: Iterable[str],
    source: Mapping[str, Iterable[Mapping[str, Any]]],
    overriding: set[tuple[str, str]],
    tag_of: Callable[[str], str],
) -> list[tuple[str, ...]]:
    """Return what the modules, and by number the items of their sequences, hold: tag, type, items (PS3.3 Annex C).

    Parameters
    ----------
    names : iterable of str
        Modules.
    source : mapping of str to iterable
        Module to its attributes: ``keyword``, ``path`` and ``type``.
    overriding : set of (module, keyword)
        Whose type replaces that of the other modules.
    tag_of : callable (keyword) -> str
        ``00100010``, ``60xx0010``.
    """
    numbered = Numbered()
    tops: list[tuple[str, Items]] = []
    for name in sorted(names):
        children: dict[tuple[str, ...], dict[str, str]] = defaultdict(dict)
        for attribute in source[name]:
            children[tuple(attribute["path"])].setdefault(attribute["keyword"], attribute["type"])
        if CONTENT_SEQUENCE in children[()]:
            again = {key: children[()][key] for key in IN_CONTENT_ITEMS if key in children[()]}
            children[(CONTENT_SEQUENCE,)].update(again)
        tops.append((name, _items(name, (), children, numbered, overriding, tag_of)))
    content = tag_of(CONTENT_SEQUENCE)
    content_items = {items for _, top in tops for tag, _, items in top if tag == content and items}
    found: list[tuple[str, ...]] = [(name, _told(top)) for name, top in tops]
    for items, number in numbered.items.items():
        holds = items
        if number in content_items and content not in {tag for tag, _, _ in items}:
            holds = tuple(sorted((*items, (content, "1C", number))))
        found.append((str(number), _told(holds)))
    return found


def _items(
    module: str,
    path: tuple[str, ...],
    children: Mapping[tuple[str, ...], Mapping[str, str]],
    numbered: Numbered,
    overriding: set[tuple[str, str]],
    tag_of: Callable[[str], str],
) -> Items:
    found = []
    for keyword, kind in children[path].items():
        below = (*path, keyword)
        known = _items(module, below, children, numbered, overriding, tag_of) if below in children else ()
        mark = "!" if not path and (module, keyword) in overriding else ""
        found.append((tag_of(keyword), kind + mark, numbered.of(known) if known else 0))
    return tuple(sorted(found))


def _told(items: Items) -> str:
    return " ".join(f"{tag}={kind}{f'>{number}' if number else ''}" for tag, kind, number in items) or UNKNOWN

"""Macros made of what single-frame images say, and the functional groups of an object made of those of its frames.

The inverse of the flattening (``functional_groups``), by the same table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from pydicom.charset import default_encoding

from derive.elements.element import Element, tag_of
from derive.elements.encoding import pack_item
from derive.elements.instance import value_of
from derive.model.functional_groups import MacroAttribute, macros
from derive.model.macro_values import uncalled
from derive.standard import AttributeRule
from derive.standard.conditions import condition_in_macro

#: Frame Type of what a scanner made.
_ACQUIRED = ["ORIGINAL"]
#: Gives what an image says under a classic keyword.
Says = Callable[[str], Element | None]


def composed(rule: AttributeRule, says: Says, iod_name: str = "") -> Element | None:
    """Return a macro, made of what a single-frame image says in classic keywords.

    Parameters
    ----------
    rule : AttributeRule
        Of the sequence of the macro, with the rules of its item: ``iod_of_frames(iod).attributes[sequence]``.
    says : callable (keyword) -> Element or None
    iod_name : str
        IOD of the object that is made, on which conditions may depend.

    Returns
    -------
    Element or None
        The sequence, with one item; or as the image has it, where a single-frame image can have it. None where the
        image says nothing of it, or not all that the standard demands of it in a frame that was acquired.
    """
    macro = macros().get(rule.tag)
    if macro is None or not macro.leaves:
        return says(rule.keyword)
    item = _item(macro.leaves, rule.items, says, _Conditions(rule.keyword, iod_name, says))
    return Element(rule.tag, "SQ", item) if item else None


class _Conditions(NamedTuple):
    """What decides which conditions of a macro hold."""

    sequence: str
    iod_name: str
    says: Says

    def allowed(self, elements: Sequence[Element], rules: Sequence[AttributeRule]) -> list[Element]:
        """Return what may stand in an item; nothing where it lacks what is demanded of an acquired frame.

        *2026-12-01.* Of a derived frame the standard demands less than validators do, who hold what is said of its
        acquisition to be said as a whole. Half a macro helps nobody who cannot rely on the other half.
        """
        there = {e.keyword: e for e in elements}

        def has(keyword: str) -> Any:
            element = there.get(keyword) or self.says(keyword)
            if element is None:
                return _ACQUIRED if keyword == "FrameType" else None
            return value_of(element, (default_encoding,))

        for rule in rules:
            asked = condition_in_macro(self.sequence, rule.keyword)
            if asked is None or not asked.judged:
                continue
            if rule.keyword in there and asked.bans(self.iod_name, has):
                del there[rule.keyword]
            elif rule.keyword not in there and rule.type == "1C" and asked.holds(self.iod_name, has):
                return []
        return list(there.values())


def _item(
    leaves: Sequence[MacroAttribute], rules: Sequence[AttributeRule], says: Says, conditions: _Conditions
) -> bytes | None:
    """Return an item; None for one that holds nothing, or lacks what is of type 1."""
    elements: list[Element] = []
    kinds = {r.keyword: r for r in rules}
    for keyword in dict.fromkeys(leaf.path[0] for leaf in leaves):
        below = [leaf for leaf in leaves if leaf.path[0] == keyword]
        rule = kinds.get(keyword)
        inner = len(below[0].path) > 1
        found = _inner(keyword, below, rule, says, conditions) if inner else _value(keyword, below, says)
        if found is not None:
            elements.append(found)
    elements = conditions.allowed(elements, rules)
    if not elements:
        return None
    there = {e.tag for e in elements if e.stripped()}
    if any(r.type == "1" and r.tag not in there for r in rules):
        return None
    elements += [Element(r.tag, r.vr, b"") for r in rules if r.type == "2" and r.tag not in {e.tag for e in elements}]
    return pack_item(elements)


def _inner(
    keyword: str,
    leaves: Sequence[MacroAttribute],
    rule: AttributeRule | None,
    says: Says,
    conditions: _Conditions,
) -> Element | None:
    under = [MacroAttribute(leaf.path[1:], leaf.keyword, leaf.how) for leaf in leaves]
    item = _item(under, rule.items if rule else (), says, conditions)
    return Element(tag_of(keyword), "SQ", item) if item else None


def _value(keyword: str, leaves: Sequence[MacroAttribute], says: Says) -> Element | None:
    said = {leaf.how: e for leaf in reversed(leaves) if (e := says(leaf.keyword)) is not None and e.stripped()}
    ordered = {leaf.how: said[leaf.how] for leaf in leaves if leaf.how in said}
    return uncalled(ordered, keyword)


@dataclass(frozen=True)
class Groups:
    """The functional groups of an object: an attribute is shared, or it is every frame's own, never both.

    Parameters
    ----------
    shared : mapping tag -> Element
        Macros that are the same in all frames.
    per_frame : tuple of mapping tag -> Element
        The others, frame by frame.
    """

    shared: Mapping[int, Element]
    per_frame: tuple[Mapping[int, Element], ...]


def folded(frames: Sequence[Mapping[int, Element]]) -> Groups:
    """Return the functional groups of an object whose frames have these macros.

    Parameters
    ----------
    frames : sequence of mapping tag -> Element
        Macros of each frame, by the tag of their sequence; unknown and private ones too.
    """
    if not frames:
        return Groups({}, ())
    shared = {tag: e for tag, e in frames[0].items() if may_be_shared(tag) and all(f.get(tag) == e for f in frames)}
    return Groups(shared, tuple({t: e for t, e in f.items() if t not in shared} for f in frames))


def may_be_shared(tag: int) -> bool:
    """Tell whether a macro may stand in the Shared Functional Groups (PS3.3 C.7.6.16, by macro)."""
    macro = macros().get(tag)
    return macro is None or macro.place != "per-frame"

"""What the check finds and a rule mends without guessing: another spelling, an empty attribute, one that goes.

The rules are those of the pull (:mod:`derive.elements.mend`): a value that is only spelled another way than its value
representation asks is spelled right; an attribute of type 2 that is absent is there and empty; an optional value that
is none goes, and lies in Original Attributes Sequence as it was. Pixels, UIDs, sequences, and the keys by which
archives file a study stay.
"""

from __future__ import annotations

from collections.abc import Sequence

from derive import standard
from derive.correction.values import unsettable
from derive.elements.charset import named_set
from derive.elements.element import Element, tag_of
from derive.elements.mend import mended
from derive.reading.illegal import kept_illegal
from derive.rewriting.change import AttributeChange
from derive.rewriting.file import StoredFile
from derive.rewriting.nested import NestedPath
from derive.standard import AttributeRule, Iod
from derive.standard.conditions import present_modules

_CHARACTER_SET = tag_of("SpecificCharacterSet")
_OPTIONAL, _EMPTY_OR_THERE = "3", ("2", "2C")


class Mending:
    """Mends attributes at the top level of objects whose class has a table."""

    def __call__(self, stored: StoredFile, encodings: Sequence[str]) -> list[AttributeChange]:
        """Say what changes in an instance; nothing in one of a class that nobody has a table of."""
        if not standard.supported(stored.sop_class_uid):
            return []
        iod = standard.iod(stored.sop_class_uid)
        modules = present_modules(iod, stored.head.elements)
        changes = []
        for keyword, rule in iod.attributes.items():
            if rule.module in modules and _is_mended(rule):
                new = self._mended(stored, iod, rule, encodings)
                if new is not None:
                    changes.append(AttributeChange(NestedPath((), tag_of(keyword)), new.element))
        return changes

    def _mended(self, stored: StoredFile, iod: Iod, rule: AttributeRule, encodings: Sequence[str]) -> _New | None:
        """Return what an attribute becomes; None where it stays."""
        element = stored.head.elements.get(rule.tag)
        if element is None:
            return _New(Element(rule.tag, rule.vr[:2], b"")) if rule.type == "2" else None
        if not element.stripped():
            return None
        if rule.tag == _CHARACTER_SET:
            named = named_set(element)
            return None if named is None or named.stripped() == element.stripped() else _New(named)
        found = mended(element, rule, standard.values(iod.name, rule.keyword), encodings)
        if not found.fault or found.kept:
            return None
        if found.element is not None:
            return _New(found.element)
        if rule.keyword in kept_illegal():
            return None
        if rule.type == _OPTIONAL:
            return _New(None)
        return _New(Element(rule.tag, element.vr, b"")) if rule.type in _EMPTY_OR_THERE else None


class _New:
    """What an attribute becomes: None where it goes."""

    def __init__(self, element: Element | None) -> None:
        self.element = element


def _is_mended(rule: AttributeRule) -> bool:
    """Whether an attribute is one that a correction may touch."""
    names = (("vr", rule.vr.partition(" ")[0]), ("module", rule.module), ("keyword", rule.keyword))
    return rule.tag == _CHARACTER_SET or not any(name in unsettable() for name in names)

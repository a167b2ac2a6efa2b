"""Types, conditions and values: the attributes of an instance against the modules of its IOD."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache, lru_cache

from derive import standard
from derive.checking.finding import Finding, checks
from derive.checking.instance import Judged
from derive.elements.element import Element, keyword_of, tag_of
from derive.elements.instance import State
from derive.elements.legal import Fault, faults, reader
from derive.model.classes import IDENTITY
from derive.standard import AttributeRule, Iod, ValueRule
from derive.standard.conditions import Condition, Has, condition, module_condition

PIXEL_DATA = tag_of("PixelData")
#: Attributes that any data set may have and no module lists (PS3.5 7.2, PS3.10 C.3).
_ANYWHERE = frozenset({0xFFFCFFFC, 0xFFFAFFFA, 0x04000500})
_ATTRIBUTES_OF_OUR_OWN_CHECKS = {"mr-image": frozenset({"RescaleSlope", "RescaleIntercept", "RescaleType"})}


def presence_findings(instance: Judged) -> Iterator[Finding]:
    """Judge which modules and attributes the instance has, and should have."""
    has = reader(instance.elements, instance.encodings)
    present = present_modules(instance)
    for use in instance.iod.modules:
        needed = module_condition(use.module) if use.usage == "C" and use.module not in present else None
        if needed is not None and needed.holds(instance.iod.name, has):
            message = f"is absent; required {needed.words}"
            fault = Fault("CHK-MODULE", (), "usage C", message, needed.section)
            yield _finding(instance, fault, use.module, use.module)
    for rules in instance.iod.all_rules.values():
        rule = next((r for r in rules if r.module in present), None)
        if rule is not None:
            yield from _presence(instance, rule, has)
    yield from _extended(instance)


class ValueChecks:
    """Judges the values of one instance after another; one that stays the same is judged once."""

    def __init__(self) -> None:
        self._context: tuple[object, ...] = ()
        self._found: dict[int, tuple[Finding, ...]] = {}

    def findings(self, instance: Judged, present: frozenset[str], changed: frozenset[int]) -> Iterator[Finding]:
        """Judge the value of every attribute of the IOD that has one.

        Parameters
        ----------
        instance : Judged
        present : frozenset of str
            Its modules.
        changed : frozenset of int
            Tags that differ from the instance before.
        """
        context = (instance.iod.name, instance.encodings, present)
        if context != self._context:
            self._context, self._found, changed = context, {}, frozenset(instance.elements)
        for tag in changed:
            self._found.pop(tag, None)
            element = instance.elements.get(tag)
            if element is not None and element.value and tag != PIXEL_DATA:
                found = tuple(_value_findings(instance, element, present))
                if found:
                    self._found[tag] = found
        for tag in sorted(self._found):
            yield from (replace(f, file=instance.name) for f in self._found[tag])


def _value_findings(instance: Judged, element: Element, present: frozenset[str]) -> Iterator[Finding]:
    judged = _rules_of(instance.iod, present).get(element.tag)
    if judged is not None:
        rule, values = judged
        for fault in faults(element, rule, values, instance.encodings):
            yield _of_rule(instance, rule, fault)


@lru_cache(maxsize=16)
def _rules_of(iod: Iod, present: frozenset[str]) -> dict[int, tuple[AttributeRule, tuple[ValueRule, ...]]]:
    """By tag: the rule that judges an attribute, that of a module that is there first, and its listed values."""
    return {
        rules[0].tag: (next((r for r in rules if r.module in present), rules[0]), standard.values(iod.name, keyword))
        for keyword, rules in iod.all_rules.items()
    }


def present_modules(instance: Judged) -> frozenset[str]:
    """Modules that the IOD demands, and those of the others that an attribute of their own shows to be there."""
    evidence = _evidence(instance.iod)
    shown = {evidence[tag] for tag in instance.elements if tag in evidence}
    return frozenset(u.module for u in instance.iod.modules if u.usage == "M" or u.module in shown)


@cache
def _evidence(iod: Iod) -> dict[int, str]:
    """Attributes of only one module, and that module."""
    return {rules[0].tag: rules[0].module for rules in iod.all_rules.values() if len(rules) == 1}


def _presence(instance: Judged, rule: AttributeRule, has: Has) -> Iterator[Finding]:
    state = instance.state(rule.tag)
    if rule.type == "1" and state is not State.FILLED:
        message = f"is {state.name.lower()}; wanted a value"
        yield _of_rule(instance, rule, Fault("CHK-TYPE1", (), "type 1", message))
    elif rule.type == "2" and state is State.ABSENT:
        message = "is absent; wanted it, empty if unknown"
        yield _of_rule(instance, rule, Fault("CHK-TYPE2", (), "type 2", message))
    elif rule.type == "1C" and state is State.EMPTY:
        message = "is empty; wanted a value, or not the attribute"
        yield _of_rule(instance, rule, Fault("CHK-TYPE1", (), "type 1C", message))
    elif rule.type in ("1C", "2C"):
        asked = condition(instance.iod, rule.keyword)
        if asked is not None and asked.module in (rule.module, "*"):
            yield from _conditional(instance, rule, has, asked)


def _conditional(instance: Judged, rule: AttributeRule, has: Has, asked: Condition) -> Iterator[Finding]:
    kind, absent = f"type {rule.type}", instance.state(rule.tag) is State.ABSENT
    if absent and asked.holds(instance.iod.name, has):
        message = f"is absent; required {asked.words}"
        yield _of_rule(instance, rule, Fault("CHK-CONDITION", (), kind, message, asked.section))
    elif not absent and asked.bans(instance.iod.name, has):
        message = f"is present; wanted only {asked.words}"
        yield _of_rule(instance, rule, Fault("CHK-UNWANTED", (), kind, message, asked.section))


def _extended(instance: Judged) -> Iterator[Finding]:
    """Attributes that no module of the IOD has: a Standard Extended SOP Class (PS3.2 7.3)."""
    known = _tags(instance.iod)
    apart = _ATTRIBUTES_OF_OUR_OWN_CHECKS.get(instance.iod.name, frozenset())
    for tag in instance.elements:
        if tag in known or tag >> 16 & 1 or not tag & 0xFFFF or tag in _ANYWHERE or _repeating(tag):
            continue
        keyword = keyword_of(tag)
        if keyword not in apart:
            yield instance.find("CHK-EXTENDED", keyword, f"is in no module of {instance.iod.name}")


@cache
def _tags(iod: Iod) -> frozenset[int]:
    return frozenset(rules[0].tag for rules in iod.all_rules.values())


def _repeating(tag: int) -> bool:
    return 0x5000 <= tag >> 16 <= 0x50FF or 0x6000 <= tag >> 16 <= 0x60FF


def _of_rule(instance: Judged, rule: AttributeRule, fault: Fault) -> Finding:
    return _finding(instance, fault, rule.keyword, rule.module, rule.entity in IDENTITY)


def _finding(instance: Judged, fault: Fault, path: str, module: str, identity: bool = False) -> Finding:
    check = checks()[fault.code]
    severity, message = check.severity, fault.message
    if identity and (fault.path or fault.code in _VALUE_CODES):
        severity, message = "warning", f"{message}; kept, since identity is not altered"
    section = fault.section or f"PS3.3 {standard.section(module)}"
    return Finding(
        severity, fault.code, ">".join((path, *fault.path)), module, fault.rule, section, message, instance.name
    )


_VALUE_CODES = frozenset({"CHK-VR", "CHK-VM", "CHK-SYNTAX", "CHK-ENUM", "CHK-CHARSET", "CHK-SEQUENCE"})

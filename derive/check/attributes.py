"""Types, conditions and values: the attributes of an instance against the modules of its IOD."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from derive import standard
from derive.check.finding import Finding, checks
from derive.check.instance import Instance
from derive.conditions import Condition, Has, condition, module_condition
from derive.elements import Element, keyword_of, tag_of
from derive.policy import IDENTITY
from derive.standard import AttributeRule, Iod
from derive.validity import Fault, faults, reader

PIXEL_DATA = tag_of("PixelData")
#: Attributes that any data set may have and no module lists (PS3.5 7.2, PS3.10 C.3).
_ANYWHERE = frozenset({0xFFFCFFFC, 0xFFFAFFFA, 0x04000500})
_ATTRIBUTES_OF_OUR_OWN_CHECKS = {"mr-image": frozenset({"RescaleSlope", "RescaleIntercept", "RescaleType"})}


def attribute_findings(instance: Instance) -> Iterator[Finding]:
    """Judge every attribute that the instance has, or should have."""
    has = reader(instance.elements, instance.encodings)
    present = present_modules(instance)
    for use in instance.iod.modules:
        needed = module_condition(use.module) if use.usage == "C" and use.module not in present else None
        if needed is not None and needed.holds(instance.iod.name, has):
            message = f"is absent; required {needed.words}"
            fault = Fault("CHK-MODULE", (), "usage C", message, needed.section)
            yield _finding(instance, fault, use.module, use.module)
    for keyword, rules in instance.iod.all_rules.items():
        rule = next((r for r in rules if r.module in present), None)
        element = instance.elements.get(rules[0].tag)
        if rule is not None:
            yield from _presence(instance, rule, element, has)
        if element is not None and element.value and rules[0].tag != PIXEL_DATA:
            judged = rule or rules[0]
            values = standard.values(instance.iod.name, keyword)
            for fault in faults(element, judged, values, instance.encodings):
                yield _of_rule(instance, judged, fault)
    yield from _extended(instance)


def present_modules(instance: Instance) -> frozenset[str]:
    """Modules that the IOD demands, and those of the others that an attribute of their own shows to be there."""
    evidence = _evidence(instance.iod)
    shown = {module for tag, module in evidence.items() if tag in instance.elements}
    return frozenset(u.module for u in instance.iod.modules if u.usage == "M" or u.module in shown)


@cache
def _evidence(iod: Iod) -> dict[int, str]:
    """Attributes of only one module, and that module."""
    return {rules[0].tag: rules[0].module for rules in iod.all_rules.values() if len(rules) == 1}


def _presence(instance: Instance, rule: AttributeRule, element: Element | None, has: Has) -> Iterator[Finding]:
    empty = element is not None and not element.stripped()
    if rule.type == "1" and (element is None or empty):
        state = "is empty" if empty else "is absent"
        yield _of_rule(instance, rule, Fault("CHK-TYPE1", (), "type 1", f"{state}; wanted a value"))
    elif rule.type == "2" and element is None:
        message = "is absent; wanted it, empty if unknown"
        yield _of_rule(instance, rule, Fault("CHK-TYPE2", (), "type 2", message))
    elif rule.type == "1C" and empty:
        message = "is empty; wanted a value, or not the attribute"
        yield _of_rule(instance, rule, Fault("CHK-TYPE1", (), "type 1C", message))
    elif rule.type in ("1C", "2C"):
        asked = condition(instance.iod, rule.keyword)
        if asked is not None and asked.module in (rule.module, "*"):
            yield from _conditional(instance, rule, element, has, asked)


def _conditional(
    instance: Instance, rule: AttributeRule, element: Element | None, has: Has, asked: Condition
) -> Iterator[Finding]:
    kind = f"type {rule.type}"
    if element is None and asked.holds(instance.iod.name, has):
        message = f"is absent; required {asked.words}"
        yield _of_rule(instance, rule, Fault("CHK-CONDITION", (), kind, message, asked.section))
    elif element is not None and asked.bans(instance.iod.name, has):
        message = f"is present; wanted only {asked.words}"
        yield _of_rule(instance, rule, Fault("CHK-UNWANTED", (), kind, message, asked.section))


def _extended(instance: Instance) -> Iterator[Finding]:
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


def _of_rule(instance: Instance, rule: AttributeRule, fault: Fault) -> Finding:
    return _finding(instance, fault, rule.keyword, rule.module, rule.entity in IDENTITY)


def _finding(instance: Instance, fault: Fault, path: str, module: str, identity: bool = False) -> Finding:
    check = checks()[fault.code]
    severity, message = check.severity, fault.message
    if identity and (fault.path or fault.code in _VALUE_CODES):
        severity, message = "warning", f"{message}; kept, since identity is not altered"
    section = fault.section or f"PS3.3 {standard.section(module)}"
    return Finding(
        severity, fault.code, ">".join((path, *fault.path)), module, fault.rule, section, message, instance.name
    )


_VALUE_CODES = frozenset({"CHK-VR", "CHK-VM", "CHK-SYNTAX", "CHK-ENUM", "CHK-CHARSET", "CHK-SEQUENCE"})

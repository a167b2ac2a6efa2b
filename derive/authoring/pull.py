"""One attribute of a result: pulled from those that contributed, built, given, or not there."""

from __future__ import annotations

from collections.abc import Callable
from operator import itemgetter
from typing import Any

from derive import standard
from derive.authoring.decision import Decision, Entry
from derive.authoring.order import Authoring, Frame
from derive.authoring.policy import Action
from derive.authoring.settable import settable
from derive.elements.element import Element, tag_of
from derive.elements.encoding import decode, encode
from derive.elements.mend import legal
from derive.elements.parse import without_private
from derive.errors import MissingAttribute
from derive.model.attribute_table import Agreement, AttributeTable
from derive.model.classes import IDENTITY
from derive.model.functional_groups import macros
from derive.model.source import Attributes
from derive.model.terms import said_by
from derive.standard import AttributeRule
from derive.standard.conditions import condition_of
from derive.told.wording import flag

#: Fallbacks that take what one of the contributors says.
_EXTREMES: dict[str, Callable[..., tuple[float, Element]]] = {"least": min, "greatest": max}


def constant_element(authoring: Authoring, decision: Decision) -> tuple[Element | None, Entry]:
    """Give, build or pull an attribute that is the same for all instances, and say what became of it."""
    rule = decision.rule
    if rule.keyword in authoring.given.attributes:
        text = authoring.given.attributes[rule.keyword]
        return encode(rule.keyword, text, authoring.encodings), Entry(rule.tag, "given", "said by the caller")
    if decision.action is Action.DROP:
        return None, entry_of(decision, rule.tag)
    if decision.action is Action.EMPTY:
        return Element(rule.tag, rule.vr, b""), entry_of(decision, rule.tag)
    if decision.action is Action.RECOMPUTE and decision.builder is not None:
        value = decision.builder.value(authoring)
        element = _built(authoring, decision, value)
        if value is None and element is not None and decision.builder.sticky:
            return element, Entry(rule.tag, "emptied", authoring.source.lacking, decision.row.section)
        return element, entry_of(decision, rule.tag)
    element, why = _pulled(authoring, decision, authoring.source.agreement(rule.tag), None)
    return element, _pull_entry(authoring.source, decision, element, why)


def frame_element(authoring: Authoring, decision: Decision, frame: Frame) -> Element | None:
    """Build or pull an attribute of one instance."""
    if decision.action is Action.RECOMPUTE and decision.builder is not None:
        return _built(authoring, decision, decision.builder.value(authoring, frame), frame.encoded.encoding.signed)
    agreement = authoring.source.agreement(decision.rule.tag, frame.contributors)
    return _pulled(authoring, decision, agreement, frame)[0]


def _built(authoring: Authoring, decision: Decision, value: Any, signed: bool = False) -> Element | None:
    """Encode what a builder returned; nothing becomes an empty type 2, or no attribute."""
    rule = decision.rule
    if isinstance(value, Element):
        return value
    if value is None:
        if _demanded(authoring, rule) and decision.expected and rule.keyword not in authoring.order.blemishes.lacking:
            raise missing_attribute(rule, decision.row.section, authoring.source.lacking)
        return Element(rule.tag, vr_of(rule, signed), b"") if rule.type == "2" and decision.expected else None
    return encode(rule.keyword, value, authoring.encodings, signed)


def _demanded(authoring: Authoring, rule: AttributeRule) -> bool:
    """Whether an attribute has to have a value whatever else is said: its type is 1, or its condition is the IOD."""
    if rule.type != "1C" or authoring.target.container != "functional":
        return rule.type == "1"
    condition = condition_of(rule)
    return condition is not None and not condition.reads and bool(condition.holds(authoring.target.iod.name, _nothing))


def _nothing(_: str) -> None:
    """Say nothing: what a condition has that reads nothing."""


def _pulled(
    authoring: Authoring, decision: Decision, agreement: Agreement, frame: Frame | None
) -> tuple[Element | None, str]:
    """Return the element to write and, where it is not the source's own, why."""
    rule, element = decision.rule, agreement.element
    if element is not None and not authoring.derivation.passes:
        element = without_private(element)  # nobody knows whether it holds of other pixels
    why = "the contributing images differ" if agreement.differs else _illegal(authoring.source, rule.tag, agreement)
    if element is not None and rule.entity not in IDENTITY:
        listed = standard.values(authoring.target.iod.name, rule.keyword)
        element, fault = legal(element, rule, listed, authoring.encodings)
        why = f"not legal in the source: {fault}" if fault else why
    if element is not None and (element.stripped() or rule.type in ("2", "2C")):
        return element, f"mended, {why}" if why else ""
    if element is not None and rule.type in ("1C", "3"):
        identity = rule.entity in IDENTITY and rule.vr != "SQ"
        return (element, "") if identity else (None, "empty in the source")
    if element is None and rule.type in ("2C", "3", "1C") and not why:
        return None, ""
    if rule.type == "3" or (rule.type == "1C" and not decision.row.fallback):
        return None, why
    if rule.type in ("2", "2C"):
        return Element(rule.tag, vr_of(rule), b""), why or authoring.source.lacking
    return _fallback(authoring, decision, frame, why or authoring.source.lacking)


def _illegal(source: Attributes, tag: int, agreement: Agreement) -> str:
    """Why there is nothing to pull, where somebody says something that is not legal."""
    fault = source.illegal.get(tag) if agreement.absent else None
    return f"not legal in the source: {fault}" if fault else ""


def _fallback(authoring: Authoring, decision: Decision, frame: Frame | None, why: str) -> tuple[Element | None, str]:
    """Type 1 without a value to pull: the row's fallback, or an error that names it."""
    rule, fallback = decision.rule, decision.row.fallback
    if fallback.startswith("="):
        return encode(rule.keyword, fallback[1:]), f"{why}: {fallback[1:]}"
    if fallback == "recompute" and decision.builder is not None:
        return _built(authoring, decision, decision.builder.value(authoring)), f"{why}: made new"
    if frame is not None and (fallback in _EXTREMES or fallback.startswith("of ")):
        by = rule.keyword if fallback in _EXTREMES else fallback.removeprefix("of ")
        pick = _EXTREMES.get(fallback, min)
        element = _extreme(authoring.source.table, frame, rule.tag, tag_of(by), pick)
        if element is not None:
            return element, f"{why}: the {fallback}" if by == rule.keyword else f"{why}: that of the least {by}"
    raise missing_attribute(rule, decision.row.section, why)


def _extreme(
    table: AttributeTable, frame: Frame, tag: int, by: int, pick: Callable[..., tuple[float, Element]]
) -> Element | None:
    """Return what the frame behind this one says that has the least, or the most, of another attribute.

    Of several it is the first.
    """
    found = [
        (float(decode(order)), element)
        for i in frame.behind(table.count)
        if (order := table.element(by, i)) and order.stripped() and (element := table.element(tag, i))
    ]
    return pick(found, key=itemgetter(0))[1] if found else None


def missing_attribute(rule: AttributeRule, section: str, why: str) -> MissingAttribute:
    """Return the error of an attribute of type 1 that cannot be had, with the flag that says it."""
    wish = "set" if settable(rule) else "assume"
    said = " and ".join(flag(wish, f"{keyword}=VALUE") for keyword in _said_as(rule))
    return MissingAttribute(
        "ASM-TYPE1",
        f"{rule.keyword} ({rule.tag >> 16:04X},{rule.tag & 0xFFFF:04X}) is type {rule.type} in {rule.module} "
        f"(PS3.3 {section}) and cannot be pulled: {why}; give {said}",
        keyword=rule.keyword,
    )


def _said_as(rule: AttributeRule) -> list[str]:
    """Keywords by which a person says an attribute: of a macro those of what it has to hold, as one image says it."""
    macro = macros().get(rule.tag)
    needed = {r.keyword for r in rule.items if r.type == "1"} or {r.keyword for r in rule.items if r.type == "1C"}
    first = {leaf.path[0]: leaf.keyword for leaf in reversed(macro.leaves) if leaf.path[0] in needed} if macro else {}
    return list(dict.fromkeys(map(said_by, reversed(first.values())))) or [rule.keyword]


def vr_of(rule: AttributeRule, signed: bool = False) -> str:
    """Value representation of a rule; `signed` resolves US or SS."""
    if rule.vr == "US or SS":
        return "SS" if signed else "US"
    return rule.vr[:2]


def entry_of(decision: Decision, tag: int, *, varies: bool = False) -> Entry:
    """Return the entry of what was done as decided."""
    names = {Action.PULL: "pulled", Action.RECOMPUTE: "recomputed", Action.EMPTY: "emptied", Action.DROP: "dropped"}
    return Entry(tag, names[decision.action], decision.row.reason, decision.row.section, varies)


def _pull_entry(source: Attributes, decision: Decision, element: Element | None, why: str) -> Entry:
    row_ = decision.row
    rule_of_given = source.said.get(decision.rule.tag)
    if rule_of_given is not None and element is not None:
        return Entry(decision.rule.tag, "given", rule_of_given, row_.section)
    if not why:
        return Entry(decision.rule.tag, "pulled", row_.reason, row_.section)
    action = "dropped" if element is None else "emptied" if not element.value else "recomputed"
    return Entry(decision.rule.tag, action, why, row_.section)

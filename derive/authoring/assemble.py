"""The attribute pull: from a series in the making to the elements of its instances.

The IOD's attributes are walked, module by module; one row of the policy decides for each. Two passes:
the series pass decides and encodes everything that is the same for all instances once; the frame pass
adds the few elements that differ. Every attribute of the source ends in the account.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from derive import standard
from derive.authoring.containers import contributors_by_instance
from derive.authoring.entities import Builder, builder_of
from derive.authoring.entities.real_world import unmapped
from derive.authoring.order import Authoring, Frame
from derive.authoring.policy import Action, Row, row
from derive.authoring.presence import Conditional, conditionals, missing, modules_of, settled, unmet, unwanted
from derive.authoring.private import (
    CREATOR_REASON,
    creators_of,
    left_out,
    private_action,
    private_row,
    private_rules,
    privates_of,
)
from derive.authoring.settable import settable
from derive.elements.element import Element, keyword_of, tag_of
from derive.elements.encoding import decode, encode
from derive.elements.mend import legal
from derive.errors import AssembleError, MissingAttribute
from derive.model.attribute_table import Agreement, AttributeTable
from derive.model.classes import IDENTITY
from derive.model.reference import FrameRef
from derive.model.remark import Remark
from derive.model.source import Attributes
from derive.standard import AttributeRule
from derive.told.wording import flag


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


@dataclass(frozen=True)
class SeriesPass:
    """Everything that is the same for all instances, and what is left for each.

    Parameters
    ----------
    authoring : Authoring
    constant : mapping tag -> Element
    varying : tuple of Decision
        For the frame pass.
    bannable, requirable : tuple of Conditional
        What conditions of types 1C and 2C forbid or demand in one instance and not in another.
    account : tuple of Entry
        One for every attribute of the source and of the result, in tag order.
    """

    authoring: Authoring
    constant: Mapping[int, Element]
    varying: tuple[Decision, ...]
    bannable: tuple[Conditional, ...]
    requirable: tuple[Conditional, ...]
    account: tuple[Entry, ...]

    @property
    def missed(self) -> tuple[Remark, ...]:
        """What of the source is left out, and would have been worth keeping."""
        there = [*self.constant, *(d.rule.tag for d in self.varying)]
        return (*left_out(self.authoring, there), *unmapped(self.authoring))

    def instance(self, frame: Frame) -> dict[int, Element]:
        """Frame pass: all elements of one instance.

        What was pulled and may not be there, since its condition does not hold, goes; what is required and
        nobody had is there and empty, if its type is 2C.

        Raises
        ------
        AssembleError
            ``ASM-TYPE1`` for an attribute of type 1 that cannot be had.
        """
        elements = dict(self.constant)
        for decision in self.varying:
            element = _frame_element(self.authoring, decision, frame)
            if element is not None:
                elements[element.tag] = element
        for rule in list(unwanted(self.authoring, self.bannable, elements)):
            del elements[rule.tag]
        for rule in list(missing(self.authoring, self.requirable, elements)):
            elements[rule.tag] = Element(rule.tag, _vr(rule), b"")
        return elements


def assemble(authoring: Authoring) -> SeriesPass:
    """Series pass.

    Raises
    ------
    AssembleError
        ``ASM-TYPE1`` for an attribute of type 1 that cannot be had.
    """
    constant: dict[int, Element] = {}
    varying: list[Decision] = []
    account: dict[int, Entry] = {}
    lacking: list[MissingAttribute] = []
    sets = set(contributors_by_instance(authoring.frames, authoring.target.container))
    for decision in _decisions(authoring):
        tag = decision.rule.tag
        if _varies(authoring, decision) and not _splits(authoring, decision, sets):
            varying.append(decision)
            account[tag] = _entry(decision, tag, varies=True)
            continue
        try:
            element, account[tag] = _constant_element(authoring, decision)
        except MissingAttribute as error:
            lacking.append(error)
            continue
        if element is not None:
            constant[tag] = element
    for tag, creator in creators_of([*constant, *(d.rule.tag for d in varying)]).items():
        constant[tag], account[tag] = creator, Entry(tag, "recomputed", CREATOR_REASON)
    _refuse([*lacking, *_unmet(authoring, constant)])
    bannable, requirable = _conditioned(authoring, constant, {d.rule.tag for d in varying}, account)
    said = authoring.source.tags | authoring.source.illegal.keys()
    for tag in said - account.keys():
        account[tag] = Entry(tag, *_outside(tag, authoring.target.iod.name))
    present = said | constant.keys()
    entries = tuple(entry for tag, entry in sorted(account.items()) if tag in present or entry.varies)
    return SeriesPass(authoring, constant, tuple(varying), bannable, requirable, entries)


def _unmet(authoring: Authoring, constant: Mapping[int, Element]) -> Iterator[MissingAttribute]:
    """Yield what a condition asks for and nobody said, or on which the images of the source differ.

    What a source of its own lacks is left to the check, as it came.
    """
    source = authoring.source
    why = "the contributing images differ" if source.frames else "nobody said"
    for rule in unmet(authoring, conditionals(authoring.target.iod), constant):
        decided = row(rule.module, rule.keyword)
        pulled = decided.action(authoring.derivation) is Action.PULL and not decided.fallback
        if not source.frames or (pulled and rule.tag in source.table.varying):
            yield _missing_attribute(rule, standard.section(rule.module), why)


def _conditioned(
    authoring: Authoring, constant: dict[int, Element], varying: set[int], account: dict[int, Entry]
) -> tuple[tuple[Conditional, ...], tuple[Conditional, ...]]:
    """Make true what conditions say that read nothing of what varies; return those that are left for each instance."""
    rules = conditionals(authoring.target.iod)
    now, bannable = settled(rules, varying)
    for rule in list(unwanted(authoring, now, constant)):
        del constant[rule.tag]
        account[rule.tag] = Entry(rule.tag, "dropped", "the condition for its presence does not hold")
    now, requirable = settled(rules, varying | {c.rule.tag for c in bannable})
    for rule in list(missing(authoring, now, constant)):
        constant[rule.tag] = Element(rule.tag, _vr(rule), b"")
        account[rule.tag] = _demanded(authoring, rule)
    requirable = [c for c in requirable if c.rule.type == "2C"]
    for rule in missing(authoring, requirable, constant):
        if rule.tag not in varying:
            account[rule.tag] = _demanded(authoring, rule, varies=True)
    return tuple(bannable), tuple(requirable)


def _demanded(authoring: Authoring, rule: AttributeRule, *, varies: bool = False) -> Entry:
    why = f"its condition asks for it, and {authoring.source.lacking}"
    return Entry(rule.tag, "emptied", why, standard.section(rule.module), varies)


def _refuse(lacking: list[MissingAttribute]) -> None:
    """Name everything that is missing at once."""
    if len(lacking) == 1:
        raise lacking[0]
    if lacking:
        keywords = [e.facts["keyword"] for e in lacking]
        message = "; ".join(e.message for e in lacking)
        raise MissingAttribute("ASM-TYPE1", message, keyword=keywords[0], keywords=keywords)


def _decisions(authoring: Authoring) -> Iterator[Decision]:
    """Attributes of the IOD that the result can have, with what the policy says of them."""
    present = modules_of(authoring)
    for rule in authoring.target.iod.attributes.values():
        found = row(rule.module, rule.keyword)
        action = found.action(authoring.derivation)
        if rule.module not in present and action is not Action.RECOMPUTE:
            continue
        builder = builder_of(rule)
        if action is Action.RECOMPUTE and builder is None:
            raise AssembleError("POL-NOBUILDER", f"policy.tsv recomputes {rule.keyword} and nothing builds it")
        yield Decision(rule, found, action, builder, rule.module in present)
    rules = private_rules()
    for private in privates_of(authoring):
        yield Decision(rules[private.tag], private_row(private)[0], private_action(authoring, private), None)


def _varies(authoring: Authoring, decision: Decision) -> bool:
    if decision.rule.keyword in authoring.given.attributes:
        return False
    if decision.action is Action.RECOMPUTE:
        return decision.builder is not None and decision.builder.level == "frame"
    return decision.action is Action.PULL and decision.rule.tag in authoring.source.table.varying


def _splits(authoring: Authoring, decision: Decision, sets: set[tuple[FrameRef, ...]]) -> bool:
    """Whether a pull would leave some instances with a value and others without.

    Readers take that for two series (dcm2niix by Exposure, for one), so then none has it.
    """
    rule = decision.rule
    if decision.action is not Action.PULL or rule.type == "1" or decision.row.fallback:
        return False
    return any(authoring.source.agreement(rule.tag, contributors).differs for contributors in sets)


def _constant_element(authoring: Authoring, decision: Decision) -> tuple[Element | None, Entry]:
    rule = decision.rule
    if rule.keyword in authoring.given.attributes:
        text = authoring.given.attributes[rule.keyword]
        return encode(rule.keyword, text, authoring.encodings), Entry(rule.tag, "given", "said by the caller")
    if decision.action is Action.DROP:
        return None, _entry(decision, rule.tag)
    if decision.action is Action.EMPTY:
        return Element(rule.tag, rule.vr, b""), _entry(decision, rule.tag)
    if decision.action is Action.RECOMPUTE and decision.builder is not None:
        value = decision.builder.function(authoring)
        element = _built(authoring, decision, value)
        if value is None and element is not None and decision.builder.sticky:
            return element, Entry(rule.tag, "emptied", authoring.source.lacking, decision.row.section)
        return element, _entry(decision, rule.tag)
    element, why = _pulled(authoring, decision, authoring.source.agreement(rule.tag), None)
    return element, _pull_entry(authoring.source, decision, element, why)


def _frame_element(authoring: Authoring, decision: Decision, frame: Frame) -> Element | None:
    """Build or pull an attribute of one instance."""
    if decision.action is Action.RECOMPUTE and decision.builder is not None:
        return _built(authoring, decision, decision.builder.function(authoring, frame), frame.encoded.encoding.signed)
    agreement = authoring.source.agreement(decision.rule.tag, frame.contributors)
    return _pulled(authoring, decision, agreement, frame)[0]


def _built(authoring: Authoring, decision: Decision, value: Any, signed: bool = False) -> Element | None:
    """Encode what a builder returned; nothing becomes an empty type 2, or no attribute."""
    rule = decision.rule
    if isinstance(value, Element):
        return value
    if value is None:
        if rule.type == "1" and decision.expected:
            raise _missing_attribute(rule, decision.row.section, authoring.source.lacking)
        return Element(rule.tag, _vr(rule, signed), b"") if rule.type == "2" and decision.expected else None
    return encode(rule.keyword, value, authoring.encodings, signed)


def _pulled(
    authoring: Authoring, decision: Decision, agreement: Agreement, frame: Frame | None
) -> tuple[Element | None, str]:
    """Return the element to write and, where it is not the source's own, why."""
    rule, element = decision.rule, agreement.element
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
        return Element(rule.tag, _vr(rule), b""), why or authoring.source.lacking
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
        return _built(authoring, decision, decision.builder.function(authoring)), f"{why}: made new"
    if frame is not None and (fallback == "least" or fallback.startswith("of ")):
        by = rule.keyword if fallback == "least" else fallback.removeprefix("of ")
        element = _least(authoring.source.table, frame, rule.tag, tag_of(by))
        if element is not None:
            return element, f"{why}: the least" if by == rule.keyword else f"{why}: that of the least {by}"
    raise _missing_attribute(rule, decision.row.section, why)


def _least(table: AttributeTable, frame: Frame, tag: int, by: int) -> Element | None:
    """Return what the frame behind this one says that has the least of another attribute; the first of several."""
    found = [
        (float(decode(order)), element)
        for i in frame.behind(table.count)
        if (order := table.element(by, i)) and order.stripped() and (element := table.element(tag, i))
    ]
    return min(found, key=itemgetter(0))[1] if found else None


def _missing_attribute(rule: AttributeRule, section: str, why: str) -> MissingAttribute:
    wish = "set" if settable(rule) else "assume"
    return MissingAttribute(
        "ASM-TYPE1",
        f"{rule.keyword} ({rule.tag >> 16:04X},{rule.tag & 0xFFFF:04X}) is type {rule.type} in {rule.module} "
        f"(PS3.3 {section}) and cannot be pulled: {why}; give {flag(wish, f'{rule.keyword}=VALUE')}",
        keyword=rule.keyword,
    )


def _vr(rule: AttributeRule, signed: bool = False) -> str:
    if rule.vr == "US or SS":
        return "SS" if signed else "US"
    return rule.vr[:2]


def _entry(decision: Decision, tag: int, *, varies: bool = False) -> Entry:
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


def _outside(tag: int, iod: str) -> tuple[str, str]:
    group = tag >> 16
    if group % 2:
        return "dropped", "private: what it means for new pixels is unknown"
    if 0x6000 <= group <= 0x60FF:
        return "dropped", "drawn over other pixels"
    return "not in this IOD", f"no module of {iod} has it"

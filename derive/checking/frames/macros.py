"""What macros have to be there, and what is in them: types, conditions, value representations and values."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

from derive import standard
from derive.checking.finding import Finding, checks
from derive.checking.frames.folding import Folded
from derive.checking.frames.groups import Grouped, rules_of
from derive.checking.instance import Item
from derive.elements.element import Element, keyword_of, tag_of
from derive.elements.instance import Instance, State, items_of
from derive.elements.legal import Fault, faults, reader
from derive.model.functional_groups import PER_FRAME, SHARED, UNIT_DIRECTIONS, iod_of_frames
from derive.standard import AttributeRule, Iod
from derive.standard.conditions import Condition, condition_in_macro, condition_of

_IMAGE_TYPE = tag_of("ImageType")
#: So many answers about one macro are kept: frames of a volume are alike, and volumes take turns.
_MOST_KEPT = 256
_UNIT_TOLERANCE = 1e-3
#: What an image says of frames that differ; of a frame another check finds it.
_MIXED = "MIXED"
_LISTED = {"enumerated": ("CHK-ENUM", "enumerated values"), "defined": ("CHK-TERM", "defined terms")}
Has = Callable[[str], Any]


class MacroJudge:
    """Judges the macros of the frames of one instance, each again where what it says differs."""

    def __init__(self, groups: Grouped) -> None:
        self._groups = groups
        self._iod = groups.instance.iod
        self._kept: dict[int, dict[tuple[Element | None, ...], tuple[Fault, ...]]] = {}
        self._asked: dict[tuple[object, ...], tuple[tuple[str, Fault], ...]] = {}

    def shared(self) -> Iterator[Finding]:
        """Judge what all frames share, as the first of them has it."""
        frame = next(self._groups.frames(), self._groups.common)
        for number, item in enumerate(self._groups.shared, 1):
            yield from self._item(item, frame, f"{keyword_of(SHARED)}>item {number}")

    def of_frame(self, number: int, item: Item, frame: Mapping[int, Element], told: Folded) -> None:
        """Judge the macros of one frame, and which it lacks."""
        for finding in self._item(item, frame, f"{keyword_of(PER_FRAME)}>item {number}"):
            told.add(finding)
        for path, fault in self._absent(item, frame):
            told.add(_finding(self._groups, fault, f"{keyword_of(PER_FRAME)}>item {number}>{path}", path))

    def _item(self, item: Item, frame: Mapping[int, Element], where: str) -> Iterator[Finding]:
        known = rules_of(self._iod)
        for tag, element in item.items():
            rule = known.get(tag)
            if rule is None and tag >> 16 & 1:
                continue
            if rule is None:
                message = f"is no functional group of {self._iod.name}"
                yield self._groups.find("CHK-EXTENDED", f"{where}>{keyword_of(tag)}", message)
                continue
            for fault in self._faults(rule, element, frame):
                yield _finding(self._groups, fault, ">".join((where, rule.keyword)), rule.keyword)

    def _faults(self, rule: AttributeRule, element: Element, frame: Mapping[int, Element]) -> tuple[Fault, ...]:
        kept = self._kept.setdefault(rule.tag, {})
        key = (element, *(frame.get(tag) for tag in _read_in(rule)))
        if key not in kept:
            if len(kept) >= _MOST_KEPT:
                kept.clear()
            kept[key] = tuple(self._judged(rule, element, frame))
        return kept[key]

    def _judged(self, rule: AttributeRule, element: Element, frame: Mapping[int, Element]) -> Iterator[Fault]:
        encodings = self._groups.instance.encodings
        yield from faults(element, rule, (), encodings)
        if not items_of(element) and rule.type in ("1", "1C"):
            yield Fault("CHK-TYPE1", (), f"type {rule.type}", "has no item; wanted one, or not the sequence")
        whole = Instance("", {rule.tag: element}, strict=False, around=encodings)
        yield from _inside(self._iod, rule, whole, reader(frame, encodings), rule.keyword)

    def _absent(self, item: Item, frame: Mapping[int, Element]) -> tuple[tuple[str, Fault], ...]:
        """Macros that the IOD demands of the frame and that neither it has nor all share."""
        there = frozenset((*item, *self._groups.everywhere))
        key = (there, *(frame.get(tag) for tag in _read_by_macros(self._iod)))
        if key not in self._asked:
            if len(self._asked) >= _MOST_KEPT:
                self._asked.clear()
            self._asked[key] = tuple(self._lacking(there, frame))
        return self._asked[key]

    def _lacking(self, there: frozenset[int], frame: Mapping[int, Element]) -> Iterator[tuple[str, Fault]]:
        instance = self._groups.instance
        of_image = instance.elements.get(_IMAGE_TYPE)
        said = {**frame, _IMAGE_TYPE: of_image} if of_image is not None else frame
        has = reader(said, instance.encodings)
        for rule in _macros_asked(self._iod):
            if rule.tag in there:
                continue
            if rule.type == "1":
                yield rule.keyword, Fault("CHK-MACRO", (), "usage M", "is absent; all frames need one")
            elif (asked := condition_of(rule)) is not None and asked.holds(self._iod.name, has):
                yield (
                    rule.keyword,
                    Fault("CHK-MACRO", (), "usage C", f"is absent; required {asked.words}", asked.section),
                )


class _Where(NamedTuple):
    """Which attribute of which macro is judged."""

    sequence: str
    path: tuple[str, ...]


def _inside(iod: Iod, rule: AttributeRule, holder: Instance, around: Has, macro: str) -> Iterator[Fault]:
    """Judge conditions and listed values of attributes in the items of a macro, at all depths."""
    for number, item in enumerate(holder.items(rule.keyword), 1):
        if not item.elements and not rule.items:
            continue
        has = _nearest(item, around)
        for inner in _telling(iod, rule, macro):
            where = (f"item {number}", inner.keyword)
            yield from _conditional(iod, inner, item, has, _Where(macro, where))
            yield from _listed(iod, inner, item, _Where(macro, where))
            if inner.keyword in UNIT_DIRECTIONS:
                yield from _direction(inner, item, where)
            if inner.tag in item.elements and inner.items:
                for fault in _inside(iod, inner, item, has, macro):
                    yield Fault(fault.code, (*where, *fault.path), fault.rule, fault.message, fault.section)


@cache
def _telling(iod: Iod, rule: AttributeRule, macro: str) -> tuple[AttributeRule, ...]:
    """Return the attributes of an item of which there is a condition or a list, or inside of which there is one."""
    return tuple(
        inner
        for inner in rule.items
        if (inner.type in ("1C", "2C") and condition_in_macro(macro, inner.keyword) is not None)
        or _values_listed(iod, macro, inner.keyword)
        or inner.keyword in UNIT_DIRECTIONS
        or _telling(iod, inner, macro)
    )


def _values_listed(iod: Iod, macro: str, keyword: str) -> tuple[standard.ValueRule, ...]:
    return standard.values_in_macro(macro, keyword) or standard.values(iod.name, keyword)


def _nearest(item: Instance, around: Has) -> Has:
    def has(keyword: str) -> Any:
        value = item.value(keyword)
        return around(keyword) if value is None else value

    return has


def _conditional(iod: Iod, rule: AttributeRule, item: Instance, has: Has, where: _Where) -> Iterator[Fault]:
    asked = condition_in_macro(where.sequence, rule.keyword) if rule.type in ("1C", "2C") else None
    if asked is None:
        return
    kind, absent = f"type {rule.type}", item.state(rule.tag) is State.ABSENT
    if absent and asked.holds(iod.name, has):
        yield Fault("CHK-CONDITION", where.path, kind, f"is absent; required {asked.words}", asked.section)
    elif not absent and asked.bans(iod.name, has):
        yield Fault("CHK-UNWANTED", where.path, kind, f"is present; wanted only {asked.words}", asked.section)


def _listed(iod: Iod, rule: AttributeRule, item: Instance, where: _Where) -> Iterator[Fault]:
    """Values that are none of those that are listed for an attribute of a macro."""
    if rule.tag not in item.elements:
        return
    listed = _values_listed(iod, where.sequence, rule.keyword)
    if not listed:
        return
    values = item.texts(rule.keyword)
    for each in listed:
        asked = values if each.value_number is None else values[each.value_number - 1 : each.value_number]
        if any(value and value not in each.values and value != _MIXED for value in asked):
            code, kind = (
                ("CHK-ENUM", "enumerated values") if each.kind == "enumerated" else ("CHK-TERM", "defined terms")
            )
            message = f"has a value that is none of {', '.join(each.values)}"
            yield Fault(code, where.path, kind, message, f"PS3.3 {each.section}")


def _direction(rule: AttributeRule, item: Instance, path: tuple[str, ...]) -> Iterator[Fault]:
    """Cosines of a direction are of unit length."""
    cosines = item.numbers(rule.keyword)
    length = math.hypot(*cosines)
    if cosines and abs(length - 1) > _UNIT_TOLERANCE:
        message = f"is of length {length:.4g}; cosines of a direction are of unit length"
        yield Fault("CHK-DIRECTION", path, "unit length", message)


def _finding(groups: Grouped, fault: Fault, path: str, sequence: str) -> Finding:
    section = fault.section or f"PS3.3 {standard.section(rules_of(groups.instance.iod)[tag_of(sequence)].module)}"
    where = ">".join((path, *fault.path))
    module = _macro_names(groups.instance.iod).get(sequence, "")
    severity = checks()[fault.code].severity
    return Finding(severity, fault.code, where, module, fault.rule, section, fault.message, groups.instance.name)


@cache
def _macro_names(iod: Iod) -> Mapping[str, str]:
    return {rule.keyword: iod_of_frames(iod).attributes[rule.keyword].module for rule in rules_of(iod).values()}


@cache
def _macros_asked(iod: Iod) -> tuple[AttributeRule, ...]:
    """Macros as attributes of a frame: those that are mandatory, and those that can be."""
    found = []
    for own in rules_of(iod).values():
        rule = iod_of_frames(iod).attributes[own.keyword]
        # A mandatory macro whose sequence is of type 1C is there without it.
        if own.type != "1C" if rule.type == "1" else condition_of(rule) is not None:
            found.append(rule)
    return tuple(found)


@cache
def _read_by_macros(iod: Iod) -> tuple[int, ...]:
    found = (condition_of(rule) for rule in _macros_asked(iod))
    return tuple(sorted({tag_of(keyword) for asked in found if asked is not None for keyword in asked.reads}))


@cache
def _read_in(rule: AttributeRule) -> tuple[int, ...]:
    """What the conditions of the attributes of a macro read."""
    return tuple(sorted({tag_of(k) for asked in _conditions(rule, rule.keyword) for k in asked.reads}))


def _conditions(rule: AttributeRule, macro: str) -> Iterator[Condition]:
    for inner in rule.items:
        asked = condition_in_macro(macro, inner.keyword)
        if asked is not None:
            yield asked
        yield from _conditions(inner, macro)

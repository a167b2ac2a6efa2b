"""Types, conditions and values: the attributes of an instance against the modules of its IOD."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache, partial

from derive import standard
from derive.checking.finding import Finding, checks
from derive.checking.instance import Judged
from derive.checking.judge import Judge
from derive.elements.element import keyword_of, tag_of
from derive.elements.instance import Instance, State
from derive.elements.legal import Fault, faults
from derive.elements.spans import PIXELS
from derive.elements.uid_references import NEW, is_reference
from derive.model.functional_groups import PER_FRAME, SHARED
from derive.standard import AttributeRule, Iod
from derive.standard.conditions import Condition, condition_of, module_condition

#: Attributes that any data set may have and no module lists (PS3.5 7.2, PS3.10 C.3).
_ANYWHERE = frozenset({0xFFFCFFFC, 0xFFFAFFFA, 0x04000500})
#: Pixels are judged by themselves, and functional groups frame by frame.
_JUDGED_APART = PIXELS | {SHARED, PER_FRAME}
#: Where a Real World Value Mapping says what values mean, another check tells of these.
_RESCALE = frozenset({"RescaleSlope", "RescaleIntercept", "RescaleType"})


@cache
def presence_judges(iod: Iod) -> tuple[Judge, ...]:
    """Return what judges which modules and attributes an instance has, and should have."""
    conditional = filter(None, (module_condition(use.module) for use in iod.modules if use.usage == "C"))
    of_frames = {SHARED, PER_FRAME} if keyword_of(SHARED) in iod.attributes else set()
    modules = Judge(_modules, frozenset(tag_of(keyword) for c in conditional for keyword in c.reads) | of_frames)
    judges = (_presence_judge(rules, of_frames) for rules in iod.all_rules.values())
    return (modules, *judges, Judge(_extended, None))


@cache
def value_judges(iod: Iod) -> tuple[Judge, ...]:
    """Return what judges the value of each attribute of the IOD that has one."""
    return tuple(
        Judge(partial(judging, rules), frozenset({rules[0].tag}))
        for rules in iod.all_rules.values()
        if rules[0].tag not in _JUDGED_APART
        for judging in ((_value, _items) if rules[0].vr == "SQ" else (_value, _terms))
    )


def _modules(instance: Judged) -> Iterator[Finding]:
    for use in instance.iod.modules:
        needed = module_condition(use.module) if use.usage == "C" and use.module not in instance.modules else None
        if needed is not None and needed.holds(instance.iod.name, instance.somewhere):
            message = f"is absent; required {needed.words}"
            fault = Fault("CHK-MODULE", (), "usage C", message, needed.section)
            yield _finding(instance, fault, use.module, use.module)


def _presence_judge(rules: tuple[AttributeRule, ...], of_frames: set[int]) -> Judge:
    """Conditions are asked of the instance and, of many frames, of what these say in their functional groups."""
    asked = list(filter(None, map(condition_of, rules)))
    read = {tag_of(keyword) for condition in asked for keyword in condition.reads}
    return Judge(partial(_presence, rules), frozenset({rules[0].tag, *read, *(of_frames if asked else ())}))


def _value(rules: tuple[AttributeRule, ...], instance: Judged) -> Iterator[Finding]:
    element = instance.elements.get(rules[0].tag)
    if element is None or not element.value:
        return
    rule = next((r for r in rules if r.module in instance.modules), rules[0])
    for fault in faults(element, rule, standard.values(instance.iod.name, rule.keyword), instance.encodings):
        yield _of_rule(instance, rule, fault)


def _terms(rules: tuple[AttributeRule, ...], instance: Judged) -> Iterator[Finding]:
    """Defined terms; that of one value alone, of Image Type, is judged with the image."""
    rule = rules[0]
    if rule.tag not in instance.elements:
        return
    listed = [v for v in standard.values(instance.iod.name, rule.keyword) if v.value_number is None]
    if not listed or any(v.kind != "defined" for v in listed):
        return
    known = {term for v in listed for term in v.values}
    if len(known) == 1:  # NONE, where whatever there is has a name of its maker's
        return
    values = instance.texts(rule.keyword)
    strange = [str(number) for number, value in enumerate(values, 1) if value and value not in known]
    if strange:
        which = f"value {', '.join(strange)} of {len(values)}" if len(values) > 1 else "a value"
        message = f"has {which} that is none of the defined terms {', '.join(listed[0].values)}"
        section = f"PS3.3 {listed[0].section}"
        yield _of_rule(instance, rule, Fault("CHK-TERM", (), "defined terms", message, section))


def _items(rules: tuple[AttributeRule, ...], instance: Judged) -> Iterator[Finding]:
    """Sequences without items where there have to be some, and items without attributes."""
    element = instance.elements.get(rules[0].tag)
    if element is None:
        return
    rule = next((r for r in rules if r.module in instance.modules), rules[0])
    items = instance.items(rule.keyword)
    if not items and rule.type == "3":
        message = "has no item; wanted items, or not the sequence"
        yield _of_rule(instance, rule, Fault("CHK-EMPTY", (), "type 3", message))
    for fault in _inside(rule, items):
        yield _of_rule(instance, rule, fault)


def _inside(rule: AttributeRule, items: Sequence[Instance], path: tuple[str, ...] = ()) -> Iterator[Fault]:
    for number, item in enumerate(items, 1):
        where = (*path, f"item {number}")
        if not item.elements:
            yield Fault("CHK-EMPTY-ITEM", where, "item", "has no attribute")
        for inner in rule.items:
            if inner.vr != "SQ" or inner.tag not in item.elements:
                continue
            inner_items = item.items(inner.keyword)
            if not inner_items and inner.type == "3":
                message = "has no item; wanted items, or not the sequence"
                yield Fault("CHK-EMPTY-INSIDE", (*where, inner.keyword), "type 3", message)
            yield from _inside(inner, inner_items, (*where, inner.keyword))


def _presence(rules: tuple[AttributeRule, ...], instance: Judged) -> Iterator[Finding]:
    there = [r for r in rules if r.module in instance.modules]
    if not there:
        return
    strict = [] if there[0].overrides else [r for r in there if r.type == "1"]
    rule = next(iter(strict), there[0])
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
    elif rule.type == "3" and state is State.EMPTY and any(r.type == "1" for r in there):
        message = "is empty; wanted a value, or not the attribute"
        yield _of_rule(instance, rule, Fault("CHK-TYPE1", (), "type 1", message))
    elif rule.type in ("1C", "2C"):
        asked = condition_of(rule)
        if asked is not None:
            yield from _conditional(instance, rule, asked)


def _conditional(instance: Judged, rule: AttributeRule, asked: Condition) -> Iterator[Finding]:
    kind, absent = f"type {rule.type}", instance.state(rule.tag) is State.ABSENT
    if absent and asked.holds(instance.iod.name, instance.somewhere):
        message = f"is absent; required {asked.words}"
        yield _of_rule(instance, rule, Fault("CHK-CONDITION", (), kind, message, asked.section))
    elif not absent and asked.bans(instance.iod.name, instance.somewhere):
        message = f"is present; wanted only {asked.words}"
        code = "CHK-BANNED" if asked.firm else "CHK-UNWANTED"
        yield _of_rule(instance, rule, Fault(code, (), kind, message, asked.section))


def _extended(instance: Judged) -> Iterator[Finding]:
    """Attributes that no module of the IOD has: a Standard Extended SOP Class (PS3.2 7.3)."""
    known = _tags(instance.iod)
    apart = _RESCALE if instance.rescale is not None and instance.rescale.mapped else frozenset()
    for tag in sorted(instance.elements.keys() - known):
        if tag >> 16 & 1 or not tag & 0xFFFF or tag in _ANYWHERE or _repeating(tag):
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
    return _finding(instance, fault, rule.keyword, rule.module)


def _finding(instance: Judged, fault: Fault, path: str, module: str) -> Finding:
    section = fault.section or f"PS3.3 {standard.section(module)}"
    code, message = fault.code, fault.message
    if _leads_elsewhere(path, fault):
        code, message = "CHK-UID-KEPT", f"{fault.message}; whatever it leads to was made by others"
    where, severity = ">".join((path, *fault.path)), checks()[code].severity
    return Finding(severity, code, where, module, fault.rule, section, message, instance.name)


def _leads_elsewhere(path: str, fault: Fault) -> bool:
    """Whether an illegal UID is that of something else, which a legal one would not lead to."""
    keyword = (path, *fault.path)[-1]
    own = not fault.path and keyword in NEW
    return fault.code == "CHK-SYNTAX" and fault.rule == "VR UI" and is_reference(keyword) and not own

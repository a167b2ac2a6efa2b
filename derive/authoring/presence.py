"""What a result has: modules that are part of it, and attributes that conditions of type 1C and 2C demand or forbid."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from derive.authoring.entities import BUILDERS, Builder, builder_of
from derive.authoring.order import Authoring
from derive.authoring.policy import ANY, Action, row
from derive.elements.element import Element, tag_of
from derive.elements.instance import State, state_of
from derive.elements.legal import reader
from derive.model.classes import IDENTITY
from derive.model.functional_groups import flattened, macros
from derive.standard import AttributeRule, Iod, conditions
from derive.standard.conditions import Condition

#: Attributes that shall not be there beside another one, whether that has a value or not (C.7.3.1).
EXCLUDED = {"PatientPosition": "PatientOrientationCodeSequence"}


def excluded(iod: Iod) -> frozenset[str]:
    """Keywords of what may not stand beside an attribute that the IOD always has."""
    return frozenset(
        keyword
        for keyword, other in EXCLUDED.items()
        if other in iod.attributes and iod.usage(iod.attributes[other].module) == "M"
    )


def modules_of(authoring: Authoring) -> frozenset[str]:
    """Modules of the result.

    Those that the IOD demands, always or because their condition holds; and those of the others of which the
    source has something to pull, or of which something of type 1 is made. In another form or class an
    optional module is there only where the source says all that it demands.
    """
    iod, derivation = authoring.target.iod, authoring.derivation

    def made(rule: AttributeRule) -> Any:
        builder = builder_of(rule)
        return None if builder is None else made_by(builder)

    def made_by(builder: Builder) -> Any:
        return None if builder.level == "frame" else builder.value(authoring)

    def has(keyword: str) -> Any:
        rule = iod.attributes.get(keyword)
        if rule is None and authoring.target.container == "functional" and (ANY, keyword) in BUILDERS:
            return made_by(BUILDERS[ANY, keyword])
        return made(rule) if rule is not None and builder_of(rule) else authoring.source.value(keyword)

    def stands(rule: AttributeRule) -> bool:
        action = row(rule.module, rule.keyword).action(derivation)
        if action is Action.RECOMPUTE:
            return rule.type == "1" and made(rule) is not None
        return action is Action.PULL and rule.tag in authoring.source.tags

    def needed(module: str) -> bool:
        condition = conditions.module_condition(module)
        return condition is not None and condition.holds(iod.name, has) is True

    mandatory = {m.module for m in iod.modules if m.usage == "M"}
    standing = {r.tag for r in iod.attributes.values() if r.module not in mandatory and stands(r)}
    conditional = {m.module for m in iod.modules if m.usage == "C"}
    demanded = {module for module in conditional if needed(module)}
    present = conditions.present_modules(iod, standing)
    if derivation.passes or authoring.of_other_class:
        present = frozenset(m for m in present if m in mandatory or _whole(authoring, m))
    present = frozenset(m for m in present if m in mandatory | demanded or _sayable(authoring, m))
    return present | demanded


def _sayable(authoring: Authoring, module: str) -> bool:
    """Whether a module that nothing demands can be there: what it demands of type 1 somebody says, or a fallback does.

    *2026-12-01.* A synchronization without its trigger tells nobody anything, and a source that has no more of it is no
    reason to refuse its pixels.
    """
    lacking = authoring.order.blemishes.lacking
    for rule in authoring.target.iod.attributes.values():
        if rule.module != module or rule.type != "1" or rule.keyword in lacking:
            continue
        found = row(rule.module, rule.keyword)
        pulled = found.action(authoring.derivation) is Action.PULL and not found.fallback
        if pulled and rule.tag not in authoring.source.tags and rule.keyword not in authoring.given.attributes:
            return False
    return True


def _whole(authoring: Authoring, module: str) -> bool:
    """Whether a source of another class says all that a module demands; what it says of others is left over."""
    iod, source = authoring.target.iod, authoring.source

    def says(keyword: str) -> Any:
        return source.value(keyword, 0)

    for rule in iod.attributes.values():
        pulled = row(rule.module, rule.keyword).action(authoring.derivation) is Action.PULL
        if rule.module != module or not pulled or rule.tag in source.tags:
            continue
        condition = conditions.condition_of(rule) if rule.type == "1C" else None
        if rule.type == "1" or (condition is not None and condition.holds(iod.name, says) is True):
            return False
    return True


@dataclass(frozen=True)
class Conditional:
    """An attribute of type 1C or 2C that a pull can bring in, and its condition.

    Parameters
    ----------
    rule : AttributeRule
    condition : Condition
    reads : frozenset of int
        Tags that tell whether the attribute is there and whether it may be.
    """

    rule: AttributeRule
    condition: Condition
    reads: frozenset[int]


@cache
def conditionals(iod: Iod) -> tuple[Conditional, ...]:
    """Attributes of types 1C and 2C of the mandatory modules that a pull can bring in."""
    mandatory = {m.module for m in iod.modules if m.usage == "M"}
    return tuple(
        Conditional(r, condition, frozenset({r.tag, *map(tag_of, condition.reads)}))
        for r in iod.attributes.values()
        if r.type in ("1C", "2C") and r.module in mandatory and builder_of(r) is None
        if (condition := conditions.condition_of(r)) is not None
    )


def settled(rules: Iterable[Conditional], varying: Collection[int]) -> tuple[list[Conditional], list[Conditional]]:
    """Split into what depends on nothing that varies from instance to instance, and what does."""
    found = list(rules)
    return [c for c in found if c.reads.isdisjoint(varying)], [c for c in found if not c.reads.isdisjoint(varying)]


def leaves_of(tags: Iterable[int]) -> frozenset[int]:
    """Return the tags of what macros say, by which conditions read it."""
    known = (macros()[tag] for tag in tags if tag in macros())
    return frozenset(tag_of(leaf.keyword) for macro in known for leaf in macro.leaves)


def _with_groups(elements: Mapping[int, Element]) -> Mapping[int, Element]:
    """Return elements, and what the macros among them say."""
    groups = {tag: e for tag, e in elements.items() if tag in macros()}
    return {**flattened(groups), **elements} if groups else elements


def unwanted(
    authoring: Authoring, rules: Iterable[Conditional], elements: Mapping[int, Element]
) -> Iterator[AttributeRule]:
    """Attributes that were pulled and may not be there; what the caller gave is left to the check."""
    has, iod = reader(_with_groups(elements), authoring.encodings), authoring.target.iod
    for rule, condition in ((c.rule, c.condition) for c in rules):
        given = rule.entity in IDENTITY or rule.keyword in authoring.given.attributes
        beside = EXCLUDED.get(rule.keyword)
        displaced = beside is not None and tag_of(beside) in elements
        if rule.tag in elements and not given and (displaced or condition.bans(iod.name, has)):
            yield rule


def missing(
    authoring: Authoring, rules: Iterable[Conditional], elements: Mapping[int, Element]
) -> Iterator[AttributeRule]:
    """Attributes of type 2C that are required and not there."""
    has, iod = reader(_with_groups(elements), authoring.encodings), authoring.target.iod
    for rule, condition in ((c.rule, c.condition) for c in rules):
        if rule.type == "2C" and rule.tag not in elements and condition.holds(iod.name, has):
            yield rule


def unmet(
    authoring: Authoring, rules: Iterable[Conditional], elements: Mapping[int, Element]
) -> Iterator[AttributeRule]:
    """Attributes of type 1C that are required and have no value."""
    has, iod = reader(_with_groups(elements), authoring.encodings), authoring.target.iod
    for rule, condition in ((c.rule, c.condition) for c in rules):
        filled = state_of(elements.get(rule.tag)) is State.FILLED
        if rule.type == "1C" and not filled and condition.holds(iod.name, has):
            yield rule

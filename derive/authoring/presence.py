"""What a result has: modules that are part of it, and attributes that conditions of type 1C and 2C demand or forbid."""

from __future__ import annotations

from functools import cache
from typing import Any

from derive import standard
from derive.authoring.entities import BUILDERS
from derive.authoring.order import Making
from derive.authoring.policy import Action, row
from derive.elements.instance import State
from derive.elements.legal import reader
from derive.elements.view import View
from derive.model.classes import IDENTITY
from derive.standard import AttributeRule, conditions


def present_modules(making: Making) -> frozenset[str]:
    """Modules of the result.

    Those that the IOD demands, always or because their condition holds; and those of the others of which the
    source has something to pull, or of which something of type 1 is made.
    """
    iod, derivation = making.target.iod, making.derivation

    def made(keyword: str) -> Any:
        builder = BUILDERS.get(keyword)
        return None if builder is None or builder.per_frame else builder.function(making)

    def has(keyword: str) -> Any:
        return made(keyword) if keyword in BUILDERS and keyword in iod.attributes else making.source.value(keyword)

    def stands(rule: AttributeRule) -> bool:
        action = row(rule.module, rule.keyword).action(derivation)
        if action is Action.RECOMPUTE:
            return rule.type == "1" and made(rule.keyword) is not None
        return action is Action.PULL and rule.tag in making.source.tags

    def needed(module: str) -> bool:
        condition = conditions.module_condition(module)
        return condition is not None and condition.holds(iod.name, has) is True

    mandatory = {m.module for m in iod.modules if m.usage == "M"}
    standing = {r.module for r in iod.attributes.values() if r.module not in mandatory and stands(r)}
    return frozenset(
        m.module for m in iod.modules if m.module in mandatory | standing or (m.usage == "C" and needed(m.module))
    )


def banned(making: Making, view: View) -> tuple[AttributeRule, ...]:
    """Attributes that were pulled and may not be there; what the caller gave is left to the check."""
    has, iod = reader(view, making.encodings), making.target.iod
    return tuple(
        rule
        for rule in _conditional(iod)
        if view.state(rule.tag) is not State.ABSENT
        and rule.entity not in IDENTITY
        and rule.keyword not in making.given.attributes
        and conditions.banned(iod, rule.keyword, has)
    )


def missing(making: Making, view: View) -> tuple[AttributeRule, ...]:
    """Attributes of type 2C that are required and not there."""
    has, iod = reader(view, making.encodings), making.target.iod
    return tuple(
        rule
        for rule in _conditional(iod)
        if rule.type == "2C" and view.state(rule.tag) is State.ABSENT and conditions.required(iod, rule.keyword, has)
    )


def unmet(making: Making, view: View) -> tuple[AttributeRule, ...]:
    """Attributes of type 1C that are required and have no value."""
    has, iod = reader(view, making.encodings), making.target.iod
    return tuple(
        rule
        for rule in _conditional(iod)
        if rule.type == "1C" and view.state(rule.tag) is not State.FILLED
        if conditions.required(iod, rule.keyword, has)
    )


@cache
def _conditional(iod: standard.Iod) -> tuple[AttributeRule, ...]:
    """Attributes of types 1C and 2C of the mandatory modules that a pull can bring in."""
    mandatory = {m.module for m in iod.modules if m.usage == "M"}
    return tuple(
        r
        for r in iod.attributes.values()
        if r.type in ("1C", "2C") and r.module in mandatory and r.keyword not in BUILDERS
    )

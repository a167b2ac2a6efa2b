"""Which rules of a plan want a series, by what is known of it."""

from __future__ import annotations

from collections.abc import Mapping

from derive.many.plan import Plan, SeriesRule


def rules_for(plan: Plan, facts: Mapping[str, str]) -> tuple[SeriesRule, ...]:
    """Return the rules that want a series: the first that matches, and those behind it as long as each goes on.

    Parameters
    ----------
    plan : Plan
    facts : mapping keyword -> text
        What the series says; several values stand between backslashes.
    """
    found = []
    for rule in plan.rules:
        if all(c.holds(facts.get(c.keyword, "").split("\\")) for c in rule.selectors):
            found.append(rule)
            if not rule.goes_on:
                break
    return tuple(found)


def may_be_wanted(plan: Plan, facts: Mapping[str, str]) -> bool:
    """Whether any rule could want a series of which not all is known; what is empty here is not known."""
    return any(
        all(c.holds(facts[c.keyword].split("\\")) for c in rule.selectors if facts.get(c.keyword))
        for rule in plan.rules
    )

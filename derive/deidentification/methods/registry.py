"""The registry of methods: one decorator, from which rules, messages and contract tests follow."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from derive.deidentification.engine.here import Here
from derive.deidentification.profile.rule import Rule
from derive.elements.element import Element
from derive.errors import UsageError
from derive.told.wording import did_you_mean

#: An attribute as it was to what it becomes: itself where it stays, None where it goes.
Change: TypeAlias = Callable[[Element, Here], Element | None]


#: Refuses settings of the right types that mean nothing, before any file is read.
Check: TypeAlias = Callable[[Mapping[str, object]], None]


@dataclass(frozen=True)
class Method:
    """A method by its name.

    Parameters
    ----------
    name : str
        As rules give it: ``cryptoHash``.
    change : callable (Element, Here) -> Element or None
    settings : mapping of str to type
        What a rule may say of it, and of which type.
    vrs : frozenset of str
        Value representations that it can be asked for; empty for all.
    check : callable (settings) -> None, optional
    """

    name: str
    change: Change
    settings: Mapping[str, type]
    vrs: frozenset[str] = frozenset()
    check: Check | None = None

    def is_for(self, vr: str) -> bool:
        """Whether it can be asked for a value representation."""
        return not self.vrs or vr in self.vrs


#: Types of settings, as people call them.
_KINDS = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list",
    tuple: "a list",
}
#: Of a setting of a type these are taken too.
_ALSO: dict[type, tuple[type, ...]] = {float: (int,), tuple: (list,), list: (tuple,)}
METHODS: dict[str, Method] = {}


def method(name: str, *vrs: str, check: Check | None = None, **settings: type) -> Callable[[Change], Change]:
    """Declare a function as the method of a name, for some value representations, with the settings that it reads."""

    def declared(change: Change) -> Change:
        METHODS[name] = Method(name, change, settings, frozenset(vrs), check)
        return change

    return declared


def checked_method(name: str, settings: Mapping[str, object], where: str = "rule") -> Method:
    """Return the method of a rule, if there is one and the settings are some of its.

    Parameters
    ----------
    name : str
        Whatever its case: others write ``cryptohash``.
    settings : mapping of str to object
    where : str
        Where the rule stands, for the message.

    Raises
    ------
    UsageError
        ``DEID-METHOD`` for a method that there is not; ``DEID-SETTING`` for what cannot be set of it.
    """
    found = {known.casefold(): known for known in METHODS}.get(name.casefold())
    if found is None:
        hint = did_you_mean(name, METHODS)
        raise UsageError("DEID-METHOD", f"{where}: there is no method {name!r}{hint}; there are {', '.join(METHODS)}")
    named = METHODS[found]
    for key, value in settings.items():
        if key not in named.settings:
            there = f"; there are {', '.join(named.settings)}" if named.settings else "; it has none"
            hint = did_you_mean(key, named.settings)
            raise UsageError("DEID-SETTING", f"{where}: {found} has no setting {key!r}{hint}{there}")
        wanted = named.settings[key]
        if not _is_a(value, wanted):
            raise UsageError("DEID-SETTING", f"{where}: {key} of {found} wants {_KINDS.get(wanted, 'a list')}")
    if named.check is not None:
        try:
            named.check(settings)
        except UsageError as error:
            raise UsageError(error.code, f"{where}: {found}: {error.message}") from error
    return named


def checked_rule(rule: Rule) -> Rule:
    """Return a rule with its method by the name that it has here, if it can be followed.

    Raises
    ------
    UsageError
        ``DEID-METHOD``, ``DEID-SETTING``, as :func:`checked_method`; also for a method that is not for the attributes.
    """
    named = checked_method(rule.method, rule.settings, rule.told)
    vrs = rule.address.known_vrs
    if vrs and "SQ" not in vrs and not any(map(named.is_for, vrs)):
        raise UsageError(
            "DEID-METHOD",
            f"{rule.told}: {named.name} is not for {rule.address.text} ({' or '.join(vrs)}); "
            f"it is for {', '.join(sorted(named.vrs))}",
        )
    return replace(rule, method=named.name)


def _is_a(value: object, wanted: type) -> bool:
    """Whether a value is of the type of a setting; true is no number."""
    return isinstance(value, (wanted, *_ALSO.get(wanted, ()))) and (wanted is bool or not isinstance(value, bool))

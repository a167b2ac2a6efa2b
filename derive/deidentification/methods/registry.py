"""The registry of methods: one decorator, from which rules, messages and contract tests follow."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from derive.deidentification.here import Here
from derive.elements.element import Element

#: An attribute as it was to what it becomes: itself where it stays, None where it goes.
Change: TypeAlias = Callable[[Element, Here], Element | None]


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
    """

    name: str
    change: Change
    settings: Mapping[str, type]
    vrs: frozenset[str] = frozenset()


METHODS: dict[str, Method] = {}


def method(name: str, *vrs: str, **settings: type) -> Callable[[Change], Change]:
    """Declare a function as the method of a name, for some value representations, with the settings that it reads."""

    def declared(change: Change) -> Change:
        METHODS[name] = Method(name, change, settings, frozenset(vrs))
        return change

    return declared

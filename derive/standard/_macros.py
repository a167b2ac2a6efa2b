"""Functional group macros: which an IOD has, and what the item of each holds (PS3.3 C.7.6.16, Annex A)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from derive.standard._tables import rows

GROUPS_SUFFIX = "-multi-frame-functional-groups"
"""What the tables call the module Multi-frame Functional Groups of an IOD, behind the name of the IOD."""
GROUPS = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")


@dataclass(frozen=True, slots=True)
class MacroUse:
    """A functional group macro as an IOD uses it.

    Attributes
    ----------
    macro : str
        Its name in lower case with hyphens: ``pixel-measures``.
    sequence : str
        Keyword of its sequence.
    usage : str
        ``M`` mandatory, ``C`` conditional or ``U`` user optional.
    """

    macro: str
    sequence: str
    usage: str


def macros_of(iod_name: str) -> tuple[MacroUse, ...]:
    """Return the macros of an IOD; none for one without functional groups.

    >>> [use.usage for use in macros_of("enhanced-ct-image") if use.macro == "frame-anatomy"]
    ['M']
    """
    return _uses().get(iod_name, ())


@cache
def macro_rows(module: str) -> tuple[list[str], ...]:
    """Return what the groups of an IOD hold inside the macros: module, path, type, `-`; as rows of the module table."""
    found: list[list[str]] = []
    if not module.endswith(GROUPS_SUFFIX):
        return ()
    for use in macros_of(module.removesuffix(GROUPS_SUFFIX)):
        for place in GROUPS:
            within = f"{place}>{use.sequence}>"
            found += [[module, within + path, kind, "-"] for path, kind in _attributes().get(use.macro, ())]
    return tuple(found)


@cache
def _uses() -> dict[str, tuple[MacroUse, ...]]:
    found: dict[str, list[MacroUse]] = {}
    for iod_name, macro, sequence, usage in rows("macros"):
        found.setdefault(iod_name, []).append(MacroUse(macro, sequence, usage))
    return {name: tuple(uses) for name, uses in found.items()}


@cache
def _attributes() -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = {}
    for macro, path, kind in rows("macro_attributes"):
        found.setdefault(macro, []).append((path, kind))
    return found

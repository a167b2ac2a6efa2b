"""Information object definitions as frozen values: modules, attributes, types."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType

from derive.standard._macros import macro_rows
from derive.standard._tables import rows, tag_of

USAGES = "MCU"
TYPES = ("1", "1C", "2", "2C", "3")


class UnknownIod(LookupError):  # noqa: N818 - reads as what was found, like the project's other errors
    """There is no table for a SOP class.

    Attributes
    ----------
    code : str
        ``STD-IOD``.
    sop_class_uid : str
        What was asked for.
    """

    def __init__(self, sop_class_uid: str, known: tuple[str, ...]) -> None:
        self.code = "STD-IOD"
        self.sop_class_uid = sop_class_uid
        self.message = (
            f"no IOD table for SOP Class UID {sop_class_uid!r}; there are tables for {', '.join(known)}. "
            f"Use one of these, or add the IOD to derive.standard.regenerate.IODS"
        )
        super().__init__(f"{self.code}: {self.message}")


@dataclass(frozen=True, slots=True)
class ModuleUse:
    """A module as an IOD uses it (PS3.3 Annex A).

    Attributes
    ----------
    entity : str
        The information entity, e.g. ``Series`` or ``Frame of Reference``.
    module : str
        The module's name in lower case with hyphens, e.g. ``general-series``.
    usage : str
        ``M`` mandatory, ``C`` conditional or ``U`` user optional.
    section : str
        The section of PS3.3 that defines the module, e.g. ``C.7.3.1``.
    """

    entity: str
    module: str
    usage: str
    section: str


@dataclass(frozen=True, eq=False, slots=True)  # one object a module and entity: identity is equality
class AttributeRule:
    """An attribute as one module defines it (PS3.3 Annex C, PS3.6).

    Attributes
    ----------
    keyword : str
        Keyword of the attribute.
    tag : int
        Its tag; of a repeating group (60xx) that of the first group.
    vr, vm : str
        Value representation (``US or SS`` where the standard leaves a choice) and multiplicity.
    type : str
        ``1``, ``1C``, ``2``, ``2C`` or ``3``.
    module, entity : str
        Module that has the rule, and its information entity.
    items : tuple of AttributeRule
        The rules for the items of a sequence, down to the third level; inside functional groups at all levels.
    overrides : bool
        Whether the standard says that this type replaces that of the other modules.
    """

    keyword: str
    tag: int
    vr: str
    vm: str
    type: str
    module: str
    entity: str
    items: tuple[AttributeRule, ...]
    overrides: bool = False


@dataclass(frozen=True, eq=False)  # one object per SOP class: identity is equality
class Iod:
    """An information object definition (PS3.3 Annex A).

    Attributes
    ----------
    name : str
        Lower case with hyphens, e.g. ``ct-image``.
    sop_class_uid : str
        The storage SOP class of the IOD.
    modules : tuple of ModuleUse
        In the order of the standard.
    attributes : mapping of str to AttributeRule
        Top-level attributes by keyword, in tag order. Where several modules define an attribute: the rule
        that overrides the others, else that of a mandatory before a conditional before a user optional
        module, and among those the strictest type.
    all_rules : mapping of str to tuple of AttributeRule
        Keyword to the rule of every module that defines it, the one in `attributes` first.
    """

    name: str
    sop_class_uid: str
    modules: tuple[ModuleUse, ...] = field(repr=False)
    attributes: Mapping[str, AttributeRule] = field(repr=False)
    all_rules: Mapping[str, tuple[AttributeRule, ...]] = field(repr=False)

    def usage(self, module: str) -> str | None:
        """Return the usage of a module in this IOD, or None when it is not part of it."""
        return next((use.usage for use in self.modules if use.module == module), None)


def supported(sop_class_uid: str) -> bool:
    """Tell whether there is a table for this SOP class."""
    return sop_class_uid in _uses()


def sop_class_uids() -> tuple[str, ...]:
    """Return the SOP Class UIDs that have a table, in the order of the table."""
    return tuple(_uses())


@cache
def is_single_frame(sop_class_uid: str) -> bool:
    """Tell whether a SOP class is one of single frames; False for one without a table."""
    return supported(sop_class_uid) and "NumberOfFrames" not in iod(sop_class_uid).attributes


@cache
def is_image(sop_class_uid: str) -> bool:
    """Tell whether instances of a SOP class are images; a class that nobody knows may be one."""
    return supported(sop_class_uid) or sop_class_uid not in {row[0] for row in rows("kept_no_images")}


@cache
def iod(sop_class_uid: str) -> Iod:
    """Return the IOD of a storage SOP class.

    Raises
    ------
    UnknownIod
        When there is no table for it.
    """
    if not supported(sop_class_uid):
        raise UnknownIod(sop_class_uid, sop_class_uids())
    name, uses = _uses()[sop_class_uid]
    usage = {use.module: use.usage for use in uses}
    rules: dict[str, list[AttributeRule]] = {}
    for use in uses:
        for rule in _module_rules(use.module, use.entity):
            rules.setdefault(rule.keyword, []).append(rule)

    def strictness(rule: AttributeRule) -> tuple[bool, int, int]:
        return (not rule.overrides, USAGES.index(usage[rule.module]), TYPES.index(rule.type))

    in_tag_order = sorted(rules.items(), key=lambda entry: entry[1][0].tag)
    ordered = {keyword: tuple(sorted(found, key=strictness)) for keyword, found in in_tag_order}
    strictest = {keyword: found[0] for keyword, found in ordered.items()}
    return Iod(name, sop_class_uid, uses, MappingProxyType(strictest), MappingProxyType(ordered))


@cache
def modules_of(entities: frozenset[str]) -> frozenset[str]:
    """Return the modules that describe some information entities, in any IOD."""
    return frozenset(use.module for _, uses in _uses().values() for use in uses if use.entity in entities)


def section(module: str) -> str:
    """Return the section of PS3.3 that defines a module, e.g. ``C.7.6.2`` for ``image-plane``.

    Raises
    ------
    LookupError
        When no table names the module.
    """
    sections = _sections()
    if module not in sections:
        raise LookupError(f"STD-MODULE: no IOD of the tables has a module {module!r}; names look like 'image-plane'")
    return sections[module]


@cache
def _sections() -> dict[str, str]:
    return {row[0]: row[1] for row in rows("sections")}


@cache
def _uses() -> dict[str, tuple[str, tuple[ModuleUse, ...]]]:
    uses: dict[str, tuple[str, list[ModuleUse]]] = {}
    for name, uid, entity, module, usage in rows("iods"):
        uses.setdefault(uid, (name, []))[1].append(ModuleUse(entity, module, usage, section(module)))
    return {uid: (name, tuple(found)) for uid, (name, found) in uses.items()}


@cache
def _module_rows() -> dict[str, list[list[str]]]:
    found: dict[str, list[list[str]]] = {}
    for row in rows("modules"):
        found.setdefault(row[0], []).append(row)
    return found


@cache
def _module_rules(module: str, entity: str) -> tuple[AttributeRule, ...]:
    children: dict[str, list[list[str]]] = {}
    for row in (*_module_rows().get(module, []), *macro_rows(module)):
        children.setdefault(row[1].rpartition(">")[0], []).append(row)
    return tuple(_rules("", children, entity))


def _rules(parent: str, children: Mapping[str, list[list[str]]], entity: str) -> Iterator[AttributeRule]:
    dictionary = _dictionary()
    for module, path, kind, overrides in children.get(parent, []):
        keyword = path.rpartition(">")[2]
        vr, vm = dictionary[keyword]
        items = tuple(_rules(path, children, entity)) if path in children else ()
        yield AttributeRule(keyword, tag_of(keyword), vr, vm, kind, module, entity, items, overrides == "Y")


@cache
def _dictionary() -> dict[str, tuple[str, str]]:
    return {keyword: (vr, vm) for keyword, _, vr, vm in rows("attributes")}

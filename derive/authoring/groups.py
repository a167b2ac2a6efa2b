"""Functional groups in the making: what macros a source says, and how those of all frames stand (PS3.3 C.7.6.16)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import replace
from typing import Any

from derive import standard
from derive.elements.element import Element, tag_of
from derive.elements.encoding import decode, encode, pack_item
from derive.elements.instance import items_of
from derive.model.attribute_table import AttributeTable
from derive.model.composing import composed, folded
from derive.model.functional_groups import PER_FRAME, SHARED, macros
from derive.model.source import Attributes, Sources
from derive.model.terms import lines_of, terms
from derive.standard import AttributeRule, Iod
from derive.standard.conditions import condition_in_macro


def in_groups(groups: Sequence[Mapping[int, Element]]) -> tuple[Element, Element]:
    """Return the Shared and the Per-Frame Functional Groups Sequence of frames that have these macros."""
    found = folded(groups)
    own = b"".join(pack_item(each.values()) for each in found.per_frame)
    return Element(SHARED, "SQ", pack_item(found.shared.values())), Element(PER_FRAME, "SQ", own)


def with_macros(sources: Sources, iod: Iod) -> Sources:
    """Return the same sources, of which the principal one says it as a multi-frame IOD does.

    In its macros, and in attributes that it has in place of others (``model.terms``). Nothing that is said already is
    said anew.
    """
    source = sources.principal
    told = _told_otherwise(source)
    table, tags = source.table.beside(told), source.tags | told.keys()
    absent = _meaning_of_nothing(source)
    rules = [r for r in iod.attributes.values() if iod.usage(r.module) is None and r.tag not in source.tags]
    columns = {rule.tag: column for rule in rules if any(column := _column(table, tags, absent, rule, iod.name))}
    having = {rule.tag for rule in iod.attributes.values()}
    columns |= {tag: column for tag, column in told.items() if tag in having}
    if not columns:
        return sources
    grouped = replace(source, table=source.table.beside(columns), tags=source.tags | columns.keys())
    return replace(sources, principal=grouped)


def _told_otherwise(source: Attributes) -> dict[int, list[Element | None]]:
    """Return what each frame says in the terms of multi-frame IODs; its own where it says it already."""
    if not source.frames:
        return {}
    table, iod_name = source.table, standard.iod(source.frames[0].reference.sop_class_uid).name
    reads = lines_of("enhanced", iod_name).reads
    frames = range(table.count) if any(tag in table.varying for tag in reads) else range(1)
    rows = [terms("enhanced", iod_name, {t: e for t in reads if (e := table.element(t, k))}) for k in frames]
    found: dict[int, list[Element | None]] = {}
    for tag in sorted({tag for row in rows for tag in row}):
        column = [row.get(tag) or table.element(tag, k) for k, row in enumerate(rows)]
        found[tag] = column if len(column) == table.count else column * table.count
    return found


def _column(
    table: AttributeTable, tags: Set[int], absent: Mapping[str, Element], rule: AttributeRule, iod_name: str
) -> list[Element | None]:
    """Return what each frame says of a macro; the same for all, where all that it is made of is."""
    macro = macros().get(rule.tag)
    read = [tag_of(leaf.keyword) for leaf in macro.leaves] if macro else []
    if tags.isdisjoint(read):
        return []

    def of(index: int) -> Element | None:
        made = composed(rule, lambda keyword: table.element(tag_of(keyword), index) or absent.get(keyword), iod_name)
        return made if made is not None and _is_whole(made, rule, iod_name) else None

    if not any(tag in table.varying for tag in read):
        return [of(0)] * table.count
    return [of(index) for index in range(table.count)]


# 2026-12-01: what acquired frames have to say, frames that were derived may say. There are validators that take a macro
# which says a part of it for a fault, and nobody can tell a part that was left out from one that nobody knew. So macros
# that a class wants of acquired frames only are made whole, or not at all.


def _is_whole(made: Element, rule: AttributeRule, iod_name: str) -> bool:
    """Whether a macro says all that it would have to say of an acquired frame; one that is wanted of all does."""
    if rule.type != "1C":
        return True
    item = {e.tag: e for e in (items_of(made) or ((),))[0]}

    def has(keyword: str) -> Any:
        element = item.get(tag_of(keyword))
        return ["ORIGINAL"] if keyword == "FrameType" else element and decode(element)

    wanted = (condition_in_macro(rule.keyword, r.keyword) for r in rule.items if r.tag not in item)
    return not any(condition.holds(iod_name, has) for condition in wanted if condition is not None)


#: What an image need not say, and a frame has to.
_UNITS = ("RescaleSlope", "RescaleIntercept", "RescaleType")


def _meaning_of_nothing(source: Attributes) -> Mapping[str, Element]:
    """Return what it means that an image does not say something: CT is in HU then, others in what nobody specified."""
    said = {"RescaleType": "US"} | dict(
        standard.defaults(standard.iod(source.frames[0].reference.sop_class_uid).name) if source.frames else {}
    )
    return {k: encode(k, said[k]) for k in _UNITS if k in said}

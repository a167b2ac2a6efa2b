"""Functional groups in the making: what macros a source says, and how those of all frames stand (PS3.3 C.7.6.16)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from derive import standard
from derive.elements.element import Element, tag_of
from derive.elements.encoding import encode, pack_item
from derive.model.composing import composed, folded
from derive.model.functional_groups import PER_FRAME, SHARED, macros
from derive.model.source import Attributes, Sources
from derive.standard import AttributeRule, Iod


def in_groups(groups: Sequence[Mapping[int, Element]]) -> tuple[Element, Element]:
    """Return the Shared and the Per-Frame Functional Groups Sequence of frames that have these macros."""
    found = folded(groups)
    own = b"".join(pack_item(each.values()) for each in found.per_frame)
    return Element(SHARED, "SQ", pack_item(found.shared.values())), Element(PER_FRAME, "SQ", own)


def with_macros(sources: Sources, iod: Iod) -> Sources:
    """Return the same sources, of which the principal one says in macros what it says in classic keywords.

    Nothing that it says in a macro already is said anew.
    """
    source = sources.principal
    rules = [r for r in iod.attributes.values() if iod.usage(r.module) is None and r.tag not in source.tags]
    columns = {rule.tag: column for rule in rules if any(column := _column(source, rule))}
    if not columns:
        return sources
    grouped = replace(source, table=source.table.beside(columns), tags=source.tags | columns.keys())
    return replace(sources, principal=grouped)


def _column(source: Attributes, rule: AttributeRule) -> list[Element | None]:
    """Return what each frame says of a macro; the same for all, where all that it is made of is."""
    macro, table = macros().get(rule.tag), source.table
    read = [tag_of(leaf.keyword) for leaf in macro.leaves] if macro else []
    if not any(tag in source.tags for tag in read):
        return []

    absent = _meaning_of_nothing(source)

    def of(index: int) -> Element | None:
        return composed(rule, lambda keyword: table.element(tag_of(keyword), index) or absent.get(keyword))

    if not any(tag in table.varying for tag in read):
        return [of(0)] * table.count
    return [of(index) for index in range(table.count)]


def _meaning_of_nothing(source: Attributes) -> Mapping[str, Element]:
    """Return what it means that an image does not say something: CT that does not say its units is in HU."""
    said = standard.defaults(standard.iod(source.frames[0].reference.sop_class_uid).name) if source.frames else {}
    return {k: encode(k, v.split("\\") if "\\" in v else v) for k, v in said.items()}

"""In what a source does not say what its class asks for: a result is no better, and nobody knows the values."""

from __future__ import annotations

from derive.elements.element import is_standard, tag_of
from derive.model.blemishes import Blemishes
from derive.model.cines import said_of_cines
from derive.model.classes import Target
from derive.model.functional_groups import macros
from derive.model.source import Attributes


def blemishes_of(source: Attributes, target: Target) -> Blemishes:
    """Return in what a source is no better than what becomes of it may be."""
    return Blemishes(_lacking(source, target), _differing(source, target))


def _lacking(source: Attributes, target: Target) -> frozenset[str]:
    """Return keywords of what images of a multi-frame class can say and the source, of the same class, does not.

    *2026-12-01.* That of macros too: scanners leave Slice Thickness out of Pixel Measures. Of a cine when its frames
    were taken: two pictures of an ultrasound system in one instance say no time, and none can be made up.
    """
    same = any(f.reference.sop_class_uid == target.iod.sop_class_uid for f in source.frames)
    if same and target.container == "cine":
        times = {keyword for (_, keyword), says in said_of_cines().items() if says == "times"}
        return frozenset(keyword for keyword in times if tag_of(keyword) not in source.tags)
    rules = target.iod.attributes.values() if same and target.container == "functional" else ()
    found = {r.keyword for r in rules if is_standard(r.tag) and r.tag not in source.tags}
    for rule in rules:
        leaves = macros()[rule.tag].leaves if rule.tag in macros() else ()
        found |= {leaf.path[-1] for leaf in leaves if tag_of(leaf.keyword) not in source.tags}
    return frozenset(found)


def _differing(source: Attributes, target: Target) -> frozenset[str]:
    """Return keywords of what a series says once and views of one patient do not: each is of a view of its own.

    *2026-12-01.* View Position is one for a CR series (C.8.1.1), and many a system puts all views of a visit in one. A
    result says of each image what its source said, and not less.
    """
    if target.in_patient:
        return frozenset()
    rules = target.iod.attributes.values()
    return frozenset(r.keyword for r in rules if r.entity == "Series" and r.tag in source.table.varying)

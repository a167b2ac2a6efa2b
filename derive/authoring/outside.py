"""Why an attribute of a source that the IOD of the result does not have is not in it."""

from __future__ import annotations

from collections.abc import Mapping, Set
from functools import cache

from derive import standard
from derive.authoring.order import Authoring
from derive.elements.element import keyword_of, tag_of
from derive.model.functional_groups import macros
from derive.model.terms import lines_of
from derive.standard import Iod


def outside(authoring: Authoring, tag: int, decided: Set[int]) -> tuple[str, str]:
    """Return what became of an attribute that no module of the result has, and why.

    A multi-frame source says the same under several keywords: in a macro, in the classic keyword of each of its
    attributes, and in classic terms. What of these the result says in one way is not lost in the others.

    Parameters
    ----------
    authoring : Authoring
    tag : int
    decided : set of int
        Tags of the attributes that modules of the result have.
    """
    group, iod = tag >> 16, authoring.target.iod
    if group % 2:
        return "dropped", "private: what it means for new pixels is unknown"
    if 0x6000 <= group <= 0x60FF:
        return "dropped", "drawn over other pixels"
    there = decided & authoring.source.tags
    if tag in macros():
        kept = [leaf.keyword for leaf in macros()[tag].leaves if tag_of(leaf.keyword) in there]
        if kept:
            return "not in this IOD", f"what of it has a place there stays: {', '.join(dict.fromkeys(kept))}"
    also = _under_another_keyword(authoring, tag)
    if also in there:
        return "not in this IOD", f"{keyword_of(also)} says the same"
    rule = iod.attributes.get(keyword_of(tag))
    return "not in this IOD", f"the result has no module {rule.module}" if rule else f"no module of {iod.name} has it"


def _under_another_keyword(authoring: Authoring, tag: int) -> int:
    """Return the tag under which a source says the same: of the macro, or of what a term is told of; 0 for none."""
    of, keyword = _macro_of(authoring.target.iod), keyword_of(tag)
    if tag in of or not authoring.source.frames or authoring.target.container != "functional":
        return of.get(tag, 0)
    lines = lines_of("classic", standard.iod(authoring.source.frames[0].reference.sop_class_uid).name)
    read = [t for t in lines.reads_of(keyword) if t != tag] if keyword in lines.of else []
    return of.get(read[0], read[0]) if read else 0


@cache
def _macro_of(iod: Iod) -> Mapping[int, int]:
    """Return the macro of an IOD that says a classic keyword."""
    there = (macros()[rule.tag] for rule in iod.attributes.values() if rule.tag in macros())
    return {tag_of(leaf.keyword): tag_of(macro.sequence) for macro in there for leaf in macro.leaves}

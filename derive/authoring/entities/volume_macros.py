"""What tells volumes apart, in the macros of their frames, where those of the source do not say it (PS3.3 C.7.6.16.2).

*2026-12-01.* A macro is pulled whole, or not at all: with the direction, over which a mean was made, the b-value would
go, and nobody could tell the volumes of the result apart. And what single-frame images say in private attributes is in
no macro. So what was set for a volume stands in its frames, and nothing beside it but what follows from it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from derive import standard
from derive.authoring.order import Authoring, Frame
from derive.elements.element import Element, tag_of
from derive.elements.encoding import encode, pack_item
from derive.elements.instance import items_of
from derive.errors import UsageError
from derive.model.classes import class_in_form
from derive.model.dimension import Dimension, DimensionValue, is_set
from derive.model.functional_groups import Macro, macros
from derive.model.terms import terms

Groups = Mapping[int, Element]


def told_in_macros(authoring: Authoring, frame: Frame) -> Frame:
    """Return an instance whose macros say what was set for the volumes of its frames.

    Parameters
    ----------
    authoring : Authoring
    frame : Frame
        Of an instance with functional groups; its groups are known.
    """
    dimensions = () if authoring.derivation.passes else authoring.frames.dimensions
    told = [(tag, d) for d in dimensions if is_set(d.keyword) and (tag := _macro_of(authoring, d)) is not None]
    if not told:
        return frame
    groups = (
        _with(authoring, each, [(tag, d.keyword, d.values[own.volume]) for tag, d in told])
        for own, each in zip(frame.frames, frame.groups, strict=True)
    )
    return replace(frame, groups=tuple(groups))


def _macro_of(authoring: Authoring, dimension: Dimension) -> int | None:
    """Return the macro of the class that states a dimension in its own words."""
    for tag, macro in macros().items():
        known = any(leaf.keyword == dimension.keyword and not leaf.how for leaf in macro.leaves)
        if known and macro.sequence in authoring.target.iod.attributes:
            return tag
    return None


def _with(authoring: Authoring, groups: Groups, told: Sequence[tuple[int, str, DimensionValue]]) -> dict[int, Element]:
    """Return the macros of a frame, with those that it lacks made of what was set for its volume."""
    made = dict(groups)
    for tag in dict.fromkeys(tag for tag, _, _ in told if tag not in groups):
        said = {k: _encoded(k, value) for of, k, value in told if of == tag and value is not None}
        item = _item(macros()[tag], _and_what_follows(authoring, said))
        if said:
            made[tag] = Element(tag, "SQ", pack_item(item))
    return made


def _encoded(keyword: str, value: DimensionValue) -> Element:
    return encode(keyword, list(value) if isinstance(value, tuple) else value)


def _and_what_follows(authoring: Authoring, said: Mapping[str, Element]) -> dict[str, Element]:
    """Add what single-frame images that say so are said to be: directional, where there is a direction."""
    try:
        classic = class_in_form(authoring.target.iod.sop_class_uid, "classic")
    except UsageError:
        return dict(said)
    found = terms("enhanced", standard.iod(classic).name, {e.tag: e for e in said.values()})
    return {**{e.keyword: e for e in found.values()}, **said}


def _item(macro: Macro, said: Mapping[str, Element]) -> list[Element]:
    """Put values where the macro has them."""
    found: dict[int, Element] = {}
    for leaf in macro.leaves:
        if leaf.keyword in said:
            found = _put(found, leaf.path, said[leaf.keyword])
    return list(found.values())


def _put(item: Mapping[int, Element], path: Sequence[str], value: Element) -> dict[int, Element]:
    tag = tag_of(path[0])
    if len(path) == 1:
        return {**item, tag: value._replace(tag=tag)}
    inner = (items_of(item[tag]) or ((),))[0] if tag in item else ()
    below = _put({e.tag: e for e in inner}, path[1:], value)
    return {**item, tag: Element(tag, "SQ", pack_item(below.values()))}

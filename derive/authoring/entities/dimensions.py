"""What tells the frames of a multi-frame image apart, and where each is among them (PS3.3 C.7.6.17, C.7.6.16.2.2).

Both follow from what the groups of all its frames say, so that an index never speaks of what is not there: the
dimensions of the volumes, as far as a macro states them; where that does not tell all volumes apart, their number, as
Temporal Position Index of times and as Stack ID of anything else; and last the position in the stack.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from derive.authoring.entities.registry import per_frame, per_series
from derive.authoring.order import Authoring, Frame
from derive.elements.element import Element, tag_of
from derive.elements.encoding import encode, encode_item, pack_item
from derive.elements.instance import items_of
from derive.model.dimension import Dimension, is_time
from derive.model.functional_groups import macros
from derive.standard import conditions

_CONTENT_GROUP = "FrameContentSequence"
_CONTENT = tag_of(_CONTENT_GROUP)
_STACK, _PLACE, _TIME = "StackID", "InStackPositionNumber", "TemporalPositionIndex"
#: A way to an attribute: the sequence of its macro, further sequences, itself.
_Path = tuple[str, ...]


@dataclass(frozen=True)
class FrameIndex:
    """One dimension of an instance.

    Parameters
    ----------
    path : tuple of str
        From the sequence of the macro down to the attribute.
    values : tuple of int
        Its index in each frame, from 1 without gaps.
    """

    path: _Path
    values: tuple[int, ...]


def indices_of(authoring: Authoring, frame: Frame) -> tuple[FrameIndex, ...]:
    """Return what tells the frames of an instance apart, the most telling first."""
    volumes = tuple(each.volume for each in frame.frames)
    each = [(_index(dimension, frame), dimension.always) for dimension in authoring.frames.dimensions]
    found = list({index.path: index for index, always in each if always or len(set(index.values)) > 1}.values())
    if len(set(zip(*(i.values for i in found), strict=True))) < len(set(volumes)) > 1:
        found = [index for index in found if index.path[-1] != _STACK]
        found.append(FrameIndex((_CONTENT_GROUP, _STACK), _ranks(volumes)))
    places = _ranks([each.place for each in frame.frames], ordered=True)
    return (*found, FrameIndex((_CONTENT_GROUP, _PLACE), places))


def _index(dimension: Dimension, frame: Frame) -> FrameIndex:
    """Return the index of a dimension: where a macro states it, else as the number of a time, or of a stack.

    A macro states it where it differs as often as the dimension does, and no more; and in every frame: validators miss
    the direction of a gradient in the frames that have none.
    """
    path, values = _path(dimension), [dimension.values[each.volume] for each in frame.frames]
    said = _said(frame.groups, path) if path else []
    if path and None not in said and len(set(said)) == len(set(values)):
        return FrameIndex(path, _ranks(said))
    return FrameIndex((_CONTENT_GROUP, _TIME if is_time(dimension.keyword) else _STACK), _ranks(values))


def _path(dimension: Dimension) -> _Path | None:
    """Return where a macro states a dimension; None where none does."""
    for macro in macros().values():
        for leaf in macro.leaves:
            if dimension.keyword in (leaf.keyword, leaf.path[-1]) and macro.sequence != _CONTENT_GROUP:
                return (macro.sequence, *leaf.path)
    return None


def _said(groups: Sequence[Mapping[int, Element]], path: _Path) -> list[Element | None]:
    """Return what each frame says; None of one that says nothing."""
    return [_at(each, path) for each in groups]


def _at(item: Mapping[int, Element], path: _Path) -> Element | None:
    element = item.get(tag_of(path[0]))
    if element is None or len(path) == 1:
        return element
    items = items_of(element) or ()
    return _at({e.tag: e for e in items[0]}, path[1:]) if items else None


def _ranks(values: Sequence[object], *, ordered: bool = False) -> tuple[int, ...]:
    """Number values from 1 in the order in which they come, or in their own."""
    distinct = sorted(set(values)) if ordered else dict.fromkeys(values)  # type: ignore[type-var]
    rank = {value: number for number, value in enumerate(distinct, 1)}
    return tuple(rank[value] for value in values)


def placed(authoring: Authoring, frame: Frame) -> Frame:
    """Return an instance whose Frame Content groups say where each frame is among the others."""
    if not has_content(authoring):
        return frame
    found, time = indices_of(authoring, frame), authoring.times
    moments = {value: number for number, value in enumerate(dict.fromkeys(time.values if time else ()), 1)}
    groups = []
    for number, each in enumerate(frame.groups):
        said: dict[str, Any] = {_STACK: "1", _PLACE: found[-1].values[number]}
        if time is not None:
            said[_TIME] = moments[time.values[frame.frames[number].volume]]
        elif _time_is_wanted(authoring, each):
            said[_TIME] = 1
        for index in found:
            if index.path[-1] in (_STACK, _TIME):
                said[index.path[-1]] = str(index.values[number]) if index.path[-1] == _STACK else index.values[number]
        said["DimensionIndexValues"] = [index.values[number] for index in found]
        content = items_of(each[_CONTENT]) or ((),) if _CONTENT in each else ((),)
        item = pack_item([*content[0], *(encode(k, v) for k, v in said.items())])
        groups.append({**each, _CONTENT: Element(_CONTENT, "SQ", item)})
    return replace(frame, groups=tuple(groups))


def _time_is_wanted(authoring: Authoring, groups: Mapping[int, Element]) -> bool:
    """Whether frames of this class, or with such groups, say which time they are of though there is one."""
    condition = conditions.condition_in_macro(_CONTENT_GROUP, _TIME)
    iod = authoring.target.iod.name
    return condition is not None and bool(condition.holds(iod, lambda keyword: groups.get(tag_of(keyword))))


def has_content(authoring: Authoring) -> bool:
    """Whether frames of this class say what they hold; pages do not."""
    return _CONTENT_GROUP in authoring.target.iod.attributes


@per_series("DimensionOrganizationSequence")
def dimension_organization_sequence(authoring: Authoring) -> list[dict[str, str]] | None:
    """Return one organization of its own; nothing of pages that lie nowhere."""
    if not has_content(authoring):
        return None
    return [{"DimensionOrganizationUID": authoring.uids.dimension_organization()}]


@per_frame("DimensionOrganizationType")
def dimension_organization_type(authoring: Authoring, frame: Frame) -> str | None:
    """Return 3D of one volume, 3D_TEMPORAL of one at several times; nothing of others, nor of views from around."""
    found = indices_of(authoring, frame)[:-1] if has_content(authoring) else ()
    if not has_content(authoring) or authoring.views is not None or [i.path[-1] for i in found] not in ([], [_TIME]):
        return None
    return "3D_TEMPORAL" if found else "3D"


@per_frame("DimensionIndexSequence")
def dimension_index_sequence(authoring: Authoring, frame: Frame) -> list[bytes] | None:
    """Return where the value of each index stands."""
    if not has_content(authoring):
        return None
    organization = authoring.uids.dimension_organization()
    return [
        encode_item(
            {
                "DimensionOrganizationUID": organization,
                "DimensionIndexPointer": tag_of(index.path[-1]),
                "FunctionalGroupPointer": tag_of(index.path[0]),
            }
        )
        for index in indices_of(authoring, frame)
    ]

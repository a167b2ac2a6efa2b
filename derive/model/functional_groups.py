"""Functional groups: what a multi-frame instance says of its frames (PS3.3 C.7.6.16), by macro and in classic keywords.

``functional_groups.tsv`` has a line for every attribute of a macro that has a classic keyword, or stands for itself:
``items`` is ``one`` or ``many``, ``place`` where the macro may stand (``either``: shared or per frame), ``path`` the
keywords from the item down, ``keyword`` what the same is called of a single-frame image, and ``how`` what is done to
the value (``macro_values``). A frame is read as an image that says all of it in these keywords; and its macros stay,
whole, as attributes of their own, so that nothing is lost on the way from one multi-frame instance to the next.

Left out are indices of sources and paths that several macros have (Referenced Path Index) and what only counts together
with others of its kind: agents, materials, further X-ray sources. They stay in their macros.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from derive.elements.element import Element, keyword_of, tag_of
from derive.elements.instance import items_of
from derive.elements.private import StoredPrivate, safe_elements
from derive.model.macro_values import called
from derive.standard import AttributeRule, Iod, macros_of

SHARED, PER_FRAME = tag_of("SharedFunctionalGroupsSequence"), tag_of("PerFrameFunctionalGroupsSequence")
#: Directions in macros that are said in cosines, and so are of unit length; that of no diffusion may be 0.
UNIT_DIRECTIONS = frozenset({"VelocityEncodingDirection", "SlabOrientation"})


@dataclass(frozen=True)
class MacroAttribute:
    """One attribute of a macro.

    Parameters
    ----------
    path : tuple of str
        Keywords from the item of the macro down to it.
    keyword : str
        What a single-frame image calls it.
    how : str
        What is done to the value.
    """

    path: tuple[str, ...]
    keyword: str
    how: str = ""


@dataclass(frozen=True)
class Macro:
    """One functional group macro.

    Parameters
    ----------
    name : str
        As the tables of the standard call it: ``pixel-measures``.
    sequence : str
        Keyword of its sequence.
    many : bool
        Whether the sequence may have several items: where it has, nothing of it is said in keywords.
    place : {"either", "shared", "per-frame"}
        Which of the two functional groups sequences it may stand in.
    leaves : tuple of MacroAttribute
    """

    name: str
    sequence: str
    many: bool
    place: str
    leaves: tuple[MacroAttribute, ...]


@cache
def macros() -> Mapping[int, Macro]:
    """Return every macro by the tag of its sequence."""
    text = files(__package__).joinpath("functional_groups.tsv").read_text(encoding="utf-8")
    found: dict[str, list[dict[str, str]]] = {}
    for line in csv.DictReader(text.splitlines(), delimiter="\t"):
        found.setdefault(line["sequence"], []).append(line)
    return MappingProxyType({tag_of(sequence): _macro(sequence, lines) for sequence, lines in found.items()})


def _macro(sequence: str, lines: list[dict[str, str]]) -> Macro:
    leaves = (
        MacroAttribute(tuple(line["path"].split(">")), line["keyword"], line["how"]) for line in lines if line["path"]
    )
    return Macro(lines[0]["macro"], sequence, lines[0]["items"] == "many", lines[0]["place"], tuple(leaves))


#: The type of a macro by its usage.
_TYPES = {"M": "1", "C": "1C", "U": "3"}


@cache
def iod_of_frames(iod: Iod) -> Iod:
    """Return a multi-frame IOD as one of frames: every macro is an attribute, whose module is its name.

    A mandatory macro is of type 1, a conditional one of type 1C (``standard.conditions`` tells when), others of type 3.
    The two sequences of functional groups, and what counts frames, are no attributes of a frame; the container that
    puts frames together makes them.
    """
    rules = {k: r for k, r in iod.attributes.items() if r.tag not in (SHARED, PER_FRAME)}
    every = {k: r for k, r in iod.all_rules.items() if k in rules}
    usages = {use.sequence: use.usage for use in macros_of(iod.name)}
    for rule in iod.attributes[keyword_of(SHARED)].items:
        macro = macros().get(rule.tag)
        name = macro.name if macro else rule.keyword
        rules[rule.keyword] = replace(_of_macro(rule, name), type=_TYPES[usages.get(rule.keyword, "U")])
        every[rule.keyword] = (rules[rule.keyword],)
    ordered = dict(sorted(rules.items(), key=lambda entry: entry[1].tag))
    return Iod(iod.name, iod.sop_class_uid, iod.modules, MappingProxyType(ordered), MappingProxyType(every))


def _of_macro(rule: AttributeRule, name: str) -> AttributeRule:
    return replace(rule, module=name, items=tuple(_of_macro(inner, name) for inner in rule.items))


def flattened(groups: Mapping[int, Element]) -> dict[int, Element]:
    """Return what the macros of a frame say in classic keywords.

    Attributes that a conversion from single-frame images found no macro for count as attributes of the frame
    (PS3.3 C.7.6.16.2.25, C.7.6.16.2.26), but for those that say which instance this is and how its pixels lie.

    Parameters
    ----------
    groups : mapping tag -> Element
        Sequences of the macros of one frame: shared ones, or its own.
    """
    found: dict[int, Element] = {}
    for tag, element in groups.items():
        macro = macros().get(tag)
        if macro is not None and macro.leaves:
            found.update((e.tag, e) for e in _leaves(macro, element))
    for tag in _UNASSIGNED & groups.keys():  # in the very words of the image, where a macro has others
        for item in items_of(groups[tag], private=True) or ():
            found.update((e.tag, e) for e in item if not e.tag >> 16 & 1 and e.tag not in _OF_INSTANCE)
            safe = safe_elements(StoredPrivate(*e) for e in item if e.tag >> 16 & 1)
            found.update((e.tag, e) for e in safe.values())
    return found


_UNASSIGNED = {
    tag_of("UnassignedSharedConvertedAttributesSequence"),
    tag_of("UnassignedPerFrameConvertedAttributesSequence"),
}
_OF_INSTANCE = frozenset(
    map(
        tag_of,
        (
            "SpecificCharacterSet",
            "SOPClassUID",
            "SOPInstanceUID",
            "StudyInstanceUID",
            "SeriesInstanceUID",
            "PatientName",
            "PatientID",
            "SamplesPerPixel",
            "PhotometricInterpretation",
            "PlanarConfiguration",
            "NumberOfFrames",
            "Rows",
            "Columns",
            "BitsAllocated",
            "BitsStored",
            "HighBit",
            "PixelRepresentation",
            "PixelData",
        ),
    )
)


def _leaves(macro: Macro, element: Element) -> Iterator[Element]:
    items = items_of(element) or ()
    if len(items) != 1:
        return
    item = {e.tag: e for e in items[0]}
    for leaf in macro.leaves:
        found = _at(item, leaf.path)
        said = None if found is None else called(found, leaf.keyword, leaf.how)
        if said is not None:
            yield said


def _at(item: Mapping[int, Element], path: tuple[str, ...]) -> Element | None:
    element = item.get(tag_of(path[0]))
    if element is None or len(path) == 1:
        return element
    items = items_of(element) or ()
    return _at({e.tag: e for e in items[0]}, path[1:]) if len(items) == 1 else None

"""NM/PET patient orientation: how the patient lay, in codes (PS3.3 C.8.4.6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from codes import Code
from derive.authoring.entities.registry import per_series
from derive.authoring.entities.values import coded, own_items
from derive.authoring.order import Authoring
from derive.elements.element import Element, tag_of
from derive.elements.encoding import encode, pack_item
from derive.elements.instance import items_of

MODULE = "nm-pet-patient-orientation"
ORIENTATION, GANTRY = "PatientOrientationCodeSequence", "PatientGantryRelationshipCodeSequence"
MODIFIER = "PatientOrientationModifierCodeSequence"
#: CID 19; every position of C.7.3.1.1.2 is one of lying.
_RECUMBENT = Code("102538003", "SCT", "recumbent", "Recumbent")
#: The same in SNOMED CT and in its codes of old (PS3.16 D).
_RECUMBENT_VALUES = (b"102538003", b"F-10450")
#: CID 21, by the first two letters of Patient Position: what goes first into the gantry.
_FIRST = {
    "HF": Code("102540008", "SCT", "headfirst", "Headfirst"),
    "FF": Code("102541007", "SCT", "feet-first", "FeetFirst"),
    "LF": Code("126830", "DCM", "left first", "LeftFirst"),
    "RF": Code("126831", "DCM", "right first", "RightFirst"),
    "AF": Code("126833", "DCM", "anterior first", "AnteriorFirst"),
    "PF": Code("126832", "DCM", "posterior first", "PosteriorFirst"),
}
#: CID 20, by what follows: on what side the patient lies.
_SIDE = {
    "P": Code("1240000", "SCT", "prone", "Prone"),
    "S": Code("40199007", "SCT", "supine", "Supine"),
    "DR": Code("102535000", "SCT", "right lateral decubitus", "RightLateralDecubitus"),
    "DL": Code("102536004", "SCT", "left lateral decubitus", "LeftLateralDecubitus"),
}

# 2026-11-30: many PET scanners write Patient Position, as CT and MR do. In PET the sequence has to be there, and
# Patient Position shall not stand beside it, empty or not (C.7.3.1); so it is said in codes, and nothing is lost.
# The letters are those of the defined terms (C.7.3.1.1.2), whose meanings are the codes'.
#
# And the modifier is found beside the item that it modifies, or in the item of the gantry; the gantry in the item of
# the orientation. They are put where they belong: nobody looks for them elsewhere, and the item alone says that the
# patient lay, and not on which side.


@per_series(ORIENTATION, module=MODULE, sticky=True)
def patient_orientation_code_sequence(authoring: Authoring) -> Element | list[dict[str, Any]] | None:
    """Return the source's items, the first with its modifier wherever that stood; else what Patient Position says."""
    side = _SIDE.get(_position(authoring)[2:])
    own = _items(_said(authoring, ORIENTATION))
    if not own:
        return [coded(_RECUMBENT) | {MODIFIER: [coded(side)]}] if side else None
    modifier = _inside(own, MODIFIER) or _said(authoring, MODIFIER)
    modifier = modifier or _inside(_items(_said(authoring, GANTRY)), MODIFIER)
    if modifier is None and side and _is_recumbent(own[0]):
        modifier = encode(MODIFIER, [coded(side)])
    first = [e for e in own[0] if e.keyword != MODIFIER] + ([modifier] if modifier else [])
    return _legal(authoring, ORIENTATION, [first, *own[1:]], GANTRY)


@per_series(GANTRY, module=MODULE, sticky=True)
def patient_gantry_relationship_code_sequence(authoring: Authoring) -> Element | list[dict[str, Any]] | None:
    """Return the source's items, wherever they stood; else what its Patient Position says."""
    own = _said(authoring, GANTRY) or _inside(_items(_said(authoring, ORIENTATION)), GANTRY)
    first = _FIRST.get(_position(authoring)[:2])
    found = _legal(authoring, GANTRY, _items(own), MODIFIER)
    return found or ([coded(first)] if first else None)


def _said(authoring: Authoring, keyword: str) -> Element | None:
    """Return a sequence of the source that has items."""
    element = authoring.source.agreement(tag_of(keyword)).element
    return element if element is not None and _items(element) else None


def _items(element: Element | None) -> Sequence[Sequence[Element]]:
    return () if element is None else items_of(element) or ()


def _inside(items: Sequence[Sequence[Element]], keyword: str) -> Element | None:
    """Return a sequence that has items, in the first item of another one."""
    return next((e for e in (items[0] if items else ()) if e.keyword == keyword and _items(e)), None)


def _is_recumbent(item: Sequence[Element]) -> bool:
    """Whether a code is that of lying, in this scheme or in the one before it."""
    return any(e.keyword == "CodeValue" and e.stripped() in _RECUMBENT_VALUES for e in item)


def _legal(authoring: Authoring, keyword: str, items: Sequence[Sequence[Element]], elsewhere: str) -> Element | None:
    """Return items as far as they are legal, without what belongs elsewhere."""
    tag = tag_of(keyword)
    packed = [pack_item(e for e in item if e.keyword != elsewhere) for item in items]
    whole = own_items(authoring, Element(tag, "SQ", b"".join(packed)))
    return Element(tag, "SQ", whole) if whole else None


def _position(authoring: Authoring) -> str:
    """Patient Position, where it is a defined term; else nothing."""
    said = authoring.source.text("PatientPosition")
    return said if said[:2] in _FIRST and said[2:] in _SIDE else ""

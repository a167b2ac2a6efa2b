"""NM/PET patient orientation: how the patient lay, in codes (PS3.3 C.8.4.6)."""

from __future__ import annotations

from typing import Any

from codes import Code
from derive.authoring.entities.registry import per_series
from derive.authoring.entities.values import coded, own_items
from derive.authoring.order import Authoring
from derive.elements.element import Element, tag_of

MODULE = "nm-pet-patient-orientation"
#: CID 19; every position of C.7.3.1.1.2 is one of lying.
_RECUMBENT = Code("102538003", "SCT", "recumbent", "Recumbent")
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


@per_series("PatientOrientationCodeSequence", module=MODULE, sticky=True)
def patient_orientation_code_sequence(authoring: Authoring) -> Element | list[dict[str, Any]] | None:
    """Return the source's items; where it has none, what its Patient Position says."""
    own = _own(authoring, "PatientOrientationCodeSequence")
    side = _SIDE.get(_position(authoring)[2:])
    if own is not None or side is None:
        return own
    return [coded(_RECUMBENT) | {"PatientOrientationModifierCodeSequence": [coded(side)]}]


@per_series("PatientGantryRelationshipCodeSequence", module=MODULE, sticky=True)
def patient_gantry_relationship_code_sequence(authoring: Authoring) -> Element | list[dict[str, Any]] | None:
    """Return the source's items; where it has none, what its Patient Position says."""
    own = _own(authoring, "PatientGantryRelationshipCodeSequence")
    first = _FIRST.get(_position(authoring)[:2])
    return own if own is not None or first is None else [coded(first)]


def _own(authoring: Authoring, keyword: str) -> Element | None:
    items = own_items(authoring, authoring.source.agreement(tag_of(keyword)).element)
    return Element(tag_of(keyword), "SQ", items) if items else None


def _position(authoring: Authoring) -> str:
    """Patient Position, where it is a defined term; else nothing."""
    said = authoring.source.text("PatientPosition")
    return said if said[:2] in _FIRST and said[2:] in _SIDE else ""

"""Attributes beside an IOD that tell volumes apart: a Standard Extended SOP Class may have them (PS3.2 7.3).

*2026-12-01.* A b-value and the direction of a gradient are attributes of multi-frame MR alone, and all makers write
them in single frames too. Without them the volumes of a result are told apart by the time of day, and nobody knows
which is which.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from pydicom.datadict import dictionary_VM, dictionary_VR

from derive.authoring.order import Authoring
from derive.authoring.policy import Action, Row
from derive.elements.element import tag_of
from derive.errors import UsageError
from derive.model.classes import class_in_form, target_of
from derive.model.derivation import GeometryEffect
from derive.model.dimension import dimension_kinds
from derive.model.functional_groups import macros
from derive.standard import AttributeRule

MODULE = "standard-extended"
_REASON = "tells this volume from others, which the IOD has no attribute for"
_ALWAYS = {**{effect.value: Action.PULL for effect in GeometryEffect}, "new_plane": Action.PULL}


def extended_of(authoring: Authoring) -> Iterator[tuple[AttributeRule, Row]]:
    """Give the rules of attributes of ``dimensions.tsv`` that the source says and single frames have no place for."""
    if authoring.target.container != "single" or not authoring.source.frames or authoring.derivation.passes:
        return
    iod = authoring.target.iod
    for keyword, kind in dimension_kinds().items():
        wanted = kind.kind in ("measure", "direction") and keyword in _of_frames(iod.sop_class_uid)
        if wanted and keyword not in iod.attributes:
            tag = tag_of(keyword)
            if tag in authoring.source.tags:
                rule = AttributeRule(keyword, tag, dictionary_VR(tag), dictionary_VM(tag), "3", MODULE, "Image", ())
                yield rule, Row(MODULE, keyword, _ALWAYS, Action.DROP, False, "", "PS3.2 7.3", _REASON)


@cache
def _of_frames(sop_class_uid: str) -> frozenset[str]:
    """Keywords of what frames of the multi-frame class of the same modality say; none of a class without one."""
    try:
        iod = target_of(class_in_form(sop_class_uid, "enhanced")).iod
    except UsageError:
        return frozenset()
    said = (macros()[rule.tag] for rule in iod.attributes.values() if rule.tag in macros())
    return frozenset(leaf.keyword for macro in said for leaf in macro.leaves)

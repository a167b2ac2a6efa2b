"""What frames say beyond the IOD of their new instances, and is kept: what tells volumes apart, and all that passes.

A derivation leaves out what the IOD of its result does not have, but for what tells its volumes apart: no module of
single-frame MR has a b-value, all vendors write it, and without it nobody could tell (2026-12-01). Where pixels pass as
they are, all that was said of them is still so: retired attributes, those of other editions, private ones.
Single-frame images say it themselves, as a Standard Extended SOP Class may (PS3.2 3.11.1); legacy-converted ones in
groups that are there for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache, partial

from derive.authoring.entities.registry import Builder
from derive.authoring.order import Authoring, Frame
from derive.authoring.policy import Action, Row
from derive.elements.element import Element, is_standard, keyword_of, tag_of, tag_told
from derive.elements.encoding import numbers_of
from derive.errors import UsageError
from derive.model.classes import class_in_form, target_of
from derive.model.derivation import GeometryEffect
from derive.model.dimension import Dimension, dimension_kinds, is_set
from derive.model.functional_groups import UNIT_DIRECTIONS, macros
from derive.model.remark import Remark
from derive.standard import AttributeRule

MODULE = "passed"
#: What speaks of the multi-frame instance that a frame was in, and not of the frame (C.7.6.16, C.7.6.17).
OF_THE_FORM = frozenset(
    map(
        tag_of,
        (
            "NumberOfFrames",
            "FrameIncrementPointer",
            "RepresentativeFrameNumber",
            "ConcatenationUID",
            "SOPInstanceUIDOfConcatenationSource",
            "InConcatenationNumber",
            "InConcatenationTotalNumber",
            "ConcatenationFrameOffsetNumber",
            "DimensionOrganizationType",
            "DimensionOrganizationSequence",
            "DimensionIndexSequence",
            "DimensionIndexValues",
            "StackID",
            "InStackPositionNumber",
            "FrameType",
            "FrameAcquisitionDuration",
            "SourceImageEvidenceSequence",
            "ReferencedImageEvidenceSequence",
        ),
    )
)
#: What multi-frame instances say where there is nothing to say (C.8.16.2.1).
_NOTHING = {
    tag_of("PixelPresentation"): b"MONOCHROME",
    tag_of("VolumetricProperties"): b"VOLUME",
    tag_of("VolumeBasedCalculationTechnique"): b"NONE",
    tag_of("PresentationLUTShape"): b"IDENTITY",
}
_PASSES = {effect.value: Action.PULL for effect in GeometryEffect}
_BUILT = {effect.value: Action.RECOMPUTE for effect in GeometryEffect}


def outsiders(authoring: Authoring) -> Iterator[tuple[AttributeRule, Row]]:
    """Rules of what the source says and no module of the IOD has; where anything is derived, of its dimensions."""
    if authoring.target.container != "single":
        return
    table, iod = authoring.source.table, authoring.target.iod
    known = {rule.tag for rule in iod.attributes.values()}
    beyond, why = {*table.constant, *table.varying} - known - OF_THE_FORM - macros().keys(), "true of the same pixels"
    if authoring.derivation.passes:  # 2026-12-01: Philips sends 0 0 0 with everything; at the top it would be a fault
        beyond -= {tag for tag in map(tag_of, UNIT_DIRECTIONS) if tag in beyond and _nowhere(table.column(tag), all)}
    else:
        own = {tag for d in authoring.frames.dimensions if (tag := tag_told(d.keyword)) and is_standard(tag)}
        beyond &= own | {tag for tag in _telling(iod.sop_class_uid) if not _nowhere(table.column(tag))}
        why = "it tells volumes apart"
    for tag in sorted(beyond):
        found = [e for e in table.column(tag) if e is not None]
        if found and {e.stripped() for e in found} != {_NOTHING.get(tag)}:
            keyword = keyword_of(tag)
            reason = f"{why}; no module of {iod.name} has it"
            row = Row(MODULE, keyword, _PASSES, None, False, "", "", reason)
            yield AttributeRule(keyword, tag, found[0].vr, "1-n", "3", MODULE, "Image", ()), row


def said_by_dimensions(authoring: Authoring) -> Iterator[tuple[AttributeRule, Row, Builder]]:
    """Rules of what tells volumes apart that no image said and no module of the IOD has: b-values of a file, say."""
    if authoring.target.container != "single" or authoring.derivation.passes:
        return
    table, iod = authoring.source.table, authoring.target.iod
    for dimension in authoring.frames.dimensions:
        keyword = dimension.keyword
        if not is_set(keyword) or keyword in iod.attributes:
            continue
        if any(e is not None for e in table.column(tag_of(keyword))):
            continue
        row = Row(
            MODULE, keyword, _BUILT, None, False, "", "", f"it tells volumes apart; no module of {iod.name} has it"
        )
        rule = AttributeRule(keyword, tag_of(keyword), "FD", "1-n", "3", MODULE, "Image", ())
        yield rule, row, Builder(MODULE, keyword, partial(_of_volume, dimension), "frame")


def _of_volume(dimension: Dimension, _: Authoring, frame: Frame) -> list[float] | None:
    value = dimension.values[frame.volume]
    return None if value is None or isinstance(value, str) else list(value) if isinstance(value, tuple) else [value]


def _nowhere(column: Sequence[Element | None], of: Callable[[Iterable[bool]], bool] = any) -> bool:
    """Whether some, or all, images say a direction of length zero, which is none: validators take it for a fault."""
    said = (numbers_of(e) for e in column if e is not None)
    return of(len(numbers) > 1 and not any(numbers) for numbers in said)


@cache
def _telling(sop_class_uid: str) -> frozenset[int]:
    """Tags of what was set for a volume, of what frames of the multi-frame class say: of a single volume too."""
    try:
        iod = target_of(class_in_form(sop_class_uid, "enhanced")).iod
    except UsageError:
        return frozenset()
    said = (macros()[rule.tag] for rule in iod.attributes.values() if rule.tag in macros())
    leaves = {leaf.keyword for macro in said for leaf in macro.leaves}
    return frozenset(tag_of(k) for k in dimension_kinds() if k in leaves and is_set(k))


#: Why an attribute is as it is where the pixels pass, whatever a derivation would make of it.
_REASONS = {
    Action.PULL: "said of the same pixels",
    Action.RECOMPUTE: "is of the new instance, or follows from what its frames say",
}


def told_of_passing(authoring: Authoring, row: Row) -> Row:
    """Return a row of the policy with the reason for what it does where the pixels pass; as it is of a derivation."""
    reason = _REASONS.get(row.passes) if authoring.derivation.passes else None
    return row if reason is None else replace(row, reason=reason)


def read_unlike(authoring: Authoring) -> tuple[Remark, ...]:
    """Say that frames of one instance that keep their slopes are shown wrong by readers that know the first alone.

    *2026-12-01.* Pixels that pass keep their stored values, and so the slope of each frame; PET has one a slice.
    SimpleITK, GDCM and dcm2niix take that of the first frame for all frames of an instance. To store the values anew
    would be a derivation: what is derived has one slope, and single frames are read alike by all.
    """
    pairs = set(zip(authoring.order.stored.slopes, authoring.order.stored.intercepts, strict=True))
    if not authoring.derivation.passes or authoring.target.container != "functional" or len(pairs) < 2:
        return ()
    return (Remark("SRC-SLOPES", "RescaleSlope", "SimpleITK, GDCM and dcm2niix take that of the first frame for all"),)

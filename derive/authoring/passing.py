"""What frames that pass say beyond the IOD of their new instances: true of the same pixels, and so kept.

A derivation leaves out what the IOD of its result does not have. Where the pixels pass as they are, all that was said
of them is still so: retired attributes, those of other editions, private ones, b-values. Single-frame images say it
themselves, as a Standard Extended SOP Class may (PS3.2 3.11.1); legacy-converted ones in groups that are there for it.
"""

from __future__ import annotations

from collections.abc import Iterator

from derive.authoring.order import Authoring
from derive.authoring.policy import Action, Row
from derive.elements.element import keyword_of, tag_of
from derive.model.derivation import GeometryEffect
from derive.model.functional_groups import macros
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


def outsiders(authoring: Authoring) -> Iterator[tuple[AttributeRule, Row]]:
    """Rules of what the source says and no module of the IOD has; nothing where anything is derived."""
    if not authoring.derivation.passes or authoring.target.container != "single":
        return
    table, iod = authoring.source.table, authoring.target.iod
    known = {rule.tag for rule in iod.attributes.values()}
    for tag in sorted({*table.constant, *table.varying} - known - OF_THE_FORM - macros().keys()):
        found = [e for e in table.column(tag) if e is not None]
        if found and {e.stripped() for e in found} != {_NOTHING.get(tag)}:
            keyword = keyword_of(tag)
            reason = f"true of the same pixels; no module of {iod.name} has it"
            row = Row(MODULE, keyword, _PASSES, None, False, "", "", reason)
            yield AttributeRule(keyword, tag, found[0].vr, "1-n", "3", MODULE, "Image", ()), row

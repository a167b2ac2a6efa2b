"""Converted instances: what they were before, and who gave them another form (PS3.3 C.12.1, C.12.1.1.5, CID 7005)."""

from __future__ import annotations

import codes
from derive.authoring.entities.registry import per_frame
from derive.authoring.entities.values import coded
from derive.authoring.order import Authoring, Frame
from derive.elements.element import Element, tag_of
from derive.elements.encoding import encode, pack_item
from derive.model.source_frame import Reference
from derive.version import MANUFACTURER, MODEL, VERSION

#: What equipment did that made single frames of multi-frame instances, and the other way.
EXTRACTED, JOINED = "FrameExtractingEquipment", "EnhancedMultiFrameConversionEquipment"

# 2026-12-01: a Source Image (C.12.4) is what an image was derived from, and nothing was: so the references to what the
# pixels were in before are Conversion Source Attributes, of the instance where it has single frames or the class has no
# functional group for them, else of each frame.


@per_frame("ConversionSourceAttributesSequence")
def conversion_source_attributes_sequence(authoring: Authoring, frame: Frame) -> Element | None:
    """Return the instances, and of multi-frame ones the frames, that the pixels were in before."""
    if not authoring.derivation.passes:
        return None
    found: dict[Reference, list[int]] = {}
    for ref in frame.contributors:
        found.setdefault(authoring.sources.reference(ref), []).extend(authoring.sources.numbers((ref,)))
    items = b"".join(_item(reference, numbers) for reference, numbers in found.items())
    return Element(tag_of("ConversionSourceAttributesSequence"), "SQ", items) if items else None


def _item(reference: Reference, numbers: list[int]) -> bytes:
    said = {
        "ReferencedSOPClassUID": reference.sop_class_uid,
        "ReferencedSOPInstanceUID": reference.sop_instance_uid,
        **({"ReferencedFrameNumber": numbers} if numbers else {}),
    }
    return pack_item([encode(keyword, value) for keyword, value in said.items()])


def converting_item(authoring: Authoring) -> bytes:
    """Return the item of Contributing Equipment Sequence that says who gave the pixels another form."""
    purpose = EXTRACTED if authoring.target.container == "single" else JOINED
    said = {
        "Manufacturer": MANUFACTURER,
        "ManufacturerModelName": MODEL,
        "SoftwareVersions": VERSION,
        **({"ContributionDateTime": authoring.now.strftime("%Y%m%d%H%M%S.%f")} if authoring.dated else {}),
        "ContributionDescription": "the same pixels in instances of another form",
        "PurposeOfReferenceCodeSequence": [coded(codes.context_group(7005).find(purpose))],
    }
    return pack_item([encode(keyword, value) for keyword, value in said.items()])

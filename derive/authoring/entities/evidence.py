"""Where an archive finds what the groups of a multi-frame image refer to (PS3.3 C.8.13.1, C.8.15.2)."""

from __future__ import annotations

from derive.authoring.entities.references import uids_in
from derive.authoring.entities.registry import per_frame
from derive.authoring.order import Authoring, Frame
from derive.elements.element import Element, tag_of
from derive.elements.encoding import encode, encode_item


@per_frame("SourceImageEvidenceSequence")
def source_image_evidence_sequence(authoring: Authoring, frame: Frame) -> Element | None:
    """Return, by study and series, every instance that the Derivation Image groups of the frames refer to."""
    return _evidence(authoring, frame, "SourceImageEvidenceSequence", "DerivationImageSequence")


@per_frame("ReferencedImageEvidenceSequence")
def referenced_image_evidence_sequence(authoring: Authoring, frame: Frame) -> Element | None:
    """Return, by study and series, every instance that the Referenced Image groups of the frames refer to."""
    return _evidence(authoring, frame, "ReferencedImageEvidenceSequence", "ReferencedImageSequence")


def _evidence(authoring: Authoring, frame: Frame, keyword: str, macro: str) -> Element | None:
    tag = tag_of(macro)
    said = dict.fromkeys(groups[tag] for groups in frame.groups if tag in groups)
    wanted = dict.fromkeys(uid for element in said for uid in sorted(uids_in(element)))
    known = authoring.sources.known
    found: dict[tuple[str, str], list[bytes]] = {}
    for uid in wanted:
        if uid in known:
            where = known[uid]
            item = {"ReferencedSOPClassUID": where.sop_class_uid, "ReferencedSOPInstanceUID": uid}
            found.setdefault((where.study_instance_uid, where.series_instance_uid), []).append(encode_item(item))
    studies: dict[str, list[bytes]] = {}
    for (study, series), items in found.items():
        studies.setdefault(study, []).append(encode_item({"ReferencedSOPSequence": items, "SeriesInstanceUID": series}))
    items = [
        encode_item({"ReferencedSeriesSequence": each, "StudyInstanceUID": study}) for study, each in studies.items()
    ]
    return encode(keyword, items) if items else None

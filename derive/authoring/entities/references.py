"""References: what was done, to which images, and where an archive finds them (PS3.3 C.12.2, C.12.4)."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache, lru_cache
from typing import Any

from pydicom.sequence import Sequence as Items

import codes
from codes import Code
from derive.authoring.entities.registry import per_frame, per_series
from derive.authoring.entities.values import coded, own_items
from derive.authoring.order import Authoring, Frame
from derive.elements.element import Element, tag_of
from derive.elements.encoding import decode, encode, encode_item, pack_item
from derive.elements.instance import items_of
from derive.errors import AssembleError
from derive.model.assumption import recorded
from derive.model.derivation import GeometryEffect
from derive.model.evidence import OWN_STUDY, WITH_STUDY
from derive.model.reference import FrameRef
from derive.model.source import Attributes
from derive.model.source_frame import Reference
from derive.model.transform import Transform

LONGEST_ST = 1024
#: Stands where something of the source's description was left out.
ELISION = "[...]"
_UID = tag_of("ReferencedSOPInstanceUID")
_FRAMES = tag_of("ReferencedFrameNumber")
_OTHERS = tag_of("ReferencedImageSequence")
_ELSEWHERE = tag_of("StudiesContainingOtherReferencedInstancesSequence")
SOURCE_PURPOSE = "SourceImageForImageProcessingOperation"
UNCOMPRESSED_PREDECESSOR, LOSSY_PREDECESSOR = "UncompressedPredecessor", "LossyCompressedPredecessor"


@per_series("DerivationDescription")
def derivation_description(authoring: Authoring) -> str | None:
    """Return the source's own description, then a call a step; what does not fit of the source's is left out.

    Raises
    ------
    AssembleError
        ``ASM-LONG`` if our own steps take more than the 1024 characters of the attribute.
    """
    ours = "; ".join(filter(None, (recorded(authoring.source.assumed), authoring.derivation.description)))
    if not ours:
        return None
    if len(ours) > LONGEST_ST:
        raise AssembleError(
            "ASM-LONG",
            f"Derivation Description (0008,2111) would have {len(ours)} characters and holds {LONGEST_ST}; "
            "shorten a description or the parameters of a function, or derive in several runs",
        )
    source = authoring.source.text("DerivationDescription")
    if not source:
        return ours
    whole, cut = f"{source}; {ours}", f"{ELISION}; {ours}"
    if len(whole) <= LONGEST_ST:
        return whole
    room = LONGEST_ST - len(cut) - 1
    return f"{source[:room]} {cut}" if room > 0 else ours


@per_series("DerivationCodeSequence")
def derivation_code_sequence(authoring: Authoring) -> Element | None:
    """Return the source's own items, then one a step, of CID 7203 or a complete extension of it."""
    tag = tag_of("DerivationCodeSequence")
    own = authoring.source.agreement(tag).element
    group = codes.context_group(7203)
    ours = encode("DerivationCodeSequence", [coded(c, group) for c in authoring.derivation.codes], authoring.encodings)
    items = own_items(authoring, own) + ours.value
    return Element(tag, "SQ", items) if items else None


@per_frame("SourceImageSequence")
def source_image_sequence(authoring: Authoring, frame: Frame) -> Element | None:
    """Return the sources of the contributors, then the contributors: nothing that did not enter this image.

    Of a multi-frame instance those of its frames are named that did (C.12.4, Table 10-3), an item each: there are
    readers that take one number an item, and no more. Spatial Locations Preserved is YES only for the source slice at
    the very place of this one, and only where it is known, or said, that nothing was moved within it.
    """
    tag = tag_of("SourceImageSequence")
    own = _own_items(authoring, frame)
    sources, staying = authoring.sources, _staying(authoring, frame)
    said = ((c, _purpose_of(authoring, c), _preserved(authoring, staying, c)) for c in frame.contributors)
    ours = [_source_item(sources.reference(c), purpose, kept, sources.numbers((c,))) for c, purpose, kept in said]
    # Slices that lie side by side in an instance refer to it once.
    return Element(tag, "SQ", b"".join([*own, *dict.fromkeys(ours)])) if own or ours else None


def _purpose_of(authoring: Authoring, contributor: FrameRef) -> Code | None:
    """Return why a source is referred to; of what was only compressed with loss, what it was before (CID 7202)."""
    sources = authoring.sources
    if not authoring.derivation.only_compressed:
        return sources.purpose(contributor)
    before = sources.all[contributor.source]
    lossy = before.value("LossyImageCompression", contributor.frame) == "01" or before.frames[contributor.frame].lossy
    return codes.context_group(7202).find(LOSSY_PREDECESSOR if lossy else UNCOMPRESSED_PREDECESSOR)


@per_series("SourceInstanceSequence")
def source_instance_sequence(authoring: Authoring) -> Element | None:
    """Return the registration objects that steps were done by: no images, and no pixels.

    *2026-12-01.* The standard has no purpose for them (the attribute asks for none), and the module is none of Enhanced
    images: these list them where an archive finds every instance, in Referenced Series Sequence. So do those of the
    source's own steps.
    """
    items = [_reference_item(r.sop_class_uid, r.sop_instance_uid) for r in _registrations(authoring)]
    return Element(tag_of("SourceInstanceSequence"), "SQ", b"".join(items)) if items else None


def _registrations(authoring: Authoring) -> list[Reference]:
    """Registration objects that the steps were given."""
    given = (value for step in authoring.derivation.steps for value in step.parameters.values())
    found = [value.reference for value in given if isinstance(value, Transform) and value.reference is not None]
    return list(dict.fromkeys(found))


def _staying(authoring: Authoring, frame: Frame) -> frozenset[FrameRef]:
    """Return the contributors that lie where an image does, or where one of its frames does that they entered."""
    slices, at_its_place = authoring.frames.slices, authoring.sources.at_its_place
    members = frame.frames or (frame,)
    return frozenset(c for m in members for c in m.contributors if at_its_place(c, m.place, slices))


def _preserved(authoring: Authoring, staying: Collection[FrameRef], contributor: FrameRef) -> str:
    """Whether a contributor's pixels are where they were: YES, NO, or nothing where nobody knows.

    *2026-11-30.* A function of a user's own may mirror what it returns on the same grid, and so may whoever wrote a
    file. YES would then put a finding on the other side.
    """
    kept = authoring.derivation.geometry_effect is GeometryEffect.KEEPS_GRID
    if authoring.sources.tiled(contributor):
        return "NO"  # the image that is referred to lies elsewhere as a whole
    if not kept or contributor not in staying:
        return "NO"
    return "YES" if authoring.derivation.places_known else authoring.given.spatial_locations_preserved


def _own_items(authoring: Authoring, frame: Frame) -> list[bytes]:
    """Source Image items of the contributors themselves, one for each image they name.

    What stayed in its place then stays only if it does so now too: in the contributor at this very place.
    """
    tag, sources = tag_of("SourceImageSequence"), authoring.sources.all
    found: dict[bytes, bytes] = {}
    if not any(_has(s, tag) for s in sources):
        return []
    located, staying = _located(authoring, frame), _staying(authoring, frame)
    for contributor in frame.contributors:
        value = own_items(authoring, sources[contributor.source].table.element(tag, contributor.frame))
        preserved = _preserved(authoring, staying, contributor)
        for uid, number, item in _placed(Element(tag, "SQ", value), preserved):
            if uid in located and (preserved != "NO" or uid + number not in found):
                found[uid + number] = item
    return list(found.values())


def _located(authoring: Authoring, frame: Frame) -> frozenset[bytes]:
    """UIDs of instances of which the contributors say in which series, and study, they are (C.12.2).

    *2026-11-30.* An image of which nobody knows the series can be found by no archive. It is not listed beside those
    that can: the contributors, which are listed, name it.
    """
    found = [
        authoring.sources.all[c.source].table.element(tag, c.frame)
        for c in frame.contributors
        for tag in (OWN_STUDY, *WITH_STUDY)
    ]
    return frozenset().union(*(uids_in(e) for e in dict.fromkeys(found) if e is not None))


@lru_cache(maxsize=4096)
def uids_in(element: Element) -> frozenset[bytes]:
    """UIDs of the instances that a sequence refers to, at whatever depth."""
    if element.tag == _UID:
        return frozenset([element.stripped()])
    if element.vr != "SQ":
        return frozenset()
    return frozenset().union(*(uids_in(e) for item in items_of(element) or () for e in item))


def _has(source: Attributes, tag: int) -> bool:
    return tag in source.table.constant or tag in source.table.varying


@lru_cache(maxsize=4096)
def _placed(sources: Element, preserved: str) -> tuple[tuple[bytes, bytes, bytes], ...]:
    """UID, frames and encoded item of each source; a claim that locations are preserved stays only where it is true."""
    uid_tag, claim = tag_of("ReferencedSOPInstanceUID"), encode("SpatialLocationsPreserved", "YES")
    instead = {"YES": [claim], "NO": [encode("SpatialLocationsPreserved", "NO")]}.get(preserved, [])
    placed = []
    for item in items_of(sources) or ():
        uid = next((e.stripped() for e in item if e.tag == uid_tag), b"")
        elements = [now for e in item for now in (instead if e == claim else [e])]
        number = next((b"\\" + e.stripped() for e in item if e.tag == _FRAMES), b"")
        placed.append((uid, number, pack_item(elements)))
    return tuple(placed)


@lru_cache(maxsize=65536)
def _source_item(reference: Reference, purpose: Code | None, preserved: str, numbers: tuple[int, ...] = ()) -> bytes:
    places = [_text("SpatialLocationsPreserved", preserved)] if preserved else []
    frames = [encode("ReferencedFrameNumber", list(numbers))] if numbers else []
    identity = _identity(reference.sop_class_uid, reference.sop_instance_uid)
    return pack_item(sorted([*identity, *frames, *places, _purpose(purpose)], key=lambda e: e.tag))


@lru_cache(maxsize=65536)
def _reference_item(sop_class_uid: str, sop_instance_uid: str) -> bytes:
    return pack_item(_identity(sop_class_uid, sop_instance_uid))


def _identity(sop_class_uid: str, sop_instance_uid: str) -> list[Element]:
    return [_text("ReferencedSOPClassUID", sop_class_uid), encode("ReferencedSOPInstanceUID", sop_instance_uid)]


@cache
def _purpose(purpose: Code | None) -> Element:
    """Encode what a source was for; the principal one was there to be processed."""
    chosen = purpose or codes.context_group(7202).find(SOURCE_PURPOSE)
    return encode("PurposeOfReferenceCodeSequence", [coded(chosen)])


@lru_cache(maxsize=256)
def _text(keyword: str, text: str) -> Element:
    return encode(keyword, text)


@per_frame("ReferencedSeriesSequence")
def referenced_series_sequence(authoring: Authoring, frame: Frame) -> Element | None:
    """Return, by series, every instance that this image references in its own study (C.12.2)."""
    series = _by_study(authoring, frame).get(authoring.source.text("StudyInstanceUID"))
    return encode("ReferencedSeriesSequence", _series_items(series)) if series else None


@per_frame("StudiesContainingOtherReferencedInstancesSequence")
def studies_containing_other_referenced_instances_sequence(authoring: Authoring, frame: Frame) -> Element | None:
    """Return, by study and series, every instance that this image references in other studies (C.12.2)."""
    studies = _by_study(authoring, frame)
    studies.pop(authoring.source.text("StudyInstanceUID"), None)
    items = [
        encode_item({"ReferencedSeriesSequence": _series_items(series), "StudyInstanceUID": study})
        for study, series in studies.items()
    ]
    return encode("StudiesContainingOtherReferencedInstancesSequence", items) if items else None


#: Items that refer to instances, by series, by study.
_Studies = dict[str, dict[str, dict[bytes, None]]]


def _by_study(authoring: Authoring, frame: Frame) -> _Studies:
    """Return every instance that an image references: what its contributors do, and they themselves."""
    studies: _Studies = {}
    sources = authoring.sources
    for place, source in enumerate(sources.all):
        own, contributors = source.text("StudyInstanceUID"), [c for c in frame.contributors if c.source == place]
        for element in _inherited(source, contributors, whole=place == 0):
            for study, uid, items in _referenced(element, own):
                studies.setdefault(study, {}).setdefault(uid, {}).update(dict.fromkeys(items))
    for reference in (
        *_registrations(authoring),
        *_beside(authoring, frame),
        *map(sources.reference, frame.contributors),
    ):
        item = _reference_item(reference.sop_class_uid, reference.sop_instance_uid)
        series = studies.setdefault(reference.study_instance_uid, {})
        series.setdefault(reference.series_instance_uid, {})[item] = None
    return studies


def _beside(authoring: Authoring, frame: Frame) -> list[Reference]:
    """Localizers and others that the contributors refer to, as far as they were found beside them."""
    element, known = authoring.source.agreement(_OTHERS, frame.contributors).element, authoring.sources.known
    return [known[uid] for uid in sorted(uids_in(element)) if uid in known] if element is not None else []


def _series_items(series: dict[str, dict[bytes, None]]) -> list[bytes]:
    return [
        encode_item({"ReferencedInstanceSequence": list(items), "SeriesInstanceUID": uid})
        for uid, items in series.items()
    ]


def _inherited(source: Attributes, contributors: list[FrameRef], *, whole: bool) -> list[Element]:
    """What the contributors of a source say that they reference, each once; with `whole` also what all of it says."""
    found: dict[Element, None] = {}
    for tag in (OWN_STUDY, _ELSEWHERE):
        constant = source.table.constant.get(tag) if whole else None
        own = (source.table.element(tag, c.frame) for c in contributors) if _has(source, tag) else ()
        found.update(dict.fromkeys(e for e in (constant, *own) if e is not None))
    return list(found)


@lru_cache(maxsize=4096)
def _referenced(element: Element, own_study: str) -> tuple[tuple[str, str, tuple[bytes, ...]], ...]:
    """Study, series and items of what is referenced, in the study of who does, or in others."""
    found: Items = decode(element) or Items()
    studies: list[tuple[str, Any]] = [(own_study, found)]
    if element.tag == _ELSEWHERE:
        studies = [(str(s.get("StudyInstanceUID", "")), s.get("ReferencedSeriesSequence") or ()) for s in found]
    return tuple(
        (
            study,
            str(item.SeriesInstanceUID),
            tuple(
                _reference_item(str(r.ReferencedSOPClassUID), str(r.ReferencedSOPInstanceUID))
                for r in item.get("ReferencedInstanceSequence") or ()
                if "ReferencedSOPInstanceUID" in r and "ReferencedSOPClassUID" in r
            ),
        )
        for study, series in studies
        for item in series
        if study and "SeriesInstanceUID" in item
    )

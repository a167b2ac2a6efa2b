"""What an instance says of its sources: references, and the codes that go with them (PS3.3 C.12.4, C.12.2, 8.8)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import codes
from derive import standard
from derive.checking.finding import Finding
from derive.checking.instance import Judged
from derive.checking.judge import reads
from derive.elements.instance import Instance
from derive.told.secrecy import shown_term, shown_uid
from derive.told.wording import counted

_LOCATIONS = ("YES", "NO", "REORIENTED_ONLY")
#: Sequences of images that Common Instance Reference names again.
_IMAGES = ("SourceImageSequence", "ReferencedImageSequence")
_INSTANCES = (*_IMAGES, "SourceInstanceSequence", "ReferencedInstanceSequence")
_EXTENSION = (
    "ContextIdentifier",
    "MappingResource",
    "ContextGroupVersion",
    "ContextGroupLocalVersion",
    "ContextGroupExtensionCreatorUID",
)


@reads("ImageType", "SourceImageSequence", "DerivationCodeSequence", "DerivationDescription")
def _derivation(instance: Judged) -> Iterator[Finding]:
    kind = instance.texts("ImageType")[:1]
    sources = instance.items("SourceImageSequence")
    if kind == ["ORIGINAL"] and sources:
        message = f"has {len(sources)} items, and Image Type value 1 is ORIGINAL"
        yield instance.find("CHK-ORIGINAL", "SourceImageSequence", message)
    if kind != ["DERIVED"] or "SourceImageSequence" not in instance.iod.attributes:
        return
    if not (instance.items("DerivationCodeSequence") or instance.text("DerivationDescription")):
        message = "is absent, as is Derivation Description, from a derived image"
        yield instance.find("CHK-DERIVATION", "DerivationCodeSequence", message)
    if instance.element("SourceImageSequence") is None:
        yield instance.find("CHK-SOURCES", "SourceImageSequence", "is absent from a derived image")


@reads(*_IMAGES)
def _images(instance: Judged) -> Iterator[Finding]:
    """What is referenced as an image is one, its frames are numbered where it has several, and it is named once.

    Once for each purpose: a frame of a cine may be the mask of others, and have a mask itself.
    """
    for keyword in _IMAGES:
        seen: set[tuple[str, ...]] = set()
        for number, item in enumerate(instance.items(keyword), 1):
            path = f"{keyword}>item {number}"
            sop_class, uid = item.text("ReferencedSOPClassUID"), item.text("ReferencedSOPInstanceUID")
            purposes = (code.text("CodeValue") for code in item.items("PurposeOfReferenceCodeSequence"))
            frames = (*item.texts("ReferencedFrameNumber"), "", *item.texts("ReferencedSegmentNumber"))
            identity = (uid, *frames, "", *purposes)
            if sop_class and not standard.is_image(sop_class):
                message = f"is {shown_uid(sop_class)}, a class of no images"
                yield instance.find("CHK-REFERENCE-CLASS", f"{path}>ReferencedSOPClassUID", message)
            if item.element("ReferencedFrameNumber") is not None and standard.is_single_frame(sop_class):
                message = "is present, and the instance that is referenced is of a class of single frames"
                yield instance.find("CHK-REFERENCE-FRAME", f"{path}>ReferencedFrameNumber", message)
            if uid and identity in seen:
                message = f"{shown_uid(uid)} is referenced a second time"
                yield instance.find("CHK-REFERENCE-TWICE", f"{path}>ReferencedSOPInstanceUID", message)
            seen.add(identity)


@reads("SourceImageSequence", "SOPInstanceUID")
def _sources(instance: Judged) -> Iterator[Finding]:
    own = instance.text("SOPInstanceUID")
    for number, item in enumerate(instance.items("SourceImageSequence"), 1):
        path = f"SourceImageSequence>item {number}"
        if own and item.text("ReferencedSOPInstanceUID") == own:
            yield instance.find(
                "CHK-SELF", f"{path}>ReferencedSOPInstanceUID", f"is this instance itself, {shown_uid(own)}"
            )
        preserved = item.text("SpatialLocationsPreserved")
        if preserved and preserved not in _LOCATIONS:
            message = f"is {shown_term(preserved, standard.known_terms())}; wanted one of {', '.join(_LOCATIONS)}"
            yield instance.find("CHK-SOURCES-ITEM", f"{path}>SpatialLocationsPreserved", message)
        if len(item.items("PurposeOfReferenceCodeSequence")) > 1:
            message = "has more than one item; wanted one"
            yield instance.find("CHK-SOURCES-ITEM", f"{path}>PurposeOfReferenceCodeSequence", message)


@reads(*_INSTANCES, "ReferencedSeriesSequence", "StudiesContainingOtherReferencedInstancesSequence")
def _common(instance: Judged) -> Iterator[Finding]:
    """Every instance that is referenced is named again by series, in this study or another one."""
    referenced = {i.text("ReferencedSOPInstanceUID") for k in _INSTANCES for i in instance.items(k)} - {""}
    if not referenced:
        return
    named = set(_named(instance.items("ReferencedSeriesSequence")))
    for study in instance.items("StudiesContainingOtherReferencedInstancesSequence"):
        named |= set(_named(study.items("ReferencedSeriesSequence")))
    missing = sorted(referenced - named)
    if not named:
        message = "is absent: nothing tells in which series the images that are referenced are"
        yield instance.find("CHK-COMMONREF-NONE", "ReferencedSeriesSequence", message)
    elif missing:
        images = counted(len(referenced), "image")
        message = f"lacks {len(missing)} of {images} that are referenced, the first {shown_uid(missing[0])}"
        yield instance.find("CHK-COMMONREF", "ReferencedSeriesSequence", message)


def _named(series: Sequence[Instance]) -> Iterator[str]:
    for item in series:
        for reference in item.items("ReferencedInstanceSequence"):
            yield reference.text("ReferencedSOPInstanceUID")


@reads("DerivationCodeSequence", "SourceImageSequence", "ContributingEquipmentSequence")
def _codes(instance: Judged) -> Iterator[Finding]:
    for number, item in enumerate(instance.items("DerivationCodeSequence"), 1):
        yield from _coded(instance, item, f"DerivationCodeSequence>item {number}", "7203")
    for keyword, group in (("SourceImageSequence", "7202"), ("ContributingEquipmentSequence", "7005")):
        seen: set[tuple[str, str, str]] = set()
        for number, item in enumerate(instance.items(keyword), 1):
            path = f"{keyword}>item {number}>PurposeOfReferenceCodeSequence"
            for purpose in item.items("PurposeOfReferenceCodeSequence"):
                identity = _identity(purpose)
                if identity not in seen:
                    yield from _coded(instance, purpose, path, group)
                seen.add(identity)


def _identity(item: Instance) -> tuple[str, str, str]:
    return item.text("CodeValue"), item.text("CodingSchemeDesignator"), item.text("CodeMeaning")


def _coded(instance: Judged, item: Instance, path: str, number: str) -> Iterator[Finding]:
    value, scheme, meaning = _identity(item)
    if not value or not scheme:
        return
    group = codes.context_group(number)
    current = {(c.value, c.scheme): c for c in group.codes}.get((value, scheme))
    if current is not None:
        if meaning and meaning.casefold() != current.meaning.casefold():
            message = f"is not what ({value}, {scheme}) means: {current.meaning!r}"
            yield instance.find("CHK-CODE-MEANING", f"{path}>CodeMeaning", message)
        return
    left = {(entry.code.value, entry.code.scheme): entry for entry in group.left}.get((value, scheme))
    extends = item.text("ContextGroupExtensionFlag") == "Y"
    if left is not None and not extends:
        where = ", ".join(f"CID {g}" for g in left.moved_to) or "no context group"
        message = f"({value}, {scheme}) has left CID {number} {group.name}; it is now in {where}"
        yield instance.find("CHK-CODE-LEFT", path, message)
    elif not extends:
        message = f"is not in CID {number} {group.name}, and no Context Group Extension Flag is Y"
        yield instance.find("CHK-CODE-GROUP", path, message)
    else:
        lacking = [k for k in _EXTENSION if not item.text(k)]
        if lacking:
            message = f"extends CID {number} without {', '.join(lacking)}"
            yield instance.find("CHK-CODE-EXTENSION", path, message)


#: Source images, derivation, common references and their codes.
JUDGES = (_derivation, _sources, _images, _common, _codes)
#: What is judged of frames.
OF_FRAMES = (_sources, _images, _codes)

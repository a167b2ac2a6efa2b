"""Where the attributes of a conversion come from: what the caller says, and what a reference knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from derive.authoring.order import SHIFTED
from derive.authoring.policy import known_across_classes
from derive.authoring.presence import excluded
from derive.conversion.given import Facts, Patient, Study, new_patient, split_settings
from derive.conversion.subject import Subject
from derive.elements.element import Element, tag_of
from derive.model.classes import target_of
from derive.model.segments import SEGMENTATION
from derive.model.source import GivenAttributes, SourceSeries
from derive.told.wording import flag

#: What else is known of the patient and the study of a picture that lies nowhere; and of what series it is of, so
#: that it stands near that one in a list: without a number viewers show it in front of all.
#: How texts are encoded, and what calendar the dates of the study are of.
_ABOUT_TEXT = frozenset(map(tag_of, ("SpecificCharacterSet", "TimezoneOffsetFromUTC", SHIFTED)))
_ABOUT_SERIES = frozenset({tag_of("SeriesNumber"), tag_of("SeriesDescription")})
_OF_REFERENCE = "that of the reference"
_SIDE = "Laterality"
_BODY = ("BodyPartExamined", _SIDE)


@dataclass(frozen=True)
class Said:
    """What the caller says.

    Parameters
    ----------
    settings : mapping keyword -> text
    patient : Patient, optional
    study : Study
    """

    settings: Mapping[str, str]
    patient: Patient | None
    study: Study


def of_nobody(subject: Subject, given: Said) -> tuple[GivenAttributes, Mapping[str, str]]:
    """Attributes of a volume that no image is behind, and what of the settings stands for itself.

    Raises
    ------
    UsageError
        ``GIV-PATIENT``, ``SET-...``.
    """
    iod = subject.target.iod
    said, others = split_settings(iod, given.settings, of_identity=True)
    facts = new_patient(given.patient) | given.study.attributes | said
    elements = Facts(facts, _concluded(subject, facts), subject.wishes.character_set).elements(iod)
    return GivenAttributes.of(*elements), others


def narrowed(subject: Subject, reference: SourceSeries, given: Said) -> tuple[SourceSeries, Mapping[str, str]]:
    """The images of a reference of another class: what is true of any class, what is said, and what follows."""
    shared = known_across_classes(target_of(reference.sop_class_uid).iod)
    shared -= {tag_of(keyword) for keyword in excluded(subject.target.iod)}
    if subject.wishes.kind == SEGMENTATION:  # each segment says of itself on which side it is
        shared -= {tag_of(_SIDE)}
    known = {k: "" for k in _BODY if tag_of(k) in shared and reference.agreement(tag_of(k)).element is not None}
    elements, rules, others = _beside(subject, reference, given, known)
    return reference.only(shared, elements, rules), others


def identity_of(subject: Subject, reference: SourceSeries, given: Said) -> tuple[GivenAttributes, Mapping[str, str]]:
    """Whose a picture is that lies nowhere: the patient and the study of a reference, and nothing of its images."""
    elements, rules, others = _beside(subject, reference, given, {})
    iod, constant = target_of(reference.sop_class_uid).iod, reference.table.constant
    shared = {r.tag for r in iod.attributes.values() if r.entity in ("Patient", "Study")} | _ABOUT_TEXT | _ABOUT_SERIES
    pulled = {tag: constant[tag] for tag in shared if tag in constant}
    pulled.setdefault(tag_of("SeriesNumber"), Element(tag_of("SeriesNumber"), "IS", b""))  # of a series all the same
    return GivenAttributes.of(pulled | elements, dict.fromkeys(pulled, _OF_REFERENCE) | rules), others


def _beside(
    subject: Subject, reference: SourceSeries, given: Said, known: Mapping[str, str]
) -> tuple[dict[int, Element], dict[int, str], Mapping[str, str]]:
    """What is said beside a reference, in its character set; and what stands for itself."""
    iod = subject.target.iod
    said, others = split_settings(iod, given.settings, of_identity=False)
    facts = Facts(said, _concluded(subject, {**known, **said}), encodings=tuple(reference.encodings))
    return *facts.elements(iod), others


def _concluded(subject: Subject, known: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """What follows from what was said, as keyword: (text, rule); nothing that is known already."""
    found = {
        "SOPClassUID": (subject.sop_class_uid, "the class for this modality and kind"),
        "Modality": (subject.modality, "said by the caller, or that of the reference; OT for pictures"),
    }
    if subject.target.units_keyword:
        found[subject.target.units_keyword] = (subject.quantity.units, f"what {flag('values')} and {flag('units')} say")
    if subject.samples.lossy:
        rule = "the file was compressed with loss"
        ratio, method = subject.samples.lossy
        found["LossyImageCompression"] = ("01", rule)
        found["LossyImageCompressionRatio"] = (ratio, rule)
        found["LossyImageCompressionMethod"] = (method, rule)
    if subject.wishes.kind != SEGMENTATION and not any(k in known for k in _BODY):  # segments say what they are
        found[_SIDE] = ("", "nobody said of what body part this is, and it may be one of a pair (C.7.3.1)")
    return {k: v for k, v in found.items() if k not in known}

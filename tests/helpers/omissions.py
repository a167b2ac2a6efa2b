"""What a de-identification can get wrong, one of each kind and more: the check has to find every one."""

from __future__ import annotations

from tests.helpers.by_hand import CT, ROOT, item, new_uid
from tests.helpers.planted import (
    DATES,
    Omission,
    behind,
    both_raw,
    claim,
    creator_alone,
    earlier,
    embedded_overlay,
    gone,
    in_item,
    kept,
    merged,
    merged_state,
    meta,
    of_another_day,
    orphan,
    private,
    put,
    raw,
    reference,
    split_series,
    un_sequence,
)

KEPT, PRESENT, PRIVATE, IDENTIFIER, VALUE = "DCK-KEPT", "DCK-PRESENT", "DCK-PRIVATE", "DCK-IDENTIFIER", "DCK-VALUE"
_CODES = "DeidentificationMethodCodeSequence"
_IMAGES = "ReferencedSeriesSequence.ReferencedImageSequence.ReferencedSOPInstanceUID"
_SAFE = "Philips PET Private Group"
_DESCRIPTORS = ("descriptors",)
OMISSIONS = [
    # values
    Omission("name", KEPT, "PatientName", kept("PatientName")),
    Omission("one component group of the name", KEPT, "PatientName", kept("PatientName")),
    Omission("patient id", KEPT, "PatientID", kept("PatientID")),
    Omission("birth date", KEPT, "PatientBirthDate", kept("PatientBirthDate")),
    Omission("sex", KEPT, "PatientSex", kept("PatientSex")),
    Omission("age", PRESENT, "PatientAge", kept("PatientAge")),
    Omission("age made older", PRESENT, "PatientAge", put("PatientAge", "060Y")),
    Omission("station", KEPT, "StationName", kept("StationName")),
    Omission("address", PRESENT, "InstitutionAddress", kept("InstitutionAddress")),
    Omission("address emptied, not removed", PRESENT, "InstitutionAddress", put("InstitutionAddress", "")),
    Omission("accession number", KEPT, "AccessionNumber", kept("AccessionNumber")),
    Omission("date", KEPT, "ContentDate", kept("ContentDate")),
    Omission("time", KEPT, "ContentTime", kept("ContentTime")),
    Omission("comments", PRESENT, "ImageComments", kept("ImageComments")),
    Omission("comments, other ones", PRESENT, "ImageComments", put("ImageComments", "fine")),
    Omission("one of two physicians", KEPT, "OperatorsName", put("OperatorsName", ["Nightjar^Nell", "REMOVED"])),
    Omission("group 0010 beyond the table", PRESENT, "(0010,9998)", raw(0x00109998, "LO", "anything")),
    Omission("name beyond the table", KEPT, "(0018,9998)", both_raw(0x00189998, "PN", "Rook^Ruth")),
    Omission("unstructured bytes", PRESENT, "(0042,9998)", raw(0x00429998, "OB", b"anything")),
    Omission("trailing padding", PRESENT, "DataSetTrailingPadding", raw(0xFFFCFFFC, "OB", b"Quillfeather")),
    # sequences
    Omission("sequence that has to go", PRESENT, "RequestAttributesSequence", kept("RequestAttributesSequence")),
    Omission(
        "nested id",
        PRESENT,
        "OtherPatientIDsSequence",
        put("OtherPatientIDsSequence", [item(PatientID="OLD4455667", TypeOfPatientID="TEXT")]),
    ),
    Omission(
        "nested in what stays",
        PRESENT,
        "ProcedureCodeSequence.PatientComments",
        in_item("ProcedureCodeSequence", "PatientComments", "x"),
    ),
    Omission(
        "original attributes",
        PRESENT,
        "OriginalAttributesSequence",
        put("OriginalAttributesSequence", [item(ModifyingSystem="x")]),
    ),
    Omission("icon", PRESENT, "IconImageSequence", kept("IconImageSequence")),
    # curves and overlays
    Omission("overlay", KEPT, "OverlayData", raw(0x60003000, "OW", b"\1\0")),
    Omission("overlay, another one", "DCK-TYPE", "OverlayRows", raw(0x60003000, "OW", b"\1\1")),
    Omission("overlay without its data", PRESENT, "OverlayDescription", raw(0x60020022, "LO", "words")),
    Omission("curve", PRESENT, "CurveData", raw(0x50003000, "OW", b"\1\0")),
    Omission("overlay in unused bits", "DCK-OVERLAY", "PixelData", embedded_overlay),
    # private
    Omission("private text", PRIVATE, '(0009,"(another creator)",01)', private(0x0009, "ACME SECRETS 1", 1, "LO", "x")),
    Omission(
        "private bytes", PRIVATE, '(0009,"(another creator)",02)', private(0x0009, "ACME SECRETS 1", 2, "OB", b"xy")
    ),
    Omission(
        "private, on no safe list", PRIVATE, f'(7053,"{_SAFE}",77)', private(0x7053, _SAFE, 0x77, "LO", "x"), DATES
    ),
    Omission("safe only elsewhere", PRIVATE, f'(7055,"{_SAFE}",00)', private(0x7055, _SAFE, 0, "DS", "1"), DATES),
    Omission("private sequence as UN", PRIVATE, f'(7053,"{_SAFE}",0F)', un_sequence, DATES),
    Omission("creator alone", "DCK-CREATOR-ALONE", "(7053,0010)", creator_alone, DATES),
    Omission("creator missing", "DCK-CREATOR", "(7053,1000)", orphan, DATES),
    Omission("creator renamed", "DCK-CREATOR-CHANGED", "(7053,0010)", raw(0x70530010, "LO", "ANONYMIZED"), DATES),
    # UIDs
    Omission("instance UID", "DCK-UID-KEPT", "SOPInstanceUID", kept("SOPInstanceUID")),
    Omission("study UID", "DCK-UID-KEPT", "StudyInstanceUID", kept("StudyInstanceUID")),
    Omission("frame of reference", "DCK-UID-KEPT", "FrameOfReferenceUID", kept("FrameOfReferenceUID")),
    Omission(
        "nested UID",
        "DCK-UID-KEPT",
        "ReferencedImageSequence.ReferencedSOPInstanceUID",
        kept("ReferencedImageSequence"),
    ),
    Omission("class", "DCK-UID-CLASS", "SOPClassUID", put("SOPClassUID", new_uid("1.2"))),
    Omission(
        "referenced class",
        "DCK-UID-CLASS",
        "ReferencedImageSequence.ReferencedSOPClassUID",
        in_item("ReferencedImageSequence", "ReferencedSOPClassUID", new_uid(CT + ".1")),
    ),
    Omission("reference to nowhere", "DCK-UID-SPLIT", _IMAGES, reference(new_uid("1.2.3"))),
    Omission("reference to another", "DCK-UID-SPLIT", _IMAGES, reference(new_uid(f"{ROOT}7.1"))),
    Omission("reference gone", "DCK-REFERENCE", _IMAGES, reference(None)),
    Omission("series in two", "DCK-UID-SPLIT", "SeriesInstanceUID", split_series),
    Omission("two instances with one UID", "DCK-UID-SPLIT", "SOPInstanceUID", merged),
    Omission("two objects with one UID", "DCK-UID-MERGED", "SOPInstanceUID", merged_state),
    Omission("no UID", VALUE, "FrameOfReferenceUID", put("FrameOfReferenceUID", "2.25.007")),
    # dates that are moved
    Omission("date not moved", KEPT, "StudyDate", kept("StudyDate"), DATES),
    Omission("date moved otherwise", "DCK-SHIFT", "SeriesDate", put("SeriesDate", "20200101"), DATES),
    Omission("images moved otherwise", "DCK-SHIFT", "StudyDate", of_another_day, DATES),
    Omission("date time not moved", KEPT, "AcquisitionDateTime", kept("AcquisitionDateTime"), DATES),
    Omission(
        "time of a date time lost",
        "DCK-SHIFT-TIME",
        "AcquisitionDateTime",
        put("AcquisitionDateTime", "20200201000000.0"),
        DATES,
    ),
    # new values
    Omission("date that is none", VALUE, "StudyDate", put("StudyDate", "20201399")),
    Omission("too long", VALUE, "StationName", put("StationName", "A" * 17)),
    Omission("small letters", VALUE, "PatientSex", put("PatientSex", "removed")),
    Omission("type 1 emptied", "DCK-TYPE", "PresentationCreationDate", put("PresentationCreationDate", "", 2)),
    Omission("type 1 removed", "DCK-TYPE", "PresentationCreationTime", gone("PresentationCreationTime", 2)),
    Omission("type 2 removed", "DCK-TYPE", "StudyDate", gone("StudyDate")),
    Omission("type 1 of the image removed", "DCK-TYPE", "SamplesPerPixel", gone("SamplesPerPixel")),
    Omission("added", "DCK-ADDED", "BodyPartThickness", put("BodyPartThickness", "3")),
    # marks
    Omission("not said", "DCK-MARK", "PatientIdentityRemoved", gone("PatientIdentityRemoved")),
    Omission("no method", "DCK-MARK", "DeidentificationMethod", gone("DeidentificationMethod")),
    Omission(
        "nobody says who did it",
        "DCK-EQUIPMENT",
        "ContributingEquipmentSequence",
        gone("ContributingEquipmentSequence"),
    ),
    Omission("an earlier method gone", "DCK-MARK", "DeidentificationMethod", earlier),
    Omission("no code", "DCK-MARK", _CODES, claim("113105"), ("descriptors",)),
    Omission("option not claimed", "DCK-MARK", _CODES, claim("113100"), DATES),
    Omission("option not in force", "DCK-CLAIM", _CODES, claim("113100", "113105")),
    Omission("pixels without a reason", "DCK-CLAIM", _CODES, claim("113100", "113101")),
    Omission(
        "dates said to be as they were",
        "DCK-MARK",
        "LongitudinalTemporalInformationModified",
        put("LongitudinalTemporalInformationModified", "UNMODIFIED"),
    ),
    Omission(
        "no text in the pixels, nobody vouches", "DCK-BURNED-IN", "BurnedInAnnotation", put("BurnedInAnnotation", "NO")
    ),
    # the file
    Omission("application entity", "DCK-META", "(0002,0016)", meta("SourceApplicationEntityTitle", "CTSTATION9")),
    Omission("private information", "DCK-META", "(0002,0102)", meta("PrivateInformation", b"ab")),
    Omission("another instance", "DCK-META", "(0002,0003)", meta("MediaStorageSOPInstanceUID", f"{ROOT}7.1")),
    Omission("preamble", "DCK-PREAMBLE", "", lambda study: setattr(study.first, "preamble", b"II*\0" + bytes(124))),
    Omission("bytes behind", "DCK-TRAILING", "", behind),
    Omission("pixels changed", "DCK-PIXELS", "PixelData", put("PixelData", bytes(32))),
    # text
    Omission("name in a text", IDENTIFIER, "SequenceName", put("SequenceName", "of Quillfeather")),
    Omission("name the other way", IDENTIFIER, "FilterType", put("FilterType", "AURELIA_QUILLFEATHER")),
    Omission("name in kanji", IDENTIFIER, "FilterType", put("FilterType", "山田")),
    Omission("physician", IDENTIFIER, "FilterType", put("FilterType", "ombrelle")),
    Omission("id in a text", IDENTIFIER, "FilterType", put("FilterType", "id MRN778812X")),
    Omission("accession number in a text", IDENTIFIER, "FilterType", put("FilterType", "ACC20200305")),
    Omission("institution in a text", IDENTIFIER, "FilterType", put("FilterType", "Saint Elsewhere")),
    Omission("birth date in a text", IDENTIFIER, "FilterType", put("FilterType", "14.02.1961")),
    Omission("UID in a text", IDENTIFIER, "FilterType", put("FilterType", f"{ROOT}3.1")),
    # options that clean
    Omission(
        "mail in a descriptor",
        "DCK-PATTERN",
        "StudyDescription",
        put("StudyDescription", "ask x.y@z.org"),
        _DESCRIPTORS,
    ),
    Omission(
        "telephone in a descriptor",
        "DCK-PATTERN",
        "ImageComments",
        put("ImageComments", "call +49 30 1234567"),
        _DESCRIPTORS,
    ),
    Omission(
        "date in a descriptor", "DCK-PATTERN", "ImageComments", put("ImageComments", "on 31.12.1999"), _DESCRIPTORS
    ),
    # options that retain
    Omission("time of day not retained", "DCK-TIME", "ContentTime", put("ContentTime", "000000"), DATES),
    Omission(
        "device not retained",
        "DCK-LOST",
        "DeviceSerialNumber",
        put("DeviceSerialNumber", "another"),
        ("device-identity",),
    ),
    Omission("sex not retained", "DCK-LOST", "PatientSex", put("PatientSex", ""), ("patient-characteristics",)),
]

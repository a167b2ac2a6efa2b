"""Where identifiers are planted: one function a place, and the words that must not come out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress

from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from tests.helpers.by_hand import CT, ROOT, code, image, item

NAME, KANJI = "Quillfeather^Aurelia", "山田^花子"
#: What names the patient, and those around, in the study of :mod:`tests.helpers.by_hand` and in what is planted.
WORDS = [
    *("Quillfeather", "Aurelia", "山田", "花子", "やまだ", "MRN778812X", "OLD4455667", "ACC20200305", "ST998877"),
    *("Saint Elsewhere", "Larkspur", "Ombrelle", "Nightjar", "CTSTATION9", "SN00998877", "RP4711", "19610214"),
    *("1961-02-14", "555-0199", ROOT),
]
ENCODINGS = ["utf-8", "latin-1", "iso2022_jp", "shift_jis", "utf-16-le"]
#: What stands around characters of two bytes in ISO 2022.
_ESCAPES = (b"\x1b$B", b"\x1b(B")


def needles() -> Iterator[tuple[str, bytes]]:
    """Give each word in small letters and in each encoding that can say it."""
    for word in WORDS:
        for encoding in ENCODINGS:
            with suppress(UnicodeError):
                data = word.lower().encode(encoding)
                yield word, data.removeprefix(_ESCAPES[0]).removesuffix(_ESCAPES[1]).lower()


def left_in(data: bytes) -> set[str]:
    """Return the words that are in some bytes, whatever their case."""
    small = data.lower()
    return {word for word, needle in needles() if len(needle) > 3 and needle in small}


def _set(keyword: str, value: object) -> Callable[[Dataset], object]:
    return lambda ds: setattr(ds, keyword, value)


def _raw(tag: int, vr: str, value: object) -> Callable[[Dataset], object]:
    return lambda ds: ds.add_new(tag, vr, value)


def _items(keyword: str, **values: object) -> Callable[[Dataset], object]:
    return lambda ds: setattr(ds, keyword, [item(**values)])


def _private(group: int, creator: str, vr: str, value: object, before: int = 0) -> Callable[[Dataset], object]:
    """A private element, in a block behind some others."""

    def plant(ds: Dataset) -> None:
        for number in range(before):
            ds.private_block(group, f"ANOTHER {number}", create=True).add_new(1, "LO", NAME)
        ds.private_block(group, creator, create=True).add_new(0x10, vr, value)

    return plant


def _un_items(value: bytes) -> bytes:
    """Items of a sequence as UN has them: Implicit VR (PS3.5 6.2.2)."""
    inner = b"\x10\0\x10\0" + len(value).to_bytes(4, "little") + value
    return b"\xfe\xff\0\xe0" + len(inner).to_bytes(4, "little") + inner


def _as_un(tag: int, value: bytes) -> Callable[[Dataset], object]:
    """An attribute of the standard that stands as UN, which pydicom makes of none."""
    raw = RawDataElement(Tag(tag), "UN", len(value), value, 0, False, True)
    return lambda ds: ds.__setitem__(tag, raw)


def _deep(ds: Dataset) -> None:
    inner = item(PatientName=NAME, StudyInstanceUID=f"{ROOT}9", InstitutionName="Saint Elsewhere Hospital")
    ds.ReferencedImageEvidenceSequence = [item(ReferencedSeriesSequence=[item(ReferencedSOPSequence=[inner])])]


def _functional_groups(ds: Dataset) -> None:
    frame = item(FrameAcquisitionDateTime="19610214120000", FrameComments=NAME, AcquisitionDateTime="19610214")
    ds.SharedFunctionalGroupsSequence = [item(FrameContentSequence=[frame])]


def _nested_private(ds: Dataset) -> None:
    inner = code("24627-2", "LN", "CT Chest")
    inner.private_block(0x0009, "ACME", create=True).add_new(1, "LO", NAME)
    ds.ProcedureCodeSequence = [inner]


def _private_sequence(ds: Dataset) -> None:
    ds.private_block(0x0013, "ACME", create=True).add_new(1, "SQ", [item(PatientName=NAME, PatientID="MRN778812X")])


def _moved(ds: Dataset) -> None:
    ds.add_new(0x00290027, "LO", "SIEMENS CSA HEADER")
    ds.add_new(0x00292710, "OB", b"SV10\4\3\2\1" + b"Quillfeather" * 4)


def _meta(keyword: str, value: object) -> Callable[[Dataset], object]:
    return lambda ds: setattr(ds.file_meta, keyword, value)


def _private_meta(ds: Dataset) -> None:
    ds.file_meta.PrivateInformationCreatorUID, ds.file_meta.PrivateInformation = f"{ROOT}77", b"MRN778812X"


#: What :func:`tests.helpers.by_hand.image` says of its patient by itself is planted already, in 30 places.
PLACES: dict[str, Callable[[Dataset], object]] = {
    "names in three groups": _set("PatientName", f"{NAME}={KANJI}=やまだ^はなこ"),
    "other names": _set("OtherPatientNames", [NAME, "Aurelia^Q"]),
    "birth name": _set("PatientBirthName", "Nightjar^Aurelia"),
    "mother": _set("PatientMotherBirthName", "Ombrelle^Aurelia"),
    "address": _set("PatientAddress", "12 Larkspur Lane"),
    "telephone": _set("PatientTelephoneNumbers", "+1 555-0199"),
    "comments": _set("PatientComments", "Quillfeather, born 1961-02-14, in kanji 山田"),
    "history": _set("AdditionalPatientHistory", "sent by Ombrelle"),
    "military rank": _set("MilitaryRank", "Major Quillfeather"),
    "physicians": _set("PhysiciansOfRecord", ["Ombrelle^Odo", "Nightjar^Nell"]),
    "identified physician": _items("ReferringPhysicianIdentificationSequence", InstitutionName="Saint Elsewhere"),
    "department": _set("InstitutionalDepartmentName", "Saint Elsewhere Radiology"),
    "derivation": _set("DerivationDescription", "of MRN778812X"),
    "plate": _set("PlateID", "SN00998877"),
    "device": _set("DeviceUID", f"{ROOT}31"),
    "irradiation event": _set("IrradiationEventUID", f"{ROOT}32"),
    "source image": _items("SourceImageSequence", ReferencedSOPClassUID=CT, ReferencedSOPInstanceUID=f"{ROOT}33"),
    "original attributes": _items(
        "OriginalAttributesSequence",
        ModifyingSystem="CTSTATION9",
        ModifiedAttributesSequence=[item(PatientName=NAME, PatientID="OLD4455667")],
    ),
    "contributing equipment": _items(
        "ContributingEquipmentSequence", StationName="CTSTATION9", InstitutionName="Saint Elsewhere Hospital"
    ),
    "signatures": _items("DigitalSignaturesSequence", DigitalSignatureUID=f"{ROOT}34"),
    "encrypted": _items("EncryptedAttributesSequence", EncryptedContent=b"Quillfeather"),
    "two sequences deep": _deep,
    "functional groups": _functional_groups,
    "scheduled step": _items("ScheduledProcedureStepSequence", ScheduledStationAETitle="CTSTATION9"),
    "request": _items("ReferencedRequestSequence", AccessionNumber="ACC20200305", RequestedProcedureID="RP4711"),
    "trial": _set("ClinicalTrialSubjectID", "MRN778812X"),
    "text beyond the table": _set("SequenceName", "Quillfeather"),
    "text in a sequence": _items("ModalityLUTSequence", LUTExplanation="for Aurelia", ModalityLUTType="HU"),
    "text behind a NUL": _raw(0x00181160, "SH", "NONE\0Aurelia"),
    "name beyond the table": _raw(0x00189990, "PN", NAME),
    "date beyond the table": _raw(0x00189991, "DA", "19610214"),
    "address beyond the table": _raw(0x00189992, "UR", "http://Larkspur.example/MRN778812X"),
    "UID beyond the table": _raw(0x00189993, "UI", f"{ROOT}35"),
    "bytes beyond the table": _raw(0x00189994, "OB", b"Quillfeather"),
    "unknown beyond the table": _raw(0x00189995, "UN", b"Quillfeather"),
    "known as UN": _as_un(0x00104000, b"Quillfeather"),
    "sequence as UN": _as_un(0x00081250, _un_items(b"Quillfeather")),
    "group 0010 beyond the table": _raw(0x00109996, "LO", NAME),
    "overlay label": _raw(0x60001500, "LO", NAME),
    "overlay comments": _raw(0x60024000, "LT", "MRN778812X"),
    "overlay bytes": _raw(0x60023000, "OB", b"Quillfeather"),
    "curve label": _raw(0x50002500, "LO", NAME),
    "curve bytes": _raw(0x50003000, "OB", b"Quillfeather"),
    "private text": _private(0x0009, "ACME SECRETS 1", "LO", NAME),
    "private bytes": _private(0x000B, "ACME", "OB", b"--MRN778812X"),
    "private sequence": _private_sequence,
    "private sequence as UN": _private(0x0015, "ACME", "UN", _un_items(b"Quillfeather")),
    "private in an item": _nested_private,
    "private creator": _private(0x0017, NAME, "LO", "harmless"),
    "private behind others": _private(0x0019, "ACME", "ST", "Saint Elsewhere", before=4),
    "private block that was moved": _moved,
    "private without creator": _raw(0x00211010, "LO", NAME),
    "private kanji": _private(0x0023, "ACME", "LO", "山田"),
    "icon": _items(
        "IconImageSequence", Rows=1, Columns=12, BitsAllocated=8, PixelRepresentation=0, PixelData=b"Quillfeather"
    ),
    "trailing padding": _raw(0xFFFCFFFC, "OB", b"Quillfeather"),
    "reviewer": _set("ReviewerName", "Nightjar^Nell"),
    "visit": _set("VisitComments", "room 4 of Saint Elsewhere"),
    "preamble": _set("preamble", b"Quillfeather" + bytes(116)),
    "application entity": _meta("SourceApplicationEntityTitle", "CTSTATION9"),
    "receiving entity": _meta("ReceivingApplicationEntityTitle", "CTSTATION9"),
    "private information": _private_meta,
}


def planted(*places: str, into: Dataset | None = None) -> Dataset:
    """Return an image, or another object, with identifiers in some places, or in all."""
    ds = image() if into is None else into
    for place in places or PLACES:
        PLACES[place](ds)
    return ds

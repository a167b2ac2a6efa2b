"""A small study, and what is left of it: de-identified by pydicom, element by element, by nothing of the engine.

It knows the Basic Profile, modified dates and safe private attributes, as far as the study needs: what the check is
tried on before somebody plants an omission.
"""

from __future__ import annotations

import io
from datetime import datetime, timedelta
from hashlib import sha256

from pydicom import dcmread
from pydicom.charset import decode_element
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, UID_dictionary

from derive.standard import confidentiality_row

ROOT = "1.2.826.0.1.3680043.99."
CT, PR = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.11.1"
DAYS = -33
#: Of type 1 in what the study has, though the table says X.
REQUIRED = ("PresentationCreationDate", "PresentationCreationTime")
OPTIONS = {"113107": "modified-dates", "113111": "safe-private"}


def item(**values: object) -> Dataset:
    """Make an item of a sequence."""
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


def code(value: str, scheme: str, meaning: str) -> Dataset:
    """Make a coded entry."""
    return item(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning)


def image(number: int = 1) -> Dataset:
    """A CT image that says of its patient wherever there is room."""
    ds = named(CT, f"{ROOT}7.{number}", f"{ROOT}3.1")
    ds.Modality, ds.ImageType, ds.InstanceNumber = "CT", ["ORIGINAL", "PRIMARY", "AXIAL"], number
    ds.AcquisitionDateTime = "20200305091530.5+0100"
    ds.AcquisitionDate, ds.AcquisitionTime = "20200305", "091530"
    ds.FrameOfReferenceUID, ds.PositionReferenceIndicator = f"{ROOT}5", ""
    ds.ProtocolName = "Thorax Quillfeather"
    ds.ImageComments = "seen by Dr Ombrelle"
    ds.KVP, ds.SliceThickness, ds.PixelSpacing = "120", "1.5", ["0.5", "0.5"]
    ds.ImageOrientationPatient, ds.ImagePositionPatient = [1, 0, 0, 0, 1, 0], [0, 0, number]
    ds.Rows = ds.Columns = 4
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.RescaleIntercept, ds.RescaleSlope = "-1024", "1"
    ds.PixelData = bytes(range(number, number + 16)) * 2
    ds.ReferencedImageSequence = [
        item(ReferencedSOPClassUID=CT, ReferencedSOPInstanceUID=f"{ROOT}7.{3 - number}"),
    ]
    ds.RequestAttributesSequence = [item(RequestedProcedureID="RP4711", ScheduledProcedureStepID="SP4712")]
    ds.ProcedureCodeSequence = [code("24627-2", "LN", "CT Chest")]
    ds.IconImageSequence = [item(Rows=2, Columns=2, BitsAllocated=8, PixelRepresentation=0, PixelData=b"\1\2\3\4")]
    ds.add_new(0x60000010, "US", 4)
    ds.add_new(0x60000022, "LO", "Quillfeather")
    ds.add_new(0x60003000, "OW", b"\1\0")
    block = ds.private_block(0x0009, "ACME SECRETS 1", create=True)
    block.add_new(0x01, "LO", "Quillfeather Aurelia")
    block.add_new(0x02, "OB", b"MRN778812X")
    block = ds.private_block(0x7053, "Philips PET Private Group", create=True)
    block.add_new(0x00, "DS", "0.5")
    return ds


def presentation() -> Dataset:
    """A presentation state of both images."""
    ds = named(PR, f"{ROOT}8.1", f"{ROOT}3.2")
    ds.Modality, ds.InstanceNumber = "PR", 1
    ds.PresentationCreationDate, ds.PresentationCreationTime = "20200306", "080000"
    ds.ContentLabel, ds.ContentDescription, ds.ContentCreatorName = "FINDING", "of a finding", "Ombrelle^Odo"
    images = [item(ReferencedSOPClassUID=CT, ReferencedSOPInstanceUID=f"{ROOT}7.{n}") for n in (1, 2)]
    ds.ReferencedSeriesSequence = [item(SeriesInstanceUID=f"{ROOT}3.1", ReferencedImageSequence=images)]
    return ds


def named(sop_class: str, instance: str, series: str) -> Dataset:
    """An object that says whose it is, with whatever an image, a report or a plan says of that."""
    ds = item(
        SOPClassUID=sop_class,
        SOPInstanceUID=instance,
        StudyInstanceUID=f"{ROOT}2",
        SeriesInstanceUID=series,
        SpecificCharacterSet=["", "ISO 2022 IR 87"],
        PatientName="Quillfeather^Aurelia=山田^花子",
        PatientID="MRN778812X",
        IssuerOfPatientID="Saint Elsewhere",
        PatientBirthDate="19610214",
        PatientSex="F",
        PatientAge="059Y",
        PatientWeight="61.5",
        OtherPatientIDsSequence=[item(PatientID="OLD4455667", TypeOfPatientID="TEXT")],
        StudyDate="20200305",
        SeriesDate="20200305",
        ContentDate="20200305",
        StudyTime="091500",
        SeriesTime="091502",
        ContentTime="091503",
        StudyID="ST998877",
        AccessionNumber="ACC20200305",
        StudyDescription="Chest of Quillfeather",
        SeriesDescription="venous",
        SeriesNumber=3,
        ReferringPhysicianName="Ombrelle^Odo",
        OperatorsName="Nightjar^Nell",
        InstitutionName="Saint Elsewhere Hospital",
        InstitutionAddress="12 Larkspur Lane",
        StationName="CTSTATION9",
        DeviceSerialNumber="SN00998877",
        Manufacturer="ACME",
        ManufacturerModelName="Scanner 3000",
    )
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID, ds.file_meta.MediaStorageSOPInstanceUID = sop_class, instance
    ds.file_meta.SourceApplicationEntityTitle = "CTSTATION9"
    ds.preamble = b"II*\0" + bytes(124)
    return ds


def stored(ds: Dataset) -> bytes:
    """Return a data set as a file."""
    stream = io.BytesIO()
    ds.file_meta.FileMetaInformationVersion = b"\0\1"
    ds.file_meta.ImplementationClassUID = f"{ROOT}1"
    ds.save_as(stream, enforce_file_format=False)
    return stream.getvalue()


def cleaned(original: Dataset, options: tuple[str, ...] = ()) -> Dataset:
    """Return what the Basic Profile leaves of an instance, with some options in force."""
    ds = dcmread(io.BytesIO(stored(original)))
    decode_all(ds)
    _clean(ds, options)
    ds.preamble = bytes(128)
    del ds.file_meta.SourceApplicationEntityTitle
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    ds.PatientIdentityRemoved, ds.DeidentificationMethod = "YES", "by hand, PS3.15 2026d"
    codes = [("113100", "Basic Application Confidentiality Profile")]
    codes += [(value, name) for value, name in OPTIONS.items() if name in options]
    ds.DeidentificationMethodCodeSequence = [code(value, "DCM", meaning) for value, meaning in codes]
    ds.ContributingEquipmentSequence = [
        item(
            Manufacturer="by hand",
            PurposeOfReferenceCodeSequence=[code("109104", "DCM", "De-identifying Equipment")],
        )
    ]
    ds.LongitudinalTemporalInformationModified = "MODIFIED" if "modified-dates" in options else "REMOVED"
    return ds


def decode_all(ds: Dataset) -> None:
    """Decode every text of a data set, so that it can be written in another character set."""
    for element in ds.iterall():
        decode_element(element, ds.SpecificCharacterSet)


def _clean(ds: Dataset, options: tuple[str, ...]) -> None:
    for tag in sorted(ds.keys()):
        if tag.group & 1:
            safe = tag.group == 0x7053 and "safe-private" in options
            if not safe:
                del ds[tag]
        elif tag.group >> 8 == 0x60 or tag == 0x00100021:
            del ds[tag]
        else:
            _clean_one(ds, ds[tag], options)


def _clean_one(ds: Dataset, element: DataElement, options: tuple[str, ...]) -> None:
    row = confidentiality_row(int(element.tag))
    action = row.basic if row else ""
    if element.VR == "SQ" and action != "X":
        for inner in element.value:
            _clean(inner, options)
    elif element.VR == "UI":
        element.value = new_uid(str(element.value)) if action == "U" else element.value
    elif action and "modified-dates" in options and row and "retain_longitudinal_modified_dates" in row.actions:
        if element.VR in ("DA", "DT") and element.value:
            element.value = moved(str(element.value))
    elif action == "X" and element.keyword not in REQUIRED:
        del ds[element.tag]
    elif action and element.value:
        element.value = _DUMMIES.get(element.VR, "REMOVED")


_DUMMIES = {"DA": "19991111", "TM": "111111", "DT": "19991111111111", "AS": "000Y", "DS": "0", "IS": "0"}


def moved(text: str, days: int = DAYS) -> str:
    """Return a DA or DT some days later."""
    day = datetime.strptime(text[:8], "%Y%m%d") + timedelta(days)
    return day.strftime("%Y%m%d") + text[8:]


def new_uid(uid: str) -> str:
    """Return another UID, the same for the same one."""
    return uid if uid in UID_dictionary else f"2.25.{int(sha256(uid.encode()).hexdigest()[:30], 16)}"

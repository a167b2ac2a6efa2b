"""Every check: a valid series is clean, and one change makes exactly the finding that names it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)

from derive.check import Finding, SeriesChecker, check, folded
from derive.check.files import elements_of
from derive.check.finding import checks
from derive.elements import Element
from derive.source import Reference
from tests.instances import CLASSES, code, item, raw, series, uid, write
from tests.peers import dciodvfy_errors

Series = list[Dataset]
Change = Callable[[Series], object]


def codes_of(findings: tuple[Finding, ...] | list[Finding]) -> set[str]:
    return {f.code for f in findings}


def set_all(**attributes: object) -> Change:
    def change(datasets: Series) -> None:
        for dataset in datasets:
            for keyword, value in attributes.items():
                setattr(dataset, keyword, value)

    return change


def set_one(index: int, **attributes: object) -> Change:
    return lambda datasets: set_all(**attributes)(datasets[index : index + 1])


def drop(*keywords: str) -> Change:
    def change(datasets: Series) -> None:
        for dataset in datasets:
            for keyword in keywords:
                delattr(dataset, keyword)

    return change


def put(keyword: str, vr: str, value: bytes) -> Change:
    return lambda datasets: [raw(d, keyword, vr, value) for d in datasets]


def on_source(**attributes: object) -> Change:
    def change(datasets: Series) -> None:
        for dataset in datasets:
            for keyword, value in attributes.items():
                setattr(dataset.SourceImageSequence[0], keyword, value)

    return change


def on_items(keyword: str, items: Callable[[], list[Dataset]]) -> Change:
    return lambda datasets: [setattr(d, keyword, Items(items())) for d in datasets]


def both(*changes: Change) -> Change:
    return lambda datasets: [change(datasets) for change in changes]


PLANE = (
    "ImageOrientationPatient",
    "ImagePositionPatient",
    "PixelSpacing",
    "SliceThickness",
    "SpacingBetweenSlices",
    "SliceLocation",
)


def original(datasets: Series) -> None:
    for dataset in datasets:
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        del dataset.DerivationCodeSequence


def own_source(datasets: Series) -> None:
    for dataset in datasets:
        dataset.SourceImageSequence[0].ReferencedSOPInstanceUID = dataset.SOPInstanceUID
        named = dataset.ReferencedSeriesSequence[0].ReferencedInstanceSequence[0]
        named.ReferencedSOPInstanceUID = dataset.SOPInstanceUID


def twelve_bits(datasets: Series) -> None:
    for dataset in datasets:
        dataset.BitsStored, dataset.HighBit = 12, 11
        values = np.frombuffer(dataset.PixelData, "<i2").copy()
        values[5] |= 0x5000
        dataset.PixelData = values.tobytes()
        del dataset.SmallestImagePixelValue, dataset.LargestImagePixelValue
        del dataset.PixelPaddingValue


def unsigned_padding(datasets: Series) -> None:
    for dataset in datasets:
        dataset.add_new("PixelPaddingValue", "US", 100)


def wide_padding(datasets: Series) -> None:
    for dataset in datasets:
        dataset.BitsStored, dataset.HighBit = 12, 11
        dataset.add_new("PixelPaddingValue", "SS", -3000)


def padding_limit(datasets: Series) -> None:
    for dataset in datasets:
        dataset.add_new("PixelPaddingRangeLimit", "SS", -2500)


def sheared(datasets: Series) -> None:
    for index, dataset in enumerate(datasets):
        dataset.ImagePositionPatient = [-10, -20 + index, 100 + 2.5 * index]


def no_meta(datasets: Series) -> None:
    for dataset in datasets:
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset.file_meta.SourceApplicationEntityTitle = "A TITLE OF MORE THAN 16"[:16]
        dataset.file_meta[0x00020016]._value = "A TITLE OF MORE THAN 16"


EXTENSION = {
    "MappingResource": "DCMR",
    "ContextGroupVersion": "20200920",
    "ContextGroupLocalVersion": "20260102",
    "ContextGroupExtensionFlag": "Y",
    "ContextIdentifier": "7203",
    "ContextGroupExtensionCreatorUID": "1.2.3.4",
}
INCOMPLETE = {k: v for k, v in EXTENSION.items() if k not in ("ContextIdentifier", "ContextGroupVersion")}

CHANGES: list[tuple[str, str, Change]] = [
    ("CHK-META", "CT", no_meta),
    ("CHK-CLASS", "CT", set_all(SOPClassUID="1.2.840.10008.5.1.4.1.1.66")),
    ("CHK-MODULE", "CT", set_all(MultienergyCTAcquisition="YES")),
    ("CHK-TYPE1", "CT", drop("RescaleSlope")),
    ("CHK-TYPE1", "CT", put("FrameOfReferenceUID", "UI", b"")),
    ("CHK-TYPE1", "CT", put("RescaleType", "LO", b"")),
    ("CHK-TYPE1", "CT", on_source(ReferencedSOPClassUID="")),
    ("CHK-TYPE2", "CT", drop("KVP")),
    ("CHK-CONDITION", "CT", drop("PatientPosition")),
    ("CHK-CONDITION", "MR", drop("RepetitionTime")),
    ("CHK-CONDITION", "PT", drop("DecayFactor")),
    ("CHK-CONDITION", "PT", set_all(SeriesType=["STATIC", "REPROJECTION"])),
    ("CHK-CONDITION", "SC", drop("PatientOrientation", *PLANE)),
    ("CHK-CONDITION", "CT", on_items("AnatomicRegionSequence", lambda: [item(CodeMeaning="Head")])),
    ("CHK-UNWANTED", "MR", set_all(InversionTime=100)),
    ("CHK-UNWANTED", "PT", set_all(PatientPosition="HFS")),
    ("CHK-VR", "CT", put("KVP", "FD", b"\0" * 8)),
    ("CHK-VM", "CT", put("PatientPosition", "CS", b"HFS\\HFP ")),
    ("CHK-VM", "CT", put("PixelSpacing", "DS", b"0.5 ")),
    ("CHK-SYNTAX", "CT", put("KVP", "DS", b"120 kV")),
    ("CHK-SYNTAX", "CT", put("SliceThickness", "DS", b"2.5000000000000001")),
    ("CHK-SYNTAX", "CT", put("StudyID", "SH", b"longer than sixteen ")),
    ("CHK-SYNTAX", "CT", put("ContentDate", "DA", b"20260230")),
    ("CHK-SYNTAX", "CT", put("ProtocolName", "LO", b"line\nfeed ")),
    ("CHK-ENUM", "CT", set_all(ImageType=["DERIVED", "TERTIARY", "AXIAL"])),
    ("CHK-ENUM", "PT", set_all(ImageType=["DERIVED", "SECONDARY"])),
    ("CHK-ENUM", "MR", set_all(ScanningSequence="XX")),
    ("CHK-ENUM", "CT", set_all(PatientSex="X")),
    ("CHK-CHARSET", "CT", put("ProtocolName", "LO", b"Gr\xf6\xdfe ")),
    ("CHK-CHARSET", "CT", drop("SpecificCharacterSet")),
    ("CHK-SEQUENCE", "CT", put("RequestAttributesSequence", "SQ", b"\x08\0\x16\0UI\x04\x00garbage!")),
    ("CHK-EXTENDED", "CT", set_all(EchoTime=20)),
    ("CHK-IMAGETYPE", "CT", set_all(ImageType=["DERIVED", "SECONDARY"])),
    ("CHK-IMAGETYPE", "MR", set_all(ImageType=["DERIVED", "SECONDARY", ""])),
    ("CHK-IMAGETYPE-TERM", "MR", set_all(ImageType=["DERIVED", "SECONDARY", "NEW MAP"])),
    ("CHK-HIGHBIT", "CT", set_all(HighBit=14)),
    ("CHK-BITS", "SC", both(set_all(BitsStored=17, HighBit=16), drop("LargestImagePixelValue"))),
    ("CHK-PIXEL-VR", "CT", lambda s: [raw(d, "PixelData", "OB", d.PixelData) for d in s]),
    ("CHK-PIXEL-LENGTH", "CT", lambda s: [raw(d, "PixelData", "OW", d.PixelData + b"\0\0") for d in s]),
    ("CHK-PIXEL-LENGTH", "CT", lambda s: [raw(d, "PixelData", "OW", d.PixelData[:-2]) for d in s]),
    ("CHK-PIXEL-BITS", "CT", twelve_bits),
    ("CHK-FRAMES", "SC", lambda s: [_two_frames(d) for d in s]),
    ("CHK-MINMAX", "CT", set_all(SmallestImagePixelValue=-2000)),
    ("CHK-MINMAX", "CT", set_all(LargestImagePixelValue=231)),
    ("CHK-SIGN-VR", "CT", unsigned_padding),
    ("CHK-PADDING", "CT", wide_padding),
    ("CHK-PADDING-LIMIT", "CT", padding_limit),
    ("CHK-LOSSY", "CT", set_all(LossyImageCompression="01")),
    ("CHK-RESCALE", "CT", set_all(RescaleSlope=0)),
    ("CHK-RESCALE-PET", "PT", set_all(RescaleIntercept=-3)),
    ("CHK-RESCALE-MR", "MR", set_all(RescaleSlope=2, RescaleIntercept=0, RescaleType="US")),
    ("CHK-WINDOW", "CT", set_all(WindowWidth=0.5)),
    ("CHK-WINDOW", "CT", set_all(WindowWidth=0, VOILUTFunction="SIGMOID")),
    ("CHK-WINDOW", "CT", set_all(WindowWidth=[400, 80])),
    ("CHK-IOP", "CT", set_all(ImageOrientationPatient=[1, 0, 0, 0, 1.01, 0])),
    ("CHK-IOP", "CT", set_all(ImageOrientationPatient=[1, 0, 0, 0.1, 0.995, 0])),
    ("CHK-SPACING", "CT", set_all(PixelSpacing=[0.5, 0])),
    ("CHK-SPACING", "SC", both(set_all(SpacingBetweenSlices=-2.5), lambda s: s.__delitem__(slice(1, None)))),
    ("CHK-THICKNESS", "CT", set_all(SliceThickness=0)),
    ("CHK-FOV", "CT", set_all(ReconstructionDiameter=250)),
    ("CHK-TILT", "CT", set_all(GantryDetectorTilt=15)),
    ("CHK-DERIVATION", "CT", drop("DerivationCodeSequence")),
    ("CHK-SOURCES", "CT", drop("SourceImageSequence")),
    ("CHK-SOURCES-ITEM", "CT", on_items("SourceImageSequence", list)),
    ("CHK-SOURCES-ITEM", "CT", on_source(SpatialLocationsPreserved="MAYBE")),
    ("CHK-SOURCES-ITEM", "CT", lambda s: [_second_purpose(d) for d in s]),
    ("CHK-ORIGINAL", "CT", original),
    ("CHK-SELF", "CT", own_source),
    ("CHK-COMMONREF", "CT", on_source(ReferencedSOPInstanceUID="1.2.3")),
    ("CHK-COMMONREF-NONE", "CT", drop("ReferencedSeriesSequence")),
    ("CHK-CODE-LEFT", "CT", on_items("DerivationCodeSequence", lambda: [code("113063", "DCM", "T1")])),
    ("CHK-CODE-GROUP", "CT", on_items("DerivationCodeSequence", lambda: [code("1", "99X", "mine")])),
    ("CHK-CODE-EXTENSION", "CT", on_items("DerivationCodeSequence", lambda: [code("1", "99X", "mine", **INCOMPLETE)])),
    ("CHK-CODE-MEANING", "CT", on_items("DerivationCodeSequence", lambda: [code("113088", "DCM", "blurred")])),
    ("CHK-CODE-GROUP", "CT", lambda s: [_other_purpose(d.SourceImageSequence[0]) for d in s]),
    ("CHK-CODE-GROUP", "CT", lambda s: [_other_purpose(d.ContributingEquipmentSequence[0]) for d in s]),
    ("CHK-UID-TWICE", "CT", lambda s: setattr(s[1], "SOPInstanceUID", s[0].SOPInstanceUID)),
    ("CHK-UID-SHARED", "CT", set_all(SeriesInstanceUID=uid("study"))),
    ("CHK-UID-IDENTITY", "CT", set_all(FrameOfReferenceUID=uid("study"))),
    ("CHK-ENTITY", "CT", set_one(2, PatientID="P2")),
    ("CHK-ENTITY", "CT", set_one(2, FrameOfReferenceUID=uid("other"))),
    ("CHK-ENTITY", "CT", set_one(2, SeriesNumber=8)),
    ("CHK-ENTITY-DIFFERS", "CT", set_one(2, Manufacturer="other")),
    ("CHK-NUMBER", "CT", set_one(2, InstanceNumber=1)),
    ("CHK-SERIES-CLASS", "SC", set_one(2, SOPClassUID="1.2.840.10008.5.1.4.1.1.7.3")),
    ("CHK-SERIES-TYPE", "CT", set_one(2, ImageType=["DERIVED", "PRIMARY", "AXIAL"])),
    ("CHK-SERIES-UNITS", "CT", set_one(2, RescaleType="US")),
    ("CHK-SERIES-MATRIX", "CT", set_one(2, Rows=2, Columns=12)),
    ("CHK-SERIES-PLANE", "CT", set_one(2, PixelSpacing=[0.6, 0.5])),
    ("CHK-SERIES-PLANE", "CT", set_one(2, ImageOrientationPatient=[0, 1, 0, -1, 0, 0])),
    ("CHK-SERIES-SAME", "CT", set_one(2, ImagePositionPatient=[-10, -20, 100])),
    ("CHK-SERIES-GAP", "CT", lambda s: s.pop(1)),
    ("CHK-SERIES-SHEAR", "CT", sheared),
    ("CHK-SERIES-SPACING", "CT", set_all(SpacingBetweenSlices=2)),
    ("CHK-SERIES-LOCATION", "CT", set_one(1, SliceLocation=20)),
    ("CHK-PET-SLICES", "PT", set_all(NumberOfSlices=5)),
    ("CHK-PET-INDEX", "PT", set_one(2, ImageIndex=1)),
]
#: Findings that come with the one looked for, because the change cannot be made without them.
ALSO = {
    "CHK-CLASS": set(),
    "CHK-MODULE": {"CHK-CONDITION"},
    "CHK-FRAMES": {"CHK-EXTENDED"},
    "CHK-RESCALE-MR": set(),
    "CHK-SERIES-CLASS": {"CHK-TYPE1", "CHK-TYPE2", "CHK-CONDITION", "CHK-EXTENDED", "CHK-ENUM"},
    "CHK-SOURCES-ITEM": {"CHK-SOURCES"},
}


def _two_frames(dataset: Dataset) -> None:
    dataset.NumberOfFrames = 2
    dataset.PixelData = dataset.PixelData * 2


def _second_purpose(dataset: Dataset) -> None:
    purposes = dataset.SourceImageSequence[0].PurposeOfReferenceCodeSequence
    purposes.append(code("121321", "DCM", "Mask image for image processing operation"))


def _other_purpose(holder: Dataset) -> None:
    holder.PurposeOfReferenceCodeSequence = Items([code("113088", "DCM", "Gaussian blur")])


@pytest.mark.parametrize("modality", CLASSES)
def test_a_valid_series_is_clean(modality: str, tmp_path: Path) -> None:
    report = check(write(tmp_path / "s", series(modality)))
    assert report.findings == ()
    assert (report.files, report.series, report.ok()) == (4, 1, True)


@pytest.mark.parametrize(("expected", "modality", "change"), CHANGES, ids=[f"{c}-{i}" for i, (c, *_) in enumerate(CHANGES)])
def test_a_change_is_found(expected: str, modality: str, change: Change, tmp_path: Path) -> None:
    datasets = series(modality)
    change(datasets)
    found = check(write(tmp_path / "s", datasets)).findings
    assert expected in codes_of(found)
    assert codes_of(found) <= {expected, *ALSO.get(expected, ())}
    for each in found:
        if each.code == expected:
            assert each.severity == _severity(each)
            assert each.section.startswith("PS3")
            assert each.code in str(each)
            assert "\n" not in str(each)


def _severity(found: Finding) -> str:
    of_identity = found.module in ("patient", "general-study") and found.code in ("CHK-SYNTAX", "CHK-ENUM", "CHK-CHARSET")
    return "warning" if of_identity else checks()[found.code].severity


def test_every_check_has_a_change_that_makes_it() -> None:
    elsewhere = {"CHK-READ", "CHK-NONE", "CHK-ORDER", "CHK-UID-SOURCE", "CHK-UID-CLASH"}
    assert {c for c, _, _ in CHANGES} | elsewhere == set(checks())


def reread(folder: Path) -> Series:
    return [dcmread(p) for p in sorted(folder.iterdir())]


def made(datasets: Series, *sources: Reference) -> list[Finding]:
    checker = SeriesChecker(sources=sources)
    found = [f for i, d in enumerate(datasets) for f in checker.add(elements_of(d), None, f"{i}.dcm")]
    return found + checker.finish()


OLD = Reference(CLASSES["CT"], uid("old", 0), uid("old series"), uid("study"))


def test_a_made_series_is_clean(tmp_path: Path) -> None:
    assert made(reread(write(tmp_path / "s", series("CT"))), OLD) == []


@pytest.mark.parametrize("keyword", ["SOPInstanceUID", "SeriesInstanceUID"])
def test_uids_of_the_source_are_found(keyword: str, tmp_path: Path) -> None:
    datasets = series("CT", 2)
    setattr(datasets[0], keyword, OLD.sop_instance_uid if keyword.startswith("SOP") else OLD.series_instance_uid)
    datasets[1].SeriesInstanceUID = datasets[0].SeriesInstanceUID
    found = made(reread(write(tmp_path / "s", datasets)), OLD)
    assert {(f.code, f.path) for f in found if f.code == "CHK-UID-SOURCE"} == {("CHK-UID-SOURCE", keyword)}
    assert all(f.severity == "error" for f in found)


@pytest.mark.parametrize(
    ("expected", "change"), [(c, change) for c, m, change in CHANGES if m == "CT" and checks()[c].made != checks()[c].severity]
)
def test_what_other_software_may_do_is_an_error_in_a_made_series(expected: str, change: Change, tmp_path: Path) -> None:
    datasets = series("CT")
    change(datasets)
    found = made(reread(write(tmp_path / "s", datasets)), OLD)
    assert [f.severity for f in found if f.code == expected][:1] == ["error"]


def test_stored_values_that_are_given_are_judged(tmp_path: Path) -> None:
    dataset = reread(write(tmp_path / "s", series("CT", 1)))[0]
    values = np.frombuffer(dataset.PixelData, "<i2").reshape(4, 6).copy()
    assert SeriesChecker().add(elements_of(dataset), values, "1.dcm") == []
    values[2, 2] = 3000
    found = SeriesChecker().add(elements_of(dataset), values, "1.dcm")
    assert [(f.code, f.path) for f in found] == [("CHK-MINMAX", "LargestImagePixelValue")]
    dataset.BitsStored, dataset.HighBit = 12, 11
    found = SeriesChecker().add(elements_of(dataset), values, "1.dcm")
    assert "CHK-PIXEL-BITS" in codes_of(found)


def test_padding_may_be_left_out_of_smallest_and_largest(tmp_path: Path) -> None:
    datasets = series("CT", 1)
    values = np.frombuffer(datasets[0].PixelData, "<i2").copy()
    values[7] = -2000
    datasets[0].PixelData = values.tobytes()
    assert check(write(tmp_path / "s", datasets)).findings == ()
    datasets[0].SmallestImagePixelValue = -2000
    assert check(write(tmp_path / "s", datasets)).findings == ()


def test_signed_values_may_repeat_their_sign_or_not(tmp_path: Path) -> None:
    for mask in (-1, 0x0FFF):
        datasets = series("CT", 1)
        datasets[0].BitsStored, datasets[0].HighBit = 12, 11
        datasets[0].PixelData = (np.frombuffer(datasets[0].PixelData, "<i2") & mask).astype("<i2").tobytes()
        assert check(write(tmp_path / "s", datasets)).findings == ()


def test_a_complete_extension_of_a_context_group_is_no_fault(tmp_path: Path) -> None:
    datasets = series("CT")
    on_items("DerivationCodeSequence", lambda: [code("1", "99X", "mine", **EXTENSION)])(datasets)
    assert check(write(tmp_path / "s", datasets)).findings == ()


def test_series_that_share_uids_are_found(tmp_path: Path) -> None:
    first, second = series("CT", 2), series("MR", 2)
    second[0].SOPInstanceUID = first[0].SOPInstanceUID
    write(tmp_path / "ct", first)
    write(tmp_path / "mr", second)
    report = check(tmp_path)
    assert report.series == 2
    assert [(f.code, f.path, f.file) for f in report.errors] == [
        ("CHK-UID-CLASH", "SOPInstanceUID", str(Path("mr", "1.dcm")))
    ]


def test_one_series_uid_in_two_studies_is_found(tmp_path: Path) -> None:
    first, second = series("CT", 2), series("CT", 2)
    for index, dataset in enumerate(second):
        dataset.StudyInstanceUID = uid("another")
        dataset.SOPInstanceUID = uid("another", index)
    write(tmp_path / "1", first)
    write(tmp_path / "2", second)
    assert {"CHK-UID-CLASH", "CHK-ENTITY"} <= codes_of(check(tmp_path).errors)


def test_elements_out_of_order_are_found(tmp_path: Path) -> None:
    path = write(tmp_path / "s", series("CT", 1)) / "1.dcm"
    content = path.read_bytes()
    start, stop = content.index(b"\x18\0\x60\0DS"), content.index(b"\x18\0\x50\0DS")
    first, second = sorted((start, stop))
    end = first + 2 * (second - first)
    assert len(content[second:end]) >= 8
    thickness, kvp = _element(content, content.index(b"\x18\0\x50\0DS")), _element(content, content.index(b"\x18\0\x60\0DS"))
    path.write_bytes(content.replace(thickness + kvp, kvp + thickness))
    assert codes_of(check(path).findings) == {"CHK-ORDER"}


def _element(content: bytes, start: int) -> bytes:
    length = int.from_bytes(content[start + 6 : start + 8], "little")
    return content[start : start + 8 + length]


def test_what_is_no_dicom_is_passed_over(tmp_path: Path) -> None:
    write(tmp_path / "s", series("CT"))
    (tmp_path / "notes.txt").write_text("nothing")
    (tmp_path / "empty").write_bytes(b"")
    assert check(tmp_path).findings == ()
    assert check(tmp_path).files == 4


def test_nothing_to_check_is_said(tmp_path: Path) -> None:
    report = check(tmp_path)
    assert codes_of(report.findings) == {"CHK-NONE"}
    assert report.ok()


def test_what_cannot_be_read_is_a_finding(tmp_path: Path) -> None:
    path = write(tmp_path / "s", series("CT", 1)) / "1.dcm"
    content = path.read_bytes()
    path.write_bytes(content[: content.index(b"\x08\0\x12\x21SQ") - 300])
    report = check([path, tmp_path / "absent.dcm"])
    assert "CHK-READ" in codes_of(report.errors)
    assert not report.ok()


def test_a_bare_data_set_is_checked(tmp_path: Path) -> None:
    path = write(tmp_path / "s", series("CT", 1), ImplicitVRLittleEndian) / "1.dcm"
    content = path.read_bytes()
    path.write_bytes(content[content.index(b"\x08\0\x05\0") :])
    assert codes_of(check(path).findings) == {"CHK-META"}


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian])
def test_other_native_transfer_syntaxes_are_read(syntax: UID, tmp_path: Path) -> None:
    datasets = series("CT")
    for dataset in datasets:
        if not syntax.is_little_endian:
            dataset.PixelData = np.frombuffer(dataset.PixelData, "<i2").astype(">i2").tobytes()
    assert check(write(tmp_path / "s", datasets, syntax)).findings == ()


def test_compressed_pixels_are_known_to_be(tmp_path: Path) -> None:
    folder = write(tmp_path / "s", series("CT", 2))
    for path in folder.iterdir():
        dataset = dcmread(path)
        dataset.compress(RLELossless, generate_instance_uid=False)
        dataset.save_as(path)
    assert check(folder).findings == ()


def test_a_report_is_said_in_json_and_folded(tmp_path: Path) -> None:
    datasets = series("CT")
    drop("KVP")(datasets)
    report = check(write(tmp_path / "s", datasets))
    said = json.loads(json.dumps(report.to_json()))
    assert (said["ok"], said["files"], said["series"], said["errors"], said["warnings"]) == (False, 4, 1, 4, 0)
    assert said["findings"][0]["path"] == "KVP"
    assert [f.file for f in folded(report.findings)] == ["1.dcm and 3 more"]


def test_messages_repeat_no_patient_data(tmp_path: Path) -> None:
    secret = b"Geheimnis\n"
    datasets = series("CT")
    for keyword, vr in {"PatientName": "PN", "PatientID": "LO", "PatientSex": "CS", "PatientAge": "AS", "StudyID": "SH"}.items():
        put(keyword, vr, secret)(datasets)
    put("PatientWeight", "DS", secret)(datasets)
    put("ProtocolName", "LO", secret)(datasets)
    datasets[1].PatientID = "Geheimnis 2"
    report = check(write(tmp_path / "s", datasets))
    assert {"PatientName", "PatientID", "PatientSex", "PatientAge", "StudyID", "PatientWeight", "ProtocolName"} <= {
        f.path for f in report.findings
    }
    assert "Geheim" not in json.dumps(report.to_json())
    assert {f.severity for f in report.findings if f.path == "PatientID" and f.code == "CHK-SYNTAX"} == {"warning"}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_bytes_make_the_check_fail(data: st.DataObject) -> None:
    elements = elements_of(series("CT", 1)[0])
    tag = data.draw(st.sampled_from(sorted(elements)))
    vr = data.draw(st.sampled_from([elements[tag].vr, "SQ", "DS", "US", "UI", "PN", "FD"]))
    elements[tag] = Element(tag, vr, data.draw(st.binary(max_size=40).map(lambda b: b + b" " * (len(b) % 2))))
    checker = SeriesChecker(sources=[OLD])
    for found in [*checker.add(elements, None, "x"), *checker.finish()]:
        assert str(found)


@pytest.mark.parametrize("modality", CLASSES)
def test_dciodvfy_finds_no_error_either(modality: str, tmp_path: Path) -> None:
    assert dciodvfy_errors(sorted(write(tmp_path / "s", series(modality)).iterdir())) == {}


REAL = {
    "ct_philips_ingenuity_140": set(),
    "ct_small_ge_3": {"CHK-TYPE1"},
    "ct_varian_cbct_64": {"CHK-META"},
    "mr_ge_4d_fmri_15x10": set(),
    "mr_siemens_dwi_b0_500_1500": set(),
    "ct_philips_scout": set(),
}


@pytest.mark.parametrize("folder", REAL)
def test_errors_in_real_series(folder: str, real: Callable[[str], Path]) -> None:
    assert codes_of(check(real(folder)).errors) == REAL[folder]

"""Where nobody looks: behind a NUL, behind the last frame, in a code string; and reports that lose an item."""

from __future__ import annotations

import io

import pydicom
import pytest

import derive
from tests.helpers.asserting import every, raises_code
from tests.helpers.by_hand import ROOT, code, image, item, named, stored

REPORT = "1.2.840.10008.5.1.4.1.1.88.33"
NAME = b"QUILLFEATHER"


def through(tmp_path, data: bytes, **options):
    """What is published of one file, all of it verified, and the report of the run."""
    (tmp_path / "a.dcm").write_bytes(data)
    report = derive.deidentify(tmp_path / "a.dcm", tmp_path / "out", **options)
    assert [(f.kind, f.path) for o in report.objects for f in o.faults] == []
    (written,) = (tmp_path / "out").rglob("*.dcm")
    return written.read_bytes(), report


@pytest.mark.parametrize("keyword", ["Manufacturer", "SequenceName", "BodyPartExamined", "SoftwareVersions", "KVP"])
def test_what_stands_behind_a_nul_goes_whatever_becomes_of_the_text(tmp_path, keyword):
    ds = image()
    setattr(ds, keyword, "120")
    data = stored(ds)
    before = pydicom.dcmread(io.BytesIO(data))[keyword]
    head = data.index(before.tag.group.to_bytes(2, "little") + before.tag.element.to_bytes(2, "little"))
    hidden = b"120\0Zyx MRN778812X"
    cut = data[head : head + 6] + len(hidden).to_bytes(2, "little") + hidden
    written, _ = through(tmp_path, data[:head] + cut + data[head + 12 :])
    assert b"Zyx" not in written
    assert b"MRN778812X" not in written
    assert str(pydicom.dcmread(io.BytesIO(written))[keyword].value).startswith("120")


def test_what_stands_behind_the_last_frame_goes_and_is_told(tmp_path):
    ds = image()
    pixels = ds.PixelData
    ds.PixelData += b"Quillfeather MRN778812X "
    written, report = through(tmp_path, stored(ds))
    assert pydicom.dcmread(io.BytesIO(written)).PixelData == pixels
    assert "behind-frames" in [risk.code for o in report.objects for risk in o.risks]


def test_padding_behind_the_last_frame_is_nothing_to_tell(tmp_path):
    ds = image()
    ds.PixelData += b"\0" * 8
    written, report = through(tmp_path, stored(ds))
    assert pydicom.dcmread(io.BytesIO(written)).PixelData == ds.PixelData
    assert [risk.code for o in report.objects for risk in o.risks] == []


def test_more_frames_than_are_stated_stay(tmp_path):
    ds = image()
    ds.PixelData *= 2
    written, _ = through(tmp_path, stored(ds))
    assert pydicom.dcmread(io.BytesIO(written)).PixelData == ds.PixelData


@pytest.mark.parametrize("options", [{}, {"clean": ["descriptors"]}], ids=["basic", "descriptors"])
def test_a_code_string_that_is_a_name_of_the_header_goes_and_others_stay(tmp_path, options):
    ds = image()
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL", "QUILLFEATHER"]
    ds.BodyPartExamined, ds.ScanOptions, ds.PatientPosition = "QUILLFEATHER", ["HELIX", "MRN778812X"], "HFS"
    written, _ = through(tmp_path, stored(ds), **options)
    left = pydicom.dcmread(io.BytesIO(written))
    assert NAME not in written
    assert b"MRN778812X" not in written
    assert list(left.ImageType)[:3] == ["ORIGINAL", "PRIMARY", "AXIAL"]
    assert (left.Modality, left.PatientPosition, left.ScanOptions[0]) == ("CT", "HFS", "HELIX")


def test_a_report_that_loses_an_item_is_published_with_those_behind_it(tmp_path):
    def content(kind, concept, **values):
        return item(RelationshipType="CONTAINS", ValueType=kind, ConceptNameCodeSequence=[concept], **values)

    value = item(NumericValue="12.5", MeasurementUnitsCodeSequence=[code("mm", "UCUM", "millimeter")])
    ds = named(REPORT, f"{ROOT}9.1", f"{ROOT}3.9")
    ds.Modality, ds.InstanceNumber, ds.ValueType, ds.ContinuityOfContent = "SR", 1, "CONTAINER", "SEPARATE"
    ds.ConceptNameCodeSequence = [code("126000", "DCM", "Imaging Measurement Report")]
    ds.CompletionFlag, ds.VerificationFlag = "PARTIAL", "UNVERIFIED"
    ds.ReferencedPerformedProcedureStepSequence = ds.PerformedProcedureCodeSequence = []
    born = content("DATE", code("121031", "DCM", "Subject Birth Date"), Date="19610214")
    length = content("NUM", code("410668003", "SCT", "Length"), MeasuredValueSequence=[value])
    seen = item(ReferencedSOPClassUID="1.2.840.10008.5.1.4.1.1.2", ReferencedSOPInstanceUID=f"{ROOT}7.1")
    shown = content("IMAGE", code("121112", "DCM", "Source of Measurement"), ReferencedSOPSequence=[seen])
    ds.ContentSequence = [born, length, shown]
    written, _ = through(tmp_path, stored(ds), clean=["structured-content"])
    left = pydicom.dcmread(io.BytesIO(written)).ContentSequence
    assert [one.ValueType for one in left] == ["NUM", "IMAGE"]
    assert left[0].MeasuredValueSequence[0].NumericValue == 12.5
    assert every((word not in written for word in (b"19610214", f"{ROOT}7.1".encode())), 2)


@pytest.mark.parametrize(
    ("name", "told"),
    [("Østergaard^Bo", "Ostergaard"), ("Đorđević^Ana", "Djordjevic"), ("Διονυσιος^Nikos", "ΔΙΟΝΥΣΙΟΣ")],
)
def test_a_name_that_is_written_otherwise_is_found_in_a_descriptor(tmp_path, name, told):
    ds = image()
    ds.SpecificCharacterSet, ds.PatientName = "ISO_IR 192", name
    ds.SeriesDescription = f"knee of {told}"
    written, _ = through(tmp_path, stored(ds), clean=["descriptors"])
    assert told.encode() not in written
    assert pydicom.dcmread(io.BytesIO(written)).SeriesDescription.startswith("knee")


def test_an_earlier_method_that_names_somebody_is_no_fault_of_the_one_that_cleans_it(tmp_path):
    ds = image()
    ds.DeidentificationMethod = "script of MRN778812X"
    written, _ = through(tmp_path, stored(ds))
    first, ours = pydicom.dcmread(io.BytesIO(written)).DeidentificationMethod
    assert (first, ours.startswith("derive ")) == ("script of", True)


def test_a_rule_that_keeps_is_told_in_the_object_and_in_the_report(tmp_path):
    written, report = through(tmp_path, stored(image()), rules=[{"tag": "PatientName", "method": "keep"}])
    left = pydicom.dcmread(io.BytesIO(written))
    assert left.PatientName == image().PatientName
    assert "own rules" in left.DeidentificationMethod
    assert "a rule keeps" in str(report)


@pytest.mark.parametrize("words", [b"MRN778812X", b"1.5\\Quillfeather "])
@pytest.mark.parametrize("vr", [b"DS", b"IS"])
def test_words_where_a_number_is_due_go(tmp_path, vr, words):
    written, _ = through(tmp_path, with_spacing(vr, words))
    assert words not in written
    assert pydicom.dcmread(io.BytesIO(written))[0x00180088].value is None


@pytest.mark.parametrize("number", [b"1,5 ", b"1.5 mm", b"NaN\\1.5 ", b"1.5E-10 "])
def test_a_number_that_is_written_wrong_stays(tmp_path, number):
    written, _ = through(tmp_path, with_spacing(b"DS", number))
    assert number in written


@pytest.mark.parametrize("rules", [[("PatientName", "keep")], "PatientName", [1]])
def test_what_is_no_rule_is_refused_before_anything_is_read(tmp_path, rules):
    with raises_code("DEID-CONFIG"):
        derive.deidentify(tmp_path / "is not there", tmp_path / "out", rules=rules)


def with_spacing(vr: bytes, value: bytes) -> bytes:
    """An image whose Spacing Between Slices is given as bytes."""
    data = stored(image())
    there = data.index(b"\x20\0\x0d\0")
    return data[:there] + b"\x18\0\x88\0" + vr + len(value).to_bytes(2, "little") + value + data[there:]

"""The attributes of a Secondary Capture, whole, and what the check finds in those of others."""

from __future__ import annotations

from typing import Any

import highdicom
import numpy as np
import pydicom
import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian, RLELossless

import derive
from derive.cli.main import main
from tests.helpers.asserting import every
from tests.helpers.captures import (
    CASES,
    MULTI,
    SINGLE,
    convert,
    every_form,
    every_kind,
    instances,
    noise,
    pixels,
    tiff,
    volume,
)
from tests.helpers.source_files import save
from tests.helpers.sources import make_series

#: Of every instance: a change here is a change of what users get.
ALWAYS = """
    ImageType InstanceCreationDate InstanceCreationTime SOPClassUID SOPInstanceUID StudyDate SeriesDate ContentDate
    StudyTime SeriesTime ContentTime AccessionNumber Modality ConversionType Manufacturer ReferringPhysicianName
    StudyDescription SeriesDescription ManufacturerModelName DerivationDescription PatientName PatientID
    PatientBirthDate PatientSex DateOfSecondaryCapture TimeOfSecondaryCapture SecondaryCaptureDeviceManufacturer
    SecondaryCaptureDeviceManufacturerModelName SecondaryCaptureDeviceSoftwareVersions SoftwareVersions
    StudyInstanceUID SeriesInstanceUID StudyID SeriesNumber InstanceNumber PatientOrientation Laterality
    SamplesPerPixel PhotometricInterpretation Rows Columns BitsAllocated BitsStored HighBit PixelRepresentation
    BurnedInAnnotation PixelData
"""
GREY = "SmallestImagePixelValue LargestImagePixelValue"
WINDOW = "WindowCenter WindowWidth"
FRAMES = "NumberOfFrames FrameIncrementPointer PageNumberVector"
SHOWN = "RescaleIntercept RescaleSlope RescaleType PresentationLUTShape"
WRITTEN = {
    ("bits", SINGLE): [GREY],
    ("bytes", SINGLE): [GREY],
    ("words", SINGLE): [GREY, WINDOW],
    ("colours", SINGLE): ["PlanarConfiguration"],
    ("bits", MULTI): [FRAMES],
    ("bytes", MULTI): [FRAMES, GREY, SHOWN],
    ("words", MULTI): [FRAMES, GREY, SHOWN, WINDOW],
    ("colours", MULTI): [FRAMES, "PlanarConfiguration"],
}
#: Of slices that lie in a patient.
PLANE = """
    SliceThickness SpacingBetweenSlices SliceLocation ImagePositionPatient ImageOrientationPatient FrameOfReferenceUID
    PositionReferenceIndicator PixelSpacing
"""


@pytest.mark.parametrize(("form", "kind"), WRITTEN)
def test_these_attributes_are_written_and_no_others(form, kind, captured):
    dataset = instances(captured(f"{form}-2x7x9", kind)[1])[0]
    wanted = " ".join([ALWAYS, *WRITTEN[form, kind]]).split()
    found = {e.keyword for e in dataset}
    assert (found - set(wanted), set(wanted) - found) == (set(), set())


@every_kind
@every_form
def test_every_attribute_that_is_written_is_accounted_for(form, kind, tmp_path):
    case = CASES[f"{form}-2x7x9"]
    series = convert(case.source(tmp_path), kind)
    entries = {e.keyword: e for e in series.explained()}
    dataset = next(series.instances())
    assert {e.keyword for e in dataset} == entries.keys()
    assert every(e.reason for e in entries.values())
    for keyword in ("PatientName", "PatientID", "StudyDescription", "BurnedInAnnotation"):
        assert "said" in entries[keyword].reason or keyword == "BurnedInAnnotation", entries[keyword]


def test_these_attributes_are_written_of_slices_in_a_patient(tmp_path):
    dataset = instances(convert(volume(), SINGLE).write(tmp_path / "out"))[0]
    wanted = f"{ALWAYS} PlanarConfiguration {PLANE}".split()
    found = {e.keyword for e in dataset}
    assert (found - set(wanted), set(wanted) - found) == (set(), set())


# Files of others


@pytest.mark.parametrize(
    "name",
    ["ct_philips_exam_summary_SC", "testpattern_palette_ybr", "deid_dicognito/test_burned_in_annotation_default"],
)
def test_the_check_judges_real_secondary_captures(name, real):
    files = [p for p in real(name).rglob("*") if p.is_file()]
    report = derive.check(real(name))
    assert 0 < report.files <= len(files)
    assert not [f for f in report.findings if f.code in ("CHK-READ", "CHK-CLASS", "CHK-FRAMES", "CHK-MINMAX")]


def test_the_check_finds_what_is_wrong_with_the_exam_summary(real):
    found = {(f.code, f.file) for f in derive.check(real("ct_philips_exam_summary_SC")).findings}
    assert {(code, f"I{n}0") for code in ("CHK-DERIVATION", "CHK-SOURCES") for n in range(1, 7)} <= found


@every_form
def test_the_check_accepts_pages_of_highdicom(form, tmp_path):
    (page,) = noise(form, 1, 7, 9)
    image = highdicom.sc.SCImage(
        page if form != "bits" else page.astype(np.uint8),
        photometric_interpretation="RGB" if form == "colours" else "MONOCHROME2",
        bits_allocated={"bits": 8, "bytes": 8, "words": 16, "colours": 8}[form],
        coordinate_system="PATIENT",
        study_instance_uid="1.2.3.1",
        series_instance_uid="1.2.3.2",
        series_number=1,
        sop_instance_uid="1.2.3.3",
        instance_number=1,
        manufacturer="others",
        patient_orientation=("L", "P"),
    )
    image.save_as(tmp_path / "a.dcm")
    report = derive.check(tmp_path)
    assert (report.files, [str(f) for f in report.findings if f.severity == "error"]) == (1, [])


@pytest.mark.parametrize("count", [1, 5])
@pytest.mark.parametrize(
    "syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian, RLELossless]
)
@pytest.mark.parametrize(("form", "kind"), WRITTEN)
def test_the_check_accepts_the_same_in_other_transfer_syntaxes(form, kind, syntax, count, captured, tmp_path):
    dataset = pydicom.dcmread(captured(f"{form}-{count}x7x9", kind)[1].files[-1])
    if syntax == RLELossless:
        if dataset.BitsAllocated == 1:
            pytest.skip("RLE has no single bits")
        dataset.compress(RLELossless, encoding_plugin="pydicom", generate_instance_uid=False)
    big = syntax == ExplicitVRBigEndian
    if big and dataset.BitsAllocated == 16:
        dataset.PixelData = dataset.pixel_array.astype(">u2").tobytes()
    elif big:
        dataset["PixelData"].VR = "OB"
    dataset.file_meta.TransferSyntaxUID = syntax
    save(dataset, tmp_path / "a.dcm", **({"little_endian": False, "implicit_vr": False} if big else {}))
    report = derive.check(tmp_path)
    assert [str(f) for f in report.findings if f.severity == "error"] == []
    assert report.files == 1


def spoilt(dataset: pydicom.Dataset, keyword: str, value: Any) -> None:
    if value is None:
        delattr(dataset, keyword)
    else:
        setattr(dataset, keyword, value)


@pytest.mark.parametrize(
    ("form", "kind", "keyword", "value", "code"),
    [
        ("colours", SINGLE, "NumberOfFrames", 2, "CHK-FRAMES"),
        ("bytes", SINGLE, "ConversionType", None, "CHK-TYPE1"),
        ("bytes", MULTI, "ConversionType", None, "CHK-TYPE1"),
        ("bytes", SINGLE, "PatientOrientation", None, "CHK-CONDITION"),
        ("colours", MULTI, "NumberOfFrames", None, "CHK-TYPE1"),
        ("colours", MULTI, "NumberOfFrames", 6, "CHK-PIXEL-LENGTH"),
        ("bits", MULTI, "NumberOfFrames", 6, "CHK-PIXEL-LENGTH"),
        ("bits", MULTI, "BitsStored", 8, "CHK-ENUM"),
        ("words", MULTI, "BurnedInAnnotation", None, "CHK-TYPE1"),
        ("words", MULTI, "WindowCenter", None, "CHK-CONDITION"),
        ("bytes", MULTI, "PhotometricInterpretation", "MONOCHROME1", "CHK-ENUM"),
        ("colours", MULTI, "PlanarConfiguration", None, "CHK-CONDITION"),
        ("colours", SINGLE, "PlanarConfiguration", None, "CHK-CONDITION"),
        ("colours", MULTI, "FrameIncrementPointer", None, "CHK-CONDITION"),
        *[("words", MULTI, keyword, None, "CHK-CONDITION") for keyword in SHOWN.split()],
    ],
)
def test_the_check_finds_what_a_class_asks_for(form, kind, keyword, value, code, captured, tmp_path):
    dataset = pydicom.dcmread(captured(f"{form}-5x7x9", kind)[1].files[0])
    spoilt(dataset, keyword, value)
    dataset.save_as(tmp_path / "a.dcm")
    found = {(f.code, f.path) for f in derive.check(tmp_path).findings if f.severity == "error"}
    assert (code, "PixelData" if code == "CHK-PIXEL-LENGTH" else keyword) in found


@pytest.mark.parametrize(("vector", "time_ms"), [("PageNumberVector", None), ("FrameTimeVector", 40)])
def test_the_check_finds_a_pointer_to_a_vector_that_is_not_there(vector, time_ms, captured, tmp_path):
    dataset = pydicom.dcmread(captured("colours-5x7x9", MULTI, frame_time_ms=time_ms)[1].files[0])
    delattr(dataset, vector)
    dataset.save_as(tmp_path / "a.dcm")
    assert [str(f) for f in derive.check(tmp_path).findings if f.severity == "error"]


# The command


@every_kind
def test_the_command_makes_them_and_checks_them(kind, tmp_path, capsys):
    pages = noise("colours", 2, 7, 9)
    source, folder = tiff(pages)(tmp_path), tmp_path / "out"
    call = ["convert", str(source), "--as", kind, "--patient-id", "PH01", "--patient-name", "Phantom^A"]
    assert main([*call, "-o", str(folder)]) == 2
    assert "GIV-BURNED" in capsys.readouterr().err
    more = ["--frame-time-ms", "40"] if kind == MULTI else []
    assert main([*call, "--burned-in-annotation", "YES", *more, "-o", str(folder)]) == 0
    datasets = [pydicom.dcmread(f) for f in sorted(folder.iterdir())]
    assert np.array_equal(pixels(datasets, kind), pages)
    assert {d.BurnedInAnnotation for d in datasets} == {"YES"}
    assert main(["check", str(folder)]) == 0
    assert "0 errors" in capsys.readouterr().out


@pytest.mark.parametrize("kind", ["secondary-capture", "multi-frame-secondary-capture"])
@pytest.mark.parametrize("number", [3, None])
def test_a_picture_of_a_reference_stands_near_it_in_a_list(number, kind, tmp_path):
    reference = derive.read(make_series("CT", SeriesNumber=number))
    pages = np.arange(2 * 30, dtype=np.uint8).reshape(2, 5, 6)
    numbers = set()
    for k in range(3):
        series = derive.convert(
            pages, kind=kind, reference=reference, set={"BurnedInAnnotation": "NO"}, description=f"view {k}"
        )
        made = pydicom.dcmread(series.write(tmp_path / str(k)).files[0])
        assert made.SeriesDescription == f"view {k}: Thorax 2.0"
        assert made.SeriesNumber // 1_000_000 == (number or 0)
        assert made.SeriesNumber != number
        numbers.add(int(made.SeriesNumber))
    assert len(numbers) > 1

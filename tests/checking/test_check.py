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
from pydicom.sequence import Sequence as Items
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)

from derive.checking import Finding, SeriesChecker, check, folded
from derive.checking.files import elements_of
from derive.checking.finding import checks
from derive.cli.main import main
from derive.elements.element import Element
from derive.model.source_frame import Reference
from tests.helpers.asserting import each, every
from tests.helpers.changes import ALSO, CHANGES, EXTENSION, Change, Series, drop, on_items, put
from tests.helpers.frame_changes import FRAME_CHANGES
from tests.helpers.instances import CLASSES, code, item, series, uid, write
from tests.helpers.peers import dciodvfy_errors


def codes_of(findings: tuple[Finding, ...] | list[Finding]) -> set[str]:
    return {f.code for f in findings}


@pytest.mark.parametrize("modality", CLASSES)
def test_a_valid_series_is_clean(modality: str, tmp_path: Path) -> None:
    report = check(write(tmp_path / "s", series(modality)))
    assert report.findings == ()
    assert (report.files, report.series, report.ok()) == (4, 1, True)


@pytest.mark.parametrize(
    ("expected", "modality", "change"), CHANGES, ids=[f"{c}-{i}" for i, (c, *_) in enumerate(CHANGES)]
)
def test_a_change_is_found(expected: str, modality: str, change: Change, tmp_path: Path) -> None:
    datasets = series(modality)
    change(datasets)
    found = check(write(tmp_path / "s", datasets)).findings
    assert expected in codes_of(found)
    assert codes_of(found) <= {expected, *ALSO.get(expected, ())}
    for one in found:
        if one.code == expected:
            assert one.severity == checks()[one.code].severity
            assert one.section.startswith("PS3")
            assert one.code in str(one)
            assert "\n" not in str(one)


def test_every_check_has_a_change_that_makes_it() -> None:
    elsewhere = {
        "CHK-READ",
        "CHK-NONE",
        "CHK-ORDER",
        "CHK-ENCODING",
        "CHK-UID-SOURCE",
        "CHK-UID-CLASH",
        "CHK-GROUP-LENGTH",
    }
    assert {c for c, _, _ in (*CHANGES, *FRAME_CHANGES)} | elsewhere == set(checks())


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
    assert every(f.severity == "error" for f in found)


#: What only a data set shows, and not its attributes; and what is pulled as a whole, faults and all.
_OF_FILES = ("CHK-PRIVATE", "CHK-EMPTY-INSIDE")
STRICTER = [
    (c, change)
    for c, m, change in CHANGES
    if m == "CT" and checks()[c].made == "error" != checks()[c].severity and c not in _OF_FILES
]


@pytest.mark.parametrize(("expected", "change"), STRICTER)
def test_what_other_software_may_do_is_an_error_in_a_made_series(expected: str, change: Change, tmp_path: Path) -> None:
    datasets = series("CT")
    change(datasets)
    found = made(reread(write(tmp_path / "s", datasets)), OLD)
    assert [f.severity for f in found if f.code == expected][:1] == ["error"]


@pytest.mark.parametrize("keyword", ["SeriesInstanceUID", "StudyInstanceUID", "FrameOfReferenceUID", "PatientID"])
def test_a_made_series_is_one(keyword: str, tmp_path: Path) -> None:
    datasets = series("CT")
    setattr(datasets[2], keyword, "1.2.3")
    found = made(reread(write(tmp_path / "s", datasets)), OLD)
    assert [(f.severity, f.code, f.path) for f in found] == [("error", "CHK-ENTITY", keyword)]


def test_what_the_source_says_of_its_patient_does_not_stop_a_made_series(tmp_path: Path) -> None:
    datasets = series("CT", 1)
    datasets[0].PatientIdentityRemoved = "YES"
    datasets[0].OtherPatientIDsSequence = Items([item(PatientID="P2")])
    put("StudyID", "SH", b"longer than sixteen ")(datasets)
    folder = write(tmp_path / "s", datasets)
    found = made(reread(folder), OLD)
    assert {(f.severity, f.path.partition(">")[0]) for f in found} == {
        ("warning", "DeidentificationMethod"),
        ("warning", "OtherPatientIDsSequence"),
        ("warning", "StudyID"),
    }
    nested = "OtherPatientIDsSequence>item 1>TypeOfPatientID"
    assert {f.path for f in check(folder).errors} == {"DeidentificationMethod", "StudyID", nested}


def test_strictly_a_file_is_held_to_what_a_made_one_is(tmp_path: Path) -> None:
    datasets = series("CT")
    for dataset in each(datasets, 4):
        dataset.SliceThickness, dataset.SourceImageSequence[0].PurposeOfReferenceCodeSequence = 0, []
    folder = write(tmp_path / "s", datasets)
    said = {strict: {(f.code, f.severity) for f in check(folder, strict=strict).findings} for strict in (False, True)}
    assert said[False] == {("CHK-THICKNESS", "warning"), ("CHK-EMPTY-INSIDE", "warning")}
    assert said[True] == {("CHK-THICKNESS", "error"), ("CHK-EMPTY-INSIDE", "error")}
    assert main(["check", str(folder)]) == 0
    assert main(["check", str(folder), "--strict"]) == 1


def test_group_lengths_are_found(tmp_path: Path) -> None:
    folder = write(tmp_path / "s", series("CT", 1))
    file = folder / "1.dcm"
    data = file.read_bytes()
    start = data.index(b"\x08\0\x05\0CS")  # Specific Character Set is the first element after the meta group
    file.write_bytes(data[:start] + b"\x08\0\0\0UL\x04\0\xff\0\0\0" + data[start:])
    assert [f.code for f in check(folder).findings] == ["CHK-GROUP-LENGTH"]
    assert not check(folder, strict=True).ok()


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


def test_pixel_data_cut_within_a_word_is_found() -> None:
    dataset = series("CT", 1)[0]
    elements = elements_of(dataset)
    cut = elements[0x7FE00010]
    elements[0x7FE00010] = cut._replace(value=cut.value[:-1])
    assert codes_of(SeriesChecker().add(elements, None, "1.dcm")) == {"CHK-PIXEL-LENGTH"}


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
    thickness = _element(content, content.index(b"\x18\0\x50\0DS"))
    kvp = _element(content, content.index(b"\x18\0\x60\0DS"))
    assert thickness + kvp in content
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
    spoiled = {"PatientName": "PN", "PatientID": "LO", "PatientSex": "CS", "PatientAge": "AS", "PatientWeight": "DS"}
    spoiled |= {"StudyID": "SH", "ProtocolName": "LO"}
    for keyword, vr in spoiled.items():
        put(keyword, vr, secret)(datasets)
    datasets[1].PatientID = "Geheimnis 2"
    report = check(write(tmp_path / "s", datasets))
    assert spoiled.keys() <= {f.path for f in report.findings}
    assert "Geheim" not in json.dumps(report.to_json())
    assert {f.severity for f in report.findings if f.path == "PatientID" and f.code == "CHK-SYNTAX"} == {"error"}


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
    "mr_ge_4d_fmri_15x10": {"CHK-BANNED"},
    "mr_siemens_dwi_b0_500_1500": set(),
    "ct_philips_scout": set(),
}


@pytest.mark.parametrize("folder", REAL)
def test_errors_in_real_series(folder: str, real: Callable[[str], Path]) -> None:
    assert codes_of(check(real(folder)).errors) == REAL[folder]

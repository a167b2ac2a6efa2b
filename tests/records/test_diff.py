"""What differs between two sets of files: by entity, in geometry and in values."""

from __future__ import annotations

import json
import shutil
import zipfile
from importlib.resources import files

import jsonschema
import numpy as np
import pydicom
import pytest

import derive
from derive.operations import gaussian_blur, resample
from derive.records.diff import diff
from tests.helpers.commands import run as run_command
from tests.helpers.sources import make_series


def schema():
    text = files("derive.cli").joinpath("schemas/diff.json").read_text(encoding="utf-8")
    return jsonschema.Draft202012Validator(json.loads(text))


def compared(left, right):
    """Compare, and see that the outcome is text, and JSON that the schema has."""
    found = diff(left, right, show_values=True)
    assert str(found)
    schema().validate(json.loads(json.dumps(found.to_json(), allow_nan=False)))
    return found


def save(datasets, folder):
    folder.mkdir()
    for number, dataset in enumerate(datasets, 1):
        dataset.save_as(folder / f"{number}.dcm", enforce_file_format=True)
    return folder


def changes(found):
    return {c.keyword: (c.left, c.right) for c in found.changes}


@pytest.fixture
def two(tmp_path):
    """Two synthetic series on the disk, the second one changed."""

    def make(modality="CT", change=None, **changed):
        left = save(make_series(modality), tmp_path / "left")
        datasets = make_series(modality, **changed)
        for index, dataset in enumerate(datasets):
            if change:
                change(dataset, index)
        return left, save(datasets, tmp_path / "right")

    return make


def test_a_series_is_the_same_as_itself_whatever_its_files_are_called(two, tmp_path):
    left, right = two()
    for number, file in enumerate(sorted(right.iterdir(), reverse=True)):
        file.rename(right / f"other{number}")
    found = compared(left, right)
    assert found.same
    assert (found.changes, found.same_grid, found.largest_distance_mm) == ((), True, 0)
    assert (found.values.differing, found.values.voxels) == (0, 6 * 12 * 14)
    assert "Patient = Study = FoR = Series = Equipment = Acquisition = Image = Other = |" in str(found)


def test_a_derived_series_has_the_patient_study_and_space_of_its_source(real, tmp_path):
    source = real("petctmr_ibsi_sts002/PET")
    series = derive.build(derive.read(source), gaussian_blur(sigma_mm=3.0))
    report = series.write(tmp_path / "out")
    found = compared(source, tmp_path / "out")
    shared = {"Patient", "Study", "Frame of Reference"}
    assert [c.keyword for c in found.changes if c.entity in shared] == []
    assert "Patient = Study = FoR = " in str(found)
    assert "Series, Equipment" in str(found)
    wanted = series.volume.array.astype(np.float64) - derive.stack(derive.read(source)).array
    slack = report.value_error + 1e-3
    assert found.values.units == "GML"
    assert found.values.least == pytest.approx(wanted.min(), abs=slack)
    assert found.values.largest == pytest.approx(wanted.max(), abs=slack)
    assert found.values.mean == pytest.approx(wanted.mean(), abs=slack)


def test_values_are_side_by_side_and_several_are_counted(two):
    left, right = two(PatientID="P2", KVP=lambda k: 80 + k, ConvolutionKernel=None, EchoTime=3)
    found = changes(compared(left, right))
    assert found["PatientID"] == ("P1", "P2")
    assert found["KVP"] == ("120.0", "6 values: 80.0 ...")
    assert found["ConvolutionKernel"] == ("B30", None)
    assert found["EchoTime"] == (None, "3.0")
    assert found.keys() == {"PatientID", "KVP", "ConvolutionKernel", "EchoTime"}


def test_each_change_stands_with_its_entity(two):
    left, right = two(
        PatientID="P2", StudyID="S2", SeriesNumber=9, StationName="CT2", AcquisitionDate="20260203", KVP=80
    )
    found = compared(left, right)
    assert {c.keyword: c.entity for c in found.changes} == {
        "PatientID": "Patient",
        "StudyID": "Study",
        "SeriesNumber": "Series",
        "StationName": "Equipment",
        "AcquisitionDate": "Acquisition",
        "KVP": "Image",
    }
    assert "FoR = Other = | Patient, Study, Series, Equipment, Acquisition, Image changed" in str(found)
    lines = str(found).splitlines()
    assert "  PatientID  P1  |  P2" in lines
    assert "Study: 6 the same" in lines


def test_an_attribute_that_only_some_images_have_is_said_to_be(two):
    left, right = two(KVP=lambda k: None if k else 120)
    assert changes(compared(left, right))["KVP"] == ("120.0", "120.0 (in 1 of 6)")


def test_private_attributes_are_compared(two):
    def change(dataset, index):
        dataset.private_block(0x0009, "ACME PRIVATE")[0x01].value = "another"

    left, right = two(change=change)
    assert changes(compared(left, right)) == {"(0009,1001)": ("secret sauce", "another")}


def test_long_texts_are_shown_from_where_they_differ(two):
    words = "the same beginning of a long description, "
    left, right = two(change=lambda d, k: setattr(d, "ImageComments", words * 3 + "one"))
    for file in left.iterdir():
        dataset = pydicom.dcmread(file)
        dataset.ImageComments = words * 3 + "other"
        dataset.save_as(file)
    (line,) = [x for x in str(compared(left, right)).splitlines() if "ImageComments" in x]
    assert line.endswith("...cription, other  |  ...cription, one")


def test_the_difference_is_right_minus_left_in_real_world_values(two):
    def change(dataset, index):
        values = np.frombuffer(dataset.PixelData, "<i2").copy()
        values[5] += 10 + index
        values[6] -= 3
        dataset.PixelData = values.tobytes()

    left, right = two(change=change, LargestImagePixelValue=None, SmallestImagePixelValue=None)
    values = compared(left, right).values
    assert (values.units, values.least, values.largest, values.differing) == ("HU", -3, 15, 12)
    assert values.mean == pytest.approx((6 * 10 + 15 - 18) / (6 * 12 * 14))


def test_the_same_values_stored_another_way_do_not_differ(two):
    def change(dataset, index):
        dataset.PixelData = (np.frombuffer(dataset.PixelData, "<i2") - 24).astype("<i2").tobytes()

    left, right = two(change=change, RescaleIntercept=-1000)
    found = compared(left, right)
    assert (found.values.differing, found.same) == (0, False)
    assert changes(found) == {"RescaleIntercept": ("-1024.0", "-1000.0")}


def test_padding_is_counted_apart(two):
    left, right = two(PixelPaddingValue=700, PixelPaddingRangeLimit=760)
    values = compared(left, right).values
    assert values.padding > 0
    assert values.differing == 0
    assert values.voxels + values.padding == 6 * 12 * 14


def test_everything_padding_on_one_side_leaves_no_number(two):
    left, right = two(PixelPaddingValue=-32768, PixelPaddingRangeLimit=32767)
    values = compared(left, right).values
    assert (values.voxels, values.padding) == (0, 6 * 12 * 14)
    assert values.to_json()["mean"] is None


def test_another_place_is_told_in_millimetres(two):
    left, right = two(ImagePositionPatient=lambda k: [-10.5, 24.25, -27.0 + 2 * k])
    found = compared(left, right)
    assert (found.same_grid, found.largest_distance_mm, found.values) == (False, pytest.approx(5.0), None)
    assert "grid   another, voxels up to 5 mm apart" in str(found)


def test_another_shape_has_no_distance(two, tmp_path):
    left, _ = two()
    derive.build(derive.read(left), resample(spacing_mm=1.0)).write(tmp_path / "fine")
    found = compared(left, tmp_path / "fine")
    assert found.to_json()["largest_distance_mm"] is None
    assert "grid   another, another shape" in str(found)


def test_another_frame_of_reference_is_no_one_grid(two):
    left, right = two(FrameOfReferenceUID="1.2.3")
    found = compared(left, right)
    assert (found.same_grid, found.why_no_values) == (False, "not compared: another frame of reference")


def test_other_units_are_not_subtracted(two):
    left, right = two("PT", Units="CNTS")
    found = compared(left, right)
    assert (found.same_grid, found.values) == (True, None)
    assert "BQML on the left and CNTS on the right" in found.why_no_values


def test_text_in_another_character_set_is_the_same(two):
    name = "Müller^Jörg"
    left, right = two(SpecificCharacterSet="ISO_IR 192", PatientName=name)
    for file in left.iterdir():
        dataset = pydicom.dcmread(file)
        dataset.SpecificCharacterSet, dataset.PatientName = "ISO_IR 100", name
        dataset.save_as(file)
    assert changes(compared(left, right)) == {"SpecificCharacterSet": ("ISO_IR 100", "ISO_IR 192")}


def test_what_makes_no_volume_is_compared_by_its_headers(real):
    found = compared(real("ct_missing_slice_ge_4"), real("ct_small_ge_3"))
    assert (found.same_grid, found.values) == (None, None)
    assert found.left.why_not.startswith("GEO-")
    assert "no volume: GEO-" in str(found)
    assert found.changes


@pytest.mark.parametrize(
    "name", ["nm_13frame", "enhanced_mr", "xa_rubo_96f", "ct_philips_exam_summary_SC", "malformed_cornerstone"]
)
def test_whatever_pydicom_reads_is_compared(name, real):
    same = compared(real(name), real(name))
    assert same.same
    assert same.left.images == same.right.images > 0
    other = compared(real(name), real("ct_small_ge_3"))
    assert any(c.keyword == "SOPClassUID" for c in other.changes)


def test_archives_files_and_folders_are_one(two, tmp_path):
    left, right = two()
    with zipfile.ZipFile(tmp_path / "right.zip", "w") as archive:
        for file in right.iterdir():
            archive.write(file, file.name)
    assert compared(left, tmp_path / "right.zip").same
    assert compared([str(f) for f in left.iterdir()], right).same
    assert compared(left / "1.dcm", right / "1.dcm").left.images == 1


def test_other_files_are_counted_and_a_side_without_images_is_refused(two, tmp_path):
    left, right = two()
    (right / "notes.txt").write_text("no image")
    assert compared(left, right).right.skipped == 1
    for file in right.glob("*.dcm"):
        file.unlink()
    with pytest.raises(derive.SourceError, match="SRC-NONE"):
        diff(left, right)
    shutil.rmtree(right)
    with pytest.raises(derive.SourceError, match="SRC-MISSING"):
        diff(left, right)


def run(*words):
    return run_command("diff", *words)


def test_the_command_prints_both_sides_or_json(two, capsys):
    left, right = two(PatientID="P2")
    assert run(left, right, "--show-values") == 0
    text = capsys.readouterr().out
    assert "\nStudy = FoR = Series = Equipment = Acquisition = Image = Other = | Patient changed\n" in text
    assert "\n  PatientID  P1  |  P2\n" in text
    assert run(left, right, "--json") == 0
    schema().validate(json.loads(capsys.readouterr().out))
    assert run(left, right, "--quiet") == 0
    assert capsys.readouterr().out == ""

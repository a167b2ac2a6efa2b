"""What is in a folder, and what would be said to it: the same that is said then, and never an error for one file."""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import re
import sys
import tracemalloc
import zipfile
from importlib.resources import files
from pathlib import Path

import jsonschema
import numpy as np
import pytest

import derive
from derive.checking import Finding
from derive.checking.finding import grouped
from derive.cli import inspecting
from derive.demo import phantom_datasets
from derive.errors import DeriveError, SourceError, UsageError
from derive.inspection import inspect
from derive.inspection.verdicts import UNEXPECTED, unchanged
from derive.operations import REGISTRY, mip, resample
from tests.conftest import DATA
from tests.helpers.instances import raw
from tests.helpers.sources import OBLIQUE, make_series

FOLDERS = sorted(p.name for p in DATA.iterdir() if p.is_dir()) if DATA.is_dir() else ["(none)"]
SCHEMA = json.loads(files("derive.cli").joinpath("schemas/inspect.json").read_text(encoding="utf-8"))
#: Classes read, and a series of each that nothing is wrong with.
KINDS = ("CT", "MR", "PT")


def saved(datasets, folder, prefix=""):
    folder.mkdir(parents=True, exist_ok=True)
    for k, dataset in enumerate(datasets):
        dataset.save_as(folder / f"{prefix}{k}.dcm", enforce_file_format=True)
    return folder


def other_series(number, **changes):
    """A series beside the usual one."""
    uid = f"1.2.3.{number}"
    return make_series(
        "CT", SeriesInstanceUID=uid, SeriesNumber=number, SOPInstanceUID=lambda k: f"{uid}.{k + 1}", **changes
    )


def only(inspection):
    (stack,) = inspection.stacks
    return stack


def checked(inspection):
    """JSON of an inspection, after it has been validated; no fault of ours may be in it."""
    found = json.loads(json.dumps(inspection.to_json(), allow_nan=False))
    jsonschema.Draft202012Validator(SCHEMA).validate(found)
    assert f'"{UNEXPECTED}"' not in json.dumps(found)
    return found


@pytest.fixture
def decodes_nothing(monkeypatch):
    def refuse(*_):
        raise AssertionError("a pixel was decoded")

    for name in ("derive.reading.read", "derive.reading.select", "derive.pixels.decode"):
        monkeypatch.setattr(sys.modules[name], "decode", refuse)


# --- every folder of the real data ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FOLDERS)
def test_every_real_folder_is_inspected_and_no_pixel_decoded(name, real, decodes_nothing):
    folder = real(name)
    inspection = inspect(folder)
    found = checked(inspection)
    there = sum(len(names) for _, _, names in os.walk(folder))
    assert found["files"] == there
    listed = [f for s in inspection.stacks for f in s.files] + [s.name for s in inspection.skipped]
    assert len(listed) + sum(o.count for o in inspection.objects) + len(inspection.unreadable) == there
    assert len(listed) == len(set(listed))
    assert all(len(line) <= 120 or " " not in line.strip() for line in str(inspection).splitlines()[1:])


@pytest.mark.parametrize("name", FOLDERS)
def test_what_is_said_of_a_real_stack_is_what_read_says_then(name, real):
    folder = real(name)
    for stack in inspect(folder).stacks:
        paths = [folder / f for f in stack.files if f not in stack.copies]
        if stack.reads.ok:
            series = derive.read(paths)
            assert series.series_instance_uid == stack.series_instance_uid
            assert series.geometry.shape == (stack.grid.slices, stack.grid.rows, stack.grid.columns)
            assert series.geometry.spacing[::-1] == pytest.approx(stack.grid.spacing_xyz_mm, abs=1e-9)
            assert derive.stack(series).quantity.units == stack.values.units
            continue
        with pytest.raises(DeriveError) as refused:
            derive.read(paths)
        assert refused.value.code == stack.reads.code


@pytest.mark.parametrize("name", ["ct_small_ge_3", "petctmr_ibsi_sts002/PET", "mr_siemens_obliques"])
def test_what_is_said_of_an_operation_is_what_it_says_then(name, real):
    folder = real(name)
    for stack in inspect(folder).stacks:
        series = derive.read(folder, series=stack.series_instance_uid)
        assert set(stack.operations) == {*REGISTRY, "export", "convert"}
        assert all(v.ok for v in stack.operations.values())
        next(derive.build(series, mip()).instances())


def test_the_whole_is_refused_as_read_refuses_it(real):
    for name in ("petctmr_ibsi_sts002", "enhanced_mr", "ct_missing_slice_ge_4", "nrrd_mha"):
        whole = inspect(real(name)).whole
        with pytest.raises(DeriveError) as refused:
            derive.read(real(name))
        assert (whole.code, whole.message) == (refused.value.code, refused.value.message)


# --- files that are cut short, spoilt, or no files ----------------------------------------------------------------


@pytest.mark.parametrize("length", [0, 1, 100, 131, 132, 140, 200, 400, 1000, 1500, 2000])
def test_a_file_that_is_cut_short_is_listed_and_the_others_are_read(length, tmp_path):
    folder = saved(make_series("CT"), tmp_path / "s")
    (folder / "cut").write_bytes((folder / "0.dcm").read_bytes()[:length])
    inspection = inspect(folder)
    checked(inspection)
    named = {*(s.name for s in inspection.skipped), *(u.name for u in inspection.unreadable)}
    assert "cut" in named | {f for s in inspection.stacks for f in s.files}
    assert sum(s.images for s in inspection.stacks) >= 6


def test_bytes_at_random_make_no_error(real, tmp_path):
    rng = random.Random(6)
    sources = [p for p in real("pydicom_test_files").rglob("*") if p.is_file() and p.stat().st_size < 300_000]
    for number, source in enumerate(rng.sample(sources, 60)):
        data = bytearray(source.read_bytes())
        for _ in range(rng.choice([1, 5, 20])):
            data[rng.randrange(min(len(data), 2000))] = rng.randrange(256)
        (tmp_path / f"{number}.dcm").write_bytes(bytes(data[: rng.choice([len(data), rng.randrange(len(data))])]))
    inspection = inspect(tmp_path)
    checked(inspection)
    assert str(inspection)


@pytest.mark.parametrize(
    ("keyword", "vr", "value"),
    [
        ("ImagePositionPatient", "DS", b"1e308\\-1e308\\1e308 "),
        ("ImagePositionPatient", "DS", b"nan\\inf\\0 "),
        ("ImageOrientationPatient", "DS", b"0\\0\\0\\0\\0\\0 "),
        ("ImageOrientationPatient", "DS", b"1\\0\\0\\1\\0\\0 "),
        ("PixelSpacing", "DS", b"-1\\-1 "),
        ("PixelSpacing", "DS", b"1e-300\\1e300 "),
        ("PixelSpacing", "DS", b"1e-9\\1e-9 "),
        ("SliceThickness", "DS", b"1e308 "),
        ("Rows", "US", b"\1"),
        ("Columns", "US", b"\0\0"),
        ("NumberOfFrames", "IS", b"999999999999"),
        ("SeriesNumber", "IS", b"first "),
        ("SpecificCharacterSet", "CS", b"ISO_IR 999"),
        ("SOPInstanceUID", "UI", b""),
        ("SeriesInstanceUID", "UI", b"\xff\xfe"),
        ("SOPClassUID", "UI", b"1.2.840.10008.5.1.4.1.1.999 "),
        ("RescaleSlope", "DS", b"0 "),
        ("BitsStored", "US", b"\xff\xff"),
    ],
)
@pytest.mark.parametrize("count", [1, 3])
def test_a_value_that_makes_no_sense_makes_no_error(keyword, vr, value, count):
    datasets = make_series("CT", count=count, shape=(4, 4))
    for dataset in datasets:
        raw(dataset, keyword, vr, value)
    inspection = inspect(datasets)
    checked(inspection)
    assert sum(s.images for s in inspection.stacks) + len(inspection.skipped) == count
    assert str(inspection)


def test_what_is_no_file_is_listed_and_stops_nothing(tmp_path):
    folder = saved(make_series("CT"), tmp_path / "s")
    os.mkfifo(folder / "pipe")
    (folder / "gone").symlink_to(folder / "nowhere")
    (folder / "link").symlink_to(folder / "0.dcm")
    (folder / "notes.txt").write_text("hello")
    (folder / "empty").touch()
    (folder / "round").symlink_to(folder)
    inspection = inspect(folder)
    checked(inspection)
    assert only(inspection).reads.ok
    reasons = {s.name: s.reason for s in inspection.skipped}
    assert reasons["pipe"] == "not a regular file"
    assert reasons["link"] == "the same file as 0.dcm"
    assert reasons["notes.txt"] == "not a DICOM file"
    assert reasons["empty"] == "empty"
    assert [(u.name, u.code) for u in inspection.unreadable] == [("gone", "SRC-UNREADABLE")]
    assert inspection.whole.code == "SRC-UNREADABLE"
    with pytest.raises(SourceError, match="SRC-UNREADABLE"):
        derive.read(folder)


def test_a_dicom_file_that_cannot_be_read_is_listed_with_the_code_that_read_raises(tmp_path):
    folder = saved(make_series("CT"), tmp_path / "s")
    (folder / "bad.dcm").write_bytes(bytes(128) + b"DICM" + b"\2\0\0\0UL\4\0\xff\xff\0\0" + b"\x08\0\x05\0ZZ" * 9)
    inspection = inspect(folder)
    (bad,) = inspection.unreadable
    with pytest.raises(SourceError) as refused:
        derive.read(folder)
    assert (bad.name, bad.code, bad.reason) == ("bad.dcm", refused.value.code, refused.value.message)
    assert only(inspection).reads.ok
    assert inspection.problems[0].code == bad.code
    assert "bad.dcm" in str(inspection)


# --- what is told of a stack --------------------------------------------------------------------------------------


@pytest.mark.parametrize("modality", KINDS)
def test_a_plain_series_is_described(modality):
    inspection = inspect(make_series(modality))
    stack, found = only(inspection), checked(inspection)["stacks"][0]
    assert stack.reads.ok
    assert all(v.ok for v in stack.operations.values())
    assert (stack.number, stack.modality, stack.images, stack.frames, stack.series_number) == (1, modality, 6, 6, "3")
    assert found["grid"]["spacing_xyz_mm"] == [1.0, 1.25, 2.0]
    assert found["grid"]["extent_xyz_mm"] == [14.0, 15.0, 12.0]
    assert (stack.grid.columns, stack.grid.rows, stack.grid.slices) == (14, 12, 6)
    assert stack.grid.orientation == "axial"
    assert (stack.grid.rows_towards, stack.grid.columns_towards) == ("L", "P")
    assert (stack.grid.tilt_degrees, stack.grid.gaps, stack.grid.repeats, stack.grid.odd) == (0.0, (), None, ())
    assert stack.values.units == {"CT": "HU", "MR": "1", "PT": "BQML"}[modality]
    assert stack.values.windows == ((40.0, 400.0),)
    assert (stack.values.slope == (0.5, 1.125)) == (modality == "PT")
    assert [s.compression for s in stack.coding.syntaxes] == ["none"]
    assert stack.coding.lossy is False
    assert (inspection.patients, inspection.studies) == (1, 1)
    assert inspection.problems == ()


@pytest.mark.parametrize(
    ("cosines", "word", "nearest", "letters"),
    [
        (((1.0, 0, 0), (0, 1.0, 0)), "axial", "axial", ("L", "P")),
        (((1.0, 0, 0), (0, 0, -1.0)), "coronal", "coronal", ("L", "F")),
        (((0, 1.0, 0), (0, 0, -1.0)), "sagittal", "sagittal", ("P", "F")),
        (((-1.0, 0, 0), (0, -1.0, 0)), "axial", "axial", ("R", "A")),
        (OBLIQUE, "oblique", "axial", ("LP", "PR")),
    ],
)
def test_planes_have_the_name_and_the_letters_of_the_standard(cosines, word, nearest, letters):
    grid = only(inspect(make_series("CT", cosines=cosines))).grid
    assert (grid.orientation, grid.nearest) == (word, nearest)
    assert (grid.rows_towards, grid.columns_towards) == letters


def test_a_gap_is_named_with_its_files_and_its_size(tmp_path):
    folder = saved(make_series("CT"), tmp_path)
    (folder / "2.dcm").unlink()
    (folder / "3.dcm").unlink()
    stack = only(inspect(folder))
    (gap,) = stack.grid.gaps
    assert (gap.after, gap.before, gap.mm, gap.expected_mm, gap.missing) == ("1.dcm", "4.dcm", 6.0, 2.0, 2)
    assert stack.grid.extent_xyz_mm == (14.0, 15.0, 12.0)
    assert stack.reads.code == "GEO-GAP"
    assert {v.code for v in stack.operations.values()} == {"GEO-GAP"}
    assert "between 1.dcm and 4.dcm" in str(inspect(folder))


@pytest.mark.parametrize("degrees", [2.0, 10.0, -18.5])
def test_a_gantry_tilt_is_measured(degrees):
    step = 2 * np.tan(np.radians(degrees))
    inspection = inspect(make_series("CT", ImagePositionPatient=lambda k: [0.0, round(step * k, 6), 2.0 * k]))
    stack = only(inspection)
    assert stack.grid.tilt_degrees == pytest.approx(abs(degrees), abs=1e-4)
    assert stack.reads.code == "GEO-TILT"
    assert f"tilt {abs(degrees):.2f} degrees" in str(inspection)


def test_times_and_echoes_are_counted_with_the_attribute_that_tells_them_apart():
    stack = only(
        inspect(
            make_series(
                "MR", ImagePositionPatient=lambda k: [0.0, 0.0, 2.0 * (k % 2)], EchoTime=lambda k: [12, 24, 36][k // 2]
            )
        )
    )
    repeats = stack.grid.repeats
    assert (repeats.positions, repeats.least, repeats.most, repeats.by[0]) == (2, 3, 3, ("EchoTime", 3))
    assert stack.reads.code == "GEO-4D"


@pytest.mark.parametrize(
    ("attribute", "keyword", "value", "code"),
    [
        ("ImageOrientationPatient", "ImageOrientationPatient", [1, 0, 0, 0, 0, -1], "GEO-ORIENTATION"),
        ("PixelSpacing", "PixelSpacing", [0.5, 0.5], "GEO-PIXELS"),
        ("Rows, Columns", "Rows", 6, "GEO-MATRIX"),
        ("ImageType", "ImageType", ["ORIGINAL", "PRIMARY", "LOCALIZER"], "SRC-LOCALIZER"),
    ],
)
def test_odd_slices_are_named_and_the_others_judged_without_them(attribute, keyword, value, code, tmp_path):
    datasets = make_series("CT", count=5)
    setattr(datasets[4], keyword, value)
    stack = only(inspect(saved(datasets, tmp_path)))
    (odd,) = stack.grid.odd
    assert (odd.attribute, odd.files, odd.apart) == (attribute, ("4.dcm",), True)
    assert stack.reads.code == code
    assert stack.without_odd.ok
    assert stack.grid.slices == 4
    assert "without the odd files: ok" in str(inspect(tmp_path))


def test_another_image_type_is_told_and_leaves_the_stack_as_it_is(tmp_path):
    datasets = make_series("CT")
    datasets[0].ImageType = ["ORIGINAL", "PRIMARY", "AXIAL", "ADD"]
    stack = only(inspect(saved(datasets, tmp_path)))
    assert [(o.attribute, o.apart) for o in stack.grid.odd] == [("ImageType", False)]
    assert stack.reads.ok
    assert stack.grid.slices == 6


def test_a_single_slice_can_be_anything_but_resampled(tmp_path):
    inspection = inspect(make_series("CT", count=1))
    stack = only(inspection)
    assert stack.reads.ok
    assert {n for n, v in stack.operations.items() if not v.ok} == {"resample"}
    assert stack.operations["resample"].code == "GEO-SINGLE"
    assert "--spacing-mm X Y Z" in stack.operations["resample"].fix
    with pytest.raises(DeriveError, match="GEO-SINGLE"):
        derive.build(derive.read(make_series("CT", count=1)), resample(spacing_mm=1.0))


def test_a_missing_attribute_of_type_1_is_told_with_the_flag_that_gives_it():
    datasets = make_series("PT", CountsSource=None)
    stack = only(inspect(datasets))
    assert stack.reads.ok
    verdict = stack.operations["mip"]
    assert (verdict.code, verdict.fix) == ("ASM-TYPE1", "--set CountsSource=VALUE")
    assert stack.operations["export"].ok
    (problem,) = stack.problems
    assert set(problem.operations) == set(REGISTRY)
    (made,) = derive.build(derive.read(datasets), mip(), set={"CountsSource": "EMISSION"}).instances()
    assert made.CountsSource == "EMISSION"


def test_copies_are_listed_and_neither_counted_nor_decoded(tmp_path, decodes_nothing):
    folder = saved(make_series("CT"), tmp_path / "s")
    saved(make_series("CT"), tmp_path / "s" / "again")
    stack = only(inspect(folder))
    assert (stack.images, len(stack.files), stack.grid.slices) == (6, 12, 6)
    assert stack.copies == tuple(f"again/{k}.dcm" for k in range(6))
    assert stack.reads.ok


# --- several series, patients, classes ----------------------------------------------------------------------------


def test_series_are_numbered_as_read_numbers_them(tmp_path):
    saved(make_series("CT"), tmp_path / "b")
    saved(other_series(1), tmp_path / "a")
    saved(other_series(7), tmp_path / "c")
    inspection = inspect(tmp_path)
    assert [s.series_number for s in inspection.stacks] == ["1", "3", "7"]
    for stack in inspection.stacks:
        assert derive.read(tmp_path, series=f"#{stack.number}").series_instance_uid == stack.series_instance_uid
        flag, uid = stack.choose.split()
        assert (flag, uid) == ("--series", stack.series_instance_uid)
    assert (inspection.whole.code, "--series" in inspection.whole.fix) == ("SRC-SERIES", True)


def test_patients_are_counted_and_never_named(tmp_path):
    saved(make_series("CT", SeriesDescription="Jane Doe"), tmp_path / "a")
    saved(other_series(9, PatientID="P2", PatientName="Roe^Richard", StudyInstanceUID="1.2.3"), tmp_path / "b")
    inspection = inspect(tmp_path)
    assert (inspection.patients, inspection.studies) == (2, 2)
    said = str(inspection) + json.dumps(inspection.to_json())
    assert not any(text in said for text in ("Doe", "Jane", "Roe", "Richard", '"P1"', '"P2"', "19700101", "Erring"))


def test_other_classes_are_stacks_with_the_reason_and_what_is_no_image_is_counted(real):
    inspection = inspect([real("enhanced_ct_2f"), real("pydicom_test_files/test_files/reportsi.dcm")])
    stack = only(inspection)
    assert (stack.class_name, stack.number, stack.images, stack.frames) == ("Enhanced CT Image Storage", None, 1, 2)
    assert stack.reads.code == "SRC-CLASS"
    assert stack.coding.syntaxes[0].files == 1
    assert [(o.class_name, o.count) for o in inspection.objects] == [("Basic Text SR Storage", 1)]
    assert "1 Basic Text SR Storage" in str(inspection)


def test_a_segmentation_is_no_stack_of_images(real):
    inspection = inspect(real("pydicom_test_files/test_files/liver_1frame.dcm"))
    assert (inspection.stacks, inspection.objects[0].class_name) == ((), "Segmentation Storage")


def test_compression_is_told_as_the_files_have_it(real):
    folder = real("cornerstone_one_ct_all_syntaxes")
    for ending, compression, lossy in (
        ("2.4.50", "lossy", True),
        ("2.4.70", "lossless", False),
        ("2.1", "none", False),
    ):
        (file,) = folder.glob(f"*_1.2.840.10008.1.{ending}.dcm")
        coding = only(inspect(file)).coding
        assert ([s.compression for s in coding.syntaxes], coding.lossy) == ([compression], lossy)


# --- archives -----------------------------------------------------------------------------------------------------


def zipped(folder, target):
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as out:
        for file in sorted(folder.rglob("*.dcm")):
            out.write(file, file.relative_to(folder))
    return target


def test_an_archive_is_like_its_folder(tmp_path):
    folder = saved(make_series("PT"), tmp_path / "s")
    saved(other_series(9), folder / "more")
    one, other = (inspect(p).to_json() for p in (folder, zipped(folder, tmp_path / "s.zip")))
    assert {**one, "source": ""} == {**other, "source": ""}
    (tmp_path / "s.zip").rename(folder / "inside.zip")
    assert inspect(folder).skipped[0].reason.startswith("an archive inside a folder")


def test_a_damaged_member_of_an_archive_stops_nothing(tmp_path):
    archive = zipped(saved(make_series("CT"), tmp_path / "s"), tmp_path / "s.zip")
    with zipfile.ZipFile(archive) as held:
        info = held.getinfo("5.dcm")
    data = bytearray(archive.read_bytes())
    at = info.header_offset + 60
    data[at : at + 20] = bytes(20)
    archive.write_bytes(bytes(data))
    inspection = inspect(archive)
    assert [(u.name, u.code) for u in inspection.unreadable] == [("5.dcm", "ZIP-UNREADABLE")]
    assert only(inspection).images == 5
    checked(inspection)


def test_an_archive_that_is_not_trusted_is_listed(tmp_path):
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as out:
        out.writestr("../climbs.dcm", b"x")
    inspection = inspect(tmp_path / "bad.zip")
    assert [u.code for u in inspection.unreadable] == ["ZIP-PATH"]
    assert inspection.whole.code == "ZIP-PATH"
    checked(inspection)


# --- ways in, progress, memory ------------------------------------------------------------------------------------


def test_one_thing_that_does_not_exist_is_an_error_and_one_of_several_is_listed(tmp_path):
    with pytest.raises(SourceError, match="SRC-MISSING"):
        inspect(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="SRC-INPUT"):
        inspect(3)
    inspection = inspect([saved(make_series("CT"), tmp_path / "s"), tmp_path / "nowhere"])
    assert [u.code for u in inspection.unreadable] == ["SRC-MISSING"]
    assert only(inspection).reads.ok


def test_data_sets_and_their_files_are_alike(tmp_path):
    datasets = list(phantom_datasets())[:4]
    in_memory, on_disk = inspect(datasets), inspect(saved(datasets, tmp_path))
    assert only(in_memory).grid == only(on_disk).grid
    assert only(in_memory).operations == only(on_disk).operations


def test_progress_goes_to_all_twice(tmp_path):
    folder = saved(make_series("CT"), tmp_path)
    (folder / "notes.txt").write_text("hello")
    told = []
    inspect(folder, progress=lambda done, count: told.append((done, count)))
    assert told == [*((k, 7) for k in range(1, 8)), (6, 6)]


def test_a_header_takes_little_memory(tmp_path):
    for number in range(1, 7):
        saved(other_series(number, count=50, shape=(4, 4)), tmp_path, f"{number}-")
    inspect(tmp_path)  # tables of the standard are loaded once
    tracemalloc.start()
    inspection = inspect(tmp_path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [s.images for s in inspection.stacks] == [50] * 6
    assert peak < 300 * 10_000


# --- what would change it -----------------------------------------------------------------------------------------

#: Errors of parameters that are not tried, and of what comes later than a plan.
NOT_SAID = {"SRC-INPUT", "VAL-EMPTY", "VAL-NONFINITE", "VAL-SHAPE", "VAL-SLAB", "GEO-POSITIONS", "VAL-PADDING"}
READ_SIDE = ("reading", "pixels", "elements", "model")


def test_every_code_that_reading_can_raise_has_a_fix():
    sources = [
        p.read_text(encoding="utf-8")
        for room in READ_SIDE
        for p in Path(derive.__file__).parent.joinpath(room).glob("*.py")
    ]
    raised = {c for text in sources for c in re.findall(r'"((?:SRC|GEO|VAL|ZIP)-[A-Z0-9]+)"', text)}
    table = files("derive.inspection").joinpath("fixes.tsv").read_text(encoding="utf-8")
    lines = list(csv.DictReader(table.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE))
    assert raised - {line["code"] for line in lines if not line["operation"]} == NOT_SAID & raised
    assert len({(line["code"], line["operation"]) for line in lines}) == len(lines)
    assert all(line["fix"].startswith(("--", "no flag: ")) for line in lines)
    assert {line["operation"] for line in lines} <= {"", *REGISTRY}


def test_every_operation_is_tried():
    assert set(only(inspect(make_series("CT"))).operations) == {*REGISTRY, "export", "convert"}
    assert unchanged(np.ones((1, 2, 2), np.float32)).sum() == 4


# --- command ------------------------------------------------------------------------------------------------------


def run(*arguments):
    parser = argparse.ArgumentParser()
    inspecting.add_parser(parser.add_subparsers(required=True))
    parsed = parser.parse_args(["inspect", *map(str, arguments)])
    return parsed.run(parsed)


def test_the_command_prints_a_block_a_stack(tmp_path, capsys):
    saved(make_series("CT"), tmp_path / "a")
    saved(other_series(9), tmp_path / "b")
    assert run(tmp_path) == 0
    printed = capsys.readouterr()
    assert printed.out == f"{inspect(tmp_path)}\n"
    assert printed.err == ""
    assert re.findall(r"^#\d", printed.out, re.MULTILINE) == ["#1", "#2"]
    assert (
        "ok              read, apply, gaussian-blur, mean-projection, minip, mip, resample, export, convert"
        in printed.out
    )


def test_the_command_prints_json(tmp_path, capsys):
    assert run(saved(make_series("CT"), tmp_path), "--json", "-q") == 0
    assert json.loads(capsys.readouterr().out) == checked(inspect(tmp_path))


def test_nothing_of_dicom_is_exit_code_3(tmp_path, capsys):
    (tmp_path / "notes.txt").write_text("hello")
    assert run(tmp_path) == 3
    assert "SRC-NONE" in capsys.readouterr().out


def test_the_command_draws_its_progress_unless_quiet(tmp_path, monkeypatch):
    made = []

    class Drawn(inspecting.Progress):
        def __call__(self, done, count):
            made.append((done, count))

    monkeypatch.setattr(inspecting, "Progress", Drawn)
    run(saved(make_series("CT"), tmp_path), "-q")
    assert made == []
    run(tmp_path)
    assert made[-1] == (6, 6)


# --- findings by rule ---------------------------------------------------------------------------------------------


def finding(file, path="Rows", severity="error", code="CHK-TYPE1", section="PS3.5 7.4.1", message="has no value"):
    return Finding(severity, code, path, "image-pixel", "type 1", section, message, file)


def test_findings_of_a_rule_are_one_line_with_the_count_of_files():
    (group,) = grouped(finding(f"{k}.dcm") for k in range(140))
    assert (group.code, group.severity, group.file_count, group.finding_count) == ("CHK-TYPE1", "error", 140, 140)
    assert group.first_files == ("0.dcm", "1.dcm", "2.dcm")
    assert str(group) == (
        "error CHK-TYPE1: Rows has no value (type 1, PS3.5 7.4.1): 140 files: 0.dcm, 1.dcm, 2.dcm and 137 more"
    )


def test_a_rule_with_several_attributes_says_what_it_is_and_names_them():
    keywords = ("Rows", "Columns", "BitsStored", "HighBit")
    (group,) = grouped(finding("a.dcm", k) for k in keywords)
    assert group.message == "an attribute that needs a value has none: Rows, Columns, BitsStored and 1 more"
    assert (group.file_count, group.finding_count) == (1, 4)
    assert str(group).endswith(": 1 file: a.dcm (4 findings)")


def test_errors_come_first_then_what_concerns_most_files_and_sections_stay_apart():
    found = [
        finding("a", severity="warning", code="CHK-FOV"),
        finding("a", section="PS3.3 C.7.6.2"),
        *(finding(n) for n in "ab"),
    ]
    assert [(g.severity, g.section, g.file_count) for g in grouped(found)] == [
        ("error", "PS3.5 7.4.1", 2),
        ("error", "PS3.3 C.7.6.2", 1),
        ("warning", "PS3.5 7.4.1", 1),
    ]
    assert grouped([]) == []


def test_no_finding_of_real_files_is_lost(real):
    findings = derive.check(real("pydicom_test_files")).findings
    groups = grouped(findings)
    assert sum(g.finding_count for g in groups) == len(findings)
    assert len(groups) < len(findings) / 4
    assert all("\n" not in str(g) for g in groups)
    assert Path(groups[0].first_files[0]).name
    assert json.dumps([g.to_json() for g in groups])

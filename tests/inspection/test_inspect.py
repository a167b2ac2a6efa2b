"""What is in a folder, and what would be said to it: the same that is said then, however it is handed in."""

from __future__ import annotations

import csv
import json
import os
import re
import tracemalloc
import zipfile
from importlib.resources import files
from pathlib import Path

import pytest

import derive
from derive.demo import phantom_datasets
from derive.errors import DeriveError, SourceError, UsageError
from derive.inspection import inspect
from derive.model.stacking import in_colours, stacked
from derive.operations import REGISTRY, mip
from tests.conftest import DATA
from tests.helpers.asserting import every
from tests.helpers.inspections import checked, only, other_series, saved
from tests.helpers.sources import make_series

NO_DICOM = {"nifti_ct_totalseg", "nrrd_mha"}
FOLDERS = sorted(p.name for p in DATA.iterdir() if p.is_dir()) if DATA.is_dir() else ["(none)"]


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
    assert every(len(line) <= 120 or " " not in line.strip() for line in str(inspection).splitlines()[1:])


@pytest.mark.parametrize("name", FOLDERS)
def test_what_is_said_of_a_real_stack_is_what_read_says_then(name, real):
    folder = real(name)
    stacks = inspect(folder).stacks
    assert bool(stacks) == (name not in NO_DICOM)
    for stack in stacks:
        paths = [folder / f for f in stack.files if f not in stack.copies]
        if stack.reads.ok:
            series = derive.read(paths)
            assert series.series_instance_uid == stack.series_instance_uid
            assert series.geometry.shape == (stack.grid.slices, stack.grid.rows, stack.grid.columns)
            assert bool(stack.grid.spacing_by) == (not series.geometry.in_patient)
            if series.geometry.in_patient:
                assert series.geometry.spacing[::-1] == pytest.approx(stack.grid.spacing_xyz_mm, abs=1e-9)
            volumes = (series.colours.red if in_colours(series) else stacked(series, uneven=True)).volumes
            assert volumes[0].quantity.units == stack.values.units
            assert [p.volumes for p in stack.parts] == [len(volumes)]
            continue
        with pytest.raises(DeriveError) as refused:
            derive.read(paths)
        assert refused.value.code == stack.reads.code


@pytest.mark.parametrize("name", ["ct_small_ge_3", "petctmr_ibsi_sts002/PET", "mr_siemens_obliques"])
def test_what_is_said_of_an_operation_is_what_it_says_then(name, real):
    folder = real(name)
    stacks = inspect(folder).stacks
    assert bool(stacks) == (name not in NO_DICOM)
    for stack in stacks:
        series = derive.read(folder, series=stack.series_instance_uid)
        assert set(stack.operations) == {
            *(n for n, k in REGISTRY.items() if k.triable and not k.along),
            "export",
            "convert",
        }
        assert every(v.ok for v in stack.operations.values())
        next(derive.build(series, mip()).instances())


def test_the_whole_is_refused_as_read_refuses_it(real):
    for name in ("petctmr_ibsi_sts002", "enhanced_mr", "mr_siemens_multiecho", "nrrd_mha"):
        whole = inspect(real(name)).whole
        with pytest.raises(DeriveError) as refused:
            derive.read(real(name))
        assert (whole.code, whole.message) == (refused.value.code, refused.value.message)


# --- several series, patients, classes ----------------------------------------------------------------------------


def test_series_are_numbered_as_read_numbers_them(tmp_path):
    saved(make_series("CT"), tmp_path / "b")
    saved(other_series(1), tmp_path / "a")
    saved(other_series(7), tmp_path / "c")
    inspection = inspect(tmp_path)
    assert [s.series_number for s in inspection.stacks] == ["1", "3", "7"]
    for stack in inspection.stacks:
        assert derive.read(tmp_path, series=f"#{stack.number}").series_instance_uid == stack.series_instance_uid
        assert stack.choose == f'series="{stack.series_instance_uid}"'
    assert (inspection.whole.code, "series=UID" in inspection.whole.fix) == ("SRC-SERIES", True)


def test_patients_are_counted_and_never_named(tmp_path):
    saved(make_series("CT", SeriesDescription="Jane Doe"), tmp_path / "a")
    saved(other_series(9, PatientID="P2", PatientName="Roe^Richard", StudyInstanceUID="1.2.3"), tmp_path / "b")
    inspection = inspect(tmp_path)
    assert (inspection.patients, inspection.studies) == (2, 2)
    said = str(inspection) + json.dumps(inspection.to_json())
    assert not any(text in said for text in ("Doe", "Jane", "Roe", "Richard", '"P1"', '"P2"', "19700101", "Erring"))


def test_other_classes_are_stacks_with_the_reason_and_what_is_no_image_is_counted(real):
    inspection = inspect(
        [real("pydicom_test_files/test_files/rtdose.dcm"), real("pydicom_test_files/test_files/reportsi.dcm")]
    )
    stack = only(inspection)
    assert (stack.class_name, stack.number, stack.images, stack.frames) == (
        "RT Dose Storage",
        None,
        1,
        15,
    )
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
#: What only grids and pictures can be that were no DICOM.
NOT_SAID |= {"GEO-DETERMINANT", "GEO-SHEAR", "VAL-PICTURE"}
#: What is said of a second source: segments, a registration.
NOT_SAID |= {"GEO-GRID", "SRC-TRANSFORM"}
READ_SIDE = ("reading/*.py", "pixels/decode.py", "pixels/codestream.py", "elements/*.py", "model/geometry.py")


def test_every_code_that_reading_can_raise_has_a_fix():
    sources = [
        p.read_text(encoding="utf-8") for pattern in READ_SIDE for p in Path(derive.__file__).parent.glob(pattern)
    ]
    raised = {c for text in sources for c in re.findall(r'"((?:SRC|GEO|VAL|ZIP)-[A-Z0-9]+)"', text)}
    table = files("derive.inspection").joinpath("fixes.tsv").read_text(encoding="utf-8")
    lines = list(csv.DictReader(table.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE))
    remarks = files("derive.model").joinpath("remarks.tsv").read_text(encoding="utf-8").splitlines()[1:]
    stops_nothing = {line.split("\t")[0] for line in remarks}
    assert raised - {line["code"] for line in lines} - stops_nothing == NOT_SAID & raised
    assert len({line["code"] for line in lines}) == len(lines)
    assert every(line["fix"].startswith(("{flag:", "no flag: ")) for line in lines)
    assert {code for kind in REGISTRY.values() for code in kind.fixes} <= {line["code"] for line in lines}


def test_every_operation_is_tried():
    assert set(only(inspect(make_series("CT"))).operations) == {
        *(n for n, k in REGISTRY.items() if k.triable and not k.along),
        "export",
        "convert",
    }

"""Files that are cut short, spoilt or no files at all: listed by inspect, and never an error for one file."""

from __future__ import annotations

import os
import random

import pytest

import derive
from derive.errors import SourceError
from derive.inspection import inspect
from tests.helpers.inspections import checked, only, saved
from tests.helpers.instances import raw
from tests.helpers.sources import make_series


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

"""What was captured of a screen beside a scan is not read in its place, and is asked for by name."""

from __future__ import annotations

import pytest

import derive
from tests.helpers.asserting import each
from tests.helpers.projections import make_projection
from tests.helpers.refusals import refused
from tests.helpers.sources import ROOT, make_series


@pytest.fixture
def capture():
    return make_projection("SC", SeriesInstanceUID=f"{ROOT}.77", SeriesNumber=9, SeriesDescription="report")


@pytest.fixture
def scan():
    return make_series("CT", 3)


def saved(folder, *datasets):
    folder.mkdir()
    for number, dataset in enumerate(datasets):
        dataset.save_as(folder / f"{number}.dcm", enforce_file_format=True)
    return folder


def test_the_scan_is_read(capture, scan, tmp_path):
    series = derive.read(saved(tmp_path / "in", capture, *scan))
    assert {frame.sop_class_uid for frame in each(series.references)} == {scan[0].SOPClassUID}
    assert len(series.frames) == 3


@pytest.mark.parametrize("which", ["#2", "9", f"{ROOT}.77", "report"])
def test_the_capture_is_read_by_name(which, capture, scan, tmp_path):
    series = derive.read(saved(tmp_path / "in", *scan, capture), series=which)
    assert [frame.sop_instance_uid for frame in series.references] == [capture.SOPInstanceUID]


def test_a_capture_alone_is_read(capture, tmp_path):
    series = derive.read(saved(tmp_path / "in", capture))
    assert series.sop_class_uid == capture.SOPClassUID


def test_of_two_captures_and_of_two_scans_one_is_to_be_said(capture, scan, tmp_path):
    again = make_projection("SC", number=2, SeriesInstanceUID=f"{ROOT}.78")
    refused(saved(tmp_path / "captures", capture, again), "SRC-SERIES")
    other = make_projection("CR", number=3, SeriesInstanceUID=f"{ROOT}.79")
    refused(saved(tmp_path / "scans", *scan, other, capture), "SRC-SERIES")

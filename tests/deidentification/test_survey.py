"""The first pass finds every object, whatever it is, and says of all else why it is none."""

from __future__ import annotations

import pytest
from pydicom.dataset import Dataset

from derive.deidentification.line.survey import survey_of
from tests.helpers.asserting import raises_code
from tests.helpers.sources import make_series


def saved(folder, series, stem="im"):
    folder.mkdir(parents=True, exist_ok=True)
    for k, dataset in enumerate(series):
        dataset.save_as(folder / f"{stem}{k}.dcm", enforce_file_format=True)
    return folder


def numbered(count, numbers):
    return [
        d for d, n in zip(make_series(count=count), numbers, strict=True) if setattr(d, "InstanceNumber", n) is None
    ]


@pytest.fixture
def study(tmp_path):
    saved(tmp_path / "study" / "a", numbered(3, [3, 1, 2]))
    saved(tmp_path / "study" / "b", make_series("MR", count=2, SeriesInstanceUID="1.2.3.9"))
    (tmp_path / "study" / "notes.txt").write_text("Doe")
    (tmp_path / "study" / "empty.dcm").write_bytes(b"")
    (tmp_path / "study" / "again.dcm").hardlink_to(tmp_path / "study" / "a" / "im0.dcm")
    return tmp_path / "study"


def test_objects_stand_by_series_in_the_order_of_their_numbers(study):
    seen = []
    found = survey_of(study, seen.append)
    assert [[m.number for m in s.members] for s in found.series] == [[1, 2, 3], [1, 2]]
    assert len(seen) == found.count == 5
    assert {header.strict for header in seen} == {False}
    assert found.size == sum(p.stat().st_size for p in study.rglob("im*.dcm"))


def test_what_is_no_object_is_said(study):
    others = survey_of(study, lambda _: None).others
    assert sorted(o.reason for o in others) == ["another name of a file of the set", "empty", "not a DICOM file"]
    assert {o.code for o in others} == {""}


def test_what_cannot_be_read_has_a_code(study):
    (study / "broken.dcm").write_bytes(b"\0" * 128 + b"DICM" + b"\x02\0\0\0UL\xff\xff" + b"\xff" * 40)
    found = survey_of(study, lambda _: None)
    assert [(o.name, o.code) for o in found.others if o.code] == [("broken.dcm", "SRC-UNREADABLE")]
    assert found.count == 5


def test_data_sets_are_objects_too():
    found = survey_of(make_series(count=2), lambda _: None)
    assert [m.name for m in found.series[0].members] == ["data set 1", "data set 2"]
    assert found.paths == ()
    assert not found.is_packed


def test_objects_without_uids_are_a_series(tmp_path):
    for dataset in (bare := make_series(count=2)):
        del dataset.SeriesInstanceUID
    assert survey_of(saved(tmp_path / "x", bare), lambda _: None).count == 2


def test_nothing_is_refused(tmp_path):
    (tmp_path / "only.txt").write_text("x")
    with raises_code("SRC-NONE"):
        survey_of(tmp_path, lambda _: None)
    with raises_code("SRC-MISSING"):
        survey_of(tmp_path / "nowhere", lambda _: None)
    with raises_code("SRC-NONE"):
        survey_of(list[Dataset](), lambda _: None)


def test_a_copy_is_left_out_and_said_and_another_object_of_the_same_uid_is_not(study):
    (study / "copy.dcm").write_bytes((study / "a" / "im1.dcm").read_bytes())
    saved(study / "other", make_series(count=1, shape=(3, 3)))
    found = survey_of(study, lambda _: None)
    assert found.count == 6
    assert [o.reason for o in found.others].count("a copy of an object of the set") == 1

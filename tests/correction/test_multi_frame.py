"""Multi-frame objects are corrected as others are: references in functional groups follow; all can be taken back."""

from __future__ import annotations

import shutil

import pydicom
import pytest

import derive
from derive.operations import gaussian_blur
from tests.helpers.asserting import raises_code
from tests.helpers.verification import verified

DWI = "siemens_xa60_enh_7t/dwi"


@pytest.fixture(scope="module")
def study(real, tmp_path_factory):
    """A series of multi-frame images and what is made of it, side by side."""
    folder = tmp_path_factory.mktemp("study")
    shutil.copytree(real(DWI), folder / "source")
    derive.build(folder / "source", gaussian_blur(sigma_mm=2.0)).write(folder / "out")
    return folder


def files_in(folder):
    return sorted(p for p in folder.rglob("*") if p.is_file())


def test_references_in_functional_groups_follow_new_uids(study, tmp_path):
    derive.correct(study, set={"PatientID": "4711"}, new_uids=True, source="Hospital").write(tmp_path / "new")
    made = {
        dataset.SeriesInstanceUID
        for dataset in (pydicom.dcmread(f, stop_before_pixels=True) for f in files_in(tmp_path / "new"))
        if dataset.ImageType[0] == "DERIVED"
    }
    found = verified(tmp_path / "new", series=made.pop())
    assert (found.verdict, found.sources, found.reason) == ("SAME", (7, 7, 70), "")


def test_a_correction_is_taken_back_to_the_last_byte(study, tmp_path):
    derive.correct(study, set={"PatientID": "4711"}, mend=True, source="Hospital").write(tmp_path / "new")
    derive.correct(tmp_path / "new", undo=1).write(tmp_path / "back")
    before = sorted(f.read_bytes() for f in files_in(study) if f.suffix != ".json")
    assert sorted(f.read_bytes() for f in files_in(tmp_path / "back")) == before


def test_a_value_within_a_group_is_corrected_and_its_frames_are_read_with_it(study, tmp_path):
    path = "PerFrameFunctionalGroupsSequence[0].MREchoSequence[0].EffectiveEchoTime"
    file = files_in(study / "source")[0]
    derive.correct(file, set={path: "61.5"}, source="Hospital").write(tmp_path / "new")
    changes = derive.diff(file, tmp_path / "new").changes
    (changed,) = (c for c in changes if c.keyword == "EffectiveEchoTime")
    assert (changed.place, changed.frames) == ("MREchoSequence > EffectiveEchoTime", (1,))


@pytest.mark.parametrize(
    ("keyword", "value", "place"),
    [
        ("EchoTime", "61.5", "PerFrameFunctionalGroupsSequence[0].MREchoSequence[0].EffectiveEchoTime"),
        ("SliceThickness", "3", "PerFrameFunctionalGroupsSequence[0].PixelMeasuresSequence[0].SliceThickness"),
    ],
)
def test_what_is_said_of_frames_is_not_set_beside_them(keyword, value, place, study, tmp_path):
    with raises_code("COR-REFUSED") as caught:
        derive.correct(study / "source", set={keyword: value}, source="Hospital").write(tmp_path / "new")
    assert place in str(caught.value)
    assert not (tmp_path / "new").exists()


def test_what_an_instance_says_itself_is_set_there(study, tmp_path):
    derive.correct(study / "source", set={"BodyPartExamined": "HEAD"}, source="Hospital").write(tmp_path / "new")
    assert {pydicom.dcmread(f).BodyPartExamined for f in files_in(tmp_path / "new")} == {"HEAD"}

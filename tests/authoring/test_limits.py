"""Options and descriptions at the limits of their value representations: the last legal one, and the next."""

from __future__ import annotations

import re

import pydicom
import pytest

import derive
from derive.model.uids import LONGEST_ROOT, checked_root
from derive.operations import gaussian_blur, mip
from tests.helpers.asserting import each, every, raises_code
from tests.helpers.sources import make_series

BLUR = gaussian_blur(sigma_mm=1.0)


def first(tmp_path, *steps, source=None, **options):
    report = derive.build(derive.read(make_series("CT", **(source or {}))), *(steps or [BLUR]), **options).write(
        tmp_path / "out"
    )
    return pydicom.dcmread(report.files[0])


@pytest.mark.parametrize("length", [1, 63, 64])
def test_a_description_of_up_to_64_characters_is_written_whole(length, tmp_path):
    assert first(tmp_path, series_description="x" * length).SeriesDescription == "x" * length


@pytest.mark.parametrize("length", [0, 65, 66])
def test_a_description_of_none_or_more_is_refused(length):
    with raises_code("SET-LENGTH"):
        derive.build(derive.read(make_series("CT")), BLUR, series_description="x" * length)


#: "blur 1 mm: " has 11 characters.
@pytest.mark.parametrize(("length", "kept"), [(6, 53), (7, 47), (11, 47), (13, 47)])
def test_the_description_of_the_source_is_cut_between_words_and_the_step_is_not(length, kept, tmp_path):
    said = "s" * 47 + " " + "t" * (length - 1)
    found = first(tmp_path, source={"SeriesDescription": said}).SeriesDescription
    assert found == "blur 1 mm: " + said[:kept]


@pytest.mark.parametrize(("length", "kept"), [(52, 52), (53, 53), (54, 0), (64, 0)])
def test_a_word_of_the_source_that_does_not_fit_is_left_out(length, kept, tmp_path):
    found = first(tmp_path, source={"SeriesDescription": "s" * length}).SeriesDescription
    assert found == ("blur 1 mm: " + "s" * kept if kept else "blur 1 mm")


def test_where_steps_leave_no_room_they_stand_alone(tmp_path):
    found = first(tmp_path, *[BLUR] * 5, mip(), source={"SeriesDescription": "s" * 64}).SeriesDescription
    assert found == ", ".join(["blur 1 mm"] * 5 + ["MIP"])


def test_steps_that_do_not_fit_are_told_apart_by_a_mark(tmp_path):
    steps = [[BLUR] * 6 + [mip(slab_mm=mm)] for mm in (4, 5)]
    found = [first(tmp_path / str(k), *chain).SeriesDescription for k, chain in enumerate(steps)]
    assert found[0] != found[1]
    for text in found:
        assert len(text) <= 64
        assert text.startswith("blur 1 mm, blur 1 mm, blur 1 mm")
        assert re.search(r" #[0-9a-f]{4}$", text)


@pytest.mark.parametrize("number", [0, 1, -(2**31), 2**31 - 1])
def test_a_series_number_of_32_bits_is_written(number, tmp_path):
    assert first(tmp_path, series_number=number).SeriesNumber == number


@pytest.mark.parametrize("number", [-(2**31) - 1, 2**31])
def test_a_series_number_of_more_is_refused(number):
    with raises_code("SET-NUMBER"):
        derive.build(derive.read(make_series("CT")), BLUR, series_number=number)


def root_of(length):
    return ("1.2." + "7" * 64)[:length]


def test_the_longest_root_leaves_room_for_every_uid():
    report = derive.build(derive.read(make_series("CT")), BLUR, uid_prefix=root_of(LONGEST_ROOT))
    made = [str(d.SOPInstanceUID) for d in each(report.instances(), 6)]
    assert every(uid.startswith(root_of(LONGEST_ROOT) + ".") and pydicom.uid.UID(uid).is_valid for uid in made)
    assert len({*made}) == 6


@pytest.mark.parametrize("length", range(LONGEST_ROOT + 1, 64))
def test_a_longer_root_is_refused(length):
    with raises_code("UID-PREFIX"):
        checked_root(root_of(length))


@pytest.mark.parametrize("root", ["1", "1.", "1.02.3", "1..2", "a.b", ""])
def test_what_is_no_root_is_refused(root):
    with raises_code("UID-PREFIX"):
        checked_root(root)


def test_slice_thickness_stays_where_every_second_slice_is_taken(tmp_path):
    source = derive.read(make_series("CT", 8)[::2])
    assert source.geometry.spacing[0] == pytest.approx(4.0)
    dataset = pydicom.dcmread(derive.build(source, BLUR).write(tmp_path / "out").files[0])
    assert dataset.SliceThickness == 2.0

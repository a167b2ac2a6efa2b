"""The synthetic multi-frame images that tests are made of are valid, and are what they say."""

from __future__ import annotations

import numpy as np
import pytest

from derive import read
from tests.helpers.multi_frame import Spot, concatenation, legacy_converted, multi_frame, stored_of
from tests.helpers.peers import dciodvfy_errors
from tests.helpers.refusals import CT, MR, PET
from tests.helpers.source_files import in_order


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("modality", ["CT", "MR", "PT"])
def test_a_plain_one_is_valid(modality, legacy, tmp_path):
    path = tmp_path / "made.dcm"
    multi_frame(modality, legacy=legacy).save_as(path, enforce_file_format=True)
    assert not dciodvfy_errors([path])


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"shuffled": 3},
        {"shared": False},
        {"private": True},
        {"slope": lambda spot: 1 + spot.slice},
        {"modality": "MR", "legacy": True, "shuffled": 1},
    ],
)
def test_its_frames_are_where_they_say(form):
    series = read([multi_frame(**form)])
    for place, frame in enumerate(series.frames):
        assert np.array_equal(frame.stored_values(), stored_of(Spot(0, 0, place)))


def test_parts_of_a_concatenation_are_valid(tmp_path):
    parts = concatenation(multi_frame("CT"), [0, 1, 2], [3, 4, 5])
    for number, part in enumerate(parts):
        part.save_as(tmp_path / f"{number}.dcm", enforce_file_format=True)
    assert not dciodvfy_errors(sorted(tmp_path.iterdir()))


@pytest.mark.parametrize("folder", [CT, MR, PET])
def test_a_conversion_by_highdicom_is_the_classic_series(real, folder):
    files = in_order(real(folder))[:5]
    converted, classic = read([legacy_converted(files)]), read(files)
    assert converted.geometry == classic.geometry
    assert [frame.rescale for frame in converted.frames] == [frame.rescale for frame in classic.frames]
    assert np.array_equal(np.asarray(converted), np.asarray(classic), equal_nan=True)

"""Some volumes of a series: whole ones beside others that lack images, and what is said where none is told."""

from __future__ import annotations

import numpy as np
import pytest

import derive
from derive.errors import SourceError
from derive.operations import gaussian_blur
from tests.helpers.multi_frame import multi_frame, only_frames
from tests.helpers.refusals import refused
from tests.helpers.sources import make_series

ECHOES = (10.0, 25.5, 40.0)


def echoes(lost=4, shuffled=None):
    """Three volumes of six frames; of one a frame is missing."""
    whole = multi_frame("MR", along={"EffectiveEchoTime": ECHOES}, shuffled=shuffled)
    return only_frames(whole, [k for k in range(18) if k != lost])


def heap(**changes):
    """Two images at each of four positions."""
    place = {"ImagePositionPatient": lambda k: [0.0, 0.0, 2.0 * (k // 2)], "AcquisitionTime": "101010"}
    return make_series("MR", count=8, **(place | {"ContentTime": "101010"} | changes))


def test_a_whole_volume_beside_one_that_lacks_a_frame(tmp_path):
    source = derive.read([echoes(lost=4)], volumes=[2, 3])
    assert source.dimensions[0].values == (25.5, 40)
    derive.build(source, gaussian_blur(sigma_mm=1)).write(tmp_path / "out")
    assert derive.read(tmp_path / "out").dimensions[0].values == (25.5, 40)


@pytest.mark.parametrize("number", [1, 2])
def test_a_volume_by_number_is_that_by_value(number):
    by_number = derive.read([echoes(lost=14)], volumes=number)
    by_value = derive.read([echoes(lost=14)], where={"EchoTime": ECHOES[number - 1]})
    assert np.array_equal(by_number.volume.array, by_value.volume.array)


def test_the_one_that_lacks_a_frame_is_refused_by_name_and_numbers():
    error = refused([echoes(lost=7)], "GEO-4D", volumes=[1, 2])
    assert "volume 2 (EchoTime 25.5) has 5 of 6 positions" in error.message
    assert "take a whole one: volumes=1" in error.message
    assert error.facts["incomplete"] == [2]


def test_the_refusal_of_all_counts_them_alike():
    error = refused([echoes(lost=7)], "GEO-4D")
    assert "#2 EchoTime 25.5 has 5" in error.message
    assert "take whole ones: volumes=1" in error.message


def test_a_volume_that_is_not_there():
    with pytest.raises(SourceError, match="3 volumes, from 1 on"):
        derive.read([echoes()], volumes=4)


def test_whole_volumes_of_real_echoes(real):
    error = refused(real("mr_siemens_multiecho"), "GEO-4D")
    whole = [n for n in (1, 2, 3) if n not in error.facts["incomplete"]]
    for number in whole:
        assert derive.read(real("mr_siemens_multiecho"), volumes=number).geometry.shape[0] == 3
    for number in error.facts["incomplete"]:
        refused(real("mr_siemens_multiecho"), "GEO-4D", volumes=number)


def test_what_was_looked_at_is_named_with_its_values():
    error = refused(heap(AcquisitionNumber=lambda k: 1 + k // 3, FlipAngle=20), "GEO-4D")
    assert "8 images lie at 4 positions, 2 at each" in error.message
    assert "AcquisitionNumber (2 values: 1, 2, 3)" in error.message
    assert "alike in" in error.message
    assert {"FlipAngle", "EchoTime", "ImageType"} <= set(error.facts["alike"])
    assert 'By its number frames="N-M" chooses' in error.message


def test_a_value_that_every_position_has_once_is_offered():
    """Of the others nothing tells which belong together."""
    changes = {
        "ImagePositionPatient": lambda k: [0.0, 0.0, 2.0 * (k // 3)],
        "EchoTime": lambda k: 10 if k % 3 == 0 else 20,
        "InstanceNumber": lambda k: (0, 11, 12, 3, 22, 21, 6, 31, 32)[k],
    }
    datasets = make_series("MR", count=9, AcquisitionTime="101010", ContentTime="101010", **changes)
    error = refused(datasets, "GEO-4D")
    assert 'where={"EchoTime": 10} takes one volume' in error.message
    assert derive.read(datasets, where={"EchoTime": 10}).geometry.shape[0] == 3


def test_what_no_image_says_is_repeated_with_what_they_say():
    with pytest.raises(SourceError) as caught:
        derive.read([echoes()], where={"EchoTime": 11})
    assert 'where={"EchoTime": 11}' in caught.value.message
    assert "of EchoTime the images have 10, 25.5, 40" in caught.value.message
    assert "VALUE" not in caught.value.message


def test_a_text_that_is_wanted_is_not_repeated():
    with pytest.raises(SourceError) as caught:
        derive.read(make_series("MR"), where={"PatientName": "Roe^Richard"})
    assert "Roe" not in str(caught.value)
    assert "Doe" not in str(caught.value)

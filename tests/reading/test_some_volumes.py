"""Some volumes of a series: whole ones beside others that lack images, and what is said where none is told."""

from __future__ import annotations

import numpy as np
import pytest

import derive
from derive.operations import gaussian_blur
from tests.helpers.asserting import raises_code
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
    with raises_code("SRC-CHOICE") as caught:
        derive.read([echoes()], volumes=4)
    assert "3 volumes, from 1 on" in str(caught.value)


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
    with raises_code("SRC-CHOICE") as caught:
        derive.read([echoes()], where={"EchoTime": 11})
    assert 'where={"EchoTime": 11}' in caught.value.message
    assert "of EchoTime the images have 10, 25.5, 40" in caught.value.message
    assert "VALUE" not in caught.value.message


def test_a_text_that_is_wanted_is_not_repeated():
    with raises_code("SRC-CHOICE") as caught:
        derive.read(make_series("MR"), where={"PatientName": "Roe^Richard"})
    assert "Roe" not in str(caught.value)
    assert "Doe" not in str(caught.value)


PHASE = "NominalPercentageOfRespiratoryPhase"


def phases(offset_mm=0.0, extents=((0, 8), (1, 10), (0, 9))):
    """Phases of a helical CT, each as far as it was seen: slices 2 mm apart, those of a phase shifted by an offset."""
    places = [(p, 2.0 * k + offset_mm * p) for p, (first, last) in enumerate(extents) for k in range(first, last)]
    changes = {
        "ImagePositionPatient": lambda k: [0.0, 0.0, places[k][1]],
        PHASE: lambda k: 30.0 * places[k][0],
        "AcquisitionTime": "101010",
        "ContentTime": "101010",
    }
    return make_series("CT", len(places), **changes)


@pytest.mark.parametrize("offset_mm", [0.0, 0.7])
def test_phases_of_unequal_extent_are_refused_and_taken_one_by_one(offset_mm):
    datasets = phases(offset_mm)
    error = refused(datasets, "GEO-4D")
    assert f'where={{"{PHASE}": 0}}' in error.message
    assert error.facts["varying"] == [PHASE]
    for value, count in ((0, 8), (30, 9), (60, 9)):
        assert derive.read(datasets, where={PHASE: value}).geometry.shape[0] == count


def test_a_phase_of_another_extent_by_number_names_the_flag_that_takes_it():
    error = refused(phases(), "GEO-4D", volumes=1)
    assert f'where={{"{PHASE}": 0}} takes it as it is' in error.message


def test_parts_one_behind_the_other_are_no_volumes():
    """Of one stack that is uneven: a setting may change from one part to the next."""
    steps = [2.0] * 5 + [2.5] * 4
    places = np.concatenate([[0.0], np.cumsum(steps)])
    changes = {"ImagePositionPatient": lambda k: [0.0, 0.0, places[k]], "KVP": lambda k: 100 if k < 6 else 120}
    series = derive.read(make_series("CT", 10, **changes))
    assert series.geometry.shape[0] == 10
    assert series.uneven.code == "GEO-SPACING"


@pytest.mark.parametrize("degrees", [0.5, 3.0, 30.0])
def test_planes_that_are_not_parallel_are_said_to_be_that(degrees):
    def fanned(k):
        angle = np.radians(degrees * k)
        return [1.0, 0.0, 0.0, 0.0, float(np.cos(angle)), float(np.sin(angle))]

    error = refused(make_series("MR", 6, ImageOrientationPatient=fanned), "GEO-ORIENTATION")
    assert "the planes are not parallel" in error.message
    assert "all 6" in error.message
    assert "and 2 more" in error.message

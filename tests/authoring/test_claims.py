"""What is claimed of the sources: places, synthetic data, space, trial, equipment; and what nobody may claim."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest

import derive
from derive.operations import apply, gaussian_blur, mip, resample
from tests.helpers.asserting import each, every, raises_code
from tests.helpers.sources import make_series


def mirror(values: np.ndarray) -> np.ndarray:
    return values[:, :, ::-1].copy()


OWN = {"code": "Smoothing", "halo_slices": 0}
BLUR = gaussian_blur(sigma_mm=1)


def source_of(modality="CT", count=4, **attributes):
    return derive.read(make_series(modality, count, **attributes))


def written(series, folder) -> list[pydicom.Dataset]:
    series.write(folder)
    return each(pydicom.dcmread(path) for path in sorted(folder.iterdir()))


def preserved(image) -> set[str]:
    return {item.get("SpatialLocationsPreserved", "") for item in each(image.SourceImageSequence)}


def test_a_function_that_may_mirror_claims_no_place_unless_a_person_does(tmp_path):
    step = apply(function=mirror, **OWN)
    for number, (said, wanted) in enumerate(each([(None, ""), ("YES", "YES"), ("NO", "NO")])):
        series = derive.build(source_of(), step, spatial_locations_preserved=said)
        assert every(preserved(image) == {wanted} for image in written(series, tmp_path / str(number)))


def test_a_claim_of_an_earlier_step_ends_with_a_step_that_nobody_knows(tmp_path):
    derive.build(source_of(), gaussian_blur(sigma_mm=(1, 1, 0))).write(tmp_path / "first")
    second = written(derive.build(tmp_path / "first", apply(function=mirror, **OWN)), tmp_path / "second")
    assert every(preserved(image) == {""} for image in second)
    third = written(derive.build(tmp_path / "second", gaussian_blur(sigma_mm=(1, 1, 0))), tmp_path / "third")
    assert every(preserved(image) == {"", "YES"} for image in third)  # YES of the second, and nothing new of the first


def test_nobody_says_it_of_an_operation_that_is_known():
    with raises_code("OPT-PLACES"):
        next(derive.build(source_of(), BLUR, spatial_locations_preserved="YES").instances())
    with raises_code("OPT-PLACES"):
        derive.build(source_of(), apply(function=mirror, **OWN), spatial_locations_preserved="MAYBE")


@pytest.mark.parametrize(
    ("said", "step", "wanted"),
    [
        ("YES", BLUR, "YES"),
        ("NO", BLUR, "NO"),
        (lambda k: "YES" if k == 1 else "NO", BLUR, "YES"),
        ("YES", apply(function=mirror, **OWN), "YES"),
        ("NO", apply(function=mirror, **OWN), None),
    ],
)
def test_synthetic_data_stays_said_and_no_function_of_ones_own_is_vouched_for(said, step, wanted, tmp_path):
    made = written(derive.build(source_of(SyntheticData=said), step), tmp_path / "out")
    assert every(image.get("SyntheticData") == wanted for image in made)


def test_results_of_a_series_without_a_space_are_in_one_and_those_of_another_series_in_another():
    nowhere = make_series("CT", 4)
    other = make_series("CT", 4, SeriesInstanceUID="1.2.3.99", SOPInstanceUID=lambda k: f"1.2.3.99.{k + 1}")
    for dataset in each([*nowhere, *other]):
        del dataset.FrameOfReferenceUID
    steps = (BLUR, mip(), resample(spacing_mm=2.0))
    one, two = ({space(derive.read(source), step) for step in steps} for source in (nowhere, other))
    assert len(one) == len(two) == 1
    assert one != two


def space(source, step) -> str:
    return next(derive.build(source, step).instances()).FrameOfReferenceUID


def test_what_names_the_series_in_a_trial_is_not_that_of_another_series(tmp_path):
    trial = {
        "ClinicalTrialSponsorName": "Sponsor",
        "ClinicalTrialProtocolID": "P1",
        "ClinicalTrialProtocolName": "Protocol",
        "ClinicalTrialSiteID": "S",
        "ClinicalTrialSiteName": "Site",
        "ClinicalTrialSubjectID": "4711",
        "ClinicalTrialCoordinatingCenterName": "Center",
        "ClinicalTrialSeriesID": "Series 1",
        "ClinicalTrialSeriesDescription": "Baseline",
    }
    for image in written(derive.build(source_of(**trial), BLUR), tmp_path / "out"):
        assert image.ClinicalTrialCoordinatingCenterName == "Center"
        assert image.ClinicalTrialSubjectID == "4711"
        assert "ClinicalTrialSeriesID" not in image
        assert "ClinicalTrialSeriesDescription" not in image


def test_steps_of_one_program_can_be_told_apart(tmp_path):
    source = source_of(OperatorsName="Op^Erator", AcquisitionDate="20260102", AcquisitionTime=lambda k: f"10210{9 - k}")
    derive.build(source, BLUR).write(tmp_path / "blur")
    derive.build(tmp_path / "blur", resample(spacing_mm=2.0)).write(tmp_path / "grid")
    for image in written(derive.build(tmp_path / "grid", mip()), tmp_path / "mip"):
        scanner, blur, grid = image.ContributingEquipmentSequence
        assert scanner.OperatorsName == "Op^Erator"
        assert scanner.ContributionDateTime == "20260102102106"  # the earliest of all images
        assert blur.ContributionDescription == "gaussian_blur(sigma_mm=1)"
        assert grid.ContributionDescription == "resample(spacing_mm=2, interpolator='linear')"
        assert blur.ContributionDateTime <= grid.ContributionDateTime
        assert "OperatorsName" not in blur
        assert "OperatorsName" not in image


def test_equipment_that_does_not_say_when_has_no_time(tmp_path):
    source = make_series("CT", 4)
    for dataset in source:
        for keyword in ("AcquisitionDate", "AcquisitionTime", "AcquisitionDateTime"):
            dataset.pop(keyword, None)
    for image in written(derive.build(source, BLUR), tmp_path / "out"):
        assert "ContributionDateTime" not in image.ContributingEquipmentSequence[0]

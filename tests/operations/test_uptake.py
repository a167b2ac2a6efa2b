"""Standardized uptake values: of Bq/ml by weight, dose and decay, of counts of Philips, of values that are SUV."""

from __future__ import annotations

import math

import numpy as np
import pydicom
import pytest

import derive
from derive.errors import DeriveError, SourceError, UsageError
from derive.model.volume import Volume
from derive.operations import suv
from tests.helpers.asserting import each
from tests.helpers.peers import dciodvfy_errors
from tests.helpers.real_world import saved
from tests.helpers.sources import make_series
from tests.helpers.volumes import make_geometry

WEIGHT_KG, HEIGHT_M, DOSE_BQ, LIFE_S = 80.0, 1.6, 3.7e8, 6586.2
#: From the injection at 09:30 to the begin of the series at 10:20.
PASSED_S = 50 * 60
LEFT_BQ = DOSE_BQ * 2 ** (-PASSED_S / LIFE_S)
INDEX = WEIGHT_KG / HEIGHT_M**2
#: What the dose is divided by, for a woman and for a man: g, or cm2.
NORMS = {
    "bw": (80e3, 80e3),
    "lbm": ((1.07 * 80 - 148 * 0.25) * 1e3, (1.10 * 80 - 120 * 0.25) * 1e3),
    "lbm-james128": ((1.07 * 80 - 148 * 0.25) * 1e3, (1.10 * 80 - 128 * 0.25) * 1e3),
    "lbm-janma": (9270 * 80e3 / (8780 + 244 * INDEX), 9270 * 80e3 / (6680 + 216 * INDEX)),
    "bsa": (80**0.425 * 160**0.725 * 71.84, 80**0.425 * 160**0.725 * 71.84),
    "ibw": ((45.5 + 0.91 * 8) * 1e3, (48.0 + 1.06 * 8) * 1e3),
}
TERMS = {
    "bw": ("GML", "BW", "g/ml{SUVbw}"),
    "lbm": ("GML", "LBM", "g/ml{SUVlbm}"),
    "lbm-james128": ("GML", "LBMJAMES128", "g/ml{SUVlbm(James128)}"),
    "lbm-janma": ("GML", "LBMJANMA", "g/ml{SUVlbm(Janma)}"),
    "bsa": ("CM2ML", "BSA", "cm2/ml{SUVbsa}"),
    "ibw": ("GML", "IBW", "g/ml{SUVibw}"),
}
TYPES = pytest.mark.parametrize("type_", NORMS)


def pet(**changes):
    said = {"PatientWeight": WEIGHT_KG, "PatientSize": HEIGHT_M, "CorrectedImage": ["DECY", "ATTN"]} | changes
    return make_series("PT", 4, NumberOfSlices=4, **said)


def philips(**factors):
    datasets = pet(Units="CNTS")
    for dataset in each(datasets):
        block = dataset.private_block(0x7053, "Philips PET Private Group", create=True)
        for element, value in ((0x00, factors.get("suv")), (0x09, factors.get("activity"))):
            if value is not None:
                block.add_new(element, "DS", value)
    return datasets


def values(datasets):
    return derive.read(datasets).volume.array


def computed(datasets, type_="bw"):
    return derive.build(derive.read(datasets), suv(type=type_)).volume


@TYPES
@pytest.mark.parametrize("sex", ["F", "M"])
def test_activity_is_normalised_by_the_dose_that_is_left(type_, sex):
    datasets = pet(PatientSex=sex)
    found = computed(datasets, type_)
    np.testing.assert_allclose(found.array, values(datasets) * NORMS[type_][sex == "M"] / LEFT_BQ, rtol=1e-6)


def test_of_values_corrected_to_the_injection_the_whole_dose_counts():
    datasets = pet(DecayCorrection="ADMIN")
    np.testing.assert_allclose(computed(datasets).array, values(datasets) * 80e3 / DOSE_BQ, rtol=1e-6)


def test_an_injection_before_midnight_is_of_the_day_before():
    datasets = pet(
        SeriesTime="002000",
        AcquisitionTime="002100",
        SeriesDate="20260103",
        AcquisitionDate="20260103",
        StudyDate="20260102",
    )
    for dataset in each(datasets):
        dataset.RadiopharmaceuticalInformationSequence[0].RadiopharmaceuticalStartTime = "235000"
    left = DOSE_BQ * 2 ** (-30 * 60 / LIFE_S)
    np.testing.assert_allclose(computed(datasets).array, values(datasets) * 80e3 / left, rtol=1e-6)


def test_a_suv_is_what_it_was():
    datasets = pet(Units="GML", PatientWeight=None)
    np.testing.assert_array_equal(computed(datasets).array, values(datasets))


@TYPES
def test_a_suv_of_one_type_becomes_one_of_another(type_):
    datasets = pet(Units="GML", SUVType="LBM")
    ratio = NORMS[type_][0] / NORMS["lbm"][0]
    np.testing.assert_allclose(computed(datasets, type_).array, values(datasets) * ratio, rtol=1e-6)


def test_counts_of_philips_become_suv_by_their_factor():
    datasets = philips(suv="0.002", activity="5.5")
    np.testing.assert_allclose(computed(datasets).array, values(datasets) * 0.002, rtol=1e-6)
    lean = NORMS["lbm"][0] / NORMS["bw"][0]
    np.testing.assert_allclose(computed(datasets, "lbm").array, values(datasets) * 0.002 * lean, rtol=1e-6)


def test_counts_of_philips_become_activity_where_that_is_all_they_say():
    datasets = philips(suv="0", activity="5.5")
    np.testing.assert_allclose(computed(datasets).array, values(datasets) * 5.5 * 80e3 / LEFT_BQ, rtol=1e-6)


@TYPES
def test_what_is_written_says_what_it_is(type_, tmp_path):
    datasets = pet()
    source = saved(tmp_path / "in", datasets)
    derive.build(derive.read(source), suv(type=type_)).write(tmp_path / "out")
    units, term, unit = TERMS[type_]
    for path in each(sorted((tmp_path / "out").iterdir())):
        image = pydicom.dcmread(path)
        assert (image.Units, image.SUVType, image.DecayCorrection) == (units, term, "START")
        (item,) = image.RealWorldValueMappingSequence
        code = item.MeasurementUnitsCodeSequence[0]
        assert (code.get("CodeValue") or code.LongCodeValue) == unit
        assert item.RealWorldValueSlope == pytest.approx(float(image.RescaleSlope))
        quantity, method = item.QuantityDefinitionSequence
        assert quantity.ConceptCodeSequence[0].CodeMeaning.startswith("SUV")
        assert method.ConceptCodeSequence[0].CodeMeaning.startswith("SUV")
    expected = values(datasets) * NORMS[type_][0] / LEFT_BQ
    written = derive.read(tmp_path / "out").volume.array
    np.testing.assert_allclose(written, expected, atol=expected.max() / 65000)
    new = dciodvfy_errors(sorted((tmp_path / "out").iterdir())) - dciodvfy_errors(sorted(source.iterdir()))
    assert not {text for text in new if "SUVType" not in text}


REFUSED = {
    "no weight": ({"PatientWeight": None}, "bw", "PatientWeight"),
    "weight of another unit": ({"PatientWeight": 80000}, "bw", "another unit"),
    "no height": ({"PatientSize": None}, "lbm", "PatientSize"),
    "height of another unit": ({"PatientSize": 160}, "bsa", "another unit"),
    "no sex": ({"PatientSex": "O"}, "ibw", "PatientSex"),
    "not corrected for attenuation": ({"CorrectedImage": ["DECY"]}, "bw", "ATTN"),
    "not corrected for decay": ({"DecayCorrection": "NONE"}, "bw", "NONE"),
    "counts": ({"Units": "CNTS"}, "bw", "7053"),
    "other units": ({"Units": "MLMING"}, "bw", "BQML"),
    "a type that is none": ({"Units": "GML", "SUVType": "LEAN"}, "bw", "SUV Type"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_makes_no_suv_is_refused_by_name(case):
    changes, type_, told = REFUSED[case]
    source = derive.read(pet(**changes))
    with pytest.raises(UsageError) as refused:
        derive.build(source, suv(type=type_)).plan()
    assert refused.value.code == "OP-SUV"
    assert told in str(refused.value)


def test_who_knows_the_weight_can_say_it():
    datasets = pet(PatientWeight=None)
    assumed = derive.read(datasets, assume={"PatientWeight": "80"})
    found = derive.build(assumed, suv()).volume.array
    np.testing.assert_allclose(found, values(datasets) * 80e3 / LEFT_BQ, rtol=1e-6)


def test_a_dose_that_nobody_says_is_refused_with_what_helps():
    datasets = pet()
    for dataset in each(datasets):
        del dataset.RadiopharmaceuticalInformationSequence[0].RadionuclideTotalDose
    with pytest.raises(SourceError) as refused:
        derive.build(derive.read(datasets), suv()).plan()
    assert refused.value.code == "SRC-DECAY"


def test_a_volume_without_a_series_has_no_dose():
    volume = Volume.from_array(np.ones((3, 4, 5)), make_geometry(shape=(3, 4, 5)))
    with pytest.raises(DeriveError) as refused:
        suv()(volume)
    assert refused.value.code == "OP-SOURCE"


def test_suv_of_a_real_series_is_its_own_within_half_a_step(real, tmp_path):
    source = derive.read(real("petctmr_ibsi_sts002/PET"))
    report = derive.build(source, suv()).write(tmp_path / "out")
    found = derive.read(tmp_path / "out").volume.array
    np.testing.assert_allclose(found, source.volume.array, atol=report.value_error * 1.0001)
    assert math.isclose(float(found.max()), float(source.volume.array.max()), rel_tol=1e-4)

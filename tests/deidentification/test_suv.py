"""SUV of a PET is the same before and after, with modified dates and safe private attributes; so are all intervals."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta
from math import exp, log

import pydicom
import pytest
from pydicom.sequence import Sequence

from derive.deidentification.profile.profile import profile_of
from tests.helpers.asserting import each
from tests.helpers.sources import make_series
from tests.helpers.went_through import engine, every_item, file_through, privates, through

OPTIONS = ("safe-private", "modified-dates", "patient-characteristics")
PHILIPS = (0x7053, "Philips PET Private Group", 0x00)
SIEMENS, GE = (0x0071, "SIEMENS MED PT", 0x22), (0x0009, "GEMS_PETD_01", 0x0D)


def image(units="BQML", correction="START", start_date_time="", **private):
    dataset = make_series("PT", 1)[0]
    dataset.Units, dataset.DecayCorrection, dataset.PatientWeight = units, correction, "71.5"
    dataset.SeriesDate = dataset.AcquisitionDate = dataset.StudyDate = "20240301"
    dataset.SeriesTime, dataset.AcquisitionTime = "003000.5", "004500"
    item = pydicom.Dataset()
    item.RadionuclideTotalDose, item.RadionuclideHalfLife = "370000000", "6586.2"
    item.RadiopharmaceuticalStartTime = "234000"
    if start_date_time:
        item.RadiopharmaceuticalStartDateTime = start_date_time
    dataset.RadiopharmaceuticalInformationSequence = Sequence([item])
    for group, creator, element, vr, value in private.values():
        dataset.add_new(group << 16 | 0x2C, "LO", creator)
        dataset.add_new(group << 16 | 0x2C00 | element, vr, value)
    return dataset


def suv_factor(dataset):
    """What stored activity is multiplied with: by the vendor's factor, or decayed dose and weight (QIBA)."""
    private = privates(dataset)
    if dataset.Units == "CNTS":
        return float(private[PHILIPS])
    item = dataset.RadiopharmaceuticalInformationSequence[0]
    dose, half_life = float(item.RadionuclideTotalDose), float(item.RadionuclideHalfLife)
    if dataset.DecayCorrection == "START":
        seconds = (reference_of(dataset, private) - injection_of(dataset, item)).total_seconds()
        dose *= exp(-log(2) * seconds / half_life)
    return float(dataset.PatientWeight) * 1000 / dose


def reference_of(dataset, private):
    for key in (SIEMENS, GE):
        if key in private:
            return moment(private[key])
    return moment(f"{dataset.SeriesDate}{dataset.SeriesTime}")


def injection_of(dataset, item):
    if "RadiopharmaceuticalStartDateTime" in item:
        return moment(item.RadiopharmaceuticalStartDateTime)
    found = moment(f"{dataset.SeriesDate}{item.RadiopharmaceuticalStartTime}")
    return found if found <= moment(f"{dataset.SeriesDate}{dataset.SeriesTime}") else found - timedelta(days=1)


def moment(text):
    whole, _, fraction = str(text).strip().partition(".")
    return datetime.strptime(whole[:14], "%Y%m%d%H%M%S") + timedelta(seconds=float(f"0.{fraction or 0}"))


@pytest.mark.parametrize(
    "dataset",
    [
        image(),
        image(start_date_time="20240229234000.25"),
        image(correction="ADMIN"),
        image(start_date_time="20240229234000", siemens=(*SIEMENS, "DT", "20240301002900.120000")),
        image(start_date_time="20240229234000", ge=(*GE, "DT", "20240301002800")),
        image(units="CNTS", philips=(*PHILIPS, "DS", "0.000551")),
    ],
    ids=["series time", "injection the day before", "admin", "siemens", "ge", "philips"],
)
def test_suv_is_the_same(dataset):
    result = through(dataset, *OPTIONS)
    assert result.SeriesDate != dataset.SeriesDate
    assert suv_factor(result) == pytest.approx(suv_factor(dataset), rel=1e-12)
    assert result.SeriesTime == dataset.SeriesTime


def test_the_vendors_factor_needs_no_weight_and_no_date():
    dataset = image(units="CNTS", philips=(*PHILIPS, "DS", "0.000551"))
    assert suv_factor(through(dataset, "safe-private")) == suv_factor(dataset)


def days_of(dataset):
    """Every date at every depth, private ones too, by where it stands."""
    found = {}
    for number, item in enumerate(every_item(dataset)):
        for element in item:
            if element.VR in ("DA", "DT") and str(element.value) and element.VM == 1:
                name = element.keyword or f"{element.private_creator}{element.tag.element & 0xFF:02X}"
                found[number, name] = datetime.strptime(str(element.value)[:8], "%Y%m%d")
    return found


def test_all_differences_of_dates_are_kept_nested_and_private_ones_too():
    dataset = image(
        start_date_time="20240229234000",
        siemens=(*SIEMENS, "DT", "20240301002900"),
        ge=(*GE, "DT", "20240302002800"),
    )
    assert len(check_differences(dataset, through(dataset, *OPTIONS))) >= 6


@pytest.mark.parametrize("name", ["petctmr_ibsi_sts002/PET", "siemens_xa30i_diffusion_maps/adc", "mr_siemens_mosaic"])
def test_all_differences_of_dates_of_real_files_are_kept(name, real):
    path = each(sorted(p for p in real(name).rglob("*") if p.is_file() and pydicom.misc.is_dicom(p)))[0]
    data = file_through(path, engine(profile_of().with_options(OPTIONS)))
    result = pydicom.dcmread(pydicom.filebase.DicomBytesIO(data), stop_before_pixels=True)
    assert check_differences(pydicom.dcmread(path, stop_before_pixels=True), result)


def check_differences(before, after):
    """All pairs of dates that both have are as far apart as they were; give the dates that were looked at."""
    old, new = named(days_of(before)), named(days_of(after))
    both = sorted(old.keys() & new.keys())
    for a, b in itertools.combinations(each(both, 3), 2):
        assert old[a] - old[b] == new[a] - new[b], (a, b)
    assert any(old[key] != new[key] for key in both)
    return both


def named(days):
    """By name and how often it was met: items that go, or come, count others differently."""
    counted, found = {}, {}
    for (_, name), day in days.items():
        counted[name] = counted.get(name, 0) + 1
        found[name, counted[name]] = day
    return found

"""Modified dates: every interval between two dates of a patient stays, and what is computed of them."""

from __future__ import annotations

import io
from datetime import datetime
from itertools import combinations

import pydicom
import pytest
from pydicom.dataset import Dataset

from derive.deidentification.engine.engine import Deidentifier
from derive.deidentification.profile.profile import profile_of
from derive.deidentification.run.run import RunPlan, run_of
from derive.rewriting.file import stored_dataset
from tests.helpers.asserting import each
from tests.helpers.by_hand import ROOT, image, item
from tests.helpers.methods import KEY, OTHER_KEY

OPTIONS = ("modified-dates", "safe-private", "patient-characteristics")
PET = "1.2.840.10008.5.1.4.1.1.128"
SIEMENS, PHILIPS = "SIEMENS MED PT", "Philips PET Private Group"


def through(original: Dataset, key: str = KEY, plan: RunPlan | None = None) -> Dataset:
    profile = profile_of("basic", OPTIONS)
    parts = Deidentifier(profile, run_of(profile, key, plan)).file(stored_dataset(original)).parts
    return pydicom.dcmread(io.BytesIO(b"".join(map(bytes, parts))))


def pet(correction: str = "START", date_time: str = "20200304233000") -> Dataset:
    """An image of a PET that began before midnight and went on after it."""
    ds = image()
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = PET
    ds.Modality, ds.Units, ds.DecayCorrection = "PT", "BQML", correction
    ds.StudyDate, ds.StudyTime = "20200304", "224500"
    ds.SeriesDate = ds.AcquisitionDate = ds.ContentDate = "20200305"
    ds.SeriesTime, ds.AcquisitionTime = "001500", "001502.5"
    ds.RadiopharmaceuticalInformationSequence = [
        item(
            RadiopharmaceuticalStartTime=date_time[8:],
            RadiopharmaceuticalStartDateTime=date_time,
            RadionuclideTotalDose="433344096",
            RadionuclideHalfLife="6588.0",
        )
    ]
    ds.private_block(0x0071, SIEMENS, create=True).add_new(0x22, "DT", "20200305001510.000000")
    philips = ds.private_block(0x7053, PHILIPS, create=True)
    philips.add_new(0x00, "DS", "0.000551")
    philips.add_new(0x09, "DS", "1.7")
    return ds


def moment(text: str) -> datetime:
    text = text.partition("+")[0]
    return datetime.strptime(text, {8: "%Y%m%d", 14: "%Y%m%d%H%M%S"}.get(len(text), "%Y%m%d%H%M%S.%f"))


def moments(ds: Dataset) -> dict[tuple[str, str], datetime]:
    """All dates of an object, by where they stand."""
    dates = [e for e in ds.iterall() if e.VR in ("DA", "DT") and e.value]
    return {(e.keyword or str(e.tag), e.VR): moment(str(e.value)) for e in dates}


def suv(ds: Dataset) -> float:
    """The factor from activity to SUV by body weight, as QIBA has it: decay from injection to the start of the scan."""
    (given,) = ds.RadiopharmaceuticalInformationSequence
    started = moment(ds.SeriesDate + ds.SeriesTime)
    if SIEMENS in (ds.get((0x0071, 0x0010)).value if (0x0071, 0x0010) in ds else ""):
        started = moment(ds.private_block(0x0071, SIEMENS)[0x22].value)
    seconds = (started - moment(given.RadiopharmaceuticalStartDateTime)).total_seconds()
    decayed = seconds if ds.DecayCorrection == "START" else 0.0
    dose = float(given.RadionuclideTotalDose) * 2 ** (-decayed / float(given.RadionuclideHalfLife))
    return float(ds.PatientWeight) * 1000 / dose


def test_all_intervals_stay_nested_and_private_ones_too():
    before = moments(original := pet())
    after = moments(through(original))
    kept = each(before.keys() & after.keys(), at_least=7)
    assert ("RadiopharmaceuticalStartDateTime", "DT") in kept
    assert ("(0071,1022)", "DT") in kept
    for a, b in each(combinations(sorted(kept), 2), at_least=20):
        assert before[a] - before[b] == after[a] - after[b], (a, b)
    assert len({before[k] - after[k] for k in kept}) == 1
    assert before["StudyDate", "DA"] != after["StudyDate", "DA"]


@pytest.mark.parametrize("correction", ["START", "ADMIN"])
@pytest.mark.parametrize("injected", ["20200304233000", "20200305000000", "20200304233000.25"])
def test_the_suv_stays(correction, injected):
    before = pet(correction, injected)
    after = through(before)
    assert suv(after) == suv(before)
    for element in (0x00, 0x09):
        assert (
            after.private_block(0x7053, PHILIPS)[element].value == before.private_block(0x7053, PHILIPS)[element].value
        )
    assert after.RadiopharmaceuticalInformationSequence[0].RadiopharmaceuticalStartTime == injected[8:]


def test_objects_of_a_patient_have_one_shift_and_a_second_study_too():
    second = pet()
    second.StudyInstanceUID, second.SeriesInstanceUID, second.SOPInstanceUID = (f"{ROOT}77.{n}" for n in range(3))
    second.StudyDate = "20210304"
    first, later, other = through(pet()), through(second), through(pet(), OTHER_KEY)
    assert (moment(later.StudyDate) - moment(first.StudyDate)).days == 365
    assert later.PatientID == first.PatientID != other.PatientID
    assert later.StudyInstanceUID != first.StudyInstanceUID


def test_the_same_key_makes_the_same_object_and_another_key_another():
    first, again, other = through(pet()), through(pet()), through(pet(), OTHER_KEY)
    assert first == again
    assert first != other
    assert moments(first) != moments(other)


def test_dates_of_birth_are_no_dates_of_the_study():
    """An interval to the date of birth is an age to the day."""
    assert "19610214" not in str(after := through(pet()))
    assert not after.get("PatientBirthDate")


def test_the_suv_of_a_real_scan_stays(real):
    original = pydicom.dcmread(next(real("petctmr_ibsi_sts002/PET/image").iterdir()))
    for correction in ("START", "ADMIN"):
        original.DecayCorrection = correction
        assert suv(through(original)) == suv(original)


@pytest.mark.parametrize("scope", ["patient", "study", "series", "instance"])
def test_only_where_all_intervals_stay_that_is_claimed(scope):
    after = through(pet(), plan=RunPlan(date_scope=scope))
    codes = {code.CodeValue for code in after.DeidentificationMethodCodeSequence}
    assert ("113107" in codes) is (scope == "patient")
    assert after.LongitudinalTemporalInformationModified == "MODIFIED"


REAL = [
    *("siemens_xa30i_diffusion_maps", "siemens_xa60_enh_7t", "mr_philips_classic24_and_enhanced", "enhanced_mr"),
    *("petctmr_ibsi_sts002/CT/image", "us_regions_philips_sr", "nm_13frame"),
]


def days(ds: Dataset, above: tuple[object, ...] = ()) -> dict[tuple[object, ...], datetime]:
    """The day of every full date of an object, private ones too, by where it stands."""
    found = {}
    for element in ds:
        place = (*above, element.tag)
        if element.VR == "SQ":
            for number, one in enumerate(element.value):
                found |= days(one, (*place, number))
        elif element.VR in ("DA", "DT") and len(str(element.value or "")) >= 8:
            found[place] = moment(str(element.value).replace(".", "", 2)[:8])
    return found


@pytest.mark.filterwarnings("ignore:(The value length|Invalid value)")
@pytest.mark.parametrize("folder", REAL)
def test_all_dates_of_real_objects_move_by_the_same_days(real, folder):
    shifts: dict[str, set[int]] = {}
    for path in sorted(p for p in real(folder).rglob("*") if p.is_file())[:4]:
        before = pydicom.dcmread(path)
        after = days(through(before))
        found = days(before)
        moved = {(after[place] - found[place]).days for place in each(found.keys() & after.keys())}
        shifts.setdefault(str(before.get("PatientID")), set()).update(moved)
    for moved in each(shifts.values()):
        assert len(moved) == 1
        assert -365 <= min(moved) < 0

"""What becomes of the numbers: whole ones stay exact, others lose at most half a stored step, and it is stated."""

from __future__ import annotations

import itertools

import nibabel
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import derive
from derive.cli.main import main
from tests.helpers.asserting import every
from tests.helpers.convert_files import (
    CT,
    MR,
    OF_MODALITY,
    PET,
    dciodvfy_messages,
    hu,
    nifti,
    real_values,
    rescale,
    written,
)
from tests.helpers.convert_files import read_back as folder_read
from tests.helpers.peers import dcentvfy_messages, sitk_volume

#: By how much single precision, of doubles, and decimal strings may add to the half step of rounding.
ROUNDING = 1.11
#: What single precision, in which values go, rounds off.
SINGLE = 2.0**-24
#: Of the stored values there are, how many a range has to take.
MOST = 65000


def noise(shape=(4, 6, 7), seed=0):
    return np.random.default_rng(seed).random(shape)


def by_itk(folder):
    """Values as SimpleITK reads them, which applies Rescale Slope and Intercept."""
    values, _ = sitk_volume(folder)
    return values.astype(np.float64)


# Whole numbers

WHOLE = {
    "HU in 16 bits": (hu(), CT, 1.0),
    "all that 16 signed bits can say": (np.array([-32768, 0, 32767] * 4, np.int16).reshape(3, 2, 2), CT, 1.0),
    "HU in 8 signed bits": (np.arange(-60, 60, dtype=np.int8).reshape(4, 5, 6), CT, 1.0),
    "HU in 32 bits": (hu().astype(np.int32), CT, 1.0),
    "HU in 64 bits": (hu().astype(np.int64), CT, 1.0),
    "whole floats": (hu().astype(np.float32), CT, 1.0),
    "whole double floats": (hu().astype(np.float64), CT, 1.0),
    "big-endian": (hu().astype(">i2"), CT, 1.0),
    "unsigned HU that the caller says are HU": ((hu() + 1000).astype(np.uint16), CT | {"values": "scale=1,0"}, 1.0),
    "all that 16 unsigned bits can say": (
        np.array([0, 1, 65535] * 4, np.uint16).reshape(3, 2, 2),
        CT | {"values": "as-is", "units": "US"},
        1.0,
    ),
    "Fortran order": (np.asfortranarray(hu()), CT, 1.0),
    "a view with steps": (hu((6, 8, 10))[::2, ::-1, ::2], CT, 1.0),
    "MR in 16 bits": ((hu() + 1000).astype(np.uint16), MR, 1.0),
    "MR in booleans": (hu() > -700, MR, 1.0),
    "PET in 16 bits": ((hu() + 1000).astype(np.uint16), PET, 1.0),
    "PET in whole floats": ((hu() + 1000).astype(np.float32), PET, 1.0),
}


@pytest.mark.parametrize("name", WHOLE)
def test_whole_numbers_are_stored_as_they_are(name, tmp_path):
    values, options, slope = WHOLE[name]
    found = written(values, tmp_path / "out", **options)
    assert found.report.value_error == 0
    assert np.array_equal(found.values, values)
    assert np.array_equal(found.stored, values)
    assert {rescale(d) for d in found.datasets} == {(slope, 0.0)}
    assert np.array_equal(by_itk(tmp_path / "out"), values)


def scaled(path, slope, intercept):
    """Whole numbers in a NIfTI whose header says a scale, in single precision."""
    raw = bytearray(nifti(path, hu(), np.eye(4)).read_bytes())
    raw[112:120] = np.array((slope, intercept), "<f4").tobytes()
    path.write_bytes(raw)
    return path


@pytest.mark.parametrize("header", [(2.0, -1024.0), (0.5, 10.0), (-1.0, 40.0), (0.1, 0.0), (1 / 3, -0.7)])
def test_the_scale_of_a_nifti_is_its_rescale_and_its_numbers_stay(header, tmp_path):
    path = scaled(tmp_path / "v.nii", *header)
    wanted = nibabel.load(path).get_fdata().T
    found = written(path, tmp_path / "out", modality="CT", patient=CT["patient"])
    assert found.values == pytest.approx(wanted, rel=1e-6, abs=1e-6)
    assert np.array_equal(np.sort(found.stored, axis=None), np.sort(hu(), axis=None))
    (one,) = {rescale(d) for d in found.datasets}
    assert one == pytest.approx(header, rel=1e-6)


def test_the_callers_scale_comes_after_that_of_the_file(tmp_path):
    path = scaled(tmp_path / "v.nii", 2.0, 5.0)
    found = written(path, tmp_path / "out", modality="CT", patient=CT["patient"], values="scale=3,7")
    assert {rescale(d) for d in found.datasets} == {(6.0, 22.0)}
    assert np.array_equal(found.values, (hu() * 2.0 + 5) * 3 + 7)


@pytest.mark.parametrize(
    "values",
    [
        np.linspace(0, 1_000_000, 60).astype(np.int32).reshape(3, 4, 5),
        np.linspace(-(2**31), 2**31 - 1, 60).astype(np.int32).reshape(3, 4, 5),
        np.linspace(0, 2**32 - 1, 60).astype(np.uint32).reshape(3, 4, 5),
        np.array([-32768, 32768] * 30, np.int32).reshape(3, 4, 5),
        np.linspace(-1e15, 1e15, 60).astype(np.int64).reshape(3, 4, 5),
    ],
    ids=["20 bits", "32 bits", "32 unsigned bits", "one too many", "51 bits"],
)
@pytest.mark.parametrize("modality", OF_MODALITY)
def test_more_than_16_bits_are_spread_over_16_and_never_wrap(modality, values, tmp_path):
    options = OF_MODALITY[modality] | ({"values": "as-is", "units": "US"} if modality == "CT" else {})
    found = written(values, tmp_path / "out", **options)
    error = np.abs(found.values - values).max()
    assert error <= found.step / 2 + np.abs(values).max() * SINGLE
    assert error <= found.report.value_error + np.abs(values).max() * SINGLE
    assert found.values.flat[0] < found.values.flat[-1]


# The Visible Human of GDCM's page: raw bytes, and everything that has to be said of them

VISIBLE_HUMAN = [
    *["--modality", "CT", "--original", "--values", "scale=1,-1024"],
    *["--shape", "512", "512", "3", "--dtype", "uint16", "--byte-order", "little", "--spacing-mm", "1"],
    *["--patient-name", "Ad^m", "--patient-id", "000-000-002"],
    *["--set", "StudyDescription=Visible Human Male", "--series-description", "Resampled to 1mm voxels"],
    *["--set", "StudyDate=20050101", "--set", "StudyTime=010100", "--set", "StudyID=1", "--set", "AccessionNumber=1"],
    *["--set", "ReferringPhysicianName=Unk^own", "--set", "InstitutionName=National Library of Medicine"],
    *["--set", "PatientPosition=HFS"],
]


@pytest.fixture(scope="module")
def visible_human(tmp_path_factory):
    """A fresh cadaver in 512 x 512 x 3 of 16 unsigned bits, to which 1024 was added."""
    folder = tmp_path_factory.mktemp("visible")
    values = np.random.default_rng(0).integers(0, 4096, (3, 512, 512), dtype=np.uint16)
    values.astype("<u2").tofile(folder / "vhm.raw")
    return folder, values


@pytest.mark.parametrize("more", [[], ["--set", "BodyPartExamined=WHOLEBODY"]], ids=["as on the page", "with a part"])
def test_the_visible_human_of_gdcms_page_is_valid(more, visible_human, capsys):
    folder, values = visible_human
    target = folder / f"out{len(more)}"
    assert main(["convert", str(folder / "vhm.raw"), "-o", str(target), *VISIBLE_HUMAN, *more]) == 0
    assert "values within 0 HU, check clean" in capsys.readouterr().out
    assert derive.check(target).findings == ()
    datasets = folder_read(target)
    first = datasets[0]
    assert np.array_equal(np.stack([d.pixel_array for d in datasets]), values)
    assert {(d.PixelRepresentation, d.BitsStored, rescale(d)) for d in datasets} == {(0, 16, (1.0, -1024.0))}
    assert list(first.ImageType) == ["ORIGINAL", "PRIMARY", "AXIAL"]
    assert [list(d.ImagePositionPatient) for d in datasets] == [[0, 0, 0], [0, 0, 1], [0, 0, 2]]
    said = {
        "PatientName": "Ad^m",
        "PatientID": "000-000-002",
        "PatientPosition": "HFS",
        "StudyDescription": "Visible Human Male",
        "SeriesDescription": "Resampled to 1mm voxels",
        "StudyDate": "20050101",
        "StudyTime": "010100",
        "StudyID": "1",
        "AccessionNumber": "1",
        "ReferringPhysicianName": "Unk^own",
        "InstitutionName": "National Library of Medicine",
    }
    assert {k: str(first[k].value) for k in said} == said
    assert all(k in first and first[k].is_empty for k in ("KVP", "AcquisitionNumber"))
    messages = set().union(*(dciodvfy_messages(f) for f in target.iterdir()))
    assert not [m for m in messages if "Laterality" not in m or more], messages
    assert dcentvfy_messages(sorted(target.iterdir())) == set()


# Floats

MAGNITUDES = st.sampled_from([10.0**n for n in range(-6, 7)])


@settings(max_examples=30, deadline=None, derandomize=True)
@given(
    modality=st.sampled_from(sorted(OF_MODALITY)),
    spread=MAGNITUDES,
    offset=st.sampled_from([0.0, -0.5, -1.0, 1.0, 7.3]),
    single=st.booleans(),
)
def test_floats_lose_less_than_half_a_stored_step(modality, spread, offset, single, tmp_path_factory):
    values = (noise() + offset) * spread
    values = values.astype(np.float32) if single else values
    options = OF_MODALITY[modality] | ({"values": "as-is", "units": "US"} if modality == "CT" else {})
    found = written(values, tmp_path_factory.mktemp("f") / "out", **options)
    for slab, dataset in zip(values, found.datasets, strict=True):
        step, _ = rescale(dataset)
        error, rounded = np.abs(real_values(dataset) - slab).max(), np.abs(slab).max() * SINGLE
        assert error <= step / 2 + rounded
        assert error <= found.report.value_error + rounded
        assert (dataset.SmallestImagePixelValue, dataset.LargestImagePixelValue) == (
            dataset.pixel_array.min(),
            dataset.pixel_array.max(),
        )
    assert found.report.value_error <= found.step / 2 * ROUNDING


@pytest.mark.parametrize("offset", [0.0, -0.5, -1.0, 7.3])
@pytest.mark.parametrize("spread", [1e-6, 1.0, 1e6])
def test_floats_use_the_16_bits(spread, offset, tmp_path):
    values = (noise() + offset) * spread
    ct = written(values, tmp_path / "ct", **CT, values="as-is", units="US")
    assert int(ct.stored.max()) - int(ct.stored.min()) >= MOST
    # in PET, whose intercept is 0, each instance has its widest value at the end
    pet = written(values, tmp_path / "pet", **PET)
    assert every(np.abs(d.pixel_array.astype(int)).max() >= MOST // 2 for d in pet.datasets)
    # in MR, whose step is a power of ten, one tenth of the bits is the least
    mr = written(values, tmp_path / "mr", **MR)
    assert np.abs(mr.stored.astype(int)).max() >= (3200 if values.min() < 0 else 6500)


@pytest.mark.parametrize("value", [0.3, -1e-6, 1e6, 5.0, 1000.5])
@pytest.mark.parametrize("modality", OF_MODALITY)
def test_a_constant_volume_stays_what_it_is(modality, value, tmp_path):
    options = OF_MODALITY[modality] | ({"values": "as-is", "units": "US"} if modality == "CT" else {})
    found = written(np.full((3, 4, 5), value), tmp_path / "out", **options)
    assert np.abs(found.values - value).max() <= max(found.step / 2 if modality == "MR" else 0, abs(value) * 1e-6)
    assert len(np.unique(found.stored)) == 1


@pytest.mark.parametrize("modality", OF_MODALITY)
def test_nothing_but_zeros_stays_zero(modality, tmp_path):
    options = OF_MODALITY[modality] | ({"values": "as-is", "units": "US"} if modality == "CT" else {})
    found = written(np.zeros((3, 4, 5)), tmp_path / "out", **options)
    assert not found.values.any()


@pytest.mark.parametrize("centre", [1e4, 1e5, 1e6, 1e7, 1e9])
@pytest.mark.parametrize("modality", OF_MODALITY)
def test_far_from_0_the_stated_error_is_no_less_than_the_true_one(modality, centre, tmp_path):
    """Or it is refused: what single precision rounds off is lost all the same."""
    values = centre + noise()
    options = OF_MODALITY[modality] | ({"values": "as-is", "units": "US"} if modality == "CT" else {})
    try:
        found = written(values, tmp_path / "out", **options)
    except derive.ValuesError as refusal:
        if refusal.code != "VAL-PRECISION":
            raise
        return
    error = np.abs(found.values - values).max()
    assert error <= found.report.value_error + 0.1 * found.step


# Each class in its own way


@pytest.mark.parametrize(("kind", "units"), [("hu", "HU"), ("scale=1000,-1000", "HU"), ("as-is", "US")])
def test_ct_says_what_its_values_are(kind, units, tmp_path):
    values = hu() + noise((3, 4, 5)) if kind == "hu" else noise((3, 4, 5))
    found = written(values, tmp_path / "out", **CT, values=kind)
    assert {d.RescaleType for d in found.datasets} == {units}
    assert found.report.units == units
    assert len({rescale(d) for d in found.datasets}) == 1
    wanted = values * 1000 - 1000 if kind.startswith("scale") else values
    assert np.abs(by_itk(tmp_path / "out") - wanted).max() <= found.step / 2 * ROUNDING


@pytest.mark.parametrize(("units", "meaning"), [(None, "no units"), ("ms", None), ("1/s", None), ("mm2/s", None)])
def test_mr_has_a_real_world_value_mapping_and_no_rescale(units, meaning, tmp_path):
    options = MR if units is None else MR | {"units": units}
    found = written(noise() * 300, tmp_path / "out", **options)
    slopes = set()
    for dataset in found.datasets:
        assert not {"RescaleSlope", "RescaleIntercept", "RescaleType"} & set(dataset.dir())
        (mapping,) = dataset.RealWorldValueMappingSequence
        slopes.add(mapping.RealWorldValueSlope)
        assert mapping.RealWorldValueIntercept == 0
        first, last = mapping.RealWorldValueFirstValueMapped, mapping.RealWorldValueLastValueMapped
        assert first <= dataset.pixel_array.min()
        assert dataset.pixel_array.max() <= last
        (code,) = mapping.MeasurementUnitsCodeSequence
        assert (code.CodeValue, code.CodingSchemeDesignator) == (units or "1", "UCUM")
        assert code.CodeMeaning
        assert meaning in (None, code.CodeMeaning)
    (slope,) = slopes
    assert np.log10(slope) == pytest.approx(round(np.log10(slope)), abs=1e-9)


@pytest.mark.parametrize("units", ["BQML", "CNTS", "GML"])
def test_pet_has_a_slope_an_instance_an_intercept_of_0_and_units(units, tmp_path):
    values = noise() * np.array([1.0, 10.0, 1e4, 1e-3])[:, None, None]
    found = written(values, tmp_path / "out", **PET | {"units": units})
    slopes = [rescale(d)[0] for d in found.datasets]
    assert len(set(slopes)) == 4
    assert {rescale(d)[1] for d in found.datasets} == {0.0}
    assert {d.Units for d in found.datasets} == {units} == {found.report.units}
    assert slopes == pytest.approx([slab.max() / 32767 for slab in values], rel=1e-6)
    worst = np.array(slopes)[:, None, None] / 2 * ROUNDING
    assert (np.abs(found.values - values) <= worst).all()
    assert (np.abs(by_itk(tmp_path / "out") - values) <= worst + np.abs(values) * 1e-6).all()


def test_mr_of_several_times_has_one_scale_for_all(tmp_path):
    values = np.stack([noise(seed=k) * (k + 1) for k in range(3)])
    report = derive.convert(values, **MR).write(tmp_path / "out")
    assert report.findings == ()
    datasets = folder_read(tmp_path / "out")
    assert len({rescale(d) for d in datasets}) == 1
    by_time = {int(d.TemporalPositionIdentifier): [] for d in datasets}
    for dataset in datasets:
        by_time[int(dataset.TemporalPositionIdentifier)].append(real_values(dataset))
    assert sorted(by_time) == [1, 2, 3]
    for time, slices in by_time.items():
        assert np.abs(np.stack(slices) - values[time - 1]).max() <= rescale(datasets[0])[0] / 2 * ROUNDING


@pytest.mark.parametrize("index", [0, 1, 2])
@pytest.mark.parametrize("modality", OF_MODALITY)
def test_one_of_several_times_is_taken(modality, index, tmp_path):
    values = np.stack([hu() + 1000 + 10 * k for k in range(3)])
    found = written(values, tmp_path / "out", **OF_MODALITY[modality], frame_index=index)
    assert np.array_equal(found.values, values[index])
    assert len(found.datasets) == 3


# The window


def ends_of(dataset):
    """Values that LINEAR shows as the darkest and the brightest grey (C.11.2.1.2.1), in what it acts on."""
    centre, width = float(dataset.WindowCenter), float(dataset.WindowWidth)
    assert width >= 1
    assert "VOILUTFunction" not in dataset
    return centre - 0.5 - (width - 1) / 2, centre - 0.5 + (width - 1) / 2


@pytest.mark.parametrize("spread", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("modality", [m for m in OF_MODALITY if m != "PT"])
def test_the_window_reaches_from_the_smallest_value_to_the_largest(modality, spread, tmp_path):
    values = (noise((6, 20, 20)) - 0.25) * spread
    options = OF_MODALITY[modality] | ({"values": "as-is", "units": "US"} if modality == "CT" else {})
    found = written(values, tmp_path / "out", **options)
    acts_on = found.stored if modality == "MR" else found.values
    wanted = float(acts_on.min()), float(acts_on.max())
    assert ends_of(found.first) == pytest.approx(wanted, abs=1e-9 + 1e-9 * abs(wanted[1]))


def test_a_pet_gets_no_window(tmp_path):
    found = written(noise((6, 20, 20)), tmp_path / "out", **OF_MODALITY["PT"])
    assert not {"WindowCenter", "WindowWidth"} & set(found.first.dir())


def test_the_window_of_a_ct_cuts_no_odd_voxel(tmp_path):
    values = hu((6, 20, 20)) % 400
    values[3, 4, 5:7] = 30000
    assert ends_of(written(values, tmp_path / "out", **CT).first) == (values.min(), 30000)


@pytest.mark.parametrize("modality", [m for m in OF_MODALITY if m != "PT"])
def test_a_constant_volume_has_a_window_too(modality, tmp_path):
    found = written(np.full((3, 4, 5), 40, np.int16), tmp_path / "out", **OF_MODALITY[modality])
    assert ends_of(found.first) == (40, 40)


# What is no number


@pytest.mark.parametrize("modality", OF_MODALITY)
@pytest.mark.parametrize("nan_value", [-5.0, 0.0, 100.0, 5000.0, 7.25])
def test_what_is_no_number_becomes_the_value_that_the_caller_says(nan_value, modality, tmp_path):
    values = (hu() + 1000).astype(np.float32)
    wanted = values.copy()
    for at, odd in zip([(0, 0, 0), (1, 2, 3), (2, 3, 4)], itertools.cycle([np.nan, np.inf, -np.inf])):
        values[at], wanted[at] = odd, nan_value
    found = written(values, tmp_path / "out", **OF_MODALITY[modality], nan_value=nan_value)
    assert np.abs(found.values - wanted).max() <= (found.step / 2 * ROUNDING if nan_value % 1 else 0)
    if nan_value % 1 == 0:
        assert found.report.value_error == 0


def test_a_value_for_nan_does_nothing_where_there_is_none(tmp_path):
    found = written(hu(), tmp_path / "out", **CT, nan_value=31.5)
    assert np.array_equal(found.values, hu())
    assert found.report.value_error == 0


def test_the_value_for_nan_is_one_of_the_result_and_not_of_the_file(tmp_path):
    values = noise((3, 4, 5))
    values[0, 0, 0] = np.nan
    found = written(values, tmp_path / "out", **CT, values="scale=1000,-1000", nan_value=-1000)
    assert found.values[0, 0, 0] == pytest.approx(-1000, abs=found.step)

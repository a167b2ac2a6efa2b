"""Where a converted voxel lies, and what it is worth, as others read the file that it came from and what became of it.

Volumes are compared as sets of (point in the patient, value): no test knows in which order the axes are written.
"""

from __future__ import annotations

import json
from collections import Counter
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

import derive
from derive.cli.main import main
from derive.model.reorient import Wish, place
from tests.helpers import conversions as of
from tests.helpers.conversions import PATIENT, Placed
from tests.helpers.volumes import rotation

#: Matrix columns: directions of i, j and k, along the axes of the patient; every second is left-handed.
SIGNED = of.signed_permutations()
SPACING = (0.7, 1.3, 2.9)
#: Spacing (i, j, k) whose coarsest is that of k, of i, of j.
SPACINGS = [tuple(np.roll(SPACING, turn)) for turn in range(3)]
#: Row and column cosines of the planes that people look at (LPS), by the axis of the patient that they are across.
EXPECTED = {2: (1, 0, 0, 0, 1, 0), 1: (1, 0, 0, 0, 0, -1), 0: (0, 1, 0, 0, 0, -1)}
ACROSS = {"sagittal": 0, "coronal": 1, "axial": 2}
OBLIQUE_SEEDS = range(12)
#: Values that are said to be HU, and the line that makes HU of them.
MEANINGS = [{}, {"values": "scale=1,0"}, {"values": "hu"}]


def signed_volume(number: int) -> Placed:
    """The volume of one of the 48."""
    return Placed(of.distinct(), of.affine_of(SIGNED[number], SPACINGS[number % 3]))


def oblique_volume(seed: int, spacing=None) -> Placed:
    """A volume of any orientation and either hand, its axes in any order."""
    directions = rotation(seed) @ SIGNED[(7 * seed) % 48]
    return Placed(of.distinct(), of.affine_of(directions, spacing or SPACINGS[seed % 3]))


def written(source: Any, folder, **options) -> derive.DerivedSeries:
    """Convert to CT of a new patient, write, and have the project's own check find no error."""
    series = derive.convert(source, **{"modality": "CT", "patient": PATIENT} | options)
    report = series.write(folder)
    assert report.saturated == 0
    assert [finding for finding in report.findings if finding.severity == "error"] == []
    return series


def assert_read_alike(folder, wanted: Placed) -> None:
    """derive and SimpleITK find every voxel of the original, in slices that ascend."""
    for found in (of.dicom_by_derive(folder), of.dicom_by_itk(folder)):
        of.assert_alike(found, wanted)
        assert np.linalg.det(found.affine[:3, :3]) > 0
    of.assert_ascending(folder)


def normal_of(folder) -> np.ndarray:
    row, column = np.array(of.headers(folder)[0].ImageOrientationPatient, dtype=float).reshape(2, 3)
    return np.cross(row, column)


def units_of(affine) -> np.ndarray:
    return affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)


# The judge

FAULTS = {
    "mirrored values": lambda values, affine: (values[::-1], affine),
    "a mirrored frame": lambda values, affine: (values, affine @ np.diag([-1.0, 1.0, 1.0, 1.0])),
    "moved": lambda values, affine: (values, affine + np.pad([[2e-4]], ((0, 3), (3, 0)))),
    "stretched": lambda values, affine: (values, affine * [1.0002, 1.0, 1.0, 1.0]),
    "a slice less": lambda values, affine: (values[:-1], affine),
    "one value": lambda values, affine: (np.where(values == values[1, 2, 3], 0, values), affine),
    "two axes exchanged": lambda values, affine: (values, affine[:, [1, 0, 2, 3]]),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_volumes_that_differ_are_not_called_alike(fault):
    placed = oblique_volume(1)
    of.assert_alike(Placed(placed.values.transpose(2, 0, 1), placed.affine[:, [2, 0, 1, 3]]), placed)
    with pytest.raises(AssertionError):
        of.assert_alike(Placed(*FAULTS[fault](*placed)), placed)


# All 48 orientations along the axes of the patient


def test_the_orientations_are_all_48_and_half_of_them_are_left_handed():
    assert len({directions.tobytes() for directions in SIGNED}) == 48
    assert sum(np.linalg.det(directions) < 0 for directions in SIGNED) == 24


@pytest.mark.parametrize("number", range(48))
def test_every_orientation_of_a_nifti_is_read_alike_in_the_planes_across_its_coarsest_spacing(number, tmp_path):
    placed = signed_volume(number)
    path = of.save(tmp_path / "v.nii", placed, qform=number % 5 == 0)
    wanted = of.by_nibabel(path)
    of.assert_alike(wanted, placed)
    written(path, tmp_path / "out", **MEANINGS[number % len(MEANINGS)])
    assert_read_alike(tmp_path / "out", wanted)
    coarsest = int(np.argmax(SPACINGS[number % 3]))
    across = int(np.abs(SIGNED[number][:, coarsest]).argmax())
    first = of.headers(tmp_path / "out")[0]
    assert [float(c) for c in first.ImageOrientationPatient] == list(EXPECTED[across])
    assert len(of.headers(tmp_path / "out")) == placed.values.shape[coarsest]
    assert float(first.SpacingBetweenSlices) == pytest.approx(max(SPACING), abs=1e-6)
    assert sorted(map(float, first.PixelSpacing)) == pytest.approx(sorted(SPACING)[:2], abs=1e-6)


@pytest.mark.parametrize("suffix", ["nii.gz", "nrrd", "mha", "mhd", "SimpleITK", "nibabel"])
@pytest.mark.parametrize("number", range(0, 48, 9))
def test_other_formats_and_objects_are_read_alike_in_any_orientation(number, suffix, tmp_path):
    placed = signed_volume((number + sum(map(ord, suffix))) % 48)
    if suffix == "SimpleITK":
        source = of.itk_image(placed)
    elif suffix == "nibabel":
        source = of.nibabel_image(placed)
    else:
        source = of.save(tmp_path / f"v.{suffix}", placed)
    wanted = of.by_others(source)
    of.assert_alike(wanted, placed)
    written(source, tmp_path / "out")
    assert_read_alike(tmp_path / "out", wanted)


@pytest.mark.parametrize("number", range(48))
def test_dcm2niix_makes_the_nifti_again(number, tmp_path):
    path = of.save(tmp_path / "v.nii", signed_volume(number))
    written(path, tmp_path / "out")
    of.assert_alike(of.dicom_by_dcm2niix(tmp_path / "out", tmp_path / "back"), of.by_nibabel(path), mm=1e-3)


# Obliques, and which plane


@pytest.mark.parametrize("seed", OBLIQUE_SEEDS)
def test_an_oblique_volume_is_read_alike(seed, tmp_path):
    placed = oblique_volume(seed)
    path = of.save(tmp_path / ("v.nii", "v.nrrd", "v.mha")[seed % 3], placed)
    wanted = of.by_others(path)
    of.assert_alike(wanted, placed)
    written(path, tmp_path / "out")
    assert_read_alike(tmp_path / "out", wanted)
    along = units_of(placed.affine)[:, int(np.argmax(SPACINGS[seed % 3]))]
    assert abs(normal_of(tmp_path / "out") @ along) == pytest.approx(1.0, abs=1e-6)
    if seed % 4 == 0:
        of.assert_alike(of.dicom_by_dcm2niix(tmp_path / "out", tmp_path / "back"), wanted, mm=1e-3)


@pytest.mark.parametrize("plane", ACROSS)
@pytest.mark.parametrize("seed", range(0, 12, 3))
def test_a_plane_that_is_asked_for_is_the_nearest_whatever_the_spacing_and_the_slice_axis(seed, plane, tmp_path):
    placed = oblique_volume(seed)
    path = of.save(tmp_path / "v.nii", placed, slice_axis=seed % 3)
    written(path, tmp_path / "out", plane=plane)
    assert_read_alike(tmp_path / "out", of.by_nibabel(path))
    likeness = np.abs(units_of(placed.affine)[ACROSS[plane]])
    assert abs(normal_of(tmp_path / "out")[ACROSS[plane]]) == pytest.approx(likeness.max(), abs=1e-6)


@pytest.mark.parametrize("plane", ACROSS)
@pytest.mark.parametrize("number", [0, 13, 26, 47])
def test_a_plane_asked_for_on_the_command_line_has_the_rows_and_columns_people_look_at(number, plane, tmp_path):
    path = of.save(tmp_path / "v.nii.gz", signed_volume(number))
    flags = ["--modality", "CT", "--patient-id", "PH01", "--patient-name", "Phantom^A", "--plane", plane, "--quiet"]
    assert main(["convert", str(path), "-o", str(tmp_path / "out"), *flags]) == 0
    assert_read_alike(tmp_path / "out", of.by_nibabel(path))
    first = of.headers(tmp_path / "out")[0]
    assert [float(c) for c in first.ImageOrientationPatient] == list(EXPECTED[ACROSS[plane]])


@pytest.mark.parametrize("axis", range(3))
@pytest.mark.parametrize("seed", [1, 4, 8])
def test_the_slice_axis_that_a_nifti_names_goes_before_the_coarsest_spacing(seed, axis, tmp_path):
    placed = oblique_volume(seed)
    path = of.save(tmp_path / "v.nii", placed, slice_axis=axis)
    written(path, tmp_path / "out")
    assert_read_alike(tmp_path / "out", of.by_nibabel(path))
    assert abs(normal_of(tmp_path / "out") @ units_of(placed.affine)[:, axis]) == pytest.approx(1.0, abs=1e-6)
    assert len(of.headers(tmp_path / "out")) == placed.values.shape[axis]


@pytest.mark.parametrize("suffix", ["nii", "nrrd", "mha"])
@pytest.mark.parametrize("seed", [2, 5, 6, 9])
def test_isotropic_volumes_become_axial(seed, suffix, tmp_path):
    placed = oblique_volume(seed, (1.2, 1.2, 1.2))
    path = of.save(tmp_path / f"v.{suffix}", placed)
    written(path, tmp_path / "out")
    assert_read_alike(tmp_path / "out", of.by_others(path))
    assert abs(normal_of(tmp_path / "out")[2]) == pytest.approx(np.abs(units_of(placed.affine)[2]).max(), abs=1e-6)


# Any grid at all

finite = st.floats(-1, 1).map(float)
spacings = st.tuples(*[st.floats(0.2, 5.0)] * 3)
shapes = st.tuples(*[st.integers(2, 6)] * 3)
origins = st.tuples(*[st.floats(-500.0, 500.0)] * 3)
wishes = st.one_of(
    st.builds(Wish),
    st.builds(Wish, plane=st.sampled_from(sorted(ACROSS)), slice_axis=st.sampled_from([None, 0, 1, 2])),
    st.builds(Wish, slice_axis=st.integers(0, 2)),
)


@st.composite
def directions(draw):
    """Unit vectors at right angles, of either hand; now and then along the axes of the patient, or nearly."""
    kind, axes = draw(st.sampled_from(["any", "along", "nearly"])), SIGNED[draw(st.integers(0, 47))]
    quaternion = np.array(draw(st.tuples(*[finite] * 4)))
    if kind == "along" or not np.linalg.norm(quaternion) > 1e-3:
        return axes
    if kind == "nearly":
        return Rotation.from_rotvec(quaternion[:3] * 1e-6).as_matrix() @ axes
    return Rotation.from_quat(quaternion).as_matrix() @ axes


@st.composite
def affines(draw):
    return of.affine_of(draw(directions()), draw(spacings), draw(origins))


def numbered(shape) -> np.ndarray:
    """(i, j, k, 1): the place of every voxel in the list of all."""
    return np.arange(int(np.prod(shape))).reshape(*shape, 1)


def distances(placing, affine, shape) -> np.ndarray:
    """How far each voxel is, by the position of its slice, from where the affine puts it."""
    geometry, ordered = placing.geometry, placing.of(numbered(shape))[0]
    assert ordered.shape == geometry.shape
    _, rows, columns = np.indices(geometry.shape)
    down, along = (np.array(c) for c in (geometry.column_cosines, geometry.row_cosines))
    starts = np.array([geometry.position(index) for index in range(geometry.shape[0])])
    found = starts[:, None, None] + (
        rows[..., None] * geometry.pixel_spacing[0] * down + columns[..., None] * geometry.pixel_spacing[1] * along
    )
    return np.linalg.norm(found - Placed(ordered, affine).points(of.grid(shape))[ordered], axis=-1)


@settings(max_examples=150, deadline=None)
@given(affine=affines(), shape=shapes, wish=wishes)
def test_any_grid_keeps_every_voxel_where_it_is_in_a_right_handed_frame(affine, shape, wish):
    placing = place(affine, shape, wish, "1.2.3")
    geometry = placing.geometry
    assert np.linalg.det(geometry.directions[:, ::-1]) == pytest.approx(1.0, abs=1e-6)
    assert np.dot(np.subtract(geometry.position(1), geometry.position(0)), geometry.normal) > 0
    assert distances(placing, affine, shape).max() <= 1e-4
    assert placing.error_mm <= 1e-4
    ordered = placing.of(numbered(shape))[0]
    assert sorted(ordered.ravel()) == list(range(ordered.size))
    wanted = Placed(ordered, affine).points(of.grid(shape))[ordered]
    found = geometry.points_of(np.moveaxis(np.indices(geometry.shape), 0, -1))
    assert np.linalg.norm(found - wanted, axis=-1).max() <= 1e-4


@settings(max_examples=60, deadline=None)
@given(affine=affines(), shape=shapes, like=directions())
def test_the_planes_of_a_reference_are_the_nearest_of_a_grid(affine, shape, like):
    frame = like * np.sign(np.linalg.det(like))
    there = derive.model.geometry.Geometry(
        (0, 0, 0), tuple(frame[:, 0]), tuple(frame[:, 1]), (1.0, 1.0), 1.0, (2, 2, 2), "1.2.3"
    )
    placing = place(affine, shape, Wish(like=there))
    assert distances(placing, affine, shape).max() <= 1e-4
    units = units_of(affine)
    alike = [abs(units[:, a] @ g) for a, g in zip(placing.axes, there.directions.T, strict=True)]
    others = [
        sum(abs(units[:, a] @ g) for a, g in zip(order, there.directions.T, strict=True))
        for order in ((0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0))
    ]
    assert sum(alike) >= max(others) - 1e-9
    assert np.dot(placing.geometry.row_cosines, there.row_cosines) > -1e-6
    assert np.dot(placing.geometry.column_cosines, there.column_cosines) > -1e-6


@settings(max_examples=60, deadline=None)
@given(affine=affines(), shape=shapes, wish=wishes, channels=st.sampled_from([(), (3,)]), times=st.integers(1, 3))
def test_times_and_colours_are_reordered_like_the_numbers_of_one_volume(affine, shape, wish, channels, times):
    placing = place(affine, shape, wish)
    one = placing.of(numbered(shape))[0]
    count = int(np.prod((times, *channels)))
    offsets = (np.arange(count) * numbered(shape).size).reshape(times, *channels)
    parts = numbered(shape)[..., *[None] * len(channels)] + offsets
    ordered = placing.of(parts)
    assert ordered.shape == (times, *one.shape, *channels)
    for time in range(times):
        for channel in np.ndindex(*channels):
            np.testing.assert_array_equal(ordered[(time, ..., *channel)], one + offsets[(time, *channel)])


@settings(max_examples=100, deadline=None)
@given(
    affine=affines(),
    shape=shapes,
    wish=wishes,
    axes=st.permutations(range(3)),
    lean=st.one_of(st.floats(0.0, 0.1), st.floats(0.1, 5.0)),
)
def test_shear_is_refused_where_a_voxel_would_lie_beyond_0_05_mm(affine, shape, wish, axes, lean):
    """The last voxel along one axis is moved by `lean` mm along another; a frame can lean with it halfway at most."""
    sheared, (along, towards, _) = affine.copy(), axes
    sheared[:3, along] += units_of(affine)[:, towards] * lean / (shape[along] - 1)
    extents = (np.array(shape) - 1) * np.linalg.norm(affine[:3, :3], axis=0)
    placing, refusal = placed_or_refused(sheared, shape, wish)
    if placing is None:
        assert refusal == "GEO-SHEAR"
        assert lean / extents[along] * max(extents[along], extents[towards]) > 0.05 - 1e-6
        return
    found = distances(placing, sheared, shape).max()
    assert found <= 0.05 + 1e-6
    assert placing.error_mm == pytest.approx(found, abs=1e-5)
    assert lean <= 2 * 0.05 + 1e-4


def placed_or_refused(affine, shape, wish):
    try:
        return place(affine, shape, wish), None
    except derive.GeometryError as error:
        return None, error.code


@pytest.mark.parametrize("plane", [None, *ACROSS])
@pytest.mark.parametrize(("along", "towards"), [(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)])
def test_a_sheared_file_is_refused_and_nothing_is_written(along, towards, plane, tmp_path):
    affine = oblique_volume(3).affine
    affine[:3, along] += units_of(affine)[:, towards] * 0.5
    path = of.save(tmp_path / "v.nii", Placed(of.distinct(), affine))
    with pytest.raises(derive.GeometryError, match=r"^GEO-SHEAR: .* wanted at most 0\.05 mm"):
        written(path, tmp_path / "out", plane=plane)
    assert not (tmp_path / "out").exists()


FLAT = {
    "an axis of no length": lambda steps: steps * [1, 0, 1],
    "two axes alike": lambda steps: steps[:, [0, 0, 2]],
    "three axes in a plane": lambda steps: np.column_stack([steps[:, :2], steps[:, 0] - 2 * steps[:, 1]]),
    "no numbers": lambda steps: steps * np.nan,
    "infinite": lambda steps: steps * np.inf,
}


@pytest.mark.parametrize("fault", FLAT)
def test_an_affine_that_spans_no_volume_is_refused(fault, tmp_path):
    affine = oblique_volume(5).affine
    path = of.save(tmp_path / "v.nii", Placed(of.distinct(), affine))
    affine[:3, :3] = FLAT[fault](affine[:3, :3])
    with pytest.raises(derive.GeometryError, match=r"^GEO-DETERMINANT"):
        place(affine, (4, 5, 6), Wish())
    raw = bytearray(path.read_bytes())
    raw[280:328] = (affine[:3] * [[-1.0], [-1.0], [1.0]]).astype("<f4").tobytes()
    path.write_bytes(raw)
    with pytest.raises(derive.GeometryError, match=r"^GEO-DETERMINANT"):
        written(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


# Real volumes that are no DICOM

REAL_VOLUMES = {
    "nifti_ct_totalseg/example_ct.nii.gz": "CT",
    "nifti_ct_totalseg/example_mr_sm.nii.gz": "MR",
    "nrrd_mha/AIM-Harvard+pyradiomics/data/brain2_image.nrrd": "MR",
    "nrrd_mha/AIM-Harvard+pyradiomics/data/prostate_phantom_subvolume.nrrd": "MR",
    "nrrd_mha/DIAGNijmegen+rse-panimg/tests/resources/image10x10x10.mha": "MR",
}
OF_TIMES = "nrrd_mha/DIAGNijmegen+rse-panimg/tests/resources/image10x11x12x13.mha"


def assert_sound(folder, report, count=6) -> None:
    """Neither the validators nor the check of the project find a fault."""
    assert of.iod_errors(report.files, count) == {}
    assert of.entity_messages(*report.files) == set()
    assert of.check_errors(folder) == []


def allowed(report, values) -> float:
    """How far a value may be off: as stated, and the rounding of single precision."""
    return report.value_error + float(np.finfo(np.float32).eps) * float(np.abs(values).max())


@pytest.mark.parametrize("name", REAL_VOLUMES)
def test_a_real_volume_becomes_a_sound_series_that_is_read_alike(name, real, tmp_path):
    path = real(name)
    series = derive.convert(path, modality=REAL_VOLUMES[name], patient=PATIENT)
    report = series.write(tmp_path / "out")
    assert report.saturated == 0
    wanted = of.by_others(path)
    assert_sound(tmp_path / "out", report)
    of.assert_alike(of.dicom_by_derive(tmp_path / "out"), wanted, value=allowed(report, wanted.values))
    of.assert_ascending(tmp_path / "out")
    found = of.dicom_by_itk(tmp_path / "out")
    if REAL_VOLUMES[name] == "MR":
        found = found._replace(values=real_world(found.values, pydicom.dcmread(report.files[0])))
    of.assert_alike(found, wanted, value=allowed(report, wanted.values))


def real_world(stored, dataset) -> np.ndarray:
    """Stored values of MR by their Real World Value Mapping."""
    (mapping,) = dataset.RealWorldValueMappingSequence
    return stored * float(mapping.RealWorldValueSlope) + float(mapping.RealWorldValueIntercept)


def by_time(folder) -> dict[int, list[pydicom.Dataset]]:
    """The instances of a series of several times, by Temporal Position Identifier."""
    found: dict[int, list[pydicom.Dataset]] = {}
    for file in sorted(folder.glob("*.dcm")):
        dataset = pydicom.dcmread(file)
        found.setdefault(int(dataset.TemporalPositionIdentifier), []).append(dataset)
    return found


def timed_file(name, real, tmp_path):
    """The real 4-D file, or one made here whose voxels all differ."""
    if name == "real":
        return real(OF_TIMES)
    values = np.stack([of.distinct((5, 6, 7), first=10_000 * t - 20_000) for t in range(3)], axis=-1)
    return of.save(tmp_path / f"v.{name}", Placed(values, of.affine_of(rotation(20) @ SIGNED[9], SPACING)))


@pytest.mark.parametrize("name", ["real", "mha", "nii.gz", "nrrd"])
def test_a_file_of_several_times_is_one_mr_series_that_tells_them_apart(name, real, tmp_path):
    path = timed_file(name, real, tmp_path)
    report = derive.convert(path, modality="MR", patient=PATIENT).write(tmp_path / "out")
    wanted, times = of.by_others(path), by_time(tmp_path / "out")
    count = wanted.values.shape[3]
    assert sorted(times) == list(range(1, count + 1))
    everything = [dataset for datasets in times.values() for dataset in datasets]
    assert len({dataset.SeriesInstanceUID for dataset in everything}) == 1
    assert {int(dataset.NumberOfTemporalPositions) for dataset in everything} == {count}
    assert len({int(dataset.InstanceNumber) for dataset in everything}) == len(everything)
    assert_sound(tmp_path / "out", report)
    for time, datasets in times.items():
        one = Placed(wanted.values[..., time - 1], wanted.affine)
        of.assert_alike(of.dicom_by_derive(datasets), one, value=allowed(report, wanted.values))


@pytest.mark.parametrize("modality", ["MR", "CT"])
@pytest.mark.parametrize("name", ["real", "mha", "nii.gz", "nrrd"])
def test_one_of_several_times_is_a_series_of_one_volume(name, modality, real, tmp_path):
    path, index = timed_file(name, real, tmp_path), 1
    options = {"values": "scale=1,-1024"} if modality == "CT" else {}
    series = derive.convert(path, modality=modality, patient=PATIENT, frame_index=index, **options)
    report = series.write(tmp_path / "out")
    whole = of.by_others(path)
    values = whole.values[..., index].astype(np.float64) - (1024 if modality == "CT" else 0)
    assert_sound(tmp_path / "out", report)
    of.assert_alike(of.dicom_by_derive(tmp_path / "out"), Placed(values, whole.affine), value=allowed(report, values))
    assert all("NumberOfTemporalPositions" not in dataset for dataset in of.headers(tmp_path / "out"))


# Real series, out and in again

SERIES = {
    "ct_philips_ingenuity_140": ".nii.gz",
    "ct_varian_cbct_64": ".nii.gz",
    "ct_small_ge_3": ".nii.gz",
    "legacy_converted_ct/image": ".nii.gz",
    "mr_ge_axial_20": ".nii.gz",
    "mr_philips_classic24_and_enhanced/501_T1W_FFE_Sno_CS4": ".nii.gz",
    "mr_siemens_obliques/cor_hf_unzipped": ".nii.gz",
    "mr_siemens_obliques/sag_oblique_unzipped": ".nii.gz",
    "mr_siemens_obliques/tra_oblique_unzipped": ".nii.gz",
    "petctmr_ibsi_sts002/CT": ".nii.gz",
    "petctmr_ibsi_sts002/MR_T1": ".nii.gz",
    "petctmr_ibsi_sts002/PET": ".nii.gz",
}
OTHER_FORMATS = [
    ("mr_siemens_obliques/tra_oblique_unzipped", ".nrrd"),
    ("petctmr_ibsi_sts002/PET", ".mha"),
    ("mr_siemens_obliques/sag_oblique_unzipped", ".npy"),
    ("mr_siemens_obliques/sag_oblique_unzipped", "bare.npy"),
    ("petctmr_ibsi_sts002/CT", "bare.npy"),
]
ROUND_TRIPS = [*SERIES.items(), *OTHER_FORMATS]
#: Whose it is, and in what space.
SHARED = [
    "PatientID",
    "PatientName",
    "PatientBirthDate",
    "PatientSex",
    "StudyInstanceUID",
    "StudyDate",
    "StudyTime",
    "StudyID",
    "AccessionNumber",
    "ReferringPhysicianName",
    "StudyDescription",
    "FrameOfReferenceUID",
    "PositionReferenceIndicator",
]


class Trip(NamedTuple):
    """A series, the file it was exported to, what others read of it, and what has to be said where it says no place."""

    source: derive.SourceSeries
    path: Any
    wanted: Placed
    said: dict[str, Any]


@pytest.fixture(scope="module")
def trips(real, tmp_path_factory):
    """What a series becomes on its way out; a bare array goes without the description beside it."""

    @cache
    def get(name, suffix):
        source = derive.read(real(name))
        path = tmp_path_factory.mktemp("export") / f"v{suffix}"
        derive.export(source, path)
        if path.suffix != ".npy":
            return Trip(source, path, of.by_others(path), {})
        described = json.loads(path.with_suffix(".json").read_text())
        wanted = Placed(np.load(path).T, np.array(described["affine_index_to_lps"])[:, [2, 1, 0, 3]])
        if suffix == ".npy":
            return Trip(source, path, wanted, {})
        path.with_suffix(".json").unlink()
        return Trip(source, path, wanted, place_of(described))

    return get


def place_of(described) -> dict[str, Any]:
    """What has to be said of an array that nothing describes."""
    return {
        "orientation": [*described["row_cosines"], *described["column_cosines"]],
        "spacing_xyz": described["spacing_mm"][::-1],
        "origin_xyz": described["first_position_mm"],
    }


@pytest.fixture(scope="module")
def said_of_sources():
    @cache
    def get(files):
        return of.iod_errors(files), of.entity_messages(*files)

    return get


def meaning(source) -> dict[str, Any]:
    """What the numbers are: of PET, and of CT that is no HU, their units have to be said."""
    modality, units = str(source.value("Modality")), derive.stack(source).quantity.units
    if modality == "CT" and units != "HU":
        return {"modality": modality, "units": units, "values": "as-is"}
    return {"modality": modality, "units": units} if modality == "PT" else {"modality": modality}


@pytest.mark.parametrize(("name", "suffix"), ROUND_TRIPS)
def test_an_exported_series_comes_in_again_for_a_new_patient(name, suffix, trips, tmp_path):
    trip = trips(name, suffix)
    facts = {"set": of.PET_FACTS} if trip.source.value("Modality") == "PT" else {}
    series = derive.convert(trip.path, patient=PATIENT, **meaning(trip.source), **trip.said, **facts)
    report = series.write(tmp_path / "out")
    assert report.saturated == 0
    assert_sound(tmp_path / "out", report)
    of.assert_alike(of.dicom_by_derive(tmp_path / "out"), trip.wanted, value=allowed(report, trip.wanted.values))
    of.assert_ascending(tmp_path / "out")
    first = of.headers(tmp_path / "out")[0]
    assert (first.PatientID, first.PatientName) == ("PH01", "Phantom^A")
    assert first.StudyInstanceUID != trip.source.value("StudyInstanceUID")
    assert first.FrameOfReferenceUID != trip.source.geometry.frame_of_reference_uid
    assert "SourceImageSequence" not in first


@pytest.mark.parametrize(("name", "suffix"), ROUND_TRIPS)
def test_an_exported_series_comes_in_again_beside_its_source(name, suffix, trips, said_of_sources, tmp_path):
    trip = trips(name, suffix)
    options = {"orientation": "reference"} if trip.said else {}
    report = derive.convert(trip.path, reference=trip.source, **meaning(trip.source), **options).write(tmp_path / "out")
    assert report.saturated == 0
    of.assert_alike(
        of.dicom_by_derive(tmp_path / "out"), trip.wanted, mm=1e-3, value=allowed(report, trip.wanted.values)
    )
    files = tuple(instance.path for instance in trip.source.frames)
    originals = [pydicom.dcmread(file, stop_before_pixels=True) for file in files]
    by_uid = {original.SOPInstanceUID: original for original in originals}
    made = of.headers(tmp_path / "out")
    assert len(made) == len(originals)
    for dataset in made:
        (item,) = dataset.SourceImageSequence
        source = by_uid.pop(item.ReferencedSOPInstanceUID)
        assert item.ReferencedSOPClassUID == source.SOPClassUID
        assert item.SpatialLocationsPreserved == "YES"
        off = np.subtract(dataset.ImagePositionPatient, source.ImagePositionPatient, dtype=float)
        assert np.linalg.norm(off) <= 1e-3
        assert {k: text(dataset, k) for k in SHARED} == {k: text(source, k) for k in SHARED}
        assert dataset.SOPInstanceUID not in {original.SOPInstanceUID for original in originals}
    assert by_uid == {}, "a source image is named by no instance"
    own, together = said_of_sources(files)
    assert Counter(set(of.iod_errors(report.files))) - Counter(set(own)) == Counter()
    assert of.entity_messages(*files, *report.files) - together == set()
    assert of.check_errors(tmp_path / "out") == []


def text(dataset, keyword) -> str:
    """Text of an attribute; one that is empty says as much as one that is absent."""
    value = dataset.get(keyword)
    return "" if value is None else str(value)


def test_part_of_a_series_turned_about_names_the_source_images_at_its_places(trips, tmp_path):
    """A file in another order of axes, the first slices cut off: each image has its own source all the same."""
    trip = trips("petctmr_ibsi_sts002/MR_T1", ".nii.gz")
    first = 7
    values, affine = trip.wanted.values[::-1, :, first:].transpose(2, 0, 1), trip.wanted.affine.copy()
    affine[:3, 3] += affine[:3, 0] * (trip.wanted.values.shape[0] - 1) + affine[:3, 2] * first
    affine = affine @ np.diag([-1.0, 1.0, 1.0, 1.0])
    path = of.save(tmp_path / "v.nii.gz", Placed(values, affine[:, [2, 0, 1, 3]]))
    of.assert_alike(of.by_nibabel(path), Placed(trip.wanted.values[:, :, first:], cut(trip.wanted.affine, first)))
    report = derive.convert(path, reference=trip.source, modality="MR").write(tmp_path / "out")
    of.assert_alike(of.dicom_by_derive(tmp_path / "out"), of.by_nibabel(path), value=allowed(report, values))
    expected = [r.sop_instance_uid for r in trip.source.references][first:]
    made = of.headers(tmp_path / "out")
    found = [[item.ReferencedSOPInstanceUID for item in dataset.SourceImageSequence] for dataset in made]
    assert found == [[uid] for uid in expected]
    assert {dataset.FrameOfReferenceUID for dataset in made} == {trip.source.geometry.frame_of_reference_uid}


def test_every_time_of_a_file_names_the_source_image_at_its_place(tmp_path):
    affine = of.affine_of(rotation(20), SPACING)
    values = np.stack([of.distinct((5, 6, 7), first=10_000 * t - 20_000) for t in range(3)], axis=-1)
    path = of.save(tmp_path / "one.nii", Placed(values[..., 0], affine))
    derive.convert(path, modality="MR", patient=PATIENT).write(tmp_path / "source")
    source = derive.read(tmp_path / "source")
    path = of.save(tmp_path / "all.nii", Placed(values, affine))
    derive.convert(path, reference=source).write(tmp_path / "out")
    expected = [[reference.sop_instance_uid] for reference in source.references]
    for time, datasets in by_time(tmp_path / "out").items():
        of.assert_alike(of.dicom_by_derive(datasets), Placed(values[..., time - 1], affine))
        datasets.sort(key=lambda dataset: int(dataset.InstanceNumber))
        found = [[item.ReferencedSOPInstanceUID for item in dataset.SourceImageSequence] for dataset in datasets]
        assert found == expected


def cut(affine, first):
    shifted = affine.copy()
    shifted[:3, 3] += affine[:3, 2] * first
    return shifted

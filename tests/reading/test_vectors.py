"""Nuclear medicine as a source: vectors tell its frames apart, and a reconstruction is a volume in the patient."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - its own customary name

import derive
from derive.errors import GeometryError, SourceError
from derive.model.dimension import Dimension
from derive.operations import mip
from tests.helpers.asserting import every, raises_code
from tests.helpers.cines import frames_of
from tests.helpers.enhanced import saved
from tests.helpers.nuclear import COUNTS, FIRST, WINDOWS, make_nm, numbers_of_frames, stored_counts

RECONSTRUCTED = ("RECON TOMO", "RECON GATED TOMO")
#: A plane that leans in all directions.
OBLIQUE = [0.8, 0.6, 0, 0, 0, -1]


def read(*datasets, **choice):
    return derive.read(list(datasets), **choice)


@pytest.mark.parametrize("image_type", [t for t in COUNTS if t not in RECONSTRUCTED])
def test_frames_without_a_place_are_told_apart_by_their_vectors(image_type):
    source = make_nm(image_type)
    series = read(source)
    assert not series.geometry.in_patient
    assert every(frame.plane is None for frame in series.frames)
    np.testing.assert_array_equal(frames_of(series), source.pixel_array)
    several = {k: n for k, n in COUNTS[image_type].items() if n > 1}
    assert {d.keyword: len(set(d.values)) for d in series.dimensions} == several
    rows = numbers_of_frames(image_type, COUNTS[image_type])
    columns = [tuple(map(float, c)) for c in zip(*rows, strict=True) if len(set(c)) > 1]
    assert [d.values for d in series.dimensions] == columns


@pytest.mark.parametrize("step", [5, -5], ids=["along", "against"])
@pytest.mark.parametrize("cosines", [[1, 0, 0, 0, 1, 0], OBLIQUE], ids=["axial", "oblique"])
def test_a_reconstruction_is_a_volume_and_the_sign_of_its_step_says_its_way(step, cosines, tmp_path):
    source = make_nm("RECON TOMO", SpacingBetweenSlices=step)
    source.DetectorInformationSequence[0].ImageOrientationPatient = cosines
    series = read(source)
    normal = np.cross(cosines[:3], cosines[3:])
    stored = source.pixel_array if step > 0 else source.pixel_array[::-1]
    np.testing.assert_array_equal(np.asarray(derive.stack(series)), stored)
    lowest = FIRST if step > 0 else np.add(FIRST, normal * 4 * step)
    np.testing.assert_allclose(series.geometry.first_position, lowest, atol=1e-6)
    assert series.geometry.spacing == (5.0, 4.0, 3.0)
    np.testing.assert_allclose(series.geometry.normal, normal, atol=1e-9)
    theirs = sitk.ReadImage(saved(tmp_path / "source", source) / "source0.dcm")  # GDCM knows where slice 1 lies
    np.testing.assert_allclose(theirs.GetOrigin(), FIRST, atol=1e-6)
    np.testing.assert_allclose(np.array(theirs.GetDirection()).reshape(3, 3)[:, :2].T.ravel(), cosines, atol=1e-6)


def test_gates_are_volumes_of_one_reconstruction():
    source = make_nm("RECON GATED TOMO")
    series = read(source)
    assert series.dimensions == (Dimension("TimeSlotVector", (1.0, 2.0, 3.0)),)
    assert series.geometry.shape == (4, *source.pixel_array.shape[1:])
    np.testing.assert_array_equal(frames_of(series), source.pixel_array)
    (second,) = read(source, volumes=2).frames[0:1]
    assert second.number == 5


@pytest.mark.parametrize("image_type", RECONSTRUCTED)
def test_the_order_of_frames_does_not_matter(image_type):
    count = len(numbers_of_frames(image_type, COUNTS[image_type]))
    shuffled = np.random.default_rng(5).permutation(count)
    ours, straight = read(make_nm(image_type, order=shuffled)), read(make_nm(image_type))
    assert (ours.geometry, ours.dimensions) == (straight.geometry, straight.dimensions)
    np.testing.assert_array_equal(frames_of(ours), frames_of(straight))


@pytest.mark.parametrize(
    "missing",
    [
        {"SpacingBetweenSlices": None},
        {"SpacingBetweenSlices": 0},
        {"DetectorInformationSequence": None},
        {"PixelSpacing": None},
        {"SliceVector": None},
    ],
    ids=["no-step", "step-0", "no-detector", "no-spacing", "no-vector"],
)
def test_a_reconstruction_that_does_not_say_where_it_lies_stays_in_its_planes(missing):
    series = read(make_nm("RECON TOMO", **missing))
    assert not series.geometry.in_patient
    assert len(series.frames) == 5
    with raises_code("GEO-PLANE", GeometryError):
        derive.build(series, mip())


def test_detectors_that_contradict_each_other_say_no_place():
    source = make_nm("RECON TOMO")
    other = make_nm("RECON TOMO").DetectorInformationSequence[0]
    other.ImagePositionPatient = [0, 0, 0]
    source.DetectorInformationSequence.append(other)
    assert not read(source).geometry.in_patient


def test_the_place_of_a_projection_is_that_of_no_pixel():
    source = make_nm("TOMO")
    assert source.DetectorInformationSequence[0].ImagePositionPatient
    assert not read(source).geometry.in_patient


@pytest.mark.parametrize(
    ("where", "frames"),
    [
        ({"EnergyWindowVector": 2}, [2, 3]),
        ({"DetectorVector": 1}, [0, 2]),
        ({"EnergyWindowVector": 2, "DetectorVector": 1}, [2]),
    ],
    ids=["window", "detector", "both"],
)
def test_frames_are_chosen_by_what_their_vectors_say(where, frames):
    source = make_nm("STATIC")
    series = read(source, where=where)
    np.testing.assert_array_equal(frames_of(series), source.pixel_array[frames])
    assert len(WINDOWS) == source.NumberOfEnergyWindows
    with raises_code("SRC-CHOICE", SourceError):
        read(source, where={"EnergyWindowVector": 3})


def test_a_vector_that_is_too_short_is_said_and_frames_keep_their_order():
    source = make_nm("DYNAMIC", TimeSliceVector=[1, 2, 3])
    series = read(source)
    np.testing.assert_array_equal(frames_of(series), source.pixel_array)
    assert [d.keyword for d in series.dimensions] == ["PhaseVector", "TemporalPositionIdentifier"]
    assert [r.keyword for r in series.remarks if r.code == "SRC-VECTOR"] == ["TimeSliceVector"]


def test_images_of_another_kind_are_another_stack():
    images = make_nm("STATIC", 1), make_nm("TOMO", 2), make_nm("RECON TOMO", 3)
    with raises_code("SRC-STACK", SourceError):
        read(*images)
    assert len(read(*images, stack="tomo").frames) == 8
    assert read(*images, stack="recon tomo").geometry.in_patient


def test_several_images_of_a_kind_are_read_one_behind_the_other():
    later = make_nm("STATIC", 2, frames=stored_counts(4, seed=1))
    series = read(later, make_nm("STATIC", 1))
    assert [d.keyword for d in series.dimensions] == ["InstanceNumber", "EnergyWindowVector", "DetectorVector"]
    np.testing.assert_array_equal(frames_of(series)[4:], later.pixel_array)


def test_a_real_reconstruction_without_a_place(real):
    series = derive.read(real("nm_13frame"))
    assert series.dimensions == (Dimension("SliceVector", tuple(float(n) for n in range(1, 14))),)
    assert series.geometry.pixel_spacing == (3.11583, 3.11583)
    with raises_code("GEO-PLANE", GeometryError):
        derive.build(series, mip())

"""Planes that cut a volume anyhow, against SimpleITK, numpy and what a linear function of the place has to be."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - as its own documentation calls it

from derive.errors import DeriveError
from derive.model.axes import axis_order_of
from derive.model.derivation import GeometryEffect
from derive.model.volume import Volume
from derive.operations import reformat
from derive.operations.kit import tiles
from derive.operations.kit.images import image_of
from derive.operations.kit.planning import bounds_of
from tests.helpers.asserting import each
from tests.helpers.volumes import SIGNED_PERMUTATIONS, around, indices, make_geometry, make_volume, ramp, rotation

CENTER = (4.0, -12.5, 60.0)


def looked_at_by_itk(volume, grid, outside):
    """The same grid, as SimpleITK interpolates it; it takes what is half a voxel beyond the centres for outside."""
    image = image_of(volume.array, volume.geometry)
    resampling = sitk.ResampleImageFilter()
    resampling.SetSize(grid.shape[::-1])
    resampling.SetOutputOrigin(grid.first_position)
    resampling.SetOutputSpacing(grid.spacing[::-1])
    resampling.SetOutputDirection(grid.directions[:, ::-1].ravel().tolist())
    resampling.SetDefaultPixelValue(outside)
    return sitk.GetArrayFromImage(resampling.Execute(image))


def random_directions(seed):
    rng = np.random.default_rng(seed)
    return tuple(rng.normal(size=3).tolist()), tuple(rng.normal(size=3).tolist())


def oblique(seed, **fields):
    turned = rotation(seed)
    return around(CENTER, row=turned[0], column=turned[1], **fields)


@pytest.mark.parametrize("plane", ["axial", "coronal", "sagittal"])
@pytest.mark.parametrize("axes", range(0, 48, 5))
def test_a_customary_plane_of_a_volume_that_lies_straight_is_an_index_permutation(axes, plane):
    row, column = SIGNED_PERMUTATIONS[axes]
    volume = make_volume(make_geometry(row=row, column=column), padded=True)
    order = axis_order_of(volume.geometry, plane)
    result = reformat(plane=plane)(volume)
    np.testing.assert_array_equal(result.array, order.array(volume.array))
    assert result.geometry.same_grid(order.geometry(volume.geometry), 1e-9)


@pytest.mark.parametrize("axes", range(0, 48, 7))
def test_there_and_back_gives_the_volume(axes):
    row, column = SIGNED_PERMUTATIONS[axes]
    volume = make_volume(make_geometry(row=row, column=column, shape=(20, 9, 11)))
    there = reformat(plane="sagittal")(reformat(plane="coronal")(volume))
    own = axis_order_of(volume.geometry, "axial")
    back = reformat(plane="axial")(there)
    np.testing.assert_array_equal(back.array, own.array(volume.array))
    assert back.geometry.same_grid(own.geometry(volume.geometry), 1e-9)


@pytest.mark.parametrize("seed", range(6))
def test_any_planes_are_those_of_simpleitk(seed):
    normal, up = random_directions(seed)
    volume = make_volume(oblique(seed + 10, shape=(21, 30, 25), spacing=(2.0, 0.8, 0.9)))
    result = reformat(normal=normal, up=up, spacing_mm=1.3, step_mm=1.7)(volume)
    expected = looked_at_by_itk(volume, result.geometry, -1000.0)
    assert np.abs(result.array - expected).max() <= 1e-3
    assert (result.array != -1000).mean() > 0.2


@pytest.mark.parametrize("seed", range(6))
def test_planes_stand_as_they_were_asked_for(seed):
    normal, up = random_directions(seed)
    source = oblique(seed + 10, shape=(21, 30, 25), spacing=(2.0, 0.8, 0.9))
    point = tuple(source.points_of((5.3, 17.1, 12.4)).tolist())
    grid = reformat(normal=normal, up=up, through=point, spacing_mm=1.1)(ramp(source)).geometry
    unit = np.array(normal) / np.linalg.norm(normal)
    np.testing.assert_allclose(grid.normal, unit, atol=1e-12)
    assert np.dot(grid.column_cosines, up) < 0 < 1e-9 - abs(np.dot(grid.row_cosines, up))
    place = grid.index_of(point)
    assert abs(place[0] - round(float(place[0]))) < 1e-9
    low, high = bounds_of(source, np.array([unit]))
    ends = np.array([grid.position(0), grid.position(grid.shape[0] - 1)]) @ unit
    assert low[0] <= ends[0] < low[0] + 1.1
    assert high[0] - 1.1 < ends[1] <= high[0]


@pytest.mark.parametrize("seed", range(4))
def test_values_stay_where_they_are(seed):
    """A linear function of the place is interpolated without an error wherever eight voxels are around."""
    normal, _ = random_directions(seed)
    source = oblique(seed, shape=(15, 18, 17), spacing=(1.5, 0.8, 0.9))
    result = reformat(normal=normal, spacing_mm=0.7, fill="padding")(ramp(source))
    points = result.geometry.points_of(indices(result.shape))
    within = source.index_of(points)
    deep = ((within >= 0) & (within <= np.array(source.shape) - 1)).all(axis=-1)
    expected = points @ np.array([2.0, -1.0, 0.5]) + 7.0
    np.testing.assert_allclose(result.array[deep], expected[deep], atol=1e-4)
    beyond = ((within < -0.501) | (within > np.array(source.shape) - 0.499)).any(axis=-1)
    assert np.isnan(result.array[beyond]).all()
    assert not np.isnan(result.array[deep]).any()


@pytest.mark.parametrize(("combine", "made"), [("mean", np.mean), ("mip", np.max), ("minip", np.min)])
def test_a_slab_is_made_of_samples_no_further_apart_than_voxels(combine, made):
    volume = make_volume(make_geometry(shape=(40, 20, 22), spacing=(1.0, 0.8, 0.7)))
    thick = reformat(plane="coronal", thickness_mm=4.0, combine=combine)(volume)
    fine = reformat(plane="coronal", step_mm=0.8, fill=0.0)(volume)
    np.testing.assert_array_equal(fine.array, reformat(plane="coronal")(volume).array)
    assert thick.shape == (4, 40, 22)
    assert thick.geometry.slice_thickness == thick.geometry.slice_spacing == 4.0
    expected = made(fine.array.reshape(4, 5, 40, 22).astype(np.float64), axis=1)
    np.testing.assert_allclose(thick.array, expected, atol=1e-3)


def test_a_slab_that_sticks_out_is_made_of_what_is_inside():
    geometry = make_geometry(shape=(10, 8, 8), spacing=(1.0, 1.0, 1.0))
    volume = Volume.from_array(np.full(geometry.shape, 40.0), geometry)
    result = reformat(plane="axial", thickness_mm=6.0, step_mm=1.0, fill=-1000.0)(volume)
    np.testing.assert_array_equal(result.array, 40.0)


def test_one_plane_goes_through_the_point_and_has_it_in_its_middle():
    volume = make_volume(around(CENTER, shape=(20, 21, 22), spacing=(1.5, 0.8, 0.8)))
    point = (3.0, -11.0, 58.5)
    call = reformat(normal=(0, 0.6, 0.8), through=point, size_mm=(8, 9, 50), spacing_mm=0.5, single=True)
    result = call(volume)
    assert result.shape == (1, 18, 16)
    middle = result.geometry.points_of((0, 8.5, 7.5))
    np.testing.assert_allclose(middle, point, atol=1e-9)


def test_planes_are_those_of_the_patient_where_the_volume_lies_askew():
    volume = make_volume(oblique(3, shape=(12, 14, 16)))
    grid = reformat(plane="coronal")(volume).geometry
    assert grid.row_cosines == (1, 0, 0)
    assert grid.column_cosines == (0, 0, -1)


@pytest.mark.parametrize(
    ("given", "row", "column"),
    [
        ({"normal": (0, 0, 2)}, (1, 0, 0), (0, 1, 0)),
        ({"normal": (0, 1, 0)}, (1, 0, 0), (0, 0, -1)),
        ({"normal": (-1, 0, 0)}, (0, 1, 0), (0, 0, -1)),
        ({"normal": (0, 0, 1), "up": (1, 0, 0)}, (0, 1, 0), (-1, 0, 0)),
        ({"normal": (0, 0.6, 0.8)}, (1, 0, 0), (0, 0.8, -0.6)),
    ],
)
def test_planes_are_shown_with_the_head_or_the_front_up(given, row, column):
    grid = reformat(**given)(make_volume(make_geometry(shape=(9, 9, 9)))).geometry
    np.testing.assert_allclose(grid.row_cosines, row, atol=1e-12)
    np.testing.assert_allclose(grid.column_cosines, column, atol=1e-12)


def test_what_is_computed_does_not_follow_from_how_much_fits_in_memory(monkeypatch):
    volume = make_volume(make_geometry(shape=(70, 33, 31)), padded=True)
    calls = [{"normal": (0.4, -0.5, 0.7), "thickness_mm": 3.0}, {"normal": (1, 0.1, 0.2)}, {"plane": "sagittal"}]
    whole = [reformat(**call)(volume).array for call in calls]
    monkeypatch.setattr(tiles, "BLOCK_BYTES", 4 * 33 * 31 * 12)
    monkeypatch.setattr(tiles, "TILE", 16)
    for call, expected in each(zip(calls, whole, strict=True)):
        np.testing.assert_allclose(reformat(**call)(volume).array, expected, atol=1e-3)


def test_slices_are_asked_for_in_order_and_few_are_kept():
    geometry = make_geometry(shape=(200, 16, 16), spacing=(1.0, 1.0, 1.0))
    asked = []

    def pull(first, last):
        asked.append((first, last))
        return np.zeros((last - first, 16, 16), np.float32)

    volume = Volume(geometry, pull, lambda index: ())
    assert reformat(plane="coronal")(volume).array.shape == (16, 200, 16)
    assert asked == sorted(asked)
    assert max(last - first for first, last in asked) <= tiles.PIECE
    assert sum(last - first for first, last in asked) == 200


def test_the_code_and_the_terms_say_what_a_slab_shows():
    volume = make_volume(make_geometry())
    said = {}
    for name, given in {
        "thin": {"plane": "coronal"},
        "same plane": {"plane": "axial", "spacing_mm": 1.0},
        "mean": {"plane": "coronal", "thickness_mm": 2.0},
        "mip": {"plane": "coronal", "thickness_mm": 2.0, "combine": "mip"},
        "minip": {"plane": "axial", "thickness_mm": 2.0, "combine": "minip"},
    }.items():
        operation = reformat(**given)
        step = operation.step(volume, operation(volume))
        assert step.geometry_effect is GeometryEffect.NEW_GRID
        said[name] = (step.code.value, dict(step.terms))
    assert said == {
        "thin": ("113072", {}),
        "same plane": ("113085", {}),
        "mean": ("113072", {}),
        "mip": ("113078", {"ImageType": "MAX_IP"}),
        "minip": ("113079", {"ImageType": "MIN_IP"}),
    }


def test_a_point_outside_is_told_with_how_far_the_volume_reaches():
    with pytest.raises(
        DeriveError, match=r"reaches from \(-20\.85, 10\.85, 28\.75\) to \(-15\.95, 15\.65, 41\.25\) mm"
    ):
        reformat(plane="axial", through=(0.0, 0.0, 0.0))(make_volume(make_geometry()))

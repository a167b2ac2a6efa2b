"""Into the space of another series: which way a registration leads, values by hand and by ITK, what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk  # noqa: N813 - as its own documentation calls it

import derive
from derive.cli.main import main
from derive.errors import GeometryError, UsageError
from derive.model.transform import moved
from derive.operations import REGISTRY
from tests.helpers import registrations as reg
from tests.helpers.asserting import raises_code
from tests.helpers.registrations import FIXED, MOVING, rigid, small_turn
from tests.helpers.sources import make_series
from tests.helpers.verification import save, verified
from tests.helpers.volumes import around, indices, make_volume, ramp, value_at

transform = REGISTRY["transform"]
CENTER = np.array([3.0, -7.5, 10.0])


def moving_volume(**fields):
    return ramp(replace(around(CENTER, shape=(20, 22, 24), spacing=(2, 2, 2), **fields), frame_of_reference_uid=MOVING))


def fixed_grid(matrix, **fields):
    """A grid in the fixed space, in the middle of where the moving volume comes to lie."""
    grid = around(moved(matrix, CENTER), shape=(5, 6, 7), spacing=(2.5, 1.5, 1.25), **fields)
    return replace(grid, frame_of_reference_uid=FIXED)


def points(grid):
    return grid.points_of(indices(grid.shape))


def every_file(folder, matrix):
    """The same registration in each form, and whether its file maps the other way."""
    inverted = np.linalg.inv(matrix)
    return [
        (reg.spatial(folder, [(FIXED, np.eye(4)), (MOVING, matrix)]), False),
        (reg.spatial(folder, [(FIXED, inverted)], fixed=MOVING, name="other.dcm"), False),
        (reg.text(folder, matrix), False),
        (reg.text(folder, inverted, "inverse.txt"), True),
        (reg.itk_affine(folder, inverted), False),
        (reg.itk_affine(folder, inverted, "0GenericAffine.mat"), False),
        (reg.itk_affine(folder, inverted, "affine.h5"), False),
        (reg.itk_affine(folder, matrix, "back.tfm"), True),
    ]


@pytest.mark.parametrize("number", range(8))
@pytest.mark.parametrize("seed", [1, 2])
def test_every_form_leads_the_same_way(number, seed, tmp_path):
    """The values of a phantom without symmetry say where they came from: what is at M p was at p."""
    matrix = rigid(seed)
    path, inverse = every_file(tmp_path, matrix)[number]
    grid = fixed_grid(matrix)
    result = transform(by=derive.read_transform(path), reference=grid, inverse=inverse)(moving_volume())
    np.testing.assert_allclose(result.array, value_at(moved(np.linalg.inv(matrix), points(grid))), atol=1e-4)
    assert result.geometry.frame_of_reference_uid == FIXED


def test_what_stretches_and_shears_is_sampled(tmp_path):
    matrix = np.array([[1.2, 0.1, 0, 3], [0, 0.9, 0.2, -4], [0, 0, 1.1, 5], [0, 0, 0, 1]])
    grid = fixed_grid(matrix)
    result = transform(by=derive.read_transform(reg.text(tmp_path, matrix)), reference=grid)(moving_volume())
    np.testing.assert_allclose(result.array, value_at(moved(np.linalg.inv(matrix), points(grid))), atol=1e-4)


def test_without_a_reference_the_planes_move_and_no_value_changes(tmp_path):
    matrix, volume = rigid(4), make_volume(moving_volume().geometry, padded=True)
    by = derive.read_transform(reg.spatial(tmp_path, [(MOVING, matrix)]))
    result = transform(by=by)(volume)
    np.testing.assert_array_equal(result.array, volume.array)
    np.testing.assert_allclose(points(result.geometry), moved(matrix, points(volume.geometry)), atol=1e-6)
    assert result.geometry.frame_of_reference_uid == FIXED
    assert result.contributors(3) == volume.contributors(3)


@pytest.mark.parametrize("interpolator", ["nearest", "linear", "bspline", "lanczos"])
def test_identity_gives_the_source(interpolator, tmp_path):
    volume = make_volume(moving_volume().geometry, padded=True)
    grid = replace(volume.geometry, frame_of_reference_uid=FIXED)
    by = derive.read_transform(reg.text(tmp_path, np.eye(4)))
    result = transform(by=by, reference=grid, interpolator=interpolator)(volume)
    if interpolator in ("nearest", "linear"):
        np.testing.assert_array_equal(result.array, volume.array)
    np.testing.assert_allclose(result.array, volume.array, rtol=1e-5, atol=0.05)


def test_there_and_back_gives_the_volume_back(tmp_path):
    """A registration and its inverse: by planes exactly, by values where all neighbours were there."""
    volume, matrix = moving_volume(), small_turn()
    by = derive.read_transform(reg.spatial(tmp_path, [(MOVING, matrix)]))
    there = transform(by=by)(volume)
    back = transform(by=by)(there)
    np.testing.assert_allclose(points(back.geometry), points(volume.geometry), atol=1e-6)
    assert back.geometry.frame_of_reference_uid == MOVING
    grid = replace(volume.geometry, frame_of_reference_uid=FIXED)
    sampled = transform(by=by, reference=grid)(volume)
    again = transform(by=by, reference=volume.geometry)(sampled)
    inner = (slice(3, -3), slice(6, -6), slice(6, -6))
    np.testing.assert_allclose(again.array[inner], volume.array[inner], atol=1e-3)


def field_of(grid):
    """Vectors that bend: mm."""
    x, y, z = np.moveaxis(points(grid), -1, 0)
    return np.stack([np.sin(y / 9), 1.5 * np.cos(z / 7), 0.05 * x], axis=-1)


def vector_grid():
    return around(CENTER, shape=(15, 14, 13), spacing=(5.0, 4.0, 3.5))


def test_a_deformable_registration_leads_from_fixed_to_moving(tmp_path):
    """Matrix, offset, matrix (PS3.3 C.20.3.1.1): against vectors that ITK interpolates."""
    before, after = small_turn(4), small_turn(-3, (1, 2, -1))
    vectors = field_of(vector_grid())
    by = derive.read_transform(reg.deformable(tmp_path, vector_grid(), vectors, before, after))
    grid = replace(around(CENTER, shape=(4, 6, 7), spacing=(2.5, 1.5, 1.25)), frame_of_reference_uid=FIXED)
    result = transform(by=by, reference=grid)(moving_volume())
    image = sitk.GetImageFromArray(vectors, isVector=True)
    image.SetOrigin(vector_grid().first_position)
    image.SetSpacing(vector_grid().spacing[::-1])
    bend = sitk.DisplacementFieldTransform(sitk.Cast(image, sitk.sitkVectorFloat64))
    there = moved(before, points(grid)).reshape(-1, 3)
    bent = np.array([bend.TransformPoint(p) for p in there.tolist()]).reshape(*grid.shape, 3)
    np.testing.assert_allclose(result.array, value_at(moved(after, bent)), atol=1e-3)


def test_what_is_registered_within_one_space_is_moved(tmp_path):
    """Phases of one scan have one frame of reference."""
    matrix, volume = small_turn(), moving_volume()
    by = derive.read_transform(reg.spatial(tmp_path, [(MOVING, matrix)], fixed=MOVING))
    grid = replace(fixed_grid(matrix), frame_of_reference_uid=MOVING)
    result = transform(by=by, reference=grid)(volume)
    np.testing.assert_allclose(result.array, value_at(moved(np.linalg.inv(matrix), points(grid))), atol=1e-4)
    vectors = np.full((*vector_grid().shape, 3), (1.0, -2.0, 3.0))
    bent = derive.read_transform(reg.deformable(tmp_path, vector_grid(), vectors, fixed=MOVING))
    grid = replace(fixed_grid(np.eye(4)), frame_of_reference_uid=MOVING)
    result = transform(by=bent, reference=grid)(volume)
    np.testing.assert_allclose(result.array, value_at(points(grid) + np.array([1.0, -2.0, 3.0])), atol=1e-4)


def test_where_a_deformation_says_nothing_is_fill(tmp_path):
    vectors = np.zeros((*vector_grid().shape, 3))
    vectors[7, 7, 6] = np.nan
    by = derive.read_transform(reg.deformable(tmp_path, vector_grid(), vectors))
    volume = make_volume(moving_volume().geometry)
    grid = replace(volume.geometry, frame_of_reference_uid=FIXED)
    result = transform(by=by, reference=grid, interpolator="nearest", fill="padding")(volume)
    at = vector_grid().index_of(points(grid))
    beside = ((at < -1e-6) | (at > np.array(vector_grid().shape) - 1 + 1e-6)).any(axis=-1)
    place = beside | (np.abs(at - (7, 7, 6)).max(axis=-1) < 1)
    assert 0 < beside.sum() < place.sum() < place.size / 2
    np.testing.assert_array_equal(np.isnan(result.array), place)
    np.testing.assert_array_equal(result.array[~place], volume.array[~place])


@pytest.mark.parametrize("interpolator", ["nearest", "linear"])
def test_a_transform_of_itk_is_that_of_simpleitk(interpolator, tmp_path):
    """Slab by slab, within the edges of the source."""
    path, itk = reg.itk_bspline(tmp_path, CENTER)
    volume = make_volume(moving_volume().geometry)
    grid = replace(around(CENTER, shape=(9, 10, 12), spacing=(2.5, 2.2, 2.1)), frame_of_reference_uid=FIXED)
    result = transform(by=derive.read_transform(path), reference=grid, interpolator=interpolator)(volume)

    def image(array, geometry):
        made = sitk.GetImageFromArray(array)
        made.SetOrigin(geometry.first_position)
        made.SetSpacing(geometry.spacing[::-1])
        return made

    how = {"nearest": sitk.sitkNearestNeighbor, "linear": sitk.sitkLinear}[interpolator]
    like = image(np.zeros(grid.shape, np.float32), grid)
    wanted = sitk.GetArrayFromImage(sitk.Resample(image(volume.array, volume.geometry), like, itk, how, -1000.0))
    parts = np.concatenate([result.slab(k, k + 1) for k in range(9)])
    assert (wanted > -1000).all()
    np.testing.assert_allclose(parts, wanted, atol=0.05)


def test_contributors_of_what_is_bent_are_the_slices_with_weight(tmp_path):
    vectors = np.full((*vector_grid().shape, 3), (0.0, 0.0, 4.0))
    by = derive.read_transform(reg.deformable(tmp_path, vector_grid(), vectors))
    volume = make_volume(moving_volume().geometry)
    result = transform(by=by, reference=replace(volume.geometry, frame_of_reference_uid=FIXED))(volume)
    assert [c.frame for c in result.contributors(5)] == [7]
    assert result.contributors(19) == ()


def sources(tmp_path):
    """A moving and a fixed series on the disk, in spaces of their own."""
    other = {"SOPInstanceUID": lambda k: f"{FIXED}.4.{k}", "SeriesInstanceUID": f"{FIXED}.2"}
    fixed = make_series(count=4, FrameOfReferenceUID=FIXED, PositionReferenceIndicator="XY", **other)
    for image in fixed:
        image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
    return save(make_series(), tmp_path / "moving"), save(fixed, tmp_path / "fixed")


@pytest.mark.parametrize("form", ["reg.dcm", "matrix.txt", "affine.tfm", "bspline.h5", "deformable.dcm"])
def test_written_it_lies_in_the_fixed_space_and_is_recomputed(form, tmp_path):
    moving, fixed = sources(tmp_path)
    matrix = small_turn()
    made = {
        "reg.dcm": lambda: reg.spatial(tmp_path, [(MOVING, matrix)]),
        "matrix.txt": lambda: reg.text(tmp_path, matrix),
        "affine.tfm": lambda: reg.itk_affine(tmp_path, np.linalg.inv(matrix)),
        "bspline.h5": lambda: reg.itk_bspline(tmp_path, (-4, 27, -27))[0],
        "deformable.dcm": lambda: reg.deformable(
            tmp_path, around((-4, 27, -27), shape=(9, 9, 9), spacing=(5, 5, 5)), np.ones((9, 9, 9, 3))
        ),
    }
    path, out = made[form](), tmp_path / "out"
    assert main(["transform", str(moving), "-o", str(out), "--by", str(path), "--reference", str(fixed)]) == 0
    assert derive.check(out).ok()
    back = derive.read(out)
    assert back.geometry.same_grid(derive.read(fixed).geometry)
    images = [pydicom.dcmread(p) for p in sorted(out.glob("*.dcm"))]
    code = "125027" if form in ("bspline.h5", "deformable.dcm") else "113085"
    object_uid = f"{reg.ROOT}.66.1"
    for image in images:
        assert (image.FrameOfReferenceUID, image.PositionReferenceIndicator) == (FIXED, "XY")
        assert [c.CodeValue for c in image.DerivationCodeSequence] == [code]
        if form.endswith(".dcm"):
            assert [i.ReferencedSOPInstanceUID for i in image.SourceInstanceSequence] == [object_uid]
            listed = [
                i.ReferencedSOPInstanceUID for s in image.ReferencedSeriesSequence for i in s.ReferencedInstanceSequence
            ]
            assert object_uid in listed
            assert object_uid in image.DerivationDescription
        else:
            assert "SourceInstanceSequence" not in image
            assert "sha256:" in image.DerivationDescription
    assert verified(out, moving, reference=[fixed, path]).verdict == "SAME"
    assert main(["verify", str(out), "--sources", str(moving), "--reference", str(fixed), "--by", str(path)]) == 0
    without = verified(out, moving, reference=fixed)
    assert without.verdict == "NOT-RECOMPUTABLE"
    assert "registration" in without.reason
    other = verified(out, moving, reference=[fixed, reg.text(tmp_path, rigid(), "another.txt")])
    assert other.verdict == "NOT-RECOMPUTABLE"


def test_planes_that_were_moved_are_written_where_they_are(tmp_path):
    moving, _ = sources(tmp_path)
    path, out = reg.spatial(tmp_path, [(MOVING, rigid(3))]), tmp_path / "out"
    assert main(["transform", str(moving), "-o", str(out), "--by", str(path)]) == 0
    assert derive.check(out).ok()
    source, back = derive.read(moving), derive.read(out)
    np.testing.assert_allclose(np.asarray(back), np.asarray(source), atol=0.51)
    np.testing.assert_allclose(points(back.geometry), moved(rigid(3), points(source.geometry)), atol=1e-4)
    image = pydicom.dcmread(next(out.glob("*.dcm")))
    assert (image.FrameOfReferenceUID, image.PositionReferenceIndicator) == (FIXED, "")
    assert verified(out, moving, reference=path).verdict == "SAME"


REFUSED = {
    "other frames of reference": ("GEO-FOR", lambda f: reg.spatial(f, [("1.2.99", rigid())], fixed="1.2.98")),
    "two ways": ("GEO-FOR", lambda f: reg.spatial(f, [(MOVING, rigid(1)), (MOVING, rigid(2))])),
    "no reference": ("GEO-FOR", lambda f: reg.text(f, rigid())),
    "stretched": ("GEO-RIGID", lambda f: reg.spatial(f, [(MOVING, np.diag([2.0, 1, 1, 1]))])),
    "mirrored": ("GEO-RIGID", lambda f: reg.spatial(f, [(MOVING, np.diag([-1.0, 1, 1, 1]))])),
    "singular": ("GEO-SINGULAR", lambda f: reg.text(f, np.diag([1.0, 1, 0, 1]))),
    "singular object": ("GEO-SINGULAR", lambda f: reg.spatial(f, [(MOVING, np.diag([1.0, 1, 0, 1]))])),
    "projective": ("GEO-MATRIX", lambda f: reg.text(f, np.eye(4) + 0.1)),
    "not finite": ("GEO-MATRIX", lambda f: reg.text(f, np.diag([1.0, np.nan, 1, 1]))),
    "three rows": ("GEO-MATRIX", lambda f: reg.text(f, np.eye(4)[:3])),
    "matrices in an order": ("GEO-MATRIX", lambda f: reg.spatial(f, [(MOVING, [rigid(1), rigid(2)])])),
    "words": ("SRC-TRANSFORM", lambda f: _file(f / "a.txt", b"no numbers")),
    "not of ITK": ("SRC-TRANSFORM", lambda f: _file(f / "a.h5", b"no transform")),
    "missing": ("SRC-MISSING", lambda f: f / "none.tfm"),
    "an image": ("SRC-TRANSFORM", lambda f: save(make_series(count=1), f / "ct") / "1.dcm"),
    "too few vectors": (
        "GEO-GRID",
        lambda f: reg.deformable(f, vector_grid(), np.zeros((*vector_grid().shape, 3)), numbers=240),
    ),
    "another patient": ("SRC-PATIENT", lambda f: reg.spatial(f, [(MOVING, rigid())], patient="P2")),
}


def _file(path, data):
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("case", REFUSED)
def test_it_is_refused_by_name(case, tmp_path):
    code, made = REFUSED[case]
    with raises_code(code):
        derive.build(make_series(), transform(by=derive.read_transform(made(tmp_path))))


def test_what_leads_one_way_is_not_taken_the_other(tmp_path):
    bent = derive.read_transform(reg.itk_bspline(tmp_path, CENTER)[0])
    grid = fixed_grid(np.eye(4))
    with raises_code("GEO-INVERSE", GeometryError):
        transform(by=bent, reference=grid, inverse=True)(moving_volume())
    by = derive.read_transform(reg.spatial(tmp_path, [(MOVING, rigid())]))
    with raises_code("OP-INVERSE", UsageError):
        transform(by=by, reference=grid, inverse=True)(moving_volume())
    with raises_code("GEO-OVERLAP", GeometryError):
        far = replace(grid, first_position=(9e3, 0, 0))
        transform(by=by, reference=far)(moving_volume())
    with raises_code("OP-TRANSFORM", UsageError):
        transform(by="reg.dcm", reference=grid)(moving_volume())
    with raises_code("GEO-FOR", GeometryError):
        transform(by=by, reference=replace(grid, frame_of_reference_uid="1.2.98"))(moving_volume())


def test_matrices_whose_order_does_not_matter_are_one(tmp_path):
    shifts = [small_turn(0, (1, 2, 3)), small_turn(0, (4, 5, 6))]
    by = derive.read_transform(reg.spatial(tmp_path, [(MOVING, shifts)]))
    np.testing.assert_allclose(by.parts[0].matrix, small_turn(0, (5, 7, 9)))

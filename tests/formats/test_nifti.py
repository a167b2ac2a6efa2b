"""NIfTI and Analyze, against nibabel and SimpleITK, and every refusal by its code."""

from __future__ import annotations

import gzip
import struct

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - its own customary name

from derive.formats import of_object, open_file
from derive.formats.colour import composited
from tests.helpers.foreign_files import HERE, VALUES, cut, place, refused

TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
#: Oblique, with three different spacings, RAS.
AFFINE = np.array([[0.9, -0.2, 0.1, -31.5], [0.3, 1.8, -0.4, 12.25], [-0.1, 0.5, 3.1, 77.0], [0, 0, 0, 1]])


# NIfTI


def nifti(path, values=VALUES, sform=AFFINE, qform=None, change=None, kind=nibabel.Nifti1Image):
    image = kind(values, None)
    image.header.set_sform(sform, 0 if sform is None else 1)
    image.header.set_qform(qform, 0 if qform is None else 1)
    image.header.set_xyzt_units("mm")
    if change:
        change(image.header)
    nibabel.save(image, path)
    return path


@pytest.mark.parametrize("ending", ["nii", "nii.gz", "NII.GZ", "img", "hdr"])
@pytest.mark.parametrize("version", [1, 2])
def test_nifti_places_a_voxel_where_nibabel_and_itk_do(tmp_path, ending, version):
    single, pair = (
        (nibabel.Nifti1Image, nibabel.Nifti1Pair) if version == 1 else (nibabel.Nifti2Image, nibabel.Nifti2Pair)
    )
    kind = pair if ending in ("img", "hdr") else single
    path = nifti(tmp_path / f"v.{ending}", kind=kind)
    samples = open_file(path)
    assert samples.format == f"NIfTI-{version}"
    assert samples.array.shape == (5, 6, 7, 1)
    assert samples.array.dtype == np.int16
    np.testing.assert_array_equal(samples.array[..., 0], VALUES)
    np.testing.assert_allclose(place(samples), TO_LPS @ nibabel.load(path).affine @ (*HERE, 1), atol=1e-4)
    assert samples.spacing_mm == pytest.approx(np.linalg.norm(AFFINE[:3, :3], axis=0))


def test_nifti_places_a_voxel_where_itk_reads_it(tmp_path):
    turn = np.array([[0.6, -0.8, 0], [0.8, 0.6, 0], [0, 0, 1]])
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = turn * (1, 2, 3), (10, -20, 30)
    path = nifti(tmp_path / "v.nii.gz", sform=affine, qform=affine)
    image, samples = sitk.ReadImage(str(path)), open_file(path)
    np.testing.assert_allclose(place(samples)[:3], image.TransformIndexToPhysicalPoint(HERE), atol=1e-4)
    assert image[HERE] == samples.array[(*HERE, 0)]
    assert samples.notes == ()


def test_nifti_without_sform_takes_qform_and_without_both_only_spacing(tmp_path):
    qform = np.diag([1.0, 2.0, 3.0, 1.0])
    qform[:3, 3] = 5, 6, 7
    samples = open_file(nifti(tmp_path / "q.nii", sform=None, qform=qform))
    np.testing.assert_allclose(samples.affine, TO_LPS @ qform, atol=1e-5)
    neither = open_file(nifti(tmp_path / "n.nii", sform=None, change=lambda h: h.set_zooms((0.5, 0.6, 2.5))))
    assert neither.affine is None
    assert neither.placeable
    assert neither.spacing_mm == pytest.approx((0.5, 0.6, 2.5))
    assert not neither.notes
    header = bytearray((tmp_path / "n.nii").read_bytes())
    for stated, wanted in ((0.0, None), (-2.5, None), (np.nan, None), (2.5, pytest.approx((0.5, 0.6, 2.5)))):
        header[88:92] = struct.pack("<f", stated)
        for name, content in (("z.nii", header), ("z.nii.gz", gzip.compress(header))):
            (tmp_path / name).write_bytes(content)
            assert open_file(tmp_path / name).spacing_mm == wanted


def test_nifti_whose_forms_differ_says_by_how_much(tmp_path):
    moved = np.diag([1.0, 2.0, 3.0, 1.0])
    moved[0, 3] = 4.5
    samples = open_file(nifti(tmp_path / "v.nii", sform=np.diag([1.0, 2.0, 3.0, 1.0]), qform=moved))
    np.testing.assert_allclose(samples.affine, TO_LPS @ np.diag([1.0, 2.0, 3.0, 1.0]))
    assert samples.notes == (
        "the sform and the qform of v.nii place its corners up to 4.5 mm apart; the sform was used",
    )


@pytest.mark.parametrize(("unit", "factor"), [("meter", 1000.0), ("micron", 0.001), ("mm", 1.0), ("unknown", 1.0)])
def test_nifti_lengths_come_in_mm(tmp_path, unit, factor):
    samples = open_file(nifti(tmp_path / "v.nii", change=lambda h: h.set_xyzt_units(xyz=unit)))
    np.testing.assert_allclose(samples.affine[:3], factor * (TO_LPS @ AFFINE)[:3], rtol=1e-6)
    assert len(samples.notes) == (unit != "mm")
    bare = open_file(nifti(tmp_path / "w.nii", sform=None, change=lambda h: h.set_xyzt_units(xyz=unit)))
    assert bare.spacing_mm == pytest.approx((factor, factor, factor))


@pytest.mark.parametrize(("unit", "seconds"), [("sec", 2.5), ("msec", 2.5e-3), ("usec", 2.5e-6), ("hz", None)])
def test_nifti_of_four_axes_has_times_and_their_step(tmp_path, unit, seconds):
    def timed(header):
        header.set_xyzt_units("mm", unit)
        header["pixdim"][4] = 2.5

    values = np.arange(120, dtype=np.float32).reshape(2, 3, 4, 5)
    samples = open_file(nifti(tmp_path / "v.nii", values, change=timed))
    assert samples.times == 5
    assert samples.time_step_s == (seconds if seconds is None else pytest.approx(seconds))
    np.testing.assert_array_equal(samples.array, values)
    assert open_file(nifti(tmp_path / "w.nii", values[..., 0], change=timed)).time_step_s is None


def test_nifti_scale_slice_axis_and_byte_order(tmp_path):
    def told(header):
        header.set_dim_info(slice=1)
        header.set_slope_inter(2.5, -3)

    path = tmp_path / "v.nii"
    swapped = nibabel.Nifti1Image(VALUES, AFFINE, nibabel.Nifti1Header(endianness=">"), dtype=np.int16)
    nibabel.save(swapped, path)
    assert open_file(path).array.dtype == ">i2"
    raw = bytearray(nifti(path, change=told).read_bytes())
    raw[112:120] = struct.pack("<ff", 2.5, -3)
    path.write_bytes(raw)
    samples = open_file(path)
    assert samples.scale == (2.5, -3.0)
    assert samples.slice_axis == 1
    assert samples.array.dtype == np.int16
    assert isinstance(samples.array, np.memmap)
    raw[112:120] = struct.pack("<ff", 0, 7)
    path.write_bytes(raw)
    assert open_file(path).scale == (1.0, 0.0)


@pytest.mark.parametrize(
    ("shape", "wanted"), [((4, 5), (4, 5, 1, 1)), ((4, 5, 6, 1, 1), (4, 5, 6, 1)), ((4,), (4, 1, 1, 1))]
)
def test_nifti_axes_come_and_go(tmp_path, shape, wanted):
    path = nifti(tmp_path / "v.nii", np.zeros(shape, np.uint8))
    assert open_file(path).array.shape == wanted


@pytest.mark.parametrize("ending", ["nii", "nii.gz"])
def test_nifti_colours(tmp_path, ending):
    rng = np.random.default_rng(0)
    parts = rng.integers(0, 256, (3, 4, 5, 4), np.uint8)
    for channels in (3, 4):
        cells = np.dtype([(c, "u1") for c in "RGBA"[:channels]])
        values = np.ascontiguousarray(parts[..., :channels]).view(cells)[..., 0]
        samples = open_file(nifti(tmp_path / f"c{channels}.{ending}", values))
        assert samples.array.shape == (3, 4, 5, 1, 3)
        assert samples.colour
        colour, alpha = parts[..., :3].astype(float), parts[..., 3:].astype(float)
        wanted = np.rint(colour * alpha / 255) if channels == 4 else colour
        np.testing.assert_array_equal(samples.array[:, :, :, 0], wanted)
        assert bool(samples.notes) == (channels == 4)


def test_opaque_alpha_is_dropped_without_a_note():
    values = np.full((2, 3, 4), 255, np.uint8)
    assert composited(values)[1] == ()
    assert composited(values)[0].shape == (2, 3, 3)


def test_analyze_says_its_spacing_and_no_place(tmp_path):
    image = nibabel.AnalyzeImage(VALUES, None)
    image.header.set_zooms((1, 2, 3))
    image.to_filename(tmp_path / "a.img")
    for ending in ("img", "hdr"):
        samples = open_file(tmp_path / f"a.{ending}")
        assert (samples.format, samples.affine, samples.spacing_mm) == ("Analyze", None, (1, 2, 3))
        np.testing.assert_array_equal(samples.array[..., 0], VALUES)


@pytest.mark.parametrize("count", [1, 4, 8, 12, 500])
@pytest.mark.parametrize("ending", ["nii", "nii.gz"])
def test_truncated_nifti(tmp_path, ending, count):
    path = cut(nifti(tmp_path / f"v.{ending}", np.random.default_rng(0).integers(0, 999, (9, 9, 9), np.int16)), count)
    assert f"v.{ending} is truncated" in str(refused("SRC-DAMAGED", open_file, path))


def test_damaged_nifti(tmp_path):
    path = nifti(tmp_path / "v.nii.gz", np.random.default_rng(0).integers(0, 999, (30, 30, 30), np.int16))
    whole = bytearray(path.read_bytes())
    whole[len(whole) // 2] ^= 0xFF
    path.write_bytes(whole)
    refused("SRC-DAMAGED", open_file, path)
    for name, content in (("g.nii", b"rubbish" * 99), ("g.nii.gz", b"rubbish" * 99), ("e.nii", b""), ("z.hdr", b"\0")):
        (tmp_path / name).write_bytes(content)
        refused("SRC-DAMAGED", open_file, tmp_path / name)
    nibabel.save(nibabel.Nifti1Pair(VALUES, AFFINE), tmp_path / "p.img")
    (tmp_path / "p.hdr").unlink()
    refused("SRC-DAMAGED", open_file, tmp_path / "p.img")


@pytest.mark.parametrize(
    ("code", "values", "sform"),
    [
        ("VAL-5D", np.zeros((2, 3, 4, 1, 3), np.float32), AFFINE),
        ("VAL-COMPLEX", np.zeros((2, 3, 4), np.complex64), AFFINE),
        ("GEO-DETERMINANT", VALUES, np.diag([1.0, 1, 0, 1])),
        ("GEO-DETERMINANT", VALUES, np.array([[1.0, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])),
        ("GEO-DETERMINANT", VALUES, np.diag([1.0, np.nan, 1, 1])),
    ],
)
@pytest.mark.parametrize("ending", ["nii", "nii.gz"])
def test_nifti_refusals(tmp_path, ending, code, values, sform):
    refused(code, open_file, nifti(tmp_path / f"v.{ending}", values, sform))


def test_nibabel_objects(tmp_path):
    inside = of_object(nibabel.Nifti1Image(VALUES, AFFINE))
    np.testing.assert_allclose(inside.affine, TO_LPS @ AFFINE)
    assert inside.name == "nibabel image"
    assert np.shares_memory(inside.array, VALUES)
    assert of_object(nibabel.Nifti1Image(VALUES, None)).affine is None
    path = nifti(tmp_path / "v.nii")
    assert of_object(nibabel.load(path)).name == "v.nii"
    mgh = of_object(nibabel.MGHImage(VALUES, AFFINE))
    assert mgh.format == "MGH"
    np.testing.assert_allclose(mgh.affine, TO_LPS @ AFFINE, atol=1e-4)
    image = nibabel.load(path)
    cut(path, 9)
    refused("SRC-DAMAGED", of_object, image)


def test_real_nifti(real):
    for name, shape in (("example_ct.nii.gz", (122, 101, 112, 1)), ("example_mr_sm.nii.gz", (117, 91, 20, 1))):
        path = real("nifti_ct_totalseg") / name
        samples, image = open_file(path), nibabel.load(path)
        assert samples.array.shape == shape
        np.testing.assert_array_equal(samples.array[..., 0], image.dataobj.get_unscaled())
        np.testing.assert_allclose(samples.affine, TO_LPS @ image.affine)
        at = sitk.ReadImage(str(path)).TransformIndexToPhysicalPoint(HERE)
        np.testing.assert_allclose(place(samples)[:3], at, atol=1e-3)

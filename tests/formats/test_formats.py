"""Volumes that are no DICOM: every format against the library that wrote it, and every refusal by its code."""

from __future__ import annotations

import gzip
import struct
import zlib
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - its own customary name
from PIL import Image

from derive.errors import DeriveError
from derive.formats import RawLayout, is_picture, is_volume_or_picture, of_object, open_file
from derive.formats.affines import spacing_of
from derive.formats.colour import composited

TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
#: Oblique, with three different spacings, RAS.
AFFINE = np.array([[0.9, -0.2, 0.1, -31.5], [0.3, 1.8, -0.4, 12.25], [-0.1, 0.5, 3.1, 77.0], [0, 0, 0, 1]])
VALUES = np.arange(5 * 6 * 7, dtype=np.int16).reshape(5, 6, 7) - 100
HERE = (3, 1, 4)


def refused(code, call, *arguments):
    with pytest.raises(DeriveError) as caught:
        call(*arguments)
    assert caught.value.code == code
    assert "/" not in caught.value.message.replace("value * alpha / 255", ""), "a message names no folder"
    return caught.value


def cut(path: Path, count: int) -> Path:
    path.write_bytes(path.read_bytes()[:-count])
    return path


def place(samples, index=HERE):
    return samples.affine @ (*index, 1)


# NIfTI


def nifti(path, values=VALUES, sform=AFFINE, qform=None, change=None, kind=nibabel.Nifti1Image):
    image = kind(values, None)
    image.header.set_sform(sform, 0 if sform is None else 1)
    image.header.set_qform(qform, 0 if qform is None else 1)
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
    for stated, wanted in ((0.0, None), (-2.5, pytest.approx((0.5, 0.6, 2.5))), (np.nan, None)):
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
    assert len(samples.notes) == (factor != 1)
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


# NRRD

BASE = "type: short\ndimension: 3\nsizes: 2 3 4\nendian: little\n"
DIRECTIONS = "space directions: (1,0.1,0) (0.2,2,0) (0,0.3,3)\nspace origin: (10,20,30)\n"
AS_WRITTEN = np.array([[1, 0.2, 0, 10], [0.1, 2, 0.3, 20], [0, 0, 3, 30], [0, 0, 0, 1]])
SMALL = np.arange(24, dtype="<i2").reshape(4, 3, 2)


def nrrd(path, header, values=SMALL, encoding="raw"):
    content = gzip.compress(values.tobytes()) if encoding == "gzip" else values.tobytes()
    path.write_bytes(f"NRRD0004\n{header}encoding: {encoding}\n\n".encode() + content)
    return path


@pytest.mark.parametrize(
    ("space", "signs"),
    [
        ("left-posterior-superior", (1, 1)),
        ("LPS", (1, 1)),
        ("right-anterior-superior", (-1, -1)),
        ("RAS", (-1, -1)),
        ("left-anterior-superior", (1, -1)),
        ("LAS", (1, -1)),
    ],
)
def test_nrrd_spaces_of_a_patient_become_lps(tmp_path, space, signs):
    samples = open_file(nrrd(tmp_path / "v.nrrd", f"{BASE}space: {space}\n{DIRECTIONS}"))
    np.testing.assert_allclose(samples.affine, np.diag([*signs, 1, 1]) @ AS_WRITTEN, atol=1e-9)
    np.testing.assert_array_equal(samples.array[..., 0], SMALL.T)
    timed = "type: short\ndimension: 4\nsizes: 2 3 2 2\nendian: little\nkinds: space space space time\n"
    name = f"{space}-time" if "-" in space else f"{space}T"
    timed += f"space: {name}\nspace directions: (1,0.1,0,0) (0.2,2,0,0) (0,0.3,3,0) (0,0,0,250)\n"
    timed += 'space origin: (10,20,30,0)\nspace units: "mm" "mm" "mm" "ms"\n'
    times = open_file(nrrd(tmp_path / "t.nrrd", timed))
    np.testing.assert_allclose(times.affine, np.diag([*signs, 1, 1]) @ AS_WRITTEN, atol=1e-9)
    assert times.array.shape == (2, 3, 2, 2)
    assert times.time_step_s == pytest.approx(0.25)


def test_nrrd_places_a_voxel_where_itk_does(tmp_path, real):
    files = [nrrd(tmp_path / "v.nrrd", f"{BASE}space: RAS\n{DIRECTIONS}")]
    files += sorted((real("nrrd_mha") / "AIM-Harvard+pyradiomics" / "data").glob("*.nrrd"))
    for path in files:
        samples, image = open_file(path), sitk.ReadImage(str(path))
        np.testing.assert_allclose(place(samples)[:3], image.TransformContinuousIndexToPhysicalPoint(HERE), atol=1e-6)
        np.testing.assert_array_equal(samples.array[..., 0].T, sitk.GetArrayViewFromImage(image))
        assert samples.spacing_mm == pytest.approx(image.GetSpacing())
        assert samples.format == "NRRD"


@pytest.mark.parametrize("space", ["scanner-xyz", "3D-right-handed", "3D-left-handed", None])
def test_nrrd_of_another_space_has_no_place(tmp_path, space):
    header = BASE + (f"space: {space}\n" if space else "space dimension: 3\n") + DIRECTIONS
    path = nrrd(tmp_path / "v.nrrd", header)
    samples = open_file(path)
    assert samples.affine is None
    assert samples.spacing_mm == pytest.approx(spacing_of(AS_WRITTEN))
    assert "not used" in samples.notes[0]
    if space:
        assert of_object(sitk.ReadImage(str(path))).affine is None


@pytest.mark.parametrize(
    ("stated", "wanted"), [("spacings: 1 2 3\n", (1, 2, 3)), ("spacings: 1 2 nan\n", None), ("", None)]
)
def test_nrrd_without_a_space_has_only_the_spacing_that_it_states(tmp_path, stated, wanted):
    path = nrrd(tmp_path / "v.nrrd", BASE + stated)
    samples = open_file(path)
    assert (samples.affine, samples.spacing_mm) == (None, wanted)
    image = sitk.ReadImage(str(path))
    assert of_object(image).affine is None
    image.SetOrigin((1, 2, 3))
    assert of_object(image).affine is not None


def test_nrrd_units_of_length(tmp_path):
    header = f"{BASE}space: LPS\n{DIRECTIONS}"
    samples = open_file(nrrd(tmp_path / "v.nrrd", header + 'space units: "cm" "cm" "cm"\n'))
    np.testing.assert_allclose(samples.affine[:3], 10 * AS_WRITTEN[:3])
    assert samples.notes == ("its lengths are in cm; they were converted to mm",)
    bare = open_file(nrrd(tmp_path / "b.nrrd", BASE + 'spacings: 1 2 3\nunits: "cm" "cm" "cm"\n'))
    assert bare.spacing_mm == (10, 20, 30)
    odd = open_file(nrrd(tmp_path / "o.nrrd", header + 'space units: "inch" "inch" "inch"\n'))
    np.testing.assert_allclose(odd.affine, AS_WRITTEN)
    assert "inch" in odd.notes[0]


def four(kinds, sizes, kind="short"):
    return f"type: {kind}\ndimension: 4\nsizes: {sizes}\nendian: little\nkinds: {kinds}\n"


def test_nrrd_lists_are_times_and_vectors_are_not(tmp_path):
    values = np.arange(48, dtype="<i2")
    first = open_file(nrrd(tmp_path / "f.nrrd", four("list domain domain domain", "2 2 3 4"), values))
    np.testing.assert_array_equal(first.array, values.reshape(4, 3, 2, 2).transpose(2, 1, 0, 3))
    assert "list of 2" in first.notes[-1]
    last = open_file(nrrd(tmp_path / "l.nrrd", four("domain domain domain list", "2 3 4 2"), values))
    np.testing.assert_array_equal(last.array, values.reshape(2, 4, 3, 2).T)
    plain = open_file(nrrd(tmp_path / "p.nrrd", four("domain domain domain domain", "2 3 4 2"), values))
    np.testing.assert_array_equal(plain.array, last.array)
    assert plain.time_step_s is None
    refused("VAL-COLOUR", open_file, nrrd(tmp_path / "v.nrrd", four("vector domain domain domain", "2 2 3 4"), values))


def test_nrrd_colours(tmp_path):
    values = np.random.default_rng(0).integers(0, 256, (2, 3, 2, 4), np.uint8)
    rgb = np.ascontiguousarray(values[..., :3])
    samples = open_file(nrrd(tmp_path / "c.nrrd", four("RGB-color domain domain domain", "3 2 3 2", "uchar"), rgb))
    np.testing.assert_array_equal(samples.array[:, :, :, 0], rgb.transpose(2, 1, 0, 3))
    path = nrrd(tmp_path / "a.nrrd", four("RGBA-color domain domain domain", "4 2 3 2", "uchar"), values)
    wanted = np.rint(rgb.astype(float) * values[..., 3:] / 255).transpose(2, 1, 0, 3)
    np.testing.assert_array_equal(open_file(path).array[:, :, :, 0], wanted)
    assert "composited" in open_file(path).notes[-1]
    hsv = nrrd(tmp_path / "h.nrrd", four("HSV-color domain domain domain", "3 2 3 2", "uchar"), rgb)
    refused("VAL-COLOUR", open_file, hsv)
    wide = nrrd(tmp_path / "w.nrrd", four("RGB-color domain domain domain", "3 2 3 2", "ushort"), rgb.astype("<u2"))
    refused("VAL-COLOUR", open_file, wide)
    two = nrrd(
        tmp_path / "z.nrrd", four("complex domain domain domain", "2 2 3 2", "float"), rgb.astype("<f4")[..., :2]
    )
    refused("VAL-COMPLEX", open_file, two)


@pytest.mark.parametrize("count", [1, 4, 8, 12, 30])
@pytest.mark.parametrize("encoding", ["raw", "gzip"])
def test_truncated_nrrd(tmp_path, encoding, count):
    header = f"{BASE}space: LPS\n{DIRECTIONS}"
    refused("SRC-DAMAGED", open_file, cut(nrrd(tmp_path / "v.nrrd", header, encoding=encoding), count))


def test_gzip_of_several_parts_or_with_a_tail_is_whole(tmp_path):
    path = tmp_path / "v.nrrd"
    content = SMALL.tobytes()
    start = f"NRRD0004\n{BASE}encoding: gzip\n\n".encode()
    for tail in (gzip.compress(content[:20]) + gzip.compress(content[20:]), gzip.compress(content) + b"tail"):
        path.write_bytes(start + tail)
        np.testing.assert_array_equal(open_file(path).array[..., 0], SMALL.T)


def test_detached_nrrd(tmp_path):
    (tmp_path / "v.raw").write_bytes(SMALL.tobytes())
    header = tmp_path / "v.nhdr"
    header.write_text(f"NRRD0004\n{BASE}space: LPS\n{DIRECTIONS}encoding: raw\ndata file: v.raw\n")
    np.testing.assert_array_equal(open_file(header).array[..., 0], SMALL.T)
    cut(tmp_path / "v.raw", 3)
    refused("SRC-DAMAGED", open_file, header)
    (tmp_path / "v.raw").unlink()
    assert "v.raw" in str(refused("SRC-MISSING", open_file, header))
    packed = tmp_path / "v.raw.gz"
    packed.write_bytes(gzip.compress(SMALL.tobytes()))
    header.write_text(header.read_text().replace("encoding: raw", "encoding: gzip").replace("v.raw", "v.raw.gz"))
    np.testing.assert_array_equal(open_file(header).array[..., 0], SMALL.T)
    cut(packed, 5)
    refused("SRC-DAMAGED", open_file, header)
    for k in range(4):
        (tmp_path / f"s{k}.raw").write_bytes(SMALL[k].tobytes())
    for named in ("LIST\ns0.raw\ns1.raw\ns2.raw\ns3.raw\n", "s%d.raw 0 3 1\n"):
        header.write_text(f"NRRD0004\n{BASE}encoding: raw\ndata file: {named}")
        np.testing.assert_array_equal(open_file(header).array[..., 0], SMALL.T)


def test_nrrd_refusals(tmp_path):
    flat = f"{BASE}space: LPS\nspace directions: (1,0,0) (1,0,0) (0,0,1)\nspace origin: (0,0,0)\n"
    refused("GEO-DETERMINANT", open_file, nrrd(tmp_path / "f.nrrd", flat))
    nothing = flat.replace("(1,0,0) (1,0,0)", "(1,0,0) (0,0,0)")
    refused("GEO-DETERMINANT", open_file, nrrd(tmp_path / "n.nrrd", nothing))
    five = "type: short\ndimension: 5\nsizes: 2 3 2 1 2\nendian: little\n"
    refused("VAL-5D", open_file, nrrd(tmp_path / "5.nrrd", five))
    ones = "type: short\ndimension: 5\nsizes: 2 3 2 2 1\nendian: little\n"
    assert open_file(nrrd(tmp_path / "1.nrrd", ones)).array.shape == (2, 3, 2, 2)
    (tmp_path / "g.nrrd").write_bytes(b"rubbish" * 20)
    (tmp_path / "h.nrrd").write_bytes(b"NRRD0004\nrubbish\n\n")
    for name in ("g.nrrd", "h.nrrd"):
        refused("SRC-DAMAGED", open_file, tmp_path / name)
    contradicting = nrrd(tmp_path / "s.nrrd", f"{BASE}spacings: 1 2 3\nspace: RAS\n")
    refused("SRC-DAMAGED", open_file, contradicting)


def test_nrrd_of_two_axes_is_one_slice(tmp_path):
    path = nrrd(tmp_path / "v.nrrd", "type: short\ndimension: 2\nsizes: 4 6\nendian: little\nspacings: 1 2\n")
    samples = open_file(path)
    assert samples.array.shape == (4, 6, 1, 1)
    assert (samples.affine, samples.spacing_mm) == (None, None)


# MetaImage and images of SimpleITK


def image_of(values=VALUES, **kind):
    image = sitk.GetImageFromArray(values, **kind)
    image.SetSpacing((0.5, 0.75, 2.5))
    image.SetOrigin((10, -20, 30))
    image.SetDirection((0.6, -0.8, 0, 0.8, 0.6, 0, 0, 0, -1))
    return image


@pytest.mark.parametrize("ending", ["mha", "mhd"])
@pytest.mark.parametrize("compressed", [False, True])
def test_metaimage_places_a_voxel_where_itk_does(tmp_path, ending, compressed):
    sitk.WriteImage(image_of(), str(tmp_path / f"v.{ending}"), compressed)
    samples = open_file(tmp_path / f"v.{ending}")
    assert samples.format == "MetaImage"
    np.testing.assert_allclose(place(samples)[:3], image_of().TransformIndexToPhysicalPoint(HERE))
    np.testing.assert_array_equal(samples.array[..., 0], VALUES.T)
    data = next(p for p in tmp_path.iterdir() if p.suffix != ".mhd")
    for count in (1, 30, 100):
        refused("SRC-DAMAGED", open_file, cut(data, count) and tmp_path / f"v.{ending}")


def test_compressed_metaimage_that_itk_would_return_as_rubbish(tmp_path):
    path = tmp_path / "v.mha"
    values = np.random.default_rng(0).integers(0, 999, (9, 8, 7), np.int16)
    sitk.WriteImage(image_of(values), str(path), True)
    whole = path.read_bytes()
    spoilt = bytearray(whole)
    spoilt[-300] ^= 0xFF
    path.write_bytes(spoilt)
    refused("SRC-DAMAGED", open_file, path)
    path.write_bytes(whole.replace(b"DimSize = 7 8 9", b"DimSize = 7 8 7"))
    refused("SRC-DAMAGED", open_file, path)
    start = whole.index(b"CompressedDataSize")
    path.write_bytes(whole[:start] + whole[whole.index(b"\n", start) + 1 :])
    assert "CompressedDataSize" in str(refused("SRC-DAMAGED", open_file, path))
    path.write_bytes(whole)
    np.testing.assert_array_equal(open_file(path).array[..., 0], values.T)


META = "ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\nDimSize = 2 3 4\n"
META += "ElementType = MET_SHORT\n"


def meta(path, extra="", values=SMALL, file="LOCAL"):
    content = values.tobytes() if file == "LOCAL" else b""
    path.write_bytes(f"{META}{extra}ElementDataFile = {file}\n".encode() + content)
    return path


def test_metaimage_says_what_its_header_says(tmp_path):
    path = tmp_path / "v.mha"
    bare = open_file(meta(path))
    assert (bare.affine, bare.spacing_mm, bare.scale) == (None, None, (1.0, 0.0))
    assert open_file(meta(path, "ElementSpacing = 1 2 3\n")).spacing_mm == (1, 2, 3)
    assert open_file(meta(path, "ElementSize = 1 2 3\n")).affine is None
    placed = open_file(meta(path, "Offset = 5 6 7\nElementSpacing = 1 2 3\nDistanceUnits = cm\n"))
    np.testing.assert_allclose(placed.affine, [[10, 0, 0, 50], [0, 20, 0, 60], [0, 0, 30, 70], [0, 0, 0, 1]])
    assert "cm" in placed.notes[0]
    assert "yard" in open_file(meta(path, "Offset = 5 6 7\nDistanceUnits = yard\n")).notes[0]
    slope = "ElementToIntensityFunctionSlope = 2\nElementToIntensityFunctionOffset = 5\n"
    assert open_file(meta(path, slope)).scale == (2.0, 5.0)
    refused("SRC-DAMAGED", open_file, meta(path, slope.replace("= 5", "= five")))
    refused("SRC-FORMAT", open_file, meta(path, "CompressedData = True\nHeaderSize = 9\n"))
    refused("GEO-DETERMINANT", open_file, meta(path, "TransformMatrix = 1 0 0 1 0 0 0 0 1\n"))
    refused("VAL-COLOUR", open_file, meta(path, "ElementNumberOfChannels = 2\n", np.repeat(SMALL, 2)))


def test_metaimage_of_several_files_or_of_missing_ones(tmp_path):
    for k in range(4):
        (tmp_path / f"s{k}.raw").write_bytes(SMALL[k].tobytes())
    path = meta(tmp_path / "v.mhd", file="LIST\ns0.raw\ns1.raw\ns2.raw\ns3.raw")
    np.testing.assert_array_equal(open_file(path).array[..., 0], SMALL.T)
    refused("SRC-FORMAT", open_file, meta(tmp_path / "c.mhd", "CompressedData = True\n", file="s%d.raw 0 3 1"))
    cut(tmp_path / "s2.raw", 1)
    refused("SRC-DAMAGED", open_file, path)
    assert "gone.raw" in str(refused("SRC-MISSING", open_file, meta(tmp_path / "m.mhd", file="gone.raw")))
    for content in (b"rubbish" * 99, b"", b"ElementDataFile = LOCAL\n", b"a = 1\n"):
        (tmp_path / "g.mha").write_bytes(content)
        refused("SRC-DAMAGED", open_file, tmp_path / "g.mha")


def test_metaimage_of_four_axes(tmp_path, real):
    values = np.arange(120, dtype=np.int16).reshape(2, 3, 4, 5)
    image = sitk.GetImageFromArray(values, isVector=False)
    sitk.WriteImage(image, str(tmp_path / "v.mha"))
    samples = open_file(tmp_path / "v.mha")
    np.testing.assert_array_equal(samples.array, values.T)
    assert samples.time_step_s is None
    np.testing.assert_allclose(samples.affine, np.eye(4))
    image.SetDirection((0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0))
    assert refused_any(image) in ("GEO-TIME", "GEO-DETERMINANT")
    folder = real("nrrd_mha") / "DIAGNijmegen+rse-panimg" / "tests" / "resources"
    assert open_file(folder / "image10x11x12x13.mha").array.shape == (10, 11, 12, 13)
    assert open_file(folder / "image10x10x10.mha").array.dtype == np.float64


def refused_any(image):
    with pytest.raises(DeriveError) as caught:
        of_object(image)
    return caught.value.code


def test_images_of_simpleitk_keep_their_memory_and_their_values():
    image = image_of()
    view = sitk.GetArrayViewFromImage(image)
    samples = of_object(image)
    np.testing.assert_allclose(place(samples)[:3], image.TransformIndexToPhysicalPoint(HERE))
    assert np.shares_memory(samples.array, view)
    image[0, 0, 0] = 77
    image *= 2
    del image
    np.testing.assert_array_equal(samples.array[..., 0], VALUES.T)
    assert not samples.array.flags.writeable


def test_kinds_of_images_of_simpleitk():
    rgb = np.random.default_rng(0).integers(0, 256, (4, 3, 2, 3), np.uint8)
    colour = of_object(image_of(rgb, isVector=True))
    np.testing.assert_array_equal(colour.array[:, :, :, 0], rgb.transpose(2, 1, 0, 3))
    flat = of_object(sitk.GetImageFromArray(rgb[0], isVector=True))
    assert flat.array.shape == (2, 3, 1, 1, 3)
    assert flat.affine is None
    refused("VAL-COLOUR", of_object, image_of(rgb.astype(np.uint16), isVector=True))
    refused("VAL-COMPLEX", of_object, image_of(np.zeros((2, 3, 4), np.complex64)))
    refused("VAL-TYPE", of_object, sitk.Image([2, 3, 4], sitk.sitkLabelUInt8))
    refused("VAL-5D", of_object, sitk.Image([2, 3, 4, 1, 2], sitk.sitkUInt8))


# Arrays and raw bytes


def test_numpy_arrays_and_files(tmp_path):
    np.save(tmp_path / "v.npy", VALUES)
    np.savez_compressed(tmp_path / "v.npz", volume=VALUES)
    for samples in (of_object(VALUES), open_file(tmp_path / "v.npy"), open_file(tmp_path / "v.npz")):
        np.testing.assert_array_equal(samples.array[..., 0], VALUES.T)
        assert (samples.affine, samples.spacing_mm, samples.slice_axis) == (None, None, 2)
        assert not samples.placeable
    assert np.shares_memory(of_object(VALUES).array, VALUES)
    assert isinstance(open_file(tmp_path / "v.npy").array, np.memmap)
    assert of_object(VALUES[0]).array.shape == (7, 6, 1, 1)
    assert of_object(np.zeros((2, 3, 4, 5))).array.shape == (5, 4, 3, 2)
    assert of_object(np.zeros((1, 2, 3, 4, 5))).array.shape == (5, 4, 3, 2)
    assert of_object(np.zeros((3, 4, 5), bool)).array.dtype == bool


@pytest.mark.parametrize(
    ("code", "values"),
    [
        ("VAL-5D", np.zeros((2, 1, 3, 4, 5))),
        ("VAL-COMPLEX", np.zeros((3, 4, 5), complex)),
        ("VAL-TYPE", np.array([["a"]])),
        ("VAL-TYPE", np.array([[None]])),
        ("VAL-TYPE", np.zeros((3, 4), "M8[s]")),
        ("VAL-TYPE", np.ma.masked_equal(VALUES, 0)),
        ("VAL-EMPTY", np.zeros((0, 4, 5))),
        ("VAL-SHAPE", np.zeros(5)),
    ],
)
def test_array_refusals(tmp_path, code, values):
    refused(code, of_object, values)
    if not isinstance(values, np.ma.MaskedArray):
        for save in (np.save, np.savez):
            path = tmp_path / ("v.npy" if save is np.save else "v.npz")
            save(path, values)
            refused(code, open_file, path)


def test_numpy_files_that_hold_no_single_array(tmp_path):
    np.savez(tmp_path / "two.npz", first=VALUES, second=VALUES)
    error = refused("SRC-ARRAYS", open_file, tmp_path / "two.npz")
    assert "first, second" in str(error)
    np.savez(tmp_path / "none.npz")
    refused("SRC-ARRAYS", open_file, tmp_path / "none.npz")
    np.save(tmp_path / "v.npy", VALUES)
    np.savez(tmp_path / "v.npz", VALUES)
    (tmp_path / "w.npz").write_bytes((tmp_path / "v.npy").read_bytes())
    refused("SRC-DAMAGED", open_file, tmp_path / "w.npz")
    spoilt = bytearray((tmp_path / "v.npz").read_bytes())
    spoilt[len(spoilt) // 2] ^= 0xFF
    (tmp_path / "s.npz").write_bytes(spoilt)
    refused("SRC-DAMAGED", open_file, tmp_path / "s.npz")
    for name in ("v.npy", "v.npz"):
        refused("SRC-DAMAGED", open_file, cut(tmp_path / name, 10))
        (tmp_path / name).write_bytes(b"rubbish" * 9)
        refused("SRC-DAMAGED", open_file, tmp_path / name)
        (tmp_path / name).write_bytes(b"")
        refused("SRC-DAMAGED", open_file, tmp_path / name)


@pytest.mark.parametrize("order", ["little", "big"])
@pytest.mark.parametrize("dtype", ["int8", "uint16", "int32", "float32", "float64", "uint64"])
@pytest.mark.parametrize("ending", ["raw", "bin", "dat", "vol", "img"])
def test_raw_bytes(tmp_path, ending, dtype, order):
    values = np.arange(24).reshape(4, 3, 2).astype(np.dtype(dtype).newbyteorder("<" if order == "little" else ">"))
    path = tmp_path / f"v.{ending}"
    path.write_bytes(b"header" + values.tobytes())
    samples = open_file(path, RawLayout((2, 3, 4), dtype, order, 6))
    np.testing.assert_array_equal(samples.array[..., 0], values.T)
    assert isinstance(samples.array, np.memmap)
    assert (samples.slice_axis, samples.placeable) == (2, False)
    assert open_file(path, RawLayout((1, 3, 4, 2), dtype, order, 6)).times == 2


@pytest.mark.parametrize(
    ("code", "values"),
    [
        ("RAW-SHAPE", ((2, 3), "int16")),
        ("RAW-SHAPE", ((2, 3, 0), "int16")),
        ("RAW-SHAPE", ((2, 3, 4, 5, 6), "int16")),
        ("RAW-SHAPE", ((2, 3, 4.5), "int16")),
        ("RAW-TYPE", ((2, 3, 4), "complex64")),
        ("RAW-ORDER", ((2, 3, 4), "int16", "middle")),
        ("RAW-OFFSET", ((2, 3, 4), "int16", "little", -1)),
    ],
)
def test_raw_layouts_that_cannot_be(code, values):
    refused(code, RawLayout, *values)


@pytest.mark.parametrize(
    ("size", "layout", "fit"),
    [
        (256 * 256 * 60 * 2, RawLayout((256, 256, 50), "int16"), "256 x 256 x 60 int16"),
        (256 * 256 * 50 * 4, RawLayout((256, 256, 50), "int16"), "the stated shape as float32"),
        (512 * 512 * 33 * 2, RawLayout((500, 500, 33), "int16"), "512 x 512 x 33 int16"),
        (256 * 256 * 5 * 2 + 352, RawLayout((256, 256, 5), "int16"), "the stated shape and type at an offset of 352"),
        (4 * 5 * 6 * 7 * 2, RawLayout((4, 5, 6, 9), "int16"), "4 x 5 x 6 x 7 int16"),
        (3, RawLayout((4, 5, 6), "int16", offset=8), None),
    ],
)
def test_raw_size_says_what_would_fit(tmp_path, size, layout, fit):
    path = tmp_path / "v.raw"
    with path.open("wb") as file:
        file.truncate(size)
    error = refused("RAW-SIZE", open_file, path, layout)
    assert str(size) in error.message
    assert str(layout.file_size) in error.message
    assert len(error.facts["fits"]) <= 8
    assert fit in error.facts["fits"] if fit else not error.facts["fits"]


# Pictures

GREY = np.random.default_rng(1).integers(0, 256, (6, 9), np.uint8)


def saved(path, array, mode=None, **options):
    image = array if isinstance(array, Image.Image) else Image.fromarray(array)
    (image.convert(mode) if mode else image).save(path, **options)
    return path


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("v.png", GREY),
        ("v.bmp", GREY),
        ("v.TIFF", GREY),
        ("v.png", GREY.astype(np.uint16) * 250),
        ("v.tif", GREY.astype(np.uint16) * 250),
        ("v.tif", GREY.astype(np.int32) - 70000),
        ("v.tif", GREY.astype(np.float32) / 7),
        ("v.png", GREY > 99),
        ("v.tif", GREY > 99),
        ("v.png", np.dstack([GREY, GREY // 2, GREY // 3])),
        ("v.bmp", np.dstack([GREY, GREY // 2, GREY // 3])),
    ],
)
def test_pictures_keep_their_values(tmp_path, name, values):
    samples = open_file(saved(tmp_path / name, values))
    assert samples.array.shape == (9, 6, 1, 1, *values.shape[2:])
    assert samples.array.dtype == values.dtype
    np.testing.assert_array_equal(samples.array[:, :, 0, 0], values.swapaxes(0, 1))
    assert (samples.affine, samples.spacing_mm, samples.slice_axis, samples.placeable) == (None, None, 2, False)
    assert (samples.lossy, samples.notes) == (None, ())


@pytest.mark.parametrize(("name", "options"), [("v.tif", {}), ("v.tif", {"compression": "tiff_lzw"}), ("v.png", {})])
def test_pages_are_slices(tmp_path, name, options):
    pages = [Image.fromarray(np.roll(GREY, k)) for k in range(4)]
    path = saved(tmp_path / name, pages[0], save_all=True, append_images=pages[1:], **options)
    samples = open_file(path)
    assert samples.array.shape == (9, 6, 4, 1)
    for k in range(4):
        np.testing.assert_array_equal(samples.array[:, :, k, 0].T, np.roll(GREY, k))


def test_pages_that_differ(tmp_path):
    for other in (GREY[1:], GREY.astype(np.float32), np.dstack([GREY] * 3)):
        path = saved(tmp_path / "v.tif", GREY, save_all=True, append_images=[Image.fromarray(other)])
        assert "page 2" in str(refused("SRC-PAGES", open_file, path))


def test_alpha_is_composited_over_black(tmp_path):
    alpha = GREY[::-1]
    rgb = np.dstack([GREY, GREY // 2, GREY // 3])
    samples = open_file(saved(tmp_path / "v.png", np.dstack([rgb, alpha])))
    wanted = np.rint(rgb.astype(float) * alpha[..., None] / 255)
    np.testing.assert_array_equal(samples.array[:, :, 0, 0].swapaxes(0, 1), wanted)
    assert "composited over black" in samples.notes[0]
    grey = open_file(saved(tmp_path / "g.png", Image.merge("LA", [Image.fromarray(GREY), Image.fromarray(alpha)])))
    np.testing.assert_array_equal(grey.array[:, :, 0, 0].T, np.rint(GREY.astype(float) * alpha / 255))
    assert not grey.colour
    one = open_file(saved(tmp_path / "t.png", GREY, transparency=int(GREY[2, 3])))
    np.testing.assert_array_equal(one.array[:, :, 0, 0].T, np.where(GREY[2, 3] == GREY, 0, GREY))


def test_palettes(tmp_path):
    image = Image.fromarray(GREY % 3).convert("P")
    image.putpalette([10, 10, 10, 0, 255, 0, 7, 8, 9])
    colour = open_file(saved(tmp_path / "c.png", image))
    np.testing.assert_array_equal(
        colour.array[:, :, 0, 0].swapaxes(0, 1), np.array([[10, 10, 10], [0, 255, 0], [7, 8, 9]])[GREY % 3]
    )
    assert colour.notes == ("its palette was expanded to R G B",)
    image.putpalette([10, 10, 10, 30, 30, 30, 200, 200, 200])
    grey = open_file(saved(tmp_path / "g.png", image))
    np.testing.assert_array_equal(grey.array[:, :, 0, 0].T, np.array([10, 30, 200])[GREY % 3])
    assert grey.notes == ("its palette of greys was expanded to grey",)
    clear = open_file(saved(tmp_path / "t.png", image, transparency=2))
    np.testing.assert_array_equal(clear.array[:, :, 0, 0].T, np.array([10, 30, 0])[GREY % 3])
    assert "composited" in clear.notes[1]


def test_modes_that_are_converted_or_refused(tmp_path):
    rgb = Image.fromarray(np.dstack([GREY, GREY // 2, GREY // 3]))
    for name, mode in (("v.tif", "CMYK"), ("v.jpg", "CMYK"), ("w.tif", "YCbCr")):
        samples = open_file(saved(tmp_path / name, rgb, mode))
        assert samples.colour
        assert mode in samples.notes[0]
    refused("VAL-COLOUR", open_file, saved(tmp_path / "l.tif", np.dstack([GREY] * 3), "LAB"))


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(path, colour_type, bits, rows, width):
    header = struct.pack(">IIBBBBB", width, len(rows), bits, colour_type, 0, 0, 0)
    content = zlib.compress(b"".join(b"\0" + row for row in rows))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", content) + chunk(b"IEND", b""))
    return path


@pytest.mark.parametrize(("colour_type", "channels"), [(2, 3), (4, 2), (6, 4)])
def test_colours_of_16_bits_are_refused_and_not_cut(tmp_path, colour_type, channels):
    refused("VAL-COLOUR", open_file, png(tmp_path / "v.png", colour_type, 16, [bytes(8 * channels)] * 3, 4))
    refused("VAL-COLOUR", open_file, tiff(tmp_path / "v.tif", np.zeros((3, 4, 3), "<u2"), photometric=2))


def test_grey_of_few_bits_is_told_of(tmp_path):
    samples = open_file(png(tmp_path / "v.png", 0, 4, [b"\x01\x2f"] * 3, 4))
    np.testing.assert_array_equal(samples.array[:, 0, 0, 0], [0, 17, 34, 255])
    assert samples.notes == ("its grey of 4 bits was spread to 0..255",)


def tiff(path, array, photometric=1, sample_format=1):
    """Write what Pillow has no mode for."""
    rows, columns, channels = (*array.shape, 1)[:3]
    tags = {256: columns, 257: rows, 258: 8 * array.itemsize, 259: 1, 262: photometric, 273: 0}
    tags |= {277: channels, 278: rows, 279: array.nbytes, 339: sample_format}
    after = 8 + 2 + 12 * len(tags) + 4
    many = b"".join(struct.pack(f"<{channels}H", *[tags[t]] * channels) for t in (258, 339)) if channels > 1 else b""
    tags[273] = after + len(many)
    entries = b""
    for tag, value in tags.items():
        wide = channels > 1 and tag in (258, 339)
        at = after + (2 * channels if tag == 339 else 0) if wide else value
        entries += struct.pack("<HHII", tag, 4 if tag in (273, 279) else 3, channels if wide else 1, at)
    path.write_bytes(
        b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + struct.pack("<I", 0) + many + array.tobytes()
    )
    return path


@pytest.mark.parametrize(
    ("values", "sample_format"),
    [
        (np.arange(12, dtype="<u4").reshape(3, 4) + 4_294_967_000, 1),
        (np.arange(12, dtype="i1").reshape(3, 4) - 5, 2),
        (np.arange(12, dtype="<i4").reshape(3, 4) - 5, 2),
        (np.arange(12, dtype="<i2").reshape(3, 4) - 5, 2),
        (np.arange(12, dtype="<u2").reshape(3, 4) + 65_000, 1),
    ],
)
def test_tiff_of_types_that_pillow_mistakes(tmp_path, values, sample_format):
    samples = open_file(tiff(tmp_path / "v.tif", values, sample_format=sample_format))
    np.testing.assert_array_equal(samples.array[:, :, 0, 0].T.astype(np.int64), values.astype(np.int64))


def test_tiff_whose_white_is_0(tmp_path):
    turned = open_file(tiff(tmp_path / "v.tif", GREY, photometric=0))
    np.testing.assert_array_equal(turned.array[:, :, 0, 0].T, 255 - GREY)
    assert "turned so that black is 0" in turned.notes[0]
    left = open_file(tiff(tmp_path / "w.tif", GREY.astype("<u2"), photometric=0))
    np.testing.assert_array_equal(left.array[:, :, 0, 0].T, GREY)
    assert "left as they are" in left.notes[0]


@pytest.mark.parametrize("name", ["v.jpg", "v.tif", "v.png"])
def test_exif_orientation_is_applied_once(tmp_path, name):
    exif = Image.Exif()
    exif[0x0112] = 6
    smooth = np.add.outer(np.arange(16) * 8, np.arange(24) * 4).astype(np.uint8)
    samples = open_file(saved(tmp_path / name, smooth, exif=exif))
    assert samples.array.shape == (16, 24, 1, 1)
    shown = samples.array[:, :, 0, 0].T.astype(int)
    assert np.abs(shown - np.rot90(smooth, -1)).max() < 8
    assert "EXIF orientation 6" in samples.notes[0]


def test_jpeg_is_lossy(tmp_path):
    path = saved(tmp_path / "v.jpg", np.tile(GREY, (8, 8)))
    samples = open_file(path)
    assert samples.format == "JPEG"
    assert samples.lossy == (f"{48 * 72 / path.stat().st_size:.3g}", "ISO_10918_1")
    pages = [Image.fromarray(np.tile(GREY, (8, 8)))] * 2
    path = saved(tmp_path / "v.tif", pages[0], save_all=True, append_images=pages[1:], compression="jpeg")
    assert open_file(path).lossy == (f"{2 * 48 * 72 / path.stat().st_size:.3g}", "ISO_10918_1")
    named = saved(tmp_path / "v.png", np.tile(GREY, (8, 8)), format="JPEG")
    assert open_file(named).lossy


@pytest.mark.parametrize("name", ["v.png", "v.jpg", "v.bmp", "v.tif"])
@pytest.mark.parametrize("count", [12, 20, 400])
def test_truncated_pictures(tmp_path, name, count):
    values = np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8)
    refused("SRC-DAMAGED", open_file, cut(saved(tmp_path / name, values), count))


def test_pictures_that_are_none(tmp_path):
    saved(tmp_path / "v.png", GREY, format="GIF")
    (tmp_path / "w.png").write_bytes(b"rubbish" * 99)
    (tmp_path / "e.tif").write_bytes(b"")
    pages = saved(tmp_path / "p.tif", GREY, save_all=True, append_images=[Image.fromarray(GREY)])
    cut(pages, pages.stat().st_size // 2 - 20)
    tiff(tmp_path / "f64.tif", np.zeros((3, 4)), sample_format=3)
    for name in ("v.png", "w.png", "e.tif", "p.tif", "f64.tif"):
        refused("SRC-DAMAGED", open_file, tmp_path / name)


def test_pictures_that_are_too_big(tmp_path, monkeypatch):
    path = saved(tmp_path / "v.png", GREY)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 20)
    refused("SRC-TOO-BIG", open_file, path)


# All


def test_files_of_no_format(tmp_path):
    refused("SRC-MISSING", open_file, tmp_path / "gone.nii")
    refused("SRC-FORMAT", open_file, tmp_path)
    for name in ("v.raw", "v.bin", "v.dcm", "v", "v.gz", "v.mha.gz"):
        (tmp_path / name).write_bytes(b"1234")
        assert ".nhdr" in str(refused("SRC-FORMAT", open_file, tmp_path / name))
    np.save(tmp_path / "v.npy", VALUES)
    refused("RAW-FORMAT", open_file, tmp_path / "v.npy", RawLayout((1, 1, 1), "int8"))
    for value in (None, "v.nii", [[1]]):
        refused("SRC-INPUT", of_object, value)


def test_what_a_picture_is():
    assert is_picture(Path("a/B.JPG"))
    assert is_picture(Path("b.tiff"))
    assert not is_picture(Path("b.nii.gz"))
    assert is_volume_or_picture(Path("b.NII.gz"))
    assert not is_volume_or_picture(Path("b.dcm"))

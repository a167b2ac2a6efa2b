"""NRRD, against SimpleITK, and every refusal by its code."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - its own customary name

from derive.formats import of_object, open_file
from derive.formats.place import spacing_of
from tests.helpers.asserting import each
from tests.helpers.foreign_files import HERE, SMALL, cut, place, refused

BASE = "type: short\ndimension: 3\nsizes: 2 3 4\nendian: little\n"
DIRECTIONS = "space directions: (1,0.1,0) (0.2,2,0) (0,0.3,3)\nspace origin: (10,20,30)\n"
AS_WRITTEN = np.array([[1, 0.2, 0, 10], [0.1, 2, 0.3, 20], [0, 0, 3, 30], [0, 0, 0, 1]])


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
    for path in each(files):
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
    assert (odd.spacing_mm, odd.place.origin, odd.place.directions is None) == (None, None, False)
    assert "not known" in odd.notes[0]


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

"""What a file does not say stays open: no default of ITK or nibabel is taken for a fact, and no header is believed."""

from __future__ import annotations

import gzip
import struct

import nibabel
import numpy as np
import pytest

from derive.formats import open_file
from tests.helpers.asserting import raises_code
from tests.helpers.foreign_files import SMALL, VALUES

BYTES = SMALL.tobytes()
NAN = float("nan")
OPEN = (None, None, None)
MATRIX, OFFSET, SPACING = "TransformMatrix = 1 0 0 0 1 0 0 0 1\n", "Offset = 5 6 7\n", "ElementSpacing = 1 2 3\n"
META = "ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\nDimSize = 2 3 4\n"
SPACE = "space: LPS\nspace directions: (1,0,0) (0,2,0) (0,0,3)\nspace origin: (5,6,7)\n"


def said(samples):
    """(spacing, whether directions, whether an origin) are stated."""
    place = samples.place
    return place.spacing, place.directions is not None, place.origin is not None


def mha(path, text, values=BYTES, head=META):
    path.write_bytes(f"{head}{text}ElementType = MET_SHORT\nElementDataFile = LOCAL\n".encode() + values)
    return path


def nrrd(path, text, base="type: short\ndimension: 3\nsizes: 2 3 4\nendian: little\n", values=BYTES):
    path.write_bytes(f"NRRD0004\n{base}{text}encoding: raw\n\n".encode() + values)
    return path


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (MATRIX + OFFSET + SPACING, ((1, 2, 3), True, True)),
        (MATRIX + OFFSET, (OPEN, True, True)),
        (MATRIX + OFFSET + "ElementSize = 1 2 3\n", (OPEN, True, True)),
        (MATRIX + OFFSET + "ElementSpacing = 1 0 3\n", ((1, None, 3), True, True)),
        (MATRIX + OFFSET + "ElementSpacing = 1 -2 nan\n", ((1, None, None), True, True)),
        (MATRIX + SPACING, ((1, 2, 3), True, False)),
        (MATRIX + SPACING + "Origin = 0 0 nan\n", ((1, 2, 3), True, False)),
        (OFFSET + SPACING, ((1, 2, 3), False, True)),
        (OFFSET + SPACING + "AnatomicalOrientation = RAI\n", ((1, 2, 3), False, True)),
        (OFFSET + SPACING + "Rotation = nan 0 0 0 1 0 0 0 1\n", ((1, 2, 3), False, True)),
        (MATRIX + OFFSET + SPACING + "DistanceUnits = parsec\n", (OPEN, True, False)),
        ("", (OPEN, False, False)),
    ],
)
def test_metaimage_says_what_it_says(tmp_path, text, wanted):
    assert said(open_file(mha(tmp_path / "v.mha", text))) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (SPACE, ((1, 2, 3), True, True)),
        (SPACE.replace("space origin: (5,6,7)\n", ""), ((1, 2, 3), True, False)),
        (SPACE.replace("(5,6,7)", "(5,nan,7)"), ((1, 2, 3), True, False)),
        (SPACE.replace("LPS", "scanner-xyz"), ((1, 2, 3), False, False)),
        (SPACE.replace("space: LPS", "space dimension: 3"), ((1, 2, 3), False, False)),
        (SPACE + 'space units: "inch" "inch" "inch"\n', (OPEN, True, False)),
        ("space: LPS\n", (OPEN, False, False)),
        ("spacings: 1 2 nan\n", ((1, 2, None), False, False)),
        ("spacings: 1 0 -3\n", ((1, None, None), False, False)),
        ("", (OPEN, False, False)),
    ],
)
def test_nrrd_says_what_it_says(tmp_path, text, wanted):
    assert said(open_file(nrrd(tmp_path / "v.nrrd", text))) == wanted


def nifti(path, *, form="qform", code=1, pixdim=(1, 0.8, 0.7, 2), quaternion=(0.6, 0.8, 0), offset=(1, 2, 3), units=2):
    image = nibabel.Nifti1Image(VALUES, None)
    raw = bytearray(image.to_bytes())
    raw[76:92] = struct.pack("<4f", *pixdim)
    raw[123] = units
    raw[252:256] = struct.pack("<hh", *((code, 0) if form == "qform" else (0, code)))
    raw[256:280] = struct.pack("<6f", *quaternion, *offset)
    path.write_bytes(raw)
    return path


WHOLE = pytest.approx((0.8, 0.7, 2))


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ({}, (WHOLE, True, True)),
        ({"pixdim": (1, 0.8, 0.7, 0)}, ("z", True, True)),
        ({"pixdim": (1, 0.8, 0.7, -2)}, ("z", True, True)),
        ({"pixdim": (1, 0.8, 0.7, NAN)}, ("z", True, True)),
        ({"pixdim": (0, 0.8, 0.7, 2)}, (WHOLE, True, True)),
        ({"pixdim": (7.5, 0.8, 0.7, 2)}, (WHOLE, False, True)),
        ({"quaternion": (0.8, 0.6, 0.01)}, (WHOLE, True, True)),
        ({"quaternion": (2, 0, 0)}, (WHOLE, False, True)),
        ({"quaternion": (NAN, 0, 0)}, (WHOLE, False, True)),
        ({"offset": (1, NAN, 3)}, (WHOLE, True, False)),
        ({"code": 0}, (WHOLE, False, False)),
        ({"code": 77}, (WHOLE, False, False)),
        ({"code": -1}, (WHOLE, False, False)),
        ({"units": 5}, (OPEN, True, False)),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_nifti_says_what_it_says(tmp_path, change, wanted, packed):
    path = nifti(tmp_path / "v.nii", **change)
    if packed:
        path = tmp_path / "w.nii.gz"
        path.write_bytes(gzip.compress((tmp_path / "v.nii").read_bytes()))
    spacing, directions, origin = said(open_file(path))
    assert (directions, origin) == wanted[1:]
    if wanted[0] == "z":
        assert spacing[2] is None
        assert spacing[:2] == pytest.approx((0.8, 0.7))
    else:
        assert spacing == wanted[0]


def test_a_quaternion_that_is_a_little_long_is_normalised_and_that_is_said(tmp_path):
    samples = open_file(nifti(tmp_path / "v.nii", quaternion=(0.8, 0.6, 0.01)))
    np.testing.assert_allclose(samples.place.directions @ samples.place.directions.T, np.eye(3), atol=1e-9)
    assert any("normalised" in note for note in samples.notes)


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("SRC-DAMAGED", "NDims = 0"),
        ("SRC-DAMAGED", "NDims = 100000"),
        ("SRC-DAMAGED", "NDims = 4"),
        ("SRC-DAMAGED", "DimSize = 2 3 -4"),
        ("SRC-DAMAGED", "DimSize = 2 3 4611686018427387904"),
        ("SRC-DAMAGED", "DimSize = 2 3 1_0"),
        ("SRC-DAMAGED", "DimSize = 2 3 2"),
        ("SRC-DAMAGED", "ElementType = MET_OTHER"),
        ("SRC-DAMAGED", "ObjectType = Tube"),
        ("SRC-DAMAGED", "BinaryData = perhaps"),
        ("GEO-LIMITS", "ElementSpacing = 1 1 1e-300"),
        ("GEO-LIMITS", "ElementSpacing = 1 1 1e308"),
        ("GEO-LIMITS", "Offset = 1e300 0 0"),
        ("GEO-DETERMINANT", "TransformMatrix = 0 0 0 0 0 0 0 0 0"),
    ],
)
def test_headers_of_metaimage_that_nothing_is_read_by(tmp_path, code, text):
    key = text.partition(" ")[0]
    lines = f"{META}{MATRIX}{OFFSET}{SPACING}ElementType = MET_SHORT".splitlines()
    head = "\n".join(text if line.startswith(f"{key} ") else line for line in lines)
    (tmp_path / "v.mha").write_bytes(f"{head}\nElementDataFile = LOCAL\n".encode() + SMALL.tobytes())
    with raises_code(code):
        open_file(tmp_path / "v.mha")


@pytest.mark.parametrize(
    ("code", "old", "new"),
    [
        ("SRC-DAMAGED", "dimension: 3", "dimension: 0"),
        ("SRC-DAMAGED", "dimension: 3", "dimension: 100000"),
        ("SRC-DAMAGED", "sizes: 2 3 4", "sizes: 2 3 -4"),
        ("SRC-DAMAGED", "sizes: 2 3 4", "sizes: 2 3 4611686018427387904"),
        ("SRC-DAMAGED", "sizes: 2 3 4", "sizes: " + "1 " * 100000),
        ("SRC-DAMAGED", "(1,0,0)", "(1,0,0) " * 100000),
        ("SRC-DAMAGED", "(1,0,0)", "(" + "1," * 100000 + "1)"),
        ("SRC-DAMAGED", "type: short", "type: block"),
        ("SRC-DAMAGED", "endian: little\n", ""),
        ("SRC-FORMAT", "encoding: raw", "encoding: bzip2"),
        ("GEO-LIMITS", "(0,0,3)", "(0,0,1e-300)"),
        ("GEO-LIMITS", "(0,0,3)", "(0,0,1e200)"),
        ("GEO-LIMITS", "(5,6,7)", "(5,6,1e300)"),
    ],
)
def test_headers_of_nrrd_that_nothing_is_read_by(tmp_path, code, old, new):
    path = nrrd(tmp_path / "v.nrrd", SPACE)
    path.write_bytes(path.read_bytes().replace(old.encode(), new.encode()))
    with raises_code(code):
        open_file(path)


@pytest.mark.parametrize("dims", [(0, 5, 6, 7), (8, 5, 6, 7), (3, -5, 6, 7), (3, 32767, 32767, 32767), (3, 5, 6, 3)])
def test_headers_of_nifti_that_nothing_is_read_by(tmp_path, dims):
    path = nifti(tmp_path / "v.nii")
    raw = bytearray(path.read_bytes())
    raw[40:48] = struct.pack("<4h", *dims)
    for name, content in (("v.nii", bytes(raw)), ("v.nii.gz", gzip.compress(raw))):
        (tmp_path / name).write_bytes(content)
        with raises_code("SRC-SIZE" if name.endswith("gz") and dims[1] > 999 else "SRC-DAMAGED"):
            open_file(tmp_path / name)


def test_what_unpacks_to_too_much_is_refused_before_it_is_allocated(tmp_path):
    """A volume of air of 512 MiB in half a megabyte."""
    image = nibabel.Nifti2Image(np.zeros((1, 1, 1), np.int16), np.eye(4))
    image.header.set_data_shape((1024, 1024, 256))
    with gzip.open(tmp_path / "v.nii.gz", "wb", 9) as file:
        file.write(image.header.binaryblock + bytes(4))
        for _ in range(512):
            file.write(bytes(1 << 20))
    with raises_code("SRC-SIZE"):
        open_file(tmp_path / "v.nii.gz")


@pytest.mark.parametrize(
    ("shape", "wanted", "told"),
    [
        ((5, 10, 9, 1), (9, 10, 5, 1), True),
        ((1, 5, 10, 9), (9, 10, 5, 1), False),
        ((1, 5, 10, 9, 1), (9, 10, 5, 1), True),
        ((10, 9), (9, 10, 1, 1), False),
        ((10, 9, 1), (9, 10, 1, 1), True),
        ((5, 2, 10, 9), (9, 10, 2, 5), True),
    ],
)
@pytest.mark.parametrize("dtype", [">i2", "<f2", "?", "<f8"])
@pytest.mark.parametrize("order", "CF")
def test_arrays_with_axes_of_one(tmp_path, shape, wanted, told, dtype, order):
    values = (np.arange(np.prod(shape)) % 2).astype(dtype).reshape(shape)
    np.save(tmp_path / "v.npy", np.asarray(values, order=order))
    np.savez_compressed(tmp_path / "v.npz", np.asarray(values, order=order))
    for name in ("v.npy", "v.npz"):
        samples = open_file(tmp_path / name)
        assert (samples.array.shape, bool(samples.notes)) == (wanted, told)
        np.testing.assert_array_equal(samples.array.T.reshape(shape), values)


@pytest.mark.parametrize("shape", [(64, 64, 3), (5, 64, 64, 4), (1, 5, 64, 64, 3)])
def test_a_last_axis_of_colours_is_no_column(tmp_path, shape):
    np.save(tmp_path / "v.npy", np.zeros(shape, np.uint8))
    with raises_code("VAL-CHANNELS"):
        open_file(tmp_path / "v.npy")


@pytest.mark.parametrize("size", [0, -1, 1 << 62])
def test_headers_of_npy_that_nothing_is_read_by(tmp_path, size):
    described = {"descr": "<i2", "fortran_order": False, "shape": (3, 4, size)}
    with (tmp_path / "v.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(file, described)
        file.write(bytes(24))
    with raises_code("VAL-EMPTY" if size == 0 else "SRC-DAMAGED"):
        open_file(tmp_path / "v.npy")

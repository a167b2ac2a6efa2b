"""ITK 5.4 (SimpleITK 2.5), nibabel 5.4 and Pillow 12, whose gaps derive/formats closes before or behind them."""

from __future__ import annotations

import gzip
import struct
import zlib

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - its own customary name
from PIL import Image

VALUES = np.arange(5 * 7 * 9, dtype=np.int16).reshape(5, 7, 9)
#: Large enough that a reader does not come to the end by chance.
NOISE = np.random.default_rng(3).integers(0, 4000, (32, 64, 65), dtype=np.int16)


def read(path):
    return sitk.GetArrayFromImage(sitk.ReadImage(str(path)))


@pytest.fixture
def meta_image(tmp_path):
    path = tmp_path / "volume.mha"
    sitk.WriteImage(sitk.GetImageFromArray(VALUES), str(path), useCompression=True)
    assert np.array_equal(read(path), VALUES)
    return path


@pytest.fixture
def nrrd(tmp_path):
    path = tmp_path / "volume.nrrd"
    sitk.WriteImage(sitk.GetImageFromArray(VALUES), str(path), useCompression=True)
    assert np.array_equal(read(path), VALUES)
    return path


# --- MetaImage ------------------------------------------------------------------------------------------------------


def test_metaimage_without_compressed_data_size_gives_arbitrary_numbers(meta_image):
    """Once it is refused or right: the last check of `metaimage._check_skipped` can go."""
    lines = meta_image.read_bytes().split(b"\n")
    meta_image.write_bytes(b"\n".join(line for line in lines if not line.startswith(b"CompressedDataSize")))
    assert not np.array_equal(read(meta_image), VALUES)


def test_metaimage_with_damaged_data_gives_arbitrary_numbers(meta_image):
    """Once it is an error, and ITK survives headers that are damaged: `formats.stored` need not read for it."""
    whole = bytearray(meta_image.read_bytes())
    whole[-40:-20] = bytes(20)
    meta_image.write_bytes(whole)
    assert not np.array_equal(read(meta_image), VALUES)


# --- NRRD -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lost", [1, 4])
def test_nrrd_whose_data_have_no_end_is_read_without_a_word(tmp_path, lost):
    """Once it is an error, and ITK survives headers that are damaged: `formats.stored` need not read for it."""
    path = tmp_path / "large.nrrd"
    sitk.WriteImage(sitk.GetImageFromArray(NOISE), str(path), useCompression=True)
    path.write_bytes(path.read_bytes()[:-lost])
    assert np.array_equal(read(path), NOISE)


def test_nrrd_without_distances_has_some(nrrd):
    """Once it says that there are none: `formats.axes` need not read the header itself."""
    head, _, data = nrrd.read_bytes().partition(b"\n\n")
    said = (b"space", b"kinds")
    kept = [line for line in head.split(b"\n") if not line.startswith(said)]
    nrrd.write_bytes(b"\n".join(kept) + b"\n\n" + data)
    assert sitk.ReadImage(str(nrrd)).GetSpacing() == (1.0, 1.0, 1.0)


def test_metaimage_without_a_distance_has_one(meta_image):
    """Once it says that there is none: `formats.metaimage` need not read the header itself."""
    lines = meta_image.read_bytes().split(b"\n")
    meta_image.write_bytes(b"\n".join(line for line in lines if not line.startswith(b"ElementSpacing")))
    assert sitk.ReadImage(str(meta_image)).GetSpacing() == (1.0, 1.0, 1.0)


# --- NIfTI ----------------------------------------------------------------------------------------------------------


def test_nifti_with_a_wrong_checksum_is_read_without_a_word(tmp_path):
    """Once it is an error: nibabel can read what is compressed instead of `formats.stored`."""
    path = tmp_path / "volume.nii.gz"
    nibabel.save(nibabel.Nifti1Image(NOISE, np.eye(4)), path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-8] + bytes(4) + whole[-4:])
    with pytest.raises(gzip.BadGzipFile):
        gzip.decompress(path.read_bytes())
    assert np.array_equal(np.asanyarray(nibabel.load(path).dataobj), NOISE)


def test_nifti_with_a_distance_of_nothing_has_one_of_1(tmp_path):
    """Once it says 0: `forms.with_zooms_of` can go."""
    path = tmp_path / "volume.nii"
    nibabel.save(nibabel.Nifti1Image(VALUES, np.eye(4)), path)
    whole = bytearray(path.read_bytes())
    whole[80:84] = struct.pack("<f", 0.0)  # pixdim[1]
    path.write_bytes(whole)
    assert nibabel.load(path).header.get_zooms()[0] == 1.0


# --- pictures -------------------------------------------------------------------------------------------------------


def test_png_without_an_end_is_read_without_a_word(tmp_path):
    """Once it is an error: `pictures._check_end` can go."""
    path = tmp_path / "page.png"
    Image.fromarray(VALUES[0].astype(np.uint8)).save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: whole.rindex(b"IEND") - 4])
    with Image.open(path) as image:
        assert np.array_equal(np.array(image), VALUES[0])


def test_png_of_48_bits_is_cut_to_24_without_a_word(tmp_path):
    """Once it is not: `pictures._depth_notes` need not refuse it."""

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    path = tmp_path / "page.png"
    row = b"\0" + struct.pack(">6H", 0x0102, 0x0304, 0x0506, 0x0708, 0x090A, 0x0B0C)
    head = chunk(b"IHDR", struct.pack(">2I5B", 2, 1, 16, 2, 0, 0, 0))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(row)) + chunk(b"IEND", b""))
    with Image.open(path) as image:
        assert image.mode == "RGB"
        assert np.array(image).tolist() == [[[1, 3, 5], [7, 9, 11]]]


def tiff(path, values, bits, sample_format, orientation=1):
    """Write a page of a TIFF by hand: little endian, uncompressed, one strip."""
    rows, columns = values.shape
    fields = [
        *((256, 4, columns), (257, 4, rows), (258, 3, bits), (259, 3, 1), (262, 3, 1), (273, 4, 8)),
        *((274, 3, orientation), (277, 3, 1)),
        *((278, 4, rows), (279, 4, values.nbytes), (339, 3, sample_format)),
    ]
    entries = b"".join(struct.pack("<HHLL", tag, kind, 1, value) for tag, kind, value in fields)
    directory = struct.pack("<H", len(fields)) + entries + bytes(4)
    path.write_bytes(b"II*\0" + struct.pack("<L", 8 + values.nbytes) + values.tobytes() + directory)
    return path


@pytest.mark.parametrize(
    ("dtype", "bits", "sample_format", "given"),
    [("<u4", 32, 1, np.int32), ("i1", 8, 2, np.uint8)],
    ids=["unsigned of 32 bits", "signed of 8 bits"],
)
def test_tiff_has_the_other_sign(tmp_path, dtype, bits, sample_format, given):
    """Once it has not: the views of `pictures._page` can go."""
    values = np.array([[0, 1], [2, np.iinfo(dtype).max if bits == 32 else -1]], dtype)
    with Image.open(tiff(tmp_path / "page.tif", values, bits, sample_format)) as image:
        found = np.array(image)
    assert found.dtype == given
    assert np.array_equal(found.view(values.dtype), values)
    assert not np.array_equal(found.astype(np.int64), values.astype(np.int64))


def test_tiff_that_is_opened_by_its_name_and_turned_is_scrambled(tmp_path):
    """Once it is not: `pictures.read` can open it by its name."""
    values = np.arange(12, dtype=np.uint8).reshape(3, 4)
    path = tiff(tmp_path / "page.tif", values, 8, 1, orientation=6)
    with path.open("rb") as file, Image.open(file) as image:
        assert np.array_equal(np.array(image), np.rot90(values, -1))
    with Image.open(path) as image:
        assert not np.array_equal(np.array(image), np.rot90(values, -1))


def test_tiff_forgets_its_tags_when_its_pixels_are_read(tmp_path):
    """Once it does not: `pictures._samples` need not ask before."""
    path = tiff(tmp_path / "page.tif", np.arange(12, dtype=np.uint8).reshape(3, 4), 8, 1, orientation=6)
    with path.open("rb") as file, Image.open(file) as image:
        before = image.tag_v2.get(274)
        image.load()
        assert (before, image.tag_v2.get(274)) == (6, None)

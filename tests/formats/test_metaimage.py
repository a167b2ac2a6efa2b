"""MetaImage and images of SimpleITK, and every refusal by its code."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - its own customary name

from derive.errors import DeriveError
from derive.formats import of_object, open_file
from tests.helpers.foreign_files import HERE, SMALL, VALUES, cut, place, refused


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
PLACED = "TransformMatrix = 1 0 0 0 1 0 0 0 1\nOffset = 5 6 7\n"


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
    placed = open_file(meta(path, f"{PLACED}ElementSpacing = 1 2 3\nDistanceUnits = cm\n"))
    np.testing.assert_allclose(placed.affine, [[10, 0, 0, 50], [0, 20, 0, 60], [0, 0, 30, 70], [0, 0, 0, 1]])
    assert "cm" in placed.notes[0]
    odd = open_file(meta(path, f"{PLACED}ElementSpacing = 1 2 3\nDistanceUnits = yard\n"))
    assert (odd.spacing_mm, odd.place.origin, odd.place.directions is None) == (None, None, False)
    assert "not known" in odd.notes[0]
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

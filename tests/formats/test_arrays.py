"""Arrays of numpy and raw bytes, and every refusal by its code."""

from __future__ import annotations

import numpy as np
import pytest

from derive.formats import RawLayout, of_object, open_file
from tests.helpers.foreign_files import VALUES, cut, refused


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

"""PNG, TIFF, JPEG and other pictures: their values are kept, and every refusal has its code."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from derive.formats import open_file
from tests.helpers.foreign_files import cut, refused

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

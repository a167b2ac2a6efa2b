"""Images in colours as sources: however they are stored, red, green and blue come out; what is no such is refused."""

from __future__ import annotations

import subprocess

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.pixels import apply_color_lut, pixel_array
from pydicom.uid import ExplicitVRBigEndian

import derive
from derive.errors import DeriveError, ValuesError
from derive.model.stacking import in_colours
from tests.helpers.asserting import each, raises_code
from tests.helpers.coloured import EXACT, LOSSY, make_coloured, picture_of, region, regions, series_of
from tests.helpers.peers import program


def colours_of(series):
    return series.colours.slab(0, series.colours.count)


def test_a_smaller_range_is_not_read_where_it_is_compressed():
    for stored_as in each(("RLE", "JPEG")):
        dataset = make_coloured(stored_as=stored_as)
        dataset.PhotometricInterpretation = "YBR_PARTIAL_422"
        with raises_code("VAL-COLOUR", ValuesError):
            derive.read([dataset])


@pytest.mark.parametrize("stored_as", EXACT)
def test_colours_are_those_that_were_stored(stored_as, tmp_path):
    picture = picture_of(shape=(64, 48))
    make_coloured(picture=picture, stored_as=stored_as).save_as(tmp_path / "a.dcm", enforce_file_format=True)
    series = derive.read(tmp_path)
    assert in_colours(series)
    np.testing.assert_array_equal(colours_of(series), picture)


@pytest.mark.parametrize("stored_as", LOSSY)
def test_luminance_becomes_what_pydicom_makes_of_it(stored_as, tmp_path):
    dataset = make_coloured(picture=picture_of(shape=(64, 48), smooth=True), stored_as=stored_as)
    dataset.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    series = derive.read(tmp_path)
    np.testing.assert_array_equal(colours_of(series)[0], pixel_array(tmp_path / "a.dcm"))
    assert np.abs(colours_of(series).astype(int) - picture_of(shape=(64, 48), smooth=True)).max() < 24


def test_frames_of_a_cine_are_told_apart_by_their_times(tmp_path):
    picture = picture_of(5)
    series = derive.read([make_coloured(picture=picture, stored_as="RGB by plane")])
    assert [d.keyword for d in series.dimensions] == ["TemporalPositionTimeOffset"]
    np.testing.assert_array_equal(colours_of(series), picture)
    np.testing.assert_array_equal(series.colours.slab(3, 5), picture[3:])
    assert series.colours.contributors(4) == derive.read([make_coloured(picture=picture)]).colours.contributors(4)


def test_pictures_of_one_series_are_views_each_by_itself():
    series = derive.read(series_of(3))
    assert (series.colours.count, series.colours.slices) == (3, 1)
    np.testing.assert_array_equal(colours_of(series), np.concatenate([picture_of(seed=n) for n in (1, 2, 3)]))


def test_big_endian_words_hold_bytes_in_pairs(tmp_path):
    picture = picture_of(3, (5, 7))
    dataset = make_coloured(picture=picture)
    swapped = np.frombuffer(dataset.PixelData, "<u2").byteswap().tobytes()
    dataset.add_new("PixelData", "OW", swapped)
    dataset.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    pydicom.dcmwrite(tmp_path / "a.dcm", dataset, implicit_vr=False, little_endian=False, enforce_file_format=True)
    np.testing.assert_array_equal(colours_of(derive.read(tmp_path)), picture)


def test_what_is_said_to_share_chrominance_and_does_not_is_read_as_it_lies():
    dataset = make_coloured(picture=picture_of(2), stored_as="YBR_FULL")
    wanted = colours_of(derive.read([dataset]))
    dataset.PhotometricInterpretation = "YBR_FULL_422"
    np.testing.assert_array_equal(colours_of(derive.read([dataset])), wanted)


def test_a_length_is_that_of_the_region_where_no_pixel_spacing_is_said():
    series = derive.read([make_coloured(**regions(region(delta=(0.03, 0.05))))])
    assert series.geometry.pixel_spacing == pytest.approx((0.5, 0.3))
    assert series.geometry.own_plane.told == "SequenceOfUltrasoundRegions"
    stated = derive.read([make_coloured(PixelSpacing=[0.2, 0.2], **regions(region()))])
    assert stated.geometry.own_plane.told == "PixelSpacing"


@pytest.mark.parametrize("stored_as", ["RGB", "PALETTE COLOR"])
def test_a_transfer_syntax_that_is_none_is_refused_by_name(stored_as):
    dataset = make_coloured(stored_as=stored_as)
    dataset.file_meta.TransferSyntaxUID = "1.2.3.4"
    with raises_code("SRC-SYNTAX", DeriveError):
        derive.read([dataset])


REFUSED = {
    "16 bits": ("VAL-COLOUR", {"BitsAllocated": 16, "BitsStored": 16, "HighBit": 15}),
    "two samples": ("VAL-COLOUR", {"SamplesPerPixel": 2}),
    "signed": ("VAL-COLOUR", {"PixelRepresentation": 1}),
    "another space": ("VAL-COLOUR", {"PhotometricInterpretation": "CMYK"}),
    "a palette of three": ("VAL-COLOUR", {"PhotometricInterpretation": "PALETTE COLOR"}),
    "a palette without tables": ("VAL-PALETTE", {"PhotometricInterpretation": "PALETTE COLOR", "SamplesPerPixel": 1}),
    "supplemental": (
        "VAL-COLOUR",
        {"PhotometricInterpretation": "MONOCHROME2", "SamplesPerPixel": 1, "PixelPresentation": "COLOR"},
    ),
    "too few pixels": ("VAL-TRUNCATED", {"Rows": 40}),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_colour_of_8_bits_is_refused_by_name(name):
    code, changes = REFUSED[name]
    with raises_code(code, ValuesError):
        derive.read([make_coloured(**changes)])


def test_colours_are_no_volume_and_grey_has_no_colours():
    series = derive.read([make_coloured()])
    for ask in (lambda: series.volume, lambda: series.volumes, lambda: np.asarray(series)):
        with raises_code("VAL-COLOUR", ValuesError):
            ask()
    with raises_code("VAL-COLOUR", ValuesError):
        _ = derive.demo_series().colours


def test_colours_beside_grey_are_refused_and_beside_colours_stored_otherwise_are_not():
    coloured, other = make_coloured(), make_coloured(stored_as="YBR_FULL", number=2)
    assert derive.read([coloured, other]).colours.count == 2
    grey = make_coloured(number=2, SamplesPerPixel=1, PhotometricInterpretation="MONOCHROME2", PixelData=bytes(168))
    with raises_code("VAL-COLOUR", DeriveError):
        derive.read([coloured, grey])


@pytest.mark.parametrize("order", ["", "_big"], ids=["little", "big"])
def test_a_real_segmented_palette_of_16_bits(order, real):
    dataset = pydicom.dcmread(real(f"pydicom_data/gdcm-US-ALOKA-16{order}.dcm"))
    wanted = apply_color_lut(dataset.pixel_array, dataset) >> 8
    np.testing.assert_array_equal(colours_of(derive.read([dataset]))[0], wanted)


REAL = [
    "deid_cookies_us/ultrasounds/RGB_IMAGE.dcm",
    "us_regions_philips_sr/TESTXX02.dcm",
    "pydicom_data/OBXXXX1A_rle_2frame.dcm",
    "pydicom_test_files/test_files/examples_palette.dcm",
    "pydicom_test_files/test_files/examples_rgb_color.dcm",
    "pydicom_test_files/test_files/examples_ybr_color.dcm",
    "pydicom_test_files/test_files/ExplVR_BigEnd.dcm",
]


@pytest.mark.parametrize("name", REAL)
def test_real_images_are_as_dcmtk_shows_them(name, real, tmp_path):
    path = real(name)
    shown = tmp_path / "a.ppm"
    subprocess.run([program("dcmj2pnm"), "+op", str(path), str(shown)], check=True, capture_output=True)
    with Image.open(shown) as image:
        wanted = np.asarray(image.convert("RGB"))
    np.testing.assert_array_equal(derive.read(path).colours.slab(0, 1)[0], wanted)


def test_a_palette_of_signed_pixels_begins_below_0_however_that_is_written():
    """Its first value is US or SS as the pixels are, and is often written as the other (C.7.6.3.1.5)."""
    unsigned = make_coloured(stored_as="PALETTE COLOR")
    wanted = colours_of(derive.read([unsigned]))
    signed = make_coloured(stored_as="PALETTE COLOR", PixelRepresentation=1)
    for colour in ("Red", "Green", "Blue"):
        entries, first, bits = signed[f"{colour}PaletteColorLookupTableDescriptor"].value
        said = [entries, first - 128 & 0xFFFF, bits]
        signed.add_new(f"{colour}PaletteColorLookupTableDescriptor", "US", said)
    stored = np.frombuffer(signed.PixelData, np.uint8).astype(np.int16) - 128
    signed.PixelData = stored.astype(np.int8).tobytes()
    np.testing.assert_array_equal(colours_of(derive.read([signed])), wanted)


def test_the_retired_range_is_not_read_where_each_pixel_has_its_own_chrominance():
    with raises_code("VAL-COLOUR", ValuesError):
        derive.read([make_coloured(stored_as="YBR_FULL", PhotometricInterpretation="YBR_PARTIAL_422")])

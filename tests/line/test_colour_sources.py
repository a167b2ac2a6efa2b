"""Images in colours go through the line: each sample by itself, written as R G B, regions and times with them."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from pydicom import dcmread
from scipy.ndimage import gaussian_filter

import derive
from derive.errors import DeriveError
from derive.operations import (
    adc,
    anisotropic_diffusion,
    apply,
    clip,
    crop,
    gaussian_blur,
    mean_over,
    median,
    mip,
    pad,
    resample,
    sharpen,
    subtract,
    threshold,
    unsharp_mask,
)
from tests.helpers.asserting import raises_code
from tests.helpers.coloured import EXACT, LOSSY, make_coloured, picture_of, region, regions, series_of
from tests.helpers.enhanced import assert_accepted, saved
from tests.helpers.verification import verified

SPACED = {"PixelSpacing": [0.5, 0.5]}
#: A step, and what it makes of (frames, rows, columns, 3) in double precision.
STEPS = {
    "blur": (gaussian_blur(sigma_mm=0.5), lambda p: gaussian_filter(p, (0, 1, 1, 0), mode="nearest", truncate=4)),
    "median": (median(radius_mm=0.4), lambda p: p),
    "crop": (crop(from_voxel=(2, 3, 0), to_voxel=(9, 8, 0)), lambda p: p[:, 3:9, 2:10]),
    "pad": (
        pad(by_mm=(1, 0.5, 0), fill=200),
        lambda p: np.pad(p, ((0, 0), (1, 1), (2, 2), (0, 0)), constant_values=200),
    ),
    "resample": (resample(spacing_mm=1.0), lambda p: p.reshape(len(p), 6, 2, 7, 2, 3).mean(axis=(2, 4))),
}
BORDER = {"blur": 4}


def invert(values, lightest=255):
    assert values.dtype == np.uint8
    return lightest - values


def of_frames(folder):
    """(frames, rows, columns, 3): pixels of all instances of a folder, by pydicom."""
    instances = sorted(map(dcmread, folder.glob("*.dcm")), key=lambda i: i.InstanceNumber)
    return instances, np.concatenate([i.pixel_array.reshape(-1, i.Rows, i.Columns, 3) for i in instances])


@pytest.mark.parametrize("frames", [1, 4], ids=["picture", "cine"])
@pytest.mark.parametrize("name", STEPS)
def test_each_sample_is_computed_by_itself_and_written_as_rgb(name, frames, tmp_path):
    picture, (step, wanted) = picture_of(frames), STEPS[name]
    source = saved(tmp_path / "source", make_coloured(picture=picture, **SPACED))
    report = derive.build(derive.read(source), step).write(tmp_path / "out")
    instances, found = of_frames(tmp_path / "out")
    inside = slice(BORDER.get(name, 0), -BORDER.get(name, 0) or None)
    expected = wanted(picture.astype(float))
    assert found.shape == expected.shape
    assert np.abs(found - expected)[:, inside, inside].max() <= 0.5 + 1e-3
    for instance in instances:
        assert (instance.PhotometricInterpretation, instance.SamplesPerPixel) == ("RGB", 3)
        assert (instance.PlanarConfiguration, instance.BitsAllocated, instance.UltrasoundColorDataPresent) == (0, 8, 1)
        assert instance.ImageType[0] == "DERIVED"
        assert not {"WindowCenter", "RescaleSlope", "SmallestImagePixelValue"} & {*instance.dir()}
    assert report.saturated == 0
    assert_accepted(source, tmp_path / "out")
    assert verified(tmp_path / "out", source).verdict == "SAME"


@pytest.mark.parametrize("stored_as", [*EXACT, *LOSSY])
def test_whatever_colours_are_stored_as_the_result_is_rgb_and_says_what_was_lost(stored_as, tmp_path):
    source = saved(tmp_path / "source", make_coloured(picture=picture_of(shape=(64, 48)), stored_as=stored_as))
    series = derive.read(source)
    derive.build(series, apply(function=invert, code="Smoothing")).write(tmp_path / "out")
    (instance,), found = of_frames(tmp_path / "out")
    np.testing.assert_array_equal(found, 255 - series.colours.slab(0, 1))
    assert instance.PhotometricInterpretation == "RGB"
    assert not [e.keyword for e in instance if "Palette" in e.keyword]
    assert instance.get("LossyImageCompression", "00") == ("01" if stored_as == "JPEG" else "00")
    assert_accepted(source, tmp_path / "out")


def test_a_cine_keeps_its_times_and_some_of_its_frames_theirs(tmp_path):
    source = saved(tmp_path / "source", make_coloured(picture=picture_of(6), **SPACED))
    derive.build(derive.read(source), gaussian_blur(sigma_mm=0.3)).write(tmp_path / "all")
    derive.build(derive.read(source, frames="2-4"), gaussian_blur(sigma_mm=0.3)).write(tmp_path / "some")
    (whole,), _ = of_frames(tmp_path / "all")
    (some,), _ = of_frames(tmp_path / "some")
    assert (whole.NumberOfFrames, whole.FrameTime, whole.CineRate) == (6, 40, 25)
    assert (some.NumberOfFrames, some.FrameTime, some.CineRate) == (3, 40, 25)
    named = some.SourceImageSequence[0].ReferencedFrameNumber
    assert named in (2, [2, 3, 4])


def test_frames_become_one_by_their_mean(tmp_path):
    picture = picture_of(4)
    source = saved(tmp_path / "source", make_coloured(picture=picture))
    derive.build(derive.read(source), mean_over()).write(tmp_path / "out")
    _, found = of_frames(tmp_path / "out")
    assert np.abs(found[0] - picture.mean(axis=0)).max() <= 0.5 + 1e-3


def test_regions_stay_with_a_blur_and_move_with_pixels(tmp_path):
    said = regions(region((1, 1), (6, 6)), region((8, 0), (13, 3)))
    source = saved(tmp_path / "source", make_coloured(**said))
    blurred = derive.build(derive.read(source), gaussian_blur(sigma_mm=0.5))
    cut = derive.build(derive.read(source), crop(from_voxel=(0, 2, 0), to_voxel=(7, 11, 0)))
    coarse = derive.build(derive.read(source), resample(spacing_mm=1.0))
    gone = derive.build(derive.read(source), crop(from_voxel=(0, 8, 0), to_voxel=(7, 11, 0)))
    found = {}
    for name, series in (("blurred", blurred), ("cut", cut), ("coarse", coarse), ("gone", gone)):
        series.write(tmp_path / name)
        (found[name],), _ = of_frames(tmp_path / name)
        assert_accepted(source, tmp_path / name)
    assert found["blurred"].SequenceOfUltrasoundRegions == said["SequenceOfUltrasoundRegions"]
    (item,) = found["cut"].SequenceOfUltrasoundRegions
    assert (item.RegionLocationMinX0, item.RegionLocationMinY0, item.ReferencePixelY0) == (1, 0, -3)
    assert [i.PhysicalDeltaX for i in found["coarse"].SequenceOfUltrasoundRegions] == pytest.approx([0.1, 0.1])
    assert "SequenceOfUltrasoundRegions" not in found["gone"]


def test_what_pixel_numbers_mean_goes_where_they_become_others(tmp_path):
    said = {"PixelComponentOrganization": 1, "PixelComponentRangeStart": 0, "PixelComponentRangeStop": 255}
    steps = {"crop": crop(from_voxel=(0, 0, 0), to_voxel=(7, 7, 0)), "blur": gaussian_blur(sigma_mm=0.5)}
    for stored_as, name, kept in (("RGB", "crop", True), ("RGB", "blur", False), ("PALETTE COLOR", "crop", False)):
        folder = tmp_path / f"{stored_as} {name}"
        made = make_coloured(stored_as=stored_as, **regions(region(**said)))
        derive.build(derive.read([made]), steps[name]).write(folder)
        (instance,), _ = of_frames(folder)
        assert ("PixelComponentOrganization" in instance.SequenceOfUltrasoundRegions[0]) is kept


def test_a_function_gets_colours_and_a_slice_at_a_time_if_it_looks_no_further(tmp_path):
    seen = []

    def look(values):
        seen.append(values.shape)
        return values

    source = derive.read([make_coloured(picture=picture_of(3))])
    derive.build(source, apply(function=look, code="Smoothing", halo_slices=0)).write(tmp_path / "out")
    assert set(seen) == {(1, 12, 14, 3)}
    lighter = apply(function=invert, code="Smoothing", parameters={"lightest": 255})
    series = derive.build(source, lighter, crop(from_voxel=(0, 0, 0), to_voxel=(3, 3, 0)))
    np.testing.assert_array_equal(series.frames.slab(1, 2), 255 - picture_of(3)[1:2, :4, :4])


def test_a_box_around_colours_holds_what_is_no_black_in_any_sample():
    picture = np.zeros((1, 12, 14, 3), np.uint8)
    picture[0, 2, 3, 0] = picture[0, 8, 9, 2] = 90
    series = derive.build(derive.read([make_coloured(picture=picture)]), crop(above=50.0))
    assert series.frames.shape == (1, 7, 7)
    assert "from_voxel=(3, 2, 0), to_voxel=(9, 8, 0)" in series.derivation.description


REFUSED = {
    "threshold": (threshold(low=10.0), "OP-COLOUR"),
    "clip": (clip(low=0, high=100), "OP-COLOUR"),
    "mip": (mip(slab_mm=1), "OP-COLOUR"),
    "adc": (adc(), "OP-COLOUR"),
    "diffusion": (anisotropic_diffusion(conductance=5.0), "OP-COLOUR"),
    "padding": (pad(by_mm=(1, 1, 0), fill="padding"), "OP-COLOUR"),
    "units": (apply(function=invert, code="Smoothing", units="1"), "OP-UNITS"),
    "halo": (apply(function=invert, code="Smoothing", halo_slices=-1), "OP-HALO"),
    "fewer samples": (apply(function=lambda v: v[..., 0], code="Smoothing"), "OP-SHAPE"),
    "float": (apply(function=lambda v: v / 2, code="Smoothing"), "OP-RESULT"),
    "no array": (apply(function=partial(str), code="Smoothing"), "OP-RESULT"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_makes_no_colours_is_refused_by_name(name):
    step, code = REFUSED[name]
    with raises_code(code, DeriveError):
        derive.build(derive.read([make_coloured(**SPACED)]), step).frames.slab(0, 1)


def test_another_series_is_no_operand_of_colours():
    source = derive.read([make_coloured()])
    with raises_code("OP-COLOUR", DeriveError):
        derive.build(source, subtract(source))


def test_pictures_of_one_series_stay_images_of_their_own(tmp_path):
    source = saved(tmp_path / "source", *series_of(3, **SPACED))
    derive.build(derive.read(source), unsharp_mask(sigma_mm=0.5), sharpen()).write(tmp_path / "out")
    instances, found = of_frames(tmp_path / "out")
    assert len(instances) == 3
    assert found.shape == (3, 12, 14, 3)
    for instance, number in zip(instances, (1, 2, 3), strict=True):
        (item,) = instance.SourceImageSequence
        assert item.ReferencedSOPInstanceUID.endswith(f".24.{number}")
    assert_accepted(source, tmp_path / "out")

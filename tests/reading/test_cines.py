"""X-ray cines as sources: frames in time, in coordinates of their own."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest

import derive
from derive.errors import GeometryError, ValuesError
from derive.model.geometry import OwnPlane
from derive.operations import gaussian_blur, mip, rectify, resample
from tests.helpers.asserting import every, raises_code
from tests.helpers.cines import CLASSES, TIME, VECTOR, frames_of, make_cine, stored_of

TIMES = "TemporalPositionTimeOffset"


@pytest.mark.parametrize("modality", CLASSES)
@pytest.mark.parametrize("bits", [8, 16])
def test_frames_are_volumes_of_one_slice_each(modality, bits):
    stored = stored_of(bits=bits)
    series = derive.read([make_cine(modality, stored)])
    np.testing.assert_array_equal(frames_of(series), stored)
    assert [(d.keyword, d.units) for d in series.dimensions] == [(TIMES, "s")]
    assert series.dimensions[0].values == tuple(round(0.04 * k, 9) for k in range(8))
    assert [frame.number for frame in series.frames] == list(range(1, 9))
    assert every(frame.plane is None for frame in series.frames)
    assert repr(series).startswith(f"<SourceSeries: {modality}, 14 x 12 pixels of 0.2 x 0.3 mm (ImagerPixelSpacing)")


def test_what_an_image_says_of_its_spacing_is_named():
    def geometry(**changes):
        return derive.read([make_cine(**changes)]).geometry

    assert not geometry().in_patient
    assert geometry().own_plane == OwnPlane("ImagerPixelSpacing")
    calibrated = geometry(PixelSpacing=[0.25, 0.15], PixelSpacingCalibrationType="FIDUCIAL")
    assert (calibrated.own_plane, calibrated.pixel_spacing) == (OwnPlane("PixelSpacing", "FIDUCIAL"), (0.25, 0.15))
    unknown = geometry(ImagerPixelSpacing=None)
    assert (unknown.own_plane, unknown.own_plane.sized, unknown.pixel_spacing) == (OwnPlane(), False, (1.0, 1.0))


@pytest.mark.parametrize(
    ("changes", "keyword", "values"),
    [
        (
            {"FrameTimeVector": [0, 10, 30, 10], "FrameTime": None, "FrameIncrementPointer": VECTOR},
            TIMES,
            (0, 10, 40, 50),
        ),
        ({"FrameTimeVector": [0, 10, 30, 10], "FrameIncrementPointer": VECTOR}, TIMES, (0, 10, 40, 50)),
        ({"FrameTimeVector": [0, 10, 30, 10], "FrameIncrementPointer": TIME}, TIMES, (0, 40, 80, 120)),
        ({"FrameTime": None}, "TemporalPositionIdentifier", (1000, 2000, 3000, 4000)),
        ({"FrameTime": 0}, "TemporalPositionIdentifier", (1000, 2000, 3000, 4000)),
    ],
    ids=["vector", "both-vector", "both-time", "none", "standstill"],
)
def test_times_are_those_that_the_pointer_names(changes, keyword, values):
    (dimension,) = derive.read([make_cine(frames=stored_of(4), **changes)]).dimensions
    assert dimension.keyword == keyword
    np.testing.assert_allclose(np.array(dimension.values) * 1000, values, atol=1e-9)


def test_several_cines_of_one_size_are_read_one_behind_the_other():
    first, second = stored_of(3), stored_of(2, seed=1)
    series = derive.read([make_cine(frames=second, number=7), make_cine(frames=first, number=2)])
    np.testing.assert_array_equal(frames_of(series), np.concatenate([first, second]))
    assert [(d.keyword, d.values) for d in series.dimensions] == [
        ("InstanceNumber", (2, 2, 2, 7, 7)),
        (TIMES, (0, 0.04, 0.08, 0, 0.04)),
    ]
    one = derive.read(
        [make_cine(frames=second, number=7), make_cine(frames=first, number=2)], where={"InstanceNumber": 7}
    )
    np.testing.assert_array_equal(frames_of(one), second)


def test_cines_of_other_matrices_and_spacings_are_stacks_of_their_own():
    others = [make_cine(frames=stored_of(2, (10, 14)), number=2), make_cine(number=3, ImagerPixelSpacing=[0.4, 0.4])]
    with raises_code("GEO-MATRIX", GeometryError):
        derive.read([make_cine(), *others])
    assert derive.read([make_cine(), *others], stack=1).geometry.shape == (1, 10, 14)


def test_a_single_frame_is_one_volume_and_frames_are_chosen_by_number():
    stored = stored_of(1)
    single = derive.read([make_cine(frames=stored)])
    np.testing.assert_array_equal(single.volume, stored)
    assert single.dimensions == ()
    some = derive.read([make_cine()], frames="3-4,6")
    assert [frame.number for frame in some.frames] == [3, 4, 6]
    assert some.dimensions[0].values == (0.08, 0.12, 0.2)


def test_a_modality_lut_is_not_applied():
    stored = stored_of()
    series = derive.read([make_cine(frames=stored, RescaleSlope=2, RescaleIntercept=-100, RescaleType="US")])
    np.testing.assert_array_equal(frames_of(series), stored)


def test_fewer_and_more_pixels_than_frames_are_refused():
    with raises_code("VAL-TRUNCATED", ValuesError):
        derive.read([make_cine(NumberOfFrames=9)])
    with raises_code("VAL-LENGTH", ValuesError):
        derive.read([make_cine(NumberOfFrames=7)])
    colour = make_cine(SamplesPerPixel=3, PhotometricInterpretation="RGB", PlanarConfiguration=0)
    with raises_code("VAL-COLOUR", ValuesError):
        derive.read([colour])


def test_what_needs_a_patient_is_refused_by_name():
    series = derive.read([make_cine()])
    for operation in (mip(slab_mm=2), rectify()):
        with raises_code("GEO-PLANE", GeometryError):
            derive.build(series, operation)
    ct = derive.demo_series()
    with raises_code("GEO-PLANE", GeometryError):
        derive.build(series, resample(reference=ct))
    with raises_code("GEO-PLANE", GeometryError):
        derive.build(ct, resample(reference=series))


def test_lengths_are_refused_where_a_pixel_has_none_and_can_be_assumed():
    without = make_cine(ImagerPixelSpacing=None)
    with raises_code("GEO-SIZE", GeometryError):
        derive.build(derive.read([without]), gaussian_blur(sigma_mm=1))
    derive.build(derive.read([without]), gaussian_blur(sigma_mm=0))
    said = derive.read([without], assume={"ImagerPixelSpacing": [0.3, 0.2]})
    derive.build(said, gaussian_blur(sigma_mm=1))


def test_a_blur_mixes_no_frames():
    stored = np.zeros((5, 12, 14), "<u1")
    stored[2] = 200
    blurred = derive.build(derive.read([make_cine(frames=stored)]), gaussian_blur(sigma_mm=3))
    found = frames_of(blurred)
    np.testing.assert_allclose(found[2], 200, rtol=1e-6)
    assert not found[[0, 1, 3, 4]].any()


def test_the_real_one_is_decoded_frame_by_frame(real):
    path = real("xa_rubo_96f") / "jpeg8bit.dcm"
    series = derive.read(path)
    np.testing.assert_array_equal(frames_of(series), pydicom.dcmread(path).pixel_array)
    assert series.dimensions[0].values[-1] == pytest.approx(95 * 0.033)

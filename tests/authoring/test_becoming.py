"""The class of a result is that of its source while this holds the values, else Secondary Capture, which holds them."""

from __future__ import annotations

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.uid import MultiFrameGrayscaleWordSecondaryCaptureImageStorage, SecondaryCaptureImageStorage

import derive
from derive.operations import apply
from tests.helpers.projections import CLASSES, make_projection


def lower(values):
    return values - 200


def doubled(values):
    return values * 2


def halved(values):
    return values / 2


def above(values):
    return (values > 150).astype(np.float32)


def made_by(function, kind, folder, units=None, **changes):
    """The result of a function, as it was written, and what the function makes of the source."""
    source = make_projection(kind, **changes)
    step = apply(function=function, code="Smoothing", units=units)
    report = derive.build(derive.read([source]), step).write(folder)
    assert derive.check(folder).ok()
    assert report.saturated == 0
    return dcmread(report.files[0]), function(source.pixel_array.astype(np.float32))


@pytest.mark.parametrize("function", [lower, doubled], ids=["negative", "beyond 255"])
@pytest.mark.parametrize("kind", ["US", "XC", "ES"])
def test_what_8_bits_do_not_hold_is_a_capture_of_16(kind, function, tmp_path):
    made, expected = made_by(function, kind, tmp_path / "out")
    assert made.SOPClassUID == SecondaryCaptureImageStorage
    assert (made.BitsAllocated, made.Modality, made.ConversionType) == (16, kind, "WSD")
    np.testing.assert_array_equal(np.asarray(derive.read(tmp_path / "out").volume.array)[0], expected)


def test_a_cine_of_8_bits_is_a_multi_frame_capture_of_16(tmp_path):
    made, expected = made_by(doubled, "US cine", tmp_path / "out", BurnedInAnnotation="NO")
    assert made.SOPClassUID == MultiFrameGrayscaleWordSecondaryCaptureImageStorage
    assert (made.BitsAllocated, made.NumberOfFrames) == (16, 3)
    np.testing.assert_array_equal(made.pixel_array, expected)


@pytest.mark.parametrize("kind", ["US", "XC", "ES"])
def test_what_8_bits_hold_stays_in_the_class_of_the_source(kind, tmp_path):
    made, expected = made_by(halved, kind, tmp_path / "out")
    assert (made.SOPClassUID, made.BitsAllocated) == (CLASSES[kind], 8)
    np.testing.assert_allclose(made.pixel_array, expected, atol=0.5)


@pytest.mark.parametrize("kind", ["DX", "DX raw", "MG", "IO", "US"])
def test_another_quantity_is_a_capture_whatever_its_values_are(kind, tmp_path):
    made, expected = made_by(above, kind, tmp_path / "out", units="1")
    assert made.SOPClassUID == SecondaryCaptureImageStorage
    assert (made.BitsAllocated, made.RescaleType) == (16, "US")
    np.testing.assert_array_equal(np.asarray(derive.read(tmp_path / "out").volume.array)[0], expected)


def test_a_radiograph_of_the_same_quantity_is_no_capture(tmp_path):
    made, expected = made_by(halved, "DX", tmp_path / "out")
    assert made.SOPClassUID == CLASSES["DX"]
    np.testing.assert_allclose(made.pixel_array, expected, atol=0.5)


def test_a_computed_radiograph_holds_another_quantity_itself(tmp_path):
    made, _ = made_by(halved, "CR", tmp_path / "out", units="mm")
    assert (made.SOPClassUID, made.RescaleType) == (CLASSES["CR"], "mm")

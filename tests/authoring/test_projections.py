"""Results of single frames without an Image Plane: their values, and what their class fixes."""

from __future__ import annotations

import numpy as np
import pytest
from pydicom import dcmread

import derive
from derive.errors import ValuesError
from derive.operations import gaussian_blur
from tests.helpers.asserting import each, raises_code
from tests.helpers.projections import BYTES, CLASSES, make_projection, stored_of


def halved(values):
    return values / 2


def blurred(*datasets, folder, sigma_mm=0.3):
    derive.build(derive.read(list(datasets)), gaussian_blur(sigma_mm=sigma_mm)).write(folder)
    return [dcmread(path) for path in sorted(folder.glob("*.dcm"))]


@pytest.mark.parametrize("kind", CLASSES)
def test_a_result_has_the_class_of_its_source_and_what_it_fixes(kind, tmp_path):
    source = make_projection(kind)
    (made,) = blurred(source, folder=tmp_path / "out")
    assert (made.SOPClassUID, made.Modality, made.SeriesInstanceUID == source.SeriesInstanceUID) == (
        source.SOPClassUID,
        source.Modality,
        False,
    )
    assert list(made.ImageType)[:2] == ["DERIVED", "SECONDARY"]
    assert (made.BitsAllocated, made.BitsStored, made.PixelRepresentation) == (*[8 if kind in BYTES else 16] * 2, 0)
    for keyword in each(("PatientOrientation", "ImagerPixelSpacing", "ViewPosition", "ImageLaterality")):
        assert made.get(keyword) == source.get(keyword), keyword
    if "RescaleSlope" in source:
        assert (made.RescaleSlope, made.RescaleIntercept, made.RescaleType) == (1, 0, "US")
    assert abs(int(made.pixel_array.max()) - int(source.pixel_array.max())) < source.pixel_array.max() / 2


@pytest.mark.parametrize("kind", ["DX", "MG", "IO"])
def test_what_is_for_processing_has_no_window(kind, tmp_path):
    (shown,) = blurred(make_projection(kind), folder=tmp_path / "shown")
    (raw,) = blurred(make_projection(f"{kind} raw", WindowCenter=5, WindowWidth=9), folder=tmp_path / "raw")
    assert (shown.WindowCenter, shown.WindowWidth, shown.PresentationIntentType) == (2000, 4000, "FOR PRESENTATION")
    assert "WindowCenter" not in raw
    assert raw.PresentationIntentType == "FOR PROCESSING"


@pytest.mark.parametrize(("kind", "shape"), [("CR", None), ("DX", "INVERSE"), ("MG raw", "INVERSE")])
def test_the_lowest_values_stay_white(kind, shape, tmp_path):
    (made,) = blurred(make_projection(kind, PhotometricInterpretation="MONOCHROME1"), folder=tmp_path / "out")
    assert (made.PhotometricInterpretation, made.get("PresentationLUTShape")) == ("MONOCHROME1", shape)


@pytest.mark.parametrize("kind", ["US", "XC"])
def test_a_class_without_a_word_for_white_low_values_is_given_none(kind, tmp_path):
    with raises_code("VAL-POLARITY", ValuesError):
        blurred(make_projection(kind, PhotometricInterpretation="MONOCHROME1"), folder=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_images_of_a_series_are_views_and_stay_apart(tmp_path):
    sources = [
        make_projection("CR", stored_of(seed=n), n, ViewPosition=view, PatientOrientation=way)
        for n, view, way in ((2, "LL", ["A", "F"]), (1, "PA", ["L", "F"]))
    ]
    made = blurred(*sources, folder=tmp_path / "out")
    assert [(d.ViewPosition, list(d.PatientOrientation)) for d in made] == [("PA", ["L", "F"]), ("LL", ["A", "F"])]
    behind = [d.SourceImageSequence[0].ReferencedSOPInstanceUID for d in made]
    assert behind == [sources[1].SOPInstanceUID, sources[0].SOPInstanceUID]


def test_a_computed_radiograph_without_a_rescale_has_none_unless_it_is_needed(tmp_path):
    source = make_projection("CR")
    derive.build(derive.read([source]), halved, code="Smoothing", description="halved").write(tmp_path / "out")
    (path,) = (tmp_path / "out").glob("*.dcm")
    np.testing.assert_allclose(np.asarray(derive.read(path))[0], source.pixel_array / 2, atol=0.5)

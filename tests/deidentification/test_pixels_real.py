"""Real files of other people's encoders: blank inside, and what their own decoder gave outside."""

from __future__ import annotations

import io
import warnings

import numpy as np
import pytest
from pydicom import dcmread

from derive.deidentification.pixels.box import Box
from derive.deidentification.pixels.plan import PixelPlan
from tests.conftest import DATA
from tests.helpers.burned_in import cleaned, samples_of

PLAN = PixelPlan(boxes=(Box(16, 16, 32, 16),), ocr="off")
#: Files, and by how much the blocks of their syntax are wider than the box: of what shares chrominance a pixel more.
FILES = {
    "cornerstone_one_ct_all_syntaxes/CTImage.dcm_JPEGProcess1TransferSyntax_1.2.840.10008.1.2.4.50.dcm": 0,
    "cornerstone_one_ct_all_syntaxes/CTImage.dcm_JPEGProcess14TransferSyntax_1.2.840.10008.1.2.4.57.dcm": 0,
    "cornerstone_one_ct_all_syntaxes/CTImage.dcm_JPEGProcess14SV1TransferSyntax_1.2.840.10008.1.2.4.70.dcm": 0,
    "cornerstone_one_ct_all_syntaxes/CTImage.dcm_JPEGLSLosslessTransferSyntax_1.2.840.10008.1.2.4.80.dcm": 0,
    "cornerstone_one_ct_all_syntaxes/CTImage.dcm_JPEG2000LosslessOnlyTransferSyntax_1.2.840.10008.1.2.4.90.dcm": 0,
    "us_regions_philips_sr/TESTXX02.dcm": 0,
    "pydicom_data/OBXXXX1A_rle_2frame.dcm": 0,
    "pydicom_data/HTJ2KLossless_08_RGB.dcm": 0,
    "pydicom_data/color-pl.dcm": 0,
    "pydicom_data/gdcm-US-ALOKA-16.dcm": 0,
    "pydicom_test_files/test_files/examples_ybr_color.dcm": 17,
    "pydicom_test_files/test_files/SC_rgb_dcmtk_+eb+cr.dcm": 0,
    "pydicom_test_files/test_files/SC_rgb_dcmtk_+eb+cy+n1.dcm": 17,
    "pydicom_test_files/test_files/SC_rgb_dcmtk_+eb+cy+s4.dcm": 0,
    "pydicom_test_files/test_files/SC_jpeg_no_color_transform_2.dcm": 0,
    "testpattern_palette_ybr/TestPattern_JPEG-Baseline_YBR422.dcm": 17,
    "testpattern_palette_ybr/TestPattern_Palette_16.dcm": 0,
}
#: Those that are not stored in the syntax they came in, for want of an encoder.
OTHERWISE = {"1.2.840.10008.1.2.4.201": "1.2.840.10008.1.2.4.90"}


def read(name: str):
    path = next(iter(sorted(DATA.glob(name.replace("[", "[[]")))), DATA / name)
    if not path.exists():
        # the names of one folder end with their syntax, in one way or another
        path = next(iter(sorted(path.parent.glob(path.name[:60] + "*"))), path)
    if not path.exists():
        pytest.skip(f"{name} is not in the shared data")
    return dcmread(path)


@pytest.mark.parametrize("name", FILES)
def test_outside_of_the_box_everything_is_as_it_was(name):
    with warnings.catch_warnings(action="ignore"):
        source = read(name)
        result, after = cleaned(source, PLAN)
        was, now = samples_of(source), samples_of(after)
    around = FILES[name]
    inside = np.zeros((source.Rows, source.Columns), bool)
    inside[16:32, 16:48] = True
    touched = np.zeros_like(inside)
    touched[max(0, 16 - around) : 32 + around, max(0, 16 - around) : 48 + around] = True
    assert np.array_equal(now[:, ~touched], was[:, ~touched])
    assert result.vouched
    syntax = str(source.file_meta.TransferSyntaxUID)
    assert str(after.file_meta.TransferSyntaxUID) == OTHERWISE.get(syntax, syntax)
    first = now[:, inside].reshape(-1, now.shape[-1])
    inner = now[:, 18:30, 18:46].reshape(-1, now.shape[-1])
    assert (inner == inner[0]).all(), "one colour"
    assert (first[:, 0] == first[0, 0]).all()


def test_icons_and_pixels_of_a_whole_file_are_written_and_read_back():
    source = read("pydicom_test_files/test_files/examples_ybr_color.dcm")
    _, after = cleaned(source, PLAN)
    written = io.BytesIO()
    after.save_as(written, enforce_file_format=True)
    again = dcmread(io.BytesIO(written.getvalue()))
    assert int(again.NumberOfFrames) == 30
    assert again.pixel_array.shape == (30, 240, 320, 3)

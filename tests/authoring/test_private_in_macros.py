"""What is private in the macros of a source is not of a result: nobody knows whether it holds of other pixels."""

from __future__ import annotations

import pydicom
import pytest

import derive
from derive.operations import gaussian_blur
from tests.helpers.asserting import each
from tests.helpers.multi_frame import multi_frame, shared_item


def _private(dataset):
    for element in dataset:
        if element.tag.is_private:
            yield element.tag
        elif element.VR == "SQ":
            for item in element.value:
                yield from _private(item)


@pytest.mark.parametrize("form", [None, "classic"])
def test_what_is_private_in_macros_is_left_out(form, tmp_path):
    source = multi_frame("MR", private=True)
    timing = shared_item(source).MRTimingAndRelatedParametersSequence[0]
    timing.private_block(0x0021, "ACME", create=True).add_new(1, "LO", "of these pixels")
    series = derive.read([source])
    derive.build(series, gaussian_blur(sigma_mm=1), into=form).write(tmp_path / "out")
    for path in each((tmp_path / "out").rglob("*.dcm")):
        written = pydicom.dcmread(path)
        assert float(_flip_angle(written)) == 90
        assert not list(_private(written))


def _flip_angle(dataset):
    if "FlipAngle" in dataset:
        return dataset.FlipAngle
    return shared_item(dataset).MRTimingAndRelatedParametersSequence[0].FlipAngle

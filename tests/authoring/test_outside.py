"""Why attributes of a source are not in a result: what stands there under another keyword is not told as lost."""

from __future__ import annotations

import pytest

import derive
from derive.operations import gaussian_blur
from tests.helpers.multi_frame import multi_frame


@pytest.fixture
def source(tmp_path):
    """Return a synthetic Enhanced MR."""
    multi_frame("MR").save_as(tmp_path / "enhanced.dcm", enforce_file_format=True)
    return derive.read(tmp_path / "enhanced.dcm")


def reasons(source, into):
    series = derive.build(source, gaussian_blur(sigma_mm=1), into=into)
    return {entry.keyword: entry.reason for entry in series.account if entry.action == "not in this IOD"}


def test_what_a_macro_says_is_said_in_an_enhanced_result(source):
    found = reasons(source, "enhanced")
    assert found["EchoTime"] == "MREchoSequence says the same"
    assert found["FrameType"] == "MRImageFrameTypeSequence says the same"
    assert found["EchoPulseSequence"] == "the result has no module mr-pulse-sequence"


def test_of_a_macro_that_has_no_place_it_is_told_what_stays(source):
    found = reasons(source, "classic")
    assert found["MREchoSequence"] == "what of it has a place there stays: EchoTime"
    assert found["MRModifierSequence"] == "no module of mr-image has it"

"""The window of a source is kept with its function, as far as it is one."""

from __future__ import annotations

import pydicom
import pytest

import derive
from derive.operations import gaussian_blur
from tests.helpers.sources import make_series


def window_of(tmp_path, **changes):
    """Window Center, Width and VOI LUT Function of what is derived from a CT whose own are these."""
    source = derive.read(make_series("CT", WindowCenterWidthExplanation=None, **changes))
    report = derive.build(source, gaussian_blur(sigma_mm=1.0)).write(tmp_path / "out")
    dataset = pydicom.dcmread(report.files[0])
    return dataset.WindowCenter, dataset.WindowWidth, dataset.get("VOILUTFunction")


@pytest.mark.parametrize("function", ["LINEAR_EXACT", "SIGMOID"])
@pytest.mark.parametrize("width", [0.5, 400])
def test_a_window_of_another_function_is_kept_however_narrow(function, width, tmp_path):
    changes = {"WindowCenter": 40, "WindowWidth": width, "VOILUTFunction": function}
    assert window_of(tmp_path, **changes) == (40, width, function)


def test_a_linear_window_narrower_than_1_is_none(tmp_path):
    assert window_of(tmp_path, WindowCenter=40, WindowWidth=0.5, VOILUTFunction=None)[1] != 0.5


def test_the_middle_of_several_keeps_their_function(tmp_path):
    found = window_of(tmp_path, WindowCenter=lambda k: 40 + k, WindowWidth=300, VOILUTFunction="SIGMOID")
    assert found == (42.5, 300, "SIGMOID")


def test_windows_of_several_functions_are_not_mixed(tmp_path):
    changes = {"WindowCenter": 40, "WindowWidth": 77, "VOILUTFunction": lambda k: ["LINEAR", "SIGMOID"][k % 2]}
    assert window_of(tmp_path, **changes)[1] != 77


def test_several_windows_are_kept_with_their_explanations(tmp_path):
    several = {"WindowCenter": [40, -600], "WindowWidth": [400, 1500]}
    names = ["SOFT TISSUE", "LUNG"]
    source = derive.read(make_series("CT", **several, WindowCenterWidthExplanation=names))
    report = derive.build(source, gaussian_blur(sigma_mm=1.0)).write(tmp_path / "out")
    assert len(report.files) == 6
    for file in report.files:
        dataset = pydicom.dcmread(file)
        assert (list(dataset.WindowCenter), list(dataset.WindowWidth)) == ([40, -600], [400, 1500])
        assert list(dataset.WindowCenterWidthExplanation) == names


def test_explanations_that_are_not_one_a_window_are_left_out(tmp_path):
    several = {"WindowCenter": [40, -600], "WindowWidth": [400, 1500]}
    source = derive.read(make_series("CT", **several, WindowCenterWidthExplanation="SOFT TISSUE"))
    dataset = pydicom.dcmread(derive.build(source, gaussian_blur(sigma_mm=1.0)).write(tmp_path / "out").files[0])
    assert list(dataset.WindowCenter) == [40, -600]
    assert "WindowCenterWidthExplanation" not in dataset

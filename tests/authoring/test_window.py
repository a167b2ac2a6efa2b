"""The window of a source is kept with its function, as far as it is one; else one is made of all values, not in PET."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest

import derive
from derive.model.window import Window
from derive.operations import apply, gaussian_blur
from tests.helpers.asserting import each
from tests.helpers.sources import make_series

NO_WINDOW = {"WindowCenter": None, "WindowWidth": None}
SAME = apply(function=np.array, code="Smoothing", halo_slices=0)


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


# What is made of values


def made_of(folder, modality, *steps, **changes):
    """All instances of what is derived from a source with such changes."""
    source = derive.read(make_series(modality, **(NO_WINDOW | changes)))
    report = derive.build(source, *(steps or [SAME])).write(folder)
    assert not report.findings
    return [pydicom.dcmread(f) for f in report.files]


def ends_of(dataset):
    """What LINEAR shows as the darkest and the brightest grey (C.11.2.1.2.1)."""
    assert "VOILUTFunction" not in dataset
    centre, width = float(dataset.WindowCenter), float(dataset.WindowWidth)
    assert width >= 1
    return centre - 0.5 - (width - 1) / 2, centre - 0.5 + (width - 1) / 2


def shown_values(datasets, modality):
    """Smallest and largest of what the VOI LUT acts on, of all images."""
    slope, intercept = (0, 0) if modality == "MR" else (datasets[0].RescaleSlope, datasets[0].RescaleIntercept)
    low = min(d.SmallestImagePixelValue for d in datasets)
    high = max(d.LargestImagePixelValue for d in datasets)
    return (low, high) if modality == "MR" else (low * slope + intercept, high * slope + intercept)


def quantity(scale):
    """A step that makes another quantity."""

    def scaled(values):
        return values * np.float32(scale)

    return apply(function=scaled, code="Smoothing", units="mm2/s", halo_slices=0)


ODD = {"none": NO_WINDOW, "0": {"WindowCenter": 0, "WindowWidth": 0}, "half": {"WindowCenter": 40, "WindowWidth": 0.5}}


@pytest.mark.parametrize("modality", ["CT", "MR"])
@pytest.mark.parametrize("odd", ODD)
def test_without_a_window_that_is_one_all_values_are_shown(odd, modality, tmp_path):
    made = made_of(tmp_path / "o", modality, **ODD[odd])
    assert len({ends_of(d) for d in each(made, 6)}) == 1
    assert ends_of(made[0]) == shown_values(made, modality)


@pytest.mark.parametrize("scale", [1e-6, 1e-3, 0.37, 1.0, 250.0])
@pytest.mark.parametrize("modality", ["CT", "MR"])
def test_of_another_quantity_all_values_are_shown_whatever_their_size(modality, scale, tmp_path):
    made = made_of(tmp_path / "o", modality, quantity(scale), WindowCenter=40, WindowWidth=400)
    low, high = shown_values(made, modality)
    assert ends_of(made[0]) == pytest.approx((low, high), rel=1e-9, abs=1e-9)


def lesion(values):
    values[4, 3, 3] = 2900
    return values


@pytest.mark.parametrize("modality", ["CT", "MR"])
def test_a_lesion_of_one_voxel_in_one_image_is_not_cut(modality, tmp_path):
    found = made_of(tmp_path / "o", modality, apply(function=lesion, code="Smoothing"))
    assert ends_of(found[0])[1] >= 2900


def constant(values):
    return values * 0 + np.float32(7.3)


@pytest.mark.parametrize("modality", ["CT", "MR"])
def test_the_width_of_a_constant_is_1(modality, tmp_path):
    (first, *_) = made_of(tmp_path / "o", modality, apply(function=constant, code="Smoothing", units="mm2/s"))
    assert first.WindowWidth == 1


@pytest.mark.parametrize("step", [SAME, gaussian_blur(sigma_mm=1.0), quantity(2.0)], ids=["same", "blur", "quantity"])
def test_a_pet_without_a_window_gets_none(step, tmp_path):
    if step.parameters.get("units"):
        step = apply(**{**step.parameters, "units": "PROPCPS"})
    for dataset in each(made_of(tmp_path / "o", "PT", step), 6):
        assert not any(k in dataset for k in ("WindowCenter", "WindowWidth", "VOILUTFunction"))


def test_a_pet_keeps_the_window_of_its_source_with_the_quantity_only(tmp_path):
    window = {"WindowCenter": 5000, "WindowWidth": 10000}
    (kept, *_) = made_of(tmp_path / "k", "PT", gaussian_blur(sigma_mm=1.0), **window)
    assert (kept.WindowCenter, kept.WindowWidth) == (5000, 10000)
    (other, *_) = made_of(tmp_path / "o", "PT", apply(function=np.array, code="Smoothing", units="PROPCPS"), **window)
    assert "WindowCenter" not in other


# Windows that are stated in other units


@pytest.mark.parametrize("slope", [1.0, 0.1, 10.0, 0.25])
@pytest.mark.parametrize(("center", "width"), [(40.0, 400.0), (0.5, 1.0), (100.25, 7.5)])
def test_a_linear_window_in_other_units_has_the_same_ends(center, width, slope):
    (there,), (wide,) = Window((center,), (width,)).stated_in(slope, -3.0)
    assert wide >= 1
    ends = [(there - 0.5 + side * (wide - 1) / 2) * slope - 3.0 for side in (-1, 1)]
    assert ends == pytest.approx([center - 0.5 + side * (width - 1) / 2 for side in (-1, 1)])


@pytest.mark.parametrize("function", ["LINEAR_EXACT", "SIGMOID"])
def test_a_window_of_another_function_is_scaled(function):
    window = Window((40.0,), (400.0,), function=function)
    assert window.stated_in(0.5, 10.0) == ((60.0,), (800.0,))
